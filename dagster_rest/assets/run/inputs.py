"""What a run reads of the warehouse before it decides what to do."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.parents.rows import ParentInput, read_parents, unseen_parents
from dagster_rest.assets.run.owner import other_owner
from dagster_rest.assets.run.recorded_tables import inspect, other_partitions, recorded_tables, root_tables
from dagster_rest.warehouse.database.file import short_read
from dagster_rest.warehouse.state.catalog import read_schema
from dagster_rest.warehouse.state.ledger import read_state
from dagster_rest.warehouse.state.ledger_tables import upgrade_ledger
from dagster_rest.warehouse.state.load_row import AssetState
from dagster_rest.warehouse.state.partitionings import read_partitioning

if TYPE_CHECKING:
    from dagster_rest.warehouse.schema import RecordedSchema
    from dagster_rest.warehouse.state.inspection import TableInspection


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What one short read of the database gave at the start.

    Args:
        known: The recorded columns.
        parents: The parents' rows.
        states: What the ledger knows, per partition.
        tables: The recorded tables of the asset as they are.
        unseen_parents: Parents with rows of a time when no child used them; a warning of the child's first load.
        other_owner: Who else has loaded what the run would go on from, in words, or None.
        other_partitions: What the rows were partitioned by, in words, if it is not what the asset is by.
    """

    known: "RecordedSchema"
    parents: ParentInput
    states: Mapping[str, AssetState] = field(default_factory=dict)
    tables: tuple["TableInspection", ...] = ()
    other_owner: str | None = None
    other_partitions: str | None = None
    unseen_parents: tuple[str, ...] = ()


def read_inputs(context: LoadContext) -> Inputs:
    """What the warehouse says. The event log is read afterwards, and not while the database is held.

    Args:
        context: The load.
    """
    asset, partitions = context.asset, context.request.partitions
    with short_read(context.database, log=context.log) as connection:
        if connection is not None:
            upgrade_ledger(connection)
        known = read_schema(connection, asset.dataset)
        recorded = recorded_tables(context, known)
        void_up_to = read_partitioning(connection, asset=asset.id).void_up_to
        states = {
            one.key: read_state(
                connection,
                asset=asset.id,
                partition=one.key,
                runs=context.request.run.runs,
                tables=root_tables(context, (table.root for table in recorded)),
                void_up_to=void_up_to,
            )
            for one in partitions
        }
        tables = inspect(context, connection, recorded)
        is_new = all(state.latest is None for state in states.values())
        return Inputs(
            states=states,
            unseen_parents=unseen_parents(connection, asset) if is_new else (),
            known=known,
            parents=read_parents(connection, asset, partitions=partitions, everything=False),
            tables=tables,
            other_owner=other_owner(context, connection, tables),
            other_partitions=other_partitions(context, connection, recorded),
        )


def read_all_parents(context: LoadContext) -> ParentInput:
    """All rows of the parents, for a run that rebuilds.

    Args:
        context: The load.
    """
    with short_read(context.database, log=context.log) as connection:
        return read_parents(connection, context.asset, partitions=context.request.partitions, everything=True)


def read_schema_again(context: LoadContext, before: "RecordedSchema") -> "RecordedSchema":
    """What a window has left recorded; for schema contracts the windows of a run are one load.

    Args:
        context: The load.
        before: What was recorded before the window.
    """
    with short_read(context.database, log=context.log) as connection:
        known = read_schema(connection, context.asset.dataset)
    is_old = {name for name, table in before.tables.items() if not table.is_new}
    tables = {name: dataclasses.replace(table, is_new=name not in is_old) for name, table in known.tables.items()}
    return dataclasses.replace(known, tables=tables)
