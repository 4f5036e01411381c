"""Commits one window, all of its partitions in one transaction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.errors import Contended
from dagster_rest.assets.fetch.parent_errors import failed_in
from dagster_rest.assets.fetch.partitions import PartitionLoad
from dagster_rest.assets.model.partitioning import describe
from dagster_rest.assets.parents.rows import ParentInput
from dagster_rest.assets.partition_state import PartitionState
from dagster_rest.assets.report import LoadReport
from dagster_rest.assets.run.commit_partition import commit_partition
from dagster_rest.assets.run.recorded_tables import (
    inspect,
    lost_tables,
    other_partitions,
    own_tables,
    recorded_tables,
    root_tables,
)
from dagster_rest.assets.start.windows import Window
from dagster_rest.warehouse.state.catalog import read_schema
from dagster_rest.warehouse.state.ledger import begin_anew, read_loads
from dagster_rest.warehouse.state.ledger_tables import ensure_ledger
from dagster_rest.warehouse.state.lost_tables import note_lost_tables
from dagster_rest.warehouse.state.parents.failed import forget_failed_parents, replace_failed_parents
from dagster_rest.warehouse.state.partitionings import read_partitioning, write_partitioning

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.warehouse.stage.staged_load import StagedLoad


def commit_window(
    context: LoadContext,
    window: Window,
    connection: "DuckDBPyConnection",
    loads: Sequence[PartitionLoad],
    staged: Sequence["StagedLoad"],
    *,
    states: Sequence[PartitionState],
    report: LoadReport,
    parents: ParentInput,
) -> list[PartitionState]:
    """Write everything of one window; the caller's transaction makes it one thing.

    Args:
        context: The load.
        window: The window.
        connection: A connection inside the transaction.
        loads: The partitions, in the order of the report.
        staged: What each of them has on disk.
        states: What each of them goes on from.
        report: What was done so far; the commit adds to it.
        parents: The parents that were worked on.

    Returns:
        What the next window goes on from.

    Raises:
        Contended: Another run committed since this one read the state, or a table was lost.
        StateError: ``state_fenced``.
    """
    ensure_ledger(connection)
    pending = [_check_start(context, connection, one) for one in states]
    _check_tables(context, window, connection, loads)
    _write_partitioning(context, connection, begins=window.is_first and report.start.repartitions)
    if window.is_first and any(_replaces_table(context, load) for load in loads):
        note_lost_tables(connection, root_tables(context, _recorded_roots(context, staged)))
    after: list[PartitionState] = []
    for load, on_disk, state, its_pending, one in zip(loads, staged, states, pending, report.partitions, strict=True):
        one.state, outcomes = commit_partition(
            context, window, connection, load, on_disk, state=state, pending=its_pending
        )
        one.outcomes += outcomes
        after.append(one.state)
    if window.is_last and report.start.fetches and context.request.limit is None:
        parents.mark_consumed(connection, context.asset, in_part=context.has_own_range)
        for load, on_disk in zip(loads, staged, strict=True):
            _write_failed_parents(context, connection, load, on_disk)
    if context.before_commit is not None and window.is_last:
        context.before_commit(connection, report)
    context.on_event("in_transaction")
    # Last of all: between this question and the commit there is no time to be declared dead in.
    context.check_own_run()
    return after


def _check_start(context: LoadContext, connection: "DuckDBPyConnection", state: PartitionState) -> list[str]:
    """Check that the decision about the start still holds; the loads that are not confirmed yet."""
    asset, partition = context.asset.id, state.partition.key
    rows = read_loads(connection, asset=asset, partition=partition, runs=[context.request.run.run_id])
    context.check_attempt(rows)
    if not state.expected_start.still_holds(rows):
        raise Contended("another run of this asset committed")
    return [row.load_id for row in rows if row.status == "pending"]


def _check_tables(
    context: LoadContext, window: Window, connection: "DuckDBPyConnection", loads: Sequence[PartitionLoad]
) -> None:
    """Check that the tables which this load adds to are still there: somebody may drop one during a long fetch."""
    from dagster_rest.warehouse.state.catalog import ensure

    if not context.asset.is_selected or (window.is_first and all(_replaces_table(context, load) for load in loads)):
        return
    ensure(connection, context.asset.dataset)
    recorded = recorded_tables(context, read_schema(connection, context.asset.dataset))
    lost = lost_tables(context, inspect(context, connection, recorded))
    if lost:
        raise Contended(f"{', '.join(lost)}: not as it was recorded any more,")


def _write_partitioning(context: LoadContext, connection: "DuckDBPyConnection", *, begins: bool) -> None:
    """Write down what the rows are partitioned by; those of other partitions are removed, if the run starts over.

    Raises:
        Contended: A run of another code location has loaded other partitions, or has started over as well.
    """
    from dagster_rest.warehouse.load.commit import empty_tables
    from dagster_rest.warehouse.state.catalog import ensure

    asset = context.asset.id
    description = describe(context.asset.partitions_def)
    if not begins and read_partitioning(connection, asset=asset).description == description:
        return
    ensure(connection, context.asset.dataset)
    known = read_schema(connection, context.asset.dataset)
    other = other_partitions(context, connection, recorded_tables(context, known)) is not None
    if other != begins:
        raise Contended("the partitions of what is loaded changed")
    if begins:
        tables = [table.name for table in own_tables(context, known)]
        empty_tables(connection, dataset=context.asset.dataset, tables=tables)
        begin_anew(connection, asset=asset)
        forget_failed_parents(connection, child=asset)
    write_partitioning(connection, asset=asset, description=description, voids_earlier=begins)


def _replaces_table(context: LoadContext, load: PartitionLoad) -> bool:
    """Whether nothing of earlier loads stays in the table, of whichever asset or partition they were."""
    whole = load.start.rebuild and not load.partition.key
    return context.asset.is_selected and (whole or load.start.replaces_lost_table)


def _recorded_roots(context: LoadContext, staged: Sequence["StagedLoad"]) -> set[str]:
    tables = [table for one in staged for table in one.schema.tables.values()]
    return {table.root for table in tables if table.resource == context.spec.resource}


def _write_failed_parents(
    context: LoadContext, connection: "DuckDBPyConnection", load: PartitionLoad, staged: "StagedLoad"
) -> None:
    in_part = context.has_own_range and not load.start.rebuild
    if not context.plan.parents or in_part:
        # After a range of its own, the parents that failed before are still to be asked again.
        return
    replace_failed_parents(
        connection,
        failed_in([staged], plan=context.plan),
        child=context.asset.id,
        partition=load.partition.key,
        now=context.clock(),
    )
