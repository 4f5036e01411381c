"""Every mend with a way to switch it off: without it the simulation must find something, or it could not see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

TWINS: dict[str, str | None] = {
    "1 reported is not taken back": "events confirm",
    "1 lineage of runs": "lineage of runs",
    "2 own run": "own run",
    "3 any load of the request": "any load of the request",
    "4 deleted is not wiped": "deleted is not wiped",
    "5 ledger beside the log": "ledger beside the log",
    "6 tables are inspected": "tables are inspected",
    "7 whose cursor it is": "whose cursor it is",
    "8 old rows of the other parent": None,
}
"""Point of the issue and what is switched off -> its name in `STATE_GUARDS`, where it has one."""


def _only_new_with_new() -> tuple[Any, str, Any]:
    from dagster_rest.assets.parents import rows

    read = rows.read_parent_rows
    return rows, "read_parent_rows", lambda *given, **options: read(*given, **{**options, "with_old": False})


@contextmanager
def switched_off(name: str | None) -> Iterator[None]:
    """Without one mend, for as long as the block lasts.

    Args:
        name: One of `TWINS`, or None for the code as it is.
    """
    if name is None:
        yield
        return
    from tests.reliability.guards import patches

    guard = TWINS[name]
    with ExitStack() as stack:
        for target, attribute, value in patches(guard) if guard else [_only_new_with_new()]:
            stack.enter_context(mock.patch.object(target, attribute, value))
        yield
