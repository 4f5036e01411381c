"""The metadata keys and tags of this package, each written once, with its meaning."""

ROW_COUNT = "dagster/row_count"
PARTITION_ROW_COUNT = "dagster/partition_row_count"
COLUMN_SCHEMA = "dagster/column_schema"
TABLE_NAME = "dagster/table_name"
STORAGE_KIND = "dagster/storage_kind"
COLUMN_LINEAGE = "dagster/column_lineage"
CODE_REFERENCES = "dagster/code_references"
SOURCE = "dagster_rest/source"
RESOURCE = "dagster_rest/resource"
WRITE_DISPOSITION = "dagster_rest/write_disposition"
ROWS_LOADED = "dagster_rest/rows_loaded"
ROWS_DELETED = "dagster_rest/rows_deleted"
ROWS_SKIPPED = "dagster_rest/rows_skipped"
ROWS_FETCHED = "dagster_rest/rows_fetched"
DUPLICATES = "dagster_rest/duplicates"
DISCARDED_ROWS = "dagster_rest/discarded_rows"
DISCARDED_VALUES = "dagster_rest/discarded_values"
REQUESTS = "dagster_rest/requests"
PAGES = "dagster_rest/pages"
RETRIES = "dagster_rest/retries"
BYTES_RECEIVED = "dagster_rest/bytes_received"
DURATION_SECONDS = "dagster_rest/duration_seconds"
THROTTLED_SECONDS = "dagster_rest/throttled_seconds"
PARENTS = "dagster_rest/parents"
NULL_PARENTS = "dagster_rest/null_parents"
FAILED_PARENTS = "dagster_rest/failed_parents"
WINDOWS = "dagster_rest/windows"
REPLACED_CHARACTERS = "dagster_rest/replaced_characters"
CURSOR = "dagster_rest/cursor"
CURSOR_TYPE = "dagster_rest/cursor_type"
CURSOR_PATH = "dagster_rest/cursor_path"
CURSOR_START = "dagster_rest/cursor_start"
LOAD_ID = "dagster_rest/load_id"
STARTED_FROM = "dagster_rest/started_from"
PAGINATOR = "dagster_rest/paginator"
ENDED_BY = "dagster_rest/ended_by"
ENDPOINT = "dagster_rest/endpoint"
API_TOTAL = "dagster_rest/api_total"
TABLES = "dagster_rest/tables"
SCHEMA_CHANGES = "dagster_rest/schema_changes"
RESUMED = "dagster_rest/resumed"
SAMPLED = "dagster_rest/sampled"
SAMPLE_TABLE = "dagster_rest/sample_table"
WARNINGS = "dagster_rest/warnings"
PREVIEW = "dagster_rest/preview"
ERROR_CODE = "dagster_rest/error_code"
PARTITION_EXPRESSION = "partition_expr"

# Of check results alone.
DOUBLE_KEYS = "dagster_rest/keys"
MIN_ROWS = "dagster_rest/min_rows"
ROWS_BEFORE = "dagster_rest/rows_before"
ROWS_AFTER = "dagster_rest/rows_after"
DROP = "dagster_rest/drop"
MAX_DROP = "dagster_rest/max_drop"
CHANGES = "dagster_rest/changes"
IGNORED = "dagster_rest/ignored"
ROWS_AHEAD = "dagster_rest/rows_ahead"
QUERY = "dagster_rest/query"

