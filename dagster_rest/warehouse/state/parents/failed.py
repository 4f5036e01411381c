"""The parents for which a child could not be loaded, recorded until a later run has loaded them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, has_table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SIDE = "failed_parents"
"""The name under which they are staged beside the records."""

_TABLE = f"""
create schema if not exists {METADATA_SCHEMA};
create table if not exists {METADATA_SCHEMA}.failed_parents (
    child varchar not null, child_partition varchar not null, parent_key varchar not null, status integer,
    code varchar not null, message varchar not null, since timestamptz not null, last_failed timestamptz not null
);
"""


@dataclass(frozen=True, kw_only=True)
class FailedParent:
    """One parent (or one combination of parents) whose request failed.

    Args:
        key: The values that the request takes from the parent rows, as JSON text.
        status: The HTTP status, if there was one.
        code: The error's code.
        message: The error, redacted.
    """

    key: str
    status: int | None
    code: str
    message: str

    def encode(self) -> dict[str, Any]:
        """It as JSON values."""
        return {"key": self.key, "status": self.status, "code": self.code, "message": self.message}


def read_failed_parents(
    connection: DuckDBPyConnection | None, *, child: str, partition: str
) -> Mapping[str, FailedParent]:
    """The parents that are still to be loaded, by key.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        child: The child's asset key as ``a/b``.
        partition: The child's partition key, or the empty text.
    """
    if connection is None or not has_table(connection, "failed_parents", schema=METADATA_SCHEMA):
        return {}
    found = run(
        connection,
        f"select parent_key, status, code, message from {METADATA_SCHEMA}.failed_parents"
        " where child = ? and child_partition = ? order by since, parent_key",
        [child, partition],
    )
    return {row[0]: FailedParent(key=row[0], status=row[1], code=row[2], message=row[3]) for row in found}


def replace_failed_parents(
    connection: DuckDBPyConnection, failed: Iterable[FailedParent], *, child: str, partition: str, now: datetime
) -> None:
    """Record in the child's transaction which parents failed: those that did not, or are gone, leave the table.

    Args:
        connection: A connection inside the child's transaction.
        failed: What failed in this run; of several failures of one parent the last counts.
        child: The child's asset key as ``a/b``.
        partition: The child's partition key, or the empty text.
        now: The time of the load; a parent that failed before keeps its own ``since``.
    """
    by_key = {one.key: one for one in failed}
    run(connection, _TABLE)
    table, key = f"{METADATA_SCHEMA}.failed_parents", [child, partition]
    since = dict(run(connection, f"select parent_key, since from {table} where child = ? and child_partition = ?", key))
    run(connection, f"delete from {table} where child = ? and child_partition = ?", key)
    for one in by_key.values():
        run(
            connection,
            f"insert into {table} values (?, ?, ?, ?, ?, ?, ?, ?)",
            [child, partition, one.key, one.status, one.code, one.message, since.get(one.key, now), now],
        )


def forget_failed_parents(connection: DuckDBPyConnection, *, child: str) -> None:
    """Drop all that is recorded of a child, of whatever partition.

    Args:
        connection: A connection inside the child's transaction.
        child: The child's asset key as ``a/b``.
    """
    run(connection, _TABLE)
    run(connection, f"delete from {METADATA_SCHEMA}.failed_parents where child = ?", [child])
