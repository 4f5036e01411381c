"""The errors of a stream of pages. `number` is the page's, from 0; `where` is its config path and URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_rest.http.errors import (
    BodyError,
    DecodeError,
    HttpStatusError,
    IncompleteError,
    LoopError,
    PaginationError,
)
from dagster_rest.http.redaction import Redactor

if TYPE_CHECKING:
    import httpx

_SAME_CONTENT = (
    "The API ignores the request for the next page: check the paginator's parameter names. If pages may be the same "
    "one after the other, say how many with `max_repeated_pages` in the endpoint."
)


def same_request(number: int, where: str) -> LoopError:
    """The next request was sent before."""
    return LoopError(
        f"page {number + 1} would be the same request as an earlier page",
        code="http_loop",
        where=where,
        hint="The API repeats its link or cursor; set the paginator that it uses, or `max_pages`.",
    )


def same_content(cycle: int, number: int, where: str) -> LoopError:
    """Pages come again and again: so many different ones."""
    what = "the same content as the page before it" if cycle == 1 else "the content of earlier pages"
    pages = "has" if cycle == 1 else f"and the {cycle - 1} before it have"
    return LoopError(f"page {number + 1} {pages} {what}", code="http_loop", where=where, hint=_SAME_CONTENT)


def empty_pages(count: int, number: int, where: str) -> LoopError:
    """More empty pages in a row than are allowed."""
    return LoopError(
        f"{count} pages in a row are empty, and each announces another one (page {number + 1})",
        code="http_empty_pages",
        where=where,
        hint="Check the paginator, or raise `max_empty_pages` in the endpoint.",
    )


def behind_the_end_hint(status: int) -> str:
    """How to allow an error status where it may be how the API ends a counted list."""
    return (
        f"If the API answers {status} behind its last page, say it with "
        f"{{status_code: {status}, action: ignore}} in `response_actions` and `ignore_scope: later_pages`."
    )


def ignored_first_page(response: httpx.Response, redactor: Redactor, where: str) -> HttpStatusError:
    """The first page may not be ignored."""
    return HttpStatusError(
        f"the first page would be ignored (status {response.status_code}), and `ignore_scope` is `later_pages`: "
        f"{redactor.shorten(response.content) or '(empty)'}",
        where=where,
        status_code=response.status_code,
        hint="Check path and parameters, or set `ignore_scope: any` if the list may be missing.",
    )


def ignored_with_pages_left(what: str, number: int, where: str) -> PaginationError:
    """A response in the middle of a list was ignored."""
    return PaginationError(
        f"a response was ignored {what} (page {number + 1})",
        code="http_ignored_with_pages_left",
        where=where,
        hint="Narrow the response action to the responses that really end the list.",
    )


def no_content(response: httpx.Response, number: int, where: str) -> IncompleteError:
    """A list breaks off with a response that holds nothing."""
    what = "is `null`" if response.content.strip() else "is empty"
    return IncompleteError(
        f"page {number + 1} has no content (status {response.status_code}, the body {what}), although "
        "the page before it announced it",
        code="http_no_content",
        where=where,
        hint="Run again. If the API ends its lists like this, set `stop_after_empty_page: true` if the "
        "paginator has it, or add {status_code: 204, action: ignore} in `response_actions`.",
    )


def unreadable(error: DecodeError, response: httpx.Response, redactor: Redactor, where: str) -> DecodeError:
    """A body that is not JSON, or not of its encoding; with the beginning of the body."""
    kind = response.headers.get("content-type", "no content type")
    hint = "Check path, auth and `Accept` header; a login or error page often looks like this."
    if error.code == "http_charset":
        hint = (
            "Set `encoding` in the endpoint to what the API really sends (cp1252, for example), or "
            "`encoding_errors: replace` to load what can be read."
        )
    return DecodeError(
        f"{error.message} (status {response.status_code}, {kind}): {redactor.shorten(response.content)}",
        code=error.code,
        where=where,
        hint=hint,
    )


def body_errors(errors: str, records: int) -> BodyError:
    """A body with `errors` beside its records."""
    return BodyError(
        f"the body has errors beside its {records} records, so some may be missing: {errors}",
        code="http_body_reports_errors",
        hint="Handle it with a response action, for example {json: $.errors, action: retry}, or load what is there "
        "with `on_body_errors: warn` in the endpoint.",
    )
