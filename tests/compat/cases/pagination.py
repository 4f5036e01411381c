"""B. Pagination: S11 to S31."""

from __future__ import annotations

from typing import Any

from tests.compat.apis import (
    by_cursor,
    by_header,
    by_link,
    by_offset,
    by_page,
    items,
    numbered,
    plain_pages,
)
from tests.compat.case import Answer, Call, Cases, Expect, Runs, Setup, source

CASES = Cases("Pagination")
ONE = [{"id": 1}]
PAGES = [items(2), items(2, 3), items(1, 5)]


def paged(paginator: Any, **endpoint: Any) -> Any:
    """Resource `x` with this paginator."""
    return source({"name": "x", "endpoint": {"paginator": paginator, **endpoint}})


# Page numbers ---------------------------------------------------------------------------------------------------

CASES.same(
    "S11",
    "page_number from base_page 1 to total_pages",
    paged({"type": "page_number", "base_page": 1, "total_path": "total_pages"}),
    {"/x": numbered(items(25), 5)},
    unordered=True,
    requests=[f"GET /x?page={n}" for n in range(1, 6)],
    rows={"x": 25},
)
CASES.same(
    "S11-base-0",
    "page_number from base_page 0 with the default total path",
    paged({"type": "page_number"}),
    {"/x": numbered(items(5), 2, base=0, total="total")},
    unordered=True,
    requests=[f"GET /x?page={n}" for n in range(3)],
    rows={"x": 5},
)
CASES.same(
    "S11-first-page",
    "the first page requested is not the base page",
    paged({"type": "page_number", "base_page": 1, "page": 2, "total_path": "total_pages"}),
    {"/x": numbered(items(6), 2)},
    unordered=True,
    requests=["GET /x?page=2", "GET /x?page=3"],
    rows={"x": 4},
)
CASES.same(
    "S12",
    "the paginator overwrites a static param of the same name",
    paged({"type": "page_number", "base_page": 1, "total_path": "total_pages"}, params={"page": "100", "q": "a"}),
    {"/x": numbered(items(4), 2)},
    unordered=True,
    requests=["GET /x?page=1&q=a", "GET /x?page=2&q=a"],
)
for base, asked in ((0, [0, 1, 2]), (1, [1, 2])):
    CASES.same(
        f"S13-base-{base}",
        f"maximum_page 3 is exclusive, base {base}",
        paged({"type": "page_number", "base_page": base, "total_path": None, "maximum_page": 3}),
        {"/x": plain_pages(items(10), 1, base=base)},
        unordered=True,
        requests=[f"GET /x?page={n}" for n in asked],
        rows={"x": len(asked)},
    )
CASES.same(
    "S14-total-text",
    "a total of '2'",
    paged({"type": "page_number", "base_page": 1, "total_path": "t"}),
    {"/x": by_page(items(9), 1, extra=lambda index, pages: {"t": "2"})},
    unordered=True,
    requests=["GET /x?page=1", "GET /x?page=2"],
    rows={"x": 2},
)
CASES.differs(
    "S14-total-float",
    "a total of 2.5",
    paged({"type": "page_number", "base_page": 1, "total_path": "t"}),
    {"/x": by_page(items(9), 1, extra=lambda index, pages: {"t": 2.5})},
    unordered=True,
    row="a number of pages with a fraction (S14)",
    dlt=Expect(requests=["GET /x?page=1", "GET /x?page=2"], rows={"x": 2}),
    ours=Expect(requests=["GET /x?page=1", "GET /x?page=2", "GET /x?page=3"], rows={"x": 3}),
)
CASES.same(
    "S14-total-not-a-number",
    "an error: a total that is no number",
    paged({"type": "page_number", "total_path": "t"}),
    {"/x": by_page(items(9), 1, base=0, extra=lambda index, pages: {"t": "x"})},
    error="x",
    rows={},
)
CASES.same(
    "S14-total-missing",
    "an error: no total in the response and no other stop condition",
    paged({"type": "page_number", "total_path": "t", "stop_after_empty_page": False}),
    {"/x": plain_pages(items(3), 1)},
    error="t",
    rows={},
)
CASES.differs(
    "S14-total-missing-other-condition",
    "no total in the response, another stop condition set",
    paged({"type": "page_number", "total_path": "t"}),
    {"/x": plain_pages(items(2), 1)},
    row="`total_path` missing in the response, another stop condition set (S14)",
    dlt=Expect(error="Total"),
    ours=Expect(requests=["GET /x?page=0", "GET /x?page=1", "GET /x?page=2"], rows={"x": 2}),
)
CASES.same(
    "S15",
    "without a total the pages end with the first empty one",
    paged({"type": "page_number", "base_page": 1, "total_path": None}),
    {"/x": plain_pages(items(5), 2, base=1)},
    requests=[f"GET /x?page={n}" for n in range(1, 5)],
    rows={"x": 5},
)
CASES.differs(
    "S15-empty-before-total",
    "an empty page before the total is reached",
    paged({"type": "page_number", "base_page": 1, "total_path": "t"}),
    {"/x": by_page(items(1), 1, extra=lambda index, pages: {"t": 2})},
    row="a list that ends before its own total",
    unordered=True,
    dlt=Expect(requests=["GET /x?page=1", "GET /x?page=2"], rows={"x": 1}),
    ours=Expect(requests=["GET /x?page=1", "GET /x?page=2"], error="1 of 2 pages", rows={}),
)


