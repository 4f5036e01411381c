"""Loads that are too large for one statement, or for what DuckDB collects before it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagster_rest.warehouse.load import commit, target
from dagster_rest.warehouse.load.target import Target
from dagster_rest.warehouse.schema import RecordedSchema
from dagster_rest.warehouse.stage.stager import Stager
from tests.warehouse.load.test_dispositions import FIRST, SECOND, SPECS
from tests.warehouse.support import DATASET, Warehouse, table_spec

TWICE = [{"id": 2, "v": "first of two", "c": [7, 8]}, *SECOND]


@pytest.mark.parametrize("name", ["append", "replace", "delete-insert", "upsert", "insert-only", "cdc"])
def test_a_load_that_takes_several_statements_is_one_load(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(target, "ROWS_PER_STATEMENT", 1)
    spec, expected = SPECS[name]
    warehouse.load(spec, *([record] for record in FIRST), rows_per_part=1)
    records = TWICE if spec.primary_key else SECOND
    outcome = warehouse.load(spec, *([record] for record in records), rows_per_part=1)

    assert expected == (warehouse.table("posts", "id", "v"), [row[0] for row in warehouse.table("posts__c", "value")])
    assert len(records) - 2 == outcome.duplicates


def test_the_filter_of_a_merge_holds_for_every_statement(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "ROWS_PER_STATEMENT", 1)
    spec = table_spec("merge", primary_key=("id",), options={"source_filter": "id <> 2"})
    warehouse.load(spec, *([{"id": number}] for number in (1, 2, 3, 2)), rows_per_part=1)

    assert [(1,), (3,)] == warehouse.table("posts", "id")


@pytest.mark.parametrize(("most", "expected"), [(1, [2, 2, 2, 2]), (4, [4, 4]), (5, [4, 4]), (8, [8])])
def test_a_statement_takes_over_as_many_parts_as_fit(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, most: int, expected: list[int]
) -> None:
    monkeypatch.setattr(target, "ROWS_PER_STATEMENT", most)
    known = RecordedSchema(dataset=DATASET)
    stager = Stager.open(tmp_path, spec=table_spec(), known=known, fingerprint="f", load_id="l", rows_per_part=2)
    for number in range(4):
        stager.write([{"id": number}, {"id": -number}])
    staged = stager.finish()
    selects = Target(database="memory", dataset=DATASET, schema=staged.schema.tables["posts"]).staged_selects(
        staged, "l"
    )

    assert expected == [warehouse.rows(f"SELECT count(*) FROM ({select})")[0][0] for select in selects]


@pytest.mark.parametrize(("most", "during"), [(2, "1"), (3, "5")])
def test_a_large_load_is_written_as_it_comes_and_leaves_the_setting_as_it_was(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, most: int, during: str
) -> None:
    monkeypatch.setattr(commit, "_ROW_GROUP", most)
    setting = "SELECT value FROM duckdb_settings() WHERE name = 'write_buffer_row_group_count'"
    warehouse.conn.execute("SET write_buffer_row_group_count = 5")
    seen: list[Any] = []
    warehouse.load(table_spec("replace"), FIRST, on_event=lambda _: seen.append(warehouse.rows(setting)[0][0]))

    assert ["5", during] == seen
    assert [("5",)] == warehouse.rows(setting)
