"""A page's cursor values as keys that compare with each other; where text order will do, without parsing them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from dagster_rest.assets.cursor.values import comparable, compare_keys
from dagster_rest.assets.errors import CursorError

_TIME_FROM = len("2026-01-02T")
"""From here on, what is neither a digit nor between digits is the offset; without hyphens, the time began before."""
_ANY_DIGIT = str.maketrans("123456789", "0" * 9)


def bulk_keys(values: Sequence[Any], against: Any, *, where: str | None = None) -> tuple[Sequence[Any], Any]:
    """A page's cursor values and a pivot as keys that compare with each other.

    Numbers and date-time texts of one shape compare as they are, without parsing each of them.

    Args:
        values: Cursor values.
        against: The value they are compared with.
        where: The config path, for errors.

    Raises:
        CursorError: ``cursor_type`` when there is no order between two of them.
    """
    kinds = set(map(type, values))
    kinds.add(type(against))
    if kinds <= {int, float}:
        return values, against
    if kinds == {str} and _one_shape(values, against):
        return values, against
    families = {comparable(value, where=where).family for value in (*values, against)}
    if len(families) == 1:
        return [comparable(value, where=where).key for value in values], comparable(against, where=where).key
    if families == {"day", "instant"}:
        pairs = [compare_keys(value, against, where=where) for value in values]
        pivot = compare_keys(against, next(v for v in (*values, against) if _is_instant(v)), where=where)[0]
        return [_instant_key(pair[0]) for pair in pairs], _instant_key(pivot)
    if kinds == {str}:
        return values, against
    bad = next(value for value in values if comparable(value).family != comparable(against).family)
    compare_keys(bad, against, where=where)
    raise CursorError(
        "the cursor values of one page have no common order",
        code="cursor_type",
        where=where,
        hint="Choose a cursor_path whose values have one type.",
    )


def _is_instant(value: Any) -> bool:
    return comparable(value).family == "instant"


def _instant_key(key: Any) -> Any:
    from datetime import date, datetime, timezone

    if isinstance(key, date) and not isinstance(key, datetime):
        return datetime(key.year, key.month, key.day, tzinfo=timezone.utc)
    return key


def _one_shape(values: Sequence[str], against: str) -> bool:
    """Whether plain text order is the order of time (or of text) for all of these."""
    length = len(against)
    if any(map(operator.ne, map(len, values), [length] * len(values))):
        return False
    if comparable(against).family != "instant":
        # Days in one notation, or plain text: both are ordered as text, and so is a date-time beside a plain text.
        return True
    written = notation(against)
    return all(notation(value) == written for value in values)


def notation(text: str) -> str:
    """How a date-time text is written, and its offset: those of one notation are ordered as text.

    Args:
        text: A date-time in ISO 8601, with or without hyphens and colons.
    """
    offset = text[_TIME_FROM:].lstrip(":.,0123456789")
    return text.removesuffix(offset).translate(_ANY_DIGIT) + offset
