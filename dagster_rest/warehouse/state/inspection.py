"""The tables of an asset as they are, against what is recorded of them: what hands changed since the last load."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dagster_rest.warehouse import naming, types
from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.schema import RecordedSchema, ResourceSpec, TableSchema
from dagster_rest.warehouse.state.catalog import database_name, qualified

if TYPE_CHECKING:
    import duckdb

_TABLES = """
select lower(table_name), table_name from duckdb_tables()
where database_name = current_database() and lower(schema_name) = lower(?)
"""
_VIEWS = """
select lower(view_name) from duckdb_views()
where database_name = current_database() and lower(schema_name) = lower(?)
"""


@dataclass(frozen=True, kw_only=True)
class ChangedColumn:
    """A recorded column whose type in the database is another one.

    Args:
        name: The column.
        recorded: Its DuckDB type as recorded.
        found: Its DuckDB type in the database.
        keeps_all: Whether the type that was found holds every value of the recorded one: nothing is lost.
    """

    name: str
    recorded: str
    found: str
    keeps_all: bool


@dataclass(frozen=True, kw_only=True)
class TableInspection:
    """One recorded table as it is.

    Args:
        table: The table's name.
        is_root: False for one that is nested in another.
        found: ``table``, ``view``, or ``missing``.
        missing_columns: Recorded columns that are not there, those of this package included.
        changed_columns: Recorded columns of another type.
        extra_columns: Columns that are there and not recorded.
    """

    table: str
    is_root: bool
    found: Literal["table", "view", "missing"]
    missing_columns: tuple[str, ...] = ()
    changed_columns: tuple[ChangedColumn, ...] = ()
    extra_columns: tuple[str, ...] = ()

    @property
    def lost_columns(self) -> tuple[str, ...]:
        """Recorded columns that are gone, or whose type does not hold all that was loaded."""
        return (*self.missing_columns, *(column.name for column in self.changed_columns if not column.keeps_all))

    @property
    def is_whole(self) -> bool:
        """Whether everything that was recorded is there; columns on top of it and wider types do no harm."""
        return self.found == "table" and not self.lost_columns


def recorded_tables(known: RecordedSchema, *, spec: ResourceSpec) -> tuple[TableSchema, ...]:
    """The tables that earlier loads of a resource made, root tables first.

    Args:
        known: What is recorded for the dataset.
        spec: What the warehouse knows of the resource.

    Returns:
        Root, nested, standalone and quarantine tables; for a ``table_name`` that is a function, all that the resource
        has made so far.
    """
    prefix = spec.table + naming.SEPARATOR

    def is_own(table: TableSchema) -> bool:
        if not spec.has_fixed_table:
            return table.resource == spec.resource
        apart = table.kind in ("standalone", "quarantine") and table.name.startswith(prefix)
        return table.root == spec.table or (apart and table.resource == spec.resource)

    own = [table for table in known.tables.values() if is_own(table)]
    return tuple(sorted(own, key=lambda table: (table.parent is not None or table.kind != "root", table.name)))


def inspect_tables(
    connection: duckdb.DuckDBPyConnection | None, *, dataset: str, recorded: Iterable[TableSchema]
) -> tuple[TableInspection, ...]:
    """Compare recorded tables with those in the database. It reads the catalog alone, with or without a transaction.

    Args:
        connection: An open connection, or None where the database does not exist: everything is missing.
        dataset: The DuckDB schema.
        recorded: What ``recorded_tables`` gave.

    Returns:
        One finding a table, in their order.
    """
    tables = list(recorded)
    if connection is None or not tables:
        return tuple(_missing(table, views=()) for table in tables)
    present = dict(run(connection, _TABLES, [dataset]))
    is_whole = all(table.name.lower() in present for table in tables)
    views = () if is_whole else [name for (name,) in run(connection, _VIEWS, [dataset])]
    database = database_name(connection)

    def inspect(table: TableSchema) -> TableInspection:
        name = present.get(table.name.lower())
        if name is None:
            return _missing(table, views=views)
        # Much quicker than to ask for the columns of many tables at once: DuckDB would list all that it has.
        described = run(connection, f"describe {qualified(database, dataset, name)}")
        return _inspection(table, present={column: data_type for column, data_type, *_ in described})

    return tuple(map(inspect, tables))


def _missing(table: TableSchema, *, views: Collection[str]) -> TableInspection:
    found: Literal["view", "missing"] = "view" if table.name.lower() in views else "missing"
    return TableInspection(table=table.name, is_root=table.root == table.name, found=found)


def _inspection(table: TableSchema, *, present: Mapping[str, str]) -> TableInspection:
    there = {name.lower(): data_type for name, data_type in present.items()}
    wanted = {
        column.name.lower(): types.duckdb_type(column.data_type)
        for column in table.all_columns
        if column.data_type is not None
    }
    changed = [
        ChangedColumn(
            name=name, recorded=data_type, found=there[name], keeps_all=types.is_stored_wider(data_type, there[name])
        )
        for name, data_type in wanted.items()
        if name in there and there[name] != data_type
    ]
    return TableInspection(
        table=table.name,
        is_root=table.root == table.name,
        found="table",
        missing_columns=tuple(name for name in wanted if name not in there),
        changed_columns=tuple(changed),
        extra_columns=tuple(name for name in present if name.lower() not in wanted),
    )
