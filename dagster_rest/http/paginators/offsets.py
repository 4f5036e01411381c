"""The paginator that counts items."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.http.errors import PaginationError
from dagster_rest.http.paginators.parameter import ParameterPosition
from dagster_rest.http.paginators.ranges import OnIncomplete, RangePaginator

if TYPE_CHECKING:
    from dagster_rest.http.request import Request

AdvanceBy = Literal["auto", "rows", "limit"]


class OffsetPaginator(RangePaginator):
    """Counts items (dlt's docs, "RESTClient: OffsetPaginator").

    Args:
        limit: Items a page; also the step.
        offset: First offset.
        offset_param: Query parameter of the offset; `offset` if no position is named.
        offset_body_path: Dot path in the JSON body, instead.
        limit_param: Query parameter of the limit; `limit` if no position is named.
        limit_body_path: Dot path in the JSON body, instead.
        total_path: JSONPath of the number of *items*; None if the API does not name it.
        maximum_offset: The offset to stop before (exclusive).
        stop_after_empty_page: Whether a page without records ends the paging.
        has_more_path: JSONPath of a flag.
        offset_header: Header of the offset, instead.
        limit_header: Header of the limit, instead.
        max_pages: At most so many pages.
        advance_by: How the offset moves: by the `rows` that came, by the `limit` as dlt does, or `auto`: by the limit,
            but by the rows of a page that is shorter.
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
        self._limit_position = ParameterPosition.choose(
            "limit", limit_param=limit_param, limit_body_path=limit_body_path, limit_header=limit_header
        )
        # The records of a page whose length is not the limit; the next page must not have them again.
        self._unexpected_page: frozenset[str] = frozenset()
        self._unexpected_end: str | None = None
        super().__init__(
            position=ParameterPosition.choose(
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
        # A shorter page may be the last, or the API gives fewer: behind its rows there is nothing, or the rest.
        by_rows = self.advance_by == "rows" or self._is_short()
        return items if by_rows and items else self.limit

    def _check_page(self, records: list[Any]) -> None:
        if self.advance_by != "auto":
            return
        differs = self.items_on_page is not None and self.items_on_page != self.limit
        if not differs and not self._unexpected_page:
            return
        digests = [_digest(record) for record in records]
        these = frozenset(digests)
        if self._unexpected_page & these:
            raise self._unclear(
                "this page repeats records of the page before it, which did not have the "
                f"{self.limit} records requested"
            )
        self._unexpected_page = these if differs else frozenset()
        self._unexpected_end = digests[-1] if differs and digests else None

    def _unclear(self, message: str) -> PaginationError:
        return PaginationError(
            message,
            code="http_page_size",
            hint="If the API's page size differs from `limit`, set `limit` to the real page size, or "
            "`advance_by: rows`. If it leaves records out of its pages, set `advance_by: limit`.",
        )

    def _end_by_total(self) -> None:
        came, latest = self._came, self._total.latest
        if self.advance_by != "limit" and came is not None and latest is not None and self._first + came < latest:
            self._fell_short(f"the list ended with {came} {self.counts}, but the API counts {latest - self._first}")
        super()._end_by_total()

    def update_request(self, request: Request) -> None:
        """Send offset and limit."""
        super().update_request(request)
        self._limit_position.put(request, self.limit)

    def state(self) -> dict[str, Any] | None:
        """That of every counting paginator, and the end of a page whose length is not the limit."""
        # What a page repeats is an end of the page before it, so its last record is among it.
        return {**(super().state() or {}), "odd_end": self._unexpected_end}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        super().restore(state)
        self._unexpected_end = state.get("odd_end")
        self._unexpected_page = frozenset({self._unexpected_end} if self._unexpected_end else ())

    def describe(self) -> str:
        """Kind and places."""
        return f"offset({self._position}, limit={self.limit}, total_path={self.total_path!r})"


def _digest(record: Any) -> str:
    """The same for the same record, in every process."""
    return hashlib.blake2b(repr(record).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
