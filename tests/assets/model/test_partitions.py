"""Partitions: a window of time or a key is asked for, and its rows are replaced in one transaction."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest.assets.errors import StateError
from dagster_rest.config import load_config
from dagster_rest.config.errors import ConfigError
from tests.assets.backfill_worker import daily_events
from tests.assets.project import Project
from tests.support.server import ApiServer


def config(api: ApiServer, partitions: Any, **options: Any) -> dict[str, Any]:
    return daily_events(api.url, partitions, **options)


SINGLE_RUN = dg.BackfillPolicy.single_run()
ROOT = Path(__file__).parents[3]
DAYS = [f"2024-01-{day:02d}" for day in range(1, 31)]


@pytest.fixture
def rows(api: ApiServer) -> list[dict[str, Any]]:
    """Two rows a day in January; the API filters by text, as most do."""
    data = [
        {"id": 2 * day + hour, "at": f"2024-01-{day:02d}T{hour * 12:02d}:00:00Z", "tags": ["a"]}
        for day in range(1, 31)
        for hour in (0, 1)
    ]

    @api.get("/events")
    def serve(request: Any) -> Any:
        start, end = request.query["from"][0], request.query["to"][0]
        return [row for row in data if start <= row["at"] < end]

    return data


def test_the_partition_is_the_range_that_is_asked_for(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    project = Project(config(api, "daily"), folder=tmp_path)

    run = project.materialize(partition_key="2024-01-05")

    assert api.targets() == ["GET /events?from=2024-01-05T00%3A00%3A00Z&to=2024-01-06T00%3A00%3A00Z"]
    assert project.rows("events", "id") == [10, 11]
    assert run.metadata("events")["dagster/partition_row_count"] == 2


def test_a_partition_can_be_run_again_in_any_order(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    project = Project(config(api, "daily"), folder=tmp_path)
    for day in ("2024-01-05", "2024-01-03", "2024-01-05"):
        project.materialize(partition_key=day)
    rows[:] = [row for row in rows if row["id"] != 10]

    project.materialize(partition_key="2024-01-05")

    assert project.rows("events", "id") == [6, 7, 11]
    assert project.query("select count(*) from src.events__tags") == [(3,)]


def test_a_partition_that_became_empty_is_emptied(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    project = Project(config(api, "daily"), folder=tmp_path)
    project.materialize(partition_key="2024-01-05")
    project.materialize(partition_key="2024-01-06")
    rows.clear()

    project.materialize(partition_key="2024-01-05")

    assert project.rows("events", "id") == [12, 13]


def test_replace_with_partitions_replaces_only_the_partition(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    project = Project(config(api, "daily", write_disposition="replace"), folder=tmp_path)

    project.materialize(partition_key="2024-01-05")
    project.materialize(partition_key="2024-01-06")

    assert project.rows("events", "id") == [10, 11, 12, 13]


def one_run_each(api: ApiServer, folder: Path) -> Project:
    project = Project(config(api, "daily"), folder=folder)
    for day in random.Random(7).sample(DAYS, k=len(DAYS)):
        project.materialize(partition_key=day)
    return project


def a_single_run(api: ApiServer, folder: Path) -> Project:
    project = Project(config(api, "daily"), folder=folder)
    project.materialize(partition_range=(DAYS[0], DAYS[-1]))
    return project


def five_at_a_time(api: ApiServer, folder: Path) -> Project:
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    # The first one alone: Dagster's own storage does not like to be created by five processes at once.
    _wait([_start(api, folder, DAYS[:1])])
    _wait([_start(api, folder, DAYS[number + 1 :: 5]) for number in range(5)])
    return Project(config(api, "daily"), folder=folder)


def _start(api: ApiServer, folder: Path, days: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.assets.backfill_worker", api.url, str(folder), *days],
        cwd=ROOT,
        env={**os.environ, "DAGSTER_HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait(workers: list[subprocess.Popen[str]]) -> None:
    outputs = [worker.communicate()[0] for worker in workers]
    assert [0] * len(workers) == [worker.returncode for worker in workers], "\n".join(outputs)


def test_a_backfill_three_ways_gives_the_same_tables(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    found, requests = [], []
    for way in (one_run_each, a_single_run, five_at_a_time):
        folder = tmp_path / way.__name__
        folder.mkdir()
        asked = len(api.requests)
        project = way(api, folder)
        requests.append(len(api.requests) - asked)
        found.append((project.rows("events", "id", "at"), project.rows("events__tags", "value")))

    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) == 60
    assert [30, 1, 30] == requests


def test_a_single_run_backfill_counts_each_partition(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    rows.pop(1)
    project = Project(config(api, "daily"), folder=tmp_path)

    run = project.materialize(partition_range=("2024-01-01", "2024-01-03"))

    counts = {event.partition: event.metadata["dagster/partition_row_count"].value for event in run.events}
    assert counts == {"2024-01-01": 1, "2024-01-02": 2, "2024-01-03": 2}
    loads = project.query("select partition, rows_loaded from _dagster_rest.loads order by 1")
    assert loads == [("2024-01-01", 1), ("2024-01-02", 2), ("2024-01-03", 2)]


@pytest.mark.parametrize(
    ("zone", "key", "start", "end"),
    [
        ("Europe/Berlin", "2024-03-31", "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"),
        ("Europe/Berlin", "2024-10-27", "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"),
        ("UTC", "2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
    ],
)
def test_days_of_23_and_25_hours_and_leap_days(
    api: ApiServer, rows: Any, tmp_path: Path, zone: str, key: str, start: str, end: str
) -> None:
    partitions = {"every": "daily", "start": "2024-01-01", "timezone": zone}
    project = Project(config(api, partitions), folder=tmp_path)

    project.materialize(partition_key=key)

    assert (start, end) == (api.requests[0].query["from"][0], api.requests[0].query["to"][0])


@pytest.mark.parametrize(
    ("initial", "start"),
    [("2024-01-01", "2024-01-05"), (1704067200, "1704412800"), ("2024-01-01T00:00:00.000+00:00", None)],
)
def test_the_range_is_written_as_the_initial_value_is(
    api: ApiServer, rows: Any, tmp_path: Path, initial: Any, start: str | None
) -> None:
    rows.clear()
    project = Project(config(api, {"every": "daily", "start": "2024-01-01"}, initial=initial), folder=tmp_path)

    project.materialize(partition_key="2024-01-05")

    assert (start or "2024-01-05T00:00:00.000+00:00") == api.requests[0].query["from"][0]


def test_hourly_weekly_monthly_and_cron(api: ApiServer, tmp_path: Path) -> None:
    crons = {}
    for partitions in ("hourly", "weekly", "monthly", {"cron": "*/15 * * * *", "start": "2024-01-01"}):
        project = Project(config(api, partitions), folder=tmp_path)
        definition = project.assets[0].partitions_def
        assert isinstance(definition, dg.TimeWindowPartitionsDefinition)
        crons[str(partitions)[:8]] = definition.cron_schedule

    assert list(crons.values()) == ["0 * * * *", "0 0 * * 0", "0 0 1 * *", "*/15 * * * *"]


def test_static_partitions_ask_by_key(api: ApiServer, tmp_path: Path) -> None:
    @api.get("/regions/{name}")
    def serve(request: Any) -> Any:
        return [{"region": request.path_params["name"], "n": n} for n in range(2)]

    given = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [{"name": "sales", "partitions": ["eu", "us"], "endpoint": "regions/{partition.key}"}],
    }
    project = Project(given, folder=tmp_path)

    project.materialize(partition_key="us")
    project.materialize(partition_key="eu")
    project.materialize(partition_key="us")

    assert project.rows("sales", "region", "n") == [("eu", 0), ("eu", 1), ("us", 0), ("us", 1)]


def test_children_follow_the_partitions_of_their_parents(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    @api.get("/events/{id}/notes")
    def notes(request: Any) -> Any:
        return [{"event": int(request.path_params["id"])}]

    given = config(api, "daily")
    given["resources"].append({"name": "notes", "endpoint": "events/{resources.events.id}/notes"})
    project = Project(given, folder=tmp_path)
    project.materialize("events", partition_range=("2024-01-01", "2024-01-03"))
    asked = len(api.requests)

    project.materialize("notes", partition_key="2024-01-02")
    project.materialize("notes", partition_range=("2024-01-01", "2024-01-03"))

    assert api.targets()[asked : asked + 2] == ["GET /events/4/notes", "GET /events/5/notes"]
    assert project.rows("notes", "event") == [2, 3, 4, 5, 6, 7]


def test_a_partitions_def_can_be_passed_in(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    given = config(api, None)
    del given["resources"][0]["partitions"]
    project = Project(given, folder=tmp_path, partitions_def=dg.DailyPartitionsDefinition("2024-01-01"))

    project.materialize(partition_key="2024-01-09")

    assert project.rows("events", "id") == [18, 19]


def test_a_partition_replaces_merged_rows_and_keeps_those_that_moved_on(
    api: ApiServer, rows: Any, tmp_path: Path
) -> None:
    keyed = {"primary_key": "id", "write_disposition": "merge"}
    project = Project(config(api, "daily", **keyed), folder=tmp_path)
    project.materialize(partition_key="2024-01-05")
    next(row for row in rows if row["id"] == 10)["at"] = "2024-01-06T05:00:00Z"
    project.materialize(partition_key="2024-01-06")

    project.materialize(partition_key="2024-01-05")

    assert project.rows("events", "id") == [10, 11, 12, 13]


SHOPS = {"eu": ["2024-01-01", "2024-01-02", "2024-01-03"], "us": ["2024-01-02", "2024-01-03"]}


@pytest.fixture
def shops(api: ApiServer) -> None:
    @api.get("/sales/{region}")
    def serve(request: Any) -> Any:
        region = request.path_params["region"]
        window = [request.query[name][0] for name in ("from", "to") if name in request.query]
        return [
            {"region": region, "at": f"{day}T12:00:00Z"}
            for day in SHOPS[region]
            if not window or window[0] <= f"{day}T12:00:00Z" < window[1]
        ]


def two_dimensions(api: ApiServer, partitions: Any, **endpoint: Any) -> dict[str, Any]:
    return {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {
                "name": "sales",
                "partitions": partitions,
                "endpoint": {"path": "sales/{partition.keys.region}", **endpoint},
            }
        ],
    }


BY_TIME = {
    "params": {"from": "{incremental.start_value}", "to": "{incremental.end_value}"},
    "incremental": {"cursor_path": "at", "initial_value": "2024-01-01T00:00:00Z"},
}
DAY_AND_REGION = {"dimensions": {"day": "daily", "region": ["eu", "us"]}}


@pytest.mark.parametrize(
    "partitions",
    [
        DAY_AND_REGION,
        dg.MultiPartitionsDefinition(
            {
                "day": dg.DailyPartitionsDefinition("2024-01-01"),
                "region": dg.StaticPartitionsDefinition(["eu", "us"]),
            }
        ),
    ],
    ids=["config", "dagster"],
)
def test_two_dimensions_one_of_them_time(api: ApiServer, shops: Any, tmp_path: Path, partitions: Any) -> None:
    project = Project(two_dimensions(api, partitions, **BY_TIME), folder=tmp_path)

    for key in ("2024-01-02|us", "2024-01-01|eu", "2024-01-02|eu", "2024-01-02|us"):
        project.materialize(partition_key=key)

    assert api.targets()[0] == "GET /sales/us?from=2024-01-02T00%3A00%3A00Z&to=2024-01-03T00%3A00%3A00Z"
    assert [(region, at.day) for region, at in project.rows("sales", "region", "at")] == [
        ("eu", 1),
        ("eu", 2),
        ("us", 2),
    ]


def test_a_backfill_over_two_dimensions_in_one_run(api: ApiServer, shops: Any, tmp_path: Path) -> None:
    project = Project(two_dimensions(api, DAY_AND_REGION, **BY_TIME), folder=tmp_path, backfill_policy=SINGLE_RUN)

    run = project.materialize(partition_range=("2024-01-01|eu", "2024-01-03|us"))
    project.materialize(partition_range=("2024-01-02|us", "2024-01-03|us"))

    assert [(region, at.day) for region, at in project.rows("sales", "region", "at")] == [
        ("eu", 1),
        ("eu", 2),
        ("eu", 3),
        ("us", 2),
        ("us", 3),
    ]
    counts = {event.partition: event.metadata["dagster/partition_row_count"].value for event in run.events}
    assert counts == {
        f"2024-01-0{day}|{region}": int((region, day) != ("us", 1)) for day in (1, 2, 3) for region in SHOPS
    }
    # The days of one region follow one another: one range, and the region in it.
    assert api.targets()[6:] == ["GET /sales/us?from=2024-01-02T00%3A00%3A00Z&to=2024-01-04T00%3A00%3A00Z"]


def test_two_dimensions_without_time_ask_by_their_keys(api: ApiServer, shops: Any, tmp_path: Path) -> None:
    partitions = {"dimensions": {"currency": ["eur", "usd"], "region": ["eu", "us"]}}
    config = two_dimensions(api, partitions, params={"currency": "{partition.keys.currency}"})
    project = Project(config, folder=tmp_path)

    project.materialize(partition_key="usd|eu")
    project.materialize(partition_key="usd|eu")

    assert api.targets() == ["GET /sales/eu?currency=usd"] * 2
    assert len(project.rows("sales", "region")) == 3


@pytest.mark.parametrize(
    ("partitions", "endpoint", "missing"),
    [
        # Windows of time, but no dimension is time: a cursor cannot separate these partitions.
        ({"dimensions": {"currency": ["eur", "usd"], "region": ["eu", "us"]}}, BY_TIME, "currency"),
        (DAY_AND_REGION, {}, "day"),
        (DAY_AND_REGION, {**BY_TIME, "path": "sales/eu"}, "region"),
        (["eu", "us"], {**BY_TIME, "path": "sales/eu"}, "partition"),
        ("daily", {"path": "sales/eu", "params": {"since": "2024-01-01"}}, None),
    ],
)
def test_partitions_that_ask_for_the_same_are_refused(
    api: ApiServer, tmp_path: Path, partitions: Any, endpoint: Any, missing: str | None
) -> None:
    given = {"every": "daily", "start": "2024-01-01"} if partitions == "daily" else partitions
    if partitions == DAY_AND_REGION and not endpoint:
        given = {"dimensions": {"day": {"every": "daily", "start": "2024-01-01"}, "region": ["eu", "us"]}}

    with pytest.raises(StateError, match=rf"partition_not_asked_for.*which {missing or 'partition'} is meant"):
        Project(two_dimensions(api, given, **endpoint), folder=tmp_path)


@pytest.mark.parametrize(
    ("partitions", "placeholder"),
    [
        (["eu"], "keys.country"),
        (["eu"], "keys.region"),
        (["eu"], "start"),
        (DAY_AND_REGION, "keys.country"),
        ({"dimensions": {"currency": ["eur"], "region": ["eu"]}}, "end"),
    ],
)
def test_a_placeholder_that_the_partitions_cannot_fill_is_refused(
    api: ApiServer, tmp_path: Path, partitions: Any, placeholder: str
) -> None:
    path = "sales/{partition.key}/{partition." + placeholder + "}"
    config = two_dimensions(api, partitions, **{**BY_TIME, "path": path})

    with pytest.raises(ConfigError, match=r"config_unknown_placeholder|the partitions have no value for"):
        Project(config, folder=tmp_path)


DAGSTERS = {
    "daily": (dg.DailyPartitionsDefinition("2024-01-01"), "2024-01-02"),
    "static": (dg.StaticPartitionsDefinition(["eu", "us"]), "us"),
    "dynamic": (dg.DynamicPartitionsDefinition(name="regions"), "eu"),
}


@pytest.mark.parametrize("kind", DAGSTERS)
@pytest.mark.parametrize("where", ["resource", "defaults"])
def test_dagsters_own_partitions_stand_in_a_config(api: ApiServer, tmp_path: Path, kind: str, where: str) -> None:
    partitions, key = DAGSTERS[kind]
    api.json(f"/sales/{key}", [{"id": 1}])
    config = two_dimensions(api, partitions, path="sales/{partition.key}")
    if where == "defaults":
        config["resource_defaults"] = {"partitions": config["resources"][0].pop("partitions")}
    project = Project(config, folder=tmp_path)
    project.instance.add_dynamic_partitions("regions", ["eu", "us"])

    project.materialize(partition_key=key)

    assert project.assets[0].partitions_def == partitions
    assert "PartitionsDefinition" in repr(load_config(config))
    assert any(path.endswith("partitions") for path in load_config(config).to_dlt()[1])
    assert project.rows("sales", "id") == [1]


def test_dynamic_partitions_by_name_and_a_backfill_of_them(api: ApiServer, shops: Any, tmp_path: Path) -> None:
    config = two_dimensions(api, {"dynamic": "regions"}, path="sales/{partition.key}")
    project = Project(config, folder=tmp_path, backfill_policy=SINGLE_RUN)
    project.instance.add_dynamic_partitions("regions", ["eu", "us"])

    project.materialize(partition_range=("eu", "us"))
    project.materialize(partition_range=("eu", "us"))

    assert project.rows("sales", "region") == ["eu", "eu", "eu", "us", "us"]


@pytest.mark.parametrize("every", ["hourly", "daily", "weekly", "monthly"])
def test_a_backfill_in_one_run_is_that_of_many(api: ApiServer, tmp_path: Path, every: str) -> None:
    hours = [datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(hours=3 * n) for n in range(8 * 70)]
    api.json("/events", [{"id": n, "at": at.isoformat()} for n, at in enumerate(hours)])
    partitions = {"every": every, "start": "2023-12-31" if every == "weekly" else "2024-01-01"}
    found = []
    for way in ("one", "many"):
        folder = tmp_path / way
        folder.mkdir()
        project = Project(config(api, partitions), folder=folder)
        definition = project.assets[0].partitions_def
        assert definition is not None
        keys = definition.get_partition_keys()[:3]
        if way == "one":
            project.materialize(partition_range=(keys[0], keys[-1]))
        for key in reversed(keys) if way == "many" else []:
            project.materialize(partition_key=key)
        loads = "select partition, rows_loaded from _dagster_rest.loads order by 1"
        found.append((project.rows("events", "id"), project.query(loads)))

    assert found[0] == found[1]
    assert found[0][0]


def test_a_childs_partition_before_its_parents_says_so(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    @api.get("/events/{id}/notes")
    def notes(request: Any) -> Any:
        return [{"event": int(request.path_params["id"])}]

    given = config(api, "daily")
    given["resources"].append({"name": "notes", "endpoint": "events/{resources.events.id}/notes"})
    project = Project(given, folder=tmp_path)
    project.materialize(partition_key="2024-01-01")

    with pytest.raises(StateError, match=r"state_parent_not_loaded.*partition 2024-01-02 of the parent"):
        project.materialize("notes", partition_key="2024-01-02")
    with pytest.raises(StateError, match="state_parent_not_loaded"):
        project.materialize("notes", partition_range=("2024-01-01", "2024-01-02"))
    assert project.rows("notes", "event") == [2, 3]


def test_a_childs_partition_of_an_empty_parent_is_empty(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    rows.clear()
    given = config(api, "daily")
    given["resources"].append({"name": "notes", "endpoint": "events/{resources.events.id}/notes"})
    project = Project(given, folder=tmp_path)
    project.materialize("events", partition_key="2024-01-02")

    run = project.materialize("notes", partition_key="2024-01-02")

    assert run.get("notes", "parents") == 0


def test_a_child_follows_the_parent_that_has_its_partitions_only(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    @api.get("/shops/{shop}/events/{event}")
    def notes(request: Any) -> Any:
        return [{name: int(value) for name, value in request.path_params.items()}]

    api.json("/shops", [{"id": 1}, {"id": 2}])
    given = config(api, "daily")
    given["resources"] += [
        {"name": "shops", "partitions": None},
        {
            "name": "notes",
            "partitions": "daily",
            "parents": "product",
            "endpoint": "shops/{resources.shops.id}/events/{resources.events.id}",
        },
    ]
    given["resources"][2]["partitions"] = {"every": "daily", "start": "2024-01-01"}
    project = Project(given, folder=tmp_path)
    project.materialize("shops")
    project.materialize("events", partition_range=("2024-01-01", "2024-01-02"))

    project.materialize("notes", partition_key="2024-01-02")

    assert project.rows("notes", "shop", "event") == [(1, 4), (1, 5), (2, 4), (2, 5)]


def test_the_row_count_of_a_partition_is_its_own(api: ApiServer, tmp_path: Path) -> None:
    rows = [{"id": n, "at": f"2024-01-{day:02d}T12:00:00Z"} for day in range(1, 6) for n in range(10)]
    api.get("/events")(lambda request: list(rows))
    project = Project(config(api, "daily"), folder=tmp_path)
    project.materialize(partition_range=("2024-01-01", "2024-01-05"))
    rows[:] = [row for row in rows if row["at"] > "2024-01-02" or row["id"] == 0]

    alone = project.materialize(partition_key="2024-01-01").result
    rows[:] = [row for row in rows if row["at"] < "2024-01-05"]
    backfill = project.materialize(partition_range=("2024-01-03", "2024-01-05")).result

    for result, after in ((alone, 1), (backfill, 0)):
        found = next(one for one in result.get_asset_check_evaluations() if one.check_name == "row_count_drop")
        assert (found.passed, found.metadata["dagster_rest/rows_before"].value) == (False, 10)
        assert found.metadata["dagster_rest/rows_after"].value == after


def test_a_child_without_partitions_sees_all_partitions_that_the_factory_gave_its_parent(
    api: ApiServer, tmp_path: Path
) -> None:
    api.get("/shops")(lambda request: [{"id": request.param("region")}])
    api.get("/shops/{id}/sales")(lambda request: [{"shop": request.path_params["id"]}])
    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {"name": "shops", "endpoint": {"path": "shops", "params": {"region": "{partition.key}"}}},
            {"name": "sales", "partitions": None, "endpoint": "shops/{resources.shops.id}/sales"},
        ],
    }
    project = Project(config, folder=tmp_path, partitions_def=dg.StaticPartitionsDefinition(["eu", "us"]))
    for region in ("eu", "us"):
        project.materialize("shops", partition_key=region)

    project.materialize("sales")

    assert project.rows("sales", "shop") == ["eu", "us"]
