"""What becomes of a load that was committed by a step which died before it was confirmed: its rows count once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest import RestRunConfig
from dagster_rest.assets import body
from dagster_rest.assets.load import ResourceLoad
from tests.assets.project import Project
from tests.support.server import ApiServer

ROWS = 40
Die = Callable[..., None]


class DeadError(Exception):
    """The step ends here."""


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> Die:
    """Lets the next load end at a named moment; the one after that lives."""

    def arm(point: str, *, number: int = 1) -> None:
        left = [number]

        def on_event(name: str) -> None:
            left[0] -= name == point
            if name == point and left[0] == 0:
                raise DeadError

        monkeypatch.setattr(body, "ResourceLoad", functools.partial(ResourceLoad, on_event=on_event))

    return arm


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "instance")) as one:
        yield one


@pytest.fixture
def project(api: ApiServer, tmp_path: Path, instance: dg.DagsterInstance) -> Callable[..., Project]:
    """A project over a list of numbered rows that can be asked for by range."""

    @api.get("/items")
    def items(request: Any) -> Any:
        since, until = int(request.param("since") or 0), int(request.param("until") or ROWS)
        return [{"id": number, "at": number} for number in range(since, min(until + 1, api.rows))]

    api.rows = ROWS  # type: ignore[attr-defined]

    def make(*, incremental: dict[str, Any] | None = None, **resource: Any) -> Project:
        endpoint: dict[str, Any] = {"path": "items"}
        if incremental is not None:
            endpoint["params"] = {"since": "{incremental.start_value}", "until": "{incremental.end_value}"}
            endpoint["incremental"] = {"cursor_path": "at", "initial_value": 0, **incremental}
        config = {
            "client": {"base_url": api.url},
            "resources": [{"name": "items", "write_disposition": "append", **resource, "endpoint": endpoint}],
        }
        return Project(config, folder=tmp_path, instance=instance)

    return make


def dies(project: Project, **options: Any) -> None:
    run = project.materialize(raise_on_error=False, **options)
    assert not run.result.success


def ids(project: Project) -> list[int]:
    return project.rows("items", "id")


def test_a_whole_load_is_told_and_not_asked_for_again(project: Any, api: ApiServer, die_at: Die) -> None:
    one = project()
    die_at("after_commit")
    dies(one)
    run = one.materialize()

    assert list(range(ROWS)) == ids(one)
    assert 1 == len(api.requests)
    assert "adopted" == run.get("items", "started_from")
    assert ROWS == run.metadata("items")["dagster/row_count"]


def test_the_run_after_that_asks_again(project: Any, api: ApiServer, die_at: Die) -> None:
    one = project(write_disposition="replace")
    die_at("before_confirm")
    dies(one)
    one.materialize()
    one.materialize()

    assert list(range(ROWS)) == ids(one)
    assert 2 == len(api.requests)


@pytest.mark.parametrize("rules", [{"resume": False}, {"resume_ttl": 0}])
def test_a_load_that_may_not_be_told_is_done_again_and_its_rows_replaced(
    project: Any, api: ApiServer, die_at: Die, rules: dict[str, Any]
) -> None:
    one = project(**rules)
    one.materialize()
    die_at("after_commit")
    dies(one)
    one.materialize()

    assert sorted([*range(ROWS)] * 2) == ids(one)
    assert 3 == len(api.requests)


def test_a_replace_with_a_cursor_is_continued_and_not_emptied(project: Any, api: ApiServer, die_at: Die) -> None:
    one = project(write_disposition="replace", incremental={})
    die_at("after_commit")
    dies(one)
    one.materialize()

    assert list(range(ROWS)) == ids(one)


def test_a_lag_is_not_gone_back_twice(project: Any, api: ApiServer, die_at: Die) -> None:
    one = project(incremental={"lag": 5})
    die_at("after_commit")
    dies(one)
    one.materialize()

    assert list(range(ROWS)) == ids(one)


def test_a_start_value_is_not_loaded_twice(project: Any, api: ApiServer, die_at: Die) -> None:
    one = project(incremental={})
    config = {"items": RestRunConfig(start_value=10)}
    die_at("after_commit")
    dies(one, config=config)
    one.materialize(config=config)

    assert list(range(10, ROWS)) == ids(one)


RANGE = {"step": 10, "end_value": 40}


@pytest.mark.parametrize(("point", "number"), [("after_commit", 2), ("after_commit", 4), ("in_transaction", 5)])
def test_a_range_in_windows_ends_with_each_row_once(
    project: Any, api: ApiServer, die_at: Die, point: str, number: int
) -> None:
    one = project(incremental=RANGE)
    die_at(point, number=number)
    dies(one)
    one.materialize()

    assert list(range(ROWS)) == ids(one)
    assert 4 + (point == "in_transaction") >= len(api.requests)


def test_replacing_windows_keep_what_came_before_the_interruption(project: Any, die_at: Die) -> None:
    one = project(write_disposition="replace", incremental=RANGE)
    die_at("after_commit", number=2)
    dies(one)
    one.materialize()

    assert list(range(ROWS)) == ids(one)


def test_an_open_start_keeps_the_row_at_the_edge_of_a_window(project: Any, die_at: Die) -> None:
    one = project(incremental={**RANGE, "range_start": "open"})
    die_at("after_commit", number=2)
    dies(one)
    one.materialize()

    assert list(range(1, ROWS)) == ids(one)


def test_an_interrupted_range_leaves_the_cursor_alone(project: Any, api: ApiServer, die_at: Die) -> None:
    one = project(incremental={"step": 10}, write_disposition="merge", primary_key="id")
    one.materialize(config={"items": RestRunConfig(end_value=40)})
    before = one.query("select cursor from _dagster_rest.loads order by seq desc limit 1")
    die_at("after_commit", number=2)
    dies(one, config={"items": RestRunConfig(start_value=0, end_value=40)})

    assert before == one.query("select cursor from _dagster_rest.loads order by seq desc limit 1")
    assert [("20",)] == one.query("select progress from _dagster_rest.loads order by seq desc limit 1")


def test_a_full_refresh_that_died_is_not_begun_again_by_its_retry(
    api: ApiServer, tmp_path: Path, instance: dg.DagsterInstance, project: Any, die_at: Die
) -> None:
    one = project()
    one.options["retry_policy"] = dg.RetryPolicy(max_retries=1)
    one.configure({"client": {"base_url": api.url}, "resources": [{"name": "items", "write_disposition": "append"}]})
    one.materialize()
    asked = len(api.requests)
    die_at("after_commit")
    one.materialize(config={"items": RestRunConfig(full_refresh=True)})

    assert list(range(ROWS)) == ids(one)
    assert asked + 1 == len(api.requests)
