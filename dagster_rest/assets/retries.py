"""A step that is run again: what an earlier attempt of the same run has materialized is not loaded again."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from dagster_rest.assets.rest_asset import RestAsset


def stored_before(
    context: dg.AssetExecutionContext, asset: RestAsset, *, checks: Iterable[str]
) -> dg.MaterializeResult[Any] | None:
    """The materialization that an earlier attempt of this step stored, to be yielded again; None if there is none.

    Dagster runs all of a step again, and wants all of its outputs again. Partitions are left to their loads: they
    replace what the earlier attempt wrote.

    Args:
        context: The step's context.
        asset: The asset.
        checks: Names of the checks that the run selects.
    """
    if context.retry_number == 0 or asset.partitions_def is not None:
        return None
    event = context.instance.get_latest_materialization_event(asset.key)
    if event is None or event.run_id != context.run.run_id or event.asset_materialization is None:
        return None
    stored = event.asset_materialization
    context.log.info(f"{asset.plan.name} was loaded by an earlier attempt of this run")
    version = (stored.tags or {}).get("dagster/data_version")
    return dg.MaterializeResult(
        asset_key=asset.key,
        metadata=stored.metadata,
        data_version=dg.DataVersion(version) if version else None,
        check_results=[_evaluated_before(context, asset, name) for name in checks],
    )


def _evaluated_before(context: dg.AssetExecutionContext, asset: RestAsset, name: str) -> dg.AssetCheckResult:
    key = dg.AssetCheckKey(asset.key, name)
    record = context.instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    event = record.event.dagster_event if record is not None and record.event is not None else None
    is_evaluation = event is not None and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    if event is None or record is None or record.run_id != context.run.run_id or not is_evaluation:
        return dg.AssetCheckResult(
            asset_key=asset.key,
            check_name=name,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="Its evaluation was lost with an earlier attempt of this run.",
        )
    found = event.asset_check_evaluation_data
    return dg.AssetCheckResult(
        asset_key=asset.key,
        check_name=name,
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata=found.metadata,
    )
