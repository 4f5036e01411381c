"""The type of a column, from the values it first gets, and the wider type that later values need."""

from __future__ import annotations

import datetime
import math
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from dagster_rest.warehouse import types
from dagster_rest.warehouse.values.coercion import is_cut
from dagster_rest.warehouse.values.timestamps import parse_timestamp

Kinds = Collection[type]


def infer_type(values: Sequence[Any], kinds: Kinds) -> str:
    """Return the type of a new column from its first batch of values: the first value's, wide enough for all."""
    first = next(value for value in values if value is not None)
    kind = type(first)
    if kind is str:
        return "timestamp" if parse_timestamp(first) is not None else "text"
    if kind is bool:
        return "bool"
    if kind is int:
        return _integer_type(values, first)
    if kind is float or kind is Decimal:
        return _fraction_type(values, kinds)
    if kind is dict or kind is list:
        return "json"
    return {datetime.datetime: "timestamp", datetime.date: "date", datetime.time: "time", bytes: "binary"}.get(
        kind, "text"
    )


def infer_variant_type(values: Sequence[Any], kinds: Kinds, suffix: str) -> str:
    """Return the type of a new variant column: its suffix names the type, its values the size of numbers."""
    if suffix == "text":
        return "text"
    inferred = infer_type(values, kinds)
    if suffix == "decimal" and inferred == "double":
        first = next(value for value in values if value is not None)
        return types.decimal_type(first) or "text"
    return inferred


def infer_key_type(values: Sequence[Any], kinds: Kinds) -> str:
    """As ``infer_type``, for a key by which rows are merged: moments that a timestamp would cut short are texts."""
    inferred = infer_type(values, kinds)
    return "text" if inferred == "timestamp" and any(is_cut(value, inferred) for value in values) else inferred


def _integer_type(values: Sequence[Any], first: int) -> str:
    if abs(first) >= types.HUGEINT_LIMIT:
        return "text"
    return widened_type(values, {int}, "bigint") or "bigint"


def _fraction_type(values: Sequence[Any], kinds: Kinds) -> str:
    if Decimal not in kinds or all(types.fits_double(value) for value in values if type(value) is Decimal):
        return "double"
    first = next(value for value in values if type(value) in (Decimal, float) and _is_finite(value))
    start = types.decimal_type(Decimal(repr(first)) if type(first) is float else first)
    if start is None:
        return "text"
    return widened_type(values, kinds, start) or start


def _is_finite(value: float | Decimal) -> bool:
    # `math.isfinite` takes a Decimal past the largest double for infinite.
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def widened_type(values: Sequence[Any], kinds: Kinds, data_type: str) -> str | None:
    """Return the wider type that keeps every digit of the numbers, or None if the type does as it is."""
    if data_type == "bigint" and int in kinds:
        numbers = [value for value in values if type(value) is int and abs(value) < types.HUGEINT_LIMIT]
        if numbers and (max(numbers) > types.INT64_MAX or min(numbers) < types.INT64_MIN):
            return "hugeint"
    if data_type.startswith("decimal(") and not kinds.isdisjoint({Decimal, int}):  # type: ignore[attr-defined]
        wider = data_type
        for value in values:
            if type(value) is Decimal or type(value) is int:
                needed = types.decimal_type(Decimal(value))
                merged = needed and types.merged_decimal(wider, needed)
                wider = merged or wider
        return wider if wider != data_type else None
    return None
