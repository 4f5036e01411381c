"""What can go wrong between a request and its page, each with a code and a way out."""

from __future__ import annotations

from dagster_rest.errors import RestError

CODES: dict[str, str] = {
    "http_status": "The API answered with an error status. Look at the shown body; `response_actions` can ignore, "
    "retry or fail with a message of your own.",
    "http_auth": "The API refused the credentials (401 or 403). Check the `auth` of the client or endpoint, and "
    "what the account may read.",
    "http_token": "The token endpoint did not give a usable access token. Check `access_token_url`, client id and "
    "secret, scopes and `access_token_request_data`.",
    "http_connection": "No answer arrived: connection refused or reset, the body was cut off, or what came is not HTTP, on every attempt. "
    "Check the host, the port and the network.",
    "http_timeout": "The API stayed silent for longer than `timeout` seconds, on every attempt. Raise `timeout`, or "
    "ask for smaller pages.",
    "http_tls": "No TLS connection: a certificate that is not trusted or names another host, or a client certificate that the server refuses. "
    "Name the CA in `verify`, or the client certificate in `cert`.",
    "http_proxy": "The proxy gave no way through: it refused the user, the host or the connection. Check `proxy` or the "
    "environment's proxy variables, and what `NO_PROXY` has to name.",
    "http_encoding": "The body is packed (`Content-Encoding`) in a way that cannot be undone. Install the package that the "
    "message names, or ask for another packing by the header `Accept-Encoding`.",
    "http_retry_later": "The API asked for a longer wait than `retry.max_wait`, or the retries used up "
    "`retry.total`. Run again after the named time.",
    "http_wait_too_long": "The API asked for a wait longer than `retry.max_retry_later`, which nobody should plan for. "
    "Ask the API's owner, or raise the bound if the wait is meant.",
    "http_response_too_large": "A response body is larger than `max_response_bytes` (measured after decompression). "
    "Ask for smaller pages or raise the limit.",
    "http_not_json": "The body is not JSON, although the status is a success. Check path, auth and `Accept` header; "
    "it is often a login page or a proxy's error page.",
    "http_selector_matched_nothing": "The data selector finds nothing in a body that is not empty. Correct "
    "`data_selector` by the shown key tree, or allow it with `allow_missing_data: true`.",
    "http_selector_invalid": "A JSONPath cannot be parsed. Correct the expression.",
    "http_charset": "The body holds bytes that are not of its encoding. Set `encoding` if the API names a wrong one, or "
    "`encoding_errors: replace` to load it with replacement characters.",
    "http_body_reports_errors": "The body has errors instead of records, or beside them, although the status is a "
    "success. Look at the shown errors; a response action can retry, ignore or fail such a body, and "
    "`on_body_errors: warn` loads the records beside errors.",
    "http_loop": "The same request, cursor or page content came again, so paging would never end. Set the paginator that "
    "the API really uses, or `max_repeated_pages` if pages may be equal.",
    "http_origin": "A next link, a redirect or a parent value leads to another origin. If it may be trusted with "
    "the credentials, list it in `allowed_origins`.",
    "http_too_many_redirects": "Redirects do not end. Check the path, or ask for the final address.",
    "http_paginator_config": "The paginator's parameters contradict each other or cannot end. Correct them as the "
    "message says.",
    "http_paginator_unknown": "No paginator has this name. Use a built-in one or `register_paginator`.",
    "http_pagination": "The response does not hold what the paginator needs. Correct its paths by the shown key tree.",
    "http_more_pages": "The response says that there is more, but no paginator fits. Set `paginator` by what is shown.",
    "http_list_incomplete": "The list ended before the total that the API itself names. Run again; if the total counts "
    "something else, set `total_path: null` or `on_incomplete: warn` in the paginator.",
    "http_no_content": "A page in the middle of a list came without content (204, an empty body, `null`). Run again; if "
    "the API ends its lists so, say it with a response action or `stop_after_empty_page`.",
    "http_empty_pages": "Too many pages in a row were empty, with always another one announced. Check the paginator, or "
    "raise `max_empty_pages`.",
    "http_page_size": "Pages are shorter or longer than `limit`, and the next one repeats their records. Set `limit` to "
    "what the API gives, or `advance_by`.",
    "http_ignored_with_pages_left": "A response in the middle was ignored by `response_actions`, but pages remain. "
    "Narrow the action, or set `ignore_scope`.",
    "http_action_failed": "A response action with `action: fail` matched. Do what its `message` says, or change "
    "the action.",
    "http_auth_config": "The auth config cannot work. Correct it as the message says.",
    "http_auth_unknown": "No auth has this name. Use a built-in one or `register_auth`.",
    "http_request_invalid": "The request cannot be built or sent as described. Correct it as the message says.",
    "http_client_config": "The client cannot be opened as configured: proxy, CA bundle, client certificate, HTTP/2 or an origin. Correct "
    "the key that the message names.",
    "http_rate_limit_config": 'The rate limit cannot be understood. Write `{requests: 100, per: "1m"}`.',
    "http_rate_limit_file": "The file by which processes share a rate limit cannot be used. Remove it, and see that its "
    "folder can be written to.",
    "http_reentrant": "A hook, an auth callable or a paginator uses the client that is just calling it, and would wait "
    "for ever. Use another client there, or none.",
    "http_not_picklable": "A client or resource cannot be pickled: the file would hold its secrets. Make it where it is "
    "used.",
    "http_client_closed": "The client is closed. Open a new one.",
}


