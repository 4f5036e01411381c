"""Whose cursor it is, and which rows it stands for: parents with other key fields, starts beyond what is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagster_rest.assets.model.run_config import RestRunConfig
from tests.assets.project import Project
from tests.support.server import ApiServer

USERS = [{"id": 1, "login": "a"}, {"id": 2, "login": "b"}]
AT = {"a": [1, 2, 3], "b": [2, 3, 4], "c": [1, 5]}


def config(
    api: ApiServer, *, path: str = "by_id/{resources.users.id}", disposition: Any = "append", **more: Any
) -> Any:
    incremental = {"cursor_path": "at", "initial_value": 0, **more}
    child = {
        "name": "acts",
        "write_disposition": disposition,
        "primary_key": ["of", "at"],
        "endpoint": {"path": path, "params": {"since": "{incremental.start_value}"}, "incremental": incremental},
    }
    if path == "acts":
        child["endpoint"]["path"] = "by_login/a"
    users = {"name": "users", "primary_key": "id", "write_disposition": "replace", "endpoint": "users"}
    return {"client": {"base_url": api.url}, "resources": [child] if path == "acts" else [users, child]}


def acts_of(login: str, since: int) -> list[dict[str, Any]]:
    return [{"of": login, "at": at} for at in AT[login] if at >= since]


@pytest.fixture
def acts(api: ApiServer) -> ApiServer:
    names = {"1": "a", "2": "b", "3": "c"}
    api.get("/users")(lambda request: USERS)
    api.get("/by_id/{id}")(lambda request: acts_of(names[request.path_params["id"]], int(request.param("since"))))
    api.get("/by_login/{login}")(lambda request: acts_of(request.path_params["login"], int(request.param("since"))))
    return api


ALL = sorted((name, at) for name in ("a", "b") for at in AT[name])


def test_parents_identified_by_another_field_start_over_and_it_is_said(acts: ApiServer, tmp_path: Path) -> None:
    one = Project(config(acts, disposition="merge"), folder=tmp_path)
    one.materialize()
    one.configure(config(acts, disposition="merge", path="by_login/{resources.users.login}"))
    run = one.materialize()

    assert run.get("acts", "started_from") == "other_cursor"
    assert "identified by id, the config uses login" in run.get("acts", "warnings")
    assert one.rows("acts", "of", "at") == ALL
    keys = one.query("select parent_key from _dagster_rest.parent_cursors order by 1")
    assert keys == [('[{"login": "a"}]',), ('[{"login": "b"}]',)]
    assert one.materialize("acts").get("acts", "started_from") == "normal"


def test_an_append_says_that_rows_come_again(acts: ApiServer, tmp_path: Path) -> None:
    one = Project(config(acts), folder=tmp_path)
    one.materialize()
    one.configure(config(acts, path="by_login/{resources.users.login}"))
    warning = one.materialize().get("acts", "warnings")

    assert "Rows that are in the table already are added again; a full refresh rebuilds it." in warning
    one.materialize("acts", config={"acts": RestRunConfig(full_refresh=True)})
    assert one.rows("acts", "of", "at") == ALL


def test_one_cursor_for_all_parents_instead_of_one_for_each_begins_anew(acts: ApiServer, tmp_path: Path) -> None:
    AT["a"].append(9)
    try:
        one = Project(config(acts, disposition="merge"), folder=tmp_path)
        one.materialize()
        AT["b"].append(7)
        one.configure(config(acts, disposition="merge", state="shared"))
        run = one.materialize("acts")
        assert run.get("acts", "started_from") == "other_cursor"
        assert ("b", 7) in one.rows("acts", "of", "at")

        one.configure(config(acts, disposition="merge"))
        assert one.materialize("acts").get("acts", "started_from") == "other_cursor"
    finally:
        AT["a"].remove(9)
        AT["b"].remove(7)


START = {"acts": RestRunConfig(start_value=3)}


def test_a_start_beyond_what_is_loaded_does_not_take_the_cursor_with_it(acts: ApiServer, tmp_path: Path) -> None:
    one = Project(config(acts, path="acts", disposition="merge"), folder=tmp_path)
    run = one.materialize(config=START)
    assert one.rows("acts", "at") == [3]
    assert run.get("acts", "cursor") is None
    assert "is beyond what is loaded" in run.get("acts", "warnings")

    one.materialize()
    assert one.rows("acts", "at") == AT["a"]


def test_a_start_beyond_the_cursor_leaves_the_gap_to_the_next_run(acts: ApiServer, tmp_path: Path) -> None:
    one = Project(config(acts, path="acts", disposition="merge"), folder=tmp_path)
    AT["a"], whole = [1], AT["a"]
    try:
        one.materialize()
    finally:
        AT["a"] = whole
    assert one.materialize(config=START).get("acts", "cursor") == "1"
    assert one.rows("acts", "at") == [1, 3]
    one.materialize()
    assert one.rows("acts", "at") == whole


def test_a_start_before_the_cursor_still_moves_it(acts: ApiServer, tmp_path: Path) -> None:
    one = Project(config(acts, path="acts", disposition="merge"), folder=tmp_path)
    one.materialize()
    AT["a"].append(8)
    try:
        run = one.materialize(config={"acts": RestRunConfig(start_value=2)})
    finally:
        AT["a"].remove(8)
    assert (run.get("acts", "cursor"), run.get("acts", "warnings")) == ("8", None)


def test_a_parent_without_a_cursor_begins_at_its_beginning_whatever_the_start(acts: ApiServer, tmp_path: Path) -> None:
    one = Project(config(acts), folder=tmp_path)
    one.materialize()
    USERS.append({"id": 3, "login": "c"})
    try:
        one.materialize("users")
        one.materialize("acts", config=START)
        one.materialize("acts")
    finally:
        USERS.pop()
    assert [at for of, at in one.rows("acts", "of", "at") if of == "c"] == AT["c"]


def test_a_first_load_of_all_parents_from_a_start_leaves_their_cursors(acts: ApiServer, tmp_path: Path) -> None:
    one = Project(config(acts, disposition="merge"), folder=tmp_path)
    one.materialize(config=START)
    assert one.rows("acts", "of", "at") == [("a", 3), ("b", 3), ("b", 4)]
    assert one.query("select * from _dagster_rest.parent_cursors") == []
    one.materialize("acts")
    assert one.rows("acts", "of", "at") == ALL


def test_rows_that_an_insert_only_parent_left_out_are_not_new_to_its_children(api: ApiServer, tmp_path: Path) -> None:
    posts = [{"id": 1, "at": 1}]
    api.get("/posts")(lambda request: posts)
    api.get("/posts/{id}/notes")(lambda request: [{"of": request.path_params["id"]}])
    resources = [
        {
            "name": "posts",
            "primary_key": "id",
            "write_disposition": {"disposition": "merge", "strategy": "insert-only"},
            "endpoint": {"path": "posts", "incremental": {"cursor_path": "at", "initial_value": 0}},
        },
        {"name": "notes", "write_disposition": "append", "endpoint": "posts/{resources.posts.id}/notes"},
    ]
    one = Project({"client": {"base_url": api.url}, "resources": resources}, folder=tmp_path)
    one.materialize()
    posts[:] = [{"id": 1, "at": 2}, {"id": 2, "at": 3}, {"id": 2, "at": 3}]
    one.materialize()

    assert one.rows("posts", "id", "at") == [(1, 1), (2, 3)]
    assert one.rows("notes", "of") == ["1", "2"]


EDGE = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("between", [None, RestRunConfig(start_value="2024-01-01", end_value="2024-06-01")])
def test_the_row_at_the_edge_of_an_interrupted_window_is_loaded_once(
    api: ApiServer, tmp_path: Path, between: RestRunConfig | None
) -> None:
    rows = [
        {"id": number, "at": at} for number, at in enumerate(["2025-06-01T00:00:00Z", EDGE, "2026-02-01T00:00:00Z"])
    ]
    broken = [True]

    @api.get("/rows")
    def answer(request: Any) -> Any:
        if broken and request.param("since").startswith("2026"):
            return (404, {})
        return rows

    incremental = {
        "cursor_path": "at",
        "initial_value": "2025-01-01T00:00:00Z",
        "step": "1y",
        "range_start": "open",
    }
    endpoint = {"path": "rows", "params": {"since": "{incremental.start_value}"}, "incremental": incremental}
    resource = {"name": "rows", "write_disposition": "append", "endpoint": endpoint}
    one = Project({"client": {"base_url": api.url}, "resources": [resource]}, folder=tmp_path)
    one.materialize(raise_on_error=False)
    assert one.rows("rows", "id") == [0]
    broken.clear()
    for config in [between] if between else []:
        one.materialize(config={"rows": config})
    one.materialize()
    one.materialize()

    assert one.rows("rows", "id") == [0, 1, 2]


@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_child_that_is_added_later_is_warned_of_what_it_does_not_see(
    api: ApiServer, tmp_path: Path, disposition: str
) -> None:
    api.get("/posts")(lambda request: [{"id": 1, "at": 1}])
    api.get("/posts/{id}/notes")(lambda request: [{"of": request.path_params["id"]}])
    posts = {
        "name": "posts",
        "primary_key": "id",
        "write_disposition": disposition,
        "endpoint": {"path": "posts", "incremental": {"cursor_path": "at", "initial_value": 0}},
    }
    notes = {"name": "notes", "write_disposition": "append", "endpoint": "posts/{resources.posts.id}/notes"}
    given = {"client": {"base_url": api.url}, "resources": [posts]}
    one = Project(given, folder=tmp_path)
    one.materialize()
    one.configure({**given, "resources": [posts, notes]})
    assert "a full refresh of 'posts'" in one.materialize().get("notes", "warnings")
    one.materialize("posts", config={"posts": RestRunConfig(full_refresh=True)})

    assert one.materialize("notes").get("notes", "warnings") is None
    assert one.rows("notes", "of") == ["1"]
