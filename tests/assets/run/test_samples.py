"""Run config for one run: a sample touches nothing, and a range that cannot be meant is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest.assets.errors import CursorError, StateError
from dagster_rest.assets.fetch.page_staging import PageStaging
from dagster_rest.assets.model.run_config import RestRunConfig
from dagster_rest.http.errors import HttpConnectionError
from tests.assets.project import Project
from tests.support.server import ApiServer

SAMPLE = RestRunConfig(limit=1)
STATE = ("loads", "consumed", "fan_out_keys", "parent_cursors")


@pytest.fixture
def orders(api: ApiServer) -> list[dict[str, Any]]:
    rows = [{"id": n, "lines": [{"sku": f"s{n}"}]} for n in range(1, 7)]

    @api.get("/orders")
    def serve(request: Any) -> Any:
        page = int(request.query["page"][0])
        return rows[2 * page : 2 * page + 2]

    @api.get("/orders/{id}/notes")
    def notes(request: Any) -> Any:
        return [{"order": int(request.path_params["id"])}]

    return rows


def project_of(api: ApiServer, folder: Path, *, orders: dict[str, Any] | None = None, **notes: Any) -> Project:
    endpoint = {"path": "orders", "paginator": {"type": "page_number", "base_page": 0, "total_path": None}}
    child = {"path": "orders/{resources.orders.id}/notes", "paginator": "single_page"}
    config = {
        "client": {"base_url": api.url},
        "resources": [
            {"name": "orders", "endpoint": endpoint, **(orders or {})},
            {"name": "notes", "endpoint": child, **notes},
        ],
    }
    return Project(config, folder=folder)


def state_of(project: Project) -> list[Any]:
    return [project.query(f"select * from _dagster_rest.{table} order by all") for table in STATE]


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
def test_a_sample_is_a_table_of_its_own(api: ApiServer, orders: Any, tmp_path: Path, disposition: str) -> None:
    project = project_of(api, tmp_path, orders={"write_disposition": disposition, "primary_key": "id"})
    project.materialize("orders")
    before = (state_of(project), project.rows("orders", "id"), project.rows("orders__lines", "sku"))
    orders[0]["id"] = 77

    run = project.materialize("orders", config={"orders": SAMPLE})
    project.materialize("orders", config={"orders": SAMPLE})

    assert before == (state_of(project), project.rows("orders", "id"), project.rows("orders__lines", "sku"))
    assert project.rows("orders__sample", "id") == [2, 77]
    assert project.rows("orders__sample__lines", "sku") == ["s1", "s2"]
    metadata = run.metadata("orders")
    assert (metadata["dagster_rest/sampled"], metadata["dagster_rest/sample_table"]) == (True, "src.orders__sample")
    assert "dagster/row_count" not in metadata
    assert run.get("orders", "started_from") == "sample"


def test_a_sample_counts_no_parents_as_consumed(api: ApiServer, orders: Any, tmp_path: Path) -> None:
    project = project_of(api, tmp_path, fan_out="new")
    project.materialize("orders")

    sampled = project.materialize("notes", config={"notes": RestRunConfig(limit=2)})
    project.materialize("notes")

    assert sampled.get("notes", "parents") == 2
    assert project.rows("notes__sample", "order") == [1, 2]
    assert project.rows("notes", "order") == [1, 2, 3, 4, 5, 6]


def test_a_sample_of_a_child_that_has_seen_everything_has_rows(api: ApiServer, orders: Any, tmp_path: Path) -> None:
    project = project_of(api, tmp_path, fan_out="new")
    project.materialize()

    project.materialize("notes", config={"notes": SAMPLE})

    assert project.rows("notes__sample", "order") == [1]
    assert project.rows("notes", "order") == [1, 2, 3, 4, 5, 6]


def test_a_sample_is_no_news_for_the_state_protocol_nor_downstream(api: ApiServer, orders: Any, tmp_path: Path) -> None:
    project = project_of(api, tmp_path, orders={"write_disposition": "merge", "primary_key": "id"})
    project.materialize("orders")
    key = dg.AssetKey(["src", "orders"])
    version = _data_version(project, key)

    sample = project.materialize("orders", config={"orders": SAMPLE})
    run = project.materialize("orders")

    assert sample.get("orders", "load_id") is None
    assert run.get("orders", "started_from") == "normal"
    assert version == _data_version(project, key)


def _data_version(project: Project, key: dg.AssetKey) -> str:
    event = project.instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    return str((event.asset_materialization.tags or {})["dagster/data_version"])


def test_a_sample_before_the_first_load_is_none(api: ApiServer, orders: Any, tmp_path: Path) -> None:
    project = project_of(api, tmp_path)

    project.materialize("orders", config={"orders": SAMPLE})
    run = project.materialize("orders")

    assert run.get("orders", "started_from") == "first"
    assert project.rows("orders", "id") == [1, 2, 3, 4, 5, 6]


def test_a_sample_leaves_an_interrupted_load_alone(
    api: ApiServer, orders: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_of(api, tmp_path)
    kept = PageStaging.add

    def stage(self: PageStaging, page: Any, *, records: list[Any]) -> bool:
        if page.number == 2:
            for load in self._loads:
                load.stager._shred()
                load.stager._begin_part()
                load.stager._end_part()
            raise HttpConnectionError("died", code="http_connection")
        return kept(self, page, records=records)

    with monkeypatch.context() as patch:
        patch.setattr(PageStaging, "add", stage)
        project.materialize("orders", raise_on_error=False)
    project.materialize("orders", config={"orders": SAMPLE})

    run = project.materialize("orders")

    assert run.get("orders", "resumed") is True
    assert project.rows("orders", "id") == [1, 2, 3, 4, 5, 6]


def test_a_sample_never_replaces_a_nested_table_of_that_name(api: ApiServer, orders: Any, tmp_path: Path) -> None:
    for row in orders:
        row["sample"] = [{"x": 1}]
    project = project_of(api, tmp_path)
    project.materialize("orders")

    with pytest.raises(StateError, match="sample_refused"):
        project.materialize("orders", config={"orders": SAMPLE})

    assert len(project.rows("orders__sample", "x")) == 6


@pytest.mark.parametrize(
    "orders_config",
    [{"partitions": ["a"], "endpoint": "orders/{partition.key}"}, {"selected": False}, {"table_name": lambda row: "x"}],
    ids=["partitions", "unselected", "many tables"],
)
def test_a_sample_that_makes_no_sense_is_refused(
    api: ApiServer, orders: Any, tmp_path: Path, orders_config: dict[str, Any]
) -> None:
    project = project_of(api, tmp_path, orders=orders_config, partitions=None)
    key = "a" if "partitions" in orders_config else None

    with pytest.raises(StateError, match="sample_refused"):
        project.materialize("orders", partition_key=key, config={"orders": SAMPLE})

    assert api.requests == []


def cursor_project(api: ApiServer, folder: Path, **incremental: Any) -> Project:
    api.json("/events", [{"at": f"2024-01-0{day}T00:00:00Z"} for day in range(1, 6)])
    endpoint: dict[str, Any] = {"path": "events"}
    if incremental:
        endpoint["incremental"] = {"cursor_path": "at", **incremental}
    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [{"name": "events", "endpoint": endpoint}],
    }
    return Project(config, folder=folder)


DATED = {"initial_value": "2024-01-01"}


@pytest.mark.parametrize(
    ("incremental", "given"),
    [
        (DATED, {"start_value": "yesterday"}),
        (DATED, {"end_value": "tomorrow"}),
        (DATED, {"start_value": 5}),
        ({"initial_value": 1}, {"start_value": "5"}),
        (DATED, {"start_value": "2024-02-01", "end_value": "2024-01-01"}),
        (DATED, {"start_value": "2024-01-02", "end_value": "2024-01-02"}),
        (DATED, {"end_value": "2023-01-01"}),
        ({**DATED, "end_value": "2024-01-05"}, {"start_value": "2024-01-06"}),
        (
            {"initial_value": "2024-01-09", "last_value_func": "min"},
            {"start_value": "2024-01-01", "end_value": "2024-01-03"},
        ),
        ({}, {"start_value": "2024-01-02"}),
        ({}, {"end_value": "2024-01-02"}),
    ],
)
def test_a_range_that_cannot_be_meant_is_refused(
    api: ApiServer, tmp_path: Path, incremental: dict[str, Any], given: dict[str, Any]
) -> None:
    project = cursor_project(api, tmp_path, **incremental)

    with pytest.raises(CursorError, match="run_config_range"):
        project.materialize(config={"events": RestRunConfig(**given)})

    assert api.requests == []


def test_without_an_initial_value_the_first_record_shows_it(api: ApiServer, tmp_path: Path) -> None:
    project = cursor_project(api, tmp_path, on_cursor_value_missing="raise")

    with pytest.raises(CursorError, match=r"run_config_range.*'yesterday'"):
        project.materialize(config={"events": RestRunConfig(start_value="yesterday")})

    assert project.query("select count(*) from duckdb_tables() where schema_name = 'src'") == [(0,)]


def test_a_range_is_no_word_for_a_partition(api: ApiServer, tmp_path: Path) -> None:
    project = cursor_project(api, tmp_path, **DATED)
    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {
                "name": "events",
                "partitions": "daily",
                "endpoint": {"path": "events", "incremental": {"cursor_path": "at", **DATED}},
            }
        ],
    }
    project.configure(config)

    with pytest.raises(CursorError, match=r"run_config_range.*partition is the range"):
        project.materialize(partition_key="2024-01-02", config={"events": RestRunConfig(start_value="2024-01-01")})


@pytest.mark.parametrize(
    ("incremental", "given", "days"),
    [
        (DATED, {"start_value": "2024-01-03"}, [3, 4, 5]),
        (DATED, {"start_value": "2024-01-02T00:00:00+00:00", "end_value": "2024-01-04"}, [2, 3]),
        ({"initial_value": ""}, {"start_value": "2024-01-04"}, [4, 5]),
        (
            {"initial_value": "2024-01-09", "last_value_func": "min"},
            {"start_value": "2024-01-04", "end_value": "2024-01-02"},
            [3, 4],
        ),
    ],
)
def test_a_range_that_is_meant_is_loaded(
    api: ApiServer, tmp_path: Path, incremental: dict[str, Any], given: dict[str, Any], days: list[int]
) -> None:
    project = cursor_project(api, tmp_path, **incremental)

    project.materialize(config={"events": RestRunConfig(**given)})

    assert days == [at.day for at in project.rows("events", "at")]


def test_a_start_is_every_parents_start(api: ApiServer, tmp_path: Path) -> None:
    api.json("/posts", [{"id": 1}, {"id": 2}])

    @api.get("/posts/{id}/notes")
    def notes(request: Any) -> Any:
        since = int(request.query["since"][0])
        return [{"post": int(request.path_params["id"]), "at": at} for at in range(1, 5) if at >= since]

    endpoint = {
        "path": "posts/{resources.posts.id}/notes",
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "at", "initial_value": 3},
    }
    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {"name": "posts", "write_disposition": "replace"},
            {"name": "notes", "primary_key": ["post", "at"], "write_disposition": "merge", "endpoint": endpoint},
        ],
    }
    project = Project(config, folder=tmp_path)
    project.materialize()

    project.materialize("notes", config={"notes": RestRunConfig(start_value=1)})

    assert project.rows("notes", "post", "at") == [(post, at) for post in (1, 2) for at in (1, 2, 3, 4)]
