"""No text of a config stays literal: each is read when the config is loaded, or kept and read when a step runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from dagster_rest.config import ConfigError, build_plan, load_config, load_config_text, resolve_env
from dagster_rest.config.model.base import ConfigModel
from dagster_rest.config.values.env import EnvRef, is_env
from dagster_rest.config.values.environment import read_at
from tests.config.support import BASE, config, endpoint
from tools.config_reference import models

AUTHS: list[dict[str, Any]] = [
    {"type": "bearer", "token": "t"},
    {"type": "api_key", "api_key": "k", "name": "X-Key", "location": "query"},
    {"type": "http_basic", "username": "u", "password": "p"},
    {
        "type": "oauth2_client_credentials",
        "access_token_url": "https://id.example.com/token",
        "client_id": "i",
        "client_secret": "s",
        "access_token_request_data": {"scope": "all"},
        "default_token_expiration": 3,
        "access_token": "a",
        "client_auth": "basic",
        "refresh_margin": "1m",
    },
    {
        "type": "oauth2_refresh_token",
        "access_token_url": "https://id.example.com/token",
        "refresh_token": "r",
        "client_id": "i",
        "client_secret": "s",
        "access_token": "a",
        "access_token_request_data": {"scope": "all"},
        "default_token_expiration": 3,
        "client_auth": "basic",
        "refresh_margin": 5,
    },
    {
        "type": "oauth2_jwt",
        "access_token_url": "https://id.example.com/token",
        "private_key": "k",
        "client_id": "i",
        "subject": "s",
        "audience": "a",
        "scopes": ["x", "y"],
        "algorithm": "HS256",
        "key_id": "1",
        "private_key_passphrase": "p",
        "headers": {"X": "y"},
        "claims": {"c": ["d"]},
        "assertion_lifetime": 5,
        "default_token_expiration": 6,
        "refresh_margin": 7,
    },
    {"type": "digest", "username": "u", "password": "p"},
    {"type": "custom_header", "name": "X-Key", "value": "v"},
]
PAGINATORS: list[dict[str, Any]] = [
    {"type": "auto", "max_pages": 3},
    {"type": "single_page", "max_pages": 3},
    {"type": "json_link", "next_url_path": "links.next", "max_pages": 3},
    {"type": "header_link", "links_next_key": "following", "max_pages": 3},
    {"type": "header_cursor", "cursor_key": "K", "cursor_param": "c", "initial_cursor": "i", "max_pages": 3},
    {
        "type": "cursor",
        "cursor_path": "meta.next",
        "cursor_param": "c",
        "stop_after_empty_page": True,
        "has_more_path": "more",
        "initial_cursor": "i",
        "max_pages": 3,
    },
    {"type": "cursor", "cursor_body_path": "a.b"},
    {"type": "cursor", "cursor_header": "X-C"},
    {
        "type": "offset",
        "limit": 10,
        "offset": 1,
        "offset_param": "o",
        "limit_param": "l",
        "total_path": "t",
        "maximum_offset": 50,
        "stop_after_empty_page": False,
        "has_more_path": "more",
        "advance_by": "rows",
        "on_incomplete": "warn",
        "max_pages": 3,
    },
    {"type": "offset", "limit": 10, "offset_body_path": "o", "limit_body_path": "l"},
    {"type": "offset", "limit": 10, "offset_header": "X-O", "limit_header": "X-L"},
    {
        "type": "page_number",
        "base_page": 1,
        "page": 2,
        "page_param": "p",
        "total_path": "t",
        "maximum_page": 9,
        "stop_after_empty_page": False,
        "has_more_path": "more",
        "on_incomplete": "warn",
        "max_pages": 3,
    },
    {"type": "page_number", "page_body_path": "p"},
    {"type": "page_number", "page_header": "X-P"},
]
HINT: dict[str, Any] = {
    "name": "x",
    "data_type": "decimal",
    "nullable": False,
    "precision": 10,
    "scale": 2,
    "timezone": False,
    "description": "An amount.",
    **dict.fromkeys(("primary_key", "merge_key", "hard_delete", "partition", "cluster", "unique", "sort"), True),
    **dict.fromkeys(("row_key", "parent_key", "root_key", "incremental", "variant"), True),
    "dedup_sort": "desc",
    "x-own": "kept",
}
INCREMENTAL: dict[str, Any] = {
    "cursor_path": "meta.updated",
    "initial_value": "2025-01-01",
    "end_value": "2024-01-01",
    "start_param": "since",
    "end_param": "until",
    "convert": "builtins:str",
    "last_value_func": "min",
    "primary_key": ["id"],
    "row_order": "asc",
    "on_cursor_value_missing": "include",
    "lag": 2.5,
    "range_start": "open",
    "range_end": "closed",
    "allow_external_schedulers": True,
    "step": "1d",
    "state": "shared",
    "max_future": "2d",
    "max_step": 100,
}
FULL: dict[str, Any] = {
    "client": {
        "base_url": BASE,
        "headers": {"X-A": "a", "Authorization": "Bearer t"},
        "auth": AUTHS[0],
        "paginator": PAGINATORS[2],
        "session": "builtins:object",
        "params": {"tenant": "t", "list": ["a"]},
        "timeout": {"connect": 1, "read": "2s", "write": 3, "pool": 4, "total": "5m"},
        "retry": {
            "attempts": 2,
            "backoff": 1,
            "max_delay": "1m",
            "jitter": 0,
            "max_wait": 5,
            "total": 6,
            "max_retry_later": "2h",
            "statuses": [500, "4xx"],
            "methods": ["GET"],
        },
        "rate_limit": {"requests": 5, "per": "1m", "key": "shop"},
        "max_concurrency": 3,
        "allowed_origins": ["https://cdn.example.com"],
        "verify": "ca.pem",
        "cert": ["a.pem", "b.pem", "secret"],
        "proxy": "http://proxy.example.com:3128",
        "http2": True,
        "follow_redirects": False,
        "staging_dir": "staging",
        "max_response_bytes": 1000,
    },
    "resource_defaults": {"primary_key": "id", "endpoint": {"params": {"a": "b"}}},
    "resources": [
        "posts",
        {
            "name": "everything",
            "table_name": "things",
            "primary_key": ["id", "no"],
            "merge_key": "day",
            "write_disposition": {
                "disposition": "merge",
                "strategy": "scd2",
                "validity_column_names": ["a", "b"],
                "active_record_timestamp": "9999-12-31",
                "boundary_timestamp": "2025-01-01",
                "row_version_column_name": "v",
                "source_filter": "a > 1",
                "destination_scope": "b > 1",
            },
            "columns": {"amount": HINT},
            "schema_contract": {"tables": "evolve", "columns": "freeze", "data_type": "discard_value"},
            "nested_hints": {
                "lines": {
                    "write_disposition": "append",
                    "primary_key": "id",
                    "merge_key": ["a"],
                    "columns": [HINT],
                    "schema_contract": "freeze",
                    "references": [{"referenced_table": "t", "columns": ["a"], "referenced_columns": ["b"]}],
                    "table_format": "native",
                    "file_format": "parquet",
                }
            },
            "max_table_nesting": 2,
            "references": [{"referenced_table": "t", "columns": ["a"], "referenced_columns": ["b"]}],
            "table_format": "native",
            "file_format": "parquet",
            "include_from_parent": ["id"],
            "processing_steps": [
                {"filter": "builtins:bool", "map": "builtins:dict", "yield_map": "builtins:list"},
                {"where": "a > 1", "select": "* exclude (b)"},
            ],
            "selected": True,
            "parallelized": True,
            "description": "Everything.",
            "group_name": "shop",
            "tags": {"team": "data"},
            "owners": ["team:data"],
            "kinds": ["api"],
            "partitions": {
                "every": "daily",
                "start": "2024-01-01",
                "end": "2025-01-01",
                "timezone": "Europe/Berlin",
                "end_offset": 1,
                "fmt": "%Y-%m-%d",
            },
            "fan_out": "all",
            "automation": "eager",
            "freshness": {"fail_window": "24h", "warn_window": "12h"},
            "parents": "product",
            "resume": False,
            "resume_ttl": "2d",
            "quarantine": True,
            "on_name_collision": "suffix",
            "on_empty": "fail",
            "on_missing_table": "fail",
            "checks": {
                "primary_key": {"enabled": True, "severity": "error", "blocking": True},
                "row_count_drop": {"max_drop": 0.5},
                "replaced_by_nothing": False,
                "schema_changes": "warn",
            },
            "preview": 3,
            "endpoint": {
                "path": "posts/{resources.posts.id}/x",
                "method": "POST",
                "params": {"q": "x", "several": ["a", "b"]},
                "json": {"a": {"b": ["c"]}},
                "headers": {"X-B": "b"},
                "paginator": PAGINATORS[8],
                "data_selector": "data.rows",
                "response_actions": [
                    {"status_code": [404, "5xx"], "content": "gone", "action": "fail", "message": "No such thing."},
                    {"json": "$.code == 'BUSY'", "action": "retry"},
                    "builtins:print",
                ],
                "incremental": INCREMENTAL,
                "auth": AUTHS[1],
                "allow_missing_data": True,
                "ignore_scope": "first_page",
                "on_null_parent": "fail",
                "on_parent_error": "skip",
                "max_parent_errors": 3,
                "encoding": "latin-1",
                "encoding_errors": "replace",
                "on_body_errors": "warn",
                "max_empty_pages": 7,
                "max_repeated_pages": 2,
                "on_name_collision": "suffix",
                "on_empty": "fail",
                "max_pages": 5,
                "expect": {"total_path": "total", "min_rows": 1, "max_drop": 0.5},
            },
        },
        {
            "name": "forms",
            "write_disposition": {
                "disposition": "merge",
                "strategy": "delete-insert",
                "deduplicated": True,
            },
            "partitions": {"cron": "0 0 * * *", "start": "2024-01-01"},
            "freshness": {"deadline_cron": "0 5 * * *", "lower_bound_delta": "1h", "timezone": "UTC"},
            "batch": {"param": "ids", "size": 5, "separator": ";"},
            "endpoint": {
                "path": "prices",
                "params": {"ids": "{resources.posts.id}", "old": {"type": "incremental", "cursor_path": "u"}},
                "data": {"grant": "x"},
            },
        },
        {
            "name": "more_forms",
            "write_disposition": {"disposition": "merge", "strategy": "upsert", "skip_unchanged_rows": True},
            "partitions": {"keys": ["eu", "us"]},
            "endpoint": {
                "path": "posts/{id}",
                "params": {"id": {"type": "resolve", "resource": "posts", "field": "id"}},
                "incremental": {"cursor_path": "u", "transform": "builtins:str"},
            },
        },
        {"name": "short", "write_disposition": "replace", "partitions": "daily", "endpoint": "short/path"},
        {"name": "dynamic", "partitions": {"dynamic": "customers"}, "endpoint": "customers/{partition.key}"},
        {
            "name": "two_dimensions",
            "partitions": {
                "dimensions": {"day": {"every": "daily", "start": "2024-01-01"}, "region": {"keys": ["eu", "us"]}}
            },
            "endpoint": "sales/{partition.keys.region}",
        },
        {"name": "sourced", "source": "tests.config.values.test_environment:rows", "freshness": "24h", "checks": False},
        *[endpoint(auth=auth) | {"name": f"auth{number}"} for number, auth in enumerate(AUTHS)],
        *[endpoint(paginator=one) | {"name": f"paginator{number}"} for number, one in enumerate(PAGINATORS)],
    ],
}
"""A config with every key there is."""


def rows() -> Iterator[list[dict[str, Any]]]:
    yield [{"id": 1}]


# Keys that are no text anywhere and stand for objects, and what the loader refuses.
NOT_WRITTEN = {"parent_table_name", "asset", "options"}


def keys_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in keys_of(item)}
    if isinstance(value, list):
        return {key for item in value for key in keys_of(item)}
    return set()


def test_the_sample_has_every_key_of_every_model() -> None:
    keys = {field.alias or name for model in models() for name, field in model.model_fields.items()}

    assert set() == keys - keys_of(FULL) - NOT_WRITTEN


class Variables:
    """Replaces every text and number of a config by a reference to a variable that holds it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reference: Any) -> None:
        self.monkeypatch, self.reference, self.count = monkeypatch, reference, 0

    def named(self, value: Any) -> Any:
        if isinstance(value, dict):
            # Placeholders are found when the config is loaded; a variable's value is never read as one.
            return {key: self.named(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.named(item) for item in value]
        if value is None or (isinstance(value, str) and "{" in value):
            return value
        self.count += 1
        name = f"PROBE_{self.count}"
        self.monkeypatch.setenv(name, str(value).lower() if isinstance(value, bool) else str(value))
        return self.reference(name)


def same_key(name: str) -> str:
    return f"${{{name}}}"


@pytest.mark.parametrize("in_python", [False, True])
def test_every_text_may_come_from_the_environment(in_python: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = Variables(monkeypatch, dg.EnvVar if in_python else same_key)
    written = variables.named(FULL)

    found = resolve_env(load_config(written, interpolate_env=not in_python))

    assert 350 < variables.count
    assert differences(load_config(FULL), found) == []


def differences(left: Any, right: Any, path: str = "") -> list[str]:
    """Where two resolved configs differ; what is sent as text is compared as text."""
    if isinstance(left, ConfigModel):
        assert type(left) is type(right), path
        return [
            line
            for name in type(left).model_fields
            for line in differences(getattr(left, name), getattr(right, name), f"{path}.{name}")
        ]
    if isinstance(left, dict):
        assert list(left) == list(right), path
        return [line for key in left for line in differences(left[key], right[key], f"{path}.{key}")]
    if isinstance(left, (list, tuple)):
        assert len(left) == len(right), path
        return [
            line
            for index, (one, other) in enumerate(zip(left, right, strict=True))
            for line in differences(one, other, f"{path}[{index}]")
        ]
    return [] if left == right or (type(left) is object is type(right)) else [path]


LATE = {
    "client.base_url",
    "client.headers.X-A",
    "client.headers.Authorization",
    "client.auth.token",
    "client.params.tenant",
    "client.params.list[0]",
    "client.rate_limit.key",
    "client.allowed_origins[0]",
    "client.verify",
    "client.cert[0]",
    "client.cert[1]",
    "client.cert[2]",
    "client.proxy",
    "client.staging_dir",
    "resource_defaults.endpoint.params.a",
    "resources[0].endpoint.path",
    "resources[1].endpoint.params.q",
    "resources[1].endpoint.params.several[0]",
    "resources[1].endpoint.params.several[1]",
    "resources[1].endpoint.json_body.a.b[0]",
    "resources[1].endpoint.headers.X-B",
    "resources[1].endpoint.auth.api_key",
    "resources[1].endpoint.auth.name",
    "resources[2].endpoint.path",
    "resources[2].endpoint.data.grant",
    "resources[4].endpoint.path",
}
"""What stays a reference until a step runs: secrets, URLs, and the parts of requests."""


def references(value: Any, path: str = "") -> Iterator[str]:
    if is_env(value):
        yield path
    elif isinstance(value, ConfigModel):
        for name in type(value).model_fields:
            yield from references(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from references(item, f"{path}[{index}]")


def test_only_secrets_urls_and_requests_stay_references(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_config(Variables(monkeypatch, same_key).named(FULL), interpolate_env=True)

    found = set(references(loaded))

    assert LATE == {path for path in found if not path.startswith("resources[") or int(path[10:].split("]")[0]) < 6}
    assert {"endpoint.auth"} == {
        path.split("].")[1].rpartition(".")[0].partition(".access")[0].partition(".headers")[0].partition(".claims")[0]
        for path in found - LATE
    }


def test_every_field_says_when_it_is_read() -> None:
    """A new text field is read at load unless somebody says otherwise; these are the others."""
    late = {
        f"{model.__name__}.{name}"
        for model in models()
        for name, field in model.model_fields.items()
        if read_at(field) in ("run", "request") and not model.__name__.endswith(("AuthConfig", "TokenConfig"))
    }

    assert late == {
        "ClientConfig.base_url",
        "ClientConfig.headers",
        "ClientConfig.params",
        "ClientConfig.allowed_origins",
        "ClientConfig.verify",
        "ClientConfig.cert",
        "ClientConfig.proxy",
        "ClientConfig.staging_dir",
        "ResourceConfig.endpoint",
        "EndpointConfig.path",
        "EndpointConfig.params",
        "EndpointConfig.json_body",
        "EndpointConfig.data",
        "EndpointConfig.headers",
        "OAuth2ClientCredentialsConfig.access_token",
        "OAuth2ClientCredentialsConfig.access_token_request_data",
        "OAuth2ClientCredentialsConfig.access_token_url",
        "OAuth2ClientCredentialsConfig.client_id",
        "OAuth2ClientCredentialsConfig.client_secret",
        "RateLimitConfig.key",
    }


YAML = """\
client: {base_url: https://api.example.com}
resources:
  - name: ${KIND}_orders
    table_name: tbl${KIND}
    group_name: ${KIND}
    tags: {"${KIND}": "x${KIND}y"}
    primary_key: ${KEY}
    columns: {"${KEY}": {data_type: text}}
    checks: {"${CHECK}": false}
    endpoint:
      data_selector: data.${KIND}
      paginator: {type: offset, limit: "${SIZE}", offset_param: "${KIND}_offset"}
      response_actions: [{content: "no ${KIND}", action: ignore}]
      incremental: {cursor_path: "${KEY}_at"}
"""


def test_texts_of_the_definition_are_read_at_load(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KIND": "web", "KEY": "id", "CHECK": "primary_key", "SIZE": "50"}.items():
        monkeypatch.setenv(name, value)

    plan = build_plan(load_config_text(YAML), name="s").resources[0]

    assert ("web_orders", "tblweb", ("id",), "data.web") == (
        plan.name,
        plan.table_name,
        plan.primary_key,
        plan.data_selector,
    )
    assert ("web", {"web": "xweby"}, {"id": "text"}, {"primary_key": False}) == (
        plan.config.group_name,
        plan.config.tags,
        {name: hint.data_type for name, hint in plan.config.columns.items()},
        {name: check.enabled for name, check in plan.config.checks.items()},
    )
    assert (50, "web_offset") == (plan.paginator.limit, plan.paginator.offset_param)
    assert ("no web", "id_at") == (plan.endpoint.response_actions[0].content, plan.incremental.cursor_path)


def test_every_variable_that_the_load_misses_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KIND", "KEY", "CHECK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIZE", "")

    with pytest.raises(ConfigError) as caught:
        load_config_text(YAML)

    found = [(item.line, item.path, item.message) for item in caught.value.problems]
    assert (4, "resources[0].table_name", "environment variable KIND is not set") in found
    assert (12, "resources[0].endpoint.paginator.limit", "environment variable SIZE is set and empty") in found
    assert {3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14} == {line for line, _, _ in found}
    assert {"config_missing_env"} == {item.code for item in caught.value.problems}


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("${A:-b}", None, "b"),
        ("${A:-b}", "", "b"),
        ("${A:-b}", "c", "c"),
        ("x${A:-}y", None, "xy"),
        ("${A:-https://a.b/c?d=e}", None, "https://a.b/c?d=e"),
        ("${A}", "c", "c"),
    ],
)
def test_a_default_stands_in_for_nothing(
    text: str, value: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("A", raising=False)
    if value is not None:
        monkeypatch.setenv("A", value)
    loaded = load_config(config({**endpoint(params={"p": text}), "table_name": text}), interpolate_env=True)

    plan = build_plan(loaded, name="s").resources[0]

    assert (expected, {"p": expected}) == (plan.table_name, plan.request.render().params)


def test_a_variable_that_is_empty_is_an_error_when_the_secret_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY_TOKEN", "")
    loaded = load_config(
        config(endpoint(params={"q": "a ${EMPTY_TOKEN}"}), auth={"token": "${EMPTY_TOKEN}"}), interpolate_env=True
    )

    with pytest.raises(ConfigError) as caught:
        resolve_env(loaded.client, where="client")
    with pytest.raises(ConfigError) as of_request:
        build_plan(loaded, name="s").resources[0].request.render()

    assert "client.auth.token: environment variable EMPTY_TOKEN is set and empty" in str(caught.value)
    assert "resources[0].endpoint.params.q: environment variable EMPTY_TOKEN is set and empty" in str(of_request.value)


def test_an_empty_variable_of_dagster_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY_TOKEN", "")

    with pytest.raises(ConfigError, match="EMPTY_TOKEN is set and empty"):
        resolve_env(load_config(config("a", auth={"token": dg.EnvVar("EMPTY_TOKEN")})).client)


@pytest.mark.parametrize("text", ["$TOKEN", "$(TOKEN)", "%TOKEN%", "{{ env.TOKEN }}", "Bearer $TOKEN", " $TOKEN "])
@pytest.mark.parametrize("yaml", [False, True])
def test_a_secret_that_names_a_variable_wrongly_is_told_how(text: str, yaml: bool) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config("a", auth={"token": text}), interpolate_env=yaml)

    (only,) = caught.value.problems
    assert ("client.auth.token", "config_bad_env_reference") == (only.path, only.code)
    assert only.expected == '${TOKEN} in YAML, dg.EnvVar("TOKEN") in Python'


@pytest.mark.parametrize(
    "client",
    [
        {"auth": {"type": "api_key", "api_key": "$KEY"}},
        {"auth": {"type": "http_basic", "username": "u", "password": "$PASS"}},
        {
            "auth": {
                "type": "oauth2_client_credentials",
                "access_token_url": "https://a.b/c",
                "client_id": "i",
                "client_secret": "s",
                "access_token_request_data": {"assertion": "$A"},
            }
        },
        {"headers": {"Authorization": "Bearer $TOKEN"}},
        {"params": {"api_key": "$KEY"}},
        {"proxy": "http://u:$PASS@proxy"},
        {"base_url": "https://u:$PASS@api.example.com"},
        {"base_url": "$API_URL"},
        {"base_url": "https://$HOST/v1"},
    ],
)
def test_wherever_a_secret_or_an_address_stands(client: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config("a", **client), interpolate_env=True)

    assert ["config_bad_env_reference"] == [item.code for item in caught.value.problems]


@pytest.mark.parametrize("part", [{"headers": {"X-Api-Key": "$KEY"}}, {"params": {"token": "$TOKEN"}}])
def test_a_secret_of_a_request_too(part: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        build_plan(load_config(config(endpoint(**part)), interpolate_env=True), name="s")

    assert "config_bad_env_reference" == caught.value.code


@pytest.mark.parametrize("token", ["pa$$word", "a$b", "100%", "$", "%", "$1abc", "ab%cd%ef", "$a-b"])
def test_a_secret_may_hold_these_characters(token: str) -> None:
    assert token == load_config(config("a", auth={"token": token})).client.auth.token


def test_a_secret_that_may_be_one_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config("a", auth={"token": "$hunter2"}))

    assert "hunter2" not in str(caught.value)


def test_a_value_that_came_from_the_environment_is_no_reference() -> None:
    from dagster_rest.config import ClientConfig

    found = ClientConfig.of_resolved({"base_url": BASE, "auth": {"token": "$TOKEN"}, "headers": {"X": "${A}"}})

    assert ("$TOKEN", "${A}") == (found.auth.token, found.headers["X"])


@pytest.mark.parametrize(
    "source",
    [
        config({"name": "a", "table_name": "tbl${X}"}),
        config({"name": "a", "tags": {"k": "${X}"}}),
        config({"name": "a", "primary_key": ["${X}"]}),
        config(endpoint(data_selector="${X}")),
        config(endpoint(paginator={"type": "offset", "limit": 5, "limit_param": "${X}"})),
        config(endpoint(response_actions=[{"content": "${X}", "action": "ignore"}])),
        config("a", auth={"token": "${X}"}),
        config("a", headers={"X": "Bearer ${X}"}),
        config("a", base_url="https://${X}/v1"),
        config("a", params={"k": ["${X}"]}),
        config("${X}"),
        config({"name": "a", "partitions": ["${X}"]}),
        config({"name": "a", "checks": {"primary_key": "${X}"}}),
    ],
)
def test_a_reference_that_nothing_reads_is_an_error_in_a_dict(source: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(source)

    assert {"config_bad_env_reference"} == {item.code for item in caught.value.problems}
    assert 'dg.EnvVar("NAME")' in str(caught.value)


@pytest.mark.parametrize(
    "auth",
    [
        {"token": ""},
        {"token": " "},
        {"type": "api_key", "api_key": ""},
        {"type": "custom_header", "name": "X", "value": ""},
        {"type": "oauth2_refresh_token", "access_token_url": BASE, "refresh_token": ""},
    ],
)
def test_an_empty_secret_is_an_error_when_it_is_read(auth: Any) -> None:
    """Dagster's `{{ env.NAME }}` is empty where the variable is not set."""
    loaded = load_config(config("a", auth=auth))

    with pytest.raises(ConfigError, match="the secret is empty"):
        resolve_env(loaded.client, where="client")


def test_a_password_may_be_empty() -> None:
    """Many an API takes its key as the user, and no password."""
    loaded = load_config(config("a", auth={"type": "http_basic", "username": "key", "password": ""}))

    assert loaded.client is resolve_env(loaded.client)


def test_an_optional_secret_is_a_secret() -> None:
    from dagster_rest.config.model.auth import OAuth2RefreshTokenConfig
    from dagster_rest.config.values.environment import secret_fields

    assert "client_id" in secret_fields(OAuth2RefreshTokenConfig)


def test_a_lone_token_says_where_it_goes() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config("a", auth="${TOKEN}"), interpolate_env=True)

    (only,) = caught.value.problems
    assert ("client.auth", "auth: {token: ${TOKEN}}") == (only.path, only.expected)


def test_a_lone_token_of_dagster_too() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config(endpoint(auth=dg.EnvVar("TOKEN"))))

    assert 'auth: {token: dg.EnvVar("TOKEN")}' == caught.value.problems[0].expected


@pytest.mark.parametrize("keys", [{"tags": {"${A}": "1", "x": "2"}}, {"columns": {"${A}": {}, "x": {}}}])
def test_two_keys_that_become_the_same_are_an_error(keys: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "x")

    with pytest.raises(ConfigError) as caught:
        load_config(config({"name": "a", **keys}), interpolate_env=True)

    assert "config_duplicate_key" == caught.value.code


def test_two_headers_that_become_the_same_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "X")
    loaded = load_config(config("a", headers={"${A}": "1", "X": "2"}), interpolate_env=True)

    with pytest.raises(ConfigError) as caught:
        resolve_env(loaded.client, where="client")

    assert ("config_duplicate_key", "client.headers") == (caught.value.code, caught.value.where)


def test_a_problem_of_the_environment_names_keys_as_they_are_written() -> None:
    loaded = load_config(config(endpoint(json={"a": "${NOT_SET}"})), interpolate_env=True)

    with pytest.raises(ConfigError) as caught:
        resolve_env(loaded.resources[0].endpoint, where="endpoint")

    assert "endpoint.json.a" == caught.value.where


def test_an_object_is_not_searched_for_variables() -> None:
    source = [{"id": "${X}"}]

    assert source is not load_config(config({"name": "a", "source": lambda: source})).resources[0].source


@pytest.mark.parametrize("path", ["${P}", "items/${P}", "items/${P:-x}", "items/x-${P}.json"])
def test_a_path_that_ends_in_a_variable_is_a_list_like_others(path: str) -> None:
    """The braces of a variable are no placeholder, which would ask for one object on one page."""
    plan = build_plan(load_config(config(endpoint(path=path)), interpolate_env=True), name="s").resources[0]

    assert (None, None) == (plan.paginator, plan.data_selector)


def test_a_path_that_ends_in_a_variable_and_a_placeholder_asks_for_one_object() -> None:
    loaded = load_config(config("posts", endpoint(path="${P}/{resources.posts.id}")), interpolate_env=True)

    assert "single_page" == build_plan(loaded, name="s").resource("items").paginator.type


def test_a_reference_is_a_reference_in_a_model_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster_rest.config import ResourceConfig

    monkeypatch.setenv("A", "x")

    assert "tblx" == ResourceConfig(name="a", table_name=EnvRef("tbl${A}")).table_name
