"""An asset with data gets other partitions: nothing is doubled or lost, and a full refresh is the way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest.assets.model.partitioning import describe, is_other_partitioning, means_the_same
from dagster_rest.assets.run import load
from dagster_rest.warehouse.state.ledger_tables import LEDGER_VERSION
from tests.assets.project import Project, Run
from tests.support.server import ApiServer

DAYS = ["2026-01-01", "2026-01-02", "2026-02-01"]
NONE: dict[str, Any] = {}
DAILY = {"partitions": {"every": "daily", "start": "2026-01-01"}}
MONTHLY = {"partitions": {"every": "monthly", "start": "2026-01-01"}}
HOURLY = {"partitions": {"every": "hourly", "start": "2026-01-01"}}
REFRESH = {"dagster_rest/full_refresh": "true"}


def config(api: ApiServer, partitions: dict[str, Any], **options: Any) -> dict[str, Any]:
    endpoint = {
        "path": "events",
        "params": {"from": "{incremental.start_value}", "to": "{incremental.end_value}"},
        "incremental": {"cursor_path": "at", "initial_value": "2026-01-01"},
    }
    one = {"name": "events", "write_disposition": "append", "endpoint": endpoint, **partitions, **options}
    return {"client": {"base_url": api.url}, "resources": [one]}


@pytest.fixture
def events(api: ApiServer) -> ApiServer:
    @api.get("/events")
    def answer(request: Any) -> Any:
        return [{"id": day, "at": f"{day}T13:00:00Z", "tags": [1]} for day in DAYS]

    return api


def project(api: ApiServer, folder: Path, partitions: dict[str, Any], **options: Any) -> Project:
    return Project(config(api, partitions, **options), folder=folder)


def errors_of(run: Run) -> str:
    failures = (event.step_failure_data for event in run.result.all_events if event.is_step_failure)
    return "\n".join(str(failure.error.cause or failure.error) for failure in failures if failure.error)


def refused(run: Run) -> bool:
    return "state_other_partitions" in errors_of(run)


KEYS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "none": (NONE, [None]),
    "daily": (DAILY, DAYS),
    "monthly": (MONTHLY, ["2026-01-01", "2026-02-01"]),
    "hourly": (HOURLY, [f"{day}-13:00" for day in DAYS]),
}


@pytest.mark.parametrize(("before", "after"), [("none", "daily"), ("daily", "monthly"), ("hourly", "none")])
def test_other_partitions_are_refused_and_a_full_refresh_begins_anew(
    events: ApiServer, tmp_path: Path, before: str, after: str
) -> None:
    partitions, keys = KEYS[before]
    one = project(events, tmp_path, partitions)
    for key in keys:
        one.materialize(partition_key=key)
    assert one.rows("events", "id") == DAYS
    asked = len(events.requests)

    partitions, keys = KEYS[after]
    one.configure(config(events, partitions))
    assert refused(one.materialize(partition_key=keys[0], raise_on_error=False))
    assert (one.rows("events", "id"), len(events.requests)) == (DAYS, asked)

    one.materialize(partition_key=keys[0], tags=REFRESH)
    for key in keys[1:]:
        assert one.materialize(partition_key=key).get("events", "started_from") == "first"
    assert one.rows("events", "id") == DAYS
    assert one.query("select count(*) from src.events__tags") == [(len(DAYS),)]
    again = one.materialize(partition_key=keys[-1])
    assert (one.rows("events", "id"), again.get("events", "started_from")) == (DAYS, "normal")


def daily(start: str = "2026-01-01", **options: Any) -> dg.TimeWindowPartitionsDefinition:
    return dg.DailyPartitionsDefinition(start, **options)


MONTHS = dg.MonthlyPartitionsDefinition("2026-01-01")
HOURS = dg.HourlyPartitionsDefinition("2026-01-01-00:00")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, daily()),
        (daily(), None),
        (daily(), MONTHS),
        (MONTHS, daily()),
        (HOURS, daily()),
        (daily(), daily(timezone="Europe/Berlin")),
        (daily(), daily(hour_offset=12)),
        (daily(), dg.DailyPartitionsDefinition("01.01.2026", fmt="%d.%m.%Y")),
        (daily(), dg.StaticPartitionsDefinition(["2026-01-01"])),
        (dg.DynamicPartitionsDefinition(name="regions"), dg.DynamicPartitionsDefinition(name="shops")),
    ],
)
def test_partitions_of_another_grid_are_others(before: Any, after: Any) -> None:
    loaded = [""] if before is None else ["2026-01-01"]
    assert is_other_partitioning(describe(before), after, loaded=loaded)
    assert not is_other_partitioning(describe(before), after, loaded=[])


@pytest.mark.parametrize(
    "after",
    [
        daily("2025-06-01"),
        daily(end_date="2026-06-01"),
        daily(end_offset=1),
        daily("2026-02-01"),
        daily(timezone="Etc/UTC"),
        dg.TimeWindowPartitionsDefinition("2026-01-01", fmt="%Y-%m-%d", cron_schedule="@daily"),
    ],
)
def test_partitions_before_or_after_are_no_others(after: Any) -> None:
    assert not is_other_partitioning(describe(daily()), after, loaded=["2026-01-01"])
    assert not is_other_partitioning(None, after, loaded=["2026-01-01"])


def test_a_full_refresh_of_every_new_partition_keeps_what_the_others_loaded(events: ApiServer, tmp_path: Path) -> None:
    one = project(events, tmp_path, NONE)
    one.materialize()
    one.configure(config(events, DAILY))
    for key in DAYS:
        one.materialize(partition_key=key, tags=REFRESH)
    assert one.rows("events", "id") == DAYS


def test_a_backfill_in_one_run_begins_anew_once(events: ApiServer, tmp_path: Path) -> None:
    one = project(events, tmp_path, MONTHLY)
    one.materialize(partition_key="2026-01-01")
    one.configure(config(events, DAILY))
    one.materialize(partition_range=("2026-01-01", "2026-02-01"), tags=REFRESH)
    assert one.rows("events", "id") == DAYS


def test_merge_with_a_key_is_refused_as_well(events: ApiServer, tmp_path: Path) -> None:
    merge = {"write_disposition": "merge", "primary_key": "id"}
    one = project(events, tmp_path, MONTHLY, **merge)
    one.materialize(partition_key="2026-01-01")
    one.configure(config(events, DAILY, **merge))
    assert refused(one.materialize(partition_key="2026-01-01", raise_on_error=False))
    assert one.rows("events", "id") == DAYS[:2]


def test_a_replacing_asset_may_lose_its_partitions(events: ApiServer, tmp_path: Path) -> None:
    one = project(events, tmp_path, DAILY, write_disposition="replace")
    one.materialize(partition_key=DAYS[0])
    one.configure(config(events, NONE, write_disposition="replace"))
    one.materialize()
    one.materialize()
    assert one.rows("events", "id") == DAYS


def test_a_table_dropped_by_hand_begins_anew(events: ApiServer, tmp_path: Path) -> None:
    one = project(events, tmp_path, DAILY)
    one.materialize(partition_key=DAYS[0])
    one.query("drop table src.events__tags; drop table src.events")
    one.configure(config(events, MONTHLY))
    for key in ("2026-01-01", "2026-02-01", "2026-01-01"):
        one.materialize(partition_key=key)
    assert one.rows("events", "id") == DAYS


def test_a_partition_loaded_after_its_table_was_lost_is_not_lost_by_the_next(events: ApiServer, tmp_path: Path) -> None:
    one = project(events, tmp_path, DAILY)
    for key in DAYS[:2]:
        one.materialize(partition_key=key)
    one.query("drop table src.events__tags; drop table src.events")
    found = [one.materialize(partition_key=key).get("events", "started_from") for key in (*DAYS[:2], DAYS[0])]
    assert found == ["missing_table", "missing_table", "normal"]


def test_the_rows_of_earlier_partitions_go_while_the_resource_is_not_selected(
    events: ApiServer, tmp_path: Path
) -> None:
    one = project(events, tmp_path, NONE)
    one.materialize()
    one.configure(config(events, DAILY, selected=False))
    one.materialize(partition_key=DAYS[0], tags=REFRESH)
    one.configure(config(events, DAILY))
    for key in DAYS:
        one.materialize(partition_key=key)
    assert one.rows("events", "id") == DAYS


def forget_descriptions(one: Project) -> None:
    """What a ledger of version 4 knew."""
    one.query("drop table _dagster_rest.partitionings; update _dagster_rest.ledger_version set version = 4")


@pytest.mark.parametrize(
    ("before", "after", "is_refused"), [("none", "daily", True), ("daily", "monthly", True), ("daily", "daily", False)]
)
def test_a_ledger_of_version_4_tells_by_its_keys(
    events: ApiServer, tmp_path: Path, before: str, after: str, is_refused: bool
) -> None:
    one = project(events, tmp_path, KEYS[before][0])
    for key in KEYS[before][1]:
        one.materialize(partition_key=key)
    forget_descriptions(one)
    one.configure(config(events, KEYS[after][0]))
    assert refused(one.materialize(partition_key=KEYS[after][1][0], raise_on_error=False)) == is_refused
    assert one.rows("events", "id") == DAYS
    if not is_refused:
        found = one.query("select version, description from _dagster_rest.ledger_version, _dagster_rest.partitionings")
        assert found == [(LEDGER_VERSION, describe(daily()))]


@pytest.mark.parametrize(("before", "after"), [("hourly", daily()), ("daily", None), ("daily", MONTHS)])
def test_keys_alone_tell_of_another_grid(before: str, after: Any) -> None:
    assert is_other_partitioning(None, after, loaded=KEYS[before][1])


def test_the_key_of_an_hour_that_comes_twice_is_a_key() -> None:
    hours = dg.HourlyPartitionsDefinition("2026-10-01-00:00", timezone="Europe/Berlin")
    loaded = ["2026-10-25-02:00", "2026-10-25-02:00+0100"]
    assert not is_other_partitioning(None, hours, loaded=loaded)


def before_its_commit(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen when the next load has fetched all and does not hold the file yet."""
    short_write, waiting = load.short_write, [act]

    def write_after(*given: Any, **named: Any) -> Any:
        if waiting:
            waiting.pop()()
        return short_write(*given, **named)

    monkeypatch.setattr(load, "short_write", write_after)


