"""Values from the environment: named in the config, read when a step runs."""

from __future__ import annotations

import pickle
from typing import Any

import dagster as dg
import pytest

from dagster_rest.config import (
    ClientConfig,
    ConfigError,
    EnvRef,
    build_plan,
    load_config,
    load_config_text,
    resolve_env,
)
from tests.config.support import BASE, config, endpoint

YAML = """\
client:
  base_url: https://${HOST}/v1
  headers: {X-A: "Bearer ${TOKEN}", X-B: "$${TOKEN}"}
  auth: {token: "${TOKEN}"}
  timeout: ${TIMEOUT}
resources:
  - name: items
    endpoint:
      path: "${ORG}/items/{resources.posts.id}/x"
      params: {tenant: "${TENANT}", filter: "${TENANT}:{resources.posts.id}"}
      json: {t: "${TENANT}"}
      paginator: {type: offset, limit: "${LIMIT}"}
  - posts
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "TOKEN", "ORG", "TENANT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TIMEOUT", "5")
    monkeypatch.setenv("LIMIT", "100")


@pytest.mark.usefixtures("environment")
def test_texts_stay_references_until_they_are_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    client = load_config_text(YAML).client
    assert isinstance(client.auth.token, EnvRef)

    monkeypatch.setenv("HOST", "api.example.com")
    monkeypatch.setenv("TOKEN", "s3cr3t")
    resolved = resolve_env(client, where="client")

    assert ("https://api.example.com/v1", "Bearer s3cr3t", "${TOKEN}", "s3cr3t") == (
        resolved.base_url,
        resolved.headers["X-A"],
        resolved.headers["X-B"],
        resolved.auth.token,
    )
    assert "s3cr3t" not in repr(resolved)
    assert isinstance(client.auth.token, EnvRef)


@pytest.mark.usefixtures("environment")
def test_all_missing_variables_are_named_with_their_keys() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_env(load_config_text(YAML).client, where="client")

    assert [
        ("client.base_url", "environment variable HOST is not set"),
        ("client.headers.X-A", "environment variable TOKEN is not set"),
        ("client.auth.token", "environment variable TOKEN is not set"),
    ] == [(item.path, item.message) for item in caught.value.problems]
    assert {"config_missing_env"} == {item.code for item in caught.value.problems}


@pytest.mark.usefixtures("environment")
def test_values_that_are_not_text_are_read_at_load() -> None:
    loaded = load_config_text(YAML)

    assert (5.0, 100) == (loaded.client.timeout, loaded.resources[0].endpoint.paginator.limit)


@pytest.mark.usefixtures("environment")
def test_a_variable_missing_at_load_is_named_with_key_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIMIT")

    with pytest.raises(ConfigError) as caught:
        load_config_text(YAML)

    (only,) = caught.value.problems
    assert ("config_missing_env", "resources[0].endpoint.paginator.limit", 12) == (only.code, only.path, only.line)
    assert "LIMIT" in only.message


@pytest.mark.usefixtures("environment")
def test_a_request_reads_its_variables_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    request = build_plan(load_config_text(YAML), name="s").resource("items").request
    monkeypatch.setenv("ORG", "acme")
    monkeypatch.setenv("TENANT", "{resources.posts.id}")

    found = request.render(parent={"id": 7})

    assert "acme/items/7/x" == found.path
    assert {"tenant": "{resources.posts.id}", "filter": "{resources.posts.id}:7"} == found.params
    assert {"t": "{resources.posts.id}"} == found.json


@pytest.mark.usefixtures("environment")
def test_a_request_names_the_variable_it_misses() -> None:
    with pytest.raises(ConfigError) as caught:
        build_plan(load_config_text(YAML), name="s").resource("items").request.render(parent={"id": 7})

    assert ("config_missing_env", "resources[0].endpoint.path") == (caught.value.code, caught.value.where)


@pytest.mark.parametrize(
    "text", ["${", "${}", "${A B}", "${1A}", "x ${resources.posts.id}", "${A:b}", "${A:-${B}}", "${A:-{b}}"]
)
def test_a_dollar_brace_that_names_no_variable_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config(endpoint(params={"a": text})), interpolate_env=True)

    assert ("config_bad_env_reference", "resources[0].endpoint.params.a") == (caught.value.code, caught.value.where)


def test_an_escaped_dollar_brace_is_text() -> None:
    loaded = load_config(config("a", headers={"X": "a$${b}$c"}), interpolate_env=True)

    assert ("a${b}$c", str) == (loaded.client.headers["X"], type(loaded.client.headers["X"]))


def test_a_request_of_a_dict_is_not_interpolated() -> None:
    """dlt reads ``${x}`` in a dict as a dollar sign and a placeholder."""
    plan = build_plan(load_config(config(endpoint(path="a/${x}", params={"x": 1}))), name="s")

    assert "a/$1" == plan.resources[0].request.render().path


def test_env_vars_of_dagster_are_kept_and_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t")
    monkeypatch.setenv("SHOP_LIMIT", "7")
    token = dg.EnvVar("SHOP_TOKEN")
    loaded = load_config(
        config(
            {
                "name": "a",
                "endpoint": {
                    "params": {"k": dg.EnvVar("SHOP_TOKEN")},
                    "paginator": {"type": "offset", "limit": dg.EnvVar.int("SHOP_LIMIT")},
                },
            },
            auth={"type": "api_key", "api_key": token},
            headers={"X": dg.EnvVar("SHOP_TOKEN")},
        )
    )
    plan = build_plan(loaded, name="s")

    assert token is loaded.client.auth.api_key
    assert "s3cr3t" == resolve_env(loaded.client, where="client").auth.api_key
    assert {"k": "s3cr3t"} == plan.resources[0].request.render().params
    assert 7 == plan.resources[0].paginator.limit
    assert "s3cr3t" not in repr(plan)
    assert "SHOP_TOKEN" in repr(loaded)


def test_resolving_nothing_gives_the_same_object() -> None:
    client = ClientConfig(base_url=BASE, headers={"a": "b"}, params={"x": [1, {"y": 2}]})

    assert client is resolve_env(client, where="client")


@pytest.mark.parametrize("value", [EnvRef("${A}"), {"k": EnvRef("x${A}")}, [EnvRef("${A}"), (EnvRef("${A}"),)]])
def test_containers_are_resolved_without_being_changed(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "1")
    before = pickle.dumps(value)

    resolved = resolve_env(value, where="x")

    assert "${A}" not in repr(resolved)
    assert before == pickle.dumps(value)


def test_a_reference_survives_pickling() -> None:
    copied = pickle.loads(pickle.dumps(EnvRef("Bearer ${A}${B}")))

    assert (EnvRef, ("A", "B"), "A") == (type(copied), copied.env_var_names, copied.env_var_name)


def test_a_number_of_the_environment_that_is_none_is_an_error_without_the_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = build_plan(load_config(config(endpoint(params={"limit": dg.EnvVar.int("SHOP_LIMIT")}))), name="shop")
    monkeypatch.setenv("SHOP_LIMIT", "s3cr3t")

    with pytest.raises(ConfigError) as caught:
        plan.resources[0].request.render()

    (found,) = caught.value.problems
    assert ("resources[0].endpoint.params.limit", "config_bad_value") == (found.path, found.code)
    assert "s3cr3t" not in str(caught.value)


def test_a_reference_gives_its_value_as_a_dagster_envvar_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t")
    monkeypatch.delenv("NOT_SET", raising=False)

    assert "Bearer s3cr3t" == EnvRef("Bearer ${TOKEN}").get_value()
    with pytest.raises(KeyError, match="NOT_SET"):
        EnvRef("${NOT_SET}").get_value()
