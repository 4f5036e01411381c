"""The types a column may have: their names, their DuckDB and Arrow forms, and how a value shows one."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.errors import HintError

if TYPE_CHECKING:
    import pyarrow as pa

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
EXACT_DOUBLE = 2**53
"""Up to here every integer is a double."""
DECIMAL_DIGITS = 38
HUGEINT_LIMIT = 10**DECIMAL_DIGITS
"""Integers below this fit HUGEINT and Arrow's decimal128 alike."""

_DUCKDB = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "hugeint": "HUGEINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
    "date": "DATE",
    "time": "TIME",
    "binary": "BLOB",
    "json": "JSON",
    "wei": "DECIMAL(38,0)",
}
INTEGER_BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}
"""The integer types by width; the narrow ones come from hints with a ``precision`` only."""
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_OF_DUCKDB = {stored: name for name, stored in _DUCKDB.items() if name != "wei"}
_VARIANT = {
    str: "text",
    bool: "bool",
    int: "bigint",
    float: "double",
    Decimal: "decimal",
    dict: "json",
    list: "json",
    bytes: "binary",
    datetime.datetime: "timestamp",
    datetime.date: "date",
    datetime.time: "time",
}


PLAIN_KINDS = frozenset({Decimal, bytes, datetime.datetime, datetime.date, datetime.time})


def duckdb_type(data_type: str) -> str:
    """Return the DuckDB type of a column type, for example ``TIMESTAMP WITH TIME ZONE`` of ``timestamp``."""
    if data_type.startswith("decimal("):
        return data_type.upper()
    return _DUCKDB[data_type]


@lru_cache(maxsize=256)
def arrow_type(data_type: str) -> pa.DataType:
    """Return the Arrow type that a part file holds for a column type."""
    import pyarrow as pa

    if data_type.startswith("decimal("):
        return pa.decimal128(*decimal_size(data_type))
    simple = {
        "text": pa.string(),
        "json": pa.string(),
        "tinyint": pa.int8(),
        "smallint": pa.int16(),
        "integer": pa.int32(),
        "bigint": pa.int64(),
        "hugeint": pa.decimal128(DECIMAL_DIGITS, 0),
        "wei": pa.decimal128(DECIMAL_DIGITS, 0),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "timestamp_ntz": pa.timestamp("us"),
        "date": pa.date32(),
        "time": pa.time64("us"),
        "binary": pa.binary(),
    }
    return simple[data_type]


def of_arrow(arrow: pa.DataType) -> str:
    """Return the column type whose values an Arrow array of a part file holds; ``text`` for JSON too."""
    import pyarrow.types as kinds

    if kinds.is_decimal(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if kinds.is_timestamp(arrow):
        return "timestamp" if arrow.tz else "timestamp_ntz"
    checks = (
        (kinds.is_string, "text"),
        (kinds.is_int8, "tinyint"),
        (kinds.is_int16, "smallint"),
        (kinds.is_int32, "integer"),
        (kinds.is_int64, "bigint"),
        (kinds.is_float64, "double"),
        (kinds.is_boolean, "bool"),
        (kinds.is_date32, "date"),
        (kinds.is_time64, "time"),
        (kinds.is_binary, "binary"),
    )
    return next(name for check, name in checks if check(arrow))


def decimal_size(data_type: str) -> tuple[int, int]:
    """Return precision and scale of ``decimal(p,s)``."""
    found = _DECIMAL.fullmatch(data_type)
    if found is None:
        raise ValueError(data_type)
    return int(found[1]), int(found[2])


def is_number_wider(old: str, new: str) -> bool:
    """Say if every value of the type ``old`` is also one of ``new``, so that a column may be widened."""
    if old == new:
        return True
    if old in INTEGER_BITS and new in INTEGER_BITS:
        return INTEGER_BITS[old] <= INTEGER_BITS[new]
    if old in INTEGER_BITS:
        return new == "hugeint" or (new.startswith("decimal(") and _integer_digits(new) >= 19)
    if old.startswith("decimal(") and new.startswith("decimal("):
        return decimal_size(new)[1] >= decimal_size(old)[1] and _integer_digits(new) >= _integer_digits(old)
    return False


def is_stored_wider(recorded: str, found: str) -> bool:
    """Say if every value of one DuckDB type is also one of the other, both as the catalog names them."""
    old, new = _OF_DUCKDB.get(recorded, recorded.lower()), _OF_DUCKDB.get(found, found.lower())
    known = all(name in INTEGER_BITS or name == "hugeint" or _DECIMAL.fullmatch(name) for name in (old, new))
    return old == new or (known and is_number_wider(old, new))


def _integer_digits(data_type: str) -> int:
    precision, scale = decimal_size(data_type)
    return precision - scale


def decimal_type(value: Decimal) -> str | None:
    """Return the smallest decimal type that holds the value, or None if it has more than 38 digits."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return None
    scale = max(0, -exponent)
    integers = max(0, len(digits) + exponent)
    return sized_decimal(integers, scale)


def sized_decimal(integers: int, scale: int) -> str | None:
    """Return the decimal type with that many digits before and after the point, or None past 38 digits."""
    precision = max(1, integers + scale)
    return f"decimal({precision},{scale})" if precision <= DECIMAL_DIGITS else None


def merged_decimal(left: str, right: str) -> str | None:
    """Return the decimal type that holds both, or None if 38 digits do not do."""
    integers = max(_integer_digits(left), _integer_digits(right))
    return sized_decimal(integers, max(decimal_size(left)[1], decimal_size(right)[1]))


def fits_double(value: Decimal) -> bool:
    """Say if a double holds the number to its last digit (as its shortest text)."""
    if not value.is_finite():
        return True
    return Decimal(repr(float(value))) == value


def parse_data_type(name: str, *, precision: int | None = None, scale: int | None = None, timezone: bool = True) -> str:
    """Return the column type of a hint.

    Args:
        name: A dlt data type (``text``, ``bigint``, ``timestamp`` ...), or ``hugeint``.
        precision: Digits of a decimal, bits of a ``bigint``.
        scale: Digits of a decimal after the point.
        timezone: False makes ``timestamp`` a DuckDB TIMESTAMP in UTC without zone.

    Raises:
        HintError: The type does not exist (``warehouse_unknown_data_type``).
    """
    if name == "decimal":
        size = min(precision or DECIMAL_DIGITS, DECIMAL_DIGITS)
        return f"decimal({size},{9 if scale is None else scale})"
    if name == "bigint" and precision is not None:
        return next((kind for kind, bits in INTEGER_BITS.items() if precision <= bits), "hugeint")
    if name == "timestamp" and not timezone:
        return "timestamp_ntz"
    if name in _DUCKDB or _DECIMAL.fullmatch(name):
        return name
    if name == "complex":
        return "json"
    raise HintError(
        f"unknown data type {name!r}",
        code="warehouse_unknown_data_type",
        hint=f"Use one of {', '.join(sorted([*_DUCKDB, 'decimal']))}.",
    )


def variant_suffix(value: Any) -> str:
    """Return the type part of a variant column's name for a value, as in ``zip__v_text``."""
    if type(value) is int and abs(value) >= HUGEINT_LIMIT:
        return "text"
    if type(value) is Decimal and decimal_type(value) is None:
        return "text"
    return _VARIANT.get(type(value), "text")
