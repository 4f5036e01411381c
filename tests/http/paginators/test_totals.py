"""When a list ends: its own total against what came (S14, S17), while rows come and go."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import (
    FetchOptions,
    FetchUnit,
    HttpStatusError,
    IncompleteError,
    Page,
    PaginationError,
    RestClient,
)
from tests.support.server import ApiServer, Reply, Request

ROWS = [{"id": n} for n in range(500)]
OFFSET = {"type": "offset", "limit": 100}
PAGED = {"type": "page_number", "base_page": 1, "total_path": "pages"}


def fetch(client: RestClient, paginator: Any, **options: Any) -> list[Page]:
    return list(client.paginate("items", paginator=paginator, **options))


def rows_of(pages: list[Page]) -> list[Any]:
    return [row for page in pages for row in page]


def asked(api: ApiServer, name: str) -> list[int]:
    return sorted(int(request.param(name) or -1) for request in api.requests)


def offsets(api: ApiServer, rows: Any, *, cap: int = 1000, total: Any = None, **more: Any) -> None:
    """`?offset=&limit=`, at most `cap` rows a page; `total(offset)` is what the page names."""

    @api.get("/items")
    def items(request: Request) -> Any:
        start, limit = int(request.param("offset") or 0), int(request.param("limit") or 0)
        named = {} if total is None else {"total": total(start)}
        return {"data": rows[start : start + min(limit, cap)], **named, **more}


@pytest.mark.parametrize("cap", [50, 7, 99])
def test_a_limit_that_the_api_caps_loses_nothing(api: ApiServer, client: RestClient, cap: int) -> None:
    """dlt: asks for every hundredth row, and loads half of them."""
    offsets(api, ROWS, cap=cap, total=lambda _: 500)
    pages = fetch(client, OFFSET)
    assert ROWS == rows_of(pages)
    assert "total" == pages[-1].ended_by
    assert -(-500 // cap) == len(api.requests)


def test_pages_of_a_capped_limit_are_asked_for_at_the_same_time(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        return Reply(json={"data": ROWS[start : start + 50], "total": 500}, delay=0.02)

    assert ROWS == rows_of(fetch(client, OFFSET))
    assert api.max_in_flight > 3


def test_pages_of_changing_size_lose_nothing(api: ApiServer, client: RestClient) -> None:
    sizes = {0: 100, 100: 30, 130: 100, 230: 1, 231: 77, 308: 100, 408: 92}

    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        return {"data": ROWS[start : start + sizes.get(start, 100)], "total": 500}

    assert ROWS == rows_of(fetch(client, OFFSET))


def test_a_capped_limit_with_a_flag_loses_nothing(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        return {"data": ROWS[start : start + 50], "more": start + 50 < 500}

    paginator = {**OFFSET, "total_path": None, "has_more_path": "more"}
    assert ROWS == rows_of(fetch(client, paginator))


@pytest.mark.parametrize("count", [500, 80, 51, 50, 49, 0])
def test_a_capped_limit_that_nothing_tells_of_loses_nothing(api: ApiServer, client: RestClient, count: int) -> None:
    """The page behind the limit may be empty although the one before it was not the last."""
    offsets(api, ROWS[:count], cap=50)
    assert ROWS[:count] == rows_of(fetch(client, {**OFFSET, "total_path": None}))


def test_a_short_page_ends_a_list_with_one_more_request(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS[:130])
    assert ROWS[:130] == rows_of(fetch(client, {**OFFSET, "total_path": None}))
    assert [0, 100, 130] == asked(api, "offset")


def test_advance_by_rows_needs_no_total(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS, cap=50)
    assert ROWS == rows_of(fetch(client, {**OFFSET, "total_path": None, "advance_by": "rows"}))


def leaving_out(api: ApiServer) -> list[Any]:
    """Every third row is not shown, after the page was cut."""
    visible = [row for row in ROWS if row["id"] % 3]

    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        return {"data": [row for row in ROWS[start : start + 100] if row["id"] % 3], "total": 500}

    return visible


def test_pages_with_rows_left_out_are_not_loaded_twice(api: ApiServer, client: RestClient) -> None:
    leaving_out(api)
    with pytest.raises(PaginationError, match="repeats records") as caught:
        fetch(client, OFFSET)
    assert "http_page_size" == caught.value.code


def test_advance_by_limit_is_for_pages_with_rows_left_out(api: ApiServer, client: RestClient) -> None:
    visible = leaving_out(api)
    assert visible == rows_of(fetch(client, {**OFFSET, "advance_by": "limit"}))
    assert [0, 100, 200, 300, 400] == asked(api, "offset")


def test_a_selector_that_filters_does_not_make_a_page_short(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS, total=lambda _: 500)
    pages = fetch(client, OFFSET, data_selector="data[?(@.id > 249)]")
    assert ROWS[250:] == rows_of(pages)
    assert [0, 100, 200, 300, 400] == asked(api, "offset")


def test_pages_longer_than_the_limit_are_not_loaded_twice(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        return {"data": ROWS[start : start + 200], "total": 500}

    with pytest.raises(PaginationError, match="repeats records"):
        fetch(client, OFFSET)
    assert ROWS == rows_of(fetch(client, {**OFFSET, "advance_by": "rows"}))


@pytest.mark.parametrize("glitch", [0, 1, 150, -1, None])
def test_a_total_that_cannot_be_true_ends_nothing(api: ApiServer, client: RestClient, glitch: Any) -> None:
    """dlt: a total of 0 on page 2 ends the list."""
    offsets(api, ROWS, total=lambda start: glitch if start == 100 else 500)
    pages = fetch(client, OFFSET)
    assert ROWS == rows_of(pages)
    assert any("continuing with the total" in line for line in pages[-1].warnings)


@pytest.mark.parametrize("total", [0, 3, -1, None])
def test_a_total_that_is_never_true_leaves_the_other_condition(api: ApiServer, client: RestClient, total: Any) -> None:
    offsets(api, ROWS, total=lambda _: total)
    pages = fetch(client, OFFSET)
    assert ROWS == rows_of(pages)
    assert ("empty_page", 1) == (pages[-1].ended_by, len(pages[-1].warnings))


@pytest.mark.parametrize("total", [0, -1, None])
def test_a_total_that_is_never_true_is_an_error_where_nothing_else_ends(
    api: ApiServer, client: RestClient, total: Any
) -> None:
    offsets(api, ROWS, total=lambda _: total)
    with pytest.raises(PaginationError, match="total of items"):
        fetch(client, {**OFFSET, "stop_after_empty_page": False})


def test_a_total_as_text_counts(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS, total=lambda _: "500")
    assert ROWS == rows_of(fetch(client, OFFSET))
    assert 5 == len(api.requests)


def test_rows_deleted_meanwhile_are_no_error(api: ApiServer, client: RestClient) -> None:
    """On the third page 60 rows are gone from the end."""
    left = {0: 500, 100: 500}

    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        there = left.get(start, 440)
        return {"data": ROWS[:there][start : start + 100], "total": there}

    pages = fetch(client, OFFSET)
    assert (ROWS[:440], ()) == (rows_of(pages), pages[-1].warnings)


@pytest.mark.parametrize("status", [200, 404, 400])
def test_whole_pages_deleted_meanwhile_are_no_error(api: ApiServer, client: RestClient, status: int) -> None:
    """What lies between the latest total and the highest may be there or not."""

    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        there = 500 if start < 100 else 300
        if start >= 300 and status != 200:
            return Reply(status=status, json={"error": "out of range"})
        return {"data": ROWS[:there][start : start + 100], "total": there}

    assert ROWS[:300] == rows_of(fetch(client, OFFSET))


def test_a_404_before_the_latest_total_is_an_error(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        return Reply(status=404, json={}) if start == 300 else {"data": ROWS[start : start + 100], "total": 500}

    with pytest.raises(Exception, match="404"):
        fetch(client, OFFSET)


def test_a_total_that_shrinks_wrongly_loses_nothing(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS, total=lambda start: 500 if start == 0 else 200)
    assert ROWS == rows_of(fetch(client, OFFSET))


def test_a_total_that_grows_is_followed(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS, total=lambda start: min(500, start + 150))
    assert ROWS == rows_of(fetch(client, OFFSET))


def test_a_total_of_the_first_page_only(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS, total=lambda start: 500 if start == 0 else None)
    pages = fetch(client, OFFSET)
    assert (ROWS, "total") == (rows_of(pages), pages[-1].ended_by)


def test_a_row_deleted_since_the_first_page_named_its_total_is_no_error(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS[:497], total=lambda start: 500 if start == 0 else None)
    pages = fetch(client, OFFSET)
    assert ROWS[:497] == rows_of(pages)
    assert any("497 of 500" in line for line in pages[-1].warnings)


@pytest.mark.parametrize("left", [399, 350, 1])
def test_more_than_a_page_missing_of_the_total_of_the_first_page_is_an_error(
    api: ApiServer, client: RestClient, left: int
) -> None:
    offsets(api, ROWS[:left], total=lambda start: 500 if start == 0 else None)
    with pytest.raises(IncompleteError, match=f"at {left} of 500"):
        fetch(client, OFFSET)


def test_a_page_deleted_since_the_first_page_named_its_total_is_no_error(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS[:400], total=lambda start: 500 if start == 0 else None)
    assert ROWS[:400] == rows_of(fetch(client, OFFSET))


def test_nothing_is_asked_ahead_behind_the_maximum(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        page = int(request.param("page") or 0)
        return Reply(json={"data": [{"id": page}], "pages": 10}, delay=0.1 * (page > 1))

    assert 2 == len(rows_of(fetch(client, {**PAGED, "maximum_page": 3})))
    assert [1, 2] == asked(api, "page")


def test_a_row_deleted_since_is_no_error_where_a_404_follows_the_end(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        named = {"total": 500} if start == 0 else {}
        return {"data": ROWS[:497][start : start + 100], **named} if start < 497 else Reply(status=404, json={})

    pages = fetch(client, OFFSET)
    assert ROWS[:497] == rows_of(pages)
    assert any("answered 404" in line for line in pages[-1].warnings)


@pytest.mark.parametrize("paginator", [{**PAGED, "total_path": "last_page"}, None])
def test_an_empty_list_may_have_one_page(api: ApiServer, client: RestClient, paginator: Any) -> None:
    """As the paginators of Django and Laravel count."""
    api.json("/items", {"data": [], "current_page": 1, "last_page": 1})
    pages = fetch(client, paginator)
    assert [] == rows_of(pages)
    assert ("an empty page ended the list at 0 of 1 pages",) == pages[-1].warnings


def test_an_empty_page_before_the_total_is_an_error(api: ApiServer, client: RestClient) -> None:
    """dlt: half a list, green."""
    offsets(api, ROWS[:200], total=lambda _: 500)
    with pytest.raises(IncompleteError, match="at 200 of 500 items") as caught:
        fetch(client, OFFSET)
    assert "http_list_incomplete" == caught.value.code
    assert "total_path: null" in str(caught.value)


def test_an_empty_page_that_counts_nothing_is_an_error_where_more_was_counted(
    api: ApiServer, client: RestClient
) -> None:
    offsets(api, ROWS[:200], total=lambda start: 500 if start < 200 else 0)
    with pytest.raises(IncompleteError, match="at 200 of 500 items"):
        fetch(client, OFFSET)


def test_an_empty_first_page_of_a_list_that_counts_rows_is_an_error(api: ApiServer, client: RestClient) -> None:
    """dlt: no rows, and a `replace` empties the table."""
    offsets(api, [], total=lambda _: 500)
    with pytest.raises(IncompleteError, match="at 0 of 500"):
        fetch(client, OFFSET)


def test_an_empty_first_page_of_a_list_of_many_pages_is_an_error(api: ApiServer, client: RestClient) -> None:
    numbered(api, 0, total=lambda _: 5)
    with pytest.raises(IncompleteError, match="at 0 of 5 pages"):
        fetch(client, PAGED)


def test_an_end_before_the_total_can_be_a_warning(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS[:200], total=lambda _: 500)
    pages = fetch(client, {**OFFSET, "on_incomplete": "warn"})
    assert ROWS[:200] == rows_of(pages)
    assert ("an empty page ended the list at 200 of 500 items",) == pages[-1].warnings


def test_an_empty_page_in_the_middle_is_an_error_though_it_does_not_end(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        return {"data": [] if start == 200 else ROWS[start : start + 100], "total": 500}

    with pytest.raises(IncompleteError, match="400 items, but the API counts 500"):
        fetch(client, {**OFFSET, "stop_after_empty_page": False})


def test_a_flag_that_ends_before_the_total_is_an_error(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS, total=lambda _: 500, more=False)
    with pytest.raises(IncompleteError, match="at 100 of 500"):
        fetch(client, {**OFFSET, "has_more_path": "more"})


def test_a_flag_that_says_more_at_the_total_is_told(api: ApiServer, client: RestClient) -> None:
    offsets(api, ROWS[:100], total=lambda _: 100, more=True)
    pages = fetch(client, {**OFFSET, "has_more_path": "more"})
    assert (ROWS[:100], 1) == (rows_of(pages), len(api.requests))
    assert "although 'more' says" in pages[-1].warnings[0]


def test_nothing_is_asked_ahead_where_a_flag_decides(api: ApiServer, client: RestClient) -> None:
    """The total would name ten pages, the flag ends after three."""

    @api.get("/items")
    def items(request: Request) -> Any:
        page = int(request.param("page") or 0)
        return {"data": [{"id": page}], "pages": 10, "more": page < 3}

    paginator = {**PAGED, "has_more_path": "more", "on_incomplete": "warn"}
    assert [1, 2, 3] == [row["id"] for row in rows_of(fetch(client, paginator))]
    assert [1, 2, 3] == asked(api, "page")


def numbered(api: ApiServer, pages: int, *, total: Any, size: int = 10, key: str = "pages") -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        page = int(request.param("page") or 0)
        return {"data": ROWS[(page - 1) * size : page * size] if page <= pages else [], key: total(page)}


def test_a_number_of_pages_that_shrinks_is_believed_when_the_next_page_is_empty(
    api: ApiServer, client: RestClient
) -> None:
    numbered(api, 3, total=lambda page: 10 if page == 1 else 3)
    pages = fetch(client, PAGED)
    assert (ROWS[:30], ()) == (rows_of(pages), pages[-1].warnings)


@pytest.mark.parametrize("later", [0, 3])
def test_a_number_of_pages_that_shrinks_wrongly_loses_nothing(api: ApiServer, client: RestClient, later: int) -> None:
    numbered(api, 10, total=lambda page: 10 if page == 1 else later)
    assert ROWS[:100] == rows_of(fetch(client, PAGED))


def test_fewer_pages_than_the_api_counts_are_an_error(api: ApiServer, client: RestClient) -> None:
    numbered(api, 3, total=lambda _: 10)
    with pytest.raises(IncompleteError, match="at 3 of 10 pages"):
        fetch(client, PAGED)


@pytest.mark.parametrize(("count", "size", "total"), [(3, 10, 30), (3, 2, 6), (4, 8, 31)])
def test_a_total_of_records_where_pages_were_meant_ends_with_a_warning(
    api: ApiServer, client: RestClient, count: int, size: int, total: int
) -> None:
    """dlt's default `total` is often one of records: such a list ends with an empty page, or with an ignored one."""
    numbered(api, count, total=lambda _: total, size=size, key="total")
    pages = fetch(client, {"type": "page_number", "base_page": 1})
    assert ROWS[: count * size] == rows_of(pages)
    assert "counts records, not pages" in pages[-1].warnings[0]


