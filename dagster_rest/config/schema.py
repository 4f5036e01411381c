"""The config as JSON Schema, and the way from a path to the model that stands there."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from dagster_rest.config.base import ByType, ConfigModel
from dagster_rest.config.origin import value_at
from dagster_rest.config.types import Checked


def field_keys(model: type[ConfigModel]) -> list[str]:
    """The keys of a model as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def checked_of(field: FieldInfo) -> Checked | None:
    """The check of a field, if it has one of ours."""
    for item in field.metadata:
        if isinstance(item, Checked):
            return item
    for arg in _flat(field.annotation):
        if get_origin(arg) is Annotated:
            for item in get_args(arg)[1:]:
                if isinstance(item, Checked):
                    return item
    return None


def _flat(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        for arg in get_args(annotation):
            yield from _flat(arg)
    else:
        yield annotation


def child_models(field: FieldInfo, raw: Any) -> list[type[ConfigModel]]:
    """The models that a field's value, or its members, may be checked against."""
    check = checked_of(field)
    if isinstance(check, ByType):
        model = check.model_for(raw)
        return [model] if model else []
    names = set(_references(check.schema)) if check is not None else set()
    by_name = all_models()
    found = [by_name[name] for name in names if name in by_name]
    return [*found, *_annotated_models(field.annotation)]


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"]
        for item in schema.values():
            yield from _references(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def _annotated_models(annotation: Any) -> Iterator[type[ConfigModel]]:
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        yield annotation
    elif get_origin(annotation) is not Literal:
        for arg in get_args(annotation):
            yield from _annotated_models(arg)
            if isinstance(arg, Checked):
                by_name = all_models()
                yield from (by_name[name] for name in _references(arg.schema) if name in by_name)


def all_models() -> dict[str, type[ConfigModel]]:
    """Every config model by its class name."""
    found: dict[str, type[ConfigModel]] = {}
    stack: list[type[ConfigModel]] = [ConfigModel]
    while stack:
        for model in stack.pop().__subclasses__():
            if model.__module__.startswith("dagster_rest.config."):
                found[model.__name__] = model
            stack.append(model)
    return found


def model_at(model: type[ConfigModel], data: Any, loc: tuple[Any, ...]) -> type[ConfigModel] | None:
    """The model that stands at ``loc`` below ``model``, as far as ``data`` tells."""
    here: type[ConfigModel] | None = model
    pending: list[type[ConfigModel]] = []
    for step in loc:
        data = value_at(data, step)
        if here is not None:
            field = _field(here, step)
            if field is None:
                return None
            pending, here = child_models(field, data), None
        if isinstance(data, dict):
            here = _by_param_type(pending, data)
    return here


def _by_param_type(candidates: list[type[ConfigModel]], data: dict[Any, Any]) -> type[ConfigModel] | None:
    kind = data.get("type")
    if isinstance(kind, str):
        for candidate in candidates:
            annotation = candidate.model_fields["type"].annotation if "type" in candidate.model_fields else None
            if kind in get_args(annotation):
                return candidate
    fitting = [candidate for candidate in candidates if set(field_keys(candidate)) & set(map(str, data))]
    return fitting[0] if fitting else None


def _field(model: type[ConfigModel], step: Any) -> FieldInfo | None:
    for name, field in model.model_fields.items():
        if step in (field.alias, name):
            return field
    return None
