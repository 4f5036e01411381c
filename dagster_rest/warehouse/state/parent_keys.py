"""The values of parent rows that children use, kept beside the data, so that a child runs without its parent's API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.warehouse.database.file import fetch_one, registered, run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, has_table
from dagster_rest.warehouse.state.partitionings import read_partitioning

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KeyWrite = Literal["append", "replace", "merge", "insert"]

SIDE = "fan_out"
"""The name under which fan-out keys are staged beside the records."""


_VALUES_TABLE = f"""
create table if not exists {METADATA_SCHEMA}.consumed_values (
    child varchar not null, child_partition varchar not null, parent varchar not null, value_hash varchar not null
);
"""
"""For parents whose every load brings all their rows: which load a row is of says nothing about it being new."""


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


def encode_row(
    values: Mapping[str, Any],
    *,
    row_key: Sequence[Any] | None,
    merge_key: Sequence[Any] | None = None,
    rank: tuple[Any, bool] | None = None,
    deleted: bool = False,
) -> dict[str, Any]:
    """One staged row of fan-out keys.

    Args:
        values: The field as the config writes it -> the raw value of the parent row.
        row_key: The parent row's primary key values, or None where it has none.
        merge_key: Its merge key values: a load that has them replaces all rows that have them.
        rank: What one of several rows with the same primary key is chosen by, and whether the lowest is; else the last.
        deleted: Whether the row takes those with its key away, and is none itself.
    """
    return {
        "row_key": None if row_key is None else _dump(list(row_key)),
        "merge_key": None if merge_key is None else _dump(list(merge_key)),
        "field_values": _dump(dict(values)),
        **({} if rank is None else {"rank": _dump(rank[0]), "ascending": rank[1]}),
        **({"deleted": True} if deleted else {}),
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
        write: ``append`` adds; ``replace`` forgets the partition's earlier rows; ``merge`` those with the same
            primary key or the same merge key; ``insert`` adds those whose primary key is not there yet.
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
            "merge_key": pa.array([row.get("merge_key") for row in rows], type=pa.string()),
            "field_values": pa.array([row["field_values"] for row in rows], type=pa.string()),
            "rank": pa.array([row.get("rank") for row in rows], type=pa.string()),
            "deleted": pa.array([bool(row.get("deleted")) for row in rows], type=pa.bool_()),
        }
    )
    run(connection, f"alter table {METADATA_SCHEMA}.fan_out_keys add column if not exists merge_key varchar")
    with registered(connection, "_staged_keys", staged):
        keep = ""
        if write in ("merge", "insert"):
            order = _order_of_ranks(ascending=any(row.get("ascending") for row in rows))
            keep = (
                "qualify row_key is null"
                f" or row_number() over (partition by {_as_texts('row_key')} order by {order}, seq desc) = 1"
            )
        if write == "insert":
            known = (
                f"select {_as_texts('row_key')} from {METADATA_SCHEMA}.fan_out_keys"
                " where asset = ? and partition = ? and row_key is not null"
            )
            keep = f"where row_key is null or {_as_texts('row_key')} not in ({known}) {keep}"
        if write == "merge":
            conditions = [f"{_as_texts(key)} in (select {_as_texts(key)} from _staged_keys)" for key in _KEYS]
            run(
                connection,
                f"delete from {METADATA_SCHEMA}.fan_out_keys where asset = ? and partition = ?"
                f" and ({' or '.join(conditions)})",
                [asset, partition],
            )
        run(
            connection,
            f"insert into {METADATA_SCHEMA}.fan_out_keys"
            " (asset, partition, load_id, load_group, seq, row_key, merge_key, field_values)"
            " select ?, ?, ?, ?, seq, row_key, merge_key, field_values"
            f" from (from _staged_keys {keep}) where not deleted",
            [asset, partition, load_id, load_group, *([asset, partition] if write == "insert" else [])],
        )


_KEYS = ("row_key", "merge_key")


def _as_texts(key: str) -> str:
    """A stored key for comparison: 1 and "1" are one key, as they are one value in a table's column."""
    return f"cast(cast({key} as json) as varchar[])"


def _order_of_ranks(*, ascending: bool) -> str:
    """Numbers by size, times by instant, texts by their characters; rows without a rank come last."""
    text = "(cast(rank as json) ->> '$')"
    direction = "asc" if ascending else "desc"
    kinds = (f"try_cast({text} as double)", f"try_cast({text} as timestamptz)", text)
    return ", ".join(f"{kind} {direction} nulls last" for kind in kinds)


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


def value_hashes(rows: Iterable[Mapping[str, Any]], *, fields: Sequence[str]) -> list[str]:
    """A short text for each row that is equal for equal values of the fields that a child's request uses."""
    texts = (_dump([row.get(name) for name in fields]) for row in rows)
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
