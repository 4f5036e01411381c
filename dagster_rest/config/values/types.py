"""The types of config values: each checks one value, says what it expected, and names what YAML may hold.

They exist beside pydantic's own types for three reasons: values from the environment (``EnvRef``, ``dg.EnvVar``) and
instances must be kept as they are, a union must answer with one sentence, and no message may show a value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationInfo
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypeAliasType

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

Check: TypeAlias = Callable[[Any, ValidationInfo], Any]
ReadAt: TypeAlias = Literal["load", "check", "parts", "run", "request"]
"""When a field's texts are read from the environment.

``load``: before the check, everything in the value. ``check``: by the check itself, for what is not text. ``parts``:
the value itself before the check, what is in it by the models there. ``run``: when a step runs. ``request``: when a
request is made, and ``{...}`` in it is a placeholder.
"""


@dataclass(eq=False)
class Checked:
    """Metadata for ``Annotated``: how a value is checked, and what YAML may hold.

    Args:
        check: Gives back the value to keep, or raises a problem.
        takes: The type of what YAML may hold, from which pydantic makes the JSON Schema.
        expected: The type in words, for the reference page.
        secret: Whether the value is never shown.
        read_at: When texts from the environment are read.
    """

    check: Check
    takes: Any = field(kw_only=True)
    expected: str = field(kw_only=True)
    secret: bool = field(default=False, kw_only=True)
    read_at: ReadAt = field(default="load", kw_only=True)

    def __call__(self, value: Any, info: ValidationInfo) -> Any:
        """The value to keep."""
        return self.check(value, info)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # A union leaves its members to pydantic, which makes references of those that have a name.
        return handler(core_schema.union_schema([TypeAdapter(self.takes).core_schema]))


def checked(*, takes: Any, expected: str, secret: bool = False, read_at: ReadAt = "load") -> Callable[[Check], Checked]:
    """Make a function the ``Checked`` of a type; the arguments are the same.

    Example:
        ```python
        from typing import Annotated

        from dagster_rest.config.values.types import checked


        @checked(takes=str, expected="text")
        def check_upper(value, info):
            return value.upper()


        Upper = Annotated[str, check_upper]
        ```
    """
    return lambda check: Checked(check, takes=takes, expected=expected, secret=secret, read_at=read_at)


Environment = TypeAliasType(
    "Environment",
    Annotated[
        str, Field(pattern=r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^${}]*)?\}", description="Read from the environment.")
    ],
)
ImportString = TypeAliasType(
    "ImportString",
    Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
            description="An import string, package.module:name.",
        ),
    ],
)
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]
DurationText: TypeAlias = Annotated[str, Field(pattern=r"^\s*\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*$")] | Environment


def _text(*, read_at: ReadAt, filled: bool = False, secret: bool = False) -> Checked:
    check = check_filled_text if filled else check_secret if secret else check_text
    takes: Any = Annotated[str, Field(min_length=1)] if filled else str
    return Checked(check, takes=takes, expected="text (secret)" if secret else "text", secret=secret, read_at=read_at)


def _whole_number(minimum: int | None) -> Checked:
    expected = "a whole number" if minimum is None else f"a whole number, {minimum} or more"
    takes: Any = Annotated[int, Field(ge=minimum)] | Environment
    return Checked(whole_number_check(minimum), takes=takes, expected=expected, read_at="check")


Text = Annotated[str, _text(read_at="load")]
FilledText = Annotated[str, _text(read_at="load", filled=True)]
LateText = Annotated[str, _text(read_at="run")]
LateFilledText = Annotated[str, _text(read_at="run", filled=True)]
RequestText = Annotated[str, _text(read_at="request")]
Secret = Annotated[str, _text(read_at="run", secret=True)]
Bool = Annotated[bool, Checked(check_bool, takes=bool | Environment, expected="true or false", read_at="check")]
Int = Annotated[int, _whole_number(None)]
Count = Annotated[int, _whole_number(0)]
Positive = Annotated[int, _whole_number(1)]
Number = Annotated[float, Checked(check_number, takes=float | Environment, expected="a number", read_at="check")]
Share = Annotated[
    float,
    Checked(
        check_share,
        takes=Annotated[float, Field(ge=0, le=1)] | Environment,
        expected="a number from 0 to 1",
        read_at="check",
    ),
]
Duration = Annotated[
    float, Checked(check_duration, takes=NotNegative | DurationText, expected=DURATION_TEXT, read_at="check")
]
JsonPath = Annotated[str, Checked(check_jsonpath, takes=str, expected="a JSONPath")]
Selector = Annotated[str | None, Checked(check_selector, takes=str, expected="a JSONPath")]
Callback = Annotated[
    Callable[..., Any],
    Checked(check_callable, takes=ImportString | Environment, expected="a callable or package.module:function"),
]
TextOrCallback = Annotated[
    str | Callable[..., Any], Checked(check_text_or_callable, takes=str, expected="text or a callable")
]
Names = Annotated[
    str | list[str] | Callable[..., Any],
    Checked(check_names, takes=str | list[str], expected="a name or a list of names"),
]
LateTextOrList = Annotated[
    str | list[str],
    Checked(check_text_or_list, takes=str | list[str], expected="text or a list of texts", read_at="run"),
]
Anything = Annotated[Any, Checked(check_anything, takes=Any, expected="anything")]
RequestValue = Annotated[Any, Checked(check_anything, takes=Any, expected="anything", read_at="request")]
AnyMapping = Annotated[dict[str, Any], Checked(check_mapping, takes=dict[str, Any], expected="a mapping")]
LateMapping = Annotated[
    dict[str, Any], Checked(check_mapping, takes=dict[str, Any], expected="a mapping", read_at="run")
]
SecretMapping = Annotated[
    dict[str, Any],
    Checked(check_scalar_mapping, takes=dict[str, Any], expected="a mapping of texts", secret=True, read_at="run"),
]
LateTextMapping = Annotated[
    dict[str, str], Checked(check_text_mapping, takes=dict[str, str], expected="a mapping of texts", read_at="run")
]
