"""What is refused when assets are defined: resource keys, and configs whose loads would lose or repeat rows."""

import keyword
import re
from typing import TYPE_CHECKING

import dagster as dg

from dagster_rest.assets import keys
from dagster_rest.assets.model.asset import RestAsset

if TYPE_CHECKING:
    from dagster_rest.config.plan.build import SourcePlan

_RESOURCE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_IO_MANAGER = "io_manager"
"""The key under which every asset, of whatever source, finds its IO manager."""


def check_resource_keys(name: str, duckdb_key: str) -> None:
    """Refuse resource keys that Dagster cannot use, or that two resources would share.

    Args:
        name: The source's name, the key of its ``RestApiResource``.
        duckdb_key: The key of its DuckDBResource.

    Raises:
        ConfigError: ``config_bad_value``.
    """
    from dagster_rest.config.errors import problem_error

    check_resource_key(name, path="name", what="the source's name becomes a resource key")
    check_resource_key(duckdb_key, path="duckdb_key", what="it names a resource")
    if name == duckdb_key:
        raise problem_error(
            f"`{name}` is the key of the DuckDBResource, so the source's RestApiResource cannot have it",
            code="config_bad_value",
            path="name",
            hint="Give the source another name, or the DuckDBResource another `duckdb_key`.",
        )


def check_resource_key(key: str, *, path: str, what: str) -> None:
    """Refuse a resource key that Dagster cannot use.

    Args:
        key: The key.
        path: The argument it was given as.
        what: What it is for, in words.

    Raises:
        ConfigError: ``config_bad_value``.
    """
    from dagster_rest.config.errors import problem_error

    if _RESOURCE_KEY.fullmatch(key) is None or keyword.iskeyword(key) or key == _IO_MANAGER:
        raise problem_error(
            what,
            code="config_bad_value",
            path=path,
            expected=f"a letter, then letters, digits and underscores; no Python keyword, and not `{_IO_MANAGER}`",
        )


def check_files(source: "SourcePlan", *, database_key: str) -> None:
    """Refuse parents of another source that are loaded with another DuckDBResource: their rows are in another file.

    Args:
        source: The planned source.
        database_key: The resource key of its DuckDBResource.

    Raises:
        ConfigError: ``config_conflict``.
    """
    for name, asset in source.external.items():
        if not isinstance(asset, dg.AssetsDefinition) or database_key in asset.required_resource_keys:
            continue
        if any(keys.SOURCE in metadata for metadata in asset.metadata_by_key.values()):
            from dagster_rest.config.errors import problem_error

            raise problem_error(
                f"the parent `{name}` is loaded with another DuckDBResource than `{database_key}`, into another file",
                code="config_conflict",
                path="resources",
                hint="Load both sources with the same `duckdb_key`.",
            )


def check_partitions(asset: RestAsset) -> None:
    """Refuse partitions that would load the same rows.

    Args:
        asset: The asset.

    Raises:
        StateError: ``partition_not_asked_for``.
    """
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


def check_parent_errors(asset: RestAsset) -> None:
    """Refuse to leave parents out where one cursor for all of them would pass over the rows of those that failed.

    Args:
        asset: The asset.

    Raises:
        ConfigError: ``config_conflict``.
    """
    plan, incremental = asset.plan, asset.plan.incremental
    if plan.endpoint.on_parent_error != "skip" or not plan.parents:
        return
    if incremental is None or incremental.state != "shared" or asset.partitions_def is not None:
        return
    from dagster_rest.config.errors import problem_error

    raise problem_error(
        "a skipped parent would lose rows, because by the next run the shared cursor has passed them",
        code="config_conflict",
        path=f"{plan.config_path}.endpoint.on_parent_error",
        expected="`fail`, or an incremental without `state: shared`",
    )


def check_snapshots(asset: RestAsset) -> None:
    """Refuse ``scd2`` and ``cdc`` where a load of a part would retire the rows of all others.

    Args:
        asset: The asset.

    Raises:
        ConfigError: ``config_conflict``.
    """
    plan, disposition = asset.plan, asset.plan.write_disposition
    limited = "destination_scope" in disposition.options or (disposition.strategy == "scd2" and plan.merge_key)
    if disposition.strategy not in ("scd2", "cdc") or limited:
        return
    in_windows = plan.incremental is not None and plan.incremental.step is not None
    if asset.partitions_def is None and not in_windows:
        return
    part = "partition" if asset.partitions_def is not None else "window"
    raise plan.error(
        f"`{disposition.strategy}` treats rows missing in a load as deleted, and the load of a {part} lacks all others",
        code="config_conflict",
        key="write_disposition",
        hint="Set `destination_scope` in `write_disposition`, or `merge_key` with `scd2`.",
    )
