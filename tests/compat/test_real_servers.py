"""Configs against REST servers nobody of this project wrote; what is loaded is what was put in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import httpx
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest import RestApiResource, build_rest_assets
from tests.compat.real_servers import DATASETTE_TOKEN, KINTO_USER, datasette, json_server, kinto

pytestmark = pytest.mark.compat


class Loader:
    """Materializes a config again and again into one DuckDB file, with one Dagster instance."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.database = folder / "loaded.duckdb"
        self._instance = instance

    def load(self, config: dict[str, Any]) -> dict[str, int]:
        """Materialize all; rows loaded by asset."""
        result = dg.materialize(
            build_rest_assets(config, name="api"),
            resources={
                "api": RestApiResource.from_config(config["client"]),
                "duckdb": DuckDBResource(database=str(self.database)),
            },
            instance=self._instance,
        )
        return {
            event.asset_key.path[-1]: event.materialization.metadata["dagster_rest/rows_loaded"].value
            for event in result.get_asset_materialization_events()
            if event.asset_key
        }

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the loaded tables."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def loader(tmp_path: Path) -> Iterator[Loader]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Loader(tmp_path, instance)


# Kinto: accounts, buckets > collections > records, `_since` -----------------------------------------------------


def kinto_config(url: str) -> dict[str, Any]:
    user, password = KINTO_USER
    return {
        "client": {
            "base_url": url,
            "auth": {"type": "http_basic", "username": user, "password": password},
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"data_selector": "data", "paginator": "single_page"},
        },
        "resources": [
            "buckets",
            {
                "name": "collections",
                "endpoint": "buckets/{resources.buckets.id}/collections",
                "include_from_parent": ["id"],
            },
            {
                "name": "records",
                "primary_key": ["_collections_id", "id"],
                "include_from_parent": ["id", "_buckets_id"],
                "endpoint": {
                    "path": (
                        "buckets/{resources.collections._buckets_id}/collections/{resources.collections.id}/records"
                    ),
                    "params": {"_sort": "last_modified"},
                    "incremental": {"cursor_path": "last_modified", "start_param": "_since"},
                },
            },
        ],
    }


def put_kinto(client: httpx.Client, path: str, data: dict[str, Any]) -> None:
    client.put(path, json={"data": data}).raise_for_status()


def test_kinto_three_levels_with_basic_auth_and_a_cursor_per_parent(tmp_path: Path, loader: Loader) -> None:
    with kinto(tmp_path) as client:
        for bucket, collections in {"shop": ["orders", "carts"], "blog": ["posts"]}.items():
            put_kinto(client, f"buckets/{bucket}", {"owner": bucket.title()})
            for collection in collections:
                put_kinto(client, f"buckets/{bucket}/collections/{collection}", {})
                for number in range(1, 4):
                    record = {"n": number, "tags": ["a", f"t{number}"], "price": {"net": number * 1.5}}
                    put_kinto(client, f"buckets/{bucket}/collections/{collection}/records/r{number}", record)
        config = kinto_config(str(client.base_url).rstrip("/"))

        first = loader.load(config)
        put_kinto(client, "buckets/shop/collections/orders/records/r2", {"n": 20, "tags": []})
        put_kinto(client, "buckets/blog/collections/posts/records/r9", {"n": 9, "tags": ["new"]})
        second = loader.load(config)

    assert {"buckets": 2, "collections": 3, "records": 9} == first
    assert 2 == second["records"]
    assert [("blog", "Blog"), ("shop", "Shop")] == loader.rows("select id, owner from api.buckets order by id")
    assert [
        *(("carts", f"r{n}", n) for n in (1, 2, 3)),
        *(("orders", f"r{n}", m) for n, m in ((1, 1), (2, 20), (3, 3))),
        *(("posts", f"r{n}", n) for n in (1, 2, 3, 9)),
    ] == loader.rows("select _collections_id, id, n from api.records order by all")
    assert [("carts", 2, 6), ("orders", 2, 4), ("posts", 2, 7)] == loader.rows(
        "select _collections_id, max(_list_index) + 1, count(*) from api.records__tags t "
        "join api.records r on t._parent_row_id = r._row_id group by 1 order by 1"
    )
    assert [(1.5,)] == loader.rows("select distinct price__net from api.records where n = 1")


# Datasette: SQLite tables, next_url, a bearer token, filters ----------------------------------------------------

SERIES = "with recursive n(v) as (select 1 union all select v + 1 from n where v < {count}) "
LIBRARY = (
    "create table authors(id integer primary key, name text, score real);"
    "create table books(id integer primary key, author_id integer, title text, updated text);"
    + SERIES.format(count=7)
    + "insert into authors select v, 'author ' || v, v / 2.0 from n;"
    + SERIES.format(count=60)
    + "insert into books select v, v % 7 + 1, 'book ' || v, printf('2024-03-%02dT00:00:00Z', v % 28 + 1) from n;"
)


def datasette_config(url: str) -> dict[str, Any]:
    return {
        "client": {
            "base_url": f"{url}/library/",
            "auth": {"type": "bearer", "token": DATASETTE_TOKEN},
            "paginator": {"type": "json_link", "next_url_path": "next_url"},
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"data_selector": "rows", "params": {"_shape": "objects"}},
        },
        "resources": [
            {"name": "authors", "endpoint": "authors.json"},
            {
                "name": "books_of_authors",
                "endpoint": {"path": "books.json", "params": {"author_id__exact": "{resources.authors.id}"}},
                "include_from_parent": ["name"],
            },
            {
                "name": "recent_books",
                "endpoint": {
                    "path": "books.json",
                    "params": {"_sort": "updated"},
                    "incremental": {
                        "cursor_path": "updated",
                        "initial_value": "2024-03-15T00:00:00Z",
                        "start_param": "updated__gte",
                    },
                },
            },
        ],
    }


