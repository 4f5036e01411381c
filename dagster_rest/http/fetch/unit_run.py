"""One unit while it is fetched: its stream of pages in the event loop, its pages in a queue for the caller."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable

from dagster_rest.http.errors import HttpError
from dagster_rest.http.fetch.budget import PageBudget, UnitState
from dagster_rest.http.fetch.page import FetchUnit, Page
from dagster_rest.http.fetch.page_stream import PageStream
from dagster_rest.http.fetch.prefetch import Prefetch
from dagster_rest.http.fetch.shared_selector import SharedSelector


class UnitRun:
    """Reads the pages of one unit ahead of the caller, as far as the budget allows."""

    def __init__(self, unit: FetchUnit, order: int, *, budget: PageBudget, selector: SharedSelector) -> None:
        self.unit = unit
        self.state = UnitState(order)
        self.pages: queue.SimpleQueue[Page | BaseException] = queue.SimpleQueue()
        self.task: asyncio.Task[None] | None = None
        self._budget, self._selector = budget, selector

    def start(self, prefetch: Callable[[UnitRun], Prefetch], stream: Callable[[UnitRun, Prefetch], PageStream]) -> None:
        """Begin, with what makes the unit's requests and its stream of pages; called in the event loop."""
        self.task = asyncio.ensure_future(self._work(prefetch, stream))

    async def _work(
        self, make_prefetch: Callable[[UnitRun], Prefetch], make_stream: Callable[[UnitRun, Prefetch], PageStream]
    ) -> None:
        prefetch = None
        try:
            prefetch = make_prefetch(self)
            await self._budget.room_for(self.state)
            async for page in make_stream(self, prefetch).pages():
                self.pages.put(page)
                self._budget.page_came(self.state, page.size)
                if not page.is_last:
                    await self._budget.room_for(self.state)
        except asyncio.CancelledError:
            # For a caller who waits while another thread closes the client.
            self.pages.put(HttpError("the client was closed while fetching", code="http_client_closed"))
            raise
        except BaseException as error:  # noqa: BLE001  (it is raised again in the caller's thread)
            self.pages.put(error)
        finally:
            self._selector.leave(self.state.order)
            self._budget.stop_asking(self.state)
            if prefetch is not None:
                await prefetch.cancel()


def cancel_soon(runs: list[UnitRun]) -> None:
    """Cancel units without waiting for their end; called in the event loop."""
    for run in runs:
        if run.task is not None:
            run.task.cancel()


async def cancel(runs: list[UnitRun]) -> None:
    """Cancel units, and wait for their end."""
    cancel_soon(runs)
    await asyncio.gather(*(run.task for run in runs if run.task is not None), return_exceptions=True)
