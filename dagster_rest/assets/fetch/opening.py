"""Opens the partitions of a window: staging folder, resume or fresh start, row filters."""

import contextlib
import dataclasses
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.cursor.ahead import AheadRows, SeenAhead
from dagster_rest.assets.cursor.limits import CursorLimits, limits_of
from dagster_rest.assets.cursor.row_filter import RowFilter
from dagster_rest.assets.cursor.values import from_state, to_state
from dagster_rest.assets.fetch.partitions import PartitionLoad, claim_folder, now_of
from dagster_rest.assets.parents.fan_out import ParentGroup, cursor_of_group
from dagster_rest.assets.partition_state import PartitionState
from dagster_rest.assets.start.windows import Window

if TYPE_CHECKING:
    from dagster_rest.warehouse.schema import RecordedSchema, ResourceSpec
    from dagster_rest.warehouse.stage.stager import Stager


def open_partitions(
    context: LoadContext,
    window: Window,
    *,
    states: Sequence[PartitionState],
    groups: Sequence[ParentGroup],
    known: "RecordedSchema",
    stack: contextlib.ExitStack,
) -> list[PartitionLoad]:
    """Open every partition for one window, resuming an interrupted load where that fits.

    Args:
        context: The load.
        window: The window.
        states: The partitions, with what they go on from.
        groups: What will be asked for: part of the fingerprint that an interrupted load must share.
        known: The columns recorded so far.
        stack: Keeps the staging folders claimed.
    """
    loads: list[PartitionLoad] = []
    for one in states:
        beside = loads[0].stager if loads else None
        loads.append(_open(context, window, one, groups=groups, known=known, beside=beside, stack=stack))
    return loads


def _open(
    context: LoadContext,
    window: Window,
    one: PartitionState,
    *,
    groups: Sequence[ParentGroup],
    known: "RecordedSchema",
    beside: "Stager | None",
    stack: contextlib.ExitStack,
) -> PartitionLoad:
    from dagster_rest.warehouse.schema import RecordedSchema
    from dagster_rest.warehouse.stage.stager import Stager

    config = context.plan.config
    folder, alone = stack.enter_context(claim_folder(context.root, asset=context.asset.id, partition=one.partition.key))
    bounds = window.bounds[one.partition.key]
    rebuild = one.start.rebuild and window.is_first and not one.partition.key

    def open_stager() -> Stager:
        return Stager.open(
            folder,
            spec=_table_spec(context, window, one),
            known=RecordedSchema(dataset=context.asset.dataset) if rebuild else known,
            fingerprint=_fingerprint(context, window, one, groups=groups),
            load_id=_new_load_id(context.clock()),
            beside=beside,
            resume=alone and config.resume and len(context.request.partitions) == 1,
            ttl_seconds=config.resume_ttl,
            on_event=context.on_event,
        )

    stager, ahead = open_stager(), SeenAhead()
    if stager.resumed and not _can_resume(context, stager.position or {}):
        stager.discard()
        stager = open_stager()
    if stager.resumed:
        context.log(f"resuming the interrupted load {stager.load_id} at unit {(stager.position or {}).get('unit', 0)}")
    elif stager.reset_reason:
        context.log(f"an interrupted load is not resumed: {stager.reset_reason}")
    now = now_of(stager.position) if stager.resumed else None
    if now is not None:
        bounds = dataclasses.replace(bounds, end=from_state(now))
        window = dataclasses.replace(window, bounds={**window.bounds, one.partition.key: bounds})
    return PartitionLoad(
        partition=one.partition,
        start=one.start,
        bounds=bounds,
        stager=stager,
        make_filter=_filter_maker(context, window, one, ahead=ahead),
        ahead=ahead,
        parent_cursors=one.parent_cursors,
        replaces=_replaces(context, one),
        now=to_state(bounds.end) if window.ends_now else None,
    )


def _replaces(context: LoadContext, one: PartitionState) -> bool:
    """Whether this load stands for all of its partition."""
    if not one.start.fetches or not one.partition.key:
        return False
    return context.replaces(one.partition) or one.start.rebuild


