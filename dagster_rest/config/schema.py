"""The config as JSON Schema.

``python -m dagster_rest.config.schema [module ...] > dagster_rest.schema.json`` writes it for an editor; the modules
are imported first, so that the paginators and auths that they register are known.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from dagster_rest.config.model.auth import AUTH_CHOICE
from dagster_rest.config.model.config import RestApiConfig
from dagster_rest.config.model.paginators import PAGINATOR_CHOICE
from dagster_rest.config.values.types import Environment

_DEPRECATED = {**PAGINATOR_CHOICE.deprecated, **AUTH_CHOICE.deprecated}


class ConfigJsonSchema(GenerateJsonSchema):
    """pydantic's JSON Schema of the models, as an editor of YAML needs it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._begun: set[str] = set()

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """A type that is met again, within itself too, is a reference."""
        ref = schema.get("ref")
        if ref in self._begun:
            return self.get_cache_defs_ref_schema(ref)[1]
        if ref is not None:
            self._begun.add(ref)
        return super().generate_inner(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        """A key's name says as much as a title would."""
        return False

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        """A word may come from the environment."""
        environment = self.generate_inner(TypeAdapter(Environment).core_schema)
        return {"anyOf": [{"enum": list(schema["expected"])}, environment]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Only plain defaults are shown: null, empty and nested ones say nothing."""
        if isinstance(schema.get("default"), (str, bool, int, float)):
            return super().default_schema(schema)
        return self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A model is described by the first paragraph of its docstring; its ``type`` is the discriminator."""
        model: Any = schema["cls"]
        shown = super().model_schema(schema)
        del shown["title"]
        if "description" in shown:
            shown["description"] = shown["description"].split("\n\n")[0]
        names = [*model.type_names, *(alias for alias, name in _DEPRECATED.items() if name in model.type_names)]
        if names:
            shown["properties"]["type"] = {"enum": names} if len(names) > 1 else {"const": names[0]}
            # Without `type`, an auth is a bearer token.
            if AUTH_CHOICE.default not in names:
                shown["required"] = [*shown.get("required", ()), "type"]
        return shown


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config file in dlt's form.

    Example:
        ```python
        from dagster_rest.config.schema import json_schema

        assert json_schema()["$defs"]["ClientConfig"]["required"] == ["base_url"]
        ```
    """
    schema = RestApiConfig.model_json_schema(schema_generator=ConfigJsonSchema)
    return {"$schema": ConfigJsonSchema.schema_dialect, "title": "dagster_rest config", **schema}


def schema_text() -> str:
    """The JSON Schema as a file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for module in sys.argv[1:]:
        importlib.import_module(module)
    sys.stdout.write(schema_text())
