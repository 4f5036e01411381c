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
    "integers past 38 digits": ([10**40 + 2, -(10**40), 10**40 + 1, 10**39], 10**40 + 2, -(10**40)),
    "numbers past a double": ([10**400, 2 * 10**400, 9 * 10**399, 5], 2 * 10**400, 5),
    "negative numbers past 38 digits": ([-(10**39), -(10**40) - 1, -(10**40)], -(10**39), -(10**40) - 1),
    "fractions that one double stands for": (
        [Decimal("1.00000000000000000000000000000000000000001"), 1.0, Decimal("1.1e-50")],
        Decimal("1.00000000000000000000000000000000000000001"),
        Decimal("1.1e-50"),
    ),
    "moments that differ past the microsecond": (
        [f"2024-01-01T00:00:00{fraction}Z" for fraction in (".000000001", ".0000000021", "", ".000000002")],
        "2024-01-01T00:00:00.0000000021Z",
        "2024-01-01T00:00:00Z",
    ),
    "moments before 1970": (
        ["1969-12-31T23:59:59.99999999Z", "1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59Z"],
        "1969-12-31T23:59:59.99999999Z",
        "1969-12-31T23:59:59Z",
    ),
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


@pytest.mark.parametrize(
    ("hint", "values"),
    [
        ({"data_type": "timestamp"}, ["2024-01-01T00:00:00.000000002Z", "2024-01-01T00:00:00.000000001Z"]),
        ({"data_type": "date"}, ["2024-01-01T00:00:02Z", "2024-01-01T00:00:01Z"]),
        ({"data_type": "time"}, ["03:04:05.0000002", "03:04:05.0000001"]),
        ({"data_type": "decimal", "precision": 10, "scale": 2}, [1.002, 1.001]),
    ],
)
def test_what_a_type_cuts_off_still_decides_and_the_column_keeps_its_type(
    warehouse: Warehouse, hint: dict[str, Any], values: list[str]
) -> None:
    spec = table_spec("merge", columns={"rank": {"dedup_sort": "desc", **hint}}, **KEY)
    outcome = warehouse.load(spec, [{"id": 1, "n": n, "rank": value} for n, value in enumerate(values)])

    assert [(0,)] == warehouse.table("posts", "n")
    assert 1 == outcome.duplicates
    assert ["id", "rank", "n"] == list(warehouse.types("posts"))


def test_a_word_that_looks_cut_is_no_time(warehouse: Warehouse) -> None:
    spec = table_spec("merge", columns={"rank": {"dedup_sort": "desc", "data_type": "timestamp"}}, **KEY)
    values = [
        "2024-01-01T00:00:00.0000002Z",
        "v1.1234567",
        None,
        "20240101T000000.0000003Z",
        "2024-01-01 00:00:00.0000001",
    ]
    warehouse.load(spec, [{"id": 1, "n": n, "rank": value} for n, value in enumerate(values)])

    assert [(3,)] == warehouse.table("posts", "n")


def test_pages_and_parts_with_and_without_the_sorted_field_are_compared(warehouse: Warehouse) -> None:
    spec = table_spec("merge", columns={"rank": {"dedup_sort": "desc"}}, **KEY)
    at = "2024-01-01T00:00:00.00000000{}Z"
    pages = [[{"id": 1, "n": n, "rank": at.format(digit)}] for n, digit in enumerate((1, 3, 2))]
    warehouse.load(spec, [{"id": 1, "n": 9}], *pages, rows_per_part=1)

    assert [(1,)] == warehouse.table("posts", "n")


def test_rows_of_a_nested_table_with_a_key_are_sorted_by_all_digits(warehouse: Warehouse) -> None:
    hints = {"l": {"primary_key": "id", "write_disposition": "merge", "columns": {"at": {"dedup_sort": "desc"}}}}
    lines = [{"id": 1, "n": n, "at": f"2024-01-01T00:00:00.00000000{n}Z"} for n in (2, 3, 1)]
    warehouse.load(table_spec(nested_hints=hints), [{"l": lines}])

    assert [(3,)] == warehouse.table("posts__l", "n")


@pytest.mark.parametrize("strategy", ["scd2", "upsert"])
@pytest.mark.parametrize("first", ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000000001Z"])
def test_versions_that_differ_past_the_microsecond_are_two(warehouse: Warehouse, strategy: str, first: str) -> None:
    options = {"row_version_column_name": "at"} | ({"skip_unchanged_rows": True} if strategy == "upsert" else {})
    spec = table_spec("merge", strategy, options=options, **KEY)
    moments = [first, "2024-01-01T00:00:00.000000002Z", "2024-01-01T00:00:00.000000003Z"]
    found = []
    for at in moments:
        warehouse.load(spec, [{"id": 1, "at": at, "v": f"of {at}"}])
        found.append(warehouse.rows("SELECT v FROM shop.posts ORDER BY rowid DESC LIMIT 1"))

    assert [[(f"of {at}",)] for at in moments] == found
    assert [(3 if strategy == "scd2" else 1,)] == warehouse.rows("SELECT count(*) FROM shop.posts")


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
