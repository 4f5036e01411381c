"""Hints and keys that the config got, or lost, after a table had been made: the config of now decides."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.warehouse.state.catalog import read_schema
from tests.warehouse.support import DATASET, Warehouse, table_spec

KEY: dict[str, Any] = {"primary_key": ("id",)}


def test_a_hard_delete_hint_that_came_later_deletes(warehouse: Warehouse) -> None:
    warehouse.load(table_spec("merge", **KEY), [{"id": 1, "gone": False}, {"id": 2, "gone": False}])
    warehouse.load(table_spec("merge", columns={"gone": {"hard_delete": True}}, **KEY), [{"id": 1, "gone": True}])

    assert [(2,)] == warehouse.table("posts", "id")


def test_a_hard_delete_hint_that_is_gone_deletes_no_more(warehouse: Warehouse) -> None:
    warehouse.load(table_spec("merge", columns={"gone": {"hard_delete": True}}, **KEY), [{"id": 1, "gone": False}])
    warehouse.load(table_spec("merge", **KEY), [{"id": 1, "gone": True}])

    assert [(1, True)] == warehouse.table("posts", "id", "gone")


def test_a_dedup_sort_hint_rules_from_the_load_that_has_it(warehouse: Warehouse) -> None:
    duplicates = [{"id": 1, "n": 9}, {"id": 1, "n": 3}]
    found = []
    for columns in (
        None,
        {"n": {"dedup_sort": "desc"}},
        {"n": {"dedup_sort": "asc"}},
        {"n": {"dedup_sort": "desc"}},
        None,
    ):
        warehouse.load(table_spec("merge", columns=columns, **KEY), duplicates)
        found += warehouse.table("posts", "n")

    assert [(3,), (9,), (3,), (9,), (3,)] == found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (table_spec("merge", **KEY), table_spec("merge", primary_key=("uid",))),
        (table_spec(columns={"id": {"nullable": False}}), table_spec()),
    ],
)
def test_a_column_that_is_no_key_any_more_may_be_null(warehouse: Warehouse, before: Any, after: Any) -> None:
    warehouse.load(before, [{"id": 1, "uid": "a"}])
    warehouse.load(after, [{"uid": "b"}, {"id": None, "uid": "c"}])

    assert [(1, "a"), (None, "b"), (None, "c")] == warehouse.table("posts", "id", "uid")


def test_a_description_follows_the_config(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"v": 1}])
    found = []
    for columns in ({"v": {"description": "A value."}}, {"v": {"description": "The value."}}, None):
        warehouse.load(table_spec(columns=columns), [{"v": 1}])
        found.append(read_schema(warehouse.conn, DATASET).tables["posts"].columns["v"].description)

    assert ["A value.", "The value.", None] == found


def test_a_column_without_its_hint_widens_again(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(columns={"v": {"data_type": "decimal", "precision": 4, "scale": 1}}), [{"v": 1.5}])
    warehouse.load(table_spec(), [{"v": 123456}])

    assert {"v": "DECIMAL(7,1)"} == warehouse.types("posts")
