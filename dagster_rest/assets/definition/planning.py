"""From a config to what the bodies of its assets work from: the one way that assets, specs and sensors take."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.definition.guards import (
    check_parent_errors,
    check_partitions,
    check_resource_key,
    check_snapshots,
)
from dagster_rest.assets.definition.table_names import check_table_names
from dagster_rest.assets.definition.translator import RestResourceProps
from dagster_rest.assets.model.asset import DATABASE_KEY, RestAsset
from dagster_rest.warehouse.naming import normalize

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    from dagster_rest.config.model.config import RestApiConfig
    from dagster_rest.config.plan.build import ResourcePlan, SourcePlan

    Config: TypeAlias = RestApiConfig | Mapping[str, Any] | str | Path


def plan_source(config: "Config", *, name: str) -> "SourcePlan":
    """Load, check and plan a config.

    Args:
        config: As for ``build_rest_assets``.
        name: The source's name.

    Raises:
        ConfigError: With every problem of the config; ``config_bad_value`` for a name that Dagster cannot use.
    """
    from dagster_rest.config.load import load_config
    from dagster_rest.config.plan.build import build_plan

    check_resource_key(name, path="name", what="the source's name becomes a resource key")
    return build_plan(load_config(config), name=name)


def resource_props(
    source: "SourcePlan", *, dataset: str, partitions_def: dg.PartitionsDefinition | None
) -> dict[str, RestResourceProps]:
    """What a translator gets to see of every resource, parents first.

    Args:
        source: The planned source.
        dataset: The DuckDB schema.
        partitions_def: Partitions of the resources that have none of their own.

    Raises:
        ConfigError: ``config_duplicate_resource`` for names that differ only in what asset keys cannot show; as
            ``check_table_names`` for resources that meet in one table.
    """
    from dagster_rest.assets.model.partitions import inherited_partitions

    partitions = inherited_partitions(source, partitions_def)
    external = external_keys(source)
    taken: set[str] = set()
    props: dict[str, RestResourceProps] = {}
    for plan in source.resources:
        table = _table(plan)
        key_name = table if table and table not in taken else normalize(plan.name)
        if key_name in taken:
            raise _same_key(plan, key_name)
        taken.add(key_name)
        props[plan.name] = RestResourceProps(
            source=source,
            resource=plan,
            dataset=dataset,
            table=table,
            key_name=key_name,
            parents=tuple(props[link.resource] for link in plan.parents if link.resource in props),
            upstream=tuple(external[link.resource] for link in plan.parents if link.resource in external),
            partitions_def=partitions[plan.name],
        )
    check_table_names(props, dataset=dataset)
    return props


def _same_key(plan: "ResourcePlan", key_name: str) -> Exception:
    return plan.error(
        f"`{plan.name}` and another resource both become the asset `{key_name}`",
        code="config_duplicate_resource",
        key="name",
        hint="Rename one.",
    )


def external_keys(source: "SourcePlan") -> dict[str, dg.AssetKey]:
    """The asset keys of the parents that are other assets, by the name the config calls them."""
    return {name: asset.key for name, asset in source.external.items() if asset is not None}


def _table(plan: "ResourcePlan") -> str | None:
    if plan.config.selected is False or not isinstance(plan.table_name, str):
        return None
    return normalize(plan.table_name)


def rest_assets(
    source: "SourcePlan",
    *,
    props: Mapping[str, RestResourceProps],
    specs: Mapping[str, dg.AssetSpec],
    database_key: str = DATABASE_KEY,
) -> list[RestAsset]:
    """What the bodies of a source's assets work from, parents first.

    Args:
        source: The planned source.
        props: What ``resource_props`` gave.
        specs: The translator's spec of each resource.
        database_key: The resource key of their DuckDBResource.

    Raises:
        ConfigError: For checks that do not exist or contradict themselves, and for ``scd2`` or ``cdc`` of everything
            where each load brings a part.
        StateError: ``partition_not_asked_for`` for partitions that would all load the same rows.
    """
    from dagster_rest.assets.checks.evaluate import plan_checks

    external = external_keys(source)
    assets = []
    for one in props.values():
        own = specs[one.resource.name]
        parents = {
            link.resource: external[link.resource] if link.external else specs[link.resource].key
            for link in one.resource.parents
        }
        same_partitions = {
            parent.resource.name: own.partitions_def is not None
            and specs[parent.resource.name].partitions_def == own.partitions_def
            for parent in one.parents
        }
        assets.append(
            RestAsset(
                source=source,
                plan=one.resource,
                key=own.key,
                dataset=one.dataset,
                parents=parents,
                external=frozenset(external),
                parent_partitions=same_partitions,
                partitioned_parents=frozenset(
                    parent.resource.name
                    for parent in one.parents
                    if specs[parent.resource.name].partitions_def is not None
                ),
                partitions_def=own.partitions_def,
                checks=plan_checks(one.resource),
                database_key=database_key,
            )
        )
        check_partitions(assets[-1])
        check_parent_errors(assets[-1])
        check_snapshots(assets[-1])
    return assets