def test_a_run_of_old_code_that_began_before_is_refused_at_its_commit(
    events: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = project(events, tmp_path, DAILY), project(events, tmp_path, MONTHLY)
    old.materialize(partition_key=DAYS[0])

    before_its_commit(monkeypatch, lambda: new.materialize(partition_key="2026-02-01", tags=REFRESH))
    assert refused(old.materialize(partition_key=DAYS[1], raise_on_error=False))
    assert old.rows("events", "id") == DAYS[2:]


def test_two_full_refreshes_at_once_keep_the_rows_of_both(
    events: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = project(events, tmp_path, NONE)
    one.materialize()
    one.configure(config(events, MONTHLY))

    before_its_commit(monkeypatch, lambda: one.materialize(partition_key="2026-02-01", tags=REFRESH))
    one.materialize(partition_key="2026-01-01", tags=REFRESH)
    assert one.rows("events", "id") == DAYS


def family(api: ApiServer, partitions: dict[str, Any]) -> dict[str, Any]:
    given = config(api, partitions)
    child = {
        "name": "details",
        "write_disposition": "append",
        "endpoint": {"path": "events/{resources.events.id}/details"},
    }
    return {**given, "resources": [*given["resources"], child]}


def test_a_child_does_not_take_the_keys_of_its_parents_earlier_partitions(events: ApiServer, tmp_path: Path) -> None:
    @events.get("/events/{id}/details")
    def details(request: Any) -> Any:
        return [{"of": request.path_params["id"]}]

    one = Project(family(events, DAILY), folder=tmp_path)
    one.materialize("events", partition_key="2026-01-01")
    one.configure(family(events, MONTHLY))
    run = one.materialize("details", partition_key="2026-01-01", raise_on_error=False)
    assert "state_parent_not_loaded" in errors_of(run)

    one.materialize("events", partition_key="2026-02-01", tags=REFRESH)
    run = one.materialize("details", partition_key="2026-01-01", raise_on_error=False)
    assert "state_parent_not_loaded" in errors_of(run)
    for month in ("2026-01-01", "2026-02-01"):
        one.materialize(partition_key=month)
    assert one.rows("details", "of") == DAYS


def regions(api: ApiServer, partitions: Any) -> dict[str, Any]:
    one = {
        "name": "sales",
        "write_disposition": "append",
        "partitions": partitions,
        "endpoint": {"path": "sales", "params": {"region": "{partition.key}"}},
    }
    return {"client": {"base_url": api.url}, "resources": [one]}


@pytest.fixture
def sales(api: ApiServer) -> ApiServer:
    @api.get("/sales")
    def answer(request: Any) -> Any:
        return [{"in": request.param("region")}]

    return api


def test_static_keys_that_went_while_others_came_are_refused(sales: ApiServer, tmp_path: Path) -> None:
    one = Project(regions(sales, ["eu", "us"]), folder=tmp_path)
    one.materialize(partition_key="eu")

    one.configure(regions(sales, ["europe", "usa"]))
    assert refused(one.materialize(partition_key="europe", raise_on_error=False))
    one.configure(regions(sales, ["eu", "jp"]))
    one.materialize(partition_key="jp")
    assert one.rows("sales", "in") == ["eu", "jp"]


def keys(*names: str) -> dg.StaticPartitionsDefinition:
    return dg.StaticPartitionsDefinition(names)


def two(days: Any, regions: Any) -> dg.MultiPartitionsDefinition:
    return dg.MultiPartitionsDefinition({"day": days, "region": regions})


def test_static_keys_come_and_go_in_two_steps() -> None:
    before = describe(keys("eu", "us"))
    assert is_other_partitioning(before, keys("eu", "jp"), loaded=["eu", "us"])
    assert not is_other_partitioning(before, keys("eu", "jp"), loaded=["eu"])
    assert not is_other_partitioning(before, keys("eu"), loaded=["eu", "us"])
    assert not is_other_partitioning(describe(keys("eu")), keys("eu", "jp"), loaded=["eu", "us"])


def test_two_dimensions_are_held_against_each_other_one_by_one() -> None:
    before, loaded = describe(two(daily(), keys("eu", "us"))), ["2026-01-01|eu"]
    assert is_other_partitioning(before, two(MONTHS, keys("eu", "us")), loaded=loaded)
    assert is_other_partitioning(before, two(daily(), keys("europe")), loaded=loaded)
    assert is_other_partitioning(before, daily(), loaded=loaded)
    assert not is_other_partitioning(before, two(daily("2025-01-01"), keys("eu", "jp")), loaded=loaded)
    assert not is_other_partitioning(None, two(daily(), keys("eu")), loaded=loaded)
    assert is_other_partitioning(None, two(MONTHS, keys("eu")), loaded=["2026-01-02|eu"])


def test_what_a_key_means_does_not_depend_on_the_other_keys() -> None:
    before = describe(keys("a", "b"))
    assert means_the_same(before, keys("a", "c"))
    assert not means_the_same(before, None)
