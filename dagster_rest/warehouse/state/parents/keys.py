"""The values of parent rows that children use, stored with the data, so that a child runs without its parent's API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.warehouse.database.base import registered, run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KeyWrite = Literal["append", "replace", "merge", "insert"]

SIDE = "fan_out"
"""The name under which fan-out keys are staged beside the records."""
_KEYS = ("row_key", "merge_key")


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
        "row_key": None if row_key is None else dump(list(row_key)),
        "merge_key": None if merge_key is None else dump(list(merge_key)),
        "field_values": dump(dict(values)),
        **({} if rank is None else {"rank": dump(rank[0]), "ascending": rank[1]}),
        **({"deleted": True} if deleted else {}),
    }


def dump(value: Any) -> str:
    """Values as JSON text; what JSON has no form for is text."""
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
