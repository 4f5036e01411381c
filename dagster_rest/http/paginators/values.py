"""Flags and counts as APIs write them."""

from __future__ import annotations

import math
import re
from typing import Any

from dagster_rest.config.values.jsonpath import MISSING
from dagster_rest.http.errors import PaginationError
from dagster_rest.http.parse.json import key_tree
from dagster_rest.http.parse.jsonpath import compile_path

_WHOLE = re.compile(r"(-?[0-9]+)(?:\.0{1,2})?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[,.'\s\u2019][0-9]{3})+(?:[.,][0-9]{1,2})?")
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
    """A count that is a number or the text of a whole one; None if it is none.

    A fraction is rounded up: of 2.5 pages there are three. A text such as `1,234` or `1.234` is no number, because it
    means different ones in different places.
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        if isinstance(value, str):
            whole = _WHOLE.fullmatch(value.strip())
            return int(whole[1]) if whole else None
        rounded: int = math.ceil(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return rounded


def seems_int(text: str) -> int | None:
    """The whole number that a text with marks between its thousands probably means: `1,234`, `1.234`, `1 234`."""
    return int(re.sub("[^0-9]", "", text)) if _GROUPED.fullmatch(text.strip()) else None
