"""Tables brought into the form a load needs, against what the database records now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dagster_rest.warehouse import types
from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.errors import StaleSchemaError, WarehouseError
from dagster_rest.warehouse.schema import (
    LOAD_ID,
    PARENT_ROW_ID,
    ROOT_ROW_ID,
    SYSTEM_COLUMNS,
    Column,
    ResourceSpec,
    TableSchema,
)
from dagster_rest.warehouse.shred.collisions import check_same_key, variant_taken
from dagster_rest.warehouse.state import catalog
from dagster_rest.warehouse.state.catalog import literal, qualified, quoted

if TYPE_CHECKING:
    import duckdb

    from dagster_rest.warehouse.stage.staged_load import StagedLoad

LINKS = '"_dagster_rest_links"'
"""The temporary table of staged rows that another row replaces, with the ``_row_id`` of that one."""
ROWS_PER_STATEMENT = 50_000
"""What one INSERT takes over at most; a part larger than that is taken over whole."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A table of the database as the load will leave it.

    Args:
        database: The name DuckDB gives the database.
        dataset: The DuckDB schema.
        schema: The columns, data columns first in order.
    """

    database: str
    dataset: str
    schema: TableSchema

    @property
    def name(self) -> str:
        """The table's name."""
        return self.schema.name

    @property
    def sql(self) -> str:
        """The table's qualified name as SQL."""
        return qualified(self.database, self.dataset, self.schema.name)

    @property
    def columns(self) -> list[Column]:
        """All columns, those of this package last."""
        return self.schema.all_columns

    @property
    def column_list(self) -> str:
        """The column names as SQL."""
        return ", ".join(quoted(column.name) for column in self.columns)

    def create(self, conn: duckdb.DuckDBPyConnection, *, replacing: bool = False) -> None:
        """Create the table, in place of the one that is there if ``replacing``."""
        verb = "CREATE OR REPLACE TABLE" if replacing else "CREATE TABLE"
        run(conn, f"{verb} {self.sql} ({', '.join(map(catalog.column_ddl, self.columns))})")

    def evolve(
        self, conn: duckdb.DuckDBPyConnection, existing: Mapping[str, str], *, recorded: TableSchema | None
    ) -> None:
        """Add missing columns to the table, widen those whose type grew, and allow nulls that the config now allows."""
        for column in self.columns:
            assert column.data_type is not None
            wanted = types.duckdb_type(column.data_type)
            present = existing.get(column.name)
            if present is None:
                run(conn, f"ALTER TABLE {self.sql} ADD COLUMN {quoted(column.name)} {wanted}")
            elif present != wanted and _is_widening(present, column.data_type):
                run(conn, f"ALTER TABLE {self.sql} ALTER COLUMN {quoted(column.name)} SET DATA TYPE {wanted}")
            known = recorded.columns.get(column.name) if recorded is not None else None
            if present is not None and column.nullable and known is not None and not known.nullable:
                run(conn, f"ALTER TABLE {self.sql} ALTER COLUMN {quoted(column.name)} DROP NOT NULL")

    def loosen_links(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Let the links of a table be null, if an earlier version of this package made them required."""
        required = run(
            conn,
            "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() AND NOT is_nullable "
            "AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?) AND column_name IN (?, ?)",
            [self.dataset, self.name, PARENT_ROW_ID, ROOT_ROW_ID],
        )
        for (column,) in required:
            run(conn, f"ALTER TABLE {self.sql} ALTER COLUMN {quoted(column)} DROP NOT NULL")

    def with_columns_of(self, staged: StagedLoad) -> Target:
        """Return the table with the columns that the load has or a hint asks for, and no others."""
        present = {name for part in staged.parts.get(self.name, ()) for name in part.columns}
        columns = {name: column for name, column in self.schema.columns.items() if column.hinted or name in present}
        return replace(self, schema=replace(self.schema, columns=columns))

    def staged_selects(self, staged: StagedLoad, load_id: str, *, texts: Sequence[str] = ()) -> list[str]:
        """Return SELECTs that give the staged rows in their order, with the table's columns and types.

        Each reads a bounded number of rows, so that a statement that takes them over needs bounded memory.

        Args:
            staged: The load.
            load_id: Its id.
            texts: Columns of text to give as well, which the staged rows may have and the table has not.
        """
        columns = [*self.columns, *(Column(name=name, data_type="text") for name in texts)]
        return [self._select(files, present, columns, load_id) for files, present in _groups(staged, self.schema.name)]

    def _select(self, files: Sequence[str], present: Mapping[str, str], wanted: Sequence[Column], load_id: str) -> str:
        listed = ", ".join(literal(file) for file in files)
        columns = ", ".join(self._expression(column, present, load_id) for column in wanted)
        return (
            f"SELECT {columns} FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false) AS staged"
        )

    def _expression(self, column: Column, present: Mapping[str, str], load_id: str) -> str:
        assert column.data_type is not None
        name = quoted(column.name)
        wanted = types.duckdb_type(column.data_type)
        if column.name == LOAD_ID:
            return f"{literal(load_id)} AS {name}"
        own = f"CAST({name} AS {wanted})" if column.name in present or column.name in SYSTEM_COLUMNS else None
        if self.schema.kind == "standalone" and column.name in (PARENT_ROW_ID, ROOT_ROW_ID):
            kept = f"(SELECT kept_id FROM {LINKS} WHERE staged_id = staged.{name})"
            return (
                f"CASE WHEN staged.{name} IN (SELECT staged_id FROM {LINKS}) THEN {kept} "
                f"ELSE staged.{name} END AS {name}"
            )
        return f"{own or f'CAST(NULL AS {wanted})'} AS {name}"


def target_of(staged: TableSchema, recorded: TableSchema | None, *, database: str, spec: ResourceSpec) -> Target:
    """Bring a staged table and what is recorded by now together.

    Another process may have added columns or types between staging and now. Columns are united; of two types the
    wider wins if it stores every value just as the other does.

    Raises:
        NameCollisionError: A column of one is a variant, and of the other a key, or they are of different keys.
        StaleSchemaError: A column has another type now, under which the records would be stored otherwise: which
            column a value goes to, and how a text is spelled, can't be derived from the staged files.
    """
    if recorded is None:
        return Target(database=database, dataset=spec.dataset, schema=staged)
    merged = replace(staged, columns={**recorded.columns})
    for column in staged.columns.values():
        known = merged.columns.get(column.name)
        recorded_type = None if known is None else known.data_type
        if known is None or recorded_type is None:
            merged.columns[column.name] = column
            continue
        check_same_key(column.name, known.source, column.source, where=spec.where)
        known = merged.columns[column.name] = known.hinted_like(column)
        if column.data_type is None:
            continue
        if column.variant != known.variant:
            raise variant_taken(column.name, known.source or column.source or column.name, where=spec.where)
        if types.is_number_wider(recorded_type, column.data_type):
            merged.columns[column.name] = replace(known, data_type=column.data_type)
    stale = stale_columns(staged, recorded)
    if stale:
        raise _stale(staged.name, stale, staged.columns[stale[0]], recorded.columns[stale[0]], where=spec.where)
    return Target(database=database, dataset=spec.dataset, schema=merged)


def stale_columns(staged: TableSchema, recorded: TableSchema) -> list[str]:
    """Return the columns whose recorded type is not one that the staged values were made for."""
    return [
        column.name
        for column in staged.typed_columns
        if column.name in recorded.columns and not _stores_alike(column, recorded.columns[column.name])
    ]


def _stores_alike(staged: Column, recorded: Column) -> bool:
    """Say if staging under the recorded type would have led to the same values in the same columns."""
    mine, theirs = staged.data_type, recorded.data_type
    if theirs is None or mine is None or mine == theirs:
        return True
    if staged.hinted:
        # What this load was staged for is what the config says: the table follows if nothing is lost by that.
        return types.is_number_wider(theirs, mine)
    one_kind = {mine, theirs} == {"bigint", "hugeint"} or all(one.startswith("decimal(") for one in (mine, theirs))
    return one_kind and (types.is_number_wider(theirs, mine) or types.is_number_wider(mine, theirs))


def _stale(table: str, names: Sequence[str], staged: Column, recorded: Column, *, where: str | None) -> WarehouseError:
    others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return StaleSchemaError(
        f"the column {table}.{names[0]}{others} is {recorded.data_type} since another load, and was staged as "
        f"{staged.data_type}",
        code="warehouse_schema_changed",
        where=where,
        hint="Stage the load again, with the recorded types; an asset does this automatically.",
    )


def refuse_foreign(dataset: str, table: str) -> WarehouseError:
    """Return the error for a table that this package did not create."""
    return WarehouseError(
        f"the table {dataset}.{table} exists and was not created by dagster_rest",
        code="warehouse_foreign_table",
        hint="Drop or rename it, or set `table_name`.",
    )


def _is_widening(present: str, wanted: str) -> bool:
    old = present.lower()
    return types.is_number_wider(old, wanted) and old != wanted


def _groups(staged: StagedLoad, table: str) -> list[tuple[list[str], dict[str, str]]]:
    """Return the part files in runs of bounded size whose shared columns have one type each, with those columns."""
    groups: list[tuple[list[str], dict[str, str]]] = []
    rows = 0
    for part in staged.parts.get(table, ()):
        file = str(staged.folder / part.file)
        fits = groups and all(groups[-1][1].get(name, kind) == kind for name, kind in part.columns.items())
        if fits and rows + part.rows <= ROWS_PER_STATEMENT:
            groups[-1][0].append(file)
            groups[-1][1].update(part.columns)
            rows += part.rows
        else:
            groups.append(([file], dict(part.columns)))
            rows = part.rows
    return groups
