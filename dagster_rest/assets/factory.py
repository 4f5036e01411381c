"""From a config to assets: one per resource, wired by its placeholders."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import dagster as dg

from dagster_rest.assets.body import DATABASE_KEY, materialize_resource
from dagster_rest.assets.partitions import inherited_partitions
from dagster_rest.assets.rest_asset import RestAsset
from dagster_rest.assets.run_config import RestRunConfig
from dagster_rest.assets.translator import DagsterRestTranslator, RestResourceProps
from dagster_rest.config.loading import load_config
from dagster_rest.config.models import RestApiConfig
from dagster_rest.config.plan import ResourcePlan, SourcePlan, build_plan
from dagster_rest.warehouse.naming import normalize

Config = RestApiConfig | Mapping[str, Any] | str | Path
Mode = Literal["per_resource", "single_op"]


def build_rest_assets(
    config: Config,
    *,
    name: str,
    dataset: str | None = None,
    translator: DagsterRestTranslator | None = None,
    mode: Mode = "per_resource",
    partitions_def: dg.PartitionsDefinition | None = None,
    backfill_policy: dg.BackfillPolicy | None = None,
    retry_policy: dg.RetryPolicy | None = None,
    pool: str | None = None,
    op_tags: Mapping[str, Any] | None = None,
) -> list[dg.AssetsDefinition]:
    """One asset per REST resource of a config, with an edge for every ``{resources.<parent>.<field>}``.

    The assets need two resources at run time: ``name`` (a ``RestApiResource``) and ``duckdb`` (a ``DuckDBResource``).

    Args:
        config: A dict, the path of a YAML file, or a ``RestApiConfig``; dlt's ``rest_api_source`` config as it is.
        name: The source's name: group, default dataset and key of its ``RestApiResource``.
        dataset: The DuckDB schema; ``name`` if None.
        translator: Decides how a resource becomes an asset.
        mode: ``per_resource`` gives every resource a step of its own; ``single_op`` puts all of them into one.
        partitions_def: Partitions of the resources that have none of their own.
        backfill_policy: How backfills run; one run for time windows if None.
        retry_policy: Retries of a whole step; requests are retried by the client already.
        pool: The concurrency pool of the ops.
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
    source = plan_source(config, name=name)
    props = resource_props(source, dataset=dataset or name, partitions_def=partitions_def)
    specs = {one.resource.name: chosen.get_asset_spec(one) for one in props.values()}
    assets = {one.resource.name: _rest_asset(one, specs=specs) for one in props.values()}
    options: dict[str, Any] = {
        "required_resource_keys": {name, DATABASE_KEY},
        "retry_policy": retry_policy,
        "pool": pool,
        "op_tags": op_tags,
    }
    if mode == "single_op":
        from dagster_rest.assets.single_op import build_single_op

        return [build_single_op(list(assets.values()), specs=specs, backfill_policy=backfill_policy, **options)]
    return [
        _one_op(asset, spec=specs[asset.plan.name], backfill_policy=backfill_policy, **options)
        for asset in assets.values()
    ]


def build_rest_asset_specs(
    config: Config,
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


def plan_source(config: Config, *, name: str) -> SourcePlan:
    """Load, check and plan a config.

    Args:
        config: As for ``build_rest_assets``.
        name: The source's name.

    Raises:
        ConfigError: With every problem of the config.
    """
    loaded = config if isinstance(config, RestApiConfig) else load_config(config)
    return build_plan(loaded, name=name)


def resource_props(
    source: SourcePlan, *, dataset: str, partitions_def: dg.PartitionsDefinition | None
) -> dict[str, RestResourceProps]:
    """What a translator gets to see of every resource, parents first.

    Args:
        source: The planned source.
        dataset: The DuckDB schema.
        partitions_def: Partitions of the resources that have none of their own.
    """
    partitions = inherited_partitions(source, partitions_def)
    external = external_keys(source)
    taken: set[str] = set()
    props: dict[str, RestResourceProps] = {}
    for plan in source.resources:
        table = _table(plan)
        props[plan.name] = RestResourceProps(
            source=source,
            resource=plan,
            dataset=dataset,
            table=table,
            key_name=table if table and table not in taken else normalize(plan.name),
            parents=tuple(props[link.resource] for link in plan.parents if link.resource in props),
            upstream=tuple(external[link.resource] for link in plan.parents if link.resource in external),
            partitions_def=partitions[plan.name],
        )
        taken.add(props[plan.name].key_name)
    return props


def external_keys(source: SourcePlan) -> dict[str, dg.AssetKey]:
    """The asset keys of the parents that are other assets, by the name the config calls them."""
    from dagster_rest.config.models import ExternalAsset

    return {member.name: member.asset.key for member in source.config.resources if isinstance(member, ExternalAsset)}


def _table(plan: ResourcePlan) -> str | None:
    if plan.config.selected is False or not isinstance(plan.table_name, str):
        return None
    return normalize(plan.table_name)


def _rest_asset(props: RestResourceProps, *, specs: Mapping[str, dg.AssetSpec]) -> RestAsset:
    own = specs[props.resource.name]
    external = external_keys(props.source)
    parents = {
        link.resource: external[link.resource] if link.external else specs[link.resource].key
        for link in props.resource.parents
    }
    return RestAsset(
        source=props.source,
        plan=props.resource,
        key=own.key,
        dataset=props.dataset,
        parents=parents,
        external=frozenset(external),
        parent_partitions={
            parent.resource.name: own.partitions_def is not None
            and specs[parent.resource.name].partitions_def == own.partitions_def
            for parent in props.parents
        },
        partitions_def=own.partitions_def,
    )


def op_name(source: str, resource: str) -> str:
    """The op's name, ``source__resource``, in the letters Dagster allows."""
    return f"{normalize(source)}__{normalize(resource)}"


def default_backfill_policy(
    partitions_def: dg.PartitionsDefinition | None, given: dg.BackfillPolicy | None
) -> dg.BackfillPolicy | None:
    """One run for a backfill over time windows: the API is asked for one range instead of many."""
    if given is not None or not isinstance(partitions_def, dg.TimeWindowPartitionsDefinition):
        return given
    return dg.BackfillPolicy.single_run()


def _one_op(
    asset: RestAsset, *, spec: dg.AssetSpec, backfill_policy: dg.BackfillPolicy | None, **options: Any
) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=op_name(asset.source.name, asset.plan.name),
        specs=[spec],
        backfill_policy=default_backfill_policy(asset.partitions_def, backfill_policy),
        **options,
    )
    def load(context: dg.AssetExecutionContext, config: RestRunConfig) -> Iterator[dg.MaterializeResult[Any]]:
        yield from materialize_resource(context, asset, config=config)

    return load
