"""Fetches one window: units to pages, pages to records, records to the staging folders of their partitions."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.cursor.range import Bounds, template_values
from dagster_rest.assets.fetch.page_staging import PageStaging
from dagster_rest.assets.fetch.partitions import SHARED, PartitionLoad, cursor_of
from dagster_rest.assets.model.partitions import range_values
from dagster_rest.assets.parents.fan_out import ParentGroup, add_includes, cursor_of_group, make_units
from dagster_rest.assets.report import LoadReport
from dagster_rest.assets.start.windows import Window

if TYPE_CHECKING:
    from dagster_rest.http import FetchUnit, Page


def fetch_window(
    context: LoadContext,
    window: Window,
    *,
    loads: Sequence[PartitionLoad],
    groups: Sequence[ParentGroup],
    report: LoadReport,
) -> None:
    """Fetch until the last page of a window is staged.

    Args:
        context: The load.
        window: The window.
        loads: Where the records go, by partition.
        groups: What is asked for.
        report: Takes what is seen on the way.

    Raises:
        HttpError: When the API does not play along.
        StateError: When the parents' rows do not.
    """
    if not context.asset.is_selected and not context.collector:
        # Nobody needs it: there is no table, and no child takes anything of it.
        return
    position = loads[0].stager.position if len(loads) == 1 and loads[0].stager.resumed else None
    first = int(position["unit"]) if position else 0
    if position is not None and context.plan.incremental is not None:
        _restore_cursor(context, loads[0], groups, position=position, first=first)
    if first >= len(groups) and groups:
        report.counts.parents = len(groups) if context.plan.parents else 0
        return
    selector = position.get("selector") if position else None
    staging = PageStaging(context, window, loads=loads, groups=groups, selector=selector or report.selector)
    units = _units(context, window, loads, groups, report=report, first=first, position=position)
    for page in _pages(context, units, staging=staging, total=len(groups)):
        if not staging.add(page, records=_records(context, page, group=groups[page.unit.index], report=report)):
            report.ended_by["row_order"] += 1
            break
    report.selector = staging.selector
    _warn_of_empty_windows(loads, report)


def _restore_cursor(
    context: LoadContext,
    load: PartitionLoad,
    groups: Sequence[ParentGroup],
    *,
    position: Mapping[str, Any],
    first: int,
) -> None:
    cursor = cursor_of(position)
    if cursor is None or (first >= len(groups) and context.per_parent):
        return
    scope = groups[first].key if context.per_parent else SHARED
    restored = load.filter_for(scope)
    if restored is not None:
        restored.continue_from(cursor)


def _units(
    context: LoadContext,
    window: Window,
    loads: Sequence[PartitionLoad],
    groups: Sequence[ParentGroup],
    *,
    report: LoadReport,
    first: int,
    position: Mapping[str, Any] | None,
) -> Iterator["FetchUnit"]:
    by_key = {load.partition.key: load for load in loads}
    return make_units(
        context.plan,
        groups,
        incremental=lambda group: _incremental_values(context, window, by_key, group),
        partition=lambda group: _partition_values(context, by_key, group),
        counts=report.counts,
        first=first,
        resume_state=position.get("state") if position else None,
    )


def _pages(context: LoadContext, units: Iterator["FetchUnit"], *, staging: PageStaging, total: int) -> Iterator["Page"]:
    from dagster_rest.assets.fetch.source_pages import pages_of_callable
    from dagster_rest.http import FetchOptions

    if context.plan.source is not None:
        yield from pages_of_callable(context.plan, limit=context.request.limit)
        return
    options = FetchOptions.from_plan(
        context.plan,
        selector=staging.selector,
        units_total=total,
        prefetch=context.plan.incremental is None or context.plan.incremental.row_order is None,
        progress=_progress(context, total),
        on_unit_error=staging.leave_out,
    )
    if context.request.limit is not None:
        limit = context.request.limit
        options = dataclasses.replace(options, max_pages=min(limit, options.max_pages or limit))
    with contextlib.closing(context.client.fetch(units, options=options)) as pages:
        yield from pages


def _progress(context: LoadContext, total: int) -> Callable[[Any], None]:
    parents = f" of {total}" if context.plan.parents else ""

    def write_log(progress: Any) -> None:
        rate = progress.rows / progress.seconds if progress.seconds else 0.0
        done = f", {progress.units_done}{parents} parents done" if parents else ""
        context.log(f"{progress.pages} pages, {progress.rows} rows, {rate:,.0f} rows/s{done}")

    return write_log


def _incremental_values(
    context: LoadContext, window: Window, loads: Mapping[str, PartitionLoad], group: ParentGroup
) -> Mapping[str, Any]:
    """The values of ``{incremental....}`` in the request of a group."""
    if context.plan.incremental is None:
        return {}
    load = loads.get(group.partition)
    if load is None:
        # One request for a range of partitions: from the first start to the last end.
        bounds = window.whole_range()
    elif context.per_parent:
        bounds = _parent_bounds(context, window, load, scope=group.key)
    else:
        bounds = load.bounds
    return template_values(context.plan.incremental, bounds)


def _parent_bounds(context: LoadContext, window: Window, load: PartitionLoad, *, scope: str) -> Bounds:
    if window.stateless or load.replaces:
        return load.bounds
    known = cursor_of_group(context.plan, scope, cursors=load.parent_cursors)
    return window.bounds_for_parent(load.bounds, known)


def _partition_values(
    context: LoadContext, loads: Mapping[str, PartitionLoad], group: ParentGroup
) -> Mapping[str, Any] | None:
    """The values of ``{partition....}`` in the request of a group."""
    if not context.partitioned:
        return None
    pattern = context.plan.incremental.initial_value if context.plan.incremental else None
    load = loads.get(group.partition)
    if load is not None:
        return load.partition.template_values(pattern=pattern)
    return range_values([one.partition for one in loads.values()], pattern=pattern)


def _records(context: LoadContext, page: "Page", *, group: ParentGroup, report: LoadReport) -> list[Any]:
    """The records of a page after the processing steps; what the page says otherwise goes into the report."""
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
    if report.endpoint is None and page.request is not None:
        report.endpoint = context.client.redactor.redact_url(str(page.request.url))
    for warning in page.warnings:
        if warning not in report.warnings:
            report.warnings.append(warning)
    records: list[Any] = page
    if group.includes:
        records = add_includes(records, group.includes)
    return context.steps(records)


def _warn_of_empty_windows(loads: Sequence[PartitionLoad], report: LoadReport) -> None:
    if not report.rows_fetched or not all(load.bounds.window and not load.stager.rows_staged for load in loads):
        return
    key = loads[0].partition.key if len(loads) == 1 else f"{loads[0].partition.key} to {loads[-1].partition.key}"
    report.warnings.append(
        f"all {report.rows_fetched} records of the API are outside the partition {key}: check cursor_path, and how"
        " the request selects the partition"
    )
