"""The range of cursor values that a run asks for: where it starts, and how a request says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.cursor.values import compare_keys, from_state, shift
from dagster_rest.assets.cursor.window_edges import Edge
from dagster_rest.warehouse.state.load_row import CursorState

if TYPE_CHECKING:
    from dagster_rest.config.model.incremental import IncrementalConfig


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The range of cursor values one run (or window, or partition) asks for and keeps.

    Args:
        start: Where it starts, lag applied; None from the beginning.
        end: Where it ends; None for no end.
        start_open: Whether records exactly at the start are left out.
        end_closed: Whether records exactly at the end are kept.
        is_given: Whether a person gave them for one run: then they must be of the records' kind.
        window: The window of a partition: it decides on what is kept; start and end are what is asked for.
    """

    start: Any = None
    end: Any = None
    start_open: bool = False
    end_closed: bool = False
    is_given: bool = False
    window: tuple[Edge, Edge] | None = None


def start_value(config: IncrementalConfig, known: CursorState | None, *, where: str | None = None) -> Any:
    """The value a run starts from: the known cursor less the lag, or the initial value (dlt: "Lag").

    Args:
        config: The resource's incremental block.
        known: The stored cursor, or None on the first run.
        where: The config path, for errors.
    """
    if known is None:
        return config.initial_value
    last = from_state(known)
    if not config.lag or config.end_value is not None or callable(config.last_value_func):
        return last
    back = -config.lag if config.last_value_func != "min" else config.lag
    start = shift(last, back, where=where)
    if config.initial_value is None:
        return start
    before, after = compare_keys(start, config.initial_value, where=where)
    passed = before < after if config.last_value_func != "min" else before > after
    return config.initial_value if passed else start


def template_values(incremental: IncrementalConfig, bounds: Bounds) -> dict[str, Any]:
    """The values of ``{incremental....}`` placeholders and of start and end params, after ``convert``.

    Args:
        incremental: The resource's incremental block.
        bounds: The range to ask for.
    """
    convert = incremental.converter
    values = {
        "start_value": bounds.start,
        "last_value": bounds.start,
        "initial_value": incremental.initial_value,
        "end_value": bounds.end,
    }
    converted = {
        name: None if value is None else _sendable(convert(value) if convert else value)
        for name, value in values.items()
    }
    return {
        **converted,
        "cursor_path": incremental.cursor_path,
        "lag": incremental.lag,
        "row_order": incremental.row_order,
        "range_start": incremental.range_start,
        "range_end": incremental.range_end,
    }


def _sendable(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (datetime, date)) else value
