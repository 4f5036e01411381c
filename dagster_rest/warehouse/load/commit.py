"""Staged loads into tables, root and nested tables together, in the caller's transaction.

Append and replace are here, the strategies of merge in ``merge.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import naming
from dagster_rest.warehouse.database.base import run, run_for_number
from dagster_rest.warehouse.hooks import EventHook, ignore_event
from dagster_rest.warehouse.load.family import DELETED_IDS, Family, Written, delete_rows
from dagster_rest.warehouse.load.links import has_links
from dagster_rest.warehouse.load.merge import Merge
from dagster_rest.warehouse.load.target import LINKS, Target, refuse_foreign, target_of
from dagster_rest.warehouse.schema import ROW_ID, Column, TableSchema
from dagster_rest.warehouse.shred.hints import TableHints
from dagster_rest.warehouse.stage.staged_load import StagedLoad
from dagster_rest.warehouse.state import catalog
from dagster_rest.warehouse.state.catalog import quoted
from dagster_rest.warehouse.state.owners import Owners

if TYPE_CHECKING:
    import duckdb

_ROW_GROUP = 122_880
"""Rows that DuckDB collects before it writes any."""


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
        rows_deleted: Root rows that were there before and are gone, retired or written again.
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
    on_event: EventHook = ignore_event,
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
        WarehouseError: A table is not ours, a key is missing, or an option can't be carried out.
    """
    commit = _Commit(conn, staged, load_id=load_id, loaded_at=loaded_at, on_event=on_event)
    on_event("in_transaction")
    large = max(staged.row_counts.values(), default=0) > _ROW_GROUP
    with _flushing_each_row_group(conn) if large else nullcontext():
        return commit.run(full_refresh=full_refresh, replace_where=replace_where)


def empty_tables(conn: duckdb.DuckDBPyConnection, *, dataset: str, tables: Sequence[str]) -> None:
    """Delete all rows of recorded tables; one that is not there is left to the load that makes it.

    Args:
        conn: A connection with an open transaction.
        dataset: The DuckDB schema.
        tables: Names of recorded tables.
    """
    for table in tables:
        if catalog.existing_columns(conn, dataset, table, recorded=True):
            run(conn, f"DELETE FROM {catalog.qualified(catalog.database_name(conn), dataset, table)}")


