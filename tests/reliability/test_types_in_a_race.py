"""Loads whose columns got another type meanwhile: partitions of one run, windows, another run before the commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.assets.backfill_worker import daily_events
from tests.assets.project import Project
from tests.reliability.actors import Stand, stage
from tests.support.server import ApiServer


@pytest.fixture
def rows(api: ApiServer) -> list[dict[str, Any]]:
    """What the API has: the answer to a range is what lies in it."""
    data: list[dict[str, Any]] = []

    @api.get("/events")
    def serve(request: Any) -> Any:
        start, end = request.param("from") or "", request.param("to") or "9"
        return [row for row in data if start <= row["at"] < end]

    return data


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with stage(tmp_path) as one:
        yield one


def at(day: int, value: Any) -> dict[str, Any]:
    return {"at": f"2024-01-{day:02d}T06:00:00Z", "v": value}


def test_partitions_of_one_run_agree_on_types(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    rows[:] = [at(1, 7), at(2, 2.5), at(3, "x"), at(4, 2**70)]
    project = Project(daily_events(api.url), folder=tmp_path)

    run = project.materialize(partition_range=("2024-01-01", "2024-01-04"))

    stored = project.query('select v, v__v_double, v__v_text from src.events order by "at"')
    assert [(7, None, None), (None, 2.5, None), (None, None, "x"), (2**70, None, None)] == stored
    assert 1 == len(api.requests)
    assert run.result.success


def test_windows_agree_on_types_and_each_is_fetched_once(api: ApiServer, rows: Any, tmp_path: Path) -> None:
    rows[:] = [at(1, "x"), at(2, 7.0), at(3, True)]
    config = daily_events(api.url, None)
    config["resources"][0]["endpoint"]["incremental"] |= {"end_value": "2024-01-04T00:00:00Z", "step": "1d"}
    project = Project(config, folder=tmp_path)

    project.materialize()

    assert [("x",), ("7.0",), ("True",)] == project.query('select v from src.events order by "at"')
    assert 3 == len(api.requests)


@pytest.mark.parametrize(
    ("earlier", "later", "stored"),
    [("x", "2024-01-02T05:04:05+02:00", "2024-01-02T05:04:05+02:00"), ("x", 1e16, "1e+16"), ("x", True, "True")],
)
def test_a_load_that_another_run_overtook_with_another_type_is_fetched_again(
    api: ApiServer, rows: Any, tmp_path: Path, instance: dg.DagsterInstance, earlier: Any, later: Any, stored: str
) -> None:
    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [{"name": "items", "partitions": {"keys": ["a", "b"]}, "endpoint": "things/{partition.key}"}],
    }
    values = {"a": earlier, "b": later}
    api.get("/things/a")(lambda request: [{"v": values["a"]}])
    api.get("/things/b")(lambda request: [{"v": values["b"]}])
    stand = Stand(config, folder=tmp_path, instance=instance)
    slow = stand.stands_at("before_transaction", run=lambda: stand._execute(partition="b"))
    assert stand.run(partition="a").result.success
    done = slow.go_on()

    assert done.result.success
    assert [(earlier,), (stored,)] == stand.project.query("select v from src.items order by _load_id")
    assert 2 == sum("things/b" in target for target in api.targets())
