"""What every part of one load works with."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.errors import StateError
from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.model.partitions import Partition, is_one_range
from dagster_rest.assets.parents.key_collector import KeyCollector
from dagster_rest.assets.report import LoadReport
from dagster_rest.assets.start.facts import EventLog, Rules, RunLineage, RunOptions, newer_attempt
from dagster_rest.config.plan.build import ResourcePlan
from dagster_rest.config.values.jsonpath import plain_names
from dagster_rest.warehouse.database.base import Database
from dagster_rest.warehouse.state.load_row import LoadRow

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.config.model.incremental import IncrementalConfig
    from dagster_rest.http import RestClient
    from dagster_rest.warehouse.schema import ResourceSpec

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What one run asks of an asset.

    Args:
        run: The Dagster run, and those whose work it takes up.
        storage_id: The id of the Dagster storage the event will go to.
        partitions: The partitions to load; the whole asset without partitions.
        read_log: Reads the event log for a partition: which of some loads were reported, and the newest load that the
            ledger has; called after the ledger was read.
        run_is_over: Whether a Dagster run has ended (or is unknown), so that it reports no load any more.
        full_refresh: Forget the cursor and rebuild.
        start_value: Start of the range, for this run only.
        end_value: End of the range, for this run only.
        limit: Sample that many pages and parents.
        adopt: Whether what another asset or source loaded into its table is its own from here on.
    """

    run: RunLineage
    storage_id: str
    partitions: Sequence[Partition]
    read_log: Callable[[Partition, Collection[str], str | None], EventLog]
    run_is_over: Callable[[str], bool] = lambda run_id: False
    full_refresh: bool = False
    start_value: Any = None
    end_value: Any = None
    limit: int | None = None
    adopt: bool = False


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
        asked, partitions = self.plan.request.partition_attributes, self.request.partitions
        asks_by_key = "key" in asked or f"keys.{partitions[0].time_dimension}" in asked
        return self.plan.incremental is not None and not asks_by_key and is_one_range(partitions)

    def replaces(self, one: Partition) -> bool:
        """Whether a load of this partition replaces the partition; one that keeps a cursor of its own adds to it."""
        adds = self.plan.incremental is not None and one.start is None and not self.is_replace
        return bool(one.key) and not adds

    @property
    def is_replace(self) -> bool:
        """Whether each load replaces the table."""
        return self.plan.write_disposition.disposition == "replace"

    @property
    def options(self) -> RunOptions:
        """What the run asks for, as the decision about its start reads it."""
        request, incremental = self.request, self.plan.incremental
        end = request.end_value
        if end is None and incremental is not None:
            end = incremental.end_value
        asked = [request.start_value, end, request.limit]
        return RunOptions(
            key=json.dumps(asked, default=str) if any(one is not None for one in asked) else "",
            full_refresh=request.full_refresh,
            leaves_cursor=incremental is not None and end is not None,
            own_range=self.has_own_range,
            sample=request.limit is not None,
        )

    def rules(self, one: Partition) -> Rules:
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
            replaces=self.is_replace or self.replaces(one),
            only_grows=not (self.is_replace or by_key or self.replaces(one)),
            in_steps=incremental is not None and incremental.step is not None,
            partitioned=self.partitioned,
            has_table=self.asset.is_selected,
            resume=plan.config.resume,
            resume_ttl=plan.config.resume_ttl,
        )

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
        """Refuse to write when this run is over: other runs take its loads for abandoned.

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
            hint="This step had been given up. It wrote nothing; run the asset again if no other run did.",
        )


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
