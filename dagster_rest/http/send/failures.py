"""The errors of a request: redacted, with config path and URL, and a way out.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

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
from dagster_rest.http.origin import invalid_url_reason
from dagster_rest.http.redaction import Redactor
from dagster_rest.http.send.context import Context, Outcome
from dagster_rest.http.send.response_actions import ActionResult
from dagster_rest.http.send.retry import RetryPolicy
from dagster_rest.http.transport.failures import Failure


class RetryableError(Exception):
    """An attempt failed in a way that another one may not.

    Attributes:
        final: The error to raise if there is no other attempt.
        wait: The seconds that the server asks to wait, or None.
        outcome: The response with an error status, if one came.
    """

    def __init__(self, final: HttpError, *, wait: float | None = None, outcome: Outcome | None = None) -> None:
        super().__init__(final.message)
        self.final = final
        self.wait = wait
        self.outcome = outcome


@dataclass(frozen=True)
class RequestErrors:
    """Makes the errors of a client's requests; `follow_redirects` is for the hint of a 3xx."""

    redactor: Redactor
    follow_redirects: bool

    def where(self, context: Context, url: object) -> str:
        """Config path and redacted URL."""
        shown = self.redactor.redact_url(url)
        return f"{context.where}, {shown}" if context.where else shown

    def status(self, response: httpx.Response, context: Context) -> HttpStatusError:
        """An error status."""
        status = response.status_code
        body = self.redactor.shorten(response.content) or "(empty)"
        cls, code = (HttpAuthError, "http_auth") if status in (401, 403) else (HttpStatusError, "http_status")
        return cls(
            f"{response.request.method} answered {status} {response.reason_phrase}: {body}",
            code=code,
            where=self.where(context, response.request.url),
            status_code=status,
            hint=self._no_success_hint(response),
        )

    def _no_success_hint(self, response: httpx.Response) -> str | None:
        if response.status_code == 304:
            return (
                "A conditional request (If-None-Match, If-Modified-Since) returns no records: remove these headers, "
                "or add {status_code: 304, action: ignore} in `response_actions`."
            )
        if not 300 <= response.status_code < 400:
            return None
        if not self.follow_redirects:
            return "`client.follow_redirects` is false; request the address that it leads to."
        return "The redirect has no `Location`; request the final address."

    def action(self, result: ActionResult, context: Context) -> ActionError:
        """A response action with `action: fail`."""
        response = result.response
        text = result.message or f"a response action refuses this response (status {response.status_code})"
        return ActionError(
            f"{self.redactor.redact(text)}; the body is: {self.redactor.shorten(response.content)}",
            code="http_action_failed",
            where=self.where(context, response.request.url),
        )

    def transport(self, failure: Failure, url: object, context: Context) -> HttpError | RetryableError:
        """No whole response."""
        kind = HttpError if failure.code == "http_request_invalid" else HttpConnectionError
        final = kind(
            f"{failure.what} ({self.redactor.redact(failure.detail)})",
            code=failure.code,
            where=self.where(context, url),
        )
        return RetryableError(final) if failure.again else final

    def timeout(self, seconds: float | None, url: object, context: Context) -> RetryableError:
        """A response that was not complete in time."""
        return RetryableError(
            HttpConnectionError(
                f"no complete response after {seconds:g} s",
                code="http_timeout",
                where=self.where(context, url),
                hint="Raise `timeout.total` if responses may take this long.",
            )
        )

    def token(self, error: TokenError, policy: RetryPolicy) -> TokenError | RetryableError:
        """A token endpoint that gave no token."""
        clean = TokenError(
            self.redactor.redact(error.message),
            where=self.redactor.redact_url(error.where),
            status_code=error.status_code,
            hint=error.hint or "Check the client's `auth`.",
        )
        again = error.wait is not None or policy.retries_status(error.status_code)
        return RetryableError(clean, wait=error.wait) if again else clean

    def too_large(self, limit: int, url: object, context: Context) -> ResponseTooLargeError:
        """A body over the limit."""
        return ResponseTooLargeError(
            f"the body is larger than {limit} bytes (decompressed)",
            code="http_response_too_large",
            where=self.where(context, url),
            hint="Request smaller pages, or raise `client.max_response_bytes`.",
        )

    def invalid(self, error: Exception, url: object, context: Context) -> HttpError:
        """A request that cannot be built."""
        reason = invalid_url_reason(error) if isinstance(error, httpx.InvalidURL) else self.redactor.redact(error)
        return HttpError(
            f"the request cannot be sent: {reason}", code="http_request_invalid", where=self.where(context, url)
        )

    def origin(self, origin: str, what: str, url: httpx.URL, context: Context) -> HttpError:
        """A URL whose origin is not trusted, or that has none."""
        if not origin:
            return HttpError(
                f"{self.redactor.redact_url(url)!r} is not an http(s) URL",
                code="http_request_invalid",
                where=context.where,
                hint="Set `base_url`, or write the whole URL as the path.",
            )
        return OriginError(
            f"{what} leads to {origin}, which the config does not name",
            code="http_origin",
            where=self.where(context, url),
            hint=f"If {origin} may get the credentials, add it to `client.allowed_origins`.",
        )


def retry_later(failed: RetryableError, policy: RetryPolicy) -> HttpError:
    """The error for a wait that is too long for this process, or for any."""
    wait, final = failed.wait or 0, failed.final
    if wait > policy.max_retry_later:
        return HttpStatusError(
            f"the API asks to wait {wait:.0f} s, longer than `retry.max_retry_later` "
            f"({policy.max_retry_later:.0f} s): {final.message}",
            code="http_wait_too_long",
            where=final.where,
            status_code=getattr(final, "status_code", 0),
            hint="Ask the owner of the API, or raise `retry.max_retry_later` if the wait is intended.",
        )
    return RetryLater(
        f"the API asks to wait {wait:.0f} s: {final.message}",
        seconds=wait,
        where=final.where,
        hint=f"`retry.max_wait` is {policy.max_wait:.0f} s, `retry.total` {policy.total:.0f} s.",
    )
