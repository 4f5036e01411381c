"""Dagster config classes from the models of the config: the same keys, defaults and descriptions."""

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import dagster as dg
from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from dagster_rest.config.model.base import ConfigModel


def config_class(model: type[ConfigModel], *, module: str, choices: bool = True) -> type[dg.Config]:
    """The Dagster config class of a model: `BearerAuth` of `BearerAuthConfig`.

    Args:
        model: The model; the first of its `type_names` is the class's `type`.
        module: The module that the class belongs to.
        choices: Whether a choice of texts is an enum; else it is a text, which may be a `dg.EnvVar`.
    """
    fields: dict[str, Any] = {
        name: (_type(field.annotation, _is_secret(field), choices=choices), _field(field))
        for name, field in model.model_fields.items()
        # A session is an object, which Dagster's config cannot carry.
        if name not in ("type", "session")
    }
    kind: Any = model.type_names[0]
    fields["type"] = (Literal[kind], kind)
    return create_model(
        model.__name__.removesuffix("Config"),
        __base__=dg.Config,
        __module__=module,
        __doc__=(model.__doc__ or "").removesuffix(" An extension."),
        **fields,
    )


def _field(field: FieldInfo) -> Any:
    return Field(... if field.is_required() else field.default, description=field.description)


def _is_secret(field: FieldInfo) -> bool:
    return any(getattr(checked, "secret", False) for checked in field.metadata)


def _type(annotation: Any, secret: bool, *, choices: bool) -> Any:
    """What Dagster can show of a field's type: a text where the config takes anything, a list where it takes both."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(parts[0], secret, choices=choices)
    if origin in (Union, types.UnionType):
        inner = [_type(part, secret, choices=choices) for part in parts if part is not type(None)]
        only = next((part for part in inner if get_origin(part) is list), inner[0])
        return only | None if type(None) in parts else only
    if annotation is Any or (origin is Literal and not choices):
        return str
    return dict[str, str] if origin is dict and secret else annotation
