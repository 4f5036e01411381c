"""Which of the records that share a key wins, whatever column its values went to."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.warehouse.support import Warehouse, table_spec

KEY = {"primary_key": ("id",)}
MIXED: dict[str, tuple[list[Any], Any, Any]] = {
    "numbers in every type": ([9, "10", 2.5, Decimal("10.000000000000000000001"), 2**70], 2**70, 2.5),
    "integers that one double stands for": ([2**60, 2**60 + 1, 0.5, str(2**60 + 2)], str(2**60 + 2), 0.5),
    "moments and words": (
        ["2024-01-02T00:00:00Z", "n/a", "2024-01-03", "2024-01-02T23:59:59-02:00"],
        "2024-01-02T23:59:59-02:00",
        "2024-01-02T00:00:00Z",
    ),
    "moments and seconds": ([1704164645, "2024-01-02T03:04:06Z", "x"], "2024-01-02T03:04:06Z", 1704164645),
    "words and a number": (["b", "a", 5], 5, 5),
    "words alone": (["b", "a", "c"], "c", "a"),
    "a truth and numbers": ([True, 0.5, 7, "x"], 7, 0.5),
    "null and a word": ([None, "x"], "x", "x"),
}


@pytest.mark.parametrize("direction", ["desc", "asc"])
@pytest.mark.parametrize("name", MIXED)
def test_which_duplicate_wins_does_not_depend_on_the_column_a_value_went_to(
    warehouse: Warehouse, name: str, direction: str
) -> None:
    values, largest, smallest = MIXED[name]
    spec = table_spec("merge", columns={"rank": {"dedup_sort": direction}}, **KEY)
    kept = {}
    for number, first in enumerate(values):
        one = replace(spec, resource=f"r{number}", table_name=f"t{number}")
        warehouse.load(one, [{"id": 0, "n": 0, "rank": first}])
        warehouse.load(one, [{"id": 1, "n": place, "rank": value} for place, value in enumerate(values)])
        kept[repr(first)] = warehouse.rows(f"SELECT n FROM shop.t{number} WHERE id = 1")

    expected = values.index(largest if direction == "desc" else smallest)
    assert {repr(first): [(expected,)] for first in values} == kept


def test_of_two_spellings_of_one_moment_the_last_record_wins_whatever_the_column(warehouse: Warehouse) -> None:
    spec = table_spec("merge", columns={"rank": {"dedup_sort": "desc"}}, **KEY)
    for number, first in enumerate(["2024-01-01T00:00:00Z", "n/a"]):
        one = replace(spec, resource=f"r{number}", table_name=f"t{number}")
        warehouse.load(one, [{"id": 0, "rank": first}])
        warehouse.load(
            one,
            [
                {"id": 1, "n": n, "rank": at}
                for n, at in enumerate(["2024-01-02T05:04:05+02:00", "2024-01-02T03:04:05Z"])
            ],
        )
        assert [(1,)] == warehouse.rows(f"SELECT n FROM shop.t{number} WHERE id = 1")


def test_a_column_hinted_as_text_is_sorted_as_text(warehouse: Warehouse) -> None:
    spec = table_spec("merge", columns={"rank": {"dedup_sort": "desc", "data_type": "text"}}, **KEY)
    warehouse.load(spec, [{"id": 1, "rank": "9"}, {"id": 1, "rank": "10"}])

    assert [("9",)] == warehouse.table("posts", "rank")


@pytest.mark.parametrize("strategy", ["scd2", "upsert"])
def test_versions_in_a_variant_column_are_told_apart(warehouse: Warehouse, strategy: str) -> None:
    options = {"row_version_column_name": "rev"} | ({"skip_unchanged_rows": True} if strategy == "upsert" else {})
    spec = table_spec("merge", strategy, options=options, **KEY)
    for rev in (1, "a", "b", "b", 2):
        outcome = warehouse.load(spec, [{"id": 1, "rev": rev, "v": f"of {rev}"}])
        stored = warehouse.rows("SELECT v FROM shop.posts ORDER BY rowid DESC LIMIT 1")
        assert [(f"of {rev}",)] == stored

    assert [(4 if strategy == "scd2" else 1,)] == warehouse.rows("SELECT count(*) FROM shop.posts")
    assert 1 == outcome.rows_loaded


def test_a_row_without_a_version_is_never_taken_for_unchanged(warehouse: Warehouse) -> None:
    options = {"row_version_column_name": "rev", "skip_unchanged_rows": True}
    spec = table_spec("merge", "upsert", options=options, **KEY)
    warehouse.load(spec, [{"id": 0, "rev": 1}, {"id": 1, "rev": None, "v": "a"}])
    warehouse.load(spec, [{"id": 1, "rev": None, "v": "b"}])

    assert [(0, None), (1, "b")] == warehouse.table("posts", "id", "v")
