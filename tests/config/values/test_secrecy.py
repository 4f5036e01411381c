"""Credentials written into a config change nothing but who asks: they enter no fingerprint and no repr."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.config import build_plan, load_config
from dagster_rest.config.plan.fingerprint import canonical
from tests.config.support import config, endpoint

SECRET = "hunter2-very-secret"
OTHER = "another-of-that-kind"


def resource(secret: Any, **keys: Any) -> Any:
    return config(endpoint(**{name: filled(value, secret) for name, value in keys.items()}))


def client(secret: Any, **keys: Any) -> Any:
    return config("items", **{name: filled(value, secret) for name, value in keys.items()})


def filled(value: Any, secret: Any) -> Any:
    """``value`` with the secret in place of ``S``."""
    if isinstance(value, dict):
        return {key: filled(item, secret) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(filled(item, secret) for item in value)
    return value.replace("S", str(secret)) if isinstance(value, str) else value


OF_A_RESOURCE: list[dict[str, Any]] = [
    {"params": {"api_key": "S"}},
    {"params": {"appid": "S", "sig": "S", "jwt": "S", "client_id": "S", "access_key": "S", "passphrase": "S"}},
    {"params": {"api_key": ["S", "S"]}},
    {"path": "items?api_key=S&x=1"},
    {"path": "https://user:S@api.example.com/items"},
    {"headers": {"Authorization": "Bearer S", "X-Trace": "Basic S", "Cookie": "a=S"}},
    {"json": {"deep": [{"password": "S"}]}},
    {"data": {"password": "S"}},
    {"data": "grant=x&password=S"},
    {"data": [("password", "S")]},
    {"data": '{{"password": "S", "x": 1}}'},
    {"auth": {"token": "S"}},
]
OF_THE_CLIENT: list[dict[str, Any]] = [
    {"params": {"api_key": "S"}},
    {"headers": {"X-Api-Key": "S"}},
    {"base_url": "https://user:S@api.example.com/v1"},
    {"base_url": "https://api.example.com/v1?key=S"},
    {"auth": {"type": "http_basic", "username": "S", "password": "S"}},
]


@pytest.mark.parametrize(
    ("make", "keys"), [(resource, keys) for keys in OF_A_RESOURCE] + [(client, keys) for keys in OF_THE_CLIENT]
)
def test_a_credential_does_not_enter_the_fingerprint(make: Any, keys: dict[str, Any]) -> None:
    first, second = (load_config(make(secret, **keys)) for secret in (SECRET, OTHER))

    assert SECRET not in canonical(first.client) + canonical(first.resources[0])
    assert build_plan(first, name="s").resources[0].fingerprint == build_plan(second, name="s").resources[0].fingerprint


def test_a_credential_that_is_a_number_does_not_either() -> None:
    assert "12345678" not in canonical(load_config(config(endpoint(params={"api_key": 12345678}))).resources[0])


@pytest.mark.parametrize(
    "keys",
    [
        {"params": {"author": "S"}},
        {"params": {"sort_key": "S"}},
        {"params": {"session": "S"}},
        {"params": {"certified": "S"}},
        {"path": "items?author=S"},
        {"path": "items/S"},
        {"json": {"keys": ["S"]}},
        {"data": "state=S"},
        {"data": [("state", "S")]},
        {"headers": {"X-Tenant": "S"}},
    ],
)
def test_what_is_asked_for_does(keys: dict[str, Any]) -> None:
    """A broken run must not go on with what was fetched for another request."""
    plans = [build_plan(load_config(resource(word, **keys)), name="s").resources[0] for word in ("ada", "bob")]

    assert plans[0].fingerprint != plans[1].fingerprint


def test_a_placeholder_under_a_secret_name_does() -> None:
    sources = [
        config("posts", endpoint(path=f"items?token={{resources.posts.{field}}}"), defaults=None)
        for field in ("a", "b")
    ]
    plans = [build_plan(load_config(source), name="s").resource("items") for source in sources]

    assert plans[0].fingerprint != plans[1].fingerprint


@pytest.mark.parametrize("data", [{"note": SECRET}, {"a": {"note": [SECRET]}}, [("note", SECRET)], SECRET])
def test_no_repr_shows_form_data(data: Any) -> None:
    assert SECRET not in repr(load_config(config(endpoint(data=data))))
