"""Values that come from the environment: named in the config, looked up when a step runs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dagster_rest.config.errors import ConfigError, Problem, join_path, problem_error

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^${}]*))?\}|\$\{")
_NAMED = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^${}]*)?\}")


@dataclass(frozen=True)
class Variable:
    """An environment variable in a text.

    Attributes:
        name: Its name.
        default: The text instead of a variable that is not set or empty; None if it has to be there.
    """

    name: str
    default: str | None = None

    @property
    def reference(self) -> EnvRef:
        """The text that is this reference alone."""
        return EnvRef(f"${{{self.name}}}" if self.default is None else f"${{{self.name}:-{self.default}}}")

    def value(self) -> str:
        """Its value, or the default; KeyError with the name if there is neither."""
        found = os.environ.get(self.name) or self.default
        if found is None:
            raise KeyError(self.name)
        return found

    def problem(self, *, path: str) -> Problem | None:
        """What is wrong if it has no value, else None."""
        if os.environ.get(self.name) or self.default is not None:
            return None
        empty = self.name in os.environ
        hint = f"Set {self.name} in the environment of the process that runs this step."
        if empty:
            hint = f"Set a value, or write ${{{self.name}:-}} to allow an empty value."
        message = f"environment variable {self.name} is {'set and empty' if empty else 'not set'}"
        return Problem(path=path, code="config_missing_env", message=message, hint=hint)


class EnvRef(str):
    """Text from YAML that names environment variables, as ``${TOKEN}`` or ``Bearer ${TOKEN}``.

    The text itself holds only names, so it may be shown; the values appear when ``resolve_env`` is called.
    A variable that is not set or empty is an error, unless a default is given: ``${REGION:-eu}``, ``${SUFFIX:-}``.
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
    def pieces(self) -> tuple[str | Variable, ...]:
        """The texts and variables, in order."""
        return split_references(str.__str__(self))

    @property
    def env_var_names(self) -> tuple[str, ...]:
        """The variables, in order of appearance."""
        return tuple(piece.name for piece in self.pieces if isinstance(piece, Variable))

    @property
    def env_var_name(self) -> str:
        """The first variable."""
        return self.env_var_names[0]

    def get_value(self) -> str:
        """The text with the variables' values; KeyError names a missing one."""
        return "".join(piece if isinstance(piece, str) else piece.value() for piece in self.pieces)


@lru_cache(maxsize=4096)
def split_references(text: str) -> tuple[str | Variable, ...]:
    """Split ``text`` at its ``${NAME}`` references; ValueError if a ``${`` names nothing."""
    pieces: list[str | Variable] = []
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
            pieces.append("".join(literal))
            literal = []
            pieces.append(Variable(match.group(1), match.group(2)))
    literal.append(text[position:])
    pieces.append("".join(literal))
    return tuple(piece for piece in pieces if piece != "")


def interpolate(text: str) -> str:
    """Turn YAML text into an EnvRef if it names variables, else into the text with ``$${`` unescaped."""
    if "${" not in text:
        return text
    pieces = split_references(text)
    if any(isinstance(piece, Variable) for piece in pieces):
        return EnvRef(text)
    return "".join(piece for piece in pieces if isinstance(piece, str))


def names_variable(text: str) -> bool:
    """Whether a text holds a ``${NAME}``, which nothing reads outside of YAML."""
    return "${" in text and _NAMED.search(text) is not None


def is_env(value: object) -> bool:
    """Whether ``value`` is an EnvRef, Dagster's EnvVar or EnvVar.int: anything with ``env_var_name``."""
    return isinstance(value, (str, int)) and not isinstance(value, bool) and hasattr(value, "env_var_name")


def env_names(value: Any) -> tuple[str, ...]:
    """The variables that an environment value names."""
    return value.env_var_names if isinstance(value, EnvRef) else (str(value.env_var_name),)


def read_env(value: Any, *, path: str) -> str | int:
    """The value of an EnvRef or EnvVar, from the environment of this process.

    Raises:
        ConfigError: Variables are not set, or it is no whole number where that is wanted; at ``path``.
    """
    pieces = value.pieces if isinstance(value, EnvRef) else (Variable(str(value.env_var_name)),)
    found = [piece.problem(path=path) for piece in pieces if isinstance(piece, Variable)]
    missing = [problem for problem in found if problem is not None]
    if missing:
        raise ConfigError(missing)
    text = "".join(piece if isinstance(piece, str) else piece.value() for piece in pieces)
    try:
        return int(text) if isinstance(value, int) else text
    except ValueError:
        message = f"environment variable {value.env_var_name} is not a whole number"
        raise problem_error(message, code="config_bad_value", path=path) from None


def resolve_env(value: Any, *, where: str = "") -> Any:
    """Replace every EnvRef and ``dg.EnvVar`` in ``value`` by the environment's value.

    Args:
        value: A model, dict, list or text. It is not changed; a copy is returned if anything was replaced.
        where: The config path of ``value``, for the error.

    Raises:
        ConfigError: ``config_missing_env``, a problem for each value that names a missing variable.

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
        try:
            return read_env(value, path=where)
        except ConfigError as error:
            problems.extend(error.problems)
            return None
    if isinstance(value, dict):
        pairs = [
            (_resolve(key, where, problems), _resolve(item, join_path(where, key_text(key)), problems))
            for key, item in value.items()
        ]
        if len({key for key, _ in pairs}) < len(pairs) and not problems:
            problems.append(same_key_problem(where))
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
        path = join_path(where, field.alias or name)
        after = _resolve(before, path, problems)
        if isinstance(after, str) and not after.strip() and name in getattr(type(model), "filled_at_run", ()):
            problems.append(_empty_problem(path))
        if after is not before:
            changed[name] = after
    return model.model_copy(update=changed) if changed else model


def _empty_problem(where: str) -> Problem:
    return Problem(
        path=where,
        code="config_bad_value",
        message="the secret is empty",
        hint="A template such as {{ env.NAME }} is empty if the variable is not set; ${NAME} reports it.",
    )


def key_text(key: object) -> str:
    """A dict key as text; an environment reference shows its name."""
    return str.__str__(key) if isinstance(key, str) else repr(key)


def same_key_problem(where: str) -> Problem:
    """The problem of two keys of one mapping that are equal once the environment is read."""
    return Problem(
        path=where,
        code="config_duplicate_key",
        message="two keys are the same once environment variables are replaced",
        hint="One of them would be lost: keep one, or give the variables other values.",
    )
