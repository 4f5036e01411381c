"""One request to one response: auth, rate limit, redirects, size, retries, actions.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx

from dagster_rest.errors import RestError
from dagster_rest.http.auth.credentials import WatchedAuth
from dagster_rest.http.errors import HttpError, TokenError
from dagster_rest.http.origin import is_trusted, origin_of
from dagster_rest.http.request import Request
from dagster_rest.http.retry_after import is_rate_limited, server_wait
from dagster_rest.http.send.admission import Admission, AdmittedAttempt
from dagster_rest.http.send.context import Context, Outcome
from dagster_rest.http.send.failures import RequestErrors, RetryableError, retry_later
from dagster_rest.http.send.request_builder import RequestBuilder
from dagster_rest.http.send.response_actions import ActionResult, apply_actions
from dagster_rest.http.send.retry import RetryClock, RetryPolicy
from dagster_rest.http.send.stats import RequestStats
from dagster_rest.http.transport.body import REDACT, TooLargeError, read_body
from dagster_rest.http.transport.failures import read_failure

logger = logging.getLogger("dagster_rest.http")
MAX_REDIRECTS = 20


@dataclass
class Sender:
    """Sends requests for a client; lives in the client's event loop.

    Attributes:
        builder: Builds the requests of httpx, and knows the httpx client.
        max_bytes: The largest body, unpacked.
        max_seconds: The longest time from a request to the end of its response; None is no bound.
    """

    builder: RequestBuilder
    policy: RetryPolicy
    admission: Admission
    errors: RequestErrors
    stats: RequestStats
    max_bytes: int
    max_seconds: float | None = None
    follow_redirects: bool = True

    async def send(self, request: Request, context: Context, *, priority: tuple[int, ...] = (0,)) -> Outcome:
        """Send a request until there is a response that can be used.

        Args:
            request: The request.
            context: What holds for all requests of the fetch.
            priority: Those with lower numbers go first when requests have to wait.

        Raises:
            HttpStatusError: An error status, after the retries.
            HttpConnectionError: No whole response, after the retries.
            RetryLater: A wait longer than the policy allows.
            OriginError: The request or a redirect leads to an origin that is not trusted.
        """
        attempts = self.policy.attempts if request.method.upper() in self.policy.methods else 1
        clock = RetryClock()
        number = 0
        while True:
            number += 1
            try:
                return await self._attempt(request, context, priority, clock)
            except RetryableError as error:
                # A traceback would keep this frame, and with it the response, until a garbage collection.
                failed = error.with_traceback(None)
            pause = self.policy.pause(number, asked=failed.wait)
            too_long = (failed.wait or 0) > self.policy.max_wait
            if too_long or number >= attempts or clock.seconds + pause > self.policy.total:
                return self._give_up(failed, context, attempts_left=attempts - number, retries=attempts > 1)
            self._log_retry(failed, request, number, pause)
            await self._sleep(pause, clock)

    def _give_up(self, failed: RetryableError, context: Context, *, attempts_left: int, retries: bool) -> Outcome:
        too_long = (failed.wait or 0) > min(self.policy.max_wait, self.policy.max_retry_later)
        if failed.wait is not None and (attempts_left or (retries and too_long)):
            raise retry_later(failed, self.policy)
        if failed.outcome is not None and not context.raise_for_status:
            return failed.outcome
        raise failed.final

    async def _attempt(
        self, request: Request, context: Context, priority: tuple[int, ...], clock: RetryClock
    ) -> Outcome:
        async with self.admission.admitted(context.slots, priority) as attempt:
            with clock.running():
                response = await self._in_time(request, context, attempt, clock)
        return self._decide(apply_actions(response, context.actions, context.hooks), context)

    async def _in_time(
        self, request: Request, context: Context, attempt: AdmittedAttempt, clock: RetryClock
    ) -> httpx.Response:
        # The time-outs of httpx bound a silence; this bounds a response that never ends.
        with anyio.move_on_after(self.max_seconds) as scope:

            async def before() -> None:
                await attempt.ready(lambda: _out_of_time(scope, clock))
                self.stats.add(requests=1)

            return await self._follow(request, context, before=before, after=attempt.end)
        raise self.errors.timeout(self.max_seconds, request.url, context)

    def _decide(self, result: ActionResult, context: Context) -> Outcome:
        response, status = result.response, result.response.status_code
        if result.action == "ignore":
            return Outcome(response, ignored=True)
        if result.action == "fail":
            raise self.errors.action(result, context)
        rate_limited = is_rate_limited(status, response.headers)
        if result.action == "retry" or self.policy.retries_status(status) or rate_limited:
            wait = server_wait(status, response.headers)
            if wait is not None:
                # At once: others may be about to go.
                self._hold_back(wait)
            raise RetryableError(self.errors.status(response, context), wait=wait, outcome=Outcome(response))
        if not response.is_success and context.raise_for_status:
            raise self.errors.status(response, context)
        return Outcome(response)

    def _hold_back(self, seconds: float) -> None:
        self.admission.pause(min(seconds, self.policy.max_wait))

    async def _follow(
        self, request: Request, context: Context, *, before: Callable[[], Awaitable[None]], after: Callable[[], None]
    ) -> httpx.Response:
        """Send the request and those that redirects ask for."""
        try:
            prepared = self.builder.build(request)
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            raise self.errors.invalid(error, request.url, context) from None
        what = "the request"
        try:
            for _ in range(MAX_REDIRECTS):
                # Here and nowhere else: this is the URL that is sent.
                origin = origin_of(prepared.url)
                if not is_trusted(origin, context.trusted):
                    raise self.errors.origin(origin, what, prepared.url, context)
                response = await self._send_authorized(prepared, context, before=before, after=after)
                if response.next_request is None or not self.follow_redirects:
                    return response
                what = f"a redirect of {self.errors.redactor.redact_url(prepared.url)}"
                prepared = self.builder.redirected(response.next_request, prepared, request)
        except TokenError as error:
            raise self.errors.token(error, self.policy) from None
        except RestError as error:
            error.where = error.where or self.errors.where(context, request.url)
            raise error from None
        except Exception as error:
            failure = read_failure(error)
            if failure is None:
                raise
            raise self.errors.transport(failure, _url_of(error) or request.url, context) from None
        raise HttpError(
            f"more than {MAX_REDIRECTS} redirects",
            code="http_too_many_redirects",
            where=self.errors.where(context, request.url),
        )

    async def _send_authorized(
        self,
        prepared: httpx.Request,
        context: Context,
        *,
        before: Callable[[], Awaitable[None]],
        after: Callable[[], None],
    ) -> httpx.Response:
        if context.auth is None:
            # A session of the user's may have an auth of its own.
            auth: Any = httpx.USE_CLIENT_DEFAULT
            await before()
        else:
            auth = WatchedAuth(context.auth, before=before, after=after, refused=self._hold_back)
        try:
            response = await self.builder.http.send(prepared, auth=auth, stream=True, follow_redirects=False)
            complete = await read_body(response, limit=self.max_bytes)
        except TooLargeError:
            raise self.errors.too_large(self.max_bytes, prepared.url, context) from None
        complete.extensions[REDACT] = self.errors.redactor.redact
        self.stats.add(bytes_received=len(complete.content))
        return complete

    def _log_retry(self, failed: RetryableError, request: Request, number: int, pause: float) -> None:
        self.stats.add(retries=1)
        logger.warning(
            "%s; attempt %d, next one in %.1f s (%s %s)",
            failed.final.message,
            number,
            pause,
            request.method,
            self.errors.redactor.redact_url(request.url),
        )

    async def _sleep(self, seconds: float, clock: RetryClock) -> None:
        started = time.monotonic()
        with clock.running():
            await asyncio.sleep(seconds)
        self.stats.add(throttled_seconds=time.monotonic() - started)


@contextmanager
def _out_of_time(scope: anyio.CancelScope, clock: RetryClock) -> Iterator[None]:
    """Neither the response nor the retries run out of time meanwhile."""
    deadline, began = scope.deadline, anyio.current_time()
    scope.deadline = math.inf
    with clock.stopped():
        try:
            yield
        finally:
            scope.deadline = deadline + anyio.current_time() - began


def _url_of(error: Exception) -> httpx.URL | None:
    """The URL that an exception of httpx is about: a token's, or one redirected to."""
    try:
        return error.request.url if isinstance(error, httpx.RequestError) else None
    except RuntimeError:
        return None
