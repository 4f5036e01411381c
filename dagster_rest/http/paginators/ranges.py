"""What paginators that count have in common, and the one that counts items."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dagster_rest.http.decoding import key_tree
from dagster_rest.http.errors import IncompleteError, PaginationError
from dagster_rest.http.jsonpath import compile_path
from dagster_rest.http.paginators.base import BasePaginator, body_of
from dagster_rest.http.paginators.place import Place
from dagster_rest.http.paginators.totals import Total
from dagster_rest.http.paginators.values import as_int, read_flag

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.request import Request

OnIncomplete = Literal["fail", "warn"]
AdvanceBy = Literal["auto", "rows", "limit"]


class RangePaginator(BasePaginator):
    """Counts up: the common part of page numbers and offsets.

    Paging ends after an empty page (if `stop_after_empty_page`), when the total or `maximum` is reached, or when the
    flag at `has_more_path` is false, whichever comes first (dlt's docs, "RESTClient: paginators"). An end before the
    API's own total is an error, unless `on_incomplete` is `warn`.
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
        on_incomplete: OnIncomplete = "fail",
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
        self.on_incomplete = on_incomplete
        self._value = first
        self._stride = step
        self._steady = True
        self._total = Total()
        # Whether the page before named its total itself.
        self._total_is_fresh = False
        # Items that came; None once a page's items cannot be counted.
        self._came: int | None = 0

    @abstractmethod
    def _reach(self) -> int:
        """How far the pages before the current value reach, in the unit of the total."""

    @abstractmethod
    def _value_at(self, total: int) -> int:
        """The value of the first page behind so many."""

    @property
    def _page_worth(self) -> int:
        """What a page counts for, in the unit of the total."""
        return self._step

    def _is_short(self) -> bool:
        """Whether the page just read has less than was asked for."""
        return False

    def _look_at(self, records: list[Any]) -> None:
        """Check a page that is not empty, before anything is learnt from it."""

    def _stride_after(self, *, more: bool) -> int:
        """How far the value moves behind the page just read.

        Args:
            more: Whether the API says that there is more.
        """
        return self._step

    def init_request(self, request: Request) -> None:
        """The first request already says where it starts."""
        self.update_request(request)

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Count on, and look whether the end is reached."""
        needs_body = self.total_path is not None or self.has_more_path is not None
        body = body_of(response) if needs_body else None
        if data is not None and self._is_empty(data):
            self._take_nothing(body)
        else:
            self._take(body, data or [])

    def update_without_content(self, response: httpx.Response) -> None:
        """A response without content is an empty page where an empty page may end the list."""
        if self.stop_after_empty_page:
            self._take_nothing(None)

    def _take_nothing(self, body: Any) -> None:
        here = self._reach()
        total = as_int(compile_path(self.total_path).first(body)) if self.total_path is not None else None
        # A total of 0 behind rows that came is a glitch.
        if total is not None and (total > 0 or (total == 0 and not self._came)):
            self._total, self._total_is_fresh = self._total.named(total), True
        if self.stop_after_empty_page or self._total.is_over(here):
            self._compare("an empty page", here)
            self._stop("empty_page")
            return
        more = self.has_more_path is None or read_flag(body, self.has_more_path)
        self._go_on(self._step, more=more)

    def _take(self, body: Any, records: list[Any]) -> None:
        self._look_at(records)
        items = self.items_on_page
        self._came = None if self._came is None or items is None else self._came + items
        reached = self._reach_with_page()
        if self.total_path is not None:
            self._learn_total(body, reached)
        more = self.has_more_path is None or read_flag(body, self.has_more_path)
        if self._total.is_over_for_sure(reached) or (self._total.is_over(reached) and self._is_short()):
            if self.has_more_path is not None and more:
                self._warn(f"the total of {self._total.latest} {self.counts} ended the list, although "
                           f"{self.has_more_path!r} says that there is more")  # fmt: skip
            self._end_by_total()
            return
        says_more = self._total.leaves(reached) or (self.has_more_path is not None and more)
        self._go_on(self._stride_after(more=says_more), more=more)

    def _go_on(self, stride: int, *, more: bool) -> None:
        self._value += stride
        self._steady = stride in (self._stride, self._step)
        self._stride = stride
        if self._maximum is not None and self._value >= self._maximum:
            self._stop("maximum")
        elif not more:
            self._compare(f"{self.has_more_path!r}, which says that there is no more,", self._reach())
            self._stop("has_more")
        elif self._total.is_over_for_sure(self._reach()):
            self._end_by_total()

    def _end_by_total(self) -> None:
        self._stop("total")

    def _reach_with_page(self) -> int:
        ahead = copy.copy(self)
        ahead._value += self._stride_after(more=True)
        return ahead._reach()

    def update_request(self, request: Request) -> None:
        """Send the current value."""
        self._place.put(request, self._value)

    def _learn_total(self, body: Any, reached: int) -> None:
        found = compile_path(self.total_path or "").first(body)
        total = as_int(found)
        named = f"the total of {self.counts} at {self.total_path!r}"
        if found is not None and total is None:
            raise self._no_total(f"{named} is {type(found).__name__}, not a number", body)
        self._total = self._total.reached(reached)
        self._total_is_fresh = total is not None and total >= reached
        if total is not None and total >= reached:
            self._total = self._total.named(total)
            return
        if total is not None and total > 0 and self._is_short() and self._total.latest is None:
            # The last page, and a row that came or went between the counting and the reading.
            self._total = self._total.named(reached)
            return
        if total is None:
            problem = f"{named} is missing"
        elif total < 0:
            problem = f"{named} is {total}, which counts nothing"
        else:
            problem = f"{named} is {total}, but {reached} came already"
        others = self._maximum is not None or self.has_more_path is not None or self.stop_after_empty_page
        if self._total.latest is not None:
            self._warn(f"{problem}; going on with the total of the pages before", kind=named)
        elif others:
            self._warn(f"{problem}; going on to the other stop condition", kind=named)
        else:
            raise self._no_total(problem, body)

    def _no_total(self, message: str, body: Any) -> PaginationError:
        return PaginationError(
            f"{message}; the body holds {key_tree(body)}",
            code="http_pagination",
            hint="Set `total_path` (null if the API names no total), or another stop condition.",
        )

    def _compare(self, what: str, reached: int) -> None:
        """Hold an end against the latest total."""
        latest = self._total.latest
        if latest is None or reached >= latest:
            return
        message = f"{what} ended the list at {reached} of {latest} {self.counts}"
        if not self._total_is_fresh and latest - reached <= self._page_worth:
            # An older page named it; some may have gone since.
            self._warn(message)
        else:
            self._fell_short(message)

    def _fell_short(self, message: str) -> None:
        if self.on_incomplete == "warn":
            self._warn(message)
            return
        raise IncompleteError(
            message,
            code="http_list_incomplete",
            hint="Run again. If the API's total counts more than this list, set `total_path: null` in the paginator "
            "(or `on_incomplete: warn` to keep asking pages at the same time).",
        )

    def _warn(self, message: str, *, kind: str | None = None) -> None:
        """Add a warning, one of a kind."""
        if not any(said.startswith(kind or message) for said in self.warnings):
            self.warnings.append(message)

    def upcoming(self) -> Iterator[BasePaginator]:
        """The later pages up to the known total; none where a flag decides from page to page."""
        if self._total.highest is None or self._total.latest is None or self.has_more_path is not None:
            return
        if not self._steady:
            # Pages of changing size: where the next but one begins is not known.
            return
        end = self._value_at(self._total.highest)
        if self._maximum is not None:
            end = min(end, self._maximum)
        for value in range(self._value + self._stride, end, self._stride):
            ahead = copy.copy(self)
            ahead._value = value
            yield ahead

    @property
    def pages_left(self) -> bool:
        """Whether the total, as read from the page before, covers the current value's page or later ones."""
        return self._total.leaves(self._reach())

    @property
    def is_past_total(self) -> bool:
        """Whether the latest total says that the list was over before the current value's page."""
        return self._total.is_over(self._reach())

    def state(self) -> dict[str, Any] | None:
        """The next value, the totals as last read, and what came."""
        return {
            "value": self._value,
            "stride": self._stride,
            "total": self._total.latest,
            "highest": self._total.highest,
            "came": self._came,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        self._value, self._stride = state["value"], state.get("stride", self._step)
        self._total = Total(state.get("total"), state.get("highest", state.get("total")))
        self._came = state.get("came")


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
        advance_by: How the offset moves: by the `rows` that came, by the `limit` as dlt does, or `auto`: by the limit,
            but by the rows of a page that is shorter although the API says that there is more.
        on_incomplete: What an end before the API's own total means.
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
        advance_by: AdvanceBy = "auto",
        on_incomplete: OnIncomplete = "fail",
    ) -> None:
        self.limit = limit
        self.advance_by = advance_by
        self._limit_place = Place.choose(
            "limit", limit_param=limit_param, limit_body_path=limit_body_path, limit_header=limit_header
        )
        # The records of a page whose length is not the limit; the next page must not have them again.
        self._odd_page: frozenset[int] = frozenset()
        # A shorter page that was taken for the last one.
        self._short_page: int | None = None
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
            on_incomplete=on_incomplete,
        )

    @property
    def items_total(self) -> int | None:
        """The total that was read."""
        return self._total.latest

    def _reach(self) -> int:
        return self._value

    def _value_at(self, total: int) -> int:
        return total

    def _is_short(self) -> bool:
        items = self.items_on_page
        return self.advance_by != "limit" and items is not None and 0 < items < self.limit

    def _stride_after(self, *, more: bool) -> int:
        items = self.items_on_page
        by_rows = self.advance_by == "rows" or (more and self._is_short())
        return items if by_rows and items else self.limit

    def _look_at(self, records: list[Any]) -> None:
        if self.advance_by != "auto":
            return
        if self._short_page is not None:
            raise self._unclear(
                f"the page before this one held {self._short_page} of the {self.limit} records asked for, but was not "
                "the last"
            )
        odd = self.items_on_page is not None and self.items_on_page != self.limit
        if not odd and not self._odd_page:
            return
        these = frozenset(hash(repr(record)) for record in records)
        if self._odd_page & these:
            raise self._unclear(
                "this page repeats records of the page before it, which did not hold the "
                f"{self.limit} records asked for"
            )
        self._odd_page = these if odd else frozenset()

    def _unclear(self, message: str) -> PaginationError:
        return PaginationError(
            message,
            code="http_page_size",
            hint="If the API gives pages of another size than it is asked for, set `limit` to what it gives, or "
            "`advance_by: rows`. If it leaves records out of its pages, set `advance_by: limit`.",
        )

    def _go_on(self, stride: int, *, more: bool) -> None:
        short = self._is_short() and stride == self.limit and self.advance_by == "auto"
        self._short_page = self.items_on_page if short else None
        super()._go_on(stride, more=more)

    def _end_by_total(self) -> None:
        came, latest = self._came, self._total.latest
        if self.advance_by != "limit" and came is not None and latest is not None and self._first + came < latest:
            self._fell_short(f"the list ended with {came} {self.counts}, but the API counts {latest - self._first}")
        super()._end_by_total()

    def update_request(self, request: Request) -> None:
        """Send offset and limit."""
        super().update_request(request)
        self._limit_place.put(request, self.limit)

    def state(self) -> dict[str, Any] | None:
        """That of every counting paginator, and whether the page before was short."""
        return {**(super().state() or {}), "short": self._short_page}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        super().restore(state)
        self._short_page = state.get("short")

    def describe(self) -> str:
        """Kind and places."""
        return f"offset({self._place}, limit={self.limit}, total_path={self.total_path!r})"
