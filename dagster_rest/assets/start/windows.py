"""Which range of cursor values a run asks for, in one window or several."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.cursor.range import Bounds, start_value
from dagster_rest.assets.cursor.values import advance, from_state, is_before, now_like, to_state
from dagster_rest.assets.cursor.window_edges import Edge, text_epoch, unit_of
from dagster_rest.assets.errors import CursorError
from dagster_rest.assets.model.partitions import Partition
from dagster_rest.assets.start.given_range import check_given, is_beyond
from dagster_rest.assets.start.start import RunStart, Start
from dagster_rest.warehouse.state.load_row import EDGE, CursorState

if TYPE_CHECKING:
    from dagster_rest.config.model.incremental import IncrementalConfig
    from dagster_rest.config.plan.build import ResourcePlan

_MOST_WINDOWS = 100_000


@dataclass(frozen=True, kw_only=True)
class Window:
    """One commit of a run: the range of each partition, or a step of the whole range.

    Args:
        bounds: The range per partition key (the empty text without partitions).
        incremental: The resource's incremental block, or None.
        is_first: Whether it is the run's first: a rebuild begins with it.
        is_last: Whether it is the run's last: consumption and the final cursor go with it.
        stateless: Whether the run leaves the stored cursor alone (an explicit end).
        start_given: Whether the run names its start, for every parent.
        step_end: Where the cursor stands after a window that is not open to the present.
        ends_now: Whether its end is the moment of the run: a load that goes on keeps the end it began with.
    """

    bounds: Mapping[str, Bounds]
    incremental: "IncrementalConfig | None" = None
    is_first: bool = True
    is_last: bool = True
    stateless: bool = False
    start_given: bool = False
    step_end: Any = None
    ends_now: bool = False

    def whole_range(self) -> Bounds:
        """From the start of the first partition to the end of the last."""
        ordered = list(self.bounds.values())
        return dataclasses.replace(ordered[0], end=ordered[-1].end, window=None)

    def bounds_for_parent(self, bounds: Bounds, known: CursorState | None) -> Bounds:
        """The range of one parent: from its own cursor, or from the beginning for a parent not seen before."""
        if self.incremental is None or self.stateless:
            return bounds
        own = start_value(self.incremental, known)
        goes_on = not self.start_given or not is_beyond(self.incremental, own, bounds.start)
        if known is not None and known.is_edge and goes_on:
            bounds = dataclasses.replace(bounds, start_open=False)
        if self.start_given and not is_beyond(self.incremental, bounds.start, own):
            return bounds
        # A start that somebody gave must not pass over what is not loaded of this one parent.
        return dataclasses.replace(bounds, start=own)

    def cursor_after(self, state: CursorState | None) -> CursorState | None:
        """The cursor to store after this window: its end, or the newest value seen if it is open to the present."""
        if self.step_end is None:
            return state
        if state is not None and is_before(self.step_end, from_state(state)):
            return state
        return dataclasses.replace(to_state(self.step_end), boundary=(EDGE,))

    def newest(self, states: Iterable[CursorState]) -> CursorState | None:
        """The newest of several cursors, as the one to show for the asset."""
        newest: CursorState | None = None
        backwards = self.incremental is not None and self.incremental.last_value_func == "min"
        for state in states:
            if newest is None or is_before(from_state(newest), from_state(state)) != backwards:
                newest = state
        return None if newest is None else dataclasses.replace(newest, boundary=())


def plan_windows(
    plan: "ResourcePlan",
    *,
    partitions: Sequence[Partition],
    start: RunStart,
    per_parent: bool = False,
    start_override: Any = None,
    end_override: Any = None,
    now: datetime,
) -> Iterator[Window]:
    """The windows of a run, in order.

    Args:
        plan: The resource.
        partitions: The partitions of the run.
        start: What the run starts from.
        per_parent: Whether each parent has a cursor of its own, so that a new parent starts from the beginning.
        start_override: ``RestRunConfig.start_value``.
        end_override: ``RestRunConfig.end_value``.
        now: The present.

    Raises:
        CursorError: ``cursor_range`` or ``cursor_step``.
    """
    incremental = plan.incremental
    has_windows = any(one.start is not None for one in partitions)
    given = {"start_value": start_override, "end_value": end_override}
    check_given(plan, given, has_windows=has_windows, start=start)
    if incremental is not None and start.continues:
        # The load that is continued went back by the lag already.
        incremental = incremental.model_copy(update={"lag": None})
    if incremental is None:
        yield Window(bounds={one.key: Bounds() for one in partitions})
        return
    if has_windows:
        yield Window(
            bounds={one.key: _partition_bounds(incremental, one) for one in partitions}, incremental=incremental
        )
        return
    end = incremental.end_value if end_override is None else end_override
    stateless = end is not None or start.leaves_cursor
    bounds = {
        one.key: Bounds(
            start=_start(
                incremental,
                start.partitions[one.key],
                where=f"{plan.config_path}.endpoint.incremental",
                start_override=start_override,
                stateless=stateless,
                per_parent=per_parent and incremental.step is None,
            ),
            end=end,
            start_open=incremental.range_start == "open"
            and not _starts_at_an_edge(
                start.partitions[one.key], start_override=start_override, has_end=end is not None
            ),
            end_closed=incremental.range_end == "closed",
            is_given=start_override is not None or end_override is not None,
        )
        for one in partitions
    }
    for one in bounds.values():
        _check_range(one, where=f"{plan.config_path}.endpoint.incremental")
    whole = Window(bounds=bounds, incremental=incremental, stateless=stateless, start_given=start_override is not None)
    if incremental.step is None or len(partitions) > 1:
        yield whole
    else:
        yield from _steps(plan, whole, key=partitions[0].key, now=now)


def _partition_bounds(incremental: "IncrementalConfig", one: Partition) -> Bounds:
    pattern, written = incremental.initial_value, text_epoch(incremental.initial_value)
    assert one.start is not None
    assert one.end is not None
    is_number = isinstance(pattern, (int, float, Decimal)) and not isinstance(pattern, bool)
    unit = unit_of(pattern) if is_number and pattern else None if written is None else unit_of(written)
    start, end = one.window_like(pattern)
    return Bounds(start=start, end=end, window=(Edge(instant=one.start, unit=unit), Edge(instant=one.end, unit=unit)))


def _start(
    incremental: "IncrementalConfig",
    start: Start,
    *,
    where: str,
    start_override: Any,
    stateless: bool,
    per_parent: bool,
) -> Any:
    if stateless and start.continued is not None and start.continued.progress is not None:
        return from_state(start.continued.progress)
    if start_override is not None and not start.has_begun:
        return start_override
    if stateless or per_parent:
        return incremental.initial_value
    return start_value(incremental, start.cursor, where=where)


def _starts_at_an_edge(start: Start, *, start_override: Any, has_end: bool) -> bool:
    """Whether a run goes on at the end of a window, which the window itself left out."""
    if not start.at_edge or start.has_begun:
        return start.at_edge
    if has_end or start_override is None:
        return not has_end
    edge = from_state(start.cursor) if start.cursor is not None else None
    return edge is not None and not is_before(edge, start_override) and not is_before(start_override, edge)


def _check_range(bounds: Bounds, *, where: str) -> None:
    if bounds.end is None:
        return
    if bounds.start is None:
        raise CursorError(
            "end_value is set without initial_value",
            code="cursor_range",
            where=where,
            hint="Give incremental.initial_value, the start of the range.",
        )


def _steps(plan: "ResourcePlan", whole: Window, *, key: str, now: datetime) -> Iterator[Window]:
    incremental = plan.incremental
    assert incremental is not None
    where = f"{plan.config_path}.endpoint.incremental.step"
    bounds = whole.bounds[key]
    open_ended = bounds.end is None
    end = bounds.end if not open_ended else now_like(bounds.start, now=now)
    if bounds.start is None or end is None:
        raise CursorError(
            "windows need a start and an end",
            code="cursor_step",
            where=where,
            hint="Give initial_value; where the cursor is a number, also end_value.",
        )
    edges = _edges(bounds.start, end, step=incremental.step, where=where)
    for number, (left, right) in enumerate(itertools.pairwise(edges)):
        is_last = number == len(edges) - 2
        yield dataclasses.replace(
            whole,
            bounds={key: _clip(bounds, left, right, number=number, is_last=is_last, open_ended=open_ended)},
            is_first=number == 0,
            is_last=is_last,
            step_end=None if is_last else right,
            ends_now=is_last and open_ended,
        )


def _clip(bounds: Bounds, left: Any, right: Any, *, number: int, is_last: bool, open_ended: bool) -> Bounds:
    return Bounds(
        start=left,
        end=right,
        start_open=bounds.start_open and number == 0,
        end_closed=is_last and (bounds.end_closed or open_ended),
    )


def _edges(start: Any, end: Any, *, step: Any, where: str) -> list[Any]:
    edges = [start]
    while is_before(edges[-1], end, where=where):
        following = advance(start, step, times=len(edges), where=where)
        if not is_before(edges[-1], following, where=where) or len(edges) > _MOST_WINDOWS:
            raise CursorError(
                f"a step of {step!r} makes no windows, or more than {_MOST_WINDOWS}",
                code="cursor_step",
                where=where,
                hint="Use a positive, larger step.",
            )
        edges.append(following if is_before(following, end, where=where) else end)
    return edges if len(edges) > 1 else [start, end]
