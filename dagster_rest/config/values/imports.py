"""Import strings, ``package.module:function``: how YAML names a callable."""

from __future__ import annotations

import importlib
import re
from typing import Any

from dagster_rest.config.errors import did_you_mean
from dagster_rest.config.values.env import is_env
from dagster_rest.config.values.problems import problem
from dagster_rest.config.values.secrets import without_credentials

IMPORT_STRING = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")


def imported(value: Any) -> Any:
    """The object that an import string names, and any other value as it is; raises as ``import_object`` does."""
    named = isinstance(value, str) and not is_env(value) and IMPORT_STRING.match(value)
    return import_object(value) if named else value


def _reason(error: Exception) -> str:
    """What an exception says, in one line."""
    lines = str(error).strip().splitlines()
    text = without_credentials(lines[0][:200]) if lines else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


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
