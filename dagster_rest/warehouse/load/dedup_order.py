"""The order of ``dedup_sort``: by value, whichever column of a key a value went to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dagster_rest.warehouse.schema import Column
from dagster_rest.warehouse.state.catalog import quoted

_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
_MOMENT = r"^\d{4}-\d{2}-\d{2}([T ].*)?$"
_SCALES = (12, 0, 30)
"""Scales of decimals with 38 digits: together they order numbers that are equal as doubles."""


def dedup_order(columns: Sequence[Column]) -> list[str]:
    """Return the terms of an ORDER BY that puts the record which a ``dedup_sort`` hint prefers first.

    Where values went to variant columns, or a text column was not asked for, they are compared as what they are:
    numbers, truth values (1 and 0) and moments (in seconds since 1970) with one another, wherever they are kept and
    as texts too; then, in both directions, other texts; then null.

    Args:
        columns: The columns of the table.
    """
    for column in columns:
        direction = column.hints.get("dedup_sort")
        if direction:
            return _terms(column, variants_of(column, columns), "ASC" if direction == "asc" else "DESC")
    return []


def variants_of(column: Column, columns: Iterable[Column]) -> list[Column]:
    """Return the columns that hold what a column's type can't."""
    return [one for one in columns if one.variant and one.name.startswith(f"{column.name}__v_")]


def _terms(column: Column, variants: Sequence[Column], direction: str) -> list[str]:
    if not variants and (column.data_type != "text" or column.hinted):
        return [f"{quoted(column.name)} {direction} NULLS LAST"]
    all_of_it = [column, *variants]
    number = _first(_number(one) for one in all_of_it)
    keys = [number]
    keys += [_first(f"TRY_CAST({_exact(one)} AS DECIMAL(38,{scale}))" for one in all_of_it) for scale in _SCALES]
    keys.append(f"CASE WHEN {number} IS NULL THEN {_first(_text(one) for one in all_of_it)} END")
    return [f"{key} {direction} NULLS LAST" for key in keys]


def _first(expressions: Iterable[str]) -> str:
    return f"coalesce({', '.join(expressions)}, NULL)"


def _number(column: Column) -> str:
    name, kind = quoted(column.name), column.data_type
    if kind == "text":
        text = f"replace({name}, ',', '.')"
        return (
            f"CASE WHEN regexp_matches({name}, '{_NUMBER}') THEN TRY_CAST({name} AS DOUBLE) "
            f"WHEN lower({name}) IN ('true', 'false') THEN CAST(lower({name}) = 'true' AS DOUBLE) "
            f"WHEN regexp_matches({name}, '{_MOMENT}') THEN epoch(TRY_CAST({text} AS TIMESTAMP WITH TIME ZONE)) END"
        )
    if kind in ("timestamp", "timestamp_ntz", "date"):
        return f"epoch({name})"
    if kind in ("json", "time", "binary"):
        return "CAST(NULL AS DOUBLE)"
    return f"CAST({name} AS DOUBLE)"


def _exact(column: Column) -> str:
    """Return the number itself, for those that are one double."""
    name, kind = quoted(column.name), column.data_type
    if kind == "text":
        return f"CASE WHEN regexp_matches({name}, '{_NUMBER}') THEN {name} END"
    if kind in ("timestamp", "timestamp_ntz", "date"):
        return f"CAST(epoch_us({name}) AS DECIMAL(20,0)) * CAST(0.000001 AS DECIMAL(7,6))"
    if kind in ("json", "time", "binary", "bool"):
        return "CAST(NULL AS VARCHAR)"
    return name


def _text(column: Column) -> str:
    return f"CAST({quoted(column.name)} AS VARCHAR)"
