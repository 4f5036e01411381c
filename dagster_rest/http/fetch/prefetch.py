"""Requests of a unit that are under way before its stream of pages asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dagster_rest.http.fetch.budget import PageBudget, UnitState
from dagster_rest.http.request import Request

if TYPE_CHECKING:
    from dagster_rest.http.send.context import Context, Outcome
    from dagster_rest.http.send.sender import Sender


class Prefetch:
    """Sends the requests of one unit, as many of them ahead as the budget allows."""

    def __init__(self, sender: Sender, context: Context, unit: UnitState, budget: PageBudget) -> None:
        self._sender, self._context = sender, context
        self._unit, self._budget = unit, budget
        # By the fingerprint of the request, in the order of their pages.
        self._tasks: dict[int, asyncio.Task[Outcome]] = {}
        # Bytes of responses that have come and that nobody has asked for yet.
        self._held: dict[int, int] = {}
        self._sent = 0

    async def get(self, request: Request) -> Outcome:
        """The response to a request, perhaps asked for already."""
        key = request.fingerprint()
        task = self._tasks.pop(key, None)
        if task is None:
            return await self._send(request)
        try:
            return await task
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            self._release(key)

    def ahead(self, request: Request, later: Callable[[int], Iterator[Request]]) -> None:
        """Send what will be asked for, unless a response says otherwise.

        Args:
            request: The next request.
            later: Makes those behind it, in order, without the first so many.
        """
        if not self._budget.prefetch:
            return
        key = request.fingerprint()
        if next(iter(self._tasks), None) != key:
            self._drop_all_but(key)
            self._begin(key, request)
        # Those under way are the next ones still: only what comes behind them has to be made.
        for following in later(len(self._tasks) - 1):
            if len(self._tasks) >= self._budget.depth(self._unit) or not self._budget.has_room():
                return
            self._begin(following.fingerprint(), following)

    async def cancel(self) -> None:
        """Cancel what is under way."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for key in list(self._held):
            self._release(key)

    def _begin(self, key: int, request: Request) -> None:
        if key in self._tasks:
            return
        # Counted from here on, not from when the task first runs: more are begun before that.
        self._budget.in_flight += 1
        task = asyncio.ensure_future(self._send(request))
        task.add_done_callback(lambda done: self._arrived(key, done))
        self._tasks[key] = task

    def _arrived(self, key: int, task: asyncio.Task[Outcome]) -> None:
        self._budget.in_flight -= 1
        if not task.cancelled() and task.exception() is None and self._tasks.get(key) is task:
            self._held[key] = len(task.result().response.content)
            self._budget.bytes_waiting += self._held[key]

    def _drop_all_but(self, key: int) -> None:
        """Forget requests that will not follow: the list goes on elsewhere than it seemed."""
        for other in [one for one in self._tasks if one != key]:
            self._tasks.pop(other).cancel()
            self._release(other)

    def _release(self, key: int) -> None:
        self._budget.bytes_waiting -= self._held.pop(key, 0)

    async def _send(self, request: Request) -> Outcome:
        self._sent += 1
        return await self._sender.send(request, self._context, priority=(self._unit.order, self._sent))
