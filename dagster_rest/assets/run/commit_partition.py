"""Commits one partition of a window: its tables, its fan-out keys, its cursors and the ledger's row."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.fetch.partitions import SHARED, PartitionLoad
from dagster_rest.assets.parents.fan_out import parents_of
from dagster_rest.assets.partition_state import PartitionState
from dagster_rest.assets.start.windows import Window
from dagster_rest.warehouse.state.ledger import confirm_loads, load_ids_of_partition, record_load, take_back_loads
from dagster_rest.warehouse.state.load_row import CursorState, LoadRow
from dagster_rest.warehouse.state.parents.cursors import replace_parent_cursors

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.warehouse.load.commit import LoadOutcome
    from dagster_rest.warehouse.schema import ResourceSpec
    from dagster_rest.warehouse.stage.staged_load import StagedLoad


def commit_partition(
    context: LoadContext,
    window: Window,
    connection: "DuckDBPyConnection",
    load: PartitionLoad,
    staged: "StagedLoad",
    *,
    state: PartitionState,
    pending: Sequence[str],
) -> tuple[PartitionState, list["LoadOutcome"]]:
    """Write one partition; the caller's transaction makes it one thing with the others.

    Args:
        context: The load.
        window: The window.
        connection: A connection inside the transaction.
        load: The partition.
        staged: What it has on disk.
        state: What it goes on from.
        pending: Its loads that are not confirmed yet.

    Returns:
        What the next window goes on from, and what was done to the tables, if it has tables.
    """
    rebuild = load.start.rebuild and window.is_first
    outcome = None
    taken_back: Sequence[str] = ()
    if not state.has_committed:
        taken_back = _settle(context, connection, load, staged, pending=pending)
        _forget_parent_cursors(context, connection, load)
    if context.asset.is_selected:
        outcome = _write_tables(context, window, connection, load, staged, rebuild=rebuild, taken_back=taken_back)
    load_group = state.load_group(staged.load_id)
    _write_keys(context, window, connection, load, staged, rebuild=rebuild, load_group=load_group)
    parent_cursors = {**state.parent_cursors, **_write_parent_cursors(context, window, connection, load, staged)}
    after = dataclasses.replace(
        state,
        parent_cursors=parent_cursors,
        cursor=_cursor_after(context, window, load, state.cursor, parent_cursors=parent_cursors),
        data_version=_data_version(
            context, connection, load, staged, previous=state.data_version or load.start.data_version, outcome=outcome
        ),
        load_ids=(*state.load_ids, staged.load_id),
    )
    rules = context.rules(load.partition)
    record_load(
        connection,
        LoadRow(
            load_id=staged.load_id,
            asset=context.asset.id,
            partition=load.partition.key,
            load_group=load_group,
            run_id=context.request.run.run_id,
            attempt=context.request.run.attempt,
            storage_id=context.request.storage_id,
            status="pending",
            cursor=after.cursor,
            cursor_path=rules.cursor_path,
            cursor_function=rules.cursor_function,
            rows_loaded=outcome.rows_loaded if outcome else 0,
            complete=window.is_last,
            fingerprint=context.plan.fingerprint,
            data_version=after.data_version,
            request_key=context.options.key,
            in_table=context.asset.is_selected,
            source=context.asset.source.name,
            code_location=context.request.run.code_location,
            progress=window.cursor_after(None) if window.stateless and not window.is_last else None,
        ),
        committed_at=context.clock(),
    )
    return after, [outcome] if outcome else []


def _settle(
    context: LoadContext,
    connection: "DuckDBPyConnection",
    load: PartitionLoad,
    staged: "StagedLoad",
    *,
    pending: Sequence[str],
) -> Sequence[str]:
    """Write down what becomes of unconfirmed loads; those whose rows are to be deleted."""
    asset, start = context.asset.id, load.start
    if start.reported:
        confirm_loads(connection, load_ids=start.reported, confirmed_at=context.clock())
    replaces_all = start.rebuild or load.replaces or staged.spec.write_disposition.disposition == "replace"
    if replaces_all:
        gone = set(pending) - {*start.reported, *(start.depends_on if start.continued else ())}
        if start.rebuild:
            # Not even confirmed loads have a row left: what was reported of them is not in the table.
            gone = {*load_ids_of_partition(connection, asset=asset, partitions=[load.partition.key])}
        take_back_loads(connection, asset=asset, load_ids=sorted(gone))
    if start.takes_back:
        take_back_loads(connection, asset=asset, load_ids=start.takes_back)
        if context.collector:
            from dagster_rest.warehouse.state.parents.keys import forget_fan_out_keys

            forget_fan_out_keys(connection, asset=asset, load_ids=start.takes_back)
    return start.takes_back


def _write_tables(
    context: LoadContext,
    window: Window,
    connection: "DuckDBPyConnection",
    load: PartitionLoad,
    staged: "StagedLoad",
    *,
    rebuild: bool,
    taken_back: Sequence[str],
) -> "LoadOutcome":
    from dagster_rest.warehouse.load.commit import ReplaceWhere, commit_load

    earlier = list(taken_back)
    if load.replaces and window.is_first:
        earlier = load_ids_of_partition(connection, asset=context.asset.id, partitions=[load.partition.key])
    replace_where = ReplaceWhere("_load_id in (select unnest(?::varchar[]))", [earlier]) if earlier else None
    return commit_load(
        connection,
        staged,
        load_id=staged.load_id,
        loaded_at=context.clock(),
        full_refresh=rebuild and not load.partition.key,
        replace_where=replace_where,
        on_event=context.on_event,
    )


def _write_keys(
    context: LoadContext,
    window: Window,
    connection: "DuckDBPyConnection",
    load: PartitionLoad,
    staged: "StagedLoad",
    *,
    rebuild: bool,
    load_group: str,
) -> None:
    if not context.collector:
        return
    from dagster_rest.warehouse.load.absent_parents import forget_absent_parents
    from dagster_rest.warehouse.state.parents.keys import forget_fan_out_keys, write_fan_out_keys

    if (load.replaces and window.is_first) or rebuild:
        forget_fan_out_keys(connection, asset=context.asset.id, partitions=[load.partition.key])
    rows = list(staged.side("fan_out"))
    write_fan_out_keys(
        connection,
        rows,
        asset=context.asset.id,
        partition=load.partition.key,
        load_id=staged.load_id,
        load_group=load_group,
        write=_key_write(context, staged.spec),
    )
    if rows and context.asset.is_selected and _may_leave_out(staged):
        forget_absent_parents(connection, staged.spec, asset=context.asset.id, now=context.clock())


def _may_leave_out(staged: "StagedLoad") -> bool:
    """Whether a record may be in no table, or a row be deleted that no record of the load stands for."""
    disposition = staged.spec.write_disposition
    limited = any(disposition.options.get(option) for option in ("source_filter", "destination_scope"))
    return disposition.disposition == "merge" and (limited or bool(staged.counters.get("discarded_rows")))


def _key_write(context: LoadContext, spec: "ResourceSpec") -> Any:
    disposition = spec.write_disposition
    if disposition.disposition == "merge":
        is_limited = disposition.options.get("destination_scope") and context.plan.primary_key
        if disposition.strategy in ("cdc", "scd2") and not context.plan.merge_key and not is_limited:
            return "replace"
        if disposition.strategy == "insert-only" and context.plan.primary_key:
            return "insert"
        return "merge" if context.plan.primary_key or context.plan.merge_key else "append"
    return "replace" if disposition.disposition == "replace" else "append"


def _forget_parent_cursors(context: LoadContext, connection: "DuckDBPyConnection", load: PartitionLoad) -> None:
    if load.start.forgets_parents:
        replace_parent_cursors(
            connection, asset=context.asset.id, partition=load.partition.key, cursors={}, keep_others=False
        )


def _write_parent_cursors(
    context: LoadContext,
    window: Window,
    connection: "DuckDBPyConnection",
    load: PartitionLoad,
    staged: "StagedLoad",
) -> Mapping[str, CursorState]:
    """Store the cursors of the parents that this window moved."""
    replaces = context.replaces(load.partition)
    moves = context.per_parent and not replaces and not window.stateless
    if not moves or context.request.limit is not None:
        return {}
    cursors = {
        parent: CursorState(value=row["cursor"], type=row["type"], boundary=tuple(row["boundary"]))
        for row in staged.side("parent_cursors")
        for parent in parents_of(context.plan, row["parent_key"])
    }
    replace_parent_cursors(
        connection, asset=context.asset.id, partition=load.partition.key, cursors=cursors, keep_others=True
    )
    return cursors


def _cursor_after(
    context: LoadContext,
    window: Window,
    load: PartitionLoad,
    cursor: CursorState | None,
    *,
    parent_cursors: Mapping[str, CursorState],
) -> CursorState | None:
    # A range with an explicit end leaves the cursor alone.
    if context.plan.incremental is None or context.request.limit is not None or window.stateless:
        return cursor
    if context.per_parent:
        seen = [*load.finished, *parent_cursors.values()]
        return window.cursor_after(window.newest([*seen, cursor] if cursor else seen))
    rows = load.filter_for(SHARED)
    assert rows is not None
    return window.cursor_after(rows.state() or cursor)


def _data_version(
    context: LoadContext,
    connection: "DuckDBPyConnection",
    load: PartitionLoad,
    staged: "StagedLoad",
    *,
    previous: str,
    outcome: "LoadOutcome | None",
) -> str:
    from dagster_rest.warehouse.load.data_version import content_version

    if outcome is None:
        brought = load.keys_staged or any(True for _ in staged.side("fan_out"))
        return staged.load_id if brought or not previous else previous
    unchanged = not (outcome.rows_loaded or outcome.rows_deleted or outcome.schema_changes)
    if unchanged and previous and not load.start.rebuild:
        return previous
    if context.partitioned:
        return content_version(
            connection, dataset=context.asset.dataset, tables=[outcome.table], load_id=staged.load_id
        )
    if staged.spec.write_disposition.disposition == "append" and not load.start.rebuild:
        # An append that brought rows changed the content: no need to read a large table for that.
        return staged.load_id
    return content_version(connection, dataset=context.asset.dataset, tables=outcome.total_rows)
