"""The tables that earlier loads made: whether they are as they were recorded, and of the same partitions."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.errors import StateError
from dagster_rest.assets.model.partitioning import describe, in_words, is_other_partitioning
from dagster_rest.warehouse.state.partitionings import loaded_partitions, read_partitioning

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.warehouse.schema import RecordedSchema, TableSchema
    from dagster_rest.warehouse.state.inspection import TableInspection


def root_tables(context: LoadContext, recorded: Iterable[str]) -> list[tuple[str, str]]:
    """The root tables it writes, as (dataset, name): those that are recorded, and the one of its spec.

    Args:
        context: The load.
        recorded: Names of recorded root tables.
    """
    names = {*recorded, *([context.spec.table] if context.spec.has_fixed_table else [])}
    return [(context.asset.dataset, name) for name in sorted(names)]


def recorded_tables(context: LoadContext, known: "RecordedSchema") -> tuple["TableSchema", ...]:
    """The tables that earlier loads of the resource made and that this load goes on with: none if it writes none.

    Args:
        context: The load.
        known: The recorded schema.
    """
    return own_tables(context, known) if context.asset.is_selected else ()


def own_tables(context: LoadContext, known: "RecordedSchema") -> tuple["TableSchema", ...]:
    """The tables that earlier loads of the resource made and that hold its data, whether it is selected now or not.

    What a contract refused is nobody's data: a quarantine may be dropped at any time.

    Args:
        context: The load.
        known: The recorded schema.
    """
    from dagster_rest.warehouse.state.inspection import recorded_tables

    return tuple(table for table in recorded_tables(known, spec=context.spec) if table.kind != "quarantine")


def inspect(
    context: LoadContext, connection: "DuckDBPyConnection | None", recorded: Sequence["TableSchema"]
) -> tuple["TableInspection", ...]:
    """The recorded tables as they are.

    Args:
        context: The load.
        connection: An open connection, or None where the database does not exist yet.
        recorded: The tables to inspect.
    """
    from dagster_rest.warehouse.state.inspection import inspect_tables

    return tuple(inspect_tables(connection, dataset=context.asset.dataset, recorded=recorded))


def lost_tables(context: LoadContext, tables: Sequence["TableInspection"]) -> tuple[str, ...]:
    """The recorded tables that are gone, or that lost columns, in words.

    Args:
        context: The load.
        tables: The recorded tables as they are.

    Raises:
        StateError: ``state_not_a_table`` for a view, ``state_missing_table`` where the config forbids to rebuild.
    """
    if context.request.limit is not None:
        return ()
    for table in tables:
        if table.found == "view":
            raise _table_error(
                context,
                f"{context.asset.dataset}.{table.table} was loaded as a table, and is a view now",
                code="state_not_a_table",
                hint="Drop or rename the view: then the table is loaded again from the start.",
            )
    lost = tuple(_loss(table, dataset=context.asset.dataset) for table in tables if not table.is_whole)
    if lost and context.plan.config.on_missing_table == "fail" and not context.request.full_refresh:
        raise _table_error(
            context,
            f"{', '.join(lost)}: not as it was recorded",
            code="state_missing_table",
            hint="Restore it, or load the data again from the start: a full refresh, or on_missing_table: rebuild.",
        )
    narrowed = [table.table for table in tables if set(table.lost_columns) - set(table.missing_columns)]
    if narrowed and context.partitioned:
        raise _table_error(
            context,
            f"{', '.join(lost)}: a run of one partition cannot rebuild what other partitions lost",
            code="state_missing_table",
            hint=f"Drop {context.asset.dataset}.{narrowed[0]} and run a backfill of all partitions.",
        )
    return lost


def other_partitions(
    context: LoadContext, connection: "DuckDBPyConnection | None", recorded: Sequence["TableSchema"]
) -> str | None:
    """What the rows that are loaded were partitioned by, in words, if it is not what the asset is by; else None.

    Args:
        context: The load.
        connection: An open connection, or None where the database does not exist yet.
        recorded: The recorded tables of the asset.
    """
    before = read_partitioning(connection, asset=context.asset.id).description
    if before == describe(context.asset.partitions_def):
        return None
    tables = root_tables(context, (table.root for table in recorded))
    loaded = loaded_partitions(connection, asset=context.asset.id, tables=tables)
    if not is_other_partitioning(before, context.asset.partitions_def, loaded=loaded):
        return None
    return in_words(before, loaded=loaded)


def may_repartition(context: LoadContext, before: str | None, tables: Sequence["TableInspection"]) -> bool:
    """Whether the run has to start over, because what is loaded is of other partitions.

    Args:
        context: The load.
        before: What ``other_partitions`` gave.
        tables: The recorded tables as they are.

    Raises:
        StateError: ``state_other_partitions`` where nobody asked for a full refresh.
    """
    if before is None:
        return False
    roots = [table for table in tables if table.is_root]
    is_gone = bool(roots) and all(table.found == "missing" for table in roots)
    if context.request.full_refresh or is_gone or (context.is_replace and not context.partitioned):
        return True
    raise _table_error(
        context,
        f"what is loaded of {context.asset.id} was loaded by {before}, and the asset has"
        f" {in_words(describe(context.asset.partitions_def))} now: the keys no longer identify those rows",
        code="state_other_partitions",
        hint="Run it with full_refresh: true (or the tag dagster_rest/full_refresh), which empties the table, and"
        " then a backfill of the other partitions if there are any; or restore the previous partitions.",
    )


def _table_error(context: LoadContext, message: str, *, code: str, hint: str) -> StateError:
    return StateError(message, code=code, where=context.plan.config_path, hint=hint)


def _loss(table: "TableInspection", *, dataset: str) -> str:
    if table.found == "missing":
        return f"{dataset}.{table.table} is missing"
    return f"{dataset}.{table.table} lost {', '.join(table.lost_columns)}"
