"""The tables of an asset as they are, against what is recorded of them: what hands changed since the last load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dagster_rest.warehouse import naming, types
from dagster_rest.warehouse.connection import run
from dagster_rest.warehouse.schema import KnownSchema, TableSchema, TableSpec

if TYPE_CHECKING:
    import duckdb

_KINDS = """
select lower(table_name), 'table' from duckdb_tables()
where database_name = current_database() and lower(schema_name) = lower(?)
union all
select lower(view_name), 'view' from duckdb_views()
where database_name = current_database() and lower(schema_name) = lower(?)
"""
_COLUMNS = """
select lower(table_name), column_name, data_type from duckdb_columns()
where database_name = current_database() and lower(schema_name) = lower(?)
and lower(table_name) in (select lower(unnest(?::varchar[]))) order by column_index
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


def recorded_tables(known: KnownSchema, *, spec: TableSpec) -> tuple[TableSchema, ...]:
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
    """Look at recorded tables in the database. It reads the catalog alone, with or without a transaction.

    Args:
        connection: An open connection, or None where the database does not exist: everything is missing.
        dataset: The DuckDB schema.
        recorded: What ``recorded_tables`` gave.

    Returns:
        One finding a table, in their order.
    """
    tables = list(recorded)
    kinds: Mapping[str, str] = {}
    columns: dict[str, dict[str, str]] = {}
    if connection is not None and tables:
        kinds = dict(run(connection, _KINDS, [dataset, dataset]))
        for table, name, data_type in run(connection, _COLUMNS, [dataset, [table.name for table in tables]]):
            columns.setdefault(table, {})[name] = data_type
    return tuple(
        _inspection(table, kind=kinds.get(table.name.lower(), "missing"), present=columns.get(table.name.lower(), {}))
        for table in tables
    )


def _inspection(table: TableSchema, *, kind: str, present: Mapping[str, str]) -> TableInspection:
    is_root = table.root == table.name
    if kind == "missing":
        return TableInspection(table=table.name, is_root=is_root, found="missing")
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
        is_root=is_root,
        found="view" if kind == "view" else "table",
        missing_columns=tuple(name for name in wanted if name not in there),
        changed_columns=tuple(changed),
        extra_columns=tuple(name for name in present if name.lower() not in wanted),
    )
