"""What every part of one load works with."""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.errors import StateError
from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.model.partitioning import describe, in_words, is_other_partitioning
from dagster_rest.assets.model.partitions import Slice, is_one_range
from dagster_rest.assets.parents.fan_out import KeyCollector
from dagster_rest.assets.report import LoadReport
from dagster_rest.assets.start.facts import EventLog, Rules, RunLine, Wish, newer_attempt
from dagster_rest.config.plan.build import ResourcePlan
from dagster_rest.config.values.jsonpath import plain_names
from dagster_rest.warehouse.database.base import Database
from dagster_rest.warehouse.state.load_row import LoadRow
from dagster_rest.warehouse.state.partitionings import loaded_partitions, read_partitioning

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.config.model.incremental import IncrementalConfig
    from dagster_rest.http import RestClient
    from dagster_rest.warehouse.schema import RecordedSchema, ResourceSpec, TableSchema
    from dagster_rest.warehouse.state.inspection import TableInspection

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What one run asks of an asset.

    Args:
        run: The Dagster run, and those whose work it takes up.
        storage_id: The id of the Dagster storage the event will go to.
        slices: The partitions to load; one whole slice without partitions.
        read_log: Reads the event log for a partition: which of some loads were told of, and the newest load that the
            ledger has; called after the ledger was read.
        run_is_over: Whether a Dagster run has ended (or is unknown), so that it tells of no load any more.
        full_refresh: Forget the cursor and rebuild.
        start_value: Start of the range, for this run only.
        end_value: End of the range, for this run only.
        limit: Sample that many pages and parents.
    """

    run: RunLine
    storage_id: str
    slices: Sequence[Slice]
    read_log: Callable[[Slice, Collection[str], str | None], EventLog]
    run_is_over: Callable[[str], bool] = lambda run_id: False
    full_refresh: bool = False
    start_value: Any = None
    end_value: Any = None
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class LoadContext:
    """One load of one asset: what is asked for, and what it is done with.

    Args:
        asset: The asset.
        request: What the run asks for.
        client: The HTTP client of its source.
        database: Where the tables are.
        root: The folder under which loads are staged.
        spec: What the warehouse has to know of the resource.
        steps: The processing steps, as one function of a page's records.
        collector: Takes what children use out of the records.
        log: Takes lines for the run's log.
        on_event: Called at named moments; reliability tests kill the process there.
        before_commit: Called in the data's transaction just before it is committed.
        clock: The present.
    """

    asset: RestAsset
    request: RunRequest
    client: "RestClient"
    database: Database
    root: Path
    spec: "ResourceSpec"
    steps: Callable[[list[Any]], list[Any]]
    collector: KeyCollector
    log: Log
    on_event: Callable[[str], None]
    before_commit: Callable[["DuckDBPyConnection", LoadReport], None] | None
    clock: Callable[[], datetime]

    @property
    def plan(self) -> ResourcePlan:
        """The resource."""
        return self.asset.plan

    @property
    def partitioned(self) -> bool:
        """Whether the asset has partitions."""
        return self.asset.partitions_def is not None

    @property
    def per_parent(self) -> bool:
        """Whether the resource keeps a cursor for each of its parents."""
        incremental = self.plan.incremental
        return bool(self.plan.parents) and incremental is not None and incremental.state != "shared"

    @property
    def consumes(self) -> bool:
        """Whether the parents that a load has worked on are not given to the next one."""
        return not self.partitioned and self.plan.fan_out == "new" and bool(self.plan.parents)

    @property
    def has_own_range(self) -> bool:
        """Whether this run alone asks for a range: what it brings of a parent need not be all there is."""
        return self.request.start_value is not None or self.request.end_value is not None

    @property
    def skips_failed_parents(self) -> bool:
        """Whether a parent whose request fails is left out: the next run can make up for it."""
        incremental = self.plan.incremental
        has_range = self.has_own_range or (incremental is not None and incremental.end_value is not None)
        return bool(self.plan.parents) and self.plan.endpoint.on_parent_error == "skip" and not has_range

    @property
    def asks_one_range(self) -> bool:
        """Whether one request asks for all the partitions of the run."""
        asked, slices = self.plan.request.partition_attributes, self.request.slices
        asks_by_key = "key" in asked or f"keys.{slices[0].time_dimension}" in asked
        return self.plan.incremental is not None and not asks_by_key and is_one_range(slices)

    def replaces(self, one: Slice) -> bool:
        """Whether a load of this partition replaces the partition; one that keeps a cursor of its own adds to it."""
        adds = self.plan.incremental is not None and one.start is None and not self._is_replace
        return bool(one.key) and not adds

    @property
    def _is_replace(self) -> bool:
        return self.plan.write_disposition.disposition == "replace"

    @property
    def wish(self) -> Wish:
        """What the run asks for, as the decision about its start reads it."""
        request, incremental = self.request, self.plan.incremental
        end = request.end_value
        if end is None and incremental is not None:
            end = incremental.end_value
        asked = [request.start_value, end, request.limit]
        return Wish(
            key=json.dumps(asked, default=str) if any(one is not None for one in asked) else "",
            full_refresh=request.full_refresh,
            leaves_cursor=incremental is not None and end is not None,
            own_range=self.has_own_range,
            sample=request.limit is not None,
        )

    def rules(self, one: Slice) -> Rules:
        """What the config says that matters to the decision about a partition's start.

        Args:
            one: The partition.
        """
        plan, disposition = self.plan, self.plan.write_disposition
        keyed = plan.primary_key or plan.merge_key or disposition.strategy == "scd2"
        by_key = disposition.disposition == "merge" and keyed
        incremental = plan.incremental
        return Rules(
            fingerprint=plan.fingerprint,
            cursor_path=cursor_field(incremental.cursor_path) if incremental else None,
            cursor_function=cursor_function(incremental) if incremental else None,
            parent_fields=tuple(tuple(sorted({*link.fields})) for link in plan.parents) if self.per_parent else None,
            consumes=self.consumes,
            replaces=self._is_replace or self.replaces(one),
            only_grows=not (self._is_replace or by_key or self.replaces(one)),
            in_steps=incremental is not None and incremental.step is not None,
            partitioned=self.partitioned,
            has_table=self.asset.is_selected,
            resume=plan.config.resume,
            resume_ttl=plan.config.resume_ttl,
        )

    def root_tables(self, recorded: Iterable[str]) -> list[tuple[str, str]]:
        """The root tables it writes, as (dataset, name): those that are recorded, and the one of its spec.

        Args:
            recorded: Names of recorded root tables.
        """
        names = {*recorded, *([self.spec.table] if self.spec.has_fixed_table else [])}
        return [(self.asset.dataset, name) for name in sorted(names)]

    def recorded_tables(self, known: "RecordedSchema") -> tuple["TableSchema", ...]:
        """The tables that earlier loads of the resource made and that this load goes on with: none if it writes none.

        Args:
            known: The recorded schema.
        """
        return self.own_tables(known) if self.asset.is_selected else ()

    def own_tables(self, known: "RecordedSchema") -> tuple["TableSchema", ...]:
        """The tables that earlier loads of the resource made and that hold its data, whether it is selected now or not.

        What a contract refused is nobody's data: a quarantine may be dropped at any time.

        Args:
            known: The recorded schema.
        """
        from dagster_rest.warehouse.state.inspection import recorded_tables

        return tuple(table for table in recorded_tables(known, spec=self.spec) if table.kind != "quarantine")

    def inspect(
        self, connection: "DuckDBPyConnection | None", recorded: Sequence["TableSchema"]
    ) -> tuple["TableInspection", ...]:
        """The recorded tables as they are.

        Args:
            connection: An open connection, or None where the database does not exist yet.
            recorded: The tables to look at.
        """
        from dagster_rest.warehouse.state.inspection import inspect_tables

        return tuple(inspect_tables(connection, dataset=self.asset.dataset, recorded=recorded))

    def lost_tables(self, tables: Sequence["TableInspection"]) -> tuple[str, ...]:
        """The recorded tables that are gone, or that lost columns, in words.

        Args:
            tables: The recorded tables as they are.

        Raises:
            StateError: ``state_not_a_table`` for a view, ``state_missing_table`` where the config forbids to rebuild.
        """
        if self.request.limit is not None:
            return ()
        for table in tables:
            if table.found == "view":
                raise self._table_error(
                    f"{self.asset.dataset}.{table.table} was loaded as a table, and a view stands in its place",
                    code="state_not_a_table",
                    hint="Drop or rename the view: then the table is loaded again from the start.",
                )
        lost = tuple(_loss(table, dataset=self.asset.dataset) for table in tables if not table.is_whole)
        if lost and self.plan.config.on_missing_table == "fail" and not self.request.full_refresh:
            raise self._table_error(
                f"{', '.join(lost)}: not as it was recorded",
                code="state_missing_table",
                hint="Restore it, or load the data again from the start: a full refresh, or on_missing_table: rebuild.",
            )
        narrowed = [table.table for table in tables if set(table.lost_columns) - set(table.missing_columns)]
        if narrowed and self.partitioned:
            raise self._table_error(
                f"{', '.join(lost)}: a run of one partition cannot rebuild what other partitions lost",
                code="state_missing_table",
                hint=f"Drop {self.asset.dataset}.{narrowed[0]} and run a backfill of all partitions.",
            )
        return lost

    def other_partitions(
        self, connection: "DuckDBPyConnection | None", recorded: Sequence["TableSchema"]
    ) -> str | None:
        """What the rows that are loaded were partitioned by, in words, if it is not what the asset is by; else None.

        Args:
            connection: An open connection, or None where the database does not exist yet.
            recorded: The recorded tables of the asset.
        """
        before = read_partitioning(connection, asset=self.asset.id).description
        if before == describe(self.asset.partitions_def):
            return None
        tables = self.root_tables(table.root for table in recorded)
        loaded = loaded_partitions(connection, asset=self.asset.id, tables=tables)
        if not is_other_partitioning(before, self.asset.partitions_def, loaded=loaded):
            return None
        return in_words(before, loaded=loaded)

    def may_repartition(self, before: str | None, tables: Sequence["TableInspection"]) -> bool:
        """Whether the run has to begin anew, for what is loaded was of other partitions.

        Args:
            before: What ``other_partitions`` gave.
            tables: The recorded tables as they are.

        Raises:
            StateError: ``state_other_partitions`` where nobody asked to begin anew.
        """
        if before is None:
            return False
        roots = [table for table in tables if table.is_root]
        is_gone = bool(roots) and all(table.found == "missing" for table in roots)
        if self.request.full_refresh or is_gone or (self._is_replace and not self.partitioned):
            return True
        raise self._table_error(
            f"what is loaded of {self.asset.id} was loaded by {before}, and the asset has"
            f" {in_words(describe(self.asset.partitions_def))} now: a key says nothing of those rows any more",
            code="state_other_partitions",
            hint="Run it with full_refresh: true (or the tag dagster_rest/full_refresh), which empties the table, and"
            " then a backfill of the other partitions if there are any; or set the partitions back.",
        )

    def _table_error(self, message: str, *, code: str, hint: str) -> StateError:
        return StateError(message, code=code, where=self.plan.config_path, hint=hint)

    def check_attempt(self, loads: Sequence[LoadRow]) -> None:
        """Refuse to go on when a later attempt of this very run has committed.

        Args:
            loads: Rows of the ledger.

        Raises:
            StateError: ``state_fenced``.
        """
        newer = newer_attempt(loads, run=self.request.run)
        if newer is not None:
            raise self.fenced(
                f"attempt {newer.attempt} of this run has committed load {newer.load_id}; this is attempt"
                f" {self.request.run.attempt}"
            )

    def check_own_run(self) -> None:
        """Refuse to write when this run is over: whoever looks at its loads takes it for dead.

        Raises:
            StateError: ``state_fenced``.
        """
        if self.request.run_is_over(self.request.run.run_id):
            raise self.fenced("this run is over for Dagster: it ended, was cancelled, declared failed, or deleted")

    def fenced(self, message: str) -> StateError:
        """The error of a step that was given up and woke up later."""
        return StateError(
            message,
            code="state_fenced",
            where=self.plan.config_path,
            hint="This step was given up before. Nothing was written here; run the asset again if nobody did.",
        )


def _loss(table: "TableInspection", *, dataset: str) -> str:
    if table.found == "missing":
        return f"{dataset}.{table.table} is missing"
    return f"{dataset}.{table.table} lost {', '.join(table.lost_columns)}"


def cursor_field(path: str) -> str:
    """A cursor's field in one notation: ``$.updated_at`` is ``updated_at``.

    Args:
        path: A name or a JSONPath.
    """
    names = plain_names(path)
    return ".".join(names) if names else path


def cursor_function(incremental: "IncrementalConfig") -> str:
    """The name of what chooses a cursor among the values of its field.

    Args:
        incremental: The resource's incremental block.
    """
    function = incremental.last_value_func
    if not callable(function):
        return str(function)
    return f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', repr(type(function)))}"
