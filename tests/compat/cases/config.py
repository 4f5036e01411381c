"""A. Config and defaults: S01 to S10."""

from __future__ import annotations

from typing import Any

from tests.compat.apis import echo, items, plain_pages
from tests.compat.case import Cases, Expect, Setup, source

CASES = Cases("Config and defaults")
ONE = [{"id": 1}]

CASES.same("S01", "a resource that is only a name", source("posts"), {"/posts": ONE},
    requests=["GET /posts"], rows={"posts": 1})  # fmt: skip

for form, resource in {
    "text": "a",
    "name": {"name": "a"},
    "endpoint-text": {"name": "a", "endpoint": "a"},
    "endpoint-empty": {"name": "a", "endpoint": {}},
    "endpoint-path": {"name": "a", "endpoint": {"path": "a"}},
}.items():
    CASES.same(
        f"S02-{form}",
        f"the resource as {resource!r}",
        source(resource),
        {"/a": ONE},
        requests=["GET /a"],
        rows={"a": 1},
    )
CASES.same(
    "S02-none",
    "no resources at all",
    source(),
    {},
    requests=[],
    rows={},
)
CASES.same(
    "S02-name-and-path",
    "name and path are independent",
    source({"name": "things", "endpoint": {"path": "v1/a"}}),
    {"/v1/a": ONE},
    requests=["GET /v1/a"],
    rows={"things": 1},
)


def with_params(default: dict[str, Any], own: dict[str, Any]) -> Any:
    """Resource `x` with its own params over the defaults'."""
    return source({"name": "x", "endpoint": {"params": own}}, defaults={"endpoint": {"params": default}})


CASES.same(
    "S03-merge",
    "params of defaults and resource are merged, the resource wins",
    with_params({"a": 1, "b": 2}, {"b": 3, "c": 4}),
    {"/x": ONE},
    requests=["GET /x?a=1&b=3&c=4"],
)
CASES.same(
    "S03-none-removes",
    "a param of None removes the default",
    with_params({"a": 1, "b": 2}, {"b": None}),
    {"/x": ONE},
    requests=["GET /x?a=1"],
)
CASES.same(
    "S03-values",
    "lists repeat the key, booleans and floats are text",
    source({"name": "x", "endpoint": {"params": {"l": [1, "b"], "t": True, "f": 1.0, "s": "a b&c=ü", "e": ""}}}),
    {"/x": ONE},
    requests=["GET /x?e=&f=1.0&l=1&l=b&s=a b&c=ü&t=True"],
)
CASES.same(
    "S03-path-query",
    "static params are appended to a path with a query",
    source({"name": "x", "endpoint": {"path": "x?z=1", "params": {"a": 2}}}),
    {"/x": ONE},
    requests=["GET /x?a=2&z=1"],
)
CASES.same(
    "S04-headers",
    "endpoint headers of the resource replace the defaults', client headers stay",
    source(
        {"name": "x", "endpoint": {"headers": {"X-B": "2"}}},
        {"name": "y"},
        client={"headers": {"X-Client": "c"}},
        defaults={"endpoint": {"headers": {"X-A": "1"}}},
    ),
    {"/x": ONE, "/y": ONE},
    unordered=True,
    requests=["GET /x", "GET /y"],
    headers=[{"x-client": "c", "x-b": "2", "x-a": None}, {"x-client": "c", "x-a": "1"}],
)
CASES.same(
    "S04-client-headers-overridden",
    "an endpoint header overrides the client's",
    source({"name": "x", "endpoint": {"headers": {"x-token": "own"}}}, client={"headers": {"X-Token": "client"}}),
    {"/x": ONE},
    headers=[{"x-token": "own"}],
)
CASES.same(
    "S04-json",
    "json is merged one level deep",
    source(
        {"name": "x", "endpoint": {"json": {"f": {"y": 2}, "own": True}}},
        defaults={"endpoint": {"method": "POST", "json": {"f": {"x": 1}, "keep": None}}},
    ),
    {"POST /x": ONE},
    bodies=[{"json": {"f": {"y": 2}, "keep": None, "own": True}}],
)
CASES.same(
    "S04-write-disposition",
    "write_disposition is replaced whole",
    source(
        {"name": "x", "write_disposition": "append"},
        {"name": "y"},
        defaults={"primary_key": "id", "write_disposition": {"disposition": "merge", "strategy": "upsert"}},
    ),
    {"/x": ONE, "/y": ONE},
    runs=2,
    rows={"x": 2, "y": 1},
)
CASES.same(
    "S04-paginator",
    "paginator is replaced whole",
    source(
        {
            "name": "x",
            "endpoint": {"paginator": {"type": "page_number", "total_path": None, "maximum_page": 2}},
        },
        {"name": "y"},
        defaults={"endpoint": {"paginator": {"type": "page_number", "page_param": "p", "total_path": None}}},
    ),
    {"/x": plain_pages(items(4), 1), "/y": plain_pages(items(2), 1, param="p")},
    unordered=True,
    requests=["GET /x?page=0", "GET /x?page=1", "GET /y?p=0", "GET /y?p=1", "GET /y?p=2"],
)
CASES.same(
    "S05",
    "columns of defaults and resource are merged",
    source(
        {"name": "x", "columns": {"v": {"data_type": "text"}}},
        defaults={"columns": {"id": {"data_type": "text"}}},
    ),
    {"/x": [{"id": 1, "v": 2, "w": 3}]},
    types={"x.id": "VARCHAR", "x.v": "VARCHAR", "x.w": "BIGINT"},
    rows={"x": 1},
)
CASES.same(
    "S05-list-form",
    "columns as a list",
    source({"name": "x", "columns": [{"name": "v", "data_type": "text"}, {"name": "d", "data_type": "double"}]}),
    {"/x": [{"v": 2, "d": 1}]},
    types={"x.v": "VARCHAR", "x.d": "DOUBLE"},
)
CASES.same(
    "S05-resource-over-default",
    "whole keys of the resource win over the defaults",
    source(
        {"name": "x", "table_name": "renamed", "max_table_nesting": 1000},
        defaults={"max_table_nesting": 0},
    ),
    {"/x": [{"id": 1, "o": {"k": 1}}]},
    rows={"renamed": 1},
    types={"renamed.o__k": "BIGINT"},
)

