"""Where a run starts, and how a request says its range."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest

from dagster_rest.assets.cursor.range import Bounds, start_value, template_values
from dagster_rest.config.model.incremental import IncrementalConfig
from dagster_rest.warehouse.state.load_row import CursorState


def incremental(**options: Any) -> IncrementalConfig:
    return IncrementalConfig(cursor_path="at", **options)


@pytest.mark.parametrize(
    ("options", "known", "expected"),
    [
        ({"initial_value": 3}, None, 3),
        ({}, None, None),
        ({"initial_value": 3, "lag": 2}, None, 3),
        ({"initial_value": 3}, 10, 10),
        ({"lag": 2}, 10, 8),
        ({"initial_value": 9, "lag": 2}, 10, 9),
        ({"initial_value": 8, "lag": 2}, 10, 8),
        ({"initial_value": 3, "lag": 2}, 10, 8),
        ({"lag": 2, "last_value_func": "min"}, 10, 12),
        ({"initial_value": 11, "lag": 2, "last_value_func": "min"}, 10, 11),
        ({"initial_value": 20, "lag": 2, "last_value_func": "min"}, 10, 12),
        ({"initial_value": 3, "lag": 2, "end_value": 20}, 10, 10),
        ({"lag": 2, "last_value_func": max}, 10, 10),
    ],
)
def test_a_run_starts_from_the_cursor_less_the_lag_but_not_before_the_initial_value(
    options: dict[str, Any], known: int | None, expected: Any
) -> None:
    state = None if known is None else CursorState(value=str(known), type="int")

    assert expected == start_value(incremental(**options), state)


def test_a_request_is_told_its_range_as_text_the_api_can_read() -> None:
    bounds = Bounds(start=datetime(2024, 1, 2, tzinfo=timezone.utc), end=date(2024, 1, 3))
    config = incremental(initial_value="2024-01-01", lag=60, row_order="asc", range_end="closed")

    assert {
        "start_value": "2024-01-02T00:00:00+00:00",
        "last_value": "2024-01-02T00:00:00+00:00",
        "initial_value": "2024-01-01",
        "end_value": "2024-01-03",
        "cursor_path": "at",
        "lag": 60,
        "row_order": "asc",
        "range_start": config.range_start,
        "range_end": "closed",
    } == template_values(config, bounds)


def test_what_is_converted_is_every_value_that_there_is() -> None:
    found = template_values(incremental(initial_value=1, convert=lambda value: date(2024, 1, value)), Bounds(start=2))

    assert ("2024-01-02", "2024-01-02", "2024-01-01", None) == tuple(
        found[name] for name in ("start_value", "last_value", "initial_value", "end_value")
    )
