"""How far a cursor may go: not far into the future, and over no long gap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from dagster_rest.assets.cursor.values import comparable

if TYPE_CHECKING:
    from dagster_rest.config.model.incremental import IncrementalConfig
    from dagster_rest.config.plan.build import ResourcePlan

Position: TypeAlias = int | float | Decimal
"""A cursor value on a line: the number itself, or seconds since 1970 for a date or a date-time."""

_EPOCH_DAY = date(1970, 1, 1)
_UNITS = (1, 10**3, 10**6, 10**9)
_LATEST_SECONDS = 10**11


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far a cursor may go.

    Args:
        now: The present.
        max_future: Seconds beyond the present that a time may lie; None for any.
        max_step: The longest gap that the cursor goes over; None for any.
        backwards: Whether the cursor goes to ever smaller values.
        epoch: For numbers that are times: how many of them are one second. None for numbers that are none.
    """

    now: datetime
    max_future: float | None
    max_step: float | None
    backwards: bool = False
    epoch: int | None = None

    def position(self, value: Any) -> Position | None:
        """A cursor value on the line, or None for a text that is no time; further on is always more.

        Args:
            value: A cursor value.
        """
        found = comparable(value)
        if found.family == "text":
            return None
        position: Position
        if found.family == "instant":
            position = found.key.timestamp()
        elif found.family == "day":
            position = (found.key - _EPOCH_DAY).days * 86400
        else:
            position = found.key
        return -position if self.backwards else position

    def is_future(self, value: Any) -> bool:
        """Whether a cursor value is a time too far beyond the present.

        Args:
            value: A cursor value.
        """
        if self.max_future is None or self.backwards:
            return False
        position, is_number = self.position(value), comparable(value).family == "number"
        if position is None or (is_number and self.epoch is None):
            return False
        latest = self.now.timestamp() + self.max_future
        return position > (latest * self.epoch if is_number and self.epoch is not None else latest)

    def spans(self, start: Position | None, end: Position | None) -> bool:
        """Whether the cursor may go from one position to another in one step."""
        if self.max_step is None or start is None or end is None:
            return True
        if not (_is_finite(start) and _is_finite(end)):
            return False
        return Fraction(end) - Fraction(start) <= self.max_step * (self.epoch or 1)


def _is_finite(position: Position) -> bool:
    return not isinstance(position, float) or math.isfinite(position)


def reach_of(plan: ResourcePlan, *, now: datetime) -> Reach | None:
    """How far the cursor of a resource may go, or None where it may go anywhere.

    Args:
        plan: The resource.
        now: The present.
    """
    incremental = plan.incremental
    if incremental is None or not may_hold_back(plan):
        return None
    return Reach(
        now=now,
        max_future=incremental.max_future,
        max_step=incremental.max_step,
        backwards=incremental.last_value_func == "min",
        epoch=_epoch(incremental, plan.config.columns),
    )


def may_hold_back(plan: ResourcePlan) -> bool:
    """Whether there may be rows that the cursor of a resource does not go to.

    Args:
        plan: The resource.
    """
    incremental = plan.incremental
    if incremental is None or callable(incremental.last_value_func):
        return False
    if plan.write_disposition.disposition == "replace":
        # Each load starts over, so no row is lost behind a cursor.
        return False
    if incremental.max_step is not None:
        return True
    if incremental.max_future is None or incremental.last_value_func == "min":
        return False
    pattern = incremental.initial_value
    if pattern is None or isinstance(pattern, bool) or _epoch(incremental, plan.config.columns) is not None:
        return True
    return comparable(pattern).family in ("instant", "day")


def _epoch(incremental: IncrementalConfig, columns: Any) -> int | None:
    """How many of a numeric cursor's numbers are one second, if its column is a time."""
    hint = columns.get(str(incremental.cursor_path)) if isinstance(columns, Mapping) else None
    if getattr(hint, "data_type", None) not in ("timestamp", "date"):
        return None
    pattern: Any = incremental.initial_value
    if isinstance(pattern, bool) or not isinstance(pattern, (int, float, Decimal)):
        return 1
    size = abs(float(pattern))
    return next((unit for unit in _UNITS if size / unit < _LATEST_SECONDS), _UNITS[-1])
