"""A root table with the tables nested in it, as a load writes them together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.database.base import run, run_for_number
from dagster_rest.warehouse.load.target import Target
from dagster_rest.warehouse.schema import ROOT_ROW_ID, ROW_ID
from dagster_rest.warehouse.state.catalog import quoted

if TYPE_CHECKING:
    import duckdb

    from dagster_rest.config.model.table.disposition import WriteDisposition

DELETED_IDS = '"_dagster_rest_deleted_ids"'
"""The temporary table of the ``_row_id`` of root rows that a load deletes."""


@dataclass
class Written:
    """What was written so far: rows by table, root rows deleted, duplicates left out."""

    rows: Counter[str] = field(default_factory=Counter)
    deleted: int = 0
    duplicates: int = 0


@dataclass(frozen=True, kw_only=True)
class Family:
    """A root table with the tables nested in it, and the keys that identify its rows.

    Args:
        root: The root table.
        nested: The nested tables.
        primary_key: Normalised column names.
        merge_key: Normalised column names.
        disposition: How rows are written.
    """

    root: Target
    nested: tuple[Target, ...]
    primary_key: tuple[str, ...]
    merge_key: tuple[str, ...]
    disposition: WriteDisposition

    @property
    def tables(self) -> tuple[Target, ...]:
        """Root and nested tables."""
        return (self.root, *self.nested)

    @property
    def appends_without_key(self) -> bool:
        """True for a delete-insert that has no key to find rows by: it appends, as in dlt."""
        strategy = self.disposition.strategy or "delete-insert"
        return strategy == "delete-insert" and not self.primary_key and not self.merge_key

    def option(self, name: str) -> Any:
        """Return an option of the write disposition, None if it is not set."""
        return self.disposition.options.get(name)


def delete_rows(conn: duckdb.DuckDBPyConnection, family: Family) -> int:
    """Delete the root rows whose ``_row_id`` is in ``DELETED_IDS``, and what is nested in them."""
    for target in family.nested:
        run(conn, f"DELETE FROM {target.sql} WHERE {quoted(ROOT_ROW_ID)} IN (FROM {DELETED_IDS})")
    deleted = run_for_number(conn, f"DELETE FROM {family.root.sql} WHERE {quoted(ROW_ID)} IN (FROM {DELETED_IDS})")
    run(conn, f"DROP TABLE {DELETED_IDS}")
    return deleted
