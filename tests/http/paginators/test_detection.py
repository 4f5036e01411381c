"""Scenarios S32-S34: the paginator that a first response suggests."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.http import LoopError, PaginationError, RestClient
from tests.support.server import ApiServer, Reply, Request

ROWS = [{"id": n} for n in range(6)]


def collect(client: RestClient, path: str = "items", **options: Any) -> list[Any]:
    return [row for page in client.paginate(path, **options) for row in page]


def nested(path: str, value: Any) -> dict[str, Any]:
    body: Any = value
    for key in reversed(path.split("/")):
        body = {key: body}
    return dict(body)


@pytest.mark.parametrize(
    "path",
    [
        "next",
        "links/next",
        "_links/next/href",
        "meta/pagination/links/next",
        "paging/next/link",
        "@odata.nextLink",
        "info/next",
        "next_page_url",
        "pagination/nextPage",
    ],
)
@pytest.mark.parametrize("form", ["{url}/items?page=2", "/items?page=2", "?page=2"])
def test_s32_links_in_the_body(api: ApiServer, client: RestClient, path: str, form: str) -> None:
    """dlt finds neither `@odata.nextLink` nor a link that starts with `?`."""
    link = form.format(url=api.url)
    api.get("/items")(lambda r: {"data": ROWS[3:]} if r.param("page") else {"data": ROWS[:3], **nested(path, link)})
    assert ROWS == collect(client)
    assert ["GET /items", "GET /items?page=2"] == api.targets()


def test_s32_a_link_header(api: ApiServer, client: RestClient) -> None:
    api.pages("/items", ROWS, size=2, style="header_link")
    pages = list(client.paginate("items"))
    assert ROWS == [row for page in pages for row in page]
    assert 'the Link header has rel="next"' in str(pages[0].evidence)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("next_cursor", "cursor"),
        ("response_metadata/next_cursor", "cursor"),
        ("meta/nextCursor", "cursor"),
        ("cursors/next", "cursor"),
        ("next", "cursor"),
        ("nextPageToken", "pageToken"),
        ("next_page_token", "page_token"),
        ("paging/next/after", "after"),
        ("cursor", "cursor"),
        ("pagination/cursor", "cursor"),
        ("offset", "offset"),
        ("after", "after"),
        ("next_offset", "offset"),
        ("NextMarker", "marker"),
        ("metadata/continue", "continue"),
        ("next/page", "page"),
    ],
)
def test_s32_cursors_in_the_body(api: ApiServer, client: RestClient, path: str, param: str) -> None:
    api.get("/items")(lambda r: {"data": ROWS[3:]} if r.query else {"data": ROWS[:3], **nested(path, "c1")})
    assert ROWS == collect(client)
    assert ["GET /items", f"GET /items?{param}=c1"] == api.targets()


def test_s32_a_next_page_number(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(
        lambda r: {"data": ROWS[3:], "next_page": None} if r.query else {"data": ROWS[:3], "next_page": 2}
    )
    assert ROWS == collect(client)
    assert ["GET /items", "GET /items?page=2"] == api.targets()


def test_s32_nothing_to_find_is_one_page(api: ApiServer, client: RestClient) -> None:
    api.json("/items", ROWS)
    page = next(iter(client.paginate("items")))
    assert ("single_page", True) == (page.ended_by, page.is_last)
    assert "nothing indicates another page" in str(page.evidence)


def paged(base: int, key: str, *, current: str | None = None, where: str = "") -> Any:
    def items(request: Request) -> Any:
        number = int(request.param("page") or base) - base
        facts: dict[str, Any] = {key: 3}
        if current:
            facts[current] = number + base
        body = nested(where, facts) if where else facts
        return {"data": ROWS[number * 2 : number * 2 + 2], **body} if 0 <= number < 3 else Reply(status=404, json={})

    return items


@pytest.mark.parametrize("key", ["total_pages", "totalPages", "pages", "last_page", "pageCount"])
@pytest.mark.parametrize("base", [0, 1])
def test_s33_total_pages_without_a_page_number(api: ApiServer, client: RestClient, key: str, base: int) -> None:
    """dlt asks for page 1 twice and never for the last one of an API that counts from 1."""
    api.get("/items")(paged(base, key))
    assert ROWS == collect(client)


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("current", ["page", "current_page", "currentPage"])
@pytest.mark.parametrize("where", ["", "meta/pagination"])
def test_s33_total_pages_with_a_page_number(
    api: ApiServer, client: RestClient, base: int, current: str, where: str
) -> None:
    api.get("/items")(paged(base, "total_pages", current=current, where=where))
    assert ROWS == collect(client)
    assert 3 == len(api.requests)


def test_s33_one_page_in_all_is_asked_for_once(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": ROWS, "total_pages": 1})
    assert ROWS == collect(client)
    assert ["GET /items"] == api.targets()


@pytest.mark.parametrize("base", [0, 1])
def test_s33_two_pages_in_all_are_both_loaded(api: ApiServer, client: RestClient, base: int) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        number = int(request.param("page") or base) - base
        return {"data": ROWS[number * 3 : number * 3 + 3], "total_pages": 2}

    assert ROWS == collect(client)


@pytest.mark.parametrize("total", ["total_pages", "total"])
def test_s33_an_empty_list_may_have_no_pages(api: ApiServer, client: RestClient, total: str) -> None:
    api.json("/items", {"data": [], total: 0})
    assert [] == collect(client)


def counted(api: ApiServer, *, base: int = 1) -> None:
    """Six rows, four a page."""

    @api.get("/items")
    def items(request: Request) -> Any:
        page = int(request.param("page") or base)
        return {"data": ROWS[(page - base) * 4 :][:4], "page": page, "per_page": 4, "total": 6}


@pytest.mark.parametrize(
    ("selector", "rows"), [(None, ROWS), ("data[*].id", [0, 1, 2, 3, 4, 5]), ("data[?(@.id > 3)]", ROWS[4:])]
)
@pytest.mark.parametrize("base", [0, 1])
def test_page_size_and_total_are_evidence_for_page_numbers(
    api: ApiServer, client: RestClient, base: int, selector: str | None, rows: list[Any]
) -> None:
    counted(api, base=base)
    assert rows == collect(client, data_selector=selector)
    assert ["GET /items", f"GET /items?page={base + 1}"] == api.targets()


def test_a_detected_list_may_begin_with_its_second_page(api: ApiServer, client: RestClient) -> None:
    counted(api)
    assert ROWS[4:] == collect(client, params={"page": 2})
    assert 1 == len(api.requests)


def test_a_detected_list_may_begin_with_its_last_page(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(paged(1, "total_pages", current="page"))
    assert ROWS[4:] == collect(client, params={"page": 3})
    assert 1 == len(api.requests)


def test_a_page_number_is_asked_for_by_its_own_name(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        number = int(request.param("pageNumber") or 1)
        return {"data": ROWS[number * 3 - 3 : number * 3], "meta": {"pageNumber": number, "totalPages": 2}}

    assert ROWS == collect(client)
    assert ["GET /items", "GET /items?pageNumber=2"] == api.targets()


@pytest.mark.parametrize("where", ["", "meta"])
@pytest.mark.parametrize(("params", "first"), [({}, 0), ({"offset": 2}, 2)])
def test_offset_limit_and_total_are_evidence_for_offsets(
    api: ApiServer, client: RestClient, where: str, params: Any, first: int
) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        facts = {"offset": start, "limit": 2, "total": 6}
        return {"data": ROWS[start : start + 2], **(nested(where, facts) if where else facts)}

    assert ROWS[first:] == collect(client, params=params)
    asked = [f"GET /items?offset={n}&limit=2" for n in range(first + 2, 6, 2)]
    assert asked == sorted(api.targets()[1:])


@pytest.mark.parametrize(
    "facts",
    [
        {"page": 1, "per_page": 10},
        {"page": 1, "total": 6},
        {"per_page": 10, "total": 6},
        {"page": 1, "per_page": 0, "total": 6},
        {"offset": 0, "limit": 10},
        {"offset": 0, "total": 6},
        {"offset": 0, "limit": 0, "total": 6},
    ],
)
def test_less_than_that_is_no_evidence(api: ApiServer, client: RestClient, facts: dict[str, int]) -> None:
    api.json("/items", {"data": ROWS, **facts})
    assert ROWS == collect(client)
    assert 1 == len(api.requests)


@pytest.mark.parametrize(
    "body",
    [
        {"id": 1, "nextSibling": "abc"},
        {"id": 1, "next_of_kin": "/people/2"},
        {"id": 1, "next": "/posts/2"},
        {"id": 1, "next": True, "tags": ["a"]},
        {"id": 1, "total_pages": 300, "title": "a book"},
    ],
)
def test_s34_fields_of_an_entity_are_no_evidence(api: ApiServer, client: RestClient, body: Any) -> None:
    """dlt: an endless loop."""
    api.json("/items", body)
    assert [body] == collect(client)
    assert 1 == len(api.requests)


def test_s34_fields_of_the_records_are_no_evidence(api: ApiServer, client: RestClient) -> None:
    rows = [{"id": 1, "next": "/posts/2", "next_cursor": "x"}]
    api.json("/items", {"data": rows, "author": {"next": "/authors/2"}})
    assert rows == collect(client)


@pytest.mark.parametrize(
    ("extra", "seen"),
    [
        ({"has_more": True}, "has_more"),
        ({"page_info": {"hasNextPage": True}}, "hasNextPage"),
        ({"total": 50}, "counts 50"),
        ({"total": {"value": 50}}, "counts 50"),
        ({"next": True}, "names a next page"),
        ({"isLast": False}, "isLast"),
        ({"next_cursor": "", "total": 50}, "counts 50"),
    ],
)
def test_more_pages_without_a_paginator_are_an_error(api: ApiServer, client: RestClient, extra: Any, seen: str) -> None:
    """dlt: one page, green."""
    api.json("/items", {"data": ROWS, **extra})
    with pytest.raises(PaginationError, match=seen) as caught:
        collect(client)
    assert "http_more_pages" == caught.value.code


def test_a_total_beside_no_records_is_an_error(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": [], "total": 5})
    with pytest.raises(PaginationError, match="counts 5"):
        collect(client)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Total-Count", "50"),
        ("X-Total", "7"),
        ("X-WP-Total", "50"),
        ("X-WP-TotalPages", "2"),
        ("X-Next-Page", "2"),
    ],
)
def test_a_header_that_says_more_is_an_error(api: ApiServer, client: RestClient, header: str, value: str) -> None:
    api.json("/items", Reply(json=ROWS, headers={header: value}))
    with pytest.raises(PaginationError, match=header):
        collect(client)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Total-Count", "6"),
        ("X-Total-Count", "3"),
        ("X-WP-TotalPages", "1"),
        ("X-WP-TotalPages", "0"),
        ("X-Next-Page", ""),
    ],
)
def test_a_header_that_says_no_more_is_fine(api: ApiServer, client: RestClient, header: str, value: str) -> None:
    api.json("/items", Reply(json=ROWS, headers={header: value}))
    assert ROWS == collect(client)


def test_single_page_says_that_one_page_is_wanted(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": ROWS, "total": 50})
    assert ROWS == collect(client, paginator="single_page")


def test_the_number_of_the_next_page_is_not_taken_for_that_of_the_first(api: ApiServer, client: RestClient) -> None:
    def items(request: Request) -> Any:
        page = int(request.param("page") or 1)
        after = {"next": {"page": page + 1, "limit": 2}} if page < 3 else {}
        return {**after, "results": ROWS[page * 2 - 2 : page * 2], "totalPages": 3}

    api.get("/items")(items)
    assert ROWS[:6] == collect(client)


def test_a_cursor_for_another_day_is_not_followed(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"added": ROWS, "next_cursor": "c-9", "has_more": False})
    assert ROWS == collect(client)
    assert ["GET /items"] == api.targets()


def test_a_detected_cursor_ends_by_the_flag_beside_it(api: ApiServer, client: RestClient) -> None:
    api.replies(
        "/items",
        [
            {"data": ROWS[:2], "next_cursor": "c-1", "has_more": True},
            {"data": ROWS[2:], "next_cursor": "c-2", "has_more": False},
        ],
    )
    assert ROWS == collect(client)
    assert ["GET /items", "GET /items?cursor=c-1"] == api.targets()


def test_a_flag_of_the_last_page_says_the_opposite_of_one_that_there_is_more(
    api: ApiServer, client: RestClient
) -> None:
    api.replies(
        "/items", [{"isLast": False, "data": ROWS[:2], "next_cursor": "c-1"}, {"isLast": True, "data": ROWS[2:]}]
    )
    assert ROWS == collect(client)


@pytest.mark.parametrize(
    "mark", ["_scroll_id", "resumptionToken", "next_id", "pagination/next_key", "pageInfo/endCursor"]
)
def test_a_mark_of_a_next_page_that_nobody_can_follow_is_an_error(
    api: ApiServer, client: RestClient, mark: str
) -> None:
    api.json("/items", {"data": ROWS, **nested(mark, "x-1")})
    with pytest.raises(PaginationError, match="mark of a next page"):
        collect(client)


@pytest.mark.parametrize(
    "beside",
    [
        {"offset": "+02:00"},
        {"after": "2026-01-01"},
        {"start": "2026-01-01"},
        {"cursor": ""},
        {"total": 3},
        {"href": "/items?page=9"},
        {"_links": {"self": {"href": "/items?page=9"}}},
        {"continue": True},
        {"pageInfo": {"endCursor": "x", "hasNextPage": False}},
    ],
)
def test_what_is_said_of_the_list_is_no_cursor(api: ApiServer, client: RestClient, beside: Any) -> None:
    api.json("/items", {"data": ROWS, **beside})
    assert ROWS == collect(client)
    assert 1 == len(api.requests)


def test_a_cursor_that_was_asked_with_is_no_next_one(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": ROWS, "cursor": "c-1"})
    assert ROWS == collect(client, params={"cursor": "c-1"})


def test_a_guessed_cursor_parameter_that_is_wrong_is_an_error(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": ROWS, "next_cursor": "c1"})
    with pytest.raises(LoopError):
        collect(client)


def test_detection_is_per_unit_and_resumable(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(paged(1, "total_pages", current="page"))
    first = next(iter(client.paginate("items")))
    rest = collect(client, resume_state=first.state)
    assert ROWS == [*first, *rest]
