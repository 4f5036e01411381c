"""What the API receives for a config: plan, rendered requests, the real client, a real socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dagster_rest.config import SourcePlan, build_plan, load_config
from dagster_rest.config.values.jsonpath import first_match
from dagster_rest.http import FetchOptions, FetchUnit, RestClient
from tests.support.server import ApiServer

POSTS = [
    {"id": index, "title": f"Post {index}", "o": {"k": {"z": index * 10}}, "l": [0, index], "a.b": f"{index}/x y?#é"}
    for index in range(5)
]


def fetch(plan: SourcePlan) -> dict[str, list[Any]]:
    """All rows by resource: a parent's rows are rendered into its children's requests."""
    rows: dict[str, list[Any]] = {}
    with RestClient.from_config(plan.client) as client:
        for resource in plan.resources:
            parents = rows[resource.parents[0].resource] if resource.parents else [None]
            fields = resource.parents[0].fields if resource.parents else ()
            units = (
                FetchUnit(
                    request=resource.request.render(parent={field: first_match(field)(row) for field in fields}),
                    index=index,
                )
                for index, row in enumerate(parents)
            )
            rows[resource.name] = [
                row for page in client.fetch(units, options=FetchOptions.from_plan(resource)) for row in page
            ]
    return rows


def run(api: ApiServer, *resources: Any, base: str = "", **options: Any) -> list[str]:
    """The request log of a config."""
    config = {
        "client": {"base_url": f"{api.url}{base}", "paginator": "single_page"},
        "resources": list(resources),
        **options,
    }
    fetch(build_plan(load_config(config), name="s"))
    return list(api.targets())


def items(**endpoint: Any) -> dict[str, Any]:
    return {"name": "items", "endpoint": endpoint}


@pytest.fixture(autouse=True)
def _any_path(api: ApiServer) -> None:
    for method in ("GET", "POST"):
        for path in ("/{a}", "/{a}/{b}", "/{a}/{b}/{c}", "/{a}/{b}/{c}/{d}", "/"):
            api.route(method, path)(lambda request: POSTS if request.path.rstrip("/").endswith("posts") else [{"x": 1}])


def test_s01_one_resource_is_one_request(api: ApiServer) -> None:
    assert ["GET /posts"] == run(api, "posts")


@pytest.mark.parametrize("form", ["a", {"name": "a"}, {"name": "a", "endpoint": "a"}, {"name": "a", "endpoint": {}}])
def test_s02_each_form_sends_the_same_request(api: ApiServer, form: Any) -> None:
    assert ["GET /a"] == run(api, form)


@pytest.mark.parametrize(
    ("own", "target"),
    [
        ({"b": 3, "c": 4}, "GET /a?a=1&b=3&c=4"),
        ({"b": None}, "GET /a?a=1"),
        ({"t": True, "b": [1, "x"]}, "GET /a?a=1&b=1&b=x&t=True"),
    ],
)
def test_s03_merged_params_are_sent(api: ApiServer, own: dict[str, Any], target: str) -> None:
    defaults = {"endpoint": {"params": {"a": 1, "b": 2}}}

    assert [target] == run(api, {"name": "a", "endpoint": {"params": own}}, resource_defaults=defaults)


def test_s04_headers_of_the_endpoint_replace_those_of_the_defaults(api: ApiServer) -> None:
    run(api, items(headers={"X-B": "2"}), resource_defaults={"endpoint": {"headers": {"X-A": "1"}}})

    assert ("2", False) == (api.requests[0].headers["X-B"], "X-A" in api.requests[0].headers)


def test_s08_a_default_path_param_serves_both_resources(api: ApiServer) -> None:
    """dlt loses it after the first."""
    targets = run(
        api,
        {"name": "a", "endpoint": "{org}/a"},
        {"name": "b", "endpoint": "{org}/b"},
        resource_defaults={"endpoint": {"params": {"org": "o1"}}},
    )

    assert ["GET /o1/a", "GET /o1/b"] == targets


@pytest.mark.parametrize(
    ("base", "path", "target"),
    [
        ("/v1", "x", "/v1/x"),
        ("/v1/", "/x", "/v1/x"),
        ("/v1//", "//x", "/v1/x"),
        ("/v1", "", "/v1"),
        ("/v1/", "", "/v1/"),
        ("/v1/", "x/", "/v1/x/"),
        ("", "x?a=1", "/x?a=1"),
    ],
)
def test_s10_base_and_path_are_joined_as_in_dlt(api: ApiServer, base: str, path: str, target: str) -> None:
    assert [f"GET {target}"] == run(api, items(path=path), base=base)


def test_s10_an_absolute_path_stands_alone(api: ApiServer) -> None:
    assert ["GET /other/x"] == run(api, items(path=f"{api.url}/other/x"), base="/v1")


def test_s10_params_follow_those_of_the_path(api: ApiServer) -> None:
    assert ["GET /x?a=1&b=2"] == run(api, items(path="x?a=1", params={"b": 2}))


def test_s39_five_parents_are_five_requests_by_path(api: ApiServer) -> None:
    targets = run(api, "posts", items(path="posts/{resources.posts.id}/items"))

    assert ["GET /posts", *(f"GET /posts/{index}/items" for index in range(5))] == targets


def test_s39_by_query(api: ApiServer) -> None:
    targets = run(api, "posts", items(path="items", params={"post": "{resources.posts.id}", "q": "x"}))

    assert [f"GET /items?post={index}&q=x" for index in range(5)] == targets[1:]


def test_s39_by_body_header_and_form(api: ApiServer) -> None:
    run(
        api,
        "posts",
        items(method="POST", json={"f": {"id": "{resources.posts.id}"}}, headers={"X-Post": "{resources.posts.id}"}),
    )

    assert [({"f": {"id": index}}, str(index)) for index in range(5)] == [
        (json.loads(request.body), request.headers["X-Post"]) for request in api.requests[1:]
    ]


def test_s39_by_form(api: ApiServer) -> None:
    run(api, "posts", items(method="POST", data={"id": "{resources.posts.id}", "k": "a b"}))

    assert [f"id={index}&k=a+b".encode() for index in range(5)] == [request.body for request in api.requests[1:]]


def test_s42_a_path_value_stays_one_segment_on_the_wire(api: ApiServer) -> None:
    targets = run(api, "posts", items(path="c/{resources.posts.'a.b'}/z"))

    assert [f"GET /c/{index}%2Fx%20y%3F%23%C3%A9/z" for index in range(5)] == targets[1:]


@pytest.mark.parametrize(("field", "values"), [("o.k.z", [0, 10, 20, 30, 40]), ("l[1]", [0, 1, 2, 3, 4])])
def test_s43_a_nested_field_reaches_the_request(api: ApiServer, field: str, values: list[int]) -> None:
    targets = run(api, "posts", items(path="items", params={"v": f"{{resources.posts.{field}}}"}))

    assert [f"GET /items?v={value}" for value in values] == targets[1:]


def test_s45_two_fields_and_two_children_ask_the_parent_once(api: ApiServer) -> None:
    targets = run(
        api,
        "posts",
        {"name": "a", "endpoint": "p/{resources.posts.id}/t/{resources.posts.title}"},
        {"name": "b", "endpoint": {"path": "b", "params": {"id": "{resources.posts.id}"}}},
    )

    assert 1 == targets.count("GET /posts")
    assert "GET /p/3/t/Post%203" in targets
    assert 11 == len(targets)


def test_s52_the_older_syntax_sends_the_same_requests(api: ApiServer) -> None:
    older = run(
        api,
        "posts",
        items(path="posts/{i}/items", params={"i": {"type": "resolve", "resource": "posts", "field": "id"}, "q": 1}),
    )
    before = len(older)
    newer = run(api, "posts", items(path="posts/{resources.posts.id}/items", params={"q": 1}))

    assert older == newer[before:]
