"""A first load without rows makes the tables whose columns the config names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.warehouse.support import Warehouse, table_spec

COLUMNS = {"id": {"data_type": "bigint"}, "at": {"data_type": "timestamp"}, "open": {}}
LINES = {"lines": {"columns": {"sku": {"data_type": "text"}}}}
DISPOSITIONS: list[Any] = [
    ("append", None, {}),
    ("replace", None, {}),
    ("merge", "delete-insert", {"primary_key": ("id",)}),
    ("merge", "upsert", {"primary_key": ("id",)}),
    ("merge", "insert-only", {"primary_key": ("id",)}),
    ("merge", "cdc", {"primary_key": ("id",)}),
    ("merge", "scd2", {}),
]


@pytest.mark.parametrize(("disposition", "strategy", "keys"), DISPOSITIONS)
@pytest.mark.parametrize("options", [{}, {"full_refresh": True}])
def test_a_first_load_without_rows_makes_the_tables(
    warehouse: Warehouse, disposition: str, strategy: str | None, keys: Any, options: Any
) -> None:
    spec = table_spec(disposition, strategy, columns=COLUMNS, nested_hints=LINES, **keys)
    outcome = warehouse.load(spec, **options)
    found = warehouse.types("posts")

    assert ("BIGINT", "TIMESTAMP WITH TIME ZONE") == (found["id"], found["at"])
    assert {"sku": "VARCHAR"} == warehouse.types("posts__lines")
    assert {"posts": 0, "posts__lines": 0} == outcome.total_rows


@pytest.mark.parametrize(("disposition", "strategy", "keys"), DISPOSITIONS)
def test_rows_that_come_later_go_into_them(
    warehouse: Warehouse, disposition: str, strategy: str | None, keys: Any
) -> None:
    spec = table_spec(disposition, strategy, columns=COLUMNS, nested_hints=LINES, **keys)
    warehouse.load(spec)
    warehouse.load(spec, [{"id": 1, "open": True, "lines": [{"sku": "a", "n": 1}]}])

    assert [(1, True)] == warehouse.table("posts", "id", "open")
    assert [("a", 1)] == warehouse.table("posts__lines", "sku", "n")


@pytest.mark.parametrize("columns", [None, {"id": {}}, {"id": {"description": "A key."}}])
def test_without_a_type_no_table_is_made(warehouse: Warehouse, columns: Any) -> None:
    warehouse.load(table_spec("merge", "scd2", primary_key=("id",), columns=columns))

    assert [] == warehouse.tables()


def test_a_table_name_that_is_a_function_makes_none(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(table_name=lambda record: "x", columns=COLUMNS))

    assert [] == warehouse.tables()


def test_a_nested_table_is_made_below_one_that_is_hinted_too(warehouse: Warehouse) -> None:
    sku = {"columns": {"sku": {"data_type": "text"}}}
    warehouse.load(table_spec(columns=COLUMNS, nested_hints={"a": sku, ("a", "b"): sku, ("c", "d"): sku}))

    assert ["posts", "posts__a", "posts__a__b"] == warehouse.tables()
    assert [("posts__a",)] == warehouse.rows(
        "select distinct parent_table from _dagster_rest.columns where table_name = 'posts__a__b'"
    )


def test_a_nested_table_with_a_key_of_its_own_is_made(warehouse: Warehouse) -> None:
    hints = {"kids": {"primary_key": "kid", "columns": {"kid": {"data_type": "bigint"}}}}
    spec = table_spec(columns=COLUMNS, nested_hints=hints)
    warehouse.load(spec)
    warehouse.load(spec, [{"id": 1, "kids": [{"kid": 2}]}])

    assert [(2,)] == warehouse.table("posts__kids", "kid")


def test_a_list_in_an_object_may_have_been_hinted_as_one_name(warehouse: Warehouse) -> None:
    spec = table_spec(columns=COLUMNS, nested_hints={"a__b": {"columns": {"sku": {"data_type": "text"}}}})
    warehouse.load(spec)
    warehouse.load(spec, [{"id": 1, "a": [{"b": [{"sku": "x"}]}]}])

    assert [("x",)] == warehouse.table("posts__a__b", "sku")


def test_a_nested_table_that_is_hinted_later_is_made(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(columns=COLUMNS), [{"id": 1}])
    warehouse.load(table_spec(columns=COLUMNS, nested_hints=LINES))

    assert {"sku": "VARCHAR"} == warehouse.types("posts__lines")


@pytest.mark.parametrize("contract", ["freeze", {"columns": "discard_value"}, {"columns": "discard_row"}])
def test_the_first_rows_still_bootstrap_a_table_under_a_contract(warehouse: Warehouse, contract: Any) -> None:
    spec = table_spec(columns=COLUMNS, schema_contract=contract)
    warehouse.load(spec)
    warehouse.load(spec, [{"id": 1, "v": "a"}])

    assert [(1, "a")] == warehouse.table("posts", "id", "v")
