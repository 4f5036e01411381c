"""Scenarios S35-S36: which part of a body are the records."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from dagster_rest.http import BodyError, HttpError, RestClient, SelectorError
from dagster_rest.http.parse.candidates import detect, says_nothing
from dagster_rest.http.parse.records import detect_selector, select
from tests.support.server import ApiServer, Reply

A, B = {"a": 1}, {"a": 2}


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ([A, B], [A, B]),
        ([], []),
        ([1, 2], [1, 2]),
        ({"data": [A]}, [A]),
        ({"items": [A]}, [A]),
        ({"results": [A], "tags": [B]}, [A]),
        ({"tags": [B], "results": [A]}, [A]),
        ({"posts": [A]}, [A]),
        ({"posts": [A], "users": [B]}, [A]),
        ({"response": {"posts": [A]}}, [A]),
        ({"response": {"result": {"items": [A]}}}, [A]),
        ({"_embedded": {"posts": [A]}, "_links": {}}, [A]),
        ({"data": {"items": [A], "total": 1}}, [A]),
        ({"data": {"tags": [B], "items": [A]}}, [A]),
        ({"next": None, "links": [A]}, [A]),
        ({"data": [1, 2]}, [1, 2]),
        ({"data": []}, []),
        ({"total": 0, "posts": []}, []),
        ({"data": None}, []),
        ({"name": "x", "meta": {"data": None}}, [{"name": "x", "meta": {"data": None}}]),
        ({"id": 1, "name": "x"}, [{"id": 1, "name": "x"}]),
        ({"a": {"b": {"c": {"d": [A]}}}}, [{"a": {"b": {"c": {"d": [A]}}}}]),
        ({"value": [A], "@odata.context": "x"}, [A]),
        ({"a.b": [A]}, [A]),
    ],
)
def test_s35_detected_records(body: Any, rows: list[Any]) -> None:
    assert rows == detect_selector(body).records(body)


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ({"id": 1, "tags": ["a", "b"]}, [{"id": 1, "tags": ["a", "b"]}]),
        ({"id": 1, "meta": {"links": [A]}}, [{"id": 1, "meta": {"links": [A]}}]),
        ({"name": "x", "links": [A]}, [{"name": "x", "links": [A]}]),
        ({"name": "x", "tags": ["a", "b"]}, [{"name": "x", "tags": ["a", "b"]}]),
        ({"id": {"$oid": "1"}, "links": [A]}, [{"id": {"$oid": "1"}, "links": [A]}]),
        ({"errors": [A], "stuff": [B]}, [B]),
        ({"links": [A], "data": []}, []),
        ({"included": [A], "data": [B]}, [B]),
        ({"warnings": ["old"], "rows": [A]}, [A]),
        ({"id": 1, "tags": []}, [{"id": 1, "tags": []}]),
    ],
)
def test_s35_where_dlt_takes_the_first_list(body: Any, rows: list[Any]) -> None:
    """dlt: tags, links and errors become the rows."""
    assert rows == detect_selector(body).records(body)


@pytest.mark.parametrize(
    ("selector", "body", "rows"),
    [
        ("data", {"data": None}, []),
        ("data", {"data": A}, [A]),
        ("data", {"data": 5}, [5]),
        ("$", [A, B], [A, B]),
        ("$", A, [A]),
        ("$", [[1, 2]], [[1, 2]]),
        ("data[*]", {"data": [A]}, [A]),
        ("data[*]", {"data": [A, B]}, [A, B]),
        ("data[*].xs", {"data": [{"xs": [1]}]}, [1]),
        ("data[*].xs", {"data": [{"xs": [1]}, {"xs": [2, 3]}]}, [1, 2, 3]),
        ("data[?(@.a>1)]", {"data": [A, B]}, [B]),
        ("data[?(@.a>9)]", {"data": [A, B]}, []),
        ("data.*", {"data": {"x": A, "y": B}}, [A, B]),
        ("'odd.key'", {"odd.key": [A]}, [A]),
        ("my-items", {"my-items": [A]}, [A]),
        ("result.list", {"result": {"list": [A]}}, [A]),
        ("data[0].xs", {"data": [{"xs": [1, 2]}]}, [1, 2]),
        ("data", {"count": 0}, []),
        ("data", {"meta": {"total": "0"}}, []),
        ("data", {}, []),
        ("data", [], []),
    ],
)
def test_s36_explicit_selectors(selector: str, body: Any, rows: list[Any]) -> None:
    """The shape does not depend on how many matches there are; in dlt it does."""
    assert rows == select(selector, body).records(body)


@pytest.mark.parametrize(
    ("selector", "body"),
    [
        ("dta", {"data": [A], "total": 1}),
        ("dta[*]", {"data": [A]}),
        ("data.rows", {"data": [A]}),
        ("data", {"dta": [A], "meta": {"page": 1}}),
        ("data", [A]),
    ],
)
def test_a_selector_that_matches_nothing_shows_the_keys(selector: str, body: Any) -> None:
    """dlt: no rows, green."""
    with pytest.raises(SelectorError, match="matches nothing") as caught:
        select(selector, body).records(body)
    assert "http_selector_matched_nothing" == caught.value.code


def test_the_key_tree_names_keys_and_no_values() -> None:
    with pytest.raises(SelectorError, match=r"\{items: \[2 x \{id: int, name: str\}\], next: null\}"):
        select("data", {}).records({"items": [{"id": 1, "name": "secret"}, {}], "next": None})


@pytest.mark.parametrize(
    ("selector", "body"),
    [
        (None, {"data": None, "errors": [{"message": "no such field"}]}),
        ("data", {"data": None, "errors": [{"message": "no such field"}]}),
        ("data", {"data": [], "error": "quota"}),
        (None, {"error": "quota", "code": 7}),
        (None, {"errors": ["quota"]}),
        (None, {"errors": [{"message": "quota"}]}),
        (None, {"error": [{"message": "quota"}]}),
        (None, {"errors": {"list": [{"message": "quota"}]}}),
        (None, {"errors": [{"message": "quota"}], "meta": {"page": 1}}),
        (None, {"errors": [{"message": "quota", "id": 7}], "data": {}}),
        (None, {"errors": [{"message": "quota"}], "data": {"issues": None}}),
    ],
)
def test_a_body_with_errors_and_no_records_is_an_error(selector: str | None, body: Any) -> None:
    """dlt: no rows, or the error as a row, green."""
    with pytest.raises(BodyError, match=r"no such field|quota"):
        select(selector, body).records(body)


@pytest.mark.parametrize("body", [{"data": [A], "errors": [B]}, {"data": [], "errors": []}, {"id": 1, "error": "x"}])
def test_errors_beside_records_are_none_of_ours(body: Any) -> None:
    select(None, body).records(body)


@pytest.mark.parametrize(
    ("body", "shows"),
    [
        ([A], True),
        ({"data": []}, True),
        ({"data": [A], "errors": [B]}, True),
        ({"id": 1, "errors": ["x"]}, True),
        ({"code": 1, "errors": ["x"]}, False),
        ({"errors": [{"message": "x"}]}, False),
        ({}, False),
        ([], False),
        ("text", False),
    ],
)
def test_which_bodies_show_where_the_records_of_others_are(body: Any, shows: bool) -> None:
    assert shows == (detect(body).settles and not says_nothing(body))


def test_missing_data_can_be_allowed(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"message": "nothing today"})
    pages = list(client.paginate("items", data_selector="data", paginator="single_page", allow_missing_data=True))
    assert [[]] == pages


def test_a_bad_selector_is_an_error() -> None:
    with pytest.raises(SelectorError) as caught:
        select("data[", {})
    assert "http_selector_invalid" == caught.value.code


def test_the_selector_of_the_first_page_holds_for_all(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [{"data": [A], "next": "/items?p=2"}, {"tags": [B], "data": []}])
    assert [A] == [row for page in client.paginate("items") for row in page]


def test_an_empty_object_is_an_empty_page(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {})
    assert [[]] == list(client.paginate("items"))


@pytest.mark.parametrize("body", [b"true", b"false", b"5", b"0", b"1.5", b'"text"'])
@pytest.mark.parametrize("paginator", [None, "json_link", "offset"])
def test_a_number_or_a_text_is_no_record(api: ApiServer, client: RestClient, body: bytes, paginator: Any) -> None:
    api.json("/items", Reply(body=body))
    paginator = {"type": "offset", "limit": 1, "total_path": None} if paginator == "offset" else paginator
    with pytest.raises(SelectorError) as caught:
        list(client.paginate("items", paginator=paginator))
    assert "http_selector_matched_nothing" == caught.value.code


@pytest.mark.parametrize("body", [b'""', b"null", b"[]", b"{}"])
def test_nothing_is_an_empty_page(api: ApiServer, client: RestClient, body: bytes) -> None:
    api.json("/items", Reply(body=body))
    assert [[]] == list(client.paginate("items"))


def test_a_selector_that_is_written_may_ask_for_a_number(api: ApiServer, client: RestClient) -> None:
    api.json("/items", Reply(body=b"5"))
    assert [[5]] == list(client.paginate("items", data_selector="$", paginator="single_page"))


@pytest.mark.parametrize("depth", [700, 980, 1_005, 1_020, 5_000])
@pytest.mark.parametrize("selector", [None, "$", "data"])
def test_a_body_of_any_depth_is_records_or_an_error(
    api: ApiServer, client: RestClient, depth: int, selector: str | None
) -> None:
    api.json("/items", Reply(body=b'{"data": [' + b'{"a": [' * depth + b"1" + b"]}" * depth + b"]}"))
    with contextlib.suppress(HttpError):
        list(client.paginate("items", data_selector=selector))
    assert 1 == len(api.requests)
