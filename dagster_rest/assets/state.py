"""Where a run starts: the ledger in the warehouse held against Dagster's event log (DESIGN: state protocol)."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import dagster as dg

from dagster_rest.warehouse.ledger import AssetState, LoadRow

LOAD_ID_KEY = "dagster_rest/load_id"
CURSOR_KEY = "dagster_rest/cursor"
CURSOR_TYPE_KEY = "dagster_rest/cursor_type"

Case = Literal[
    "first",
    "normal",
    "adopted",
    "concurrent",
    "wiped",
    "other_storage",
    "ledger_leads",
    "new_warehouse",
    "full_refresh",
    "sample",
]

Recovery = Literal["continue", "tell", "redo"]

_SAID: dict[Recovery, str] = {
    "continue": "this run goes on where it ended",
    "tell": "it is whole and young enough to stand for this run: nothing is asked for again",
    "redo": "it is done again, and the rows it added are replaced",
}

_PAGE = 50
_MOST_EVENTS = 2000


@dataclass(frozen=True, kw_only=True)
class Event:
    """The newest materialization of ours that the event log has.

    Args:
        load_id: The load it tells of.
        cursor: The cursor it shows, if any.
        cursor_type: Its type.
    """

    load_id: str
    cursor: str | None
    cursor_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a run starts from.

    Args:
        case: Which row of the state protocol applies.
        state: The state to continue from: empty where the run starts over.
        base: The newest load the ledger knew: the commit checks that it still is.
        rebuild: Whether the table is to be rebuilt instead of added to.
        message: What to tell the person who reads the log; None in ordinary cases.
        recovery: What becomes of a load that was committed by a step that never ended. ``continue``: this run goes on
            after its cursor or consumed parents. ``tell``: nothing says how to go on, but the load is whole and young:
            this run only tells of it. ``redo``: it is done again, and its rows are taken back.
    """

    case: Case
    state: AssetState
    base: str | None
    rebuild: bool = False
    message: str | None = None
    recovery: Recovery | None = None

    def done_again(self) -> "Start":
        """The same, for a run that has more to do than to tell of this load."""
        if self.recovery != "tell":
            return self
        return dataclasses.replace(self, recovery="redo", message=_SAID["redo"])

    @property
    def continued(self) -> LoadRow | None:
        """The load that this run is the continuation of, or None."""
        return self.state.latest if self.recovery in ("continue", "tell") else None


def newest_event(instance: dg.DagsterInstance, *, asset_key: dg.AssetKey, partition: str = "") -> Event | None:
    """The newest materialization event that carries a load id, or None.

    A materialization that a person reported by hand carries none, so older ones are looked at too.

    Args:
        instance: The Dagster instance.
        asset_key: The asset.
        partition: The partition key, or the empty text: the newest event of an asset may be any partition's.
    """
    for metadata in _materializations(instance, asset_key=asset_key, partition=partition):
        load_id = metadata.get(LOAD_ID_KEY)
        if load_id is not None:
            cursor, kind = metadata.get(CURSOR_KEY), metadata.get(CURSOR_TYPE_KEY)
            return Event(
                load_id=str(load_id.value),
                cursor=None if cursor is None else str(cursor.value),
                cursor_type=None if kind is None else str(kind.value),
            )
    return None


