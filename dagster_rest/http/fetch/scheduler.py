"""Fetches many units at a time: pages in the order of the units, memory bounded.

The caller's thread pulls units from its iterable, a window ahead of the page it is handed. Each unit reads its pages
in the client's event loop and puts them into a queue of its own. The caller takes from the queue of the first unit
only, so the order is that of the units, whatever comes first. The first unit may always go on; the others stop when
the pages that wait hold too much, so nothing can deadlock and memory stays flat.
"""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace

from dagster_rest.http.connection import Connection
from dagster_rest.http.errors import HttpError
from dagster_rest.http.fetch.budget import PageBudget, UnitState
from dagster_rest.http.fetch.page_stream import PageStream
from dagster_rest.http.fetch.prefetch import Prefetch
from dagster_rest.http.fetch.progress import ProgressLog
from dagster_rest.http.fetch.shared_selector import SharedSelector
from dagster_rest.http.page import FetchOptions, FetchUnit, Page
from dagster_rest.http.paginators import create_paginator, parse_paginator
from dagster_rest.http.transport.loop import BlockedError, LoopWatchdog

UNITS_AHEAD = 4


@dataclass(eq=False)
class _UnitRun:
    """One unit while it is fetched.

    Attributes:
        unit: The unit.
        state: How far it is.
        pages: Its pages for the caller, or the error that ended them.
        task: What reads them in the event loop; None until it has begun.
    """

    unit: FetchUnit
    state: UnitState
    pages: queue.SimpleQueue[Page | BaseException] = field(default_factory=queue.SimpleQueue)
    task: asyncio.Task[None] | None = None


