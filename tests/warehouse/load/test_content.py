"""The content version tells tables apart by what they hold, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.warehouse.load.data_version import content_version
from tests.warehouse.support import DATASET, Warehouse, table_spec


def version_of(*records: Any) -> str:
    warehouse = Warehouse()
    try:
        warehouse.load(table_spec(columns={"v": {"data_type": "text"}}), list(records))
        return content_version(warehouse.conn, dataset=DATASET, tables=["posts"])
    finally:
        warehouse.conn.close()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Equal rows cancel each other out in an xor.
        (["a", "a"], ["b", "b"]),
        (["a", "a", "c"], ["b", "b", "c"]),
        (["a", "a", "a"], ["a", "b", "b"]),
        (["a"], ["b"]),
        (["a"], ["a", "a"]),
        ([None], ["a"]),
    ],
)
def test_other_rows_are_another_content(one: list[Any], other: list[Any]) -> None:
    assert version_of(*({"v": value} for value in one)) != version_of(*({"v": value} for value in other))


def test_the_order_of_rows_is_not_content() -> None:
    assert version_of({"v": "a"}, {"v": "b"}) == version_of({"v": "b"}, {"v": "a"})
