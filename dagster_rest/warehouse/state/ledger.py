"""The ledger: one row a load, written in the data's own transaction, so that effects can be exactly once.

DuckDB and Dagster's event log share no transaction. The ledger says what the tables hold; the event log says what
was reported. Comparing the two at the start of a run distinguishes every kind of crash (docs/state.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.warehouse.database.file import fetch_one, registered, run
from dagster_rest.warehouse.errors import WarehouseError
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, has_table, is_committed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LEDGER_VERSION = 5

EDGE = "|"
"""In a boundary: the cursor is the end of a window, which left out the rows that stand exactly there."""

Status = Literal["pending", "confirmed", "taken_back"]

_VERSION_TABLE = f"""
create schema if not exists {METADATA_SCHEMA};
create table if not exists {METADATA_SCHEMA}.ledger_version (version integer not null);
"""
_PARTITIONINGS = f"""
create table if not exists {METADATA_SCHEMA}.partitionings (
    asset varchar not null, description varchar not null, void_up_to bigint not null
);
"""
_TABLES = f"""
create table if not exists {METADATA_SCHEMA}.loads (
    seq bigint not null, load_id varchar not null, asset varchar not null, partition varchar not null,
    load_group varchar not null, run_id varchar not null, attempt integer not null, storage_id varchar not null,
    status varchar not null, cursor varchar, cursor_type varchar, boundary varchar[] not null, cursor_path varchar,
    rows_loaded bigint not null, complete boolean not null, fingerprint varchar not null, data_version varchar not null,
    committed_at timestamptz not null, confirmed_at timestamptz,
    request_key varchar default '', progress varchar, progress_type varchar, cursor_function varchar,
    in_table boolean default true
);
create table if not exists {METADATA_SCHEMA}.lost_tables (
    dataset varchar not null, table_name varchar not null, seq bigint not null
);
create table if not exists {METADATA_SCHEMA}.parent_cursors (
    asset varchar not null, partition varchar not null, parent_key varchar not null,
    cursor varchar not null, cursor_type varchar not null, boundary varchar[] not null
);
create table if not exists {METADATA_SCHEMA}.fan_out_keys (
    asset varchar not null, partition varchar not null, load_id varchar not null, load_group varchar not null,
    seq bigint not null, row_key varchar, field_values varchar not null
);
create table if not exists {METADATA_SCHEMA}.consumed (
    child varchar not null, child_partition varchar not null, parent varchar not null, load_id varchar not null
);
{_PARTITIONINGS}
"""

_MIGRATIONS = {
    # An explicit range (end_value) used to leave its mark in `cursor`, where it moved the asset's own cursor.
    2: f"""
alter table {METADATA_SCHEMA}.loads add column if not exists request_key varchar default '';
alter table {METADATA_SCHEMA}.loads add column if not exists progress varchar;
alter table {METADATA_SCHEMA}.loads add column if not exists progress_type varchar;
""",
    # A cursor means something only beside the function that made it; of older ones it is not known.
    3: f"""
