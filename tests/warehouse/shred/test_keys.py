"""Keys: what differs as the API writes it stays two rows, and what can't be a key is said to be what it is."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.warehouse.errors import KeyValueError, NullInRequiredColumnError
from tests.warehouse.support import Warehouse, table_spec

NANOS = ["2024-01-02T03:04:05.123456001Z", "2024-01-02T03:04:05.123456002Z"]
MICROS = "2024-01-02T03:04:05.123456Z"
STRATEGIES = ["delete-insert", "upsert", "insert-only", "cdc", "scd2"]


def spec(strategy: str = "delete-insert", key: str = "primary_key", **more: Any) -> Any:
    return table_spec("merge", strategy, **{key: ("at",)}, **more)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("values", [NANOS, [MICROS, *NANOS], [f"{MICROS[:-1]}0009", f"{MICROS[:-1]}0008"]])
def test_keys_that_differ_past_the_microsecond_stay_apart_as_text(
    warehouse: Warehouse, strategy: str, values: list[str]
) -> None:
    for _ in range(2):
        outcome = warehouse.load(spec(strategy), [{"at": at, "v": place} for place, at in enumerate(values)])

    assert sorted((at, place) for place, at in enumerate(values)) == warehouse.table("posts", "at", "v")
    assert 0 == outcome.duplicates


@pytest.mark.parametrize("key", ["primary_key", "merge_key"])
def test_a_key_past_the_microsecond_in_a_column_of_times_is_refused(warehouse: Warehouse, key: str) -> None:
    warehouse.load(spec(key=key), [{"at": MICROS}])

    with pytest.raises(KeyValueError) as caught:
        warehouse.load(spec(key=key), [{"at": "2024-01-02T03:04:06Z"}, {"at": NANOS[0]}])
    assert "warehouse_key_value" == caught.value.code
    assert NANOS[0] in str(caught.value)
    assert "data_type: text" in str(caught.value)


def test_digits_past_the_microsecond_that_are_zero_lose_nothing(warehouse: Warehouse) -> None:
    warehouse.load(spec(), [{"at": "2024-01-02T03:04:05.123456000Z"}])
    warehouse.load(spec(), [{"at": MICROS}])

    assert {"at": "TIMESTAMP WITH TIME ZONE"} == warehouse.types("posts")
    assert 1 == len(warehouse.table("posts"))


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        ({"data_type": "decimal", "precision": 10, "scale": 2}, 1.001),
        ({"data_type": "date"}, "2024-01-02T03:04:05Z"),
        ({"data_type": "timestamp"}, NANOS[0]),
        ({"data_type": "timestamp", "timezone": False}, NANOS[0]),
        ({"data_type": "time"}, "03:04:05.1234567"),
    ],
)
def test_a_hint_never_makes_two_keys_one(warehouse: Warehouse, hint: dict[str, Any], value: Any) -> None:
    with pytest.raises(KeyValueError):
        warehouse.load(spec(columns={"at": hint}), [{"at": value}])


@pytest.mark.parametrize("disposition", ["append", "replace"])
def test_where_nothing_is_merged_a_time_is_a_time(warehouse: Warehouse, disposition: str) -> None:
    warehouse.load(table_spec(disposition, primary_key=("at",)), [{"at": at} for at in NANOS])

    assert {"at": "TIMESTAMP WITH TIME ZONE"} == warehouse.types("posts")
    assert 2 == len(warehouse.table("posts"))


def test_keys_of_nested_tables_stay_apart_too(warehouse: Warehouse) -> None:
    hints = {"l": {"primary_key": "at", "write_disposition": "merge"}}
    warehouse.load(table_spec(nested_hints=hints), [{"l": [{"at": at} for at in NANOS]}])

    assert [(at,) for at in NANOS] == warehouse.table("posts__l", "at")


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (1, "abc", "'abc' (text)"),
        (1, 2.5, "2.5 (double)"),
        (1, True, "True (bool)"),
        (1, "007", "'007' (text)"),
        (1, "x" * 100, "'xxxx"),
        (MICROS, "abc", "'abc' (text)"),
        (1, {"a": 1}, "is null in 1 of 2 records"),
        (1, None, "is null in 1 of 2 records"),
    ],
)
def test_a_key_of_another_type_is_not_called_null(warehouse: Warehouse, first: Any, second: Any, said: str) -> None:
    warehouse.load(spec(), [{"at": first}])

    with pytest.raises((KeyValueError, NullInRequiredColumnError)) as caught:
        warehouse.load(spec(), [{"at": first}, {"at": second}])
    assert said in caught.value.message
    assert ("is null" in said) == ("is null" in caught.value.message)
    assert len(caught.value.message) < 250


def test_a_discarded_key_value_is_not_called_null_and_a_discarded_row_is_no_error(warehouse: Warehouse) -> None:
    warehouse.load(spec(), [{"at": 1}])
    outcome = warehouse.load(spec(schema_contract={"data_type": "discard_row"}), [{"at": 2}, {"at": "x"}])

    assert (1, 1) == (outcome.rows_loaded, outcome.discarded_rows)
    with pytest.raises(KeyValueError):
        warehouse.load(spec(schema_contract={"data_type": "discard_value"}), [{"at": 3}, {"at": "x"}])


@pytest.mark.parametrize("values", [["é", "e\u0301"], ["a", "A"], ["a", "a "], ["", " "], ["x\x00", "x"], ["ß", "ss"]])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_texts_that_look_alike_are_two_keys(warehouse: Warehouse, strategy: str, values: list[str]) -> None:
    for _ in range(2):
        warehouse.load(spec(strategy), [{"at": at} for at in values])

    assert sorted((at,) for at in values) == warehouse.table("posts", "at")
