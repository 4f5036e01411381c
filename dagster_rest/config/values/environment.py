"""When a text from the environment is read: at load where a definition needs it, else when a step runs.

Secrets, URLs and the parts of requests stay references. Everything else (names, tags, selectors, paginators ...) is
read when the config is checked, so that nothing is ever taken literally.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from dagster_rest.config.values.checks import from_env
from dagster_rest.config.values.env import is_env, key_text, names_variable, same_key_problem
from dagster_rest.config.values.problems import problem
from dagster_rest.config.values.types import Checked, ReadAt

# Texts for people may mention placeholders.
_PROSE = frozenset({"description", "message"})
_PLACEHOLDER = re.compile(r"\{\s*(?:resources|incremental|partition)\.[^{}\s]+\s*\}")
# From the strictest: a field that may hold several kinds is read as the first of them says.
_ORDER: tuple[ReadAt, ...] = ("request", "run", "parts", "check", "load")
Failure = tuple[tuple[str | int, ...], PydanticCustomError]


def read_at(field: FieldInfo) -> ReadAt:
    """When the texts of a field are read."""
    found = {"check" if isinstance(one, type) else one.read_at for one in _parts_of(field)}
    return next((when for when in _ORDER if when in found), "load")


@cache
def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """The names of a model's fields that are declared with a secret type."""
    fields = model.model_fields.items()
    return frozenset(
        name for name, field in fields if any(isinstance(one, Checked) and one.secret for one in _parts_of(field))
    )


def _parts_of(field: FieldInfo) -> list[Checked | type]:
    """The checks and models that a field's annotation consists of."""
    return [item for item in field.metadata if isinstance(item, Checked)] or list(_of(field.annotation))


def _of(annotation: Any) -> Iterator[Checked | type]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is Annotated:
        checks = [item for item in get_args(annotation)[1:] if isinstance(item, Checked)]
        yield from checks or _of(get_args(annotation)[0])
    elif get_origin(annotation) is not Literal:
        for argument in get_args(annotation):
            yield from _of(argument)


@cache
def _fields_of(model: type[BaseModel]) -> dict[str, ReadAt]:
    found = {}
    for name, field in model.model_fields.items():
        found[name] = found[field.alias or name] = read_at(field)
    return found


def read_fields(
    model: type[BaseModel], data: Mapping[str, Any], *, interpolated: bool, failures: list[Failure]
) -> dict[str, Any]:
    """``data`` with the texts read that a definition needs; keys that could not be read are left out.

    Args:
        model: The model that ``data`` is for.
        data: Its values by key.
        interpolated: Whether ``${NAME}`` has been interpolated: else a text that holds one is an error.
        failures: Where problems go: the steps below ``data``, and the error.
    """
    fields = _fields_of(model)
    read: dict[str, Any] = {}
    for key, value in data.items():
        when = fields.get(key, "load")
        before = len(failures)
        if when != "request" and key not in _PROSE:
            deep = when in ("load", "run")
            _refuse_texts(value, (key,), deep=deep, interpolated=interpolated, failures=failures)
        if when == "load" or (when == "parts" and is_env(value)):
            value = _read(value, (key,), failures)
        if len(failures) == before:
            read[key] = value
    return read


def _refuse_texts(
    value: Any, path: tuple[str | int, ...], *, deep: bool, interpolated: bool, failures: list[Failure]
) -> None:
    """Refuse what is written as if it were read, where nothing reads it."""
    if isinstance(value, str):
        error = _misplaced(value, interpolated=interpolated) if "{" in value else None
        if error is not None:
            failures.append((path, error))
    elif deep and type(value) is dict:
        for name, item in value.items():
            _refuse_texts(name, path, deep=True, interpolated=interpolated, failures=failures)
            _refuse_texts(item, (*path, key_text(name)), deep=True, interpolated=interpolated, failures=failures)
    elif deep and type(value) is list:
        for index, item in enumerate(value):
            _refuse_texts(item, (*path, index), deep=True, interpolated=interpolated, failures=failures)


def _misplaced(text: str, *, interpolated: bool) -> PydanticCustomError | None:
    if not interpolated and not is_env(text) and names_variable(text):
        return problem(
            "config_bad_env_reference",
            "`${NAME}` is not read here",
            expected='dg.EnvVar("NAME")',
            hint="A dict that was read from YAML is loaded with load_config(data, interpolate_env=True).",
        )
    if _PLACEHOLDER.search(str.__str__(text)):
        return problem(
            "config_unknown_placeholder",
            "a placeholder is not filled in here",
            hint="Placeholders work in an endpoint's path, params, json, data and headers.",
        )
    return None


def _read(value: Any, path: tuple[str | int, ...], failures: list[Failure]) -> Any:
    if is_env(value):
        return _read_one(value, path, failures)
    if type(value) is dict:
        pairs = [
            (_read(name, path, failures), _read(item, (*path, key_text(name)), failures))
            for name, item in value.items()
        ]
        if len({name for name, _ in pairs}) < len(pairs):
            failures.append((path, same_keys()))
        return dict(pairs)
    if type(value) in (list, tuple):
        return type(value)(_read(item, (*path, index), failures) for index, item in enumerate(value))
    return value


def _read_one(value: Any, path: tuple[str | int, ...], failures: list[Failure]) -> Any:
    try:
        return from_env(value)
    except PydanticCustomError as error:
        failures.append((path, error))
        return None


def read_keys(value: dict[Any, Any]) -> dict[Any, Any]:
    """A mapping with its keys read; raises a problem for one that cannot be."""
    if not any(is_env(name) for name in value):
        return value
    failures: list[Failure] = []
    read = [(_read(name, (), failures), item) for name, item in value.items()]
    if failures:
        raise failures[0][1]
    if len({name for name, _ in read}) < len(read):
        raise same_keys()
    return dict(read)


def same_keys() -> PydanticCustomError:
    """The problem of two keys that are equal once the environment is read."""
    same = same_key_problem("")
    return problem(same.code, same.message, hint=same.hint)
