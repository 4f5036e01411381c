"""A step that is run again: what an earlier attempt has materialized is not loaded again."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from dagster_rest.assets.rest_asset import RestAsset

_FROM_FAILURE = ("dagster/is_resume_retry", "dagster/is_asset_resume_retry")
"""Tags of a run that re-executes what failed in its parent run: one of them is ``true``."""


def stored_before(
    context: dg.AssetExecutionContext, asset: RestAsset, *, checks: Iterable[str]
) -> dg.MaterializeResult[Any] | None:
    """The materialization that an earlier attempt of this step stored, to be yielded again; None if there is none.

    An earlier attempt is one of this run, or of a run that this one re-executes from its failure: a step that dies
    behind its last event has failed in Dagster's eyes. Dagster runs all of a step again, and wants all of its outputs
    again. Partitions are left to their loads: they replace what the earlier attempt wrote.

    Args:
        context: The step's context.
        asset: The asset.
        checks: Names of the checks that the run selects.
    """
    earlier = _earlier_runs(context)
    if not earlier or asset.partitions_def is not None:
        return None
    event = context.instance.get_latest_materialization_event(asset.key)
    if event is None or event.run_id not in earlier or event.asset_materialization is None:
        return None
    stored = event.asset_materialization
    context.log.info(f"{asset.plan.name} was loaded by an earlier attempt of this run")
    version = (stored.tags or {}).get("dagster/data_version")
    return dg.MaterializeResult(
        asset_key=asset.key,
        metadata=stored.metadata,
        data_version=dg.DataVersion(version) if version else None,
        check_results=[_evaluated_before(context, asset, name, run_id=event.run_id) for name in checks],
    )


def _earlier_runs(context: dg.AssetExecutionContext) -> set[str]:
    """The runs whose step this one tries again: this run itself, and those it re-executes from their failure."""
    run: dg.DagsterRun | None = context.run
    found = {context.run.run_id} if context.retry_number else set()
    while run is not None and run.parent_run_id and any(run.tags.get(tag) == "true" for tag in _FROM_FAILURE):
        found.add(run.parent_run_id)
        run = context.instance.get_run_by_id(run.parent_run_id)
    return found


def _evaluated_before(
    context: dg.AssetExecutionContext, asset: RestAsset, name: str, *, run_id: str
) -> dg.AssetCheckResult:
    # Not Dagster's newest record of the check: since this run began, that is the evaluation it plans itself.
    events = context.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [event.dagster_event.asset_check_evaluation_data for event in events if event.dagster_event]
    found = next(
        (one for one in reversed(evaluations) if one.asset_check_key == dg.AssetCheckKey(asset.key, name)), None
    )
    if found is None:
        return dg.AssetCheckResult(
            asset_key=asset.key,
            check_name=name,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="Its evaluation was lost with an earlier attempt of this run.",
        )
    return dg.AssetCheckResult(
        asset_key=asset.key,
        check_name=name,
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata=found.metadata,
    )
