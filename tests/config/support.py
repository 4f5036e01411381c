"""What the config tests share."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.config import ConfigError, Problem, ResourcePlan, SourcePlan, build_plan, load_config

BASE = "https://api.example.com"


def config(*resources: Any, defaults: Any = None, **client: Any) -> dict[str, Any]:
    """A config dict with these resources."""
    found: dict[str, Any] = {"client": {"base_url": BASE, **client}, "resources": list(resources)}
    if defaults is not None:
        found["resource_defaults"] = defaults
    return found


def plan(*resources: Any, **options: Any) -> SourcePlan:
    """The plan of these resources."""
    return build_plan(load_config(config(*resources, **options)), name="shop")


def one(resource: Any, **options: Any) -> ResourcePlan:
    """The plan of one resource."""
    return plan(resource, **options).resources[0]


def endpoint(**keys: Any) -> dict[str, Any]:
    """A resource ``items`` with this endpoint."""
    return {"name": "items", "endpoint": keys}


def child(**keys: Any) -> dict[str, Any]:
    """A resource ``items`` with this endpoint, to stand beside ``posts``."""
    return endpoint(**keys)


def problems(source: Any, *, name: str = "shop", **options: Any) -> list[Problem]:
    """Everything that is wrong with a config, in loading or in planning."""
    with pytest.raises(ConfigError) as caught:
        build_plan(load_config(source, **options), name=name)
    return list(caught.value.problems)


def problem(source: Any, **options: Any) -> Problem:
    """The only thing that is wrong with a config."""
    found = problems(source, **options)
    assert 1 == len(found), [str(item) for item in found]
    return found[0]
