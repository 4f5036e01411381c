"""How a load meets the rows that are there."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from dagster_rest.warehouse.errors import WarehouseError
from dagster_rest.warehouse.schema import RecordedSchema
from dagster_rest.warehouse.state.catalog import read_schema
from tests.warehouse.support import ReplaceWhere, Warehouse, table_spec

FIRST = [{"id": 1, "v": "a", "c": [1, 2]}, {"id": 2, "v": "b", "c": [3]}]
SECOND = [{"id": 2, "v": "B", "c": [9]}, {"id": 3, "v": "c"}]
EVERYTHING = [(1, "a"), (2, "B"), (2, "b"), (3, "c")], [1, 2, 3, 9]
MERGED = [(1, "a"), (2, "B"), (3, "c")], [1, 2, 9]
KEY = {"primary_key": ("id",)}

SPECS: dict[str, tuple[Any, tuple[Any, Any]]] = {
    "append": (table_spec("append"), EVERYTHING),
    "replace": (table_spec("replace"), ([(2, "B"), (3, "c")], [9])),
    "merge on a primary key": (table_spec("merge", **KEY), MERGED),
    "merge on a merge key": (table_spec("merge", merge_key=("id",)), MERGED),
    "merge without a key": (table_spec("merge"), EVERYTHING),
    "delete-insert": (table_spec("merge", "delete-insert", **KEY), MERGED),
    "upsert": (table_spec("merge", "upsert", **KEY), MERGED),
    "insert-only": (table_spec("merge", "insert-only", **KEY), ([(1, "a"), (2, "b"), (3, "c")], [1, 2, 3])),
    "scd2": (table_spec("merge", "scd2"), EVERYTHING),
    "cdc": (table_spec("merge", "cdc", **KEY), ([(2, "B"), (3, "c")], [9])),
}


@pytest.mark.parametrize(("spec", "expected"), SPECS.values(), ids=SPECS)
def test_a_second_load_meets_the_first(warehouse: Warehouse, spec: Any, expected: Any) -> None:
    warehouse.load(spec, FIRST)
    warehouse.load(spec, SECOND)

    assert expected == (warehouse.table("posts", "id", "v"), [row[0] for row in warehouse.table("posts__c", "value")])


@pytest.mark.parametrize("spec", [spec for spec, _ in SPECS.values()], ids=SPECS)
def test_an_empty_load_empties_a_replaced_table_and_no_other(warehouse: Warehouse, spec: Any) -> None:
    warehouse.load(spec, FIRST)
    outcome = warehouse.load(spec, [])
    rows = (0, 0) if spec.write_disposition.disposition == "replace" else (2, 3)

    assert rows == (len(warehouse.table("posts", "id")), len(warehouse.table("posts__c", "value")))
    assert 0 == outcome.rows_loaded


@pytest.mark.parametrize("spec", [spec for spec, _ in SPECS.values()], ids=SPECS)
def test_no_table_is_made_when_no_row_was_ever_seen(warehouse: Warehouse, spec: Any) -> None:
    warehouse.load(spec, [])

    assert [] == warehouse.tables()


@pytest.mark.parametrize("spec", [spec for spec, _ in SPECS.values()], ids=SPECS)
def test_nested_rows_always_have_a_parent(warehouse: Warehouse, spec: Any) -> None:
    for _ in range(2):
        warehouse.load(spec, FIRST)
        warehouse.load(spec, SECOND)

    assert [(0,)] == warehouse.rows(
        "SELECT count(*) FROM shop.posts__c c ANTI JOIN shop.posts p ON c._parent_row_id = p._row_id"
    )
    assert [(0,)] == warehouse.rows("SELECT count(*) - count(DISTINCT _row_id) FROM shop.posts")


def test_skip_loads_nothing(warehouse: Warehouse) -> None:
    outcome = warehouse.load(table_spec("skip"), FIRST)

    assert [] == warehouse.tables()
    assert 0 == outcome.rows_loaded


def test_replace_keeps_the_columns_it_had(warehouse: Warehouse) -> None:
    warehouse.load(table_spec("replace"), [{"id": 1, "old": 1}])
    warehouse.load(table_spec("replace"), [{"id": 2, "new": 1}])

    assert ["id", "old", "new"] == list(warehouse.types("posts"))


def test_readers_see_a_replaced_table_full_at_every_moment(tmp_path: Any) -> None:
    warehouse = Warehouse(str(tmp_path / "w.duckdb"))
    warehouse.load(table_spec("replace"), FIRST)
    reader = warehouse.conn.cursor()
    seen: list[Any] = []
    warehouse.load(
        table_spec("replace"),
        SECOND,
        on_event=lambda name: seen.append(reader.execute("SELECT count(*), max(id) FROM shop.posts").fetchone()),
    )

    assert [(2, 2), (2, 2)] == seen
    assert (2, 3) == reader.execute("SELECT count(*), max(id) FROM shop.posts").fetchone()
    warehouse.conn.close()


def test_a_full_refresh_rebuilds_the_tables_from_the_load(warehouse: Warehouse) -> None:
    warehouse.load(table_spec("merge", **KEY), [*FIRST, {"id": 5, "v": 7, "d": [1], "e": [1]}])
    outcome = warehouse.load(
        table_spec("merge", **KEY), SECOND, full_refresh=True, known=RecordedSchema(dataset="shop")
    )

    assert [(2, "B"), (3, "c")] == warehouse.table("posts", "id", "v")
    assert ["posts", "posts__c"] == warehouse.tables()
    assert {"id": "BIGINT", "v": "VARCHAR"} == warehouse.types("posts")
    assert 3 == outcome.rows_deleted
    assert {"posts", "posts__c"} == set(read_schema(warehouse.conn, "shop").tables)


def test_a_full_refresh_may_change_types(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"v": 1}])
    warehouse.load(table_spec(), [{"v": "x"}], full_refresh=True, known=RecordedSchema(dataset="shop"))

    assert {"v": "VARCHAR"} == warehouse.types("posts")


def test_a_full_refresh_leaves_out_the_columns_that_neither_it_nor_a_hint_has(warehouse: Warehouse) -> None:
    spec = table_spec(columns={"hinted": {"data_type": "text"}})
    warehouse.load(spec, [{"id": 1, "old": 1}])
    warehouse.load(spec, [{"id": 2}], full_refresh=True)

    assert {"id", "hinted"} == set(warehouse.types("posts"))


def test_rows_of_a_table_with_its_own_key_are_no_rows_of_the_resource(warehouse: Warehouse) -> None:
    spec = table_spec("merge", nested_hints={"l": {"primary_key": "value"}}, **KEY)
    outcome = warehouse.load(spec, [{"id": 1, "l": [1, 2]}, {"id": 2, "l": [3]}])

    assert (2, {"posts": 2, "posts__l": 3}) == (outcome.rows_loaded, outcome.rows_by_table)


def test_a_replace_leaves_alone_what_the_resource_loaded_under_another_name(warehouse: Warehouse) -> None:
    hints = {"l": {"primary_key": "value", "write_disposition": "replace"}}
    for name in ("old", "zold", "posts"):
        warehouse.load(table_spec("replace", table_name=name, nested_hints=hints), [{"id": 1, "l": [1]}])
    warehouse.load(table_spec("replace", nested_hints=hints), [])

    for name in ("old", "zold"):
        assert [(1,)] == warehouse.table(f"{name}__l", "value") == warehouse.table(name, "id")
    assert [] == warehouse.table("posts__l", "value") == warehouse.table("posts", "id")


def test_replace_where_deletes_the_matching_rows_with_what_is_nested_in_them(warehouse: Warehouse) -> None:
    warehouse.load(table_spec("append"), FIRST)
    outcome = warehouse.load(table_spec("append"), SECOND, replace_where=ReplaceWhere("id = ?", [2]))

    assert 1 == outcome.rows_deleted
    assert [(1, "a"), (2, "B"), (3, "c")] == warehouse.table("posts", "id", "v")
    assert [(1,), (2,), (9,)] == warehouse.table("posts__c", "value")


def test_replace_where_bounds_a_replace(warehouse: Warehouse) -> None:
    warehouse.load(table_spec("replace"), FIRST)
    warehouse.load(table_spec("replace"), [], replace_where=ReplaceWhere("id = 2"))

    assert [(1, "a")] == warehouse.table("posts", "id", "v")


@pytest.mark.parametrize("strategy", ["delete-insert", "upsert", "insert-only", "cdc", "scd2"])
def test_duplicates_in_one_load_never_reach_the_table(warehouse: Warehouse, strategy: str) -> None:
    rows = [{"id": 1, "v": "a", "c": [1]}, {"id": 2, "v": "b"}, {"id": 1, "v": "last", "c": [2]}]
    outcome = warehouse.load(table_spec("merge", strategy, **KEY), rows[:2], rows[2:], rows_per_part=1)

    assert [(1, "last"), (2, "b")] == warehouse.table("posts", "id", "v")
    assert [(2,)] == warehouse.table("posts__c", "value")
    assert (1, 2) == (outcome.duplicates, outcome.rows_loaded)


@pytest.mark.parametrize(("order", "kept"), [("desc", 9), ("asc", 3)])
def test_dedup_sort_chooses_among_duplicates(warehouse: Warehouse, order: str, kept: int) -> None:
    spec = table_spec("merge", columns={"rank": {"dedup_sort": order}}, **KEY)
    warehouse.load(spec, [{"id": 1, "rank": rank, "l": [rank]} for rank in (5, 9, None, 3)])

    assert [(kept,)] == warehouse.table("posts", "rank")
    assert [(kept,)] == warehouse.table("posts__l", "value")


@pytest.mark.parametrize("strategy", ["delete-insert", "upsert", "cdc", "insert-only"])
def test_hard_delete_removes_rows_and_what_is_nested_in_them(warehouse: Warehouse, strategy: str) -> None:
    spec = table_spec("merge", strategy, columns={"gone": {"hard_delete": True}}, **KEY)
    warehouse.load(spec, [{"id": 1, "gone": False, "l": [1]}, {"id": 2, "gone": None, "l": [2]}])
    warehouse.load(spec, [{"id": 1, "gone": True, "l": [5]}, {"id": 2, "l": [2]}, {"id": 3, "gone": True}])
    kept = [(1,), (2,)] if strategy == "insert-only" else [(2,)]

    assert kept == warehouse.table("posts", "id")
    assert kept == warehouse.table("posts__l", "value")


def test_hard_delete_by_a_column_that_is_no_bool(warehouse: Warehouse) -> None:
    spec = table_spec("merge", columns={"gone_at": {"hard_delete": True}}, **KEY)
    warehouse.load(spec, [{"id": 1}, {"id": 2}])
    warehouse.load(spec, [{"id": 1, "gone_at": "today"}])

    assert [(2,)] == warehouse.table("posts", "id")


def test_a_merge_key_may_stand_for_many_rows(warehouse: Warehouse) -> None:
    spec = table_spec("merge", merge_key=("day",))
    warehouse.load(spec, [{"day": "mo", "v": 1}, {"day": "mo", "v": 2}, {"day": "tu", "v": 3}])
    warehouse.load(spec, [{"day": "mo", "v": 9}, {"day": "mo", "v": 9}])

    assert [("mo", 9), ("mo", 9), ("tu", 3)] == warehouse.table("posts", "day", "v")


def test_a_key_may_have_several_columns(warehouse: Warehouse) -> None:
    spec = table_spec("merge", primary_key=("a", "B"))
    warehouse.load(spec, [{"a": 1, "B": 1, "v": 1}, {"a": 1, "B": 2, "v": 2}])
    outcome = warehouse.load(spec, [{"a": 1, "B": 2, "v": 3}, {"a": 1, "B": 2, "v": 4}])

    assert [(1, 1, 1), (1, 2, 4)] == warehouse.table("posts", "a", "b", "v")
    assert (1, 1) == (outcome.duplicates, outcome.rows_deleted)


def test_filters_bound_what_a_merge_reads_and_touches(warehouse: Warehouse) -> None:
    options = {"source_filter": "id < 3", "destination_scope": "id > 1"}
    spec = table_spec("merge", "delete-insert", options=options, **KEY)
    warehouse.load(spec, [*FIRST, {"id": 4, "v": "d"}])
    warehouse.load(spec, [{"id": 1, "v": "A"}, *SECOND])

    assert [(1, "A"), (1, "a"), (2, "B")] == warehouse.table("posts", "id", "v")


def test_cdc_deletes_only_in_its_scope(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "cdc", options={"destination_scope": "id > 1"}, **KEY)
    warehouse.load(spec, [*FIRST, {"id": 4, "v": "d"}])
    warehouse.load(spec, SECOND)

    assert [(1, "a"), (2, "B"), (3, "c")] == warehouse.table("posts", "id", "v")


@pytest.mark.parametrize("options", [{}, {"row_version_column_name": "ver"}], ids=["hash", "own column"])
def test_unchanged_rows_may_be_left_alone(warehouse: Warehouse, options: dict[str, Any]) -> None:
    spec = table_spec("merge", "upsert", options={"skip_unchanged_rows": True, **options}, **KEY)
    warehouse.load(spec, [{"id": 1, "ver": 1, "l": [1]}, {"id": 2, "ver": 1, "l": [1]}])
    outcome = warehouse.load(spec, [{"id": 1, "l": [1], "ver": 1}, {"id": 2, "ver": 2, "l": [2]}])

    assert [(1, "load-1"), (2, "load-2")] == warehouse.table("posts", "id", "_load_id")
    assert [(1,), (2,)] == warehouse.table("posts__l", "value")
    assert 1 == outcome.rows_loaded


@pytest.mark.parametrize("options", [{}, {"row_version_column_name": "ver"}])
def test_unchanged_rows_are_written_again_if_nothing_is_asked(warehouse: Warehouse, options: dict[str, Any]) -> None:
    spec = table_spec("merge", "upsert", options=options, **KEY)
    for _ in range(2):
        outcome = warehouse.load(spec, [{"id": 1, "ver": 1}])

    assert (1, [("load-2",)]) == (outcome.rows_loaded, warehouse.table("posts", "_load_id"))


def test_a_change_in_a_nested_list_is_a_change(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "upsert", options={"skip_unchanged_rows": True}, **KEY)
    warehouse.load(spec, [{"id": 1, "l": [{"m": [1]}]}])
    warehouse.load(spec, [{"id": 1, "l": [{"m": [2]}]}])

    assert [(2,)] == warehouse.table("posts__l__m", "value")


def test_upsert_keeps_the_row_id(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "upsert", **KEY)
    warehouse.load(spec, FIRST)
    before = dict(warehouse.table("posts", "id", "_row_id"))
    warehouse.load(spec, SECOND)

    assert before[2] == dict(warehouse.table("posts", "id", "_row_id"))[2]
    assert [(9, before[2])] == warehouse.rows("SELECT value, _root_row_id FROM shop.posts__c WHERE value = 9")


@pytest.mark.parametrize("strategy", ["upsert", "insert-only", "cdc"])
def test_strategies_that_need_a_key_say_so(warehouse: Warehouse, strategy: str) -> None:
    with pytest.raises(WarehouseError, match="primary key") as caught:
        warehouse.load(table_spec("merge", strategy), FIRST)

    assert "warehouse_missing_key" == caught.value.code


def moment(hour: int) -> datetime.datetime:
    return datetime.datetime(2026, 1, 1, hour, tzinfo=datetime.timezone.utc)


def test_scd2_keeps_a_version_for_each_change(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "scd2")
    warehouse.load(spec, FIRST, loaded_at=moment(1))
    warehouse.load(spec, [FIRST[0], SECOND[0]], loaded_at=moment(2))
    warehouse.load(spec, [FIRST[0]], loaded_at=moment(3))
    outcome = warehouse.load(spec, FIRST, loaded_at=moment(4))

    assert [
        (1, "a", moment(1), None),
        (2, "B", moment(2), moment(3)),
        (2, "b", moment(1), moment(2)),
        (2, "b", moment(4), None),
    ] == warehouse.table("posts", "id", "v", "_valid_from", "_valid_to")
    assert [(1,), (2,), (3,), (3,), (9,)] == warehouse.table("posts__c", "value")
    assert (1, 0) == (outcome.rows_loaded, outcome.rows_deleted)


def test_scd2_with_a_merge_key_leaves_absent_rows_open(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "scd2", merge_key=("id",))
    warehouse.load(spec, FIRST, loaded_at=moment(1))
    warehouse.load(spec, [SECOND[0]], loaded_at=moment(2))

    assert [(1, "a", None), (2, "B", None), (2, "b", moment(2))] == warehouse.table("posts", "id", "v", "_valid_to")


def test_scd2_takes_names_and_moments_from_its_options(warehouse: Warehouse) -> None:
    options = {
        "validity_column_names": ["Valid From", "until"],
        "active_record_timestamp": "9999-12-31",
        "boundary_timestamp": "2024-08-21T12:15:00+02:00",
    }
    spec = table_spec("merge", "scd2", options=options)
    warehouse.load(spec, [{"id": 1}])
    warehouse.load(spec, [{"id": 2}])
    boundary = datetime.datetime(2024, 8, 21, 10, 15, tzinfo=datetime.timezone.utc)
    end = datetime.datetime(9999, 12, 31, tzinfo=datetime.timezone.utc)

    assert [(1, boundary, boundary), (2, boundary, end)] == warehouse.table("posts", "id", "valid_from", "until")


def test_scd2_tells_versions_apart_by_a_column(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "scd2", options={"row_version_column_name": "ver"})
    warehouse.load(spec, [{"id": 1, "ver": "a"}, {"id": 2, "ver": "b"}])
    warehouse.load(spec, [{"id": 1, "ver": "a", "v": "changed"}, {"id": 2, "ver": "c"}])

    assert [(1, "a"), (2, "b"), (2, "c")] == warehouse.table("posts", "id", "ver")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"boundary_timestamp": "soon"}, "warehouse_invalid_timestamp"),
        ({"row_version_column_name": "ver"}, "warehouse_unsupported_disposition"),
    ],
)
def test_options_that_can_not_be_carried_out_are_refused(warehouse: Warehouse, options: Any, code: str) -> None:
    with pytest.raises(WarehouseError) as caught:
        warehouse.load(table_spec("merge", "scd2", options=options), FIRST)

    assert code == caught.value.code


def test_a_merge_brings_new_columns_and_tables(warehouse: Warehouse) -> None:
    warehouse.load(table_spec("merge", **KEY), [{"id": 1, "a": 1}])
    outcome = warehouse.load(table_spec("merge", **KEY), [{"id": 1, "b": 2, "l": [1]}, {"id": 2, "a": 2**64}])

    assert [(1, None, 2), (2, 2**64, None)] == warehouse.table("posts", "id", "a", "b")
    assert ["widened column posts.a (bigint to hugeint)", "added column posts.b (bigint)", "added table posts__l"] == (
        sorted(outcome.schema_changes, key=lambda text: ("table" in text, "b (" in text))
    )


def test_a_disposition_may_change_between_loads(warehouse: Warehouse) -> None:
    warehouse.load(table_spec("append"), FIRST)
    warehouse.load(table_spec("merge", "scd2"), SECOND, loaded_at=moment(2))
    warehouse.load(table_spec("merge", "upsert", **KEY), [{"id": 3, "v": "z"}])

    assert [(1, "a"), (2, "B"), (2, "b"), (3, "z")] == warehouse.table("posts", "id", "v")


def test_a_table_of_somebody_else_is_left_alone(warehouse: Warehouse) -> None:
    warehouse.conn.execute("CREATE SCHEMA shop; CREATE TABLE shop.posts (id INTEGER)")
    with pytest.raises(WarehouseError) as caught:
        warehouse.load(table_spec("replace"), FIRST)

    assert "warehouse_foreign_table" == caught.value.code


def test_a_table_that_was_dropped_by_hand_is_made_again(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), FIRST)
    warehouse.conn.execute("DROP TABLE shop.posts__c; ALTER TABLE shop.posts DROP COLUMN v")
    warehouse.load(table_spec(), SECOND)

    assert [(1, None), (2, "B"), (2, None), (3, "c")] == warehouse.table("posts", "id", "v")
    assert [(9,)] == warehouse.table("posts__c", "value")


def test_the_outcome_names_every_column(warehouse: Warehouse) -> None:
    columns = {"v": {"data_type": "text", "description": "The value."}}
    outcome = warehouse.load(table_spec(columns=columns, **KEY), FIRST)

    assert [("id", "bigint", False, None), ("v", "text", True, "The value.")] == [
        (column.name, column.data_type, column.nullable, column.description) for column in outcome.columns["posts"][:2]
    ]
    assert {"posts": 2, "posts__c": 3} == outcome.rows_by_table == outcome.total_rows
    assert (0, 0, 0) == (outcome.duplicates, outcome.discarded_rows, outcome.discarded_values)


VERSIONED: dict[str, Any] = {"options": {"row_version_column_name": "ver"}}


@pytest.mark.parametrize("keys", [{"primary_key": ("id",)}, {"merge_key": ("id",)}])
def test_scd2_by_a_version_column_keeps_rows_of_other_keys_apart_in_one_load(warehouse: Warehouse, keys: Any) -> None:
    spec = table_spec("merge", "scd2", **VERSIONED, **keys)
    warehouse.load(spec, [{"id": 1, "ver": 1}, {"id": 2, "ver": 1}])

    assert [(1, 1, None), (2, 1, None)] == warehouse.table("posts", "id", "ver", "_valid_to")


@pytest.mark.parametrize("keys", [{"primary_key": ("id",)}, {"merge_key": ("id",)}])
def test_a_version_of_one_key_does_not_hide_that_of_another(warehouse: Warehouse, keys: Any) -> None:
    spec = table_spec("merge", "scd2", **VERSIONED, **keys)
    warehouse.load(spec, [{"id": 1, "ver": 2}, {"id": 2, "ver": 1}], loaded_at=moment(1))
    warehouse.load(spec, [{"id": 1, "ver": 2}, {"id": 2, "ver": 2}], loaded_at=moment(2))

    assert [(1, 2, None), (2, 1, moment(2)), (2, 2, None)] == warehouse.table("posts", "id", "ver", "_valid_to")


@pytest.mark.parametrize("keys", [{"primary_key": ("id",)}, {"merge_key": ("id",)}])
def test_a_version_of_one_key_does_not_keep_that_of_another_open(warehouse: Warehouse, keys: Any) -> None:
    spec = table_spec("merge", "scd2", **VERSIONED, **keys)
    warehouse.load(spec, [{"id": 1, "ver": 1}, {"id": 2, "ver": 2}], loaded_at=moment(1))
    warehouse.load(spec, [{"id": 1, "ver": 2}, {"id": 2, "ver": 3}], loaded_at=moment(2))

    assert [(1, 1, moment(2)), (1, 2, None), (2, 2, moment(2)), (2, 3, None)] == warehouse.table(
        "posts", "id", "ver", "_valid_to"
    )


def test_scd2_by_a_version_column_without_a_key_refuses_two_records_of_one_version(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "scd2", **VERSIONED)

    with pytest.raises(WarehouseError) as caught:
        warehouse.load(spec, [{"id": 1, "ver": 1}, {"id": 2, "ver": 1}, {"id": 1, "ver": 1}])

    assert "warehouse_missing_key" == caught.value.code


@pytest.mark.parametrize("options", [{}, VERSIONED["options"]])
@pytest.mark.parametrize("keys", [{"primary_key": ("id",)}, {"merge_key": ("id",)}])
def test_a_hard_delete_closes_the_version_it_meets(warehouse: Warehouse, options: Any, keys: Any) -> None:
    spec = table_spec("merge", "scd2", columns={"gone": {"hard_delete": True}}, options=options, **keys)
    warehouse.load(spec, [{"id": 1, "ver": 1}, {"id": 2, "ver": 1}], loaded_at=moment(1))
    warehouse.load(spec, [{"id": 1, "ver": 1, "gone": True}, {"id": 2, "ver": 1}], loaded_at=moment(2))

    assert [(1, moment(2)), (2, None)] == warehouse.table("posts", "id", "_valid_to")


@pytest.mark.parametrize("keys", [{}, {"merge_key": ("id",)}])
def test_scd2_refuses_records_of_one_version_that_differ_in_their_lists_alone(
    warehouse: Warehouse, keys: dict[str, Any]
) -> None:
    spec = table_spec("merge", "scd2", **VERSIONED, **keys)
    records = [{"id": 1, "ver": 1, "lines": [{"sku": sku}]} for sku in ("a", "b")]

    with pytest.raises(WarehouseError) as caught:
        warehouse.load(spec, records)
    assert "warehouse_missing_key" == caught.value.code
    assert 1 == warehouse.load(spec, [records[0], records[0]]).duplicates


def test_scd2_without_a_key_keeps_one_of_two_equal_records(warehouse: Warehouse) -> None:
    outcome = warehouse.load(table_spec("merge", "scd2"), [{"id": 1, "v": "a"}, {"id": 1, "v": "a"}, {"id": 1}])

    assert [(1, "a"), (1, None)] == warehouse.table("posts", "id", "v")
    assert 1 == outcome.duplicates


@pytest.mark.parametrize(("strategy", "expected"), [("delete-insert", "last"), ("upsert", "last"), ("scd2", "last")])
def test_a_key_named_rowid_does_not_decide_which_duplicate_is_the_last(
    warehouse: Warehouse, strategy: str, expected: str
) -> None:
    warehouse.load(
        table_spec("merge", strategy, **KEY),
        [{"id": 1, "rowid": 9, "v": "first"}],
        [{"id": 1, "rowid": 2, "v": "last"}],
    )

    assert [(1, 2, expected)] == warehouse.table("posts", "id", "rowid", "v")


@pytest.mark.parametrize("options", [{}, {"skip_unchanged_rows": True}])
@pytest.mark.parametrize("strategy", ["delete-insert", "upsert", "insert-only", "cdc", "scd2"])
@pytest.mark.parametrize("own", ["append", "merge"])
def test_rows_of_a_table_with_its_own_key_link_to_the_row_that_stands_for_theirs(
    warehouse: Warehouse, strategy: str, options: Any, own: str
) -> None:
    hints = {"lines": {"primary_key": "sku", "write_disposition": own}}
    spec = table_spec("merge", strategy, options=options, nested_hints=hints, **KEY)
    warehouse.load(spec, [{"id": 1, "lines": [{"sku": "a"}]}])
    warehouse.load(
        spec,
        [{"id": 1, "lines": [{"sku": "b"}]}, {"id": 1, "lines": [{"sku": "c"}, {"sku": "d"}]}],
        [{"id": 2, "lines": [{"sku": "e"}]}, {"id": 2, "lines": [{"sku": "f"}]}],
        loaded_at=moment(9),
    )

    assert [("b", 1), ("c", 1), ("d", 1), ("e", 2), ("f", 2)] == warehouse.rows(
        "SELECT l.sku, p.id FROM shop.posts__lines l "
        "LEFT JOIN shop.posts p ON p._row_id = l._parent_row_id AND p._row_id = l._root_row_id "
        "WHERE l._load_id = 'load-2' ORDER BY 1"
    )


@pytest.mark.parametrize(
    ("strategy", "keys"),
    [("scd2", {}), ("scd2", {"merge_key": ("id",)}), ("delete-insert", {"merge_key": ("id",)}), ("delete-insert", {})],
)
def test_rows_of_a_table_with_its_own_key_link_to_rows_without_one(
    warehouse: Warehouse, strategy: str, keys: dict[str, Any]
) -> None:
    spec = table_spec("merge", strategy, nested_hints={"lines": {"primary_key": "sku"}}, **keys)
    known, changed = {"id": 1, "lines": [{"sku": "a"}]}, {"id": 2, "lines": [{"sku": "c"}]}
    warehouse.load(spec, [known, {"id": 2, "lines": [{"sku": "b"}]}], loaded_at=moment(1))
    warehouse.load(spec, [known, changed, {"id": 3, "lines": [{"sku": "d"}]}], loaded_at=moment(2))

    assert [("a", 1), ("c", 2), ("d", 3)] == warehouse.rows(
        "SELECT l.sku, p.id FROM shop.posts__lines l "
        "LEFT JOIN shop.posts p ON p._row_id = l._parent_row_id AND p._row_id = l._root_row_id "
        "WHERE l._load_id = 'load-2' ORDER BY 1"
    )


@pytest.mark.parametrize("strategy", ["upsert", "cdc", "scd2"])
def test_a_load_leaves_nothing_behind_but_its_tables(warehouse: Warehouse, strategy: str) -> None:
    hints = {"c": {"primary_key": "value"}}
    keys = {"merge_key": ("id",)} if strategy == "scd2" else KEY
    for records in (FIRST, SECOND):
        warehouse.load(table_spec("merge", strategy, nested_hints=hints, **keys), records)

    assert [] == warehouse.rows("SELECT table_name FROM duckdb_tables() WHERE temporary")


@pytest.mark.parametrize("strategy", ["delete-insert", "upsert", "cdc"])
def test_a_hard_delete_mark_that_went_to_a_variant_column_deletes(warehouse: Warehouse, strategy: str) -> None:
    spec = table_spec("merge", strategy, columns={"gone_at": {"hard_delete": True}}, **KEY)
    warehouse.load(spec, [{"id": 1}, {"id": 2}, {"id": 3}])
    warehouse.load(spec, [{"id": 1, "gone_at": "2024-01-01T00:00:00Z"}, {"id": 2, "gone_at": "yesterday"}, {"id": 3}])

    assert [(3,)] == warehouse.table("posts", "id")


@pytest.mark.parametrize("keys", [{"primary_key": ("id",)}, {"merge_key": ("id",)}, {}])
@pytest.mark.parametrize(
    "changed", [{"id": 1, "ver": None, "v": 2, "l": [1]}, {"id": 1, "v": 1, "l": [2]}], ids=["column", "nested"]
)
def test_of_versions_that_are_null_the_content_decides(warehouse: Warehouse, keys: Any, changed: Any) -> None:
    spec = table_spec("merge", "scd2", **VERSIONED, **keys)
    same = {"id": 2, "ver": None, "v": 1, "l": [1]}
    versioned = {"id": 3, "ver": 1, "v": 1}
    warehouse.load(spec, [{"id": 1, "ver": None, "v": 1, "l": [1]}, same, versioned], loaded_at=moment(1))
    warehouse.load(spec, [changed, same, versioned], loaded_at=moment(2))

    assert [(1, 1, moment(2)), (1, changed["v"], None), (2, 1, None), (3, 1, None)] == (
        warehouse.rows('SELECT id, v, _valid_to FROM shop.posts ORDER BY id, "_valid_from"')
    )
    assert sorted([1, 1, *changed["l"]]) == sorted(row[0] for row in warehouse.table("posts__l", "value"))


def test_records_of_one_load_whose_versions_are_null_are_all_kept(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "scd2", merge_key=("id",), **VERSIONED)
    warehouse.load(spec, [{"id": 1, "ver": None, "l": [1]}, {"id": 1, "ver": None, "l": [2]}, {"id": 1, "ver": 1}])

    assert [(1, None), (1, None), (1, 1)] == sorted(warehouse.table("posts", "id", "ver"), key=str, reverse=True)
    assert [(1,), (2,)] == warehouse.table("posts__l", "value")
