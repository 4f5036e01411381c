"""YAML that keeps what was written: YAML 1.2 scalars, no duplicate keys, and the line of every key.

PyYAML follows YAML 1.1, where ``NO`` is false, ``2024-01-01`` a date and ``0123`` octal. A config's texts go to an API
as they are, so here only ``true`` and ``false`` are booleans, dates stay text, and so do numbers with a leading zero.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from dagster_rest.config.errors import ConfigError, PathPart, Problem, join_path

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 100
MAX_MERGED = 10_000


class ConfigLoader(_Base):  # type: ignore[misc]
    """PyYAML's safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute


ConfigLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
ConfigLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789")
)
ConfigLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][-+]?[0-9]+)?"
        r"|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
        r"|(?:0|[1-9][0-9]*)[eE][-+]?[0-9]+)\Z"
    ),
    list("-+0123456789."),
)
ConfigLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]
)
ConfigLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"(?:<<)\Z"), ["<"])


def _construct_float(loader: Any, node: Any) -> Any:
    number = float(node.value)
    return number if math.isfinite(number) else node.value


def _construct_int(loader: Any, node: Any) -> Any:
    # int() refuses thousands of digits; such a "number" is text.
    return int(node.value) if len(node.value) < 1000 else node.value


ConfigLoader.add_constructor("tag:yaml.org,2002:float", _construct_float)
ConfigLoader.add_constructor("tag:yaml.org,2002:int", _construct_int)


def read_yaml(text: str, *, source: str | None) -> Any:
    """The data of a YAML text.

    Raises:
        ConfigError: ``config_yaml`` or ``config_duplicate_key``.
    """
    loader = None
    try:
        _check_nesting(text, source=source)
        loader = ConfigLoader(text)
        node = loader.get_single_node()
        problems = key_problems(node)
        data = None if problems or node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigError([_yaml_problem(error)], source=source) from None
    except (RecursionError, ValueError, TypeError) as error:
        problem = Problem(path="", code="config_yaml", message=f"not valid YAML ({type(error).__name__})")
        raise ConfigError([problem], source=source) from None
    finally:
        if loader is not None:
            loader.dispose()
    if problems:
        raise ConfigError(problems, source=source)
    return data


def _check_nesting(text: str, *, source: str | None) -> None:
    """Refuse deep nesting before nodes are built: the parser would recurse into it, outside of Python's guard."""
    loader = ConfigLoader(text)
    depth = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                problem = _problem_at(event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
                raise ConfigError([problem], source=source)
    finally:
        loader.dispose()


def _merged_keys(node: Any, sizes: dict[int, int]) -> int:
    """The keys of a mapping once its `<<` are merged; a mapping merged into itself has no end."""
    if id(node) not in sizes:
        sizes[id(node)] = MAX_MERGED + 1  # as long as it is being counted: met again, it contains itself
        total = 0
        for key_node, item in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.value == "<<":
                merged = item.value if isinstance(item, yaml.SequenceNode) else [item]
                total += sum(_merged_keys(one, sizes) for one in merged if isinstance(one, yaml.MappingNode))
            else:
                total += 1
        sizes[id(node)] = total
    return sizes[id(node)]


def root_node(text: str) -> Any:
    """The root node of a YAML text that has been read before: every node in it knows its line."""
    loader = ConfigLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _yaml_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "the text ends too early or contains a character that YAML does not allow"
    # PyYAML's message names characters and tags, never a whole value.
    message = f"not valid YAML: {str(what)[:120]}"
    if mark is None:
        return Problem(path="", code="config_yaml", message=message)
    return _problem_at(mark, f"{message} (column {mark.column + 1})")


def _problem_at(mark: Any, message: str, *, path: str = "", code: str = "config_yaml") -> Problem:
    return Problem(path=path, code=code, message=message, line=mark.line + 1)


def key_problems(root: Any) -> list[Problem]:
    """A problem for every duplicate key, and for nesting or `<<` beyond what anybody writes."""
    problems: list[Problem] = []
    sizes: dict[int, int] = {}
    seen: set[int] = set()
    stack: list[tuple[Any, str, int]] = [(root, "", 0)] if root is not None else []
    while stack:
        node, path, depth = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if depth > MAX_DEPTH:
            problems.append(_problem_at(node.start_mark, f"nested deeper than {MAX_DEPTH} levels"))
            break
        if isinstance(node, yaml.MappingNode):
            if _merged_keys(node, sizes) > MAX_MERGED:
                problems.append(_problem_at(node.start_mark, f"`<<` adds up to more than {MAX_MERGED} keys"))
                break
            names: set[str] = set()
            for key_node, item in node.value:
                name = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
                below = join_path(path, name)
                if isinstance(key_node, yaml.ScalarNode) and name in names and name != "<<":
                    mark = key_node.start_mark
                    problems.append(_problem_at(mark, "duplicate key", path=below, code="config_duplicate_key"))
                names.add(name)
                stack.append((item, below, depth + 1))
        elif isinstance(node, yaml.SequenceNode):
            stack.extend((item, join_path(path, index), depth + 1) for index, item in enumerate(node.value))
    return problems


def child_node(node: Any, step: PathPart) -> tuple[Any, Any] | None:
    """(node that marks the position, node of the value) of one step down, or None."""
    if isinstance(node, yaml.MappingNode):
        for key_node, item in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.value == str(step):
                return key_node, item
        return _merged_child(node, step)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _merged_child(node: Any, step: PathPart) -> tuple[Any, Any] | None:
    for key_node, item in reversed(node.value):
        if isinstance(key_node, yaml.ScalarNode) and key_node.value == "<<":
            for one in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                found = child_node(one, step) if isinstance(one, yaml.MappingNode) else None
                if found is not None:
                    return found
    return None


def line_of(root: Any, path: tuple[PathPart, ...]) -> int | None:
    """The line, from 1, of the nearest part of ``path`` that is in the file."""
    if root is None:
        return None
    line, node = root.start_mark.line + 1, root
    for step in path:
        child = child_node(node, step)
        if child is None:
            return int(line)
        mark, node = child
        line = mark.start_mark.line + 1
    return int(line)
