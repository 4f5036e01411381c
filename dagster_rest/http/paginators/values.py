"""Flags and counts as APIs write them."""

from __future__ import annotations

from typing import Any

from dagster_rest.config.jsonpath import MISSING
from dagster_rest.http.decoding import key_tree
from dagster_rest.http.errors import PaginationError
from dagster_rest.http.jsonpath import compile_path

_TRUE = frozenset({"true", "yes", "y", "t", "1", "on"})
_FALSE = frozenset({"false", "no", "n", "f", "0", "off"})


def read_flag(body: Any, path: str) -> bool:
    """A `has_more` flag: a bool or a text such as `"true"` or `"no"`.

    Raises:
        PaginationError: It is missing or something else.
    """
    found = compile_path(path).first(body, MISSING)
    if isinstance(found, bool):
        return found
    text = found.strip().lower() if isinstance(found, str) else ""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    what = "is missing" if found is MISSING else f"is {type(found).__name__}, not true or false"
    raise PaginationError(
        f"`has_more_path` {path!r} {what}; the body holds {key_tree(body)}",
        code="http_pagination",
        hint="Correct `has_more_path`.",
    )


def as_int(value: Any) -> int | None:
    """A count that may be a number, a text or a fraction (then rounded down); None if it is none of them."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return int(value) if isinstance(value, int) else int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
