"""The window of a partition, for every length, notation and zone: each record in the one partition it belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from dagster_rest.assets.cursor.window_edges import Edge, count_passed
from dagster_rest.assets.errors import CursorError
from dagster_rest.assets.model.partitions import Partition, is_one_range
from tests.assets.backfill_worker import daily_events
from tests.assets.project import Project
from tests.support.server import ApiServer

UTC = timezone.utc
Notation = Callable[[datetime], Any]

NOTATIONS: dict[str, Notation] = {
    "utc": lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "offset": lambda at: at.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
    "naive": lambda at: at.strftime("%Y-%m-%dT%H:%M:%S"),
    "minutes": lambda at: at.strftime("%Y-%m-%d %H:%M+00:00"),
    "milliseconds": lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
    "epoch": lambda at: int(at.timestamp()),
    "epoch_ms": lambda at: int(at.timestamp()) * 1000,
    "epoch_float": lambda at: at.timestamp(),
    "epoch_text": lambda at: str(int(at.timestamp())),
}


def every_half_hour(start: str, *, days: int) -> list[datetime]:
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    return [begin + timedelta(minutes=30 * number) for number in range(48 * days)]


def project_of(
    api: ApiServer, folder: Path, moments: list[datetime], *, partitions: Any, initial: Any, written: Notation
) -> Project:
    rows = [{"id": number, "at": written(at)} for number, at in enumerate(moments)]
    # An API that filters badly, or not at all: what belongs to a partition is ours to decide.
    api.json("/events", rows)
    return Project(daily_events(api.url, partitions, initial=initial), folder=folder)


def loaded(project: Project, key: str) -> list[int]:
    """The ids that the newest load of a partition brought."""
    found = project.query(
        "select id from src.events where _load_id = (select arg_max(load_id, seq) from _dagster_rest.loads"
        f" where partition = '{key}') order by id"
    )
    return [row[0] for row in found]


@pytest.mark.parametrize(
    ("notation", "initial"),
    [*((notation, None) for notation in NOTATIONS), ("utc", "2024-03-30"), ("offset", "20240330"), ("epoch", 0)],
)
def test_a_record_is_in_the_hour_it_belongs_to(api: ApiServer, tmp_path: Path, notation: str, initial: Any) -> None:
    moments, written = every_half_hour("2024-03-30", days=1), NOTATIONS[notation]
    given = written(moments[0]) if initial is None else initial
    partitions = {"every": "hourly", "start": "2024-03-30"}
    project = project_of(api, tmp_path, moments, partitions=partitions, initial=given, written=written)

    project.materialize(partition_key="2024-03-30-05:00")

    assert loaded(project, "2024-03-30-05:00") == [10, 11]


@pytest.mark.parametrize(
    ("notation", "zone", "key", "hours"),
    [
        *((notation, "Europe/Berlin", "2024-03-31", 23) for notation in NOTATIONS),
        ("utc", "Europe/Berlin", "2024-10-27", 25),
        ("epoch_ms", "America/New_York", "2024-03-10", 23),
        ("offset", "Asia/Kathmandu", "2024-03-31", 24),
    ],
)
def test_a_day_is_a_day_of_the_zone(
    api: ApiServer, tmp_path: Path, notation: str, zone: str, key: str, hours: int
) -> None:
    begin = datetime.fromisoformat(key) - timedelta(days=1)
    moments, written = every_half_hour(begin.isoformat(), days=3), NOTATIONS[notation]
    partitions = {"every": "daily", "start": "2024-01-01", "timezone": zone}
    initial: Any = written(moments[0]) if notation.startswith("epoch") else "2024-01-01"
    project = project_of(api, tmp_path, moments, partitions=partitions, initial=initial, written=written)

    project.materialize(partition_key=key)

    expected = [number for number, at in enumerate(moments) if at.astimezone(ZoneInfo(zone)).strftime("%F") == key]
    assert expected == loaded(project, key)
    assert len(expected) == 2 * hours


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("written", ["%Y-%m-%d", "%Y%m%d"])
def test_a_date_is_a_day_of_the_zone(api: ApiServer, tmp_path: Path, zone: str, written: str) -> None:
    days = [datetime(2024, 3, day, tzinfo=UTC) for day in range(1, 29)]
    partitions = {"every": "weekly", "start": "2024-03-03", "timezone": zone}
    project = project_of(
        api,
        tmp_path,
        days,
        partitions=partitions,
        initial=days[0].strftime(written),
        written=lambda at: at.strftime(written),
    )

    project.materialize(partition_key="2024-03-10")

    assert api.requests[0].query["from"] == [datetime(2024, 3, 10).strftime(written)]
    assert loaded(project, "2024-03-10") == list(range(9, 16))


@pytest.mark.parametrize("every", ["hourly", "daily", "weekly", "monthly"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_partitions_neither_overlap_nor_leave_anything_out(
    api: ApiServer, tmp_path: Path, every: str, zone: str
) -> None:
    moments = every_half_hour("2024-10-26", days=1 if every == "hourly" else 12)
    start = {"hourly": "2024-10-25", "monthly": "2024-09-01", "weekly": "2024-10-20"}.get(every, "2024-10-25")
    end = {"hourly": "2024-10-27T12:00", "monthly": "2024-12-01"}.get(every, "2024-11-10")
    partitions = {"every": every, "start": start, "end": end, "timezone": zone}
    project = project_of(api, tmp_path, moments, partitions=partitions, initial="2024-10-01", written=NOTATIONS["utc"])
    definition = project.assets[0].partitions_def
    assert definition is not None
    keys = definition.get_partition_keys()

    project.materialize(partition_range=(keys[0], keys[-1]))

    assert len(api.requests) == 1
    assert project.rows("events", "id") == list(range(len(moments)))
    for key in keys[:: max(1, len(keys) // 5)]:
        before = loaded(project, key)
        project.materialize(partition_key=key)
        assert before == loaded(project, key)
    assert set(Counter(project.rows("events", "id")).values()) == {1}


def test_the_hour_that_comes_twice_has_two_partitions(api: ApiServer, tmp_path: Path) -> None:
    moments = every_half_hour("2024-10-27", days=1)
    partitions = {"every": "hourly", "start": "2024-10-26", "timezone": "Europe/Berlin"}
    project = project_of(api, tmp_path, moments, partitions=partitions, initial="2024-10-26", written=NOTATIONS["utc"])

    project.materialize(partition_key="2024-10-27-02:00")
    project.materialize(partition_key="2024-10-27-02:00+0100")

    assert loaded(project, "2024-10-27-02:00") == [0, 1]
    assert loaded(project, "2024-10-27-02:00+0100") == [2, 3]


def test_a_cursor_that_goes_backwards_has_the_same_windows(api: ApiServer, tmp_path: Path) -> None:
    moments = every_half_hour("2024-03-30", days=2)
    config = daily_events(api.url, "daily", initial="2024-03-30")
    config["resources"][0]["endpoint"]["incremental"]["last_value_func"] = "min"
    api.json("/events", [{"id": n, "at": NOTATIONS["utc"](at)} for n, at in enumerate(moments)])
    project = Project(config, folder=tmp_path)

    project.materialize(partition_key="2024-03-31")

    assert loaded(project, "2024-03-31") == list(range(48, 96))


def test_the_first_partition_is_the_one_the_initial_value_lies_in(api: ApiServer, tmp_path: Path) -> None:
    first = {}
    for every in ("hourly", "daily", "weekly", "monthly"):
        project = Project(daily_events(api.url, every, initial="2024-05-15T10:20:00Z"), folder=tmp_path)
        definition = project.assets[0].partitions_def
        assert definition is not None
        first[every] = definition.get_partition_keys()[0]

    expected = {"hourly": "2024-05-15-10:00", "daily": "2024-05-15", "weekly": "2024-05-12", "monthly": "2024-05-01"}
    assert expected == first


def test_a_start_without_offset_is_on_the_zones_clock(api: ApiServer, tmp_path: Path) -> None:
    partitions = {"every": "hourly", "start": "2024-05-15T10:00", "timezone": "Europe/Berlin"}
    project = Project(daily_events(api.url, partitions), folder=tmp_path)

    definition = project.assets[0].partitions_def

    assert definition is not None
    assert definition.get_partition_keys()[0] == "2024-05-15-10:00"


def test_a_cursor_that_is_no_time_belongs_to_no_partition(api: ApiServer, tmp_path: Path) -> None:
    api.json("/events", [{"id": 1, "at": "yesterday"}])
    project = Project(daily_events(api.url), folder=tmp_path)

    with pytest.raises(CursorError, match=r"cursor_type.*not a time"):
        project.materialize(partition_key="2024-01-05")


def test_a_window_that_drops_everything_is_said(api: ApiServer, tmp_path: Path) -> None:
    api.json("/events", [{"id": 1, "at": "1999-01-01T00:00:00Z"}])
    project = Project(daily_events(api.url), folder=tmp_path)

    run = project.materialize(partition_key="2024-01-05")

    assert "outside the partition" in run.get("events", "warnings")


@pytest.mark.parametrize("scale", [1, 1000])
def test_a_number_since_1970_may_be_written_as_text(scale: int) -> None:
    start, end = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2))
    day = Partition(key="2026-01-01", start=start, end=end)
    values = [str(int(at.timestamp() - back) * scale) for at in (start, end) for back in (1, 0)]

    assert [0, 1, 1, 2] == count_passed(values, [Edge(instant=start), Edge(instant=end)])
    assert (values[1], values[3]) == day.window_like(str(1_767_000_000 * scale))


def test_midnight_that_does_not_exist() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    start = Edge(instant=datetime(2018, 11, 4, 1, tzinfo=zone))

    assert count_passed(["2018-11-03", "2018-11-04"], [start]) == [0, 1]
    assert count_passed(["2018-11-04T02:59:59Z", "2018-11-04T03:00:00Z"], [start]) == [0, 1]


def test_values_of_several_shapes_on_one_page() -> None:
    edge = Edge(instant=datetime(2024, 1, 2, tzinfo=UTC))
    values = ["2024-01-01T23:59:59Z", "2024-01-02T00:59:59+01:00", "2024-01-02T00:00:00.000Z", "2024-01-02"]

    assert count_passed(values, [edge]) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "values",
    [
        ["2024-10-27T02:30+02:00", "2024-10-27T02:15+01:00"],
        ["2024-10-27T02:30+02", "2024-10-27T02:15+01"],
        ["20241027T023000+0200", "20241027T021500+0100"],
        ["2024-10-27T00:59:59.5Z", "2024-10-27T01:00:00,0Z"],
    ],
)
def test_the_hour_that_comes_twice_is_told_apart_by_its_offset(values: list[str]) -> None:
    edge = Edge(instant=datetime(2024, 10, 27, 1, tzinfo=UTC))

    assert count_passed(values, [edge]) == [0, 1]
    assert count_passed(values[::-1], [edge]) == [1, 0]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("notation", ["utc", "date", "epoch_text"])
def test_io_managers_get_the_partitions_rows(api: ApiServer, tmp_path: Path, zone: str, notation: str) -> None:
    moments = every_half_hour("2024-03-30", days=3)
    written = NOTATIONS.get(notation, lambda at: at.strftime("%Y-%m-%d"))
    partitions = {"every": "daily", "start": "2024-03-30", "timezone": zone}
    initial = "1711756800" if notation == "epoch_text" else "2024-03-30"
    project = project_of(api, tmp_path, moments, partitions=partitions, initial=initial, written=written)
    project.materialize(partition_key="2024-03-31")
    expression = next(iter(project.assets[0].specs)).metadata["partition_expr"]
    definition = project.assets[0].partitions_def
    assert isinstance(definition, dg.TimeWindowPartitionsDefinition)
    window = definition.time_window_for_partition_key("2024-03-31")

    found = project.query(
        "set timezone = 'America/New_York'; select id from src.events"
        f" where {expression} >= '{window.start:%F %T}' and {expression} < '{window.end:%F %T}' order by id"
    )

    assert [row[0] for row in found] == project.rows("events", "id") != []


def test_windows_of_different_regions_are_no_one_range() -> None:
    days = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)]

    def partitions(*regions: str) -> list[Partition]:
        return [
            Partition(
                key=f"{start:%F}|{region}",
                start=start,
                end=end,
                keys={"day": f"{start:%F}", "region": region},
                time_dimension="day",
            )
            for start, end, region in zip(days, days[1:], regions, strict=False)
        ]

    assert is_one_range(partitions("eu", "eu"))
    assert not is_one_range(partitions("eu", "us"))


def test_the_hour_between_two_that_show_the_same_is_not_skipped() -> None:
    zone = ZoneInfo("Europe/Berlin")
    hours = [datetime(2024, 10, 27, hour, tzinfo=UTC).astimezone(zone) for hour in range(4)]
    first, second, third = (
        Partition(key=str(number), start=hours[number], end=hours[number + 1]) for number in range(3)
    )

    assert is_one_range([first, second, third])
    assert not is_one_range([first, third])
