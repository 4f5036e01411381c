"""Whatever records an API sends, what is read back from the tables is what it sent."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_rest.warehouse import naming
from dagster_rest.warehouse.values.timestamps import parse_timestamp
from tests.warehouse.support import DATASET, Warehouse, table_spec

KEYS = st.sampled_from(["id", "name", "Zip", "price", "items", "tags", "o", "deep", "at", "n"])
NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=2**62, max_value=2**66),
    st.integers(min_value=-(10**45), max_value=10**45),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=25),
    st.decimals(allow_nan=False, allow_infinity=False),
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(
        ["", "7", "007", "2.50", "true", "2024-01-02", "2024-01-02T03:04:05Z", "1e5", "-0", "{}", "x\x00y"]
    ),
    st.datetimes(min_value=datetime.datetime(1000, 1, 1)).map(lambda value: value.isoformat()),
    st.datetimes(min_value=datetime.datetime(1000, 1, 1), timezones=st.just(datetime.timezone.utc)).map(
        lambda value: value.isoformat()
    ),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=5)
PAGES = st.lists(st.lists(RECORDS, max_size=4), min_size=1, max_size=3)


def stored_equals(value: Any, row: Mapping[str, Any], name: str) -> bool:
    """Say if a scalar is in its column, or in one of its variants, and nothing else is."""
    found = [kept for column, kept in row.items() if column == name or column.startswith(f"{name}__v_")]
    present = [kept for kept in found if kept is not None]
    if value is None:
        return not present
    return len(present) == 1 and same(value, present[0])


def same(value: Any, stored: Any) -> bool:
    """Say if a stored value is the value sent, in the type its column has (dlt's table of coercions)."""
    if type(stored) is type(value) and stored == value:
        return True
    if isinstance(stored, bool):
        words = {True: ("yes", "true", "t", "y", "1"), False: ("no", "false", "f", "n", "0")}
        return value.lower() in words[stored] if isinstance(value, str) else value == int(stored)
    if isinstance(value, bool):
        return stored == str(value)
    if isinstance(stored, datetime.datetime):
        return instant(value) == stored
    if isinstance(stored, (int, float, Decimal)):
        return exact(stored) == (Decimal(value) if isinstance(value, str) else exact(value))
    if isinstance(stored, str) and isinstance(value, (dict, list)):
        return json.loads(stored, parse_float=Decimal) == with_decimals(value)
    return str(value) == stored


def instant(value: Any) -> datetime.datetime | None:
    if isinstance(value, str):
        return parse_timestamp(value) or parse_timestamp(f"{value}T00:00:00Z")
    micros = int(exact(value) * 1_000_000)
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=micros)


def exact(value: Any) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def with_decimals(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: with_decimals(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_decimals(item) for item in value]
    return exact(value) if isinstance(value, float) else value


class Reader:
    """Compares records with the tables they were loaded into."""

    def __init__(self, warehouse: Warehouse, *, nesting: int) -> None:
        self._warehouse = warehouse
        self._nesting = nesting
        self._tables: dict[str, list[dict[str, Any]]] = {}

    def rows(self, table: str) -> list[dict[str, Any]]:
        if table not in self._tables:
            if table in self._warehouse.tables():
                done = self._warehouse.conn.execute(f'SELECT * FROM {DATASET}."{table}"')
                names = [column[0] for column in done.description or ()]
                self._tables[table] = [dict(zip(names, row, strict=True)) for row in done.fetchall()]
            else:
                self._tables[table] = []
        return self._tables[table]

    def check_record(self, record: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        self._check(record, row, "posts", self._nesting)

    def _check(
        self,
        record: Mapping[str, Any],
        row: Mapping[str, Any],
        table: str,
        nesting: int,
        prefix: str = "",
        depth: int = 0,
    ) -> None:
        for key, value in record.items():
            name = naming.join(prefix, naming.normalize(key))
            if isinstance(value, dict) and nesting > depth:
                self._check(value, row, table, nesting, name, depth + 1)
            elif isinstance(value, list) and nesting > depth:
                # As in dlt, the objects that a list is in do not count for what the list holds.
                self._check_list(value, row, naming.join(table, name), nesting - 1)
            else:
                assert stored_equals(value, row, name), (key, value, row)

    def _check_list(self, items: list[Any], row: Mapping[str, Any], nested: str, nesting: int) -> None:
        mine = [child for child in self.rows(nested) if child["_parent_row_id"] == row["_row_id"]]
        mine.sort(key=lambda child: child["_list_index"])

        assert list(range(len(items))) == [child["_list_index"] for child in mine]
        for item, child in zip(items, mine, strict=True):
            if not isinstance(item, dict):
                item = {"list" if isinstance(item, list) else "value": item}
            self._check(item, child, nested, nesting)


RUNS = st.lists(PAGES, min_size=1, max_size=2)
PART_SIZES = st.sampled_from([1, 3, 1000])
NESTING = st.sampled_from([1000, 1000, 0, 1, 2])


def check_round_trip(runs: list[list[list[dict[str, Any]]]], rows_per_part: int, nesting: int) -> None:
    warehouse = Warehouse()
    for pages in runs:
        warehouse.load(table_spec("append", max_table_nesting=nesting), *pages, rows_per_part=rows_per_part)
    sent = [record for pages in runs for page in pages for record in page]
    reader = Reader(warehouse, nesting=nesting)
    rows = reader.rows("posts")

    assert len(sent) == len(rows)
    for record, row in zip(sent, rows, strict=True):
        reader.check_record(record, row)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs=RUNS, rows_per_part=PART_SIZES, nesting=NESTING)
def test_every_value_is_read_back_unchanged(
    runs: list[list[list[dict[str, Any]]]], rows_per_part: int, nesting: int
) -> None:
    check_round_trip(runs, rows_per_part, nesting)


@pytest.mark.long
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs=RUNS, rows_per_part=PART_SIZES, nesting=NESTING)
def test_every_value_is_read_back_unchanged_in_many_shapes(
    runs: list[list[list[dict[str, Any]]]], rows_per_part: int, nesting: int
) -> None:
    check_round_trip(runs, rows_per_part, nesting)
