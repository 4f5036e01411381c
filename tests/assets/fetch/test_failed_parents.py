"""`on_parent_error: skip`: a parent whose request fails is left out, written down, and tried again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest.assets.fetch.held_pages import HeldPage, HeldPages
from dagster_rest.assets.fetch.page_staging import PageStaging
from dagster_rest.assets.model.run_config import RestRunConfig
from dagster_rest.assets.run import step
from dagster_rest.config.errors import ConfigError
from dagster_rest.http.errors import HttpConnectionError, HttpStatusError
from tests.assets.project import Project, Run
from tests.support.server import ApiServer, Reply

KEYED = {"primary_key": "id", "write_disposition": "merge"}
INCREMENTAL = {"endpoint": {"path": "posts", "incremental": {"cursor_path": "id"}}}


class Blog:
    """Posts with comments, two pages each; some posts are broken."""

    def __init__(
        self,
        api: ApiServer,
        folder: Path,
        *,
        posts: dict[str, Any] | None = None,
        comments: dict[str, Any] | None = None,
        **endpoint: Any,
    ) -> None:
        self.api = api
        self.posts = [{"id": number} for number in (1, 2, 3)]
        self.broken: dict[str, int] = {}
        self.pages_before = 0
        api.get("/posts")(lambda request: list(self.posts))
        api.get("/posts/{id}/comments")(self._comments)
        config = {
            "client": {"base_url": api.url, "paginator": "single_page", "retry": {"attempts": 1}},
            "resources": [
                {"name": "posts", "endpoint": "posts", **(posts or {})},
                {
                    "name": "comments",
                    "endpoint": {
                        "path": "posts/{resources.posts.id}/comments",
                        "paginator": {"type": "page_number", "base_page": 0, "total_path": "pages"},
                        "data_selector": "rows",
                        "on_parent_error": "skip",
                        **endpoint,
                    },
                    **(comments or {}),
                },
            ],
        }
        self.project = Project(config, folder=folder)

    def _comments(self, request: Any) -> Any:
        post, page = request.path_params["id"], int(request.query["page"][0])
        if post in self.broken and page >= self.pages_before:
            return Reply(status=self.broken[post], json={"error": "gone"})
        return {"rows": [{"post": int(post), "n": page}], "pages": 2}

    def run(self, *tables: str, **options: Any) -> Run:
        return self.project.materialize(*tables, **options)

    def loaded(self) -> list[tuple[int, int]]:
        return self.project.rows("comments", "post", "n")

    def failed(self) -> list[tuple[Any, ...]]:
        return self.project.query("select parent_key, status, code from _dagster_rest.failed_parents order by 1")


def whole(*posts: int) -> list[tuple[int, int]]:
    return [(post, page) for post in posts for page in (0, 1)]


@pytest.mark.parametrize("fan_out", ["new", "all"])
@pytest.mark.parametrize("pages_before", [0, 1])
def test_a_parent_that_fails_is_left_out_whole_and_tried_again(
    api: ApiServer, tmp_path: Path, fan_out: str, pages_before: int
) -> None:
    keyed = {"primary_key": ["post", "n"], "write_disposition": "merge"} if fan_out == "all" else {}
    blog = Blog(api, tmp_path, posts=KEYED, comments={"fan_out": fan_out, **keyed})
    blog.broken, blog.pages_before = {"2": 404}, pages_before
    first = blog.run()
    after_first = blog.loaded()
    dead = blog.failed()
    blog.broken.clear()

    second = blog.run("comments")

    assert whole(1, 3) == after_first
    assert [('[{"id": 2}]', 404, "http_status")] == dead
    assert first.get("comments", "failed_parents") == 1
    assert second.get("comments", "parents") == (1 if fan_out == "new" else 3)
    assert whole(1, 2, 3) == blog.loaded()
    assert blog.failed() == []


def test_it_keeps_since_when_and_is_asked_again_by_every_run(api: ApiServer, tmp_path: Path) -> None:
    blog = Blog(api, tmp_path, posts=INCREMENTAL)
    blog.broken = {"2": 404}
    blog.run()
    since = blog.project.query("select since, last_failed from _dagster_rest.failed_parents")[0]
    blog.posts.append({"id": 4})

    again = blog.run()

    assert again.get("comments", "parents") == 2
    assert whole(1, 3, 4) == blog.loaded()
    later = blog.project.query("select since, last_failed from _dagster_rest.failed_parents")[0]
    assert later[0] == since[0] < later[1]


def test_a_parent_that_vanished_leaves_the_table(api: ApiServer, tmp_path: Path) -> None:
    blog = Blog(api, tmp_path, posts={"write_disposition": "replace"}, comments={"fan_out": "new"})
    blog.broken = {"2": 404}
    blog.run()
    blog.posts[:] = [{"id": 1}]

    blog.run()

    assert blog.failed() == []


def test_a_combination_of_two_parents_that_failed_is_tried_again(api: ApiServer, tmp_path: Path) -> None:
    broken = {("1", "8")}
    api.json("/posts", [{"id": 1}, {"id": 2}])
    api.json("/users", [{"id": 7}, {"id": 8}])

    @api.get("/likes/{post}/{user}/rows")
    def likes(request: Any) -> Any:
        pair = tuple(request.path_params.values())
        return Reply(status=404, json={}) if pair in broken else [{"pair": "-".join(pair)}]

    endpoint = {"path": "likes/{resources.posts.id}/{resources.users.id}/rows", "on_parent_error": "skip"}
    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {"name": "posts", **INCREMENTAL},
            "users",
            {"name": "likes", "parents": "product", "endpoint": endpoint},
        ],
    }
    project = Project(config, folder=tmp_path)
    project.materialize()
    broken.clear()

    again = project.materialize("likes")

    assert project.rows("likes", "pair") == ["1-7", "1-8", "2-7", "2-8"]
    assert again.get("likes", "parents") == 1


def test_each_partition_owes_its_own(api: ApiServer, tmp_path: Path) -> None:
    blog = Blog(api, tmp_path)
    given = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {"name": "posts", "endpoint": "posts"},
            {
                "name": "comments",
                "partitions": ["a", "b"],
                "endpoint": {
                    "path": "posts/{resources.posts.id}/comments",
                    "params": {"page": 0, "part": "{partition.key}"},
                    "data_selector": "rows",
                    "on_parent_error": "skip",
                },
            },
        ],
    }
    blog.project.configure(given)
    blog.run("posts")
    blog.broken = {"2": 404}
    blog.run("comments", partition_key="a")
    blog.run("comments", partition_key="b")
    blog.broken.clear()

    blog.run("comments", partition_key="a")

    owed = "select child_partition, parent_key from _dagster_rest.failed_parents"
    assert blog.project.query(owed) == [("b", '[{"id": 2}]')]
    assert blog.project.rows("comments", "post") == [1, 1, 2, 3, 3]


def test_the_check_warns_with_a_query(api: ApiServer, tmp_path: Path) -> None:
    blog = Blog(api, tmp_path)
    blog.broken = {"2": 500}

    found = {one.check_name: one for one in blog.run().result.get_asset_check_evaluations()}

    check = found["failed_parents"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert len(blog.project.query(str(check.metadata["dagster_rest/query"].value))) == 1


def test_a_budget_is_not_overdrawn(api: ApiServer, tmp_path: Path) -> None:
    blog = Blog(api, tmp_path, max_parent_errors=1)
    blog.broken = {"2": 404, "3": 404}

    with pytest.raises(HttpStatusError, match=r"2 parents failed in this run; `max_parent_errors` is 1"):
        blog.run()

    assert blog.project.tables() == ["posts"]


def test_the_default_stops_and_names_the_option(api: ApiServer, tmp_path: Path) -> None:
    blog = Blog(api, tmp_path, on_parent_error="fail")
    blog.broken = {"2": 404}

    with pytest.raises(HttpStatusError, match=r"http_status.*`on_parent_error: skip`"):
        blog.run()


def test_refused_credentials_are_nobodys_fault(api: ApiServer, tmp_path: Path) -> None:
    blog = Blog(api, tmp_path)
    blog.broken = {"2": 401}

    with pytest.raises(dg.Failure, match="http_auth"):
        blog.run()


def test_a_cursor_of_its_own_makes_up_for_what_was_missed(api: ApiServer, tmp_path: Path) -> None:
    notes: dict[str, list[int]] = {"1": [1], "2": [1]}
    broken: set[str] = set()

    @api.get("/posts/{id}/notes")
    def serve(request: Any) -> Any:
        post, since = request.path_params["id"], int(request.query["since"][0])
        if post in broken:
            return Reply(status=404, json={})
        return [{"post": int(post), "at": at} for at in notes[post] if at >= since]

    endpoint = {
        "path": "posts/{resources.posts.id}/notes",
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "at", "initial_value": 0},
        "on_parent_error": "skip",
    }
    api.json("/posts", [{"id": 1}, {"id": 2}])
    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [{"name": "posts", "write_disposition": "replace"}, {"name": "notes", "endpoint": endpoint}],
    }
    project = Project(config, folder=tmp_path)
    project.materialize()
    notes["1"].append(2)
    notes["2"].append(2)
    broken.add("2")
    project.materialize()
    notes["1"].append(3)
    notes["2"].append(3)
    broken.clear()

    project.materialize()

    assert project.rows("notes", "post", "at") == [(post, at) for post in (1, 2) for at in (1, 2, 3)]


def test_one_cursor_for_all_is_refused(api: ApiServer, tmp_path: Path) -> None:
    incremental = {"cursor_path": "n", "initial_value": 0, "state": "shared"}

    with pytest.raises(ConfigError, match=r"on_parent_error.*state: shared"):
        Blog(api, tmp_path, incremental=incremental)


def test_a_range_of_its_own_leaves_nobody_out(api: ApiServer, tmp_path: Path) -> None:
    blog = Blog(api, tmp_path, incremental={"cursor_path": "n", "initial_value": 0})
    blog.broken = {"2": 404}

    with pytest.raises(HttpStatusError, match="A run with its own range"):
        blog.run(config={"comments": RestRunConfig(start_value=0, end_value=5)})


@pytest.mark.parametrize("death", ["event", "page"])
def test_a_run_that_dies_owes_and_loads_once(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: str
) -> None:
    blog = Blog(api, tmp_path, posts=INCREMENTAL)
    blog.broken, blog.pages_before = {"2": 404}, 1
    blog.run("posts")
    with monkeypatch.context() as patch:
        if death == "event":
            patch.setattr(step, "_result", lambda *_, **__: 1 / 0)
        else:
            _die_at(patch, unit=2)
        blog.run("comments", raise_on_error=False)

    after = blog.run("comments")
    owed = blog.failed()
    blog.broken.clear()
    blog.run("comments")

    assert after.get("comments", "failed_parents") == 1
    assert [('[{"id": 2}]', 404, "http_status")] == owed
    assert whole(1, 2, 3) == blog.loaded()


def write_checkpoint(stager: Any) -> None:
    stager._shred()
    stager._begin_part()
    stager._end_part()


def _die_at(patch: pytest.MonkeyPatch, *, unit: int) -> None:
    """Die in the middle of a parent, with everything before it in a checkpoint."""
    kept = PageStaging.add

    def stage(self: PageStaging, page: Any, *, records: list[Any]) -> bool:
        if page.unit.index == unit:
            for load in self._loads:
                write_checkpoint(load.stager)
            raise HttpConnectionError("died", code="http_connection")
        return kept(self, page, records=records)

    patch.setattr(PageStaging, "add", stage)


def test_an_interrupted_load_goes_on_with_what_it_owes(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blog = Blog(api, tmp_path)
    blog.broken = {"1": 404}
    blog.run("posts")
    with monkeypatch.context() as patch:
        _die_at(patch, unit=2)
        blog.run("comments", raise_on_error=False)
    asked = len(api.requests)

    run = blog.run("comments")

    assert run.get("comments", "resumed") is True
    assert [target.split("?")[0] for target in api.targets()[asked:]] == ["GET /posts/3/comments"] * 2
    assert run.get("comments", "failed_parents") == 1
    assert whole(2, 3) == blog.loaded()


def test_a_load_interrupted_inside_a_parent_starts_over_when_it_may_be_left_out(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blog = Blog(api, tmp_path, on_parent_error="fail")
    blog.broken, blog.pages_before = {"2": 404}, 1
    blog.run("posts")
    monkeypatch.setattr("dagster_rest.warehouse.stage.stager.Stager.discard", lambda self: None)
    stage = PageStaging.add

    def checkpointed(self: PageStaging, page: Any, *, records: list[Any]) -> bool:
        wanted = stage(self, page, records=records)
        write_checkpoint(self._loads[0].stager)
        return wanted

    with monkeypatch.context() as patch:
        patch.setattr(PageStaging, "add", checkpointed)
        blog.run("comments", raise_on_error=False)
    monkeypatch.undo()
    resources = blog.project.rest
    blog2 = Blog(api, tmp_path)
    blog2.project.rest, blog2.broken, blog2.pages_before = resources, {"2": 404}, 1

    blog2.run("comments")

    assert whole(1, 3) == blog2.loaded()


def test_many_held_pages_go_to_disk_and_come_back_in_order() -> None:
    held = HeldPages(most_records=3)
    pages = [
        HeldPage(unit=0, records=[{"n": n}] * 2, state={"page": n}, is_last=n == 9, resumable=False) for n in range(10)
    ]
    for page in pages:
        held.add(page)

    assert pages == list(held.take())
    assert list(held.take()) == []


def test_held_pages_can_be_dropped() -> None:
    held = HeldPages(most_records=0)
    held.add(HeldPage(unit=0, records=[1], state=None, is_last=False, resumable=False))

    held.drop()

    assert list(held.take()) == []


@pytest.mark.parametrize("fewer", [False, True])
def test_a_parent_is_still_owed_when_the_config_uses_other_fields_of_it(
    api: ApiServer, tmp_path: Path, fewer: bool
) -> None:
    broken = {"1"}
    api.json("/posts", [{"id": 1, "lang": "de"}, {"id": 2, "lang": "en"}])
    api.get("/posts/{id}/comments")(
        lambda request: (
            Reply(status=404, json={}) if request.path_params["id"] in broken else [{"post": request.path_params["id"]}]
        )
    )

    def config(**params: str) -> dict[str, Any]:
        comments = {"path": "posts/{resources.posts.id}/comments", "params": params, "on_parent_error": "skip"}
        keeps_lang = {"name": "by_lang", "selected": False, "endpoint": "posts/{resources.posts.lang}/comments"}
        return {
            "client": {"base_url": api.url, "paginator": "single_page"},
            "resources": [
                {"name": "posts", **KEYED, **INCREMENTAL},
                {"name": "comments", "endpoint": comments},
                keeps_lang,
            ],
        }

    by_lang = config(lang="{resources.posts.lang}")
    before, after = (by_lang, config()) if fewer else (config(), by_lang)
    project = Project(before, folder=tmp_path)
    project.materialize("posts", "comments")
    broken.clear()
    project.configure(after)

    project.materialize("posts", "comments")

    assert project.rows("comments", "post") == ["1", "2"]
    assert project.query("select count(*) from _dagster_rest.failed_parents") == [(0,)]


def test_a_run_with_a_range_of_its_own_pays_nothing_that_is_owed(api: ApiServer, tmp_path: Path) -> None:
    broken = {"1"}
    api.json("/posts", [{"id": 1}, {"id": 2}])
    api.get("/posts/{id}/comments")(
        lambda request: (
            Reply(status=404, json={})
            if request.path_params["id"] in broken
            else [{"post": int(request.path_params["id"]), "n": n} for n in (1, 5)]
        )
    )
    comments = {
        "path": "posts/{resources.posts.id}/comments",
        "on_parent_error": "skip",
        "incremental": {"cursor_path": "n", "initial_value": 0},
    }
    keyed = {"primary_key": ["post", "n"], "write_disposition": "merge"}
    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [{"name": "posts", **KEYED, **INCREMENTAL}, {"name": "comments", **keyed, "endpoint": comments}],
    }
    project = Project(config, folder=tmp_path)
    project.materialize()
    broken.clear()

    project.materialize("comments", config={"comments": RestRunConfig(start_value=4, end_value=9)})
    owed = project.query("select parent_key from _dagster_rest.failed_parents")
    project.materialize("comments")

    assert owed == [('[{"id": 1}]',)]
    assert project.rows("comments", "post", "n") == [(1, 1), (1, 5), (2, 1), (2, 5)]
    assert project.query("select parent_key from _dagster_rest.failed_parents") == []


def test_a_parent_of_an_earlier_load_is_owed_to_a_child_that_asks_for_the_latest(
    api: ApiServer, tmp_path: Path
) -> None:
    blog = Blog(api, tmp_path, posts=INCREMENTAL, comments={"fan_out": "all"})
    blog.broken = {"2": 404}
    blog.run()
    blog.posts.append({"id": 4})
    blog.run()
    blog.broken.clear()
    blog.posts.append({"id": 5})

    blog.run()

    assert whole(1, 2, 3, 4, 5) == blog.loaded()
    assert blog.failed() == []
