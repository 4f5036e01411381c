"""Which of its parent's loads, and which of its parent's values, a child has worked on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.database.base import registered, run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, has_table
from dagster_rest.warehouse.state.parents.keys import dump

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_VALUES_TABLE = f"""
create table if not exists {METADATA_SCHEMA}.consumed_values (
    child varchar not null, child_partition varchar not null, parent varchar not null, value_hash varchar not null
);
"""
"""For parents whose every load brings all their rows: which load a row is of says nothing about it being new."""


def value_hashes(rows: Iterable[Mapping[str, Any]], *, fields: Sequence[str]) -> list[str]:
    """A short text for each row that is equal for equal values of the fields that a child's request uses."""
    texts = (dump([row.get(name) for name in fields]) for row in rows)
    return [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest() for text in texts]


def consumed_values(
    connection: DuckDBPyConnection | None, *, child: str, child_partition: str, parent: str
) -> frozenset[str] | None:
    """What ``value_hashes`` gave for the rows of a parent when its child last worked on them; None if never."""
    if connection is None or not has_table(connection, "consumed_values", schema=METADATA_SCHEMA):
        return None
    found = run(
        connection,
        f"select value_hash from {METADATA_SCHEMA}.consumed_values"
        " where child = ? and child_partition = ? and parent = ?",
        [child, child_partition, parent],
    )
    return frozenset(row[0] for row in found) if found else None


def replace_consumed_values(
    connection: DuckDBPyConnection, *, child: str, child_partition: str, parent: str, hashes: Iterable[str]
) -> None:
    """Record in the child's transaction the rows of a parent that it has worked on, instead of the earlier ones.

    Args:
        connection: A connection inside the child's transaction.
        child: The child's asset key as ``a/b``.
        child_partition: The child's partition key, or the empty text.
        parent: The parent's asset key.
        hashes: What ``value_hashes`` gives for its current rows.
    """
    run(connection, _VALUES_TABLE)
    run(
        connection,
        f"delete from {METADATA_SCHEMA}.consumed_values where child = ? and child_partition = ? and parent = ?",
        [child, child_partition, parent],
    )
    import pyarrow as pa

    with registered(connection, "_consumed_hashes", pa.table({"h": pa.array(sorted(set(hashes)), type=pa.string())})):
        run(
            connection,
            f"insert into {METADATA_SCHEMA}.consumed_values select ?, ?, ?, h from _consumed_hashes",
            [child, child_partition, parent],
        )


def mark_consumed(
    connection: DuckDBPyConnection,
    *,
    child: str,
    child_partition: str,
    parent: str,
    load_ids: Iterable[str],
    forget_earlier: bool = False,
) -> None:
    """Record in the child's own transaction which of its parent's loads it has worked on.

    Args:
        connection: A connection inside the child's transaction.
        child: The child's asset key as ``a/b``.
        child_partition: The child's partition key, or the empty text.
        parent: The parent's asset key.
        load_ids: The parent's loads.
        forget_earlier: Forget what was consumed before (a full refresh of the child).
    """
    if forget_earlier:
        run(
            connection,
            f"delete from {METADATA_SCHEMA}.consumed where child = ? and child_partition = ? and parent = ?",
            [child, child_partition, parent],
        )
    run(
        connection,
        f"insert into {METADATA_SCHEMA}.consumed"
        " select ?, ?, ?, load_id from (select distinct unnest(?::varchar[]) as load_id)"
        f" where load_id not in (select load_id from {METADATA_SCHEMA}.consumed"
        " where child = ? and child_partition = ? and parent = ?)",
        [child, child_partition, parent, list(load_ids), child, child_partition, parent],
    )
