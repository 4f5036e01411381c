"""The tables of the ledger: their columns, and what brings those of an older version up to date."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import fetch_one, run
from dagster_rest.warehouse.errors import WarehouseError
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, has_table, is_committed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LEDGER_VERSION = 6

LOAD_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "seq": "bigint not null",
        "load_id": "varchar not null",
        "asset": "varchar not null",
        "partition": "varchar not null",
        "load_group": "varchar not null",
        "run_id": "varchar not null",
        "attempt": "integer not null",
        "storage_id": "varchar not null",
        "status": "varchar not null",
        "cursor": "varchar",
        "cursor_type": "varchar",
        "boundary": "varchar[] not null",
        "cursor_path": "varchar",
        "rows_loaded": "bigint not null",
        "complete": "boolean not null",
        "fingerprint": "varchar not null",
        "data_version": "varchar not null",
        "committed_at": "timestamptz not null",
        "confirmed_at": "timestamptz",
        "request_key": "varchar default ''",
        "progress": "varchar",
        "progress_type": "varchar",
        "cursor_function": "varchar",
        "in_table": "boolean default true",
        "source": "varchar",
        "code_location": "varchar",
    }
)
"""The columns of ``_dagster_rest.loads`` with their types, in the table's order; ``LoadRow`` says what they mean."""


def _added(*columns: str) -> str:
    """Statements that add columns of later versions to the table of loads."""
    return "\n".join(
        f"alter table {METADATA_SCHEMA}.loads add column if not exists {name} {LOAD_COLUMNS[name]};" for name in columns
    )


_VERSION_TABLE = f"""
create schema if not exists {METADATA_SCHEMA};
create table if not exists {METADATA_SCHEMA}.ledger_version (version integer not null);
"""
_PARTITIONINGS = f"""
create table if not exists {METADATA_SCHEMA}.partitionings (
    asset varchar not null, description varchar not null, void_up_to bigint not null
);
"""
_LOST_TABLES = f"""
create table if not exists {METADATA_SCHEMA}.lost_tables (
    dataset varchar not null, table_name varchar not null, seq bigint not null
);
"""
_TABLES = f"""
create table if not exists {METADATA_SCHEMA}.loads (
    {", ".join(f"{name} {definition}" for name, definition in LOAD_COLUMNS.items())}
);
{_LOST_TABLES}
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
    # Before, an explicit range (end_value) was recorded in `cursor`, where it moved the asset's own cursor.
    2: _added("request_key", "progress", "progress_type"),
    # A cursor has a meaning only with the function that chose it; of older cursors the function is not known.
    3: _added("cursor_function") + _LOST_TABLES,
    4: _added("in_table"),
    5: _PARTITIONINGS,
    # Who loaded what an older version wrote is not known.
    6: _added("source", "code_location"),
}
"""What brings a ledger to the version of the key from the version before."""


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
            hint="Upgrade dagster_rest to the version that wrote the database.",
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
