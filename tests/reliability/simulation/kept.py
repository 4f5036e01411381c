"""Histories that found something once, as they were after everything needless was left out; none may find it again.

They are lists of actions, not numbers: they stay what they are when the generator changes.
"""

from __future__ import annotations

from tests.reliability.simulation.generator import Plan

KEPT: dict[str, Plan] = {
    "1 a reported load is not taken back": (
        "append-plain",
        5,
        (
            ("run", "A"),
            ("no_confirm", "A"),
            ("go", "A", "end"),
            ("over", "A", "failed"),
            ("jump", 2),
            ("api", "remove", 3),
            ("run", "B"),
            ("go", "B", "end"),
        ),
    ),
    "1 a load that nobody reported is not taken back by an ordinary run": (
        "append-plain",
        5,
        (
            ("run", "A"),
            ("go", "A", "after_commit"),
            ("die", "A"),
            ("over", "A", "failed"),
            ("jump", 2),
            ("run", "B"),
            ("go", "B", "end"),
        ),
    ),
    "1 what another run reported is not loaded again by a re-execution from failure": (
        "append-incremental",
        5,
        (
            ("run", "A", "range"),
            ("go", "A", "after_commit"),
            ("die", "A"),
            ("over", "A", "failed"),
            ("again", "B", "A", False),
            ("go", "B", "end"),
            ("again", "C", "A", True),
            ("go", "C", "end"),
        ),
    ),
    "1 an ordinary run does not stand for a dead one's load": (
        "replace-plain",
        5,
        (("run", "A"), ("go", "A", "after_commit"), ("die", "A"), ("api", "add", 2)),
    ),
    "1 a reported range is not taken back when the same range is asked for again": (
        "append-incremental",
        6,
        (
            ("run", "A", "range"),
            ("no_confirm", "A"),
            ("go", "A", "end"),
            ("over", "A", "failed"),
            ("jump", 2),
            ("run", "B", "range"),
            ("go", "B", "end"),
        ),
    ),
    "1 a reported load is not done again by a retry": (
        "append-plain",
        3,
        (
            ("run", "A"),
            ("go", "A", "reported"),
            ("die", "A"),
            ("jump", 2),
            ("api", "remove", 2),
            ("retry", "B", "A"),
            ("go", "B", "end"),
        ),
    ),
    "2 a run that is over does not commit": (
        "append-plain",
        5,
        (
            ("run", "A"),
            ("go", "A", "before_transaction"),
            ("over", "A", "failed"),
            ("again", "B", "A", True),
            ("go", "B", "before_transaction"),
            ("go", "A", "end"),
            ("go", "B", "end"),
        ),
    ),
    "2 a run that is over commits no further window": (
        "append-windowed",
        9,
        (("run", "A"), ("go", "A", "after_commit"), ("over", "A", "canceled"), ("go", "A", "end")),
    ),
    "3 a range is run again after another run": (
        "append-incremental",
        9,
        (
            ("run", "A", "range"),
            ("go", "A", "after_commit"),
            ("die", "A"),
            ("run", "B"),
            ("go", "B", "end"),
            ("jump", 2),
            ("run", "C", "range"),
            ("go", "C", "end"),
        ),
    ),
    "4 a deleted run is no wipe": (
        "merge-incremental",
        6,
        (("run", "A"), ("go", "A", "end"), ("over", "A", "deleted"), ("api", "remove", 3)),
    ),
    "5 the event log is not believed about a file that was lost": (
        "append-incremental",
        6,
        (("run", "A"), ("go", "A", "reported"), ("die", "A"), ("lose",), ("retry", "B", "A"), ("go", "B", "end")),
    ),
    "5 the event log is not believed about a file that was restored": (
        "append-plain",
        6,
        (
            ("run", "A"),
            ("go", "A", "end"),
            ("copy",),
            ("run", "B"),
            ("go", "B", "reported"),
            ("die", "B"),
            ("over", "B", "failed"),
            ("restore",),
            ("again", "C", "B", True),
            ("go", "C", "end"),
        ),
    ),
    "6 a table that was dropped is built anew": (
        "append-incremental",
        6,
        (("run", "A"), ("go", "A", "end"), ("drop", "root"), ("api", "add", 2)),
    ),
    "6 a nested table that was dropped is built anew": (
        "merge-incremental",
        6,
        (("run", "A"), ("go", "A", "end"), ("drop", "nested"), ("api", "add", 2)),
    ),
    "7 another cursor begins at its beginning": (
        "merge-incremental",
        6,
        (("run", "A"), ("go", "A", "end"), ("alter",), ("api", "add", 2)),
    ),
    "S1 a wipe is seen behind a load that was never confirmed": (
        "append-plain",
        3,
        (
            ("run", "A"),
            ("go", "A", "end"),
            ("run", "B"),
            ("go", "B", "before_confirm"),
            ("die", "B"),
            ("wipe",),
        ),
    ),
    "S2 a confirmation that finds another file has an error of ours": (
        "append-plain",
        3,
        (("run", "A"), ("go", "A", "yielded"), ("lose",), ("go", "A", "end")),
    ),
    "S4 a table that is dropped under a run is built anew": (
        "merge-incremental",
        3,
        (
            ("run", "A"),
            ("go", "A", "end"),
            ("run", "B"),
            ("go", "B", "page_staged"),
            ("drop", "root"),
            ("go", "B", "end"),
        ),
    ),
    "S4 a nested table that is dropped under a run is built anew": (
        "append-incremental",
        5,
        (
            ("run", "A"),
            ("go", "A", "end"),
            ("api", "add", 2),
            ("run", "B"),
            ("go", "B", "before_transaction"),
            ("drop", "nested"),
            ("go", "B", "end"),
        ),
    ),
    "5 a load that went with its file is not reported again": (
        "replace-windowed",
        1,
        (
            ("run", "A", "range"),
            ("go", "A", "yielded"),
            ("retry", "B", "A"),
            ("go", "B", "asks_dagster"),
            ("lose",),
        ),
    ),
    "8 each combination counts once": (
        "append-product",
        3,
        (
            ("run", "A"),
            ("go", "A", "end"),
            ("api", "add", 1),
            ("parents",),
            ("run", "B"),
            ("go", "B", "end"),
            ("api", "add", 1, "users"),
            ("parents",),
        ),
    ),
    "8 a new row meets all rows of the other parent": (
        "merge-product",
        3,
        (("run", "A"), ("go", "A", "end"), ("api", "add", 1), ("parents",), ("run", "B"), ("go", "B", "end")),
    ),
}
"""The faults that the simulation was built to see, by the point of the issue that names them."""
