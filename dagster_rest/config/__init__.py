"""The declarative config: written as dict, models or YAML; checked as a whole; resolved into a plan."""

from __future__ import annotations

from dagster_rest.config.env import EnvRef, resolve_env
from dagster_rest.config.errors import CODES, ConfigError, NullParentValue, Problem
from dagster_rest.config.loading import load_config, load_config_text
from dagster_rest.config.models import *  # noqa: F403 - the models' own list of public names
from dagster_rest.config.models import __all__ as _models
from dagster_rest.config.plan import INHERIT, ParentLink, ResourcePlan, SourcePlan, build_plan
from dagster_rest.config.registry import AUTHS, PAGINATORS
from dagster_rest.config.request import RequestSpec, RequestTemplate

__all__ = [
    *_models,
    "AUTHS",
    "CODES",
    "ConfigError",
    "EnvRef",
    "INHERIT",
    "ParentLink",
    "RequestSpec",
    "RequestTemplate",
    "ResourcePlan",
    "SourcePlan",
    "build_plan",
    "NullParentValue",
    "PAGINATORS",
    "Problem",
    "load_config",
    "load_config_text",
    "resolve_env",
]