class Fetch:
    """Fetches units for a caller's thread; iterate it once.

    Args:
        connection: The client's.
        units: The units, consumed lazily in the caller's thread.
        options: How they are fetched.
        keep_response: Whether pages carry their responses.
    """

    def __init__(
        self, connection: Connection, units: Iterable[FetchUnit], options: FetchOptions, *, keep_response: bool = False
    ) -> None:
        self._connection = connection
        self._units = iter(units)
        self._options = options = _prepared(options)
        self._keep_response = keep_response
        self._selector = SharedSelector(options.data_selector, detected=options.selector)
        self._loop = connection.loop
        self._sender = connection.sender
        self._context = connection.context(options)
        self._concurrency = options.max_concurrency or connection.settings.max_concurrency
        self._budget = PageBudget(concurrency=self._concurrency, prefetch=options.prefetch)
        self._runs: deque[_UnitRun] = deque()
        self._started = 0
        self._exhausted = False
        self._progress = ProgressLog(options)

    def __iter__(self) -> Generator[Page]:
        self._loop.refuse_reentry()
        try:
            while self._top_up():
                item = self._take(self._runs[0])
                if isinstance(item, Page):
                    self._progress.count(item)
                    yield item
                elif not self._goes_on_after(self._runs[0], item):
                    raise item
        except BlockedError:
            # Nor can their end be waited for.
            runs, self._runs = list(self._runs), deque()
            self._loop.call(_cancel_soon, runs)
            raise
        finally:
            self._cancel()

    def _top_up(self) -> bool:
        """Start units up to the window; whether any is left."""
        # One at a time means: unit by unit, page by page.
        window = UNITS_AHEAD * self._concurrency if self._concurrency > 1 else 1
        pulled = 0
        while not self._exhausted and len(self._runs) < window:
            # A page that is ready goes out before the caller's iterable, which may be slow, is asked for more.
            if pulled >= 2 and not self._runs[0].pages.empty():
                break
            pulled += 1
            unit = next(self._units, None)
            if unit is None:
                self._exhausted = True
                break
            run = _UnitRun(unit, UnitState(self._started))
            self._started += 1
            self._runs.append(run)
            self._loop.call(self._begin, run)
        return bool(self._runs)

    def _take(self, run: _UnitRun) -> Page | BaseException:
        if not self._options.prefetch:
            self._loop.call(self._budget.page_wanted, run.state)
        watchdog = LoopWatchdog(self._loop)
        while True:
            try:
                item = run.pages.get(timeout=min(self._progress.seconds_left(), watchdog.period))
                break
            except queue.Empty:
                if self._loop.closed and run.pages.empty():
                    # It ended before it came to this unit.
                    return _closed_meanwhile()
                watchdog.check()
                self._progress.report_if_due()
        if isinstance(item, Page):
            self._loop.call(self._budget.page_taken, run.state, item.size)
            if item.is_last:
                self._leave(run)
        return item

    def _goes_on_after(self, run: _UnitRun, error: BaseException) -> bool:
        """Leave a unit that failed behind, if the caller wants that."""
        on_unit_error = self._options.on_unit_error
        if on_unit_error is None or not isinstance(error, HttpError) or not on_unit_error(run.unit, error):
            return False
        self._leave(run)
        return True

    def _leave(self, run: _UnitRun) -> None:
        self._runs.popleft()
        self._loop.call(self._budget.unit_left, run.state)

    def _begin(self, run: _UnitRun) -> None:
        run.task = asyncio.ensure_future(self._read(run))

    async def _read(self, run: _UnitRun) -> None:
        """Read the pages of a unit ahead of the caller, as far as the budget allows; in the event loop."""
        prefetch = None
        try:
            prefetch = Prefetch(self._sender, self._context.trusting(run.unit.request), run.state, self._budget)
            await self._budget.room_for(run.state)
            async for page in self._stream(run, prefetch).pages():
                run.pages.put(page)
                self._budget.page_came(run.state, page.size)
                if not page.is_last:
                    await self._budget.room_for(run.state)
        except asyncio.CancelledError:
            # For a caller who waits while another thread closes the client.
            run.pages.put(_closed_meanwhile())
            raise
        except BaseException as error:  # noqa: BLE001  (it is raised again in the caller's thread)
            run.pages.put(error)
        finally:
            self._selector.leave(run.state.order)
            self._budget.stop_asking(run.state)
            if prefetch is not None:
                await prefetch.cancel()

    def _stream(self, run: _UnitRun, prefetch: Prefetch) -> PageStream:
        return PageStream(
            unit=run.unit,
            options=self._options,
            request=self._connection.first_request(run.unit.request, headers=self._options.headers),
            source=prefetch,
            selector=self._selector,
            order=run.state.order,
            redactor=self._connection.redactor,
            stats=self._connection.stats,
            auth=self._context.auth,
            keep_response=self._keep_response,
        )

    def _cancel(self) -> None:
        runs, self._runs = list(self._runs), deque()
        if not runs or self._loop.closed:
            return
        if self._loop.is_current:
            # A garbage collection may close an abandoned iterator in any thread.
            self._loop.call(_cancel_soon, runs)
        else:
            self._loop.run(_cancel(runs))


def _closed_meanwhile() -> HttpError:
    return HttpError("the client was closed while fetching", code="http_client_closed")


def _cancel_soon(runs: list[_UnitRun]) -> None:
    """Cancel units without waiting for their end; called in the event loop."""
    for run in runs:
        if run.task is not None:
            run.task.cancel()


async def _cancel(runs: list[_UnitRun]) -> None:
    """Cancel units, and wait for their end."""
    _cancel_soon(runs)
    await asyncio.gather(*(run.task for run in runs if run.task is not None), return_exceptions=True)


def _prepared(options: FetchOptions) -> FetchOptions:
    """The options with the paginator made once; every unit gets a copy of it."""
    config = parse_paginator(options.paginator)
    paginator = create_paginator(config, where=options.where)
    limits = [options.max_pages, getattr(config, "max_pages", None)]
    max_pages = min((limit for limit in limits if limit is not None), default=None)
    return replace(options, paginator=paginator, max_pages=max_pages)
