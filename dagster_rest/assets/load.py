"""One materialization of one resource: read the state, fetch, stage, and commit in short transactions."""

import contextlib
import dataclasses
import hashlib
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.cursor import from_state, to_state
from dagster_rest.assets.errors import BlockingCheckError, StateError
from dagster_rest.assets.fan_out import (
    TOP_LEVEL,
    FanOutCounts,
    KeyCollector,
    ParentGroup,
    add_includes,
    batch_groups,
    group_parents,
    make_units,
)
from dagster_rest.assets.incremental import Bounds, RowFilter
from dagster_rest.assets.lanes import (
    SHARED,
    Lane,
    Router,
    claim_folder,
    cursor_of,
    now_of,
    position_of,
    staging_root,
)
from dagster_rest.assets.parents import ParentInput, read_parents
from dagster_rest.assets.partitions import Slice, is_one_range
from dagster_rest.assets.presence import Presence, is_at_work
from dagster_rest.assets.ranges import Window, plan_windows, template_values
from dagster_rest.assets.rest_asset import RestAsset
from dagster_rest.assets.state import Event, Start, decide_start, with_recovery
from dagster_rest.warehouse.connection import Database, short_read, short_write
from dagster_rest.warehouse.ledger import (
    AssetState,
    CursorState,
    LoadRow,
    confirm_loads,
    ensure_ledger,
    latest_load,
    load_ids_of_partition,
    pending_loads,
    read_state,
    record_load,
    replace_parent_cursors,
    take_back_loads,
    upgrade_ledger,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.http import Page, RestClient
    from dagster_rest.http.page import StatsSnapshot
    from dagster_rest.warehouse.dispositions import LoadOutcome
    from dagster_rest.warehouse.schema import KnownSchema, TableSpec
    from dagster_rest.warehouse.staging import StagedLoad

_CONTENDED_TRIES = 20

Log = Callable[[str], None]


class Contended(Exception):  # noqa: N818 - a signal to start over, never shown to anybody
    """Another run of the asset committed since this one read the state."""


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What one run asks of an asset.

    Args:
        run_id: The Dagster run.
        attempt: The step's retry number, from 0.
        storage_id: The id of the Dagster storage the event will go to.
        slices: The partitions to load; one whole slice without partitions.
        find_event: Looks up the newest materialization of a partition; called after the ledger was read.
        run_is_over: Whether a Dagster run has ended (or is unknown), so that it tells of no load any more.
        full_refresh: Forget the cursor and rebuild.
        start_value: Start of the range, for this run only.
        end_value: End of the range, for this run only.
        limit: Sample that many pages and parents.
    """

    run_id: str
    attempt: int
    storage_id: str
    slices: Sequence[Slice]
    find_event: Callable[[Slice], Event | None]
    run_is_over: Callable[[str], bool] = lambda run_id: False
    full_refresh: bool = False
    start_value: Any = None
    end_value: Any = None
    limit: int | None = None

    @property
    def key(self) -> str:
        """What the run asks for on top of the config, as text: empty for an ordinary run."""
        asked = [self.start_value, self.end_value, self.limit]
        return json.dumps(asked, default=str) if any(one is not None for one in asked) else ""


@dataclass(kw_only=True)
class SliceReport:
    """What a run did to one partition (or to the whole asset).

    Args:
        slice: The partition.
        start: What it continued from.
        load_ids: The loads it made.
        outcomes: What each of them did to the tables.
        cursor: The cursor afterwards.
        cursor_before: The cursor at the start.
        parent_cursors: The cursor of each parent, for a child that keeps one for each.
        data_version: Tells whether the content changed.
    """

    slice: Slice
    start: Start
    cursor: CursorState | None
    cursor_before: CursorState | None
    parent_cursors: dict[str, CursorState] = field(default_factory=dict)
    load_ids: list[str] = field(default_factory=list)
    outcomes: list["LoadOutcome"] = field(default_factory=list)
    data_version: str = ""


@dataclass(kw_only=True)
class LoadReport:
    """What a materialization did, for metadata and checks.

    Args:
        slices: Per partition.
        windows: Windows committed.
        rows_fetched: Records the API sent.
        rows_skipped: Records left out by the cursor.
        counts: Parents.
        stats: What the client did for it.
        seconds: How long it took.
        resumed: Whether it went on from an interrupted load's staged parts.
        total: The API's own total, where it names one.
        ended_by: Why pagination ended: reason -> number of units.
        paginator: The paginator that was used, with the evidence if it was detected.
        endpoint: The first URL, redacted.
        warnings: What a person should know.
        sampled: Whether ``limit`` cut the run short.
        empty_replace: Whether a replace load fetched nothing.
        ignored_midway: Paginations that an ignored response ended after their first page.
    """

    slices: list[SliceReport]
    windows: int = 0
    rows_fetched: int = 0
    rows_skipped: int = 0
    counts: FanOutCounts = field(default_factory=FanOutCounts)
    stats: "StatsSnapshot | None" = None
    seconds: float = 0.0
    resumed: bool = False
    total: int | None = None
    ended_by: Counter[str] = field(default_factory=Counter)
    paginator: str | None = None
    evidence: str | None = None
    endpoint: str | None = None
    warnings: list[str] = field(default_factory=list)
    sampled: bool = False
    empty_replace: bool = False
    ignored_midway: int = 0

    @property
    def load_ids(self) -> list[str]:
        """All loads of this materialization."""
        return [load_id for one in self.slices for load_id in one.load_ids]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What one short look into the database gave at the start."""

    states: Mapping[str, AssetState]
    known: "KnownSchema"
    parents: ParentInput


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
        from dagster_rest.warehouse.schema import TableSpec
        from dagster_rest.warehouse.staging import ignore_event
        from dagster_rest.warehouse.steps import compile_steps

        self._asset = asset
        self._plan = asset.plan
        self._request = request
        self._client = client
        self._database = database
        self._log = log
        self._on_event = on_event or ignore_event
        self._before_commit = before_commit
        self._clock = clock
        self._root = staging_root(database, configured=staging_dir)
        self._spec = TableSpec.from_plan(asset.plan, dataset=asset.dataset)
        self._steps = compile_steps(asset.plan.config.processing_steps or [], where=asset.plan.config_path)
        self._collector = KeyCollector(asset.plan, asset.source.children(asset.plan.name))
        self._partitioned = asset.partitions_def is not None
        self._presence = Presence(self._root, asset=asset.id, run_id=request.run_id, attempt=request.attempt)

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
            return self._run()
        except BaseException:
            self.close()
            raise

    def _run(self) -> LoadReport:
        for _ in range(_CONTENDED_TRIES):
            try:
                return self._attempt()
            except Contended:
                if self._request.run_is_over(self._request.run_id):
                    raise self._fenced("this run is over, and another one has committed") from None
                self._log("another run of this asset committed meanwhile: reading the state again")
        raise StateError(
            f"other runs of {self._asset.id} committed first {_CONTENDED_TRIES} times in a row",
            code="state_contended",
            where=self._plan.config_path,
            hint="Give the asset a pool with limit 1.",
        )

    def confirm(self, report: LoadReport) -> None:
        """Note in the ledger that the materialization event is stored.

        Args:
            report: What ``run`` returned.
        """
        self._on_event("before_confirm")
        with short_write(self._database, log=self._log) as connection:
            confirm_loads(connection, load_ids=report.load_ids, confirmed_at=self._clock())

    def close(self) -> None:
        """End it, told or not: whoever comes next need not wait for it."""
        self._presence.end()

    def _fenced(self, message: str) -> StateError:
        return StateError(
            message,
            code="state_fenced",
            where=self._plan.config_path,
            hint="This step was given up before; its successor has done the work. Nothing was written here.",
        )

    def _attempt(self) -> LoadReport:
        started, before = time.monotonic(), self._client.stats.snapshot()
        states, known, parents = self._look()
        starts = {one.key: self._decide(one, states[one.key]) for one in self._request.slices}
        if any(start.rebuild for start in starts.values()):
            parents = self._all_parents()
        inputs = Inputs(states=states, known=known, parents=parents)
        report = LoadReport(
            slices=[_slice_report(one, starts[one.key]) for one in self._request.slices],
            sampled=self._request.limit is not None,
        )
        for window in self._windows(starts):
            self._load_window(window, report=report, inputs=inputs)
        report.seconds = time.monotonic() - started
        report.stats = self._client.stats.snapshot() - before
        return report

    # --- what the run starts from -------------------------------------------------------------------------------

    def _look(self) -> tuple[dict[str, AssetState], "KnownSchema", ParentInput]:
        """What the warehouse says. The event log is looked at afterwards, and not while the database is held."""
        from dagster_rest.warehouse.schema import KnownSchema

        slices = self._request.slices
        with short_read(self._database, log=self._log) as connection:
            if connection is not None:
                upgrade_ledger(connection)
            return (
                {one.key: read_state(connection, asset=self._asset.id, partition=one.key) for one in slices},
                KnownSchema.load(connection, self._asset.dataset),
                read_parents(connection, self._asset, slices=slices, everything=False),
            )

    def _all_parents(self) -> ParentInput:
        with short_read(self._database, log=self._log) as connection:
            return read_parents(connection, self._asset, slices=self._request.slices, everything=True)

    def _refreshed_before(self, latest: LoadRow | None) -> bool:
        """An earlier attempt of this very run has begun the refresh already: go on instead of starting over."""
        return latest is not None and latest.run_id == self._request.run_id and latest.status == "pending"

    def _decide(self, one: Slice, state: AssetState) -> Start:
        self._check_attempt(state.latest)
        at_work = self._may_tell(state.latest)
        incremental = self._plan.incremental
        start = with_recovery(
            decide_start(
                state,
                self._request.find_event(one),
                storage_id=self._request.storage_id,
                full_refresh=self._request.full_refresh and not self._refreshed_before(state.latest),
                at_work=at_work,
            ),
            request_key=self._request.key,
            keeps_place=self._request.limit is None and (incremental is not None or self._consumes()),
            stateless=not self._consumes() and self._is_stateless(),
        )
        if start.message:
            self._log(f"{one.key}: {start.message}" if one.key else start.message)
        return start

    def _consumes(self) -> bool:
        """Whether the parents that a load has worked on are not given to the next one."""
        return self._asset.partitions_def is None and self._plan.fan_out == "new" and bool(self._plan.parents)

    def _is_stateless(self) -> bool:
        incremental = self._plan.incremental
        return incremental is not None and (incremental.end_value is not None or self._request.end_value is not None)

    def _may_tell(self, latest: LoadRow | None) -> bool:
        """Whether the step that committed a load may still tell of it: if not, the load is this run's to answer for."""
        if latest is None or latest.status != "pending" or latest.run_id == self._request.run_id:
            return False
        seen = is_at_work(self._root, asset=self._asset.id, run_id=latest.run_id, attempt=latest.attempt)
        if seen is None and latest.storage_id == self._request.storage_id:
            return not self._request.run_is_over(latest.run_id)
        return bool(seen)

    def _check_attempt(self, latest: LoadRow | None) -> None:
        request = self._request
        if latest is not None and latest.run_id == request.run_id and latest.attempt > request.attempt:
            raise self._fenced(
                f"attempt {latest.attempt} of this run has committed load {latest.load_id}; this is attempt"
                f" {request.attempt}"
            )

    def _windows(self, starts: Mapping[str, Start]) -> Iterable[Window]:
        return plan_windows(
            self._plan,
            slices=self._request.slices,
            starts=starts,
            per_parent=self._per_parent(),
            start_override=self._request.start_value,
            end_override=self._request.end_value,
            now=self._clock(),
        )

    # --- one window: fetch, stage, commit -----------------------------------------------------------------------

    def _load_window(self, window: Window, *, report: LoadReport, inputs: Inputs) -> None:
        groups = self._groups(inputs.parents)
        with contextlib.ExitStack() as stack:
            lanes = [self._open_lane(one, window, inputs=inputs, groups=groups, stack=stack) for one in report.slices]
            resumed = [lane for lane in lanes if lane.stager.resumed]
            report.resumed = report.resumed or bool(resumed)
            self._fetch(lanes, groups, window=window, report=report)
            staged = [self._finish_lane(lane, window) for lane in lanes]
            report.rows_skipped += sum(lane.rows_skipped for lane in lanes)
            self._check_empty(staged, report)
            self._on_event("before_transaction")
            try:
                with short_write(self._database, log=self._log) as connection:
                    self._commit(connection, lanes, staged, window=window, report=report, parents=inputs.parents)
            except BlockingCheckError:
                # The next run must fetch again: what is staged would fail the same check.
                for lane in lanes:
                    lane.stager.discard()
                raise
            self._on_event("after_commit")
            for lane in lanes:
                lane.stager.discard()
        report.windows += 1

    def _groups(self, parents: ParentInput) -> list[ParentGroup]:
        if not self._plan.parents:
            groups: list[ParentGroup] = list(TOP_LEVEL)
        else:
            groups = [
                group
                for partition, rows in parents.rows.items()
                for group in batch_groups(self._plan, group_parents(self._plan, rows, partition=partition))
            ]
        if self._request.limit is not None:
            groups = groups[: self._request.limit]
        if not self._partitioned or parents.by_partition or self._asks_one_range():
            return groups
        return [dataclasses.replace(group, partition=one.key) for one in self._request.slices for group in groups]

    def _asks_one_range(self) -> bool:
        slices = self._request.slices
        asks_by_key = "key" in self._plan.request.partition_attributes
        return self._plan.incremental is not None and not asks_by_key and is_one_range(slices)

    def _open_lane(
        self,
        one: SliceReport,
        window: Window,
        *,
        inputs: Inputs,
        groups: Sequence[ParentGroup],
        stack: contextlib.ExitStack,
    ) -> Lane:
        from dagster_rest.warehouse.schema import KnownSchema
        from dagster_rest.warehouse.staging import Stager

        config = self._plan.config
        folder, alone = stack.enter_context(claim_folder(self._root, asset=self._asset.id, partition=one.slice.key))
        bounds = window.bounds[one.slice.key]
        rebuild = one.start.rebuild and window.is_first and not one.slice.key

        def open_stager() -> Stager:
            return Stager.open(
                folder,
                spec=self._lane_spec(one, window),
                known=KnownSchema(dataset=self._asset.dataset) if rebuild else inputs.known,
                fingerprint=self._fingerprint(one, window, groups=groups),
                load_id=_new_load_id(self._clock()),
                resume=alone and config.resume and len(self._request.slices) == 1,
                ttl_seconds=config.resume_ttl,
                on_event=self._on_event,
            )

        stager = open_stager()
        if stager.resumed and not (stager.position or {}).get("resumable", True):
            stager.discard()
            stager = open_stager()
        if stager.resumed:
            self._log(
                f"going on with the interrupted load {stager.load_id} at unit {(stager.position or {}).get('unit', 0)}"
            )
        elif stager.reset_reason:
            self._log(f"an interrupted load is not gone on with: {stager.reset_reason}")
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
            replaces=self._replaces(one.slice),
            now=to_state(bounds.end) if window.ends_now else None,
        )

    def _filter_maker(self, one: SliceReport, window: Window) -> Callable[[str], RowFilter] | None:
        incremental = window.incremental
        if incremental is None:
            return None
        bounds, key = window.bounds[one.slice.key], self._boundary_key()
        forgetful = window.stateless or self._replaces(one.slice)
        where = f"{self._plan.config_path}.endpoint.incremental"

        def make(scope: str) -> RowFilter:
            if forgetful:
                return RowFilter(incremental, bounds=bounds, key=key, where=where)
            if not self._per_parent():
                return RowFilter(incremental, bounds=bounds, known=one.cursor, key=key, where=where)
            known = one.parent_cursors.get(scope)
            own = window.bounds_for_parent(bounds, known)
            return RowFilter(incremental, bounds=own, known=known, key=key, where=where)

        return make

    def _replaces(self, one: Slice) -> bool:
        """Whether a load of this partition replaces the partition; one that keeps a cursor of its own adds to it."""
        return bool(one.key) and (self._plan.incremental is None or one.start is not None)

    def _boundary_key(self) -> tuple[str, ...] | None:
        assert self._plan.incremental is not None
        explicit = self._plan.incremental.primary_key
        if explicit is not None:
            return _names(explicit) or None
        if self._plan.write_disposition.disposition == "merge":
            # A merge can take a changed row at the boundary; by key alone its change would be lost.
            return ()
        return self._plan.primary_key

    def _per_parent(self) -> bool:
        incremental = self._plan.incremental
        return bool(self._plan.parents) and incremental is not None and incremental.state != "shared"

    def _lane_spec(self, one: SliceReport, window: Window) -> "TableSpec":
        disposition = self._spec.write_disposition
        is_first = window.is_first and one.start.continued is None
        if disposition.disposition == "replace" and (self._partitioned or not is_first):
            # A partition, a later window, or the rest of an interrupted load replaces only its own rows.
            return dataclasses.replace(
                self._spec, write_disposition=dataclasses.replace(disposition, disposition="append")
            )
        return self._spec

    def _fingerprint(self, one: SliceReport, window: Window, *, groups: Sequence[ParentGroup]) -> str:
        bounds = window.bounds[one.slice.key]
        parents = hashlib.blake2b(digest_size=8)
        for group in groups:
            parents.update(json.dumps([group.key, *group.includes], default=str).encode())
        parts = [
            self._plan.fingerprint,
            one.slice.key,
            one.start.base,
            str(one.start.rebuild),
            repr(dataclasses.replace(bounds, end="now") if window.ends_now else bounds),
            one.start.recovery,
            parents.hexdigest(),
            self._request.limit,
        ]
        return hashlib.blake2b(json.dumps(parts, default=str).encode(), digest_size=12).hexdigest()

    # --- fetching -----------------------------------------------------------------------------------------------

    def _fetch(
        self, lanes: Sequence[Lane], groups: Sequence[ParentGroup], *, window: Window, report: LoadReport
    ) -> None:
        position = lanes[0].stager.position if len(lanes) == 1 and lanes[0].stager.resumed else None
        first = int(position["unit"]) if position else 0
        if position is not None and self._plan.incremental is not None:
            self._restore_cursor(lanes[0], groups, position, first=first)
        if first >= len(groups) and groups:
            report.counts.parents = len(groups) if self._plan.parents else 0
            return
        router = Router(lanes, plan=self._plan) if len(lanes) > 1 and self._asks_one_range() else None
        by_key = {lane.slice.key: lane for lane in lanes}
        for page in self._pages(lanes, groups, window=window, report=report, first=first, position=position):
            group = groups[page.unit.index]
            records = self._take(page, group, report=report)
            if router is not None and not group.partition:
                for lane, part in router.split(records):
                    self._keep(lane, part, page=page, group=group, window=window)
            else:
                lane = by_key.get(group.partition) or lanes[0]
                self._keep(lane, records, page=page, group=group, window=window)
                if self._is_past_the_end(lane, group):
                    report.ended_by["row_order"] += 1
                    break

    def _restore_cursor(
        self, lane: Lane, groups: Sequence[ParentGroup], position: Mapping[str, Any], *, first: int
    ) -> None:
        cursor = cursor_of(position)
        if cursor is None or (first >= len(groups) and self._per_parent()):
            return
        scope = groups[first].key if self._per_parent() else SHARED
        restored = lane.filter_for(scope)
        if restored is not None:
            restored.continue_from(cursor)

    def _pages(
        self,
        lanes: Sequence[Lane],
        groups: Sequence[ParentGroup],
        *,
        window: Window,
        report: LoadReport,
        first: int,
        position: Mapping[str, Any] | None,
    ) -> Iterator["Page"]:
        from dagster_rest.assets.source_pages import pages_of_callable
        from dagster_rest.http import FetchOptions

        if self._plan.source is not None:
            yield from pages_of_callable(self._plan, limit=self._request.limit)
            return
        by_key = {lane.slice.key: lane for lane in lanes}
        pattern = self._plan.incremental.initial_value if self._plan.incremental else None
        units = make_units(
            self._plan,
            groups,
            incremental=lambda group: self._values(by_key, window, group=group),
            partition=lambda group: self._partition_values(group, lanes, by_key=by_key, pattern=pattern),
            counts=report.counts,
            first=first,
            resume_state=position.get("state") if position else None,
        )
        options = FetchOptions.from_plan(
            self._plan,
            units_total=len(groups),
            prefetch=self._plan.incremental is None or self._plan.incremental.row_order is None,
            progress=self._progress(len(groups)),
        )
        if self._request.limit is not None:
            limit = self._request.limit
            options = dataclasses.replace(options, max_pages=min(limit, options.max_pages or limit))
        with contextlib.closing(self._client.fetch(units, options=options)) as pages:
            yield from pages

    def _values(self, by_key: Mapping[str, Lane], window: Window, *, group: ParentGroup) -> Mapping[str, Any]:
        if self._plan.incremental is None:
            return {}
        lane = by_key.get(group.partition)
        if lane is None:
            # One request for a range of partitions: from the first start to the last end.
            bounds = window.whole_range()
        elif self._per_parent():
            bounds = self._parent_bounds(lane, window, scope=group.key)
        else:
            bounds = lane.bounds
        return template_values(self._plan.incremental, bounds)

    def _parent_bounds(self, lane: Lane, window: Window, *, scope: str) -> Bounds:
        if window.stateless or lane.replaces:
            return lane.bounds
        return window.bounds_for_parent(lane.bounds, lane.parent_cursors.get(scope))

    def _partition_values(
        self, group: ParentGroup, lanes: Sequence[Lane], *, by_key: Mapping[str, Lane], pattern: Any
    ) -> Mapping[str, Any] | None:
        if not self._partitioned:
            return None
        if group.partition in by_key:
            return by_key[group.partition].slice.template_values(pattern=pattern)
        whole = Slice(
            key=f"{lanes[0].slice.key}...{lanes[-1].slice.key}",
            start=lanes[0].slice.start,
            end=lanes[-1].slice.end,
        )
        return whole.template_values(pattern=pattern)

    def _progress(self, total: int) -> Callable[[Any], None]:
        parents = f" of {total}" if self._plan.parents else ""

        def say(progress: Any) -> None:
            rate = progress.rows / progress.seconds if progress.seconds else 0.0
            done = f", {progress.units_done}{parents} parents done" if parents else ""
            self._log(f"{progress.pages} pages, {progress.rows} rows, {rate:,.0f} rows/s{done}")

        return say

    def _take(self, page: "Page", group: ParentGroup, *, report: LoadReport) -> list[Any]:
        report.rows_fetched += len(page)
        if page.ended_by:
            report.ended_by[page.ended_by] += 1
            report.ignored_midway += page.ended_by == "ignored" and page.number > 0
        if page.total is not None and page.number == 0:
            report.total = (report.total or 0) + page.total
        if report.paginator is None and page.paginator is not None:
            report.paginator = type(page.paginator).__name__
        report.evidence = report.evidence or page.evidence
        if report.endpoint is None and page.request is not None:
            report.endpoint = self._client.redactor.redact_url(str(page.request.url))
        for warning in page.warnings:
            if warning not in report.warnings:
                report.warnings.append(warning)
        records: list[Any] = page
        if group.includes:
            records = add_includes(records, group.includes)
        return self._steps(records)

    def _keep(self, lane: Lane, records: list[Any], *, page: "Page", group: ParentGroup, window: Window) -> None:
        scope = group.key if self._per_parent() else SHARED
        rows = lane.filter_for(scope)
        kept = rows.keep(records) if rows is not None else records
        if self._collector and kept:
            lane.stager.write_side("fan_out", self._collector.collect(kept))
            lane.keys_staged += len(kept)
        cursor = rows.state() if rows is not None else None
        unit = page.unit.index
        if page.is_last:
            if self._per_parent():
                lane.finish_scope(scope, window=window)
                cursor = None
            position = position_of(unit + 1, None, cursor, resumable=True, now=lane.now)
        else:
            position = position_of(unit, page.state, cursor, resumable=page.state is not None, now=lane.now)
        lane.stager.write(kept if self._asset.is_selected else [], position=position)
        self._on_event("page_staged")

    def _is_past_the_end(self, lane: Lane, group: ParentGroup) -> bool:
        incremental = self._plan.incremental
        if incremental is None or incremental.row_order is None or self._plan.parents:
            return False
        rows = lane.filter_for(SHARED)
        assert rows is not None
        return rows.passed_start if incremental.row_order == "desc" else rows.passed_end

    def _finish_lane(self, lane: Lane, window: Window) -> "StagedLoad":
        if self._per_parent():
            for scope in list(lane.filters):
                lane.finish_scope(scope, window=window)
        return lane.stager.finish()

    def _check_empty(self, staged: Sequence["StagedLoad"], report: LoadReport) -> None:
        if self._plan.write_disposition.disposition != "replace" or not self._asset.is_selected:
            return
        if any(one.rows_staged for one in staged):
            return
        if self._plan.config.on_empty == "fail":
            raise StateError(
                "the load fetched nothing, and the table would be emptied",
                code="state_empty_replace",
                where=self._plan.config_path,
                hint="The table is as before. Look at the API; on_empty: warn lets an empty load through.",
            )
        report.empty_replace = True

    # --- committing ---------------------------------------------------------------------------------------------

    def _commit(
        self,
        connection: "DuckDBPyConnection",
        lanes: Sequence[Lane],
        staged: Sequence["StagedLoad"],
        *,
        window: Window,
        report: LoadReport,
        parents: ParentInput,
    ) -> None:
        ensure_ledger(connection)
        by_key = {one.slice.key: one for one in report.slices}
        for lane in lanes:
            self._check_successor(connection, lane, by_key[lane.slice.key])
        for lane, load in zip(lanes, staged, strict=True):
            self._commit_lane(connection, lane, load, window=window, one=by_key[lane.slice.key])
        if window.is_last and self._request.limit is None:
            parents.mark_consumed(connection, self._asset)
        if self._before_commit is not None and window.is_last:
            self._before_commit(connection, report)
        self._on_event("in_transaction")

    def _check_successor(self, connection: "DuckDBPyConnection", lane: Lane, one: SliceReport) -> None:
        latest = latest_load(connection, asset=self._asset.id, partition=lane.slice.key)
        self._check_attempt(latest)
        base = one.load_ids[-1] if one.load_ids else lane.start.base
        if (latest.load_id if latest else None) != base:
            raise Contended

    def _commit_lane(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        *,
        window: Window,
        one: SliceReport,
    ) -> None:
        rebuild = lane.start.rebuild and window.is_first
        outcome = None
        taken_back = self._take_back(connection, lane) if not one.load_ids else []
        if self._asset.is_selected:
            outcome = self._write_tables(connection, lane, staged, rebuild=rebuild, taken_back=taken_back)
            one.outcomes.append(outcome)
        continued = lane.start.continued
        load_group = continued.load_group if continued else one.load_ids[0] if one.load_ids else staged.load_id
        self._write_keys(connection, lane, staged, rebuild=rebuild, load_group=load_group)
        self._write_parent_cursors(connection, lane, staged, one, rebuild=rebuild, window=window)
        one.cursor = self._cursor_after(lane, one, window=window)
        one.data_version = self._data_version(connection, lane, staged, one, outcome=outcome)
        one.load_ids.append(staged.load_id)
        record_load(
            connection,
            LoadRow(
                load_id=staged.load_id,
                asset=self._asset.id,
                partition=lane.slice.key,
                load_group=load_group,
                run_id=self._request.run_id,
                attempt=self._request.attempt,
                storage_id=self._request.storage_id,
                status="pending",
                cursor=one.cursor,
                cursor_path=self._plan.incremental.cursor_path if self._plan.incremental else None,
                rows_loaded=outcome.rows_loaded if outcome else 0,
                complete=window.is_last,
                fingerprint=self._plan.fingerprint,
                data_version=one.data_version,
                request_key=self._request.key,
                progress=window.cursor_after(None) if window.stateless and not window.is_last else None,
            ),
            committed_at=self._clock(),
        )

    def _write_tables(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        *,
        rebuild: bool,
        taken_back: Sequence[str],
    ) -> "LoadOutcome":
        from dagster_rest.warehouse.dispositions import ReplaceWhere, commit_load

        earlier = list(taken_back)
        if lane.replaces:
            earlier = load_ids_of_partition(connection, asset=self._asset.id, partitions=[lane.slice.key])
        replace_where = ReplaceWhere("_load_id in (select unnest(?::varchar[]))", [earlier]) if earlier else None
        return commit_load(
            connection,
            staged,
            load_id=staged.load_id,
            loaded_at=self._clock(),
            full_refresh=rebuild and not lane.slice.key,
            replace_where=replace_where,
            on_event=self._on_event,
        )

    def _take_back(self, connection: "DuckDBPyConnection", lane: Lane) -> list[str]:
        """The loads whose rows this one replaces: committed, never told, and of a table that only grows."""
        latest = lane.start.state.latest
        if lane.start.recovery != "redo" or latest is None or not self._only_grows():
            return []
        loads = pending_loads(connection, asset=self._asset.id, partition=lane.slice.key, load_group=latest.load_group)
        take_back_loads(connection, asset=self._asset.id, load_ids=loads)
        if self._collector:
            from dagster_rest.warehouse.fan_out import forget_fan_out_keys

            forget_fan_out_keys(connection, asset=self._asset.id, load_ids=loads)
        return loads

    def _only_grows(self) -> bool:
        disposition = self._plan.write_disposition
        keyed = self._plan.primary_key or self._plan.merge_key or disposition.strategy == "scd2"
        return disposition.disposition == "append" or (disposition.disposition == "merge" and not keyed)

    def _write_keys(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        *,
        rebuild: bool,
        load_group: str,
    ) -> None:
        if not self._collector:
            return
        from dagster_rest.warehouse.fan_out import forget_fan_out_keys, write_fan_out_keys

        if lane.replaces or rebuild:
            forget_fan_out_keys(connection, asset=self._asset.id, partitions=[lane.slice.key])
        write_fan_out_keys(
            connection,
            list(staged.side("fan_out")),
            asset=self._asset.id,
            partition=lane.slice.key,
            load_id=staged.load_id,
            load_group=load_group,
            write=self._key_write(staged.spec),
        )

    def _key_write(self, spec: "TableSpec") -> Any:
        disposition = spec.write_disposition
        if disposition.disposition == "merge":
            if disposition.strategy in ("cdc", "scd2") and not self._plan.merge_key:
                return "replace"
            return "merge" if self._plan.primary_key or self._plan.merge_key else "append"
        return "replace" if disposition.disposition == "replace" else "append"

    def _write_parent_cursors(
        self,
        connection: "DuckDBPyConnection",
        lane: Lane,
        staged: "StagedLoad",
        one: SliceReport,
        *,
        rebuild: bool,
        window: Window,
    ) -> None:
        if not self._per_parent() or lane.replaces or window.stateless or self._request.limit is not None:
            return
        cursors = {
            row["parent_key"]: CursorState(value=row["cursor"], type=row["type"], boundary=tuple(row["boundary"]))
            for row in staged.side("parent_cursors")
        }
        one.parent_cursors.update(cursors)
        replace_parent_cursors(
            connection,
            asset=self._asset.id,
            partition=lane.slice.key,
            cursors=cursors,
            keep_others=not rebuild,
        )

    def _cursor_after(self, lane: Lane, one: SliceReport, *, window: Window) -> CursorState | None:
        if self._plan.incremental is None or self._request.limit is not None:
            return one.cursor
        if window.stateless:
            # An explicit end leaves the cursor alone.
            return one.cursor
        if self._per_parent():
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
        from dagster_rest.warehouse.content import content_version

        latest = lane.start.state.latest
        previous = one.data_version or (latest.data_version if latest else "")
        if outcome is None:
            brought = lane.keys_staged or any(True for _ in staged.side("fan_out"))
            return staged.load_id if brought or not previous else previous
        unchanged = not (outcome.rows_loaded or outcome.rows_deleted or outcome.schema_changes)
        if unchanged and previous and not lane.start.rebuild:
            return previous
        if self._partitioned:
            return content_version(
                connection, dataset=self._asset.dataset, tables=[outcome.table], load_id=staged.load_id
            )
        if staged.spec.write_disposition.disposition == "append" and not lane.start.rebuild:
            # An append that brought rows changed the content: no need to read a large table for that.
            return staged.load_id
        return content_version(connection, dataset=self._asset.dataset, tables=outcome.total_rows)


def _names(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _new_load_id(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond:06d}-{secrets.token_hex(3)}"


def _slice_report(one: Slice, start: Start) -> SliceReport:
    latest = start.state.latest
    cursor = latest.cursor if latest else None
    return SliceReport(
        slice=one,
        start=start,
        cursor=cursor,
        cursor_before=cursor,
        parent_cursors=dict(start.state.parent_cursors),
    )
