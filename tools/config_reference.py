"""The reference page and the JSON Schema file, generated from the models.

``python -m tools.config_reference`` writes ``docs/config_reference.md`` and both copies of the schema.
"""

from __future__ import annotations

import itertools
import json
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from dagster_rest.config.model.base import ConfigModel
from dagster_rest.config.model.choice import ByType
from dagster_rest.config.model.config import RestApiConfig
from dagster_rest.config.model.export import is_extension
from dagster_rest.config.schema import schema_text
from dagster_rest.config.values.types import Checked

ROOT = Path(__file__).resolve().parent.parent
SCHEMA_FILE = ROOT / "dagster_rest" / "config" / "schema.json"
_HEAD = """# Config reference

Every key, generated from the models in `dagster_rest.config` by `python -m tools.config_reference`.
Keys marked **ext** are extensions: dlt does not have them, and `config.to_dlt()` removes and lists them.
A key without a default is required. For an introduction, see [config.md](config.md).
"""


def reference_page() -> str:
    """The Markdown page of all models."""
    return "\n".join([_HEAD, *(_section(model) for model in models())])


def models() -> list[type[ConfigModel]]:
    """The models that a config consists of, in order of appearance."""
    found: list[type[ConfigModel]] = [RestApiConfig]
    for model in found:
        # Until then, an annotation that names a later definition is a string.
        model.model_rebuild()
        for field in model.model_fields.values():
            found.extend(one for one in _models_in(_annotation(field)) if one not in found)
    return found


def _annotation(field: FieldInfo) -> Any:
    """The type of a field with its check, which pydantic keeps apart."""
    check = _check_in(field.metadata)
    return field.annotation if check is None else Annotated[Any, check]


def _check_in(metadata: Iterable[Any]) -> Checked | None:
    return next((item for item in metadata if isinstance(item, Checked)), None)


def _models_in(annotation: Any) -> list[type[ConfigModel]]:
    """The models that a type names: those that YAML may hold, where a check says what that is."""
    if isinstance(annotation, ByType):
        return list(annotation.models)
    if isinstance(annotation, Checked):
        return _models_in(annotation.takes)
    if _is_model(annotation):
        return [annotation]
    arguments = get_args(annotation)
    check = _check_in(arguments)
    below = [_models_in(one) for one in (arguments if check is None else [check])]
    return list(dict.fromkeys(itertools.chain.from_iterable(below)))


def _section(model: type[ConfigModel]) -> str:
    lines = [f"## {model.__name__}", "", _summary(model), ""]
    if model.type_names:
        names = ", ".join(f"`type: {name}`" for name in model.type_names)
        lines += [f"Chosen by {names}.", ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [
        _row(field.alias or name, field)
        for name, field in model.model_fields.items()
        if name != "type" or not model.type_names
    ]
    if model.model_config.get("extra") == "allow":
        lines.append("| `x-...` | anything |  | Kept unchanged; no effect here. |")
    return "\n".join([*lines, ""])


def _summary(model: type[ConfigModel]) -> str:
    return (model.__doc__ or "").split("\n\n")[0].strip().replace("\n", " ")


def _row(key: str, field: FieldInfo) -> str:
    meaning = field.description or ""
    if is_extension(field):
        meaning = f"**ext** {meaning}"
    cells = (f"`{key}`", value_text(field), _default(field), meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    default = field.default
    if default is None:
        return "-"
    if isinstance(default, ConfigModel):
        return "see below"
    return f"`{json.dumps(default)}`"


def value_text(field: FieldInfo) -> str:
    """What a key may hold, in words."""
    return _text(_annotation(field))


def _text(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        check = _check_in(arguments)
        return _text(arguments[0]) if check is None else _check_text(check)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_text(item) for item in arguments if item is not type(None)))
    if origin is Literal:
        return ", ".join(f"`{item}`" for item in arguments)
    if origin is list:
        return f"list of: {_text(arguments[0])}"
    if origin is dict:
        return f"mapping to: {_text(arguments[1])}"
    if _is_model(annotation):
        return _link(annotation)
    return "text" if annotation is str else "anything"


def _check_text(check: Checked) -> str:
    if isinstance(check, ByType):
        names = ", ".join(f"`{name}`" for name in check.by_name)
        return f"a type's name, a mapping with `type`, or an instance ({names})"
    links = ", ".join(_link(model) for model in _models_in(check))
    return f"{check.expected} ({links})" if links else check.expected


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, ConfigModel)


def _link(model: type[ConfigModel]) -> str:
    return f"[{model.__name__}](#{model.__name__.lower()})"


def write() -> None:
    """Write the page and both copies of the schema."""
    for file in (SCHEMA_FILE, ROOT / "docs" / "config.schema.json"):
        file.write_text(schema_text(), encoding="utf-8")
    (ROOT / "docs" / "config_reference.md").write_text(reference_page(), encoding="utf-8")


if __name__ == "__main__":
    write()
