"""Cursor values: their types, their order, their text form, and arithmetic that keeps the text's shape."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal

from dagster_rest.assets.errors import CursorError
from dagster_rest.warehouse.state.load_row import CursorState

CursorType = Literal["int", "float", "decimal", "str", "date", "datetime"]

_DATE_TIME = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2}|\d{8})(?P<sep>[T ])"
    r"(?P<time>\d{2}:?\d{2}(?::?\d{2})?)(?P<fraction>[.,]\d+)?(?P<zone>Z|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
_STEP = re.compile(r"(\d+)\s*(mo|[smhdwy])")


def cursor_type(value: Any, *, where: str | None = None) -> CursorType:
    """The type of a cursor value.

    Args:
        value: A value of a record or of the config.
        where: The config path, for the error.

    Raises:
        CursorError: ``cursor_type`` for a value that has no order (a list, an object, a truth value).
    """
    if isinstance(value, bool):
        pass
    elif isinstance(value, int):
        return "int"
    elif isinstance(value, float):
        return "float"
    elif isinstance(value, Decimal):
        return "decimal"
    elif isinstance(value, str):
        return "str"
    elif isinstance(value, datetime):
        return "datetime"
    elif isinstance(value, date):
        return "date"
    raise CursorError(
        f"a value of type {type(value).__name__} cannot be a cursor",
        code="cursor_type",
        where=where,
        hint="A cursor is a number, a text, a date or a date-time.",
    )


def to_text(value: Any) -> str:
    """The text form of a cursor value: what the API wrote, or ISO 8601."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)


def to_state(value: Any, *, boundary: tuple[str, ...] = ()) -> CursorState:
    """A cursor value as the ledger stores it."""
    return CursorState(value=to_text(value), type=cursor_type(value), boundary=boundary)


def from_state(state: CursorState) -> Any:
    """The cursor value in its native type."""
    return from_text(state.value, state.type)


def from_text(text: str, kind: str) -> Any:
    """A cursor value in its native type.

    Args:
        text: What ``to_text`` gave.
        kind: The type that ``cursor_type`` gave.

    Raises:
        CursorError: ``cursor_type`` for a type this version does not know.
    """
    readers: dict[str, Callable[[str], Any]] = {
        "int": int,
        "float": float,
        "decimal": Decimal,
        "str": str,
        "date": date.fromisoformat,
        "datetime": lambda value: parse_instant(value) or value,
    }
    if kind not in readers:
        raise CursorError(
            f"a stored cursor has the unknown type {kind!r}",
            code="cursor_type",
            hint="It was written by another version of dagster_rest.",
        )
    return readers[kind](text)


def parse_instant(text: str) -> datetime | None:
    """The instant of a full ISO 8601 date-time text, or None if the text is none. Without a zone it is UTC."""
    if not _DATE_TIME.fullmatch(text):
        return None
    import pendulum

    try:
        parsed = pendulum.parse(text.replace(",", "."), exact=True)
    except ValueError:
        return None
    return parsed if isinstance(parsed, pendulum.DateTime) else None


