"""Values into Arrow arrays of a column's type, fast when a column is uniform, value by value when it is not."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import types
from dagster_rest.warehouse.errors import WarehouseError

if TYPE_CHECKING:
    import pyarrow as pa

Kinds = Collection[type]
UTC = datetime.timezone.utc
_EXACT = Context(prec=100)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = datetime.timedelta(microseconds=1)
_FIRST_MICRO = (datetime.datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICRO
_LAST_MICRO = (datetime.datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICRO

_STANDARD_TIMESTAMP = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$"
_WHOLE_SECONDS = len("2024-01-02T03:04:05Z")
_ZONE = r"(Z|[+-]\d{2}:?\d{2})$"
_DIGITS_PAST_MICROS = r"(\.\d{6})\d+"
_PAST_MICROS = re.compile(r"[.,]\d{6}\d*[1-9]", re.ASCII)
_MAYBE_TIMESTAMP = re.compile(r"\d{4}.{5,}", re.ASCII | re.DOTALL)
_PLAIN_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_TRUE = frozenset({"yes", "true", "t", "y", "1"})
_FALSE = frozenset({"no", "false", "f", "n", "0"})


@dataclass(frozen=True)
class Converted:
    """A column's array, and the values (by row) that its type can't hold; those rows are null."""

    array: pa.Array
    rejected: tuple[tuple[int, Any], ...] = ()


def parse_timestamp(text: str) -> datetime.datetime | None:
    """Return the UTC time of a full ISO 8601 date-time, or None for any other text.

    A date alone, a time, a year, a week or a duration is not a date-time. Without an offset it is UTC. Digits past
    the microsecond are cut off.

    Example:
        ```python
        from dagster_rest.warehouse.shred.values import parse_timestamp

        assert parse_timestamp("2024-01-02T03:04:05+02:00").isoformat() == "2024-01-02T01:04:05+00:00"
        assert parse_timestamp("2024-01-02") is None
        ```
    """
    if not _MAYBE_TIMESTAMP.match(text):
        return None
    from pendulum.parsing import parse
    from pendulum.parsing.exceptions import ParserError

    try:
        found = parse(text, exact=True)
    except (ParserError, ValueError, OverflowError, TypeError):
        return None
    if not isinstance(found, datetime.datetime):
        return None
    try:
        return as_utc(found)
    except OverflowError:
        return None


def as_utc(value: datetime.datetime) -> datetime.datetime:
    """Return the time in UTC; a time without zone is one in UTC already."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def dump_json(value: Any, *, sort: bool = False) -> str:
    """Return compact JSON text with every digit of every number, keys sorted if ``sort``.

    ``NaN`` and infinities, for which JSON has no number, are texts.

    Raises:
        WarehouseError: ``warehouse_invalid_text`` for half of a surrogate pair.
    """
    import orjson

    option = orjson.OPT_PASSTHROUGH_SUBCLASS | (orjson.OPT_SORT_KEYS if sort else 0)
    try:
        text = orjson.dumps(value, option=option)
        if b"null" not in text or not _has_no_number(value):
            return text.decode()
        return _encode(value, sort=sort)
    except TypeError:
        return _encode(value, sort=sort)


def _has_no_number(value: Any) -> bool:
    """Say if a float is in the value that orjson would write as null."""
    if isinstance(value, dict):
        return any(map(_has_no_number, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_no_number, value))
    return isinstance(value, float) and not math.isfinite(value)


