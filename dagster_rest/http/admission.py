"""When a request may be sent: a slot, then the pause, then a permit; with the permit it is sent at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dagster_rest.http.page import RequestStats
from dagster_rest.http.rate_limit import Permit, RateLimiter
from dagster_rest.http.slots import Slots


class Admission:
    """Admits the requests of a client, in its event loop.

    The order matters. Who waits for a slot holds no permit, so permits cannot pile up and be used all at once; who
    has waited for a slot or a permit looks at the pause again before it goes.

    Args:
        limiter: The rate limit, or None.
        stats: Takes the seconds waited.
    """

    def __init__(self, *, limiter: RateLimiter | None, stats: RequestStats) -> None:
        self._limiter = limiter
        self._stats = stats
        self._not_before = 0.0
        self._line: asyncio.Lock | None = None

    def pause(self, seconds: float) -> None:
        """Let no request go for so long, whoever asks; those under way go on."""
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    @asynccontextmanager
    async def admitted(self, slots: Slots, priority: tuple[int, ...]) -> AsyncIterator[None]:
        """Hold a slot, from the moment on at which the request may be sent.

        Args:
            slots: What limits the requests in flight.
            priority: Those with lower numbers get a slot first.
        """
        async with slots.held(priority):
            began = time.monotonic()
            permit = await self._clearance()
            try:
                waited = time.monotonic() - began
                if waited > 0.001:
                    self._stats.add(throttled_seconds=waited)
                yield
            finally:
                if self._limiter is not None and permit is not None:
                    self._limiter.give_back(permit)

    async def _clearance(self) -> Permit | None:
        if self._limiter is None:
            await self._pause_over()
            return None
        # One at a time asks for permits, in the order of arrival.
        self._line = self._line or asyncio.Lock()
        async with self._line:
            while True:
                await self._pause_over()
                permit = self._limiter.take()
                if isinstance(permit, Permit):
                    return permit
                await asyncio.sleep(permit)

    async def _pause_over(self) -> None:
        while (wait := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(wait)
