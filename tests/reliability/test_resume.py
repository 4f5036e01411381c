"""An interrupted load goes on after its last checkpoint, or starts over and says why."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest import RestRunConfig
from dagster_rest.warehouse.stage.stager import Stager
from tests.assets.project import Project
from tests.support.server import ApiServer, Reply

PAGES, SIZE = 8, 5
BREAKS_AT = 6


@pytest.fixture(autouse=True)
def _a_part_for_every_second_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts are made for 50,000 rows; the test API has 40."""
    open_stager = Stager.open.__func__  # type: ignore[attr-defined]

    def small(cls: type, *args: Any, **options: Any) -> Stager:
        stager: Stager = open_stager(cls, *args, **{**options, "rows_per_part": 2 * SIZE})
        return stager

    monkeypatch.setattr(Stager, "open", classmethod(small))


class Breaking:
    """A list of items over the API that answers 500 for one page until it is mended."""

    def __init__(self, api: ApiServer) -> None:
        self.broken = True
        self.asked: list[int] = []
        api.get("/items")(self._page)

    def _page(self, request: Any) -> Any:
        number = int(request.param("page"))
        self.asked.append(number)
        if self.broken and number == BREAKS_AT:
            return Reply(status=500)
        rows = [{"id": i, "updated": i} for i in range((number - 1) * SIZE, number * SIZE)]
        return {"data": rows, "total_pages": PAGES}

    def answers_again(self) -> None:
        self.broken = False
        self.asked.clear()


@pytest.fixture
def shop(api: ApiServer) -> Breaking:
    return Breaking(api)


def config(api: ApiServer, **changes: Any) -> dict[str, Any]:
    resource = {
        "name": "items",
        "write_disposition": "append",
        "endpoint": {
            "path": "items",
            "data_selector": "data",
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "total_pages"},
        },
        **changes,
    }
    return {
        "client": {"base_url": api.url, "max_concurrency": 1, "retry": {"attempts": 1}},
        "resources": [resource],
    }


@pytest.fixture
def interrupted(api: ApiServer, shop: Breaking, tmp_path: Path, instance: dg.DagsterInstance) -> Project:
    """A project whose first run broke at page 6; the pages of the first part or two are staged."""
    project = Project(config(api), folder=tmp_path, instance=instance)
    project.materialize(raise_on_error=False)
    shop.answers_again()
    return project


@pytest.fixture
def instance(tmp_path: Path) -> Any:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "instance")) as one:
        yield one


def ids(project: Project) -> list[int]:
    return [row[0] for row in project.query("select id from src.items order by id")]


EVERYTHING = list(range(PAGES * SIZE))


def test_the_next_run_goes_on_after_the_last_checkpoint(interrupted: Project, shop: Breaking) -> None:
    run = interrupted.materialize()

    assert EVERYTHING == ids(interrupted)
    assert shop.asked[0] > 2
    assert list(range(shop.asked[0], PAGES + 1)) == shop.asked
    assert run.get("items", "resumed") is True
    assert "resuming the interrupted load" in logged(interrupted)


