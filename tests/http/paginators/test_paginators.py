"""Scenarios S11-S31: every paginator, against a server, its requests compared in order."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.config import ConfigError
from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import (
    AuthConfigError,
    BasePaginator,
    FetchOptions,
    FetchUnit,
    JSONResponseCursorPaginator,
    LoopError,
    OffsetPaginator,
    PageNumberPaginator,
    PaginationError,
    RestClient,
    create_paginator,
    register_auth,
    register_paginator,
)
from tests.support.server import ApiServer, Reply, Request

ROWS = [{"id": n} for n in range(25)]


def collect(client: RestClient, path: str = "items", **options: Any) -> list[Any]:
    return [row for page in client.paginate(path, **options) for row in page]


def test_s11_page_number_runs_to_the_total(api: ApiServer, client: RestClient) -> None:
    api.pages("/items", ROWS, size=5)
    paginator = {"type": "page_number", "base_page": 1, "total_path": "total_pages"}
    pages = list(client.paginate("items", paginator=paginator))
    assert ROWS == [row for page in pages for row in page]
    assert sorted(f"GET /items?page={n}" for n in range(1, 6)) == sorted(api.targets())
    assert ["total"] == [page.ended_by for page in pages if page.is_last]


def test_s12_the_paginator_writes_over_a_static_param(api: ApiServer, client: RestClient) -> None:
    api.pages("/items", ROWS, size=25)
    collect(
        client, params={"page": "100"}, paginator={"type": "page_number", "base_page": 1, "total_path": "total_pages"}
    )
    assert ["GET /items?page=1"] == api.targets()


@pytest.mark.parametrize(("base", "numbers"), [(0, [0, 1, 2]), (1, [1, 2])])
def test_s13_maximum_page_is_exclusive(api: ApiServer, client: RestClient, base: int, numbers: list[int]) -> None:
    api.get("/items")(lambda request: [{"page": request.param("page")}])
    collect(client, paginator={"type": "page_number", "base_page": base, "total_path": None, "maximum_page": 3})
    assert [f"GET /items?page={n}" for n in numbers] == api.targets()


@pytest.mark.parametrize("total", [2, "2", 1.5, "2.0"])
def test_s14_a_total_may_be_text_or_fractional(api: ApiServer, client: RestClient, total: Any) -> None:
    api.get("/items")(lambda request: {"data": [{"page": request.param("page")}], "total": total})
    assert 2 == len(collect(client, paginator={"type": "page_number"}))


def test_s14_a_total_that_is_no_number_is_an_error(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": [{"id": 1}], "total": "x"})
    with pytest.raises(PaginationError, match="not a number"):
        collect(client, paginator={"type": "page_number"})


def test_s14_a_missing_total_is_an_error_without_another_stop_condition(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": [{"id": 1}]})
    with pytest.raises(PaginationError, match="is missing"):
        collect(client, paginator={"type": "page_number", "stop_after_empty_page": False})


def test_s14_a_missing_total_goes_on_to_the_other_stop_condition(api: ApiServer, client: RestClient) -> None:
    """dlt: an error, although an empty page would end it."""
    api.get("/items")(
        lambda request: {"data": ROWS[int(request.param("page") or 0) :][:1] if request.param("page") < "2" else []}
    )
    pages = list(client.paginate("items", paginator={"type": "page_number"}))
    assert [1, 1, 0] == [len(page) for page in pages]
    assert "is missing; continuing" in pages[-1].warnings[0]


def test_s15_an_empty_page_ends_a_range(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda request: ROWS[int(request.param("page")) :][:1] if int(request.param("page")) < 3 else [])
    collect(client, paginator={"type": "page_number", "total_path": None})
    assert [f"GET /items?page={n}" for n in range(4)] == api.targets()


@pytest.mark.parametrize("flags", [[True, True, False], ["true", "yes", "no"], ["True", "1", "false"]])
def test_s16_has_more_ends_a_range(api: ApiServer, client: RestClient, flags: list[Any]) -> None:
    api.get("/items")(lambda r: {"data": [{"id": r.param("page")}], "more": flags[int(r.param("page"))]})
    paginator = {"type": "page_number", "total_path": None, "has_more_path": "more"}
    assert 3 == len(collect(client, paginator=paginator))
    assert 3 == len(api.requests)


@pytest.mark.parametrize("body", [{"data": [{"id": 1}], "more": 1}, {"data": [{"id": 1}]}])
def test_s16_has_more_that_is_no_flag_is_an_error(api: ApiServer, client: RestClient, body: Any) -> None:
    api.json("/items", body)
    with pytest.raises(PaginationError, match="has_more_path"):
        collect(client, paginator={"type": "page_number", "total_path": None, "has_more_path": "more"})


def test_s16_a_maximum_holds_although_there_is_more(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": [{"id": r.param("page")}], "more": True})
    collect(client, paginator={"type": "page_number", "total_path": None, "has_more_path": "more", "maximum_page": 2})
    assert 2 == len(api.requests)


@pytest.mark.parametrize(
    ("paginator", "total", "offsets"),
    [
        ({"limit": 2}, 5, [0, 2, 4]),
        ({"limit": 2, "offset": 10}, 13, [10, 12]),
        ({"limit": 2, "maximum_offset": 4}, 100, [0, 2]),
        ({"limit": 2, "maximum_offset": 3}, 100, [0, 2]),
    ],
)
def test_s17_offset(api: ApiServer, client: RestClient, paginator: Any, total: int, offsets: list[int]) -> None:
    rows = [{"id": n} for n in range(total)]
    api.get("/items")(lambda r: {"data": rows[int(r.param("offset") or 0) :][:2], "total": total})
    collect(client, paginator={"type": "offset", **paginator})
    assert sorted(f"GET /items?offset={n}&limit=2" for n in offsets) == sorted(api.targets())


def test_s18_offset_in_the_body(api: ApiServer, client: RestClient) -> None:
    api.post("/items")(lambda r: {"data": ROWS[r.json()["o"] :][:2] if r.json()["o"] < 4 else []})
    paginator = {"type": "offset", "limit": 2, "total_path": None, "offset_body_path": "o", "limit_body_path": "page.l"}
    collect(client, method="POST", paginator=paginator)
    assert [{"o": n, "page": {"l": 2}} for n in (0, 2, 4)] == [request.json() for request in api.requests]


def test_s19_a_page_in_the_body_merges_into_the_static_json(api: ApiServer, client: RestClient) -> None:
    api.post("/items")(lambda r: {"data": [{"id": r.json()["paging"]["page"]}], "total": 2})
    paginator = {"type": "page_number", "page_body_path": "paging.page"}
    collect(client, method="POST", json={"q": "x", "paging": {"size": 1}}, paginator=paginator)
    bodies = sorted((request.json() for request in api.requests), key=lambda body: body["paging"]["page"])
    assert [{"q": "x", "paging": {"size": 1, "page": n}} for n in (0, 1)] == bodies


@pytest.mark.parametrize("end", [{"cursors": {"next": None}}, {"cursors": {"next": ""}}, {"cursors": {"next": 0}}, {}])
def test_s20_a_cursor_runs_until_it_is_empty_or_missing(api: ApiServer, client: RestClient, end: Any) -> None:
    tokens = {None: "t1", "t1": "t2"}

    @api.get("/items")
    def items(request: Request) -> Any:
        here = request.param("cursor")
        body = {"cursors": {"next": tokens[here]}} if here in tokens else end
        return {"data": [{"id": here}], **body}

    collect(client, paginator="cursor")
    assert ["GET /items", "GET /items?cursor=t1", "GET /items?cursor=t2"] == api.targets()


def test_s21_a_cursor_in_the_body_keeps_the_static_json(api: ApiServer, client: RestClient) -> None:
    api.post("/items")(lambda r: {"data": [r.json()], "next": None if "a" in r.json() else "t1"})
    paginator = {"type": "cursor", "cursor_path": "next", "cursor_body_path": "a.b"}
    for _ in range(2):
        collect(client, method="POST", json={"q": 1}, paginator=paginator)
    assert [{"q": 1}, {"q": 1, "a": {"b": "t1"}}] * 2 == [request.json() for request in api.requests]


def test_a_cursor_in_a_header(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(
        lambda r: {"data": [{"id": 1 if r.headers.get("x-c") else 2}], "next": None if r.headers.get("x-c") else "t"}
    )
    collect(client, paginator={"type": "cursor", "cursor_path": "next", "cursor_header": "X-C"})
    assert [None, "t"] == [request.headers.get("x-c") for request in api.requests]


def test_s22_a_cursor_from_the_last_record(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": [row for row in ROWS if row["id"] > int(r.param("after") or -1)][:10]})
    paginator = {
        "type": "cursor",
        "cursor_path": "data[-1].id",
        "cursor_param": "after",
        "stop_after_empty_page": True,
    }
    assert ROWS == collect(client, paginator=paginator)
    assert ["GET /items", *(f"GET /items?after={n}" for n in (9, 19, 24))] == api.targets()


def test_the_last_of_several_cursors_counts(api: ApiServer, client: RestClient) -> None:
    """dlt: the same."""
    api.get("/items")(lambda r: {"data": [row for row in ROWS if row["id"] > int(r.param("after") or -1)][:10]})
    paginator = {"type": "cursor", "cursor_path": "data[*].id", "cursor_param": "after"}
    assert ROWS == collect(client, paginator=paginator)


def test_a_flag_ends_a_list_whose_cursor_stays(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [{"data": [{"id": n}], "at": "c-1", "more": n < 2} for n in (1, 2)])
    pages = list(client.paginate("items", paginator={"type": "cursor", "cursor_path": "at", "has_more_path": "more"}))
    assert ([[{"id": 1}], [{"id": 2}]], "has_more", ()) == (pages, pages[-1].ended_by, pages[-1].warnings)


def test_a_list_that_its_cursor_ends_has_no_warnings(api: ApiServer, client: RestClient) -> None:
    api.pages("/items", ROWS, size=20, style="cursor")
    assert [(), ()] == [page.warnings for page in client.paginate("items", paginator="cursor")]


def test_s23_an_initial_cursor_by_static_param_or_by_key(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(
        lambda r: {"data": [{"id": r.param("cursor")}], "cursors": {"next": {"*": "t1"}.get(r.param("cursor"))}}
    )
    collect(client, params={"cursor": "*"}, paginator="cursor")
    collect(client, paginator={"type": "cursor", "initial_cursor": "*"})
    assert ["GET /items?cursor=*", "GET /items?cursor=t1"] * 2 == [t.replace("%2A", "*") for t in api.targets()]


@pytest.mark.parametrize("following", ["{url}/items?token=2", "/items?token=2", "?token=2"])
def test_s24_json_link_follows_absolute_and_relative_links(api: ApiServer, client: RestClient, following: str) -> None:
    link = following.format(url=api.url)
    api.post("/items")(lambda r: {"data": [{"id": r.param("token")}], "next": None if r.param("token") else link})
    options: dict[str, Any] = {
        "params": {"size": 5},
        "json": {"q": 1},
        "headers": {"X-A": "1"},
        "auth": {"token": "secret"},
    }
    collect(client, method="POST", paginator="json_link", **options)
    assert ["POST /items?size=5", "POST /items?token=2"] == api.targets()
    later = api.requests[1]
    assert ({"q": 1}, "1", "Bearer secret") == (later.json(), later.headers["x-a"], later.headers["authorization"])


@pytest.mark.parametrize("end", ["", False, None])
def test_s25_an_empty_link_ends_the_paging(api: ApiServer, client: RestClient, end: Any) -> None:
    """dlt: a crash for "" and false."""
    api.json("/items", {"data": [{"id": 1}], "next": end})
    assert [{"id": 1}] == collect(client, paginator="json_link")


def test_s26_header_link_of_another_relation(api: ApiServer, client: RestClient) -> None:
    link = {"Link": f'<{api.url}/items?page=2>; rel="following"'}
    api.get("/items")(lambda r: Reply(json=[{"id": r.param("page")}], headers={} if r.param("page") else link))
    collect(client, paginator={"type": "header_link", "links_next_key": "following"})
    assert ["GET /items", "GET /items?page=2"] == api.targets()


@pytest.mark.parametrize(
    "link",
    [
        '<{url}/items?page=2>; rel="last next"',
        '<{url}/items?page=2>; rel="Next"',
        '<{url}/items?page=2>; title="a=b, c; d"; rel="next"',
        '<{url}/items?page=2>; title="rel=prev"; REL = next',
        '<{url}/items?page=9>; rel="last", <{url}/items?page=2>;rel=next',
        "{url}/items?page=2; rel='next'",
    ],
)
@pytest.mark.parametrize("paginator", ["header_link", None])
def test_a_link_header_in_every_form_of_its_rfc(
    api: ApiServer, client: RestClient, link: str, paginator: str | None
) -> None:
    header = {"Link": link.format(url=api.url)}
    api.get("/items")(lambda r: Reply(json=[{"id": r.param("page")}], headers={} if r.param("page") else header))
    collect(client, paginator=paginator)
    assert ["GET /items", "GET /items?page=2"] == api.targets()


def test_a_link_keeps_its_semicolons(api: ApiServer, client: RestClient) -> None:
    """Cut there, it would lead to the list without its filter."""
    link = {"Link": f'<{api.url}/items?ids=1;2&page=2>; rel="next"'}
    api.get("/items")(lambda r: Reply(json=[{"id": r.param("page")}], headers={} if r.param("page") else link))
    collect(client, paginator="header_link")
    assert ["GET /items", "GET /items?ids=1;2&page=2"] == api.targets()


@pytest.mark.parametrize("link", ["", ", ,", "<", "<>; rel=next", '<x>; rel="prev"; rel="next"', "<x" * 9])
def test_a_link_header_without_a_next_page(api: ApiServer, client: RestClient, link: str) -> None:
    api.json("/items", Reply(json=[{"id": 1}], headers={"Link": link}))
    assert [{"id": 1}] == collect(client, paginator="header_link")


@pytest.mark.parametrize("asked", ["", "e0"])
def test_a_feed_that_stays_at_its_cursor_has_been_read(api: ApiServer, client: RestClient, asked: str) -> None:
    api.get("/items")(lambda r: {"data": [{"id": 1}] if not r.param("cursor") else [], "at": "e0"})
    paginator = {"type": "cursor", "cursor_path": "at", "initial_cursor": asked or None}
    pages = list(client.paginate("items", paginator=paginator))
    assert ([] if asked else [{"id": 1}]) == [row for page in pages for row in page]
    assert "same_cursor" == pages[-1].ended_by


def test_a_cursor_that_stays_on_a_page_with_records_is_an_error(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": [{"id": len(api.requests)}], "at": "e0"})
    with pytest.raises(LoopError, match="the same cursor twice"):
        collect(client, paginator={"type": "cursor", "cursor_path": "at"})


def test_a_flag_and_a_cursor_that_are_left_out_together_end_a_list(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(
        lambda r: {"data": [{"id": 2}]} if r.param("cursor") else {"data": [{"id": 1}], "n": 7, "m": True}
    )
    paginator = {"type": "cursor", "cursor_path": "n", "has_more_path": "m"}
    assert [{"id": 1}, {"id": 2}] == collect(client, paginator=paginator)


def test_a_flag_that_is_left_out_beside_a_cursor_is_an_error(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": [{"id": 1}], "n": 7})
    with pytest.raises(PaginationError, match="has_more_path"):
        collect(client, paginator={"type": "cursor", "cursor_path": "n", "has_more_path": "m"})


@pytest.mark.parametrize("end", [{}, {"X-Next": ""}])
def test_s26_header_cursor_ends_when_absent_or_empty(api: ApiServer, client: RestClient, end: dict[str, str]) -> None:
    """dlt: an empty header is sent back for ever."""
    api.get("/items")(lambda r: Reply(json=[{"id": r.param("c")}], headers=end if r.param("c") else {"X-Next": "t1"}))
    collect(client, paginator={"type": "header_cursor", "cursor_key": "x-next", "cursor_param": "c"})
    assert ["GET /items", "GET /items?c=t1"] == api.targets()


@pytest.mark.parametrize(
    "config",
    [
        {"type": "page_number", "page_param": "p", "page_body_path": "p"},
        {"type": "offset", "limit": 2, "offset_param": "o", "offset_body_path": "o"},
        {"type": "cursor", "cursor_param": "c", "cursor_body_path": "c"},
        {"type": "page_number", "total_path": None, "stop_after_empty_page": False},
        {"type": "offset", "limit": 2, "total_path": None, "stop_after_empty_page": False},
    ],
)
def test_s27_contradictions_are_errors_when_built(config: Any) -> None:
    with pytest.raises(ConfigError):
        create_paginator(config)


@pytest.mark.parametrize(
    "build",
    [
        lambda: PageNumberPaginator(page_param="p", page_body_path="p"),
        lambda: PageNumberPaginator(page_param=""),
        lambda: OffsetPaginator(limit=2, limit_param="l", limit_header="L"),
        lambda: OffsetPaginator(limit=0),
        lambda: JSONResponseCursorPaginator(cursor_param="c", cursor_body_path="c"),
        lambda: PageNumberPaginator(total_path=None, stop_after_empty_page=False),
    ],
)
def test_s27_contradictions_are_errors_in_instances_too(build: Any) -> None:
    with pytest.raises(PaginationError):
        build()


class PageInBody(BasePaginator):
    """As dlt's documentation shows one: `update_state` with the response only."""

    def __init__(self, first: int = 1) -> None:
        super().__init__()
        self.page = first

    def init_request(self, request: Any) -> None:
        self.update_request(request)

    def update_state(self, response: Any) -> None:  # type: ignore[override]
        if not response.json():
            self._has_next_page = False
        else:
            self.page += 1

    def update_request(self, request: Any) -> None:
        if request.params is None:
            request.params = {}
        request.params["page"] = self.page


