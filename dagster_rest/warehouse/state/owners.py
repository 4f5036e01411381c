"""The owner of a table: one resource writes it, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.errors import NameCollisionError
from dagster_rest.warehouse.schema import ResourceSpec, TableSchema
from dagster_rest.warehouse.state.catalog import COLUMNS_TABLE, METADATA_SCHEMA

if TYPE_CHECKING:
    import duckdb

_ASSETS = f"""
select distinct c.table_name, l.asset from {COLUMNS_TABLE} c join {METADATA_SCHEMA}.loads l on l.load_id = c.load_id
where lower(c.dataset) = lower(?)
"""


class Owners:
    """The recorded owners of a dataset's tables, as one load sees them.

    An asset owns the tables that its loads have recorded. Where the ledger does not know the load (it was not an
    asset's), the resource owns them.

    Args:
        conn: A connection inside the load's transaction; with ``spec.asset`` the ledger has to be there.
        spec: What the resource asks for.
        recorded: The recorded tables of the dataset.
    """

    def __init__(
        self, conn: duckdb.DuckDBPyConnection, spec: ResourceSpec, *, recorded: Mapping[str, TableSchema]
    ) -> None:
        self._spec = spec
        self._recorded = recorded
        known = spec.asset is not None and recorded
        self._assets: dict[str, str] = dict(run(conn, _ASSETS, [spec.dataset])) if known else {}

    def is_own(self, table: TableSchema) -> bool:
        """Say if a recorded table is the resource's own."""
        asset = self._assets.get(table.name)
        return table.resource == self._spec.resource if asset is None else asset == self._spec.asset

    def check(self, table: TableSchema, *, rebuilt: bool) -> None:
        """Refuse to write a table of another resource, or one that is another kind of table.

        Args:
            table: The table as the load would leave it.
            rebuilt: Whether the load rebuilds its own tables, so that their kind may change.

        Raises:
            NameCollisionError: With the owner, and what to do.
        """
        there = self._recorded.get(table.name)
        if there is None:
            return
        if not self.is_own(there):
            raise self._refused(table, there)
        if not rebuilt and (there.root, there.kind) != (table.root, table.kind):
            raise NameCollisionError(
                f"the {table.kind} table {table.name!r} is a {there.kind} table of the same resource already",
                code="warehouse_name_collision",
                where=self._spec.where,
                hint="Run a full refresh if the hints of the table changed; otherwise give one of them another name.",
            )

    def _refused(self, table: TableSchema, there: TableSchema) -> NameCollisionError:
        asset = self._assets.get(there.name)
        owner = f"resource {there.resource!r}" if asset is None else f"asset {asset!r}"
        return NameCollisionError(
            f"the {table.kind} table {self._spec.dataset}.{table.name} belongs to the {owner} "
            f"(as a {there.kind} table)",
            code="warehouse_name_collision",
            where=self._spec.where,
            hint="Set another `table_name`, or rename the key with a `map` step. If the owner no longer exists, "
            "or was renamed to this one, see docs/errors/warehouse.md#warehouse_name_collision.",
        )
