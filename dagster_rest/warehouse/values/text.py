"""Values as text: JSON with every digit, and the text form of any value."""

from __future__ import annotations

import base64
import datetime
import json
import math
from decimal import Decimal
from typing import Any

from dagster_rest.warehouse import types
from dagster_rest.warehouse.errors import WarehouseError


def dump_json(value: Any, *, sort: bool = False) -> str:
    """Return compact JSON text with every digit of every number, keys sorted if ``sort``.

    ``NaN`` and infinities, for which JSON has no number, are texts.

    Raises:
        WarehouseError: ``warehouseinvalid_text`` for half of a surrogate pair.
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
        WarehouseError: ``warehouseinvalid_text`` for half of a surrogate pair.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise invalid_text(error) from error
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


def invalid_text(error: UnicodeEncodeError) -> WarehouseError:
    """Return the error for a text that no database can store."""
    return WarehouseError(
        f"a text contains an invalid character ({error.reason})",
        code="warehouse_invalid_text",
        hint="Repair the text with a `map` step.",
    )