def test_datasette_with_a_token_next_links_children_by_query_and_a_cursor(tmp_path: Path, loader: Loader) -> None:
    with datasette(tmp_path, LIBRARY) as (url, database):
        config = datasette_config(url)
        first = loader.load(config)
        database.executescript(
            "insert into books values (61, 3, 'book 61', '2024-04-01T00:00:00Z');"
            "update books set title = 'second edition', updated = '2024-04-02T00:00:00Z' where id = 1;"
        )
        second = loader.load(config)
        put_in = database.execute("select id, author_id, title from books order by id").fetchall()
        recent = database.execute("select id from books where updated >= '2024-03-15' order by id").fetchall()

    assert {"authors": 7, "books_of_authors": 60, "recent_books": 28} == first
    assert 2 == second["recent_books"]
    assert [(n, f"author {n}", n / 2) for n in range(1, 8)] == loader.rows(
        "select id, name, score from api.authors order by id"
    )
    assert put_in == loader.rows("select id, author_id, title from api.books_of_authors order by id")
    assert [] == loader.rows("select * from api.books_of_authors where _authors_name <> 'author ' || author_id")
    assert recent == loader.rows("select id from api.recent_books order by id")
    assert [("TIMESTAMP WITH TIME ZONE",)] == loader.rows(
        "select data_type from duckdb_columns() where table_name = 'recent_books' and column_name = 'updated'"
    )


def test_datasette_refuses_a_wrong_token_and_nothing_is_loaded(tmp_path: Path, loader: Loader) -> None:
    with datasette(tmp_path, LIBRARY) as (url, _):
        config = datasette_config(url)
        config["client"]["auth"]["token"] = "wrong-and-secret"
        with pytest.raises(Exception, match="403") as refused:
            loader.load(config)

    assert "wrong-and-secret" not in str(refused.value)
    assert not loader.database.exists() or [] == loader.rows("select * from duckdb_tables() where schema_name = 'api'")


# json-server: Link headers, nested routes, filters --------------------------------------------------------------


def json_server_config(url: str) -> dict[str, Any]:
    return {
        "client": {"base_url": url},
        "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
        "resources": [
            {
                "name": "posts",
                "endpoint": {"params": {"_page": 1, "_limit": 4}, "paginator": "header_link"},
            },
            {
                "name": "comments",
                "endpoint": "posts/{resources.posts.id}/comments",
                "include_from_parent": ["title"],
            },
            {"name": "profile", "write_disposition": "replace", "primary_key": []},
            {
                "name": "users",
                "endpoint": {
                    "params": {"_sort": "updatedAt", "_page": 1, "_limit": 2},
                    "paginator": "header_link",
                    "incremental": {
                        "cursor_path": "updatedAt",
                        "initial_value": "2024-01-03T00:00:00Z",
                        "start_param": "updatedAt_gte",
                    },
                },
            },
        ],
    }


def test_json_server_link_headers_nested_routes_an_object_and_a_cursor(tmp_path: Path, loader: Loader) -> None:
    posts = [{"id": n, "title": f"post {n}", "meta": {"stars": n * 1.5, "tags": ["x"] * (n % 3)}} for n in range(1, 11)]
    comments = [{"id": n, "postId": n % 10 + 1, "body": f"comment {n}"} for n in range(1, 26)]
    users = [{"id": n, "updatedAt": f"2024-01-{n:02d}T00:00:00Z", "active": n % 2 == 0} for n in range(1, 9)]
    tables = {"posts": posts, "comments": comments, "users": users, "profile": {"name": "typicode", "on": True}}
    with json_server(tmp_path, tables) as client:  # type: ignore[arg-type]
        config = json_server_config(str(client.base_url).rstrip("/"))
        first = loader.load(config)
        client.post("/users", json={"id": 9, "updatedAt": "2024-02-01T00:00:00Z", "active": None}).raise_for_status()
        client.patch("/users/4", json={"updatedAt": "2024-02-02T00:00:00Z"}).raise_for_status()
        client.patch("/posts/3", json={"title": "changed"}).raise_for_status()
        second = loader.load(config)

    assert {"posts": 10, "comments": 25, "profile": 1, "users": 6} == first
    assert 2 == second["users"]
    assert [(n, "changed" if n == 3 else f"post {n}", n * 1.5) for n in range(1, 11)] == loader.rows(
        "select id, title, meta__stars from api.posts order by id"
    )
    assert [(sum(n % 3 for n in range(1, 11)),)] == loader.rows("select count(*) from api.posts__meta__tags")
    assert [(n, n % 10 + 1, f"comment {n}") for n in range(1, 26)] == loader.rows(
        "select id, post_id, body from api.comments order by id"
    )
    assert [("changed",)] == loader.rows("select distinct _posts_title from api.comments where post_id = 3")
    assert [(3, False), (4, True), (5, False), (6, True), (7, False), (8, True), (9, None)] == loader.rows(
        "select id, active from api.users order by id"
    )
    assert [("typicode", True)] == loader.rows('select name, "on" from api.profile')
