from __future__ import annotations

import pytest

from tests.warehouse.support import ReplaceWhere, Warehouse, table_spec

FIRST = [{"id": 1, "v": "a", "c": [1, 2]}, {"id": 2, "v": "b", "c": [3]}]
SECOND = [{"id": 2, "v": "B", "c": [9]}, {"id": 3, "v": "c"}]


@pytest.fixture
def warehouse() -> Warehouse:
    return Warehouse()


@pytest.mark.parametrize(
    ("spec", "rows", "nested"),
    [
        (table_spec("append"), [(1, "a"), (2, "B"), (2, "b"), (3, "c")], [(1,), (2,), (3,), (9,)]),
        (table_spec("replace"), [(2, "B"), (3, "c")], [(9,)]),
        (table_spec("merge", primary_key=("id",)), [(1, "a"), (2, "B"), (3, "c")], [(1,), (2,), (9,)]),
        (table_spec("merge"), [(1, "a"), (2, "B"), (2, "b"), (3, "c")], [(1,), (2,), (3,), (9,)]),
    ],
    ids=["append", "replace", "merge on a key", "merge without a key appends"],
)
def test_second_load_meets_the_first_as_the_disposition_says(
    warehouse: Warehouse, spec: object, rows: list[object], nested: list[object]
) -> None:
    warehouse.load(spec, FIRST)  # type: ignore[arg-type]
    warehouse.load(spec, SECOND)  # type: ignore[arg-type]

    assert rows == warehouse.table("posts", "id", "v")
    assert nested == warehouse.table("posts__c", "value")


def test_replace_where_deletes_the_matching_rows_with_what_is_nested_in_them(warehouse: Warehouse) -> None:
    warehouse.load(table_spec("append"), FIRST)
    outcome = warehouse.load(table_spec("append"), SECOND, replace_where=ReplaceWhere("id = ?", [2]))

    assert 1 == outcome.rows_deleted
    assert [(1, "a"), (2, "B"), (3, "c")] == warehouse.table("posts", "id", "v")
    assert [(1,), (2,), (9,)] == warehouse.table("posts__c", "value")
