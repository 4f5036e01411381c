"""Names, nested tables, nesting limits, collisions."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.warehouse.errors import HintError, NameCollisionError
from tests.warehouse.support import Warehouse, table_spec

SHAPES: dict[str, tuple[Any, dict[str, int]]] = {
    "object": ({"id": 1, "o": {"k": 1, "d": {"e": "x"}}}, {"posts": 1}),
    "empty object": ({"id": 1, "o": {}}, {"posts": 1}),
    "list of objects": ({"id": 1, "l": [{"a": 1}, {"a": 2}]}, {"posts": 1, "posts__l": 2}),
    "empty list": ({"id": 1, "l": []}, {"posts": 1}),
    "list of scalars": ({"id": 1, "l": [1, 2, 3]}, {"posts": 1, "posts__l": 3}),
    "list with nulls": ({"id": 1, "l": [1, None, 3]}, {"posts": 1, "posts__l": 3}),
    "list of lists": ({"id": 1, "m": [[1, 2], [3]]}, {"posts": 1, "posts__m": 2, "posts__m__list": 3}),
    "list in an object": ({"id": 1, "oo": {"arr": [1, 2]}}, {"posts": 1, "posts__oo__arr": 2}),
    "list in a list": (
        {"l": [{"n": 1, "s": [{"d": 1}, {"d": 2}]}, {"n": 2, "s": [{"d": 3}]}]},
        {"posts": 1, "posts__l": 2, "posts__l__s": 3},
    ),
    "mixed list": ({"l": [1, {"a": 2}, [3]]}, {"posts": 1, "posts__l": 3, "posts__l__list": 1}),
    "empty objects in a list": ({"l": [{}, {}]}, {"posts": 1, "posts__l": 2}),
    "scalar": (7, {"posts": 1}),
    "list": ([1, 2], {"posts": 1, "posts__value": 2}),
    "null": (None, {"posts": 1}),
}


@pytest.mark.parametrize(("record", "rows"), SHAPES.values(), ids=SHAPES)
def test_a_record_becomes_tables(warehouse: Warehouse, record: Any, rows: dict[str, int]) -> None:
    outcome = warehouse.load(table_spec(), [record])

    assert rows == outcome.total_rows


def test_nested_rows_point_to_parent_and_root(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"id": 1}, {"id": 2, "l": [{"n": "a"}, {"n": "b", "s": [5, 6]}]}])

    assert [(2, "a", 0), (2, "b", 1)] == warehouse.rows(
        "SELECT p.id, l.n, l._list_index FROM shop.posts p JOIN shop.posts__l l ON l._parent_row_id = p._row_id "
        "ORDER BY ALL"
    )
    assert [(2, "b", 5, 0), (2, "b", 6, 1)] == warehouse.rows(
        "SELECT p.id, l.n, s.value, s._list_index FROM shop.posts__l__s s "
        "JOIN shop.posts__l l ON s._parent_row_id = l._row_id JOIN shop.posts p ON s._root_row_id = p._row_id "
        "ORDER BY ALL"
    )


def test_links_hold_over_pages_and_parts(warehouse: Warehouse) -> None:
    pages = [[{"id": page * 10 + row, "l": [{"of": page * 10 + row}] * row} for row in range(4)] for page in range(5)]
    warehouse.load(table_spec(), *pages, rows_per_part=3)

    assert [(30, 30, 20)] == warehouse.rows(
        "SELECT count(*), count(*) FILTER (p.id = l.of), (SELECT count(DISTINCT _row_id) FROM shop.posts) "
        "FROM shop.posts p JOIN shop.posts__l l ON l._parent_row_id = p._row_id"
    )


def test_columns_are_in_the_order_of_first_appearance(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"z": 1, "n": None, "a": {"y": 1}}, {"m": 3, "a": {"x": 1}}, {"n": 1}])
    warehouse.load(table_spec(), [{"b": 1, "z": 2}])

    assert ["z", "a__y", "m", "a__x", "n", "b"] == list(warehouse.types("posts"))


DEEP = {"id": 1, "o": {"k": 1, "d": {"e": 2}}, "items": [{"a": 1, "b": {"c": 1}, "l": [1]}], "m": [[1]]}


@pytest.mark.parametrize(
    ("nesting", "types"),
    [
        (0, {"posts": {"id": "BIGINT", "o": "JSON", "items": "JSON", "m": "JSON"}}),
        (
            1,
            {
                "posts": {"id": "BIGINT", "o__k": "BIGINT", "o__d": "JSON"},
                "posts__items": {"a": "BIGINT", "b": "JSON", "l": "JSON"},
                "posts__m": {"list": "JSON"},
            },
        ),
        (
            2,
            {
                "posts": {"id": "BIGINT", "o__k": "BIGINT", "o__d__e": "BIGINT"},
                "posts__items": {"a": "BIGINT", "b__c": "BIGINT"},
                "posts__items__l": {"value": "BIGINT"},
                "posts__m": {},
                "posts__m__list": {"value": "BIGINT"},
            },
        ),
    ],
)
def test_nesting_stops_at_the_limit(warehouse: Warehouse, nesting: int, types: dict[str, dict[str, str]]) -> None:
    warehouse.load(table_spec(max_table_nesting=nesting), [DEEP])

    assert types == {table: warehouse.types(table) for table in warehouse.tables()}


def test_a_json_hint_keeps_an_object_and_a_list_whole(warehouse: Warehouse) -> None:
    hints = {"o": {"data_type": "json"}, "l": {"data_type": "json"}}
    warehouse.load(table_spec(columns=hints), [{"o": {"k": [1.50, 2**70]}, "l": [1]}, {"o": '{"b": 2}', "l": "zz"}])

    assert ["posts"] == warehouse.tables()
    assert [('{"b":2}', None, "zz"), ('{"k":[1.5,1180591620717411303424]}', "[1]", None)] == warehouse.table(
        "posts", "o", "l", "l__v_text"
    )


def test_a_table_name_may_depend_on_the_record(warehouse: Warehouse) -> None:
    spec = table_spec(table_name=lambda record: f"Events {record['kind']}")
    outcome = warehouse.load(spec, [{"kind": "A", "v": 1}, {"kind": "B", "w": [1]}, {"kind": "A", "v": 2}])

    assert {"events_a": 2, "events_b": 1, "events_b__w": 1} == outcome.total_rows
    assert 3 == outcome.rows_loaded


def test_a_nested_table_with_a_key_of_its_own_is_merged_on_it(warehouse: Warehouse) -> None:
    hints = {"kids": {"primary_key": "kid", "write_disposition": "merge"}}
    spec = table_spec("merge", primary_key=("id",), nested_hints=hints)
    warehouse.load(spec, [{"id": 1, "kids": [{"kid": 1, "a": 1}, {"kid": 2, "a": 1}]}])
    warehouse.load(spec, [{"id": 1, "kids": [{"kid": 2, "a": 2}, {"kid": 3, "a": 2}]}])

    assert [(1, 1, "load-1"), (2, 2, "load-2"), (3, 2, "load-2")] == warehouse.table(
        "posts__kids", "kid", "a", "_load_id"
    )


def test_nested_hints_give_types_to_nested_columns(warehouse: Warehouse) -> None:
    spec = table_spec(nested_hints={("l", "s"): {"columns": [{"name": "v", "data_type": "text"}]}})
    warehouse.load(spec, [{"l": [{"s": [{"v": 5}]}]}])

    assert {"v": "VARCHAR"} == warehouse.types("posts__l__s")


def test_nested_hints_that_are_no_dict_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(HintError, match="nested_hints"):
        warehouse.load(table_spec(nested_hints=lambda row: {}), [{"id": 1, "l": [1]}])


@pytest.mark.parametrize("record", [{"Id": 1, "id": 2}, {"a": {"b": 1}, "a__b": 2}, {"Xs": [1], "xs": [2]}])
def test_keys_of_one_record_that_become_one_name_are_refused(warehouse: Warehouse, record: Any) -> None:
    with pytest.raises(NameCollisionError) as caught:
        warehouse.load(table_spec(where="resources[3]"), [record])

    assert "warehouse_name_collision" == caught.value.code
    assert "resources[3]" == caught.value.where


@pytest.mark.parametrize("key", ["_row_id", "_load_id", "_RowId"])
def test_a_key_that_takes_the_place_of_a_system_column_is_refused(warehouse: Warehouse, key: str) -> None:
    with pytest.raises(NameCollisionError, match=key):
        warehouse.load(table_spec(), [{key: 1}])


def test_keys_that_become_one_name_with_one_value_are_one_column(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"Id": 1, "id": 1}, {"Id": 2}, {"id": 3, "Id": None}])

    assert [(1,), (2,), (3,)] == warehouse.table("posts", "id")


def test_keys_that_become_one_name_are_both_kept_with_a_suffix(warehouse: Warehouse) -> None:
    spec = table_spec(on_name_collision="suffix")
    warehouse.load(spec, [{"Id": 1, "id": 2, "Xs": [1], "xs": [2], "_row_id": 7}])
    warehouse.load(spec, [{"Id": 3, "Xs": [3]}])

    assert [(2, 1, 7), (None, 3, None)] == warehouse.table("posts", "id", "id_2", "_row_id_2")
    assert [(2,)] == warehouse.table("posts__xs", "value")
    assert [(1,), (3,)] == warehouse.table("posts__xs_2", "value")


def test_a_nested_table_never_mixes_with_the_table_of_another_resource(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(resource="tags", table_name="posts__tags"), [{"id": 1}])
    with pytest.raises(NameCollisionError, match="posts__tags"):
        warehouse.load(table_spec(), [{"id": 1, "tags": ["a"]}])


def test_lists_in_an_object_and_in_a_list_may_share_a_table(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "upsert", primary_key=("id",))
    for _ in range(2):
        warehouse.load(spec, [{"id": 1, "a": {"b": [1]}}, {"id": 2, "a": [{"b": [2, 3]}]}])

    assert [(1, 1), (2, 2), (2, 3)] == warehouse.rows(
        "SELECT p.id, b.value FROM shop.posts__a__b b JOIN shop.posts p ON b._root_row_id = p._row_id ORDER BY ALL"
    )
    assert [(1,)] == warehouse.rows(
        "SELECT count(*) FROM shop.posts__a__b b JOIN shop.posts p ON b._parent_row_id = p._row_id"
    )
