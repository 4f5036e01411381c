"""The pages of one unit, one after the other; the order of questions never depends on what runs beside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from dagster_rest.http.decoding import decode_json, key_tree
from dagster_rest.http.detection import detect_paginator
from dagster_rest.http.errors import DecodeError, LoopError, PaginationError
from dagster_rest.http.jsonpath import compile_path
from dagster_rest.http.page import FetchOptions, FetchUnit, Page
from dagster_rest.http.paginators import BODY, BasePaginator, adapt_update_state, create_paginator
from dagster_rest.http.redaction import Redactor
from dagster_rest.http.request import Request
from dagster_rest.http.selection import Selection, select

if TYPE_CHECKING:
    from dagster_rest.http.exchange import Outcome

NO_CONTENT = frozenset({204, 205, 304})


class Source(Protocol):
    """Where a walk gets its responses."""

    async def get(self, request: Request) -> Outcome:
        """The response to a request, perhaps asked for already."""
        ...

    def ahead(self, requests: Iterator[Request]) -> None:
        """These requests will follow, in this order, unless a response says otherwise."""
        ...


@dataclass
class Walk:
    """Goes through the pages of one unit.

    Attributes:
        unit: The unit.
        options: How it is fetched.
        request: The first request.
        source: Where the responses come from.
        redactor: For messages.
        keep_response: Whether pages carry their response.
        paginator: The paginator; None until it is detected.
        selection: The selector; None until it is detected.
    """

    unit: FetchUnit
    options: FetchOptions
    request: Request
    source: Source
    redactor: Redactor
    auth: Any = None
    keep_response: bool = False
    paginator: BasePaginator | None = None
    selection: Selection | None = None
    number: int = 0
    _evidence: list[str] = field(default_factory=list)
    _asked: set[int] = field(default_factory=set)
    _content: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        configured = create_paginator(self.options.paginator, where=self.options.where)
        self.paginator = configured.clone() if configured is not None else None
        if self.unit.resume_state is not None:
            self._resume(dict(self.unit.resume_state))
        elif self.paginator is not None:
            self.paginator.init_request(self.request)

    async def pages(self) -> AsyncIterator[Page]:
        """The pages, the last one marked."""
        while True:
            self._check_request()
            self._look_ahead()
            outcome = await self.source.get(self.request)
            page = self._page(outcome)
            yield page
            if page.is_last:
                return
            self.number += 1
            self.request = self._following(self.paginator)

    def _page(self, outcome: Outcome) -> Page:
        response = outcome.response
        if outcome.ignored:
            return self._ended("ignored", outcome, warnings=self._ignored())
        body = self._decode(outcome)
        if body is None:
            return self._ended("no_content", outcome, warnings=self._no_content())
        records = self._select(body)
        if self.paginator is None:
            found = detect_paginator(response, body, records, self.request)
            self.paginator = found.paginator
            self._evidence.append(f"paginator {found.paginator.describe()}: {found.evidence}")
        self._check_content(records)
        adapt_update_state(self.paginator)(response, records)
        return self._filled(records, body, outcome, self.paginator)

    def _filled(self, records: list[Any], body: Any, outcome: Outcome, paginator: BasePaginator) -> Page:
        ended_by = None if paginator.has_next_page else paginator.ended_by or "end"
        limits = [limit for limit in (self.options.max_pages, paginator.max_pages) if limit is not None]
        if ended_by is None and limits and self.number + 1 >= min(limits):
            ended_by = "max_pages"
        return Page(
            records,
            unit=self.unit,
            number=self.number,
            is_last=ended_by is not None,
            ended_by=ended_by,
            state=self._state(paginator) if ended_by is None else None,
            request=self.request,
            response=outcome.response if self.keep_response else None,
            paginator=paginator,
            auth=self.auth,
            total=self._total(body, paginator),
            evidence="; ".join(self._evidence) or None,
            warnings=tuple(paginator.warnings),
            size=len(outcome.response.content),
        )

    def _ended(self, reason: str, outcome: Outcome, *, warnings: tuple[str, ...] = ()) -> Page:
        return Page(
            unit=self.unit,
            number=self.number,
            is_last=True,
            ended_by=reason,
            request=self.request,
            response=outcome.response if self.keep_response else None,
            paginator=self.paginator,
            auth=self.auth,
            evidence="; ".join(self._evidence) or None,
            warnings=warnings,
        )

    def _ignored(self) -> tuple[str, ...]:
        if self.number == 0:
            return ()
        if self.options.ignore_scope == "first_page":
            raise self._left_out("a response was ignored after the first page, and `ignore_scope` is `first_page`")
        if self.paginator is not None and self.paginator.pages_left:
            raise self._left_out("a response was ignored although the API's own total says that pages remain")
        return (f"page {self.number + 1} was ignored by a response action; paging ended there",)

    def _no_content(self) -> tuple[str, ...]:
        if self.number and self.paginator is not None and self.paginator.pages_left:
            raise self._left_out("a response is empty although the API's own total says that pages remain")
        return ()

    def _left_out(self, message: str) -> PaginationError:
        return PaginationError(
            f"{message} (page {self.number + 1})",
            code="http_ignored_with_pages_left",
            where=self._where(),
            hint="Narrow the response action to the responses that really end the list.",
        )

    def _decode(self, outcome: Outcome) -> Any:
        response = outcome.response
        if response.status_code in NO_CONTENT:
            return None
        try:
            body = decode_json(response.content, encoding=response.charset_encoding)
        except DecodeError as error:
            kind = response.headers.get("content-type", "no content type")
            raise DecodeError(
                f"{error.message} (status {response.status_code}, {kind}): {self.redactor.shorten(response.content)}",
                code="http_not_json",
                where=self._where(),
                hint="Check path, auth and `Accept` header; a login or error page often looks like this.",
            ) from None
        response.extensions[BODY] = body
        return body

    def _select(self, body: Any) -> list[Any]:
        if self.selection is None:
            self.selection = select(self.options.data_selector, body)
            if self.selection.evidence:
                self._evidence.append(f"selector {self.selection.path.text}: {self.selection.evidence}")
        if body == {} and self.options.data_selector is None:
            return []
        return self.selection.records(body, allow_missing=self.options.allow_missing_data, where=self._where())

    def _check_request(self) -> None:
        fingerprint = self.request.fingerprint()
        if fingerprint in self._asked:
            raise LoopError(
                f"page {self.number + 1} would be the same request as an earlier page",
                code="http_loop",
                where=self._where(),
                hint="The API repeats its link or cursor; set the paginator it really uses, or `max_pages`.",
            )
        self._asked.add(fingerprint)

    def _check_content(self, records: list[Any]) -> None:
        content = (len(records), repr(records[0]), repr(records[-1])) if records else None
        if content is not None and content == self._content:
            raise LoopError(
                f"page {self.number + 1} has the same content as the page before it",
                code="http_loop",
                where=self._where(),
                hint="The API ignores how the next page is asked for; check the paginator's parameter names.",
            )
        self._content = content

    def _look_ahead(self) -> None:
        if self.paginator is not None and self.number:
            limits = [n for n in (self.options.max_pages, self.paginator.max_pages) if n is not None]
            upcoming = (self._following(later) for later in self.paginator.upcoming())
            self.source.ahead(islice(upcoming, min(limits) - self.number - 1 if limits else None))

    def _following(self, paginator: BasePaginator | None) -> Request:
        following = self.request.copy()
        if paginator is not None:
            paginator.update_request(following)
        return following

    def _state(self, paginator: BasePaginator) -> dict[str, Any] | None:
        own = paginator.state()
        if own is None:
            return None
        state: dict[str, Any] = {"number": self.number + 1, "paginator": own}
        return state

    def _resume(self, state: dict[str, Any]) -> None:
        if self.paginator is None:
            raise PaginationError("cannot resume", code="http_pagination", where=self._where())
        self.number = int(state["number"])
        self.paginator.restore(state["paginator"])
        self.request = self._following(self.paginator)

    def _total(self, body: Any, paginator: BasePaginator) -> int | None:
        path = getattr(self.options.expect, "total_path", None)
        if path is None:
            return None
        found = compile_path(path).first(body)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def _where(self) -> str:
        url = self.redactor.redact_url(self.request.full_url())
        return f"{self.options.where}, {url}" if self.options.where else url
