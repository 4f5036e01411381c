"""The ends of partitions' windows, and where among them a record's cursor value lies."""

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from dagster_rest.assets.cursor.order import notation
from dagster_rest.assets.cursor.values import format_like, parse_day, parse_instant
from dagster_rest.assets.errors import CursorError

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TEXT_EPOCH = re.compile(r"-?[0-9]{9,19}(\.[0-9]+)?")
"""A number since 1970 that is written as text: longer than a day without hyphens."""
_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
"""From this size on, a number of the present counts parts of a second: nano, micro, milli."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One end of a partition's window.

    Args:
        instant: The moment, on the clock of the partitions' zone: the days of records are that zone's days.
        unit: Parts of a second that numbers count, if the config says; else their size decides.
    """

    instant: datetime
    unit: int | None = None


def count_passed(values: Sequence[Any], edges: Sequence[Edge], *, where: str | None = None) -> list[int]:
    """For each cursor value, how many of the edges lie at it or before it.

    Args:
        values: Numbers (since 1970; as text, too), dates (days of the zone), date-times, or texts of either; without an
            offset a date-time is UTC.
        edges: In the order of time.
        where: The config path, for errors.

    Raises:
        CursorError: ``cursor_type`` for a value that is no time, and so belongs to no partition over time.

    Example:
        ```python
        from datetime import datetime, timezone

        from dagster_rest.assets.cursor.window_edges import Edge, count_passed

        noon = Edge(instant=datetime(2026, 1, 1, 12, tzinfo=timezone.utc))
        assert count_passed(["2026-01-01T11:59:59Z", "2026-01-01T13:00:00+01:00"], [noon]) == [0, 1]
        ```
    """
    texts = _edges_as_texts(values, edges)
    if texts is not None:
        return [bisect.bisect_right(texts, value) for value in values]
    values = [value if (number := text_epoch(value)) is None else number for value in values]
    instants = [edge.instant.astimezone(timezone.utc) for edge in edges]
    unit = edges[0].unit or unit_of(_largest(values))
    numbers = [epoch(edge.instant, unit=unit) for edge in edges]
    keys = [_key(value, zone=edges[0].instant.tzinfo, where=where) for value in values]
    return [bisect.bisect_right(instants if isinstance(key, datetime) else numbers, key) for key in keys]


def _edges_as_texts(values: Sequence[Any], edges: Sequence[Edge]) -> list[str] | None:
    """The edges in the notation of the values, if their order as plain text is the order of time."""
    first = values[0] if values else None
    if not isinstance(first, str) or parse_instant(first) is None:
        return None
    texts = [format_like(edge.instant, first) for edge in edges]
    written = notation(first)
    alike = all(isinstance(value, str) and notation(value) == written for value in (*texts, *values))
    return texts if alike else None


def _key(value: Any, *, zone: Any, where: str | None) -> Any:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        return _as_utc(value)
    if isinstance(value, str):
        instant = parse_instant(value)
        if instant is not None:
            return _as_utc(instant)
    day = parse_day(value) if isinstance(value, str) else value
    if isinstance(day, date):
        return first_moment(day, zone=zone).astimezone(timezone.utc)
    raise CursorError(
        f"a cursor value of type {type(value).__name__} is not a time, so its record belongs to no partition",
        code="cursor_type",
        where=where,
        hint="Partitions over time need a date, a date-time or a number since 1970 at cursor_path; without"
        " `incremental`, use {partition.start} and {partition.end} in the request.",
    )


def epoch(instant: datetime, *, unit: int = 1) -> int:
    """Whole parts of a second since 1970.

    Args:
        instant: The moment, with a zone.
        unit: Parts in a second: 1, 1000 ...
    """
    passed = instant.astimezone(timezone.utc) - _EPOCH
    return (passed // timedelta(microseconds=1)) * unit // 10**6


def text_epoch(value: Any) -> Decimal | None:
    """The number since 1970 that a text is (``"1767225600"``), or None.

    Args:
        value: A cursor value.
    """
    return Decimal(value) if isinstance(value, str) and _TEXT_EPOCH.fullmatch(value) else None


def unit_of(number: Any) -> int:
    """Parts of a second that a number since 1970 counts, by its size: 1, 1000, 1,000,000 or 1,000,000,000."""
    return next((unit for size, unit in _UNITS if abs(number) >= size), 1)


def first_moment(day: date, *, zone: Any) -> datetime:
    """The first moment of a day: not midnight where the clocks are put on at midnight."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    # There and back: an hour that does not exist becomes the one after it.
    return midnight.astimezone(timezone.utc).astimezone(zone)


def starts_a_day(instant: datetime) -> bool:
    """Whether a moment is the first of a day of its zone."""
    return first_moment(instant.date(), zone=instant.tzinfo).astimezone(timezone.utc) == instant.astimezone(
        timezone.utc
    )


def _largest(values: Sequence[Any]) -> Any:
    numbers: list[Any] = [abs(value) for value in values if isinstance(value, (int, float, Decimal))]
    return max(numbers, default=0)


def _as_utc(value: datetime) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
