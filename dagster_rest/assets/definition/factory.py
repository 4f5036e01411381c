"""From a config to assets: one per resource, wired by its placeholders."""

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import dagster as dg

from dagster_rest.assets.definition.table_names import check_table_names
from dagster_rest.assets.definition.translator import SOURCE_KEY, DagsterRestTranslator, RestResourceProps
from dagster_rest.assets.model.asset import DATABASE_KEY, RestAsset
from dagster_rest.assets.model.run_config import run_config_of, run_config_schema
from dagster_rest.warehouse.naming import normalize

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    from dagster_rest.config.model.config import RestApiConfig
    from dagster_rest.config.plan.build import ResourcePlan, SourcePlan

    Config: TypeAlias = RestApiConfig | Mapping[str, Any] | str | Path

Mode = Literal["per_resource", "single_op"]

_RESOURCE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_IO_MANAGER = "io_manager"
"""The key under which every asset, of whatever source, finds its IO manager."""


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
    _check_files(source, database_key=duckdb_key)
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

    _check_resource_key(name, path="name", what="the source's name becomes a resource key")
    return build_plan(load_config(config), name=name)


def check_resource_keys(name: str, duckdb_key: str) -> None:
    """Refuse resource keys that Dagster cannot use, or that two resources would share.

    Args:
        name: The source's name, the key of its ``RestApiResource``.
        duckdb_key: The key of its DuckDBResource.

    Raises:
        ConfigError: ``config_bad_value``.
    """
    from dagster_rest.config.errors import problem_error

    _check_resource_key(name, path="name", what="the source's name becomes a resource key")
    _check_resource_key(duckdb_key, path="duckdb_key", what="it names a resource")
    if name == duckdb_key:
        raise problem_error(
            f"`{name}` is the key of the DuckDBResource, so the source's RestApiResource cannot have it",
            code="config_bad_value",
            path="name",
            hint="Give the source another name, or the DuckDBResource another `duckdb_key`.",
        )


def _check_resource_key(key: str, *, path: str, what: str) -> None:
    from dagster_rest.config.errors import problem_error

    if _RESOURCE_KEY.fullmatch(key) is None or keyword.iskeyword(key) or key == _IO_MANAGER:
        raise problem_error(
            what,
            code="config_bad_value",
            path=path,
            expected=f"a letter, then letters, digits and underscores; no Python keyword, and not `{_IO_MANAGER}`",
        )


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
        _check_partitions(assets[-1])
        _check_parent_errors(assets[-1])
        _check_snapshots(assets[-1])
    return assets


def _check_files(source: "SourcePlan", *, database_key: str) -> None:
    """Refuse parents of another source that are loaded with another DuckDBResource: their rows are in another file."""
    for name, asset in source.external.items():
        if not isinstance(asset, dg.AssetsDefinition) or database_key in asset.required_resource_keys:
            continue
        if any(SOURCE_KEY in metadata for metadata in asset.metadata_by_key.values()):
            from dagster_rest.config.errors import problem_error

            raise problem_error(
                f"the parent `{name}` is loaded with another DuckDBResource than `{database_key}`, into another file",
                code="config_conflict",
                path="resources",
                hint="Load both sources with the same `duckdb_key`.",
            )


def _check_partitions(asset: RestAsset) -> None:
    """Refuse partitions that would load the same rows."""
    from dagster_rest.assets.errors import StateError
    from dagster_rest.assets.model.partitions import not_asked_for

    partitions_def, plan = asset.partitions_def, asset.plan
    if partitions_def is None:
        return
    missing = not_asked_for(partitions_def, plan)
    if not missing or any((asset.parent_partitions or {}).values()):
        return
    raise StateError(
        f"partitions would load the same rows: nothing in the request says which {missing[0]} is meant",
        code="partition_not_asked_for",
        where=f"{plan.config_path}.partitions",
        hint="Use {partition.key}, {partition.keys.<dimension>}, {partition.start} or {partition.end}; for partitions"
        " over time also an incremental.",
    )


def _check_parent_errors(asset: RestAsset) -> None:
    """Refuse to leave parents out where one cursor for all of them would pass over what they owe."""
    plan, incremental = asset.plan, asset.plan.incremental
    if plan.endpoint.on_parent_error != "skip" or not plan.parents:
        return
    if incremental is None or incremental.state != "shared" or asset.partitions_def is not None:
        return
    from dagster_rest.config.errors import problem_error

    raise problem_error(
        "a parent that is left out would miss what the cursor of all parents has passed by the next run",
        code="config_conflict",
        path=f"{plan.config_path}.endpoint.on_parent_error",
        expected="`fail`, or an incremental without `state: shared`",
    )


def _check_snapshots(asset: RestAsset) -> None:
    """Refuse to take what a load of a part lacks for gone."""
    plan, disposition = asset.plan, asset.plan.write_disposition
    limited = "destination_scope" in disposition.options or (disposition.strategy == "scd2" and plan.merge_key)
    if disposition.strategy not in ("scd2", "cdc") or limited:
        return
    in_windows = plan.incremental is not None and plan.incremental.step is not None
    if asset.partitions_def is None and not in_windows:
        return
    part = "partition" if asset.partitions_def is not None else "window"
    raise plan.error(
        f"`{disposition.strategy}` takes what a load lacks for gone, and the load of a {part} lacks all the others",
        code="config_conflict",
        key="write_disposition",
        hint="Set `destination_scope` in `write_disposition`, or `merge_key` with `scd2`.",
    )


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
