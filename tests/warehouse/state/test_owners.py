"""Whose a table is: two resources never meet in one table, and none loses what it has."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.warehouse.errors import NameCollisionError, WarehouseError
from tests.warehouse.support import Warehouse, table_spec

ORDERS = table_spec("merge", resource="orders", table_name="orders", primary_key=("id",))
ORDER = [{"id": 1, "lines": [{"sku": "a"}]}]


@pytest.mark.parametrize("disposition", ["replace", "append", "merge"])
@pytest.mark.parametrize("records", [[{"id": 7}], []])
@pytest.mark.parametrize("options", [{}, {"full_refresh": True}])
def test_a_resource_named_like_a_nested_table_of_another_leaves_it_alone(
    warehouse: Warehouse, disposition: str, records: list[Any], options: Any
) -> None:
    warehouse.load(ORDERS, ORDER)
    lines = table_spec(disposition, resource="lines", table_name="Orders__Lines")

    if records:
        with pytest.raises(NameCollisionError, match="orders__lines"):
            warehouse.load(lines, records, **options)
    else:
        warehouse.load(lines, records, **options)
    warehouse.load(ORDERS, ORDER)

    assert [("a",)] == warehouse.table("orders__lines", "sku")


@pytest.mark.parametrize("options", [{}, {"full_refresh": True}])
def test_nested_rows_never_go_into_the_table_of_another_resource(warehouse: Warehouse, options: Any) -> None:
    warehouse.load(table_spec("replace", resource="lines", table_name="orders__lines"), [{"id": 7}])

    with pytest.raises(NameCollisionError, match="orders__lines"):
        warehouse.load(ORDERS, ORDER, **options)
    assert [(7,)] == warehouse.table("orders__lines", "id")


@pytest.mark.parametrize("disposition", ["replace", "append", "merge"])
@pytest.mark.parametrize("options", [{}, {"full_refresh": True}])
def test_two_resources_never_write_one_table(warehouse: Warehouse, disposition: str, options: Any) -> None:
    warehouse.load(table_spec(resource="open", table_name="issues"), [{"id": 1}])

    with pytest.raises(NameCollisionError, match="open"):
        warehouse.load(table_spec(disposition, resource="closed", table_name="Issues"), [{"id": 2}], **options)
    assert [(1,)] == warehouse.table("issues", "id")


def test_tables_named_by_data_never_meet(warehouse: Warehouse) -> None:
    def by_kind(record: Any) -> str:
        return str(record["kind"])

    warehouse.load(table_spec(resource="a", table_name=by_kind), [{"kind": "x", "id": 1}])

    for resource, name in (("b", by_kind), ("x", "X")):
        with pytest.raises(NameCollisionError):
            warehouse.load(table_spec("replace", resource=resource, table_name=name), [{"kind": "x", "id": 2}])
    assert [(1,)] == warehouse.table("x", "id")


def test_a_key_never_goes_into_the_quarantine(warehouse: Warehouse) -> None:
    spec = table_spec(schema_contract="discard_value", quarantine=True)
    warehouse.load(spec, [{"id": 1}])
    warehouse.load(spec, [{"id": 2, "new": 1}])

    with pytest.raises(NameCollisionError, match="posts__quarantine"):
        warehouse.load(table_spec(), [{"id": 3, "quarantine": [1]}])


def test_an_empty_replace_leaves_standalone_tables_of_others_alone(warehouse: Warehouse) -> None:
    hints = {"kids": {"primary_key": "kid", "write_disposition": "merge"}}
    items = table_spec(resource="items", table_name="orders__items", nested_hints=hints)
    warehouse.load(items, [{"id": 1, "kids": [{"kid": 1}]}])
    warehouse.load(table_spec("replace", resource="orders", table_name="orders"), [{"id": 1}])
    warehouse.load(table_spec("replace", resource="orders", table_name="orders"), [])

    assert [(1,)] == warehouse.table("orders__items__kids", "kid")


def test_a_table_that_was_dropped_belongs_to_nobody(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(resource="open", table_name="issues"), [{"id": 1}])
    warehouse.conn.execute("drop table shop.issues")
    warehouse.load(table_spec(resource="closed", table_name="issues"), [{"id": 2}])

    assert [(2,)] == warehouse.table("issues", "id")


class Ledger:
    """Loads of assets, with their rows in the ledger."""

    def __init__(self, warehouse: Warehouse) -> None:
        from dagster_rest.warehouse.state.ledger_tables import ensure_ledger

        self.warehouse = warehouse
        self.count = 0
        ensure_ledger(warehouse.conn)

    def load(self, asset: str, *records: Any, **keys: Any) -> None:
        self.count += 1
        self.warehouse.conn.execute(
            "insert into _dagster_rest.loads (seq, load_id, asset, partition, load_group, run_id, attempt, storage_id,"
            " status, boundary, rows_loaded, complete, fingerprint, data_version, committed_at)"
            " values (?, ?, ?, '', '', '', 0, '', 'pending', [], 0, true, '', '', now())",
            [self.count, f"load-{self.count}", asset],
        )
        self.warehouse.load(table_spec(asset=asset, **keys), list(records))


def test_the_owner_is_the_asset_so_that_a_resource_may_be_renamed(warehouse: Warehouse) -> None:
    ledger = Ledger(warehouse)
    ledger.load("shop/issues", {"id": 1, "l": [1]}, resource="old_name", table_name="issues")
    ledger.load("shop/issues", {"id": 2, "l": [2]}, resource="new_name", table_name="issues")

    assert [(1,), (2,)] == warehouse.table("issues", "id")


def test_two_assets_of_one_resource_name_are_two_owners(warehouse: Warehouse) -> None:
    ledger = Ledger(warehouse)
    ledger.load("one/issues", {"id": 1}, resource="issues", table_name="issues")

    with pytest.raises(WarehouseError, match="one/issues"):
        ledger.load("two/issues", {"id": 2}, resource="issues", table_name="issues")
    assert [(1,)] == warehouse.table("issues", "id")


def test_an_asset_that_was_renamed_keeps_its_table_once_the_ledger_is_told(warehouse: Warehouse) -> None:
    ledger = Ledger(warehouse)
    ledger.load("one/issues", {"id": 1}, resource="issues", table_name="issues")
    warehouse.conn.execute("update _dagster_rest.loads set asset = 'two/issues' where asset = 'one/issues'")
    ledger.load("two/issues", {"id": 2}, resource="issues", table_name="issues")

    assert [(1,), (2,)] == warehouse.table("issues", "id")
