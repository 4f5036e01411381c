"""Where among the ends of windows a cursor value lies."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dagster_rest.assets.cursor.window_edges import (
    Edge,
    count_passed,
    epoch,
    first_moment,
    starts_a_day,
    text_epoch,
    unit_of,
)
from dagster_rest.assets.errors import CursorError

DAY = datetime(2026, 1, 2, tzinfo=timezone.utc)
SECONDS = 1_767_312_000
EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, 1),
        (10**11 - 1, 1),
        (10**11, 1000),
        (-(10**11), 1000),
        (10**14 - 1, 1000),
        (10**14, 10**6),
        (10**17 - 1, 10**6),
        (Decimal(10**17), 10**9),
    ],
)
def test_what_a_number_since_1970_counts(number: Any, expected: int) -> None:
    assert expected == unit_of(number)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1767225600", Decimal(1767225600)),
        ("-1767225600.5", Decimal("-1767225600.5")),
        ("20260102", None),
        ("1767225600.", None),
        ("2026-01-02", None),
        (1767225600, None),
    ],
)
def test_which_texts_are_numbers_since_1970(value: Any, expected: Decimal | None) -> None:
    assert expected == text_epoch(value)


@pytest.mark.parametrize(
    ("instant", "unit", "expected"),
    [
        (datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=timezone.utc), 1, 1),
        (datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=timezone.utc), 1000, 1500),
        (datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=timezone.utc), 1, -1),
        (datetime(1970, 1, 1, 2, tzinfo=EAST), 10**9, 0),
    ],
)
def test_whole_parts_of_a_second_since_1970(instant: datetime, unit: int, expected: int) -> None:
    assert expected == epoch(instant, unit=unit)


@pytest.mark.parametrize(
    "values",
    [
        [SECONDS - 1, SECONDS],
        [SECONDS * 1000 - 1, SECONDS * 1000],
        [SECONDS * 10**9 - 1, Decimal(SECONDS * 10**9)],
        # The largest number of a page says what all of them count.
        [5, SECONDS * 1000],
        [str(SECONDS - 1), SECONDS],
        ["2026-01-01T23:59:59.999Z", "2026-01-02T00:00:00.000Z"],
        ["2026-01-02T01:59+02:00", "2026-01-02T02:00+02:00"],
        ["20260101T235959Z", "20260102T000000Z"],
        ["2026-01-01", "2026-01-02"],
        ["20260101", "20260102"],
        [date(2026, 1, 1), DAY],
        [datetime(2026, 1, 1, 23, 59), datetime(2026, 1, 2)],
        [datetime(2026, 1, 2, 1, tzinfo=EAST), datetime(2026, 1, 2, 2, tzinfo=EAST)],
        ["2026-01-01T23:59:59Z", SECONDS],
    ],
)
def test_a_value_at_the_edge_has_passed_it(values: list[Any]) -> None:
    assert [0, 1] == count_passed(values, [Edge(instant=DAY), Edge(instant=DAY + timedelta(days=1))])


def test_numbers_count_what_the_config_says() -> None:
    edge = Edge(instant=datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc), unit=1000)

    assert [0, 1] == count_passed([999, 1000], [edge])


@pytest.mark.parametrize("value", ["hello", True, None, ["2026-01-01"], "2026-02-30"])
def test_what_is_no_time_belongs_to_no_window(value: Any) -> None:
    with pytest.raises(CursorError) as caught:
        count_passed([value], [Edge(instant=DAY)], where="resources[0]")

    assert ("cursor_type", "resources[0]") == (caught.value.code, caught.value.where)


def test_a_page_without_values_has_passed_nothing() -> None:
    assert [] == count_passed([], [Edge(instant=DAY)])


def test_a_day_begins_where_its_clocks_say() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    first = first_moment(date(2018, 11, 4), zone=zone)

    assert datetime(2018, 11, 4, 1, tzinfo=zone) == first
    assert (True, False) == (starts_a_day(first), starts_a_day(first + timedelta(hours=1)))
