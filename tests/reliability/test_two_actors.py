"""Two actors, deleted runs, aged loads, hand-made changes: what the tables hold then, and that each guard is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster_shared.check.functions import CheckError

from dagster_rest import RestRunConfig
from dagster_rest.assets.run import step
from tests.reliability.actors import Actor, Stand, stage
from tests.reliability.guards import STATE_GUARDS, patches
from tests.support.server import ApiServer

ROWS = 10
KEY = dg.AssetKey(["src", "items"])
Make = Callable[..., Stand]
Scenario = Callable[[Any, Make], list[int]]


class Shop:
    """An API with a list of numbered rows; it may be asked for a range."""

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        self.rows = [{"id": number, "at": number, "moved": number} for number in range(ROWS)]
        api.get("/items")(self._items)

    def _items(self, request: Any) -> Any:
        since, until = int(request.param("since") or 0), int(request.param("until") or 10**9)
        return [row for row in self.rows if since <= row["at"] <= until]

    def grows(self, *, to: int) -> None:
        self.rows += [{"id": number, "at": number, "moved": number} for number in range(len(self.rows), to)]

    def has_only(self, *numbers: int) -> None:
        self.rows = [{"id": number, "at": number, "moved": number} for number in numbers]

    @property
    def requests(self) -> int:
        return len(self.api.requests)


@pytest.fixture
def shop(api: ApiServer) -> Shop:
    return Shop(api)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with stage(tmp_path) as one:
        yield one


def items(url: str, *, incremental: dict[str, Any] | None = None, **resource: Any) -> dict[str, Any]:
    endpoint: dict[str, Any] = {"path": "items", "paginator": "single_page"}
    if incremental is not None:
        endpoint["params"] = {"since": "{incremental.start_value}", "until": "{incremental.end_value}"}
        endpoint["incremental"] = {"cursor_path": "at", "initial_value": 0, **incremental}
    one = {"name": "items", "write_disposition": "append", **resource, "endpoint": endpoint}
    return {"client": {"base_url": url}, "resources": [one]}


@pytest.fixture
def make(shop: Shop, tmp_path: Path, instance: dg.DagsterInstance) -> Make:
    def build(*, options: dict[str, Any] | None = None, **given: Any) -> Stand:
        return Stand(items(shop.api.url, **given), folder=tmp_path, instance=instance, **(options or {}))

    return build


def error_of(run: Any) -> str:
    return str(next(event for event in run.result.all_events if event.is_step_failure).step_failure_data.error)


def materializations(stand: Stand) -> int:
    """How many of the asset are in the event log."""
    records = stand.instance.fetch_materializations(dg.AssetKey(["src", "items"]), limit=100).records
    return len(records)


def twice(*rows: int) -> list[int]:
    return sorted([*rows, *rows])


def everything(up_to: int = ROWS) -> list[int]:
    return list(range(up_to))


# 1. A reported load is taken back


def a_dead_append_and_an_ordinary_run(shop: Shop, make: Make) -> list[int]:
    stand = make(resume_ttl=0)
    stand.dies_at("after_commit")
    shop.has_only(50)
    assert stand.run().result.success
    return stand.ids()


def test_an_ordinary_run_adds_to_what_a_dead_one_committed(shop: Shop, make: Make) -> None:
    assert [*everything(), 50] == a_dead_append_and_an_ordinary_run(shop, make)


def a_reported_append_and_its_re_execution(shop: Shop, make: Make) -> list[int]:
    stand = make(resume_ttl=0)
    dead = stand.dies_at("before_confirm")
    shop.has_only(50)
    assert stand.reexecute(dead).result.success
    return stand.ids()


def test_an_event_that_names_a_load_is_its_confirmation(shop: Shop, make: Make) -> None:
    assert everything() == a_reported_append_and_its_re_execution(shop, make)


def test_a_reported_load_is_confirmed_by_the_next_commit(shop: Shop, make: Make) -> None:
    stand = make()
    stand.dies_at("before_confirm")
    run = stand.run()

    assert "normal" == run.get("items", "started_from")
    assert twice(*everything()) == stand.ids()
    assert [("confirmed",)] * 2 == stand.project.query("select status from _dagster_rest.loads")


@pytest.mark.parametrize("from_failure", [True, False])
def test_a_dead_append_is_reported_by_its_re_execution(shop: Shop, make: Make, from_failure: bool) -> None:
    stand = make()
    dead = stand.dies_at("after_commit")
    run = stand.reexecute(dead, from_failure=from_failure)

    assert everything() == stand.ids()
    assert 1 == shop.requests
    assert "adopted" == run.get("items", "started_from")


def test_a_dead_append_is_reported_by_its_re_execution_even_if_another_run_came_between(shop: Shop, make: Make) -> None:
    stand = make()
    dead = stand.dies_at("after_commit")
    stand.run()
    stand.reexecute(dead)

    assert twice(*everything()) == stand.ids()
    assert 2 == shop.requests


def test_a_reported_append_is_not_done_again_even_if_another_run_came_between(shop: Shop, make: Make) -> None:
    stand = make()
    dead = stand.dies_at("before_confirm")
    stand.run()
    again = stand.reexecute(dead)

    assert again.result.success
    assert twice(*everything()) == stand.ids()
    assert 2 == shop.requests


def test_a_re_execution_of_all_of_a_run_that_ended_well_loads_again(shop: Shop, make: Make) -> None:
    stand = make()
    stand.reexecute(stand.run(), from_failure=False)

    assert twice(*everything()) == stand.ids()


def test_a_load_that_another_one_replaced_is_not_reported_any_more(shop: Shop, make: Make) -> None:
    stand = make(write_disposition="replace")
    dead = stand.dies_at("after_commit")
    shop.has_only(50)
    stand.run()
    shop.has_only(60)
    stand.reexecute(dead)

    assert [60] == stand.ids()


# 2. A zombie that commits first


def a_zombie_that_commits_first(shop: Shop, make: Make) -> list[int]:
    stand = make()
    zombie = stand.stands_at("before_transaction")
    run_id = stand.newest_run()
    stand.declare_failed(run_id)
    successor = stand.stands_at("before_transaction")
    zombie.go_on()
    assert successor.go_on().result.success
    return stand.ids()


def test_a_run_that_was_declared_failed_commits_nothing(shop: Shop, make: Make) -> None:
    assert everything() == a_zombie_that_commits_first(shop, make)


@pytest.mark.parametrize("end", ["failed", "deleted"])
@pytest.mark.parametrize("point", ["before_transaction", "in_transaction"])
def test_the_step_of_a_run_that_is_over_is_fenced(shop: Shop, make: Make, end: str, point: str) -> None:
    stand = make()
    zombie = stand.stands_at(point)
    if end == "failed":
        stand.declare_failed(stand.newest_run())
    else:
        stand.instance.run_storage.delete_run(stand.newest_run())
    # Dagster itself cannot end a run that it has deleted.
    with contextlib.nullcontext() if end == "failed" else pytest.raises(CheckError):
        zombie.go_on()

    assert not Path(stand.project.database).exists() or [] == stand.project.query(
        "select table_name from duckdb_tables() where schema_name = 'src'"
    )


def test_a_zombie_that_had_committed_before_it_was_declared_failed_is_reported(shop: Shop, make: Make) -> None:
    stand = make()
    zombie = stand.stands_at("after_commit")
    stand.declare_failed(stand.newest_run())
    dead = stand.instance.get_runs(limit=1)[0]
    successor = stand._execute(parent=dead.run_id, tags={"dagster/is_resume_retry": "true"})
    zombie.go_on()

    assert successor.result.success
    assert everything() == stand.ids()
    assert 1 == shop.requests


def test_two_runs_at_once_both_count(shop: Shop, make: Make) -> None:
    stand = make()
    first = stand.stands_at("after_commit")
    assert stand.run().result.success
    assert first.go_on().result.success

    assert twice(*everything()) == stand.ids()


# 3. Recovery looks at the newest load only

RANGE = RestRunConfig(start_value=0, end_value=9)


def a_range_an_hourly_run_and_the_range_again(shop: Shop, make: Make) -> list[int]:
    stand = make(incremental={"initial_value": 5, "range_end": "closed"})
    shop.grows(to=15)
    stand.dies_at("after_commit", config=RANGE)
    assert stand.run().result.success
    assert stand.run(config=RANGE).result.success
    return stand.ids()


def test_a_range_that_is_run_again_replaces_its_dead_load(shop: Shop, make: Make) -> None:
    hourly, ranged = range(5, 15), range(10)

    assert sorted([*hourly, *ranged]) == a_range_an_hourly_run_and_the_range_again(shop, make)


def test_a_range_in_windows_goes_on_after_another_run(shop: Shop, make: Make) -> None:
    stand = make(incremental={"initial_value": 0})
    config = RestRunConfig(start_value=0, end_value=10)
    stand.project.configure(items(shop.api.url, incremental={"initial_value": 0, "step": 4}))
    stand.dies_at("after_commit", number=2, config=config)
    windows = shop.requests
    stand.project.configure(items(shop.api.url, incremental={"initial_value": 0, "step": 4, "end_value": 2}))
    assert stand.run().result.success
    between = shop.requests
    stand.project.configure(items(shop.api.url, incremental={"initial_value": 0, "step": 4}))
    assert stand.run(config=config).result.success

    assert (2, 3) == (windows, between)
    assert 4 == shop.requests
    assert sorted([*everything(), 0, 1]) == stand.ids()


def test_another_range_leaves_the_dead_load_alone(shop: Shop, make: Make) -> None:
    stand = make(incremental={"range_end": "closed"})
    stand.dies_at("after_commit", config=RANGE)
    stand.run(config=RestRunConfig(start_value=0, end_value=4))

    assert sorted([*everything(), *everything(5)]) == stand.ids()


# 4. A deleted run is taken for a wipe


def a_deleted_run_and_an_api_that_forgets(shop: Shop, make: Make) -> list[int]:
    stand = make(incremental={}, write_disposition="merge", primary_key="id")
    first = stand.run()
    stand.instance.delete_run(first.result.run_id)
    shop.has_only(*range(5, ROWS))
    assert stand.run().result.success
    return stand.ids()


def test_a_deleted_run_is_no_wipe(shop: Shop, make: Make) -> None:
    assert everything() == a_deleted_run_and_an_api_that_forgets(shop, make)


def test_after_a_deleted_run_it_says_so(shop: Shop, make: Make) -> None:
    stand = make(incremental={})
    stand.instance.delete_run(stand.run().result.run_id)

    assert "deleted" == stand.run().get("items", "started_from")


def test_a_wipe_is_a_wipe_even_if_a_person_reported_something_since(shop: Shop, make: Make) -> None:
    stand = make(incremental={})
    stand.run()
    stand.instance.wipe_assets([KEY])
    stand.instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=KEY))
    shop.has_only(3, 4)
    run = stand.run()

    assert "wiped" == run.get("items", "started_from")
    assert [3, 4] == stand.ids()


def test_a_wipe_is_seen_behind_a_load_that_was_reported_and_not_confirmed(shop: Shop, make: Make) -> None:
    stand = make()
    stand.run()
    stand.dies_at("before_confirm")
    stand.instance.wipe_assets([KEY])
    run = stand.run()

    assert "wiped" == run.get("items", "started_from")
    assert everything() == stand.ids()


def test_a_rebuild_that_died_before_it_was_reported_counts(shop: Shop, make: Make) -> None:
    stand = make()
    stand.run()
    stand.instance.wipe_assets([KEY])
    stand.dies_at("after_commit")
    run = stand.run()

    assert "adopted" == run.get("items", "started_from")
    assert twice(*everything()) == stand.ids()


def partitioned(shop: Shop, stand: Stand, **resource: Any) -> None:
    config = items(shop.api.url, incremental={}, partitions={"keys": ["a", "b"]}, **resource)
    config["resources"][0]["endpoint"]["params"]["shelf"] = "{partition.key}"
    stand.project.configure(config)


def test_a_wiped_partition_is_replaced_and_a_deleted_one_is_not(shop: Shop, make: Make) -> None:
    stand = make()
    partitioned(shop, stand)
    first, second = stand.run(partition="a"), stand.run(partition="b")
    stand.instance.delete_run(first.result.run_id)
    stand.instance.delete_run(second.result.run_id)
    stand.run(partition="a")
    kept = stand.ids()
    stand.instance.wipe_assets([KEY])
    stand.run(partition="b")
    run = stand.run(partition="a")

    assert twice(*everything()) == kept == stand.ids()
    assert "wiped" == run.get("items", "started_from")


# 5. The event log is believed, the ledger not asked


def a_lost_file_and_a_re_execution(shop: Shop, make: Make) -> list[int]:
    stand = make()
    dead = stand.dies_at("before_confirm")
    Path(stand.project.database).unlink()
    stand.reexecute(dead)
    return stand.ids() if stand.project.tables() else []


def test_a_re_execution_asks_the_ledger_too(shop: Shop, make: Make) -> None:
    assert everything() == a_lost_file_and_a_re_execution(shop, make)


def test_a_re_execution_looks_for_the_table(shop: Shop, make: Make) -> None:
    stand = make()
    dead = stand.dies_at("before_confirm")
    stand.project.query("drop table src.items")
    run = stand.reexecute(dead)

    assert everything() == stand.ids()
    assert "missing_table" == run.get("items", "started_from")


def test_a_file_that_was_restored_goes_on_from_what_it_holds(shop: Shop, make: Make, tmp_path: Path) -> None:
    stand = make(incremental={})
    stand.run()
    copy = Path(stand.project.database).read_bytes()
    shop.grows(to=15)
    stand.run()
    Path(stand.project.database).write_bytes(copy)
    shop.grows(to=20)
    run = stand.run()

    assert everything(20) == stand.ids()
    assert "ledger_leads" == run.get("items", "started_from")


# 6. A table dropped by hand


def a_dropped_table(shop: Shop, make: Make) -> list[int]:
    stand = make(incremental={})
    stand.run()
    stand.project.query("drop table src.items")
    shop.grows(to=15)
    assert stand.run().result.success
    return stand.ids()


def test_a_table_that_is_gone_is_loaded_from_the_start(shop: Shop, make: Make) -> None:
    assert everything(15) == a_dropped_table(shop, make)


def test_a_table_that_is_gone_is_an_error_if_the_config_says_so(shop: Shop, make: Make) -> None:
    stand = make(incremental={}, on_missing_table="fail")
    stand.run()
    stand.project.query("drop table src.items")
    failed = stand.run()
    refreshed = stand.run(config=RestRunConfig(full_refresh=True))

    assert not failed.result.success
    assert refreshed.result.success
    assert everything() == stand.ids()


def test_nested_rows_that_are_gone_count_as_well(shop: Shop, make: Make) -> None:
    shop.rows = [{**row, "tags": [{"name": "t"}]} for row in shop.rows]
    stand = make(incremental={})
    stand.run()
    stand.project.query("drop table src.items__tags")
    stand.run()

    assert [(ROWS,)] == stand.project.query("select count(*) from src.items__tags")
    assert everything() == stand.ids()


def a_table_dropped_under_a_run(shop: Shop, make: Make) -> list[int]:
    stand = make(incremental={})
    stand.run()
    shop.grows(to=15)
    actor = stand.stands_at("before_transaction")
    stand.project.query("drop table src.items")
    assert actor.go_on().result.success
    return stand.ids()


def test_a_table_that_goes_while_a_run_is_at_work_is_loaded_from_the_start(shop: Shop, make: Make) -> None:
    assert everything(15) == a_table_dropped_under_a_run(shop, make)


def test_nested_rows_that_go_while_a_run_is_at_work_count_as_well(shop: Shop, make: Make) -> None:
    shop.rows = [{**row, "tags": [{"name": "t"}]} for row in shop.rows]
    stand = make(incremental={})
    stand.run()
    actor = stand.stands_at("before_transaction")
    stand.project.query("drop table src.items__tags")
    actor.go_on()

    assert [(ROWS,)] == stand.project.query("select count(*) from src.items__tags")


def test_a_table_that_goes_between_two_windows_is_loaded_from_the_start(shop: Shop, make: Make) -> None:
    stand = make(incremental={"step": 4, "end_value": ROWS + 1})
    actor = Actor(stand.run, stops_at="before_transaction", number=2).begin()
    stand.project.query("drop table src.items")
    assert actor.go_on().result.success

    assert everything() == stand.ids()


def test_a_confirmation_that_finds_no_ledger_says_so(shop: Shop, make: Make) -> None:
    stand = make(incremental={})
    actor = stand.stands_at("before_confirm")
    Path(stand.project.database).unlink()
    lost = actor.go_on()
    shop.grows(to=15)
    stand.run()

    assert "state_load_lost" in error_of(lost)
    assert everything(15) == stand.ids()


def test_a_load_that_went_with_its_file_is_not_reported_again(
    shop: Shop, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = make(incremental={})
    dead = stand.dies_at("before_confirm")
    events = materializations(stand)
    stored_before = step.stored_before

    def after_the_file_is_lost(*arguments: Any, **options: Any) -> Any:
        Path(stand.project.database).unlink()
        return stored_before(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(step, "stored_before", after_the_file_is_lost)
        again = stand.reexecute(dead)

    assert "state_load_lost" in error_of(again)
    assert events == materializations(stand)
    stand.run()
    assert everything() == stand.ids()


def test_a_confirmation_asks_for_a_load_that_is_reported_again(shop: Shop, make: Make) -> None:
    stand = make(incremental={})
    dead = stand.dies_at("after_confirm")
    again = Actor(lambda: stand.reexecute(dead), stops_at="before_confirm").begin()
    Path(stand.project.database).unlink()

    assert "state_load_lost" in error_of(again.go_on())


@pytest.mark.parametrize(
    ("change", "ends_in"),
    [
        ("alter table src.items drop column moved", "rebuild"),
        ("alter table src.items alter column moved set data type tinyint", "rebuild"),
        ("alter table src.items add column note varchar default 'by hand'", "nothing"),
        ("alter table src.items rename to old; create view src.items as select * from src.old", "error"),
    ],
)
def test_what_hands_did_to_a_table(shop: Shop, make: Make, change: str, ends_in: str) -> None:
    stand = make(incremental={})
    stand.run()
    with duckdb.connect(stand.project.database) as connection:
        connection.execute(change)
    run = stand.run()

    assert (ends_in != "error") == run.result.success
    if ends_in == "error":
        return
    assert ("missing_table" if ends_in == "rebuild" else "normal") == run.get("items", "started_from")
    assert [(number, number) for number in range(ROWS)] == stand.project.rows("items", "id", "moved")


def test_the_other_partitions_of_a_lost_table_are_not_gone_on_with(shop: Shop, make: Make) -> None:
    stand = make()
    partitioned(shop, stand)
    stand.run(partition="a")
    stand.run(partition="b")
    stand.project.query("drop table src.items")
    stand.run(partition="a")
    other = stand.run(partition="b")

    assert "missing_table" == other.get("items", "started_from")
    assert twice(*everything()) == stand.ids()


# 7. cursor_path changed


def another_cursor_path(shop: Shop, make: Make) -> list[int]:
    stand = make(incremental={}, write_disposition="merge", primary_key="id")
    stand.run()
    shop.rows = [{"id": number, "at": number, "moved": number - 100} for number in range(20)]
    stand.project.configure(
        items(
            shop.api.url,
            incremental={"cursor_path": "moved", "initial_value": -1000},
            write_disposition="merge",
            primary_key="id",
        )
    )
    stand.run()
    return stand.ids()


def test_another_cursor_path_starts_from_the_initial_value(shop: Shop, make: Make) -> None:
    assert everything(20) == another_cursor_path(shop, make)


def test_another_cursor_path_is_said(shop: Shop, make: Make) -> None:
    stand = make(incremental={})
    stand.run()
    stand.project.configure(items(shop.api.url, incremental={"cursor_path": "moved"}))
    run = stand.run()
    after = stand.run()

    assert "other_cursor" == run.get("items", "started_from")
    assert "normal" == after.get("items", "started_from")


def test_the_same_path_in_another_notation_is_the_same(shop: Shop, make: Make) -> None:
    stand = make(incremental={})
    stand.run()
    stand.project.configure(items(shop.api.url, incremental={"cursor_path": "$.at"}))

    assert "normal" == stand.run().get("items", "started_from")
    assert everything() == stand.ids()


def test_another_function_starts_from_the_initial_value(shop: Shop, make: Make) -> None:
    stand = make(incremental={}, write_disposition="merge", primary_key="id")
    stand.run()
    shop.has_only(*range(5, 15))
    given = {"last_value_func": "min", "initial_value": 100}
    config = items(shop.api.url, incremental=given, write_disposition="merge", primary_key="id")
    del config["resources"][0]["endpoint"]["params"]
    stand.project.configure(config)
    stand.run()

    assert everything(15) == stand.ids()


# Issue 14, point 4: incremental with replace


@pytest.mark.parametrize("more", [{}, {"lag": 3}, {"step": 4, "end_value": 50}])
def test_replace_starts_from_the_initial_value_each_time(shop: Shop, make: Make, more: dict[str, Any]) -> None:
    stand = make(incremental=more, write_disposition="replace")
    stand.run()
    shop.grows(to=15)
    stand.run()

    assert everything(15) == stand.ids()


def test_a_partition_with_a_cursor_is_replaced_too(shop: Shop, make: Make) -> None:
    stand = make()
    partitioned(shop, stand, write_disposition="replace")
    stand.run(partition="a")
    stand.run(partition="b")
    shop.has_only(3, 4)
    stand.run(partition="a")

    assert sorted([*everything(), 3, 4]) == stand.ids()


# Each guard is needed

NEEDED: dict[str, tuple[Scenario, list[int]]] = {
    "lineage of runs": (a_dead_append_and_an_ordinary_run, [*everything(), 50]),
    "events confirm": (a_reported_append_and_its_re_execution, everything()),
    "own run": (a_zombie_that_commits_first, everything()),
    "any load of the request": (a_range_an_hourly_run_and_the_range_again, sorted([*range(5, 15), *range(10)])),
    "deleted is not wiped": (a_deleted_run_and_an_api_that_forgets, everything()),
    "ledger beside the log": (a_lost_file_and_a_re_execution, everything()),
    "tables are inspected": (a_dropped_table, everything(15)),
    "whose cursor it is": (another_cursor_path, everything(20)),
}


@pytest.mark.parametrize("guard", STATE_GUARDS)
def test_without_the_guard_it_goes_wrong(shop: Shop, make: Make, guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, right = NEEDED[guard]
    for patch in patches(guard):
        monkeypatch.setattr(*patch)

    assert right != scenario(shop, make)
