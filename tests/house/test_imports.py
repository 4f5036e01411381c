"""Imports go one way: between rooms, between sub-rooms, and nowhere in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import dagster_rest

PACKAGE = Path(dagster_rest.__file__).parent
MOST_FILES, MOST_LINES = 12, 350
ROOMS: Mapping[str, set[str]] = {
    "config": set(),
    "http": {"config"},
    "warehouse": {"config"},
    "resources": {"config", "http", "warehouse"},
    "assets": {"config", "http", "warehouse", "resources"},
}
"""Each room with those it may import."""

Graph = Mapping[str, set[str]]


def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules of the package that a file imports, wherever in it, for typing only as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                yield from (
                    one for one in (whole, node.module) if one in known and (whole not in known or one == whole)
                )
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)


def graph() -> Graph:
    """Module -> the modules that it imports."""
    known = modules()
    return {name: {one for one in imports(path, known) if one != name} for name, path in known.items()}


def sub_room(module: str) -> str:
    """``dagster_rest.http.send`` of ``dagster_rest.http.send.retry``; a file right in a room stands for itself."""
    return ".".join(module.split(".")[:3])


def folded(found: Graph) -> Graph:
    """The imports between sub-rooms."""
    rooms: dict[str, set[str]] = {}
    for name, others in found.items():
        rooms.setdefault(sub_room(name), set()).update(
            sub_room(one) for one in others if sub_room(one) != sub_room(name)
        )
    return rooms


def circles(found: Graph) -> list[list[str]]:
    """Every set of nodes that can be reached from one another."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        stack = [start]
        while stack:
            new = found.get(stack.pop(), set()) - seen
            seen |= new
            stack += new
        return seen

    far = {name: reached(name) for name in found}
    groups = {tuple(sorted(other for other in far[name] if name in far[other])) for name in found if name in far[name]}
    return [list(group) for group in sorted(groups)]


def test_no_modules_import_each_other() -> None:
    assert [] == circles(graph())


def test_no_sub_rooms_import_each_other() -> None:
    assert [] == circles(folded(graph()))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_those_below_it(room: str) -> None:
    found = graph()
    mine = [name for name in found if name.split(".")[1:2] == [room]]
    others = {one.split(".")[1] for name in mine for one in found[name] if "." in one}

    assert set() == (others & set(ROOMS)) - ROOMS[room] - {room}


def test_no_folder_has_more_files_than_one_can_see() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    many = {str(one.relative_to(PACKAGE)): len(list(one.glob("*.py"))) for one in folders}

    assert {} == {name: count for name, count in many.items() if count > MOST_FILES}


def test_no_file_is_longer_than_one_can_read() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()}

    assert {} == {name: length for name, length in lengths.items() if length > MOST_LINES}


def test_a_circle_would_be_found() -> None:
    assert [["a", "b", "c"]] == circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