def has_more(*values: Any) -> Any:
    """`more` is the page's value of these, the last one for good."""
    return by_page(items(9), 1, base=0, extra=lambda index, pages: {"more": values[min(index, len(values) - 1)]})


MORE = {"type": "page_number", "total_path": None, "has_more_path": "more", "stop_after_empty_page": False}
for name, values in {"bool": (True, True, False), "text": ("true", "yes", "no")}.items():
    CASES.same(
        f"S16-{name}",
        f"has_more of {values!r}",
        paged(MORE),
        {"/x": has_more(*values)},
        requests=[f"GET /x?page={n}" for n in range(3)],
        rows={"x": 3},
    )
CASES.same("S16-int", "an error: has_more is an int", paged(MORE), {"/x": has_more(1)}, error="more", rows={})
CASES.same(
    "S16-missing",
    "an error: has_more is missing",
    paged(MORE),
    {"/x": plain_pages(items(3), 1)},
    error="more",
    rows={},
)
CASES.same(
    "S16-maximum",
    "has_more is true, maximum_page is reached",
    paged({**MORE, "maximum_page": 2}),
    {"/x": has_more(True)},
    requests=["GET /x?page=0", "GET /x?page=1"],
)

# Offsets --------------------------------------------------------------------------------------------------------

CASES.same(
    "S17",
    "offsets up to the total",
    paged({"type": "offset", "limit": 2}),
    {"/x": by_offset(items(5))},
    unordered=True,
    requests=["GET /x?limit=2&offset=0", "GET /x?limit=2&offset=2", "GET /x?limit=2&offset=4"],
    rows={"x": 5},
)
CASES.same(
    "S17-start",
    "an offset to start from",
    paged({"type": "offset", "limit": 2, "offset": 10}),
    {"/x": by_offset(items(13))},
    unordered=True,
    requests=["GET /x?limit=2&offset=10", "GET /x?limit=2&offset=12"],
    rows={"x": 3},
)
CASES.same(
    "S17-maximum",
    "maximum_offset is exclusive",
    paged({"type": "offset", "limit": 2, "maximum_offset": 4, "total_path": None}),
    {"/x": by_offset(items(9))},
    unordered=True,
    requests=["GET /x?limit=2&offset=0", "GET /x?limit=2&offset=2"],
    rows={"x": 4},
)
CASES.same(
    "S17-names",
    "own names of the two params and of the total",
    paged(
        {
            "type": "offset",
            "limit": 3,
            "offset_param": "skip",
            "limit_param": "take",
            "total_path": "meta.count",
        }
    ),
    {
        "/x": lambda call: {
            "data": items(4)[call.number("skip", 0) :][: call.number("take", 0)],
            "meta": {"count": 4},
        }
    },
    unordered=True,
    requests=["GET /x?skip=0&take=3", "GET /x?skip=3&take=3"],
    rows={"x": 4},
)
CASES.same(
    "S17-empty-page",
    "without a total the offsets end with the first empty page",
    paged({"type": "offset", "limit": 2, "total_path": None}),
    {"/x": by_offset(items(4), extra=lambda start: {})},
    requests=["GET /x?limit=2&offset=0", "GET /x?limit=2&offset=2", "GET /x?limit=2&offset=4"],
    rows={"x": 4},
)
CASES.same(
    "S17-has-more",
    "offsets while has_more",
    paged({"type": "offset", "limit": 2, "total_path": None, "has_more_path": "more"}),
    {"/x": by_offset(items(5), extra=lambda start: {"more": start + 2 < 5})},
    requests=["GET /x?limit=2&offset=0", "GET /x?limit=2&offset=2", "GET /x?limit=2&offset=4"],
    rows={"x": 5},
)
CASES.same(
    "S18",
    "offset and limit in the body, no json of its own",
    paged({"type": "offset", "limit": 2, "offset_body_path": "o", "limit_body_path": "page.l"}, method="POST"),
    {"POST /x": lambda call: {"data": items(5)[call.json()["o"] :][:2], "total": 5}},
    unordered=True,
    requests=["POST /x"] * 3,
    bodies=[{"json": {"o": n, "page": {"l": 2}}} for n in (0, 2, 4)],
    rows={"x": 5},
)
CASES.same(
    "S19",
    "the page number goes into the nested static json",
    paged(
        {"type": "page_number", "page_body_path": "paging.number", "total_path": "total_pages"},
        method="POST",
        json={"paging": {"size": 2}, "q": "a"},
    ),
    {
        "POST /x": lambda call: {
            "data": items(3)[call.json()["paging"]["number"] * 2 :][:2],
            "total_pages": 2,
        }
    },
    unordered=True,
    bodies=[{"json": {"paging": {"size": 2, "number": n}, "q": "a"}} for n in (0, 1)],
    rows={"x": 3},
)

