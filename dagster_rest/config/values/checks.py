"""Checks of values: each gives back the value to keep, or raises a problem that says what was expected."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from dagster_rest.config.errors import ConfigError, did_you_mean
from dagster_rest.config.values import jsonpath
from dagster_rest.config.values.env import is_env, read_env
from dagster_rest.config.values.imports import imported
from dagster_rest.config.values.problems import at, problem, type_name, wrong_type
from dagster_rest.config.values.secrets import is_secret_name


def from_env(value: Any) -> Any:
    """The environment's value of ``value`` for a field that is not text, at load time."""
    try:
        return read_env(value, path="")
    except ConfigError as error:
        found = error.problems[0]
    if found.code == "config_missing_env":
        hint = f"This key is read when the config is loaded. {found.hint}"
        raise problem(found.code, found.message, hint=hint)
    raise problem(found.code, "the environment variable is not a whole number")


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
        "the text would be sent literally",
        expected=f'${{{shown}}} in YAML, dg.EnvVar("{shown}") in Python',
        hint="Put a secret that begins with $ or % into an environment variable.",
    )


def is_resolved(info: ValidationInfo) -> bool:
    """Whether the values come from the environment already, so that nothing in them is a reference."""
    return bool(info.context and info.context.get("resolved"))


def refuse_unread_members(values: dict[Any, Any], info: ValidationInfo, *, secret: bool = False) -> None:
    """Refuse the same in the members of a mapping with the name of a secret, or in all of a ``secret`` one."""
    if is_resolved(info):
        return
    for name, value in values.items():
        if isinstance(value, str) and isinstance(name, str) and (secret or is_secret_name(str.__str__(name))):
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
        raise problem("config_bad_value", "the environment variable is not true or false", expected="true or false")
    raise wrong_type(value, expected="true or false")


def _number_from_env(value: Any, kind: type[int | float], *, what: str, expected: str) -> Any:
    if not is_env(value):
        return value
    found = from_env(value)
    try:
        return kind(found)
    except ValueError:
        raise problem("config_bad_value", f"the environment variable is not a {what}", expected=expected) from None


def whole_number_check(minimum: int | None) -> Callable[[Any, ValidationInfo], int]:
    """The check for a whole number, of at least ``minimum``."""
    expected = "a whole number" if minimum is None else f"a whole number of at least {minimum}"

    def check(value: Any, info: ValidationInfo) -> int:
        value = _number_from_env(value, int, what="whole number", expected=expected)
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(value, expected=expected)
        if minimum is not None and value < minimum:
            raise problem("config_bad_value", "the number is too small", expected=expected)
        return value

    return check


def check_number(value: Any, info: ValidationInfo) -> float:
    """A finite number."""
    value = _number_from_env(value, float, what="number", expected="a number")
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
            "config_bad_value", "not a share", expected="a number from 0 to 1", hint="Write 5 percent as 0.05."
        )
    return number


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
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
            "config_bad_jsonpath", "not a JSONPath", expected="a JSONPath, such as data.items or ['@odata.nextLink']"
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
    return None if value == "" else check_jsonpath(value, info)


def check_callable(value: Any, info: ValidationInfo) -> Any:
    """A callable, or what an import string names."""
    value = imported(value)
    if not callable(value):
        raise wrong_type(value, expected="a callable, or an import string package.module:function")
    return value


def check_text_or_callable(value: Any, info: ValidationInfo) -> Any:
    """Text or a callable; import strings only in YAML, where nothing else can name a callable."""
    if isinstance(value, str):
        from_yaml = bool(info.context and info.context.get("yaml"))
        return imported(value) if from_yaml else value
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
            "config_wrong_type", "the list contains something other than text", expected="a name or a list of names"
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
    return value


def check_scalar_mapping(value: Any, info: ValidationInfo) -> Any:
    """A mapping of texts and numbers."""
    check_mapping(value, info)
    for key, item in value.items():
        if not (item is None or isinstance(item, (str, int, float))):
            raise problem(
                "config_wrong_type", f"the value of `{key}` is {type_name(item)}", expected="text or a number"
            )
    refuse_unread_members(value, info, secret=True)
    return value


def check_text_or_list(value: Any, info: ValidationInfo) -> Any:
    """A text, or a list of texts."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return list(value)
    raise wrong_type(value, expected="text or a list of texts")


def choice(value: Any, choices: tuple[str, ...]) -> str:
    """``value`` if it is one of ``choices``."""
    if not isinstance(value, str) or is_env(value) or value not in choices:
        raise not_a_choice(value, choices)
    return value


def not_a_choice(value: Any, choices: Sequence[str]) -> PydanticCustomError:
    """The problem of a value that is none of ``choices``."""
    expected = f"one of {', '.join(choices)}"
    if not isinstance(value, str) or is_env(value):
        return wrong_type(value, expected=expected)
    hint = did_you_mean(value, choices)
    return problem("config_bad_value", "not one of the choices", expected=expected, hint=hint)
