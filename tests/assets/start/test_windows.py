"""`incremental.step`: a long range in windows, each committed on its own."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.assets.cursor.values import advance, now_like
from dagster_rest.assets.model.run_config import RestRunConfig
from tests.assets.project import Project
from tests.support.server import ApiServer, Reply


def config(api: ApiServer, **incremental: Any) -> dict[str, Any]:
    return {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {
                "name": "events",
                "endpoint": {
                    "path": "events",
                    "params": {"from": "{incremental.start_value}", "to": "{incremental.end_value}"},
                    "incremental": {"cursor_path": "at", **incremental},
                },
            }
        ],
    }


@pytest.fixture
def served(api: ApiServer) -> dict[str, Any]:
    """The API answers with the days in the range; it can be made to fail at one of them."""
    control: dict[str, Any] = {"days": [f"2024-01-{n:02d}" for n in range(1, 11)], "fail_at": None}

    @api.get("/events")
    def serve(request: Any) -> Any:
        start, end = request.query["from"][0], request.query["to"][0]
        if control["fail_at"] == start:
            return Reply(status=404, json={})
        return [{"at": day} for day in control["days"] if start <= day < end]

    return control


def test_each_window_sends_both_ends_and_is_committed_on_its_own(api: ApiServer, served: Any, tmp_path: Path) -> None:
    project = Project(config(api, initial_value="2024-01-01", end_value="2024-01-08", step="3d"), folder=tmp_path)

    run = project.materialize()

    assert api.targets() == [
        "GET /events?from=2024-01-01&to=2024-01-04",
        "GET /events?from=2024-01-04&to=2024-01-07",
        "GET /events?from=2024-01-07&to=2024-01-08",
    ]
    assert project.query("select count(*) from _dagster_rest.loads") == [(3,)]
    assert run.get("events", "windows") == 3
    assert run.get("events", "rows_loaded") == 7
    assert project.rows("events", "at") == [f"2024-01-{n:02d}" for n in range(1, 8)]


def test_a_run_that_broke_in_a_window_goes_on_there(api: ApiServer, served: Any, tmp_path: Path) -> None:
    served["fail_at"] = "2024-01-05"
    project = Project(config(api, initial_value="2024-01-01", end_value="2024-01-08", step="1d"), folder=tmp_path)
    project.materialize(raise_on_error=False)
    served["fail_at"] = None
    asked = len(api.requests)

    project.materialize()

    assert [target[17:27] for target in api.targets()[asked:]] == ["2024-01-05", "2024-01-06", "2024-01-07"]
    assert project.rows("events", "at") == [f"2024-01-{n:02d}" for n in range(1, 8)]


def test_without_an_end_the_last_window_is_open_to_the_present(api: ApiServer, served: Any, tmp_path: Path) -> None:
    today = datetime.now(timezone.utc)
    start = advance(now_like("2024-01-01", now=today), "1d", times=-2)
    served["days"] = [start]
    project = Project(config(api, initial_value=start, step="1d"), folder=tmp_path)

    first = project.materialize()
    asked = len(api.requests)
    second = project.materialize()

    assert first.get("events", "windows") == 2
    assert first.get("events", "cursor") == advance(start, "1d", times=1)
    assert second.get("events", "windows") == 1
    assert len(api.requests) == asked + 1
    assert project.rows("events", "at") == [start]


def test_numbers_have_windows_too(api: ApiServer, tmp_path: Path) -> None:
    @api.get("/events")
    def serve(request: Any) -> Any:
        start, end = int(request.query["from"][0]), int(request.query["to"][0])
        return [{"at": n} for n in range(start, end)]

    project = Project(config(api, initial_value=0, end_value=25, step=10), folder=tmp_path)

    project.materialize()

    assert [target.split("?")[1] for target in api.targets()] == ["from=0&to=10", "from=10&to=20", "from=20&to=25"]
    assert project.rows("events", "at") == list(range(25))


def test_replace_replaces_once_and_not_per_window(api: ApiServer, served: Any, tmp_path: Path) -> None:
    given = config(api, initial_value="2024-01-01", end_value="2024-01-05", step="2d")
    given["resources"][0]["write_disposition"] = "replace"
    project = Project(given, folder=tmp_path)

    project.materialize()
    project.materialize()

    assert project.rows("events", "at") == [f"2024-01-{n:02d}" for n in range(1, 5)]


def test_month_ends_do_not_drift(api: ApiServer, served: Any, tmp_path: Path) -> None:
    project = Project(config(api, initial_value="2024-01-31", end_value="2024-05-01", step="1mo"), folder=tmp_path)

    project.materialize()

    assert [target[17:27] for target in api.targets()] == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]


def test_children_work_window_by_window_and_new_parents_start_from_the_beginning(
    api: ApiServer, tmp_path: Path
) -> None:
    users = [{"id": 1}]

    @api.get("/users")
    def serve_users(request: Any) -> Any:
        return list(users)

    @api.get("/users/{id}/orders")
    def serve(request: Any) -> Any:
        start, end = int(request.query["from"][0]), int(request.query["to"][0])
        return [{"user": int(request.path_params["id"]), "at": n} for n in range(start, end)]

    given = config(api, initial_value=0, step=5)
    given["resources"][0]["endpoint"]["path"] = "users/{resources.users.id}/orders"
    given["resources"].insert(0, "users")
    from dagster_rest import RestRunConfig

    project = Project(given, folder=tmp_path)
    project.materialize(config={"events": RestRunConfig(start_value=0, end_value=10)})

    assert project.rows("events", "at") == list(range(10))


def test_a_start_at_the_end_of_a_window_takes_what_the_window_left_out(
    api: ApiServer, served: Any, tmp_path: Path
) -> None:
    served["days"], served["fail_at"] = ["2026-01-02", "2026-01-03"], "2026-07-01"
    project = Project(config(api, initial_value="2026-01-01", step="6mo", range_start="open"), folder=tmp_path)
    project.materialize(raise_on_error=False)
    served["days"], served["fail_at"] = ["2026-07-01", "2026-07-02"], None

    run = project.materialize(config={"events": RestRunConfig(start_value="2026-07-01")})

    assert project.rows("events", "at") == ["2026-01-02", "2026-01-03", "2026-07-01", "2026-07-02"]
    assert run.get("events", "cursor") == "2026-07-02"


@pytest.mark.parametrize("start", ["2026-07-01", "2026-08-01"])
def test_a_given_start_leaves_out_nothing_of_a_parent_whose_window_ended_there(
    api: ApiServer, served: Any, tmp_path: Path, start: str
) -> None:
    given = config(api, initial_value="2026-01-01", step="6mo", range_start="open")
    (child,) = given["resources"]
    child["endpoint"]["params"]["of"] = "{resources.users.id}"
    api.json("/users", [{"id": 1}])
    served["days"], served["fail_at"] = ["2026-01-02"], "2026-07-01"
    project = Project({**given, "resources": ["users", child]}, folder=tmp_path)
    project.materialize(raise_on_error=False)
    served["days"], served["fail_at"] = ["2026-07-01", "2026-08-02"], None

    project.materialize("events", config={"events": RestRunConfig(start_value=start)})
    project.materialize("events")

    assert project.rows("events", "at") == ["2026-01-02", "2026-07-01", "2026-08-02"]


def test_what_was_detected_in_one_window_holds_for_the_next(api: ApiServer, tmp_path: Path) -> None:
    @api.get("/events")
    def serve(request: Any) -> Any:
        if request.query["from"][0] == "2024-01-01":
            return {"events": [{"at": "2024-01-02"}]}
        return {"events": [], "users": [{"at": "2024-01-05"}]}

    project = Project(config(api, initial_value="2024-01-01", end_value="2024-01-07", step="3d"), folder=tmp_path)
    project.materialize()
    assert project.rows("events", "at") == ["2024-01-02"]
