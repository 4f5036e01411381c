"""Two processes that load into one table: what one added between staging and commit, the other finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagster_rest.warehouse.catalog import read_schema
from dagster_rest.warehouse.dispositions import commit_load
from dagster_rest.warehouse.schema import KnownSchema
from dagster_rest.warehouse.staging import Stager
from tests.warehouse.support import DATASET, NOON, Warehouse, table_spec


def staged_before(warehouse: Warehouse, folder: Path, records: list[Any], *, known: bool = True) -> Any:
    """Stage records with what is known now, for a commit later."""
    schema = read_schema(warehouse.conn, DATASET) if known else KnownSchema(dataset=DATASET)
    stager = Stager.open(folder, spec=table_spec(), known=schema, fingerprint="f", load_id="late")
    stager.write(records)
    return stager.finish()


def commit(warehouse: Warehouse, staged: Any) -> Any:
    warehouse.conn.execute("BEGIN")
    outcome = commit_load(warehouse.conn, staged, load_id="late", loaded_at=NOON)
    warehouse.conn.execute("COMMIT")
    return outcome


def test_columns_of_both_are_there(tmp_path: Path, warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"id": 1}])
    staged = staged_before(warehouse, tmp_path / "s", [{"id": 3, "mine": 1, "l": [1]}])
    warehouse.load(table_spec(), [{"id": 2, "theirs": 1, "l": [2]}])
    commit(warehouse, staged)

    assert [(1, None, None), (2, 1, None), (3, None, 1)] == warehouse.table("posts", "id", "theirs", "mine")
    assert [(1,), (2,)] == warehouse.table("posts__l", "value")
    assert ["id", "theirs", "mine"] == list(read_schema(warehouse.conn, DATASET).tables["posts"].columns)


@pytest.mark.parametrize(
    ("theirs", "mine", "stored"),
    [
        (2**70, 5, {"v": 5}),
        (5, 2**70, {"v": 2**70}),
        ("text", 5, {"v": "5"}),
        (5, "text", {"v__v_text": "text"}),
        (5, "7", {"v": 7}),
        (5, 2.5, {"v__v_text": "2.5"}),
        ("2024-01-02T03:04:05Z", "text", {"v__v_text": "text"}),
    ],
)
def test_of_two_types_for_a_new_column_the_recorded_stays_and_no_value_is_lost(
    tmp_path: Path, warehouse: Warehouse, theirs: Any, mine: Any, stored: Any
) -> None:
    staged = staged_before(warehouse, tmp_path / "s", [{"id": 2, "v": mine}], known=False)
    warehouse.load(table_spec(), [{"id": 1, "v": theirs}])
    commit(warehouse, staged)
    columns = [column for column in warehouse.types("posts") if column != "id"]
    (row,) = warehouse.rows(f"SELECT {', '.join(columns)} FROM shop.posts WHERE id = 2")

    assert stored == {column: value for column, value in zip(columns, row, strict=True) if value is not None}


def test_a_table_made_by_the_other_is_no_foreign_table(tmp_path: Path, warehouse: Warehouse) -> None:
    staged = staged_before(warehouse, tmp_path / "s", [{"id": 2}], known=False)
    warehouse.load(table_spec(), [{"id": 1}])
    commit(warehouse, staged)

    assert [(1,), (2,)] == warehouse.table("posts", "id")


def test_what_is_recorded_can_be_pickled_and_is_complete(warehouse: Warehouse) -> None:
    import pickle

    warehouse.load(table_spec(columns={"v": {"description": "A value.", "x-mine": 1}}), [{"v": 1, "l": [{"Ab": "x"}]}])
    known = pickle.loads(pickle.dumps(read_schema(warehouse.conn, DATASET)))

    assert ["posts", "posts__l"] == list(known.tables)
    assert ("bigint", "A value.", {"x-mine": 1}) == (
        known.tables["posts"].columns["v"].data_type,
        known.tables["posts"].columns["v"].description,
        known.tables["posts"].columns["v"].hints,
    )
    assert ("posts", "posts", "l", "Ab") == (
        known.tables["posts__l"].root,
        known.tables["posts__l"].parent,
        known.tables["posts__l"].source,
        known.tables["posts__l"].columns["ab"].source,
    )


def test_nothing_is_known_of_an_empty_database(warehouse: Warehouse) -> None:
    assert {} == read_schema(warehouse.conn, DATASET).tables
    assert {} == read_schema(None, DATASET).tables
