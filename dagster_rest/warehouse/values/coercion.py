"""One value at a time as a value of a column's type, refused where it would lose something."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import re
from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from typing import Any

from dagster_rest.warehouse import types
from dagster_rest.warehouse.values.text import as_text, dump_json
from dagster_rest.warehouse.values.timestamps import EPOCH, UTC, as_utc, parse_timestamp

_EXACT = Context(prec=100)
_PAST_MICROS = re.compile(r"[.,](\d{6}\d*[1-9])", re.ASCII)
_PLAIN_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_TRUE = frozenset({"yes", "true", "t", "y", "1"})
_FALSE = frozenset({"no", "false", "f", "n", "0"})
_MICROSECONDS = frozenset({"timestamp", "timestamp_ntz", "time"})


def is_cut(value: Any, data_type: str) -> bool:
    """Say if a type would store less than the value says: another value might become the same."""
    if data_type == "date":
        try:
            return _to_timestamp(value).time() != datetime.time()
        except (ValueError, TypeError, OverflowError):
            return False
    return type(value) is str and data_type in _MICROSECONDS and _PAST_MICROS.search(value) is not None


def exact_texts(values: Sequence[Any], data_type: str) -> list[str | None] | None:
    """Return the values that a type would cut or round, as text with all their digits and null for others.

    Times are ISO 8601 texts in UTC, whatever their spelling. None if there is no such value.
    """
    if data_type not in {*_MICROSECONDS, "date"} and not data_type.startswith("decimal("):
        return None
    found = [None if value is None else _text_if_cut(value, data_type) for value in values]
    return found if any(text is not None for text in found) else None


def _text_if_cut(value: Any, data_type: str) -> str | None:
    try:
        return _exact_text(value, data_type)
    except (ValueError, TypeError, OverflowError, ArithmeticError):
        # The column does not take it at all: a variant has all of it.
        return None


def _exact_text(value: Any, data_type: str) -> str | None:
    if data_type.startswith("decimal("):
        rounded = _decimal_coercion(*types.decimal_size(data_type), rounding=True)(value)
        return as_text(value) if rounded != Decimal(str(value)) else None
    if not is_cut(value, data_type):
        return None
    if data_type == "time":
        return str(value)
    fraction = _PAST_MICROS.search(value) if type(value) is str else None
    moment = _to_timestamp(value).replace(tzinfo=None)
    return f"{moment.replace(microsecond=0)}.{fraction[1]}" if fraction else str(moment)


def coercion(data_type: str, *, rounding: bool) -> Callable[[Any], Any]:
    """Return the function that makes a value one of a type, or raises ``ValueError``, ``TypeError`` or the like."""
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
        return EPOCH + datetime.timedelta(microseconds=int(micros))
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
        value = json.loads(value, parse_float=Decimal, object_pairs_hook=_object)
    if isinstance(value, (dict, list)):
        return dump_json(value)
    raise ValueError(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


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
