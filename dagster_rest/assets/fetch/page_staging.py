"""Where the records of a window go: through the row filters of their partitions into the staging folders."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.fetch.held_pages import HeldPage, HeldPages
from dagster_rest.assets.fetch.parent_errors import ParentErrors
from dagster_rest.assets.fetch.partitions import SHARED, PartitionLoad, Router, position_of
from dagster_rest.assets.parents.fan_out import ParentGroup
from dagster_rest.assets.start.windows import Window
from dagster_rest.warehouse.state.parents.failed import SIDE

if TYPE_CHECKING:
    from dagster_rest.http import FetchUnit, HttpError, Page


class PageStaging:
    """Stages the pages of one window.

    Args:
        context: The load.
        window: The window.
        loads: The partitions.
        groups: What is asked for.
        selector: The data selector that an interrupted load had detected, if it had.
    """

    def __init__(
        self,
        context: LoadContext,
        window: Window,
        *,
        loads: Sequence[PartitionLoad],
        groups: Sequence[ParentGroup],
        selector: Mapping[str, Any] | None = None,
    ) -> None:
        self.selector = selector
        self._context = context
        self._window = window
        self._loads = loads
        self._groups = groups
        self._by_key = {load.partition.key: load for load in loads}
        self._router = Router(loads, plan=context.plan) if len(loads) > 1 and context.asks_one_range else None
        self._errors = ParentErrors(context)
        self._held = HeldPages()

    def add(self, page: "Page", *, records: list[Any]) -> bool:
        """Stage a page, or hold it while its parent may still fail; whether more of them are wanted.

        Args:
            page: The page.
            records: Its records, after the processing steps.
        """
        self.selector = page.selector or self.selector
        if not self._context.skips_failed_parents:
            resumable = page.state is not None
            return self._stage(_held(page, records, resumable=resumable))
        self._held.add(_held(page, records, resumable=False))
        if not page.is_last:
            return True
        return all(self._stage(one) for one in self._held.take())

    def leave_out(self, unit: "FetchUnit", error: "HttpError") -> bool:
        """Note a parent whose request failed; whether the others go on without it.

        Args:
            unit: The parent's request.
            error: What happened.
        """
        group = self._groups[unit.index]
        failed = self._errors.left_out(group, error)
        if not failed:
            return False
        self._held.drop()
        in_one_partition = self._router is None or group.partition
        for load in [self._load_of(group)] if in_one_partition else self._loads:
            load.stager.write_side(SIDE, [one.encode() for one in failed])
            rows = None if self._context.per_parent else load.filter_for(SHARED)
            cursor = rows.state() if rows is not None else None
            position = position_of(unit.index + 1, None, cursor, resumable=True, now=load.now, selector=self.selector)
            load.stager.write([], position=position)
        return True

    def _stage(self, page: HeldPage) -> bool:
        group = self._groups[page.unit]
        if self._router is not None and not group.partition:
            for load, part in self._router.split(page.records):
                self._stage_in(load, part, page=page, group=group)
            return True
        load = self._load_of(group)
        self._stage_in(load, page.records, page=page, group=group)
        return not self._is_past_the_end(load)

    def _load_of(self, group: ParentGroup) -> PartitionLoad:
        return self._by_key.get(group.partition) or self._loads[0]

    def _stage_in(self, load: PartitionLoad, records: list[Any], *, page: HeldPage, group: ParentGroup) -> None:
        scope = group.key if self._context.per_parent else SHARED
        rows = load.filter_for(scope)
        kept = rows.keep(records) if rows is not None else records
        if self._context.collector and kept:
            load.stager.write_side("fan_out", self._context.collector.collect(kept))
            load.keys_staged += len(kept)
        cursor = rows.state() if rows is not None else None
        unit = page.unit
        if page.is_last:
            if self._context.per_parent:
                load.finish_scope(scope, window=self._window)
                cursor = None
            position = position_of(unit + 1, None, cursor, resumable=True, now=load.now, selector=self.selector)
        else:
            position = position_of(
                unit, page.state, cursor, resumable=page.resumable, now=load.now, selector=self.selector
            )
        load.stager.write(kept if self._context.asset.is_selected else [], position=position)
        self._context.on_event("page_staged")

    def _is_past_the_end(self, load: PartitionLoad) -> bool:
        incremental = self._context.plan.incremental
        if incremental is None or incremental.row_order is None or self._context.plan.parents:
            return False
        rows = load.filter_for(SHARED)
        assert rows is not None
        return rows.passed_start if incremental.row_order == "desc" else rows.passed_end


def _held(page: "Page", records: list[Any], *, resumable: bool) -> HeldPage:
    return HeldPage(unit=page.unit.index, records=records, state=page.state, is_last=page.is_last, resumable=resumable)
