"""The values of parent rows that children use, kept beside the data, so that a child runs without its parent's API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.warehouse.catalog import METADATA_SCHEMA, has_table
from dagster_rest.warehouse.connection import fetch_one, registered, run

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KeyWrite = Literal["append", "replace", "merge"]

SIDE = "fan_out"
"""The name under which fan-out keys are staged beside the records."""


@dataclass(frozen=True, kw_only=True)
class ParentRows:
    """The parent rows one run of a child works on.

    Args:
        rows: One mapping a parent row: the field as the config writes it -> the raw value.
        load_ids: The parent's loads they come from: the child records them as consumed.
        known: Whether the parent was ever loaded into this database, or those of its partitions that were asked for.
    """

    rows: tuple[Mapping[str, Any], ...] = ()
    load_ids: tuple[str, ...] = ()
    known: bool = False


def encode_row(values: Mapping[str, Any], *, row_key: Sequence[Any] | None) -> dict[str, Any]:
    """One staged row of fan-out keys.

    Args:
        values: The field as the config writes it -> the raw value of the parent row.
        row_key: The parent row's primary key values, or None where it has none.
    """
    return {
        "row_key": None if row_key is None else _dump(list(row_key)),
        "field_values": _dump(dict(values)),
    }


def _dump(value: Any) -> str:
    return json.dumps(value, default=_as_text, ensure_ascii=False, separators=(",", ":"))


def _as_text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def write_fan_out_keys(
    connection: DuckDBPyConnection,
    rows: Sequence[Mapping[str, Any]],
    *,
    asset: str,
    partition: str,
    load_id: str,
    load_group: str,
    write: KeyWrite,
) -> None:
    """Keep the values of a parent's load, in the transaction of its data.

    Args:
        connection: A connection inside the load's transaction.
        rows: What ``encode_row`` gave.
        asset: The parent's asset key as ``a/b``.
        partition: The partition key, or the empty text.
        load_id: The load that brought the rows.
        load_group: The materialization it belongs to.
        write: ``append`` adds; ``replace`` forgets the partition's earlier rows; ``merge`` those with the same key.
    """
    if write == "replace":
        run(
            connection,
            f"delete from {METADATA_SCHEMA}.fan_out_keys where asset = ? and partition = ? and load_group <> ?",
            [asset, partition, load_group],
        )
    if not rows:
        return
    import pyarrow as pa

    staged = pa.table(
        {
            "seq": pa.array(range(len(rows)), type=pa.int64()),
            "row_key": pa.array([row["row_key"] for row in rows], type=pa.string()),
            "field_values": pa.array([row["field_values"] for row in rows], type=pa.string()),
        }
    )
    with registered(connection, "_staged_keys", staged):
        if write == "merge":
            run(
                connection,
                f"delete from {METADATA_SCHEMA}.fan_out_keys where asset = ? and partition = ?"
                " and row_key in (select row_key from _staged_keys)",
                [asset, partition],
            )
            keep = "qualify row_key is null or row_number() over (partition by row_key order by seq desc) = 1"
        else:
            keep = ""
        run(
            connection,
            f"insert into {METADATA_SCHEMA}.fan_out_keys"
            f" select ?, ?, ?, ?, seq, row_key, field_values from _staged_keys {keep}",
            [asset, partition, load_id, load_group],
        )


def forget_fan_out_keys(
    connection: DuckDBPyConnection,
    *,
    asset: str,
    partitions: Iterable[str] | None = None,
    load_ids: Iterable[str] | None = None,
) -> None:
    """Drop a parent's stored values: all of them, those of some partitions, or those of some loads."""
    conditions, arguments = ["asset = ?"], [asset]
    for column, chosen in (("partition", partitions), ("load_id", load_ids)):
        if chosen is not None:
            conditions.append(f"{column} in (select unnest(?::varchar[]))")
            arguments.append(list(chosen))  # type: ignore[arg-type]
    run(connection, f"delete from {METADATA_SCHEMA}.fan_out_keys where {' and '.join(conditions)}", arguments)


def read_parent_rows(
    connection: DuckDBPyConnection | None,
    *,
    parent: str,
    child: str,
    child_partition: str,
    which: Literal["new", "all"],
    latest_group_only: bool = False,
    partitions: Sequence[str] | None = None,
) -> ParentRows:
    """The parent rows that a child's run is to work on, in the order the parent loaded them.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        parent: The parent's asset key as ``a/b``.
        child: The child's asset key.
        child_partition: The child's partition key, or the empty text.
        which: ``new``: rows of loads this child has not consumed; ``all``: every current row.
        latest_group_only: With ``all``: only the rows of the parent's newest materialization (an append parent).
        partitions: Only the parent's rows of these partitions.
    """
    if connection is None or not has_table(connection, "loads", schema=METADATA_SCHEMA):
        return ParentRows()
    if not _was_loaded(connection, parent=parent, partitions=partitions):
        return ParentRows()
    conditions, arguments = ["k.asset = ?"], [parent]
    if partitions is not None:
        conditions.append("k.partition in (select unnest(?::varchar[]))")
        arguments.append(list(partitions))  # type: ignore[arg-type]
    if which == "new":
        conditions.append(
            f"k.load_id not in (select load_id from {METADATA_SCHEMA}.consumed"
            " where child = ? and child_partition = ? and parent = ?)"
        )
        arguments += [child, child_partition, parent]
    elif latest_group_only:
        conditions.append(
            f"k.load_group = (select arg_max(load_group, seq) from {METADATA_SCHEMA}.loads where asset = ?)"
        )
        arguments.append(parent)
    found = run(
        connection,
        f"select k.load_id, k.field_values from {METADATA_SCHEMA}.fan_out_keys k"
        f" join {METADATA_SCHEMA}.loads l on l.load_id = k.load_id and l.asset = k.asset and l.partition = k.partition"
        f" where {' and '.join(conditions)} order by l.seq, k.seq",
        arguments,
    )
    return ParentRows(
        rows=tuple(json.loads(row[1]) for row in found),
        load_ids=tuple(dict.fromkeys(row[0] for row in found)),
        known=True,
    )


def _was_loaded(connection: DuckDBPyConnection, *, parent: str, partitions: Sequence[str] | None) -> bool:
    loads = f"from {METADATA_SCHEMA}.loads where asset = ?"
    if partitions is None:
        found = fetch_one(connection, f"select count(*) > 0 {loads}", [parent])
    else:
        found = fetch_one(
            connection,
            f"select count(distinct partition) = ? {loads} and partition in (select unnest(?::varchar[]))",
            [len(set(partitions)), parent, list(partitions)],
        )
    return bool(found and found[0])


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