WRONG: dict[str, tuple[Any, str]] = {
    "root": (source("x", unknown=1), "unknown"),
    "client": (source("x", client={"bogus": 1}), "bogus"),
    "resource": (source({"name": "x", "incremental": {"cursor_path": "id"}}), "incremental"),
    "endpoint": (source({"name": "x", "endpoint": {"pth": "x"}}), "pth"),
    "paginator-type": (source({"name": "x", "endpoint": {"paginator": {"type": "nope"}}}), "nope"),
    "paginator-alias": (source({"name": "x", "endpoint": {"paginator": "nope"}}), "nope"),
    "paginator-key": (
        source({"name": "x", "endpoint": {"paginator": {"type": "offset", "limit": 1, "x": 1}}}),
        "x",
    ),
    "auth-type": (source("x", client={"auth": {"type": "nope"}}), "nope"),
    "method-put": (source({"name": "x", "endpoint": {"method": "PUT"}}), "PUT"),
    "method-lowercase": (source({"name": "x", "endpoint": {"method": "get"}}), "get"),
    "disposition": (source({"name": "x", "write_disposition": "upsert"}), "upsert"),
    "replace-strategy": (
        source({"name": "x", "write_disposition": {"disposition": "replace", "strategy": "truncate-and-insert"}}),
        "disposition",
    ),
    "duplicate-name": (source("x", {"name": "x"}), "x"),
    "include-without-parent": (source({"name": "x", "include_from_parent": ["id"]}), "include_from_parent"),
    "contract-mode": (source({"name": "x", "schema_contract": "sometimes"}), "schema_contract"),
    "step": (source({"name": "x", "processing_steps": [{"reduce": len}]}), "reduce"),
    "selected": (source({"name": "x", "selected": "no"}), "selected"),
    "json-and-data": (
        source({"name": "x", "endpoint": {"method": "POST", "json": {"a": 1}, "data": "b"}}),
        "data",
    ),
}
for what, (build, word) in WRONG.items():
    CASES.same(f"S06-{what}", f"an error: wrong {what}", build, {"/x": ONE}, error=word, rows={})


