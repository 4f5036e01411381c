"""Tables that were lost: up to which load nothing of what was loaded is in them any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import fetch_one, run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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
        connection: A connection inside the transaction that creates them again.
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
