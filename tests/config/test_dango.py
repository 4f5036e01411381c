"""Dango's form of a source, accepted as its documentation writes it."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.config import ConfigError, build_plan, load_config, load_config_text
from tests.config.support import BASE


def block(**keys: Any) -> dict[str, Any]:
    return {"base_url": BASE, "endpoints": [{"path": "/data", "name": "data"}], **keys}


def file(*sources: dict[str, Any]) -> dict[str, Any]:
    return {"version": "1.0", "sources": list(sources)}


def source(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "type": "rest_api", "enabled": True, "rest_api": block(), **keys}


@pytest.mark.parametrize("form", [file(source("acme")), source("acme"), block()])
def test_a_file_a_source_and_a_block_mean_the_same(form: dict[str, Any]) -> None:
    assert load_config(block()) == load_config(form)


@pytest.mark.parametrize(
    ("keys", "auth"),
    [
        ({"auth_type": "bearer", "auth_token_env": "T"}, {"type": "bearer", "token": "${T}"}),
        (
            {"auth_type": "api_key", "auth_token_env": "T", "api_key_name": "X-API-Key", "api_key_location": "query"},
            {"type": "api_key", "api_key": "${T}", "name": "X-API-Key", "location": "query"},
        ),
        (
            {"auth_type": "basic", "basic_username_env": "U", "basic_password_env": "P"},
            {"type": "http_basic", "username": "${U}", "password": "${P}"},
        ),
        (
            {
                "auth_type": "oauth2_client_credentials",
                "access_token_url": "https://a/t",
                "client_id_env": "I",
                "client_secret_env": "S",
            },
            {
                "type": "oauth2_client_credentials",
                "access_token_url": "https://a/t",
                "client_id": "${I}",
                "client_secret": "${S}",
            },
        ),
        (
            {"auth_type": "custom_header", "auth_header_name": "X-Token", "auth_token_env": "T"},
            {"type": "custom_header", "name": "X-Token", "value": "${T}"},
        ),
    ],
)
def test_every_auth_type(keys: dict[str, Any], auth: dict[str, Any]) -> None:
    found = load_config(block(**keys)).client.auth

    assert auth == {name: getattr(found, name) for name in auth}
    assert all(hasattr(getattr(found, name), "env_var_names") for name, value in auth.items() if value.startswith("${"))


def test_no_auth() -> None:
    assert None is load_config(block(auth_type="none")).client.auth
    assert None is load_config(block()).client.auth


@pytest.mark.parametrize(
    ("paginator", "expected"),
    [
        ("header_link", {"type": "header_link"}),
        ("single_page", {"type": "single_page"}),
        ("none", {"type": "single_page"}),
        ({"type": "page_number", "page_param": "p"}, {"page_param": "p", "base_page": 1, "total_path": None}),
        ("page_number", {"base_page": 1, "total_path": None}),
        ({"type": "offset"}, {"limit": 100, "total_path": None}),
        ({"type": "offset", "limit": 5}, {"limit": 5}),
        ("cursor", {"cursor_path": "next"}),
        ({"type": "cursor", "cursor_path": "next_cursor"}, {"cursor_path": "next_cursor"}),
    ],
)
def test_paginators_have_dangos_defaults(paginator: Any, expected: dict[str, Any]) -> None:
    loaded = load_config(block(endpoints=[{"path": "/a", "name": "a", "paginator": paginator}]))
    found = loaded.resources[0].endpoint.paginator

    assert expected == {name: getattr(found, name) for name in expected}


def test_an_endpoint_becomes_a_merged_resource_with_id_as_its_key() -> None:
    plan = build_plan(
        load_config(
            block(
                endpoints=[
                    {"path": "/admin/orders.json", "data_selector": "orders", "params": {"limit": "250"}},
                    {"path": "/b", "name": "x", "primary_key": "order_id"},
                ]
            )
        ),
        name="s",
    )
    orders, other = plan.resources

    assert ("orders", ("id",), "merge", "orders") == (
        orders.name,
        orders.primary_key,
        orders.write_disposition.disposition,
        orders.data_selector,
    )
    assert ("/admin/orders.json", {"limit": "250"}) == (orders.request.render().path, orders.request.render().params)
    assert ("x", ("order_id",)) == (other.name, other.primary_key)


def test_keys_of_dlt_may_stand_in_an_endpoint() -> None:
    loaded = load_config(
        block(endpoints=[{"path": "/a", "write_disposition": "append", "incremental": {"cursor_path": "u"}}])
    )

    assert ("append", "u") == (
        loaded.resources[0].write_disposition,
        loaded.resources[0].endpoint.incremental.cursor_path,
    )


def test_the_only_enabled_source_is_taken_or_the_one_that_is_named() -> None:
    both = file(
        source("a"), source("b", rest_api=block(base_url="https://b.example.com")), {"name": "db", "type": "postgres"}
    )
    both["sources"][0]["enabled"] = False

    assert "https://b.example.com" == load_config(both).client.base_url
    assert BASE == load_config(both, dango_source="a").client.base_url


@pytest.mark.parametrize(
    ("form", "path", "code"),
    [
        (file(source("a"), source("b")), "sources", "config_bad_value"),
        (file(), "sources", "config_bad_value"),
        ({"sources": "x"}, "sources", "config_wrong_type"),
        (file(source("a", rest_api=3)), "sources[0].rest_api", "config_wrong_type"),
        (file(source("a", enabld=True)), "sources[0].enabld", "config_unknown_key"),
        (block(auth_type="bearr"), "auth_type", "config_unknown_type"),
        (block(auth_type="bearer"), "auth_token_env", "config_missing_key"),
        (block(auth_type="bearer", auth_token_env="A B"), "auth_token_env", "config_bad_env_reference"),
        (block(auth_token_en="A"), "auth_token_en", "config_unknown_key"),
        (block(endpoints=[]), "endpoints", "config_missing_key"),
        (block(endpoints=[3]), "endpoints[0]", "config_wrong_type"),
        (block(endpoints=[{"name": "a"}]), "endpoints[0].path", "config_missing_key"),
        (block(endpoints=[{"path": "/a", "data_selectr": "x"}]), "endpoints[0].data_selectr", "config_unknown_key"),
        (block(endpoints=[{"path": "/a", "paginator": "curser"}]), "endpoints[0].paginator", "config_unknown_type"),
        (block(endpoints=[{"path": "/a"}], headers=3), "headers", "config_wrong_type"),
        ({"endpoints": [{"path": "/a"}]}, "base_url", "config_missing_key"),
    ],
)
def test_a_wrong_key_is_named_as_its_author_wrote_it(form: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(form)

    assert (path, code) == (caught.value.problems[0].path, caught.value.problems[0].code)


def test_lines_are_those_of_the_file() -> None:
    text = """\
sources:
  - name: acme
    type: rest_api
    rest_api:
      base_url: https://api.example.com
      endpoints:
        - path: /a
        - path: /b/{resources.x.id}
"""
    loaded = load_config_text(text, source="sources.yml")
    with pytest.raises(ConfigError) as caught:
        build_plan(loaded, name="s")

    (only,) = caught.value.problems
    assert ("sources[0].rest_api.endpoints[1].path", 8) == (only.path, only.line)
    assert [7] == loaded.origin.lines([("resources", 0)])