# Cursors --------------------------------------------------------------------------------------------------------

CURSOR = {"type": "cursor", "cursor_path": "cursors.next", "cursor_param": "cursor"}
for name, script in {
    "null": by_cursor(PAGES),
    "empty": by_cursor(PAGES, last=""),
    "zero": by_cursor(PAGES, last=0),
    "missing": by_cursor(PAGES, missing=True),
}.items():
    CASES.same(
        f"S20-{name}",
        f"a cursor in the query; the last one is {name}",
        paged(CURSOR),
        {"/x": script},
        requests=["GET /x", "GET /x?cursor=c1", "GET /x?cursor=c2"],
        rows={"x": 5},
    )
CASES.same(
    "S20-defaults",
    "the cursor paginator by its alias, with its default paths",
    paged("cursor"),
    {"/x": by_cursor(PAGES)},
    requests=["GET /x", "GET /x?cursor=c1", "GET /x?cursor=c2"],
)
CASES.same(
    "S20-static-params",
    "static params stay beside the cursor",
    paged(CURSOR, params={"q": "a", "limit": 2}),
    {"/x": by_cursor(PAGES)},
    requests=["GET /x?limit=2&q=a", "GET /x?cursor=c1&limit=2&q=a", "GET /x?cursor=c2&limit=2&q=a"],
)
CASES.same(
    "S20-has-more",
    "a cursor is followed only while has_more",
    paged({**CURSOR, "has_more_path": "more"}),
    {"/x": lambda call: {**by_cursor(PAGES)(call), "more": call.arg("cursor") is None}},
    requests=["GET /x", "GET /x?cursor=c1"],
    rows={"x": 4},
)
CASES.same(
    "S20-int",
    "a cursor that is a number",
    paged({"type": "cursor", "cursor_path": "next_id", "cursor_param": "after"}),
    {
        "/x": lambda call: {
            "data": items(2, call.number("after", 0) + 1),
            "next_id": call.number("after", 0) + 2 if call.number("after", 0) < 4 else None,
        }
    },
    requests=["GET /x", "GET /x?after=2", "GET /x?after=4"],
    rows={"x": 6},
)


def body_cursor(call: Call) -> Any:
    """A cursor in the body at `a.b`."""
    index = int((call.json().get("a") or {}).get("b", "c0")[1:])
    return {"data": PAGES[index], "cursors": {"next": f"c{index + 1}" if index < 2 else None}}


