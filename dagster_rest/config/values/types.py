"""The types of config values: each checks one value, says what it expected, and describes itself as JSON Schema.

They exist beside pydantic's own types for three reasons: values from the environment (``EnvRef``, ``dg.EnvVar``) and
instances must be kept as they are, a union must answer with one sentence, and no message may show a value.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import GetCoreSchemaHandler, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from dagster_rest.config.errors import did_you_mean
from dagster_rest.config.values import jsonpath
from dagster_rest.config.values.env import env_problems, is_env, lookup
from dagster_rest.config.values.secrets import is_secret_name, without_credentials

JsonSchema: TypeAlias = dict[str, Any]
ReadAt: TypeAlias = Literal["load", "check", "parts", "run", "request"]
"""When a field's texts are read from the environment.

``load``: before the check, everything in the value. ``check``: by the check itself, for what is not text. ``parts``:
the value itself before the check, what is in it by the models there. ``run``: when a step runs. ``request``: when a
request is made, and ``{...}`` in it is a placeholder.
"""
IMPORT_STRING = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")


def problem(code: str, message: str, *, expected: str | None = None, hint: str | None = None) -> PydanticCustomError:
    """An error for pydantic to collect; ``message`` may not contain a value."""
    context = {"expected": expected, "hint": hint}
    return PydanticCustomError(code, message, context)


def at(step: str | int, error: PydanticCustomError, *more: str | int) -> ValidationError:
    """The error placed below a key, to be raised from a check."""
    details = InitErrorDetails(type=error, loc=(step, *more), input=None)
    return ValidationError.from_exception_data("config", [details], hide_input=True)


def type_name(value: object) -> str:
    """What a YAML or Python author would call the type of ``value``."""
    names = {
        bool: "true/false",
        int: "a whole number",
        float: "a number",
        str: "text",
        dict: "a mapping",
        type(None): "null",
    }
    if isinstance(value, (list, tuple)):
        return "a list"
    return names.get(type(value)) or ("text" if isinstance(value, str) else f"a {type(value).__name__}")


def wrong_type(value: object, *, expected: str, hint: str | None = None) -> PydanticCustomError:
    """The problem of a value with another type than expected."""
    return problem("config_wrong_type", f"found {type_name(value)}", expected=expected, hint=hint)


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


def from_env(value: Any) -> Any:
    """The environment's value of ``value`` for a field that is not text, at load time."""
    missing = env_problems(value, path="", environ=os.environ)
    if missing:
        hint = f"This key is read when the config is loaded. {missing[0].hint}"
        raise problem("config_missing_env", missing[0].message, hint=hint)
    try:
        return lookup(value, environ=os.environ)
    except ValueError:
        raise problem("config_bad_value", "the environment variable does not hold a whole number") from None


def check_text(value: Any, info: ValidationInfo) -> Any:
    """Text, as it is."""
    if isinstance(value, str):
        return value
    raise wrong_type(value, expected="text")


def check_filled_text(value: Any, info: ValidationInfo) -> Any:
    """Text that is not empty."""
    check_text(value, info)
    if not is_env(value) and not value.strip():
        raise problem("config_bad_value", "the text is empty", expected="text")
    return value


# How other tools name a variable: $NAME, $(NAME), %NAME%, {{ env.NAME }}; behind "Bearer " too.
_UNREAD = re.compile(
    r"\s*(?:[A-Za-z]+\s+)?(?:\$(?P<shell>[A-Za-z_]\w*)|\$\((?P<make>[A-Za-z_]\w*)\)|%(?P<batch>[A-Za-z_]\w*)%"
    r"|\{\{\s*env\W+(?P<jinja>[A-Za-z_]\w*).*\}\})\s*\Z"
)
# A password may begin with $, so what is shown has to look like a variable and not like anything else.
_SHOWN_NAME = re.compile(r"[A-Z][A-Z_]{1,40}\Z")


def refuse_unread(value: str) -> None:
    """Refuse a secret that names an environment variable in a way that nothing reads; raises a problem."""
    match = _UNREAD.match(value)
    if match is None or is_env(value):
        return
    name = next(found for found in match.groups() if found is not None)
    shown = name if _SHOWN_NAME.match(name) else "NAME"
    raise problem(
        "config_bad_env_reference",
        "the text would be sent as it is",
        expected=f'${{{shown}}} in YAML, dg.EnvVar("{shown}") in Python',
        hint="A secret that begins with $ or % goes into an environment variable.",
    )


def is_resolved(info: ValidationInfo) -> bool:
    """Whether the values come from the environment already, so that nothing in them is a reference."""
    return bool(info.context and info.context.get("resolved"))


