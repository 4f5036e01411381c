"""Staged loads into tables: append, replace and merge, root and nested tables together, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import catalog, naming
from dagster_rest.warehouse.catalog import quoted
from dagster_rest.warehouse.evolution import Target, refuse_foreign, target_of
from dagster_rest.warehouse.schema import (
    ROOT_ROW_ID,
    ROW_ID,
    Column,
    KnownSchema,
    TableSchema,
)
from dagster_rest.warehouse.staging import StagedLoad, ignore_event

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class ReplaceWhere:
    """Which rows a load replaces, for example those of a partition.

    Args:
        sql: A condition on columns of the root table, with ``?`` for parameters.
        params: The parameters.
    """

    sql: str
    params: Sequence[Any] = ()


@dataclass(frozen=True, kw_only=True)
class LoadOutcome:
    """What a load did.

    Args:
        table: The root table.
        rows_loaded: Root rows written.
        rows_by_table: Rows written by table.
        rows_deleted: Root rows that were there before and are gone or were written anew.
        duplicates: Root rows of the load that lost against another row with the same key.
        discarded_rows: Rows the schema contract dropped.
        discarded_values: Values the schema contract dropped.
        schema_changes: New tables, columns and types, in words.
        total_rows: Rows of each table afterwards.
        columns: The columns of each table afterwards.
    """

    table: str
    rows_loaded: int
    rows_by_table: Mapping[str, int]
    rows_deleted: int
    duplicates: int
    discarded_rows: int
    discarded_values: int
    schema_changes: list[str]
    total_rows: Mapping[str, int]
    columns: Mapping[str, list[Column]] = field(default_factory=dict)


def commit_load(
    conn: duckdb.DuckDBPyConnection,
    staged: StagedLoad,
    *,
    load_id: str,
    loaded_at: datetime,
    full_refresh: bool = False,
    replace_where: ReplaceWhere | None = None,
    on_event: Callable[[str], None] = ignore_event,
) -> LoadOutcome:
    """Write a staged load into its tables.

    It runs inside the transaction that the caller opened, creates and evolves the tables first, and records their
    columns last; nothing of it is visible before the caller commits.

    Args:
        conn: A connection with an open transaction.
        staged: What ``Stager.finish`` returned.
        load_id: Written to ``_load_id``.
        loaded_at: The time of the load, with a zone.
        full_refresh: Rebuild the tables from this load alone, whatever the disposition, with its columns only.
        replace_where: Root rows (and what is nested in them) to delete before the load's rows are written.
        on_event: Called with ``in_transaction`` and ``replace_swap``.

    Returns:
        What was done, with the tables as they are now.

    Raises:
        WarehouseError: A table is not ours, a key is missing, or a value breaks a rule.
    """
    commit = _Commit(conn, staged, load_id=load_id, loaded_at=loaded_at, on_event=on_event)
    on_event("in_transaction")
    return commit.run(full_refresh=full_refresh, replace_where=replace_where)


class _Commit:
    """One call of ``commit_load``."""

    def __init__(
        self,
        conn: duckdb.DuckDBPyConnection,
        staged: StagedLoad,
        *,
        load_id: str,
        loaded_at: datetime,
        on_event: Callable[[str], None],
    ) -> None:
        self._conn = conn
        self._staged = staged
        self._spec = staged.spec
        self._load_id = load_id
        self._loaded_at = loaded_at
        self._on_event = on_event
        self._recorded: Mapping[str, TableSchema] = {}
        self._loaded: dict[str, int] = {}
        self._deleted = 0
        self._duplicates = 0

    def run(self, *, full_refresh: bool, replace_where: ReplaceWhere | None) -> LoadOutcome:
        catalog.ensure(self._conn, self._spec.dataset)
        self._recorded = KnownSchema.load(self._conn, self._spec.dataset).tables
        targets: dict[str, Target] = {}
        for root in self._roots():
            family = self._family(root, full_refresh=full_refresh)
            self._load_family(root, family, full_refresh=full_refresh, replace_where=replace_where)
            targets |= family
        for target in targets.values():
            catalog.record_table(
                self._conn,
                self._spec.dataset,
                target.schema,
                load_id=self._load_id,
                loaded_at=self._loaded_at,
            )
        return self._outcome(targets)

    def _roots(self) -> list[str]:
        found = [name for name in self._staged.parts if self._staged.schema.tables[name].parent is None]
        own = self._spec.table
        if isinstance(self._spec.table_name, str) and own not in found and own in self._recorded:
            found.append(own)
        return found

    def _family(self, root: str, *, full_refresh: bool) -> dict[str, Target]:
        """Return the tables of a root table that exist or get rows, root first."""
        known = {} if full_refresh else self._recorded
        names = [name for name, table in self._recorded.items() if table.root == root]
        names += [name for name in self._staged.parts if name not in names]
        family: dict[str, Target] = {}
        for name in sorted(names, key=lambda name: (name != root, names.index(name))):
            schema = self._staged.schema.tables.get(name) or self._recorded[name]
            if schema.root != root:
                continue
            family[name] = target_of(self._spec.dataset, schema, known.get(name))
        return family

    def _load_family(
        self, root: str, family: dict[str, Target], *, full_refresh: bool, replace_where: ReplaceWhere | None
    ) -> None:
        disposition = self._spec.write_disposition
        if full_refresh or (disposition.disposition == "replace" and replace_where is None):
            self._rebuild(root, family, dropping_unseen=full_refresh)
            return
        for target in family.values():
            self._create_or_evolve(target)
        if replace_where is not None:
            self._delete_where(family, root, replace_where)
        if disposition.disposition == "merge" and (self._keys() or self._merge_keys()):
            self._delete_insert(root, family)
        else:
            for target in family.values():
                self._insert_all(target)

    def _create_or_evolve(self, target: Target) -> None:
        existing = catalog.existing_columns(self._conn, self._spec.dataset, target.name)
        if not existing:
            target.create(self._conn)
        elif target.name not in self._recorded:
            raise refuse_foreign(self._spec.dataset, target.name)
        else:
            target.evolve(self._conn, existing)

    def _rebuild(self, root: str, family: dict[str, Target], *, dropping_unseen: bool) -> None:
        for target in family.values():
            existing = catalog.existing_columns(self._conn, self._spec.dataset, target.name)
            if existing and target.name not in self._recorded:
                raise refuse_foreign(self._spec.dataset, target.name)
            if target.name == root and existing:
                self._deleted += self._count(target)
            if dropping_unseen and target.name not in self._staged.parts and target.name != root:
                self._conn.execute(f"DROP TABLE IF EXISTS {target.sql}")
                continue
            target.create(self._conn, replacing=True)
            self._insert_all(target)
        if dropping_unseen:
            gone = [name for name in family if name not in self._staged.parts and name != root]
            catalog.forget_tables(self._conn, self._spec.dataset, gone)
            for name in gone:
                del family[name]
        self._on_event("replace_swap")

    def _insert_all(self, target: Target) -> None:
        select = target.staged_select(self._staged, self._load_id)
        if select:
            self._insert(target, select)

    def _insert(self, target: Target, select: str) -> None:
        done = self._conn.execute(f"INSERT INTO {target.sql} ({target.column_list}) {select}").fetchone()
        self._loaded[target.name] = self._loaded.get(target.name, 0) + (done[0] if done else 0)

    def _delete_where(self, family: Mapping[str, Target], root: str, where: ReplaceWhere) -> None:
        rows = f"SELECT {quoted(ROW_ID)} FROM {family[root].sql} WHERE {where.sql}"
        self._delete_rows(family, root, rows, where.params)

    def _delete_rows(
        self, family: Mapping[str, Target], root: str, row_ids: str, params: Sequence[Any] = ()
    ) -> None:
        """Delete root rows by ``_row_id``, and what is nested in them."""
        conn = self._conn
        conn.execute(f"CREATE OR REPLACE TEMP TABLE {_DOOMED} AS {row_ids}", list(params))
        for name, target in family.items():
            if name != root:
                conn.execute(f"DELETE FROM {target.sql} WHERE {quoted(ROOT_ROW_ID)} IN (FROM {_DOOMED})")
        done = conn.execute(
            f"DELETE FROM {family[root].sql} WHERE {quoted(ROW_ID)} IN (FROM {_DOOMED})"
        ).fetchone()
        self._deleted += done[0] if done else 0
        conn.execute(f"DROP TABLE {_DOOMED}")

    def _delete_insert(self, root: str, family: Mapping[str, Target]) -> None:
        target = family[root]
        select = target.staged_select(self._staged, self._load_id)
        if not select:
            return
        conn = self._conn
        conn.execute(f"CREATE OR REPLACE TEMP TABLE {_STAGED} AS {select}")
        conn.execute(f"CREATE OR REPLACE TEMP TABLE {_WINNERS} AS {self._winners(target)}")
        matching = [
            f"SELECT t.{quoted(ROW_ID)} FROM {target.sql} t SEMI JOIN {_STAGED} s ON {_equal(keys)}"
            for keys in (self._keys(), self._merge_keys())
            if keys
        ]
        self._delete_rows(family, root, " UNION ".join(matching))
        for name, nested in family.items():
            own = quoted(ROW_ID) if name == root else quoted(ROOT_ROW_ID)
            rows = f"FROM {_STAGED}" if name == root else nested.staged_select(self._staged, self._load_id)
            if rows:
                self._insert(
                    nested, f"SELECT {nested.column_list} FROM ({rows}) WHERE {own} IN (FROM {_WINNERS})"
                )
        conn.execute(f"DROP TABLE {_STAGED}")
        conn.execute(f"DROP TABLE {_WINNERS}")

    def _winners(self, target: Target) -> str:
        """Return a SELECT of the ``_row_id`` of the staged rows that are to be written: one a key, none deleted."""
        ids = f"SELECT {quoted(ROW_ID)} FROM {_STAGED}"
        keys = self._keys()
        if keys:
            by = ", ".join(quoted(key) for key in keys)
            order = ", ".join([*_dedup_order(target), "rowid DESC"])
            ids += f" QUALIFY row_number() OVER (PARTITION BY {by} ORDER BY {order}) = 1"
            counted = self._conn.execute(
                f"SELECT count(*) - count(DISTINCT ({by},)) FROM {_STAGED}"
                if len(keys) > 1
                else f"SELECT count(*) - count(DISTINCT {by}) FROM {_STAGED}"
            ).fetchone()
            self._duplicates += counted[0] if counted else 0
        gone = _hard_deleted(target)
        if gone is None:
            return ids
        return f"SELECT {quoted(ROW_ID)} FROM {_STAGED} WHERE {quoted(ROW_ID)} IN ({ids}) AND NOT ({gone})"

    def _keys(self) -> list[str]:
        return [naming.normalize(key) for key in self._spec.primary_key]

    def _merge_keys(self) -> list[str]:
        return [naming.normalize(key) for key in self._spec.merge_key]

    def _count(self, target: Target) -> int:
        row = self._conn.execute(f"SELECT count(*) FROM {target.sql}").fetchone()
        return int(row[0]) if row else 0

    def _outcome(self, targets: Mapping[str, Target]) -> LoadOutcome:
        staged = self._staged
        roots = [name for name, target in targets.items() if target.schema.parent is None]
        return LoadOutcome(
            table=self._spec.table,
            rows_loaded=sum(self._loaded.get(name, 0) for name in roots),
            rows_by_table={name: self._loaded.get(name, 0) for name in targets},
            rows_deleted=self._deleted,
            duplicates=self._duplicates,
            discarded_rows=staged.counters.get("discarded_rows", 0),
            discarded_values=staged.counters.get("discarded_values", 0),
            schema_changes=list(staged.schema_changes),
            total_rows={name: self._count(target) for name, target in targets.items()},
            columns={name: target.columns for name, target in targets.items()},
        )


_STAGED = '"_dagster_rest_staged"'
_WINNERS = '"_dagster_rest_winners"'
_DOOMED = '"_dagster_rest_doomed"'


def _equal(keys: Sequence[str]) -> str:
    return " AND ".join(f"t.{quoted(key)} = s.{quoted(key)}" for key in keys)


def _dedup_order(target: Target) -> list[str]:
    for column in target.schema.typed_columns:
        direction = column.hints.get("dedup_sort")
        if direction:
            return [f"{quoted(column.name)} {'ASC' if direction == 'asc' else 'DESC'} NULLS LAST"]
    return []


def _hard_deleted(target: Target) -> str | None:
    for column in target.schema.typed_columns:
        if column.hints.get("hard_delete"):
            name = quoted(column.name)
            return f"coalesce({name}, false)" if column.data_type == "bool" else f"{name} IS NOT NULL"
    return None
