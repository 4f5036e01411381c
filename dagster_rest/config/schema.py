"""The config as JSON Schema, and the models that it consists of.

``python -m dagster_rest.config.schema [module ...] > dagster_rest.schema.json`` writes it for an editor; the modules
are imported first, so that the paginators and auths that they register are known.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from dagster_rest.config.model.auth import AUTH_CHOICE
from dagster_rest.config.model.base import ConfigModel
from dagster_rest.config.model.choice import ByType
from dagster_rest.config.model.client import STATUS_SCHEMA
from dagster_rest.config.model.config import RestApiConfig
from dagster_rest.config.model.paginators import PAGINATOR_CHOICE
from dagster_rest.config.values.types import ENVIRONMENT_SCHEMA, IMPORT_SCHEMA, IMPORT_TEXT, Checked, JsonSchema, words

# What a mapping without ``type`` is taken for.
DEFAULT_TYPES = frozenset({AUTH_CHOICE.default})
OLDER = {**PAGINATOR_CHOICE.older, **AUTH_CHOICE.older}
SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def all_models() -> dict[str, type[ConfigModel]]:
    """Every config model by its class name."""
    found: dict[str, type[ConfigModel]] = {}
    stack: list[type[ConfigModel]] = [ConfigModel]
    while stack:
        for model in stack.pop().__subclasses__():
            if model.__module__.startswith("dagster_rest.config."):
                model.model_rebuild()
                found[model.__name__] = model
            stack.append(model)
    return found


def alternatives(annotation: Any) -> Iterator[Any]:
    """The members of a union, or the annotation itself."""
    if get_origin(annotation) in (Union, types.UnionType):
        for argument in get_args(annotation):
            yield from alternatives(argument)
    else:
        yield annotation


def check_in(metadata: Any) -> Checked | None:
    """The check among an annotation's metadata."""
    return next((item for item in metadata if isinstance(item, Checked)), None)


def checked_of(field: FieldInfo) -> Checked | None:
    """The check of a field, if it has one of ours."""
    found = check_in(field.metadata)
    if found is not None:
        return found
    for annotation in alternatives(field.annotation):
        if get_origin(annotation) is Annotated:
            found = check_in(get_args(annotation)[1:])
            if found is not None:
                return found
    return None


def json_schema() -> JsonSchema:
    """The JSON Schema of a config file in dlt's form.

    Example:
        ```python
        from dagster_rest.config.schema import json_schema

        assert json_schema()["$defs"]["ClientConfig"]["required"] == ["base_url"]
        ```
    """
    models = all_models()
    wanted = reachable(RestApiConfig)
    definitions = {model.__name__: _model_schema(model) for model in wanted if model is not RestApiConfig}
    definitions["Status"] = STATUS_SCHEMA
    definitions["Environment"] = ENVIRONMENT_SCHEMA
    definitions["ImportString"] = IMPORT_SCHEMA
    for check in (PAGINATOR_CHOICE, AUTH_CHOICE):
        definitions[_choice_name(check)] = _choice_schema(check)
    root = _model_schema(RestApiConfig)
    schema = {"$schema": SCHEMA_ID, "title": "dagster_rest config", **root, "$defs": dict(sorted(definitions.items()))}
    pointed: JsonSchema = _with_pointers(schema, {*models, *definitions})
    return pointed


def _with_pointers(value: Any, names: set[str]) -> Any:
    """Model names in ``$ref`` become pointers into ``$defs``."""
    if isinstance(value, dict):
        return {
            key: f"#/$defs/{item}"
            if key == "$ref" and isinstance(item, str) and item in names
            else _with_pointers(item, names)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_pointers(item, names) for item in value]
    return value


def reachable(root: type[ConfigModel]) -> list[type[ConfigModel]]:
    """The models that ``root`` consists of, itself first, in order of appearance."""
    order: dict[type[ConfigModel], None] = {}
    stack = [root]
    while stack:
        model = stack.pop(0)
        if model in order:
            continue
        order[model] = None
        # Until then, an annotation that names a later definition is a string.
        model.model_rebuild()
        for field in model.model_fields.values():
            stack.extend(_models_of(field))
    return list(order)


def _models_of(field: FieldInfo) -> list[type[ConfigModel]]:
    check = checked_of(field)
    found = _models_of_check(check) if check is not None else list(_annotated_models(field.annotation))
    return list(dict.fromkeys(found))