def refuse_unread_members(values: dict[Any, Any], info: ValidationInfo) -> None:
    """Refuse the same in the members of a mapping that have the name of a secret."""
    if is_resolved(info):
        return
    for name, value in values.items():
        if isinstance(value, str) and isinstance(name, str) and is_secret_name(str.__str__(name)):
            try:
                refuse_unread(value)
            except PydanticCustomError as error:
                raise at(str.__str__(name), error) from None


def check_secret(value: Any, info: ValidationInfo) -> Any:
    """Text that is sent and never shown."""
    check_text(value, info)
    if not is_resolved(info):
        refuse_unread(value)
    return value


def check_bool(value: Any, info: ValidationInfo) -> bool:
    """True or false; from the environment also as text."""
    if isinstance(value, bool):
        return value
    if is_env(value):
        text = str(from_env(value)).strip().lower()
        if text in ("true", "false", "1", "0", "yes", "no"):
            return text in ("true", "1", "yes")
        raise problem("config_bad_value", "the environment variable holds no true or false", expected="true or false")
    raise wrong_type(value, expected="true or false")


def _whole(minimum: int | None) -> Callable[[Any, ValidationInfo], int]:
    expected = "a whole number" if minimum is None else f"a whole number of at least {minimum}"

    def check(value: Any, info: ValidationInfo) -> int:
        if is_env(value):
            text = from_env(value)
            try:
                value = int(text)
            except ValueError:
                raise problem(
                    "config_bad_value", "the environment variable holds no whole number", expected=expected
                ) from None
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(value, expected=expected)
        if minimum is not None and value < minimum:
            raise problem("config_bad_value", "the number is too small", expected=expected)
        return value

    return check


