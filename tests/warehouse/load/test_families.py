"""No nested row is without the row above it, and no row of the table lacks its nested rows, however loads meet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_rest.warehouse.state.catalog import read_schema
from tests.warehouse.support import DATASET, ReplaceWhere, Warehouse, table_spec

MODES = ["append", "replace", "delete-insert", "upsert", "insert-only", "cdc", "scd2"]
LEAVES = st.sampled_from([1, 2, "x", 2.5, None, True])
ITEMS = st.deferred(
    lambda: st.one_of(
        LEAVES,
        st.lists(LEAVES, max_size=2),
        st.fixed_dictionaries(
            {},
            optional={
                "a": LEAVES,
                "k": st.integers(0, 2),
                "more": st.lists(ITEMS, max_size=2),
                "ks": st.lists(st.integers(0, 2), max_size=2),
            },
        ),
    )
)
RECORDS = st.fixed_dictionaries(
    {"id": st.integers(0, 3), "l": st.lists(ITEMS, max_size=3)},
    optional={"v": LEAVES, "gone": st.booleans(), "rank": LEAVES, "kept": st.lists(st.integers(0, 2), max_size=2)},
)
LOADS = st.lists(st.lists(RECORDS, max_size=4), min_size=1, max_size=4)
CONTRACTS = st.sampled_from(
    [
        None,
        {"data_type": "discard_row"},
        {"data_type": "discard_value", "columns": "discard_row"},
        {"tables": "discard_value", "columns": "discard_value"},
    ]
)
NESTED = st.sampled_from(
    [
        None,
        {"l": {"schema_contract": {"data_type": "discard_row", "columns": "discard_row"}}},
        {"kept": {"primary_key": "value"}, ("l", "ks"): {"primary_key": "value"}},
        {"kept": {"primary_key": "value", "write_disposition": "merge"}, ("l", "ks"): {"primary_key": "value"}},
        {("l", "ks"): {"primary_key": "value", "write_disposition": "merge"}},
        {("l", "more"): {"schema_contract": {"data_type": "discard_row"}}},
    ]
)


def spec_of(mode: str, *, contract: Any, nested: Any, dedup: str | None, filtered: bool) -> Any:
    disposition = mode if mode in ("append", "replace") else "merge"
    options = {"source_filter": "id <> 3"} if filtered and disposition == "merge" else {}
    hints: dict[str, Any] = {"rank": {"dedup_sort": dedup}} if dedup else {}
    return table_spec(
        disposition,
        None if disposition == mode else mode,
        primary_key=("id",),
        columns=hints | {"gone": {"hard_delete": True}},
        schema_contract=contract,
        nested_hints=nested,
        quarantine=True,
        options=options,
    )


def lost_links(warehouse: Warehouse, table: str, column: str, above: str | None, more: str = "") -> list[Any]:
    return warehouse.rows(
        f'SELECT count(*) FROM shop."{table}" n WHERE n.{column} IS NOT NULL {more} '
        f'AND NOT EXISTS (FROM shop."{above}" a WHERE a._row_id = n.{column})'
    )


def check_families(warehouse: Warehouse, load_id: str) -> None:
    """Check that every link leads to a row, of tables with keys of their own those of the load."""
    tables = read_schema(warehouse.conn, DATASET).tables
    for name, table in tables.items():
        if table.kind != "nested":
            continue
        for column, above in (("_parent_row_id", table.parent), ("_root_row_id", table.root)):
            assert [(0,)] == lost_links(warehouse, name, column, above), f"{name}.{column}"
        twice = warehouse.rows(f'SELECT count(*) - count(DISTINCT (_parent_row_id, _list_index)) FROM shop."{name}"')
        assert [(0,)] == twice, name
    for name, above in (("posts__kept", "posts"), ("posts__l__ks", "posts__l")):
        if name in tables and tables[name].kind == "standalone":
            newest = f"AND n._load_id = '{load_id}'"
            assert [(0,)] == lost_links(warehouse, name, "_parent_row_id", above, newest), name
            assert [(0,)] == lost_links(warehouse, name, "_root_row_id", "posts", newest), name
    for name in tables:
        assert [(0,)] == warehouse.rows(f'SELECT count(*) - count(DISTINCT _row_id) FROM shop."{name}"')


def check(
    loads: list[list[Any]], mode: str, contract: Any, nested: Any, dedup: str | None, filtered: bool, part: int
) -> None:
    warehouse = Warehouse()
    spec = spec_of(mode, contract=contract, nested=nested, dedup=dedup, filtered=filtered)
    for number, records in enumerate(loads):
        again = number == 2 and mode != "scd2"
        where = ReplaceWhere("id = 1") if again and "posts" in warehouse.tables() else None
        warehouse.load(spec, *[[record] for record in records], rows_per_part=part, replace_where=where)
        check_families(warehouse, f"load-{number + 1}")
    if "posts" in warehouse.tables() and contract is None and nested is None:
        check_lists_are_whole(warehouse, loads)


def check_lists_are_whole(warehouse: Warehouse, loads: list[list[Any]]) -> None:
    """Check that what is nested in a row is one of the lists that came for its key."""
    if "posts__l" not in warehouse.tables():
        return
    came: dict[int, set[int]] = {}
    for record in (one for records in loads for one in records):
        came.setdefault(record["id"], set()).add(len(record["l"]))
    counts = warehouse.rows(
        "SELECT p.id, count(l._row_id) FROM shop.posts p LEFT JOIN shop.posts__l l ON l._parent_row_id = p._row_id "
        "GROUP BY p._row_id, p.id"
    )
    assert [] == [(key, count) for key, count in counts if count not in came[key]]


OPTIONS: dict[str, Any] = {
    "loads": LOADS,
    "mode": st.sampled_from(MODES),
    "contract": CONTRACTS,
    "nested": NESTED,
    "dedup": st.sampled_from([None, "asc", "desc"]),
    "filtered": st.booleans(),
    "part": st.sampled_from([1, 1000]),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(**OPTIONS)
def test_every_nested_row_has_its_parent(**case: Any) -> None:
    check(**case)


@pytest.mark.long
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(**OPTIONS)
def test_every_nested_row_has_its_parent_in_many_histories(**case: Any) -> None:
    check(**case)


KEYED = {("lines", "parts"): {"primary_key": "sku"}}


@pytest.mark.parametrize("again", ["the same", "changed", "deleted", "filtered"])
@pytest.mark.parametrize("strategy", ["delete-insert", "upsert", "insert-only", "scd2"])
def test_a_row_with_a_key_of_its_own_links_to_what_stands_for_the_row_above_or_to_nothing(
    warehouse: Warehouse, strategy: str, again: str
) -> None:
    spec = table_spec(
        "merge",
        strategy,
        primary_key=("id",),
        columns={"gone": {"hard_delete": True}},
        nested_hints=KEYED,
        options={"source_filter": "id < 9"},
    )
    key = 9 if again == "filtered" else 1
    first = {"id": 1, "lines": [{"no": 1, "parts": [{"sku": "a"}]}, {"no": 2, "parts": [{"sku": "b"}]}]}
    changed = {"id": key, "lines": [{"no": 1, "parts": [{"sku": "c"}]}, {"no": 2, "parts": [{"sku": "d"}]}]}
    second = {**(first if again == "the same" else changed), "gone": again == "deleted"}
    warehouse.load(spec, [first])
    warehouse.load(spec, [second, second])

    parts = warehouse.rows("SELECT count(*) FROM shop.posts__lines__parts WHERE _load_id = 'load-2'")
    assert [(4,)] == parts
    for column, above in (("_parent_row_id", "posts__lines"), ("_root_row_id", "posts")):
        newest = "AND n._load_id = 'load-2'"
        assert [(0,)] == lost_links(warehouse, "posts__lines__parts", column, above, newest)
        linked = warehouse.rows(f"SELECT count({column}) FROM shop.posts__lines__parts WHERE _load_id = 'load-2'")
        is_there = again in ("the same", "changed") or (strategy, again) == ("insert-only", "deleted")
        assert [(4 if is_there else 0,)] == linked


def test_links_that_an_earlier_version_made_required_may_be_null(warehouse: Warehouse) -> None:
    spec = table_spec(
        "merge", primary_key=("id",), nested_hints={"l": {"primary_key": "value"}}, options={"source_filter": "id < 9"}
    )
    warehouse.load(spec, [{"id": 1, "l": [1]}])
    for column in ("_root_row_id", "_parent_row_id"):
        warehouse.conn.execute(f"ALTER TABLE shop.posts__l ALTER COLUMN {column} SET NOT NULL")
    warehouse.load(spec, [{"id": 9, "l": [2]}])

    assert [(2,)] == warehouse.rows("SELECT value FROM shop.posts__l WHERE _root_row_id IS NULL")