CASES.same(
    "S21",
    "a cursor in the body; static json stays, and a second run begins clean",
    paged({"type": "cursor", "cursor_body_path": "a.b"}, method="POST", json={"q": 1, "a": {"z": 0}}),
    {"POST /x": body_cursor},
    runs=2,
    bodies=[
        {"json": {"q": 1, "a": {"z": 0}}},
        {"json": {"q": 1, "a": {"z": 0, "b": "c1"}}},
        {"json": {"q": 1, "a": {"z": 0, "b": "c2"}}},
    ]
    * 2,
    rows={"x": 10},
)
CASES.same(
    "S22",
    "the cursor is the last record's id, the end is an empty page",
    paged(
        {
            "type": "cursor",
            "cursor_path": "data[-1].id",
            "cursor_param": "after",
            "stop_after_empty_page": True,
        }
    ),
    {"/x": lambda call: {"data": [row for row in items(5) if row["id"] > call.number("after", 0)][:2]}},
    requests=["GET /x", "GET /x?after=2", "GET /x?after=4", "GET /x?after=5"],
    rows={"x": 5},
)
CASES.same(
    "S23",
    "the first cursor is a static param",
    paged(CURSOR, params={"cursor": "c0"}),
    {"/x": by_cursor(PAGES)},
    requests=["GET /x?cursor=c0", "GET /x?cursor=c1", "GET /x?cursor=c2"],
)

# Links ----------------------------------------------------------------------------------------------------------

for name, link in {
    "absolute": lambda call, index: f"{call.url}/v1/x?n={index}",
    "rooted": lambda call, index: f"/v1/x?n={index}",
    "query-only": lambda call, index: f"?n={index}",
}.items():
    CASES.same(
        f"S24-{name}",
        f"a {name} next link; later pages carry only the link's query",
        source(
            {
                "name": "x",
                "endpoint": {
                    "paginator": {"type": "json_link"},
                    "params": {"q": "a"},
                    "headers": {"X-H": "h"},
                },
            },
            client={"auth": {"token": "t"}},
            path="/v1",
        ),
        {"/v1/x": by_link(PAGES, link)},
        requests=["GET /v1/x?q=a", "GET /v1/x?n=1", "GET /v1/x?n=2"],
        headers=[{"authorization": "Bearer t", "x-h": "h"}] * 3,
        rows={"x": 5},
    )
CASES.same(
    "S24-post",
    "a next link keeps method and body",
    paged("json_link", method="POST", json={"q": 1}),
    {"POST /x": by_link(PAGES, lambda call, index: f"/x?n={index}")},
    requests=["POST /x", "POST /x?n=1", "POST /x?n=2"],
    bodies=[{"json": {"q": 1}}] * 3,
)
CASES.same(
    "S24-path",
    "the link at another path of the body",
    paged({"type": "json_link", "next_url_path": "paging.next_url"}),
    {
        "/x": lambda call: {
            "data": PAGES[call.number("n", 0)],
            "paging": {"next_url": f"{call.url}/x?n=1"} if not call.arg("n") else {},
        }
    },
    requests=["GET /x", "GET /x?n=1"],
    rows={"x": 4},
)
CASES.same(
    "S24-old-name",
    "json_link by its old name json_response",
    paged({"type": "json_response", "next_url_path": "next"}),
    {"/x": by_link(PAGES, lambda call, index: f"/x?n={index}")},
    requests=["GET /x", "GET /x?n=1", "GET /x?n=2"],
)
for name, last in (("empty", ""), ("false", False)):
    CASES.differs(
        f"S25-{name}",
        f"the last next link is {last!r}",
        paged("json_link"),
        {"/x": by_link(PAGES, lambda call, index: f"/x?n={index}", last=last)},
        row='a last link of `""` or `false` (S25)',
        dlt=Expect(error="URL"),
        ours=Expect(requests=["GET /x", "GET /x?n=1", "GET /x?n=2"], rows={"x": 5}),
    )
CASES.same(
    "S26-header-link",
    "the Link header with its default rel",
    paged("header_link"),
    {"/x": by_header(PAGES)},
    requests=["GET /x", "GET /x?n=1", "GET /x?n=2"],
    rows={"x": 5},
)
CASES.same(
    "S26-header-link-rel",
    "the Link header with another rel",
    paged({"type": "header_link", "links_next_key": "forward"}),
    {"/x": by_header(PAGES, rel="forward")},
    requests=["GET /x", "GET /x?n=1", "GET /x?n=2"],
)


def header_cursor(*, last: str | None) -> Any:
    """The cursor in the header `X-Next`; on the last page `last`, or no header."""

    def answer(call: Call) -> Any:
        index = int((call.arg("after") or "c0")[1:])
        value = f"c{index + 1}" if index < 2 else last
        return Answer(json=PAGES[index], headers={} if value is None else {"X-Next": value})

    return answer


