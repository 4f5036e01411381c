"""How a REST resource becomes a Dagster asset: one method decides key, group, tags, metadata and the rest."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets import keys

if TYPE_CHECKING:
    from dagster_rest.config.model.incremental import IncrementalConfig
    from dagster_rest.config.plan.build import ResourcePlan, SourcePlan


@dataclass(frozen=True, kw_only=True)
class RestResourceProps:
    """What a translator may read.

    Args:
        source: The whole source: its name, client and resources.
        resource: The resource this asset loads.
        dataset: The DuckDB schema the table is in.
        table: The table; None for a resource that has none (``selected: false``) or many (a callable ``table_name``).
        key_name: The last part of the asset key: the table, or the resource's name where that is taken.
        parents: The props of the resources this one fans out from.
        upstream: Asset keys of parents that are no resources of this config.
        partitions_def: The partitions of the asset, or None.
    """

    source: "SourcePlan"
    resource: "ResourcePlan"
    dataset: str
    table: str | None
    key_name: str
    parents: tuple["RestResourceProps", ...] = ()
    upstream: tuple[dg.AssetKey, ...] = ()
    partitions_def: dg.PartitionsDefinition | None = None

    @property
    def endpoint(self) -> str:
        """Method and path as the config writes them; it holds no values and no secrets."""
        if self.resource.source is not None:
            return "Python callable"
        return f"{self.resource.endpoint.method} {self.resource.endpoint.path}"


class DagsterRestTranslator:
    """Turns a REST resource into an ``AssetSpec``. Override ``get_asset_spec`` to change anything about it.

    Example:
        ```python
        import dagster as dg
        from dagster_rest import DagsterRestTranslator

        class Prefixed(DagsterRestTranslator):
            def get_asset_spec(self, props):
                return super().get_asset_spec(props).replace_attributes(group_name="raw")
        ```
    """

    def get_asset_spec(self, props: RestResourceProps) -> dg.AssetSpec:
        """The asset of a resource: key ``[dataset, table]``, edges to its parents, and the config's own keys.

        Args:
            props: The resource and its source.

        Returns:
            The spec, used as it is.
        """
        config = props.resource.config
        return dg.AssetSpec(
            key=dg.AssetKey([props.dataset, props.key_name]),
            deps=[*(self.get_asset_spec(parent).key for parent in props.parents), *props.upstream],
            description=config.description or _description(props),
            group_name=config.group_name or _group_name(props.source.name),
            tags=dict(config.tags),
            owners=list(config.owners),
            kinds={"rest", "duckdb", *config.kinds},
            metadata=_metadata(props),
            code_version=props.resource.fingerprint[:16],
            partitions_def=props.partitions_def,
            automation_condition=_automation_condition(config.automation),
            freshness_policy=_freshness_policy(config.freshness),
        )


def _group_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _description(props: RestResourceProps) -> str:
    table = f"`{props.dataset}.{props.table}`" if props.table else "no table of its own"
    return f"`{props.endpoint}` into {table}."


def _metadata(props: RestResourceProps) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {
        keys.SOURCE: props.source.name,
        keys.RESOURCE: props.resource.name,
        keys.ENDPOINT: props.endpoint,
        keys.WRITE_DISPOSITION: props.resource.write_disposition.disposition,
    }
    if props.table:
        metadata[keys.TABLE_NAME] = f"{props.dataset}.{props.table}"
        metadata[keys.STORAGE_KIND] = "duckdb"
    if props.resource.incremental is not None:
        metadata[keys.CURSOR_PATH] = str(props.resource.incremental.cursor_path)
        expression = partition_expression(props.resource.incremental, props.partitions_def)
        if expression is not None:
            metadata[keys.PARTITION_EXPRESSION] = expression
    if props.resource.source_file:
        metadata[keys.CODE_REFERENCES] = _code_reference(props.resource.source_file, line=props.resource.line)
    return metadata


def _code_reference(file: str, *, line: int | None) -> dg.CodeReferencesMetadataValue:
    with warnings.catch_warnings():
        # Code references are beta in Dagster 1.13; nobody who writes YAML can do anything about the warning.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.CodeReferencesMetadataValue(
            code_references=[dg.LocalFileCodeReference(file_path=file, line_number=line, label=file.rsplit("/", 1)[-1])]
        )


def partition_expression(
    incremental: "IncrementalConfig", partitions_def: dg.PartitionsDefinition | None
) -> str | None:
    """What dagster-duckdb's IO managers compare with a partition's window: the cursor as a time on its own clock.

    Args:
        incremental: The resource's incremental block; the kind of ``initial_value`` is the cursor's.
        partitions_def: The asset's partitions.

    Returns:
        SQL over the root table, or None without partitions over time, or for a cursor that is no column of it.
    """
    from dagster_rest.assets.cursor.values import parse_day
    from dagster_rest.assets.cursor.window_edges import text_epoch, unit_of
    from dagster_rest.warehouse.state.catalog import literal, quoted

    column = partition_column(str(incremental.cursor_path))
    if column is None or not isinstance(partitions_def, dg.TimeWindowPartitionsDefinition):
        return None
    initial, zone, field = incremental.initial_value, literal(partitions_def.timezone), quoted(column)
    if isinstance(initial, (int, float, Decimal)) and not isinstance(initial, bool):
        unit = unit_of(initial)
        return f"timezone({zone}, to_timestamp({field if unit == 1 else f'{field} / {unit}'}))"
    written = text_epoch(initial)
    if written is not None:
        return f"timezone({zone}, to_timestamp({field}::double / {unit_of(written)}))"
    if isinstance(initial, str) and "-" not in initial and parse_day(initial) is not None:
        return f"strptime({field}, '%Y%m%d')"
    # Which of these the records bring is known when they are there. A date is a day of the partitions' zone; instants
    # are stored with a zone, or in UTC: a session's own zone must not shift them.
    return (
        f"case when typeof({field}) = 'DATE' or length({field}::varchar) = 10 then {field}::timestamp"
        f" when typeof({field}) = 'TIMESTAMP' then timezone({zone}, timezone('UTC', {field}::timestamp))"
        f" else timezone({zone}, {field}::timestamptz) end"
    )


def partition_column(cursor_path: str) -> str | None:
    """The column that holds a cursor, or None where it is not one of the root table's."""
    from dagster_rest.warehouse.naming import normalize

    if not re.fullmatch(r"[\w\-.]+", cursor_path):
        return None
    return "__".join(normalize(part) for part in cursor_path.split("."))


def _automation_condition(automation: Any) -> dg.AutomationCondition[Any] | None:
    if automation is None or isinstance(automation, dg.AutomationCondition):
        return automation
    if automation == "eager":
        return dg.AutomationCondition.eager()
    if automation == "on_new_data":
        changed = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())
        return changed & ~dg.AutomationCondition.in_progress()
    return dg.AutomationCondition.on_cron(automation)


def _freshness_policy(freshness: Any) -> dg.FreshnessPolicy | None:
    if freshness is None or isinstance(freshness, dg.FreshnessPolicy):
        return freshness
    from datetime import timedelta

    if freshness.deadline_cron is not None:
        return dg.FreshnessPolicy.cron(
            deadline_cron=freshness.deadline_cron,
            lower_bound_delta=timedelta(seconds=freshness.lower_bound_delta or 3600),
            timezone=freshness.timezone,
        )
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(seconds=freshness.fail_window),
        warn_window=timedelta(seconds=freshness.warn_window) if freshness.warn_window else None,
    )
