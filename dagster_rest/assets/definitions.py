"""Everything of a source at once: assets, resources and a job."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource

from dagster_rest.assets.body import DATABASE_KEY
from dagster_rest.assets.factory import Config, Mode, build_rest_assets
from dagster_rest.assets.translator import DagsterRestTranslator
from dagster_rest.config.loading import load_config
from dagster_rest.config.models import RestApiConfig
from dagster_rest.warehouse.naming import normalize


def build_rest_definitions(
    config: Config,
    *,
    name: str,
    duckdb: DuckDBResource | str,
    dataset: str | None = None,
    translator: DagsterRestTranslator | None = None,
    mode: Mode = "per_resource",
    partitions_def: dg.PartitionsDefinition | None = None,
    backfill_policy: dg.BackfillPolicy | None = None,
    retry_policy: dg.RetryPolicy | None = None,
    pool: str | None = None,
    op_tags: Mapping[str, Any] | None = None,
) -> dg.Definitions:
    """Definitions of a source: its assets, their resources, and the job ``<name>_job`` for all of them.

    Args:
        config: A dict, the path of a YAML file, or a ``RestApiConfig``.
        name: The source's name.
        duckdb: The DuckDBResource, or the path of the DuckDB file.
        dataset: The DuckDB schema; ``name`` if None.
        translator: Decides how a resource becomes an asset.
        mode: ``per_resource`` or ``single_op``.
        partitions_def: Partitions of the resources that have none of their own.
        backfill_policy: How backfills run.
        retry_policy: Retries of a whole step.
        pool: The concurrency pool of the ops.
        op_tags: Tags of the ops.

    Raises:
        ConfigError: With every problem of the config, before any request.

    Example:
        ```python
        from dagster_rest import build_rest_definitions

        defs = build_rest_definitions(
            {"client": {"base_url": "https://api.example.com"}, "resources": ["posts"]},
            name="blog",
            duckdb="blog.duckdb",
        )
        assert "blog_job" in {job.name for job in defs.jobs}
        ```
    """
    from dagster_rest.resources import RestApiResource

    loaded = config if isinstance(config, RestApiConfig) else load_config(config)
    assets = build_rest_assets(
        loaded,
        name=name,
        dataset=dataset,
        translator=translator,
        mode=mode,
        partitions_def=partitions_def,
        backfill_policy=backfill_policy,
        retry_policy=retry_policy,
        pool=pool,
        op_tags=op_tags,
    )
    return dg.Definitions(
        assets=assets,
        jobs=_jobs(name, assets),
        resources={
            name: RestApiResource.from_config(loaded.client),
            DATABASE_KEY: DuckDBResource(database=duckdb) if isinstance(duckdb, str) else duckdb,
        },
    )


def _jobs(name: str, assets: list[dg.AssetsDefinition]) -> list[Any]:
    """One job for the source; assets with other partitions cannot share a job, so each kind gets its own."""
    by_partitions: list[tuple[dg.PartitionsDefinition | None, list[dg.AssetsDefinition]]] = []
    for asset in assets:
        for partitions_def, members in by_partitions:
            if partitions_def == asset.partitions_def:
                members.append(asset)
                break
        else:
            by_partitions.append((asset.partitions_def, [asset]))
    base = f"{normalize(name)}_job"
    return [
        dg.define_asset_job(
            base if number == 0 else f"{base}_{number + 1}",
            selection=dg.AssetSelection.assets(*(key for asset in members for key in asset.keys)),
            description=f"Load the resources of {name}.",
        )
        for number, (_, members) in enumerate(by_partitions)
    ]
