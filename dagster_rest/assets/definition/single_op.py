"""All resources of a source in one step, for many small ones: a process for each would cost more than its load."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_rest.assets.checks.evaluate import check_specs
from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.model.partitions import default_backfill_policy
from dagster_rest.assets.model.run_config import RestRunConfig, run_config_of


def build_single_op(
    assets: Sequence[RestAsset],
    *,
    specs: Mapping[str, dg.AssetSpec],
    backfill_policy: dg.BackfillPolicy | None,
    **options: Any,
) -> dg.AssetsDefinition:
    """One multi-asset for a whole source; any subset of it can be materialized.

    One resource that fails does not stop its siblings; its children are left out, and the step fails at the end.

    Args:
        assets: The assets, parents first.
        specs: Their specs by resource name.
        backfill_policy: How backfills run.
        options: What goes to ``multi_asset`` as it is.

    Raises:
        dagster.DagsterInvalidDefinitionError: When the assets do not share their partitions.
    """
    from dagster_rest.warehouse.naming import normalize

    @dg.multi_asset(
        name=normalize(assets[0].source.name),
        specs=[specs[asset.plan.name] for asset in assets],
        check_specs=[spec for asset in assets for spec in check_specs(asset.checks, key=asset.key)],
        can_subset=True,
        backfill_policy=default_backfill_policy(assets[0].partitions_def, backfill_policy),
        **options,
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from _load_all(context, assets, config=run_config_of(context))

    return load


def _load_all(
    context: dg.AssetExecutionContext, assets: Sequence[RestAsset], *, config: RestRunConfig
) -> Iterator[Any]:
    from dagster_rest.assets.run.step import materialize_resource

    failed: dict[str, BaseException] = {}
    for asset in assets:
        if asset.key not in context.selected_asset_keys:
            continue
        broken = [link.resource for link in asset.plan.parents if link.resource in failed]
        if broken:
            context.log.error(f"{asset.plan.name} is skipped: its parent {broken[0]} failed")
            failed[asset.plan.name] = failed[broken[0]]
            continue
        try:
            yield from materialize_resource(context, asset, config=config)
        except dg.RetryRequested:
            raise
        except Exception as error:
            context.log.exception(f"{asset.plan.name} failed")
            failed[asset.plan.name] = error
    if failed:
        first = next(iter(failed.values()))
        names = ", ".join(failed)
        raise dg.Failure(
            description=f"{len(failed)} of {len(assets)} resources failed: {names}. First: {first}",
            allow_retries=not (isinstance(first, dg.Failure) and not first.allow_retries),
        ) from first
