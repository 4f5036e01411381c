"""Paginators that count: pages or items."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from dagster_rest.http.decoding import key_tree
from dagster_rest.http.errors import PaginationError
from dagster_rest.http.jsonpath import compile_path
from dagster_rest.http.paginators.base import BasePaginator, body_of
from dagster_rest.http.paginators.place import Place
from dagster_rest.http.paginators.values import as_int, read_flag

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.request import Request


class RangePaginator(BasePaginator):
    """Counts up: the common part of page numbers and offsets.

    Paging ends after an empty page (if `stop_after_empty_page`), when the total or `maximum` is reached, or when the
    flag at `has_more_path` is false, whichever comes first.
    """

    #: What the total counts, for messages.
    counts: ClassVar[str] = "items"

    def __init__(
        self,
        *,
        place: Place,
        first: int,
        base: int,
        step: int,
        maximum: int | None,
        total_path: str | None,
        has_more_path: str | None,
        stop_after_empty_page: bool,
        max_pages: int | None,
    ) -> None:
        super().__init__(max_pages=max_pages)
        if step < 1:
            raise PaginationError(f"{self.kind} cannot go on in steps of {step}", code="http_paginator_config")
        ends = (total_path, maximum, has_more_path, max_pages, stop_after_empty_page or None)
        if all(end is None for end in ends):
            raise PaginationError(
                f"{self.kind} has no way to stop",
                code="http_paginator_config",
                hint="Set `total_path`, a maximum, `has_more_path` or `stop_after_empty_page: true`.",
            )
        self._place = place
        self._first, self._base, self._step = first, base, step
        self._maximum = maximum
        self.total_path = total_path
        self.has_more_path = has_more_path
        self.stop_after_empty_page = stop_after_empty_page
        self._value = first
        self._total: int | None = None

    def init_request(self, request: Request) -> None:
        """The first request already says where it starts."""
        self.update_request(request)

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Count on, and look whether the end is reached."""
        if self.stop_after_empty_page and data is not None and not data:
            if self.pages_left and self._value != self._first:
                self._warn(f"an empty page ended the paging, although the API counts {self._total} {self.counts}")
            self._stop("empty_page")
            return
        body = body_of(response) if self.total_path or self.has_more_path else None
        if self.total_path is not None:
            self._total = self._read_total(body)
        more = self.has_more_path is None or read_flag(body, self.has_more_path)
        self._value += self._step
        if self._total is not None and self._value >= self._total + self._base:
            self._stop("total")
        elif self._maximum is not None and self._value >= self._maximum:
            self._stop("maximum")
        elif not more:
            self._stop("has_more")

    def update_request(self, request: Request) -> None:
        """Send the current value."""
        self._place.put(request, self._value)

    def _read_total(self, body: Any) -> int | None:
        found = compile_path(self.total_path or "").first(body)
        total = as_int(found)
        if total is not None:
            return total
        what = "is missing" if found is None else f"is {type(found).__name__}, not a number"
        others = self._maximum is not None or self.has_more_path is not None or self.stop_after_empty_page
        message = f"the total of {self.counts} at {self.total_path!r} {what}"
        if found is None and others:
            self._warn(f"{message}; going on to the other stop condition")
            return None
        raise PaginationError(
            f"{message}; the body holds {key_tree(body)}",
            code="http_pagination",
            hint="Set `total_path` (null if the API names no total).",
        )

    def _warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def upcoming(self) -> Iterator[BasePaginator]:
        """The later pages up to the known total; none where a flag decides from page to page."""
        if self._total is None or self.has_more_path is not None:
            return
        end = self._total + self._base
        if self._maximum is not None:
            end = min(end, self._maximum)
        for value in range(self._value + self._step, end, self._step):
            ahead = copy.copy(self)
            ahead._value = value
            yield ahead

    @property
    def pages_left(self) -> bool:
        """Whether the total, as read from the page before, covers the current value's page or later ones."""
        return self._total is not None and self._value < self._total + self._base

    def state(self) -> dict[str, Any] | None:
        """The next value, and the total as last read."""
        return {"value": self._value, "total": self._total}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        self._value, self._total = state["value"], state.get("total")


