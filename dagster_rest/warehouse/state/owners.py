"""The owner of a table: one resource writes it, and no other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import fetch_one, run
from dagster_rest.warehouse.errors import NameCollisionError
from dagster_rest.warehouse.schema import ResourceSpec, TableSchema
from dagster_rest.warehouse.state.catalog import COLUMNS_TABLE, METADATA_SCHEMA, existing_columns, is_committed
from dagster_rest.warehouse.state.lost_tables import lost_up_to
from dagster_rest.warehouse.state.partitionings import read_partitioning

if TYPE_CHECKING:
    import duckdb

_ASSETS = f"""
select distinct c.table_name, l.asset from {COLUMNS_TABLE} c join {METADATA_SCHEMA}.loads l on l.load_id = c.load_id
where lower(c.dataset) = lower(?)
"""


_ASSET_COLUMNS = (
    ("loads", "asset"),
    ("parent_cursors", "asset"),
    ("fan_out_keys", "asset"),
    ("partitionings", "asset"),
    ("consumed", "child"),
    ("consumed", "parent"),
    ("consumed_values", "child"),
    ("consumed_values", "parent"),
    ("failed_parents", "child"),
)
"""Where the ledger names assets."""


@dataclass(frozen=True, kw_only=True)
class Loader:
    """Who did a load, as far as the ledger knows.

    Args:
        source: The name of the source.
        code_location: The code location.
        fingerprint: The config's fingerprint.
    """

    source: str | None
    code_location: str | None
    fingerprint: str


def adopt_table(connection: duckdb.DuckDBPyConnection, *, dataset: str, table: str, asset: str) -> str | None:
    """Make an asset the owner of a root table, with all that the ledger knows of the asset that loaded it so far.

    Its event log is that of another key, so its loads count as those of another Dagster storage.

    Args:
        connection: A connection inside a transaction, with an up-to-date ledger.
        dataset: The DuckDB schema.
        table: The table's name.
        asset: The new owner.

    Returns:
        The former owner, or None if there is no other.
    """
    former = other_owner_of(connection, dataset=dataset, table=table, asset=asset)
    if former is None:
        return None
    # Its own loads, if it has any, are in no table.
    for name, column in _ASSET_COLUMNS:
        if column != "parent" and is_committed(connection, name):
            run(connection, f"delete from {METADATA_SCHEMA}.{name} where {column} = ?", [asset])
    run(connection, f"update {METADATA_SCHEMA}.loads set storage_id = ? where asset = ?", [f"asset {former}", former])
    for name, column in _ASSET_COLUMNS:
        if is_committed(connection, name):
            run(
                connection,
                f"update {METADATA_SCHEMA}.{name} set {column} = ? where {column} = ?",
                [asset, former],
            )
    return former


def other_owner_of(connection: duckdb.DuckDBPyConnection, *, dataset: str, table: str, asset: str) -> str | None:
    """Return another asset whose loads made a root table that is there; None if nobody's did, or it is not known whose.

    Args:
        connection: An open connection to a database with a ledger.
        dataset: The DuckDB schema.
        table: The table's name.
        asset: The asset that asks.
    """
    if not is_committed(connection, "columns"):
        return None
    if not existing_columns(connection, dataset, table, recorded=True):
        return None
    found = run(connection, f"{_ASSETS} and c.table_name = ? and c.kind = 'root'", [dataset, table])
    owners = [owner for _, owner in found]
    return None if asset in owners else next(iter(owners), None)


def newest_loader(
    connection: duckdb.DuckDBPyConnection,
    *,
    asset: str,
    tables: Collection[tuple[str, str]],
    code_location: str | None = None,
) -> Loader | None:
    """Return who did the newest load of an asset, of any partition, that still counts.

    Args:
        connection: An open connection to a database with a ledger.
        asset: The asset key as ``a/b``.
        tables: The root tables it writes, as (dataset, name).
        code_location: Only loads from this code location; of any if None.
    """
    void = max(read_partitioning(connection, asset=asset).void_up_to, lost_up_to(connection, tables))
    row = fetch_one(
        connection,
        f"select source, code_location, fingerprint from {METADATA_SCHEMA}.loads"
        " where asset = ? and seq > ? and status <> 'taken_back' and (? is null or code_location = ?)"
        " order by seq desc limit 1",
        [asset, void, code_location, code_location],
    )
    return Loader(source=row[0], code_location=row[1], fingerprint=row[2]) if row else None


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
