"""A fingerprint of what tables hold, so that an unchanged load is seen as unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import fetch_one
from dagster_rest.warehouse.schema import SYSTEM_COLUMNS
from dagster_rest.warehouse.state.catalog import database_name, existing_columns, qualified, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def content_version(
    connection: DuckDBPyConnection, *, dataset: str, tables: Iterable[str], load_id: str | None = None
) -> str:
    """A text that is the same as long as the tables hold the same rows, in any order.

    System columns do not count: a replace that fetched the same rows again changes nothing.

    Args:
        connection: An open connection.
        dataset: The DuckDB schema.
        tables: The root table and its nested tables; those that do not exist are passed over.
        load_id: Only the root rows of this load (the content of one partition).
    """
    database, parts = database_name(connection), []
    for table in sorted(tables):
        present = existing_columns(connection, dataset, table, recorded=True)
        columns = [name for name in present if name not in SYSTEM_COLUMNS]
        if not columns:
            continue
        row_hash = f"hash({', '.join(quoted(name) for name in columns)})"
        where, arguments = "", []
        if load_id is not None:
            if "_load_id" not in present:
                continue
            where, arguments = " where _load_id = ?", [load_id]
        # A sum beside the xor: two equal rows would cancel each other out.
        row = fetch_one(
            connection,
            f"select count(*), bit_xor({row_hash}), sum({row_hash} % 4294967291)"
            f" from {qualified(database, dataset, table)}{where}",
            arguments,
        )
        count, xor, total = row or (0, 0, 0)
        parts.append(f"{table}:{count}:{int(xor or 0):x}:{int(total or 0):x}")
    return _digest("|".join(parts))


def _digest(text: str) -> str:
    import hashlib

    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
