"""When a request may be sent: a slot, then the pause, then a permit; with the permit it is sent at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

from dagster_rest.http.send.rate_limit import Permit, RateLimiter
from dagster_rest.http.send.slots import Slots
from dagster_rest.http.send.stats import RequestStats

#: A permit that is older may belong to another request when its own is sent.
STALE_SECONDS = 1.0


class AdmittedAttempt:
    """One attempt that has a slot; it may be more than one request: redirects, tokens, challenges.

    Args:
        admission: Gives the permits.
        permit: The first one, taken just now; None where there is no limit.
    """

    def __init__(self, admission: Admission, permit: Permit | None) -> None:
        self._admission, self.permit = admission, permit
        self._since = time.monotonic()
        self._used = False

    async def ready(self, waiting: Callable[[], AbstractContextManager[None]]) -> None:
        """Wait until the next request may be sent; it is sent at once then.

        Args:
            waiting: Entered while it waits.
        """
        stale = time.monotonic() - self._since > STALE_SECONDS
        # A pause may have begun while it waited for somebody else's token.
        if self._used or stale or self._admission.is_paused:
            with waiting():
                self.end()
                self.permit = await self._admission.acquire()
        self._used = True

    def end(self) -> None:
        """Say that the request is answered (or failed)."""
        permit, self.permit = self.permit, None
        self._admission.release(permit)


class Admission:
    """Admits the requests of a client, in its event loop.

    The order matters. Who waits for a slot holds no permit, so permits cannot pile up and be used all at once; who
    has waited for a slot or a permit checks the pause again.

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
        """Send no request for so many seconds; those under way go on.

        It also holds for the other processes that share the rate limit.
        """
        self._not_before = max(self._not_before, time.monotonic() + seconds)
        if self._limiter is not None:
            self._limiter.pause(seconds)

    @property
    def is_paused(self) -> bool:
        """Whether no request may go just now."""
        return self._not_before > time.monotonic()

    @asynccontextmanager
    async def admitted(self, slots: Slots, priority: tuple[int, ...]) -> AsyncIterator[AdmittedAttempt]:
        """Hold a slot, from the moment on at which the request may be sent.

        Args:
            slots: What limits the requests in flight.
            priority: Those with lower numbers get a slot first.
        """
        async with slots.held(priority):
            attempt = AdmittedAttempt(self, await self.acquire())
            try:
                yield attempt
            finally:
                attempt.end()

    def release(self, permit: Permit | None) -> None:
        """Give a permit back whose request is answered."""
        if self._limiter is not None and permit is not None:
            self._limiter.release(permit)

    async def acquire(self) -> Permit | None:
        """Wait until a request may be sent: the pause is over, and there is a permit if there is a limit."""
        began = time.monotonic()
        permit = await self._cleared()
        waited = time.monotonic() - began
        if waited > 0.001:
            self._stats.add(throttled_seconds=waited)
        return permit

    async def _cleared(self) -> Permit | None:
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
