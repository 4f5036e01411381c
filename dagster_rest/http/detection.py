"""Which paginator fits a first response, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dagster_rest.http.paginators import BasePaginator, HeaderLinkPaginator, SinglePagePaginator

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.request import Request


@dataclass(frozen=True)
class Detected:
    """A paginator that fits, with the reason."""

    paginator: BasePaginator
    evidence: str


def detect_paginator(response: httpx.Response, body: Any, records: list[Any], request: Request) -> Detected:
    """Find the paginator of an API by its first response."""
    if "next" in response.links:
        return Detected(HeaderLinkPaginator(), 'a Link header with rel="next"')
    return Detected(SinglePagePaginator(), "nothing says that there is more")