def test_s29_a_custom_paginator_as_instance_and_by_name(api: ApiServer, client: RestClient) -> None:
    register_paginator("page_in_body", PageInBody)
    api.get("/items")(lambda r: ROWS[int(r.param("page")) :][:1] if int(r.param("page")) < 3 else [])
    for paginator in (PageInBody(), {"type": "page_in_body"}, {"type": "page_in_body", "first": 2}):
        collect(client, paginator=paginator)
    assert [f"GET /items?page={n}" for n in (1, 2, 3, 1, 2, 3, 2, 3)] == api.targets()


def test_s29_only_paginators_can_be_registered() -> None:
    with pytest.raises(PaginationError, match="not a subclass"):
        register_paginator("x", dict)  # type: ignore[arg-type]


def test_s29_names_of_built_ins_are_taken() -> None:
    with pytest.raises(PaginationError, match="built-in"):
        register_paginator("cursor", PageInBody)
    with pytest.raises(AuthConfigError, match="built-in"):
        register_auth("bearer", dict)


def test_s30_the_same_cursor_twice_is_an_error(api: ApiServer, client: RestClient) -> None:
    """dlt: unbounded."""
    api.get("/items")(lambda r: {"data": [{"id": len(api.requests)}], "cursors": {"next": "again"}})
    with pytest.raises(LoopError, match="cursor"):
        collect(client, paginator="cursor")
    assert 2 == len(api.requests)


