"""A step that is run again: a load that an earlier attempt reported is reported again."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.start.event_log import events_of


def stored_before(
    context: dg.AssetExecutionContext, asset: RestAsset, *, load_id: str, checks: Iterable[str]
) -> dg.MaterializeResult[Any]:
    """The materialization that an earlier attempt of this step stored, to be yielded again.

    A step that dies behind its last event has failed in Dagster's eyes. Dagster runs all of a step again, and wants
    all of its outputs again.

    Args:
        context: The step's context.
        asset: The asset.
        load_id: The load that was reported.
        checks: Names of the checks that the run selects.
    """
    events = events_of(context.instance, asset_key=asset.key)
    event, stored = next(found for found in events if found[0].load_id == load_id)
    version = (stored.tags or {}).get("dagster/data_version")
    return dg.MaterializeResult(
        asset_key=asset.key,
        metadata=stored.metadata,
        data_version=dg.DataVersion(version) if version else None,
        check_results=[_evaluated_before(context, asset, name, run_id=event.run_id) for name in checks],
    )


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
