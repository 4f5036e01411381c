"""C. Auto-detection and selection: S32 to S38."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.compat.apis import by_header, by_link, items, numbered
from tests.compat.case import Answer, Call, Cases, Expect, source

CASES = Cases("Detection and selection")
PAGES = [items(2), items(2, 3), items(1, 5)]
LOOPS = "`next*` scalar in a body that does not paginate (S34), constant cursor (S30), empty header cursor"
NO_MATCH = "selector matches nothing, body not empty"

# Paginators -----------------------------------------------------------------------------------------------------

LINKED = ["GET /x", "GET /x?n=1", "GET /x?n=2"]
CASES.same(
    "S32-header-link",
    "detects the Link header",
    source("x"),
    {"/x": by_header(PAGES)},
    requests=LINKED,
    rows={"x": 5},
)
CASES.same(
    "S32-next-absolute",
    "detects an absolute next link",
    source("x"),
    {"/x": by_link(PAGES, lambda call, index: f"{call.url}/x?n={index}")},
    requests=LINKED,
    rows={"x": 5},
)
CASES.same(
    "S32-next-rooted",
    "detects a next link that begins with a slash",
    source("x"),
    {"/x": by_link(PAGES, lambda call, index: f"/x?n={index}")},
    requests=LINKED,
    rows={"x": 5},
)


def nested_link(wrap: Callable[[str | None], dict[str, Any]]) -> Any:
    """A next link somewhere in the body."""

    def answer(call: Call) -> Any:
        index = call.number("n", 0)
        return {"data": PAGES[index], **wrap(f"{call.url}/x?n={index + 1}" if index < 2 else None)}

    return answer


for name, wrap in {
    "links-href": lambda link: {"_links": {"next": {"href": link}} if link else {}},
    "next-url-object": lambda link: {"next": {"url": link}} if link else {},
    "paging-next-url": lambda link: {"paging": {"nextPageUrl": link}},
    "links-next": lambda link: {"links": {"prev": None, "next": link}},
}.items():
    CASES.same(
        f"S32-{name}",
        f"detects a link at {name}",
        source("x"),
        {"/x": nested_link(wrap)},
        requests=LINKED,
        rows={"x": 5},
    )


def cursor_key(key: str) -> Any:
    """A cursor under this key, that the API takes as `?cursor=`."""

    def answer(call: Call) -> Any:
        index = int((call.arg("cursor") or "c0")[1:])
        return {"data": PAGES[index], key: f"c{index + 1}" if index < 2 else None}

    return answer


for key in ("next_cursor", "next"):
    CASES.same(
        f"S32-cursor-{key}",
        f"takes {key} for a cursor",
        source("x"),
        {"/x": cursor_key(key)},
        requests=["GET /x", "GET /x?cursor=c1", "GET /x?cursor=c2"],
        rows={"x": 5},
    )
CASES.same(
    "S32-total-pages-base-0",
    "detects total_pages of an API that counts from 0",
    source("x"),
    {"/x": numbered(items(5), 2, base=0)},
    unordered=True,
    requests=["GET /x", "GET /x?page=1", "GET /x?page=2"],
    rows={"x": 5},
)
for name, body in {
    "list": items(3),
    "data": {"data": items(3)},
    "total": {"data": items(3), "total": 3},
    "next-null": {"data": items(3), "next": None},
}.items():
    CASES.same(
        f"S32-single-{name}",
        f"one page: body with {name}",
        source("x"),
        {"/x": body},
        requests=["GET /x"],
        rows={"x": 3},
    )
DETECTION = "evidence for the detection of paginators and rows"


def page_token(call: Call) -> Any:
    """`nextPageToken` in the body, `?pageToken=` in the query; any other parameter is not looked at."""
    index = int((call.arg("pageToken") or "c0")[1:])
    return {"data": PAGES[index], "nextPageToken": f"c{index + 1}" if index < 2 else None}


CASES.differs(
    "S32-page-token",
    "nextPageToken, and the API takes it as pageToken",
    source("x"),
    {"/x": page_token},
    row=DETECTION,
    limit=20,
    dlt=Expect(error="418"),
    ours=Expect(requests=["GET /x", "GET /x?pageToken=c1", "GET /x?pageToken=c2"], rows={"x": 5}),
)
CASES.differs(
    "S32-odata",
    "a link under @odata.nextLink",
    source("x"),
    {"/x": nested_link(lambda link: {"@odata.nextLink": link} if link else {})},
    row=DETECTION,
    dlt=Expect(requests=["GET /x"], rows={"x": 2}),
    ours=Expect(requests=LINKED, rows={"x": 5}),
)
CASES.differs(
    "S33",
    "total_pages of an API that counts from 1",
    source("x"),
    {"/x": numbered(items(6), 2)},
    row="auto paginator on a 1-based `total_pages` API (S33)",
    unordered=True,
    dlt=Expect(requests=["GET /x", "GET /x?page=1", "GET /x?page=2"], values={"x.id": [1, 1, 2, 2, 3, 4]}),
    ours=Expect(values={"x.id": [1, 2, 3, 4, 5, 6]}),
)
for name, body in {
    "entity": {"id": 1, "nextSibling": "abc"},
    "list": {"data": items(1), "next_of_kin": "bob"},
}.items():
    CASES.differs(
        f"S34-{name}",
        f"a constant that only looks like a cursor: {name}",
        source("x"),
        {"/x": body},
        row=LOOPS,
        limit=20,
        dlt=Expect(error="418"),
        ours=Expect(request_count=1, rows={"x": 1}),
    )
CASES.differs(
    "S34-bool",
    "`next: true` says that there is more, but not where",
    source("x"),
    {"/x": {"data": items(1), "next": True}},
    row=LOOPS,
    limit=20,
    dlt=Expect(error="418"),
    ours=Expect(request_count=1, error="http_more_pages", rows={}),
)

# Selectors found ------------------------------------------------------------------------------------------------

BODIES: dict[str, tuple[Any, dict[str, int]]] = {
    "bare-list": (items(2), {"x": 2}),
    "entity": ({"id": 1, "name": "a"}, {"x": 1}),
    "data": ({"meta": {"a": 1}, "data": items(2)}, {"x": 2}),
    "preferred-over-first": ({"warnings": [{"code": 1}], "items": items(2)}, {"x": 2}),
    "results-nested": ({"response": {"results": items(2)}}, {"x": 2}),
    "three-deep": ({"a": {"b": {"c": items(2)}}}, {"x": 2}),
    "four-deep": ({"a": {"b": {"c": {"d": items(2)}}}}, {"x": 1, "x__a__b__c__d": 2}),
    "case-sensitive": ({"Data": items(2), "other": items(3)}, {"x": 2}),
    "not-inside-lists": ({"list": [{"data": items(3)}]}, {"x": 1, "x__data": 3}),
    "depth-first": ({"a": {"deep": items(3)}, "flat": items(2)}, {"x": 3}),
    "dashed": ({"my-items": items(2)}, {"x": 2}),
    "empty-data": ({"data": [], "other": items(2)}, {}),
    "empty-list": ([], {}),
    "records": ({"other": items(1), "records": items(2)}, {"x": 2}),
    "content": ({"links": [{"a": 1}], "content": items(2)}, {"x": 2}),
    "scalars": (["a", "b", 3], {"x": 3}),
    "list-of-lists": ([[1, 2], [3]], {"x": 2, "x__value": 3}),
}
for name, (body, rows) in BODIES.items():
    CASES.same(
        f"S35-{name}",
        f"which rows are found: {name}",
        source("x"),
        {"/x": body},
        requests=["GET /x"],
        rows=rows,
    )
for name, body, theirs, own in [
    ("first-list", {"links": [{"rel": "a"}], "stuff": items(2)}, {"x": 1}, {"x": 2}),
    ("scalar-list", {"id": 1, "tags": ["a", "b"]}, {"x": 2}, {"x": 1, "x__tags": 2}),
    ("links-fallback", {"id": 1, "meta": {"links": [{"rel": "a"}]}}, {"x": 1}, {"x": 1, "x__meta__links": 1}),
]:
    CASES.differs(
        f"S35-{name}",
        f"which rows are found: {name}",
        source("x"),
        {"/x": body},
        row=DETECTION,
        dlt=Expect(requests=["GET /x"], rows=theirs),
        ours=Expect(requests=["GET /x"], rows=own),
    )
CASES.differs(
    "S35-errors-beside-rows",
    "a body with `errors` beside its records",
    source("x"),
    {"/x": {"errors": [{"code": 1}], "items": items(2)}},
    row="a body that reports errors beside its records",
    dlt=Expect(requests=["GET /x"], rows={"x": 2}),
    ours=Expect(requests=["GET /x"], error="http_body_reports_errors"),
)
CASES.differs(
    "S35-empty-object",
    "an empty object",
    source("x"),
    {"/x": {}},
    row="204 or empty body",
    dlt=Expect(requests=["GET /x"], rows={"x": 1}),
    ours=Expect(requests=["GET /x"], rows={}),
)
CASES.differs(
    "S35-dotted-key",
    "the detected key has a dot",
    source("x"),
    {"/x": {"a.b": items(2)}},
    row=NO_MATCH,
    dlt=Expect(requests=["GET /x"], rows={}),
    ours=Expect(requests=["GET /x"], rows={"x": 2}),
)

# Selectors given ------------------------------------------------------------------------------------------------


def selected(selector: str, **endpoint: Any) -> Any:
    """Resource `x` with this selector."""
    return source({"name": "x", "endpoint": {"data_selector": selector, "paginator": "single_page", **endpoint}})


SELECTED: dict[str, tuple[str, Any, dict[str, int]]] = {
    "path": ("a.b", {"a": {"b": items(2)}, "data": items(5)}, {"x": 2}),
    "null": ("data", {"data": None, "n": 0}, {}),
    "root-object": ("$", {"id": 1, "tags": ["a", "b"]}, {"x": 1, "x__tags": 2}),
    "root-list": ("$", items(3), {"x": 3}),
    "root-list-of-one-list": ("$", [[{"id": 1}, {"id": 2}]], {"x": 1, "x__value": 2}),
    "wildcard-one": ("data[*].xs", {"data": [{"xs": [1, 2]}]}, {"x": 2}),
    "wildcard-objects": ("data[*].o", {"data": [{"o": {"id": 1}}, {"o": {"id": 2}}]}, {"x": 2}),
    "filter": ("data[?(@.a>1)]", {"data": [{"a": 1}, {"a": 2}, {"a": 3}]}, {"x": 2}),
    "filter-one": ("data[?(@.a>2)]", {"data": [{"a": 1}, {"a": 2}, {"a": 3}]}, {"x": 1}),
    "dict-of-dicts": ("data.*", {"data": {"k1": {"id": 1}, "k2": {"id": 2}}}, {"x": 2}),
    "index": ("data[0]", {"data": [{"id": 1}, {"id": 2}]}, {"x": 1}),
    "slice": ("data[1:]", {"data": items(3)}, {"x": 2}),
    "dashed": ("my-items", {"my-items": items(2)}, {"x": 2}),
    "quoted": ("'a.b'", {"a.b": items(2)}, {"x": 2}),
    "object": ("data", {"data": {"id": 7}}, {"x": 1}),
    "scalar": ("data", {"data": 7}, {"x": 1}),
    "empty-text": ("", {"data": items(2)}, {"x": 2}),
    "recursive": ("$..id", {"a": {"id": 1}, "b": {"id": 2}}, {"x": 2}),
    "empty-list": ("data", {"data": []}, {}),
}
for name, (selector, body, rows) in SELECTED.items():
    CASES.same(
        f"S36-{name}",
        f"data_selector {selector!r} on {body!r}",
        selected(selector),
        {"/x": body},
        requests=["GET /x"],
        rows=rows,
    )
CASES.differs(
    "S36-wildcard-two",
    "a selector that matches two lists",
    selected("data[*].xs"),
    {"/x": {"data": [{"xs": [1, 2]}, {"xs": [3]}]}},
    row="a selector with several matches",
    dlt=Expect(requests=["GET /x"], rows={"x": 2, "x__value": 3}),
    ours=Expect(requests=["GET /x"], values={"x.value": [1, 2, 3]}),
)
CASES.differs(
    "S36-missing",
    "data_selector that matches nothing",
    selected("nothing.here"),
    {"/x": {"data": items(2)}},
    row=NO_MATCH,
    dlt=Expect(requests=["GET /x"], rows={}),
    ours=Expect(requests=["GET /x"], rows={}, error="nothing.here"),
)
CASES.same("S36-broken", "an error: a selector that is no JSONPath", selected("data[?("), {"/x": items(1)}, error="",
    compare=("tables",),
    rows={})  # fmt: skip

# Single entities ------------------------------------------------------------------------------------------------

ENVELOPE = {"id": 7, "tags": [{"t": 1}, {"t": 2}], "next": None}
for name, path, params, target, rows in [
    ("placeholder-last", "x/{p}", {"p": "1"}, "/x/1", {"x": 1, "x__tags": 2}),
    ("trailing-slash", "x/{p}/", {"p": "1"}, "/x/1/", {"x": 1, "x__tags": 2}),
    ("suffix", "x/{p}.json", {"p": "1"}, "/x/1.json", {"x": 1, "x__tags": 2}),
    ("query", "x?o={p}", {"p": "1"}, "/x", {"x": 1, "x__tags": 2}),
    ("not-last", "x/{p}/all", {"p": "1"}, "/x/1/all", {"x": 2}),
    ("none", "x/1", {}, "/x/1", {"x": 2}),
]:
    CASES.same(
        f"S37-{name}",
        f"path {path!r}: {'an entity' if rows['x'] == 1 else 'a list'}",
        source({"name": "x", "endpoint": {"path": path, "params": params}}),
        {target: ENVELOPE},
        request_count=1,
        rows=rows,
    )
CASES.same(
    "S37-list-body",
    "an entity path with a list body returns its rows",
    source({"name": "x", "endpoint": {"path": "x/{p}", "params": {"p": "1"}}}),
    {"/x/1": items(3)},
    requests=["GET /x/1"],
    rows={"x": 3},
)
CASES.same(
    "S37-own-selector",
    "an own selector wins on an entity path",
    source({"name": "x", "endpoint": {"path": "x/{p}", "params": {"p": "1"}, "data_selector": "tags"}}),
    {"/x/1": ENVELOPE},
    requests=["GET /x/1"],
    rows={"x": 2},
)

# Bodies that are not JSON ---------------------------------------------------------------------------------------

for name, answer in {"204": Answer(status=204), "empty": Answer(body=b"")}.items():
    CASES.differs(
        f"S38-{name}",
        f"a response without a body: {name}",
        source("x"),
        {"/x": answer},
        row="204 or empty body",
        dlt=Expect(error="JSONDecodeError"),
        ours=Expect(requests=["GET /x"], rows={}),
    )
CASES.same(
    "S38-html",
    "an error: a body that is no JSON",
    source("x"),
    {"/x": Answer(body=b"<html>", headers={"Content-Type": "text/html"})},
    error="",
    rows={},
)
CASES.same(
    "S38-charset",
    "a body in another charset with a BOM",
    source("x"),
    {
        "/x": Answer(
            body='[{"id": "é"}]'.encode("utf-8-sig"),
            headers={"Content-Type": "application/json; charset=utf-8"},
        )
    },
    values={"x.id": ["é"]},
)
