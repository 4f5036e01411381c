"""One materialization of one resource: read the state, fetch, stage, and commit in short transactions."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from dagster_rest.assets.context import LoadContext, Log, RunRequest
from dagster_rest.assets.cursor.range import Bounds
from dagster_rest.assets.errors import Contended, StateError
from dagster_rest.assets.fetch.groups import request_groups
from dagster_rest.assets.fetch.opening import open_partitions
from dagster_rest.assets.fetch.parent_errors import failed_in
from dagster_rest.assets.fetch.partitions import PartitionLoad, finish_partition, report_filtered, staging_root
from dagster_rest.assets.fetch.window import fetch_window
from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.parents.key_collector import KeyCollector
from dagster_rest.assets.partition_state import PartitionState
from dagster_rest.assets.report import LoadReport, PartitionReport
from dagster_rest.assets.run.commit import commit_window
from dagster_rest.assets.run.garbage import collect_rarely
from dagster_rest.assets.run.inputs import Inputs, read_all_parents, read_inputs, read_schema_again
from dagster_rest.assets.run.owner import adopt
from dagster_rest.assets.run.start import start_of_run
from dagster_rest.assets.start.liveness import LivenessLock
from dagster_rest.assets.start.staged_data import is_known_good
from dagster_rest.assets.start.start import RunStart
from dagster_rest.assets.start.windows import Window, plan_windows
from dagster_rest.warehouse.database.base import Database
from dagster_rest.warehouse.database.file import short_read, short_write
from dagster_rest.warehouse.errors import StaleSchemaError
from dagster_rest.warehouse.state.ledger import confirm_loads, missing_loads

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.http import RestClient
    from dagster_rest.warehouse.stage.staged_load import StagedLoad

_CONTENDED_TRIES = 20


class ResourceLoad:
    """Loads one resource once. Use ``run``, then ``confirm`` when the materialization event is stored.

    Args:
        asset: The asset.
        request: What the run asks for.
        client: The HTTP client of its source.
        database: Where the tables are.
        log: Takes lines for the run's log.
        on_event: Called at named moments; reliability tests kill the process there.
        staging_dir: Where loads are staged; beside the DuckDB file if None.
        before_commit: Called in the data's transaction just before it is committed.
        clock: The present, for windows.
    """

    def __init__(
        self,
        asset: RestAsset,
        *,
        request: RunRequest,
        client: "RestClient",
        database: Database,
        log: Log,
        on_event: Callable[[str], None] | None = None,
        staging_dir: str | None = None,
        before_commit: Callable[["DuckDBPyConnection", LoadReport], None] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        from dagster_rest.warehouse.hooks import ignore_event
        from dagster_rest.warehouse.schema import ResourceSpec
        from dagster_rest.warehouse.steps.python import compile_steps

        self._asset = asset
        self._request = request
        self._context = context = LoadContext(
            asset=asset,
            request=request,
            client=client,
            database=database,
            root=staging_root(database, configured=staging_dir),
            spec=ResourceSpec.from_plan(asset.plan, dataset=asset.dataset, asset=asset.id),
            steps=compile_steps(asset.plan.config.processing_steps, where=asset.plan.config_path),
            collector=KeyCollector(asset.plan, asset.source.children(asset.plan.name)),
            log=log,
            on_event=on_event or ignore_event,
            before_commit=before_commit,
            clock=clock,
        )
        self._lock = LivenessLock(context.root, asset=asset.id, run_id=request.run.run_id, attempt=request.run.attempt)

    def run(self) -> LoadReport:
        """Fetch, stage and commit; starts over if another run of the same asset commits in between.

        Returns:
            What was done.

        Raises:
            StateError: When stored state does not allow it; see ``assets/errors.py``.
            HttpError: When the API does not.
            WarehouseError: When the tables do not.
        """
        self._lock.acquire()
        try:
            with collect_rarely():
                return self._run()
        except BaseException:
            self.close()
            raise

    def _run(self) -> LoadReport:
        for _ in range(_CONTENDED_TRIES):
            try:
                return self._attempt()
            except Contended as contended:
                self._context.check_own_run()
                self._context.log(f"{contended} meanwhile: reading the state again")
            except StaleSchemaError as stale:
                self._context.check_own_run()
                self._context.log(f"{stale.message}: fetching again")
        raise StateError(
            f"the state of {self._asset.id} changed under this run {_CONTENDED_TRIES} times in a row",
            code="state_contended",
            where=self._context.plan.config_path,
            hint="Other runs committed first, or tables were dropped: give the asset a pool with limit 1.",
        )

    def check_kept(self, report: LoadReport) -> None:
        """Check that the DuckDB file still holds the loads that a run reports without writing.

        Args:
            report: What ``run`` returned.

        Raises:
            StateError: ``state_load_lost``.
        """
        with short_read(self._context.database, log=self._context.log) as connection:
            if connection is None:
                raise self._lost(report.reported_load_ids[0])
            self._check_kept(connection, report)

    def _check_kept(self, connection: "DuckDBPyConnection", report: LoadReport) -> None:
        missing = missing_loads(connection, load_ids=report.reported_load_ids)
        if missing:
            raise self._lost(missing[0])

    def confirm(self, report: LoadReport) -> None:
        """Note in the ledger that the materialization event is stored.

        Args:
            report: What ``run`` returned.

        Raises:
            StateError: ``state_load_lost``.
        """
        self._context.on_event("before_confirm")
        with short_write(self._context.database, log=self._context.log) as connection:
            self._check_kept(connection, report)
            confirm_loads(connection, load_ids=report.reported_load_ids, confirmed_at=self._context.clock())
        self._context.on_event("after_confirm")

    def _lost(self, load_id: str) -> StateError:
        return StateError(
            f"load {load_id} was committed and its materialization is stored, but the DuckDB file does not contain it"
            " any more",
            code="state_load_lost",
            where=self._context.plan.config_path,
            hint="The file was deleted, or restored from a copy, during this run. Run the asset again: it"
            " continues from what the file contains.",
        )

    def close(self) -> None:
        """End it, reported or not: no later run has to wait for it."""
        self._lock.release()

    def _attempt(self) -> LoadReport:
        started, before = time.monotonic(), self._context.client.stats.snapshot()
        adopt(self._context)
        inputs = read_inputs(self._context)
        start = start_of_run(self._context, inputs)
        if start.rebuilds:
            inputs = dataclasses.replace(inputs, parents=read_all_parents(self._context))
        states = [PartitionState.of_start(one, start.partitions[one.key]) for one in self._request.partitions]
        report = LoadReport(
            start=start,
            partitions=[PartitionReport(state=one) for one in states],
            sampled=self._request.limit is not None,
        )
        report.warnings += [*self._about(start), *map(_about_unseen, inputs.unseen_parents)]
        if start.leaves_cursor:
            self._context.log("this range leaves the cursor where it is")
        if start.reports_again is None:
            for window in self._windows(start):
                states = self._load_window(window, states, report=report, inputs=inputs)
                if not window.is_last:
                    inputs = dataclasses.replace(inputs, known=read_schema_again(self._context, inputs.known))
        report.seconds = time.monotonic() - started
        report.stats = self._context.client.stats.snapshot() - before
        return report

    def _about(self, start: RunStart) -> list[str]:
        """What of the decision a person should find in the metadata too."""
        found = start.warnings
        if not self._context.options.leaves_cursor and start.leaves_cursor:
            found.append(
                f"start_value {self._request.start_value!r} is beyond what is loaded: the cursor stays where it was,"
                " and the next ordinary run loads the rows in between, and these rows again"
            )
        return found

    def _windows(self, start: RunStart) -> Iterable[Window]:
        if not start.fetches:
            return [Window(bounds={key: Bounds() for key in start.partitions}, stateless=True)]
        return plan_windows(
            self._context.plan,
            partitions=self._request.partitions,
            start=start,
            per_parent=self._context.per_parent,
            start_override=self._request.start_value,
            end_override=self._request.end_value,
            now=self._context.clock(),
        )

    def _load_window(
        self, window: Window, states: Sequence[PartitionState], *, report: LoadReport, inputs: Inputs
    ) -> list[PartitionState]:
        """Fetch, stage and commit one window; what the next one goes on from."""
        context, fetches = self._context, report.start.fetches
        groups = request_groups(context, inputs.parents, states=states) if fetches else []
        with contextlib.ExitStack() as stack:
            loads = open_partitions(context, window, states=states, groups=groups, known=inputs.known, stack=stack)
            stack.enter_context(_discarding_what_may_be_bad(loads))
            report.resumed = report.resumed or any(load.stager.resumed for load in loads)
            if fetches:
                fetch_window(context, window, loads=loads, groups=groups, report=report)
            staged = [finish_partition(context, load, window) for load in loads]
            report_filtered(loads, report)
            report.counts.failed_parents = len(failed_in(staged, plan=context.plan))
            if window.is_first:
                self._check_empty(staged, report)
            context.on_event("before_transaction")
            with short_write(context.database, log=context.log) as connection:
                after = commit_window(
                    context, window, connection, loads, staged, states=states, report=report, parents=inputs.parents
                )
            context.on_event("after_commit")
            _discard(loads)
        report.windows += 1
        return after

    def _check_empty(self, staged: Sequence["StagedLoad"], report: LoadReport) -> None:
        if self._context.plan.write_disposition.disposition != "replace" or not self._asset.is_selected:
            return
        if any(one.rows_staged for one in staged) or report.start.has_begun:
            return
        if self._context.plan.config.on_empty == "fail":
            raise StateError(
                "the load fetched nothing, and the table would be emptied",
                code="state_empty_replace",
                where=self._context.plan.config_path,
                hint="The table did not change. Check the API; on_empty: warn accepts an empty load.",
            )
        report.empty_replace = True


def _about_unseen(parent: str) -> str:
    return (
        f"{parent!r} has rows from before it had a child, and this asset does not get them: to load all, run a full"
        f" refresh of {parent!r}, then this asset"
    )


@contextlib.contextmanager
def _discarding_what_may_be_bad(loads: Iterable[PartitionLoad]) -> Iterator[None]:
    """Keep what is staged for the next run only if the error says nothing against it."""
    try:
        yield
    except BaseException as error:
        if not is_known_good(error):
            _discard(loads)
        raise


def _discard(loads: Iterable[PartitionLoad]) -> None:
    for load in loads:
        load.stager.discard()
