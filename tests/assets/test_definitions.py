"""`build_rest_definitions`: everything of a source, with jobs and schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dagster as dg
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest import RestApiResource, build_rest_definitions
from dagster_rest.warehouse.errors import WarehouseError

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
