"""How many pages may be asked for, and how much those that wait may hold."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

PAGES_AHEAD_FIRST = 4
PAGES_AHEAD_OTHERS = 2
BYTES_WAITING = 64 * 1024 * 1024


@dataclass
class UnitState:
    """How far a unit is.

    Attributes:
        order: The unit's number in the fetch.
        waiting: Pages that wait for the caller.
        produced: Pages that came, in all.
        wanted: Pages that the caller asked for; counted only without prefetching.
        asking: Whether a page is being asked for.
    """

    order: int
    waiting: int = 0
    produced: int = 0
    wanted: int = 0
    asking: bool = False


class PageBudget:
    """Lets the units of a fetch go on as long as there is room; used in the client's event loop only.

    The first unit may always go on, so nothing can deadlock.

    Args:
        concurrency: Requests in flight.
        prefetch: Whether pages are asked for before the caller wants them.
    """

    def __init__(self, *, concurrency: int, prefetch: bool) -> None:
        self.concurrency = concurrency
        self.prefetch = prefetch
        self.bytes_waiting = 0
        self.in_flight = 0
        self._first = 0
        self._asking = 0
        self._largest = 0
        self._stalled: list[tuple[UnitState, asyncio.Future[None]]] = []

    def depth(self, unit: UnitState) -> int:
        """How many requests of a unit may be under way."""
        return self.concurrency if unit.order == self._first else PAGES_AHEAD_OTHERS

    def has_room(self) -> bool:
        """Whether one more page may be asked for, if it is as large as the largest so far."""
        return self.bytes_waiting + (self._asking + self.in_flight + 1) * self._largest <= BYTES_WAITING

    async def room_for(self, unit: UnitState) -> None:
        """Wait until a unit may ask for one more page."""
        if self._may_go_on(unit):
            self._ask(unit)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stalled.append((unit, waiter))
        await waiter

    def page_came(self, unit: UnitState, size: int) -> None:
        """A page of so many bytes waits for the caller."""
        unit.waiting += 1
        unit.produced += 1
        self.bytes_waiting += size
        # One large page does not slow down all that follow.
        self._largest = max(self._largest * 7 // 8, size) if size else self._largest
        self.stop_asking(unit)

    def stop_asking(self, unit: UnitState) -> None:
        """A unit's page has come, or will not."""
        if unit.asking:
            unit.asking = False
            self._asking -= 1
        self._wake()

    def page_taken(self, unit: UnitState, size: int) -> None:
        """The caller has taken a page."""
        unit.waiting -= 1
        self.bytes_waiting -= size
        self._wake()

    def page_wanted(self, unit: UnitState) -> None:
        """The caller waits for a page."""
        unit.wanted += 1
        self._wake()

    def unit_left(self, unit: UnitState) -> None:
        """The caller goes on to the next unit."""
        self._first = unit.order + 1
        self._wake()

    def _may_go_on(self, unit: UnitState) -> bool:
        if not self.prefetch and unit.produced and unit.produced >= unit.wanted:
            return False
        if unit.order == self._first:
            return unit.waiting == 0 or (unit.waiting < PAGES_AHEAD_FIRST and self.has_room())
        # No more than may be in flight: what waits for a slot has not been counted when it comes.
        return unit.waiting < PAGES_AHEAD_OTHERS and self._asking < self.concurrency and self.has_room()

    def _ask(self, unit: UnitState) -> None:
        unit.asking = True
        self._asking += 1

    def _wake(self) -> None:
        stalled, self._stalled = self._stalled, []
        for unit, waiter in stalled:
            if waiter.done():
                continue
            if self._may_go_on(unit):
                self._ask(unit)
                waiter.set_result(None)
            else:
                self._stalled.append((unit, waiter))