def check_text(text: str) -> str:
    """Return a text that a database can store as it is.

    Raises:
        WarehouseError: ``warehouse_invalid_text`` for half of a surrogate pair.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _invalid_text(error) from error
    return text


def _encode(value: Any, *, sort: bool) -> str:
    """Return JSON text of what orjson refuses: integers beyond 64 bits, Decimals, and whatever a step made."""
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: str(pair[0])) if sort else value.items()
        return "{" + ",".join(f"{_encode(str(key), sort=sort)}:{_encode(item, sort=sort)}" for key, item in pairs) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ",".join(_encode(item, sort=sort) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(check_text(value), ensure_ascii=False)
    if isinstance(value, float) and not math.isfinite(value):
        return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
    if isinstance(value, (bool, float)) or value is None:
        return dump_json(value) if type(value) in (bool, float, type(None)) else json.dumps(value)
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    return json.dumps(check_text(as_text(value)), ensure_ascii=False)


def as_text(value: Any) -> str:
    """Return the text form of any value that a text column stores."""
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return dump_json(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return _digits(value) if type(value) is int else str(value)


def _digits(value: int) -> str:
    # Python refuses to write integers of more than 4,300 digits; `decimal` does not.
    return str(value) if abs(value) < types.HUGEINT_LIMIT else str(Decimal(value))


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
    return {
        datetime.datetime: "timestamp",
        datetime.date: "date",
        datetime.time: "time",
        bytes: "binary",
    }.get(kind, "text")


def infer_variant_type(values: Sequence[Any], kinds: Kinds, suffix: str) -> str:
    """Return the type of a new variant column, which the part of its name tells but for the size of numbers."""
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
    return "text" if inferred == "timestamp" and any(_is_cut(value, inferred) for value in values) else inferred


def _is_cut(value: Any, data_type: str) -> bool:
    """Say if a type would store less than the value says: another value might become the same."""
    if data_type == "date":
        try:
            return _to_timestamp(value).time() != datetime.time()
        except (ValueError, TypeError, OverflowError):
            return False
    return type(value) is str and data_type in _MICROSECONDS and _PAST_MICROS.search(value) is not None


_MICROSECONDS = frozenset({"timestamp", "timestamp_ntz", "time"})


def convert_key(values: Sequence[Any], kinds: Kinds, data_type: str) -> Converted:
    """As ``convert``, for a key by which rows are merged: a value that would be cut or rounded is rejected."""
    cut = [(row, value) for row, value in enumerate(values) if value is not None and _is_cut(value, data_type)]
    if cut:
        kept = list(values)
        for row, _ in cut:
            kept[row] = None
        values = kept
    converted = convert(values, kinds, data_type)
    return Converted(converted.array, tuple(sorted([*converted.rejected, *cut], key=lambda found: found[0])))


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
            array = _parse_timestamps(values)
            if array is not None:
                return Converted(array)
    except (pa.ArrowInvalid, OverflowError):
        pass
    except UnicodeEncodeError as error:
        raise _invalid_text(error) from error
    coerce = _coercion(data_type, rounding=rounding)
    return _convert_one_by_one(values, coerce, arrow)


_FAST: dict[str, set[type]] = {
    "text": {str},
    **{kind: {int} for kind in types.INTEGER_BITS},
    "double": {float, int},
    "bool": {bool},
    "binary": {bytes},
}


def _invalid_text(error: UnicodeEncodeError) -> WarehouseError:
    return WarehouseError(
        f"a text holds a character that is no character ({error.reason})",
        code="warehouse_invalid_text",
        hint="Repair the text with a `map` step.",
    )


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
        raise _invalid_text(error) from error


def _parse_timestamps(values: Sequence[str | None]) -> pa.Array | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(values, pa.string())
    lengths = pc.min_max(pc.binary_length(texts)).as_py()
    if lengths["min"] == lengths["max"] == _WHOLE_SECONDS and pc.all(pc.ends_with(texts, "Z"), min_count=0).as_py():
        # Nothing else of that length is a time in Arrow's eyes: no need to look at each character.
        return _within_calendar(pc.cast(texts, types.arrow_type("timestamp")))
    if not pc.all(pc.match_substring_regex(texts, _STANDARD_TIMESTAMP), min_count=0).as_py():
        return None
    zoned = pc.match_substring_regex(texts, _ZONE)
    if not pc.all(zoned, min_count=0).as_py():
        texts = pc.if_else(zoned, texts, pc.binary_join_element_wise(texts, "Z", ""))
    if (lengths["max"] or 0) > _WHOLE_SECONDS:
        texts = pc.replace_substring_regex(texts, _DIGITS_PAST_MICROS, r"\1")
    return _within_calendar(pc.cast(texts, types.arrow_type("timestamp")))


def _within_calendar(instants: pa.Array) -> pa.Array | None:
    """Return the instants, or None if an offset takes one out of the years 1 to 9999: nobody could read it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bounds = pc.min_max(pc.cast(instants, pa.int64()))
    first, last = bounds["min"].as_py(), bounds["max"].as_py()
    return instants if first is None or (first >= _FIRST_MICRO and last <= _LAST_MICRO) else None


def _coercion(data_type: str, *, rounding: bool) -> Callable[[Any], Any]:
    if data_type.startswith("decimal("):
        return _decimal_coercion(*types.decimal_size(data_type), rounding=rounding)
    return _COERCIONS[data_type]