def test_s30_cursors_that_go_round_are_an_error(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(
        lambda r: {"data": [{"id": len(api.requests)}], "cursors": {"next": "ba"[r.param("cursor") == "b"]}}
    )
    with pytest.raises(LoopError, match="same request"):
        collect(client, paginator="cursor")


def test_s30_a_link_to_itself_is_an_error(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": [{"id": len(api.requests)}], "next": "/items?page=2"})
    with pytest.raises(LoopError):
        collect(client, paginator="json_link")
    assert 2 == len(api.requests)


def test_s30_an_endless_cursor_over_the_same_content_is_an_error(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": [{"id": 1}], "cursors": {"next": f"t{len(api.requests)}"}})
    with pytest.raises(LoopError, match="same content"):
        collect(client, paginator="cursor")


def test_s30_an_api_that_ignores_the_page_is_an_error(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": [{"id": 1}, {"id": 2}]})
    with pytest.raises(LoopError, match="same content"):
        collect(client, paginator={"type": "page_number", "total_path": None})


def test_s31_one_paginator_instance_serves_many_units(api: ApiServer, client: RestClient) -> None:
    """dlt: rows are lost when two resources share an instance."""
    api.pages("/a", ROWS, size=10)
    api.pages("/b", ROWS, size=10)
    shared = PageNumberPaginator(base_page=1, total_path="total_pages")
    units = [FetchUnit(RequestSpec(path=path), index=n) for n, path in enumerate("ab")]
    pages = list(client.fetch(units, options=FetchOptions(paginator=shared)))
    assert ROWS + ROWS == [row for page in pages for row in page]


def test_s31_warnings_stay_with_their_unit(api: ApiServer, client: RestClient) -> None:
    api.get("/a")(lambda r: {"data": [1] if r.param("page") == "0" else []})
    api.get("/b")(lambda r: {"data": [2], "total": 1})
    units = [FetchUnit(RequestSpec(path=path), index=n) for n, path in enumerate("ab")]
    pages = list(client.fetch(units, options=FetchOptions(paginator="page_number")))
    assert [(0, True), (0, True), (1, False)] == [(page.unit.index, bool(page.warnings)) for page in pages]


class PagesInAList(BasePaginator):
    """Keeps its state where a shallow copy would share it."""

    def __init__(self) -> None:
        super().__init__()
        self.to_come = [1, 2]

    def update_state(self, response: Any, data: Any = None) -> None:
        self._has_next_page = bool(self.to_come)

    def update_request(self, request: Any) -> None:
        request.params = {"page": self.to_come.pop(0)}

    def state(self) -> dict[str, Any]:
        return {"to_come": self.to_come}


def test_s31_one_instance_of_a_custom_paginator_serves_many_units(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: [{"id": int(r.param("page") or 0)}])
    units = [FetchUnit(RequestSpec(path="items"), index=n) for n in range(2)]
    pages = client.fetch(units, options=FetchOptions(paginator=PagesInAList()))
    assert [0, 1, 2, 0, 1, 2] == [row["id"] for page in pages for row in page]


def test_a_paginator_that_cannot_restore_its_state_does_not_resume() -> None:
    """From the first page on again, rows would come twice."""
    with pytest.raises(PaginationError, match="cannot resume"):
        PagesInAList().restore({"to_come": [2]})


@pytest.mark.parametrize("place", ["paginator", "call"])
def test_max_pages_ends_every_paginator(api: ApiServer, client: RestClient, place: str) -> None:
    api.pages("/items", ROWS, size=5, style="cursor")
    options = (
        {"paginator": {"type": "cursor", "max_pages": 2}}
        if place == "paginator"
        else {"paginator": "cursor", "max_pages": 2}
    )
    pages = list(client.paginate("items", **options))
    assert (2, "max_pages") == (len(pages), pages[-1].ended_by)


def test_max_pages_of_an_auto_paginator(api: ApiServer, client: RestClient) -> None:
    api.pages("/items", ROWS, size=5, style="json_link")
    assert 10 == len(collect(client, paginator={"type": "auto", "max_pages": 2}))


def test_page_in_a_header(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": [{"id": r.headers["x-page"]}], "total": 2})
    assert [{"id": "0"}, {"id": "1"}] == collect(client, paginator={"type": "page_number", "page_header": "X-Page"})


@pytest.mark.parametrize(
    "link", ["http://[::1", "http://h:port/x", "http://h\nx/", "http://" + "x" * 70_000, "http://h:1:2/"]
)
def test_a_next_link_that_nobody_can_read_is_an_error(api: ApiServer, client: RestClient, link: str) -> None:
    api.json("/items", {"data": [{"id": 1}], "next": link})
    with pytest.raises(PaginationError, match="not a URL") as caught:
        list(client.paginate("items", paginator="json_link"))
    assert "http_pagination" == caught.value.code
    assert caught.value.hint


def test_a_next_link_keeps_what_is_encoded_in_it(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [{"data": [{"id": 1}], "next": "?q=a%2Fb%20c d&é=1"}, {"data": [{"id": 2}], "next": None}])
    list(client.paginate("items", paginator="json_link"))
    assert ["GET /items", "GET /items?q=a%2Fb%20c%20d&%C3%A9=1"] == api.targets()
