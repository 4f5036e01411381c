"""Processing steps, in Python and in SQL."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from dagster_rest.config.model.table.steps import ProcessingStep
from dagster_rest.warehouse.errors import StepError
from dagster_rest.warehouse.steps.python import compile_steps

ROWS = [{"id": number, "title": f"Title {number}"} for number in range(1, 5)]


def odd(row: dict[str, Any]) -> bool:
    return bool(row["id"] % 2)


def tenfold(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "id": row["id"] * 10}


def twice(row: dict[str, Any]) -> Any:
    yield row
    yield {**row, "copy": True}


STEPS: dict[str, tuple[Any, list[int]]] = {
    "none": (None, [1, 2, 3, 4]),
    "filter": ([{"filter": odd}], [1, 3]),
    "map": ([{"map": tenfold}], [10, 20, 30, 40]),
    "yield_map": ([{"yield_map": twice}], [1, 1, 2, 2, 3, 3, 4, 4]),
    "in order": ([{"map": tenfold}, {"filter": odd}], []),
    "one entry": ([{"yield_map": twice, "map": tenfold, "filter": odd}], [10, 10, 30, 30]),
    "where": ([{"where": "id < 3 and title like 'T%'"}], [1, 2]),
    "where and select": ([{"select": "id * 2 as id"}, {"where": "id > 4"}], [6, 8]),
    "Python and SQL": ([{"map": tenfold}, {"where": "id >= 20"}, {"filter": lambda row: row["id"] < 40}], [20, 30]),
    "models of the config": ([ProcessingStep(filter=odd), ProcessingStep(where="id > 1")], [3]),
}


@pytest.mark.parametrize(("steps", "ids"), STEPS.values(), ids=STEPS)
def test_steps_run_in_order(steps: Any, ids: list[int]) -> None:
    assert ids == [row["id"] for row in compile_steps(steps, where="resources[0]")(ROWS)]


def test_a_map_that_returns_none_keeps_the_row() -> None:
    assert [None] * 4 == compile_steps([{"map": lambda row: None}], where="resources[0]")(ROWS)


def test_where_leaves_the_records_it_keeps_as_they_are() -> None:
    rows = [{"id": 1, "o": {"a": [1, 2.50]}, "big": 2**70, "m": "x"}, {"id": 2, "m": 5}, {"id": 3, "n": None}]
    kept = compile_steps([{"where": "id <> 2"}], where="resources[0]")(rows)

    assert [rows[0], rows[2]] == kept
    assert rows[0] is kept[0]


def test_where_reads_into_objects_and_lists() -> None:
    rows = [{"o": {"city": "X"}, "l": [1, 2]}, {"o": {"city": "Y"}, "l": []}, {"o": None}]
    step = compile_steps([{"where": "o->>'$.city' = 'X' and json_array_length(l) = 2"}], where="resources[0]")

    assert rows[:1] == step(rows)


def test_select_changes_columns_and_keeps_every_other_value() -> None:
    row = {
        "Id": 1,
        "title": "AB",
        "email": "x",
        "o": {"a": [1, Decimal("1.12345678901234567890")]},
        "big": 2**70,
        "m": 1,
        "at": "2024-01-02T03:04:05Z",
        "f": 1.5,
        "yes": True,
    }
    step = compile_steps([{"select": "* exclude (email), lower(title) as lower_title"}], where="resources[0]")
    (made, other) = step([row, {"Id": 2, "m": "text", "email": "y"}])

    assert {**{key: value for key, value in row.items() if key != "email"}, "lower_title": "ab"} == made
    assert (2, "text", None) == (other["Id"], other["m"], other["title"])


def test_a_key_that_a_later_page_lacks_is_null_there() -> None:
    step = compile_steps([{"select": "id, coalesce(title, 'none') as title"}], where="resources[0]")
    step(ROWS)

    assert [{"id": 9, "title": "none"}] == step([{"id": 9}])
    assert [] == step([])


def test_a_key_whose_type_changes_between_pages_is_read_as_it_is() -> None:
    step = compile_steps([{"select": "v"}], where="resources[0]")

    assert [{"v": 1}] == step([{"v": 1}])
    assert [{"v": 2.5}, {"v": 3.0}] == step([{"v": 2.5}, {"v": 3}])
    assert [{"v": "x"}, {"v": {"a": 1}}] == step([{"v": "x"}, {"v": {"a": 1}}])


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([{"filtr": odd}], "warehouse_invalid_step"),
        ([{"filter": "odd"}], "warehouse_invalid_step"),
        ([{"where": " "}], "warehouse_invalid_step"),
        ([{"where": 5}], "warehouse_invalid_step"),
        ([odd], "warehouse_invalid_step"),
        ([{"where": "idd < 5"}], "warehouse_step_failed"),
        ([{"select": "id +"}], "warehouse_step_failed"),
        ([{"map": lambda row: row["nope"]}], "warehouse_step_failed"),
    ],
)
def test_a_step_that_can_not_run_says_where_it_is(steps: Any, code: str) -> None:
    with pytest.raises(StepError) as caught:
        compile_steps([{"filter": odd}, *steps], where="resources[2]")(ROWS)

    assert code == caught.value.code
    assert (caught.value.where or "").startswith("resources[2].processing_steps[1]")
