"""One request to one response: auth, rate limit, redirects, size, retries, actions.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import anyio
import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from dagster_rest.errors import RestError
from dagster_rest.http.auth.credentials import WatchedAuth
from dagster_rest.http.errors import (
    ActionError,
    HttpAuthError,
    HttpConnectionError,
    HttpError,
    HttpStatusError,
    OriginError,
    ResponseTooLargeError,
    RetryLater,
    TokenError,
)
from dagster_rest.http.origin import invalid_url_reason, is_trusted, origin_of
from dagster_rest.http.redaction import Redactor
from dagster_rest.http.request import Request, is_absolute
from dagster_rest.http.retry_after import is_rate_limited, server_wait
from dagster_rest.http.send.admission import Admission, AdmittedAttempt
from dagster_rest.http.send.response_actions import Action, ActionKind, ActionResult, apply_actions
from dagster_rest.http.send.retry import RetryClock, RetryPolicy
from dagster_rest.http.send.slots import Slots
from dagster_rest.http.send.stats import RequestStats
from dagster_rest.http.transport.body import TooLargeError, read_body
from dagster_rest.http.transport.failures import Failure, read_failure

if TYPE_CHECKING:
    from dagster_rest.config.request.render import RequestSpec

logger = logging.getLogger("dagster_rest.http")
MAX_REDIRECTS = 20


@dataclass(frozen=True)
class Context:
    """What holds for all requests of one fetch.

    Attributes:
        auth: The auth, or None.
        actions: Compiled response actions.
        hooks: Response hooks.
        trusted: Origins that may be asked.
        slots: Limits the requests in flight.
        where: The config path, for errors.
        raise_for_status: Whether an error status raises.
    """

    auth: httpx.Auth | None
    trusted: Collection[str]
    slots: Slots
    actions: Sequence[Action] = ()
    hooks: Sequence[Callable[..., Any]] = ()
    where: str | None = None
    raise_for_status: bool = True

    def trusting(self, spec: RequestSpec) -> Context:
        """The same, trusting the origin that the config itself writes into a path."""
        if spec.origin_from_data or not is_absolute(spec.path):
            return self
        return replace(self, trusted=frozenset({*self.trusted, origin_of(spec.path)}))


@dataclass(frozen=True)
class Outcome:
    """A response that was accepted.

    Attributes:
        response: The response, its body read.
        ignored: Whether an action says to skip it.
    """

    response: httpx.Response
    ignored: bool = False


class RetryableError(Exception):
    """This attempt failed in a way that another one may not."""

    def __init__(self, final: HttpError, *, wait: float | None = None, outcome: Outcome | None = None) -> None:
        super().__init__(final.message)
        self.final = final
        self.wait = wait
        self.outcome = outcome


@dataclass
class Sender:
    """Sends requests for a client; lives in the client's event loop.

    Attributes:
        http: The httpx client.
        headers: Headers of every request.
        params: Query parameters of every request.
        policy: Retries.
        admission: Says when a request may go.
        redactor: For messages.
        stats: Counters.
        max_bytes: The largest body.
        max_seconds: The longest time from a request to the end of its response; None is no bound.
        follow_redirects: Whether redirects are followed.
    """

    http: httpx.AsyncClient
    headers: dict[str, str] = field(repr=False)
    params: dict[str, Any] = field(repr=False)
    policy: RetryPolicy
    admission: Admission
    redactor: Redactor
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
        failed: list[RetryableError] = []
        try:
            return await self._attempt(request, context, priority, clock)
        except RetryableError as failure:
            failed.append(failure)

        async def attempt() -> Outcome:
            # The first attempt has been made already: most requests need no more than that.
            if failed:
                raise failed.pop()
            return await self._attempt(request, context, priority, clock)

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=self._pause,
            stop=lambda state: self._gives_up(state, attempts, clock),
            sleep=lambda seconds: self._rest(seconds, clock),
            before_sleep=lambda state: self._announce(state, request),
            retry_error_callback=lambda state: self._after_last_attempt(state, attempts, context),
        )
        outcome: Outcome = await retrying(attempt)
        return outcome

    async def _attempt(
        self, request: Request, context: Context, priority: tuple[int, ...], clock: RetryClock
    ) -> Outcome:
        async with self.admission.admitted(context.slots, priority) as attempt:
            with clock.running():
                response = await self._in_time(request, context, attempt, clock)
        result = apply_actions(response, context.actions, context.hooks)
        return self._decide(result, request, context)

    async def _in_time(
        self, request: Request, context: Context, attempt: AdmittedAttempt, clock: RetryClock
    ) -> httpx.Response:
        # The time-outs of httpx bound a silence; this bounds a response that never ends.
        with anyio.move_on_after(self.max_seconds) as scope:

            async def before() -> None:
                await attempt.ready(lambda: _out_of_time(scope, clock))
                self.stats.add(requests=1)

            return await self._roundtrip(request, context, before=before, after=attempt.end)
        raise RetryableError(
            HttpConnectionError(
                f"no whole response after {self.max_seconds:g} s",
                code="http_timeout",
                where=self._where(context, request.url),
                hint="Raise `timeout.total` if responses may take so long.",
            )
        )

    def _decide(self, result: ActionResult, request: Request, context: Context) -> Outcome:
        response, action = result.response, result.action
        status = response.status_code
        if action == "ignore":
            return Outcome(response, ignored=True)
        if action == "fail":
            text = result.message or f"a response action refuses this response (status {status})"
            raise ActionError(
                f"{self.redactor.redact(text)}; the body is: {self.redactor.shorten(response.content)}",
                code="http_action_failed",
                where=self._where(context, response.request.url),
            )
        if self._again(action, response):
            wait = server_wait(status, response.headers)
            if wait is not None:
                # At once: others may be about to go.
                self.admission.pause(min(wait, self.policy.max_wait))
            raise RetryableError(self._status_error(response, context), wait=wait, outcome=Outcome(response))
        if not response.is_success and context.raise_for_status:
            raise self._status_error(response, context)
        return Outcome(response)

    def _again(self, action: ActionKind | None, response: httpx.Response) -> bool:
        status = response.status_code
        return action == "retry" or self.policy.retries_status(status) or is_rate_limited(status, response.headers)

    async def _roundtrip(
        self, request: Request, context: Context, *, before: Callable[[], Awaitable[None]], after: Callable[[], None]
    ) -> httpx.Response:
        try:
            prepared = self._prepare(request)
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            raise self._unsendable(error, request, context) from None
        what = "the request"
        try:
            for _ in range(MAX_REDIRECTS):
                # Here and nowhere else: this is the URL that is sent.
                self._check_origin(prepared.url, context, what)
                response = await self._send_authorized(prepared, context, before=before, after=after)
                if response.next_request is None or not self.follow_redirects:
                    return response
                what = f"a redirect of {self.redactor.redact_url(prepared.url)}"
                prepared = self._redirected(response.next_request, prepared, request)
        except TokenError as error:
            raise self._token_failed(error) from None
        except RestError as error:
            raise self._located(error, request, context) from None
        except Exception as error:
            failure = read_failure(error)
            if failure is None:
                raise
            raise self._failed(failure, _asked(error) or request.url, context) from None
        raise HttpError(
            f"more than {MAX_REDIRECTS} redirects",
            code="http_too_many_redirects",
            where=self._where(context, request.url),
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
            auth = WatchedAuth(context.auth, before=before, after=after)
        try:
            response = await self.http.send(prepared, auth=auth, stream=True, follow_redirects=False)
            complete = await read_body(response, limit=self.max_bytes)
        except TooLargeError:
            raise self._too_large(prepared, context) from None
        self.stats.add(bytes_received=len(complete.content))
        return complete

    def _build(self, method: str, url: str | httpx.URL, *, headers: httpx.Headers, content: Any) -> httpx.Request:
        # httpx would put the parameters of a session over the URL's.
        params = httpx.URL(url).params if self.http.params else None
        return self.http.build_request(method, url, params=params, content=content, headers=headers)

    def _prepare(self, request: Request) -> httpx.Request:
        content, content_type = request.content()
        headers = self._headers(request, content_type)
        url = request.full_url()
        if self.params:
            known = httpx.URL(url).params
            missing = {name: value for name, value in self.params.items() if name not in known}
            url = replace(request, url=url, params=missing).full_url()
        return self._build(request.method, url, content=content, headers=headers)

    def _headers(self, request: Request, content_type: str | None) -> httpx.Headers:
        headers = httpx.Headers(self.headers)
        if content_type:
            headers["Content-Type"] = content_type
        headers.update({name: str(value) for name, value in request.headers.items() if value is not None})
        return headers

    def _redirected(self, following: httpx.Request, before: httpx.Request, request: Request) -> httpx.Request:
        """The request that a redirect asks for: httpx decides on method and URL, headers and body stay ours."""
        with_body = following.method == before.method and before.content != b""
        headers = self._headers(request, before.headers.get("content-type"))
        if not with_body:
            headers.pop("Content-Type", None)
        if origin_of(following.url) != origin_of(before.url):
            headers.pop("Host", None)
        content = before.content if with_body else None
        return self._build(following.method, following.url, content=content, headers=headers)

    def _check_origin(self, url: httpx.URL, context: Context, what: str) -> None:
        origin = origin_of(url)
        if is_trusted(origin, context.trusted):
            return
        if not origin:
            raise HttpError(
                f"{self.redactor.redact_url(url)!r} is not an http(s) URL",
                code="http_request_invalid",
                where=context.where,
                hint="Set `base_url`, or write the whole URL as the path.",
            )
        raise OriginError(
            f"{what} leads to {origin}, which the config does not name",
            code="http_origin",
            where=self._where(context, url),
            hint=f"If {origin} may be trusted with the credentials, add it to `client.allowed_origins`.",
        )

    def _pause(self, state: RetryCallState) -> float:
        failure = _failure(state)
        own = self.policy.pause(state.attempt_number)
        if failure.wait is None:
            return own
        return failure.wait + (own - min(own, self.policy.backoff * 2.0 ** (state.attempt_number - 1)))

    def _gives_up(self, state: RetryCallState, attempts: int, clock: RetryClock) -> bool:
        wait = _failure(state).wait
        if wait is not None and wait > self.policy.max_wait:
            return True
        return state.attempt_number >= attempts or clock.seconds + state.upcoming_sleep > self.policy.total

    def _after_last_attempt(self, state: RetryCallState, attempts: int, context: Context) -> Outcome:
        failure = _failure(state)
        later = state.attempt_number < attempts or (attempts > 1 and (failure.wait or 0) > self.policy.max_wait)
        if failure.wait is not None and failure.wait > self.policy.max_retry_later and attempts > 1:
            raise self._never(failure) from None
        if failure.wait is not None and later:
            raise RetryLater(
                f"the API asks to wait {failure.wait:.0f} s: {failure.final.message}",
                seconds=failure.wait,
                where=failure.final.where,
                hint=f"`retry.max_wait` is {self.policy.max_wait:.0f} s, `retry.total` {self.policy.total:.0f} s.",
            ) from None
        if failure.outcome is not None and not context.raise_for_status:
            return failure.outcome
        raise failure.final from None

    def _never(self, failure: RetryableError) -> HttpStatusError:
        """The error for a wait that nobody should plan for."""
        return HttpStatusError(
            f"the API asks to wait {failure.wait or 0:.0f} s, longer than `retry.max_retry_later` "
            f"({self.policy.max_retry_later:.0f} s): {failure.final.message}",
            code="http_wait_too_long",
            where=failure.final.where,
            status_code=getattr(failure.final, "status_code", 0),
            hint="Ask the API's owner, or raise `retry.max_retry_later` if the wait is meant.",
        )

    def _announce(self, state: RetryCallState, request: Request) -> None:
        failure = _failure(state)
        wait = state.upcoming_sleep
        self.stats.add(retries=1)
        logger.warning(
            "%s; attempt %d, next one in %.1f s (%s %s)",
            failure.final.message,
            state.attempt_number,
            wait,
            request.method,
            self.redactor.redact_url(request.url),
        )

    async def _rest(self, seconds: float, clock: RetryClock) -> None:
        started = time.monotonic()
        with clock.running():
            await asyncio.sleep(seconds)
        self.stats.add(throttled_seconds=time.monotonic() - started)

    def _status_error(self, response: httpx.Response, context: Context) -> HttpStatusError:
        status = response.status_code
        body = self.redactor.shorten(response.content) or "(empty)"
        cls, code = (HttpAuthError, "http_auth") if status in (401, 403) else (HttpStatusError, "http_status")
        return cls(
            f"{response.request.method} answered {status} {response.reason_phrase}: {body}",
            code=code,
            where=self._where(context, response.request.url),
            status_code=status,
            hint=self._no_success_hint(response),
        )

    def _no_success_hint(self, response: httpx.Response) -> str | None:
        if response.status_code == 304:
            return (
                "A conditional request (If-None-Match, If-Modified-Since) has no records to give: leave these headers "
                "out, or say what it means with {status_code: 304, action: ignore} in `response_actions`."
            )
        if not response.is_redirect and not 300 <= response.status_code < 400:
            return None
        if not self.follow_redirects:
            return "`client.follow_redirects` is false; ask for the address that it leads to."
        return "The redirect names no address in `Location`; ask for the final address."

    def _failed(self, failure: Failure, url: object, context: Context) -> Exception:
        kind = HttpError if failure.code == "http_request_invalid" else HttpConnectionError
        final = kind(
            f"{failure.what} ({self.redactor.redact(failure.detail)})",
            code=failure.code,
            where=self._where(context, url),
        )
        return RetryableError(final) if failure.again else final

    def _located(self, error: RestError, request: Request, context: Context) -> RestError:
        error.where = error.where or self._where(context, request.url)
        return error

    def _unsendable(self, error: Exception, request: Request, context: Context) -> HttpError:
        reason = invalid_url_reason(error) if isinstance(error, httpx.InvalidURL) else self.redactor.redact(error)
        return HttpError(
            f"the request cannot be sent: {reason}",
            code="http_request_invalid",
            where=self._where(context, request.url),
        )

    def _token_failed(self, error: TokenError) -> Exception:
        clean = TokenError(
            self.redactor.redact(error.message),
            where=self.redactor.redact_url(error.where),
            status_code=error.status_code,
            hint="Check the client's `auth`.",
        )
        again = error.wait is not None or self.policy.retries_status(error.status_code)
        return RetryableError(clean, wait=error.wait) if again else clean

    def _too_large(self, request: httpx.Request, context: Context) -> ResponseTooLargeError:
        return ResponseTooLargeError(
            f"the body is larger than {self.max_bytes} bytes (unpacked)",
            code="http_response_too_large",
            where=self._where(context, request.url),
            hint="Ask for smaller pages, or raise `client.max_response_bytes`.",
        )

    def _where(self, context: Context, url: object) -> str:
        shown = self.redactor.redact_url(url)
        return f"{context.where}, {shown}" if context.where else shown


@contextmanager
def _out_of_time(scope: anyio.CancelScope, clock: RetryClock) -> Iterator[None]:
    """Neither the response nor the retries run out of time meanwhile."""
    deadline, began = scope.deadline, anyio.current_time()
    scope.deadline = math.inf
    with clock.standing():
        try:
            yield
        finally:
            scope.deadline = deadline + anyio.current_time() - began


def _failure(state: RetryCallState) -> RetryableError:
    error = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(error, RetryableError):
        raise TypeError("tenacity called back without a failure")
    return error


def _asked(error: Exception) -> httpx.URL | None:
    """The URL that an exception of httpx is about: a token's, or one redirected to."""
    try:
        return error.request.url if isinstance(error, httpx.RequestError) else None
    except RuntimeError:
        return None
