"""Two processes that load into one table: what one added between staging and commit, the other finds."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.warehouse.errors import StaleSchemaError
from dagster_rest.warehouse.load.commit import commit_load
from dagster_rest.warehouse.load.target import stale_columns
from dagster_rest.warehouse.schema import RecordedSchema, ResourceSpec
from dagster_rest.warehouse.stage.stager import Stager
from dagster_rest.warehouse.state.catalog import read_schema
from tests.warehouse.support import DATASET, NOON, Warehouse, table_spec


def staged_before(
    warehouse: Warehouse, folder: Path, records: list[Any], *, known: bool = True, spec: ResourceSpec | None = None
) -> Any:
    """Stage records with what is known now, for a commit later."""
    schema = read_schema(warehouse.conn, DATASET) if known else RecordedSchema(dataset=DATASET)
    stager = Stager.open(folder, spec=spec or table_spec(), known=schema, fingerprint="f", load_id="late")
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


VALUES: dict[str, Any] = {
    "int": 7,
    "text of an int": "7",
    "huge int": 2**70,
    "int past doubles": 2**53 + 1,
    "whole float": 7.0,
    "float": 2.5,
    "large float": 1e16,
    "text of a float": "2.50",
    "bool": True,
    "word for true": "yes",
    "date-time": "2024-01-02T03:04:05Z",
    "date-time with an offset": "2024-01-02T05:04:05+02:00",
    "date": "2024-01-02",
    "text": "x",
    "wide decimal": Decimal("12345678901234567890.25"),
    "deep decimal": Decimal("1.12345678901234567890"),
    "decimal of 38 digits": Decimal("9" * 38 + "e-3"),
    "bytes of a step": b"ab",
    "date of a step": datetime.date(2024, 1, 2),
    "time of a step": datetime.time(3, 4),
}
PAIRS = {f"{a} {b}".replace(" ", "_").replace("-", "_"): (a, b) for a in VALUES for b in VALUES}
"""A column for each pair of what another load has brought meanwhile, and what this one brings."""


def test_a_value_staged_before_another_load_made_its_column_is_stored_as_after_it_or_staged_again(
    tmp_path: Path, warehouse: Warehouse
) -> None:
    theirs = {column: VALUES[pair[0]] for column, pair in PAIRS.items()}
    mine = {column: VALUES[pair[1]] for column, pair in PAIRS.items()}
    undisturbed = Warehouse()
    undisturbed.load(table_spec(), [theirs])
    undisturbed.load(table_spec(), [mine])
    staged = staged_before(warehouse, tmp_path / "s", [mine], known=False)
    warehouse.load(table_spec(), [theirs])
    recorded = read_schema(warehouse.conn, DATASET).tables["posts"]
    stale = stale_columns(staged.schema.tables["posts"], recorded)
    with pytest.raises(StaleSchemaError) as caught:
        commit(warehouse, staged)
    warehouse.conn.execute("ROLLBACK")
    exact = {column: value for column, value in mine.items() if column not in stale}
    commit(warehouse, staged_before(warehouse, tmp_path / "exact", [exact], known=False))

    assert "warehouse_schema_changed" == caught.value.code
    stored, wanted = last_row(warehouse), last_row(undisturbed)
    assert {} == {
        name: (wanted.get(name), stored.get(name))
        for name in stored.keys() | wanted.keys()
        if name.split("__v_")[0] in exact and wanted.get(name) != stored.get(name)
    }


def last_row(warehouse: Warehouse) -> dict[str, Any]:
    """Return what is stored of the row that came last, by column, with the types."""
    done = warehouse.conn.execute("SELECT * EXCLUDE (_load_id, _row_id) FROM shop.posts ORDER BY rowid DESC LIMIT 1")
    names = [column[0] for column in done.description or ()]
    (row,) = done.fetchall()
    return {name: (type(value), value) for name, value in zip(names, row, strict=True) if value is not None}


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        ("int", "int past doubles"),
        ("int", "huge int"),
        ("huge int", "int"),
        ("text", "date"),
        ("float", "whole float"),
        ("date-time", "date-time with an offset"),
        ("wide decimal", "wide decimal"),
    ],
)
def test_values_that_the_other_type_stores_alike_are_not_staged_again(
    tmp_path: Path, warehouse: Warehouse, theirs: str, mine: str
) -> None:
    staged = staged_before(warehouse, tmp_path / "s", [{"v": VALUES[mine]}], known=False)
    warehouse.load(table_spec(), [{"v": VALUES[theirs]}])

    assert 1 == commit(warehouse, staged).rows_loaded


@pytest.mark.parametrize(("theirs", "mine"), [("x", 7), (7, "x"), (2.5, "x")])
def test_a_key_that_another_load_gave_another_type_is_no_constraint_of_somebody(
    tmp_path: Path, warehouse: Warehouse, theirs: Any, mine: Any
) -> None:
    spec = table_spec("merge", primary_key=("k",))
    staged = staged_before(warehouse, tmp_path / "s", [{"k": mine}], known=False, spec=spec)
    warehouse.load(spec, [{"k": theirs}])

    with pytest.raises(StaleSchemaError) as caught:
        commit(warehouse, staged)
    assert "posts.k" in str(caught.value)


def test_a_column_that_this_load_itself_widens_is_not_stale(tmp_path: Path, warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"id": 1, "v": Decimal("0.12345678901234567890"), "n": 1}])
    staged = staged_before(warehouse, tmp_path / "s", [{"id": 2, "v": 12345678, "n": 2**70}])
    commit(warehouse, staged)

    assert {"id": "BIGINT", "v": "DECIMAL(28,20)", "n": "HUGEINT"} == warehouse.types("posts")


def test_a_column_rebuilt_with_another_type_since_is_stale(tmp_path: Path, warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"id": 1, "v": 1}])
    staged = staged_before(warehouse, tmp_path / "s", [{"id": 2, "v": "7"}])
    warehouse.load(table_spec(), [{"id": 1, "v": "x"}], full_refresh=True, known=RecordedSchema(dataset=DATASET))

    with pytest.raises(StaleSchemaError):
        commit(warehouse, staged)


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
