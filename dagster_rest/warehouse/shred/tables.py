"""The tables of a load: known ones with the hints of the config applied, and new ones where the contract allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dagster_rest.warehouse import naming, types
from dagster_rest.warehouse.contracts import QUARANTINE_COLUMNS, ContractEnforcer
from dagster_rest.warehouse.errors import HintError, NameCollisionError
from dagster_rest.warehouse.schema import Column, ResourceSpec, StagedSchema, TableKind, TableSchema
from dagster_rest.warehouse.shred.collisions import check_same_key, reserved_name
from dagster_rest.warehouse.shred.hints import TableHints
from dagster_rest.warehouse.shred.versions import reserved_columns


@dataclass(frozen=True, kw_only=True)
class TableLevel:
    """The table that rows go to, and how many levels below it may still be flattened."""

    name: str
    root: str
    nesting: int
    parent: str | None = None
    kind: TableKind = "root"
    source: str | None = None

    def below(self, path: str, *, standalone: bool, source: str | None = None) -> TableLevel:
        """Return the table nested in this one under a path.

        Args:
            path: The normalised path of the lists.
            standalone: Whether it has a key of its own.
            source: The path as the API wrote it.
        """
        name = naming.join(self.name, path)
        return TableLevel(
            name=name,
            root=name if standalone else self.root,
            parent=None if standalone else self.name,
            kind="standalone" if standalone else "nested",
            nesting=self.nesting - 1,
            source=source,
        )


class TableMaker:
    """Brings the tables of a load into the form that its rows need.

    Args:
        spec: What the resource asks for.
        schema: Known tables; changed in place.
        hints: What the config says of tables.
        contract: Enforces the schema contract.
    """

    def __init__(
        self, spec: ResourceSpec, *, schema: StagedSchema, hints: TableHints, contract: ContractEnforcer
    ) -> None:
        self._spec = spec
        self._schema = schema
        self._hints = hints
        self._contract = contract
        self._reserved = reserved_columns(spec.write_disposition)
        self._prepared: set[str] = set()

    def declare(self, *, nesting: int) -> None:
        """Add the tables whose columns the config names and that no record has made: they are created empty.

        A nested table is added if its parent table is known: the root table, or one that has hints too. No table is
        added where a contract restricts columns: there the first rows decide which columns exist.
        """
        if not self._spec.has_fixed_table or not any(one.data_type for one in self._hints.named(())):
            return
        self._declare(TableLevel(name=self._spec.table, root=self._spec.table, nesting=nesting))
        for path in sorted(self._hints.paths, key=len):
            above = self._schema.tables.get(naming.join(self._spec.table, *path[:-1]))
            if above is None or not any(one.data_type for one in self._hints.named(path)):
                continue
            standalone = self._hints.is_standalone(naming.join(above.name, path[-1]))
            level = TableLevel(name=above.name, root=above.root, nesting=nesting)
            self._declare(level.below(path[-1], standalone=standalone))

    def _declare(self, level: TableLevel) -> None:
        is_open = self._hints.contract(level.name, "columns") == "evolve"
        if is_open and level.name not in self._schema.tables:
            self._new_table(level)
            self.table(level, [])

    def table(self, level: TableLevel, rows: Sequence[Any]) -> TableSchema | None:
        """Return the table that rows go to, made or with the hints applied; None if the contract drops the rows.

        Raises:
            NameCollisionError: The name is that of another kind of table, or of another key.
            SchemaContractError: The table is new and the contract is ``freeze``.
            HintError: A hint gives a column another type than the database has.
        """
        table = self._schema.tables.get(level.name)
        if table is None:
            if not self._may_add_table(level, rows):
                return None
            table = self._new_table(level)
        elif (table.root, table.kind) != (level.root, level.kind):
            raise NameCollisionError(
                f"the {level.kind} table {level.name!r} is a {table.kind} table of resource {table.resource!r} already",
                code="warehouse_name_collision",
                where=self._spec.where,
                hint="Give one of them another `table_name`, or run a full refresh if the hints of the table changed.",
            )
        check_same_key(level.name, table.source, level.source, where=self._spec.where)
        if level.name not in self._prepared:
            self._prepared.add(level.name)
            self._apply_hints(table)
        return table

    def _new_table(self, level: TableLevel) -> TableSchema:
        table = TableSchema(
            name=level.name,
            root=level.root,
            parent=level.parent,
            kind=level.kind,
            resource=self._spec.resource,
            source=level.source,
        )
        self._schema.tables[level.name] = table
        return table

    def _may_add_table(self, level: TableLevel, rows: Sequence[Any]) -> bool:
        others = self._schema.tables.values()
        known = any(
            not other.is_new and other.kind == "root" and other.resource == self._spec.resource for other in others
        )
        if not known or level.kind == "quarantine":
            return True
        mode = self._hints.contract(level.name, "tables")
        if mode == "freeze":
            raise self._contract.violation(f"a new table {level.name!r}")
        if mode != "evolve":
            self._contract.drop_rows(rows, reason="new table", table=level.name)
            return False
        self._schema.changes.append(f"added table {level.name}")
        return True

    def _apply_hints(self, table: TableSchema) -> None:
        """Bring what the config says now into a table; the types of columns with data stay or are widened."""
        if table.kind == "quarantine":
            table.columns |= {column.name: column for column in QUARANTINE_COLUMNS}
            return
        hints = self._hints.columns(table)
        for name, column in list(table.columns.items()):
            if name not in hints and column.data_type is None:
                del table.columns[name]
            elif name not in hints:
                table.columns[name] = column.hinted_like(Column(name=name, data_type=None))
        for name, hint in hints.items():
            known = table.columns.get(name)
            if known is None:
                table.columns[name] = hint
                if not table.is_new and hint.data_type is not None:
                    self._schema.changes.append(f"added column {table.name}.{name} ({hint.data_type})")
                continue
            if name in self._reserved and table.kind == "root" and known.source is not None:
                raise reserved_name(name, known.source, where=self._spec.where)
            data_type = self._hinted_type(table, known, hint)
            table.columns[name] = replace(
                hint,
                data_type=data_type,
                hinted=hint.hinted or known.hinted,
                source=known.source,
                variant=known.variant,
            )

    def _hinted_type(self, table: TableSchema, known: Column, hint: Column) -> str | None:
        if hint.data_type is None or known.data_type is None:
            return known.data_type or hint.data_type
        if types.is_number_wider(hint.data_type, known.data_type):
            return known.data_type
        if types.is_number_wider(known.data_type, hint.data_type):
            return self._schema.set_type(table, known, hint.data_type).data_type
        raise HintError(
            f"the column {table.name}.{known.name} is {known.data_type} in the database, its hint says "
            f"{hint.data_type}",
            code="warehouse_hint_conflict",
            where=self._spec.where,
            hint="Run a full refresh, which rebuilds the table, or correct the hint.",
        )
