"""Under a Dagster whose storage is no SQL database: Dagster+, or a storage of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator
from dagster_duckdb import DuckDBResource

from dagster_rest import build_rest_polling_sensor
from dagster_rest.assets.start.instance import storage_identity
from tests.assets.support import Source, checks_of, metadata_of
from tests.support.hosted import HostedRunStorage, hosted_instance
from tests.support.server import ApiServer, Reply

ORDERS: dict[str, Any] = {
    "name": "orders",
    "primary_key": "id",
    "endpoint": {
        "path": "orders",
        "paginator": "single_page",
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "id", "initial_value": 0},
    },
}
LINES: dict[str, Any] = {"name": "lines", "endpoint": "orders/{resources.orders.id}/lines"}
DAYS: dict[str, Any] = {
    "name": "days",
    "partitions": {"every": "daily", "start": "2026-01-01"},
    "endpoint": {"path": "days", "params": {"day": "{partition.key}"}, "paginator": "single_page"},
}


@pytest.fixture
def hosted(api: ApiServer, tmp_path: Path) -> Iterator[Source]:
    """A source under a hosted instance."""
    with hosted_instance(tmp_path) as instance:
        yield Source(api, folder=tmp_path, instance=instance)


def test_loads_go_on_from_their_cursor_with_parents_and_checks(hosted: Source) -> None:
    hosted.api.json("/orders", [{"id": 1}])
    hosted.api.json("/orders/1/lines", [{"n": 1}])
    hosted.api.json("/orders/2/lines", [{"n": 2}])
    first = hosted.load(ORDERS, LINES)
    hosted.api.json("/orders", [{"id": 1}, {"id": 2}])

    second = hosted.load(ORDERS, LINES)

    assert (True, True) == (first.success, second.success)
    assert ("normal", "2") == (
        metadata_of(second, "orders")["dagster_rest/started_from"],
        metadata_of(second, "orders")["dagster_rest/cursor"],
    )
    assert ([1, 2], [1, 2]) == (hosted.rows("orders", "id"), hosted.rows("lines", "n"))
    assert all(checks_of(second).values())


def test_one_op_for_all(hosted: Source) -> None:
    hosted.api.json("/orders", [{"id": 1}])
    hosted.options = {"mode": "single_op"}

    assert hosted.load(ORDERS).success
    assert [1] == hosted.rows("orders", "id")


def test_a_range_of_partitions(hosted: Source) -> None:
    hosted.api.route("GET", "/days")(lambda request: [{"day": request.param("day")}])
    hosted.configure(hosted.config(DAYS))

    hosted.materialize("days", partition_range=("2026-01-01", "2026-01-02"))

    assert ["2026-01-01", "2026-01-02"] == hosted.rows("days", "day")


def test_wiped_materializations_rebuild_the_table(hosted: Source) -> None:
    hosted.api.json("/orders", [{"id": 1}])
    assert hosted.load(ORDERS).success
    hosted.instance.wipe_assets([dg.AssetKey(["src", "orders"])])
    hosted.api.json("/orders", [{"id": 2}])

    again = hosted.load(ORDERS)

    assert "wiped" == metadata_of(again, "orders")["dagster_rest/started_from"]
    assert [2] == hosted.rows("orders", "id")


def test_a_step_that_is_tried_again(hosted: Source) -> None:
    answers = iter([Reply(status=400, json={}), Reply(json=[{"id": 1}])])
    hosted.api.route("GET", "/orders")(lambda request: next(answers))
    hosted.options = {"retry_policy": dg.RetryPolicy(max_retries=1)}

    assert hosted.load(ORDERS).success
    assert [1] == hosted.rows("orders", "id")


def test_a_re_execution_from_failure_finds_what_was_reported_and_checked(hosted: Source) -> None:
    hosted.api.json("/orders", [{"id": 1}])
    first = hosted.load(ORDERS)
    job = dg.Definitions(
        assets=hosted.assets,
        jobs=[dg.define_asset_job("all_assets", executor_def=dg.in_process_executor)],
        resources={"src": hosted.rest, "duckdb": DuckDBResource(database=hosted.database)},
    ).resolve_job_def("all_assets")
    run = hosted.instance.create_run_for_job(
        job, tags={"dagster/is_resume_retry": "true"}, parent_run_id=first.run_id, root_run_id=first.run_id
    )

    events = execute_run_iterator(InMemoryJob(job), run, hosted.instance)

    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    checks = [event.asset_check_evaluation_data for event in events if event.event_type == kind]
    passed = {one.check_name: one.passed for one in checks}
    assert {"primary_key_unique": True, "primary_key_not_null": True, "schema_changes": True} == passed
    assert 1 == len(hosted.api.requests)


def test_the_polling_sensor(hosted: Source) -> None:
    hosted.api.json("/orders", [{"id": 1}])
    config = hosted.config(ORDERS)
    assert hosted.load(ORDERS).success
    sensor = build_rest_polling_sensor(config, name="src")

    with dg.build_sensor_context(instance=hosted.instance, resources={"src": hosted.rest}) as context:
        result = sensor.evaluate_tick(context)

    assert [] == (result.run_requests or [])


def test_the_identity_is_the_deployment(tmp_path: Path) -> None:
    with hosted_instance(tmp_path) as instance:
        prod = storage_identity(instance)
        instance.deployment_names = ("branch-7",)  # type: ignore[assignment]

        assert "https://acme.agent.dagster.cloud/prod" == prod
        assert "https://acme.agent.dagster.cloud/branch-7" == storage_identity(instance)


def test_a_database_names_itself(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert instance.run_storage.get_run_storage_id() == storage_identity(instance)  # type: ignore[attr-defined]


def test_a_database_behind_a_custom_storage_names_itself(tmp_path: Path) -> None:
    from dagster._core.storage.legacy_storage import LegacyRunStorage
    from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

    storage = DagsterSqliteStorage(str(tmp_path))
    instance: Any = SimpleNamespace(run_storage=LegacyRunStorage(storage))

    assert storage.run_storage.get_run_storage_id() == storage_identity(instance)  # type: ignore[attr-defined]


def test_a_storage_of_ones_own_is_known_by_its_class_and_config() -> None:
    from dagster._serdes import ConfigurableClassData

    def identity(config: str) -> str:
        data = ConfigurableClassData("my_storages", "MyRunStorage", config)
        storage: Any = SimpleNamespace(inst_data=data)
        instance: Any = SimpleNamespace(run_storage=storage)
        return storage_identity(instance)

    one, other = identity("password: hunter2"), identity("password: hunter3")

    assert identity("password: hunter2") == one
    assert one != other
    assert "hunter2" not in one


def test_it_is_the_same_in_every_process() -> None:
    one: Any = SimpleNamespace(run_storage=HostedRunStorage())
    two: Any = SimpleNamespace(run_storage=HostedRunStorage())

    assert storage_identity(one) == storage_identity(two)
