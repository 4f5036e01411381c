"""Parents and children: what refers to what, in which order, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dagster_rest.config import build_plan, load_config
from dagster_rest.config.values.jsonpath import MISSING, first_match
from tests.config.support import config, endpoint, one, plan, problem, problems


def items(path: str = "items", **keys: Any) -> dict[str, Any]:
    return endpoint(path=path, **keys)


def test_parents_come_before_children_and_the_rest_keeps_its_order() -> None:
    found = plan(
        "z", {"name": "c", "endpoint": "b/{resources.b.id}"}, "a", {"name": "b", "endpoint": "a/{resources.a.id}"}, "y"
    )

    assert ["z", "a", "b", "c", "y"] == [item.name for item in found.resources]
    assert [0, 2, 3, 1, 4] == [item.index for item in found.resources]


def test_s45_a_chain_and_two_fields_of_one_parent() -> None:
    found = plan(
        "groups",
        {"name": "users", "endpoint": "groups/{resources.groups.id}/users"},
        {"name": "details", "endpoint": "g/{resources.users.group_id}/u/{resources.users.id}/d"},
    )
    (link,) = found.resource("details").parents

    assert ("users", ("group_id", "id"), False) == (link.resource, link.fields, link.external)
    assert "g/1/u/2/d" == found.resource("details").request.render(parent={"group_id": 1, "id": 2}).path


def test_s45_two_children_have_one_parent() -> None:
    found = plan(
        "p", {"name": "a", "endpoint": "a/{resources.p.id}/x"}, {"name": "b", "endpoint": "b/{resources.p.id}/x"}
    )

    assert ["a", "b"] == [item.name for item in found.children("p")]
    assert () == found.children("a")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 1),
        ("o.k.z", 2),
        ("l[1]", 4),
        ("'a.b'", 5),
        ("items[0].id", 6),
        ("none", None),
        ("$.id", 1),
    ],
)
def test_s43_a_field_is_a_jsonpath(field: str, value: Any) -> None:
    record = {"id": 1, "o": {"k": {"z": 2}}, "l": [3, 4], "a.b": 5, "items": [{"id": 6}], "none": None}
    found = plan("p", items("x", params={"v": f"{{resources.p.{field}}}"})).resource("items")

    assert (("p", field),) == found.request.parent_fields
    assert value == first_match(field)(record)


def test_s43_a_path_that_matches_nothing_is_not_a_null() -> None:
    assert MISSING is first_match("o.x")({"o": {}})
    assert MISSING is first_match("l[5]")({"l": []})
    assert MISSING is first_match("o.x")({"o": None})
    assert "scalar" == first_match("$")("scalar")


def test_s44_an_unknown_parent_is_named_with_the_nearest() -> None:
    found = problem(config("posts", items("posts/{resources.post.id}/x")))

    assert ("resources[1].endpoint.path", "config_unknown_parent", "Did you mean `posts`?") == (
        found.path,
        found.code,
        found.hint,
    )


@pytest.mark.parametrize(
    "resources",
    [
        [items("x/{resources.items.id}/y")],
        [{"name": "a", "endpoint": "x/{resources.b.id}/y"}, {"name": "b", "endpoint": "x/{resources.a.id}/y"}],
    ],
)
def test_s44_a_cycle_is_an_error(resources: list[Any]) -> None:
    assert "config_cycle" == problem(config(*resources)).code


def test_s44_a_cycle_is_shown_as_a_chain() -> None:
    found = problem(
        config(
            *({"name": name, "endpoint": f"x/{{resources.{parent}.id}}/y"} for name, parent in ("ab", "bc", "ca")), "d"
        )
    )

    assert "resources refer to each other in a cycle: a -> b -> c -> a" == found.message


def test_s44_each_cycle_is_a_problem() -> None:
    pairs = ("ab", "ba", "cd", "dc")

    found = problems(config(*({"name": name, "endpoint": f"x/{{resources.{parent}.id}}/y"} for name, parent in pairs)))

    assert ["config_cycle", "config_cycle"] == [item.code for item in found]


def test_s44_a_resolve_param_that_the_path_does_not_use_is_an_error() -> None:
    found = problem(config("posts", items(params={"i": {"type": "resolve", "resource": "posts", "field": "id"}})))

    assert ("resources[1].endpoint.params.i", "config_unused_binding") == (found.path, found.code)


def test_s44_include_from_parent_needs_a_parent() -> None:
    found = problem(config("posts", {**items(), "include_from_parent": ["id"]}))

    assert ("resources[1].include_from_parent", "config_include_without_parent") == (found.path, found.code)


def test_include_from_parent_is_part_of_the_link() -> None:
    found = plan("posts", {**items("p/{resources.posts.id}/x"), "include_from_parent": ["id", "title"]}).resource(
        "items"
    )

    assert ("id", "title") == found.parents[0].include


TWO = {"path": "a/{resources.a.id}/b/{resources.b.id}/c"}


def test_s46_two_parents_are_an_error() -> None:
    found = problem(config("a", "b", items(**TWO)))

    assert ("resources[2].endpoint.path", "config_two_parents") == (found.path, found.code)


def test_s46_two_parents_are_a_product_if_the_config_says_so() -> None:
    found = plan("a", "b", {**items(**TWO), "parents": "product", "include_from_parent": ["x", "b.y"]}).resource(
        "items"
    )

    assert [("a", ("id",), ("x",)), ("b", ("id",), ("y",))] == [
        (link.resource, link.fields, link.include) for link in found.parents
    ]
    assert "a/1/b/2/c" == found.request.render(parents={"a": {"id": 1}, "b": {"id": 2}}).path


def test_s50_a_parent_that_is_not_selected_is_still_in_the_plan() -> None:
    found = plan({"name": "p", "selected": False}, items("x/{resources.p.id}/y"))

    assert (False, ["p", "items"]) == (found.resource("p").config.selected, [item.name for item in found.resources])


def repositories() -> Iterator[list[dict[str, Any]]]:
    yield [{"name": "a"}]


@pytest.mark.parametrize(
    "parent",
    [
        repositories,
        {"name": "repositories", "source": repositories},
        {"name": "repositories", "source": f"{__name__}:repositories"},
    ],
)
def test_s51_a_callable_that_yields_lists_is_a_parent(parent: Any) -> None:
    found = plan(items("x/{resources.repositories.name}/y"), parent, defaults={"endpoint": {"params": {"a": 1}}})

    assert [{"name": "a"}] == next(iter(found.resource("repositories").source()))
    assert ("repositories", False) == (
        found.resource("items").parents[0].resource,
        found.resource("items").parents[0].external,
    )
    assert {} == found.resource("repositories").request.render().params


def test_s51_another_asset_is_a_parent_when_it_is_passed_in() -> None:
    import dagster as dg

    @dg.asset(key=["crm", "customers"])
    def customers() -> None: ...

    in_resources = plan(items("x/{resources.customers.id}/y"), customers)
    spec = plan(items("x/{resources.customers.id}/y"), dg.AssetSpec("customers"))
    by_name = build_plan(
        load_config(config(items("x/{resources.customers.id}/y"))), name="s", external_parents=["customers"]
    )

    assert [True, True, True] == [found.resources[0].parents[0].external for found in (in_resources, spec, by_name)]
    assert customers is in_resources.external["customers"]
    assert ["items"] == [item.name for item in in_resources.resources]


def test_defaults_do_not_apply_to_a_bare_callable() -> None:
    """As in dlt, where they never apply to a DltResource."""
    assert () == plan(repositories, defaults={"primary_key": "id"}).resources[0].primary_key
    assert ("id",) == one({"name": "r", "source": repositories}, defaults={"primary_key": "id"}).primary_key


def test_s52_the_older_resolve_param_means_the_same_request() -> None:
    older = plan(
        "posts", items("p/{i}/x", params={"i": {"type": "resolve", "resource": "posts", "field": "id"}, "q": 1})
    )
    newer = plan("posts", items("p/{resources.posts.id}/x", params={"q": 1}))

    requests = [found.resource("items").request.render(parent={"id": 7}) for found in (older, newer)]

    assert ("p/7/x", {"q": 1}) == (requests[0].path, requests[0].params)
    assert vars(requests[0]) == vars(requests[1])


def test_a_child_of_an_incremental_parent_asks_for_new_rows() -> None:
    parent = {"name": "p", "endpoint": {"incremental": {"cursor_path": "u"}}}

    assert "new" == plan(parent, items("x/{resources.p.id}/y")).resource("items").fan_out
    assert "all" == plan("p", items("x/{resources.p.id}/y")).resource("items").fan_out
    assert "all" == plan(parent, {**items("x/{resources.p.id}/y"), "fan_out": "all"}).resource("items").fan_out


def test_a_batch_joins_the_values_of_many_parents() -> None:
    found = plan("p", {**items(params={"ids": "{resources.p.id}"}), "batch": {"param": "ids", "size": 50}}).resource(
        "items"
    )

    assert ("ids", 50) == (found.batch.param, found.batch.size)
    assert {"ids": "1,2,x"} == found.request.render(parent={"id": [1, 2, "x"]}).params


def test_a_batch_may_repeat_the_parameter_or_stand_in_the_body() -> None:
    repeated = plan(
        "p", {**items(params={"ids": "{resources.p.id}"}), "batch": {"param": "ids", "size": 2, "separator": None}}
    ).resource("items")
    body = plan("p", {**items(json={"ids": "{resources.p.id}"}), "batch": {"param": "ids", "size": 2}}).resource(
        "items"
    )

    assert {"ids": [1, 2]} == repeated.request.render(parent={"id": [1, 2]}).params
    assert {"ids": [1, 2]} == body.request.render(parent={"id": [1, 2]}).json


@pytest.mark.parametrize(
    "keys",
    [
        {"params": {"ids": "x"}},
        {"params": {"other": "{resources.p.id}"}},
        {"params": {"ids": "{resources.p.id}"}, "path": "x/{resources.p.id}/y"},
        {"params": {"ids": "x{resources.p.id}"}},
        {"params": {"ids": "{resources.p.id}", "all": "{resources.p.id}"}},
    ],
)
def test_a_batch_whose_values_stand_elsewhere_is_an_error(keys: dict[str, Any]) -> None:
    found = problem(config("p", {**endpoint(**{"path": "items", **keys}), "batch": {"param": "ids", "size": 50}}))

    assert "resources[1].batch.param" == found.path


def test_a_batch_of_two_parents_is_an_error() -> None:
    both = endpoint(path="items", params={"ids": "{resources.p.id}", "of": "{resources.q.id}"})
    batch = {"batch": {"param": "ids", "size": 50}, "parents": "product"}
    found = problem(config("p", "q", {**both, **batch}))

    assert ("resources[2].batch.param", "config_bad_value") == (found.path, found.code)


def test_a_long_chain_is_no_recursion() -> None:
    chain = [{"name": f"r{index}", "endpoint": f"x/{{resources.r{index - 1}.id}}/y"} for index in range(2000, 0, -1)]

    assert ["r0", "r1", "r2"] == [item.name for item in plan(*chain, "r0").resources[:3]]
