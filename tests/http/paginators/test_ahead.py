"""Which pages a paginator knows of before they are asked for one by one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from dagster_rest.http.paginators import (
    BasePaginator,
    CountedPageNumberPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    ProbingPageNumberPaginator,
)
from dagster_rest.http.paginators.base import update_state
from dagster_rest.http.request import Request


def read(paginator: BasePaginator, total: int, *, rows: int) -> None:
    update_state(paginator, httpx.Response(200, json={"total": total}), [{}] * rows, items=rows)


def ahead(paginator: BasePaginator, name: str = "page") -> list[Any]:
    sent = []
    for later in paginator.upcoming():
        later.update_request(request := Request("GET", "http://x"))
        sent.append((request.params or {})[name])
    return sent


@pytest.mark.parametrize(("base", "total", "pages"), [(1, 5, [3, 4, 5]), (0, 5, [2, 3, 4]), (1, 2, []), (2, 3, [4])])
def test_pages_up_to_their_number(base: int, total: int, pages: list[int]) -> None:
    paginator = PageNumberPaginator(base_page=base)
    read(paginator, total, rows=10)
    assert pages == ahead(paginator)


@pytest.mark.parametrize(
    ("base", "total", "pages"), [(1, 17, [3, 4, 5]), (1, 20, [3, 4, 5]), (0, 17, [2, 3, 4]), (1, 8, []), (2, 12, [4])]
)
def test_pages_up_to_the_number_of_records(base: int, total: int, pages: list[int]) -> None:
    paginator = CountedPageNumberPaginator(
        total_path="total", page_size=4, page_param="page", base_page=base, page=base
    )
    read(paginator, total, rows=4)
    assert pages == ahead(paginator)


@pytest.mark.parametrize(("total", "offsets"), [(17, [8, 12, 16]), (16, [8, 12]), (8, [])])
def test_offsets_up_to_the_number_of_records(total: int, offsets: list[int]) -> None:
    paginator = OffsetPaginator(limit=4)
    read(paginator, total, rows=4)
    assert offsets == ahead(paginator, "offset")


@pytest.mark.parametrize("repeated", [False, True])
def test_nothing_is_known_while_the_first_page_may_be_0_or_1(repeated: bool) -> None:
    paginator = ProbingPageNumberPaginator(total_path="total")
    read(paginator, 5, rows=2)
    assert ([], None) == (ahead(paginator), paginator.state())
    paginator.settle(repeated=repeated)
    read(paginator, 5, rows=2)
    assert ([3, 4, 5] if repeated else [3, 4]) == ahead(paginator)
    resumed = ProbingPageNumberPaginator(total_path="total")
    resumed.restore(paginator.state() or {})
    assert (ahead(paginator), paginator.state()) == (ahead(resumed), resumed.state())


def test_a_short_page_at_a_total_that_has_shrunk_ends_the_list() -> None:
    paginator = CountedPageNumberPaginator(total_path="total", page_size=4, page_param="page", base_page=1, page=1)
    read(paginator, 10, rows=4)
    read(paginator, 6, rows=2)
    assert (False, "total") == (paginator.has_next_page, paginator.ended_by)
