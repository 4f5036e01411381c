"""Children work on the stored rows of their parents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest.assets.errors import StateError
from tests.assets.project import Project
from tests.support.server import ApiServer, Reply

POSTS = [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}]


def blog(
    api: ApiServer, *, posts: dict[str, Any] | None = None, comments: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {"name": "posts", "endpoint": "posts", **(posts or {})},
            {"name": "comments", "endpoint": "posts/{resources.posts.id}/comments", **(comments or {})},
        ],
    }


@pytest.fixture
def serve(api: ApiServer) -> list[dict[str, Any]]:
    data = [dict(post) for post in POSTS]

    @api.get("/posts")
    def posts(request: Any) -> Any:
        return list(data)

    @api.get("/posts/{id}/comments")
    def comments(request: Any) -> Any:
        return [{"post": int(request.path_params["id"]), "n": n} for n in range(2)]

    return data


def test_a_placeholder_is_an_asset_dependency(api: ApiServer, tmp_path: Path) -> None:
    project = Project(blog(api), folder=tmp_path)

    child = project.assets[1].specs_by_key[dg.AssetKey(["src", "comments"])]

    assert [dep.asset_key for dep in child.deps] == [dg.AssetKey(["src", "posts"])]


def test_a_child_alone_asks_nothing_of_its_parents_api(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    Project(blog(api), folder=tmp_path).materialize("posts")
    asked = len(api.requests)

    later = Project(blog(api), folder=tmp_path)
    later.materialize("comments")

    assert api.targets()[asked:] == ["GET /posts/1/comments", "GET /posts/2/comments"]
    assert later.rows("comments", "post", "n") == [(1, 0), (1, 1), (2, 0), (2, 1)]


def test_a_child_before_its_parent_is_an_error_that_says_what_to_do(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"state_parent_not_loaded.*Materialize src/posts first"):
        Project(blog(api), folder=tmp_path).materialize("comments")

    assert api.requests == []


def test_include_from_parent_is_on_every_row(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    serve[0]["author"] = {"name": "x"}
    serve[1]["author"] = {"name": "y"}
    project = Project(blog(api, comments={"include_from_parent": ["id", "title", "author.name"]}), folder=tmp_path)

    project.materialize()

    expected = [(1, "a", "x", 0), (1, "a", "x", 1), (2, "b", "y", 0), (2, "b", "y", 1)]
    assert expected == project.rows("comments", "_posts_id", "_posts_title", "_posts_author_name", "n")


def test_the_default_for_an_append_parent_is_its_latest_load(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    project = Project(blog(api), folder=tmp_path)
    project.materialize("posts")
    serve[:] = [{"id": 3, "title": "c"}]
    project.materialize("posts")
    asked = len(api.requests)

    project.materialize("comments")

    assert api.targets()[asked:] == ["GET /posts/3/comments"]


def test_all_rows_of_a_merge_parent_are_its_current_rows(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    keyed = {"primary_key": "id", "write_disposition": "merge"}
    project = Project(blog(api, posts=keyed), folder=tmp_path)
    project.materialize("posts")
    serve[:] = [{"id": 2, "title": "B"}, {"id": 3, "title": "c"}]
    project.materialize("posts")
    asked = len(api.requests)

    project.materialize("comments")

    assert sorted(api.targets()[asked:]) == [f"GET /posts/{n}/comments" for n in (1, 2, 3)]


def test_new_is_what_the_child_has_not_consumed(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    project = Project(blog(api, comments={"fan_out": "new"}), folder=tmp_path)
    project.materialize()
    serve[:] = [{"id": 3, "title": "c"}]
    project.materialize("posts")
    serve[:] = [{"id": 4, "title": "d"}]
    project.materialize("posts")
    asked = len(api.requests)

    project.materialize("comments")
    again = project.materialize("comments")

    assert api.targets()[asked:] == ["GET /posts/3/comments", "GET /posts/4/comments"]
    assert again.get("comments", "parents") == 0


def test_new_is_the_default_when_the_parent_is_incremental(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    incremental = {"endpoint": {"path": "posts", "incremental": {"cursor_path": "id"}}}
    project = Project(blog(api, posts=incremental), folder=tmp_path)
    project.materialize()
    serve.append({"id": 3, "title": "c"})
    asked = len(api.requests)

    project.materialize()

    assert api.targets()[asked:] == ["GET /posts", "GET /posts/3/comments"]


def test_a_child_that_fails_has_consumed_nothing(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    broken = {"now": True}

    @api.get("/posts/{id}/likes")
    def likes(request: Any) -> Any:
        if broken["now"] and request.path_params["id"] == "2":
            return Reply(status=404, json={})
        return [{"post": int(request.path_params["id"])}]

    config = blog(api, comments={"endpoint": "posts/{resources.posts.id}/likes", "fan_out": "new"})
    project = Project(config, folder=tmp_path)
    project.materialize("posts")
    failed = project.materialize("comments", raise_on_error=False)
    broken["now"] = False

    project.materialize("comments")

    assert not failed.result.success
    assert project.rows("comments", "post") == [1, 2]


def test_identical_requests_are_made_once(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    serve[:] = [{"id": 1, "title": "a"}, {"id": 1, "title": "b"}]
    project = Project(blog(api, comments={"include_from_parent": ["title"]}), folder=tmp_path)

    project.materialize()

    assert api.targets().count("GET /posts/1/comments") == 1
    assert project.rows("comments", "_posts_title", "n") == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_chains_of_any_depth_and_two_children_of_one_parent(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    @api.get("/posts/{id}/likes")
    def likes(request: Any) -> Any:
        return [{"who": f"u{request.path_params['id']}"}]

    @api.get("/users/{who}")
    def user(request: Any) -> Any:
        return {"name": request.path_params["who"].upper()}

    config = blog(api)
    config["resources"] += [
        {"name": "likes", "endpoint": "posts/{resources.posts.id}/likes"},
        {"name": "users", "endpoint": "users/{resources.likes.who}"},
    ]
    project = Project(config, folder=tmp_path)

    project.materialize()

    assert project.rows("users", "name") == ["U1", "U2"]
    assert api.targets().count("GET /posts") == 1


def test_an_unselected_parent_keeps_keys_and_has_no_table(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    project = Project(blog(api, posts={"selected": False}), folder=tmp_path)

    run = project.materialize()

    assert run.keys == ["posts", "comments"]
    assert project.tables() == ["comments"]
    assert len(project.rows("comments")) == 4


def test_what_nobody_needs_is_not_asked_for(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    config = blog(api)
    config["resources"] = [{"name": "posts", "selected": False}]
    project = Project(config, folder=tmp_path)

    project.materialize()

    assert api.requests == []


def test_a_python_callable_is_a_parent(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    def ids() -> Any:
        yield [{"id": 1}]
        yield [{"id": 2}]

    config = blog(api)
    config["resources"][0] = {"name": "posts", "source": ids, "selected": False}
    project = Project(config, folder=tmp_path)

    project.materialize()

    assert api.targets() == ["GET /posts/1/comments", "GET /posts/2/comments"]


def test_another_asset_with_a_table_is_a_parent(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    @dg.asset(key=["other", "posts"], required_resource_keys={"duckdb"})
    def other_posts(context) -> None:  # type: ignore[no-untyped-def]
        with context.resources.duckdb.get_connection() as connection:
            connection.execute("create schema other; create table other.posts as select 2 as id, 'x' as title")

    config = blog(api, comments={"include_from_parent": ["title"]})
    config["resources"][0] = other_posts
    project = Project(config, folder=tmp_path, others=[other_posts])

    project.materialize()

    assert [dep.asset_key.path for dep in next(iter(project.assets[0].specs)).deps] == [["other", "posts"]]
    assert api.targets() == ["GET /posts/2/comments"]
    assert project.rows("comments", "_posts_title", "n") == [("x", 0), ("x", 1)]


def test_a_field_is_a_jsonpath(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    serve[:] = [{"items": [{"id": 5}, {"id": 6}]}]
    config = blog(api, comments={"endpoint": "posts/{resources.posts.items[0].id}/comments"})
    project = Project(config, folder=tmp_path)

    project.materialize()

    assert api.targets() == ["GET /posts", "GET /posts/5/comments"]


def test_a_field_the_parent_lacks_says_so(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    config = blog(api, comments={"endpoint": "posts/{resources.posts.nothing}/comments"})

    with pytest.raises(StateError, match=r"state_parent_field_missing.*'nothing'"):
        Project(config, folder=tmp_path).materialize()


def test_a_null_parent_value_in_the_path_is_skipped_and_counted(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    serve.append({"id": None, "title": "c"})
    project = Project(blog(api), folder=tmp_path)

    run = project.materialize()

    assert run.get("comments", "null_parents") == 1
    assert run.get("comments", "parents") == 3
    assert len(project.rows("comments")) == 4


def test_a_null_parent_value_can_be_refused(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    serve.append({"id": None, "title": "c"})
    config = blog(api, comments={"endpoint": {"path": "posts/{resources.posts.id}/comments", "on_null_parent": "fail"}})

    with pytest.raises(StateError, match="state_null_parent"):
        Project(config, folder=tmp_path).materialize()


def test_two_parents_give_their_product(api: ApiServer, tmp_path: Path) -> None:
    api.json("/years", [{"y": 1}, {"y": 2}])
    api.json("/shops", [{"s": "a"}, {"s": "b"}])

    @api.get("/sales/{year}/{shop}")
    def sales(request: Any) -> Any:
        return [dict(request.path_params)]

    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            "years",
            "shops",
            {"name": "sales", "endpoint": "sales/{resources.years.y}/{resources.shops.s}", "parents": "product"},
        ],
    }
    project = Project(config, folder=tmp_path)

    project.materialize()

    assert project.rows("sales", "year", "shop") == [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b")]


def test_a_batch_sends_many_parent_values_in_one_request(api: ApiServer, tmp_path: Path) -> None:
    api.json("/posts", [{"id": n} for n in range(5)])

    @api.get("/comments")
    def comments(request: Any) -> Any:
        return [{"post": int(n)} for n in request.query["ids"][0].split(",")]

    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            "posts",
            {
                "name": "comments",
                "endpoint": {"path": "comments", "params": {"ids": "{resources.posts.id}"}},
                "batch": {"param": "ids", "size": 2},
            },
        ],
    }
    project = Project(config, folder=tmp_path)

    project.materialize()

    assert [request.query["ids"] for request in api.requests[1:]] == [["0,1"], ["2,3"], ["4"]]
    assert project.rows("comments", "post") == [0, 1, 2, 3, 4]


def test_a_database_file_may_be_named_like_the_dataset(api: ApiServer, serve: Any, tmp_path: Path) -> None:
    keyed = {"primary_key": "id", "write_disposition": "merge"}
    project = Project(blog(api, posts=keyed, comments={"write_disposition": "replace"}), folder=tmp_path)
    project.database = str(tmp_path / "src.duckdb")

    project.materialize()
    project.materialize()

    assert project.query("select count(*) from src.src.posts") == [(2,)]
    assert project.query("select count(*) from src.src.comments") == [(4,)]


@pytest.mark.parametrize("primary_key", [None, "id"])
def test_a_merge_key_says_which_parents_are_gone(
    api: ApiServer, serve: Any, tmp_path: Path, primary_key: str | None
) -> None:
    serve[:] = [{"id": 1, "day": "a"}, {"id": 2, "day": "a"}, {"id": 3, "day": "b"}]
    merged = {"merge_key": "day", "write_disposition": "merge"} | ({"primary_key": primary_key} if primary_key else {})
    project = Project(blog(api, posts=merged), folder=tmp_path)
    project.materialize("posts")
    project.materialize("comments")
    first = api.targets()[1:]
    serve[:] = [{"id": 4, "day": "a"}]
    project.materialize("posts")
    asked = len(api.requests)

    project.materialize("comments")

    assert project.rows("posts", "id") == [3, 4]
    assert first == [f"GET /posts/{n}/comments" for n in (1, 2, 3)]
    assert api.targets()[asked:] == [f"GET /posts/{n}/comments" for n in (3, 4)]


def test_a_merge_key_that_the_strategy_does_not_use_keeps_the_others(
    api: ApiServer, serve: Any, tmp_path: Path
) -> None:
    serve[:] = [{"id": 1, "day": "a"}, {"id": 2, "day": "a"}]
    upsert = {"disposition": "merge", "strategy": "upsert"}
    project = Project(
        blog(api, posts={"merge_key": "day", "primary_key": "id", "write_disposition": upsert}), folder=tmp_path
    )
    project.materialize("posts")
    serve[:] = [{"id": 2, "day": "a"}]
    project.materialize("posts")
    asked = len(api.requests)

    project.materialize("comments")

    assert project.rows("posts", "id") == [1, 2]
    assert sorted(api.targets()[asked:]) == ["GET /posts/1/comments", "GET /posts/2/comments"]


USERS_BY_KEY = {"name": "users", "primary_key": "id", "write_disposition": "merge"}
PETS = {"name": "pets", "write_disposition": "replace", "endpoint": "users/{resources.users.id}/pets"}


def pets_of(api: ApiServer, folder: Path, users: dict[str, Any], **pets: Any) -> tuple[Project, list[dict[str, Any]]]:
    """A project with users that a merge keeps and a pet of each; the users that the API has."""
    served: list[dict[str, Any]] = []
    api.get("/users")(lambda request: list(served))
    api.get("/users/{id}/pets")(lambda request: [{"owner": request.path_params["id"]}])
    client = {"base_url": api.url, "paginator": "single_page"}
    resources = [{**USERS_BY_KEY, "endpoint": "users", **users}, {**PETS, **pets}]
    return Project({"client": client, "resources": resources}, folder=folder), served


@pytest.mark.parametrize("key", ["primary_key", "merge_key"])
def test_a_key_may_be_named_as_the_table_names_it(api: ApiServer, tmp_path: Path, key: str) -> None:
    users = {"primary_key": None, key: "user_key"}
    project, served = pets_of(api, tmp_path, users)
    served += [{"userKey": f"k{number}", "id": number} for number in (1, 2, 3)]
    project.materialize()
    served[:] = [{"userKey": "k3", "id": 4}]

    project.materialize()

    assert project.rows("users", "id") == [1, 2, 4]
    assert project.rows("pets", "owner") == ["1", "2", "4"]


def test_a_key_that_is_nested_may_be_named_as_a_column(api: ApiServer, tmp_path: Path) -> None:
    project, served = pets_of(api, tmp_path, {"primary_key": "data__userKey"})
    served += [{"data": {"userKey": f"k{number}"}, "id": number} for number in (1, 2)]
    project.materialize()
    served[:] = [{"data": {"userKey": "k2"}, "id": 3}]

    project.materialize()

    assert project.rows("pets", "owner") == [str(one) for one in project.rows("users", "id")] == ["1", "3"]


def test_a_parents_key_that_comes_as_text_is_the_same_parent(api: ApiServer, tmp_path: Path) -> None:
    project, served = pets_of(api, tmp_path, {})
    served += [{"id": 1}, {"id": 2}]
    project.materialize()
    served[:] = [{"id": "1"}, {"id": 2.0}, {"id": "3"}]

    project.materialize()

    assert project.rows("users", "id") == [1, 2, 3]
    assert len(project.rows("pets", "owner")) == 3


@pytest.mark.parametrize(
    ("hint", "gone"),
    [
        ({"data_type": "bool", "hard_delete": True}, True),
        ({"data_type": "bool", "hard_delete": True}, "true"),
        ({"data_type": "timestamp", "hard_delete": True}, "2026-01-01T00:00:00Z"),
    ],
)
def test_a_parent_that_a_hint_deletes_is_asked_for_no_more(
    api: ApiServer, tmp_path: Path, hint: dict[str, Any], gone: Any
) -> None:
    project, served = pets_of(api, tmp_path, {"columns": {"is_gone": hint}})
    served += [{"id": 1, "isGone": None}, {"id": 2}]
    project.materialize()
    served[:] = [{"id": 1, "isGone": gone}]

    project.materialize()

    assert project.rows("users", "id") == [2]
    assert project.rows("pets", "owner") == ["2"]


@pytest.mark.parametrize(("order", "name"), [("desc", "newest"), ("asc", "oldest")])
def test_of_several_rows_of_one_parent_a_child_sees_the_one_in_the_table(
    api: ApiServer, tmp_path: Path, order: str, name: str
) -> None:
    users = {"columns": {"version": {"dedup_sort": order}}}
    project, served = pets_of(api, tmp_path, users, include_from_parent=["name"])
    served += [
        {"id": 1, "version": number, "name": text}
        for number, text in ((9, "older"), (10, "newest"), (None, "none"), (2, "oldest"), (3, "last"))
    ]

    project.materialize()

    assert project.rows("users", "name") == [name]
    assert project.rows("pets", "_users_name") == [name]


@pytest.mark.parametrize(
    ("hint", "versions"),
    [
        ({}, ["2024-01-01T00:00:00.000000002Z", "2024-01-01T00:00:00.000000001Z"]),
        ({}, [10**40 + 2, 10**40 + 1]),
        ({"data_type": "text"}, ["9", "10"]),
    ],
)
def test_a_child_sees_the_row_in_the_table_to_the_last_digit(
    api: ApiServer, tmp_path: Path, hint: Any, versions: list[Any]
) -> None:
    users = {"columns": {"version": {"dedup_sort": "desc", **hint}}}
    project, served = pets_of(api, tmp_path, users, include_from_parent=["name"])
    served += [{"id": 1, "version": one, "name": f"name {n}"} for n, one in enumerate(versions)]

    project.materialize()

    assert project.rows("users", "name") == ["name 0"]
    assert project.rows("pets", "_users_name") == ["name 0"]


EU = {"destination_scope": "region = 'eu'"}


@pytest.mark.parametrize(
    ("users", "key"),
    [
        ({"strategy": "delete-insert", **EU}, "id"),
        ({"strategy": "cdc", **EU}, "id"),
        ({"strategy": "scd2", **EU}, "id"),
        ({"strategy": "scd2", "active_record_timestamp": "9999-12-31", **EU}, "id"),
        ({"strategy": "delete-insert", **EU}, "at"),
        ({"strategy": "cdc", **EU}, "name"),
    ],
)
def test_a_child_asks_for_the_parents_that_a_scope_leaves(
    api: ApiServer, tmp_path: Path, users: dict[str, Any], key: str
) -> None:
    project, served = pets_of(
        api, tmp_path, {"write_disposition": {"disposition": "merge", **users}, "primary_key": key}
    )
    regions = {1: "us", 2: "eu", 3: "eu"}
    served += [
        {"id": n, "at": f"2026-01-0{n}T00:00:00Z", "name": f"n{n}", "region": region} for n, region in regions.items()
    ]
    project.materialize()
    del served[:2]

    project.materialize()

    open_versions = " where _valid_to is null or _valid_to > now()" if users["strategy"] == "scd2" else ""
    assert project.query(f"select id from src.users{open_versions} order by 1") == [(1,), (3,)]
    assert project.rows("pets", "owner") == ["1", "3"]


def test_a_scope_deletes_parents_by_merge_key_too(api: ApiServer, tmp_path: Path) -> None:
    scoped = {"disposition": "merge", "strategy": "delete-insert", **EU}
    project, served = pets_of(api, tmp_path, {"write_disposition": scoped, "primary_key": None, "merge_key": "day"})
    served += [{"id": n, "day": f"2026-01-0{n}", "region": "us" if n == 1 else "eu"} for n in (1, 2, 3)]
    project.materialize()
    del served[:2]

    project.materialize()

    assert project.rows("users", "id") == [1, 3]
    assert project.rows("pets", "owner") == ["1", "3"]


@pytest.mark.parametrize("strategy", ["delete-insert", "upsert", "insert-only"])
def test_a_child_does_not_ask_for_parents_that_a_filter_leaves_out(
    api: ApiServer, tmp_path: Path, strategy: str
) -> None:
    filtered = {"disposition": "merge", "strategy": strategy, "source_filter": "id < 2"}
    project, served = pets_of(api, tmp_path, {"write_disposition": filtered})
    served += [{"id": 1}, {"id": 2}]

    project.materialize()

    assert project.rows("pets", "owner") == ["1"]


@pytest.mark.parametrize(
    ("hint", "ids"),
    [
        ({"data_type": "text"}, [1.0, True, "x", 10**40]),
        ({"data_type": "decimal"}, [1.5, "2.50", 3]),
        ({"data_type": "date"}, ["2026-01-01T00:00:00Z", "2026-01-02"]),
        ({"data_type": "date"}, ["2026-01-01T22:00:00-02:00"]),
        ({"data_type": "timestamp"}, [1767225600, "2026-01-02", "20260103T000000Z"]),
        ({"data_type": "timestamp", "timezone": False}, ["2026-01-01", "2026-01-02T10:00:00+02:00"]),
        ({"data_type": "bool"}, ["yes", False]),
        ({"data_type": "binary"}, ["YQ==", "Yg=="]),
    ],
)
def test_a_parent_in_the_table_is_never_left_out_whatever_its_key(
    api: ApiServer, tmp_path: Path, hint: dict[str, Any], ids: list[Any]
) -> None:
    filtered = {"disposition": "merge", "strategy": "upsert", "source_filter": "n >= 0"}
    more = {"write_disposition": filtered, "columns": {"id": hint}}
    project, served = pets_of(api, tmp_path, more, endpoint="users/{resources.users.n}/pets")
    served += [{"id": one, "n": n} for n, one in enumerate(ids)]

    project.materialize()

    assert project.rows("pets", "owner") == [str(n) for n in range(len(ids))]


def test_a_child_does_not_ask_for_parents_that_a_contract_discards(api: ApiServer, tmp_path: Path) -> None:
    contract = {"schema_contract": {"data_type": "discard_row"}, "columns": {"size": {"data_type": "bigint"}}}
    project, served = pets_of(api, tmp_path, contract)
    served += [{"id": 1, "size": 1}, {"id": 2, "size": "x"}]

    project.materialize()

    assert project.rows("users", "id") == [1]
    assert project.rows("pets", "owner") == ["1"]


@pytest.mark.parametrize("before", [[False], [True, False], [True, False, False]])
@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_resource_that_gets_a_table_has_all_its_rows_in_it(
    api: ApiServer, tmp_path: Path, before: list[bool], disposition: str
) -> None:
    users = {"write_disposition": disposition, "endpoint": {"path": "users", "incremental": {"cursor_path": "id"}}}
    started = []
    for number, selected in enumerate([*before, True, True]):
        if number == 0:
            project, served = pets_of(api, tmp_path, {**users, "selected": selected}, write_disposition="append")
        else:
            client = {"base_url": api.url, "paginator": "single_page"}
            resources = [{**USERS_BY_KEY, **users, "selected": selected}, {**PETS, "write_disposition": "append"}]
            project.configure({"client": client, "resources": resources})
        served.append({"id": number})
        started.append(project.materialize("users").get("users", "started_from"))

    assert project.rows("users", "id") == list(range(len(before) + 2))
    assert started[-2:] == ["missing_table", "normal"]


def test_a_child_that_gets_a_table_has_the_rows_of_all_parents_in_it(api: ApiServer, tmp_path: Path) -> None:
    toys = {"name": "toys", "endpoint": "users/{resources.pets.owner}/pets"}
    pets = {"write_disposition": "append", "fan_out": "new"}
    project, served = pets_of(api, tmp_path, {})
    client = {"base_url": api.url, "paginator": "single_page"}
    for number, selected in enumerate([False, True]):
        served.append({"id": number})
        users = {**USERS_BY_KEY, "endpoint": {"path": "users", "incremental": {"cursor_path": "id"}}}
        resources = [users, {**PETS, **pets, "selected": selected}, toys]
        project.configure({"client": client, "resources": resources})
        project.materialize()

    assert project.rows("pets", "owner") == ["0", "1"]
