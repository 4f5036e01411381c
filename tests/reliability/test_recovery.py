"""What becomes of a load that was committed by a step which died before it was confirmed, when it is tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest import RestRunConfig
from tests.reliability.actors import Actor, Stand, stage
from tests.support.server import ApiServer

ROWS = 40


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with stage(tmp_path) as one:
        yield one


@pytest.fixture
def project(api: ApiServer, tmp_path: Path, instance: dg.DagsterInstance) -> Callable[..., Stand]:
    """A project over a list of numbered rows that can be asked for by range."""

    @api.get("/items")
    def items(request: Any) -> Any:
        since, until = int(request.param("since") or 0), int(request.param("until") or ROWS)
        return [{"id": number, "at": number} for number in range(since, min(until + 1, api.rows))]

    api.rows = ROWS  # type: ignore[attr-defined]

    def make(
        *, incremental: dict[str, Any] | None = None, options: dict[str, Any] | None = None, **resource: Any
    ) -> Stand:
        endpoint: dict[str, Any] = {"path": "items"}
        if incremental is not None:
            endpoint["params"] = {"since": "{incremental.start_value}", "until": "{incremental.end_value}"}
            endpoint["incremental"] = {"cursor_path": "at", "initial_value": 0, **incremental}
        config = {
            "client": {"base_url": api.url},
            "resources": [{"name": "items", "write_disposition": "append", **resource, "endpoint": endpoint}],
        }
        return Stand(config, folder=tmp_path, instance=instance, **(options or {}))

    return make


def ids(stand: Stand) -> list[int]:
    return stand.ids()


def test_a_whole_load_is_reported_and_not_asked_for_again(project: Any, api: ApiServer) -> None:
    one = project()
    dead = one.dies_at("after_commit")
    run = one.reexecute(dead)

    assert list(range(ROWS)) == ids(one)
    assert 1 == len(api.requests)
    assert "adopted" == run.get("items", "started_from")
    assert ROWS == run.metadata("items")["dagster/row_count"]


def test_the_run_after_that_asks_again(project: Any, api: ApiServer) -> None:
    one = project(write_disposition="replace")
    dead = one.dies_at("before_confirm")
    one.reexecute(dead)
    one.run()

    assert list(range(ROWS)) == ids(one)
    assert 2 == len(api.requests)


@pytest.mark.parametrize("rules", [{"resume": False}, {"resume_ttl": 0}])
def test_a_load_that_may_not_be_reported_is_done_again_and_its_rows_replaced(
    project: Any, api: ApiServer, rules: dict[str, Any]
) -> None:
    one = project(**rules)
    one.run()
    dead = one.dies_at("after_commit")
    one.reexecute(dead)

    assert sorted([*range(ROWS)] * 2) == ids(one)
    assert 3 == len(api.requests)


def test_a_replace_with_a_cursor_is_continued_and_not_emptied(project: Any, api: ApiServer) -> None:
    one = project(write_disposition="replace", incremental={})
    dead = one.dies_at("after_commit")
    one.reexecute(dead)

    assert list(range(ROWS)) == ids(one)


def test_a_lag_is_not_gone_back_twice(project: Any, api: ApiServer) -> None:
    one = project(incremental={"lag": 5})
    dead = one.dies_at("after_commit")
    one.reexecute(dead)

    assert list(range(ROWS)) == ids(one)


def test_a_start_value_is_not_loaded_twice(project: Any, api: ApiServer) -> None:
    one = project(incremental={})
    config = RestRunConfig(start_value=10)
    dead = one.dies_at("after_commit", config=config)
    one.reexecute(dead, config=config)

    assert list(range(10, ROWS)) == ids(one)


RANGE = {"step": 10, "end_value": 40}


@pytest.mark.parametrize(("point", "number"), [("after_commit", 2), ("after_commit", 4), ("in_transaction", 5)])
def test_a_range_in_windows_ends_with_each_row_once(project: Any, api: ApiServer, point: str, number: int) -> None:
    one = project(incremental=RANGE)
    dead = one.dies_at(point, number=number)
    one.reexecute(dead)

    assert list(range(ROWS)) == ids(one)
    assert 4 + (point == "in_transaction") >= len(api.requests)


def test_replacing_windows_keep_what_came_before_the_interruption(project: Any) -> None:
    one = project(write_disposition="replace", incremental=RANGE)
    dead = one.dies_at("after_commit", number=2)
    one.reexecute(dead)

    assert list(range(ROWS)) == ids(one)


def test_an_open_start_keeps_the_row_at_the_edge_of_a_window(project: Any) -> None:
    one = project(incremental={**RANGE, "range_start": "open"})
    dead = one.dies_at("after_commit", number=2)
    one.reexecute(dead)

    assert list(range(1, ROWS)) == ids(one)


def test_an_interrupted_range_leaves_the_cursor_alone(project: Any, api: ApiServer) -> None:
    one = project(incremental={"step": 10}, write_disposition="merge", primary_key="id")
    one.run(config=RestRunConfig(end_value=40))
    before = one.project.query("select cursor from _dagster_rest.loads order by seq desc limit 1")
    one.dies_at("after_commit", number=2, config=RestRunConfig(start_value=0, end_value=40))

    assert before == one.project.query("select cursor from _dagster_rest.loads order by seq desc limit 1")
    assert [("20",)] == one.project.query("select progress from _dagster_rest.loads order by seq desc limit 1")


def test_a_full_refresh_that_died_is_not_begun_again_by_its_retry(project: Any, api: ApiServer) -> None:
    one = project(options={"retry_policy": dg.RetryPolicy(max_retries=1)})
    one.run()
    asked = len(api.requests)
    refresh = Actor(lambda: one.run(config=RestRunConfig(full_refresh=True)), dies_at="after_commit").begin().wait()

    assert refresh.result.success
    assert list(range(ROWS)) == ids(one)
    assert asked + 1 == len(api.requests)
