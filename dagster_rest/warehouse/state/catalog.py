"""The record of every column in ``_dagster_rest.columns``, and the tables it speaks of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.schema import SYSTEM_COLUMNS, Column, RecordedSchema, TableSchema, system_columns
from dagster_rest.warehouse.types import duckdb_type

if TYPE_CHECKING:
    import duckdb

METADATA_SCHEMA = "_dagster_rest"
COLUMNS_TABLE = f"{METADATA_SCHEMA}.columns"

_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "dataset": "VARCHAR NOT NULL",
        "table_name": "VARCHAR NOT NULL",
        "root_table": "VARCHAR NOT NULL",
        "parent_table": "VARCHAR",
        "kind": "VARCHAR NOT NULL",
        "resource": "VARCHAR NOT NULL",
        "table_source": "VARCHAR",
        "column_name": "VARCHAR NOT NULL",
        "position": "INTEGER NOT NULL",
        "data_type": "VARCHAR",
        "nullable": "BOOLEAN NOT NULL",
        "description": "VARCHAR",
        "source": "VARCHAR",
        "variant": "BOOLEAN NOT NULL",
        "hinted": "BOOLEAN NOT NULL",
        "hints": "VARCHAR NOT NULL",
        "load_id": "VARCHAR NOT NULL",
        "recorded_at": "TIMESTAMP WITH TIME ZONE NOT NULL",
    }
)
"""The columns of ``_dagster_rest.columns`` with their types, in the table's order."""
_OF_TABLE = {
    "table_name": "name",
    "root_table": "root",
    "parent_table": "parent",
    "kind": "kind",
    "resource": "resource",
    "table_source": "source",
}
"""Those that are attributes of a ``TableSchema``."""
_OF_COLUMN = {"column_name": "name"} | {
    name: name for name in ("data_type", "nullable", "description", "source", "variant", "hinted", "hints")
}
"""Those that are attributes of a ``Column``; ``hints`` is JSON."""


def quoted(name: str) -> str:
    """Return an identifier as SQL text."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def literal(text: str) -> str:
    """Return a string as SQL text."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def database_name(conn: duckdb.DuckDBPyConnection) -> str:
    """Return the name DuckDB gives the database: its file without the suffix."""
    row = run(conn, "SELECT current_database()")
    return str(row[0][0])


def qualified(database: str, dataset: str, table: str | None = None) -> str:
    """Return ``"database"."dataset"."table"``, or the dataset alone.

    With two parts, DuckDB calls ``shop.orders`` ambiguous in a file ``shop.duckdb`` that has a schema ``shop``.
    """
    return ".".join(map(quoted, (database, dataset) if table is None else (database, dataset, table)))


def ensure(conn: duckdb.DuckDBPyConnection, dataset: str) -> None:
    """Create the dataset's schema and the metadata schema with its columns table."""
    run(conn, f"CREATE SCHEMA IF NOT EXISTS {qualified(database_name(conn), dataset)}")
    if not is_committed(conn, "columns"):
        run(conn, f"CREATE SCHEMA IF NOT EXISTS {METADATA_SCHEMA}")
        columns = ", ".join(f"{name} {definition}" for name, definition in _COLUMNS.items())
        run(conn, f"CREATE TABLE IF NOT EXISTS {COLUMNS_TABLE} ({columns})")