def check_number(value: Any, info: ValidationInfo) -> float:
    """A finite number."""
    if is_env(value):
        text = from_env(value)
        try:
            value = float(text)
        except ValueError:
            raise problem("config_bad_value", "the environment variable holds no number", expected="a number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong_type(value, expected="a number")
    if value != value or abs(value) > sys.float_info.max:
        raise problem("config_bad_value", "the number is not finite", expected="a number")
    return value


def check_share(value: Any, info: ValidationInfo) -> float:
    """A share of a whole, between 0 and 1."""
    number = check_number(value, info)
    if not 0 <= number <= 1:
        raise problem(
            "config_bad_value", "not a share", expected="a number from 0 to 1", hint="5 percent is written as 0.05."
        )
    return number


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
DURATION_SCHEMA: JsonSchema = {
    "anyOf": [
        {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*$"},
        {"$ref": "Environment"},
    ]
}
DURATION_TEXT = "seconds, or text such as 500ms, 30s, 1m, 24h, 7d, 2w"


def check_duration(value: Any, info: ValidationInfo) -> float:
    """Seconds, of a number or of text such as `24h`."""
    if is_env(value):
        value = from_env(value)
        if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
            value = float(value)
    if isinstance(value, str):
        match = _DURATION.match(value.strip())
        if match is None:
            raise problem("config_bad_value", "not a duration", expected=DURATION_TEXT)
        return float(match.group(1)) * _SECONDS[match.group(2)]
    number = check_number(value, info)
    if number < 0:
        raise problem("config_bad_value", "the duration is negative", expected=DURATION_TEXT)
    return float(number)


def check_jsonpath(value: Any, info: ValidationInfo) -> Any:
    """A JSONPath, as text or compiled."""
    if not isinstance(value, str):
        if hasattr(value, "find") and hasattr(value, "update"):
            return _text_of_compiled(value)
        raise wrong_type(value, expected="a JSONPath")
    if is_env(value):
        return value
    try:
        jsonpath.check(value)
    except ValueError:
        raise problem(
            "config_bad_jsonpath",
            "not a JSONPath",
            expected="a JSONPath, such as data.items or ['@odata.nextLink']",
        ) from None
    return value


def _text_of_compiled(expression: Any) -> Any:
    """The text of an expression that jsonpath-ng has compiled, or the expression if its text means something else."""
    text = str(expression)
    try:
        return text if jsonpath.parse(text) == expression else expression
    except ValueError:
        return expression


def check_selector(value: Any, info: ValidationInfo) -> Any:
    """A JSONPath; the empty text means detection, as in dlt."""
    if isinstance(value, str) and value == "":
        return None  # as in dlt: an empty selector means detection
    return check_jsonpath(value, info)


def _reason(error: Exception) -> str:
    """What an exception says, in one line."""
    lines = str(error).strip().splitlines()
    said = without_credentials(lines[0][:200]) if lines else ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def import_object(text: str) -> Any:
    """The object behind ``package.module:function``; raises a problem if it cannot be imported."""
    module_name, _, attribute = text.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # noqa: BLE001 - importing a user's module runs any code
        raise problem(
            "config_bad_import",
            f"module `{module_name}` cannot be imported: {_reason(error)}",
            expected="package.module:function",
        ) from None
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise problem(
                "config_bad_import",
                f"module `{module_name}` has no `{attribute}`",
                expected="package.module:function",
                hint=did_you_mean(name, dir(found)),
            )
        found = getattr(found, name)
    return found


def check_callable(value: Any, info: ValidationInfo) -> Any:
    """A callable, or what an import string names."""
    if isinstance(value, str) and not is_env(value):
        if not IMPORT_STRING.match(value):
            raise problem(
                "config_wrong_type",
                "found text",
                expected="a callable, or an import string package.module:function",
            )
        value = import_object(value)
    if not callable(value):
        raise wrong_type(value, expected="a callable, or an import string package.module:function")
    return value


def check_text_or_callable(value: Any, info: ValidationInfo) -> Any:
    """Text or a callable; import strings only in YAML, where nothing else can name a callable."""
    if isinstance(value, str):
        from_yaml = bool(info.context and info.context.get("yaml"))
        return import_object(value) if from_yaml and not is_env(value) and IMPORT_STRING.match(value) else value
    if callable(value):
        return value
    raise wrong_type(value, expected="text or a callable")


def check_names(value: Any, info: ValidationInfo) -> Any:
    """A name, a list of names, or a callable of the row."""
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return list(value)
        raise problem(
            "config_wrong_type",
            "the list holds something else than text",
            expected="a name or a list of names",
        )
    if isinstance(value, str):
        return check_text_or_callable(value, info)
    if callable(value):
        return value
    raise wrong_type(value, expected="a name, a list of names, or a callable")


def check_anything(value: Any, info: ValidationInfo) -> Any:
    """Any value, by reference."""
    return value


def check_mapping(value: Any, info: ValidationInfo) -> Any:
    """A mapping with text keys."""
    if not isinstance(value, dict):
        raise wrong_type(value, expected="a mapping")
    for key in value:
        if not isinstance(key, str):
            raise problem("config_wrong_type", "a key is not text", expected="a mapping with text keys")
    refuse_unread_members(value, info)
    return value


def check_text_mapping(value: Any, info: ValidationInfo) -> Any:
    """A mapping of texts."""
    check_mapping(value, info)
    for key, item in value.items():
        if not isinstance(item, str):
            shown = key if len(key) <= 60 else "..."
            raise problem(
                "config_wrong_type",
                f"the value of `{shown}` is {type_name(item)}",
                expected="text; write numbers in quotes",
            )
    refuse_unread_members(value, info)
    return value


def check_scalar_mapping(value: Any, info: ValidationInfo) -> Any:
    """A mapping of texts and numbers."""
    check_mapping(value, info)
    for key, item in value.items():
        if not (item is None or isinstance(item, (str, int, float))):
            raise problem(
                "config_wrong_type", f"the value of `{key}` is {type_name(item)}", expected="text or a number"
            )
    if not is_resolved(info):
        for key, item in value.items():
            if isinstance(item, str):
                try:
                    refuse_unread(item)
                except PydanticCustomError as error:
                    raise at(str.__str__(key), error) from None
    return value


def check_text_or_list(value: Any, info: ValidationInfo) -> Any:
    """A text, or a list of texts."""
    if isinstance(value, str) or (isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)):
        return value if isinstance(value, str) else list(value)
    raise wrong_type(value, expected="text or a list of texts")


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
    return Checked(_whole(minimum), schema={"anyOf": [number, ENV_TEXT]}, expected=expected, read_at="check")


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
    float,
    Checked(check_number, schema={"anyOf": [{"type": "number"}, ENV_TEXT]}, expected="a number", read_at="check"),
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
    str | list[str] | Callable[..., Any],
    Checked(check_names, schema=NAMES, expected="a name or a list of names"),
]
LateTextOrList = Annotated[
    str | list[str],
    Checked(check_text_or_list, schema=NAMES, expected="text or a list of texts", read_at="run"),
]
Anything = Annotated[Any, Checked(check_anything, schema={}, expected="anything")]
RequestValue = Annotated[Any, Checked(check_anything, schema={}, expected="anything", read_at="request")]
Mapping_ = Annotated[dict[str, Any], Checked(check_mapping, schema={"type": "object"}, expected="a mapping")]
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
