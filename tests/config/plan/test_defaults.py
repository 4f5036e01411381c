"""``resource_defaults`` under the resources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.support import config, one, plan, problem


def params(own: dict[str, Any], below: dict[str, Any]) -> dict[str, Any]:
    return (
        one({"name": "a", "endpoint": {"params": own}}, defaults={"endpoint": {"params": below}})
        .request.render()
        .params
    )


def test_s03_params_are_merged_key_by_key() -> None:
    assert {"a": 1, "b": 3, "c": 4} == params({"b": 3, "c": 4}, {"a": 1, "b": 2})


def test_s03_a_null_param_removes_the_default() -> None:
    assert {"a": 1} == params({"b": None}, {"a": 1, "b": 2})


def test_s04_json_is_merged_one_level_deep() -> None:
    found = one(
        {"name": "a", "endpoint": {"json": {"f": {"y": 2}, "g": 1}}},
        defaults={"endpoint": {"json": {"f": {"x": 1}, "h": 2}}},
    )

    assert {"f": {"y": 2}, "h": 2, "g": 1} == found.request.render().json


def test_s04_headers_are_replaced() -> None:
    found = one({"name": "a", "endpoint": {"headers": {"X-B": "2"}}}, defaults={"endpoint": {"headers": {"X-A": "1"}}})

    assert {"X-B": "2"} == found.request.render().headers


@pytest.mark.parametrize(
    ("below", "own"),
    [
        ({"write_disposition": {"disposition": "merge", "strategy": "scd2"}}, {"write_disposition": "append"}),
        ({"schema_contract": {"tables": "freeze"}}, {"schema_contract": {"columns": "freeze"}}),
        ({"nested_hints": {"a": {"primary_key": "x"}}}, {"nested_hints": {"b": {"primary_key": "y"}}}),
        ({"processing_steps": [{"filter": bool}]}, {"processing_steps": [{"map": dict}]}),
    ],
)
def test_s04_other_keys_are_replaced_whole(below: dict[str, Any], own: dict[str, Any]) -> None:
    (key,) = own
    expected = getattr(one({"name": "a", **own}).config, key)

    found = getattr(one({"name": "a", **own}, defaults=below).config, key)

    assert expected == found


@pytest.mark.parametrize("key", ["paginator", "incremental", "auth", "response_actions"])
def test_s04_endpoint_keys_are_replaced_whole(key: str) -> None:
    values: dict[str, tuple[Any, Any]] = {
        "paginator": ({"type": "offset", "limit": 5, "total_path": "t"}, {"type": "page_number"}),
        "incremental": ({"cursor_path": "a", "initial_value": 1}, {"cursor_path": "b"}),
        "auth": ({"token": "a"}, {"type": "api_key", "api_key": "b"}),
        "response_actions": ([{"status_code": 404, "action": "ignore"}], []),
    }
    below, own = values[key]
    expected = getattr(one({"name": "a", "endpoint": {key: own}}).endpoint, key)

    found = getattr(one({"name": "a", "endpoint": {key: own}}, defaults={"endpoint": {key: below}}).endpoint, key)

    assert expected == found


def test_a_null_resets_the_default() -> None:
    found = one(
        {"name": "a", "endpoint": {"incremental": None, "params": None, "auth": None}},
        defaults={"endpoint": {"incremental": {"cursor_path": "u"}, "params": {"x": 1}, "auth": {"token": "t"}}},
    )

    assert (None, {}, None) == (found.incremental, found.request.render().params, found.auth)


def test_s05_columns_are_merged_per_column() -> None:
    found = one(
        {"name": "a", "columns": [{"name": "v", "data_type": "text"}, {"name": "id", "nullable": False}]},
        defaults={"columns": {"id": {"data_type": "text"}}},
    ).config.columns

    assert ("text", False, "text") == (found["id"].data_type, found["id"].nullable, found["v"].data_type)


def test_s08_a_default_bound_in_the_path_serves_every_resource() -> None:
    """dlt takes the param out of the shared defaults, so that the second resource fails."""
    found = plan(
        {"name": "a", "endpoint": "{org}/a"},
        {"name": "b", "endpoint": "{org}/b"},
        "c",
        defaults={"endpoint": {"params": {"org": "o1"}}},
    )

    assert ["o1/a", "o1/b", "c"] == [item.request.render().path for item in found.resources]
    assert [{}, {}, {"org": "o1"}] == [item.request.render().params for item in found.resources]


def test_a_path_in_the_defaults_has_no_effect() -> None:
    assert "a" == one("a", defaults={"endpoint": {"path": "x"}}).request.render().path


def test_an_endpoint_in_the_defaults_is_a_mapping() -> None:
    """dlt answers a text with a bare AssertionError."""
    found = problem(config("a", defaults={"endpoint": "x"}))

    assert ("resource_defaults.endpoint", "config_wrong_type", "a mapping") == (found.path, found.code, found.expected)


def test_a_name_in_the_defaults_is_refused() -> None:
    found = problem(config("a", defaults={"name": "x"}))

    assert ("resource_defaults.name", "config_unknown_key") == (found.path, found.code)


def test_a_default_placeholder_makes_its_own_parent_a_cycle() -> None:
    found = problem(config("p", "a", defaults={"endpoint": {"params": {"x": "{resources.p.id}"}}}))

    assert "config_cycle" == found.code


def test_a_problem_of_the_defaults_is_named_there_and_once() -> None:
    found = problem(
        config(
            "a",
            "b",
            {"name": "c", "endpoint": {"params": {"y": 1}}},
            defaults={"endpoint": {"params": {"x": "{gone}"}}},
        )
    )

    assert "resource_defaults.endpoint.params.x" == found.path


def test_a_problem_of_a_value_over_the_defaults_is_named_at_the_resource() -> None:
    found = problem(
        config({"name": "c", "endpoint": {"params": {"x": "{gone}"}}}, defaults={"endpoint": {"params": {"x": "1"}}})
    )

    assert "resources[0].endpoint.params.x" == found.path


def test_s04_hints_of_ones_own_are_merged_per_column() -> None:
    found = one({"name": "a", "columns": {"c": {"x-b": 2}}}, defaults={"columns": {"c": {"x-a": 1}}})

    assert {"x-a": 1, "x-b": 2} == found.config.columns["c"].model_extra
