"""Links of standalone nested tables to rows that another row of the table replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.load.family import Family
from dagster_rest.warehouse.load.target import LINKS
from dagster_rest.warehouse.schema import LIST_INDEX, PARENT_ROW_ID, ROOT_ROW_ID, ROW_ID
from dagster_rest.warehouse.state.catalog import quoted

if TYPE_CHECKING:
    import duckdb

    from dagster_rest.warehouse.stage.staged_load import StagedLoad

_ID = quoted(ROW_ID)
_ROOT = quoted(ROOT_ROW_ID)
_PARENT = quoted(PARENT_ROW_ID)
_INDEX = quoted(LIST_INDEX)


def has_links(staged: StagedLoad) -> bool:
    """Say if a load has rows of tables that link to rows of a table with keys of its own."""
    return any(table.kind == "standalone" and name in staged.parts for name, table in staged.schema.tables.items())


def keep_links(
    conn: duckdb.DuckDBPyConnection, family: Family, staged: StagedLoad, *, load_id: str, same: str, written: str
) -> None:
    """Record which row of the table replaces each staged row that was not written: standalone tables link to it.

    For a row of the root table that is the row with its key; for a nested row, the one at the same position of the
    lists. For a row that was deleted or left out there may be none, and the link is null.

    Args:
        conn: A connection inside the load's transaction, in which ``LINKS`` is there.
        family: The tables, after the merge.
        staged: The load.
        load_id: The load's id.
        same: The condition that a row ``t`` of the root table replaces a staged row ``s``.
        written: The table of the ``_row_id`` of the staged rows that were written.
    """
    root = family.root
    for select in root.staged_selects(staged, load_id):
        run(
            conn,
            f"INSERT INTO {LINKS} SELECT s.{_ID}, any_value(t.{_ID}) FROM ({select}) s "
            f"LEFT JOIN {root.sql} t ON {same} "
            f"GROUP BY ALL HAVING coalesce(bool_and(t.{_ID} <> s.{_ID}), true)",
        )
    for target in sorted(family.nested, key=lambda nested: len(nested.name)):
        for select in target.staged_selects(staged, load_id):
            run(
                conn,
                f"INSERT INTO {LINKS} SELECT s.{_ID}, any_value(t.{_ID}) FROM ({select}) s "
                f"LEFT JOIN {LINKS} l ON l.staged_id = s.{_PARENT} "
                f"LEFT JOIN {target.sql} t ON t.{_PARENT} = l.kept_id AND t.{_INDEX} = s.{_INDEX} "
                f"WHERE s.{_ROOT} NOT IN (FROM {written}) GROUP BY ALL",
            )
