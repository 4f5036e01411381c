"""What DuckDB raises becomes an error with a code and a way out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.database.errors import MEANINGS, translated
from dagster_rest.warehouse.database.file import short_read, short_write
from dagster_rest.warehouse.errors import CODES, WarehouseError
from tests.warehouse.support import DATASET, Warehouse, table_spec

KINDS = sorted(
    (kind for kind in vars(duckdb).values() if isinstance(kind, type) and issubclass(kind, duckdb.Error)),
    key=lambda kind: kind.__name__,
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = str(tmp_path / "w.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("create table t as select 1 as a")
    return path


def raised(file: str, sql: str) -> WarehouseError:
    with pytest.raises(WarehouseError) as caught, short_write(DuckDBResource(database=file)) as connection:
        run(connection, sql)
    return caught.value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_class_that_this_duckdb_has_is_mapped_by_its_own_name(kind: type[Exception]) -> None:
    error = translated(kind("Some Error: it is so\nLINE 1"), Path("w.duckdb"))

    assert MEANINGS[kind.__name__].code == error.code
    assert error.code in CODES
    assert error.message.endswith("Some Error: it is so")
    assert error.hint


def test_a_class_of_a_later_duckdb_means_what_its_base_class_means() -> None:
    class LaterException(duckdb.ConstraintException):
        pass

    assert "warehouse_constraint" == translated(LaterException("x"), Path("w.duckdb")).code


def test_an_error_without_text_is_named_by_its_class() -> None:
    assert "Error" in translated(duckdb.Error(""), Path("w.duckdb")).message


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("create unique index i on t (a); insert into t values (1)", "warehouse_constraint"),
        ("create index i on t (a); alter table t alter a set data type hugeint", "warehouse_dependency"),
        ("create schema x; create table x.y (a int); drop schema x", "warehouse_dependency"),
        ("select nothing from nowhere", "warehouse_sql"),
        ("select 'x'::int", "warehouse_value"),
        ("insert into t values (99999999999999)", "warehouse_value"),
        ("begin", "warehouse_conflict"),
        (
            "set memory_limit = '1MB'; create table big as select range as a from range(10000000) order by random()",
            "warehouse_out_of_memory",
        ),
        ("select * from read_csv('/nowhere/x.csv')", "warehouse_io"),
    ],
)
def test_an_error_inside_a_transaction_has_a_code(file: str, sql: str, code: str) -> None:
    assert code == raised(file, sql).code


def test_an_error_of_a_reader_has_a_code(file: str) -> None:
    def look() -> None:
        with short_read(DuckDBResource(database=file)) as connection:
            assert connection is not None
            run(connection, "from nowhere")

    with pytest.raises(WarehouseError) as caught:
        look()

    assert "warehouse_sql" == caught.value.code


def test_a_notebook_that_holds_the_file_with_other_settings_is_named(file: str) -> None:
    with duckdb.connect(file, config={"threads": 3}):
        assert "warehouse_in_use" == raised(file, "select 1").code


def test_a_transaction_that_a_notebook_left_open_is_named(file: str) -> None:
    with duckdb.connect(file, config={"custom_user_agent": "dagster"}) as notebook:
        notebook.execute("begin; update t set a = 2")

        assert "warehouse_conflict" == raised(file, "update t set a = 3").code


def test_a_resource_that_gives_a_connection_with_an_open_transaction_is_named(file: str) -> None:
    class Open:
        database = file

        @contextlib.contextmanager
        def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
            connection = duckdb.connect(file)
            connection.execute("begin")
            yield connection

    with pytest.raises(WarehouseError) as caught, short_write(Open()):
        pass
    assert "warehouse_conflict" == caught.value.code


@pytest.mark.parametrize("name", ["_dagster_rest.duckdb", "_Dagster_Rest.db", "_dagster_rest"])
def test_a_file_named_like_the_schema_of_the_records_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WarehouseError) as caught, short_write(DuckDBResource(database=str(tmp_path / name))):
        pass

    assert "warehouse_reserved_name" == caught.value.code


@pytest.mark.parametrize("name", ["POSTS", "Posts"])
def test_a_table_of_somebody_else_is_found_however_it_is_spelled(warehouse: Warehouse, name: str) -> None:
    warehouse.conn.execute(f'create schema SHOP; create table SHOP."{name}" (id int)')

    with pytest.raises(WarehouseError) as caught:
        warehouse.load(table_spec(), [{"id": 1}])
    assert "warehouse_foreign_table" == caught.value.code


@pytest.mark.parametrize(("first", "then"), [("shop", "SHOP"), ("SHOP", "shop")])
def test_a_dataset_may_be_spelled_in_capitals(warehouse: Warehouse, first: str, then: str) -> None:
    for dataset in (first, then):
        warehouse.load(table_spec(dataset=dataset), [{"id": 1, "tags": [1]}])

    assert [(1,), (1,)] == warehouse.table("posts", "id")
    assert [(1,), (1,)] == warehouse.table("posts__tags", "value")
    assert [(4,)] == warehouse.rows(
        "select count(*) from _dagster_rest.columns where table_name = 'posts__tags' and column_name <> 'value'"
    )


def test_a_column_somebody_spelled_in_capitals_is_the_column(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"id": 1}])
    warehouse.conn.execute(f'alter table {DATASET}.posts add column "Price" bigint')
    warehouse.load(table_spec(), [{"id": 2, "price": 5}])

    assert [(1, None), (2, 5)] == warehouse.table("posts", "id", "price")


@pytest.mark.parametrize("value", [{"a": "\ud800"}, {"\ud800": 1}, [["\udc00"]], {"a": ["x", 2**70, "\ud800"]}])
def test_half_a_character_in_a_json_column_is_refused(warehouse: Warehouse, value: Any) -> None:
    with pytest.raises(WarehouseError) as caught:
        warehouse.load(table_spec(max_table_nesting=0, where="resources[3]"), [{"id": 1, "v": value}])

    assert ("warehouse_invalid_text", "resources[3]") == (caught.value.code, caught.value.where)


@pytest.mark.parametrize("spec", [table_spec("merge", "scd2"), table_spec()])
@pytest.mark.parametrize(
    "record", [{"v": "\ud800"}, {"l": ["\ud800"]}, {"x\ud800": 1}, {"l": [{"x\ud800": 1}]}, {"a": {"\ud800": [1]}}]
)
def test_half_a_character_anywhere_is_refused(warehouse: Warehouse, spec: Any, record: Any) -> None:
    with pytest.raises(WarehouseError) as caught:
        warehouse.load(spec, [record])

    assert "warehouse_invalid_text" == caught.value.code


def deep(depth: int) -> Any:
    value: Any = 2**70
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize("nesting", [None, 0])
def test_records_too_deep_to_work_on_are_refused(warehouse: Warehouse, nesting: int | None) -> None:
    with pytest.raises(WarehouseError) as caught:
        warehouse.load(table_spec(max_table_nesting=nesting), [{"v": deep(3_000)}])

    assert "warehouse_too_deep" == caught.value.code


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-02:00", "0001-01-01T00:00:00.5+14:00"]
)
@pytest.mark.parametrize("others", [[], ["2024-01-02T03:04:05Z"]])
def test_a_time_beyond_the_calendar_is_kept_as_text(warehouse: Warehouse, text: str, others: list[str]) -> None:
    warehouse.load(table_spec(), [{"at": value} for value in [*others, text]])

    stored = warehouse.rows(f"select * from {DATASET}.posts")
    assert text in [value for row in stored for value in row]


def test_a_time_beyond_the_calendar_in_a_hinted_column_goes_to_its_variant(warehouse: Warehouse) -> None:
    spec = table_spec(columns={"at": {"data_type": "timestamp"}})
    warehouse.load(spec, [{"at": "0001-01-01T00:00:00+02:00"}, {"at": "2024-01-02T03:04:05Z"}])

    assert [("0001-01-01T00:00:00+02:00",), (None,)] == warehouse.rows(
        f"select at__v_text from {DATASET}.posts order by 1 nulls last"
    )
