"""`build_rest_definitions`: everything of a source, with jobs and schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest import RestApiResource, build_rest_assets, build_rest_definitions
from dagster_rest.config import ConfigError
from dagster_rest.warehouse.errors import WarehouseError
from tests.assets.support import Source

EVENTS: dict[str, Any] = {
    "name": "events",
    "partitions": {"every": "daily", "start": "2026-01-01"},
    "endpoint": {"path": "events", "params": {"day": "{partition.key}"}},
}


def build(*resources: Any, duckdb: Any = "warehouse.duckdb", **options: Any) -> dg.Definitions:
    config = {"client": {"base_url": "https://api.example.com"}, "resources": list(resources)}
    return build_rest_definitions(config, name="blog", duckdb=duckdb, **options)


def test_resources_under_the_names_that_the_assets_ask_for() -> None:
    resources = build("posts").resources or {}

    assert {"blog": RestApiResource, "duckdb": DuckDBResource} == {
        "blog": type(resources["blog"]).__mro__[1],
        "duckdb": type(resources["duckdb"]),
    }
    assert "warehouse.duckdb" == resources["duckdb"].database


def test_a_duckdb_resource_of_ones_own_is_used_as_it_is() -> None:
    own = DuckDBResource(database="warehouse.duckdb")

    assert own is (build("posts", duckdb=own).resources or {})["duckdb"]


def test_a_job_loads_the_source() -> None:
    job = build("posts", "users").resolve_job_def("blog_job")

    assert {"blog__posts", "blog__users"} == {node.name for node in job.nodes}


@pytest.mark.filterwarnings("ignore:Function `JobDefinition.run_request_for_partition`")  # Dagster's own call
def test_partitions_of_another_kind_get_their_own_job_and_schedule() -> None:
    definitions = build("posts", EVENTS)

    assert {"blog__posts"} == {node.name for node in definitions.resolve_job_def("blog_job").nodes}
    assert {"blog__events"} == {node.name for node in definitions.resolve_job_def("blog_job_2").nodes}
    schedule = definitions.resolve_schedule_def("blog_job_2_schedule")
    tick = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 1, 5), repository_def=definitions.get_repository_def()
    )
    requests = schedule.evaluate_tick(tick).run_requests or []
    assert ["2026-01-04"] == [request.partition_key for request in requests]
    assert ["blog_job_2_schedule"] == [each.name for each in definitions.schedules or ()]


def test_one_op_mode_has_one_op_in_its_job() -> None:
    assert {"blog"} == {node.name for node in build("a", "b", mode="single_op").resolve_job_def("blog_job").nodes}


def test_a_file_that_the_environment_names_is_not_known_yet() -> None:
    build("posts", duckdb=DuckDBResource(database=dg.EnvVar("BLOG")))


def test_nothing_is_asked_and_no_file_is_made(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    dg.Definitions.validate_loadable(build("posts", EVENTS))

    assert [] == list(tmp_path.iterdir())


CONFIG: dict[str, Any] = {"client": {"base_url": "https://api.example.com"}, "resources": ["posts"]}


def test_two_sources_on_one_file_merge() -> None:
    merged = dg.Definitions.merge(
        build_rest_definitions(CONFIG, name="blog", duckdb="warehouse.duckdb"),
        build_rest_definitions(CONFIG, name="shop", duckdb="./warehouse.duckdb"),
    )

    dg.Definitions.validate_loadable(merged)
    assert {"blog", "shop", "duckdb"} == set(merged.resources or {})


def test_two_sources_on_a_file_that_the_environment_names_merge() -> None:
    merged = dg.Definitions.merge(
        build_rest_definitions(CONFIG, name="blog", duckdb=dg.EnvVar("WAREHOUSE")),
        build_rest_definitions(CONFIG, name="shop", duckdb=dg.EnvVar("WAREHOUSE")),
    )

    dg.Definitions.validate_loadable(merged)


def test_a_path_and_a_variable_of_that_name_are_two_files() -> None:
    path = build_rest_definitions(CONFIG, name="blog", duckdb="WAREHOUSE")
    variable = build_rest_definitions(CONFIG, name="shop", duckdb=dg.EnvVar("WAREHOUSE"))

    with pytest.raises(dg.DagsterInvariantViolationError):
        dg.Definitions.merge(path, variable)


def test_two_sources_on_two_files_need_two_keys() -> None:
    merged = dg.Definitions.merge(
        build_rest_definitions(CONFIG, name="blog", duckdb="blog_data.duckdb"),
        build_rest_definitions(CONFIG, name="shop", duckdb="shop_data.duckdb", duckdb_key="shop_file"),
    )

    resources = merged.resources or {}
    assert ("blog_data.duckdb", "shop_data.duckdb") == (resources["duckdb"].database, resources["shop_file"].database)


@pytest.mark.parametrize("mode", ["per_resource", "single_op"])
def test_each_of_two_files_gets_its_source(source: Source, tmp_path: Any, mode: Any) -> None:
    source.api.json("/posts", [{"id": 1}])
    files = [str(tmp_path / "one.duckdb"), str(tmp_path / "two.duckdb")]
    config = source.config("posts")
    merged = dg.Definitions.merge(
        build_rest_definitions(config, name="blog", duckdb=files[0], mode=mode),
        build_rest_definitions(config, name="shop", duckdb=files[1], duckdb_key="shop_file", mode=mode),
    )

    for job in ("blog_job", "shop_job"):
        assert merged.resolve_job_def(job).execute_in_process(instance=source.instance).success

    found = []
    for file in files:
        with duckdb.connect(file) as connection:
            rows = connection.execute("select schema_name from duckdb_tables() where table_name = 'posts'").fetchall()
            found.append([row[0] for row in rows])
    assert [["blog"], ["shop"]] == found


@pytest.mark.parametrize(
    ("name", "key"),
    [("duckdb", "duckdb"), ("shop", "shop"), ("io_manager", "duckdb"), ("blog", "io_manager"), ("_blog", "duckdb")],
)
def test_keys_that_dagster_or_another_resource_needs_are_refused(name: str, key: str) -> None:
    with pytest.raises(ConfigError, match="config_bad_value"):
        build_rest_definitions(CONFIG, name=name, duckdb="warehouse.duckdb", duckdb_key=key)


@pytest.mark.parametrize("key", ["", "a-b", "_a", "class", "größe"])
def test_a_key_that_dagster_cannot_use_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="duckdb_key"):
        build_rest_assets(CONFIG, name="blog", duckdb_key=key)


def test_a_parent_in_another_file_is_refused_by_name() -> None:
    (posts,) = build_rest_assets(CONFIG, name="blog")
    comments = {"name": "comments", "endpoint": "posts/{resources.posts.id}/comments"}

    with pytest.raises(ConfigError, match="shop_file"):
        build_rest_assets({**CONFIG, "resources": [posts, comments]}, name="shop", duckdb_key="shop_file")


@pytest.mark.parametrize(
    ("database", "code"),
    [
        ("md:shop", "warehouse_not_local"),
        ("postgres:dbname=shop", "warehouse_not_local"),
        (":memory:", "warehouse_in_memory"),
        ("data/_dagster_rest.duckdb", "warehouse_reserved_name"),
    ],
)
@pytest.mark.parametrize("make", [str, lambda database: DuckDBResource(database=database)])
def test_a_database_that_no_load_is_safe_in_is_refused_at_once(database: str, code: str, make: Any) -> None:
    with pytest.raises(WarehouseError) as caught:
        build("posts", duckdb=make(database))

    assert code == caught.value.code
