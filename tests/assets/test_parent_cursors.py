"""The cursors that a child keeps for each parent: when they are void, and that none moves back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagster_rest import RestRunConfig
from dagster_rest.assets.start.windows import Window
from dagster_rest.warehouse.state.load_row import CursorState
from tests.assets.project import Project
from tests.support.server import ApiServer


class Blog:
    """Posts, and comments that can be asked for since a number."""

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        self.comments: dict[int, list[int]] = {1: [1, 2, 3], 2: [1, 2, 3]}
        api.get("/posts")(lambda _: [{"id": post, "at": post} for post in self.comments])
        api.get("/posts/{id}/comments")(self._comments)

    def _comments(self, request: Any) -> Any:
        post, since = int(request.path_params["id"]), int(request.param("since") or 0)
        return [{"id": post * 10 + at, "at": at, "low": at - 100} for at in self.comments[post] if at >= since]

    def config(self, *, posts: dict[str, Any] | None = None, **comments: Any) -> dict[str, Any]:
        child = {
            "name": "comments",
            "write_disposition": "append",
            "fan_out": "all",
            "endpoint": {
                "path": "posts/{resources.posts.id}/comments",
                "params": {"since": "{incremental.start_value}"},
                "incremental": {"cursor_path": "at", "initial_value": 0},
            },
            **comments,
        }
        parent = {
            "name": "posts",
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"path": "posts"},
            **(posts or {}),
        }
        return {"client": {"base_url": self.api.url}, "resources": [parent, child]}


@pytest.fixture
def blog(api: ApiServer) -> Blog:
    return Blog(api)


EVERYTHING = [11, 12, 13, 21, 22, 23]


@pytest.mark.parametrize("refresh", [{}, {"end_value": 2}])
def test_a_full_refresh_forgets_the_cursors_of_all_parents(blog: Blog, tmp_path: Path, refresh: dict[str, Any]) -> None:
    project = Project(blog.config(), folder=tmp_path)
    project.materialize()
    all_comments, blog.comments = blog.comments, {1: [1], 2: []}
    project.materialize("comments", config={"comments": RestRunConfig(full_refresh=True, **refresh)})
    refreshed = project.rows("comments", "id")
    blog.comments = all_comments
    project.materialize("comments")

    assert [11] == refreshed
    assert set(EVERYTHING) == set(project.rows("comments", "id"))


def test_another_cursor_path_forgets_the_cursors_of_all_parents(blog: Blog, tmp_path: Path) -> None:
    project = Project(blog.config(primary_key="id", write_disposition="merge"), folder=tmp_path)
    project.materialize()
    blog.comments = {1: [1, 2, 3], 2: [0, 1, 2, 3]}
    changed = blog.config(primary_key="id", write_disposition="merge")
    changed["resources"][1]["endpoint"]["incremental"] = {"cursor_path": "low", "initial_value": -1000}
    project.configure(changed)
    project.materialize("comments")

    assert sorted([*EVERYTHING, 20]) == project.rows("comments", "id")


def test_a_child_that_replaces_starts_from_the_initial_value_for_each_parent(blog: Blog, tmp_path: Path) -> None:
    project = Project(blog.config(write_disposition="replace"), folder=tmp_path)
    project.materialize()
    blog.comments[2].append(4)
    project.materialize()

    assert [*EVERYTHING, 24] == project.rows("comments", "id")


def test_a_child_that_replaces_asks_for_all_parents_of_an_incremental_parent(blog: Blog, tmp_path: Path) -> None:
    incremental = {"path": "posts", "incremental": {"cursor_path": "at", "initial_value": 0}}
    config = blog.config(
        posts={"endpoint": incremental},
        write_disposition="replace",
        fan_out=None,
        endpoint={"path": "posts/{resources.posts.id}/comments"},
    )
    project = Project(config, folder=tmp_path)
    project.materialize()
    blog.comments[3] = [1]
    project.materialize()

    assert [*EVERYTHING, 31] == project.rows("comments", "id")


def test_the_end_of_a_window_does_not_move_the_cursor_back() -> None:
    window = Window(bounds={}, step_end="2026-01-08", is_last=False)
    beyond, before = CursorState(value="2026-03-01", type="str"), CursorState(value="2026-01-02", type="str")

    assert beyond == window.cursor_after(beyond)
    assert "2026-01-08" == getattr(window.cursor_after(before), "value", None)


def test_parents_that_share_a_request_keep_their_own_cursors(api: ApiServer, tmp_path: Path) -> None:
    posts = [{"id": 1}, {"id": 2}]
    versions = {1: [1], 2: [1]}
    api.get("/posts")(lambda request: list(posts))
    api.get("/prices")(
        lambda request: [
            {"post": int(one), "version": version}
            for one in str(request.param("ids")).split(",")
            for version in versions[int(one)]
        ]
    )
    prices = {
        "name": "prices",
        "batch": {"param": "ids", "size": 50},
        "endpoint": {
            "path": "prices",
            "params": {"ids": "{resources.posts.id}", "since": "{incremental.start_value}"},
            "incremental": {"cursor_path": "version", "initial_value": 0},
        },
    }
    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [{"name": "posts", "primary_key": "id", "write_disposition": "merge"}, prices],
    }
    project = Project(config, folder=tmp_path)
    project.materialize()
    posts.append({"id": 3})
    versions |= {1: [1, 2], 3: [1]}
    asked = len(api.requests)

    project.materialize()
    project.materialize()

    assert project.rows("prices", "post", "version") == [(1, 1), (1, 2), (2, 1), (3, 1)]
    assert [one.split("prices?")[1] for one in api.targets()[asked:] if "prices" in one] == [
        "ids=1%2C2&since=1",
        "ids=3&since=0",
        "ids=1%2C2&since=2",
        "ids=3&since=1",
    ]


def test_parents_of_a_run_with_a_range_of_its_own_are_new_to_the_next_one(api: ApiServer, tmp_path: Path) -> None:
    api.json("/posts", [{"id": 1}])
    api.get("/posts/{id}/edits")(lambda request: [{"post": int(request.path_params["id"]), "n": n} for n in (1, 5)])
    edits = {
        "name": "edits",
        "write_disposition": "merge",
        "primary_key": ["post", "n"],
        "endpoint": {
            "path": "posts/{resources.posts.id}/edits",
            "incremental": {"cursor_path": "n", "initial_value": 0},
        },
    }
    posts = {
        "name": "posts",
        "primary_key": "id",
        "write_disposition": "merge",
        "endpoint": {"path": "posts", "incremental": {"cursor_path": "id"}},
    }
    config = {"client": {"base_url": api.url, "paginator": "single_page"}, "resources": [posts, edits]}
    project = Project(config, folder=tmp_path)
    project.materialize("posts")

    project.materialize("edits", config={"edits": RestRunConfig(start_value=4, end_value=9)})
    part = project.rows("edits", "n")
    project.materialize("edits")

    assert (part, project.rows("edits", "n")) == ([5], [1, 5])