class PageNumberPaginator(RangePaginator):
    """Counts page numbers (dlt's docs, "RESTClient: PageNumberPaginator").

    Args:
        base_page: Number of the API's first page (0 or 1).
        page: First page to ask for; `base_page` by default.
        page_param: Query parameter; `page` if no place is named.
        page_body_path: Dot path in the JSON body, instead.
        total_path: JSONPath of the number of *pages*; None if the API does not name it.
        maximum_page: The page to stop before (exclusive).
        stop_after_empty_page: Whether a page without records ends the paging.
        has_more_path: JSONPath of a flag.
        page_header: Header, instead.
        max_pages: At most so many pages.
    """

    kind = "page_number"
    counts = "pages"

    def __init__(
        self,
        base_page: int = 0,
        page: int | None = None,
        page_param: str | None = None,
        total_path: str | None = "total",
        maximum_page: int | None = None,
        stop_after_empty_page: bool = True,
        has_more_path: str | None = None,
        page_body_path: str | None = None,
        *,
        page_header: str | None = None,
        max_pages: int | None = None,
    ) -> None:
        super().__init__(
            place=Place.choose("page", page_param=page_param, page_body_path=page_body_path, page_header=page_header),
            first=base_page if page is None else page,
            base=base_page,
            step=1,
            maximum=maximum_page,
            total_path=total_path,
            has_more_path=has_more_path,
            stop_after_empty_page=stop_after_empty_page,
            max_pages=max_pages,
        )

    def describe(self) -> str:
        """Kind and places."""
        return f"page_number({self._place}, base_page={self._base}, total_path={self.total_path!r})"


class ProbingPageNumberPaginator(PageNumberPaginator):
    """Counts pages of an API that tells how many there are, but not whether the first is 0 or 1.

    The first request names no page. The next one asks for page 1: if that is the first page again, it is dropped and
    the API counts from 1; else it counts from 0.

    Args:
        total_path: JSONPath of the number of pages.
        page_param: Query parameter.
    """

    def __init__(self, *, total_path: str, page_param: str = "page") -> None:
        super().__init__(base_page=1, page=0, page_param=page_param, total_path=total_path)
        self.probing = False

    def init_request(self, request: Request) -> None:
        """The first request names no page."""

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Count on; after the first response, look at page 1."""
        first = self._value == 0
        super().update_state(response, data)
        self.probing = first and self.has_next_page
        if first and self._total is not None and self._total <= 1 and self.has_next_page:
            self._stop("total")
            self.probing = False

    def settle(self, *, repeated: bool) -> None:
        """Say whether page 1 was the first page again; before `update_state` with it."""
        self.probing = False
        self._base = 1 if repeated else 0

    def upcoming(self) -> Iterator[BasePaginator]:
        """None while it is not clear how the API counts."""
        return iter(()) if self.probing else super().upcoming()

    def state(self) -> dict[str, Any] | None:
        """None while it is not clear how the API counts."""
        return None if self.probing else {**(super().state() or {}), "base": self._base}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        super().restore(state)
        self._base = state["base"]


class OffsetPaginator(RangePaginator):
    """Counts items (dlt's docs, "RESTClient: OffsetPaginator").

    Args:
        limit: Items a page; also the step.
        offset: First offset.
        offset_param: Query parameter of the offset; `offset` if no place is named.
        offset_body_path: Dot path in the JSON body, instead.
        limit_param: Query parameter of the limit; `limit` if no place is named.
        limit_body_path: Dot path in the JSON body, instead.
        total_path: JSONPath of the number of *items*; None if the API does not name it.
        maximum_offset: The offset to stop before (exclusive).
        stop_after_empty_page: Whether a page without records ends the paging.
        has_more_path: JSONPath of a flag.
        offset_header: Header of the offset, instead.
        limit_header: Header of the limit, instead.
        max_pages: At most so many pages.
    """

    kind = "offset"

    def __init__(
        self,
        limit: int,
        offset: int = 0,
        offset_param: str | None = None,
        offset_body_path: str | None = None,
        limit_param: str | None = None,
        limit_body_path: str | None = None,
        total_path: str | None = "total",
        maximum_offset: int | None = None,
        stop_after_empty_page: bool = True,
        has_more_path: str | None = None,
        *,
        offset_header: str | None = None,
        limit_header: str | None = None,
        max_pages: int | None = None,
    ) -> None:
        self.limit = limit
        self._limit_place = Place.choose(
            "limit", limit_param=limit_param, limit_body_path=limit_body_path, limit_header=limit_header
        )
        super().__init__(
            place=Place.choose(
                "offset", offset_param=offset_param, offset_body_path=offset_body_path, offset_header=offset_header
            ),
            first=offset,
            base=0,
            step=limit,
            maximum=maximum_offset,
            total_path=total_path,
            has_more_path=has_more_path,
            stop_after_empty_page=stop_after_empty_page,
            max_pages=max_pages,
        )

    @property
    def items_total(self) -> int | None:
        """The total that was read."""
        return self._total

    def update_request(self, request: Request) -> None:
        """Send offset and limit."""
        super().update_request(request)
        self._limit_place.put(request, self.limit)

    def describe(self) -> str:
        """Kind and places."""
        return f"offset({self._place}, limit={self.limit}, total_path={self.total_path!r})"
