"""The cursors that a child keeps for each of its parents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import registered, run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA
from dagster_rest.warehouse.state.load_row import CursorState

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def read_parent_cursors(connection: DuckDBPyConnection, *, asset: str, partition: str) -> dict[str, CursorState]:
    """The cursor of each parent by its key, of one asset and partition."""
    rows = run(
        connection,
        f"select parent_key, cursor, cursor_type, boundary from {METADATA_SCHEMA}.parent_cursors"
        " where asset = ? and partition = ?",
        [asset, partition],
    )
    return {row[0]: CursorState(value=row[1], type=row[2], boundary=tuple(row[3])) for row in rows}


def replace_parent_cursors(
    connection: DuckDBPyConnection, *, asset: str, partition: str, cursors: Mapping[str, CursorState], keep_others: bool
) -> None:
    """Write the cursors that a child resource keeps for each of its parents.

    Args:
        connection: A connection inside the load's transaction.
        asset: The child's asset key as ``a/b``.
        partition: The partition key, or the empty text.
        cursors: The new cursor per parent key.
        keep_others: Whether parents that are not in ``cursors`` keep theirs (False after a full refresh).
    """
    if not keep_others:
        run(
            connection,
            f"delete from {METADATA_SCHEMA}.parent_cursors where asset = ? and partition = ?",
            [asset, partition],
        )
    if not cursors:
        return
    import pyarrow as pa

    changed = pa.table(
        {
            "parent_key": list(cursors),
            "cursor": [cursor.value for cursor in cursors.values()],
            "cursor_type": [cursor.type for cursor in cursors.values()],
            "boundary": pa.array([list(cursor.boundary) for cursor in cursors.values()], type=pa.list_(pa.string())),
        }
    )
    with registered(connection, "_changed_cursors", changed):
        run(
            connection,
            f"delete from {METADATA_SCHEMA}.parent_cursors where asset = ? and partition = ?"
            " and parent_key in (select parent_key from _changed_cursors)",
            [asset, partition],
        )
        run(
            connection,
            f"insert into {METADATA_SCHEMA}.parent_cursors"
            " select ?, ?, parent_key, cursor, cursor_type, boundary from _changed_cursors",
            [asset, partition],
        )
