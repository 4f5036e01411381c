"""What every part of one load works with."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.errors import StateError
from dagster_rest.assets.fan_out import KeyCollector
from dagster_rest.assets.partitions import Slice, is_one_range
from dagster_rest.assets.reports import LoadReport
from dagster_rest.assets.rest_asset import RestAsset
from dagster_rest.assets.state import Event
from dagster_rest.config.plan import ResourcePlan
from dagster_rest.warehouse.connection import Database
from dagster_rest.warehouse.ledger import LoadRow

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.http import RestClient
    from dagster_rest.warehouse.schema import TableSpec

Log = Callable[[str], None]


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
    spec: "TableSpec"
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
    def skips_failed_parents(self) -> bool:
        """Whether a parent whose request fails is left out: the next run can make up for it."""
        incremental, request = self.plan.incremental, self.request
        has_range = any(one is not None for one in (request.start_value, request.end_value)) or (
            incremental is not None and incremental.end_value is not None
        )
        return bool(self.plan.parents) and self.plan.endpoint.on_parent_error == "skip" and not has_range

    @property
    def asks_one_range(self) -> bool:
        """Whether one request asks for all the partitions of the run."""
        asked, slices = self.plan.request.partition_attributes, self.request.slices
        asks_by_key = "key" in asked or f"keys.{slices[0].time_dimension}" in asked
        return self.plan.incremental is not None and not asks_by_key and is_one_range(slices)

    def replaces(self, one: Slice) -> bool:
        """Whether a load of this partition replaces the partition; one that keeps a cursor of its own adds to it."""
        return bool(one.key) and (self.plan.incremental is None or one.start is not None)

    def check_attempt(self, latest: LoadRow | None) -> None:
        """Refuse to go on when a later attempt of this very run has committed.

        Args:
            latest: The newest load that the ledger has.

        Raises:
            StateError: ``state_fenced``.
        """
        request = self.request
        if latest is not None and latest.run_id == request.run_id and latest.attempt > request.attempt:
            raise self.fenced(
                f"attempt {latest.attempt} of this run has committed load {latest.load_id}; this is attempt"
                f" {request.attempt}"
            )

    def fenced(self, message: str) -> StateError:
        """The error of a step that was given up and woke up later."""
        return StateError(
            message,
            code="state_fenced",
            where=self.plan.config_path,
            hint="This step was given up before; its successor has done the work. Nothing was written here.",
        )
