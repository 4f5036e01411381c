"""Which units may ask for another page."""

from __future__ import annotations

import asyncio

import pytest

from dagster_rest.http.fetch.budget import PageBudget, UnitState


@pytest.mark.parametrize("left", ["before", "behind"])
def test_a_unit_that_is_cancelled_while_it_waits_keeps_nobody_waiting(left: str) -> None:
    async def scene() -> list[bool]:
        budget = PageBudget(concurrency=1, prefetch=True)
        units = [UnitState(order=n) for n in range(3)]
        await budget.room_for(units[0])
        waiting = [asyncio.ensure_future(budget.room_for(unit)) for unit in units[1:]]
        await asyncio.sleep(0)
        cancelled, kept = waiting if left == "before" else waiting[::-1]
        cancelled.cancel()
        budget.page_came(units[0], 10)
        await asyncio.wait_for(kept, 5)
        return [unit.asking for unit in units]

    assert [False, left == "behind", left == "before"] == asyncio.run(scene())


def test_only_the_first_unit_has_many_requests_under_way() -> None:
    budget = PageBudget(concurrency=6, prefetch=True)
    units = [UnitState(order=n) for n in range(2)]
    assert [6, 2] == [budget.depth(unit) for unit in units]
    budget.unit_left(units[0])
    assert 6 == budget.depth(units[1])


@pytest.mark.parametrize(("most", "in_flight", "room"), [(60, 0, True), (59, 0, False), (90, 1, True), (89, 1, False)])
def test_room_is_for_pages_as_large_as_the_largest(
    monkeypatch: pytest.MonkeyPatch, most: int, in_flight: int, room: bool
) -> None:
    """One page of 30 bytes waits; those under way and the next one are taken to be as large."""
    monkeypatch.setattr("dagster_rest.http.fetch.budget.BYTES_WAITING", most)
    budget = PageBudget(concurrency=6, prefetch=True)
    budget.page_came(UnitState(order=0), 30)
    budget.in_flight = in_flight
    assert room == budget.has_room()


def test_a_large_page_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dagster_rest.http.fetch.budget.BYTES_WAITING", 500)
    budget = PageBudget(concurrency=6, prefetch=True)
    unit = UnitState(order=0)
    rooms = []
    for size in (800, 1, 1, 1, 1):
        budget.page_came(unit, size)
        budget.page_taken(unit, size)
        rooms.append(budget.has_room())
    assert [False, False, False, False, True] == rooms
