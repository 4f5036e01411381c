"""From a config to assets: one per resource, wired by its placeholders."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import dagster as dg

from dagster_rest.assets.definition.guards import check_files, check_resource_keys
from dagster_rest.assets.definition.planning import plan_source, resource_props, rest_assets
from dagster_rest.assets.definition.translator import DagsterRestTranslator
from dagster_rest.assets.model.asset import DATABASE_KEY, RestAsset
from dagster_rest.assets.model.run_config import run_config_of, run_config_schema
from dagster_rest.warehouse.naming import normalize

if TYPE_CHECKING:
    from dagster_rest.assets.definition.planning import Config
    from dagster_rest.config.plan.build import ResourcePlan, SourcePlan

Mode = Literal["per_resource", "single_op"]


def build_rest_assets(
    config: "Config",
    *,
    name: str,
    dataset: str | None = None,
    duckdb_key: str = DATABASE_KEY,
    translator: DagsterRestTranslator | None = None,
    mode: Mode = "per_resource",
    partitions_def: dg.PartitionsDefinition | None = None,
    backfill_policy: dg.BackfillPolicy | None = None,
    retry_policy: dg.RetryPolicy | None = None,
    pool: str | None = None,
    op_tags: Mapping[str, Any] | None = None,
) -> list[dg.AssetsDefinition]:
    """One asset per REST resource of a config, with an edge for every ``{resources.<parent>.<field>}``.

    The assets need two resources at run time: ``name`` (a ``RestApiResource``) and ``duckdb_key`` (a
    ``DuckDBResource``).

    Args:
        config: A dict, the path of a YAML file, or a ``RestApiConfig``; dlt's ``rest_api_source`` config as it is.
        name: The source's name: group, default dataset and key of its ``RestApiResource``.
        dataset: The DuckDB schema; ``name`` if None.
        duckdb_key: The key of the DuckDBResource. Sources that load into different files need different keys.
        translator: Decides how a resource becomes an asset.
        mode: ``per_resource`` gives every resource a step of its own; ``single_op`` puts all of them into one.
        partitions_def: Partitions of the resources that have none of their own.
        backfill_policy: How backfills run; one run for time windows if None.
        retry_policy: Retries of a whole step; requests are retried by the client already.
        pool: The concurrency pool of the ops; ``rest_api/<host of the API>`` if None. A pool without a limit in the
            Dagster instance limits nothing.
        op_tags: Tags of the ops.

    Returns:
        One definition per resource, parents first; with ``single_op`` one definition in all.

    Raises:
        ConfigError: With every problem of the config, before any request.

    Example:
        ```python
        from dagster_rest import build_rest_assets

        assets = build_rest_assets(
            {
                "client": {"base_url": "https://api.example.com"},
                "resources": ["posts", {"name": "comments", "endpoint": "posts/{resources.posts.id}/comments"}],
            },
            name="blog",
        )
        assert [asset.key.path for asset in assets] == [["blog", "posts"], ["blog", "comments"]]
        ```
    """
    chosen = translator or DagsterRestTranslator()
    check_resource_keys(name, duckdb_key)
    source = plan_source(config, name=name)
    check_files(source, database_key=duckdb_key)
    props = resource_props(source, dataset=dataset or name, partitions_def=partitions_def)
    specs = {one.resource.name: chosen.get_asset_spec(one) for one in props.values()}
    assets = rest_assets(source, props=props, specs=specs, database_key=duckdb_key)
    options: dict[str, Any] = {
        "required_resource_keys": {name, duckdb_key},
        "retry_policy": retry_policy,
        "op_tags": op_tags,
        "config_schema": run_config_schema(),
    }
    if mode == "single_op":
        from dagster_rest.assets.definition.single_op import build_single_op

        options["pool"] = pool or default_pool(source, source.resources[0])
        return [build_single_op(assets, specs=specs, backfill_policy=backfill_policy, **options)]
    return [
        _one_op(
            asset,
            spec=specs[asset.plan.name],
            backfill_policy=backfill_policy,
            pool=pool or default_pool(source, asset.plan),
            **options,
        )
        for asset in assets
    ]


def build_rest_asset_specs(
    config: "Config",
    *,
    name: str,
    dataset: str | None = None,
    translator: DagsterRestTranslator | None = None,
    partitions_def: dg.PartitionsDefinition | None = None,
) -> list[dg.AssetSpec]:
    """The specs of a config's assets alone, for external assets: no network, no secrets, no body.

    Args:
        config: As for ``build_rest_assets``.
        name: The source's name.
        dataset: The DuckDB schema; ``name`` if None.
        translator: Decides how a resource becomes an asset.
        partitions_def: Partitions of the resources that have none of their own.

    Raises:
        ConfigError: With every problem of the config.

    Example:
        ```python
        from dagster_rest import build_rest_asset_specs

        specs = build_rest_asset_specs(
            {"client": {"base_url": "https://api.example.com"}, "resources": ["posts"]}, name="blog"
        )
        assert specs[0].key.path == ["blog", "posts"]
        ```
    """
    chosen = translator or DagsterRestTranslator()
    source = plan_source(config, name=name)
    props = resource_props(source, dataset=dataset or name, partitions_def=partitions_def)
    return [chosen.get_asset_spec(one) for one in props.values()]


def op_name(source: str, resource: str) -> str:
    """The op's name, ``source__resource``, in the letters Dagster allows."""
    return f"{normalize(source)}__{normalize(resource)}"


def default_pool(source: "SourcePlan", plan: "ResourcePlan") -> str:
    """The concurrency pool of a resource: all that ask the same host share it.

    Args:
        source: The source; its name stands in for a host that only the environment knows.
        plan: The resource; an absolute path brings its own host.
    """
    for url in (plan.endpoint.path, source.client.base_url):
        host = "" if hasattr(url, "env_var_name") else urlsplit(url.partition("{")[0]).hostname
        if host:
            return f"rest_api/{host}"
    return f"rest_api/{source.name}"


def _one_op(
    asset: RestAsset, *, spec: dg.AssetSpec, backfill_policy: dg.BackfillPolicy | None, **options: Any
) -> dg.AssetsDefinition:
    from dagster_rest.assets.checks.evaluate import check_specs
    from dagster_rest.assets.model.partitions import default_backfill_policy

    @dg.multi_asset(
        name=op_name(asset.source.name, asset.plan.name),
        specs=[spec],
        check_specs=check_specs(asset.checks, key=asset.key),
        backfill_policy=default_backfill_policy(asset.partitions_def, backfill_policy),
        **options,
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[Any]:
        # Imported here: a process that only loads definitions does not need it.
        from dagster_rest.assets.run.step import materialize_resource

        yield from materialize_resource(context, asset, config=run_config_of(context))

    return load
