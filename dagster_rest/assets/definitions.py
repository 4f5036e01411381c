"""Everything of a source at once: assets with their checks, resources, jobs and schedules."""

import functools
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.definition.factory import Mode, build_rest_assets
from dagster_rest.assets.definition.translator import DagsterRestTranslator
from dagster_rest.assets.model.asset import DATABASE_KEY
from dagster_rest.warehouse.naming import normalize

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
    from dagster_duckdb import DuckDBResource

    from dagster_rest.assets.definition.planning import Config


def build_rest_definitions(
    config: "Config",
    *,
    name: str,
    duckdb: "DuckDBResource | str",
    duckdb_key: str = DATABASE_KEY,
    dataset: str | None = None,
    translator: DagsterRestTranslator | None = None,
    mode: Mode = "per_resource",
    partitions_def: dg.PartitionsDefinition | None = None,
    backfill_policy: dg.BackfillPolicy | None = None,
    retry_policy: dg.RetryPolicy | None = None,
    pool: str | None = None,
    op_tags: Mapping[str, Any] | None = None,
) -> dg.Definitions:
    """Definitions of a source: its assets and checks, their resources, its jobs and schedules.

    The job ``<name>_job`` loads all resources; resources with other partitions get a job of their own
    (``<name>_job_2`` ...), and each job over time windows a schedule ``<job>_schedule``, stopped until somebody starts
    it. Resources whose config has ``automation`` need none of these: Dagster's daemon runs them.

    Args:
        config: A dict, the path of a YAML file, or a ``RestApiConfig``.
        name: The source's name.
        duckdb: The DuckDBResource, or the path of the DuckDB file. Do not name the file like the dataset: DuckDB would
            call ``blog.posts`` ambiguous in ``blog.duckdb``, in your SQL and in IO managers. All sources that name the
            same path share one resource, so that ``Definitions.merge`` takes them; of a resource of your own, give all
            of them the same object.
        duckdb_key: The key of the DuckDBResource. Sources that load into different files need different keys.
        dataset: The DuckDB schema; ``name`` if None.
        translator: Decides how a resource becomes an asset.
        mode: ``per_resource`` or ``single_op``.
        partitions_def: Partitions of the resources that have none of their own.
        backfill_policy: How backfills run.
        retry_policy: Retries of a whole step.
        pool: The concurrency pool of the ops; ``rest_api/<host of the API>`` if None.
        op_tags: Tags of the ops.

    Raises:
        ConfigError: With every problem of the config, before any request.

    Example:
        ```python
        from dagster_rest import build_rest_definitions

        defs = build_rest_definitions(
            {"client": {"base_url": "https://api.example.com"}, "resources": ["posts"]},
            name="blog",
            duckdb="warehouse.duckdb",
        )
        assert "blog_job" in {job.name for job in defs.jobs}
        ```
    """
    return source_definitions(
        config,
        name=name,
        duckdb=database_resource(duckdb),
        duckdb_key=duckdb_key,
        dataset=dataset,
        translator=translator,
        mode=mode,
        partitions_def=partitions_def,
        backfill_policy=backfill_policy,
        retry_policy=retry_policy,
        pool=pool,
        op_tags=op_tags,
    )


def source_definitions(
    config: "Config",
    *,
    name: str,
    duckdb: "DuckDBResource | None",
    duckdb_key: str = DATABASE_KEY,
    polling_seconds: int | None = None,
    dataset: str | None = None,
    translator: DagsterRestTranslator | None = None,
    **options: Any,
) -> dg.Definitions:
    """As ``build_rest_definitions``, with a polling sensor if asked for, and without the DuckDBResource if None.

    Args:
        config: The config.
        name: The source's name.
        duckdb: The DuckDBResource; None where somebody else provides it.
        duckdb_key: Its key.
        polling_seconds: Seconds between two ticks of a polling sensor; None for no sensor.
        dataset: The DuckDB schema; ``name`` if None.
        translator: Decides how a resource becomes an asset.
        options: What else goes to ``build_rest_assets``.
    """
    from dagster_rest.config.load import load_config
    from dagster_rest.resources import RestApiResource

    loaded = load_config(config)
    assets = build_rest_assets(
        loaded, name=name, dataset=dataset, duckdb_key=duckdb_key, translator=translator, **options
    )
    jobs = build_jobs(name, assets)
    partitioned = [job for job, partitions in jobs if isinstance(partitions, dg.TimeWindowPartitionsDefinition)]
    sensors = []
    if polling_seconds is not None:
        from dagster_rest.assets.watch.sensor import build_rest_polling_sensor

        sensors.append(
            build_rest_polling_sensor(
                loaded,
                name=name,
                dataset=dataset,
                translator=translator,
                partitions_def=options.get("partitions_def"),
                minimum_interval_seconds=polling_seconds,
            )
        )
    return dg.Definitions(
        assets=assets,
        jobs=[job for job, _ in jobs],
        schedules=[dg.build_schedule_from_partitioned_job(job) for job in partitioned],
        sensors=sensors,
        resources={
            name: RestApiResource.from_config(loaded.client),
            **({} if duckdb is None else {duckdb_key: duckdb}),
        },
    )


def database_resource(duckdb: "DuckDBResource | str") -> "DuckDBResource":
    """The DuckDBResource: as it is, or of a path, and then the same object for all that name the same path.

    Args:
        duckdb: The resource, or the path of the DuckDB file, or a ``dagster.EnvVar`` that holds it.

    Raises:
        WarehouseError: ``warehouse_not_local``, ``warehouse_in_memory`` or ``warehouse_reserved_name`` for a database
            that is written down here (one from the environment is looked at when it is used).
    """
    from dagster_duckdb import DuckDBResource

    from dagster_rest.warehouse.database.file import local_path

    if isinstance(duckdb, dg.EnvVar):
        return _shared_database(duckdb.env_var_name, is_variable=True)
    resource = duckdb if isinstance(duckdb, DuckDBResource) else _shared_database(_normal(str(duckdb)))
    if not isinstance(resource.database, dg.EnvVar):
        local_path(resource)
    return resource


def _normal(path: str) -> str:
    is_file = "://" not in path and not path.startswith(":")
    return str(PurePath(path)) if is_file else path


@functools.cache
def _shared_database(path: str, *, is_variable: bool = False) -> "DuckDBResource":
    """One object for each path: ``Definitions.merge`` takes a key from two sources only with one object behind it."""
    from dagster_duckdb import DuckDBResource

    return DuckDBResource(database=dg.EnvVar(path) if is_variable else path)


def build_jobs(
    name: str, assets: list[dg.AssetsDefinition]
) -> list[tuple["UnresolvedAssetJobDefinition", dg.PartitionsDefinition | None]]:
    """The jobs of a source with their partitions: assets with other partitions cannot share a job.

    Args:
        name: The source's name.
        assets: Its assets.
    """
    by_partitions: list[tuple[dg.PartitionsDefinition | None, list[dg.AssetKey]]] = []
    for spec in (spec for asset in assets for spec in asset.specs):
        for partitions_def, keys in by_partitions:
            if partitions_def == spec.partitions_def:
                keys.append(spec.key)
                break
        else:
            by_partitions.append((spec.partitions_def, [spec.key]))
    base = f"{normalize(name)}_job"
    return [
        (
            dg.define_asset_job(
                base if number == 0 else f"{base}_{number + 1}",
                selection=dg.AssetSelection.assets(*keys),
                description=f"Load the resources of {name}.",
            ),
            partitions_def,
        )
        for number, (partitions_def, keys) in enumerate(by_partitions)
    ]