def _models_of_check(check: Checked) -> list[type[ConfigModel]]:
    if isinstance(check, ByType):
        return list(check.models)
    names = all_models()
    return [names[name] for name in references(check.schema) if name in names]


def _model_schema(model: type[ConfigModel]) -> JsonSchema:
    properties: JsonSchema = {}
    required: list[str] = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        properties[key] = _type_schema(model) if key == "type" and model.type_names else _field_schema(field)
        if field.is_required() or (key == "type" and DEFAULT_TYPES.isdisjoint(model.type_names)):
            required.append(key)
    schema: JsonSchema = {"type": "object", "properties": properties, "additionalProperties": False}
    if model.model_config.get("extra") == "allow":
        schema["additionalProperties"] = False
        schema["patternProperties"] = {"^x-": {}}
    schema.update(model.schema_rules)
    if model is RestApiConfig:
        schema["patternProperties"] = {"^x-": {"description": "Ignored: a place for YAML anchors."}}
    if required:
        schema["required"] = required
    if model.__doc__:
        schema["description"] = model.__doc__.split("\n\n")[0].strip()
    return schema


def _type_schema(model: type[ConfigModel]) -> JsonSchema:
    """The ``type`` of a model that is chosen by it, so that an editor knows which one is meant."""
    names = [*model.type_names, *(older for older, name in OLDER.items() if name in model.type_names)]
    return {"const": names[0]} if len(names) == 1 else {"enum": names}


def _field_schema(field: FieldInfo) -> JsonSchema:
    schema = dict(_annotation_schema(field.annotation, check_in(field.metadata)))
    if field.description:
        schema["description"] = field.description
    default = field.default
    if not field.is_required() and isinstance(default, (str, bool, int, float)):
        schema["default"] = default
    if isinstance(field.json_schema_extra, dict):
        schema.update(field.json_schema_extra)
    return schema


def _annotation_schema(annotation: Any, check: Checked | None = None) -> JsonSchema:
    members = [item for item in alternatives(annotation) if item is not type(None)]
    nullable = any(item is type(None) for item in alternatives(annotation))
    schemas = [_check_schema(check)] if check is not None else [_member_schema(item) for item in members]
    if nullable:
        schemas.append({"type": "null"})
    if any(not schema for schema in schemas):
        return {}
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _member_schema(annotation: Any) -> JsonSchema:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        check = check_in(arguments[1:])
        return _check_schema(check) if check is not None else _annotation_schema(arguments[0])
    if origin is Literal:
        return {"anyOf": words(*arguments)}
    if origin is list:
        return {"type": "array", "items": _annotation_schema(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _annotation_schema(arguments[1])}
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        return {"$ref": annotation.__name__}
    if annotation is str:
        return {"type": "string"}
    return {}


def _check_schema(check: Checked) -> JsonSchema:
    return {"$ref": _choice_name(check)} if isinstance(check, ByType) else check.schema


def _choice_name(check: ByType) -> str:
    return f"Any{check.noun.title()}"


def _choice_schema(check: ByType) -> JsonSchema:
    """Told apart by ``type``: a text alone only where nothing else is required."""
    alone = [name for name, model in check.by_name.items() if not _required(model)]
    registered = check.registered_names()
    choices: list[JsonSchema] = [{"enum": [*alone, *registered]}] if alone or registered else []
    if check.older:
        choices.append({"enum": list(check.older), "deprecated": True})
    choices.append(IMPORT_TEXT)
    if check.secret_key is None:
        choices.append({"$ref": "Environment"})
    choices.extend({"$ref": model.__name__} for model in check.models)
    if registered:
        choices.append({"type": "object", "properties": {"type": {"enum": registered}}, "required": ["type"]})
    return {"anyOf": choices}


def _required(model: type[ConfigModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def references(schema: Any) -> Iterator[str]:
    """The models that a fragment names."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for item in schema.values():
            yield from references(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from references(item)


def _annotated_models(annotation: Any) -> Iterator[type[ConfigModel]]:
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        yield annotation
        return
    if get_origin(annotation) is Literal:
        return
    check = check_in(get_args(annotation)[1:]) if get_origin(annotation) is Annotated else None
    if check is not None:
        yield from _models_of_check(check)
        return
    for argument in get_args(annotation):
        yield from _annotated_models(argument)


def schema_text() -> str:
    """The JSON Schema as a file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for module in sys.argv[1:]:
        importlib.import_module(module)
    sys.stdout.write(schema_text())
