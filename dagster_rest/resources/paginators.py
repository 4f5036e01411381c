"""The paginators of `RestApiResource`, as Dagster config: the same keys as in a config file."""

from typing import Literal

import dagster as dg
from pydantic import Field


class AutoPaginator(dg.Config):
    """Detected from the first response."""

    type: Literal["auto"] = "auto"
    max_pages: int | None = None


class SinglePagePaginator(dg.Config):
    """One request, one page."""

    type: Literal["single_page"] = "single_page"
    max_pages: int | None = None


class JSONLinkPaginator(dg.Config):
    """The body holds the URL of the next page."""

    type: Literal["json_link"] = "json_link"
    next_url_path: str = "next"
    max_pages: int | None = None


class HeaderLinkPaginator(dg.Config):
    """The `Link` header holds the URL of the next page."""

    type: Literal["header_link"] = "header_link"
    links_next_key: str = "next"
    max_pages: int | None = None


class HeaderCursorPaginator(dg.Config):
    """A response header holds the cursor."""

    type: Literal["header_cursor"] = "header_cursor"
    cursor_key: str = "next"
    cursor_param: str = "cursor"
    initial_cursor: str | None = None
    max_pages: int | None = None


class JSONResponseCursorPaginator(dg.Config):
    """The body holds the cursor."""

    type: Literal["cursor"] = "cursor"
    cursor_path: str = "cursors.next"
    cursor_param: str | None = None
    cursor_body_path: str | None = None
    cursor_header: str | None = None
    stop_after_empty_page: bool = False
    has_more_path: str | None = None
    initial_cursor: str | None = None
    max_pages: int | None = None


class OffsetPaginator(dg.Config):
    """Counts items."""

    type: Literal["offset"] = "offset"
    limit: int
    offset: int = 0
    offset_param: str | None = None
    offset_body_path: str | None = None
    offset_header: str | None = None
    limit_param: str | None = None
    limit_body_path: str | None = None
    limit_header: str | None = None
    total_path: str | None = "total"
    advance_by: Literal["auto", "rows", "limit"] = "auto"
    on_incomplete: Literal["fail", "warn"] = "fail"
    maximum_offset: int | None = None
    stop_after_empty_page: bool = True
    has_more_path: str | None = None
    max_pages: int | None = None


class PageNumberPaginator(dg.Config):
    """Counts pages."""

    type: Literal["page_number"] = "page_number"
    base_page: int = 0
    page: int | None = None
    page_param: str | None = None
    page_body_path: str | None = None
    page_header: str | None = None
    total_path: str | None = Field(default="total", description="JSONPath of the number of pages.")
    on_incomplete: Literal["fail", "warn"] = "fail"
    maximum_page: int | None = None
    stop_after_empty_page: bool = True
    has_more_path: str | None = None
    max_pages: int | None = None


Paginator = (
    AutoPaginator
    | SinglePagePaginator
    | JSONLinkPaginator
    | HeaderLinkPaginator
    | HeaderCursorPaginator
    | JSONResponseCursorPaginator
    | OffsetPaginator
    | PageNumberPaginator
)