alter table {METADATA_SCHEMA}.loads add column if not exists cursor_function varchar;
create table if not exists {METADATA_SCHEMA}.lost_tables (
    dataset varchar not null, table_name varchar not null, seq bigint not null
);
""",
    4: f"alter table {METADATA_SCHEMA}.loads add column if not exists in_table boolean default true;",
    5: _PARTITIONINGS,
}
"""What brings a ledger to the version of the key from the version before."""


@dataclass(frozen=True, kw_only=True)
class CursorState:
    """A cursor as it is stored.

    Args:
        value: The cursor as text, as the API wrote it.
        type: ``int``, ``float``, ``decimal``, ``str``, ``date`` or ``datetime``.
        boundary: Hashes of the rows that stand exactly at the cursor: they are not loaded again.
    """

    value: str
    type: str
    boundary: tuple[str, ...] = ()

    @property
    def is_edge(self) -> bool:
        """Whether it is the end of a window, so that the rows that stand exactly there are not loaded."""
        return EDGE in self.boundary


@dataclass(frozen=True, kw_only=True)
class LoadRow:
    """One load as the ledger has it.

    Args:
        load_id: The load's id; the tables carry it as ``_load_id``.
        asset: The asset key as ``a/b``.
        partition: The partition key, empty for an asset without partitions.
        load_group: All loads of one materialization share it (its windows commit one by one).
        run_id: The Dagster run.
        attempt: The step's retry number within the run, from 0.
        storage_id: The id of the Dagster storage that the event goes to.
        status: ``pending`` until the materialization event is known to be stored; ``taken_back`` when its rows were
            replaced before that, or a rebuild left none of them.
        cursor: The cursor after this load, if the asset is incremental.
        cursor_path: The field the cursor came from.
        cursor_function: What chose it among the values of that field (``max``, ``min``, or a callable's name); None
            if that is not known.
        rows_loaded: Rows of the root table.
        complete: False for all windows of a materialization but its last.
        fingerprint: The config's fingerprint at that time.
        data_version: A hash of the content: unchanged content has the same.
        request_key: What the run asked for on top of the config (a range, a sample), empty if nothing.
        committed_at: When it was committed, in seconds since 1970; set when it is read.
        in_table: Whether its rows went into a table: not while the resource was ``selected: false``.
        progress: How far a range with an explicit end has come, between its windows: the cursor stays where it was.
        seq: Its position among all loads of the ledger, from 1; set when it is read.
    """

    load_id: str
    asset: str
    partition: str
    load_group: str
    run_id: str
    attempt: int
    storage_id: str
    status: Status
    cursor: CursorState | None
    cursor_path: str | None
    rows_loaded: int
    complete: bool = True
    fingerprint: str = ""
    data_version: str = ""
    request_key: str = ""
    progress: CursorState | None = None
    cursor_function: str | None = None
    in_table: bool = True
    committed_at: float = 0.0
    seq: int = 0


@dataclass(frozen=True, kw_only=True)
class AssetState:
    """What the ledger knows of one asset and partition at the start of a run.

    Args:
        latest: The newest load, or None.
        unsettled: The loads that are not confirmed, and all those of the runs that were asked for, oldest first; each
            with the others of its materialization.
        confirmed_in: The Dagster storages that have an event of one of its loads, if the newest load is not confirmed.
        lost_up_to: What was loaded up to this ``seq`` is not in the table any more: the table was lost.
        void_up_to: What was loaded up to this ``seq`` was of other partitions, and is in no table any more.
        parent_cursors: Cursor per parent key, for child resources that keep one for each parent.
    """

    latest: LoadRow | None = None
    unsettled: tuple[LoadRow, ...] = ()
    confirmed_in: frozenset[str] = frozenset()
    lost_up_to: int = 0
    void_up_to: int = 0
    parent_cursors: Mapping[str, CursorState] = field(default_factory=dict)


def ensure_ledger(connection: DuckDBPyConnection) -> None:
    """Make the ledger's tables, or bring older ones up to date.

    Args:
        connection: A connection inside the load's transaction.

    Raises:
        WarehouseError: ``warehouse_newer_ledger`` when a newer version of this package wrote it.
    """
    if not is_committed(connection, "ledger_version"):
        run(connection, _VERSION_TABLE)
    found = _version(connection)
    if found is not None:
        _upgrade(connection, found)
        return
    run(connection, _TABLES)
    _set_version(connection, LEDGER_VERSION)


def upgrade_ledger(connection: DuckDBPyConnection) -> None:
    """Bring a ledger that an older version wrote up to date; nothing where there is none or it is current.

    Args:
        connection: A connection without an open transaction: every step is one.

    Raises:
        WarehouseError: ``warehouse_newer_ledger`` when a newer version of this package wrote it.
    """
    found = _version(connection) if has_table(connection, "ledger_version", schema=METADATA_SCHEMA) else None
    if found is not None:
        _upgrade(connection, found)


def _upgrade(connection: DuckDBPyConnection, found: int) -> None:
    if found > LEDGER_VERSION:
        raise WarehouseError(
            f"the ledger has version {found}, this package knows version {LEDGER_VERSION}",
            code="warehouse_newer_ledger",
            where=f"{METADATA_SCHEMA}.ledger_version",
            hint="Upgrade dagster_rest here to the version that wrote the database.",
        )
    for version in range(found + 1, LEDGER_VERSION + 1):
        run(connection, _MIGRATIONS[version])
        _set_version(connection, version)


def _set_version(connection: DuckDBPyConnection, version: int) -> None:
    run(connection, f"delete from {METADATA_SCHEMA}.ledger_version")
    run(connection, f"insert into {METADATA_SCHEMA}.ledger_version values (?)", [version])


def _version(connection: DuckDBPyConnection) -> int | None:
    row = fetch_one(connection, f"select max(version) from {METADATA_SCHEMA}.ledger_version")
    return int(row[0]) if row and row[0] is not None else None


def read_state(
    connection: DuckDBPyConnection | None,
    *,
    asset: str,
    partition: str = "",
    runs: Collection[str] = (),
    tables: Collection[tuple[str, str]] = (),
    void_up_to: int = 0,
) -> AssetState:
    """What the ledger knows of an asset.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        asset: The asset key as ``a/b``.
        partition: The partition key, or the empty text.
        runs: The Dagster runs whose loads are wanted, confirmed or not.
        tables: The root tables it writes, as (dataset, name).
        void_up_to: Up to which ``seq`` its loads were of other partitions.

    Returns:
        Its loads as far as they matter to a run, and the cursors per parent; empty where there are none.
    """
    if connection is None or not has_table(connection, "loads", schema=METADATA_SCHEMA):
        return AssetState()
    loads = read_loads(connection, asset=asset, partition=partition, runs=runs)
    latest = loads[-1] if loads else None
    groups = {load.load_group for load in loads if load.status == "pending" or load.run_id in runs}
    return AssetState(
        latest=latest,
        unsettled=tuple(load for load in loads if load.load_group in groups),
        confirmed_in=_confirmed_in(connection, latest) if latest and latest.status == "pending" else frozenset(),
        lost_up_to=lost_up_to(connection, tables) if loads else 0,
        void_up_to=void_up_to,
        parent_cursors=_read_parent_cursors(connection, asset=asset, partition=partition),
    )


_COLUMNS = (
    "load_id, asset, partition, load_group, run_id, attempt, storage_id, status, cursor, cursor_type,"
    " boundary, cursor_path, rows_loaded, complete, fingerprint, data_version, request_key,"
    " progress, progress_type, cursor_function, epoch(committed_at), seq, in_table"
)


def read_loads(
    connection: DuckDBPyConnection, *, asset: str, partition: str = "", runs: Collection[str] = ()
) -> list[LoadRow]:
    """The newest load of an asset and partition, those that are not confirmed, and those of some runs, oldest first.

    A load of a run comes with all others of its materialization: another run may have reported them.

    Args:
        connection: An open connection to a database with a ledger.
        asset: The asset key as ``a/b``.
        partition: The partition key, or the empty text.
        runs: The Dagster runs.
    """
    rows = run(
        connection,
        f"select {_COLUMNS} from {METADATA_SCHEMA}.loads where asset = ? and partition = ?"
        " qualify status = 'pending' or seq = max(seq) over ()"
        " or bool_or(list_contains(?::varchar[], run_id)) over (partition by load_group)"
        " order by seq",
        [asset, partition, list(runs)],
    )
    return [_load_row(row) for row in rows]


def _load_row(row: tuple[Any, ...]) -> LoadRow:
    cursor = None if row[8] is None else CursorState(value=row[8], type=row[9], boundary=tuple(row[10]))
    progress = None if row[17] is None else CursorState(value=row[17], type=row[18])
    return LoadRow(
        load_id=row[0],
        asset=row[1],
        partition=row[2],
        load_group=row[3],
        run_id=row[4],
        attempt=row[5],
        storage_id=row[6],
        status=row[7],
        cursor=cursor,
        cursor_path=row[11],
        rows_loaded=row[12],
        complete=row[13],
        fingerprint=row[14],
        data_version=row[15],
        request_key=row[16],
        progress=progress,
        cursor_function=row[19],
        committed_at=row[20],
        seq=row[21],
        in_table=row[22] is not False,
    )


def _confirmed_in(connection: DuckDBPyConnection, latest: LoadRow) -> frozenset[str]:
    rows = run(
        connection,
        f"select distinct storage_id from {METADATA_SCHEMA}.loads"
        " where asset = ? and partition = ? and status = 'confirmed'",
        [latest.asset, latest.partition],
    )
    return frozenset(row[0] for row in rows)


def lost_up_to(connection: DuckDBPyConnection, tables: Collection[tuple[str, str]]) -> int:
    """Up to which ``seq`` nothing that was loaded is in these tables any more, for they were lost.

    Args:
        connection: An open connection to a database with a ledger.
        tables: Root tables, as (dataset, name).
    """
    row = fetch_one(
        connection,
        f"select max(seq) from {METADATA_SCHEMA}.lost_tables"
        " where list_contains(?::varchar[], dataset || '.' || table_name)",
        [[f"{dataset}.{table}" for dataset, table in tables]],
    )
    return int(row[0]) if row and row[0] is not None else 0


def note_lost_tables(connection: DuckDBPyConnection, tables: Iterable[tuple[str, str]]) -> None:
    """Note that nothing of what was loaded so far is in these tables, whichever asset and partition loaded it.

    Args:
        connection: A connection inside the transaction that makes them anew.
        tables: Root tables, as (dataset, name).
    """
    for dataset, table in tables:
        run(
            connection,
            f"delete from {METADATA_SCHEMA}.lost_tables where dataset = ? and table_name = ?",
            [dataset, table],
        )
        run(
            connection,
            f"insert into {METADATA_SCHEMA}.lost_tables"
            f" select ?, ?, coalesce(max(seq), 0) from {METADATA_SCHEMA}.loads",
            [dataset, table],
        )


def _read_parent_cursors(connection: DuckDBPyConnection, *, asset: str, partition: str) -> dict[str, CursorState]:
    rows = run(
        connection,
        f"select parent_key, cursor, cursor_type, boundary from {METADATA_SCHEMA}.parent_cursors"
        " where asset = ? and partition = ?",
        [asset, partition],
    )
    return {row[0]: CursorState(value=row[1], type=row[2], boundary=tuple(row[3])) for row in rows}


def record_load(connection: DuckDBPyConnection, row: LoadRow, *, committed_at: datetime) -> None:
    """Write a load's row, in the transaction of its data."""
    cursor, progress = row.cursor, row.progress
    values = {
        "load_id": row.load_id,
        "asset": row.asset,
        "partition": row.partition,
        "load_group": row.load_group,
        "run_id": row.run_id,
        "attempt": row.attempt,
        "storage_id": row.storage_id,
        "status": row.status,
        "cursor": cursor.value if cursor else None,
        "cursor_type": cursor.type if cursor else None,
        "boundary": list(cursor.boundary) if cursor else [],
        "cursor_path": row.cursor_path,
        "cursor_function": row.cursor_function,
        "rows_loaded": row.rows_loaded,
        "complete": row.complete,
        "fingerprint": row.fingerprint,
        "data_version": row.data_version,
        "committed_at": committed_at,
        "request_key": row.request_key,
        "progress": progress.value if progress else None,
        "progress_type": progress.type if progress else None,
        "in_table": row.in_table,
    }
    marks = ", ".join("?::varchar[]" if name == "boundary" else "?" for name in values)
    run(
        connection,
        f"insert into {METADATA_SCHEMA}.loads (seq, {', '.join(values)})"
        f" select coalesce((select max(seq) from {METADATA_SCHEMA}.loads), 0) + 1, {marks}",
        list(values.values()),
    )


def begin_anew(connection: DuckDBPyConnection, *, asset: str) -> None:
    """Forget what is stored of an asset's loads, of all its partitions, whose rows go in this transaction.

    Args:
        connection: A connection inside the load's transaction.
        asset: The asset key as ``a/b``.
    """
    run(connection, f"update {METADATA_SCHEMA}.loads set status = 'taken_back' where asset = ?", [asset])
    for table in ("parent_cursors", "fan_out_keys"):
        run(connection, f"delete from {METADATA_SCHEMA}.{table} where asset = ?", [asset])


def take_back_loads(connection: DuckDBPyConnection, *, asset: str, load_ids: Collection[str]) -> None:
    """Note that the rows of these loads go in this transaction: their step may not confirm them any more."""
    if not load_ids:
        return
    run(
        connection,
        f"update {METADATA_SCHEMA}.loads set status = 'taken_back'"
        " where asset = ? and list_contains(?::varchar[], load_id)",
        [asset, list(load_ids)],
    )


def replace_parent_cursors(
    connection: DuckDBPyConnection,
    *,
    asset: str,
    partition: str,
    cursors: Mapping[str, CursorState],
    keep_others: bool,
) -> None:
    """Write the cursors that a child resource keeps for each of its parents.

    Args:
        connection: A connection inside the load's transaction.
        asset: The child's asset key as ``a/b``.
        partition: The partition key, or the empty text.
        cursors: The new cursor per parent key.
        keep_others: Whether parents that are not in ``cursors`` keep theirs (False after a full refresh).
    """
    if not keep_others:
        run(
            connection,
            f"delete from {METADATA_SCHEMA}.parent_cursors where asset = ? and partition = ?",
            [asset, partition],
        )
    if not cursors:
        return
    import pyarrow as pa

    changed = pa.table(
        {
            "parent_key": list(cursors),
            "cursor": [cursor.value for cursor in cursors.values()],
            "cursor_type": [cursor.type for cursor in cursors.values()],
            "boundary": pa.array([list(cursor.boundary) for cursor in cursors.values()], type=pa.list_(pa.string())),
        }
    )
    with registered(connection, "_changed_cursors", changed):
        run(
            connection,
            f"delete from {METADATA_SCHEMA}.parent_cursors where asset = ? and partition = ?"
            " and parent_key in (select parent_key from _changed_cursors)",
            [asset, partition],
        )
        run(
            connection,
            f"insert into {METADATA_SCHEMA}.parent_cursors"
            " select ?, ?, parent_key, cursor, cursor_type, boundary from _changed_cursors",
            [asset, partition],
        )


def missing_loads(connection: DuckDBPyConnection, *, load_ids: Iterable[str]) -> list[str]:
    """Those of these loads that the ledger does not have: the file is another one than they were committed to."""
    wanted = list(load_ids)
    ensure_ledger(connection)
    rows = run(
        connection,
        f"select load_id from {METADATA_SCHEMA}.loads where list_contains(?::varchar[], load_id)",
        [wanted],
    )
    found = {row[0] for row in rows}
    return [load_id for load_id in wanted if load_id not in found]


def confirm_loads(connection: DuckDBPyConnection, *, load_ids: Iterable[str], confirmed_at: datetime) -> None:
    """Note that the materialization event of these loads is stored."""
    run(
        connection,
        f"update {METADATA_SCHEMA}.loads set status = 'confirmed', confirmed_at = ?"
        " where status = 'pending' and list_contains(?::varchar[], load_id)",
        [confirmed_at, list(load_ids)],
    )


def load_ids_of_partition(connection: DuckDBPyConnection, *, asset: str, partitions: Iterable[str]) -> list[str]:
    """All loads that wrote these partitions of an asset."""
    rows = run(
        connection,
        f"select load_id from {METADATA_SCHEMA}.loads where asset = ? and partition in (select unnest(?::varchar[]))",
        [asset, list(partitions)],
    )
    return [row[0] for row in rows]
