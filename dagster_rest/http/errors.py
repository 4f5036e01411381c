"""What can go wrong between a request and its page, each with a code and a way out."""

from __future__ import annotations

from typing import Any, ClassVar

from dagster_rest.errors import RestError

#: Every code; docs/errors/http.md explains it.
CODES = frozenset(
    {"http_status", "http_auth", "http_token", "http_connection"}
    | {"http_timeout", "http_tls", "http_proxy", "http_encoding"}
    | {"http_retry_later", "http_wait_too_long", "http_response_too_large", "http_not_json"}
    | {"http_selector_matched_nothing", "http_selector_ambiguous", "http_selector_invalid"}
    | {"http_charset", "http_body_reports_errors"}
    | {"http_loop", "http_origin", "http_too_many_redirects", "http_paginator_config"}
    | {"http_paginator_unknown", "http_pagination", "http_more_pages", "http_list_incomplete"}
    | {"http_no_content", "http_empty_pages", "http_page_size", "http_ignored_with_pages_left"}
    | {"http_action_failed", "http_auth_config", "http_auth_unknown", "http_request_invalid"}
    | {"http_client_config", "http_rate_limit_config", "http_rate_limit_file", "http_reentrant"}
    | {"http_not_picklable", "http_client_closed"}
)


class HttpError(RestError):
    """The base of everything `dagster_rest.http` raises."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), dict(self.__dict__)))


class HttpStatusError(HttpError):
    """The API answered with an error status.

    Attributes:
        status_code: The HTTP status.
    """

    default_code: ClassVar[str] = "http_status"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        where: str | None = None,
        hint: str | None = None,
        status_code: int = 0,
    ) -> None:
        super().__init__(message, code=code or self.default_code, where=where, hint=hint)
        self.status_code = status_code


class HttpAuthError(HttpStatusError):
    """The credentials were refused: trying again without a change is useless."""


class TokenError(HttpAuthError):
    """The token endpoint gave no usable token.

    Attributes:
        wait: The seconds that the endpoint asks to wait, or None.
    """

    default_code = "http_token"
    wait: float | None = None


class RetryLater(HttpError):  # noqa: N818  (the name says what to do)
    """The API asks to come back after a wait that no process should sleep through.

    Attributes:
        seconds: How long to wait from now.
    """

    def __init__(self, message: str, *, seconds: float, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, code="http_retry_later", where=where, hint=hint)
        self.seconds = seconds


class HttpConnectionError(HttpError):
    """No whole answer arrived: refused, reset, cut off or silent."""


class ResponseTooLargeError(HttpError):
    """A body is over `max_response_bytes`."""


class DecodeError(HttpError):
    """The body is not JSON."""


class SelectorError(HttpError):
    """The data selector is invalid, matches nothing, or is needed."""


class BodyError(HttpError):
    """A success whose body reports errors instead of records."""


class PaginationError(HttpError):
    """The paginator's config or what it reads from a response does not work."""


class LoopError(PaginationError):
    """Paging goes in circles."""


class IncompleteError(HttpError):
    """A list ends, or breaks off, before its end."""


class OriginError(HttpError):
    """Something other than the config leads to an origin that is not trusted."""


class AuthConfigError(HttpError):
    """The auth config cannot work."""


class ClientConfigError(HttpError):
    """The client cannot be opened as configured."""

    def __init__(
        self, message: str, *, code: str = "http_client_config", where: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, code=code, where=where, hint=hint)


class ActionError(HttpError):
    """A response action says that this response is a failure."""


def not_picklable(kind: str) -> HttpError:
    """The error of a client or resource that should be written to a file or sent to another process."""
    return HttpError(
        f"a {kind} cannot be pickled: it contains connections, and secrets that the pickle would contain",
        code="http_not_picklable",
        hint="Create it where it is used, from its config or as a Dagster resource; `copy.copy` works in the same "
        "process.",
    )


class IgnoreResponse(Exception):  # noqa: N818  (a signal of response hooks, not a failure)
    """Raised by a response hook to skip this response, like the action `ignore`."""


def _rebuild(cls: type[HttpError], attributes: dict[str, Any]) -> HttpError:
    error = cls.__new__(cls, attributes["message"])
    error.__dict__.update(attributes)
    return error
