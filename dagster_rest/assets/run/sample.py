"""A sample (run config ``limit``): some pages into a table of their own, and nothing else is touched."""

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.errors import StateError
from dagster_rest.assets.fetch.groups import request_groups
from dagster_rest.assets.fetch.opening import open_partitions
from dagster_rest.assets.fetch.parent_errors import failed_in
from dagster_rest.assets.fetch.partitions import finish_partition, report_filtered
from dagster_rest.assets.fetch.window import fetch_window
from dagster_rest.assets.model.partitions import WHOLE
from dagster_rest.assets.parents.rows import read_parents
from dagster_rest.assets.partition_state import PartitionState
from dagster_rest.assets.report import LoadReport, PartitionReport
from dagster_rest.assets.run.inputs import Inputs
from dagster_rest.assets.run.load import ResourceLoad
from dagster_rest.assets.start.start import RunStart, Start
from dagster_rest.assets.start.windows import Window, plan_windows
from dagster_rest.config.plan.build import ResourcePlan
from dagster_rest.warehouse.database.file import short_read, short_write
from dagster_rest.warehouse.naming import join, normalize
from dagster_rest.warehouse.state.catalog import read_schema
from dagster_rest.warehouse.state.ledger import read_state
from dagster_rest.warehouse.state.ledger_tables import upgrade_ledger

if TYPE_CHECKING:
    from dagster_rest.assets.model.asset import RestAsset
    from dagster_rest.warehouse.schema import ResourceSpec
    from dagster_rest.warehouse.stage.staged_load import StagedLoad

SAMPLE = "sample"
"""What comes behind the table's name."""


class SampleLoad(ResourceLoad):
    """Loads a sample of a resource into ``<table>__sample``, which it replaces.

    It begins where the resource begins, with its parents' current rows, reads no cursor and leaves none, consumes no
    parents and writes no load into the ledger: for every other run it has never been.

    Args:
        asset: The asset.
        options: As for ``ResourceLoad``.

    Raises:
        StateError: ``sample_refused`` for an asset that has no table to sample into, or partitions.
    """

    def __init__(self, asset: "RestAsset", **options: Any) -> None:
        super().__init__(asset, **options)
        _refuse(asset)
        from dagster_rest.warehouse.schema import ResourceSpec

        # Under an id of its own, it stages apart from an interrupted load.
        *schema, table = asset.key.path
        apart = dataclasses.replace(asset, key=type(asset.key)([*schema, join(table, SAMPLE)]))
        self._context: LoadContext = dataclasses.replace(
            self._context, asset=apart, spec=sample_spec(ResourceSpec.from_plan(asset.plan, dataset=asset.dataset))
        )

    def _attempt(self) -> LoadReport:
        started, before = time.monotonic(), self._context.client.stats.snapshot()
        inputs, version = self._read_sample_inputs()
        start = Start(case="sample", base=None, rebuild=True)
        one = PartitionReport(state=PartitionState(partition=WHOLE, start=start, data_version=version))
        report = LoadReport(start=RunStart(partitions={WHOLE.key: start}), partitions=[one], sampled=True)
        self._load_sample(self._window(report.start), report=report, inputs=inputs)
        report.seconds = time.monotonic() - started
        report.stats = self._context.client.stats.snapshot() - before
        return report

    def confirm(self, report: LoadReport) -> None:
        """A sample is in no ledger: there is nothing to confirm."""

    def _read_sample_inputs(self) -> tuple[Inputs, str]:

        with short_read(self._context.database, log=self._context.log) as connection:
            if connection is not None:
                upgrade_ledger(connection)
            known = read_schema(connection, self._asset.dataset)
            self._refuse_taken(known)
            parents = read_parents(connection, self._context.asset, partitions=[WHOLE], everything=True)
            latest = read_state(connection, asset=self._asset.id).latest
        return Inputs(states={}, known=known, parents=parents), latest.data_version if latest else SAMPLE

    def _refuse_taken(self, known: Any) -> None:
        """Refuse to replace a table that is no sample: one for a list named `sample`, or another resource's."""
        table, plan = self._context.spec.table, self._context.plan
        recorded = known.tables.get(table)
        taken = recorded is not None and (recorded.parent is not None or recorded.resource != plan.name)
        others = (other.table_name for other in self._asset.source.resources if other.name != plan.name)
        if taken or any(isinstance(name, str) and normalize(name) == table for name in others):
            raise StateError(
                f"the sample would replace the table {table!r}, which belongs to another resource",
                code="sample_refused",
                where=plan.config_path,
                hint="Rename that table or field, or give this resource another table_name.",
            )

    def _window(self, start: RunStart) -> Window:
        plan: ResourcePlan = self._context.plan
        if plan.incremental is not None:
            plan = dataclasses.replace(plan, incremental=plan.incremental.model_copy(update={"step": None}))
        windows = plan_windows(
            plan,
            partitions=[WHOLE],
            start=start,
            per_parent=self._context.per_parent,
            start_override=self._request.start_value,
            end_override=self._request.end_value,
            now=self._context.clock(),
        )
        return next(iter(windows))

    def _load_sample(self, window: Window, *, report: LoadReport, inputs: Inputs) -> None:
        context, states = self._context, [one.state for one in report.partitions]
        groups = request_groups(context, inputs.parents, states=states)
        with contextlib.ExitStack() as stack:
            loads = open_partitions(context, window, states=states, groups=groups, known=inputs.known, stack=stack)
            (load,) = loads
            fetch_window(context, window, loads=loads, groups=groups, report=report)
            staged = finish_partition(context, load, window)
            report.counts.failed_parents = len(failed_in([staged], plan=context.plan))
            report_filtered(loads, report)
            try:
                self._write_sample(staged, report=report)
            finally:
                load.stager.discard()
        report.windows = 1

    def _write_sample(self, staged: "StagedLoad", *, report: LoadReport) -> None:
        from dagster_rest.warehouse.load.commit import commit_load

        with short_write(self._context.database, log=self._context.log) as connection:
            outcome = commit_load(
                connection,
                staged,
                load_id=staged.load_id,
                loaded_at=self._context.clock(),
                full_refresh=True,
                on_event=self._context.on_event,
            )
            report.partitions[0].outcomes.append(outcome)
            if self._context.before_commit is not None:
                self._context.before_commit(connection, report)


def sample_spec(spec: "ResourceSpec") -> "ResourceSpec":
    """What the warehouse has to know of a sample: it replaces the sample before it."""
    disposition = dataclasses.replace(spec.write_disposition, disposition="replace", strategy=None, options={})
    return dataclasses.replace(
        spec, table_name=join(spec.table, SAMPLE), write_disposition=disposition, quarantine=False
    )


def _refuse(asset: "RestAsset") -> None:
    if asset.partitions_def is not None:
        found = "a sample of a partition would count as the partition in Dagster"
        hint = "Materialize one partition; max_pages limits its requests."
    elif not asset.is_selected:
        found = "the resource has no table for a sample"
        hint = "Set selected: true to sample its rows."
    elif not isinstance(asset.plan.table_name, str):
        found = "the resource has no single table for a sample: its rows name their tables"
        hint = "Give table_name a text to sample its rows."
    else:
        return
    raise StateError(f"limit: {found}", code="sample_refused", where=asset.plan.config_path, hint=hint)
