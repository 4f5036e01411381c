"""Requests in flight: a semaphore that serves the lowest priority first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """A semaphore for one event loop whose waiters are served by priority, lowest first.

    Args:
        count: How many may hold a slot at the same time.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[tuple[int, ...], int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @asynccontextmanager
    async def held(self, priority: tuple[int, ...]) -> AsyncIterator[None]:
        """Hold a slot."""
        await self._acquire(priority)
        try:
            yield
        finally:
            self._free += 1
            self._wake()

    async def _acquire(self, priority: tuple[int, ...]) -> None:
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += 1
                self._wake()
            raise

    def _wake(self) -> None:
        while self._free > 0 and self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._free -= 1
                turn.set_result(None)
