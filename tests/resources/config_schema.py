"""The config schema that Dagster shows of `RestApiResource`, flat: each field with its type and default.

`python -m tests.resources.config_schema` records it anew: only when a change of it is wanted, and in the changelog.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster_rest import RestApiResource

RECORD = Path(__file__).with_name("config_schema.json")


def config_schema() -> dict[str, str]:
    """Path -> type, and default or `required`."""
    return dict(_fields(RestApiResource.to_config_schema().as_field().config_type, ""))


def _fields(kind: Any, path: str) -> Iterator[tuple[str, str]]:
    for name, field in sorted(getattr(kind, "fields", {}).items()):
        end = "required" if field.is_required else f"default {json.dumps(field.default_value, sort_keys=True)}"
        yield f"{path}{name}", f"{_type(field.config_type)}, {end}"
        yield from _fields(getattr(field.config_type, "inner_type", field.config_type), f"{path}{name}.")


def _type(kind: Any) -> str:
    if hasattr(kind, "key_type"):
        return f"Map[{_type(kind.key_type)}, {_type(kind.inner_type)}]"
    if hasattr(kind, "inner_type"):
        return f"{type(kind).__name__}[{_type(kind.inner_type)}]"
    if hasattr(kind, "enum_values"):
        return f"Enum[{', '.join(str(value.config_value) for value in kind.enum_values)}]"
    return _type(kind.scalar_type) + "Source" if hasattr(kind, "scalar_type") else kind.given_name or kind.kind.value


if __name__ == "__main__":
    RECORD.write_text(json.dumps(config_schema(), indent=1) + "\n", encoding="utf-8")