class HttpError(RestError):
    """The base of everything `dagster_rest.http` raises."""


class HttpStatusError(HttpError):
    """The API answered with an error status.

    Attributes:
        status_code: The HTTP status.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "http_status",
        where: str | None = None,
        hint: str | None = None,
        status_code: int = 0,
    ) -> None:
        super().__init__(message, code=code, where=where, hint=hint)
        self.status_code = status_code

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_status, (type(self), self.message, self.code, self.where, self.hint, self.status_code))


class HttpAuthError(HttpStatusError):
    """The credentials were refused: trying again without a change is useless."""


class TokenError(HttpAuthError):
    """The token endpoint gave no usable token.

    Attributes:
        wait: The seconds that the endpoint asks to wait, or None.
    """

    wait: float | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str = "http_token",
        where: str | None = None,
        hint: str | None = None,
        status_code: int = 0,
    ) -> None:
        super().__init__(message, code=code, where=where, hint=hint, status_code=status_code)


class RetryLater(HttpError):  # noqa: N818  (the name says what to do)
    """The API asks to come back after a wait that no process should sleep through.

    Attributes:
        seconds: How long to wait from now.
    """

    def __init__(self, message: str, *, seconds: float, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, code="http_retry_later", where=where, hint=hint)
        self.seconds = seconds

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_later, (self.message, self.seconds, self.where, self.hint))


class HttpConnectionError(HttpError):
    """No whole answer arrived: refused, reset, cut off or silent."""


class ResponseTooLargeError(HttpError):
    """A body is over `max_response_bytes`."""


class DecodeError(HttpError):
    """The body is not JSON."""


class SelectorError(HttpError):
    """The data selector is invalid or matches nothing."""


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
        f"a {kind} cannot be pickled: it holds connections, and secrets that would be in the file",
        code="http_not_picklable",
        hint="Make it where it is used, from its config or as a Dagster resource; `copy.copy` gives one of its own "
        "in the same process.",
    )


class IgnoreResponse(Exception):  # noqa: N818  (a signal of response hooks, not a failure)
    """Raised by a response hook to skip this response, like the action `ignore`."""


def _rebuild_status(
    cls: type[HttpStatusError], message: str, code: str, where: str | None, hint: str | None, status_code: int
) -> HttpStatusError:
    return cls(message, code=code, where=where, hint=hint, status_code=status_code)


def _rebuild_later(message: str, seconds: float, where: str | None, hint: str | None) -> RetryLater:
    return RetryLater(message, seconds=seconds, where=where, hint=hint)
