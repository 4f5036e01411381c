"""The values of a page as keys that compare with each other and with a pivot."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from dagster_rest.assets.cursor.order import bulk_keys
from dagster_rest.assets.errors import CursorError

DAY, NOON, EVENING = "2024-01-02", "2024-01-02T12:00:00Z", "2024-01-02T18:00:00Z"
MOMENT = datetime(2024, 1, 2, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("values", "against", "expected"),
    [
        ([1, 2.5, 3], 2.5, "<=>"),
        ([Decimal(1), 2, 3.5], Decimal(2), "<=>"),
        ([date(2024, 1, 1), date(2024, 1, 2)], date(2024, 1, 2), "<="),
        ([date(2024, 1, 1), "2024-01-03"], date(2024, 1, 2), "<>"),
        ([MOMENT, EVENING], NOON, "=>"),
        ([DAY, NOON, EVENING], NOON, "<=>"),
        ([DAY, NOON, "2024-01-01"], DAY, "=><"),
        ([NOON, EVENING], DAY, ">>"),
        (["2024-01-02T01:00:00+02:00"], DAY, "<"),
        ([DAY, "2024-01-03"], NOON, "<>"),
        ([DAY, MOMENT], MOMENT, "<="),
        ([date(2024, 1, 2), NOON], date(2024, 1, 2), "=>"),
        ([DAY, "hello", NOON], "hello", "<=<"),
        (["a word", NOON], EVENING, "><"),
        (["2024-01-02T12:00:00Z", "2024-01-02T14:00:00Z"], "zzzz-zz-zzTzz:zz:zzZ", "<<"),
        (["20240102T1200", "20240102T1300"], "20240102T1200", "=>"),
        (["k-10", "k-9"], "k-10", "=>"),
    ],
)
def test_the_keys_of_a_page(values: list[Any], against: Any, expected: str) -> None:
    keys, pivot = bulk_keys(values, against)

    assert expected == "".join("<" if key < pivot else "=" if key == pivot else ">" for key in keys)


@pytest.mark.parametrize(
    ("values", "against"),
    [
        ([1, 2], "a"),
        (["a", "b"], 1),
        ([1, "a"], 1),
        ([date(2024, 1, 1), "a word"], date(2024, 1, 1)),
        ([date(2024, 1, 1), "a word"], NOON),
        ([MOMENT, "a word"], MOMENT),
    ],
)
def test_what_has_no_common_order_is_an_error(values: list[Any], against: Any) -> None:
    with pytest.raises(CursorError) as caught:
        bulk_keys(values, against, where="resources[0]")

    assert ("cursor_type", "resources[0]") == (caught.value.code, caught.value.where)
