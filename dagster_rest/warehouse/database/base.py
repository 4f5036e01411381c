"""What is needed of a database, and how statements are executed on its connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Database(Protocol):
    """What is needed of a database: ``dagster_duckdb.DuckDBResource`` has it."""

    @property
    def database(self) -> str:
        """The path of the DuckDB file."""

    def get_connection(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Open a read-write connection."""


def run(connection: DuckDBPyConnection, sql: str, arguments: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """Execute a statement to its end: DuckDB refuses other work on a connection whose last result was not read.

    Args:
        connection: An open connection.
        sql: One statement, or several; the rows are the last one's.
        arguments: The values of its ``?``.
    """
    return connection.execute(sql, arguments).fetchall()


def run_for_number(connection: DuckDBPyConnection, sql: str, arguments: Sequence[Any] | None = None) -> int:
    """The number that a statement gives: how many rows it wrote or deleted, or counted; otherwise as ``run``."""
    return int(run(connection, sql, arguments)[0][0])


def fetch_one(
    connection: DuckDBPyConnection, sql: str, arguments: Sequence[Any] | None = None
) -> tuple[Any, ...] | None:
    """The first row of a query, or None; otherwise as ``run``."""
    rows = run(connection, sql, arguments)
    return rows[0] if rows else None


@contextmanager
def registered(connection: DuckDBPyConnection, name: str, table: object) -> Iterator[None]:
    """An Arrow table as a view, for as long as the block lasts.

    Args:
        connection: An open connection.
        name: The view's name.
        table: A ``pyarrow.Table``.
    """
    # A statement that somebody executed before may have left its result unread.
    run(connection, "select 1")
    connection.register(name, table)
    try:
        yield
    finally:
        connection.unregister(name)
