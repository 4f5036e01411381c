"""What the ledger tells of one asset and partition, and that it never mixes it with another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dagster_rest.warehouse.state.ledger import (
    begin_anew,
    confirm_loads,
    load_ids_of_partition,
    missing_loads,
    read_loads,
    read_state,
    record_load,
    take_back_loads,
)
from dagster_rest.warehouse.state.ledger_tables import ensure_ledger
from dagster_rest.warehouse.state.load_row import AssetState, CursorState, LoadRow
from dagster_rest.warehouse.state.lost_tables import note_lost_tables
from dagster_rest.warehouse.state.parents.cursors import replace_parent_cursors
from dagster_rest.warehouse.state.parents.keys import write_fan_out_keys
from tests.warehouse.support import NOON, Warehouse

AT_5 = CursorState(value="5", type="int", boundary=("a", "b"))
AT_7 = CursorState(value="7", type="int")
KEY = {"row_key": '["1"]', "field_values": "[1]"}


@pytest.fixture
def ledger(warehouse: Warehouse) -> Warehouse:
    ensure_ledger(warehouse.conn)
    return warehouse


def load(load_id: str, **values: Any) -> LoadRow:
    defaults: dict[str, Any] = {
        "asset": "src/a",
        "partition": "",
        "load_group": load_id,
        "run_id": f"run of {load_id}",
        "attempt": 0,
        "storage_id": "here",
        "status": "pending",
        "cursor": None,
        "cursor_path": None,
        "rows_loaded": 0,
    }
    return LoadRow(load_id=load_id, **{**defaults, **values})


def record(ledger: Warehouse, *rows: LoadRow) -> None:
    for row in rows:
        record_load(ledger.conn, row, committed_at=NOON)


def ids(loads: Any) -> list[str]:
    return [each.load_id for each in loads]


@pytest.mark.parametrize("cursor", [None, AT_5])
@pytest.mark.parametrize("progress", [None, AT_7])
def test_a_load_comes_back_as_it_was_recorded(
    ledger: Warehouse, cursor: CursorState | None, progress: CursorState | None
) -> None:
    row = load(
        "l1",
        partition="2024-01-01",
        attempt=2,
        cursor=cursor,
        cursor_path="updated_at",
        cursor_function="min",
        rows_loaded=3,
        complete=False,
        fingerprint="f",
        data_version="v",
        request_key="range",
        progress=progress,
        in_table=False,
    )
    record(ledger, row)

    expected = replace(row, committed_at=NOON.timestamp(), seq=1)
    assert expected == read_state(ledger.conn, asset="src/a", partition="2024-01-01").latest


def test_nothing_is_known_before_the_first_load(warehouse: Warehouse, ledger: Warehouse) -> None:
    assert AssetState() == read_state(None, asset="src/a")
    assert AssetState() == read_state(ledger.conn, asset="src/a", tables=[("src", "a")])


@pytest.mark.parametrize("status", ["pending", "confirmed"])
def test_each_asset_and_partition_has_its_own_newest_load(ledger: Warehouse, status: str) -> None:
    places = {"a": ("src/a", ""), "p": ("src/a", "p"), "b": ("src/b", "p")}
    rows = [load(name, asset=asset, partition=part, status=status) for name, (asset, part) in places.items()]
    record(ledger, *rows)

    found = {row: read_state(ledger.conn, asset=asset, partition=part) for row, (asset, part) in places.items()}

    assert {name: name for name in places} == {
        name: state.latest and state.latest.load_id for name, state in found.items()
    }
    expected = {name: [name] if status == "pending" else [] for name in places}
    assert expected == {name: ids(state.unsettled) for name, state in found.items()}


def test_what_matters_to_a_run_is_read_in_its_order(ledger: Warehouse) -> None:
    record(
        ledger,
        load("pending"),
        load("confirmed", status="confirmed"),
        load("of the run", status="confirmed", run_id="r"),
        load("taken back", status="taken_back"),
        load("newest", status="confirmed"),
    )

    assert ["pending", "of the run", "newest"] == ids(read_loads(ledger.conn, asset="src/a", runs=["r"]))
    assert ["pending", "of the run"] == ids(read_state(ledger.conn, asset="src/a", runs=["r"]).unsettled)
    state = read_state(ledger.conn, asset="src/a")
    assert (["pending"], "newest") == (ids(state.unsettled), state.latest and state.latest.load_id)


def test_rows_of_a_load_from_before_that_was_recorded_are_in_the_table(ledger: Warehouse) -> None:
    record(ledger, load("old"))
    ledger.conn.execute("update _dagster_rest.loads set in_table = null")

    assert [True] == [each.in_table for each in read_loads(ledger.conn, asset="src/a")]


def test_all_loads_of_a_materialization_come_with_those_of_the_run(ledger: Warehouse) -> None:
    windows = {"w1": "r1", "w2": "r2", "other": "r1"}
    record(
        ledger,
        *(load(name, status="confirmed", run_id=run, load_group=name[0]) for name, run in windows.items()),
        load("newest", status="confirmed"),
    )

    state = read_state(ledger.conn, asset="src/a", runs=["r2"], void_up_to=7)

    assert (["w1", "w2"], 7) == (ids(state.unsettled), state.void_up_to)


def test_the_storages_that_were_told_matter_while_the_newest_load_is_pending(ledger: Warehouse) -> None:
    record(
        ledger,
        load("told", status="confirmed", storage_id="there"),
        load("of another partition", status="confirmed", storage_id="elsewhere", partition="p"),
        load("of another asset", status="confirmed", storage_id="elsewhere", asset="src/b"),
        load("newest"),
    )

    assert frozenset({"there"}) == read_state(ledger.conn, asset="src/a").confirmed_in
    confirm_loads(ledger.conn, load_ids=["newest"], confirmed_at=NOON)
    assert frozenset() == read_state(ledger.conn, asset="src/a").confirmed_in


def test_a_lost_table_loses_what_was_loaded_so_far(ledger: Warehouse) -> None:
    record(ledger, load("l1"), load("l2"))
    note_lost_tables(ledger.conn, [("src", "a")])
    record(ledger, load("l3"))

    def lost(*tables: tuple[str, str]) -> int:
        return read_state(ledger.conn, asset="src/a", tables=tables).lost_up_to

    assert (2, 2, 0, 0) == (lost(("src", "a")), lost(("x", "y"), ("src", "a")), lost(("src", "b")), lost())
    note_lost_tables(ledger.conn, [("src", "a"), ("src", "b")])
    assert (3, 3) == (lost(("src", "a")), lost(("src", "b")))
    assert [("a", 1), ("b", 1)] == ledger.rows(
        "select table_name, count(*) from _dagster_rest.lost_tables group by all order by all"
    )


def test_a_table_that_is_lost_before_any_load_loses_nothing(ledger: Warehouse) -> None:
    note_lost_tables(ledger.conn, [("src", "a")])
    record(ledger, load("l1"))

    assert 0 == read_state(ledger.conn, asset="src/a", tables=[("src", "a")]).lost_up_to


def test_loads_of_another_asset_are_not_taken_back(ledger: Warehouse) -> None:
    record(ledger, load("l1"), load("l2"), load("l1", asset="src/b"))

    take_back_loads(ledger.conn, asset="src/a", load_ids=["l1"])

    found = ledger.rows("select asset, load_id, status from _dagster_rest.loads order by all")
    assert [("src/a", "l1", "taken_back"), ("src/a", "l2", "pending"), ("src/b", "l1", "pending")] == found


def test_an_asset_that_begins_anew_is_told_apart_from_others(ledger: Warehouse) -> None:
    record(ledger, load("l1"), load("l2", partition="p", status="confirmed"), load("l3", asset="src/b"))
    for asset in ("src/a", "src/b"):
        for partition in ("", "p"):
            place = {"asset": asset, "partition": partition}
            replace_parent_cursors(ledger.conn, **place, cursors={"1": AT_5}, keep_others=True)
            write_fan_out_keys(ledger.conn, [KEY], **place, load_id="l", load_group="l", write="append")

    begin_anew(ledger.conn, asset="src/a")

    statuses = ledger.rows("select load_id, status from _dagster_rest.loads order by all")
    assert [("l1", "taken_back"), ("l2", "taken_back"), ("l3", "pending")] == statuses
    for table in ("parent_cursors", "fan_out_keys"):
        left = ledger.rows(f"select asset, partition from _dagster_rest.{table} order by all")
        assert [("src/b", ""), ("src/b", "p")] == left


def cursors(ledger: Warehouse, **place: str) -> dict[str, CursorState]:
    record(ledger, load("any", **{"asset": "src/a", **place}))
    return dict(read_state(ledger.conn, **{"asset": "src/a", **place}).parent_cursors)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keep_others", "expected"),
    [(True, {"1": AT_7, "2": AT_5, "3": AT_7}), (False, {"1": AT_7, "3": AT_7})],
)
def test_parents_keep_their_cursors_unless_all_start_over(
    ledger: Warehouse, keep_others: bool, expected: dict[str, CursorState]
) -> None:
    def write(found: dict[str, CursorState], *, keep: bool = True, asset: str = "src/a", partition: str = "") -> None:
        replace_parent_cursors(ledger.conn, asset=asset, partition=partition, cursors=found, keep_others=keep)

    before = {"1": AT_5, "2": AT_5}
    write(before)
    write(before, partition="p")
    write(before, asset="src/b")

    write({"1": AT_7, "3": AT_7}, keep=keep_others)

    assert expected == cursors(ledger)
    assert before == cursors(ledger, partition="p")
    assert before == cursors(ledger, asset="src/b")


def test_all_parents_may_lose_their_cursors(ledger: Warehouse) -> None:
    replace_parent_cursors(ledger.conn, asset="src/a", partition="", cursors={"1": AT_5}, keep_others=True)
    replace_parent_cursors(ledger.conn, asset="src/a", partition="", cursors={}, keep_others=False)

    assert {} == cursors(ledger)


def test_loads_that_the_file_does_not_have_are_named_in_their_order(ledger: Warehouse) -> None:
    record(ledger, load("l1"), load("l2"))

    assert ["gone", "away"] == missing_loads(ledger.conn, load_ids=["gone", "l2", "away", "l1"])


def test_a_file_without_a_ledger_has_none_of_the_loads(warehouse: Warehouse) -> None:
    assert ["l1"] == missing_loads(warehouse.conn, load_ids=["l1"])


def test_the_loads_of_some_partitions(ledger: Warehouse) -> None:
    record(ledger, load("p1", partition="p"), load("q", partition="q"), load("r", partition="r"))
    record(ledger, load("p2", partition="p", status="taken_back"), load("of b", asset="src/b", partition="p"))

    assert ["p1", "p2", "q"] == sorted(load_ids_of_partition(ledger.conn, asset="src/a", partitions=["p", "q"]))
