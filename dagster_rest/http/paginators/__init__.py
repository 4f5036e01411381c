"""How to get from one page to the next."""

from __future__ import annotations

from dagster_rest.http.paginators.base import BasePaginator, SinglePagePaginator
from dagster_rest.http.paginators.cursors import HeaderCursorPaginator, JSONResponseCursorPaginator
from dagster_rest.http.paginators.factory import create_paginator, parse_paginator
from dagster_rest.http.paginators.links import HeaderLinkPaginator, JSONLinkPaginator
from dagster_rest.http.paginators.offsets import OffsetPaginator
from dagster_rest.http.paginators.page_numbers import (
    CountedPageNumberPaginator,
    PageNumberPaginator,
    ProbingPageNumberPaginator,
)
from dagster_rest.http.paginators.ranges import RangePaginator

__all__ = [
    "BasePaginator",
    "CountedPageNumberPaginator",
    "HeaderCursorPaginator",
    "HeaderLinkPaginator",
    "JSONLinkPaginator",
    "JSONResponseCursorPaginator",
    "OffsetPaginator",
    "PageNumberPaginator",
    "ProbingPageNumberPaginator",
    "RangePaginator",
    "SinglePagePaginator",
    "create_paginator",
    "parse_paginator",
]
