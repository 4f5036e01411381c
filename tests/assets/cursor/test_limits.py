"""How far a cursor may go, as its config says."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from dagster_rest.assets.cursor.limits import CursorLimits, limits_of
from tests.config.support import one

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
DATED = "2025-01-01T00:00:00Z"
HINTED: dict[str, Any] = {"columns": {"at": {"data_type": "timestamp"}}}


def limits(resource: dict[str, Any] | None = None, **incremental: Any) -> CursorLimits | None:
    given = {"cursor_path": "at", "initial_value": DATED, **incremental}
    return limits_of(one({"name": "a", "endpoint": {"incremental": given}, **(resource or {})}), now=NOW)


def test_a_cursor_of_times_stops_a_day_beyond_the_present() -> None:
    assert CursorLimits(now=NOW, max_future=86400.0, max_step=None) == limits()


def test_each_limit_is_as_the_config_says() -> None:
    found = limits(max_future="2h", max_step="7d", last_value_func="min")

    assert CursorLimits(now=NOW, max_future=7200.0, max_step=604800.0, backwards=True) == found


@pytest.mark.parametrize(
    ("resource", "incremental", "expected"),
    [
        ({}, {"initial_value": None}, True),
        ({}, {"initial_value": "2025-01-01"}, True),
        ({}, {"initial_value": 5}, False),
        ({}, {"initial_value": "a word"}, False),
        (HINTED, {"initial_value": 5}, True),
        ({}, {"initial_value": 5, "max_step": 10}, True),
        ({}, {"max_future": None}, False),
        ({}, {"max_future": None, "max_step": 10}, True),
        ({}, {"last_value_func": "min"}, False),
        ({}, {"last_value_func": "min", "max_step": 10}, True),
        ({}, {"last_value_func": max, "max_step": 10}, False),
        ({"write_disposition": "replace"}, {"max_step": 10}, False),
        ({"write_disposition": "merge", "primary_key": "id"}, {}, True),
    ],
)
def test_which_cursors_have_a_limit(resource: dict[str, Any], incremental: dict[str, Any], expected: bool) -> None:
    assert expected == (limits(resource, **incremental) is not None)


def test_a_resource_without_a_cursor_has_no_limit() -> None:
    assert limits_of(one({"name": "a"}), now=NOW) is None


@pytest.mark.parametrize(
    ("initial_value", "data_type", "expected"),
    [
        (1_700_000_000, "timestamp", 1),
        (-1_700_000_000, "date", 1),
        (99_999_999_999, "timestamp", 1),
        (100_000_000_000, "timestamp", 1000),
        (-1_700_000_000_000, "timestamp", 1000),
        (1_700_000_000_000.5, "timestamp", 1000),
        (Decimal(1_700_000_000_000), "timestamp", 1000),
        (1_700_000_000_000_000, "timestamp", 10**6),
        (1_700_000_000_000_000_000, "timestamp", 10**9),
        (10**30, "timestamp", 10**9),
        (None, "timestamp", 1),
        (DATED, "timestamp", 1),
        (None, "bigint", None),
        (None, None, None),
    ],
)
def test_how_many_numbers_are_one_second(initial_value: Any, data_type: str | None, expected: int | None) -> None:
    columns = {"columns": {"at": {"data_type": data_type}}} if data_type else {}
    found = limits(columns, initial_value=initial_value)

    assert found is not None
    assert expected == found.epoch


@pytest.mark.parametrize("value", ["2026-06-02", "2026-06-02T00:00:00Z", "2026-06-02T02:00:00+02:00"])
def test_the_last_moment_that_a_time_may_have(value: str) -> None:
    at_the_edge = CursorLimits(now=NOW, max_future=86400.0, max_step=None)
    just_before = CursorLimits(now=NOW, max_future=86399.0, max_step=None)

    assert (False, True) == (at_the_edge.is_future(value), just_before.is_future(value))


@pytest.mark.parametrize(
    ("options", "value", "expected"),
    [
        ({"epoch": None}, 10**30, False),
        ({"epoch": 1000}, 1_780_358_400_000, False),
        ({"epoch": 1000}, 1_780_358_400_001, True),
        # A text in a column of numbers that are times is a time of its own.
        ({"epoch": 1000}, "2026-06-03", True),
        ({"epoch": 1000}, "a word", False),
        ({"max_future": None}, "2099-01-01", False),
        ({"backwards": True}, "2099-01-01", False),
    ],
)
def test_what_lies_too_far_in_the_future(options: dict[str, Any], value: Any, expected: bool) -> None:
    assert expected == CursorLimits(**{"now": NOW, "max_future": 86400.0, "max_step": None, **options}).is_future(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-02", 86400),
        ("1970-01-01T00:00:02.5Z", 2.5),
        (7, 7),
        (Decimal("1.5"), Decimal("1.5")),
        ("a word", None),
    ],
)
def test_where_a_value_lies(value: Any, expected: Any) -> None:
    forwards = CursorLimits(now=NOW, max_future=None, max_step=1)
    backwards = CursorLimits(now=NOW, max_future=None, max_step=1, backwards=True)

    assert (expected, None if expected is None else -expected) == (forwards.position(value), backwards.position(value))


@pytest.mark.parametrize(
    ("options", "start", "end", "expected"),
    [
        ({}, 0, 10, True),
        ({}, 0, 10.5, False),
        ({}, 0, -1000, True),
        ({}, None, 1000, True),
        ({}, 0, None, True),
        ({"max_step": None}, 0, 1000, True),
        ({"epoch": 1000}, 0, 10_000, True),
        ({"epoch": 1000}, 0, 10_001, False),
        ({}, 0, float("inf"), False),
        ({}, float("-inf"), 0, False),
        ({}, 2**53, Decimal(2**53 + 11), False),
    ],
)
def test_what_the_cursor_goes_over(options: dict[str, Any], start: Any, end: Any, expected: bool) -> None:
    assert expected == CursorLimits(**{"now": NOW, "max_future": None, "max_step": 10, **options}).spans(start, end)
