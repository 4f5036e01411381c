"""What a run may find (ledger, event log, its line of runs), and what it starts from: frozen values, both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dagster_rest.warehouse.state.load_row import AssetState, CursorState, LoadRow

LOAD_ID_KEY = "dagster_rest/load_id"
CURSOR_KEY = "dagster_rest/cursor"
CURSOR_TYPE_KEY = "dagster_rest/cursor_type"

Case = Literal[
    "first",
    "normal",
    "adopted",
    "concurrent",
    "wiped",
    "deleted",
    "other_storage",
    "ledger_leads",
    "new_warehouse",
    "missing_table",
    "other_cursor",
    "full_refresh",
    "sample",
]

Recovery = Literal["repeat", "tell", "redo", "continue"]

Life = Literal["alive", "over", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """A materialization of ours that the event log has.

    Args:
        load_id: The load it tells of.
        cursor: The cursor it shows, if any.
        cursor_type: Its type.
        run_id: The Dagster run that told of it.
    """

    load_id: str
    cursor: str | None
    cursor_type: str | None = None
    run_id: str = ""


@dataclass(frozen=True, kw_only=True)
class EventLog:
    """What the event log says of one asset and partition, read after the ledger.

    Args:
        newest: Its newest event that names a load, or None.
        told: Of the loads that were looked for, those that an event names, wherever it stands in the log.
        remembers: Whether Dagster still knows of a materialization: it does after runs were deleted, and does not after
            the asset was wiped.
        wiped_at: When the asset was wiped last, in seconds since 1970, or None.
    """

    newest: Event | None = None
    told: frozenset[str] = frozenset()
    remembers: bool = True
    wiped_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """The run that asks, with those whose work it takes up.

    Args:
        run_id: The Dagster run.
        attempt: The step's retry number, from 0.
        runs: Itself, and the runs it re-executes: their loads are its own to tell of, or to do again.
        failed: Those of them that it re-executes from their failure, and itself: what they told of is not done again.
    """

    run_id: str
    attempt: int = 0
    runs: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()

    def __contains__(self, run_id: object) -> bool:
        return run_id == self.run_id or run_id in self.runs


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the run asks for.

    Args:
        key: A range or a sample, as text; empty for an ordinary run.
        full_refresh: Forget the cursor and rebuild.
        leaves_cursor: Whether it is a range that leaves the cursor alone: one with an explicit end, or one that begins
            beyond what is loaded.
        own_range: Whether it is a range of this run alone, which leaves its parents as new as they were.
        sample: Whether it only takes a sample.
    """

    key: str = ""
    full_refresh: bool = False
    leaves_cursor: bool = False
    own_range: bool = False
    sample: bool = False


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the resource's config says that matters here.

    Args:
        fingerprint: Of the config.
        cursor_path: The field the cursor comes from, or None without a cursor.
        cursor_function: What chooses it among the values of that field.
        parent_fields: For a child that keeps a cursor for each parent: the fields that tell them apart, per parent.
        consumes: Whether the parents that a load has worked on are not given to the next one.
        replaces: Whether every load stands for all there is, in the table or in its partition.
        only_grows: Whether the same rows loaded twice are there twice.
        in_steps: Whether a run commits window by window.
        partitioned: Whether the asset has partitions.
        has_table: Whether its records go into a table; not with ``selected: false``.
        resume: Whether interrupted loads may be gone on with.
        resume_ttl: For how many seconds.
    """

    fingerprint: str = ""
    cursor_path: str | None = None
    cursor_function: str | None = None
    parent_fields: tuple[tuple[str, ...], ...] | None = None
    consumes: bool = False
    replaces: bool = False
    only_grows: bool = False
    in_steps: bool = False
    partitioned: bool = False
    has_table: bool = True
    resume: bool = True
    resume_ttl: float = 86400.0

    def keeps_place(self, wish: Wish) -> bool:
        """Whether a run can tell by the state alone how far earlier ones came."""
        if self.replaces or wish.sample:
            return False
        return (self.consumes and not wish.own_range) or (self.cursor_path is not None and not wish.leaves_cursor)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the decision is made of.

    Args:
        ledger: What the warehouse says.
        log: What the event log says, read after the ledger and the lives: a load that was about to be told is in it.
        lives: Load id -> whether the step that committed it may still tell of it, for loads that are not confirmed.
        run: Who asks.
        wish: What for.
        rules: The resource.
        storage_id: The id of this Dagster instance's storage.
        lost_tables: Recorded tables that are not there any more, or lost columns.
        repartitions: Whether what is loaded was of other partitions, and the run may begin anew.
        now: Seconds since 1970.
    """

    ledger: AssetState
    log: EventLog
    run: RunLine
    wish: Wish = Wish()
    rules: Rules = Rules()
    lives: Mapping[str, Life] = field(default_factory=dict)
    storage_id: str = ""
    lost_tables: tuple[str, ...] = ()
    repartitions: bool = False
    now: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a run starts from, and what it does with the loads it found.

    Args:
        case: Which row of the state protocol applies.
        base: The newest load the ledger knew: the commit checks that it still is.
        cursor: The cursor to go on from, or None: from the initial value.
        parent_cursors: The cursor of each parent, for a child that keeps one for each.
        forgets_parents: Whether stored cursors of parents are void: the commit deletes them.
        leaves_cursor: Whether the cursors stay where they are, whatever the run loads.
        at_edge: Whether the cursor is the end of a window, which the window itself left out.
        data_version: Of the newest load.
        rebuild: Whether the table (or the partition) is built anew instead of added to.
        repartitions: Whether all that was loaded goes, of whatever partition: the asset has other partitions since.
        made_anew: Whether nothing that was loaded up to the newest load is there any more: the table was made anew.
        recovery: What becomes of a load that was committed and whose step never ended well. ``repeat``: it is told
            already, and this run tells of it again. ``tell``: it is whole, and this run only tells of it.
            ``continue``: this run goes on after it, as a part of the same materialization. ``redo``: it is done again.
        continued: The newest row of the materialization that is told of or gone on with.
        answers_for: The unconfirmed loads that this rests on: the commit checks that they still are.
        takes_back: Those of them whose rows are deleted in the commit.
        told: Unconfirmed loads that the event log names: the commit confirms them.
        message: What to tell the person who reads the log; None in ordinary cases.
    """

    case: Case
    base: str | None
    cursor: CursorState | None = None
    parent_cursors: Mapping[str, CursorState] = field(default_factory=dict)
    forgets_parents: bool = False
    leaves_cursor: bool = False
    at_edge: bool = False
    data_version: str = ""
    rebuild: bool = False
    repartitions: bool = False
    made_anew: bool = False
    recovery: Recovery | None = None
    continued: LoadRow | None = None
    answers_for: tuple[str, ...] = ()
    takes_back: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    message: str | None = None

    def still_holds(self, loads: Sequence[LoadRow]) -> bool:
        """Whether what this rests on is still so.

        Args:
            loads: The ledger's rows as they are now, oldest first, as ``read_loads`` gives them.
        """
        newest = loads[-1].load_id if loads else None
        pending = {load.load_id for load in loads if load.status == "pending"}
        return newest == self.base and pending.issuperset(self.answers_for)


def newer_attempt(loads: Iterable[LoadRow], *, run: RunLine) -> LoadRow | None:
    """The load of a later attempt of this very run: then this attempt was given up, and must not write.

    Args:
        loads: Rows of the ledger.
        run: Who asks.
    """
    return next((load for load in loads if load.run_id == run.run_id and load.attempt > run.attempt), None)
