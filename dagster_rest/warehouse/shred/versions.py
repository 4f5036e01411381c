"""The columns that a write strategy adds to a root table: row versions, and the validity of scd2."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import naming
from dagster_rest.warehouse.schema import ROW_VERSION, SYSTEM_COLUMNS, Column
from dagster_rest.warehouse.values.text import dump_json

if TYPE_CHECKING:
    from dagster_rest.config.model.table.disposition import WriteDisposition

VALID_FROM, VALID_TO = "_valid_from", "_valid_to"


def validity_columns(disposition: WriteDisposition) -> tuple[str, str]:
    """Return the names of the columns that say from and to when a version of a row is valid."""
    names = disposition.options.get("validity_column_names") or (VALID_FROM, VALID_TO)
    begin, end = (naming.normalize(name) for name in names)
    return begin, end


def version_column(disposition: WriteDisposition) -> str | None:
    """Return the column that identifies a version of a row, None if the strategy needs none."""
    named = disposition.options.get("row_version_column_name")
    if named:
        return naming.normalize(named)
    if disposition.strategy == "scd2" or disposition.options.get("skip_unchanged_rows"):
        return ROW_VERSION
    return None


def writes_version(disposition: WriteDisposition) -> bool:
    """Say if this package writes a hash of the record: it is the version, or decides for scd2 where that is null."""
    if disposition.disposition != "merge":
        return False
    return disposition.strategy == "scd2" or version_column(disposition) == ROW_VERSION


def added_columns(disposition: WriteDisposition) -> list[Column]:
    """Return the columns that the strategy adds, in front of the data and behind it."""
    if disposition.disposition != "merge":
        return []
    columns = []
    if disposition.strategy == "scd2":
        begin, end = validity_columns(disposition)
        columns += [
            Column(name=begin, data_type="timestamp", hinted=True, description="Valid from."),
            Column(
                name=end, data_type="timestamp", hinted=True, description="Valid to; see `active_record_timestamp`."
            ),
        ]
    if writes_version(disposition):
        columns.append(
            Column(name=ROW_VERSION, data_type="text", hinted=True, description="Hash of the record's content.")
        )
    return columns


def reserved_columns(disposition: WriteDisposition) -> frozenset[str]:
    """Return the columns of a root table that this package writes, which no key of a record may become."""
    return SYSTEM_COLUMNS | {column.name for column in added_columns(disposition)}


def record_versions(records: Sequence[Any]) -> list[str]:
    """Return a hash of the content of each record, with everything nested in it; the order of keys does not count."""
    return [hashlib.blake2b(dump_json(record, sort=True).encode(), digest_size=12).hexdigest() for record in records]
