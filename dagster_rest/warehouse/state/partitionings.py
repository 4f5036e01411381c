"""What the rows of an asset's tables were partitioned by: a partition key has a meaning only with its definition."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import fetch_one, run
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, has_table
from dagster_rest.warehouse.state.lost_tables import lost_up_to

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, kw_only=True)
class Partitioning:
    """What the ledger knows of an asset's partitions.

    Args:
        description: Of the partitions definition that its newest load had; None if that is not known.
        void_up_to: Loads up to this ``seq`` were of other partitions, and their rows are gone.
    """

    description: str | None = None
    void_up_to: int = 0


def read_partitioning(connection: DuckDBPyConnection | None, *, asset: str) -> Partitioning:
    """What an asset's loads were partitioned by.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        asset: The asset key as ``a/b``.
    """
    if connection is None or not has_table(connection, "partitionings", schema=METADATA_SCHEMA):
        return Partitioning()
    row = fetch_one(
        connection, f"select description, void_up_to from {METADATA_SCHEMA}.partitionings where asset = ?", [asset]
    )
    return Partitioning(description=row[0], void_up_to=row[1]) if row else Partitioning()


def loaded_partitions(
    connection: DuckDBPyConnection | None, *, asset: str, tables: Collection[tuple[str, str]]
) -> frozenset[str]:
    """The partitions whose loads still count; the empty text is a load without a partition.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        asset: The asset key as ``a/b``.
        tables: The root tables it writes, as (dataset, name).
    """
    if connection is None or not has_table(connection, "loads", schema=METADATA_SCHEMA):
        return frozenset()
    void = max(read_partitioning(connection, asset=asset).void_up_to, lost_up_to(connection, tables))
    rows = run(
        connection,
        f"select distinct partition from {METADATA_SCHEMA}.loads"
        " where asset = ? and seq > ? and status <> 'taken_back'",
        [asset, void],
    )
    return frozenset(row[0] for row in rows)


def write_partitioning(
    connection: DuckDBPyConnection, *, asset: str, description: str, voids_earlier: bool = False
) -> None:
    """Write down what an asset is partitioned by, in the transaction of its data.

    Args:
        connection: A connection inside the load's transaction.
        asset: The asset key as ``a/b``.
        description: Of its partitions definition.
        voids_earlier: Whether all loads so far were of other partitions; their rows are deleted in this transaction.
    """
    void = read_partitioning(connection, asset=asset).void_up_to
    if voids_earlier:
        row = fetch_one(connection, f"select coalesce(max(seq), 0) from {METADATA_SCHEMA}.loads")
        void = int(row[0]) if row else 0
    run(connection, f"delete from {METADATA_SCHEMA}.partitionings where asset = ?", [asset])
    run(connection, f"insert into {METADATA_SCHEMA}.partitionings values (?, ?, ?)", [asset, description, void])
