"""Rows of a table that another asset wrote, as parent rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.errors import WarehouseError
from dagster_rest.warehouse.naming import normalize
from dagster_rest.warehouse.state.catalog import database_name, has_table, qualified, quoted
from dagster_rest.warehouse.state.parents.rows import ParentRows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def read_table_rows(connection: DuckDBPyConnection | None, *, path: Sequence[str], fields: Sequence[str]) -> ParentRows:
    """The distinct values of some columns of a table that is not ours, all of them as new.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        path: The asset key's parts: the last two are schema and table, a single one is a table of the schema ``main``.
        fields: The fields a child uses, as the config writes them; ``a.b`` is the column ``a__b``.

    Raises:
        WarehouseError: ``warehouse_no_column`` when the table lacks one of them.
    """
    schema, table = (path[-2], path[-1]) if len(path) > 1 else ("main", path[-1])
    if connection is None or not has_table(connection, table, schema=schema):
        return ParentRows()
    columns = {name: _column(connection, schema, table, name) for name in dict.fromkeys(fields)}
    listed = ", ".join(quoted(column) for column in columns.values())
    found = run(
        connection, f"select distinct {listed} from {qualified(database_name(connection), schema, table)} order by all"
    )
    rows: list[Mapping[str, Any]] = [dict(zip(columns, map(_plain, values), strict=True)) for values in found]
    return ParentRows(rows=tuple(rows), is_new=(True,) * len(rows), known=True)


def _column(connection: DuckDBPyConnection, schema: str, table: str, field: str) -> str:
    there = {
        str(row[0]).lower(): str(row[0])
        for row in run(
            connection,
            "select column_name from duckdb_columns()"
            " where database_name = current_database()"
            " and lower(schema_name) = lower(?) and lower(table_name) = lower(?)",
            [schema, table],
        )
    }
    normalised = "__".join(normalize(part) for part in re.split(r"\.", field))
    for candidate in (field.lower(), normalised.lower()):
        if candidate in there:
            return there[candidate]
    raise WarehouseError(
        f"the table {schema}.{table} has no column for {field!r}",
        code="warehouse_no_column",
        where=f"{schema}.{table}",
        hint=f"It has: {', '.join(sorted(there.values()))}.",
    )


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    return value
