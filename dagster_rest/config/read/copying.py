"""A copy of what a user has written: containers of its own, texts interpolated, of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dagster_rest.config.errors import PathPart, Problem, join_path
from dagster_rest.config.values.env import interpolate

MAX_DEPTH = 100
# A container that is used several times is copied each time; so many members may be copied again.
MAX_REPEATED = 200_000
# Longer numbers cannot be written as text in Python, and no API has one.
MAX_BITS = 4096


def copy_data(data: Any, *, interpolated: bool) -> tuple[Any, list[Problem]]:
    """A copy of dicts, lists and tuples, everything else by reference; and what is wrong with them.

    Args:
        data: What the user gave; it is not changed.
        interpolated: Whether ``${NAME}`` in texts names an environment variable.
    """
    copier = _Copier(interpolated=interpolated)
    copied = copier.copy(data, ())
    return copied, copier.problems


@dataclass
class _Copier:
    interpolated: bool
    problems: list[Problem] = field(default_factory=list)
    above: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    repeated: int = 0
    full: bool = False

    def copy(self, value: Any, path: tuple[PathPart, ...]) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value, path) if self.interpolated else value
        if kind is int and value.bit_length() > MAX_BITS:
            return self._refuse(path, "the number is too long", expected="write it in quotes")
        if not (isinstance(value, dict) or kind in (list, tuple)) or self.full:
            return value
        if not self._enter(value, path):
            return None
        copied = self._copy_container(value, path)
        self.above.discard(id(value))
        return copied

    def _enter(self, value: Any, path: tuple[PathPart, ...]) -> bool:
        if id(value) in self.above:
            self._refuse(path, "the value contains itself")
            return False
        if len(path) > MAX_DEPTH:
            self.full = True
            self._refuse(path[:3], f"nested deeper than {MAX_DEPTH} levels")
            return False
        if id(value) in self.seen:
            self.repeated += len(value) + 1
            if self.repeated > MAX_REPEATED:
                self.full = True
                self._refuse(path[:3], f"repeated values add up to more than {MAX_REPEATED}", hint=_REPEATED)
                return False
        self.seen.add(id(value))
        self.above.add(id(value))
        return True

    def _copy_container(self, value: Any, path: tuple[PathPart, ...]) -> Any:
        if isinstance(value, dict):
            return dict(self._pairs(value, path))
        return type(value)(self.copy(item, (*path, index)) for index, item in enumerate(value))

    def _pairs(self, value: dict[Any, Any], path: tuple[PathPart, ...]) -> Iterator[tuple[Any, Any]]:
        for key, item in value.items():
            name = self._text(key, path) if self.interpolated and type(key) is str else key
            yield name, self.copy(item, (*path, key if isinstance(key, str) else repr(key)[:60]))

    def _text(self, text: str, path: tuple[PathPart, ...]) -> str:
        try:
            return interpolate(text)
        except ValueError:
            self._refuse(
                path,
                "`${` does not name a variable",
                code="config_bad_env_reference",
                expected="${NAME}",
                hint="Write $${ for a literal ${.",
            )
            return text

    def _refuse(
        self,
        path: tuple[PathPart, ...],
        message: str,
        *,
        code: str = "config_bad_value",
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        where = join_path("", *path)
        self.problems.append(Problem(path=where, code=code, message=message, expected=expected, hint=hint))


_REPEATED = "Nested aliases multiply their values; write the values out where they are needed."
