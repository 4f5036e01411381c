"""Paginators that count pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dagster_rest.http.paginators.base import BasePaginator
from dagster_rest.http.paginators.parameter import ParameterPosition
from dagster_rest.http.paginators.ranges import OnIncomplete, RangePaginator

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.request import Request


class PageNumberPaginator(RangePaginator):
    """Counts page numbers (dlt's docs, "RESTClient: PageNumberPaginator").

    Args:
        base_page: Number of the API's first page (0 or 1).
        page: First page to ask for; `base_page` by default.
        page_param: Query parameter; `page` if no position is named.
        page_body_path: Dot path in the JSON body, instead.
        total_path: JSONPath of the number of *pages*; None if the API does not name it.
        maximum_page: The page to stop before (exclusive).
        stop_after_empty_page: Whether a page without records ends the paging.
        has_more_path: JSONPath of a flag.
        page_header: Header, instead.
        max_pages: At most so many pages.
        on_incomplete: What an end before the API's own total means.
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
        on_incomplete: OnIncomplete = "fail",
    ) -> None:
        # The most items that a page had.
        self._largest = 0
        super().__init__(
            position=ParameterPosition.choose(
                "page", page_param=page_param, page_body_path=page_body_path, page_header=page_header
            ),
            first=base_page if page is None else page,
            base=base_page,
            step=1,
            maximum=maximum_page,
            total_path=total_path,
            has_more_path=has_more_path,
            stop_after_empty_page=stop_after_empty_page,
            max_pages=max_pages,
            on_incomplete=on_incomplete,
        )

    def _reach(self) -> int:
        return max(0, self._value - self._base)

    def _value_at(self, total: int) -> int:
        return total + self._base

    def _check_page(self, records: list[Any]) -> None:
        self._largest = max(self._largest, self.items_on_page or 0)

    @property
    def pages_left(self) -> bool:
        """Whether the total says so; not where it turns out to count records."""
        return super().pages_left and not self._counts_records

    @property
    def _counts_records(self) -> bool:
        """Whether the total is, give or take a page, the number of records that came.

        dlt takes `total` for a number of pages by default, and it often is one of records: such a list ends with an
        empty page.
        """
        latest = self._total.latest
        if latest is None or self._came is None or self._largest < 2 or self._first != self._base:
            return False
        return abs(latest - self._came) < self._largest

    def _may_be_over(self, reached: int) -> bool:
        # Django and Laravel, for two, give an empty list one page.
        is_empty_list = self.counts == "pages" and reached == 0 and self._total.latest == 1
        return is_empty_list or super()._may_be_over(reached)

    def _compare(self, what: str, reached: int) -> None:
        if self._total.leaves(reached) and self._counts_records:
            self._warn(
                f"the total of {self._total.latest} at {self.total_path!r} counts records, not pages "
                f"({self._came} came); set `total_path` to a number of pages, or to null"
            )
            return
        super()._compare(what, reached)

    def state(self) -> dict[str, Any] | None:
        """That of every counting paginator, and the size of the pages."""
        return {**(super().state() or {}), "largest": self._largest}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        super().restore(state)
        self._largest = state.get("largest", 0)

    def describe(self) -> str:
        """Kind and places."""
        return f"page_number({self._position}, base_page={self._base}, total_path={self.total_path!r})"


class CountedPageNumberPaginator(PageNumberPaginator):
    """Counts pages of an API that names the number of records and the size of its pages.

    The list is over when the records have come, whatever the size of the pages really is.

    Args:
        total_path: JSONPath of the number of records.
        page_size: Records of a page, as the API says.
        page_param: Query parameter.
        base_page: Number of the API's first page.
        page: First page to ask for.
    """

    counts = "records"

    def __init__(self, *, total_path: str, page_size: int, page_param: str, base_page: int, page: int) -> None:
        super().__init__(base_page=base_page, page=page, page_param=page_param, total_path=total_path)
        self._page_size = page_size
        self._came = (page - base_page) * page_size

    @property
    def items_total(self) -> int | None:
        """The number of records that was read."""
        return self._total.latest

    def _reach(self) -> int:
        return (self._value - self._base) * self._page_size if self._came is None else self._came

    def _reach_with_page(self) -> int:
        return self._reach() + (self._page_size if self._came is None else 0)

    def _value_at(self, total: int) -> int:
        return self._base + -(-total // self._page_size)

    @property
    def _units_per_page(self) -> int:
        return self._page_size

    def _is_short(self) -> bool:
        return self.items_on_page is not None and self.items_on_page < self._page_size

    @property
    def _counts_records(self) -> bool:
        return False


class ProbingPageNumberPaginator(PageNumberPaginator):
    """Counts pages of an API that names their number, but not whether the first is 0 or 1.

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
        """Count on; after the first response, try page 1."""
        first = self._value == 0
        super().update_state(response, data)
        if first and self._total.latest is not None and self._total.latest <= 1 and self.has_next_page:
            self._stop("total")
        self.probing = first and self.has_next_page

    def settle(self, *, repeated: bool) -> None:
        """Say whether page 1 was the first page again; before `update_state` with it."""
        self._base = 1 if repeated else 0
        self._first = self._base
        if repeated:
            self._came = 0

    def upcoming(self) -> Iterator[BasePaginator]:
        """None while it is not clear how the API counts."""
        return iter(()) if self.probing else super().upcoming()

    def state(self) -> dict[str, Any] | None:
        """None while it is not clear how the API counts."""
        return None if self.probing else {**(super().state() or {}), "base": self._base}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        super().restore(state)
        self._base = self._first = state["base"]
