"""Where a config was read from, so that an error can name the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dagster_rest.config.errors import Problem

Step = str | int


@dataclass(frozen=True)
class Origin:
    """The YAML text a config was read from, or nothing for a config written in Python.

    Attributes:
        file: Path of the file, if it was one.
        text: The YAML text.
        resource_lines: Line of each member of ``resources``, from 1.
        root: Keys that lead to the config inside the file, for Dango's form.
        renamed: Where a config path stands in the file, for configs that were translated from another form.
    """

    file: str | None = None
    text: str | None = None
    resource_lines: tuple[int, ...] = ()
    renamed: Mapping[tuple[Step, ...], tuple[Step, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Origin(file={self.file!r})"

    def resource_line(self, index: int) -> int | None:
        """Line of ``resources[index]``."""
        return self.resource_lines[index] if index < len(self.resource_lines) else None

    def lines(self, paths: Sequence[tuple[Step, ...]]) -> list[int | None]:
        """The line of each path, or of the nearest part of it that is in the file."""
        if self.text is None:
            return [None] * len(paths)
        from dagster_rest.config.yaml_source import line_of, root_node

        node = root_node(self.text)
        return [line_of(node, self._in_file(path)) for path in paths]

    def _in_file(self, path: tuple[Step, ...]) -> tuple[Step, ...]:
        for length in range(len(path), -1, -1):
            if path[:length] in self.renamed:
                return (*self.renamed[path[:length]], *path[length:])
        return path

    def locate(self, problems: Sequence[Problem]) -> list[Problem]:
        """The problems with their lines."""
        if self.text is None:
            return list(problems)
        lines = self.lines([parse_path(problem.path) for problem in problems])
        return [replace(problem, line=problem.line or line) for problem, line in zip(problems, lines, strict=True)]


def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of a path such as ``resources[2].endpoint``."""
    steps: list[Step] = []
    for part in path.split("."):
        name, *indices = part.split("[")
        if name:
            steps.append(name)
        steps.extend(int(index[:-1]) if index[:-1].isdigit() else index for index in indices)
    return tuple(steps)


def value_at(data: Any, step: Step) -> Any:
    """The member ``step`` of a raw mapping or list, or None."""
    if isinstance(data, dict):
        return data.get(step)
    if isinstance(data, (list, tuple)) and isinstance(step, int) and step < len(data):
        return data[step]
    return None
