"""What APIs write where a total or a cursor is meant: it ends, goes on, or is an error that says why."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.http import HttpError, RestClient
from tests.support.server import ApiServer, Request

ROWS = [{"id": n} for n in range(1, 7)]
GOOD_TOTALS = ["6", " 6 ", 6.0, "6.0", "6.00", 5.4]
ODD_TOTALS: list[Any] = ["1,234", "1.234", "1 234", "1'234", "1.234,5", "many", "", "6 items", "0x6", "6e0", "6.000"]
ODD_TOTALS += [True, False, {}, [], {"value": 6}, [6], -1, 1e400, float("nan"), "NaN", "1e999", "٦"]


def offsets(api: ApiServer, total: Any, *, rows: list[Any] = ROWS) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0)
        return {"data": rows[start : start + 2], "total": total}


def ids(client: RestClient, paginator: Any, **options: Any) -> list[int]:
    return [row["id"] for page in client.paginate("items", paginator=paginator, **options) for row in page]


def outcome(client: RestClient, paginator: Any) -> list[int] | str:
    """The ids, or the code of the error."""
    try:
        return ids(client, paginator)
    except HttpError as error:
        return error.code


@pytest.mark.parametrize("total", GOOD_TOTALS)
def test_a_total_that_is_a_number_counts(api: ApiServer, client: RestClient, total: Any) -> None:
    offsets(api, total)
    assert [1, 2, 3, 4, 5, 6] == ids(client, {"type": "offset", "limit": 2})
    assert 3 == len(api.requests)


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("total", ODD_TOTALS)
@pytest.mark.parametrize("kind", ["offset", "page_number", "detected"])
def test_a_total_that_is_none_never_loses_rows(
    api: ApiServer, client: RestClient, kind: str, total: Any, empty: bool
) -> None:
    """Where it does not stop with an error, all rows are there: `1.234` may be 1234 as well."""
    paginator: Any = {"type": "offset", "limit": 2, "stop_after_empty_page": empty}
    if kind == "page_number":
        paginator = {"type": "page_number", "stop_after_empty_page": empty}
    if kind == "detected":
        paginator = None

    @api.get("/items")
    def items(request: Request) -> Any:
        start = int(request.param("offset") or 0) + 2 * int(request.param("page") or 0)
        around = {"limit": 2, "offset": start} if kind == "detected" else {}
        return {"data": ROWS[start : start + 2], "total": total, **around}

    found = outcome(client, paginator)
    if isinstance(found, str):
        assert found in ("http_pagination", "http_more_pages", "http_list_incomplete", "http_not_json")
    elif kind == "detected" and [1, 2] == found:
        assert total in ("many", "", "6 items", "0x6", "6e0", "NaN", "1e999", "٦") or not isinstance(total, str)
    else:
        assert [1, 2, 3, 4, 5, 6] == found


CURSORS = {
    "cursor": {"type": "cursor", "cursor_path": "next"},
    "cursor in the body": {"type": "cursor", "cursor_path": "next", "cursor_body_path": "a.b"},
    "json_link": {"type": "json_link", "next_url_path": "next"},
    "detected": None,
}


@pytest.mark.parametrize("value", [None, "", False, [], {}, "  ", "null", "None", "false"])
@pytest.mark.parametrize("kind", CURSORS)
def test_a_cursor_that_is_nothing_ends_the_list(api: ApiServer, client: RestClient, kind: str, value: Any) -> None:
    api.json("/items", {"data": ROWS[:2], "next": value})
    found = outcome(client, CURSORS[kind])
    if value in ("null", "None", "false", "  ") and isinstance(found, str):
        # Texts like any other: no page is behind them.
        assert found in ("http_pagination", "http_loop", "http_more_pages", "http_status")
    else:
        assert [1, 2] == found


@pytest.mark.parametrize("value", [{"id": 5}, True, [[]], [None]])
@pytest.mark.parametrize("kind", ["cursor", "json_link", "detected"])
def test_a_cursor_that_cannot_be_sent_is_an_error(api: ApiServer, client: RestClient, kind: str, value: Any) -> None:
    """Such as `True` or `{'id': 5}` in a query."""
    api.json("/items", {"data": ROWS[:2], "next": value})
    with pytest.raises(HttpError) as caught:
        ids(client, CURSORS[kind])
    assert caught.value.code in ("http_pagination", "http_more_pages")
    assert type(value).__name__ in str(caught.value) or kind == "detected"


@pytest.mark.parametrize("value", [["2024-01-01", 7], {"id": {"S": "x"}}])
def test_a_cursor_in_the_body_may_be_any_json(api: ApiServer, client: RestClient, value: Any) -> None:
    """`search_after` of Elasticsearch is a list, `ExclusiveStartKey` of DynamoDB an object."""

    @api.post("/items")
    def items(request: Request) -> Any:
        return (
            {"data": ROWS[2:]}
            if request.body and request.json() == {"a": {"b": value}}
            else {"data": ROWS[:2], "next": value}
        )

    pages = client.paginate("items", method="POST", paginator=CURSORS["cursor in the body"])
    assert [1, 2, 3, 4, 5, 6] == [row["id"] for page in pages for row in page]


def test_a_cursor_of_several_values_repeats_its_parameter(api: ApiServer, client: RestClient) -> None:
    """dlt: the same."""

    @api.get("/items")
    def items(request: Request) -> Any:
        more = request.query.get("cursor") != ["a", "b"]
        return {"data": ROWS[:2], "next": ["a", "b"]} if more else {"data": ROWS[2:]}

    assert [1, 2, 3, 4, 5, 6] == ids(client, CURSORS["cursor"])


def test_a_number_of_pages_with_a_fraction_counts_the_last_one(api: ApiServer, client: RestClient) -> None:
    """250 rows by 100 are 2.5 pages; dlt asks for two."""
    api.get("/items")(lambda r: {"data": ROWS[int(r.param("page") or 0) * 2 :][:2], "total": 2.5})
    assert [1, 2, 3, 4, 5, 6] == ids(client, {"type": "page_number", "stop_after_empty_page": False})


@pytest.mark.parametrize("total", [6.0, "1,234", "1.234"])
def test_a_total_that_says_more_is_not_overlooked_by_detection(api: ApiServer, client: RestClient, total: Any) -> None:
    api.json("/items", {"data": ROWS[:2], "total": total})
    with pytest.raises(HttpError) as caught:
        ids(client, None)
    assert "http_more_pages" == caught.value.code


@pytest.mark.parametrize("value", [0, 0.0, "0"])
def test_a_cursor_of_zero(api: ApiServer, client: RestClient, value: Any) -> None:
    """0 ends the list, as in the docs; the text is a cursor like any other."""

    @api.get("/items")
    def items(request: Request) -> Any:
        return {"data": ROWS[2:], "next": None} if request.param("cursor") else {"data": ROWS[:2], "next": value}

    assert [1, 2, *([3, 4, 5, 6] if value == "0" else [])] == ids(client, CURSORS["cursor"])
