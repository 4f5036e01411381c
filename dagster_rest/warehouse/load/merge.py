"""Merges: staged rows meet the rows of the table by key, root and nested tables together.

The strategies follow dlt's docs on merge loading (delete-insert, upsert, insert-only, scd2, cdc). Of the rows of one
load that share a primary key, one is written: the last, or the one a ``dedup_sort`` hint prefers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

from dagster_rest.warehouse.database.base import run, run_for_number
from dagster_rest.warehouse.errors import WarehouseError
from dagster_rest.warehouse.load.conditions import equal, hard_deleted, listed, same, timestamp
from dagster_rest.warehouse.load.dedup_order import dedup_order, variants_of
from dagster_rest.warehouse.load.family import DELETED_IDS, Family, Written, delete_rows
from dagster_rest.warehouse.load.links import has_links, keep_links
from dagster_rest.warehouse.load.target import Target
from dagster_rest.warehouse.schema import DEDUP_TEXT, PARENT_ROW_ID, ROOT_ROW_ID, ROW_ID, ROW_VERSION
from dagster_rest.warehouse.shred.versions import validity_columns, version_column
from dagster_rest.warehouse.state.catalog import quoted
from dagster_rest.warehouse.values.timestamps import parse_timestamp

if TYPE_CHECKING:
    import duckdb

    from dagster_rest.warehouse.stage.staged_load import StagedLoad

STAGED = '"_dagster_rest_staged"'
WRITTEN_IDS = '"_dagster_rest_written_ids"'
KEYS_IN_LOAD = '"_dagster_rest_keys_in_load"'
KEPT_IDS = '"_dagster_rest_kept_ids"'

_ID = quoted(ROW_ID)
_ROOT_ID = quoted(ROOT_ROW_ID)
# Rows are numbered as they are staged. DuckDB's own rowid is not there if the records have a key of that name.
_ROW_NUMBER = f"CAST(split_part({_ID}, '_', 2) AS BIGINT)"


class Merge:
    """One merge of one family, inside the caller's transaction.

    Args:
        conn: A connection with an open transaction.
        family: The tables.
        staged: The load.
        load_id: Written to ``_load_id``.
        loaded_at: The time of the load.
        written: Where the numbers go.
    """

    def __init__(
        self,
        conn: duckdb.DuckDBPyConnection,
        family: Family,
        staged: StagedLoad,
        *,
        load_id: str,
        loaded_at: datetime,
        written: Written,
    ) -> None:
        self._conn = conn
        self._family = family
        self._staged = staged
        self._load_id = load_id
        self._loaded_at = loaded_at
        self._written = written
        self._has_texts = any(DEDUP_TEXT in part.columns for part in staged.parts.get(family.root.name, ()))

    def run(self) -> None:
        """Carry the merge out; a load without rows changes nothing."""
        root = self._family.root
        selects = root.staged_selects(self._staged, self._load_id, texts=[DEDUP_TEXT] * self._has_texts)
        if not selects:
            return
        strategy = self._family.disposition.strategy or "delete-insert"
        if strategy in ("upsert", "insert-only", "cdc") and not self._family.primary_key:
            raise WarehouseError(
                f"the strategy `{strategy}` needs a primary key and {root.name!r} has none",
                code="warehouse_missing_key",
                where=self._staged.spec.where,
                hint="Set `primary_key`.",
            )
        self._check_version()
        condition = self._family.option("source_filter")
        for number, select in enumerate(selects):
            filtered = f"SELECT * FROM ({select}) WHERE {condition}" if condition else select
            if number == 0:
                self._make(STAGED, filtered)
            else:
                run(self._conn, f"INSERT INTO {STAGED} {filtered}")
        self._make(WRITTEN_IDS, self._one_per_key())
        {
            "delete-insert": self._delete_insert,
            "upsert": self._upsert,
            "insert-only": self._insert_only,
            "cdc": self._cdc,
            "scd2": self._scd2,
        }[strategy]()
        if has_links(self._staged):
            keep_links(
                self._conn,
                self._family,
                self._staged,
                load_id=self._load_id,
                same=self._same_row(),
                written=WRITTEN_IDS,
            )
        for name in (STAGED, WRITTEN_IDS, KEYS_IN_LOAD):
            run(self._conn, f"DROP TABLE IF EXISTS {name}")

    def _check_version(self) -> None:
        version = version_column(self._family.disposition)
        columns = {column.name for column in self._family.root.schema.typed_columns}
        if version is not None and version not in columns:
            raise WarehouseError(
                f"the column {version!r} of `row_version_column_name` is in no record",
                code="warehouse_unsupported_disposition",
                where=self._staged.spec.where,
                hint="Name a column of the records, or remove the option to use a hash of the record.",
            )

    def _delete_insert(self) -> None:
        scope = self._family.option("destination_scope")
        keys = [keys for keys in (self._family.primary_key, self._family.merge_key) if keys]
        matching = " UNION ".join(self._matching(one) for one in keys)
        # As in dlt, all rows of the scope are replaced: those that the load lacks are deleted too.
        self._make(DELETED_IDS, f"SELECT {_ID} FROM {self._family.root.sql} WHERE {scope}" if scope else matching)
        self._delete_rows()
        self._drop_hard_deleted()
        self._insert()

    def _upsert(self) -> None:
        keys = self._family.primary_key
        self._leave_unchanged()
        self._make(
            KEPT_IDS,
            f"SELECT s.{_ID} AS staged_id, any_value(t.{_ID}) AS kept_id FROM {STAGED} s "
            f"JOIN {self._family.root.sql} t ON {equal(keys)} GROUP BY ALL",
        )
        self._make(
            DELETED_IDS,
            f"SELECT t.{_ID} FROM {self._family.root.sql} t SEMI JOIN "
            f"(FROM {STAGED} WHERE {_ID} IN (FROM {WRITTEN_IDS})) s ON {equal(keys)}",
        )
        self._delete_rows()
        self._drop_hard_deleted()
        self._insert(keeping_ids=True)
        run(self._conn, f"DROP TABLE {KEPT_IDS}")

    def _insert_only(self) -> None:
        known = self._matching(self._family.primary_key, of="s")
        run(self._conn, f"DELETE FROM {WRITTEN_IDS} WHERE {_ID} IN ({known})")
        self._drop_hard_deleted()
        self._insert()

    def _cdc(self) -> None:
        keys = self._family.primary_key
        self._make(
            DELETED_IDS,
            f"SELECT t.{_ID} FROM {self._family.root.sql} t ANTI JOIN {STAGED} s ON {equal(keys)}"
            + self._in_scope("WHERE"),
        )
        self._delete_rows()
        self._upsert()

    def _scd2(self) -> None:
        root, conn = self._family.root, self._conn
        begin, end = (quoted(name) for name in validity_columns(self._family.disposition))
        current, active = self._moment("active_record_timestamp"), self._active()
        boundary = timestamp(self._moment("boundary_timestamp") or self._loaded_at)
        is_same = self._same_version()
        in_load = f"(FROM {STAGED} WHERE {_ID} IN (FROM {WRITTEN_IDS}))"
        absent = ""
        if self._family.merge_key:
            # A record that says "deleted" has its key in the load as well: made before those are left out.
            self._make(KEYS_IN_LOAD, f"SELECT DISTINCT {listed(self._family.merge_key)} FROM {in_load}")
            absent = f" AND EXISTS (FROM {KEYS_IN_LOAD} s WHERE {equal(self._family.merge_key)})"
        self._drop_hard_deleted()
        absent = f"NOT EXISTS (FROM {in_load} s WHERE {is_same}){absent}"
        self._written.deleted += run_for_number(
            conn, f"UPDATE {root.sql} AS t SET {end} = {boundary} WHERE {active} AND {absent}{self._in_scope('AND')}"
        )
        run(
            conn,
            f"DELETE FROM {WRITTEN_IDS} WHERE {_ID} IN (SELECT s.{_ID} FROM {STAGED} s SEMI JOIN "
            f"(FROM {root.sql} t WHERE {active}) t ON {is_same})",
        )
        until = "NULL" if current is None else timestamp(current)
        run(conn, f"UPDATE {STAGED} SET {begin} = {boundary}, {end} = {until}")
        self._insert()

    def _one_per_key(self) -> str:
        """Return a SELECT of the ``_row_id`` of the staged rows of which each key has one."""
        relation = STAGED
        if self._family.primary_key:
            by = [quoted(key) for key in self._family.primary_key]
            relation, order = dedup_order(self._family.root.schema, STAGED, has_texts=self._has_texts)
            order.append(f"{_ROW_NUMBER} DESC")
        elif self._family.disposition.strategy == "scd2":
            by, order = [quoted(name) for name in self._version_identity()], [_ROW_NUMBER]
            self._check_versions_are_told_apart(by)
            by.append(f"CASE WHEN {self._has_no_version()} THEN {quoted(ROW_VERSION)} END")
        else:
            return f"SELECT {_ID} FROM {STAGED}"
        rows = self._count(STAGED)
        self._make(
            WRITTEN_IDS,
            f"SELECT {_ID} FROM {relation} "
            f"QUALIFY row_number() OVER (PARTITION BY {', '.join(by)} ORDER BY {', '.join(order)}) = 1",
        )
        self._written.duplicates += rows - self._count(WRITTEN_IDS)
        return f"FROM {WRITTEN_IDS}"

    def _version_identity(self) -> tuple[str, ...]:
        """Return the columns that identify a version of a row: a version means nothing without its key."""
        return (*(self._family.primary_key or self._family.merge_key), *self._version_columns())

    def _same_version(self) -> str:
        """Return the condition of being one version of scd2; of rows without a version, the content decides."""
        content = quoted(ROW_VERSION)
        return f"{same(self._version_identity())} AND (NOT {self._has_no_version('s')} OR t.{content} = s.{content})"

    def _has_no_version(self, of: str = STAGED) -> str:
        """Return the condition that holds for rows whose version is null."""
        return f"({' AND '.join(f'{of}.{quoted(column)} IS NULL' for column in self._version_columns())})"

    def _version_columns(self) -> tuple[str, ...]:
        """Return the column of versions, and those with the versions that its type can't hold."""
        version = version_column(self._family.disposition)
        columns = self._family.root.schema.typed_columns
        found = next(column for column in columns if column.name == version)
        return (found.name, *(variant.name for variant in variants_of(found, columns)))

    def _check_versions_are_told_apart(self, identity: Sequence[str]) -> None:
        """Refuse records that share key and version and still differ: one of them would be lost as a duplicate."""
        if version_column(self._family.disposition) == ROW_VERSION:
            return
        # The hash is of the record with everything nested in it: a list may be all that differs.
        found = run(
            self._conn,
            f"SELECT 1 FROM {STAGED} WHERE NOT {self._has_no_version()} "
            f"GROUP BY {', '.join(identity)} HAVING count(DISTINCT {quoted(ROW_VERSION)}) > 1 LIMIT 1",
        )
        if found:
            raise WarehouseError(
                f"records of one load share {' and '.join(identity)} and differ: they can't be distinguished",
                code="warehouse_missing_key",
                where=self._staged.spec.where,
                hint="Set `primary_key`, or remove `row_version_column_name` to use a hash of the record.",
            )

    def _leave_unchanged(self) -> None:
        """Leave out the rows that did not change, if the config asks for it."""
        if not self._family.option("skip_unchanged_rows"):
            return
        unchanged = (
            f"{equal(self._family.primary_key)} AND {same(self._version_columns())} AND NOT {self._has_no_version('s')}"
        )
        run(
            self._conn,
            f"DELETE FROM {WRITTEN_IDS} WHERE {_ID} IN "
            f"(SELECT s.{_ID} FROM {STAGED} s SEMI JOIN {self._family.root.sql} t ON {unchanged})",
        )

    def _drop_hard_deleted(self) -> None:
        gone = hard_deleted(self._family.root.schema.typed_columns)
        if gone is not None:
            run(self._conn, f"DELETE FROM {WRITTEN_IDS} WHERE {_ID} IN (SELECT {_ID} FROM {STAGED} WHERE {gone})")

    def _matching(self, keys: Sequence[str], *, of: str = "t") -> str:
        """Return a SELECT of the ``_row_id`` of the rows of one side that the other side has too."""
        left, right = (self._family.root.sql, STAGED) if of == "t" else (STAGED, self._family.root.sql)
        other = "s" if of == "t" else "t"
        return f"SELECT {of}.{_ID} FROM {left} {of} SEMI JOIN {right} {other} ON {equal(keys)}"

    def _in_scope(self, keyword: str) -> str:
        scope = self._family.option("destination_scope")
        root = self._family.root.sql
        return f" {keyword} t.{_ID} IN (SELECT {_ID} FROM {root} WHERE {scope})" if scope else ""

    def _delete_rows(self) -> None:
        self._written.deleted += delete_rows(self._conn, self._family)

    def _insert(self, *, keeping_ids: bool = False) -> None:
        """Insert the rows to be written, and what is nested in them."""
        for target in self._family.tables:
            is_root = target is self._family.root
            sources = [f"FROM {STAGED}"] if is_root else target.staged_selects(self._staged, self._load_id)
            columns = target.column_list
            if keeping_ids:
                columns = ", ".join(self._with_kept_id(target, column.name) for column in target.columns)
            for source in sources:
                self._written.rows[target.name] += run_for_number(
                    self._conn,
                    f"INSERT INTO {target.sql} ({target.column_list}) SELECT {columns} FROM ({source}) s "
                    f"WHERE s.{_ID if is_root else _ROOT_ID} IN (FROM {WRITTEN_IDS})",
                )

    def _with_kept_id(self, target: Target, column: str) -> str:
        # No nested row has the id of a root row, so links to the table above may be resolved as they are.
        kept = {ROW_ID} if target is self._family.root else {ROOT_ROW_ID, PARENT_ROW_ID}
        own = f"s.{quoted(column)}"
        if column not in kept:
            return own
        return f"coalesce((SELECT kept_id FROM {KEPT_IDS} WHERE staged_id = {own}), {own})"

    def _active(self) -> str:
        """Return the condition that holds for the versions of scd2 that are valid now."""
        end = quoted(validity_columns(self._family.disposition)[1])
        current = self._moment("active_record_timestamp")
        return f"t.{end} IS NULL" if current is None else f"t.{end} = {timestamp(current)}"

    def _same_row(self) -> str:
        """Return the condition that a row of the table replaces a staged row."""
        is_scd2 = self._family.disposition.strategy == "scd2"
        keys = self._family.primary_key or (self._version_identity() if is_scd2 else ())
        if not keys:
            return f"t.{_ID} = s.{_ID}"
        is_same = same(keys) if self._family.primary_key or not is_scd2 else self._same_version()
        return f"{is_same} AND {self._active()}" if is_scd2 else is_same

    def _moment(self, option: str) -> datetime | None:
        value = self._family.option(option)
        if value is None or isinstance(value, datetime):
            return value
        found = None
        if isinstance(value, date):
            found = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
        elif isinstance(value, str):
            found = parse_timestamp(value) or parse_timestamp(f"{value}T00:00:00Z")
        if found is None:
            raise WarehouseError(
                f"`{option}` is {value!r}, which is not a time",
                code="warehouse_invalid_timestamp",
                where=self._staged.spec.where,
                hint="Write an ISO 8601 date or date-time.",
            )
        return found

    def _make(self, name: str, select: str) -> None:
        run(self._conn, f"CREATE OR REPLACE TEMP TABLE {name} AS {select}")

    def _count(self, table: str) -> int:
        return run_for_number(self._conn, f"SELECT count(*) FROM {table}")