def parse_day(text: str) -> date | None:
    """The day of an ISO date text (``2026-01-02`` or ``20260102``), or None if the text is none."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date(int(text[:4]), int(text[-5:-3] if "-" in text else text[4:6]), int(text[-2:]))
    except ValueError:
        return None


@dataclass(frozen=True)
class Comparable:
    """A cursor value as something that can be ordered against another one of its family.

    Args:
        family: ``number``, ``instant``, ``day`` or ``text``.
        key: What is compared.
    """

    family: str
    key: Any


def comparable(value: Any, *, where: str | None = None) -> Comparable:
    """A cursor value made comparable: date-time texts compare as instants, whatever offset they are written with.

    Args:
        value: A number, text, date or date-time.
        where: The config path, for the error.

    Raises:
        CursorError: ``cursor_type`` for a value that has no order.
    """
    kind = cursor_type(value, where=where)
    if kind in ("int", "float", "decimal"):
        return Comparable("number", value)
    if kind == "datetime":
        return Comparable("instant", value if value.tzinfo else value.replace(tzinfo=timezone.utc))
    if kind == "date":
        return Comparable("day", value)
    instant = parse_instant(value)
    if instant is not None:
        return Comparable("instant", instant)
    day = parse_day(value)
    if day is not None and "-" in value:
        return Comparable("day", day)
    return Comparable("text", value)


def compare_keys(left: Any, right: Any, *, where: str | None = None) -> tuple[Any, Any]:
    """Two cursor values as keys that can be compared with ``<``.

    A day against an instant counts as its first moment in UTC; a text against a date counts as text.

    Args:
        left: A cursor value.
        right: Another one.
        where: The config path, for the error.

    Raises:
        CursorError: ``cursor_type`` when there is no order between the two (a number and a text).
    """
    a, b = comparable(left, where=where), comparable(right, where=where)
    if a.family == b.family:
        return a.key, b.key
    families = {a.family, b.family}
    if families == {"day", "instant"}:
        return _as_instant(a), _as_instant(b)
    if isinstance(left, str) and isinstance(right, str):
        return left, right
    raise CursorError(
        f"cursor values of type {type(left).__name__} and {type(right).__name__} cannot be compared",
        code="cursor_type",
        where=where,
        hint="Give initial_value the type that the API's records have.",
    )


def _as_instant(value: Comparable) -> datetime:
    if value.family == "instant":
        instant: datetime = value.key
        return instant
    day: date = value.key
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)


def is_before(left: Any, right: Any, *, where: str | None = None) -> bool:
    """Whether a cursor value comes before another."""
    a, b = compare_keys(left, right, where=where)
    return bool(a < b)


def shift(value: Any, by: float, *, where: str | None = None, code: str = "cursor_lag") -> Any:
    """Move a cursor value, keeping the shape of its text.

    Numbers move by the number; instants by seconds; days by days (dlt: "Lag / attribution window").

    Args:
        value: A cursor value.
        by: How far; negative goes back.
        where: The config path, for the error.
        code: The error code to raise under.

    Raises:
        CursorError: ``cursor_lag`` (or ``code``) for a text that is neither a date nor a date-time.
    """
    if isinstance(value, Decimal):
        return value + Decimal(str(by))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value + by if isinstance(value, float) or by != int(by) else value + int(by)
    if isinstance(value, datetime):
        return value + timedelta(seconds=by)
    if isinstance(value, date):
        return value + timedelta(days=by)
    if isinstance(value, str):
        instant = parse_instant(value)
        if instant is not None:
            return format_like(instant + timedelta(seconds=by), value)
        day = parse_day(value)
        if day is not None:
            moved = day + timedelta(days=by)
            return moved.isoformat() if "-" in value else moved.strftime("%Y%m%d")
    raise CursorError(
        "the cursor is neither a number, nor a date, nor a date-time, so it cannot be moved",
        code=code,
        where=where,
    )


def format_like(instant: datetime, pattern: str) -> str:
    """An instant as text in the shape of another date-time text: separators, digits, offset.

    Args:
        instant: The instant, with a zone.
        pattern: A full ISO date-time text.
    """
    found = _DATE_TIME.fullmatch(pattern)
    if found is None:
        return instant.isoformat()
    local = instant.astimezone(_zone(found["zone"]))
    day = local.strftime("%Y-%m-%d" if "-" in found["date"] else "%Y%m%d")
    colon = ":" if ":" in found["time"] else ""
    digits = len(found["time"].replace(":", ""))
    clock = local.strftime("%H%M%S")
    has_seconds = digits == 6 or bool(local.second or local.microsecond)
    clock = clock[:2] + colon + clock[2:4] + (colon + clock[4:] if has_seconds else "")
    return f"{day}{found['sep']}{clock}{_fraction(local, found['fraction'])}{found['zone'] or ''}"


def _fraction(instant: datetime, pattern: str | None) -> str:
    written = len(pattern) - 1 if pattern else 0
    digits = f"{instant.microsecond:06d}".ljust(written, "0")
    kept = max(written, len(digits.rstrip("0")))
    return f".{digits[:kept]}" if kept else ""


def _zone(text: str | None) -> timezone:
    if not text or text == "Z":
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def advance(value: Any, step: str | float, *, times: int, where: str | None = None) -> Any:
    """A cursor value moved on by whole steps: ``1d``, ``6h``, ``1mo`` for dates, a number for numbers.

    Args:
        value: Where to start from. Counting from the first start keeps month ends from drifting.
        step: The size of a window: ``s``, ``m``, ``h``, ``d``, ``w``, ``mo``, ``y``; or a number.
        times: How many steps.
        where: The config path, for the error.

    Raises:
        CursorError: ``cursor_step`` for a value or a step that does not fit.
    """
    if isinstance(step, (int, float)) or str(step).isdigit():
        return shift(value, float(step) * times, where=where, code="cursor_step")
    found = _STEP.fullmatch(str(step))
    instant = _instant_of(value)
    if found is None or instant is None:
        raise CursorError(
            f"a window of {step!r} does not fit the cursor",
            code="cursor_step",
            where=where,
            hint="A time step (15m, 6h, 1d, 1w, 1mo) needs a date or date-time as initial_value; a number a number.",
        )
    moved = _move(instant, int(found[1]) * times, found[2])
    return _in_shape_of(moved, value)


def _instant_of(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if not isinstance(value, str):
        return None
    day = parse_day(value)
    if day is not None:
        return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    return parse_instant(value)


def _move(instant: datetime, count: int, unit: str) -> datetime:
    import pendulum

    names = {
        "s": "seconds",
        "m": "minutes",
        "h": "hours",
        "d": "days",
        "w": "weeks",
        "mo": "months",
        "y": "years",
    }
    return pendulum.instance(instant).add(**{names[unit]: count})


def _in_shape_of(instant: datetime, value: Any) -> Any:
    if isinstance(value, datetime):
        return instant
    if isinstance(value, date):
        return instant.date()
    if parse_day(value) is not None:
        return instant.strftime("%Y-%m-%d" if "-" in value else "%Y%m%d")
    return format_like(instant, value)


def now_like(value: Any, *, now: datetime) -> Any:
    """The present in the shape of a cursor value; for a number, epoch seconds make no sense, so None."""
    instant = now.astimezone(timezone.utc)
    if _instant_of(value) is None:
        return None
    return _in_shape_of(instant, value)