METADATA: dict[str, str] = {
    ROW_COUNT: "Rows of the root table after the load.",
    PARTITION_ROW_COUNT: "Rows that this load wrote, for a partition.",
    COLUMN_SCHEMA: "Columns of the root table: name, type, description.",
    TABLE_NAME: "The root table as `schema.table`.",
    STORAGE_KIND: "`duckdb`.",
    COLUMN_LINEAGE: "Which columns come from the parent's, by `include_from_parent`.",
    CODE_REFERENCES: "File and line of the resource in its YAML config (on the asset).",
    SOURCE: "Name of the source (on the asset).",
    RESOURCE: "Name of the resource (on the asset).",
    WRITE_DISPOSITION: "How loads are written (on the asset).",
    ROWS_LOADED: "Rows that this load wrote to the root table.",
    ROWS_DELETED: "Rows that this load removed from the root table, or replaced.",
    ROWS_SKIPPED: "Records that the API sent and that were not new.",
    ROWS_FETCHED: "Records that the API sent.",
    DUPLICATES: "Records dropped for another one with the same key in the same load.",
    DISCARDED_ROWS: "Rows that the schema contract dropped.",
    DISCARDED_VALUES: "Values that the schema contract dropped.",
    REQUESTS: "Requests sent, including retries.",
    PAGES: "Pages read.",
    RETRIES: "Requests that were sent again.",
    BYTES_RECEIVED: "Bytes of the responses, decompressed.",
    DURATION_SECONDS: "Seconds from start to commit.",
    THROTTLED_SECONDS: "Seconds waited for rate limits.",
    PARENTS: "Parent rows processed.",
    NULL_PARENTS: "Parent rows skipped because their value is null.",
    FAILED_PARENTS: "Parent rows skipped because their request failed (`on_parent_error: skip`).",
    WINDOWS: "Windows committed, each on its own.",
    REPLACED_CHARACTERS: "Replacement characters for bytes that could not be decoded (`encoding_errors`).",
    CURSOR: "The cursor after the load, as text.",
    CURSOR_TYPE: "Type of the cursor: int, float, decimal, str, date, datetime.",
    CURSOR_PATH: "The field that the cursor comes from.",
    CURSOR_START: "The cursor before the load.",
    LOAD_ID: "The load's id; the table has it as `_load_id`.",
    STARTED_FROM: "Which case of the state protocol applied: first, normal, adopted, wiped ...",
    PAGINATOR: "The paginator that was used, with the evidence if it was detected.",
    ENDED_BY: "Why pagination ended: reason and number of units.",
    ENDPOINT: "The first URL, redacted.",
    API_TOTAL: "The API's own total, if it has one.",
    TABLES: "Nested tables with their row counts.",
    SCHEMA_CHANGES: "Tables, columns and types that this load added.",
    RESUMED: "Whether the load continued an interrupted one.",
    SAMPLED: "True when the run was a sample (`limit`): the asset's own table did not change.",
    SAMPLE_TABLE: "The table of a sample, as `schema.table`; the next sample replaces it.",
    WARNINGS: "What a person should know about this load.",
    PREVIEW: "Some rows of the load, if `preview` asks for them.",
    ERROR_CODE: "The error's code (on a step that failed for good).",
    PARTITION_EXPRESSION: "SQL that IO managers compare with a partition's window (on the asset).",
}
"""Every metadata key of assets and their materializations, with its meaning."""

CHECK_METADATA: dict[str, str] = {
    DOUBLE_KEYS: "primary_key_unique: keys that are in the table more than once.",
    API_TOTAL: "total_rows: the API's own total.",
    ROWS_FETCHED: "total_rows, min_rows: records that the API sent.",
    MIN_ROWS: "min_rows: the expected number.",
    ROWS_BEFORE: "row_count_drop: rows before the load.",
    ROWS_AFTER: "row_count_drop: rows after it.",
    DROP: "row_count_drop: the share that disappeared.",
    MAX_DROP: "row_count_drop: the share that may disappear.",
    DUPLICATES: "duplicates_in_load: rows dropped for another one with the same key.",
    CHANGES: "schema_changes: new tables, columns and types.",
    DISCARDED_ROWS: "contract_discards: rows that the schema contract dropped.",
    DISCARDED_VALUES: "contract_discards: values that it dropped.",
    IGNORED: "pagination_ignored: lists that ended so.",
    ROWS_AHEAD: "rows_ahead: rows that do not move the cursor.",
    NULL_PARENTS: "null_parents: skipped parents.",
    PARENTS: "null_parents, failed_parents: parents in all.",
    FAILED_PARENTS: "failed_parents: skipped parents.",
    QUERY: "primary_key_unique, failed_parents: SQL that shows them.",
}
"""Every metadata key of a check's result, with its meaning."""

FULL_REFRESH_TAG = "dagster_rest/full_refresh"
"""Run tag with the value ``true``: every REST asset of the run rebuilds its table."""

SENSOR_TAG = "dagster_rest/sensor"
"""Run tag with the name of the polling sensor that asked for the run."""

POLL_TAG = "dagster_rest/poll"
"""Run tag that says which tick of the sensor it was."""

TAGS: dict[str, str] = {
    FULL_REFRESH_TAG: "On a run: `true` makes every REST asset of the run rebuild its table.",
    SENSOR_TAG: "On a run: the polling sensor that requested it.",
    POLL_TAG: "On a run: the tick of that sensor.",
}
"""Every tag of this package, with its meaning."""
