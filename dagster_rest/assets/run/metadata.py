"""What a materialization shows: the same numbers every time, so that the UI can plot them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets import keys
from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.report import LoadReport, PartitionReport
from dagster_rest.warehouse.state.load_row import CursorState

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LONGEST_PREVIEW = 200


def shared_metadata(asset: RestAsset, report: LoadReport) -> dict[str, Any]:
    """The metadata of a materialization that is the same for all its partitions.

    Args:
        asset: The asset.
        report: What was done.
    """
    stats = report.stats
    outcomes = [outcome for one in report.partitions for outcome in one.outcomes]
    numbers: dict[str, Any] = {
        keys.ROWS_FETCHED: report.rows_fetched,
        keys.ROWS_SKIPPED: report.rows_skipped,
        keys.DUPLICATES: sum(outcome.duplicates for outcome in outcomes),
        keys.DISCARDED_ROWS: sum(outcome.discarded_rows for outcome in outcomes),
        keys.DISCARDED_VALUES: sum(outcome.discarded_values for outcome in outcomes),
        keys.REQUESTS: stats.requests if stats else 0,
        keys.PAGES: stats.pages if stats else 0,
        keys.RETRIES: stats.retries if stats else 0,
        keys.BYTES_RECEIVED: stats.bytes_received if stats else 0,
        keys.THROTTLED_SECONDS: float(stats.throttled_seconds) if stats else 0.0,
        keys.DURATION_SECONDS: round(report.seconds, 3),
        keys.PARENTS: report.counts.parents,
        keys.NULL_PARENTS: report.counts.null_parents,
        keys.WINDOWS: report.windows,
    }
    if asset.plan.endpoint.on_parent_error == "skip":
        numbers[keys.FAILED_PARENTS] = report.counts.failed_parents
    if asset.plan.endpoint.encoding_errors == "replace":
        numbers[keys.REPLACED_CHARACTERS] = report.replaced_characters
    return {**numbers, **_table_metadata(asset, report), **_about_the_fetch(report)}


def _table_metadata(asset: RestAsset, report: LoadReport) -> dict[str, Any]:
    last = next((one.outcomes[-1] for one in reversed(report.partitions) if one.outcomes), None)
    if last is None:
        return {}
    if report.sampled:
        # The numbers of the asset's own table stay those of its newest load.
        return {keys.SAMPLE_TABLE: f"{asset.dataset}.{last.table}"}
    metadata: dict[str, Any] = {
        keys.TABLE_NAME: f"{asset.dataset}.{last.table}",
        keys.STORAGE_KIND: "duckdb",
        keys.ROW_COUNT: last.total_rows.get(last.table, 0),
    }
    columns = last.columns.get(last.table)
    if columns:
        metadata[keys.COLUMN_SCHEMA] = _table_schema(columns)
        lineage = _lineage(asset, {column.name for column in columns})
        if lineage is not None:
            metadata[keys.COLUMN_LINEAGE] = lineage
    nested = {name: count for name, count in last.total_rows.items() if name != last.table}
    if nested:
        metadata[keys.TABLES] = dg.MetadataValue.json(nested)
    changes = [change for one in report.partitions for outcome in one.outcomes for change in outcome.schema_changes]
    if changes:
        metadata[keys.SCHEMA_CHANGES] = dg.MetadataValue.md("\n".join(f"- {change}" for change in changes))
    return metadata


def _table_schema(columns: Any) -> dg.TableSchema:
    from dagster_rest.warehouse.types import duckdb_type

    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=duckdb_type(column.data_type),
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in columns
            if column.data_type is not None
        ]
    )


def _lineage(asset: RestAsset, columns: set[str]) -> dg.TableColumnLineage | None:
    from dagster_rest.warehouse.naming import normalize

    deps = {
        normalize(f"_{link.resource}_{name}"): [
            dg.TableColumnDep(asset_key=asset.parents[link.resource], column_name=normalize(name))
        ]
        for link in asset.plan.parents
        for name in link.include
    }
    deps = {name: dep for name, dep in deps.items() if name in columns}
    return dg.TableColumnLineage(deps_by_column=deps) if deps else None


def _about_the_fetch(report: LoadReport) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if report.paginator:
        evidence = f" ({report.evidence})" if report.evidence else ""
        metadata[keys.PAGINATOR] = report.paginator + evidence
    if report.ended_by:
        metadata[keys.ENDED_BY] = dg.MetadataValue.json(dict(report.ended_by))
    if report.endpoint:
        metadata[keys.ENDPOINT] = report.endpoint
    if report.total is not None:
        metadata[keys.API_TOTAL] = report.total
    if report.resumed:
        metadata[keys.RESUMED] = True
    if report.sampled:
        metadata[keys.SAMPLED] = True
    if report.warnings:
        metadata[keys.WARNINGS] = dg.MetadataValue.md("\n".join(f"- {line}" for line in report.warnings))
    return metadata


def partition_metadata(asset: RestAsset, one: PartitionReport) -> dict[str, Any]:
    """The metadata that belongs to one partition, or to the whole asset.

    Args:
        asset: The asset.
        one: What was done to it.
    """
    state, rows = one.state, sum(outcome.rows_loaded for outcome in one.outcomes)
    metadata: dict[str, Any] = {
        keys.ROWS_LOADED: rows,
        keys.ROWS_DELETED: sum(outcome.rows_deleted for outcome in one.outcomes),
        keys.STARTED_FROM: state.start.case,
    }
    if state.load_ids:
        metadata[keys.LOAD_ID] = state.load_ids[-1]
    if state.partition.key:
        metadata[keys.PARTITION_ROW_COUNT] = rows
    return {**metadata, **_cursor_metadata(asset, before=state.start.cursor, after=state.cursor)}


def _cursor_metadata(asset: RestAsset, *, before: CursorState | None, after: CursorState | None) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {}
    if asset.plan.incremental is None:
        return metadata
    metadata[keys.CURSOR_PATH] = str(asset.plan.incremental.cursor_path)
    if before is not None:
        metadata[keys.CURSOR_START] = dg.MetadataValue.text(before.value)
    if after is not None:
        metadata[keys.CURSOR] = dg.MetadataValue.text(after.value)
        metadata[keys.CURSOR_TYPE] = after.type
    return metadata


def read_preview(connection: "DuckDBPyConnection", asset: RestAsset, report: LoadReport) -> Mapping[str, Any]:
    """Some rows of the load as metadata, if ``preview`` asks for them.

    Args:
        connection: The load's transaction.
        asset: The asset.
        report: What was done.
    """
    from dagster_rest.warehouse.database.base import run
    from dagster_rest.warehouse.schema import SYSTEM_COLUMNS
    from dagster_rest.warehouse.state.catalog import database_name, qualified, quoted

    last = next((one.outcomes[-1] for one in reversed(report.partitions) if one.outcomes), None)
    if not asset.plan.config.preview or last is None or last.table not in last.columns:
        return {}
    names = [
        column.name
        for column in last.columns[last.table]
        if column.data_type is not None and column.name not in SYSTEM_COLUMNS
    ]
    rows = run(
        connection,
        f"select {', '.join(map(quoted, names))} from {qualified(database_name(connection), asset.dataset, last.table)}"
        " where _load_id in (select unnest(?::varchar[])) limit ?",
        [report.load_ids, asset.plan.config.preview],
    )
    if not rows:
        return {}
    records = [dg.TableRecord(dict(zip(names, map(_shown, row), strict=True))) for row in rows]
    schema = dg.TableSchema(columns=[dg.TableColumn(name=name) for name in names])
    return {keys.PREVIEW: dg.MetadataValue.table(records=records, schema=schema)}


def _shown(value: Any) -> str | int | float | bool:
    if isinstance(value, (bool, int, float)):
        return value
    return "" if value is None else str(value)[:_LONGEST_PREVIEW]
