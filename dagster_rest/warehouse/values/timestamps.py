"""Timestamps: ISO 8601 texts as UTC times, one by one and a column at a time."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagster_rest.warehouse import types

if TYPE_CHECKING:
    import pyarrow as pa

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = datetime.timedelta(microseconds=1)
_FIRST_MICRO = (datetime.datetime.min.replace(tzinfo=UTC) - EPOCH) // _MICRO
_LAST_MICRO = (datetime.datetime.max.replace(tzinfo=UTC) - EPOCH) // _MICRO
_STANDARD_TIMESTAMP = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$"
_WHOLE_SECONDS = len("2024-01-02T03:04:05Z")
_ZONE = r"(Z|[+-]\d{2}:?\d{2})$"
_DIGITS_PAST_MICROS = r"(\.\d{6})\d+"
_MAYBE_TIMESTAMP = re.compile(r"\d{4}.{5,}", re.ASCII | re.DOTALL)


def parse_timestamp(text: str) -> datetime.datetime | None:
    """Return the UTC time of a full ISO 8601 date-time, or None for any other text.

    A date alone, a time, a year, a week or a duration is not a date-time. Without an offset it is UTC. Digits past
    the microsecond are cut off.

    Example:
        ```python
        from dagster_rest.warehouse.values.timestamps import parse_timestamp

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


def parse_timestamps(values: Sequence[str | None]) -> pa.Array | None:
    """Return the UTC times of a column of texts, or None unless all are in the usual form: then parse one by one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(values, pa.string())
    lengths = pc.min_max(pc.binary_length(texts)).as_py()
    if lengths["min"] == lengths["max"] == _WHOLE_SECONDS and pc.all(pc.ends_with(texts, "Z"), min_count=0).as_py():
        # Nothing else of that length is a time in Arrow's eyes: no need to check each character.
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