@contextmanager
def _flushing_each_row_group(conn: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let DuckDB write each row group as it is full; by default it collects five, which costs memory and no time."""
    import duckdb

    setting = "write_buffer_row_group_count"
    found = run(conn, "SELECT value FROM duckdb_settings() WHERE name = ?", [setting])
    if not found:
        yield
        return
    run(conn, f"SET {setting} = 1")
    try:
        yield
    finally:
        # After an error the transaction takes no statement any more; the caller closes the database then.
        with suppress(duckdb.Error):
            run(conn, f"SET {setting} = {int(found[0][0])}")


class _Commit:
    """One call of ``commit_load``."""

    def __init__(
        self,
        conn: duckdb.DuckDBPyConnection,
        staged: StagedLoad,
        *,
        load_id: str,
        loaded_at: datetime,
        on_event: EventHook,
    ) -> None:
        self._conn = conn
        self._staged = staged
        self._spec = staged.spec
        self._database = catalog.database_name(conn)
        self._dataset = staged.spec.dataset
        self._hints = TableHints(staged.spec)
        self._load_id = load_id
        self._loaded_at = loaded_at
        self._on_event = on_event
        self._recorded: Mapping[str, TableSchema] = {}
        self._written = Written()

    def run(self, *, full_refresh: bool, replace_where: ReplaceWhere | None) -> LoadOutcome:
        targets: dict[str, Target] = {}
        if self._spec.write_disposition.disposition != "skip":
            catalog.ensure(self._conn, self._dataset)
            self._recorded = catalog.read_tables(self._conn, self._dataset)
            self._owners = Owners(self._conn, self._spec, recorded=self._recorded)
            if has_links(self._staged):
                run(self._conn, f"CREATE OR REPLACE TEMP TABLE {LINKS} (staged_id VARCHAR, kept_id VARCHAR)")
            for root in sorted(self._roots(), key=len):
                for target in self._load(root, full_refresh=full_refresh, replace_where=replace_where):
                    targets[target.name] = target
            run(self._conn, f"DROP TABLE IF EXISTS {LINKS}")
        for target in targets.values():
            recorded = self._recorded.get(target.name)
            # A table that was dropped is nobody's, and is of whoever makes it again.
            if recorded is None or not (target.schema.is_recorded_as(recorded) and self._owners.is_own(recorded)):
                catalog.record_table(
                    self._conn, self._dataset, target.schema, load_id=self._load_id, loaded_at=self._loaded_at
                )
        return self._outcome(targets)

    def _roots(self) -> list[str]:
        """Return the tables at the top of a family that this load writes or may empty."""
        tables = self._staged.schema.tables
        found = [name for name, table in tables.items() if table.parent is None and self._staged.makes(name)]
        prefix = self._spec.table + naming.SEPARATOR
        for name, table in self._recorded.items():
            own = name == self._spec.table or (table.kind == "standalone" and name.startswith(prefix))
            ours = (own or not self._spec.has_fixed_table) and self._owners.is_own(table)
            if table.parent is None and ours and name not in found:
                found.append(name)
        return found

    def _family(self, root: str, *, full_refresh: bool) -> Family:
        names = [name for name, table in self._recorded.items() if table.root == root]
        tables = self._staged.schema.tables
        made = (name for name, table in tables.items() if table.root == root and self._staged.makes(name))
        names += [name for name in made if name not in names]
        known = {} if full_refresh else self._recorded
        targets = {
            name: target_of(
                tables.get(name) or self._recorded[name], known.get(name), database=self._database, spec=self._spec
            )
            for name in names
        }
        schema = targets[root].schema
        keys = self._hints.keys(schema)
        return Family(
            root=targets[root],
            nested=tuple(target for name, target in targets.items() if name != root),
            primary_key=keys.primary,
            merge_key=keys.merge,
            disposition=self._hints.write_disposition(schema),
        )

    def _load(self, root: str, *, full_refresh: bool, replace_where: ReplaceWhere | None) -> Sequence[Target]:
        family = self._family(root, full_refresh=full_refresh)
        for target in family.tables:
            if self._is_there(target):
                self._owners.check(target.schema, rebuilt=full_refresh)
        if family.root.schema.kind == "quarantine":
            full_refresh, replace_where = False, None
        kind = family.disposition.disposition
        if full_refresh or (kind == "replace" and replace_where is None):
            return self._rebuild(family, with_own_columns_only=full_refresh)
        for target in family.tables:
            self._create_or_evolve(target)
        if replace_where is not None and family.root.schema.kind == "root":
            self._delete_where(family, replace_where)
        if kind == "merge" and not family.appends_without_key:
            Merge(
                self._conn,
                family,
                self._staged,
                load_id=self._load_id,
                loaded_at=self._loaded_at,
                written=self._written,
            ).run()
        else:
            for target in family.tables:
                self._insert_all(target)
        return family.tables

    def _create_or_evolve(self, target: Target) -> None:
        existing = self._existing(target)
        if existing:
            target.evolve(self._conn, existing, recorded=self._recorded.get(target.name))
            if target.schema.kind == "standalone":
                target.loosen_links(self._conn)
        else:
            target.create(self._conn)

    def _is_there(self, target: Target) -> bool:
        """Say if the table is in the database; one that was dropped belongs to nobody."""
        return target.name in self._recorded and bool(self._existing(target))

    def _existing(self, target: Target) -> Mapping[str, str]:
        recorded = target.name in self._recorded
        existing = catalog.existing_columns(self._conn, self._dataset, target.name, recorded=recorded)
        if existing and not recorded:
            raise refuse_foreign(self._dataset, target.name)
        return existing

    def _rebuild(self, family: Family, *, with_own_columns_only: bool) -> Sequence[Target]:
        if self._existing(family.root):
            self._written.deleted += self._count(family.root)
        kept: list[Target] = []
        for target in family.tables:
            existing = self._existing(target)
            if with_own_columns_only:
                if target is not family.root and not self._staged.makes(target.name):
                    if existing:
                        run(self._conn, f"DROP TABLE {target.sql}")
                    catalog.forget_tables(self._conn, self._dataset, [target.name])
                    continue
                target = target.with_columns_of(self._staged)
            target.create(self._conn, replacing=bool(existing))
            self._insert_all(target)
            kept.append(target)
        self._on_event("replace_swap")
        return kept

    def _insert_all(self, target: Target) -> None:
        for select in target.staged_selects(self._staged, self._load_id):
            written = run_for_number(self._conn, f"INSERT INTO {target.sql} ({target.column_list}) {select}")
            self._written.rows[target.name] += written

    def _delete_where(self, family: Family, where: ReplaceWhere) -> None:
        run(
            self._conn,
            f"CREATE OR REPLACE TEMP TABLE {DELETED_IDS} AS "
            f"SELECT {quoted(ROW_ID)} FROM {family.root.sql} WHERE {where.sql}",
            list(where.params),
        )
        self._written.deleted += delete_rows(self._conn, family)

    def _count(self, target: Target) -> int:
        return run_for_number(self._conn, f"SELECT count(*) FROM {target.sql}")

    def _outcome(self, targets: Mapping[str, Target]) -> LoadOutcome:
        staged, written = self._staged, self._written
        roots = [name for name, target in targets.items() if target.schema.kind == "root"]
        return LoadOutcome(
            table=self._spec.table,
            rows_loaded=sum(written.rows[name] for name in roots),
            rows_by_table={name: written.rows[name] for name in targets},
            rows_deleted=written.deleted,
            duplicates=written.duplicates,
            discarded_rows=staged.counters.get("discarded_rows", 0),
            discarded_values=staged.counters.get("discarded_values", 0),
            schema_changes=list(staged.schema_changes),
            total_rows={name: self._count(target) for name, target in targets.items()},
            columns={name: target.columns for name, target in targets.items()},
        )