def _can_resume(context: LoadContext, position: Mapping[str, Any]) -> bool:
    # In the middle of a parent its first pages are staged already: it could not be left out any more.
    in_the_middle = position.get("state") is not None and context.skips_failed_parents
    return bool(position.get("resumable", True)) and not in_the_middle


def _filter_maker(
    context: LoadContext, window: Window, one: PartitionState, *, ahead: SeenAhead
) -> Callable[[str], RowFilter] | None:
    incremental = window.incremental
    if incremental is None:
        return None
    bounds, key = window.bounds[one.partition.key], _boundary_key(context)
    ignores_cursor = window.stateless or context.replaces(one.partition)
    where = f"{context.plan.config_path}.endpoint.incremental"
    limits = limits_of(context.plan, now=context.clock())

    def make(scope: str) -> RowFilter:
        if ignores_cursor:
            return RowFilter(incremental, bounds=bounds, key=key, where=where)
        rows_ahead = None if limits is None else _ahead_rows(context, limits, where=where, seen=ahead)
        known, own = one.cursor, bounds
        if context.per_parent:
            known = cursor_of_group(context.plan, scope, cursors=one.parent_cursors)
            own = window.bounds_for_parent(bounds, known)
        return RowFilter(incremental, bounds=own, known=known, key=key, where=where, ahead=rows_ahead)

    return make


def _ahead_rows(context: LoadContext, limits: CursorLimits, *, where: str, seen: SeenAhead) -> AheadRows:
    return AheadRows(
        limits,
        growing=_only_grows(context),
        drops=not _replaces_groups(context),
        key=context.plan.primary_key,
        where=where,
        on_first=seen.cursors.append,
    )


def _replaces_groups(context: LoadContext) -> bool:
    """Whether a load takes rows away that it does not bring: then it must bring those that are known as well."""
    plan = context.plan
    merges = plan.write_disposition.disposition == "merge"
    return merges and (bool(plan.merge_key) or plan.write_disposition.strategy in ("scd2", "cdc"))


def _only_grows(context: LoadContext) -> bool:
    """Whether a row that comes again is in the table twice."""
    plan = context.plan
    return plan.write_disposition.disposition == "append" or not (plan.primary_key or plan.merge_key)


def _boundary_key(context: LoadContext) -> tuple[str, ...] | None:
    assert context.plan.incremental is not None
    if _replaces_groups(context):
        return None
    explicit = context.plan.incremental.primary_key
    if explicit is not None:
        return _names(explicit) or None
    if context.plan.write_disposition.disposition == "merge":
        # A merge can take a changed row at the boundary; by key alone its change would be lost.
        return ()
    return context.plan.primary_key


def _table_spec(context: LoadContext, window: Window, one: PartitionState) -> "ResourceSpec":
    disposition = context.spec.write_disposition
    part_only = context.partitioned or not _is_first(window, one)
    replaces_less = disposition.disposition == "replace" and part_only
    if replaces_less or not one.start.fetches:
        # A partition, a later window, or the rest of an interrupted load replaces only its own rows.
        return dataclasses.replace(
            context.spec,
            write_disposition=dataclasses.replace(disposition, disposition="append", strategy=None),
        )
    return context.spec


def _is_first(window: Window, one: PartitionState) -> bool:
    """Whether nothing of this load is in the table yet."""
    return window.is_first and not one.start.has_begun


def _fingerprint(context: LoadContext, window: Window, one: PartitionState, *, groups: Sequence[ParentGroup]) -> str:
    bounds = window.bounds[one.partition.key]
    parents = hashlib.blake2b(digest_size=8)
    for group in groups:
        parents.update(json.dumps([group.key, *group.includes], default=str).encode())
    parts = [
        context.plan.fingerprint,
        # The key alone may be a day today and a month tomorrow.
        (one.partition.key, one.partition.start, one.partition.end),
        one.base,
        _is_first(window, one),
        one.start.rebuild and _is_first(window, one),
        repr(dataclasses.replace(bounds, end="now") if window.ends_now else bounds),
        one.start.reports_only,
        parents.hexdigest(),
        context.request.limit,
    ]
    return hashlib.blake2b(json.dumps(parts, default=str).encode(), digest_size=12).hexdigest()


def _names(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _new_load_id(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond:06d}-{secrets.token_hex(3)}"
