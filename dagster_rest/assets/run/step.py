"""What happens when a REST asset is materialized: Dagster on one side, the load on the other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.checks.evaluate import evaluate_checks, refused_null_key
from dagster_rest.assets.context import RunRequest
from dagster_rest.assets.errors import BlockingCheckError, StateError
from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.model.partitions import partitions_of
from dagster_rest.assets.model.run_config import RestRunConfig, wants_full_refresh
from dagster_rest.assets.report import LoadReport
from dagster_rest.assets.run.load import ResourceLoad
from dagster_rest.assets.run.metadata import partition_metadata, read_preview, shared_metadata
from dagster_rest.assets.run.sample import SampleLoad
from dagster_rest.assets.start.event_log import is_over, lineage_of, read_event_log
from dagster_rest.assets.start.instance import storage_identity
from dagster_rest.assets.start.replay import stored_before
from dagster_rest.warehouse.errors import WarehouseError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def materialize_resource(
    context: dg.AssetExecutionContext, asset: RestAsset, *, config: RestRunConfig
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Load one resource and yield its materialization; the ledger is confirmed once the event is stored.

    Args:
        context: The step's context; it has the source's ``RestApiResource`` and its DuckDBResource.
        asset: The asset.
        config: What a person said for this run.

    Yields:
        One result, with the metadata that ``docs/metadata.md`` lists and the results of the asset's checks; if a
        blocking check failed, the check results alone.

    Raises:
        dagster.Failure: No retry can help: credentials, config, a blocking check.
        dagster.RetryRequested: The API asks for a long wait.
    """
    from dagster_rest.resources import dagster_errors
    from dagster_rest.resources.errors import failure

    rest = getattr(context.resources, asset.source.name)
    database = getattr(context.resources, asset.database_key)
    selected = [key.name for key in context.selected_asset_check_keys if key.asset_key == asset.key]
    checked: list[dg.AssetCheckResult] = []
    preview: dict[str, Any] = {}

    def check(connection: "DuckDBPyConnection", report: LoadReport) -> None:
        checked[:] = evaluate_checks(connection, asset, report, only=selected)
        preview.update(read_preview(connection, asset, report))

    try:
        with dagster_errors():
            load = (ResourceLoad if config.limit is None else SampleLoad)(
                asset,
                request=_request(context, asset, config),
                client=rest.client,
                database=database,
                log=context.log.info,
                staging_dir=rest.staging_dir,
                before_commit=check,
            )
            report = load.run()
    except BlockingCheckError as error:
        yield from error.results
        raise failure(error) from None
    except WarehouseError as error:
        yield from refused_null_key(asset, error, only=selected)
        raise
    try:
        again = report.start.reports_again
        if again is not None:
            result = stored_before(context, asset, load_id=again.load_id, checks=selected)
            with dagster_errors():
                load.check_kept(report)
            yield result
        else:
            yield _result(context, asset, report, checked=checked, preview=preview)
        # The generator goes on once the event is in Dagster's storage: now the ledger may call the load confirmed.
        with dagster_errors():
            load.confirm(report)
    finally:
        load.close()


def _request(context: dg.AssetExecutionContext, asset: RestAsset, config: RestRunConfig) -> RunRequest:
    partitions = partitions_of(context, asset.partitions_def)
    if not partitions:
        raise StateError("the run selects no partition", code="state_no_partition", where=asset.plan.config_path)
    return RunRequest(
        run=lineage_of(context),
        storage_id=storage_identity(context.instance),
        partitions=partitions,
        read_log=lambda one, wanted, latest: read_event_log(
            context.instance, asset_key=asset.key, partition=one.key, wanted=wanted, latest=latest
        ),
        run_is_over=lambda run_id: is_over(context.instance, run_id),
        full_refresh=wants_full_refresh(config, dict(context.run.tags)),
        start_value=config.start_value,
        end_value=config.end_value,
        limit=config.limit,
        adopt=config.adopt,
    )


def _result(
    context: dg.AssetExecutionContext,
    asset: RestAsset,
    report: LoadReport,
    *,
    checked: Sequence[dg.AssetCheckResult],
    preview: Mapping[str, Any],
) -> dg.MaterializeResult[Any]:
    metadata = {**shared_metadata(asset, report), **preview}
    if len(report.partitions) == 1:
        return dg.MaterializeResult(
            asset_key=asset.key,
            metadata={**partition_metadata(asset, report.partitions[0]), **metadata},
            data_version=_data_version(report),
            check_results=checked,
        )
    for one in report.partitions:
        # The metadata of one result is copied onto every partition of a backfill; what differs goes by key.
        context.add_asset_metadata(
            partition_metadata(asset, one), asset_key=asset.key, partition_key=one.state.partition.key
        )
    return dg.MaterializeResult(asset_key=asset.key, metadata=metadata, check_results=checked)


def _data_version(report: LoadReport) -> dg.DataVersion | None:
    version = report.partitions[0].state.data_version
    return dg.DataVersion(version) if version else None
