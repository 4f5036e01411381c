"""Each row of the state protocol: what a run starts from when ledger and event log agree, and when they do not."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from dagster_rest.assets.run import step
from tests.assets.project import Project
from tests.support.server import ApiServer

KEY = dg.AssetKey(["src", "orders"])


def orders(api: ApiServer, *, disposition: str = "append") -> dict[str, object]:
    return {
        "client": {"base_url": api.url},
        "resources": [
            {
                "name": "orders",
                "write_disposition": disposition,
                "endpoint": {
                    "path": "orders",
                    "params": {"since": "{incremental.start_value}"},
                    "paginator": "single_page",
                    "incremental": {"cursor_path": "id", "initial_value": 0},
                },
            }
        ],
    }


@pytest.fixture
def rows(api: ApiServer) -> list[dict[str, int]]:
    """The API's rows; it leaves the filtering to the client."""
    data = [{"id": 1}, {"id": 2}]

    @api.get("/orders")
    def serve(request: object) -> list[dict[str, int]]:
        return list(data)

    return data


def confirmed(project: Project) -> list[str]:
    return [row[0] for row in project.query("select status from _dagster_rest.loads order by seq")]


def test_the_second_run_continues_from_the_cursor(api: ApiServer, rows: list[dict[str, int]], tmp_path: Path) -> None:
    project = Project(orders(api), folder=tmp_path)
    project.materialize()
    rows.append({"id": 3})

    run = project.materialize()

    assert run.get("orders", "started_from") == "normal"
    assert run.get("orders", "rows_loaded") == 1
    assert run.get("orders", "cursor_start") == "2"
    assert run.get("orders", "cursor") == "3"
    assert project.rows("orders", "id") == [1, 2, 3]
    assert confirmed(project) == ["confirmed", "confirmed"]


def test_a_load_whose_event_was_lost_is_adopted(
    api: ApiServer, rows: list[dict[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(orders(api), folder=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(step, "_result", lambda *_, **__: 1 / 0)
        project.materialize(raise_on_error=False)
    rows.append({"id": 3})

    run = project.materialize()

    assert run.get("orders", "started_from") == "adopted"
    assert project.rows("orders", "id") == [1, 2, 3]


def test_wiped_materializations_rebuild_the_table(api: ApiServer, rows: list[dict[str, int]], tmp_path: Path) -> None:
    project = Project(orders(api), folder=tmp_path)
    project.materialize()
    project.instance.wipe_assets([KEY])
    rows[0] = {"id": 9}

    run = project.materialize()

    assert run.get("orders", "started_from") == "wiped"
    assert project.rows("orders", "id") == [2, 9]


def test_another_dagster_storage_continues(api: ApiServer, rows: list[dict[str, int]], tmp_path: Path) -> None:
    Project(orders(api), folder=tmp_path).materialize()
    rows.append({"id": 3})
    moved = Project(orders(api), folder=tmp_path)

    run = moved.materialize()

    assert run.get("orders", "started_from") == "other_storage"
    assert moved.rows("orders", "id") == [1, 2, 3]


def test_a_new_warehouse_file_starts_from_the_initial_value(
    api: ApiServer, rows: list[dict[str, int]], tmp_path: Path
) -> None:
    project = Project(orders(api), folder=tmp_path)
    project.materialize()
    Path(project.database).unlink()

    run = project.materialize()

    assert run.get("orders", "started_from") == "new_warehouse"
    assert project.rows("orders", "id") == [1, 2]


def test_a_manually_reported_materialization_does_not_hide_the_cursor(
    api: ApiServer, rows: list[dict[str, int]], tmp_path: Path
) -> None:
    project = Project(orders(api), folder=tmp_path)
    project.materialize()
    project.instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=KEY))
    rows.append({"id": 3})

    run = project.materialize()

    assert run.get("orders", "started_from") == "normal"
    assert project.rows("orders", "id") == [1, 2, 3]


def test_an_older_event_than_the_ledger_follows_the_tables(
    api: ApiServer, rows: list[dict[str, int]], tmp_path: Path
) -> None:
    project = Project(orders(api), folder=tmp_path)
    project.materialize()
    project.query("update _dagster_rest.loads set load_id = 'elsewhere'")
    rows.append({"id": 3})

    run = project.materialize()

    assert run.get("orders", "started_from") == "ledger_leads"
    assert project.rows("orders", "id") == [1, 2, 3]


def test_full_refresh_rebuilds_by_config_and_by_tag(api: ApiServer, rows: list[dict[str, int]], tmp_path: Path) -> None:
    from dagster_rest import RestRunConfig

    project = Project(orders(api), folder=tmp_path)
    project.materialize()
    rows[:] = [{"id": 1}]

    by_config = project.materialize(config={"orders": RestRunConfig(full_refresh=True)})
    rows[:] = [{"id": 7}]
    by_tag = project.materialize(tags={"dagster_rest/full_refresh": "true"})

    assert by_config.get("orders", "started_from") == by_tag.get("orders", "started_from") == "full_refresh"
    assert project.rows("orders", "id") == [7]


def test_a_failed_run_does_not_move_the_cursor(api: ApiServer, tmp_path: Path) -> None:
    broken = {"now": False}

    @api.get("/orders")
    def serve(request: object) -> list[dict[str, object]]:
        return [{"id": 1}, {"id": 5}, *([{"name": "no id"}] if broken["now"] else [])]

    project = Project(orders(api), folder=tmp_path)
    project.materialize()
    broken["now"] = True

    failed = project.materialize(raise_on_error=False)
    broken["now"] = False
    run = project.materialize()

    assert not failed.result.success
    assert run.get("orders", "cursor_start") == "5"
    assert project.rows("orders", "id") == [1, 5]
