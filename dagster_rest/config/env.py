"""Values that come from the environment: named in the config, looked up when a step runs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from dagster_rest.config.errors import ConfigError, Problem, join_path

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")


class EnvRef(str):
    """Text from YAML that names environment variables, as ``${TOKEN}`` or ``Bearer ${TOKEN}``.

    The text itself holds only names, so it may be shown; the values appear when ``resolve_env`` is called.
    ``$${`` stands for the characters ``${``. It offers ``env_var_name`` as Dagster's ``EnvVar`` does.

    Args:
        template: The text as written in YAML.

    Example:
        ```python
        from dagster_rest.config import EnvRef

        reference = EnvRef("Bearer ${TOKEN}")
        assert reference.env_var_names == ("TOKEN",)
        ```
    """

    __slots__ = ()

    @property
    def parts(self) -> tuple[tuple[bool, str], ...]:
        """(is a variable, text or name), in order."""
        return tuple(split_references(str.__str__(self)))

    @property
    def env_var_names(self) -> tuple[str, ...]:
        """The variables, in order of appearance."""
        return tuple(text for is_variable, text in self.parts if is_variable)

    @property
    def env_var_name(self) -> str:
        """The first variable."""
        return self.env_var_names[0]

    def get_value(self) -> str:
        """The text with the variables' values; KeyError names a missing one."""
        return str(lookup(self, environ=os.environ))


def split_references(text: str) -> list[tuple[bool, str]]:
    """Split ``text`` at its ``${NAME}`` references; ValueError if a ``${`` names nothing."""
    parts: list[tuple[bool, str]] = []
    literal: list[str] = []
    position = 0
    for match in _REFERENCE.finditer(text):
        literal.append(text[position : match.start()])
        position = match.end()
        if match.group() == "$${":
            literal.append("${")
        elif match.group(1) is None:
            raise ValueError("`${` without a variable's name")
        else:
            if "".join(literal):
                parts.append((False, "".join(literal)))
            literal = []
            parts.append((True, match.group(1)))
    literal.append(text[position:])
    if "".join(literal):
        parts.append((False, "".join(literal)))
    return parts


def interpolate(text: str) -> str:
    """Turn YAML text into an EnvRef if it names variables, else into the text with ``$${`` unescaped."""
    if "${" not in text:
        return text
    parts = split_references(text)
    if any(is_variable for is_variable, _ in parts):
        return EnvRef(text)
    return "".join(part for _, part in parts)


def is_env(value: object) -> bool:
    """Whether ``value`` is an EnvRef, Dagster's EnvVar or EnvVar.int: anything with ``env_var_name``."""
    return isinstance(value, (str, int)) and not isinstance(value, bool) and hasattr(value, "env_var_name")


def env_names(value: Any) -> tuple[str, ...]:
    """The variables that an environment value names."""
    return value.env_var_names if isinstance(value, EnvRef) else (str(value.env_var_name),)


def lookup(value: Any, *, environ: Mapping[str, str]) -> str | int:
    """The value of an EnvRef or EnvVar; KeyError with the name of a missing variable."""
    if isinstance(value, EnvRef):
        return "".join(environ[text] if is_variable else text for is_variable, text in value.parts)
    text = environ[value.env_var_name]
    return int(text) if isinstance(value, int) else text


def missing_variables(value: Any, *, environ: Mapping[str, str]) -> list[str]:
    """The names of the variables of ``value`` that are not set."""
    return [name for name in env_names(value) if name not in environ]


def resolve_env(value: Any, *, where: str = "") -> Any:
    """Replace every EnvRef and ``dg.EnvVar`` in ``value`` by the environment's value.

    Args:
        value: A model, dict, list or text. It is not changed; a copy is returned if anything was replaced.
        where: The config path of ``value``, for the error.

    Raises:
        ConfigError: ``config_missing_env``, a problem for each place that names a missing variable.

    Example:
        ```python
        import os

        from dagster_rest.config import EnvRef, resolve_env

        os.environ["SHOP_TOKEN"] = "s3cret"
        assert resolve_env({"auth": EnvRef("Bearer ${SHOP_TOKEN}")}, where="client") == {"auth": "Bearer s3cret"}
        ```
    """
    problems: list[Problem] = []
    resolved = _resolve(value, where, problems)
    if problems:
        raise ConfigError(problems)
    return resolved


def _resolve(value: Any, where: str, problems: list[Problem]) -> Any:
    if is_env(value):
        return _resolve_one(value, where, problems)
    if isinstance(value, dict):
        pairs = [
            (_resolve(key, where, problems), _resolve(item, join_path(where, key_text(key)), problems))
            for key, item in value.items()
        ]
        same = all(new[0] is old[0] and new[1] is old[1] for new, old in zip(pairs, value.items(), strict=True))
        return value if same else dict(pairs)
    if type(value) in (list, tuple):
        items = [_resolve(item, join_path(where, index), problems) for index, item in enumerate(value)]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    if hasattr(type(value), "model_fields") and not isinstance(value, type):
        return _resolve_model(value, where, problems)
    return value


def _resolve_model(model: Any, where: str, problems: list[Problem]) -> Any:
    changed: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        before = getattr(model, name)
        if before is None or isinstance(before, (bool, float)):
            continue
        after = _resolve(before, join_path(where, field.alias or name), problems)
        if after is not before:
            changed[name] = after
    return model.model_copy(update=changed) if changed else model


def key_text(key: object) -> str:
    """A dict key as text; an environment reference shows its name."""
    return str.__str__(key) if isinstance(key, str) else repr(key)


def _resolve_one(value: Any, where: str, problems: list[Problem]) -> Any:
    missing = missing_variables(value, environ=os.environ)
    if not missing:
        try:
            return lookup(value, environ=os.environ)
        except ValueError:
            problems.append(
                Problem(
                    path=where,
                    code="config_bad_value",
                    message=f"environment variable {value.env_var_name} does not hold a whole number",
                )
            )
            return None
    problems.extend(missing_problem(name, path=where) for name in missing)
    return None


def missing_problem(name: str, *, path: str) -> Problem:
    """The problem of a variable that is not set."""
    return Problem(
        path=path,
        code="config_missing_env",
        message=f"environment variable {name} is not set",
        hint=f"Set {name} in the environment of the process that runs this step.",
    )
