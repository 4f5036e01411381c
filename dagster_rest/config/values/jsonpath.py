"""JSONPath: checked when a config is loaded, compiled once, and fast for plain names."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any, Final

# Plain dotted names need no parser; jsonpath-ng takes some 0.3 ms per expression.
_PLAIN = re.compile(r"(?:\$\.)?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
# Words that are operators for jsonpath-ng and not names.
_RESERVED = frozenset({"parent", "where", "wherenot"})


class Missing(Enum):
    """The type of ``MISSING``: a path that matches nothing, which is not the same as a null."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing.MISSING


def plain_names(path: str) -> tuple[str, ...] | None:
    """The names of a path that only goes down objects, or None if it needs a JSONPath parser."""
    if path == "$":
        return ()
    if not _PLAIN.match(path):
        return None
    names = tuple(path.removeprefix("$.").split("."))
    return None if _RESERVED.intersection(names) else names


@lru_cache(maxsize=4096)
def parse(path: str) -> Any:
    """The jsonpath-ng expression of ``path``, cached.

    Raises:
        ValueError: ``path`` is not a JSONPath.
    """
    from jsonpath_ng.exceptions import JSONPathError
    from jsonpath_ng.ext.parser import parse as parse_extended

    try:
        return parse_extended(path)
    except (JSONPathError, AttributeError, TypeError, IndexError, RecursionError) as error:
        raise ValueError("not a JSONPath") from error


def check(path: str) -> None:
    """Raise ValueError unless ``path`` is a JSONPath."""
    if plain_names(path) is None:
        parse(path)


@lru_cache(maxsize=4096)
def first_match(path: str) -> Callable[[Any], Any]:
    """A function that gives the first match of ``path`` in a record, or ``MISSING``.

    Example:
        ```python
        from dagster_rest.config.values.jsonpath import MISSING, first_match

        assert first_match("owner.id")({"owner": {"id": 7}}) == 7
        assert first_match("items[0].id")({"items": []}) is MISSING
        ```
    """
    names = plain_names(path)
    if names is None:
        expression = parse(path)

        def search(record: Any) -> Any:
            matches = expression.find(record)
            return matches[0].value if matches else MISSING

        return search

    def descend(record: Any) -> Any:
        for name in names:
            if not isinstance(record, dict) or name not in record:
                return MISSING
            record = record[name]
        return record

    return descend
