"""Opens the lanes of a window: staging folder, resume or fresh start, row filters."""

import contextlib
import dataclasses
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.cursor.ahead import AheadRows
from dagster_rest.assets.cursor.reach import Reach, reach_of
from dagster_rest.assets.cursor.row_filter import RowFilter
from dagster_rest.assets.cursor.values import from_state, to_state
from dagster_rest.assets.fetch.partitions import Lane, claim_folder, now_of
from dagster_rest.assets.parents.fan_out import ParentGroup, cursor_of_group
from dagster_rest.assets.report import SliceReport
from dagster_rest.assets.start.windows import Window

if TYPE_CHECKING:
    from dagster_rest.warehouse.schema import RecordedSchema, ResourceSpec
    from dagster_rest.warehouse.stage.stager import Stager


class LaneOpener:
    """Opens the lane of a partition for one window.

    Args:
        context: The load.
        window: The window.
        groups: What will be asked for: part of the fingerprint that an interrupted load must share.
        known: The columns recorded so far.
    """

    def __init__(
        self, context: LoadContext, window: Window, *, groups: Sequence[ParentGroup], known: "RecordedSchema"
    ) -> None:
        self._context = context
        self._window = window
        self._groups = groups
        self._known = known
        self._first: Stager | None = None

    def open(self, one: SliceReport, *, stack: contextlib.ExitStack) -> Lane:
        """Open a lane, going on with an interrupted load where that fits.

        Args:
            one: The partition.
            stack: Keeps the staging folder claimed.
        """
        from dagster_rest.warehouse.schema import RecordedSchema
        from dagster_rest.warehouse.stage.stager import Stager

        config, window = self._context.plan.config, self._window
        folder, alone = stack.enter_context(
            claim_folder(self._context.root, asset=self._context.asset.id, partition=one.slice.key)
        )
        bounds = window.bounds[one.slice.key]
        rebuild = one.start.rebuild and window.is_first and not one.slice.key

        def open_stager() -> Stager:
            return Stager.open(
                folder,
                spec=self._lane_spec(one),
                known=RecordedSchema(dataset=self._context.asset.dataset) if rebuild else self._known,
                fingerprint=self._fingerprint(one),
                load_id=_new_load_id(self._context.clock()),
                beside=self._first,
                resume=alone and config.resume and len(self._context.request.slices) == 1,
                ttl_seconds=config.resume_ttl,
                on_event=self._context.on_event,
            )

        stager = open_stager()
        if stager.resumed and not self._can_go_on(stager.position or {}):
            stager.discard()
            stager = open_stager()
        if stager.resumed:
            self._context.log(
                f"going on with the interrupted load {stager.load_id} at unit {(stager.position or {}).get('unit', 0)}"
            )
        elif stager.reset_reason:
            self._context.log(f"an interrupted load is not gone on with: {stager.reset_reason}")
        self._first = self._first or stager
        now = now_of(stager.position) if stager.resumed else None
        if now is not None:
            bounds = dataclasses.replace(bounds, end=from_state(now))
            window = dataclasses.replace(window, bounds={**window.bounds, one.slice.key: bounds})
        return Lane(
            slice=one.slice,
            start=one.start,
            bounds=bounds,
            stager=stager,
            make_filter=self._filter_maker(one, window),
            parent_cursors=one.parent_cursors,
            replaces=self._replaces(one),
            now=to_state(bounds.end) if window.ends_now else None,
        )

    def _replaces(self, one: SliceReport) -> bool:
        """Whether this load stands for all of its partition."""
        if one.start.recovery == "tell" or not one.slice.key:
            return False
        return self._context.replaces(one.slice) or one.start.rebuild

    def _can_go_on(self, position: Mapping[str, Any]) -> bool:
        # In the middle of a parent its first pages are staged already: it could not be left out any more.
        in_the_middle = position.get("state") is not None and self._context.skips_failed_parents
        return bool(position.get("resumable", True)) and not in_the_middle

    def _filter_maker(self, one: SliceReport, window: Window) -> Callable[[str], RowFilter] | None:
        incremental = window.incremental
        if incremental is None:
            return None
        bounds, key = window.bounds[one.slice.key], self._boundary_key()
        forgetful = window.stateless or self._context.replaces(one.slice)
        where = f"{self._context.plan.config_path}.endpoint.incremental"
        reach = reach_of(self._context.plan, now=self._context.clock())

        def make(scope: str) -> RowFilter:
            if forgetful:
                return RowFilter(incremental, bounds=bounds, key=key, where=where)
            ahead = None if reach is None else self._ahead_rows(reach, one, where=where)
            known, own = one.cursor, bounds
            if self._context.per_parent:
                known = cursor_of_group(self._context.plan, scope, cursors=one.parent_cursors)
                own = window.bounds_for_parent(bounds, known)
            return RowFilter(incremental, bounds=own, known=known, key=key, where=where, ahead=ahead)

        return make

    def _ahead_rows(self, reach: Reach, one: SliceReport, *, where: str) -> AheadRows:
        return AheadRows(
            reach,
            growing=self._only_grows(),
            drops=not self._replaces_groups(),
            key=self._context.plan.primary_key,
            where=where,
            on_first=one.ahead.cursors.append,
        )

    def _replaces_groups(self) -> bool:
        """Whether a load takes rows away that it does not bring: then it must bring those that are known as well."""
        plan = self._context.plan
        merges = plan.write_disposition.disposition == "merge"
        return merges and (bool(plan.merge_key) or plan.write_disposition.strategy in ("scd2", "cdc"))

    def _only_grows(self) -> bool:
        """Whether a row that comes again is in the table twice."""
        plan = self._context.plan
        return plan.write_disposition.disposition == "append" or not (plan.primary_key or plan.merge_key)

    def _boundary_key(self) -> tuple[str, ...] | None:
        assert self._context.plan.incremental is not None
        if self._replaces_groups():
            return None
        explicit = self._context.plan.incremental.primary_key
        if explicit is not None:
            return _names(explicit) or None
        if self._context.plan.write_disposition.disposition == "merge":
            # A merge can take a changed row at the boundary; by key alone its change would be lost.
            return ()
        return self._context.plan.primary_key

    def _lane_spec(self, one: SliceReport) -> "ResourceSpec":
        disposition = self._context.spec.write_disposition
        part_only = self._context.partitioned or not self._is_first(one)
        replaces_less = disposition.disposition == "replace" and part_only
        if replaces_less or one.start.recovery == "tell":
            # A partition, a later window, or the rest of an interrupted load replaces only its own rows.
            return dataclasses.replace(
                self._context.spec,
                write_disposition=dataclasses.replace(disposition, disposition="append", strategy=None),
            )
        return self._context.spec

    def _is_first(self, one: SliceReport) -> bool:
        """Whether nothing of this load is in the table yet."""
        return self._window.is_first and one.start.continued is None

    def _fingerprint(self, one: SliceReport) -> str:
        window = self._window
        bounds = window.bounds[one.slice.key]
        parents = hashlib.blake2b(digest_size=8)
        for group in self._groups:
            parents.update(json.dumps([group.key, *group.includes], default=str).encode())
        parts = [
            self._context.plan.fingerprint,
            # The key alone may be a day today and a month tomorrow.
            (one.slice.key, one.slice.start, one.slice.end),
            one.load_ids[-1] if one.load_ids else one.start.base,
            self._is_first(one),
            one.start.rebuild and self._is_first(one),
            repr(dataclasses.replace(bounds, end="now") if window.ends_now else bounds),
            one.start.recovery == "tell",
            parents.hexdigest(),
            self._context.request.limit,
        ]
        return hashlib.blake2b(json.dumps(parts, default=str).encode(), digest_size=12).hexdigest()


def _names(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _new_load_id(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond:06d}-{secrets.token_hex(3)}"
