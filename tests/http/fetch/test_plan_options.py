"""From a config through its plan to requests (S28, S31, S37): which paginator, selector and auth hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dagster_rest.config import build_plan, load_config
from dagster_rest.http import FetchOptions, FetchUnit, Page, RestClient
from tests.support.server import ApiServer

Opener = Callable[..., RestClient]
ROWS = [{"id": n} for n in range(6)]
P1 = {"type": "page_number", "base_page": 1, "total_path": "total_pages", "page_param": "page"}


def fetch(api: ApiServer, endpoint: dict[str, Any], **more: Any) -> list[Page]:
    client = {"base_url": api.url, "retry": {"backoff": 0, "jitter": 0}, **more.pop("client", {})}
    config = load_config({"client": client, "resources": [{"name": "items", "endpoint": endpoint}], **more})
    plan = build_plan(config, name="shop").resources[0]
    with RestClient.from_config(config.client) as opened:
        unit = FetchUnit(plan.request.render(), index=0)
        return list(opened.fetch([unit], options=FetchOptions.from_plan(plan)))


@pytest.mark.parametrize(
    ("endpoint", "defaults", "client", "pages"),
    [
        (P1, None, None, 3),
        (None, P1, None, 3),
        (None, None, P1, 3),
        ("auto", None, P1, 3),
        ("auto", "single_page", P1, 3),
        ("single_page", P1, P1, 1),
        (None, "single_page", P1, 1),
        (None, None, None, 3),
        (None, None, "auto", 3),
    ],
)
def test_s28_the_nearest_paginator_holds(api: ApiServer, endpoint: Any, defaults: Any, client: Any, pages: int) -> None:
    api.pages("/items", ROWS, size=2)
    given: dict[str, Any] = {"resource_defaults": {"endpoint": {"paginator": defaults}}} if defaults else {}
    got = fetch(
        api,
        {"path": "items", **({"paginator": endpoint} if endpoint else {})},
        client={"paginator": client} if client else {},
        **given,
    )
    assert pages == len(got)


def test_s37_a_path_of_one_entity_is_one_page_with_one_record(api: ApiServer) -> None:
    entity = {"id": 7, "data": [{"x": 1}], "next": "/items/8"}
    api.json("/items/7", entity)
    pages = fetch(api, {"path": "items/{id}", "params": {"id": 7}}, client={"paginator": "json_link"})
    assert [[entity]] == pages


def test_an_auth_of_null_sends_none(api: ApiServer) -> None:
    api.json("/items", [])
    fetch(api, {"path": "items", "auth": None}, client={"auth": {"token": "tok-1"}})
    fetch(api, {"path": "items"}, client={"auth": {"token": "tok-1"}})
    assert [None, "Bearer tok-1"] == [request.headers.get("authorization") for request in api.requests]


def test_allow_missing_data_and_max_pages_come_from_the_endpoint(api: ApiServer) -> None:
    api.pages("/items", ROWS, size=2)
    assert 2 == len(fetch(api, {"path": "items", "paginator": P1, "max_pages": 2}))
    api.json("/items", {"message": "none"})
    assert [[]] == fetch(api, {"path": "items", "data_selector": "data", "allow_missing_data": True})


def test_the_apis_own_total_is_read_where_the_config_says(api: ApiServer) -> None:
    api.json("/items", {"data": ROWS, "meta": {"count": "6"}})
    pages = fetch(api, {"path": "items", "expect": {"total_path": "meta.count"}})
    assert 6 == pages[0].total


@pytest.mark.parametrize(
    ("endpoint", "field", "value"),
    [
        ({"max_empty_pages": 3}, "max_empty_pages", 3),
        ({"max_repeated_pages": 2}, "max_repeated_pages", 2),
        ({"encoding": "windows-1252"}, "encoding", "cp1252"),
        ({"encoding_errors": "replace"}, "encoding_errors", "replace"),
        ({"on_body_errors": "warn"}, "on_body_errors", "warn"),
    ],
)
def test_the_bounds_of_the_endpoint_reach_the_fetch(endpoint: dict[str, Any], field: str, value: Any) -> None:
    resource = {"name": "items", "endpoint": {"path": "items", **endpoint}}
    config = load_config({"client": {"base_url": "http://x"}, "resources": [resource]})
    options = FetchOptions.from_plan(build_plan(config, name="shop").resources[0])
    assert value == getattr(options, field)


@pytest.mark.parametrize(("key", "value"), [("advance_by", "rows"), ("on_incomplete", "warn")])
def test_the_choices_of_a_paginator_reach_it(api: ApiServer, key: str, value: str) -> None:
    api.json("/items", {"data": [], "total": 0})
    pages = fetch(api, {"path": "items", "paginator": {"type": "offset", "limit": 2, key: value}})
    assert value == getattr(pages[0].paginator, key)


def test_the_bounds_of_the_client_reach_it() -> None:
    client = {"base_url": "http://x", "timeout": {"total": 7}, "retry": {"max_retry_later": "2h"}}
    config = load_config({"client": client, "resources": ["items"]})
    with RestClient.from_config(config.client) as opened:
        assert (7, 7200) == (opened.connection.sender.max_seconds, opened.connection.sender.policy.max_retry_later)


def test_a_json_body_of_the_config_is_sent(api: ApiServer) -> None:
    api.json("/items", [], method="POST")
    fetch(api, {"path": "items", "method": "POST", "json": {"a": {"b": 1}}})
    assert {"a": {"b": 1}} == api.requests[0].json()
