"""The errors of the warehouse: what could not be stored, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dagster_rest.errors import RestError

CODES: dict[str, str] = {
    "warehouse_name_collision": "Two keys of one record become the same column and hold different values; rename one with a map step or set `on_name_collision: suffix`.",
    "warehouse_contract_violation": "The schema contract is `freeze` and the data has a new table, column or type; correct the data or relax `schema_contract`.",
    "warehouse_null_in_required_column": "A column that is a key or has `nullable: false` contains nulls, or is missing in the data; choose another key or allow nulls.",
    "warehouse_key_value": "A key, or a column with `nullable: false`, has values that its type can't hold exactly; set `data_type: text` for it and run a full refresh, or convert the values to one type with a map step.",
    "warehouse_missing_key": "The merge strategy needs a primary key and the resource has none; set `primary_key`.",
    "warehouse_unknown_data_type": "A column hint names a data type that does not exist; use one of the types in docs/schema.md.",
    "warehouse_invalid_hint": "A column hint or nested hint is not valid; see docs/schema.md for its form.",
    "warehouse_hint_conflict": "A hint gives a column another type than it has in the database; run a full refresh or correct the hint.",
    "warehouse_invalid_text": "A text contains half of a surrogate pair, which no database can store; repair it with a map step.",
    "warehouse_invalid_step": "A processing step can't be compiled; see docs/schema.md for its form.",
    "warehouse_step_failed": "A processing step raised an error on a page; the message contains the error.",
    "warehouse_validation_failed": "A record does not fit the pydantic model of `columns` under a `freeze` contract; correct the data or use `discard_row`.",
    "warehouse_foreign_table": "A table of that name exists and was not created by this package; drop it or set `table_name`.",
    "warehouse_unsupported_disposition": "The write disposition or one of its options is not supported; see docs/write_dispositions.md.",
    "warehouse_no_folder": "The folder of the DuckDB file does not exist; create it or correct the path.",
    "warehouse_read_only": "The DuckDB file or its folder can't be written; give the process write permission.",
    "warehouse_locked": "Another program kept the DuckDB file open for too long; close that program, which the message names.",
    "warehouse_newer_format": "A newer version of DuckDB wrote the file; upgrade duckdb here, or write the file in an older format.",
    "warehouse_unreadable": "The file is damaged or not a DuckDB file; restore it or correct the path.",
    "warehouse_in_memory": "An in-memory database is lost when it is closed; give the resource a file.",
    "warehouse_disk_full": "The disk is full; the load was rolled back. Free some space and run it again.",
    "warehouse_newer_ledger": "A newer version of this package wrote the ledger; upgrade the package here.",
    "warehouse_no_column": "A table used as a parent lacks a column that a child uses; use one of its columns.",
    "warehouse_staging_failed": "The staging folder can't be written; check its disk and permissions.",
    "warehouse_too_deep": "A record is nested too deeply to be processed; reduce it with a map step or choose a deeper `data_selector`.",
    "warehouse_not_local": "The database is not a local DuckDB file (`md:`, `postgres:`, `s3://` ...), so there is no file lock; load into a file, and copy or attach it from there.",
    "warehouse_reserved_name": "The DuckDB file or the dataset is named like the schema `_dagster_rest`, in which this package stores its state; choose another name.",
    "warehouse_schema_changed": "Another load gave a column another type between the staging of this load and its commit; an asset fetches again automatically, in Python stage and commit again.",
    "warehouse_constraint": "A unique index or another constraint that somebody added to a table refuses the load; drop it, or set `primary_key` so that no key is written twice.",
    "warehouse_dependency": "An index or a view depends on a table that the load has to change; drop it, run again, and create it again.",
    "warehouse_sql": "DuckDB refuses a statement: SQL in the config is wrong, or tables were changed by hand; correct the SQL, or run a full refresh.",
    "warehouse_value": "A value does not fit its column in the database, which somebody changed by hand; run a full refresh.",
    "warehouse_conflict": "Another connection of the same process has an open transaction on the same tables; commit, roll back or close it, and run again.",
    "warehouse_in_use": "The process has the database open already, with other settings, or closed the connection; close the connection of a notebook, or give it the same settings.",
    "warehouse_out_of_memory": "DuckDB ran out of memory; raise `memory_limit` or set `temp_directory` in `connection_config`.",
    "warehouse_io": "DuckDB could not read or write a file; check the disk that the message names, and run again.",
    "warehouse_not_supported": "DuckDB does not support, or does not allow, what the load needs; check `connection_config` and the version of duckdb.",
    "warehouse_failed": "An internal error of DuckDB; run again, and if the error remains, try another version of duckdb and report it to DuckDB's developers.",
    "warehouse_invalid_timestamp": "A timestamp option of the write disposition is not valid; write it as ISO 8601.",
}


class WarehouseError(RestError):
    """Something could not be stored as it was asked for."""


class NameCollisionError(WarehouseError):
    """Two keys of one record fight for one column."""


class SchemaContractError(WarehouseError):
    """The data does not fit a frozen schema."""


class NullInRequiredColumnError(WarehouseError):
    """A required column holds nulls."""


class HintError(WarehouseError):
    """A hint of the config can't be carried out."""


class StepError(WarehouseError):
    """A processing step can't be compiled, or failed."""


class StaleSchemaError(WarehouseError):
    """A column has another type than when the load was staged: the load must be staged again."""


class KeyValueError(WarehouseError):
    """A key, or what must not be null, holds values that its column can't keep as they are."""


@contextmanager
def depth_errors(where: str | None) -> Iterator[None]:
    """Say what is wrong when Python can't go as deep as a record goes.

    Args:
        where: The config path.

    Raises:
        WarehouseError: ``warehouse_too_deep`` instead of a ``RecursionError``.
    """
    try:
        yield
    except RecursionError as error:
        raise WarehouseError(
            "a record is nested too deeply to be processed",
            code="warehouse_too_deep",
            where=where,
            hint="Reduce it with a `map` step, or choose a deeper `data_selector`.",
        ) from error