def test_an_ignored_page_behind_a_total_of_records_ends_the_list(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        page = int(request.param("page") or 0)
        return {"data": ROWS[page * 10 :][:10], "total": 30} if page < 3 else Reply(status=404, json={})

    actions = [{"status_code": 404, "action": "ignore"}]
    assert ROWS[:30] == rows_of(fetch(client, "page_number", response_actions=actions))


def test_what_came_is_no_total_of_records_where_the_first_pages_were_left_out(
    api: ApiServer, client: RestClient
) -> None:
    """21 records came of pages 11 to 17, and the API counts 20 pages."""
    numbered(api, 17, total=lambda _: 20, size=3)
    with pytest.raises(IncompleteError, match="at 17 of 20 pages"):
        fetch(client, {**PAGED, "page": 11})


def test_a_detected_page_size_that_is_not_kept_loses_nothing(api: ApiServer, client: RestClient) -> None:
    """It says 100 a page and gives 50."""

    @api.get("/items")
    def items(request: Request) -> Any:
        page = int(request.param("page") or 1)
        return {"data": ROWS[(page - 1) * 50 : page * 50], "page": page, "per_page": 100, "total": 500}

    assert ROWS == rows_of(list(client.paginate("items")))


def test_a_detected_total_that_grows_is_followed(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        page = int(request.param("page") or 1)
        total = 200 if page == 1 else 500
        return {"data": ROWS[(page - 1) * 100 : page * 100], "page": page, "per_page": 100, "total": total}

    assert ROWS == rows_of(list(client.paginate("items")))


@pytest.mark.parametrize("cap", [100, 50])
def test_a_fetch_resumes_behind_any_page_of_a_capped_list(api: ApiServer, client: RestClient, cap: int) -> None:
    offsets(api, ROWS, cap=cap, total=lambda _: 500)
    options = FetchOptions(paginator=OFFSET)
    pages = list(client.fetch([FetchUnit(RequestSpec(path="items"), index=0)], options=options))
    for stop, page in enumerate(pages[:-1]):
        rest = client.fetch([FetchUnit(RequestSpec(path="items"), index=0, resume_state=page.state)], options=options)
        assert ROWS == rows_of(pages[: stop + 1]) + rows_of(list(rest))


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("paginator", [OFFSET, PAGED])
@pytest.mark.parametrize("end", [Reply(json={"data": []}), Reply(status=404, json={}), Reply(status=204)])
def test_an_end_before_the_total_is_an_error_after_an_interruption_too(
    api: ApiServer, client: RestClient, paginator: Any, end: Reply, resumed: bool
) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        number = int(request.param("page") or 0) or int(request.param("offset") or 0) // 100 + 1
        return end if number == 3 else {"data": ROWS[100 * number - 100 : 100 * number], "total": 250, "pages": 3}

    pages = client.paginate("items", paginator=paginator, data_selector="data")
    state = [next(pages), next(pages)][-1].state
    if resumed:
        pages = client.paginate("items", paginator=paginator, data_selector="data", resume_state=state)
    with pytest.raises((IncompleteError, HttpStatusError)):
        list(pages)


@pytest.mark.parametrize("resumed", [False, True])
def test_pages_with_rows_left_out_are_not_loaded_twice_after_an_interruption(
    api: ApiServer, client: RestClient, resumed: bool
) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        return {"data": [row for row in ROWS[start : start + 100] if row["id"] not in range(10, 20)]}

    pages = client.paginate("items", paginator=OFFSET)
    state = next(pages).state
    if resumed:
        pages = client.paginate("items", paginator=OFFSET, resume_state=state)
    with pytest.raises(PaginationError) as caught:
        list(pages)
    assert "http_page_size" == caught.value.code
