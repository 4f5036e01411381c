"""Keys of records that collide with names this package makes: refused, or both kept; never is a value lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagster_rest.warehouse.errors import HintError, NameCollisionError
from dagster_rest.warehouse.load.commit import commit_load
from dagster_rest.warehouse.schema import RecordedSchema
from dagster_rest.warehouse.shred.collisions import check_same_key
from dagster_rest.warehouse.stage.stager import Stager
from dagster_rest.warehouse.state.catalog import read_schema
from tests.warehouse.support import DATASET, NOON, Warehouse, table_spec

MIXED = [{"id": 1, "zip": 12}, {"id": 2, "zip": "A-1"}]
OWN = [{"id": 3, "zip__v_text": "mine"}]
BOTH = [{"id": 1, "zip": 12}, {"id": 2, "zip": "A-1", "zip__v_text": "mine"}]


@pytest.mark.parametrize(
    "loads",
    [
        [MIXED + OWN],
        [OWN + MIXED],
        [BOTH],
        [[{"id": 1, "zip": 12, "zip__v_text": "mine"}, {"id": 2, "zip": "A-1"}]],
        [MIXED, OWN],
        [OWN, MIXED],
        [[{"id": 1, "zip": 12}], OWN, MIXED],
        [[*MIXED, {"zip": {"v_text": "mine"}}]],
        [[{"l": [{"zip": 12, "zip__v_text": "mine"}, {"zip": "A-1"}]}]],
    ],
)
def test_a_key_spelled_like_a_variant_column_is_refused(warehouse: Warehouse, loads: list[Any]) -> None:
    def load_all() -> None:
        for records in loads:
            warehouse.load(table_spec(where="resources[3]"), records)

    with pytest.raises(NameCollisionError, match="zip__v_text") as caught:
        load_all()
    assert "resources[3]" == caught.value.where


def test_a_key_spelled_like_a_variant_is_a_key_like_any_other_where_none_is_needed(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"zip__v_text": "mine", "zip": "A-1"}, {"zip": 1}])

    assert [("mine", "A-1"), (None, "1")] == warehouse.table("posts", "zip__v_text", "zip")


@pytest.mark.parametrize("loads", [[MIXED, OWN], [OWN, MIXED], [MIXED + OWN], [OWN + MIXED], [BOTH], [OWN, MIXED, OWN]])
def test_with_suffixes_both_values_are_kept(warehouse: Warehouse, loads: list[Any]) -> None:
    for records in loads:
        warehouse.load(table_spec(on_name_collision="suffix"), records)

    values = [
        value for row in warehouse.table("posts", *warehouse.types("posts")) for value in row if value is not None
    ]
    sent = [value for records in loads for record in records for value in record.values()]
    assert sorted(map(str, sent)) == sorted(map(str, values))


def test_with_suffixes_each_value_stays_in_its_column(warehouse: Warehouse) -> None:
    spec = table_spec(on_name_collision="suffix")
    for records in (OWN, MIXED, OWN, MIXED):
        warehouse.load(spec, records)

    assert [("mine", None)] * 2 + [(None, "A-1")] * 2 + [(None, None)] * 2 == warehouse.table(
        "posts", "zip__v_text", "zip__v_text_2"
    )


def test_a_hint_may_name_the_variant(warehouse: Warehouse) -> None:
    spec = table_spec(columns={"zip__v_text": {"data_type": "text", "variant": True, "description": "No number."}})
    warehouse.load(spec, MIXED)

    assert [(1, 12, None), (2, None, "A-1")] == warehouse.table("posts", "id", "zip", "zip__v_text")


def test_a_value_that_its_hinted_variant_can_not_hold_is_refused(warehouse: Warehouse) -> None:
    spec = table_spec(columns={"zip__v_text": {"data_type": "bigint", "variant": True}})

    with pytest.raises(HintError, match="zip__v_text"):
        warehouse.load(spec, MIXED)


def test_a_key_that_came_meanwhile_does_not_mix_with_a_variant(tmp_path: Path, warehouse: Warehouse) -> None:
    stager = Stager.open(
        tmp_path / "s", spec=table_spec(), known=RecordedSchema(dataset=DATASET), fingerprint="f", load_id="late"
    )
    stager.write([{"id": 2, "zip__v_text": "mine"}])
    staged = stager.finish()
    warehouse.load(table_spec(), MIXED)

    with pytest.raises(NameCollisionError, match="zip__v_text"):
        commit_load(warehouse.conn, staged, load_id="late", loaded_at=NOON)


@pytest.mark.parametrize(
    "record",
    [
        {"a__b": 1, "a": {"b": 2}},
        {"a__b": [1], "a": {"b": [2]}},
        {"a__b": [1], "a": [{"b": [2]}]},
        {"a__b": [{"x": 1}], "a": [{"b": [{"x": 2}]}]},
        {"o": [{"a__b": 1, "a": {"b": 2}}]},
        {"Id": 1, "id": True},
        {"Id": 0, "id": False},
        {"Id": 1, "id": 1.0},
    ],
)
def test_two_values_of_one_record_never_share_a_name(warehouse: Warehouse, record: Any) -> None:
    with pytest.raises(NameCollisionError):
        warehouse.load(table_spec(), [record])


@pytest.mark.parametrize("key", ["_load_id", "_row_id", "_parent_row_id", "_root_row_id", "_list_index", "_LoadId"])
@pytest.mark.parametrize(
    "wrap", [lambda record: record, lambda record: {"l": [record]}, lambda record: {"l": [[record]]}]
)
def test_a_key_named_like_a_column_of_ours_is_refused_at_every_level(warehouse: Warehouse, key: str, wrap: Any) -> None:
    with pytest.raises(NameCollisionError, match=key):
        warehouse.load(table_spec(), [wrap({key: "mine"})])


@pytest.mark.parametrize("key", ["_row_version", "_valid_from", "_valid_to"])
def test_a_key_named_like_a_column_of_the_strategy_is_refused(warehouse: Warehouse, key: str) -> None:
    with pytest.raises(NameCollisionError, match=key):
        warehouse.load(table_spec("merge", "scd2"), [{"id": 1, key: "mine"}])


@pytest.mark.parametrize("key", ["_row_version", "_valid_from", "_valid_to"])
def test_a_strategy_does_not_take_over_a_column_of_the_data(warehouse: Warehouse, key: str) -> None:
    warehouse.load(table_spec(), [{"id": 1, key: "mine"}])

    with pytest.raises((NameCollisionError, HintError), match=key):
        warehouse.load(table_spec("merge", "scd2"), [{"id": 2}])


def test_a_value_from_the_parent_never_replaces_one_of_the_record(tmp_path: Path) -> None:
    stager = Stager.open(
        tmp_path / "s", spec=table_spec(), known=RecordedSchema(dataset=DATASET), fingerprint="f", load_id="a"
    )
    with pytest.raises(NameCollisionError, match="_users_id"):
        stager.write([{"id": 1, "_users_id": 9}], extra={"_users_id": [7]})


@pytest.mark.parametrize("own", [7, None])
def test_a_value_from_the_parent_that_the_record_has_already_is_one(tmp_path: Path, own: Any) -> None:
    stager = Stager.open(
        tmp_path / "s", spec=table_spec(), known=RecordedSchema(dataset=DATASET), fingerprint="f", load_id="a"
    )
    stager.write([{"id": 1, "_users_id": own}], extra={"_users_id": [7]})

    assert 1 == stager.finish().row_counts["posts"]


WORDS = [
    ({"価格": 5}, {"名": 7}),
    ({"größe": 1}, {"grüße": 2}),
    ({"€": 1}, {"£": 2}),
    ({"l": [{"価格": 5}]}, {"l": [{"名": 6}]}),
    ({"価格": [1]}, {"名": [2]}),
    ({"価格": {"a": 1}}, {"名": {"a": 2}}),
    ({"価格": 5, "名": None}, {"価格": None, "名": 7}),
]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("first", "second"), WORDS)
def test_different_words_that_become_one_name_are_never_one_column(
    warehouse: Warehouse, first: Any, second: Any, together: bool
) -> None:
    def load_both() -> None:
        for records in [[first, second]] if together else [[first], [second]]:
            warehouse.load(table_spec(where="resources[3]"), records)

    with pytest.raises(NameCollisionError, match="different") as caught:
        load_both()
    assert "resources[3]" == caught.value.where


def test_with_suffixes_different_words_are_two_columns_in_every_load(warehouse: Warehouse) -> None:
    for record in ({"価格": 5}, {"名": 7}, {"名": 8, "価格": 6}):
        warehouse.load(table_spec(on_name_collision="suffix"), [record])

    assert [(5, None), (6, 8), (None, 7)] == warehouse.table("posts", *warehouse.types("posts"))


@pytest.mark.parametrize("key", ["Größe", "GRÖßE", "gro\u0308ße"])
def test_one_word_in_capitals_or_composed_in_another_way_is_one_column(key: str) -> None:
    check_same_key("gr_e", "größe", key, where=None)


def test_what_another_load_made_of_another_word_meanwhile_is_refused_too(warehouse: Warehouse) -> None:
    empty = read_schema(warehouse.conn, DATASET)
    warehouse.load(table_spec(), [{"価格": 5}])

    with pytest.raises(NameCollisionError, match="different"):
        warehouse.load(table_spec(), [{"名": 7}], known=empty)