def _integer_coercion(bits: int) -> Callable[[Any], int]:
    limit = 2 ** (bits - 1)

    def to_integer(value: Any) -> int:
        number = _to_integer(value)
        if not -limit <= number < limit:
            raise ValueError(value)
        return number

    return to_integer


def _to_hugeint(value: Any) -> Decimal:
    number = _to_integer(value)
    if abs(number) >= types.HUGEINT_LIMIT:
        raise ValueError(value)
    return Decimal(number)


def _to_integer(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float or type(value) is Decimal:
        if value % 1 != 0 or (type(value) is float and abs(value) > types.EXACT_DOUBLE):
            raise ValueError(value)
        return int(value)
    if type(value) is str and _PLAIN_INTEGER.fullmatch(value) and value != "-0":
        return int(value)
    raise ValueError(value)


def _to_double(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        if abs(value) > types.EXACT_DOUBLE:
            raise ValueError(value)
        return float(value)
    if type(value) is Decimal and types.fits_double(value):
        return float(value)
    if type(value) is str and _PLAIN_NUMBER.fullmatch(value) and types.fits_double(Decimal(value)):
        return float(value)
    raise ValueError(value)


def _decimal_coercion(precision: int, scale: int, *, rounding: bool) -> Callable[[Any], Decimal]:
    size = f"decimal({precision},{scale})"
    step = Decimal(1).scaleb(-scale)

    def to_decimal(value: Any) -> Decimal:
        if type(value) is bool or not isinstance(value, (int, float, str, Decimal)):
            raise ValueError(value)
        if type(value) is str and not _PLAIN_NUMBER.fullmatch(value):
            raise ValueError(value)
        number = Decimal(repr(value)) if type(value) is float else Decimal(value)
        if rounding:
            number = number.quantize(step, context=_EXACT)
        needed = types.decimal_type(number)
        if needed is None or not types.is_number_wider(needed, size):
            raise ValueError(value)
        return number

    return to_decimal


def _to_bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    if type(value) is str:
        text = value.lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
    elif isinstance(value, (int, float, Decimal)) and value in (0, 1):
        return bool(value)
    raise ValueError(value)


def _to_timestamp(value: Any) -> datetime.datetime:
    if isinstance(value, datetime.datetime):
        return as_utc(value)
    if type(value) is str:
        return parse_timestamp(value) or _midnight(datetime.date.fromisoformat(value))
    if type(value) is int or type(value) is float:
        micros = Decimal(repr(value)) * 1_000_000
        if micros % 1 != 0:
            raise ValueError(value)
        return _EPOCH + datetime.timedelta(microseconds=int(micros))
    if isinstance(value, datetime.date):
        return _midnight(value)
    raise ValueError(value)


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime(day.year, day.month, day.day, tzinfo=UTC)


def _to_naive_timestamp(value: Any) -> datetime.datetime:
    return _to_timestamp(value).replace(tzinfo=None)


def _to_date(value: Any) -> datetime.date:
    if isinstance(value, datetime.datetime):
        return as_utc(value).date()
    if isinstance(value, datetime.date):
        return value
    if type(value) is str:
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            return _to_timestamp(value).date()
    return _to_timestamp(value).date()


def _to_time(value: Any) -> datetime.time:
    if isinstance(value, datetime.time):
        return value
    if type(value) is str:
        found = datetime.time.fromisoformat(value.replace("Z", "+00:00"))
        if found.utcoffset():
            raise ValueError(value)
        return found.replace(tzinfo=None)
    raise ValueError(value)


def _to_binary(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if type(value) is not str:
        raise ValueError(value)
    if value.startswith("0x"):
        return bytes.fromhex(value[2:])
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(value) from error


def _to_json(value: Any) -> str:
    if type(value) is str and value.lstrip()[:1] in ("{", "["):
        value = json.loads(value, parse_float=Decimal)
    if isinstance(value, (dict, list)):
        return dump_json(value)
    raise ValueError(value)


_COERCIONS: dict[str, Callable[[Any], Any]] = {
    "text": as_text,
    "json": _to_json,
    **{kind: _integer_coercion(bits) for kind, bits in types.INTEGER_BITS.items()},
    "hugeint": _to_hugeint,
    "wei": _to_hugeint,
    "double": _to_double,
    "bool": _to_bool,
    "timestamp": _to_timestamp,
    "timestamp_ntz": _to_naive_timestamp,
    "date": _to_date,
    "time": _to_time,
    "binary": _to_binary,
}
