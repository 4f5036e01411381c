"""JSONPath for responses: all matches, and whether there can be more than one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dagster_rest.config.values.jsonpath import MISSING, parse, plain_names
from dagster_rest.http.errors import SelectorError


@dataclass(frozen=True)
class JsonPath:
    """A compiled JSONPath.

    Attributes:
        text: As written.
        definite: At most one match is possible (no wildcard, filter, slice or descent).
        keys: The plain keys, if it is nothing more than keys; else None.
        expression: jsonpath-ng's expression, if it is more than keys.
        container: The definite path before the first wildcard or filter, for an indefinite path.
    """

    text: str
    definite: bool
    keys: tuple[str, ...] | None
    expression: Any = None
    container: JsonPath | None = None

    def find(self, body: Any) -> list[Any]:
        """All matches, in document order."""
        if self.keys is None:
            return [match.value for match in self.expression.find(body)]
        value = _walk(body, self.keys)
        return [] if value is MISSING else [value]

    def first(self, body: Any, default: Any = None) -> Any:
        """The first match, or `default`."""
        if self.keys is not None:
            value = _walk(body, self.keys)
            return default if value is MISSING else value
        return next(iter(self.find(body)), default)


def _walk(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value


@lru_cache(maxsize=1024)
def compile_path(text: str) -> JsonPath:
    """Compile a JSONPath.

    Args:
        text: For example `data`, `$`, `result.items[*]`, `data[?(@.a > 1)]`, `'@odata.nextLink'`.

    Raises:
        SelectorError: It cannot be parsed.
    """
    keys = plain_names(text)
    if keys is not None:
        return JsonPath(text, definite=True, keys=keys)
    try:
        expression = parse(text)
    except ValueError as error:
        raise SelectorError(
            f"{text!r} is not a JSONPath", code="http_selector_invalid", hint="See docs/pagination.md."
        ) from error
    keys = _keys_of(expression)
    if keys is not None:
        return JsonPath(text, definite=True, keys=keys)
    definite = _is_definite(expression)
    container = None if definite else JsonPath(text, True, None, _definite_prefix(expression))
    return JsonPath(text, definite, None, expression, container)


def from_keys(keys: tuple[str, ...]) -> JsonPath:
    """The path to nested keys, whatever characters they hold."""
    return JsonPath(".".join(map(_quoted, keys)) or "$", definite=True, keys=keys)


def _quoted(key: str) -> str:
    if plain_names(key) == (key,):
        return key
    escaped = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _keys_of(node: Any) -> tuple[str, ...] | None:
    """The keys of an expression that only goes down objects; None for any other."""
    from jsonpath_ng.jsonpath import Child, Fields, Root

    if isinstance(node, Root):
        return ()
    if isinstance(node, Fields):
        return tuple(node.fields) if len(node.fields) == 1 and node.fields[0] != "*" else None
    left, right = (_keys_of(node.left), _keys_of(node.right)) if isinstance(node, Child) else (None, None)
    return None if left is None or right is None else left + right


def _is_definite(node: Any) -> bool:
    from jsonpath_ng.jsonpath import Child, Fields, Index, Root, This

    if isinstance(node, Child):
        return _is_definite(node.left) and _is_definite(node.right)
    if isinstance(node, Fields):
        return len(node.fields) == 1 and node.fields[0] != "*"
    if isinstance(node, Index):
        return len(node.indices) == 1 if hasattr(node, "indices") else True
    return isinstance(node, (Root, This))


def _definite_prefix(node: Any) -> Any:
    from jsonpath_ng.jsonpath import Child, Descendants, Root

    if isinstance(node, (Child, Descendants)):
        if _is_definite(node.left):
            if isinstance(node, Child) and isinstance(node.right, Child):
                return Child(node.left, _definite_prefix(node.right))
            return node.left
        return _definite_prefix(node.left)
    return Root()
