"""`get_asset_spec` alone decides what an asset looks like; the config's keys are its defaults."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from dagster_rest import DagsterRestTranslator, RestResourceProps, build_rest_asset_specs, build_rest_assets


def spec_of(resource: Any, *, name: str = "blog", **options: Any) -> dg.AssetSpec:
    config = {"client": {"base_url": "https://api.example.com"}, "resources": [resource]}
    return build_rest_asset_specs(config, name=name, **options)[0]


def test_what_a_resource_looks_like_by_default() -> None:
    spec = spec_of({"name": "posts", "endpoint": {"path": "v1/posts", "method": "GET"}})

    assert ("blog/posts", "blog", {"rest", "duckdb"}) == (spec.key.to_user_string(), spec.group_name, spec.kinds)
    assert "`GET v1/posts` into `blog.posts`." == spec.description
    assert {
        "dagster_rest/source": "blog",
        "dagster_rest/resource": "posts",
        "dagster_rest/endpoint": "GET v1/posts",
        "dagster_rest/write_disposition": "append",
        "dagster/table_name": "blog.posts",
        "dagster/storage_kind": "duckdb",
    } == dict(spec.metadata)


def test_the_configs_keys() -> None:
    spec = spec_of(
        {
            "name": "posts",
            "description": "All posts.",
            "group_name": "raw",
            "tags": {"tier": "1"},
            "owners": ["team:data", "a@example.com"],
            "kinds": ["github"],
        }
    )

    assert ("All posts.", "raw", ["team:data", "a@example.com"]) == (spec.description, spec.group_name, spec.owners)
    assert "1" == spec.tags["tier"]
    assert {"rest", "duckdb", "github"} == spec.kinds


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("eager", dg.AutomationCondition.eager()),
        ("0 * * * *", dg.AutomationCondition.on_cron("0 * * * *")),
        (
            "on_new_data",
            dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())
            & ~dg.AutomationCondition.in_progress(),
        ),
        (dg.AutomationCondition.on_missing(), dg.AutomationCondition.on_missing()),
        (None, None),
    ],
)
def test_automation(written: Any, condition: Any) -> None:
    assert condition == spec_of({"name": "posts", "automation": written}).automation_condition


def test_freshness() -> None:
    day = timedelta(days=1)
    cron = {"deadline_cron": "0 9 * * *", "lower_bound_delta": "2h", "timezone": "Europe/Berlin"}

    assert [
        dg.FreshnessPolicy.time_window(fail_window=day),
        dg.FreshnessPolicy.time_window(fail_window=day, warn_window=day / 2),
        dg.FreshnessPolicy.cron(deadline_cron="0 9 * * *", lower_bound_delta=day / 12, timezone="Europe/Berlin"),
    ] == [
        spec_of({"name": "posts", "freshness": written}).freshness_policy
        for written in ("24h", {"fail_window": "24h", "warn_window": "12h"}, cron)
    ]


def test_a_resource_that_is_not_loaded_has_no_table() -> None:
    spec = spec_of({"name": "posts", "selected": False})

    assert "dagster/table_name" not in spec.metadata
    assert "`GET posts` into no table of its own." == spec.description


def test_partitions_tell_io_managers_their_column() -> None:
    spec = spec_of(
        {
            "name": "events",
            "partitions": "daily",
            "endpoint": {
                "path": "events",
                "params": {"since": "{incremental.start_value}"},
                "incremental": {"cursor_path": "meta.createdAt", "initial_value": "2026-01-01"},
            },
        }
    )

    assert isinstance(spec.partitions_def, dg.TimeWindowPartitionsDefinition)
    column = '"meta__created_at"'
    expected = (
        f"case when typeof({column}) = 'DATE' or length({column}::varchar) = 10 then {column}::timestamp"
        f" when typeof({column}) = 'TIMESTAMP' then timezone('UTC', timezone('UTC', {column}::timestamp))"
        f" else timezone('UTC', {column}::timestamptz) end"
    )
    assert expected == spec.metadata["partition_expr"]


def test_the_code_version_is_the_configs_fingerprint() -> None:
    versions = [
        spec_of({"name": "posts", **more}).code_version
        for more in ({}, {"description": "other words"}, {"primary_key": "id"})
    ]

    assert versions[0] == versions[1] != versions[2]


class Prefixed(DagsterRestTranslator):
    """Another key, group and tag for everything."""

    def get_asset_spec(self, props: RestResourceProps) -> dg.AssetSpec:
        spec = super().get_asset_spec(props)
        return spec.replace_attributes(key=spec.key.with_prefix("raw"), group_name="all").merge_attributes(
            tags={"endpoint": props.key_name}
        )


def test_a_translator_decides_everything_and_edges_follow() -> None:
    config = {
        "client": {"base_url": "https://api.example.com"},
        "resources": ["posts", {"name": "comments", "endpoint": "posts/{resources.posts.id}/comments"}],
    }

    posts, comments = build_rest_assets(config, name="blog", translator=Prefixed())

    assert dg.AssetKey(["raw", "blog", "posts"]) == posts.key
    assert {posts.key} == comments.asset_deps[comments.key]
    assert ("all", "comments") == (
        comments.group_names_by_key[comments.key],
        comments.tags_by_key[comments.key]["endpoint"],
    )
    assert {posts.key} == {key.asset_key for key in posts.check_keys}
