"""The values of parent rows that children use, stored with the data, so that a child runs without its parent's API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.warehouse.database.base import registered, run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA
from dagster_rest.warehouse.values.order import by_value, with_value

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KeyWrite = Literal["append", "replace", "merge", "insert"]

SIDE = "fan_out"
"""The name under which fan-out keys are staged beside the records."""
_KEYS = ("row_key", "merge_key")


@dataclass(frozen=True, kw_only=True)
class Rank:
    """What one of several rows with the same primary key is chosen by.

    Args:
        value: The value of the field with the ``dedup_sort`` hint.
        ascending: Whether the lowest is chosen.
        as_text: Whether values are compared letter by letter.
    """

    value: Any
    ascending: bool = False
    as_text: bool = False


def encode_row(
    values: Mapping[str, Any],
    *,
    row_key: Sequence[Any] | None,
    merge_key: Sequence[Any] | None = None,
    rank: Rank | None = None,
    deleted: bool = False,
) -> dict[str, Any]:
    """One staged row of fan-out keys.

    Args:
        values: The field as the config writes it -> the raw value of the parent row.
        row_key: The parent row's primary key values, or None where it has none.
        merge_key: Its merge key values: a load that has them replaces all rows that have them.
        rank: What one of several rows with the same primary key is chosen by; else the last is.
        deleted: Whether the row takes those with its key away, and is none itself.
    """
    return {
        "row_key": None if row_key is None else dump(list(row_key)),
        "merge_key": None if merge_key is None else dump(list(merge_key)),
        "field_values": dump(dict(values)),
        **({} if rank is None else {"rank": dump(rank.value), "ascending": rank.ascending}),
        **({"ranked_as_text": True} if rank is not None and rank.as_text else {}),
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
        keep, source = "", "_staged_keys"
        if write in ("merge", "insert"):
            source, order = _ranked(rows, source)
            keep = (
                "qualify row_key is null or row_number() over"
                f" (partition by {_as_texts('row_key')} order by {', '.join(order)}) = 1"
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
            f" from (from {source} {keep}) where not deleted",
            [asset, partition, load_id, load_group, *([asset, partition] if write == "insert" else [])],
        )


def _ranked(rows: Iterable[Mapping[str, Any]], relation: str) -> tuple[str, list[str]]:
    """What to choose from, and in which order: as the rows of the table are chosen (``dedup_order``)."""
    hints = next((row for row in rows if "ascending" in row), None)
    if hints is None:
        return relation, ["seq desc"]
    text, direction = "(cast(rank as json) ->> '$')", "asc" if hints["ascending"] else "desc"
    if hints.get("ranked_as_text"):
        return relation, [f"{text} {direction} nulls last", "seq desc"]
    return with_value(relation, text), [*by_value(direction), "seq desc"]


def _as_texts(key: str) -> str:
    """A stored key for comparison: 1 and "1" are one key, as they are one value in a table's column."""
    return f"cast(cast({key} as json) as varchar[])"


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
