"""The pages of one unit, one after the other; the order of requests never depends on what else runs."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster_rest.errors import RestError
from dagster_rest.http.errors import DecodeError, HttpStatusError, PaginationError
from dagster_rest.http.fetch import failures
from dagster_rest.http.fetch.prefetch import Prefetch
from dagster_rest.http.fetch.repeats import Repeats
from dagster_rest.http.fetch.shared_selector import SharedSelector
from dagster_rest.http.page import FetchOptions, FetchUnit, Page
from dagster_rest.http.paginators.base import BasePaginator, update_state
from dagster_rest.http.paginators.detection.detect import detect_paginator, remake
from dagster_rest.http.paginators.page_numbers import ProbingPageNumberPaginator
from dagster_rest.http.paginators.ranges import RangePaginator
from dagster_rest.http.paginators.values import as_int
from dagster_rest.http.parse.body import decode_body
from dagster_rest.http.parse.json import decode_json
from dagster_rest.http.parse.jsonpath import compile_path
from dagster_rest.http.parse.records import Selection, select
from dagster_rest.http.redaction import Redactor
from dagster_rest.http.request import Request

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.send.context import Outcome
    from dagster_rest.http.send.stats import RequestStats

#: How APIs answer to a page behind the last one, where a total has shrunk meanwhile.
BEHIND_THE_END = frozenset({400, 404, 410, 416, 422})


@dataclass
class PageStream:
    """Goes through the pages of one unit.

    Attributes:
        options: How it is fetched; its paginator is an instance or None.
        request: The first request, then that of the page at hand.
        selector: The selector of all units, detected by the first of them.
        order: The unit's number among them.
        paginator: The paginator; None until it is detected.
        selection: The selector; None until it is detected.
    """

    unit: FetchUnit
    options: FetchOptions
    request: Request
    source: Prefetch
    selector: SharedSelector
    order: int
    redactor: Redactor
    stats: RequestStats
    auth: Any = None
    keep_response: bool = False
    paginator: BasePaginator | None = None
    selection: Selection | None = None
    number: int = 0
    _recipe: dict[str, Any] | None = None
    _evidence: list[str] = field(default_factory=list)
    _asked: set[int] = field(default_factory=set)
    _rows: int = 0
    _items: int | None = None
    _resumed_at: int = 0
    _replaced: int = 0
    _body_warnings: list[str] = field(default_factory=list)
    _warned_of_errors: bool = False

    def __post_init__(self) -> None:
        self._repeats = Repeats(self.options.max_repeated_pages)
        configured = self.options.paginator
        self.paginator = configured.clone() if isinstance(configured, BasePaginator) else None
        if self.unit.resume_state is not None:
            self._resume(dict(self.unit.resume_state))
        elif self.paginator is not None:
            self.paginator.init_request(self.request)

    async def pages(self) -> AsyncIterator[Page]:
        """The pages, the last one marked.

        Raises:
            RestError: Redacted, and with the config path and URL.
        """
        try:
            async for page in self._pages():
                self.stats.add(pages=1)
                yield page
        except RestError as error:
            error.where = error.where or self._where()
            error.message = self.redactor.redact(error.message)
            error.args = (error.message,)
            raise
        except RecursionError:
            raise DecodeError(
                "the body cannot be read: it is nested too deep", code="http_not_json", where=self._where()
            ) from None

    async def _pages(self) -> AsyncIterator[Page]:
        while True:
            self._check_request()
            if self.paginator is not None and self.number > 0:
                self.source.ahead(self.request, self._later)
            page = await self._next_page()
            if page is not None:
                yield page
                if page.is_last:
                    return
                self.number += 1
            self.request = self._following(self.paginator)

    async def _next_page(self) -> Page | None:
        try:
            outcome = await self.source.get(self.request)
        except HttpStatusError as error:
            paginator = self.paginator
            if paginator is None or not paginator.is_past_total or error.status_code not in BEHIND_THE_END:
                raise self._hinted(error) from None
            warnings = list(paginator.warnings)
            if paginator.pages_left:
                warnings.append(f"page {self.number + 1} answered {error.status_code}; the list ended before it")
            return self._ended("total", None, warnings=tuple(warnings))
        return await self._page(outcome)

    async def _page(self, outcome: Outcome) -> Page | None:
        """The page of a response; None if it is one that was seen already and may be dropped."""
        response = outcome.response
        if outcome.ignored:
            return self._ended("ignored", outcome, warnings=self._ignored(outcome))
        body = self._decode(outcome)
        if body is None:
            return self._without_content(outcome)
        records = await self._select(body)
        if self.paginator is None:
            self.paginator = self._detect(response, body, records)
        paginator = self.paginator
        items = self._items_on_page(body, records)
        repeated = self._repeats.add(records, response.content, read=self._read_again, items=items)
        if isinstance(paginator, ProbingPageNumberPaginator) and paginator.probing:
            paginator.settle(repeated=repeated)
            update_state(paginator, response, records, items=items)
            if repeated and paginator.has_next_page:
                return None
            return self._filled([] if repeated else records, body, outcome, paginator)
        self._check_progress()
        update_state(paginator, response, records, items=items)
        return self._filled(records, body, outcome, paginator)

    def _check_progress(self) -> None:
        if self._repeats.cycle is not None:
            raise failures.same_content(self._repeats.cycle, self.number, self._where())
        if self._repeats.empty > self.options.max_empty_pages:
            raise failures.empty_pages(self._repeats.empty, self.number, self._where())

    def _items_on_page(self, body: Any, records: list[Any]) -> int | None:
        """What the API counts on this page: the list that the selector takes, or takes its records from."""
        path = self.selection.path if self.selection is not None else None
        if path is None:
            return None
        container = path if path.definite else path.container
        found = container.first(body) if container is not None else None
        return len(found) if isinstance(found, list) else None if records else 0

    def _detect(self, response: httpx.Response, body: Any, records: list[Any]) -> BasePaginator:
        selection = self.selection or select(self.options.data_selector, body)
        found = detect_paginator(response, body, records, request=self.request, selection=selection)
        self._recipe = found.recipe
        self._evidence.append(f"paginator {found.paginator.describe()}: {found.evidence}")
        return found.paginator

    def _filled(self, records: list[Any], body: Any, outcome: Outcome, paginator: BasePaginator) -> Page:
        self._rows += len(records)
        self._items = self._total(body, paginator)
        ended_by = None if paginator.has_next_page else paginator.ended_by or "end"
        limit = self._limit()
        if ended_by is None and limit is not None and self.number + 1 >= limit:
            ended_by = "max_pages"
        return self._make_page(
            records,
            outcome,
            ended_by=ended_by,
            state=self._state(paginator) if ended_by is None else None,
            total=self._items,
            warnings=(*paginator.warnings, *self._body_warnings),
            size=len(outcome.response.content),
            replaced=self._replaced,
            selector=self.selection.state if self.selection is not None else None,
        )

    def _ended(self, reason: str, outcome: Outcome | None, **more: Any) -> Page:
        return self._make_page([], outcome, ended_by=reason, **more)

    def _make_page(self, records: list[Any], outcome: Outcome | None, *, ended_by: str | None, **more: Any) -> Page:
        return Page(
            records,
            unit=self.unit,
            number=self.number,
            is_last=ended_by is not None,
            ended_by=ended_by,
            request=self.request,
            response=outcome.response if self.keep_response and outcome is not None else None,
            paginator=self.paginator,
            auth=self.auth,
            evidence="; ".join(self._evidence) or None,
            **more,
        )

    def _hinted(self, error: HttpStatusError) -> HttpStatusError:
        """The error, saying how to allow it where it may be how the API ends a counted list."""
        counts = isinstance(self.paginator, RangePaginator) and self.number > 0
        if counts and error.status_code in BEHIND_THE_END and error.hint is None:
            error.hint = failures.behind_the_end_hint(error.status_code)
        return error

    def _ignored(self, outcome: Outcome) -> tuple[str, ...]:
        scope = self.options.ignore_scope
        if self.number == 0:
            if scope == "later_pages":
                raise failures.ignored_first_page(outcome.response, self.redactor, self._where())
            return ()
        if scope == "first_page":
            what = "after the first page, and `ignore_scope` is `first_page`"
            raise failures.ignored_with_pages_left(what, self.number, self._where())
        if self._pages_left():
            what = "although the API's own total says that pages remain"
            raise failures.ignored_with_pages_left(what, self.number, self._where())
        if scope == "later_pages" and isinstance(self.paginator, RangePaginator):
            # The page was only counted, and this is how the config says that there is none.
            return ()
        return (f"page {self.number + 1} was ignored by a response action; the list ended there",)

    def _without_content(self, outcome: Outcome) -> Page:
        """The page of a response that holds nothing: a list may be empty, but not break off."""
        paginator = self.paginator
        if self.number == 0 or paginator is None:
            return self._ended("no_content", outcome)
        paginator.items_on_page = 0
        paginator.update_without_content(outcome.response)
        if not paginator.has_next_page:
            return self._ended(paginator.ended_by or "no_content", outcome, warnings=tuple(paginator.warnings))
        raise failures.no_content(outcome.response, self.number, self._where())

    def _pages_left(self) -> bool:
        """Whether the API's own total, of pages or of items, is not reached."""
        counted = self._items is not None and self._resumed_at == 0 and self._rows < self._items
        return counted or (self.paginator is not None and self.paginator.pages_left)

    def _decode(self, outcome: Outcome) -> Any:
        options = self.options
        try:
            body, self._replaced = decode_body(
                outcome.response, encoding=options.encoding, encoding_errors=options.encoding_errors
            )
        except DecodeError as error:
            raise failures.unreadable(error, outcome.response, self.redactor, self._where()) from None
        return body

    async def _select(self, body: Any) -> list[Any]:
        selection = self.selection or await self.selector.for_body(body, order=self.order)
        if selection is None:
            return []
        if self.selection is None and selection is self.selector.selection:
            self.selection = selection
            if selection.evidence:
                self._evidence.append(f"selector {selection.path.text}: {selection.evidence}")
            if selection.warning:
                self._body_warnings.append(selection.warning)
        records = selection.records(body, allow_missing=self.options.allow_missing_data)
        self._check_errors(body, records)
        return records

    def _check_errors(self, body: Any, records: list[Any]) -> None:
        beside = self.selection.errors_beside(body) if self.selection is not None and records else None
        if beside is None:
            return
        if self.options.on_body_errors == "warn":
            if not self._warned_of_errors:
                self._warned_of_errors = True
                self._body_warnings.append(self.redactor.redact(f"the body has errors beside the records: {beside}"))
            return
        raise failures.body_errors(beside, len(records))

    def _check_request(self) -> None:
        fingerprint = self.request.fingerprint()
        if fingerprint in self._asked:
            raise failures.same_request(self.number, self._where())
        self._asked.add(fingerprint)

    def _read_again(self, content: bytes) -> list[Any]:
        return [] if self.selection is None else self.selection.records(decode_json(content))

    def _later(self, skip: int) -> Iterator[Request]:
        if self.paginator is None:
            return iter(())
        limit = self._limit()
        end = None if limit is None else max(skip, limit - self.number - 1)
        return (self._following(later) for later in itertools.islice(self.paginator.upcoming(), skip, end))

    def _limit(self) -> int | None:
        """The least of what options and paginator allow."""
        limits = (self.options.max_pages, getattr(self.paginator, "max_pages", None))
        return min((limit for limit in limits if limit is not None), default=None)

    def _following(self, paginator: BasePaginator | None) -> Request:
        following = self.request.copy()
        if paginator is not None:
            paginator.update_request(following)
        return following

    def _state(self, paginator: BasePaginator) -> dict[str, Any] | None:
        own = paginator.state()
        if own is None:
            return None
        detected = {"recipe": self._recipe} if self._recipe else {}
        selected = (self.selection.state if self.selection else None) or {}
        concealed = self.redactor.conceal(own)
        if concealed is None:
            return None
        selector = {"selector": selected.get("path"), "shape": selected.get("shape")}
        return {"number": self.number + 1, "paginator": concealed, **selector, **detected}

    def _resume(self, state: dict[str, Any]) -> None:
        self._recipe = state.get("recipe")
        if self.paginator is None and self._recipe is not None:
            self.paginator = remake(self._recipe)
            self._evidence.append(f"paginator {self.paginator.describe()}: as detected before")
        if self.paginator is None:
            raise PaginationError(
                "the stored position has no paginator", code="http_pagination", where=self.options.where
            )
        if state.get("selector"):
            self.selection = Selection.from_state({"path": state["selector"], "shape": state.get("shape")})
            self.selector.settle(self.selection)
        self.number = self._resumed_at = int(state["number"])
        self.paginator.restore(self.redactor.reveal(state["paginator"]))
        self.request = self._following(self.paginator)

    def _total(self, body: Any, paginator: BasePaginator) -> int | None:
        path = getattr(self.options.expect, "total_path", None)
        return paginator.items_total if path is None else as_int(compile_path(path).first(body))

    def _where(self) -> str:
        url = self.redactor.redact_url(self.request.full_url())
        return f"{self.options.where}, {url}" if self.options.where else url
