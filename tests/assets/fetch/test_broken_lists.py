"""A list that breaks off does not replace a whole one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assets.support import Source
from tests.support.server import Reply, Request

ROWS = [{"id": n} for n in range(20)]
ORDERS: dict[str, Any] = {
    "name": "orders",
    "endpoint": {"path": "orders", "paginator": {"type": "offset", "limit": 5}},
    "write_disposition": "replace",
}


def serve(source: Source, *, there: int = 20, third: Any = None, cap: int = 5) -> None:
    @source.api.get("/orders")
    def orders(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        if start == 10 and third is not None:
            return third
        return {"data": ROWS[:there][start : start + cap], "total": 20}


def count(source: Source) -> int:
    return int(source.query("select count(*) from src.orders")[0][0])


@pytest.mark.parametrize(
    "third",
    [Reply(body=b""), Reply(body=b"null"), Reply(status=304, body=b""), Reply(status=204), {"data": [], "total": 20}],
)
def test_the_table_stays_as_it_was(source: Source, third: Any) -> None:
    serve(source)
    source.load(ORDERS)
    serve(source, third=third)

    result = source.load(ORDERS)

    assert (False, 20) == (result.success, count(source))


def test_an_unmodified_first_page_does_not_empty_the_table(source: Source) -> None:
    serve(source)
    source.load(ORDERS)
    source.api.json("/orders", Reply(status=304, body=b""))

    result = source.load(ORDERS)

    assert (False, 20) == (result.success, count(source))


def test_a_limit_that_the_api_caps_loads_every_row_once(source: Source) -> None:
    serve(source, cap=3)
    source.load(ORDERS)

    assert 20 == count(source)
