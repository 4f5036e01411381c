"""From a config to assets: keys, edges, names, pools, policies, code references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest import RestRunConfig, build_rest_asset_specs, build_rest_assets
from dagster_rest.assets.errors import StateError
from dagster_rest.config import ConfigError
from tests.assets.support import Source, metadata_of

CLIENT = {"base_url": "https://api.example.com/v1"}
POSTS: list[Any] = [
    {"name": "posts", "primary_key": "id"},
    {"name": "comments", "endpoint": "posts/{resources.posts.id}/comments"},
    {"name": "reactions", "endpoint": "comments/{resources.comments.id}/reactions"},
]


def build(*resources: Any, client: Any = None, **options: Any) -> dict[str, dg.AssetsDefinition]:
    config = {"client": client or CLIENT, "resources": list(resources)}
    assets = build_rest_assets(config, name=options.pop("name", "blog"), **options)
    return {asset.key.path[-1]: asset for asset in assets}


def test_one_asset_a_resource_keyed_by_dataset_and_table() -> None:
    assets = build(*POSTS, {"name": "MyUsers", "table_name": "people"}, dataset="raw")

    assert ["raw/posts", "raw/comments", "raw/reactions", "raw/people"] == [
        asset.key.to_user_string() for asset in assets.values()
    ]


def test_parents_are_upstream() -> None:
    assets = build(*POSTS)

    assert [
        set(),
        {dg.AssetKey(["blog", "posts"])},
        {dg.AssetKey(["blog", "comments"])},
    ] == [asset.asset_deps[asset.key] for asset in assets.values()]


def test_ops_are_named_after_source_and_resource() -> None:
    assert ["blog__posts", "blog__my_users"] == [asset.op.name for asset in build("posts", "MyUsers").values()]


@pytest.mark.parametrize("name", ["my-shop", "class", "a.b", "", "ünï"])
def test_a_name_that_dagster_cannot_use_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build("posts", name=name)

    assert ("config_bad_value", "name") == (caught.value.code, caught.value.where)


@pytest.mark.parametrize(
    "resources",
    [
        [{"name": "open", "table_name": "issues"}, {"name": "closed", "table_name": "issues"}],
        [{"name": "open", "table_name": "Issues"}, {"name": "closed", "table_name": "ISSUES"}],
        [{"name": "issues"}, {"name": "closed", "table_name": "Issues"}],
        [{"name": "issues"}, {"name": "issues__sample"}],
        [{"name": "Issues__Sample"}, {"name": "issues"}],
        [{"name": "issues", "quarantine": True}, {"name": "q", "table_name": "issues__quarantine"}],
        [{"name": "issues", "nested_hints": {"labels": {}}}, {"name": "issues__labels"}],
        [{"name": "issues", "nested_hints": {("a", "B"): {}}}, {"name": "l", "table_name": "issues__a__b"}],
    ],
)
def test_two_resources_of_one_table_are_refused(resources: list[Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        build(*resources)

    problem = caught.value.problems[0]
    assert "config_conflict" == problem.code
    assert problem.path in (
        "resources[1].name",
        "resources[1].table_name",
        "resources[0].name",
        "resources[0].table_name",
    )


def test_tables_that_only_begin_alike_are_no_conflict() -> None:
    resources = ["issues", "issues__labels", {"name": "open", "table_name": "issues_open"}, "issues__quarantine"]

    assert ["issues", "issues__labels", "issues_open", "issues__quarantine"] == list(build(*resources))


def test_a_resource_without_a_table_is_in_nobodys_way() -> None:
    assert ["issues", "all"] == list(build("issues", {"name": "all", "table_name": "issues", "selected": False}))


@pytest.mark.parametrize("dataset", ["_dagster_rest", "_Dagster_Rest", "information_schema"])
def test_a_dataset_that_is_a_schema_of_ours_is_refused(dataset: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build("posts", dataset=dataset)

    assert ("config_bad_value", "dataset") == (caught.value.code, caught.value.where)


def test_names_that_become_the_same_asset_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        build("my_users", "MyUsers")

    assert "config_duplicate_resource" == caught.value.code


def test_another_asset_can_be_the_parent() -> None:
    repos = dg.AssetSpec(["raw", "repos"])

    assets = build(repos, {"name": "issues", "endpoint": "repos/{resources.repos.name}/issues"})

    assert {dg.AssetKey(["raw", "repos"])} == assets["issues"].asset_deps[assets["issues"].key]


def test_a_pool_for_each_host() -> None:
    pools = build("posts", {"name": "other", "endpoint": {"path": "https://files.example.com/list"}})

    assert ["rest_api/api.example.com", "rest_api/files.example.com"] == [asset.op.pool for asset in pools.values()]


def test_a_host_from_the_environment_is_replaced_by_the_name() -> None:
    client = {"base_url": dg.EnvVar("BLOG_URL")}

    assert "rest_api/blog" == build("posts", client=client)["posts"].op.pool


def test_what_ops_are_given() -> None:
    retries = dg.RetryPolicy(max_retries=3)

    op = build("posts", retry_policy=retries, pool="mine", op_tags={"dagster-k8s/config": "x"})["posts"].op

    assert (retries, "mine", "x") == (op.retry_policy, op.pool, op.tags["dagster-k8s/config"])


def test_backfills_over_time_are_one_run_unless_said_otherwise() -> None:
    daily = dg.DailyPartitionsDefinition("2026-01-01")
    static = dg.StaticPartitionsDefinition(["a"])
    events = {"name": "events", "endpoint": {"params": {"day": "{partition.key}"}}}

    assert dg.BackfillPolicy.single_run() == build(events, partitions_def=daily)["events"].backfill_policy
    assert None is build(events, partitions_def=static)["events"].backfill_policy
    multi = dg.BackfillPolicy.multi_run(5)
    assert multi == build(events, partitions_def=daily, backfill_policy=multi)["events"].backfill_policy


@pytest.mark.parametrize(
    ("partitions", "more", "refused"),
    [
        (["a", "b"], {}, True),
        (["a", "b"], {"params": {"region": "{partition.key}"}}, False),
        (["a", "b"], {"incremental": {"cursor_path": "at", "initial_value": "2026-01-01"}}, True),
        ({"every": "daily", "start": "2026-01-01"}, {}, True),
        ("daily", {"incremental": {"cursor_path": "at", "initial_value": "2026-01-01"}}, False),
    ],
)
def test_partitions_that_would_all_load_the_same_are_refused(partitions: Any, more: Any, refused: bool) -> None:
    resource = {"name": "events", "partitions": partitions, "endpoint": {"path": "events", **more}}

    if not refused:
        assert build(resource)["events"].partitions_def is not None
        return
    with pytest.raises(StateError) as caught:
        build(resource)
    assert ("partition_not_asked_for", "resources[0].partitions") == (caught.value.code, caught.value.where)


def test_specs_alone_are_the_specs_of_the_assets() -> None:
    config = {"client": CLIENT, "resources": POSTS}

    specs = build_rest_asset_specs(config, name="blog")

    built = {asset.key: next(iter(asset.specs)) for asset in build_rest_assets(config, name="blog")}
    assert {spec.key: spec for spec in specs} == built


def test_specs_need_no_environment() -> None:
    client = {"base_url": dg.EnvVar("NOT_SET"), "auth": {"type": "bearer", "token": dg.EnvVar("NOT_SET_EITHER")}}

    assert 1 == len(build_rest_asset_specs({"client": client, "resources": ["posts"]}, name="blog"))


@pytest.mark.filterwarnings("ignore:.* is currently in beta")
def test_code_references_open_the_line_of_the_resource(tmp_path: Path) -> None:
    file = tmp_path / "blog.yaml"
    file.write_text(
        "client:\n  base_url: https://x.example\nresources:\n  - posts\n  - name: users\n    primary_key: id\n"
    )

    specs = build_rest_asset_specs(file, name="blog")

    references = [spec.metadata["dagster/code_references"].code_references[0] for spec in specs]
    assert [(str(file), 4), (str(file), 5)] == [(one.file_path, one.line_number) for one in references]


def test_run_config_reaches_one_op(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    items = {"name": "items", "endpoint": {"path": "items", "paginator": "single_page"}, "primary_key": "id"}
    source.load(items)

    result = source.load(items, config={"items": RestRunConfig(full_refresh=True)})

    assert "full_refresh" == metadata_of(result, "items")["dagster_rest/started_from"]
    assert [(1,)] == source.query("select count(*) from src.items")


def test_a_run_tag_reaches_every_asset_of_the_run(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    items = {"name": "items", "endpoint": {"path": "items", "paginator": "single_page"}, "primary_key": "id"}
    source.load(items)

    result = source.load(items, tags={"dagster_rest/full_refresh": "true"})

    assert "full_refresh" == metadata_of(result, "items")["dagster_rest/started_from"]


def test_the_launchpad_offers_the_run_config() -> None:
    fields = build("posts")["posts"].op.config_schema.config_type.fields

    assert {"full_refresh", "start_value", "end_value", "limit", "adopt"} == set(fields)
    assert all(field.description for field in fields.values())


def test_wrong_run_config_is_refused_before_anything_runs(source: Source) -> None:
    assets = source.build("items")

    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.materialize(
            assets,
            resources={"src": source.rest, "duckdb": object()},
            run_config={"ops": {"src__items": {"config": {"full_refrehs": True}}}},
        )
    assert [] == source.api.requests


def in_parts(part: str, strategy: str, **more: Any) -> dict[str, Any]:
    params = {"since": "{incremental.start_value}", "until": "{incremental.end_value}"}
    incremental = {"cursor_path": "at", "initial_value": "2026-01-01"}
    resource: dict[str, Any] = {"name": "posts", "primary_key": "id", "endpoint": {"path": "posts", "params": params}}
    resource["endpoint"]["incremental"] = {**incremental, "step": "1d"} if part == "window" else incremental
    if part == "partition":
        resource["partitions"] = "daily"
    return {**resource, "write_disposition": {"disposition": "merge", "strategy": strategy}, **more}


@pytest.mark.parametrize("strategy", ["scd2", "cdc"])
@pytest.mark.parametrize("part", ["partition", "window"])
def test_loads_of_parts_do_not_take_the_rest_for_gone(part: str, strategy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(in_parts(part, strategy, **({"merge_key": "id"} if strategy == "cdc" else {})))

    assert "config_conflict" == caught.value.code
    assert "resources[0].write_disposition" == caught.value.where
    assert f"the load of a {part}" in caught.value.message


@pytest.mark.parametrize("part", ["partition", "window", "whole"])
def test_loads_of_parts_that_say_what_they_are_a_part_of(part: str) -> None:
    scoped = {"disposition": "merge", "strategy": "scd2", "destination_scope": "at >= '2026-01-01'"}

    assert build(in_parts(part, "scd2", merge_key="id"))
    assert build(in_parts(part, "scd2", write_disposition=scoped))
    assert build(in_parts(part, "upsert"))


def test_a_snapshot_of_everything_needs_no_merge_key() -> None:
    assert build(in_parts("whole", "scd2"))
