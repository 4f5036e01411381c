"""The ways to write a resource, and that writing is all that loading looks at."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from dagster_rest.config import ClientConfig, EndpointConfig, ResourceConfig, RestApiConfig, build_plan, load_config
from tests.config.support import BASE, config, endpoint, one, plan, problem


def test_s01_a_name_is_a_resource_with_that_path_and_table() -> None:
    posts = one("posts")

    assert ("posts", "posts", "GET", "posts") == (
        posts.name,
        posts.table_name,
        posts.request.method,
        posts.request.render().path,
    )


@pytest.mark.parametrize(
    "form",
    [
        "a",
        {"name": "a"},
        {"name": "a", "endpoint": "a"},
        {"name": "a", "endpoint": {}},
        {"name": "a", "endpoint": None},
    ],
)
def test_s02_short_and_long_forms_mean_the_same(form: Any) -> None:
    expected = one({"name": "a", "endpoint": {"path": "a"}})

    found = one(form)

    assert expected.request == found.request


def test_models_mean_the_same_as_a_dict() -> None:
    models = RestApiConfig(
        client=ClientConfig(base_url=BASE, auth={"token": "t"}),
        resources=[ResourceConfig(name="a", endpoint=EndpointConfig(path="b", json={"x": 1}))],
    )
    written = config({"name": "a", "endpoint": {"path": "b", "json": {"x": 1}}}, auth={"token": "t"})

    assert load_config(written) == models
    assert (
        build_plan(load_config(written), name="s").resources[0].fingerprint
        == build_plan(models, name="s").resources[0].fingerprint
    )


def test_a_model_is_loaded_as_it_is() -> None:
    loaded = load_config(config("a"))

    assert loaded is load_config(loaded)


def test_s09_the_dict_is_not_changed() -> None:
    written = config(
        "posts",
        {
            "name": "items",
            "endpoint": {
                "path": "{org}/{resources.posts.id}",
                "params": {"org": "o", "since": {"type": "incremental", "cursor_path": "u", "initial_value": 1}},
                "paginator": {"type": "page_number"},
            },
            "columns": [{"name": "id", "data_type": "text"}],
        },
        defaults={"primary_key": ["id"], "endpoint": {"params": {"org": "d"}}},
    )
    before = copy.deepcopy(written)

    first = build_plan(load_config(written), name="s")
    second = build_plan(load_config(written), name="s")

    assert before == written
    assert [item.request for item in first.resources] == [item.request for item in second.resources]


def test_a_dict_changed_afterwards_does_not_change_the_config() -> None:
    written = config(endpoint(params={"a": ["x"]}))
    loaded = load_config(written)

    written["resources"][0]["endpoint"]["params"]["a"].append("y")

    assert ["x"] == loaded.resources[0].endpoint.params["a"]


class Paginator:
    def update_state(self, response: Any, data: Any = None) -> None: ...

    def update_request(self, request: Any) -> None: ...

    def __deepcopy__(self, memo: Any) -> Paginator:
        raise AssertionError("copied")


def test_instances_and_callables_are_kept_by_reference() -> None:
    paginator, convert, session = Paginator(), (lambda value: value), object()
    found = load_config(
        config(endpoint(paginator=paginator, incremental={"cursor_path": "u", "convert": convert}), session=session)
    )

    assert paginator is found.resources[0].endpoint.paginator
    assert convert is found.resources[0].endpoint.incremental.convert
    assert session is found.client.session


def test_s31_one_paginator_instance_serves_two_resources() -> None:
    paginator = Paginator()

    found = plan(
        {"name": "a", "endpoint": {"path": "a", "paginator": paginator}},
        {"name": "b", "endpoint": {"path": "b", "paginator": paginator}},
    )

    assert [paginator, paginator] == [item.paginator for item in found.resources]


def test_no_resources_are_a_config() -> None:
    assert () == plan().resources


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("primary_key", ["a", "b"]),
        ("primary_key", "a"),
        ("merge_key", ["a"]),
        ("write_disposition", "replace"),
        ("write_disposition", {"disposition": "merge", "strategy": "scd2", "validity_column_names": ["f", "t"]}),
        ("columns", {"a": {"data_type": "decimal", "precision": 10, "scale": 2, "x-unit": "EUR"}}),
        ("columns", [{"name": "a", "data_type": "json"}]),
        ("schema_contract", "freeze"),
        ("schema_contract", {"tables": "evolve", "columns": "discard_value"}),
        (
            "nested_hints",
            {"kids": {"primary_key": "id"}, ("kids", "sub"): {"columns": {"v": {"name": "v", "data_type": "text"}}}},
        ),
        ("max_table_nesting", 0),
        ("table_name", "things"),
        ("selected", False),
        ("parallelized", True),
        ("references", [{"referenced_table": "p", "columns": ["a"], "referenced_columns": ["id"]}]),
        ("table_format", "native"),
        ("file_format", "parquet"),
        ("processing_steps", [{"filter": bool}, {"map": dict, "yield_map": list}]),
        ("description", "Things."),
        ("group_name", "shop"),
        ("tags", {"a": "b"}),
        ("owners", ["team:data"]),
        ("kinds", ["api"]),
        ("partitions", "daily"),
        ("partitions", ["eu", "us"]),
        ("partitions", {"cron": "0 0 * * *", "start": "2024-01-01", "timezone": "Europe/Berlin"}),
        ("fan_out", "all"),
        ("automation", "0 * * * *"),
        ("automation", "eager"),
        ("freshness", "24h"),
        ("resume", False),
        ("resume_ttl", "2h"),
        ("quarantine", True),
        ("on_missing_table", "fail"),
        ("checks", {"primary_key": "error", "row_count_drop": {"max_drop": 0.5, "blocking": True}}),
        ("preview", True),
    ],
)
def test_every_resource_key_is_accepted(key: str, value: Any) -> None:
    found = one({"name": "a", key: value})

    assert getattr(found.config, key) is not None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("method", "POST"),
        ("params", {"a": 1, "b": None, "c": ["x", 1], "d": True}),
        ("json", {}),
        ("json", {"a": {"b": [1, None]}}),
        ("data", "raw"),
        ("data", [("a", "1"), ("a", "2")]),
        ("headers", {"X-A": "1", "X-N": 2}),
        ("data_selector", "data[?(@.a>1)]"),
        ("response_actions", [{"status_code": 404, "action": "ignore"}, {"content": "busy", "action": "retry"}]),
        (
            "response_actions",
            [{"status_code": ["404", "5xx"], "json": "$.code == 1", "action": "fail", "message": "no"}],
        ),
        ("response_actions", [repr, {"action": [repr, str]}]),
        ("auth", None),
        ("auth", {"type": "api_key", "api_key": "k", "location": "cookie"}),
        ("allow_missing_data", True),
        ("ignore_scope", "first_page"),
        ("ignore_scope", "later_pages"),
        ("on_null_parent", "fail"),
        ("on_name_collision", "suffix"),
        ("on_empty", "fail"),
        ("max_pages", 3),
        ("max_empty_pages", 0),
        ("max_repeated_pages", 2),
        ("encoding", "cp1252"),
        ("encoding_errors", "replace"),
        ("on_body_errors", "warn"),
        ("expect", {"total_path": "meta.total", "min_rows": 1}),
    ],
)
def test_every_endpoint_key_is_accepted(key: str, value: Any) -> None:
    found = one(endpoint(**{key: value}))

    assert key in {field.alias or name for name, field in EndpointConfig.model_fields.items()}
    assert found.endpoint.model_fields_set


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("headers", {"A": "b"}),
        ("timeout", 5),
        ("timeout", {"connect": "500ms", "read": 60}),
        ("retry", {"attempts": 3, "statuses": [500, "4xx"]}),
        ("rate_limit", {"requests": 100, "per": "1m"}),
        ("max_concurrency", 32),
        ("allowed_origins", ["https://cdn.example.com"]),
        ("params", {"locale": "de"}),
        ("verify", False),
        ("cert", ["a.pem", "b.pem"]),
        ("proxy", "http://127.0.0.1:1"),
        ("http2", True),
        ("follow_redirects", False),
        ("max_response_bytes", 1000),
        ("staging_dir", "staging"),
    ],
)
def test_every_client_key_is_accepted(key: str, value: Any) -> None:
    found = plan("a", **{key: value})

    assert key in found.client.model_fields_set


def test_on_empty_in_the_endpoint_is_read_from_the_resource() -> None:
    assert "fail" == one(endpoint(on_empty="fail")).config.on_empty
    assert "ignore" == one({**endpoint(on_empty="fail"), "on_empty": "ignore"}).config.on_empty


def test_durations_are_seconds() -> None:
    client = plan("a", rate_limit={"requests": 1, "per": "1m"}, timeout={"connect": "500ms"}).client

    assert (60.0, 0.5) == (client.rate_limit.per, client.timeout.connect)


def test_tuples_are_lists() -> None:
    assert ("a", "b") == one({"name": "x", "primary_key": ("a", "b")}).primary_key


def test_columns_name_the_primary_key_where_the_key_does_not() -> None:
    assert ("a",) == one({"name": "x", "columns": {"a": {"primary_key": True}, "b": {"data_type": "text"}}}).primary_key


def test_a_merge_without_strategy_is_delete_insert() -> None:
    found = one({"name": "x", "write_disposition": "merge"}).write_disposition

    assert ("merge", "delete-insert", {}) == (found.disposition, found.strategy, found.options)


def test_a_long_write_disposition_keeps_its_options() -> None:
    found = one(
        {"name": "x", "write_disposition": {"disposition": "merge", "strategy": "upsert", "skip_unchanged_rows": True}}
    ).write_disposition

    assert ("upsert", {"skip_unchanged_rows": True}) == (found.strategy, found.options)


def test_of_several_options_that_a_strategy_lacks_the_first_of_the_reference_is_named() -> None:
    unfit = {"boundary_timestamp": "2024-01-01", "skip_unchanged_rows": True, "deduplicated": True}

    found = problem(
        config({"name": "a", "write_disposition": {"disposition": "merge", "strategy": "insert-only", **unfit}})
    )

    assert "strategy `insert-only` has no `deduplicated`" == found.message
