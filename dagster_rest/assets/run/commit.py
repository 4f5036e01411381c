"""Commits one window: tables, fan-out keys, cursors and the ledger's row, in one transaction."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.errors import Contended
from dagster_rest.assets.fetch.parent_errors import failed_in
from dagster_rest.assets.fetch.partitions import SHARED, Lane
from dagster_rest.assets.model.partitioning import describe
from dagster_rest.assets.parents.fan_out import parents_of
from dagster_rest.assets.parents.rows import ParentInput
from dagster_rest.assets.report import LoadReport, SliceReport
from dagster_rest.assets.start.windows import Window
from dagster_rest.warehouse.state.catalog import read_schema
from dagster_rest.warehouse.state.ledger import (
    begin_anew,
    confirm_loads,
    load_ids_of_partition,
    read_loads,
    record_load,
    take_back_loads,
)
from dagster_rest.warehouse.state.ledger_tables import ensure_ledger
from dagster_rest.warehouse.state.load_row import CursorState, LoadRow
from dagster_rest.warehouse.state.lost_tables import note_lost_tables
from dagster_rest.warehouse.state.parents.cursors import replace_parent_cursors
from dagster_rest.warehouse.state.parents.failed import forget_failed_parents, replace_failed_parents
from dagster_rest.warehouse.state.partitionings import read_partitioning, write_partitioning

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.warehouse.load.commit import LoadOutcome
    from dagster_rest.warehouse.schema import ResourceSpec
    from dagster_rest.warehouse.stage.staged_load import StagedLoad


class WindowCommit:
    """The commit of one window.

    Args:
        context: The load.
        window: The window.
        report: What was done so far; the commit adds to it.
    """

    def __init__(self, context: LoadContext, window: Window, *, report: LoadReport) -> None:
        self._context = context
        self._window = window
        self._report = report

    def run(
        self,
        connection: "DuckDBPyConnection",
        lanes: Sequence[Lane],
        staged: Sequence["StagedLoad"],
        *,
        parents: ParentInput,
    ) -> None:
        """Write everything; the caller's transaction makes it one thing.

        Args:
            connection: A connection inside the transaction.
            lanes: The partitions.
            staged: What each of them has on disk.
            parents: The parents that were worked on.

        Raises:
            Contended: Another run committed since this one read the state, or a table was lost.
            StateError: ``state_fenced``.
        """
        report, window = self._report, self._window
        ensure_ledger(connection)
        by_key = {one.slice.key: one for one in report.slices}
        pending: dict[str, list[str]] = {}
        for lane in lanes:
            pending[lane.slice.key] = self._check_start(connection, lane, by_key[lane.slice.key])
        self._check_tables(connection, lanes)
        self._write_partitioning(connection, lanes)
        if window.is_first and any(map(self._makes_anew, lanes)):
            note_lost_tables(connection, self._context.root_tables(self._recorded_roots(staged)))
        for lane, load in zip(lanes, staged, strict=True):
            one = by_key[lane.slice.key]
            self._commit_lane(connection, lane, load, one=one, pending=pending[lane.slice.key])
        tells = any(lane.start.recovery == "tell" for lane in lanes)
        if window.is_last and not tells and self._context.request.limit is None:
            parents.mark_consumed(connection, self._context.asset, in_part=self._context.has_own_range)
            for lane, load in zip(lanes, staged, strict=True):
                self._write_failed_parents(connection, lane, load)
        if self._context.before_commit is not None and window.is_last:
            self._context.before_commit(connection, report)
        self._context.on_event("in_transaction")
        # Last of all: between this question and the commit there is no time to be declared dead in.
        self._context.check_own_run()

    def _write_failed_parents(self, connection: "DuckDBPyConnection", lane: Lane, staged: "StagedLoad") -> None:
        in_part = self._context.has_own_range and not lane.start.rebuild
        if not self._context.plan.parents or lane.start.recovery == "tell" or in_part:
            # After a range of its own, what is owed is owed still.
            return
        replace_failed_parents(
            connection,
            failed_in([staged], plan=self._context.plan),
            child=self._context.asset.id,
            partition=lane.slice.key,
            now=self._context.clock(),
        )

    def _check_start(self, connection: "DuckDBPyConnection", lane: Lane, one: SliceReport) -> list[str]:
        """Check that the decision about the start still holds; the loads that are not confirmed yet."""
        asset, partition = self._context.asset.id, lane.slice.key
        loads = read_loads(connection, asset=asset, partition=partition, runs=[self._context.request.run.run_id])
        self._context.check_attempt(loads)
        start = lane.start
        if one.load_ids:
            start = dataclasses.replace(start, base=one.load_ids[-1], answers_for=())
        if not start.still_holds(loads):
            raise Contended("another run of this asset committed")
        return [load.load_id for load in loads if load.status == "pending"]

    def _check_tables(self, connection: "DuckDBPyConnection", lanes: Sequence[Lane]) -> None:
        """Check that the tables which this load adds to are still there: hands may be quicker than a long fetch."""
        from dagster_rest.warehouse.state.catalog import ensure

        if not self._context.asset.is_selected or (self._window.is_first and all(map(self._makes_anew, lanes))):
            return
        ensure(connection, self._context.asset.dataset)
        recorded = self._context.recorded_tables(read_schema(connection, self._context.asset.dataset))
        lost = self._context.lost_tables(self._context.inspect(connection, recorded))
        if lost:
            raise Contended(f"{', '.join(lost)}: not as it was recorded any more,")

    def _write_partitioning(self, connection: "DuckDBPyConnection", lanes: Sequence[Lane]) -> None:
        """Write down what the rows are partitioned by; those of other partitions go, if the run begins anew.

        Raises:
            Contended: A run of another code location has loaded other partitions, or has begun anew as well.
        """
        from dagster_rest.warehouse.load.commit import empty_tables
        from dagster_rest.warehouse.state.catalog import ensure

        context, asset = self._context, self._context.asset.id
        description = describe(context.asset.partitions_def)
        begins = self._window.is_first and any(lane.start.repartitions for lane in lanes)
        if not begins and read_partitioning(connection, asset=asset).description == description:
            return
        ensure(connection, context.asset.dataset)
        known = read_schema(connection, context.asset.dataset)
        other = context.other_partitions(connection, context.recorded_tables(known)) is not None
        if other != begins:
            raise Contended("the partitions of what is loaded changed")
        if begins:
            tables = [table.name for table in context.own_tables(known)]
            empty_tables(connection, dataset=context.asset.dataset, tables=tables)
            begin_anew(connection, asset=asset)
            forget_failed_parents(connection, child=asset)
        write_partitioning(connection, asset=asset, description=description, voids_earlier=begins)

    def _makes_anew(self, lane: Lane) -> bool:
        """Whether nothing of earlier loads stays in the table, of whichever asset or partition they were."""
        whole = lane.start.rebuild and not lane.slice.key
        is_lost = lane.start.case == "missing_table" and not lane.start.made_anew
        return self._context.asset.is_selected and (whole or is_lost)

    def _recorded_roots(self, staged: Sequence["StagedLoad"]) -> set[str]:
        tables = [table for load in staged for table in load.schema.tables.values()]
        return {table.root for table in tables if table.resource == self._context.spec.resource}

    def _commit_lane(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        *,
        one: SliceReport,
        pending: Sequence[str],
    ) -> None:
        window = self._window
        rebuild = lane.start.rebuild and window.is_first
        outcome = None
        taken_back = self._settle(connection, lane, staged, one, pending=pending)
        if self._context.asset.is_selected:
            outcome = self._write_tables(connection, lane, staged, one, rebuild=rebuild, taken_back=taken_back)
            one.outcomes.append(outcome)
        continued = lane.start.continued
        load_group = continued.load_group if continued else one.load_ids[0] if one.load_ids else staged.load_id
        self._write_keys(connection, lane, staged, rebuild=rebuild, load_group=load_group)
        self._write_parent_cursors(connection, lane, staged, one)
        one.cursor = self._cursor_after(lane, one)
        one.data_version = self._data_version(connection, lane, staged, one, outcome=outcome)
        one.load_ids.append(staged.load_id)
        rules = self._context.rules(lane.slice)
        record_load(
            connection,
            LoadRow(
                load_id=staged.load_id,
                asset=self._context.asset.id,
                partition=lane.slice.key,
                load_group=load_group,
                run_id=self._context.request.run.run_id,
                attempt=self._context.request.run.attempt,
                storage_id=self._context.request.storage_id,
                status="pending",
                cursor=one.cursor,
                cursor_path=rules.cursor_path,
                cursor_function=rules.cursor_function,
                rows_loaded=outcome.rows_loaded if outcome else 0,
                complete=window.is_last,
                fingerprint=self._context.plan.fingerprint,
                data_version=one.data_version,
                request_key=self._context.wish.key,
                in_table=self._context.asset.is_selected,
                progress=window.cursor_after(None) if window.stateless and not window.is_last else None,
            ),
            committed_at=self._context.clock(),
        )

    def _settle(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        one: SliceReport,
        *,
        pending: Sequence[str],
    ) -> Sequence[str]:
        """Write down what becomes of unconfirmed loads; those whose rows are to be deleted."""
        if one.load_ids:
            return ()
        asset, start = self._context.asset.id, lane.start
        if start.told:
            confirm_loads(connection, load_ids=start.told, confirmed_at=self._context.clock())
        replaces_all = start.rebuild or lane.replaces or staged.spec.write_disposition.disposition == "replace"
        if replaces_all:
            gone = set(pending) - {*start.told, *(start.answers_for if start.continued else ())}
            if start.rebuild:
                # Not even confirmed loads have a row left: what is told of them says nothing of the table.
                gone = {*load_ids_of_partition(connection, asset=asset, partitions=[lane.slice.key])}
            take_back_loads(connection, asset=asset, load_ids=sorted(gone))
        if start.takes_back:
            take_back_loads(connection, asset=asset, load_ids=start.takes_back)
            if self._context.collector:
                from dagster_rest.warehouse.state.parents.keys import forget_fan_out_keys

                forget_fan_out_keys(connection, asset=asset, load_ids=start.takes_back)
        return start.takes_back

    def _write_tables(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        one: SliceReport,
        *,
        rebuild: bool,
        taken_back: Sequence[str],
    ) -> "LoadOutcome":
        from dagster_rest.warehouse.load.commit import ReplaceWhere, commit_load

        earlier = list(taken_back)
        if lane.replaces and self._window.is_first:
            earlier = load_ids_of_partition(connection, asset=self._context.asset.id, partitions=[lane.slice.key])
        replace_where = ReplaceWhere("_load_id in (select unnest(?::varchar[]))", [earlier]) if earlier else None
        return commit_load(
            connection,
            staged,
            load_id=staged.load_id,
            loaded_at=self._context.clock(),
            full_refresh=rebuild and not lane.slice.key,
            replace_where=replace_where,
            on_event=self._context.on_event,
        )

    def _write_keys(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        *,
        rebuild: bool,
        load_group: str,
    ) -> None:
        if not self._context.collector:
            return
        from dagster_rest.warehouse.state.parents.keys import forget_fan_out_keys, write_fan_out_keys

        if (lane.replaces and self._window.is_first) or rebuild:
            forget_fan_out_keys(connection, asset=self._context.asset.id, partitions=[lane.slice.key])
        write_fan_out_keys(
            connection,
            list(staged.side("fan_out")),
            asset=self._context.asset.id,
            partition=lane.slice.key,
            load_id=staged.load_id,
            load_group=load_group,
            write=self._key_write(staged.spec),
        )

    def _key_write(self, spec: "ResourceSpec") -> Any:
        disposition = spec.write_disposition
        if disposition.disposition == "merge":
            if disposition.strategy in ("cdc", "scd2") and not self._context.plan.merge_key:
                return "replace"
            if disposition.strategy == "insert-only" and self._context.plan.primary_key:
                return "insert"
            return "merge" if self._context.plan.primary_key or self._context.plan.merge_key else "append"
        return "replace" if disposition.disposition == "replace" else "append"

    def _write_parent_cursors(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        one: SliceReport,
    ) -> None:
        asset, partition = self._context.asset.id, lane.slice.key
        if lane.start.forgets_parents and not one.load_ids:
            replace_parent_cursors(connection, asset=asset, partition=partition, cursors={}, keep_others=False)
        replaces = self._context.replaces(lane.slice)
        moves = self._context.per_parent and not replaces and not self._window.stateless
        if not moves or self._context.request.limit is not None:
            return
        cursors = {
            parent: CursorState(value=row["cursor"], type=row["type"], boundary=tuple(row["boundary"]))
            for row in staged.side("parent_cursors")
            for parent in parents_of(self._context.plan, row["parent_key"])
        }
        one.parent_cursors.update(cursors)
        replace_parent_cursors(connection, asset=asset, partition=partition, cursors=cursors, keep_others=True)

    def _cursor_after(self, lane: Lane, one: SliceReport) -> CursorState | None:
        window = self._window
        if self._context.plan.incremental is None or self._context.request.limit is not None:
            return one.cursor
        if window.stateless:
            # An explicit end leaves the cursor alone.
            return one.cursor
        if self._context.per_parent:
            seen = [*lane.finished, *one.parent_cursors.values()]
            return window.cursor_after(window.newest([*seen, one.cursor] if one.cursor else seen))
        rows = lane.filter_for(SHARED)
        assert rows is not None
        return window.cursor_after(rows.state() or one.cursor)

    def _data_version(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        one: SliceReport,
        *,
        outcome: "LoadOutcome | None",
    ) -> str:
        from dagster_rest.warehouse.load.data_version import content_version

        previous = one.data_version or lane.start.data_version
        if outcome is None:
            brought = lane.keys_staged or any(True for _ in staged.side("fan_out"))
            return staged.load_id if brought or not previous else previous
        unchanged = not (outcome.rows_loaded or outcome.rows_deleted or outcome.schema_changes)
        if unchanged and previous and not lane.start.rebuild:
            return previous
        if self._context.partitioned:
            return content_version(
                connection, dataset=self._context.asset.dataset, tables=[outcome.table], load_id=staged.load_id
            )
        if staged.spec.write_disposition.disposition == "append" and not lane.start.rebuild:
            # An append that brought rows changed the content: no need to read a large table for that.
            return staged.load_id
        return content_version(connection, dataset=self._context.asset.dataset, tables=outcome.total_rows)
