"""One materialization of one resource: read the state, fetch, stage, and commit in short transactions."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from dagster_rest.assets.context import LoadContext, Log, RunRequest
from dagster_rest.assets.cursor.row_filter import Bounds
from dagster_rest.assets.errors import Contended, StateError
from dagster_rest.assets.fetch.opening import LaneOpener
from dagster_rest.assets.fetch.parent_errors import failed_in
from dagster_rest.assets.fetch.partitions import Lane, staging_root
from dagster_rest.assets.fetch.window import WindowFetch
from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.model.partitions import Slice
from dagster_rest.assets.parents.fan_out import TOP_LEVEL, KeyCollector, ParentGroup, batch_groups, group_parents
from dagster_rest.assets.parents.rows import ParentInput, read_parents, unseen_parents
from dagster_rest.assets.report import LoadReport, begin_report
from dagster_rest.assets.run.commit import WindowCommit
from dagster_rest.assets.run.garbage import collect_rarely
from dagster_rest.assets.start.decision import decide
from dagster_rest.assets.start.facts import Facts, Life, Start
from dagster_rest.assets.start.liveness import Presence, is_at_work
from dagster_rest.assets.start.staged_data import is_known_good
from dagster_rest.assets.start.windows import Window, begins_beyond, plan_windows
from dagster_rest.warehouse.database.base import Database
from dagster_rest.warehouse.database.file import short_read, short_write
from dagster_rest.warehouse.errors import StaleSchemaError
from dagster_rest.warehouse.state.catalog import read_schema
from dagster_rest.warehouse.state.ledger import confirm_loads, missing_loads, read_state
from dagster_rest.warehouse.state.ledger_tables import upgrade_ledger
from dagster_rest.warehouse.state.load_row import AssetState, LoadRow
from dagster_rest.warehouse.state.partitionings import read_partitioning

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.http import RestClient
    from dagster_rest.warehouse.schema import RecordedSchema
    from dagster_rest.warehouse.stage.staged_load import StagedLoad
    from dagster_rest.warehouse.state.inspection import TableInspection

_CONTENDED_TRIES = 20


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What one short look into the database gave at the start.

    Args:
        known: The recorded columns.
        parents: The parents' rows.
        states: What the ledger knows, per partition.
        tables: The recorded tables of the asset as they are.
        unseen_parents: Parents with rows of a time when no child used them; told with a child's first load.
        other_partitions: What the rows were partitioned by, in words, if it is not what the asset is by.
    """

    known: "RecordedSchema"
    parents: ParentInput
    states: Mapping[str, AssetState] = field(default_factory=dict)
    tables: tuple["TableInspection", ...] = ()
    other_partitions: str | None = None
    unseen_parents: tuple[str, ...] = ()


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
        self._presence = Presence(context.root, asset=asset.id, run_id=request.run.run_id, attempt=request.run.attempt)

    def run(self) -> LoadReport:
        """Fetch, stage and commit; starts over if another run of the same asset commits in between.

        Returns:
            What was done.

        Raises:
            StateError: When stored state does not allow it; see ``assets/errors.py``.
            HttpError: When the API does not.
            WarehouseError: When the tables do not.
        """
        self._presence.begin()
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

    def confirm(self, report: LoadReport) -> None:
        """Note in the ledger that the materialization event is stored.

        Args:
            report: What ``run`` returned.
        """
        self._context.on_event("before_confirm")
        with short_write(self._context.database, log=self._context.log) as connection:
            missing = missing_loads(connection, load_ids=report.told_by_it)
            if missing:
                raise self._lost(missing[0])
            confirm_loads(connection, load_ids=report.told_by_it, confirmed_at=self._context.clock())
        self._context.on_event("after_confirm")

    def _lost(self, load_id: str) -> StateError:
        return StateError(
            f"load {load_id} was committed and its materialization is stored, but the DuckDB file does not hold it any"
            " more",
            code="state_load_lost",
            where=self._context.plan.config_path,
            hint="The file was deleted, or restored from a copy, while this run was at work. Run the asset again: it"
            " goes on from what the file holds.",
        )

    def close(self) -> None:
        """End it, told or not: whoever comes next need not wait for it."""
        self._presence.end()

    def _attempt(self) -> LoadReport:
        started, before = time.monotonic(), self._context.client.stats.snapshot()
        inputs = self._look()
        starts = self._decide(inputs)
        if any(start.rebuild for start in starts.values()):
            inputs = dataclasses.replace(inputs, parents=self._all_parents())
        report = LoadReport(
            slices=[begin_report(one, starts[one.key]) for one in self._request.slices],
            sampled=self._request.limit is not None,
        )
        report.warnings += [*self._about(starts), *map(_about_unseen, inputs.unseen_parents)]
        if any(start.leaves_cursor for start in starts.values()):
            self._context.log("this range leaves the cursor where it is")
        if report.repeats is None:
            for window in self._windows(starts):
                self._load_window(window, report=report, inputs=inputs)
                if not window.is_last:
                    inputs = dataclasses.replace(inputs, known=self._known_after(inputs.known))
        report.seconds = time.monotonic() - started
        report.stats = self._context.client.stats.snapshot() - before
        return report

    def _about(self, starts: Mapping[str, Start]) -> list[str]:
        """What of the decision a person should find in the metadata too."""
        found = [start.message for start in starts.values() if start.case == "other_cursor" and start.message]
        if not self._context.wish.leaves_cursor and any(start.leaves_cursor for start in starts.values()):
            found.append(
                f"start_value {self._request.start_value!r} lies beyond what is loaded: the cursor stays where it was,"
                " and the next ordinary run loads what lies between, and these rows again"
            )
        return list(dict.fromkeys(found))

    def _look(self) -> Inputs:
        """What the warehouse says. The event log is looked at afterwards, and not while the database is held."""
        context, slices, dataset = self._context, self._request.slices, self._asset.dataset
        with short_read(context.database, log=context.log) as connection:
            if connection is not None:
                upgrade_ledger(connection)
            known = read_schema(connection, dataset)
            recorded = context.recorded_tables(known)
            void_up_to = read_partitioning(connection, asset=self._asset.id).void_up_to
            states = {
                one.key: read_state(
                    connection,
                    asset=self._asset.id,
                    partition=one.key,
                    runs=self._request.run.runs,
                    tables=context.root_tables(table.root for table in recorded),
                    void_up_to=void_up_to,
                )
                for one in slices
            }
            is_new = all(state.latest is None for state in states.values())
            return Inputs(
                states=states,
                unseen_parents=unseen_parents(connection, self._asset) if is_new else (),
                known=known,
                parents=read_parents(connection, self._asset, slices=slices, everything=False),
                tables=context.inspect(connection, recorded),
                other_partitions=context.other_partitions(connection, recorded),
            )

    def _known_after(self, before: "RecordedSchema") -> "RecordedSchema":
        """What a window has left recorded; for schema contracts the windows of a run are one load."""
        with short_read(self._context.database, log=self._context.log) as connection:
            known = read_schema(connection, self._asset.dataset)
        is_old = {name for name, table in before.tables.items() if not table.is_new}
        tables = {name: dataclasses.replace(table, is_new=name not in is_old) for name, table in known.tables.items()}
        return dataclasses.replace(known, tables=tables)

    def _all_parents(self) -> ParentInput:
        with short_read(self._context.database, log=self._context.log) as connection:
            return read_parents(connection, self._asset, slices=self._request.slices, everything=True)

    def _decide(self, inputs: Inputs) -> dict[str, Start]:
        """Decide for every partition; the facts are gathered in an order that lets no load fall between two looks."""
        lost = self._context.lost_tables(inputs.tables)
        repartitions = self._context.may_repartition(inputs.other_partitions, inputs.tables)
        facts = {
            one.key: self._facts(one, inputs.states[one.key], lost=lost, repartitions=repartitions)
            for one in self._request.slices
        }
        starts = {key: decide(one) for key, one in facts.items()}
        if self._leaves_cursor(starts):
            facts = {
                key: dataclasses.replace(one, wish=dataclasses.replace(one.wish, leaves_cursor=True))
                for key, one in facts.items()
            }
            starts = {key: decide(one) for key, one in facts.items()}
        if not all(start.recovery == "tell" for start in starts.values()):
            starts = {key: decide(one, alone=len(facts) == 1) for key, one in facts.items()}
        for key, start in starts.items():
            if start.message:
                self._context.log(f"{key}: {start.message}" if key else start.message)
        return starts

    def _leaves_cursor(self, starts: Mapping[str, Start]) -> bool:
        """Whether the range begins beyond what is loaded, so that a cursor after it would pass over rows."""
        beyond = begins_beyond(
            self._context.plan,
            starts=starts.values(),
            per_parent=self._context.per_parent,
            start_override=self._request.start_value,
            end_override=self._request.end_value,
        )
        return beyond and not any(one.start is not None for one in self._request.slices)

    def _facts(self, one: Slice, state: AssetState, *, lost: tuple[str, ...], repartitions: bool) -> Facts:
        request, wish = self._request, self._context.wish
        self._context.check_attempt(state.unsettled)
        ours = {load.load_group for load in state.unsettled if load.run_id in request.run}
        wanted = [
            load
            for load in state.unsettled
            if load.load_group in ours or self._matters(load, latest=state.latest, key=wish.key)
        ]
        lives = {load.load_id: self._life(load) for load in wanted if load.status == "pending"}
        latest = state.latest.load_id if state.latest else None
        return Facts(
            ledger=state,
            log=request.read_log(one, [load.load_id for load in wanted], latest),
            lives=lives,
            run=request.run,
            wish=wish,
            rules=self._context.rules(one),
            storage_id=request.storage_id,
            lost_tables=lost,
            repartitions=repartitions,
            now=self._context.clock().timestamp(),
        )

    def _matters(self, load: LoadRow, *, latest: LoadRow | None, key: str) -> bool:
        """Whether it is worth asking Dagster about a load that is no run's of ours."""
        is_latest = latest is not None and load.load_group == latest.load_group
        return load.status == "pending" and (is_latest or (bool(key) and load.request_key == key))

    def _life(self, load: LoadRow) -> Life:
        """Whether the step that committed a load may still tell of it. Dagster's word comes before the process's."""
        ours = load.storage_id == self._request.storage_id
        if load.run_id == self._request.run.run_id or (ours and self._request.run_is_over(load.run_id)):
            return "over"
        seen = is_at_work(self._context.root, asset=self._asset.id, run_id=load.run_id, attempt=load.attempt)
        if seen is None:
            return "alive" if ours else "unknown"
        return "alive" if seen else "over"

    def _windows(self, starts: Mapping[str, Start]) -> Iterable[Window]:
        if any(start.recovery == "tell" for start in starts.values()):
            return [Window(bounds={key: Bounds() for key in starts}, stateless=True)]
        return plan_windows(
            self._context.plan,
            slices=self._request.slices,
            starts=starts,
            per_parent=self._context.per_parent,
            start_override=self._request.start_value,
            end_override=self._request.end_value,
            now=self._context.clock(),
        )

    def _load_window(self, window: Window, *, report: LoadReport, inputs: Inputs) -> None:
        telling = any(one.start.recovery == "tell" for one in report.slices)
        groups = [] if telling else self._groups(inputs.parents, report=report)
        opener = LaneOpener(self._context, window, groups=groups, known=inputs.known)
        with contextlib.ExitStack() as stack:
            lanes = [opener.open(one, stack=stack) for one in report.slices]
            stack.enter_context(_discarding_what_may_be_bad(lanes))
            report.resumed = report.resumed or any(lane.stager.resumed for lane in lanes)
            if not telling:
                WindowFetch(self._context, window, lanes=lanes, groups=groups, report=report).run()
            staged = [self._finish_lane(lane, window) for lane in lanes]
            report.rows_skipped += sum(lane.rows_skipped for lane in lanes)
            report.counts.failed_parents = len(failed_in(staged, plan=self._context.plan))
            if window.is_first:
                self._check_empty(staged, report)
            self._context.on_event("before_transaction")
            self._commit(lanes, staged, window=window, report=report, parents=inputs.parents)
            self._context.on_event("after_commit")
            _discard(lanes)
        report.windows += 1

    def _commit(
        self,
        lanes: Sequence[Lane],
        staged: Sequence["StagedLoad"],
        *,
        window: Window,
        report: LoadReport,
        parents: ParentInput,
    ) -> None:
        commit = WindowCommit(self._context, window, report=report)
        with short_write(self._context.database, log=self._context.log) as connection:
            commit.run(connection, lanes, staged, parents=parents)

    def _groups(self, parents: ParentInput, *, report: LoadReport) -> list[ParentGroup]:
        plan, request = self._context.plan, self._request
        if plan.parents:
            by_partition = {
                partition: group_parents(plan, rows, partition=partition, again=parents.again)
                for partition, rows in parents.rows.items()
            }
        else:
            by_partition = {"": list(TOP_LEVEL)}
        if self._context.partitioned and not parents.by_partition and not self._context.asks_one_range:
            (groups,) = by_partition.values()
            by_partition = {
                one.key: [dataclasses.replace(group, partition=one.key) for group in groups] for one in request.slices
            }
        cursors = {one.slice.key: one.parent_cursors for one in report.slices}
        return [
            group
            for partition, groups in by_partition.items()
            for group in batch_groups(plan, groups, cursors=cursors.get(partition))[: request.limit]
        ]

    def _finish_lane(self, lane: Lane, window: Window) -> "StagedLoad":
        if self._context.per_parent:
            for scope in list(lane.filters):
                lane.finish_scope(scope, window=window)
        return lane.stager.finish()

    def _check_empty(self, staged: Sequence["StagedLoad"], report: LoadReport) -> None:
        if self._context.plan.write_disposition.disposition != "replace" or not self._asset.is_selected:
            return
        if any(one.rows_staged for one in staged) or any(one.start.continued for one in report.slices):
            return
        if self._context.plan.config.on_empty == "fail":
            raise StateError(
                "the load fetched nothing, and the table would be emptied",
                code="state_empty_replace",
                where=self._context.plan.config_path,
                hint="The table is as before. Look at the API; on_empty: warn lets an empty load through.",
            )
        report.empty_replace = True


def _about_unseen(parent: str) -> str:
    return (
        f"{parent!r} has rows of a time when no child used it, and they are not new to this one: a full refresh of"
        f" {parent!r}, and then a run of this asset, loads all of them"
    )


@contextlib.contextmanager
def _discarding_what_may_be_bad(lanes: Iterable[Lane]) -> Iterator[None]:
    """Keep what is staged for the next run only if the error says nothing against it."""
    try:
        yield
    except BaseException as error:
        if not is_known_good(error):
            _discard(lanes)
        raise


def _discard(lanes: Iterable[Lane]) -> None:
    for lane in lanes:
        lane.stager.discard()
