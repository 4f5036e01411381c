"""An asyncio event loop on a thread of its own, for a client that is used from ordinary code."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from typing import Any, TypeVar

from dagster_rest.http.errors import HttpError

T = TypeVar("T")
#: How often a waiting thread checks that the loop runs, and how long it may be blocked: by one callable of the user's,
#: or by the largest body being read.
CHECK_SECONDS = 5.0
BLOCKED_SECONDS = 300.0


class LoopWatchdog:
    """Checks that a loop still runs, for a thread that waits for it."""

    def __init__(self, loop: BackgroundLoop) -> None:
        self._loop = loop
        self._asked_at: float | None = None

    @property
    def period(self) -> float:
        """Seconds between two checks."""
        return CHECK_SECONDS

    def check(self) -> None:
        """Ask the loop to answer, unless an answer is awaited already.

        Raises:
            HttpError: It has not answered for `BLOCKED_SECONDS`.
        """
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self._loop.call(self._answer)
        elif time.monotonic() - self._asked_at > BLOCKED_SECONDS:
            raise BlockedError(
                f"the client has done nothing for {BLOCKED_SECONDS:g} s: a hook, an auth callable or a paginator "
                "blocks it, perhaps because it waits for a thread that waits for this client",
                code="http_reentrant",
                hint="Use another RestClient for requests inside a callback, or send them before or after.",
            )

    def _answer(self) -> None:
        self._asked_at = None


class BlockedError(HttpError):
    """The loop is blocked: nothing that it has to do can be waited for."""


class BackgroundLoop:
    """Runs coroutines for a synchronous caller. The thread is a daemon and starts at once."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._process = os.getpid()
        self._ending = False
        # Futures that a thread waits for: what the loop leaves undone is cancelled when it ends.
        self._waiting: set[Future[Any]] = set()
        self._thread = threading.Thread(target=self._work, name="dagster-rest-http", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run to the end and give the result; an interrupt of the caller cancels it.

        Raises:
            HttpError: The caller runs in the loop itself, and would wait for itself; or the loop ends meanwhile, or is
                blocked by a callable that may wait for the caller.
        """
        try:
            self.refuse_reentry()
        except HttpError:
            coroutine.close()
            raise
        future = self.start(coroutine)
        try:
            return self._await(future)
        except CancelledError:
            if self._ending:
                raise _closed() from None
            raise
        except BaseException:
            future.cancel()
            raise

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start without waiting.

        Raises:
            HttpError: The loop has ended.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise _closed() from None
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        if self.closed:
            # It ended just now, perhaps without this one.
            future.cancel()
        return future

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function in the loop's thread, soon.

        Raises:
            HttpError: The loop has ended.
        """
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            raise _closed() from None

    def refuse_reentry(self) -> None:
        """Raise if the caller runs in the loop's own thread, where waiting for the loop would never end.

        Raises:
            HttpError: With the code `http_reentrant`.
        """
        if self.is_current:
            raise HttpError(
                "a hook, an auth callable or a paginator uses the client that calls it",
                code="http_reentrant",
                hint="Use another RestClient for requests inside a callback, or send them before or after.",
            )

    @property
    def closed(self) -> bool:
        """Whether the loop has ended, or runs in the process that this one was forked from."""
        return self._loop.is_closed() or self.is_inherited

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked from the one where the loop's thread runs: a fork takes no thread along."""
        return os.getpid() != self._process

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in the loop's own thread, where waiting for it would deadlock."""
        return threading.current_thread() is self._thread

    def stop(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel what runs, run a last coroutine, stop the loop and end the thread."""
        if self.closed:
            return
        self._ending = True
        if self.is_current:
            # A garbage collection in the loop's thread: it ends by itself, soon.
            self._loop.create_task(_finish(last)).add_done_callback(lambda _: self._loop.stop())
            return
        future = self.start(_finish(last))
        future.add_done_callback(lambda _: self._stop_loop())
        try:
            self._await(future)
        except BlockedError:
            # It ends by itself when it can; to wait for that would be for ever.
            raise
        except BaseException:
            self._thread.join()
            raise
        self._thread.join()

    def _await(self, future: Future[T]) -> T:
        watchdog = LoopWatchdog(self)
        while not wait([future], timeout=watchdog.period).done:
            watchdog.check()
        return future.result()

    def _stop_loop(self) -> None:
        with suppress(RuntimeError):
            # It may have ended.
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._ending = True
            # What was begun while the last coroutine ran.
            self._loop.run_until_complete(_cancel_others())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()
            for future in list(self._waiting):
                future.cancel()


def _closed() -> HttpError:
    return HttpError("the client is closed", code="http_client_closed", hint="Open a new one.")


async def _finish(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await _cancel_others()
    await last()


async def _cancel_others() -> None:
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
