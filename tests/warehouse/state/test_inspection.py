"""What hands did to the tables of an asset since its last load."""

from __future__ import annotations

import duckdb
import pytest

from dagster_rest.warehouse.schema import ResourceSpec
from dagster_rest.warehouse.state.catalog import read_schema
from dagster_rest.warehouse.state.inspection import ChangedColumn, TableInspection, inspect_tables, recorded_tables
from tests.warehouse.support import DATASET, Warehouse, table_spec

SPEC = table_spec("append", columns={"price": {"data_type": "bigint"}})
RECORDS = [{"id": 1, "price": 3, "tags": [{"t": "a"}]}]


def look(warehouse: Warehouse, spec: ResourceSpec = SPEC) -> tuple[TableInspection, ...]:
    known = read_schema(warehouse.conn, DATASET)
    return inspect_tables(warehouse.conn, dataset=DATASET, recorded=recorded_tables(known, spec=spec))


@pytest.fixture
def loaded(warehouse: Warehouse) -> Warehouse:
    warehouse.load(SPEC, RECORDS)
    return warehouse


def test_tables_nobody_touched_are_whole(loaded: Warehouse) -> None:
    assert (
        TableInspection(table="posts", is_root=True, found="table"),
        TableInspection(table="posts__tags", is_root=False, found="table"),
    ) == look(loaded)


@pytest.mark.parametrize(("table", "number"), [("posts", 0), ("posts__tags", 1)])
def test_a_dropped_table_is_missing(loaded: Warehouse, table: str, number: int) -> None:
    loaded.conn.execute(f"drop table {DATASET}.{table}")

    found = look(loaded)[number]

    assert (table, "missing", False) == (found.table, found.found, found.is_whole)


def test_without_a_database_everything_is_missing(loaded: Warehouse) -> None:
    known = read_schema(loaded.conn, DATASET)

    found = inspect_tables(None, dataset=DATASET, recorded=recorded_tables(known, spec=SPEC))

    assert ["missing", "missing"] == [one.found for one in found]


def test_a_view_in_place_of_a_table_is_a_view(loaded: Warehouse) -> None:
    loaded.conn.execute(f"alter table {DATASET}.posts rename to old")
    loaded.conn.execute(f"create view {DATASET}.posts as from {DATASET}.old")

    assert TableInspection(table="posts", is_root=True, found="view") == look(loaded)[0]
    assert not look(loaded)[0].is_whole


@pytest.mark.parametrize("column", ["price", "_row_id"])
def test_a_dropped_column_is_missing(loaded: Warehouse, column: str) -> None:
    loaded.conn.execute(f"alter table {DATASET}.posts drop column {column}")

    assert ((column,), False) == (look(loaded)[0].missing_columns, look(loaded)[0].is_whole)


@pytest.mark.parametrize(
    ("found", "keeps_all"),
    [
        ("INTEGER", False),
        ("VARCHAR", False),
        ("DOUBLE", False),
        ("HUGEINT", True),
        ("DECIMAL(19,0)", True),
        ("DECIMAL(18,0)", False),
    ],
)
def test_a_column_of_another_type_says_if_it_keeps_all(loaded: Warehouse, found: str, keeps_all: bool) -> None:
    loaded.conn.execute(f"alter table {DATASET}.posts alter column price set data type {found}")

    changed = ChangedColumn(name="price", recorded="BIGINT", found=found, keeps_all=keeps_all)
    assert ((changed,), keeps_all) == (look(loaded)[0].changed_columns, look(loaded)[0].is_whole)


def test_a_column_made_by_hand_is_named_and_does_no_harm(loaded: Warehouse) -> None:
    loaded.conn.execute(f'alter table {DATASET}.posts add column "Note" varchar')

    assert (("Note",), True) == (look(loaded)[0].extra_columns, look(loaded)[0].is_whole)


def test_other_resources_and_other_files_do_not_count(loaded: Warehouse) -> None:
    loaded.load(table_spec("append", resource="posts_old", table_name="posts_old"), RECORDS)
    loaded.conn.execute("attach ':memory:' as other")
    loaded.conn.execute(f"create schema other.{DATASET}")
    loaded.conn.execute(f"create view other.{DATASET}.posts as select 1 as a")

    assert [("posts", True), ("posts__tags", True)] == [(one.table, one.is_whole) for one in look(loaded)]


def test_a_name_spelled_in_capitals_is_the_same_table(loaded: Warehouse) -> None:
    loaded.conn.execute(f"alter table {DATASET}.posts rename to kept")
    loaded.conn.execute(f'create table {DATASET}."POSTS" as from {DATASET}.kept')

    assert "table" == look(loaded)[0].found


def test_the_tables_of_a_table_name_that_is_a_function_are_found(warehouse: Warehouse) -> None:
    spec = table_spec("append", table_name=lambda record: record["kind"])
    warehouse.load(spec, [{"kind": "a", "x": [1]}, {"kind": "b"}])

    assert ["a", "b", "a__x"] == [one.table for one in look(warehouse, spec)]


def test_it_works_inside_a_transaction(loaded: Warehouse) -> None:
    loaded.conn.execute(f"drop table {DATASET}.posts__tags")
    loaded.conn.execute("begin")

    found = look(loaded)

    assert ["table", "missing"] == [one.found for one in found]
    assert isinstance(loaded.conn, duckdb.DuckDBPyConnection)
    loaded.conn.execute("commit")
