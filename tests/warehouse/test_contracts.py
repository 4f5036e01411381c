"""Four modes for tables, columns and data types; quarantine; pydantic models."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any, ClassVar

import pydantic
import pytest

from dagster_rest.warehouse.errors import SchemaContractError
from tests.warehouse.support import ReplaceWhere, Warehouse, table_spec

FIRST = [{"id": 1, "v": 1, "l": [{"a": 1}]}]
SECOND = {
    "columns": [{"id": 2, "v": 2, "new": "n", "l": [{"a": 2}]}, {"id": 3, "v": 3, "l": [{"a": 3, "b": 1}]}],
    "data_type": [{"id": 2, "v": "x", "l": [{"a": 2}]}, {"id": 3, "v": 3, "l": [{"a": "x"}]}],
    "tables": [{"id": 2, "v": 2, "l": [{"a": 2}], "m": [1, 2]}, {"id": 3, "v": 3, "l": [{"a": 3}]}],
}
IDS_ALL = [(1,), (2,), (3,)]
# entity, mode -> ids, values of the nested table, (discarded rows, discarded values)
MATRIX: dict[tuple[str, str], tuple[Any, Any, tuple[int, int]]] = {
    ("columns", "evolve"): (IDS_ALL, [(1,), (2,), (3,)], (0, 0)),
    ("columns", "discard_row"): ([(1,), (3,)], [(1,)], (2, 0)),
    ("columns", "discard_value"): (IDS_ALL, [(1,), (2,), (3,)], (0, 2)),
    ("data_type", "evolve"): (IDS_ALL, [(1,), (2,), (None,)], (0, 0)),
    ("data_type", "discard_row"): ([(1,), (3,)], [(1,)], (2, 0)),
    ("data_type", "discard_value"): (IDS_ALL, [(1,), (2,), (None,)], (0, 2)),
    ("tables", "evolve"): (IDS_ALL, [(1,), (2,), (3,)], (0, 0)),
    ("tables", "discard_row"): (IDS_ALL, [(1,), (2,), (3,)], (2, 0)),
    ("tables", "discard_value"): (IDS_ALL, [(1,), (2,), (3,)], (2, 0)),
}


@pytest.mark.parametrize(("case", "expected"), MATRIX.items(), ids=[" ".join(case) for case in MATRIX])
def test_the_contract_rules_what_is_new(warehouse: Warehouse, case: tuple[str, str], expected: Any) -> None:
    entity, mode = case
    warehouse.load(table_spec(), FIRST)
    outcome = warehouse.load(table_spec(schema_contract={entity: mode}), SECOND[entity])

    assert expected == (
        warehouse.table("posts", "id"),
        warehouse.table("posts__l", "a"),
        (outcome.discarded_rows, outcome.discarded_values),
    )
    assert (mode == "evolve") == bool(outcome.schema_changes)


@pytest.mark.parametrize("contract", ["freeze", "the entity alone"])
@pytest.mark.parametrize("entity", SECOND)
def test_freeze_refuses_what_is_new(warehouse: Warehouse, entity: str, contract: Any) -> None:
    warehouse.load(table_spec(), FIRST)
    spec = table_spec(schema_contract="freeze" if contract == "freeze" else {entity: "freeze"})
    with pytest.raises(SchemaContractError) as caught:
        warehouse.load(spec, SECOND[entity])

    assert "warehouse_contract_violation" == caught.value.code
    assert [(1,)] == warehouse.table("posts", "id")


def test_a_frozen_bigint_does_not_grow(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"v": 1}])
    with pytest.raises(SchemaContractError):
        warehouse.load(table_spec(schema_contract="freeze"), [{"v": 2**64}])


@pytest.mark.parametrize("contract", ["freeze", "discard_row", "discard_value"])
def test_the_first_load_makes_the_tables_it_needs(warehouse: Warehouse, contract: str) -> None:
    outcome = warehouse.load(table_spec(schema_contract=contract), [{"id": 1}, {"id": 2, "new": 1, "l": [1]}])

    assert {"posts": 2, "posts__l": 1} == outcome.total_rows


def test_a_nested_table_may_have_a_contract_of_its_own(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"id": 1, "l": [{"a": 1, "s": [{"b": 1}]}]}])
    spec = table_spec(nested_hints={"l": {"schema_contract": {"columns": "discard_row"}}})
    outcome = warehouse.load(spec, [{"id": 2, "new": 1, "l": [{"a": 2, "s": [{"b": 2, "new": 1}]}, {"new": 1}]}])

    assert [(1, None), (2, 1)] == warehouse.table("posts", "id", "new")
    assert [(1,), (2,)] == warehouse.table("posts__l", "a")
    assert [(1,)] == warehouse.table("posts__l__s", "b")
    assert 2 == outcome.discarded_rows


def test_the_quarantine_keeps_what_is_discarded(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), FIRST)
    contract = {"columns": "discard_value", "data_type": "discard_row", "tables": "discard_row"}
    spec = table_spec(schema_contract=contract, quarantine=True)
    record, other = {"id": 2, "v": "x"}, {"id": 3, "v": 3, "new": 2**70, "m": [{"z": 1}]}
    outcome = warehouse.load(spec, [record, other])
    kept = warehouse.rows(
        "SELECT table_name, column_name, reason, value, record, _load_id FROM shop.posts__quarantine ORDER BY ALL"
    )

    assert [(1,), (3,)] == warehouse.table("posts", "id")
    assert [
        ("posts", "new", "a new column", {"value": 2**70}, other, "load-2"),
        ("posts", "v", "no bigint", None, record, "load-2"),
        ("posts__m", None, "new table", None, {"z": 1}, "load-2"),
    ] == [(*row[:3], row[3] and json.loads(row[3]), json.loads(row[4]), row[5]) for row in kept]
    assert (2, 1, 1) == (outcome.discarded_rows, outcome.discarded_values, outcome.rows_loaded)


def test_a_replace_keeps_the_quarantine(warehouse: Warehouse) -> None:
    spec = table_spec("replace", schema_contract={"columns": "discard_row"}, quarantine=True)
    for new in ({}, {"a": 1}, {"b": 1}):
        warehouse.load(spec, [{"id": 1}, {"id": 2, **new}])

    assert 2 == len(warehouse.table("posts__quarantine"))
    assert [(1,)] == warehouse.table("posts", "id")


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
@pytest.mark.parametrize("condition", ["true", "_load_id in (select unnest(?::varchar[]))"])
def test_replacing_some_rows_keeps_the_quarantine(warehouse: Warehouse, disposition: str, condition: str) -> None:
    spec = table_spec(disposition, schema_contract={"columns": "discard_row"}, quarantine=True)
    params = [["load-1", "load-2"]] if "?" in condition else []
    warehouse.load(spec, [{"id": 1}])
    warehouse.load(spec, [{"id": 2, "a": 1}])
    warehouse.load(spec, [{"id": 3}, {"id": 4, "b": 1}], replace_where=ReplaceWhere(condition, params))

    assert [("load-2",), ("load-3",)] == warehouse.table("posts__quarantine", "_load_id")
    assert [(3,)] == warehouse.table("posts", "id")


@pytest.mark.parametrize("disposition", ["append", "replace"])
def test_a_full_refresh_keeps_the_quarantine(warehouse: Warehouse, disposition: str) -> None:
    columns = {"v": {"data_type": "bigint"}}
    spec = table_spec(disposition, schema_contract={"data_type": "discard_row"}, quarantine=True, columns=columns)
    for number in (1, 2, 3):
        warehouse.load(spec, [{"id": number}, {"id": 9, "v": "x"}], full_refresh=number == 3)

    assert [("load-1",), ("load-2",), ("load-3",)] == warehouse.table("posts__quarantine", "_load_id")
    assert [(3,)] == warehouse.table("posts", "id")


class Address(pydantic.BaseModel):
    city: str


class Post(pydantic.BaseModel):
    id: int
    title: str | None = None
    price: Decimal = Decimal(0)
    at: datetime.datetime | None = None
    address: Address | None = None
    tags: list[str] = []
    anything: Any = None


class Loose(Post):
    dlt_config: ClassVar[dict[str, bool]] = {"skip_nested_types": True}


def test_a_model_gives_types_and_leaves_unknown_fields_out(warehouse: Warehouse) -> None:
    warehouse.load(
        table_spec(columns=Post),
        [{"id": "1", "at": "2024-01-02T03:04:05Z", "address": {"city": "X"}, "tags": ["a"], "unknown": 1}],
    )

    assert {
        "id": "BIGINT",
        "title": "VARCHAR",
        "price": "DECIMAL(38,9)",
        "at": "TIMESTAMP WITH TIME ZONE",
        "address": "JSON",
        "tags": "JSON",
    } == warehouse.types("posts")
    assert [(1, '{"city":"X"}', '["a"]')] == warehouse.table("posts", "id", "address", "tags")


def test_a_model_may_leave_nested_fields_to_nested_tables(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(columns=Loose), [{"id": 1, "address": {"city": "X"}, "tags": ["a"]}])

    assert ["posts", "posts__tags"] == warehouse.tables()
    assert "VARCHAR" == warehouse.types("posts")["address__city"]


def test_a_record_that_does_not_fit_its_model_stops_the_load(warehouse: Warehouse) -> None:
    with pytest.raises(SchemaContractError, match="id") as caught:
        warehouse.load(table_spec(columns=Post), [{"id": "x"}])

    assert "warehouse_validation_failed" == caught.value.code


@pytest.mark.parametrize(
    ("contract", "ids", "counts"),
    [
        ({"data_type": "discard_row"}, [(1,)], (1, 0)),
        ({"columns": "discard_row", "data_type": "freeze"}, [(1,), (2,)], (0, 0)),
    ],
)
def test_a_contract_drops_records_that_do_not_fit_their_model(
    warehouse: Warehouse, contract: Any, ids: Any, counts: Any
) -> None:
    second = {"id": 2, "title": 5} if "columns" not in contract else {"id": 2}
    outcome = warehouse.load(table_spec(columns=Post, schema_contract=contract), [{"id": 1}, second])

    assert ids == warehouse.table("posts", "id")
    assert counts == (outcome.discarded_rows, outcome.discarded_values)


def test_a_contract_drops_values_that_do_not_fit_their_model(warehouse: Warehouse) -> None:
    spec = table_spec(columns=Post, schema_contract="discard_value", quarantine=True)
    outcome = warehouse.load(spec, [{"id": 1, "title": 5}])

    assert [(1, None)] == warehouse.table("posts", "id", "title")
    assert (0, 1) == (outcome.discarded_rows, outcome.discarded_values)
    assert [("title", '{"value":5}')] == warehouse.table("posts__quarantine", "column_name", "value")


def test_a_model_may_let_unknown_fields_in(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(columns=Post, schema_contract={"columns": "evolve"}), [{"id": 1, "unknown": 5}])

    assert [(5,)] == warehouse.table("posts", "unknown")
