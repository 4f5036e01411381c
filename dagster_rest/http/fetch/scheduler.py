"""Fetches many units at a time: pages in the order of the units, memory bounded.

The caller's thread pulls units from its iterable, a window ahead of the page it is handed. Each unit reads its pages
in the client's event loop and puts them into a queue of its own. The caller takes from the queue of the first unit
only, so the order is that of the units, whatever comes first. The first unit may always go on; the others stop when
the pages that wait hold too much, so nothing can deadlock and memory stays flat.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from dagster_rest.http.errors import HttpError
from dagster_rest.http.fetch.page import FetchOptions, FetchUnit, Page, Progress
from dagster_rest.http.fetch.page_stream import PageStream
from dagster_rest.http.fetch.shared_selector import SharedSelector
from dagster_rest.http.paginators import create_paginator, parse_paginator
from dagster_rest.http.request import Request
from dagster_rest.http.transport.loop import BlockedError, LoopWatchdog

if TYPE_CHECKING:
    from dagster_rest.config.request.render import RequestSpec
    from dagster_rest.http.redaction import Redactor
    from dagster_rest.http.send.sender import Context, Outcome, Sender
    from dagster_rest.http.transport.loop import BackgroundLoop

logger = logging.getLogger("dagster_rest.http")
PAGES_AHEAD_FIRST = 4
PAGES_AHEAD_OTHERS = 2
BYTES_WAITING = 64 * 1024 * 1024
UNITS_AHEAD = 4


class _Prefetch:
    """A unit's requests that are under way before its stream asks for them."""

    def __init__(self, sender: Sender, context: Context, unit: _UnitRun) -> None:
        self._sender, self._context, self._unit = sender, context, unit
        self._fetch = unit.fetch
        self._tasks: dict[int, asyncio.Task[Outcome]] = {}
        # The keys of the tasks, in the order of their pages.
        self._line: deque[int] = deque()
        # Bytes of responses that have come and that its stream has not asked for yet.
        self._held: dict[int, int] = {}
        self._asked = 0

    async def get(self, request: Request) -> Outcome:
        key = request.fingerprint()
        task = self._tasks.pop(key, None)
        if task is None:
            return await self._send(request)
        self._line.remove(key)
        try:
            return await task
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            self._let_go(key)

    def ahead(self, request: Request, later: Callable[[int], Iterator[Request]]) -> None:
        if not self._fetch.prefetch:
            return
        key = request.fingerprint()
        if not self._line or self._line[0] != key:
            self._drop_all_but(key)
        if not self._line:
            self._begin(key, request)
        # Those in line are the next ones still: only what comes behind them has to be made.
        for following in later(len(self._line) - 1):
            if len(self._line) >= self._unit.depth() or not self._fetch.has_room():
                return
            self._begin(following.fingerprint(), following)

    def _begin(self, key: int, request: Request) -> None:
        if key in self._tasks:
            return
        self._line.append(key)
        # Counted from here on, not from when the task first runs: more are begun before that.
        self._fetch.in_flight += 1
        task = asyncio.ensure_future(self._send(request))
        task.add_done_callback(lambda done: self._arrived(key, done))
        self._tasks[key] = task

    def _arrived(self, key: int, task: asyncio.Task[Outcome]) -> None:
        self._fetch.in_flight -= 1
        if not task.cancelled() and task.exception() is None and self._tasks.get(key) is task:
            self._held[key] = len(task.result().response.content)
            self._fetch.bytes_waiting += self._held[key]

    def _drop_all_but(self, key: int) -> None:
        """Forget requests that will not follow: the list goes on elsewhere than it seemed."""
        for other in self._line:
            if other != key:
                self._tasks.pop(other).cancel()
                self._let_go(other)
        self._line = deque([key] if key in self._tasks else [])

    def _let_go(self, key: int) -> None:
        self._fetch.bytes_waiting -= self._held.pop(key, 0)

    async def _send(self, request: Request) -> Outcome:
        self._asked += 1
        return await self._sender.send(request, self._context, priority=(self._unit.order, self._asked))

    async def cancel(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        self._line.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for key in list(self._held):
            self._let_go(key)


class _UnitRun:
    """One unit on its way: its stream of pages in the loop, its pages in a queue for the caller."""

    def __init__(self, fetch: Fetch, unit: FetchUnit, order: int) -> None:
        self.fetch, self.unit, self.order = fetch, unit, order
        self.pages: queue.SimpleQueue[tuple[Page, int] | BaseException] = queue.SimpleQueue()
        self.waiting = 0
        self.produced = 0
        self.wanted = 0
        self.asking = False
        self.task: asyncio.Task[None] | None = None

    def depth(self) -> int:
        return self.fetch.concurrency if self.order == self.fetch.first else PAGES_AHEAD_OTHERS

    def may_go_on(self) -> bool:
        if not self.fetch.prefetch and self.produced and self.produced >= self.wanted:
            return False
        if self.order == self.fetch.first:
            return self.waiting == 0 or (self.waiting < PAGES_AHEAD_FIRST and self.fetch.has_room())
        # No more than may be in flight: what waits for a slot has not been counted when it comes.
        return (
            self.waiting < PAGES_AHEAD_OTHERS and self.fetch.asking < self.fetch.concurrency and self.fetch.has_room()
        )

    def start(self) -> None:
        self.task = asyncio.ensure_future(self._work())

    async def _work(self) -> None:
        prefetch = _Prefetch(self.fetch.sender, self.fetch.context.trusting(self.unit.request), self)
        try:
            await self.fetch.room_for(self)
            stream = self.fetch.stream(self.unit, prefetch, order=self.order)
            async for page in stream.pages():
                self._hand_over(page)
                if not page.is_last:
                    await self.fetch.room_for(self)
        except asyncio.CancelledError:
            # For a caller who waits while another thread closes the client.
            self.pages.put(HttpError("the client was closed while fetching", code="http_client_closed"))
            raise
        except BaseException as error:  # noqa: BLE001  (it is raised again in the caller's thread)
            self.pages.put(error)
        finally:
            self.fetch.selector.leave(self.order)
            self.fetch.came(self)
            await prefetch.cancel()

    def _hand_over(self, page: Page) -> None:
        size = self.fetch.size_of(page)
        self.waiting += 1
        self.produced += 1
        self.fetch.bytes_waiting += size
        self.pages.put((page, size))
        self.fetch.came(self, size)


class Connected(Protocol):
    """What a fetch needs of a client."""

    max_concurrency: int
    redactor: Redactor

    @property
    def loop(self) -> BackgroundLoop:
        """The event loop that sends."""

    @property
    def sender(self) -> Sender:
        """What sends the requests."""

    def context(self, options: FetchOptions) -> Context:
        """What holds for all requests of one fetch."""

    def first_request(self, spec: RequestSpec, options: FetchOptions) -> Request:
        """The first request of a unit."""


class Fetch:
    """Fetches units for a caller's thread; iterate it once.

    Args:
        client: The open client.
        units: The units, consumed lazily in the caller's thread.
        options: How they are fetched.
        keep_response: Whether pages carry their responses.
    """

    def __init__(
        self, client: Connected, units: Iterable[FetchUnit], options: FetchOptions, *, keep_response: bool = False
    ) -> None:
        self._client = client
        self._units = iter(units)
        self._options = options = _prepared(options)
        self._keep_response = keep_response
        self.selector = SharedSelector(options.data_selector, detected=options.selector)
        self._loop = client.loop
        self.sender = client.sender
        self.context = client.context(options)
        self.concurrency = options.max_concurrency or client.max_concurrency
        self.prefetch = options.prefetch
        self.first = 0
        # Pages that wait for the caller or for their stream, and what may come beside them.
        self.bytes_waiting = 0
        self.in_flight = 0
        self.asking = 0
        self._largest = 0
        self._stalled: list[tuple[_UnitRun, asyncio.Future[None]]] = []
        self._runs: deque[_UnitRun] = deque()
        self._begun = 0
        self._exhausted = False
        self._progress = _ProgressLog(options)

    def __iter__(self) -> Generator[Page]:
        self._loop.refuse_reentry()
        try:
            while self._top_up():
                item = self._take(self._runs[0])
                if isinstance(item, BaseException):
                    if not self._goes_on_after(self._runs[0], item):
                        raise item
                    continue
                self._progress.count(item)
                yield item
        except BlockedError:
            # Nor can their end be waited for.
            runs, self._runs = list(self._runs), deque()
            self._loop.call(_cancel_soon, runs)
            raise
        finally:
            self._cancel()

    def _top_up(self) -> bool:
        """Begin units up to the window; whether any is left."""
        # One at a time means: unit by unit, page by page.
        window = UNITS_AHEAD * self.concurrency if self.concurrency > 1 else 1
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
            run = _UnitRun(self, unit, self._begun)
            self._begun += 1
            self._runs.append(run)
            self._loop.call(run.start)
        return bool(self._runs)

    def _take(self, run: _UnitRun) -> Page | BaseException:
        if not self.prefetch:
            self._loop.call(self._wanted, run)
        watchdog = LoopWatchdog(self._loop)
        while True:
            try:
                item = run.pages.get(timeout=min(self._progress.seconds_left(), watchdog.period))
                break
            except queue.Empty:
                if self._loop.closed and run.pages.empty():
                    # It ended before it came to this unit.
                    return HttpError("the client was closed while fetching", code="http_client_closed")
                watchdog.check()
                self._progress.report_if_due()
        if isinstance(item, BaseException):
            return item
        page, size = item
        if page.is_last:
            self._runs.popleft()
        self._loop.call(self._taken, run, size, page.is_last)
        return page

    def _goes_on_after(self, run: _UnitRun, error: BaseException) -> bool:
        """Leave a unit that failed behind, if the caller wants that."""
        on_unit_error = self._options.on_unit_error
        if on_unit_error is None or not isinstance(error, HttpError) or not on_unit_error(run.unit, error):
            return False
        self._runs.popleft()
        self._loop.call(self._left, run)
        return True

    def _left(self, run: _UnitRun) -> None:
        self.first = run.order + 1
        self._wake()

    def _taken(self, run: _UnitRun, size: int, done: bool) -> None:
        run.waiting -= 1
        self.bytes_waiting -= size
        if done:
            self.first = run.order + 1
        self._wake()

    def _wake(self) -> None:
        still = []
        for run, waiter in self._stalled:
            if waiter.done():
                continue
            if (self.asking < self.concurrency or run.order == self.first) and run.may_go_on():
                self._ask(run)
                waiter.set_result(None)
            else:
                still.append((run, waiter))
        self._stalled = still

    def _wanted(self, run: _UnitRun) -> None:
        run.wanted += 1
        self._wake()

    def has_room(self) -> bool:
        """Whether one more page may be asked for, if it is as large as the largest so far."""
        return self.bytes_waiting + (self.asking + self.in_flight + 1) * self._largest <= BYTES_WAITING

    async def room_for(self, run: _UnitRun) -> None:
        """Wait until a unit may ask for one more page."""
        if run.may_go_on():
            self._ask(run)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stalled.append((run, waiter))
        await waiter

    def _ask(self, run: _UnitRun) -> None:
        run.asking = True
        self.asking += 1

    def came(self, run: _UnitRun, size: int = 0) -> None:
        """A unit's page has come, or will not."""
        # One large page does not slow down all that follow.
        self._largest = max(self._largest * 7 // 8, size) if size else self._largest
        if run.asking:
            run.asking = False
            self.asking -= 1
        if self._stalled:
            self._wake()

    def stream(self, unit: FetchUnit, prefetch: _Prefetch, *, order: int) -> PageStream:
        """The stream of pages of a unit."""
        return PageStream(
            unit=unit,
            options=self._options,
            request=self._client.first_request(unit.request, self._options),
            source=prefetch,
            selector=self.selector,
            order=order,
            redactor=self._client.redactor,
            auth=self.context.auth,
            keep_response=self._keep_response,
        )

    def size_of(self, page: Page) -> int:
        """Count a page; its size as it came."""
        self.sender.stats.add(pages=1)
        return page.size

    def _cancel(self) -> None:
        runs, self._runs = list(self._runs), deque()
        if not runs or self._loop.closed:
            return
        if self._loop.is_current:
            # A garbage collection may close an abandoned iterator in any thread.
            self._loop.call(_cancel_soon, runs)
        else:
            self._loop.run(_cancel_all(runs))


def _prepared(options: FetchOptions) -> FetchOptions:
    """The options with the paginator made once; every unit gets a copy of it."""
    config = parse_paginator(options.paginator)
    paginator = create_paginator(config, where=options.where)
    limits = [options.max_pages, getattr(config, "max_pages", None)]
    max_pages = min((limit for limit in limits if limit is not None), default=None)
    return replace(options, paginator=paginator, max_pages=max_pages)


def _cancel_soon(runs: list[_UnitRun]) -> None:
    for run in runs:
        if run.task is not None:
            run.task.cancel()


async def _cancel_all(runs: list[_UnitRun]) -> None:
    tasks = [run.task for run in runs if run.task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _ProgressLog:
    """Says every few seconds how far a fetch is."""

    def __init__(self, options: FetchOptions) -> None:
        self._options = options
        self._began = self._said = time.monotonic()
        self._pages = self._rows = self._units = 0

    def seconds_left(self) -> float:
        return max(0.01, self._said + self._options.progress_seconds - time.monotonic())

    def count(self, page: Page) -> None:
        self._pages += 1
        self._rows += len(page)
        self._units += page.is_last
        self.report_if_due()

    def report_if_due(self) -> None:
        if time.monotonic() - self._said >= self._options.progress_seconds:
            self.report()

    def report(self) -> None:
        self._said = time.monotonic()
        now = Progress(self._pages, self._rows, self._units, self._said - self._began)
        of = f" of {self._options.units_total}" if self._options.units_total is not None else ""
        logger.info(
            "%s: %d pages, %d rows, %.0f rows/s, %d%s parents done",
            self._options.where or "fetch",
            now.pages,
            now.rows,
            now.rows / max(now.seconds, 0.001),
            now.units_done,
            of,
        )
        if self._options.progress is not None:
            self._options.progress(now)