def test_a_retry_of_the_step_goes_on_after_the_last_checkpoint(
    api: ApiServer, shop: Breaking, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = Project(config(api), folder=tmp_path, instance=instance, retry_policy=dg.RetryPolicy(max_retries=1))
    asked_when_it_broke: list[int] = []

    @api.get("/items")
    def page(request: Any) -> Any:
        answer = shop._page(request)
        if isinstance(answer, Reply):
            asked_when_it_broke.extend(shop.asked)
            shop.answers_again()
        return answer

    project.materialize()

    assert EVERYTHING == ids(project)
    assert 1 == asked_when_it_broke[0]
    assert shop.asked[0] > 2


def test_a_resource_that_cannot_resume_starts_over(
    api: ApiServer, shop: Breaking, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = Project(config(api, resume=False), folder=tmp_path, instance=instance)
    project.materialize(raise_on_error=False)
    shop.answers_again()
    project.materialize()

    assert EVERYTHING == ids(project)
    assert list(range(1, PAGES + 1)) == shop.asked
    assert "resuming is disabled" in logged(project)


def test_a_checkpoint_past_its_ttl_is_not_used(
    api: ApiServer, shop: Breaking, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = Project(config(api, resume_ttl=0), folder=tmp_path, instance=instance)
    project.materialize(raise_on_error=False)
    shop.answers_again()
    project.materialize()

    assert EVERYTHING == ids(project)
    assert 1 == shop.asked[0]
    assert "s old, more than 0 s" in logged(project)


def test_another_config_starts_over(interrupted: Project, api: ApiServer, shop: Breaking) -> None:
    interrupted.configure(config(api, primary_key="id"))
    interrupted.materialize()

    assert EVERYTHING == ids(interrupted)
    assert 1 == shop.asked[0]
    assert "an interrupted load is not resumed" in logged(interrupted)


def test_another_start_value_starts_over(
    api: ApiServer, shop: Breaking, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    changes = config(api)["resources"][0]
    changes["endpoint"]["incremental"] = {"cursor_path": "updated", "initial_value": 0}
    changes["endpoint"]["params"] = {"since": "{incremental.start_value}"}
    project = Project(config(api, **changes), folder=tmp_path, instance=instance)
    project.materialize(raise_on_error=False)
    shop.answers_again()
    project.materialize(config={"items": RestRunConfig(start_value=10)})

    assert 1 == shop.asked[0]
    assert list(range(10, PAGES * SIZE)) == ids(project)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_the_same_key_of_other_partitions_starts_over(
    api: ApiServer, shop: Breaking, tmp_path: Path, zone: str
) -> None:
    given = config(api)
    given["resources"][0]["endpoint"]["params"] = {"from": "{partition.start}", "to": "{partition.end}"}
    project = Project(given, folder=tmp_path, partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    project.materialize(partition_key="2026-02-01", raise_on_error=False)
    shop.answers_again()
    project.options = {"partitions_def": dg.MonthlyPartitionsDefinition("2026-01-01", timezone=zone)}
    project.configure(given)
    project.materialize(partition_key="2026-02-01")

    assert list(range(1, PAGES + 1)) == shop.asked
    assert list(range(PAGES * SIZE)) == project.rows("items", "id")


def test_losing_the_folder_costs_time_only(interrupted: Project, shop: Breaking, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "warehouse.duckdb.staging")
    interrupted.materialize()

    assert EVERYTHING == ids(interrupted)
    assert list(range(1, PAGES + 1)) == shop.asked


def test_the_staging_folder_is_where_the_config_says(
    api: ApiServer, shop: Breaking, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    changed = config(api)
    changed["client"]["staging_dir"] = str(tmp_path / "shared")
    project = Project(changed, folder=tmp_path, instance=instance)
    project.materialize(raise_on_error=False)
    staged = list((tmp_path / "shared").glob("*/checkpoint.json"))
    shop.answers_again()
    project.materialize()

    assert 1 == len(staged)
    assert EVERYTHING == ids(project)
    assert shop.asked[0] > 2
    assert not list((tmp_path / "shared").glob("*/*.parquet"))


@pytest.mark.parametrize("name", ["checkpoint.json", "*.parquet"])
def test_damaged_files_are_not_loaded(interrupted: Project, shop: Breaking, tmp_path: Path, name: str) -> None:
    for path in (tmp_path / "warehouse.duckdb.staging").rglob(name):
        path.write_bytes(path.read_bytes()[:-20])
    interrupted.materialize()

    assert EVERYTHING == ids(interrupted)
    assert 1 == shop.asked[0]


def test_a_file_of_somebody_else_is_not_loaded(interrupted: Project, shop: Breaking, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    part = sorted((tmp_path / "warehouse.duckdb.staging").rglob("*.parquet"))[0]
    pq.write_table(pa.table({"id": pa.array([1_000_000], pa.int64())}), part)
    interrupted.materialize()

    assert EVERYTHING == ids(interrupted)
    assert "not as they were written" in logged(interrupted)


def test_something_in_the_way_of_the_folder_is_named(
    api: ApiServer, shop: Breaking, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    (tmp_path / "warehouse.duckdb.staging").write_text("a file")
    project = Project(config(api), folder=tmp_path, instance=instance)
    run = project.materialize(raise_on_error=False)

    assert not run.result.success
    assert "warehouse_staging_failed" in failure(run.result)


def logged(project: Project) -> str:
    run = project.instance.get_runs(limit=1)[0]
    return "\n".join(entry.user_message for entry in project.instance.all_logs(run.run_id))


def failure(result: Any) -> str:
    return "\n".join(
        str(event.event_specific_data.error_display_string) for event in result.all_events if event.is_step_failure
    )


def test_what_was_detected_holds_for_the_parents_that_are_still_to_be_asked(
    api: ApiServer, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """In the second run every answer has a list beside the empty one."""
    broken = True
    api.json("/projects", [{"id": n} for n in range(PAGES)])

    @api.get("/projects/{id}/issues")
    def issues(request: Any) -> Any:
        project = int(request.path_params["id"])
        if not broken:
            return {"issues": [], "users": [{"id": 1000}]}
        rows = [{"id": project * SIZE + n} for n in range(SIZE)]
        return Reply(status=500) if project == BREAKS_AT else {"issues": rows}

    endpoint = {"path": "projects/{resources.projects.id}/issues", "paginator": "single_page"}
    settings = config(api)
    settings["resources"] = [{"name": "projects", "endpoint": "projects"}, {"name": "issues", "endpoint": endpoint}]
    project = Project(settings, folder=tmp_path, instance=instance)
    project.materialize(raise_on_error=False)
    broken = False
    asked = len(api.requests)

    run = project.materialize("issues")

    assert run.get("issues", "resumed") is True
    loaded = (PAGES - (len(api.requests) - asked)) * SIZE
    assert list(range(loaded)) == project.rows("issues", "id")
    assert loaded > 0
