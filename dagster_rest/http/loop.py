"""An asyncio event loop on a thread of its own, for a client that is used from ordinary code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from dagster_rest.http.errors import HttpError

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for a synchronous caller. The thread is a daemon and starts at once."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="dagster-rest-http", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run to the end and give the result; an interrupt of the caller cancels it.

        Raises:
            HttpError: The caller runs in the loop itself, and would wait for itself.
        """
        try:
            self.refuse_reentry()
        except HttpError:
            coroutine.close()
            raise
        future = self.start(coroutine)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start without waiting."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function in the loop's thread, soon.

        Raises:
            HttpError: The loop has ended.
        """
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            raise HttpError("the client is closed", code="http_client_closed", hint="Open a new one.") from None

    def refuse_reentry(self) -> None:
        """Raise if the caller runs in the loop's own thread, where waiting for the loop would never end.

        Raises:
            HttpError: With the code `http_reentrant`.
        """
        if self.is_current:
            raise HttpError(
                "a hook, an auth callable or a paginator uses the client that is just calling it",
                code="http_reentrant",
                hint="Make another RestClient for requests from inside of one, or do it before or after.",
            )

    @property
    def closed(self) -> bool:
        """Whether the loop has ended."""
        return self._loop.is_closed()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in the loop's own thread, where waiting for it would lock up."""
        return threading.current_thread() is self._thread

    def stop(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel what runs, run a last coroutine, stop the loop and end the thread."""
        if self._loop.is_closed():
            return
        if self.is_current:
            # A garbage collection in the loop's thread: it ends by itself, soon.
            self._loop.create_task(_finish(last)).add_done_callback(lambda _: self._loop.stop())
            return
        try:
            self.run(_finish(last))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()


async def _finish(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await last()
