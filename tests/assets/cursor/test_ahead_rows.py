"""What is remembered of rows ahead of a cursor, and what is said of them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from dagster_rest.assets.cursor import ahead
from dagster_rest.assets.cursor.ahead import AheadRows, SeenAhead, at_cursor, to_boundary
from dagster_rest.assets.cursor.limits import CursorLimits
from dagster_rest.assets.errors import CursorError
from dagster_rest.warehouse.state.load_row import EDGE

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
FUTURE = "2099-01-0{}"


def rows_of(*, max_future: float | None = 86400.0, max_step: float | None = None, **options: Any) -> AheadRows:
    return AheadRows(CursorLimits(now=NOW, max_future=max_future, max_step=max_step), **options)


def hold(rows: AheadRows, *numbers: int, at: str = FUTURE) -> None:
    for number in numbers:
        rows.hold(at.format(number), {"id": number}, row_hash=f"h{number}")


def hashes(rows: list[Any]) -> list[str]:
    return [row.hash for row in rows]


def test_no_more_rows_are_remembered_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MOST_AHEAD", 2)
    growing, merging = rows_of(), rows_of(growing=False)
    for rows in (growing, merging):
        hold(rows, 1, 2, 1)

    with pytest.raises(CursorError, match="for example at 2099-01-03"):
        hold(growing, 3)
    hold(merging, 3)
    assert ["h1", "h2"] == hashes(merging.sent())


def test_rows_over_a_gap_are_remembered_for_as_long_as_it_may_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MOST_AHEAD", 2)
    rows = rows_of(max_future=None, max_step=1, has_begun=True)
    for number in (30, 10, 20):
        rows.hold(number, {"id": number}, row_hash=f"h{number}")

    assert ["h10", "h20", "h30"] == hashes(rows.sent())


def test_of_two_values_of_one_row_the_last_is_remembered() -> None:
    rows = rows_of()
    hold(rows, 1)
    rows.hold("2098-01-01", {"id": 1}, row_hash="h1")

    assert ["h1@str:2098-01-01"] == to_boundary(rows.sent())


def test_what_was_loaded_before_is_known_by_its_hash_and_its_moment() -> None:
    boundary = ["h1@str:2099-01-01", "at the cursor", EDGE]
    rows, keeping = rows_of(), rows_of(drops=False)
    rows.load(boundary, earlier=True)
    keeping.load(boundary, earlier=True)

    assert rows.was_loaded("2099-01-01T00:00:00Z", lambda: "h1")
    assert not rows.was_loaded("2099-01-01", lambda: "h2")
    assert not rows.was_loaded("2099-01-02", lambda: "h1")
    assert not keeping.was_loaded("2099-01-01", lambda: "h1")
    assert {"at the cursor"} == at_cursor(boundary)
    assert ([], ["h1"]) == (hashes(rows.sent()), hashes(rows.settled()[1]))


def test_what_an_interrupted_load_held_is_of_this_load_and_what_an_earlier_one_loaded_is_not() -> None:
    told: list[AheadRows] = []
    rows = rows_of(on_first=told.append)
    rows.load(["h1@str:2099-01-01"], earlier=True)
    rows.load(["h1@str:2099-01-01"], earlier=False)
    assert [] == told
    rows.load(["h2@str:2099-01-02", "h3@str:2099-01-03"], earlier=False)

    assert [rows] == told
    assert ["h2", "h3"] == hashes(rows.sent())
    assert not rows.was_loaded("2099-01-02", lambda: "h2")


def test_the_first_row_ahead_is_told_once() -> None:
    told: list[AheadRows] = []
    rows = rows_of(on_first=told.append)
    hold(rows, 1)
    assert [rows] == told
    hold(rows, 2, 3)

    assert [rows] == told


@pytest.mark.parametrize("last", [None, "2026-01-01"])
def test_a_time_in_the_future_is_ahead_wherever_the_cursor_stands(last: Any) -> None:
    assert rows_of().is_ahead("2099-01-01", last=last)
    assert not rows_of().is_ahead("2026-06-01", last=last)


def test_before_it_has_begun_a_cursor_that_goes_over_no_gap_has_all_rows_ahead() -> None:
    rows = rows_of(max_future=None, max_step=10)

    assert (True, False) == (rows.is_ahead(5, last=None), rows.is_ahead("a word", last=None))
    assert (False, True) == (rows.is_ahead(15, last=5), rows.is_ahead(16, last=5))


@pytest.mark.parametrize(
    ("key", "record", "expected"),
    [
        (("id",), {"id": 7}, "id 7 at 2099-01-01"),
        (("id", "n"), {"id": 7, "n": "x"}, "id 7, n x at 2099-01-01"),
        (("id", "gone"), {"id": 7}, "id 7 at 2099-01-01"),
        ((), {"id": 7}, "a row at 2099-01-01"),
        (("id",), "no object", "a row at 2099-01-01"),
        (("id",), {"id": "x" * 500}, f"id {'x' * 197}"),
    ],
)
def test_how_a_row_is_named(key: tuple[str, ...], record: Any, expected: str) -> None:
    rows = rows_of(key=key)
    rows.hold("2099-01-01", record, row_hash="h")

    assert (1, [expected]) == SeenAhead([rows]).found()


def test_some_rows_are_named_and_all_are_counted() -> None:
    one, other = rows_of(key=("id",)), rows_of(key=("id",))
    hold(one, 4, 2, 1, 3)
    hold(other, 5)
    other.note_stored_cursor("2099-12-31")

    assert (6, ["id 1 at 2099-01-01", "id 2 at 2099-01-02", "id 3 at 2099-01-03"]) == SeenAhead([one, other]).found()
    assert (2, ["the stored cursor 2099-12-31", "id 5 at 2099-01-05"]) == SeenAhead([other]).found()
    assert (0, []) == SeenAhead([rows_of()]).found()


def test_a_stored_cursor_in_the_future_is_told() -> None:
    told: list[AheadRows] = []
    rows = rows_of(on_first=told.append)
    rows.note_stored_cursor("2099-12-31")

    assert [rows] == told


def of_numbers(*numbers: int, has_begun: bool = True, **limits: Any) -> AheadRows:
    rows = rows_of(**{"max_future": None, "max_step": 10, **limits}, has_begun=has_begun)
    for number in numbers:
        rows.hold(number, {}, row_hash=f"h{number}")
    return rows


@pytest.mark.parametrize(
    ("numbers", "last", "released", "left"),
    [
        ((30, 10, 20, 41), 0, ["h10", "h20", "h30"], ["h41"]),
        ((5, 10, 12), 10, ["h10", "h12"], []),
        ((5, 30), 10, [], ["h30"]),
        ((30,), 10, [], ["h30"]),
        ((10, 20), None, [], ["h10", "h20"]),
        ((), 0, [], []),
    ],
)
def test_rows_that_the_cursor_reaches_are_ahead_no_longer(
    numbers: tuple[int, ...], last: int | None, released: list[str], left: list[str]
) -> None:
    rows = of_numbers(*numbers)

    assert released == hashes(rows.release(last))
    assert left == hashes(rows.settled()[1])


def test_a_cursor_that_has_not_begun_begins_with_the_lowest_rows() -> None:
    begins, left = of_numbers(15, 5, 100, has_begun=False).settled()

    assert (["h5", "h15"], ["h100"]) == (hashes(begins), hashes(left))


@pytest.mark.parametrize(
    ("numbers", "last", "released"),
    [
        ((0, 100, 105, 110, 500), None, [0, 100, 105, 110]),
        ((0, 100, 200, 205, 210), 0, [0, 100, 200, 205, 210]),
        ((0, 5, 100, 105), None, []),
        # Of runs of one length, the later one: the sequence has jumped there.
        ((0, 5, 100, 105, 500), None, [0, 5, 100, 105]),
        ((100, 200, 300, 400, 500), 0, [100, 200, 300, 400, 500]),
    ],
)
def test_of_more_rows_than_are_stray_the_longest_run_takes_the_cursor_along(
    monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...], last: int | None, released: list[int]
) -> None:
    monkeypatch.setattr(ahead, "MOST_AHEAD", 4)
    rows = of_numbers(*numbers, has_begun=last is not None)

    assert released == [row.value for row in rows.release(last)]
    assert bool(released) == (rows.has_begun or last is not None)


def test_times_in_the_future_never_take_the_cursor_along() -> None:
    rows = rows_of(max_step=86400.0, has_begun=True)
    for number in (1, 2, 3):
        rows.hold(f"2026-06-0{number}", {"id": number}, row_hash=f"h{number}")

    assert ["h1", "h2"] == hashes(rows.release("2026-06-01"))


def test_without_a_gap_to_close_nothing_is_released() -> None:
    rows = rows_of(has_begun=True)
    hold(rows, 1)

    assert [] == rows.release("2098-12-31")
    assert [] == rows.release("2099-01-01")
    assert ["h1"] == hashes(rows.settled()[1])
