"""Values into Arrow arrays of a column's type: fast when a column is uniform, value by value when it is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import types
from dagster_rest.warehouse.values.coercion import coercion, is_cut
from dagster_rest.warehouse.values.inference import Kinds
from dagster_rest.warehouse.values.text import invalid_text
from dagster_rest.warehouse.values.timestamps import parse_timestamps

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Converted:
    """A column's array, and the values (by row) that its type can't hold; those rows are null."""

    array: pa.Array
    rejected: tuple[tuple[int, Any], ...] = ()


def convert_key(values: Sequence[Any], kinds: Kinds, data_type: str) -> Converted:
    """As ``convert``, for a key by which rows are merged: a value that would be cut or rounded is rejected."""
    cut = [(row, value) for row, value in enumerate(values) if value is not None and is_cut(value, data_type)]
    if cut:
        kept = list(values)
        for row, _ in cut:
            kept[row] = None
        values = kept
    converted = convert(values, kinds, data_type)
    return Converted(converted.array, tuple(sorted([*converted.rejected, *cut], key=lambda found: found[0])))


def convert(values: Sequence[Any], kinds: Kinds, data_type: str, *, rounding: bool = False) -> Converted:
    """Return the Arrow array of a column's values.

    Args:
        values: One value a row, None for missing.
        kinds: The Python types of the values, NoneType left out.
        data_type: The column's type.
        rounding: True rounds to a decimal's scale (half to even) where it would lose digits.
    """
    import pyarrow as pa

    arrow = types.arrow_type(data_type)
    try:
        fast = _FAST.get(data_type)
        if fast is not None and kinds <= fast:  # type: ignore[operator]
            return Converted(pa.array(values, arrow))
        if data_type == "timestamp" and kinds == {str}:
            array = parse_timestamps(values)
            if array is not None:
                return Converted(array)
    except (pa.ArrowInvalid, OverflowError):
        pass
    except UnicodeEncodeError as error:
        raise invalid_text(error) from error
    coerce = coercion(data_type, rounding=rounding)
    return _convert_one_by_one(values, coerce, arrow)


_FAST: dict[str, set[type]] = {
    "text": {str},
    **{kind: {int} for kind in types.INTEGER_BITS},
    "double": {float, int},
    "bool": {bool},
    "binary": {bytes},
}


def _convert_one_by_one(values: Sequence[Any], coerce: Callable[[Any], Any], arrow: pa.DataType) -> Converted:
    import pyarrow as pa

    stored: list[Any] = []
    rejected: list[tuple[int, Any]] = []
    for row, value in enumerate(values):
        if value is None:
            stored.append(None)
            continue
        try:
            stored.append(coerce(value))
        except (ValueError, TypeError, OverflowError, InvalidOperation):
            stored.append(None)
            rejected.append((row, value))
    try:
        return Converted(pa.array(stored, arrow), tuple(rejected))
    except UnicodeEncodeError as error:
        raise invalid_text(error) from error
