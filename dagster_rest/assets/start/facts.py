"""What a run may find: the ledger, the event log, its lineage of runs, and what the config says. Frozen values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dagster_rest.warehouse.state.load_row import AssetState, LoadRow

Liveness = Literal["alive", "over", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """A materialization of ours that the event log has.

    Args:
        load_id: The load that it reports.
        cursor: The cursor it shows, if any.
        cursor_type: Its type.
        run_id: The Dagster run that reported it.
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
        reported: Of the loads that were searched for, those that an event names, wherever it is in the log.
        remembers: Whether Dagster still knows of a materialization: it does after runs were deleted, and does not after
            the asset was wiped.
        wiped_at: When the asset was wiped last, in seconds since 1970, or None.
    """

    newest: Event | None = None
    reported: frozenset[str] = frozenset()
    remembers: bool = True
    wiped_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class RunLineage:
    """The run that asks, with those whose work it takes up.

    Args:
        run_id: The Dagster run.
        attempt: The step's retry number, from 0.
        runs: Itself, and the runs it re-executes: their loads are its own to report, or to do again.
        code_location: The code location that it was launched from; None where there is none.
        failed: Those of them that it re-executes from their failure, and itself: what they reported is not done again.
    """

    run_id: str
    attempt: int = 0
    runs: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    code_location: str | None = None

    def __contains__(self, run_id: object) -> bool:
        return run_id == self.run_id or run_id in self.runs


@dataclass(frozen=True, kw_only=True)
class RunOptions:
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
        parent_fields: For a child that keeps a cursor for each parent: the fields that identify them, per parent.
        consumes: Whether the parents that a load has worked on are not given to the next one.
        replaces: Whether every load stands for all there is, in the table or in its partition.
        only_grows: Whether the same rows loaded twice are there twice.
        in_steps: Whether a run commits window by window.
        partitioned: Whether the asset has partitions.
        has_table: Whether its records go into a table; not with ``selected: false``.
        resume: Whether interrupted loads may be resumed.
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

    def state_shows_progress(self, options: RunOptions) -> bool:
        """Whether the state alone shows how far earlier runs came."""
        if self.replaces or options.sample:
            return False
        return (self.consumes and not options.own_range) or (self.cursor_path is not None and not options.leaves_cursor)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the decision is made of.

    Args:
        ledger: What the warehouse says.
        log: What the event log says, read after the ledger and the locks, so that it has what was about to be reported.
        liveness: Load id -> whether the step that committed it may still report it, for loads that are not confirmed.
        run: Who asks.
        options: What for.
        rules: The resource.
        storage_id: The id of this Dagster instance's storage.
        lost_tables: Recorded tables that are not there any more, or lost columns.
        repartitions: Whether what is loaded was of other partitions, and the run may start over.
        now: Seconds since 1970.
    """

    ledger: AssetState
    log: EventLog
    run: RunLineage
    options: RunOptions = RunOptions()
    rules: Rules = Rules()
    liveness: Mapping[str, Liveness] = field(default_factory=dict)
    storage_id: str = ""
    lost_tables: tuple[str, ...] = ()
    repartitions: bool = False
    now: float = 0.0


def newer_attempt(loads: Iterable[LoadRow], *, run: RunLineage) -> LoadRow | None:
    """The load of a later attempt of this very run: then this attempt was given up, and must not write.

    Args:
        loads: Rows of the ledger.
        run: Who asks.
    """
    return next((load for load in loads if load.run_id == run.run_id and load.attempt > run.attempt), None)
