"""Records nested as deep as the HTTP client lets pass: stored whole, or refused with a code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.assets.cursor.row_filter import row_hash
from dagster_rest.warehouse.errors import WarehouseError
from dagster_rest.warehouse.schema import RecordedSchema
from dagster_rest.warehouse.stage.stager import Stager
from dagster_rest.warehouse.steps.python import compile_steps
from tests.warehouse.support import DATASET, Warehouse, table_spec


def deep(depth: int, leaf: Any = 2**70, *, lists: bool = False) -> Any:
    value = leaf
    for _ in range(depth):
        value = [value] if lists else {"a": value}
    return value


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("nesting", [0, 2])
def test_a_deep_json_column_is_stored_whole(warehouse: Warehouse, nesting: int, lists: bool) -> None:
    value = deep(200, lists=lists)
    warehouse.load(table_spec(max_table_nesting=nesting), [{"v": value}])
    name = "v" if nesting == 0 else "list" if lists else "v__a__a"
    table = "posts__v__list" if nesting and lists else "posts"
    (stored,) = warehouse.rows(f"SELECT {name} FROM shop.{table}")

    assert value == deep(2 if nesting else 0, json.loads(stored[0]), lists=lists)


@pytest.mark.parametrize("step", [{"where": "v IS NOT NULL"}, {"select": "v"}, {"map": lambda row: deep_copy(row)}])
def test_a_step_says_that_a_record_is_too_deep(step: dict[str, Any]) -> None:
    steps = compile_steps([step], where="resources[0]")

    with pytest.raises(WarehouseError) as caught:
        steps([{"v": deep(3_000)}])
    assert caught.value.code in ("warehouse_too_deep", "warehouse_step_failed")


def deep_copy(row: Any) -> Any:
    return {key: deep_copy(value) for key, value in row.items()} if isinstance(row, dict) else row


def test_a_boundary_row_that_is_too_deep_says_so() -> None:
    with pytest.raises(WarehouseError) as caught:
        row_hash({"v": deep(3_000)}, None, where="resources[0]")
    assert ("warehouse_too_deep", "resources[0]") == (caught.value.code, caught.value.where)


def test_what_children_are_given_of_a_deep_record_is_refused_too(tmp_path: Path) -> None:
    known = RecordedSchema(dataset=DATASET)
    stager = Stager.open(tmp_path / "s", spec=table_spec(), known=known, fingerprint="f", load_id="l")
    stager.write_side("fan_out", [{"include": deep(3_000)}])

    with pytest.raises(WarehouseError) as caught:
        stager.finish()
    assert "warehouse_too_deep" == caught.value.code
