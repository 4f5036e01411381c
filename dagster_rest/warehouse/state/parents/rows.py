"""The parent rows that a run of a child works on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.warehouse.database.base import fetch_one, run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, has_table
from dagster_rest.warehouse.state.partitionings import read_partitioning

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, kw_only=True)
class ParentRows:
    """The parent rows one run of a child works on.

    Args:
        rows: One mapping a parent row: the field as the config writes it -> the raw value.
        is_new: For each row whether the child has not worked on it yet.
        load_ids: The parent's loads that the new ones come from: the child records them as consumed.
        known: Whether the parent was ever loaded into this database, or those of its partitions that were asked for.
    """

    rows: tuple[Mapping[str, Any], ...] = ()
    is_new: tuple[bool, ...] = ()
    load_ids: tuple[str, ...] = ()
    known: bool = False

    def select(self, *, new: bool) -> list[Mapping[str, Any]]:
        """The rows that are new, or those that are not."""
        return [row for row, is_new in zip(self.rows, self.is_new, strict=True) if is_new is new]


def read_parent_rows(
    connection: DuckDBPyConnection | None,
    *,
    parent: str,
    child: str,
    child_partition: str,
    which: Literal["new", "all"],
    with_old: bool = False,
    latest_group_only: bool = False,
    with_earlier: bool = False,
    partitions: Sequence[str] | None = None,
) -> ParentRows:
    """The parent rows that a child's run is to work on, in the order the parent loaded them.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        parent: The parent's asset key as ``a/b``.
        child: The child's asset key.
        child_partition: The child's partition key, or the empty text.
        which: ``new``: rows of loads this child has not consumed; ``all``: every current row counts as new.
        with_old: With ``new``: the other current rows too, marked as not new.
        latest_group_only: Of the rows that are not new (all of them with ``all``), only those of the parent's newest
            materialization are current (an append parent).
        with_earlier: With ``all`` and ``latest_group_only``: those of earlier materializations too, marked as not new.
        partitions: Only the parent's rows of these partitions.
    """
    if connection is None or not has_table(connection, "loads", schema=METADATA_SCHEMA):
        return ParentRows()
    if not _was_loaded(connection, parent=parent, partitions=partitions):
        return ParentRows()
    consumed = (
        f"k.load_id in (select load_id from {METADATA_SCHEMA}.consumed"
        " where child = ? and child_partition = ? and parent = ?)"
    )
    is_new, arguments = ("true", [])
    if which == "new":
        is_new, arguments = f"not ({consumed})", [child, child_partition, parent]
    conditions = ["k.asset = ?"]
    arguments = [*arguments, parent]
    if partitions is not None:
        conditions.append("k.partition in (select unnest(?::varchar[]))")
        arguments.append(list(partitions))  # type: ignore[arg-type]
    current = "true"
    newest = f"(select arg_max(load_group, seq) from {METADATA_SCHEMA}.loads where asset = ?)"
    if latest_group_only and which == "all" and with_earlier:
        is_new, arguments = f"k.load_group = {newest}", [parent, *arguments]
    elif latest_group_only:
        current = f"(k.load_group = {newest}{' or is_new' if which == 'new' else ''})"
        arguments.append(parent)
    wanted = f"is_new and {current}" if which == "new" and not with_old else current
    found = run(
        connection,
        f"select k.load_id, k.field_values, {is_new} as is_new from {METADATA_SCHEMA}.fan_out_keys k"
        f" join {METADATA_SCHEMA}.loads l on l.load_id = k.load_id and l.asset = k.asset and l.partition = k.partition"
        f" where {' and '.join(conditions)} and {wanted} order by l.seq, k.seq",
        arguments,
    )
    return ParentRows(
        rows=tuple(json.loads(row[1]) for row in found),
        is_new=tuple(row[2] for row in found),
        load_ids=tuple(dict.fromkeys(row[0] for row in found if row[2])),
        known=True,
    )


def lacks_keys(connection: DuckDBPyConnection | None, *, parent: str, appends: bool) -> bool:
    """Whether a parent has rows of a time when no child used it, so that nothing was kept of them for children.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        parent: The parent's asset key as ``a/b``.
        appends: Whether its loads only add. If not, a load without keys may have been replaced since, and only a parent
            without any key is sure to lack some.
    """
    if connection is None or not has_table(connection, "loads", schema=METADATA_SCHEMA):
        return False
    void = read_partitioning(connection, asset=parent).void_up_to
    keyed = f"{METADATA_SCHEMA}.fan_out_keys where asset = l.asset"
    found = fetch_one(
        connection,
        f"select count(*) > 0 from {METADATA_SCHEMA}.loads l where asset = ? and seq > ? and rows_loaded > 0"
        f" and status <> 'taken_back' and not exists (from {keyed}{' and load_id = l.load_id' if appends else ''})",
        [parent, void],
    )
    return bool(found and found[0])


def _was_loaded(connection: DuckDBPyConnection, *, parent: str, partitions: Sequence[str] | None) -> bool:
    void = read_partitioning(connection, asset=parent).void_up_to
    loads = f"from {METADATA_SCHEMA}.loads where asset = ? and seq > {void}"
    if partitions is None:
        found = fetch_one(connection, f"select count(*) > 0 {loads}", [parent])
    else:
        found = fetch_one(
            connection,
            f"select count(distinct partition) = ? {loads} and partition in (select unnest(?::varchar[]))",
            [len(set(partitions)), parent, list(partitions)],
        )
    return bool(found and found[0])
