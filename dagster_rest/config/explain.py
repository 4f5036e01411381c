"""From pydantic's errors to ours: a path, an expectation, a near miss, and never a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dagster_rest.config.errors import ConfigError, Problem, join_path
from dagster_rest.config.read.origin import Origin
from dagster_rest.config.values.checks import not_a_choice
from dagster_rest.config.values.problems import type_name

_EXPECTED = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "string_type": "text",
}


def to_config_error(error: ValidationError, *, origin: Origin | None = None) -> ConfigError:
    """The ConfigError of a pydantic ValidationError.

    Args:
        error: What pydantic found.
        origin: Where the config was read from.
    """
    problems = [_to_problem(item) for item in error.errors(include_url=False)]
    if origin is None:
        return ConfigError(problems)
    return ConfigError(origin.locate(problems), source=origin.file)


def _to_problem(item: Mapping[str, Any]) -> Problem:
    kind, loc = item["type"], tuple(item["loc"])
    path = loc_path(loc)
    context = item.get("ctx") or {}
    if kind.startswith("config_"):
        return Problem(
            path=path, code=kind, message=item["msg"], expected=context.get("expected"), hint=context.get("hint")
        )
    if kind == "missing":
        return Problem(path=path, code="config_missing_key", message="the key is required", hint=_missing_hint(loc))
    if kind == "literal_error":
        return _literal(item, path, str(context.get("expected", "")))
    if kind in _EXPECTED:
        found = type_name(item.get("input"))
        return Problem(path=path, code="config_wrong_type", message=f"found {found}", expected=_EXPECTED[kind])
    if kind == "invalid_key":
        return Problem(path=path, code="config_wrong_type", message="a key is not text", expected="keys that are text")
    # pydantic's own messages describe the expectation; none of the kinds left here carries the input.
    return Problem(path=path, code="config_bad_value", message="the value is not accepted", expected=None)


def loc_path(loc: tuple[Any, ...]) -> str:
    """A pydantic location as a path; long or odd keys are shortened."""
    steps = [
        step if isinstance(step, int) else (str(step) if len(str(step)) <= 60 else f"{str(step)[:20]}...")
        for step in loc
    ]
    return join_path("", *steps)


def _missing_hint(loc: tuple[Any, ...]) -> str | None:
    if loc and loc[-1] in ("token", "api_key", "username", "password", "client_id", "client_secret"):
        return "Use dg.EnvVar in Python, or ${NAME} in YAML, for a secret."
    return None


def _literal(item: Mapping[str, Any], path: str, expected: str) -> Problem:
    choices = [choice.strip(" '\"") for choice in expected.replace(" or ", ",").split(",")]
    error = not_a_choice(item.get("input"), choices)
    return Problem(path=path, code=error.type, message=error.message(), **(error.context or {}))
