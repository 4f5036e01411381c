"""Cursor values: order, arithmetic and text that keeps its shape."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_rest.assets.cursor.order import bulk_keys
from dagster_rest.assets.cursor.values import (
    advance,
    compare_keys,
    cursor_type,
    format_like,
    from_state,
    is_before,
    now_like,
    parse_day,
    parse_instant,
    shift,
    to_state,
)
from dagster_rest.assets.errors import CursorError
from dagster_rest.warehouse.state.load_row import CursorState

instants = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1), timezones=st.just(timezone.utc))
EAST = timezone(timedelta(hours=2))
PATTERNS = [
    "2024-01-02T03:04:05Z",
    "2024-01-02T03:04:05.123Z",
    "2024-01-02T03:04:05.123456+00:00",
    "2024-01-02 03:04:05",
    "20240102T030405Z",
    "2024-01-02T03:04:05+0200",
    "2024-01-02T03:04:05-03:30",
    "2024-01-02T03:04:05,123+02",
    "2024-01-02T03:04:05.123456789-0330",
]
NOTATIONS = [
    *PATTERNS,
    "2024-01-02T03:04+02:00",
    "2024-01-02T03:04-03:30",
    "2024-01-02T03:04+01",
    "20240102T030405+0200",
    "20240102T030405-0330",
    "2024-01-02T03:04:05,123Z",
]
minutes = st.integers(0, 240).map(lambda count: datetime(2024, 10, 27, tzinfo=timezone.utc) + timedelta(minutes=count))


@pytest.mark.parametrize(
    "value",
    [
        7,
        -1,
        1.5,
        Decimal("1.10"),
        "abc",
        "2024-01-01T00:00:00Z",
        date(2024, 2, 29),
        datetime(2024, 1, 1, tzinfo=timezone.utc),
    ],
)
def test_a_stored_cursor_comes_back_as_it_was(value: Any) -> None:
    assert value == from_state(to_state(value))


def test_a_stored_cursor_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(CursorError, match="cursor_type"):
        from_state(CursorState(value="1", type="complex"))


@pytest.mark.parametrize("value", [True, None, [1], {"a": 1}])
def test_what_has_no_order_is_no_cursor(value: Any) -> None:
    with pytest.raises(CursorError, match="cursor_type"):
        cursor_type(value)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("2024-01-01T00:00:00+02:00", "2023-12-31T23:00:00Z"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00.5Z"),
        ("2024-01-01", "2024-01-02"),
        ("2024-01-01", "2024-01-01T00:00:01Z"),
        ("20240101T000000", "2024-01-01T00:00:01Z"),
        (1, 1.5),
        ("a", "b"),
        ("9", "a"),
        (date(2024, 1, 1), "2024-01-02"),
        (datetime(2024, 1, 1, 1, tzinfo=EAST), "2024-01-01T00:00:00Z"),
        (datetime(2024, 1, 1), "2024-01-01T00:00:01Z"),
        ("k-10", "k-9"),
        ("2024-01-01", "hello"),
        ("2024-01-01T00:00:00Z", "hello"),
        (Decimal("1.5"), 2),
    ],
)
def test_order(left: Any, right: Any) -> None:
    assert (True, False) == (is_before(left, right), is_before(right, left))


def test_a_number_and_a_text_have_no_order() -> None:
    with pytest.raises(CursorError, match="cursor_type"):
        compare_keys(1, "1")


@given(instant=instants, seconds=st.integers(0, 10**6), pattern=st.sampled_from(PATTERNS))
def test_moving_a_text_keeps_its_shape_and_comes_back(instant: datetime, seconds: int, pattern: str) -> None:
    text = format_like(instant.replace(microsecond=0), pattern)

    moved = shift(text, -seconds)

    assert text == shift(moved, seconds)
    assert len(text) == len(moved)
    assert parse_instant(text) - timedelta(seconds=seconds) == parse_instant(moved)  # type: ignore[operator]


@given(values=st.lists(minutes | instants, min_size=2, max_size=20), data=st.data())
def test_texts_in_any_notation_order_like_their_instants(values: list[datetime], data: st.DataObject) -> None:
    texts = [format_like(value, data.draw(st.sampled_from(NOTATIONS))) for value in values]

    keys, pivot = bulk_keys(texts[1:], texts[0])

    expected = [(parse_instant(text) > parse_instant(texts[0])) for text in texts[1:]]  # type: ignore[operator]
    assert expected == [key > pivot for key in keys]


SAME_LENGTH = [
    # The hour that comes twice: the clock says less an hour later.
    ("2024-10-27T02:30+02:00", "2024-10-27T02:15+01:00"),
    ("2024-10-27T02:30+0200", "2024-10-27T02:15+0100"),
    ("2024-10-27T02:30+02", "2024-10-27T02:15+01"),
    ("20241027T023000+0200", "20241027T021500+0100"),
    ("2024-10-27T02:30:00+02:00", "2024-10-27T02:15:00+01:00"),
    ("2024-10-27T02:30:00.1Z", "2024-10-27T02:30:00,2Z"),
    ("2024-10-27T02:30:00Z", "2024-10-27 02:30:01Z"),
]


@pytest.mark.parametrize(("earlier", "later"), SAME_LENGTH)
def test_texts_of_one_length_are_no_texts_of_one_notation(earlier: str, later: str) -> None:
    keys, pivot = bulk_keys([later, earlier], earlier)

    assert [True, False] == [key > pivot for key in keys]


@pytest.mark.parametrize(
    ("value", "by", "expected"),
    [
        (10, -3, 7),
        (10, -0.5, 9.5),
        (Decimal("1.5"), -1, Decimal("0.5")),
        ("2024-03-01", -1, "2024-02-29"),
        ("20240301", -1, "20240229"),
        ("20241201", -1, "20241130"),
        (date(2024, 3, 1), -1, date(2024, 2, 29)),
        (datetime(2024, 1, 1), -1, datetime(2023, 12, 31, 23, 59, 59)),
        ("2024-01-01T00:00:00.10Z", -1, "2023-12-31T23:59:59.10Z"),
        ("2024-01-01T00:00", -60, "2023-12-31T23:59"),
        ("2024-01-01T00:00", 1, "2024-01-01T00:00:01"),
        ("2024-01-01T00:00", 0.5, "2024-01-01T00:00:00.5"),
        ("20240101T0000", -60, "20231231T2359"),
        ("2024-01-01T00:00:00.1Z", 0.25, "2024-01-01T00:00:00.35Z"),
        ("2024-01-01T00:00:00Z", 0.000001, "2024-01-01T00:00:00.000001Z"),
        ("2024-01-01T00:00:00.5Z", 0.5, "2024-01-01T00:00:01.0Z"),
        ("2024-01-01T00:00:00.000000000Z", 1.5, "2024-01-01T00:00:01.500000000Z"),
        ("2024-01-01T00:00:00-03", 1, "2024-01-01T00:00:01-03"),
        (10, -3.0, 7),
        (1.5, -1, 0.5),
        (Decimal("1.1"), 0.1, Decimal("1.2")),
    ],
)
def test_shift(value: Any, by: float, expected: Any) -> None:
    found = shift(value, by)

    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize("value", ["abc", True, None])
def test_what_cannot_be_moved(value: Any) -> None:
    with pytest.raises(CursorError, match="cursor_lag"):
        shift(value, -1)


@pytest.mark.parametrize(
    ("value", "step", "times", "expected"),
    [
        ("2024-01-31", "1mo", 1, "2024-02-29"),
        ("2024-01-31", "1mo", 2, "2024-03-31"),
        ("2024-02-29", "1y", 1, "2025-02-28"),
        ("2024-01-01T00:00:00Z", "6h", 3, "2024-01-01T18:00:00Z"),
        ("2024-01-01T00:00:00Z", "15m", 1, "2024-01-01T00:15:00Z"),
        ("2024-01-01", "1w", 1, "2024-01-08"),
        (datetime(2024, 1, 1, tzinfo=EAST), "1d", 1, datetime(2024, 1, 2, tzinfo=EAST)),
        (datetime(2024, 1, 1), "1d", 1, datetime(2024, 1, 2, tzinfo=timezone.utc)),
        ("2024-01-01T00:00:00Z", "30s", 2, "2024-01-01T00:01:00Z"),
        ("20240131", "1d", 1, "20240201"),
        (date(2024, 1, 31), "1mo", 1, date(2024, 2, 29)),
        (0, 10, 2, 20),
        (0, "10", 1, 10),
        (0.0, 0.5, 3, 1.5),
    ],
)
def test_windows_advance(value: Any, step: Any, times: int, expected: Any) -> None:
    assert expected == advance(value, step, times=times)


@pytest.mark.parametrize(("value", "step"), [("abc", "1d"), (5, "1d"), ("2024-01-01", "often")])
def test_a_step_that_does_not_fit(value: Any, step: str) -> None:
    with pytest.raises(CursorError, match="cursor_step"):
        advance(value, step, times=1)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("2000-01-01", "2024-05-06"),
        ("2000-01-01T00:00:00Z", "2024-05-06T07:08:09Z"),
        ("20000101", "20240506"),
        ("2000-01-01T00:00:00-08:00", "2024-05-05T23:08:09-08:00"),
        (date(2000, 1, 1), date(2024, 5, 6)),
        (datetime(2000, 1, 1), datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)),
        (5, None),
        ("abc", None),
    ],
)
def test_the_present_in_the_shape_of_a_cursor(pattern: Any, expected: Any) -> None:
    assert expected == now_like(pattern, now=datetime(2024, 5, 5, 23, 8, 9, tzinfo=timezone(timedelta(hours=-8))))


@pytest.mark.parametrize("text", ["2024-02-30", "2024-13-01", "hello", "2024-1-1", ""])
def test_what_is_no_day(text: str) -> None:
    assert parse_day(text) is None


@pytest.mark.parametrize("text", ["2024-13-01T00:00:00Z", "2024-01-01", "2024-01-01T00:00:00Zulu", "T00:00:00Z", ""])
def test_what_is_no_instant(text: str) -> None:
    assert parse_instant(text) is None
