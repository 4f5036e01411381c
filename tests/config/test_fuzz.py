"""Whatever a config holds, the answer is a plan or a ConfigError: never another exception."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_rest.config import CODES, ConfigError, Problem, build_plan, load_config, load_config_text
from dagster_rest.config.model.base import field_keys
from tests.config.support import BASE
from tools.config_reference import models

KEYS = sorted(
    {key for model in models() for key in field_keys(model)} | {"type", "endpoints", "auth_type", "sources", "rest_api"}
)
WORDS = [
    "",
    "a",
    "posts",
    "auto",
    "offset",
    "cursor",
    "page_number",
    "bearer",
    "api_key",
    "append",
    "merge",
    "scd2",
    "freeze",
    "daily",
    "GET",
    "{resources.posts.id}",
    "{incremental.start_value}",
    "{",
    "}}",
    "{x}",
    "${A}",
    "${",
    "$",
    "a.b[0]",
    "[[",
    "4xx",
    "404",
    "1d",
    "os:getcwd",
    "no.module:x",
    "ignore",
    "resolve",
    "incremental",
    "*",
    "..",
    "\x00",
    "\ud800",
    "[¹]",
    "a[0",
    "a.[x].",
    "é" * 50,
    "x" * 500,
]
SCALARS = (
    st.sampled_from(WORDS)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=3)
    | st.sampled_from([len, int, object(), {1, 2}, ValueError(), 10**400, 1j])
)
NAMES = st.sampled_from(KEYS) | st.text(max_size=4) | st.sampled_from([1, None, True, ("a", "b"), 1.5])
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)

GOOD: dict[str, Any] = {
    "client": {
        "base_url": BASE,
        "auth": {"type": "oauth2_client_credentials", "access_token_url": BASE, "client_id": "i", "client_secret": "s"},
        "paginator": {"type": "page_number", "total_path": "t"},
        "retry": {"statuses": [500]},
        "rate_limit": {"requests": 5, "per": "1m"},
        "timeout": {"read": 5},
    },
    "resource_defaults": {"primary_key": "id", "endpoint": {"params": {"a": 1}}},
    "resources": [
        "posts",
        {
            "name": "items",
            "columns": {"a": {"data_type": "text"}},
            "write_disposition": {"disposition": "merge", "strategy": "upsert"},
            "schema_contract": {"tables": "freeze"},
            "nested_hints": {"k": {"columns": [{"name": "x"}]}},
            "processing_steps": [{"where": "a > 1"}],
            "include_from_parent": ["id"],
            "partitions": {"every": "daily", "start": "2024-01-01"},
            "checks": {"primary_key": {"severity": "warn"}},
            "endpoint": {
                "path": "posts/{resources.posts.id}/items/{o}",
                "params": {"o": 1, "s": {"type": "incremental", "cursor_path": "u"}, "r": ["a", 1]},
                "json": {"a": [{"b": "{resources.posts.id}"}]},
                "headers": {"X": "y"},
                "paginator": {"type": "cursor", "cursor_path": "n"},
                "response_actions": [{"status_code": [404, "5xx"], "action": "ignore"}],
                "incremental": {"cursor_path": "u", "initial_value": 1, "lag": 2},
                "auth": {"type": "api_key", "api_key": "k"},
                "expect": {"total_path": "t"},
            },
        },
    ],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in a value."""
    found = [path]
    if isinstance(value, dict):
        for key, item in value.items():
            found.extend(places(item, (*path, key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found.extend(places(item, (*path, index)))
    return found


PLACES = [path for path in places(GOOD) if path]


def refused(act: Callable[[], Any]) -> tuple[Problem, ...] | None:
    """The problems of a config that is refused; None if it is accepted. Any other exception ends the test."""
    try:
        act()
    except ConfigError as error:
        str(error)
        return error.problems
    return None


def answer(source: Any, *, interpolate: bool) -> None:
    """Load and plan: both may only succeed, or raise a ConfigError with problems that can be shown."""
    found = refused(lambda: build_plan(load_config(source, interpolate_env=interpolate), name="s"))

    assert found is None or all(problem.code in CODES for problem in found)
    assert found != ()


def changed(path: tuple[Any, ...], value: Any, key: Any) -> dict[str, Any]:
    """The good config with one place changed: a value replaced, or a key added beside it."""
    source = copy.deepcopy(GOOD)
    holder: Any = source
    for step in path[:-1]:
        holder = holder[step]
    if key is None or not isinstance(holder, dict):
        holder[path[-1]] = value
    else:
        holder[key] = value
    return source


SETTINGS = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SETTINGS
@given(path=st.sampled_from(PLACES), value=JUNK, key=st.none() | NAMES, interpolate=st.booleans())
def test_a_good_config_with_one_thing_wrong(path: tuple[Any, ...], value: Any, key: Any, interpolate: bool) -> None:
    answer(changed(path, value, key), interpolate=interpolate)


@SETTINGS
@given(path=st.sampled_from(PLACES), interpolate=st.booleans())
def test_a_good_config_with_one_thing_missing(path: tuple[Any, ...], interpolate: bool) -> None:
    source = copy.deepcopy(GOOD)
    holder: Any = source
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]

    answer(source, interpolate=interpolate)


@SETTINGS
@given(source=st.dictionaries(NAMES, JUNK, max_size=6))
def test_a_mapping_of_anything(source: Any) -> None:
    answer(source, interpolate=True)


@SETTINGS
@given(resources=st.lists(JUNK, max_size=4), defaults=JUNK)
def test_resources_of_anything(resources: list[Any], defaults: Any) -> None:
    answer({"client": {"base_url": BASE}, "resources": resources, "resource_defaults": defaults}, interpolate=False)


@SETTINGS
@given(block=st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=5), endpoint=JUNK)
def test_dangos_form_of_anything(block: dict[str, Any], endpoint: Any) -> None:
    answer({"base_url": BASE, **block, "endpoints": [endpoint]}, interpolate=True)


@SETTINGS
@given(source=JUNK)
def test_anything_at_all(source: Any) -> None:
    if not isinstance(source, str):
        answer(source, interpolate=True)


YAML = yaml.safe_dump(GOOD)


@SETTINGS
@given(start=st.integers(0, len(YAML)), length=st.integers(0, 12), insert=st.text(max_size=6))
def test_yaml_text_with_one_thing_wrong(start: int, length: int, insert: str) -> None:
    text = YAML[:start] + insert + YAML[start + length :]
    assert refused(lambda: build_plan(load_config_text(text, source="x.yaml"), name="s")) != ()


@SETTINGS
@given(text=st.text())
def test_any_text_as_yaml(text: str) -> None:
    assert refused(lambda: load_config_text(text)) != ()


def test_a_value_within_itself_is_a_problem() -> None:
    source = copy.deepcopy(GOOD)
    source["resources"][1]["endpoint"]["json"]["a"].append(source)

    answer(source, interpolate=False)
