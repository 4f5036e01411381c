"""`parents: product`: every combination of the parents' rows is asked for, and each of them once."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest.assets.model.run_config import RestRunConfig
from dagster_rest.assets.run import step
from tests.assets.project import Project
from tests.support.server import ApiServer, Reply

INCREMENTAL = {"endpoint": {"path": "", "incremental": {"cursor_path": "id"}}}
MERGE = {"primary_key": "id", "write_disposition": "merge"}
KINDS: dict[str, dict[str, Any]] = {
    "incremental": INCREMENTAL,
    "incremental_merge": {**INCREMENTAL, **MERGE},
    "replace": {"write_disposition": "replace"},
    "merge": MERGE,
    "append": {},
}


class Shop:
    """Parents that grow, a child of their product, and what was asked for."""

    def __init__(self, api: ApiServer, folder: Path, *, child: dict[str, Any] | None = None, **kinds: str) -> None:
        self.api = api
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in kinds}
        self.broken: set[tuple[str, ...]] = set()
        path = "/".join(f"{{resources.{name}.id}}" for name in kinds)
        resources = [self._parent(name, KINDS[kind]) for name, kind in kinds.items()]
        resources.append({"name": "child", "parents": "product", "endpoint": f"child/{path}/rows", **(child or {})})
        config = {"client": {"base_url": api.url, "paginator": "single_page"}, "resources": resources}
        for name in kinds:
            api.get(f"/{name}")(lambda request, name=name: list(self.rows[name]))
        api.get("/child/" + "/".join(f"{{{name}}}" for name in kinds) + "/rows")(self._serve)
        self.project = Project(config, folder=folder)

    def _parent(self, name: str, kind: dict[str, Any]) -> dict[str, Any]:
        parent = {"name": name, **kind}
        if "endpoint" in kind:
            parent["endpoint"] = {**kind["endpoint"], "path": name}
        return parent

    def _serve(self, request: Any) -> Any:
        combination = tuple(request.path_params.values())
        if combination in self.broken:
            return Reply(status=404, json={})
        return [{"combination": "-".join(combination)}]

    def grow(self, name: str, *ids: int) -> None:
        self.rows[name] += [{"id": number} for number in ids]
        self.project.materialize(name)

    def run(self) -> int:
        """Load the child; how many combinations were asked for."""
        before = len(self.api.requests)
        self.project.materialize("child")
        return len(self.api.requests) - before

    def loaded(self) -> dict[str, int]:
        return dict(Counter(self.project.rows("child", "combination")))

    def product(self) -> dict[str, int]:
        ids = ([row["id"] for row in rows] for rows in self.rows.values())
        return dict.fromkeys(("-".join(map(str, one)) for one in itertools.product(*ids)), 1)


@pytest.mark.parametrize(
    "kinds",
    [
        {"a": "incremental", "b": "replace"},
        {"a": "merge", "b": "incremental"},
        {"a": "incremental", "b": "append"},
        {"a": "incremental", "b": "incremental_merge"},
        {"a": "incremental", "b": "replace", "c": "incremental"},
        {"a": "incremental", "b": "merge", "c": "append"},
    ],
    ids=lambda kinds: "-".join(kinds.values()),
)
def test_each_combination_once_whatever_grows(api: ApiServer, tmp_path: Path, kinds: dict[str, str]) -> None:
    shop, chance, number = Shop(api, tmp_path, **kinds), random.Random(5), itertools.count(1)
    for name in kinds:
        shop.grow(name, next(number))

    for _ in range(4):
        for name in chance.sample(list(kinds), k=chance.randrange(len(kinds) + 1)):
            # A parent may also run without anything new.
            shop.grow(name, *(next(number) for _ in range(chance.randrange(3))))
        before = sum(shop.loaded().values()) if "child" in shop.project.tables() else 0
        asked = shop.run()
        assert shop.product() == shop.loaded()
        assert asked == len(shop.product()) - before


def test_a_new_row_of_one_parent_meets_the_old_ones_of_the_other(api: ApiServer, tmp_path: Path) -> None:
    shop = Shop(api, tmp_path, posts="incremental", users="replace")
    shop.grow("posts", 1, 2)
    shop.grow("users", 7, 8, 9)
    shop.run()

    shop.grow("posts", 3)
    first = shop.run()
    shop.grow("users", 10)
    second = shop.run()

    assert (first, second, shop.run()) == (3, 3, 0)
    assert shop.product() == shop.loaded()


def test_a_parent_without_rows_yet_loses_nothing(api: ApiServer, tmp_path: Path) -> None:
    shop = Shop(api, tmp_path, posts="incremental", users="replace")
    shop.grow("posts", 1, 2)
    shop.grow("users")
    shop.run()
    shop.grow("users", 7)

    assert shop.run() == 2
    assert shop.product() == shop.loaded()


def test_a_row_that_went_and_came_back_meets_what_is_new_since(api: ApiServer, tmp_path: Path) -> None:
    shop = Shop(api, tmp_path, posts="incremental", users="replace")
    shop.grow("posts", 1)
    shop.grow("users", 7)
    shop.run()
    shop.rows["users"].clear()
    shop.grow("users")
    shop.grow("posts", 2)
    shop.run()
    shop.grow("users", 7)

    shop.run()

    # It counts as new, as a row does that a merge brings again.
    assert {"1-7": 2, "2-7": 1} == shop.loaded()


def test_an_append_parent_that_ran_twice_loses_nothing(api: ApiServer, tmp_path: Path) -> None:
    shop = Shop(api, tmp_path, posts="incremental", users="append")
    shop.grow("posts", 1)
    shop.grow("users", 7)
    shop.run()
    shop.rows["users"].clear()
    shop.grow("users", 8)
    shop.rows["users"].clear()
    shop.grow("users", 9)

    shop.run()

    assert {"1-7": 1, "1-8": 1, "1-9": 1} == shop.loaded()


@pytest.mark.parametrize("death", ["request", "event"])
def test_deaths_between_change_nothing(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: str
) -> None:
    shop = Shop(api, tmp_path, posts="incremental", users="replace")
    shop.grow("posts", 1, 2)
    shop.grow("users", 7, 8)
    shop.run()
    shop.grow("posts", 3)
    shop.grow("users", 9)
    with monkeypatch.context() as patch:
        if death == "request":
            shop.broken.add(("3", "8"))
        else:
            patch.setattr(step, "_result", lambda *_, **__: 1 / 0)
        failed = shop.project.materialize("child", raise_on_error=False)
    shop.broken.clear()
    shop.grow("users", 10)

    shop.run()

    assert not failed.result.success
    assert shop.product() == shop.loaded()


def test_two_children_of_one_product_count_for_themselves(api: ApiServer, tmp_path: Path) -> None:
    shop = Shop(api, tmp_path, posts="incremental", users="replace")
    config = shop.project
    api.get("/more/{posts}/{users}")(lambda request: [{"n": 1}])
    given = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {"name": "posts", **INCREMENTAL, "endpoint": {**INCREMENTAL["endpoint"], "path": "posts"}},
            {"name": "users", "write_disposition": "replace"},
            {
                "name": "child",
                "parents": "product",
                "endpoint": "child/{resources.posts.id}/{resources.users.id}/rows",
            },
            {
                "name": "more",
                "parents": "product",
                "fan_out": "all",
                "endpoint": "more/{resources.posts.id}/{resources.users.id}",
            },
        ],
    }
    config.configure(given)
    shop.grow("posts", 1)
    shop.grow("users", 7, 8)
    config.materialize("child", "more")
    shop.grow("users", 9)
    asked = len(api.requests)

    config.materialize("child", "more")

    assert Counter(target.split("/")[1] for target in api.targets()[asked:]) == {"child": 1, "more": 3}
    assert shop.product() == shop.loaded()


def test_a_full_refresh_takes_every_combination_again(api: ApiServer, tmp_path: Path) -> None:
    shop = Shop(api, tmp_path, posts="incremental", users="replace")
    shop.grow("posts", 1)
    shop.grow("users", 7)
    shop.run()
    shop.grow("users", 8)

    shop.project.materialize("child", config={"child": RestRunConfig(full_refresh=True)})
    shop.grow("posts", 2)
    shop.run()

    assert shop.product() == shop.loaded()
    assert shop.run() == 0


def test_a_row_of_another_assets_table_is_new_once(api: ApiServer, tmp_path: Path) -> None:
    api.get("/posts/{id}")(lambda request: [{"id": int(request.path_params["id"])}])
    people = [1]

    @dg.asset(key=["other", "people"], required_resource_keys={"duckdb"})
    def table(context) -> None:  # type: ignore[no-untyped-def]
        with context.resources.duckdb.get_connection() as connection:
            connection.execute("create schema if not exists other")
            connection.execute("create or replace table other.people (id bigint)")
            connection.executemany("insert into other.people values (?)", [[one] for one in people])

    config = {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            table,
            {"name": "posts", "fan_out": "new", "endpoint": {"path": "posts/{resources.people.id}"}},
        ],
    }
    project = Project(config, folder=tmp_path, others=[table])
    project.materialize()
    people.append(2)

    project.materialize()

    assert project.rows("posts", "id") == [1, 2]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_any_history_loads_each_combination_once(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance, number = random.Random(seed), itertools.count(1)
    kinds = {"a": chance.choice(["incremental", "incremental_merge"])}
    kinds |= {name: chance.choice(list(KINDS)) for name in "bc"[: chance.randrange(1, 3)]}
    shop = Shop(api, tmp_path, child={"endpoint": _skipping(kinds, chance)}, **kinds)
    for name in kinds:
        shop.grow(name, *(next(number) for _ in range(chance.randrange(3))))

    for _ in range(12):
        action = chance.choice(["grow", "grow", "run", "die", "break", "sample"])
        if action == "grow":
            shop.grow(chance.choice(list(kinds)), *(next(number) for _ in range(chance.randrange(3))))
            continue
        product = [tuple(one.split("-")) for one in shop.product()]
        shop.broken = set(chance.sample(product, k=min(len(product), 2))) if action == "break" else set()
        with monkeypatch.context() as patch:
            if action == "die":
                patch.setattr(step, "_result", lambda *_, **__: 1 / 0)
            config = {"child": RestRunConfig(limit=2)} if action == "sample" else None
            shop.project.materialize("child", config=config, raise_on_error=False)
    shop.broken = set()
    shop.run()

    assert shop.product() == (shop.loaded() if shop.product() else {})
    assert shop.run() == 0


def _skipping(kinds: dict[str, str], chance: random.Random) -> dict[str, Any]:
    path = "/".join(f"{{resources.{name}.id}}" for name in kinds)
    return {"path": f"child/{path}/rows", "on_parent_error": chance.choice(["skip", "fail"])}
