"""What paginators that count have in common."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dagster_rest.http.errors import IncompleteError, PaginationError
from dagster_rest.http.paginators.base import BasePaginator
from dagster_rest.http.paginators.parameter import ParameterPosition
from dagster_rest.http.paginators.totals import Total
from dagster_rest.http.paginators.values import as_int, read_flag
from dagster_rest.http.parse.body import body_of
from dagster_rest.http.parse.json import key_tree
from dagster_rest.http.parse.jsonpath import compile_path

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.request import Request

OnIncomplete = Literal["fail", "warn"]


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
        position: ParameterPosition,
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
            raise PaginationError(f"{self.kind} cannot move in steps of {step}", code="http_paginator_config")
        ends = (total_path, maximum, has_more_path, max_pages, stop_after_empty_page or None)
        if all(end is None for end in ends):
            raise PaginationError(
                f"{self.kind} has no end condition",
                code="http_paginator_config",
                hint="Set `total_path`, a maximum, `has_more_path` or `stop_after_empty_page: true`.",
            )
        self._position = position
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
    def _units_per_page(self) -> int:
        """What a page counts for, in the unit of the total."""
        return self._step

    def _is_short(self) -> bool:
        """Whether the page just read has less than was asked for."""
        return False

    def _check_page(self, records: list[Any]) -> None:
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
        # A total of 0 after records have come is an error of the API.
        if total is not None and (total > 0 or (total == 0 and not self._came)):
            self._total, self._total_is_fresh = self._total.named(total), True
        if self.stop_after_empty_page or self._total.is_over(here):
            self._compare("an empty page", here)
            self._stop("empty_page")
            return
        more = self.has_more_path is None or read_flag(body, self.has_more_path)
        self._go_on(self._step, more=more)

    def _take(self, body: Any, records: list[Any]) -> None:
        self._check_page(records)
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
        self._position.put(request, self._value)

    def _learn_total(self, body: Any, reached: int) -> None:
        found = compile_path(self.total_path or "").first(body)
        total = as_int(found)
        named = f"the total of {self.counts} at {self.total_path!r}"
        if found is not None and total is None:
            shown = repr(found[:40]) if isinstance(found, str) else type(found).__name__
            raise self._no_total(f"{named} is {shown}, not a number", body)
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
            problem = f"{named} is {total}, which is not a possible total"
        else:
            problem = f"{named} is {total}, but {reached} came already"
        others = self._maximum is not None or self.has_more_path is not None or self.stop_after_empty_page
        if self._total.latest is not None:
            self._warn(f"{problem}; continuing with the total of the pages before", kind=named)
        elif others:
            self._warn(f"{problem}; continuing with the other end condition", kind=named)
        else:
            raise self._no_total(problem, body)

    def _no_total(self, message: str, body: Any) -> PaginationError:
        return PaginationError(
            f"{message}; the body holds {key_tree(body)}",
            code="http_pagination",
            hint="Set `total_path` (null if the API has no total), or another end condition.",
        )

    def _compare(self, what: str, reached: int) -> None:
        """Hold an end against the latest total."""
        latest = self._total.latest
        if latest is None or reached >= latest:
            return
        message = f"{what} ended the list at {reached} of {latest} {self.counts}"
        if self._may_be_over(reached):
            # An older page named it; some may have gone since.
            self._warn(message)
        else:
            self._fell_short(message)

    def _may_be_over(self, reached: int) -> bool:
        """Whether no more than a page is left by a total that an older page named."""
        latest = self._total.latest
        return latest is not None and not self._total_is_fresh and latest - reached <= self._units_per_page

    def _fell_short(self, message: str) -> None:
        if self.on_incomplete == "warn":
            self._warn(message)
            return
        raise IncompleteError(
            message,
            code="http_list_incomplete",
            hint="Run again. If the API's total counts more than this list, set `total_path: null` in the paginator "
            "(or `on_incomplete: warn` to keep requesting pages concurrently).",
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
        """Whether the list may be over before the current value's page, by the latest total or since it was named."""
        reach = self._reach()
        return self._total.is_over(reach) or self._may_be_over(reach)

    def state(self) -> dict[str, Any] | None:
        """The next value, the totals as last read, and what came."""
        return {
            "value": self._value,
            "stride": self._stride,
            "total": self._total.latest,
            "highest": self._total.highest,
            "fresh": self._total_is_fresh,
            "came": self._came,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        self._value, self._stride = state["value"], state.get("stride", self._step)
        self._total = Total(state.get("total"), state.get("highest", state.get("total")))
        self._total_is_fresh = state.get("fresh", True)
        self._came = state.get("came")