HEADER_CURSOR = {"type": "header_cursor", "cursor_key": "x-next", "cursor_param": "after"}
CASES.same(
    "S26-header-cursor",
    "a cursor in a response header, until it is absent",
    paged(HEADER_CURSOR),
    {"/x": header_cursor(last=None)},
    requests=["GET /x", "GET /x?after=c1", "GET /x?after=c2"],
    rows={"x": 5},
)
CASES.differs(
    "S26-header-cursor-empty",
    "the last cursor in a response header is empty",
    paged(HEADER_CURSOR),
    {"/x": header_cursor(last="")},
    row="`next*` scalar in a body that does not paginate (S34), constant cursor (S30), empty header cursor",
    limit=20,
    dlt=Expect(error="418"),
    ours=Expect(requests=["GET /x", "GET /x?after=c1", "GET /x?after=c2"], rows={"x": 5}),
)

# Construction ---------------------------------------------------------------------------------------------------

for name, paginator in {
    "page-param-and-body": {"type": "page_number", "page_param": "p", "page_body_path": "p"},
    "cursor-param-and-body": {"type": "cursor", "cursor_param": "c", "cursor_body_path": "c"},
    "offset-param-and-body": {"type": "offset", "limit": 1, "offset_param": "o", "offset_body_path": "o"},
    "limit-param-and-body": {"type": "offset", "limit": 1, "limit_param": "o", "limit_body_path": "o"},
    "no-end-page-number": {"type": "page_number", "total_path": None, "stop_after_empty_page": False},
    "no-end-offset": {"type": "offset", "limit": 1, "total_path": None, "stop_after_empty_page": False},
    "offset-without-limit": {"type": "offset"},
    "offset-alias": "offset",
    "key-of-another": {"type": "cursor", "page_param": "p"},
}.items():
    CASES.same(f"S27-{name}", f"an error: paginator {paginator!r}", paged(paginator), {"/x": ONE}, error="",
        requests=[], rows={})  # fmt: skip

CLIENT_PAGES = {"type": "page_number", "total_path": None, "page_param": "c"}
DEFAULT_PAGES = {"type": "page_number", "total_path": None, "page_param": "d"}
OWN_PAGES = {"type": "page_number", "total_path": None, "page_param": "e"}
UNSET = object()
for name, client, default, own, path, expected in [
    ("client", CLIENT_PAGES, UNSET, UNSET, "x", ["c=0", "c=1", "c=2"]),
    ("defaults", CLIENT_PAGES, DEFAULT_PAGES, UNSET, "x", ["d=0", "d=1", "d=2"]),
    ("endpoint", CLIENT_PAGES, DEFAULT_PAGES, OWN_PAGES, "x", ["e=0", "e=1", "e=2"]),
    ("endpoint-none", CLIENT_PAGES, DEFAULT_PAGES, None, "x", ["c=0", "c=1", "c=2"]),
    ("endpoint-auto", CLIENT_PAGES, DEFAULT_PAGES, "auto", "x", ["c=0", "c=1", "c=2"]),
    ("endpoint-auto-dict", CLIENT_PAGES, UNSET, {"type": "auto"}, "x", ["c=0", "c=1", "c=2"]),
    ("defaults-none", CLIENT_PAGES, None, UNSET, "x", ["c=0", "c=1", "c=2"]),
    ("nothing-but-auto", UNSET, DEFAULT_PAGES, "auto", "x", [""]),
    ("single-page", CLIENT_PAGES, DEFAULT_PAGES, "single_page", "x", [""]),
    ("entity-over-client", CLIENT_PAGES, UNSET, UNSET, "{p}", [""]),
    ("entity-under-defaults", CLIENT_PAGES, DEFAULT_PAGES, UNSET, "{p}", ["d=0", "d=1", "d=2"]),
    ("entity-under-endpoint", CLIENT_PAGES, UNSET, OWN_PAGES, "{p}", ["e=0", "e=1", "e=2"]),
]:
    endpoint: dict[str, Any] = {"path": path}
    if path == "{p}":
        endpoint["params"] = {"p": "x"}
    if own is not UNSET:
        endpoint["paginator"] = own

    def two_pages(call: Call) -> Any:
        """Two pages of a bare list, whatever the page parameter's name is."""
        number = next((int(call.query[key][0]) for key in "cde" if key in call.query), 0)
        return items(1, number + 1) if number < 2 else []

    CASES.same(
        f"S28-{name}",
        f"which paginator wins: {name}",
        source(
            {"name": "x", "endpoint": endpoint},
            client={} if client is UNSET else {"paginator": client},
            defaults={} if default is UNSET else {"endpoint": {"paginator": default}},
        ),
        {"/x": two_pages},
        requests=[f"GET /x{'?' if query else ''}{query}" for query in expected],
    )