def _materializations(
    instance: dg.DagsterInstance, *, asset_key: dg.AssetKey, partition: str
) -> Iterator[dict[str, Any]]:
    records_filter: Any = asset_key
    if partition:
        records_filter = dg.AssetRecordsFilter(asset_key=asset_key, asset_partitions=[partition])
    cursor: str | None = None
    for _ in range(_MOST_EVENTS // _PAGE):
        page = instance.fetch_materializations(records_filter, limit=_PAGE, cursor=cursor)
        for record in page.records:
            if record.asset_materialization is not None:
                yield dict(record.asset_materialization.metadata)
        if not page.has_more:
            return
        cursor = page.cursor


def decide_start(
    state: AssetState,
    event: Event | None,
    *,
    storage_id: str,
    full_refresh: bool = False,
    at_work: bool = False,
) -> Start:
    """Apply the state protocol: which state a run continues from, and what to say about it.

    Args:
        state: What the ledger says.
        event: What the event log says, read after the ledger: a confirmed load's event is there by then.
        storage_id: The id of this Dagster instance's storage.
        full_refresh: Whether the run was asked to start over.
        at_work: Whether the step that made the newest load may still be about to tell of it.
    """
    latest = state.latest
    if latest is None:
        return _without_ledger(event, full_refresh=full_refresh)
    if full_refresh:
        return Start(
            case="full_refresh",
            state=AssetState(),
            base=latest.load_id,
            rebuild=True,
            message="full refresh: the cursor is set aside and the table is rebuilt",
        )
    if event is not None and event.load_id == latest.load_id:
        return Start(case="normal", state=state, base=latest.load_id)
    if latest.status == "pending" and at_work:
        return Start(
            case="concurrent",
            state=state,
            base=latest.load_id,
            message=f"load {latest.load_id} is another run's that is about to end: continuing after it",
        )
    return _ledger_without_its_event(state, latest, event, storage_id=storage_id)


def _without_ledger(event: Event | None, *, full_refresh: bool) -> Start:
    if event is None or event.cursor is None:
        return Start(
            case="full_refresh" if full_refresh else "first",
            state=AssetState(),
            base=None,
            rebuild=full_refresh,
        )
    return Start(
        case="new_warehouse",
        state=AssetState(),
        base=None,
        message=(
            f"the event log has the cursor {event.cursor}, but this DuckDB file holds no load of the asset:"
            " starting from the initial value"
        ),
    )


def _ledger_without_its_event(state: AssetState, latest: LoadRow, event: Event | None, *, storage_id: str) -> Start:
    if latest.storage_id != storage_id:
        return Start(
            case="other_storage",
            state=state,
            base=latest.load_id,
            message=(
                f"load {latest.load_id} was made under another Dagster storage (a temporary DAGSTER_HOME, or a move):"
                " continuing from its cursor"
            ),
        )
    if latest.status == "pending":
        return Start(
            case="adopted",
            state=state,
            base=latest.load_id,
            message=(
                f"load {latest.load_id} was committed, but its run ended before the materialization was stored:"
                " continuing after it, nothing is loaded twice"
            ),
        )
    if event is None:
        return Start(
            case="wiped",
            state=AssetState(),
            base=latest.load_id,
            rebuild=True,
            message="the asset's materializations were wiped: the table is rebuilt from the start",
        )
    return Start(
        case="ledger_leads",
        state=state,
        base=latest.load_id,
        message=(
            f"the event log ends with load {event.load_id}, the tables with load {latest.load_id}:"
            " continuing from what the tables hold"
        ),
    )


def with_recovery(
    start: Start, *, abandoned: bool, request_key: str, keeps_place: bool, stateless: bool, may_tell: bool
) -> Start:
    """Decide what becomes of a load that was committed by a step that never ended, so that its rows count once.

    Args:
        start: What ``decide_start`` gave.
        abandoned: Whether the newest load's step is known to be dead before its load was confirmed.
        request_key: What this run asks for on top of the config: another request leaves the load alone.
        keeps_place: Whether the resource remembers how far it came: by a cursor, or by the parents it has consumed.
        stateless: Whether the run works on a range of its own and leaves the cursor alone.
        may_tell: Whether a whole load may stand for this run's: same config, not too old, resuming not switched off.
    """
    latest = start.state.latest
    if latest is None or not abandoned or latest.request_key != request_key:
        return start
    recovery: Recovery = "continue"
    if not keeps_place or (stateless and (latest.complete or latest.progress is None)):
        recovery = "tell" if may_tell and latest.complete else "redo"
    said = start.message or f"the step that committed load {latest.load_id} died before it was confirmed"
    return dataclasses.replace(start, recovery=recovery, message=f"{said}; {_SAID[recovery]}")
