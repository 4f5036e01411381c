"""Stored values of parent rows that are not in the parent's table: no child is to ask for them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dagster_rest.warehouse import naming
from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.load.conditions import timestamp
from dagster_rest.warehouse.shred.versions import validity_columns
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, database_name, existing_columns, qualified, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.warehouse.schema import ResourceSpec

_READ_ALIKE = (
    "VARCHAR",
    "BIGINT",
    "INTEGER",
    "SMALLINT",
    "TINYINT",
    "HUGEINT",
    "DECIMAL",
    "DOUBLE",
    "TIMESTAMP",
    "DATE",
)
"""Types that DuckDB reads out of text as this package does, or not at all."""


def forget_absent_parents(connection: DuckDBPyConnection, spec: ResourceSpec, *, asset: str, now: datetime) -> None:
    """Forget what children use of parent rows that the table does not have, of whichever partition.

    A record that a ``source_filter`` or a contract left out is in no table, and a ``destination_scope`` deletes rows
    that the load lacks. A key that can't be compared stays.

    Args:
        connection: A connection inside the load's transaction, after its rows were written.
        spec: The parent.
        asset: The parent's asset key as ``a/b``.
        now: A time after that of the load: versions of scd2 that ended before it are rows no more.
    """
    stored, names = ("row_key", spec.primary_key) if spec.primary_key else ("merge_key", spec.merge_key)
    if not names or not spec.has_fixed_table:
        return
    types = existing_columns(connection, spec.dataset, spec.table, recorded=True)
    keys = {naming.normalize(key): types.get(naming.normalize(key), "") for key in names}
    if not all(kind.startswith(_READ_ALIKE) for kind in keys.values()):
        return
    values = {key: _value(f"CAST(k.{stored} AS JSON)", place, kind) for place, (key, kind) in enumerate(keys.items())}
    is_known = " AND ".join(f"{value} IS NOT NULL" for value in values.values())
    is_there = " AND ".join(f"t.{quoted(key)} = {value}" for key, value in values.items())
    if spec.write_disposition.strategy == "scd2":
        end = quoted(validity_columns(spec.write_disposition)[1])
        is_there += f" AND (t.{end} IS NULL OR t.{end} > {timestamp(now)})"
    table = qualified(database_name(connection), spec.dataset, spec.table)
    run(
        connection,
        f"DELETE FROM {METADATA_SCHEMA}.fan_out_keys k WHERE asset = ? AND {stored} IS NOT NULL AND {is_known} "
        f"AND NOT EXISTS (FROM {table} t WHERE {is_there})",
        [asset],
    )


def _value(stored: str, place: int, kind: str) -> str:
    value = f"{stored} ->> {place}"
    if kind == "VARCHAR":
        # How a text column spells what is no text is another matter.
        return f"CASE WHEN json_type({stored}, '$[{place}]') = 'VARCHAR' THEN {value} END"
    if kind.startswith(("TIMESTAMP", "DATE")):
        # Read as one of these at once, a text would lose its offset; the session's time zone is UTC.
        value = f"TRY_CAST({value} AS TIMESTAMP WITH TIME ZONE)"
    return f"TRY_CAST({value} AS {kind})"
