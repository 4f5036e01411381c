"""What a materialization shows: the same numbers every time, so that the UI can plot them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.report import LoadReport, SliceReport
from dagster_rest.assets.start.facts import CURSOR_KEY, LOAD_ID_KEY
from dagster_rest.warehouse.state.load_row import CursorState

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LONGEST_PREVIEW = 200

KEYS: dict[str, str] = {
    "dagster/row_count": "Rows of the root table after the load.",
    "dagster/partition_row_count": "Rows of the partition, for a partitioned asset.",
    "dagster/column_schema": "Columns of the root table: name, type, description.",
    "dagster/table_name": "The root table as `schema.table`.",
    "dagster/storage_kind": "`duckdb`.",
    "dagster/column_lineage": "Which columns come from the parent's, by `include_from_parent`.",
    "dagster/code_references": "File and line of the resource in its YAML config (on the asset).",
    "dagster_rest/source": "Name of the source (on the asset).",
    "dagster_rest/resource": "Name of the resource (on the asset).",
    "dagster_rest/write_disposition": "How loads are written (on the asset).",
    "dagster_rest/rows_loaded": "Rows this load wrote to the root table.",
    "dagster_rest/rows_deleted": "Rows this load removed from the root table or wrote anew.",
    "dagster_rest/rows_skipped": "Records the API sent that were not new.",
    "dagster_rest/rows_fetched": "Records the API sent.",
    "dagster_rest/duplicates": "Records that lost against another one with the same key in the same load.",
    "dagster_rest/discarded_rows": "Rows the schema contract dropped.",
    "dagster_rest/discarded_values": "Values the schema contract dropped.",
    "dagster_rest/requests": "Requests sent, retries included.",
    "dagster_rest/pages": "Pages read.",
    "dagster_rest/retries": "Requests that were sent again.",
    "dagster_rest/bytes_received": "Bytes of the responses, unpacked.",
    "dagster_rest/duration_seconds": "Seconds from start to commit.",
    "dagster_rest/throttled_seconds": "Seconds waited for rate limits.",
    "dagster_rest/parents": "Parent rows worked on.",
    "dagster_rest/null_parents": "Parent rows left out because their value is null.",
    "dagster_rest/failed_parents": "Parent rows left out because their request failed (`on_parent_error: skip`).",
    "dagster_rest/windows": "Windows committed, each on its own.",
    "dagster_rest/replaced_characters": "Characters that stand for bytes which could not be read (`encoding_errors`).",
    CURSOR_KEY: "The cursor after the load, as text.",
    "dagster_rest/cursor_type": "Type of the cursor: int, float, decimal, str, date, datetime.",
    "dagster_rest/cursor_path": "The field the cursor comes from.",
    "dagster_rest/cursor_start": "The cursor before the load.",
    LOAD_ID_KEY: "The load's id; the table carries it as `_load_id`.",
    "dagster_rest/started_from": "Which case of the state protocol applied: first, normal, adopted, wiped ...",
    "dagster_rest/paginator": "The paginator that was used, with the evidence if it was detected.",
    "dagster_rest/ended_by": "Why pagination ended: reason and number of units.",
    "dagster_rest/endpoint": "The first URL, redacted.",
    "dagster_rest/api_total": "The API's own total, where it names one.",
    "dagster_rest/tables": "Child tables with their row counts.",
    "dagster_rest/schema_changes": "Tables, columns and types this load added.",
    "dagster_rest/resumed": "Whether the load went on from an interrupted one.",
    "dagster_rest/sampled": "True when the run was a sample (`limit`): the asset's own table is untouched.",
    "dagster_rest/sample_table": "Where a sample went, as `schema.table`; the next sample replaces it.",
    "dagster_rest/warnings": "What a person should know about this load.",
    "dagster_rest/preview": "Some rows of the load, if `preview` asks for them.",
    "dagster_rest/error_code": "The error's code (on a step that failed for good).",
    "partition_expr": "SQL that IO managers hold against a partition's window (on the asset).",
}
"""Every metadata key of this package, with its meaning."""


def shared_metadata(asset: RestAsset, report: LoadReport) -> dict[str, Any]:
    """The metadata of a materialization that is the same for all its partitions.

    Args:
        asset: The asset.
        report: What was done.
    """
    stats = report.stats
    outcomes = [outcome for one in report.slices for outcome in one.outcomes]
    numbers: dict[str, Any] = {
        "dagster_rest/rows_fetched": report.rows_fetched,
        "dagster_rest/rows_skipped": report.rows_skipped,
        "dagster_rest/duplicates": sum(outcome.duplicates for outcome in outcomes),
        "dagster_rest/discarded_rows": sum(outcome.discarded_rows for outcome in outcomes),
        "dagster_rest/discarded_values": sum(outcome.discarded_values for outcome in outcomes),
        "dagster_rest/requests": stats.requests if stats else 0,
        "dagster_rest/pages": stats.pages if stats else 0,
        "dagster_rest/retries": stats.retries if stats else 0,
        "dagster_rest/bytes_received": stats.bytes_received if stats else 0,
        "dagster_rest/throttled_seconds": float(stats.throttled_seconds) if stats else 0.0,
        "dagster_rest/duration_seconds": round(report.seconds, 3),
        "dagster_rest/parents": report.counts.parents,
        "dagster_rest/null_parents": report.counts.null_parents,
        "dagster_rest/windows": report.windows,
    }
    if asset.plan.endpoint.on_parent_error == "skip":
        numbers["dagster_rest/failed_parents"] = report.counts.failed_parents
    if asset.plan.endpoint.encoding_errors == "replace":
        numbers["dagster_rest/replaced_characters"] = report.replaced_characters
    return {**numbers, **_table_metadata(asset, report), **_about_the_fetch(report)}


def _table_metadata(asset: RestAsset, report: LoadReport) -> dict[str, Any]:
    last = next((one.outcomes[-1] for one in reversed(report.slices) if one.outcomes), None)
    if last is None:
        return {}
    if report.sampled:
        # The numbers of the asset's own table stay those of its newest load.
        return {"dagster_rest/sample_table": f"{asset.dataset}.{last.table}"}
    metadata: dict[str, Any] = {
        "dagster/table_name": f"{asset.dataset}.{last.table}",
        "dagster/storage_kind": "duckdb",
        "dagster/row_count": last.total_rows.get(last.table, 0),
    }
    columns = last.columns.get(last.table)
    if columns:
        metadata["dagster/column_schema"] = _table_schema(columns)
        lineage = _lineage(asset, {column.name for column in columns})
        if lineage is not None:
            metadata["dagster/column_lineage"] = lineage
    nested = {name: count for name, count in last.total_rows.items() if name != last.table}
    if nested:
        metadata["dagster_rest/tables"] = dg.MetadataValue.json(nested)
    changes = [change for one in report.slices for outcome in one.outcomes for change in outcome.schema_changes]
    if changes:
        metadata["dagster_rest/schema_changes"] = dg.MetadataValue.md("\n".join(f"- {change}" for change in changes))
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
        metadata["dagster_rest/paginator"] = report.paginator + evidence
    if report.ended_by:
        metadata["dagster_rest/ended_by"] = dg.MetadataValue.json(dict(report.ended_by))
    if report.endpoint:
        metadata["dagster_rest/endpoint"] = report.endpoint
    if report.total is not None:
        metadata["dagster_rest/api_total"] = report.total
    if report.resumed:
        metadata["dagster_rest/resumed"] = True
    if report.sampled:
        metadata["dagster_rest/sampled"] = True
    if report.warnings:
        metadata["dagster_rest/warnings"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in report.warnings))
    return metadata


def slice_metadata(asset: RestAsset, one: SliceReport) -> dict[str, Any]:
    """The metadata that belongs to one partition, or to the whole asset.

    Args:
        asset: The asset.
        one: What was done to it.
    """
    rows = sum(outcome.rows_loaded for outcome in one.outcomes)
    metadata: dict[str, Any] = {
        "dagster_rest/rows_loaded": rows,
        "dagster_rest/rows_deleted": sum(outcome.rows_deleted for outcome in one.outcomes),
        "dagster_rest/started_from": one.start.case,
    }
    if one.load_ids:
        metadata[LOAD_ID_KEY] = one.load_ids[-1]
    if one.slice.key:
        metadata["dagster/partition_row_count"] = rows
    return {**metadata, **_cursor_metadata(asset, before=one.cursor_before, after=one.cursor)}


def _cursor_metadata(asset: RestAsset, *, before: CursorState | None, after: CursorState | None) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {}
    if asset.plan.incremental is None:
        return metadata
    metadata["dagster_rest/cursor_path"] = str(asset.plan.incremental.cursor_path)
    if before is not None:
        metadata["dagster_rest/cursor_start"] = dg.MetadataValue.text(before.value)
    if after is not None:
        metadata[CURSOR_KEY] = dg.MetadataValue.text(after.value)
        metadata["dagster_rest/cursor_type"] = after.type
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

    last = next((one.outcomes[-1] for one in reversed(report.slices) if one.outcomes), None)
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
    return {"dagster_rest/preview": dg.MetadataValue.table(records=records, schema=schema)}


def _shown(value: Any) -> str | int | float | bool:
    if isinstance(value, (bool, int, float)):
        return value
    return "" if value is None else str(value)[:_LONGEST_PREVIEW]
