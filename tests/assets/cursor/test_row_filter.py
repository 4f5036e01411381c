"""Which records of a page are kept, and where the cursor stands after them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from dagster_rest.assets.cursor.ahead import AheadRows
from dagster_rest.assets.cursor.limits import CursorLimits
from dagster_rest.assets.cursor.range import Bounds
from dagster_rest.assets.cursor.row_filter import RowFilter, row_hash
from dagster_rest.assets.cursor.values import cursor_type
from dagster_rest.assets.cursor.window_edges import Edge
from dagster_rest.assets.errors import CursorError
from dagster_rest.config.model.incremental import IncrementalConfig
from dagster_rest.warehouse.state.load_row import EDGE, CursorState


def rows_of(known: CursorState | None = None, *, key: tuple[str, ...] | None = ("id",), **options: Any) -> RowFilter:
    bounds = Bounds(**{name: options.pop(name) for name in list(options) if name in Bounds.__dataclass_fields__})
    return RowFilter(IncrementalConfig(cursor_path="at", **options), bounds=bounds, known=known, key=key)


def page(*values: Any) -> list[dict[str, Any]]:
    return [{"id": number, "at": value} for number, value in enumerate(values)]


def kept(rows: RowFilter, *values: Any) -> list[int]:
    return [record["id"] for record in rows.keep(page(*values))]


def stored(value: Any, *ids: int, kind: str = "int") -> CursorState:
    return CursorState(value=str(value), type=kind, boundary=hashes(*ids))


def hashes(*ids: int) -> tuple[str, ...]:
    return tuple(sorted(row_hash({"id": number}, ("id",)) for number in ids))


@pytest.mark.parametrize(
    ("bounds", "expected", "passed"),
    [
        ({}, [0, 1, 2, 3, 4], (False, False)),
        ({"start": 2}, [1, 2, 3, 4], (True, False)),
        ({"start": 1}, [0, 1, 2, 3, 4], (False, False)),
        ({"start": 2, "start_open": True}, [2, 3, 4], (True, False)),
        ({"end": 4}, [0, 1, 2], (False, True)),
        ({"end": 4, "end_closed": True}, [0, 1, 2, 3], (False, True)),
        ({"end": 5, "end_closed": True}, [0, 1, 2, 3, 4], (False, False)),
        ({"start": 2, "end": 4}, [1, 2], (True, True)),
        ({"start": 4, "end": 2, "last_value_func": "min"}, [2, 3], (True, True)),
        ({"start": 4, "last_value_func": min}, [0, 1, 2, 3], (True, False)),
        ({"start": 2, "last_value_func": max, "start_open": True}, [2, 3, 4], (True, False)),
    ],
)
def test_a_range_keeps_what_lies_in_it(bounds: dict[str, Any], expected: list[int], passed: Any) -> None:
    rows = rows_of(**bounds)

    assert expected == kept(rows, 1, 2, 3, 4, 5)
    assert (passed, 5 - len(expected)) == ((rows.passed_start, rows.passed_end), rows.skipped)


NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
WINDOW = (Edge(instant=NOON), Edge(instant=NOON + timedelta(hours=1)))


@pytest.mark.parametrize(
    ("values", "expected", "passed"),
    [
        (["2026-01-01T11:59:59Z", "2026-01-01T12:00:00Z"], [1], (True, False)),
        (["2026-01-01T12:59:59Z", "2026-01-01T13:00:00Z"], [0], (False, True)),
        (["2026-01-01T12:00:00Z"], [0], (False, False)),
    ],
)
@pytest.mark.parametrize("function", ["max", "min"])
def test_the_window_of_a_partition_decides_whatever_the_range_is(
    function: str, values: list[str], expected: list[int], passed: Any
) -> None:
    rows = rows_of(start="2099-01-01", window=WINDOW, last_value_func=function)

    assert expected == kept(rows, *values)
    assert (passed, len(values) - 1) == ((rows.passed_start, rows.passed_end), rows.skipped)
    kept(rows, "2026-01-01T12:30:00Z")
    assert passed == (rows.passed_start, rows.passed_end)


@pytest.mark.parametrize(
    ("initial_value", "value", "expected"),
    [
        ("2025-01-01", "2099-01-01", "2025-01-01"),
        (None, "2099-01-01", "1970-01-01"),
        (None, "2099-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        (7, 5_000_000_000, "7"),
        (None, 5_000_000_000, "0"),
    ],
)
def test_after_nothing_but_rows_ahead_the_cursor_is_where_it_began(
    initial_value: Any, value: Any, expected: str
) -> None:
    limits = CursorLimits(now=NOON, max_future=86400.0, max_step=None, epoch=1)
    config = IncrementalConfig(cursor_path="at", initial_value=initial_value)
    rows = RowFilter(config, bounds=Bounds(), key=("id",), ahead=AheadRows(limits))
    rows.keep(page(value))
    state = rows.state()

    assert state is not None
    assert (expected, (f"{hashes(0)[0]}@{cursor_type(value)}:{value}",)) == (state.value, state.boundary)


@pytest.mark.parametrize(
    ("start", "expected", "has_begun"),
    [
        ("2026-01-01", "2026-01-02", False),
        ("2099-01-01", "2099-01-01", True),
        ("2100-01-01", "2099-01-01", True),
        (None, "2099-01-01", True),
    ],
)
def test_a_stored_cursor_in_the_future_gives_way_to_a_run_from_before_it(
    start: str | None, expected: str, has_begun: bool
) -> None:
    ahead = AheadRows(CursorLimits(now=NOON, max_future=86400.0, max_step=None))
    known = stored("2099-01-01", 9, kind="str")
    rows = RowFilter(
        IncrementalConfig(cursor_path="at"), bounds=Bounds(start=start), known=known, key=("id",), ahead=ahead
    )

    assert ("2099-01-01", has_begun) == (ahead.stored, ahead.has_begun)
    rows.keep(page("2026-01-02"))
    state = rows.state()
    assert state is not None
    assert (expected, hashes(9 if has_begun else 0)) == (state.value, state.boundary)


@pytest.mark.parametrize(("values", "last"), [((15, 5, 1000, 15), (0, 3)), ((15, 5, 1000, 10), (0,))])
def test_a_cursor_that_goes_over_no_gap_begins_with_the_rows_that_follow_one_another(
    values: tuple[int, ...], last: tuple[int, ...]
) -> None:
    ahead = AheadRows(CursorLimits(now=NOON, max_future=None, max_step=10))
    rows = RowFilter(IncrementalConfig(cursor_path="at"), bounds=Bounds(), key=("id",), ahead=ahead)
    rows.keep(page(*values))

    assert CursorState(value="15", type="int", boundary=(*hashes(*last), f"{hashes(2)[0]}@int:1000")) == rows.state()


def test_what_was_passed_on_one_page_stays_so() -> None:
    rows = rows_of(start=2, end=4)
    kept(rows, 1, 5)
    kept(rows, 3)

    assert (True, True, 2) == (rows.passed_start, rows.passed_end, rows.skipped)


@pytest.mark.parametrize(
    ("key", "options", "expected"),
    [
        (("id",), {}, [1, 2]),
        (None, {}, [0, 1, 2]),
        (("id",), {"lag": 1}, [0, 1, 2]),
        (("id",), {"lag": 1, "last_value_func": max}, [1, 2]),
        (("id",), {"start_open": True}, [2]),
    ],
)
def test_of_the_rows_at_the_start_those_of_the_load_before_are_left_out(
    key: tuple[str, ...] | None, options: dict[str, Any], expected: list[int]
) -> None:
    assert expected == kept(rows_of(stored(5, 0), key=key, start=5, **options), 5, 5, 6)


def test_without_a_key_a_row_is_its_content() -> None:
    known = CursorState(value="5", type="int", boundary=(row_hash({"id": 0, "at": 5}, ()),))

    assert [1] == kept(rows_of(known, key=(), start=5), 5, 5)


def test_a_row_of_the_load_before_that_moved_on_is_kept() -> None:
    assert [0] == kept(rows_of(stored(5, 0), start=5), 6)


@pytest.mark.parametrize(
    ("options", "values", "expected"),
    [
        ({}, (3, 1, 2), ("3", (0,))),
        ({}, (3, 1, 3), ("3", (0, 2))),
        ({"last_value_func": "min"}, (3, 1, 2, 1), ("1", (1, 3))),
        ({"last_value_func": min}, (3, 1, 2, 1), ("1", (1, 3))),
        ({"last_value_func": max}, (3, 1, 2), ("3", (0,))),
        ({"end": 3}, (2, 3, 4), ("2", (0,))),
        ({"start": 2}, (1, 2), ("2", (1,))),
    ],
)
def test_the_cursor_goes_to_the_last_value_with_the_rows_that_have_it(
    options: dict[str, Any], values: tuple[int, ...], expected: Any
) -> None:
    rows = rows_of(**options)
    rows.keep(page(*values))

    value, ids = expected
    assert CursorState(value=value, type="int", boundary=hashes(*ids)) == rows.state()


def test_the_cursor_never_goes_back_and_collects_its_rows_over_pages() -> None:
    rows = rows_of(stored(5, 9))
    seen = []
    for values in [(4,), (4, 5), (6, 5), (5, 5, 6), (3,)]:
        rows.keep(page(*values))
        seen.append(rows.state())

    assert [stored(5, 9), stored(5, 1, 9), stored(6, 0), stored(6, 0, 2), stored(6, 0, 2)] == seen


def test_where_nothing_is_told_apart_the_cursor_has_no_rows() -> None:
    rows = rows_of(key=None)
    rows.keep(page(1, 2))

    assert CursorState(value="2", type="int") == rows.state()


def test_before_any_value_there_is_no_cursor() -> None:
    rows = rows_of()

    assert ([], None) == (rows.keep([]), rows.state())


def test_an_interrupted_run_goes_on_where_it_stood() -> None:
    rows = rows_of(stored(5, 0), start=5)
    rows.continue_from(CursorState(value="7", type="int", boundary=(*hashes(3), EDGE)))

    assert [1, 2] == kept(rows, 5, 5, 7)
    assert stored(7, 2, 3) == rows.state()


@pytest.mark.parametrize(("rule", "expected"), [("include", [0, 1, 3, 4]), ("exclude", [1, 4])])
def test_a_record_without_a_value_is_treated_as_asked(rule: str, expected: list[int]) -> None:
    rows = rows_of(start=2, on_cursor_value_missing=rule)
    records = [{"id": 0}, {"id": 1, "at": 2}, {"id": 2, "at": 1}, {"id": 3, "at": None}, {"id": 4, "at": 5}]

    assert expected == [record["id"] for record in rows.keep(records)]
    assert (5 - len(expected), stored(5, 4)) == (rows.skipped, rows.state())


def test_a_page_without_any_value_moves_nothing() -> None:
    rows = rows_of(stored(5, 9), on_cursor_value_missing="include")

    assert [{"id": 0}] == rows.keep([{"id": 0}])
    assert stored(5, 9) == rows.state()


@pytest.mark.parametrize("record", [{"id": 1}, {"id": 1, "at": None}])
def test_a_missing_value_is_an_error_if_nothing_is_asked(record: dict[str, Any]) -> None:
    with pytest.raises(CursorError) as caught:
        rows_of().keep([record])

    assert "cursor_missing" == caught.value.code


@pytest.mark.parametrize(
    ("bounds", "value"),
    [
        ({"start": "yesterday"}, "2024-01-01"),
        ({"end": "yesterday"}, "2024-01-01"),
        ({"start": "2024-01-01", "end": "later"}, "2024-01-01T00:00:00Z"),
    ],
)
def test_a_range_of_a_person_has_to_be_of_the_records_kind(bounds: dict[str, Any], value: str) -> None:
    with pytest.raises(CursorError) as caught:
        rows_of(**bounds, is_given=True).keep(page(value))

    assert "run_config_range" == caught.value.code


@pytest.mark.parametrize(
    ("bounds", "value"),
    [
        ({"start": "a"}, "b"),
        ({"start": "2024-01-01"}, "2024-01-01T00:00:00Z"),
        ({"start": "2024-01-01"}, "2024-W05"),
        ({"end": 5}, 3),
    ],
)
def test_a_range_of_a_person_in_the_records_kind_is_taken(bounds: dict[str, Any], value: Any) -> None:
    assert [0] == kept(rows_of(**bounds, is_given=True), value)


def test_a_range_of_the_config_is_not_checked_for_its_kind() -> None:
    assert [0] == kept(rows_of(start="a word"), "b word")


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ("a",)),
        (["x", 1], ["x", 1], ("a",)),
    ],
)
def test_rows_that_are_the_same(one: Any, other: Any, key: Sequence[str] | None) -> None:
    assert row_hash(one, key and tuple(key)) == row_hash(other, key and tuple(key))


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ()),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}, ("a", "b")),
        ({"a": 1}, {"a": "1"}, ("a",)),
    ],
)
def test_rows_that_differ(one: Any, other: Any, key: tuple[str, ...]) -> None:
    assert row_hash(one, key) != row_hash(other, key)


def test_the_hashes_of_stored_cursors_stay_the_same() -> None:
    assert "db65606cf983669943" == row_hash({"id": 1, "at": "2024-01-01"}, ("id",))
    assert "c5db6732f591d7cda0" == row_hash({"id": 1, "at": "2024-01-01"}, ())


def test_a_row_without_its_key_is_an_error() -> None:
    with pytest.raises(CursorError, match="'b'"):
        row_hash({"a": 1}, ("a", "b"))
