"""Where a config was read from, so that an error can name the line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dagster_rest.config.errors import PathPart, Problem, join_path

_INDEX = re.compile(r"[0-9]{1,9}\]\Z")


@dataclass(frozen=True)
class Origin:
    """The YAML text a config was read from, or nothing for a config written in Python.

    Attributes:
        file: Path of the file, if it was one.
        text: The YAML text.
        renamed: The path in the file of a config path, for configs that were translated from another form.
        data: What was read, in the order it was written.
    """

    # Two configs that say the same are equal, wherever they were read from.
    file: str | None = field(default=None, compare=False)
    text: str | None = field(default=None, compare=False)
    renamed: Mapping[tuple[PathPart, ...], tuple[PathPart, ...]] = field(default_factory=dict, compare=False)
    data: Any = field(default=None, compare=False, repr=False)

    def __repr__(self) -> str:
        return f"Origin(file={self.file!r})"

    def lines(self, paths: Sequence[tuple[PathPart, ...]]) -> list[int | None]:
        """The line, from 1, of each path, or of the nearest part of it that is in the file."""
        if self.text is None:
            return [None] * len(paths)
        from dagster_rest.config.read.yaml import line_of, root_node

        node = root_node(self.text)
        return [line_of(node, self._in_file(path)) for path in paths]

    def _in_file(self, path: tuple[PathPart, ...]) -> tuple[PathPart, ...]:
        for length in range(len(path), -1, -1):
            if path[:length] in self.renamed:
                return (*self.renamed[path[:length]], *path[length:])
        return path

    def locate(self, problems: Sequence[Problem]) -> list[Problem]:
        """The problems with their lines, in the order of the file."""
        paths = [path_parts(problem.path, self.data) for problem in problems]
        lines = self.lines(paths)
        located = [
            replace(problem, path=self._path_text(problem.path, path), line=problem.line or line)
            for problem, path, line in zip(problems, paths, lines, strict=True)
        ]
        order = [(problem.line or 0, _position(path, self.data)) for problem, path in zip(located, paths, strict=True)]
        return [located[index] for index in sorted(range(len(located)), key=order.__getitem__)]

    def _path_text(self, text: str, path: tuple[PathPart, ...]) -> str:
        """A path as the author of the file would write it."""
        in_file = self._in_file(path)
        return text if in_file == path else join_path("", *in_file)


def path_parts(path: str, data: Any) -> tuple[PathPart, ...]:
    """The steps of a path in ``data``; a key may hold dots and brackets."""
    steps: list[PathPart] = []
    rest = path
    while rest and isinstance(data, (dict, list, tuple)):
        step = _next_step(rest, data)
        if step is None:
            break
        steps.append(step)
        rest = rest.removeprefix(f"[{step}]" if isinstance(step, int) else step).removeprefix(".")
        data = value_at(data, step)
    return (*steps, *parse_path(rest))


def _next_step(rest: str, data: Any) -> PathPart | None:
    if isinstance(data, dict):
        fitting = (key for key in data if isinstance(key, str) and rest.startswith(key))
        whole = (key for key in fitting if key and rest[len(key) : len(key) + 1] in ("", ".", "["))
        return max(whole, key=len, default=None)
    match = re.match(r"\[([0-9]{1,9})\]", rest)
    return int(match[1]) if match else None


def _position(path: tuple[PathPart, ...], data: Any) -> tuple[int, ...]:
    """The position of a path in ``data``; a missing member comes first in its container."""
    position: list[int] = []
    for step in path:
        if isinstance(data, dict):
            keys = [str(key) for key in data]
            position.append(keys.index(str(step)) if str(step) in keys else -1)
        elif isinstance(data, (list, tuple)) and isinstance(step, int):
            position.append(step)
        else:
            break
        data = value_at(data, step)
    return tuple(position)


def parse_path(path: str) -> tuple[PathPart, ...]:
    """The steps of a path such as ``resources[2].endpoint``."""
    steps: list[PathPart] = []
    for part in path.split("."):
        name, *indices = part.split("[")
        if name:
            steps.append(name)
        steps.extend(int(index[:-1]) if _INDEX.match(index) else index for index in indices)
    return tuple(steps)


def value_at(data: Any, step: PathPart) -> Any:
    """The member ``step`` of a raw mapping or list, or None."""
    if isinstance(data, dict):
        return data.get(step)
    if isinstance(data, (list, tuple)) and isinstance(step, int) and step < len(data):
        return data[step]
    return None