def has_table(
    conn: duckdb.DuckDBPyConnection, table: str, *, schema: str = METADATA_SCHEMA, database: str | None = None
) -> bool:
    """Whether a table (or a view) is there, in the database the connection writes to.

    To ask DuckDB for a list of its tables takes some ten times as long, and longer the more there are.

    Args:
        conn: A connection without an open transaction: a miss would abort it.
        table: The table.
        schema: Its schema.
        database: What ``database_name`` says, if that was asked already.
    """
    import duckdb

    # No database has the name of our own schema, so two parts are enough for it.
    own = schema == METADATA_SCHEMA
    name = f"{schema}.{table}" if own else qualified(database or database_name(conn), schema, table)
    try:
        run(conn, f"SELECT 1 FROM {name} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True


def is_committed(
    conn: duckdb.DuckDBPyConnection, table: str, *, schema: str = METADATA_SCHEMA, database: str | None = None
) -> bool:
    """Whether a table (or a view) was there before the open transaction, which a miss does no harm.

    Args:
        conn: A connection.
        table: The table.
        schema: Its schema.
        database: What ``database_name`` says, if that was asked already.
    """
    with conn.cursor() as aside:
        return has_table(aside, table, schema=schema, database=database)


def read_schema(conn: duckdb.DuckDBPyConnection | None, dataset: str) -> RecordedSchema:
    """Read what ``_dagster_rest.columns`` records for a dataset; empty if nothing is there.

    Args:
        conn: A connection without an open transaction, or None if the database does not exist yet.
        dataset: The DuckDB schema.
    """
    if conn is None or not has_table(conn, "columns"):
        return RecordedSchema(dataset=dataset)
    return RecordedSchema(dataset=dataset, tables=read_tables(conn, dataset))


def read_tables(conn: duckdb.DuckDBPyConnection, dataset: str) -> dict[str, TableSchema]:
    """Return the recorded tables of a dataset; the columns table has to be there."""
    rows = run(
        conn,
        f"SELECT {', '.join([*_OF_TABLE, *_OF_COLUMN])} FROM {COLUMNS_TABLE} "
        "WHERE lower(dataset) = lower(?) ORDER BY table_name, position",
        [dataset],
    )
    tables: dict[str, TableSchema] = {}
    for row in rows:
        of_table = dict(zip(_OF_TABLE.values(), row, strict=False))
        column = dict(zip(_OF_COLUMN.values(), row[len(_OF_TABLE) :], strict=True))
        table = tables.get(row[0])
        if table is None:
            table = tables[row[0]] = TableSchema(**of_table, is_new=False)
        if column["name"] not in SYSTEM_COLUMNS:
            table.columns[column["name"]] = Column(**{**column, "hints": json.loads(column["hints"])})
    return tables


def record_table(
    conn: duckdb.DuckDBPyConnection, dataset: str, table: TableSchema, *, load_id: str, loaded_at: datetime
) -> None:
    """Record the columns of a table as they are now."""
    forget_tables(conn, dataset, [table.name])
    shared = {"dataset": dataset, "load_id": load_id, "recorded_at": loaded_at}
    shared |= {name: getattr(table, attribute) for name, attribute in _OF_TABLE.items()}
    rows = [
        shared
        | {name: getattr(column, attribute) for name, attribute in _OF_COLUMN.items()}
        | {"position": position, "hints": json.dumps(dict(column.hints), default=str)}
        for position, column in enumerate([*table.columns.values(), *system_columns(table.kind)])
    ]
    marks = f"({', '.join('?' * len(_COLUMNS))})"
    run(
        conn,
        f"INSERT INTO {COLUMNS_TABLE} VALUES {', '.join([marks] * len(rows))}",
        [row[name] for row in rows for name in _COLUMNS],
    )


def forget_tables(conn: duckdb.DuckDBPyConnection, dataset: str, tables: Iterable[str]) -> None:
    """Remove the records of tables."""
    for table in tables:
        run(
            conn,
            f"DELETE FROM {COLUMNS_TABLE} WHERE lower(dataset) = lower(?) AND lower(table_name) = lower(?)",
            [dataset, table],
        )


def existing_columns(conn: duckdb.DuckDBPyConnection, dataset: str, table: str, *, recorded: bool) -> dict[str, str]:
    """Return the columns of a table or view in the database and their types; empty if there is none of that name.

    DuckDB takes ``Posts`` and ``posts`` for one name, and so does this: the columns are in small letters.

    Args:
        conn: A connection inside the load's transaction.
        dataset: The schema.
        table: The table.
        recorded: Whether it is one of ours; only then may this transaction have made it.
    """
    database = database_name(conn)
    if is_committed(conn, table, schema=dataset, database=database):
        described = run(conn, f"DESCRIBE {qualified(database, dataset, table)}")
        return {name.lower(): data_type for name, data_type, *_ in described}
    if not recorded:
        return {}
    # It was made in this transaction, or dropped by somebody else.
    rows = run(
        conn,
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() "
        "AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?) ORDER BY column_index",
        [dataset, table],
    )
    return {name.lower(): data_type for name, data_type in rows}


def column_ddl(column: Column) -> str:
    """Return a column of a CREATE TABLE statement."""
    assert column.data_type is not None
    required = "" if column.nullable else " NOT NULL"
    return f"{quoted(column.name)} {duckdb_type(column.data_type)}{required}"
