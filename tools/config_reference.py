"""The reference page and the JSON Schema file, generated from the models.

``python -m tools.config_reference`` writes ``docs/config_reference.md`` and both copies of the schema.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from dagster_rest.config.model.base import ConfigModel
from dagster_rest.config.model.choice import ByType
from dagster_rest.config.model.config import RestApiConfig
from dagster_rest.config.model.export import is_extension
from dagster_rest.config.schema import alternatives, check_in, reachable, references, schema_text
from dagster_rest.config.values.types import Checked

ROOT = Path(__file__).resolve().parent.parent
SCHEMA_FILE = ROOT / "dagster_rest" / "config" / "schema.json"
_HEAD = """# Config reference

Every key, generated from the models in `dagster_rest.config` by `python -m tools.config_reference`.
Keys marked **ext** are extensions: dlt does not have them, and `config.to_dlt()` takes them out and says so.
A key without a default is required. How the parts fit together: [config.md](config.md).
"""


def reference_page() -> str:
    """The Markdown page of all models."""
    return "\n".join([_HEAD, *(_section(model) for model in reachable(RestApiConfig))])


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
    check = check_in(field.metadata)
    return _check_text(check) if check is not None else _annotation_text(field.annotation)


def _annotation_text(annotation: Any) -> str:
    texts = [_member_text(item) for item in alternatives(annotation) if item is not type(None)]
    return " or ".join(dict.fromkeys(texts))


def _member_text(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        check = check_in(arguments[1:])
        return _check_text(check) if check is not None else _annotation_text(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{item}`" for item in arguments)
    if origin is list:
        return f"list of: {_annotation_text(arguments[0])}"
    if origin is dict:
        return f"mapping to: {_annotation_text(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return "text" if annotation is str else "anything"


def _check_text(check: Checked) -> str:
    if isinstance(check, ByType):
        return (
            f"a type's name, a mapping with `type`, or an instance ({', '.join(f'`{name}`' for name in check.by_name)})"
        )
    names = dict.fromkeys(references(check.schema))
    links = [f"[{name}](#{name.lower()})" for name in names if name not in ("Status", "Environment", "ImportString")]
    return f"{check.expected} ({', '.join(links)})" if links else check.expected


def write() -> None:
    """Write the page and both copies of the schema."""
    for file in (SCHEMA_FILE, ROOT / "docs" / "config.schema.json"):
        file.write_text(schema_text(), encoding="utf-8")
    (ROOT / "docs" / "config_reference.md").write_text(reference_page(), encoding="utf-8")


if __name__ == "__main__":
    write()
