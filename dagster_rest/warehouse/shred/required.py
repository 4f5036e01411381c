"""Columns that must not be null: the keys of a table, and those that a hint says so of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dagster_rest.warehouse import types
from dagster_rest.warehouse.errors import KeyValueError, NullInRequiredColumnError
from dagster_rest.warehouse.schema import SYSTEM_COLUMNS, Column
from dagster_rest.warehouse.shred.columns import Batch

_LONGEST_SHOWN = 60


def check_required(batch: Batch, *, where: str | None) -> None:
    """Refuse nulls, and values that a column's type can't hold, in the required columns of a batch.

    Args:
        batch: The rows, with their columns made.
        where: The config path, for errors.

    Raises:
        NullInRequiredColumnError: A column holds a null, or never arrived.
        KeyValueError: A column holds values that its type can't keep without loss.
    """
    table = batch.table
    for column in table.columns.values():
        if column.nullable or column.name in SYSTEM_COLUMNS:
            continue
        array = batch.arrays.get(column.name)
        misfits = [value for row, value in batch.misfits.get(column.name, ()) if row not in batch.dropped]
        if misfits:
            raise _misfit(table.name, column, misfits, where=where)
        if array is None or array.null_count:
            what = "never arrived" if array is None else f"is null in {array.null_count} of {len(array)} records"
            raise NullInRequiredColumnError(
                f"the column {table.name}.{column.name} is a key or not nullable, and {what}",
                code="warehouse_null_in_required_column",
                where=where,
                hint="Choose another key, fill the value with a `map` step, or allow nulls.",
            )


def _misfit(table: str, column: Column, found: Sequence[Any], *, where: str | None) -> KeyValueError:
    shown = repr(found[0])
    shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return KeyValueError(
        f"the column {table}.{column.name} is a key or not nullable, and as {column.data_type} it can't keep "
        f"{shown} ({types.variant_suffix(found[0])}){others} without loss",
        code="warehouse_key_value",
        where=where,
        hint="Set `data_type: text` for it in `columns` and run a full refresh, or convert its values to one type "
        "with a `map` step.",
    )
