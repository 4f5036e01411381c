"""Who loaded what a run would go on from: another asset, source or code location must not share its state."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.errors import StateError
from dagster_rest.assets.run.recorded_tables import root_tables
from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.database.file import short_read, short_write
from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, has_table
from dagster_rest.warehouse.state.ledger_tables import ensure_ledger
from dagster_rest.warehouse.state.owners import Loader, adopt_table, newest_loader, other_owner_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.warehouse.state.inspection import TableInspection


def other_owner(
    context: LoadContext, connection: "DuckDBPyConnection | None", tables: Sequence["TableInspection"]
) -> str | None:
    """Who else has loaded what the run would go on from, in words; None if nobody, or if it is not known.

    Args:
        context: The load.
        connection: An open connection, or None where the database does not exist yet.
        tables: The recorded tables of the asset as they are.
    """
    if connection is None or context.request.adopt or not has_table(connection, "loads", schema=METADATA_SCHEMA):
        return None
    asset = context.asset.id
    if _has_one_table(context):
        dataset, table = context.asset.dataset, context.spec.table
        other = other_owner_of(connection, dataset=dataset, table=table, asset=asset)
        if other is not None:
            return f"the asset {other}"
    roots = [table for table in tables if table.is_root]
    if roots and all(table.found == "missing" for table in roots):
        return None
    written = root_tables(context, (table.table for table in roots))
    loader = newest_loader(connection, asset=asset, tables=written)
    if loader is None:
        return None
    own = newest_loader(connection, asset=asset, tables=written, code_location=context.request.run.code_location)
    return _other_loader(context, loader, own=own)


def _has_one_table(context: LoadContext) -> bool:
    return context.asset.is_selected and context.spec.has_fixed_table


def _other_loader(context: LoadContext, loader: Loader, *, own: Loader | None) -> str | None:
    source, location = context.asset.source.name, context.request.run.code_location
    if loader.source is not None and loader.source != source:
        return f"the source {loader.source!r}, and this is {source!r}"
    moved = None not in (loader.code_location, location) and loader.code_location != location
    # One config in two code locations loads the same, and another config in one location is a change of it: also if
    # another location has loaded by the one before the change.
    same = {context.plan.fingerprint, *([own.fingerprint] if own else ())}
    if moved and loader.fingerprint not in same:
        return f"another config, of the code location {loader.code_location!r}, and this is {location!r}"
    return None


def check_owner(context: LoadContext, other: str | None) -> None:
    """Refuse to go on from the state of another owner.

    Args:
        context: The load.
        other: What ``other_owner`` gave.

    Raises:
        StateError: ``state_other_asset``.
    """
    if other is None:
        return
    raise StateError(
        f"the state or the table of {context.asset.id} belongs to {other}: this run would continue from its"
        " cursor and add to its rows",
        code="state_other_asset",
        where=context.plan.config_path,
        hint="Give one of them another dataset or table_name. If it is the same data under another name, run it once"
        " with adopt: true in its run config.",
    )


def adopt(context: LoadContext) -> None:
    """Make the table of another asset key that of this one, if the run is told to.

    Args:
        context: The load.

    Raises:
        StateError: ``adopt_refused``.
    """
    if not context.request.adopt:
        return
    with short_read(context.database, log=context.log) as found:
        if found is None or not has_table(found, "loads", schema=METADATA_SCHEMA):
            return
        if not _has_one_table(context):
            _check_has_loaded(context, found)
            return
    with short_write(context.database, log=context.log) as connection:
        ensure_ledger(connection)
        dataset, table = context.asset.dataset, context.spec.table
        former = adopt_table(connection, dataset=dataset, table=table, asset=context.asset.id)
    if former is not None:
        context.log(f"{dataset}.{table} and its state were those of {former}, and are those of {context.asset.id} now")


def _check_has_loaded(context: LoadContext, connection: "DuckDBPyConnection") -> None:
    """Refuse to adopt by a table what has none: only loads of the same key, of another source, can be found."""
    own = f"select 1 from {METADATA_SCHEMA}.loads where asset = ? limit 1"
    if run(connection, own, [context.asset.id]):
        return
    raise StateError(
        f"adopt: {context.asset.id} has loaded nothing, and without a table of a fixed name nobody's loads can be found"
        " for it",
        code="adopt_refused",
        where=context.plan.config_path,
        hint="Run it without adopt: it starts from the beginning under its new key. Or keep the former key.",
    )