def custom_class(setup: Setup) -> Any:
    """A paginator of the user's own: `?p=` three times."""

    class ThreeTimes(setup.lib.BasePaginator):  # type: ignore[name-defined, misc]
        def __init__(self, times: int = 3) -> None:
            super().__init__()
            self.times = times
            self.number = 0

        def init_request(self, request: Any) -> None:
            self.number = 0

        def update_state(self, response: Any, data: Any = None) -> None:
            self.number += 1
            self._has_next_page = self.number < self.times

        def update_request(self, request: Any) -> None:
            request.params = {**(request.params or {}), "p": self.number}

    return ThreeTimes


def custom_instance(setup: Setup) -> dict[str, Any]:
    """The custom paginator as an instance."""
    return paged(custom_class(setup)(times=2))(setup)


def custom_alias(setup: Setup) -> dict[str, Any]:
    """The custom paginator registered under a name."""
    setup.lib.register_paginator("three_times", custom_class(setup))
    return paged({"type": "three_times"})(setup)


CASES.same(
    "S29-instance",
    "a custom paginator as an instance",
    custom_instance,
    {"/x": lambda call: items(1, call.number("p", 0))},
    requests=["GET /x", "GET /x?p=1"],
)
CASES.same(
    "S29-alias",
    "a custom paginator registered under a name",
    custom_alias,
    {"/x": lambda call: items(1, call.number("p", 0))},
    requests=["GET /x", "GET /x?p=1", "GET /x?p=2"],
)


def built_in_instance(setup: Setup) -> dict[str, Any]:
    """A paginator class of the library as an instance."""
    return paged(setup.lib.PageNumberPaginator(base_page=1, total_path=None, maximum_page=3))(setup)


CASES.same(
    "S29-built-in",
    "a paginator of the library as an instance",
    built_in_instance,
    {"/x": plain_pages(items(9), 1, base=1)},
    unordered=True,
    requests=["GET /x?page=1", "GET /x?page=2"],
)
CASES.differs(
    "S30-cursor",
    "the API returns the same cursor forever",
    paged(CURSOR),
    {"/x": {"data": ONE, "cursors": {"next": "same"}}},
    row="`next*` scalar in a body that does not paginate (S34), constant cursor (S30), empty header cursor",
    limit=20,
    dlt=Expect(error="418"),
    ours=Expect(requests=["GET /x", "GET /x?cursor=same"], error="same", rows={}),
)
CASES.differs(
    "S30-link",
    "the API returns the same next link forever",
    paged("json_link"),
    {"/x": lambda call: {"data": ONE, "next": "/x?n=1"}},
    row="`next*` scalar in a body that does not paginate (S34), constant cursor (S30), empty header cursor",
    limit=20,
    dlt=Expect(error="418"),
    ours=Expect(requests=["GET /x", "GET /x?n=1"], error="loop", rows={}),
)


def one_paginator_for_two(setup: Setup) -> dict[str, Any]:
    """One paginator object on two resources."""
    config = source({"name": "a"}, {"name": "b"})(setup)
    shared = setup.lib.PageNumberPaginator(total_path=None, maximum_page=4)
    config["resource_defaults"] = {"endpoint": {"paginator": shared}}
    return config


CASES.differs(
    "S31",
    "one paginator instance on two resources",
    one_paginator_for_two,
    {"/a": plain_pages(items(4), 1), "/b": plain_pages(items(4), 1)},
    row="one paginator instance on two resources (S31); a path param from defaults used twice (S08)",
    unordered=True,
    dlt=Expect(values={"b.id": [1, 2]}),
    ours=Expect(requests=[f"GET /{name}?page={n}" for name in "ab" for n in range(4)], rows={"a": 4, "b": 4}),
)
CASES.same(
    "S11-second-run",
    "a second run requests the same pages and gets new rows",
    source(
        {
            "name": "x",
            "write_disposition": "replace",
            "endpoint": {"paginator": {"type": "offset", "limit": 2}},
        }
    ),
    {"/x": Runs(by_offset(items(3)), by_offset(items(5)))},
    runs=2,
    unordered=True,
    requests=[
        ["GET /x?limit=2&offset=0", "GET /x?limit=2&offset=2"],
        ["GET /x?limit=2&offset=0", "GET /x?limit=2&offset=2", "GET /x?limit=2&offset=4"],
    ],
    rows={"x": 5},
)
