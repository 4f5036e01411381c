"""The ledger: one row a load, written in the data's own transaction, so that effects can be exactly once.

DuckDB and Dagster's event log share no transaction. The ledger says what the tables hold; the event log says what
was reported. Comparing the two at the start of a run distinguishes every kind of crash (docs/state.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, has_table
from dagster_rest.warehouse.state.ledger_tables import LOAD_COLUMNS
from dagster_rest.warehouse.state.load_row import AssetState, CursorState, LoadRow
from dagster_rest.warehouse.state.lost_tables import lost_up_to
from dagster_rest.warehouse.state.parents.cursors import read_parent_cursors

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


_STATES = frozenset({"cursor", "progress"})
"""Fields of a ``LoadRow`` that are several columns."""
_PLAIN = tuple(one.name for one in dataclasses.fields(LoadRow) if one.name not in _STATES)
# It is never read: to give a timestamp with a time zone to Python, DuckDB needs one more package.
_READ = tuple(name for name in LOAD_COLUMNS if name != "confirmed_at")


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
        parent_cursors=read_parent_cursors(connection, asset=asset, partition=partition),
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
    listed = ", ".join("epoch(committed_at)" if name == "committed_at" else name for name in _READ)
    rows = run(
        connection,
        f"select {listed} from {METADATA_SCHEMA}.loads where asset = ? and partition = ?"
        " qualify status = 'pending' or seq = max(seq) over ()"
        " or bool_or(list_contains(?::varchar[], run_id)) over (partition by load_group)"
        " order by seq",
        [asset, partition, list(runs)],
    )
    return [_load_row(dict(zip(_READ, row, strict=True))) for row in rows]


def _load_row(values: Mapping[str, Any]) -> LoadRow:
    plain = {name: values[name] for name in _PLAIN}
    cursor = progress = None
    if values["cursor"] is not None:
        cursor = CursorState(value=values["cursor"], type=values["cursor_type"], boundary=tuple(values["boundary"]))
    if values["progress"] is not None:
        progress = CursorState(value=values["progress"], type=values["progress_type"])
    # Null in what a version before the column wrote.
    plain["in_table"] = values["in_table"] is not False
    return LoadRow(**plain, cursor=cursor, progress=progress)


def _confirmed_in(connection: DuckDBPyConnection, latest: LoadRow) -> frozenset[str]:
    rows = run(
        connection,
        f"select distinct storage_id from {METADATA_SCHEMA}.loads"
        " where asset = ? and partition = ? and status = 'confirmed'",
        [latest.asset, latest.partition],
    )
    return frozenset(row[0] for row in rows)


def record_load(connection: DuckDBPyConnection, row: LoadRow, *, committed_at: datetime) -> None:
    """Write a load's row, in the transaction of its data; its ``seq`` follows that of the newest load."""
    cursor, progress = row.cursor, row.progress
    values = {name: getattr(row, name) for name in _PLAIN if name != "seq"} | {
        "cursor": cursor.value if cursor else None,
        "cursor_type": cursor.type if cursor else None,
        "boundary": list(cursor.boundary) if cursor else [],
        "progress": progress.value if progress else None,
        "progress_type": progress.type if progress else None,
        "committed_at": committed_at,
    }
    marks = ", ".join("?::varchar[]" if name == "boundary" else "?" for name in values)
    run(
        connection,
        f"insert into {METADATA_SCHEMA}.loads (seq, {', '.join(values)})"
        f" select coalesce((select max(seq) from {METADATA_SCHEMA}.loads), 0) + 1, {marks}",
        list(values.values()),
    )


def begin_anew(connection: DuckDBPyConnection, *, asset: str) -> None:
    """Forget the loads of an asset, of all its partitions: their rows are deleted in this transaction.

    Args:
        connection: A connection inside the load's transaction.
        asset: The asset key as ``a/b``.
    """
    run(connection, f"update {METADATA_SCHEMA}.loads set status = 'taken_back' where asset = ?", [asset])
    for table in ("parent_cursors", "fan_out_keys"):
        run(connection, f"delete from {METADATA_SCHEMA}.{table} where asset = ?", [asset])


def take_back_loads(connection: DuckDBPyConnection, *, asset: str, load_ids: Collection[str]) -> None:
    """Note that the rows of these loads are deleted in this transaction: their step may no longer confirm them."""
    if not load_ids:
        return
    run(
        connection,
        f"update {METADATA_SCHEMA}.loads set status = 'taken_back'"
        " where asset = ? and list_contains(?::varchar[], load_id)",
        [asset, list(load_ids)],
    )


def missing_loads(connection: DuckDBPyConnection, *, load_ids: Iterable[str]) -> list[str]:
    """Those of these loads that the ledger does not have: the file is another one than they were committed to."""
    wanted = list(load_ids)
    if not has_table(connection, "loads", schema=METADATA_SCHEMA):
        return wanted
    rows = run(
        connection, f"select load_id from {METADATA_SCHEMA}.loads where list_contains(?::varchar[], load_id)", [wanted]
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
