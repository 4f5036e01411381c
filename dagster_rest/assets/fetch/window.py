"""Fetches one window: units to pages, pages to records, records into their lanes."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.cursor.row_filter import Bounds
from dagster_rest.assets.fetch.held_pages import HeldPage, HeldPages
from dagster_rest.assets.fetch.parent_errors import ParentErrors
from dagster_rest.assets.fetch.partitions import SHARED, Lane, Router, cursor_of, position_of
from dagster_rest.assets.model.partitions import range_values
from dagster_rest.assets.parents.fan_out import ParentGroup, add_includes, cursor_of_group, make_units
from dagster_rest.assets.report import LoadReport
from dagster_rest.assets.start.windows import Window, template_values
from dagster_rest.warehouse.state.parents.failed import SIDE as FAILED

if TYPE_CHECKING:
    from dagster_rest.http import FetchUnit, HttpError, Page


class WindowFetch:
    """The fetching of one window.

    Args:
        context: The load.
        window: The window.
        lanes: Where the records go, by partition.
        groups: What is asked for.
        report: Takes what is seen on the way.
    """

    def __init__(
        self,
        context: LoadContext,
        window: Window,
        *,
        lanes: Sequence[Lane],
        groups: Sequence[ParentGroup],
        report: LoadReport,
    ) -> None:
        self._context = context
        self._window = window
        self._lanes = lanes
        self._groups = groups
        self._report = report
        self._by_key = {lane.slice.key: lane for lane in lanes}
        self._router: Router | None = None
        self._errors = ParentErrors(context)
        self._held = HeldPages()
        # The data selector that was detected, if it was.
        self._selector: Mapping[str, Any] | None = None

    def run(self) -> None:
        """Fetch until the last page is staged.

        Raises:
            HttpError: When the API does not play along.
            StateError: When the parents' rows do not.
        """
        lanes, groups = self._lanes, self._groups
        if not self._context.asset.is_selected and not self._context.collector:
            # Nobody needs it: there is no table, and no child takes anything of it.
            return
        position = lanes[0].stager.position if len(lanes) == 1 and lanes[0].stager.resumed else None
        first = int(position["unit"]) if position else 0
        if position is not None and self._context.plan.incremental is not None:
            self._restore_cursor(position, first=first)
        if first >= len(groups) and groups:
            self._report.counts.parents = len(groups) if self._context.plan.parents else 0
            return
        self._router = (
            Router(lanes, plan=self._context.plan) if len(lanes) > 1 and self._context.asks_one_range else None
        )
        for page in self._pages(first=first, position=position):
            if not self._stage(page, records=self._take(page, groups[page.unit.index])):
                self._report.ended_by["row_order"] += 1
                break
        self._warn_of_empty_windows()

    def _stage(self, page: "Page", *, records: list[Any]) -> bool:
        """Stage a page, or hold it while its parent may still fail; whether more of them are wanted."""
        if not self._context.skips_failed_parents:
            resumable = page.state is not None
            return self._keep(_held(page, records, resumable=resumable))
        self._held.add(_held(page, records, resumable=False))
        if not page.is_last:
            return True
        return all(self._keep(one) for one in self._held.take())

    def _keep(self, page: HeldPage) -> bool:
        group = self._groups[page.unit]
        if self._router is not None and not group.partition:
            for lane, part in self._router.split(page.records):
                self._keep_in(lane, part, page=page, group=group)
            return True
        lane = self._lane_of(group)
        self._keep_in(lane, page.records, page=page, group=group)
        return not self._is_past_the_end(lane)

    def _lane_of(self, group: ParentGroup) -> Lane:
        return self._by_key.get(group.partition) or self._lanes[0]

    def _leave_out(self, unit: "FetchUnit", error: "HttpError") -> bool:
        """Note a parent whose request failed; whether the others go on without it."""
        group = self._groups[unit.index]
        failed = self._errors.left_out(group, error)
        if not failed:
            return False
        self._held.drop()
        in_one_lane = self._router is None or group.partition
        for lane in [self._lane_of(group)] if in_one_lane else self._lanes:
            lane.stager.write_side(FAILED, [one.encode() for one in failed])
            rows = None if self._context.per_parent else lane.filter_for(SHARED)
            cursor = rows.state() if rows is not None else None
            position = position_of(unit.index + 1, None, cursor, resumable=True, now=lane.now, selector=self._selector)
            lane.stager.write([], position=position)
        return True

    def _warn_of_empty_windows(self) -> None:
        lanes, report = self._lanes, self._report
        if not report.rows_fetched or not all(lane.bounds.window and not lane.stager.rows_staged for lane in lanes):
            return
        key = lanes[0].slice.key if len(lanes) == 1 else f"{lanes[0].slice.key} to {lanes[-1].slice.key}"
        report.warnings.append(
            f"all {report.rows_fetched} records of the API lie outside of the partition {key}: look at cursor_path and"
            " at how the request says which part is meant"
        )

    def _restore_cursor(self, position: Mapping[str, Any], *, first: int) -> None:
        lane, groups = self._lanes[0], self._groups
        cursor = cursor_of(position)
        if cursor is None or (first >= len(groups) and self._context.per_parent):
            return
        scope = groups[first].key if self._context.per_parent else SHARED
        restored = lane.filter_for(scope)
        if restored is not None:
            restored.continue_from(cursor)

    def _pages(self, *, first: int, position: Mapping[str, Any] | None) -> Iterator["Page"]:
        from dagster_rest.assets.fetch.source_pages import pages_of_callable
        from dagster_rest.http import FetchOptions

        if self._context.plan.source is not None:
            yield from pages_of_callable(self._context.plan, limit=self._context.request.limit)
            return
        pattern = self._context.plan.incremental.initial_value if self._context.plan.incremental else None
        units = make_units(
            self._context.plan,
            self._groups,
            incremental=self._values,
            partition=lambda group: self._partition_values(group, pattern=pattern),
            counts=self._report.counts,
            first=first,
            resume_state=position.get("state") if position else None,
        )
        self._selector = position.get("selector") if position else None
        options = FetchOptions.from_plan(
            self._context.plan,
            selector=self._selector,
            units_total=len(self._groups),
            prefetch=self._context.plan.incremental is None or self._context.plan.incremental.row_order is None,
            progress=self._progress(len(self._groups)),
            on_unit_error=self._leave_out,
        )
        if self._context.request.limit is not None:
            limit = self._context.request.limit
            options = dataclasses.replace(options, max_pages=min(limit, options.max_pages or limit))
        with contextlib.closing(self._context.client.fetch(units, options=options)) as pages:
            yield from pages

    def _values(self, group: ParentGroup) -> Mapping[str, Any]:
        if self._context.plan.incremental is None:
            return {}
        lane = self._by_key.get(group.partition)
        if lane is None:
            # One request for a range of partitions: from the first start to the last end.
            bounds = self._window.whole_range()
        elif self._context.per_parent:
            bounds = self._parent_bounds(lane, scope=group.key)
        else:
            bounds = lane.bounds
        return template_values(self._context.plan.incremental, bounds)

    def _parent_bounds(self, lane: Lane, *, scope: str) -> Bounds:
        if self._window.stateless or lane.replaces:
            return lane.bounds
        known = cursor_of_group(self._context.plan, scope, cursors=lane.parent_cursors)
        return self._window.bounds_for_parent(lane.bounds, known)

    def _partition_values(self, group: ParentGroup, *, pattern: Any) -> Mapping[str, Any] | None:
        if not self._context.partitioned:
            return None
        if group.partition in self._by_key:
            return self._by_key[group.partition].slice.template_values(pattern=pattern)
        return range_values([lane.slice for lane in self._lanes], pattern=pattern)

    def _progress(self, total: int) -> Callable[[Any], None]:
        parents = f" of {total}" if self._context.plan.parents else ""

        def say(progress: Any) -> None:
            rate = progress.rows / progress.seconds if progress.seconds else 0.0
            done = f", {progress.units_done}{parents} parents done" if parents else ""
            self._context.log(f"{progress.pages} pages, {progress.rows} rows, {rate:,.0f} rows/s{done}")

        return say

    def _take(self, page: "Page", group: ParentGroup) -> list[Any]:
        report = self._report
        report.rows_fetched += len(page)
        report.replaced_characters += page.replaced
        if page.ended_by:
            report.ended_by[page.ended_by] += 1
            report.ignored_midway += page.ended_by == "ignored" and page.number > 0
        if page.total is not None and page.number == 0:
            report.total = (report.total or 0) + page.total
        if report.paginator is None and page.paginator is not None:
            report.paginator = page.paginator.describe()
        report.evidence = report.evidence or page.evidence
        self._selector = page.selector or self._selector
        if report.endpoint is None and page.request is not None:
            report.endpoint = self._context.client.redactor.redact_url(str(page.request.url))
        for warning in page.warnings:
            if warning not in report.warnings:
                report.warnings.append(warning)
        records: list[Any] = page
        if group.includes:
            records = add_includes(records, group.includes)
        return self._context.steps(records)

    def _keep_in(self, lane: Lane, records: list[Any], *, page: HeldPage, group: ParentGroup) -> None:
        scope = group.key if self._context.per_parent else SHARED
        rows = lane.filter_for(scope)
        kept = rows.keep(records) if rows is not None else records
        if self._context.collector and kept:
            lane.stager.write_side("fan_out", self._context.collector.collect(kept))
            lane.keys_staged += len(kept)
        cursor = rows.state() if rows is not None else None
        unit = page.unit
        if page.is_last:
            if self._context.per_parent:
                lane.finish_scope(scope, window=self._window)
                cursor = None
            position = position_of(unit + 1, None, cursor, resumable=True, now=lane.now, selector=self._selector)
        else:
            position = position_of(
                unit, page.state, cursor, resumable=page.resumable, now=lane.now, selector=self._selector
            )
        lane.stager.write(kept if self._context.asset.is_selected else [], position=position)
        self._context.on_event("page_staged")

    def _is_past_the_end(self, lane: Lane) -> bool:
        incremental = self._context.plan.incremental
        if incremental is None or incremental.row_order is None or self._context.plan.parents:
            return False
        rows = lane.filter_for(SHARED)
        assert rows is not None
        return rows.passed_start if incremental.row_order == "desc" else rows.passed_end


def _held(page: "Page", records: list[Any], *, resumable: bool) -> HeldPage:
    return HeldPage(unit=page.unit.index, records=records, state=page.state, is_last=page.is_last, resumable=resumable)