def resources_not_a_list(setup: Setup) -> dict[str, Any]:
    """`resources` is a dict."""
    return {"client": {"base_url": setup.url}, "resources": {"x": {}}}


CASES.same("S06-resources-dict", "an error: resources that are no list", resources_not_a_list, {},
    error="resources", requests=[])  # fmt: skip


def no_base_url(setup: Setup) -> dict[str, Any]:
    """The client has no `base_url`."""
    return {"client": {}, "resources": ["x"]}


CASES.same("S07-base-url", "an error: no base_url", no_base_url, {}, error="base_url", requests=[])
CASES.same(
    "S07-name",
    "an error: a resource without a name",
    source({"endpoint": {"path": "x"}}),
    {"/x": ONE},
    error="name",
    requests=[],
)
CASES.differs(
    "S08",
    "a path parameter of the defaults is bound in two resources",
    source(
        {"name": "a", "endpoint": {"path": "{org}/a"}},
        {"name": "b", "endpoint": {"path": "{org}/b"}},
        defaults={"endpoint": {"params": {"org": "o1"}}},
    ),
    {"/o1/a": ONE, "/o1/b": ONE},
    row="one paginator instance on two resources (S31); a path param from defaults used twice (S08)",
    unordered=True,
    dlt=Expect(error="org"),
    ours=Expect(requests=["GET /o1/a", "GET /o1/b"], rows={"a": 1, "b": 1}),
)
CASES.same(
    "S08-own-param",
    "a path parameter is bound and not sent as a query",
    source({"name": "a", "endpoint": {"path": "{org}/a", "params": {"org": "o1", "q": 1}}}),
    {"/o1/a": ONE},
    requests=["GET /o1/a?q=1"],
)

_SHARED = {
    "client": {"headers": {"X-A": "1"}},
    "resources": [
        {
            "name": "x",
            "columns": {"id": {"data_type": "text"}},
            "endpoint": {
                "params": {"a": 1, "org": "o"},
                "path": "{org}/x",
                "paginator": {"type": "page_number", "total_path": None},
            },
        }
    ],
}


def the_same_object(setup: Setup) -> dict[str, Any]:
    """One dict object for both runs: it works twice only if nobody changed it."""
    _SHARED["client"]["base_url"] = setup.url  # type: ignore[call-overload, index]
    return _SHARED


CASES.same(
    "S09",
    "the config is not changed by using it",
    the_same_object,
    {"/o/x": plain_pages(items(2), 1)},
    runs=2,
    requests=[["GET /o/x?a=1&page=0", "GET /o/x?a=1&page=1", "GET /o/x?a=1&page=2"]] * 2,
    rows={"x": 4},
)

for number, (base, path, target) in enumerate(
    [
        ("/v1", "x", "/v1/x"),
        ("/v1/", "/x", "/v1/x"),
        ("/v1//", "//x", "/v1/x"),
        ("/v1", "", "/v1"),
        ("/v1/", "", "/v1/"),
        ("/v1/", "x/", "/v1/x/"),
    ]
):
    CASES.same(
        f"S10-join-{number}",
        f"base {base!r} and path {path!r}",
        source({"name": "t", "endpoint": {"path": path}}, path=base),
        {target: echo},
        requests=[f"GET {target}"],
        values={"t.path": [target]},
    )


def absolute_path(setup: Setup) -> dict[str, Any]:
    """An absolute path instead of the base URL."""
    return {
        "client": {"base_url": "http://127.0.0.1:9/unused", "auth": {"token": "t"}},
        "resources": [{"name": "t", "endpoint": {"path": f"{setup.url}/abs"}}],
    }


def empty_base_url(setup: Setup) -> dict[str, Any]:
    """The whole URL in the path."""
    return {
        "client": {"base_url": ""},
        "resources": [{"name": "t", "endpoint": {"path": f"{setup.url}/abs", "params": {"a": 1}}}],
    }


CASES.same(
    "S10-absolute",
    "an absolute path wins over the base URL and keeps the auth",
    absolute_path,
    {"/abs": echo},
    requests=["GET /abs"],
    headers=[{"authorization": "Bearer t"}],
)
CASES.same("S10-empty-base", "an empty base URL", empty_base_url, {"/abs": echo}, requests=["GET /abs?a=1"])
