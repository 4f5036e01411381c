"""The types of config values: each checks one value, says what it expected, and describes itself as JSON Schema.

They exist beside pydantic's own types for three reasons: values from the environment (``EnvRef``, ``dg.EnvVar``) and
instances must be kept as they are, a union must answer with one sentence, and no message may show a value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import core_schema

from dagster_rest.config.values.checks import (
    DURATION_TEXT,
    check_anything,
    check_bool,
    check_callable,
    check_duration,
    check_filled_text,
    check_jsonpath,
    check_mapping,
    check_names,
    check_number,
    check_scalar_mapping,
    check_secret,
    check_selector,
    check_share,
    check_text,
    check_text_mapping,
    check_text_or_callable,
    check_text_or_list,
    whole_number_check,
)

JsonSchema: TypeAlias = dict[str, Any]
ReadAt: TypeAlias = Literal["load", "check", "parts", "run", "request"]
"""When a field's texts are read from the environment.

``load``: before the check, everything in the value. ``check``: by the check itself, for what is not text. ``parts``:
the value itself before the check, what is in it by the models there. ``run``: when a step runs. ``request``: when a
request is made, and ``{...}`` in it is a placeholder.
"""


class Checked:
    """Metadata for ``Annotated``: how a value is checked, and its JSON Schema.

    Args:
        check: Gives back the value to keep, or raises a problem.
        schema: The JSON Schema of what YAML may hold.
        expected: The type in words, for the reference page.
        secret: Whether the value is never shown.
        read_at: When texts from the environment are read.
    """

    def __init__(
        self,
        check: Callable[[Any, ValidationInfo], Any],
        *,
        schema: JsonSchema,
        expected: str,
        secret: bool = False,
        read_at: ReadAt = "load",
    ) -> None:
        self.check = check
        self.schema = schema
        self.expected = expected
        self.secret = secret
        self.read_at = read_at

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(self.check)


ANY_TEXT: JsonSchema = {"type": "string"}
ENVIRONMENT_SCHEMA: JsonSchema = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^${}]*)?\}",
    "description": "Read from the environment.",
}
ENV_TEXT: JsonSchema = {"$ref": "Environment"}
IMPORT_SCHEMA: JsonSchema = {
    "type": "string",
    "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
    "description": "An import string, package.module:name.",
}
IMPORT_TEXT: JsonSchema = {"$ref": "ImportString"}
DURATION_SCHEMA: JsonSchema = {
    "anyOf": [{"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*$"}, {"$ref": "Environment"}]
}


def words(*names: str, imported: bool = False) -> list[JsonSchema]:
    """The schemas of a text that is one of ``names``, or comes from the environment, or ``imported``."""
    return [{"enum": list(names)}, *([IMPORT_TEXT] if imported else []), ENV_TEXT]


WHOLE: JsonSchema = {"anyOf": [{"type": "integer"}, ENV_TEXT]}
NAMES: JsonSchema = {"anyOf": [ANY_TEXT, {"type": "array", "items": ANY_TEXT}]}


def _text(*, read_at: ReadAt, filled: bool = False, secret: bool = False) -> Checked:
    schema = {"type": "string", "minLength": 1} if filled else ANY_TEXT
    check = check_filled_text if filled else check_secret if secret else check_text
    return Checked(check, schema=schema, expected="text (secret)" if secret else "text", secret=secret, read_at=read_at)


def _whole_number(minimum: int | None) -> Checked:
    number: JsonSchema = {"type": "integer"} if minimum is None else {"type": "integer", "minimum": minimum}
    expected = "a whole number" if minimum is None else f"a whole number, {minimum} or more"
    return Checked(
        whole_number_check(minimum), schema={"anyOf": [number, ENV_TEXT]}, expected=expected, read_at="check"
    )


Text = Annotated[str, _text(read_at="load")]
FilledText = Annotated[str, _text(read_at="load", filled=True)]
LateText = Annotated[str, _text(read_at="run")]
LateFilledText = Annotated[str, _text(read_at="run", filled=True)]
RequestText = Annotated[str, _text(read_at="request")]
Secret = Annotated[str, _text(read_at="run", secret=True)]
Bool = Annotated[
    bool,
    Checked(check_bool, schema={"anyOf": [{"type": "boolean"}, ENV_TEXT]}, expected="true or false", read_at="check"),
]
Int = Annotated[int, _whole_number(None)]
Count = Annotated[int, _whole_number(0)]
Positive = Annotated[int, _whole_number(1)]
Number = Annotated[
    float, Checked(check_number, schema={"anyOf": [{"type": "number"}, ENV_TEXT]}, expected="a number", read_at="check")
]
Share = Annotated[
    float,
    Checked(
        check_share,
        schema={"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, ENV_TEXT]},
        expected="a number from 0 to 1",
        read_at="check",
    ),
]
Duration = Annotated[
    float,
    Checked(
        check_duration,
        schema={"anyOf": [{"type": "number", "minimum": 0}, DURATION_SCHEMA]},
        expected=DURATION_TEXT,
        read_at="check",
    ),
]
JsonPath = Annotated[str, Checked(check_jsonpath, schema=ANY_TEXT, expected="a JSONPath")]
Selector = Annotated[str | None, Checked(check_selector, schema=ANY_TEXT, expected="a JSONPath")]
Callback = Annotated[
    Callable[..., Any],
    Checked(
        check_callable, schema={"anyOf": [IMPORT_TEXT, ENV_TEXT]}, expected="a callable or package.module:function"
    ),
]
TextOrCallback = Annotated[
    str | Callable[..., Any], Checked(check_text_or_callable, schema=ANY_TEXT, expected="text or a callable")
]
Names = Annotated[
    str | list[str] | Callable[..., Any], Checked(check_names, schema=NAMES, expected="a name or a list of names")
]
LateTextOrList = Annotated[
    str | list[str], Checked(check_text_or_list, schema=NAMES, expected="text or a list of texts", read_at="run")
]
Anything = Annotated[Any, Checked(check_anything, schema={}, expected="anything")]
RequestValue = Annotated[Any, Checked(check_anything, schema={}, expected="anything", read_at="request")]
AnyMapping = Annotated[dict[str, Any], Checked(check_mapping, schema={"type": "object"}, expected="a mapping")]
LateMapping = Annotated[
    dict[str, Any], Checked(check_mapping, schema={"type": "object"}, expected="a mapping", read_at="run")
]
SecretMapping = Annotated[
    dict[str, Any],
    Checked(check_scalar_mapping, schema={"type": "object"}, expected="a mapping of texts", secret=True, read_at="run"),
]
LateTextMapping = Annotated[
    dict[str, str],
    Checked(
        check_text_mapping,
        schema={"type": "object", "additionalProperties": ANY_TEXT},
        expected="a mapping of texts",
        read_at="run",
    ),
]
