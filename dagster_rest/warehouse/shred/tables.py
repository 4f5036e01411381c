"""Records into Arrow tables: objects flattened, lists split into nested tables, one column at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, compress
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import naming, types
from dagster_rest.warehouse.contracts import QUARANTINE_COLUMNS, ContractEnforcer, Quarantine
from dagster_rest.warehouse.errors import (
    HintError,
    KeyValueError,
    NameCollisionError,
    NullInRequiredColumnError,
    WarehouseError,
    depth_errors,
)
from dagster_rest.warehouse.schema import (
    LIST_INDEX,
    PARENT_ROW_ID,
    ROOT_ROW_ID,
    ROW_ID,
    ROW_VERSION,
    SYSTEM_COLUMNS,
    Column,
    ResourceSpec,
    StagedSchema,
    TableKind,
    TableSchema,
)
from dagster_rest.warehouse.shred.collisions import check_same_key, merged, owners, reserved_name, with_suffixes
from dagster_rest.warehouse.shred.columns import Batch, ColumnMaker
from dagster_rest.warehouse.shred.hints import TableHints
from dagster_rest.warehouse.shred.records import (
    JSON_KINDS,
    NONE,
    RawColumn,
    as_objects,
    as_plain,
    kinds_of,
    list_positions,
    only,
    values_by_key,
)
from dagster_rest.warehouse.shred.versions import added_columns, record_versions, writes_version
from dagster_rest.warehouse.values.text import check_text

if TYPE_CHECKING:
    import pyarrow as pa

NO_LIMIT = 1000
_LONGEST_SHOWN = 60
_NESTED = frozenset({dict, list})


@dataclass
class _Node:
    """What the objects of one table hold: scalar columns and lists, by normalised name."""

    columns: dict[str, list[RawColumn]] = field(default_factory=dict)
    lists: dict[str, list[RawColumn]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Links:
    """Where nested rows belong to."""

    parent: pa.Array
    root: pa.Array
    index: pa.Array


@dataclass(frozen=True, kw_only=True)
class _TableLevel:
    """The table that rows go to, and how many levels below it may still be flattened."""

    name: str
    root: str
    nesting: int
    parent: str | None = None
    kind: TableKind = "root"
    source: str | None = None


class Shredder:
    """Turns batches of records into Arrow tables, one for the root table and one for each nested table.

    The schema it is given decides types and grows with what the data brings. One shredder serves one load.

    Args:
        spec: What the resource asks for.
        schema: Known tables; changed in place.
        load_id: Written to ``_load_id`` and part of every ``_row_id``.
        counters: ``discarded_rows``, ``discarded_values`` ...; changed in place.
        row_numbers: Rows made so far by table; changed in place.
    """

    def __init__(
        self,
        spec: ResourceSpec,
        *,
        schema: StagedSchema,
        load_id: str,
        counters: Counter[str],
        row_numbers: Counter[str],
    ) -> None:
        self._spec = spec
        self._schema = schema
        self._load_id = load_id
        self._counters = counters
        self._row_numbers = row_numbers
        self._hints = TableHints(spec)
        self._nesting = NO_LIMIT if spec.max_table_nesting is None else spec.max_table_nesting
        self._tokens: dict[str, str] = {}
        self._reserved = SYSTEM_COLUMNS | {column.name for column in added_columns(spec.write_disposition)}
        self._quarantine = Quarantine(spec)
        self._contract = ContractEnforcer(spec, counters=counters, quarantine=self._quarantine)
        self._columns = ColumnMaker(
            schema,
            hints=self._hints,
            contract=self._contract,
            suffixes=spec.on_name_collision == "suffix",
            where=spec.where,
        )
        self._prepared: set[str] = set()
        self._nested_in: dict[str, dict[str, pa.Array]] = {}

    def shred(self, records: Sequence[Any]) -> dict[str, pa.Table]:
        """Return the rows of every table that the records make, root tables first.

        Args:
            records: Decoded JSON values; anything that is no object becomes an object with the key ``value``.

        Raises:
            NameCollisionError: Two keys of a record become one column and differ.
            SchemaContractError: The schema contract is ``freeze`` and the data brings something new.
            NullInRequiredColumnError: A key column holds a null.
            WarehouseError: ``warehouse_invalid_text``, ``warehouse_too_deep``.
        """
        try:
            with depth_errors(self._spec.where):
                return self._shred(records)
        except WarehouseError as error:
            error.where = error.where or self._spec.where
            raise

    def declare(self) -> None:
        """Add the tables whose columns the config names and that no record has made: they are created empty.

        A nested table is added if its parent table is known: the root table, or one that has hints too. No table is
        added where a contract restricts columns: there the first rows decide which columns exist.
        """
        if not self._spec.has_fixed_table or not any(one.data_type for one in self._hints.named(())):
            return
        self._declare(_TableLevel(name=self._spec.table, root=self._spec.table, nesting=self._nesting))
        for path in sorted(self._hints.paths, key=len):
            above = self._schema.tables.get(naming.join(self._spec.table, *path[:-1]))
            if above is None or not any(one.data_type for one in self._hints.named(path)):
                continue
            name = naming.join(above.name, path[-1])
            standalone = self._hints.is_standalone(name)
            self._declare(
                _TableLevel(
                    name=name,
                    root=name if standalone else above.root,
                    parent=None if standalone else above.name,
                    kind="standalone" if standalone else "nested",
                    nesting=0,
                )
            )

    def _declare(self, level: _TableLevel) -> None:
        is_open = self._hints.contract(level.name, "columns") == "evolve"
        if is_open and level.name not in self._schema.tables:
            self._new_table(level)
            self._table(level, [])

    def _shred(self, records: Sequence[Any]) -> dict[str, pa.Table]:
        made: dict[str, pa.Table] = {}
        self._nested_in = {}
        for name, rows in self._by_table(self._contract.admit(as_objects(records, "value"))):
            level = _TableLevel(name=name, root=name, nesting=self._nesting)
            self._add_table(made, level, rows, links=None)
        rejected = self._quarantine.take()
        if rejected:
            name = self._spec.quarantine_table
            self._add_table(made, _TableLevel(name=name, root=name, nesting=0, kind="quarantine"), rejected, links=None)
        return made

    def _by_table(self, rows: list[dict[str, Any]]) -> Iterable[tuple[str, list[dict[str, Any]]]]:
        if isinstance(self._spec.table_name, str):
            return [(self._spec.table, rows)]
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            groups.setdefault(naming.normalize(str(self._spec.table_name(row))), []).append(row)
        return groups.items()

    def _add_table(
        self, made: dict[str, pa.Table], level: _TableLevel, rows: list[dict[str, Any]], *, links: _Links | None
    ) -> None:
        import pyarrow as pa

        if not rows:
            return
        table = self._table(level, rows)
        if table is None:
            return
        node = _Node()
        self._collect(node, rows, prefix="", source="", nesting=level.nesting, table=table)
        batch = Batch(table=table, rows=rows)
        self._columns.make(batch, self._resolved(table, node.columns))
        lists = self._lists(table, node)
        if batch.dropped:
            keep = [row not in batch.dropped for row in range(len(rows))]
            self._counters["discarded_rows"] += len(batch.dropped)
            batch.arrays = {key: array.filter(pa.array(keep)) for key, array in batch.arrays.items()}
            lists = {key: replace(raw, values=list(compress(raw.values, keep))) for key, raw in lists.items()}
            links = links and _filtered(links, keep)
            rows = list(compress(rows, keep))
        if not rows:
            return
        self._check_required(batch)
        row_ids = self._row_ids(level.name, len(rows))
        columns = batch.arrays | self._system_arrays(table, rows, row_ids, links)
        made[level.name] = _appended(made.get(level.name), pa.table(columns))
        roots = links.root if links and table.kind == "nested" else row_ids
        for path, raw in lists.items():
            self._add_children(made, level, path, raw, ids=(row_ids, roots))

    def _add_children(
        self,
        made: dict[str, pa.Table],
        above: _TableLevel,
        path: str,
        raw: RawColumn,
        *,
        ids: tuple[pa.Array, pa.Array],
    ) -> None:
        import pyarrow.compute as pc

        items = list(chain.from_iterable(filter(None, raw.values)))
        if not items:
            return
        parents, index = list_positions(raw.values)
        links = _Links(parent=pc.take(ids[0], parents), root=pc.take(ids[1], parents), index=index)
        name = naming.join(above.name, path)
        standalone = self._hints.is_standalone(name)
        level = _TableLevel(
            name=name,
            root=name if standalone else above.root,
            parent=None if standalone else above.name,
            kind="standalone" if standalone else "nested",
            nesting=above.nesting - 1,
            source=raw.source,
        )
        self._check_lists_are_apart(level, links, above=above.name)
        self._add_table(made, level, as_objects(items, "value", of_lists="list"), links=links)

    def _check_lists_are_apart(self, level: _TableLevel, links: _Links, *, above: str) -> None:
        """Refuse one table for two lists of one record: ``a__b`` beside ``b`` in the objects of a list ``a``."""
        import pyarrow.compute as pc

        seen = self._nested_in.setdefault(level.name, {})
        for other, roots in seen.items():
            if other != above and pc.any(pc.is_in(links.root, value_set=roots)).as_py():
                raise NameCollisionError(
                    f"one record has lists for the table {level.name!r} in {other!r} and in {above!r}",
                    code="warehouse_name_collision",
                    where=self._spec.where,
                    hint="Rename one of the keys with a `map` step.",
                )
        seen[above] = pc.unique(links.root)

    def _table(self, level: _TableLevel, rows: list[dict[str, Any]]) -> TableSchema | None:
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

    def _new_table(self, level: _TableLevel) -> TableSchema:
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

    def _may_add_table(self, level: _TableLevel, rows: list[dict[str, Any]]) -> bool:
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
            self._counters["discarded_rows"] += len(rows)
            for row in rows:
                self._quarantine.add(row, reason="new table", table=level.name)
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

    def _collect(
        self,
        node: _Node,
        rows: Sequence[Mapping[str, Any]],
        *,
        prefix: str,
        source: str,
        nesting: int,
        table: TableSchema,
    ) -> None:
        for key, raw in values_by_key(rows):
            name = naming.join(prefix, naming.normalize(check_text(str(key))))
            path = f"{source}.{key}" if source else str(key)
            self._sort_in(node, name, RawColumn(path, raw, kinds_of(raw)), nesting=nesting, table=table)

    def _sort_in(self, node: _Node, name: str, raw: RawColumn, *, nesting: int, table: TableSchema) -> None:
        kinds = raw.kinds
        if not kinds <= JSON_KINDS:
            plain = [as_plain(value) for value in raw.values]
            raw = RawColumn(raw.source, plain, kinds_of(plain))
        kinds = raw.kinds - {NONE}
        if not kinds:
            return
        if kinds.isdisjoint(_NESTED) or nesting <= 0 or self._is_json(table, name):
            node.columns.setdefault(name, []).append(replace(raw, kinds=kinds))
            return
        if dict in kinds:
            objects = raw.values if raw.kinds == {dict} else only(raw.values, dict, {})
            self._collect(node, objects, prefix=name, source=raw.source, nesting=nesting - 1, table=table)
        if list in kinds:
            lists = raw.values if kinds == {list} else only(raw.values, list, None)
            node.lists.setdefault(name, []).append(RawColumn(raw.source, lists, frozenset({list})))
        scalars = kinds - _NESTED
        if scalars:
            rest = [None if type(value) in _NESTED else value for value in raw.values]
            node.columns.setdefault(name, []).append(RawColumn(raw.source, rest, scalars))

    def _is_json(self, table: TableSchema, name: str) -> bool:
        column = table.columns.get(name)
        return column is not None and column.data_type == "json"

    def _lists(self, table: TableSchema, node: _Node) -> dict[str, RawColumn]:
        sources = {
            name[len(table.name) + len(naming.SEPARATOR) :]: other.source
            for name, other in self._schema.tables.items()
            if other.kind in ("nested", "standalone") and name.startswith(table.name + naming.SEPARATOR)
        }
        if self._spec.on_name_collision == "suffix":
            return with_suffixes(node.lists, owners=sources, reserved=frozenset())
        return {name: merged(name, raw, where=self._spec.where) for name, raw in node.lists.items()}

    def _resolved(self, table: TableSchema, found: dict[str, list[RawColumn]]) -> dict[str, RawColumn]:
        reserved = self._reserved if table.kind == "root" else SYSTEM_COLUMNS
        if self._spec.on_name_collision == "suffix":
            return with_suffixes(found, owners=owners(table.columns), reserved=reserved)
        taken = reserved.intersection(found)
        for name in taken:
            raise reserved_name(name, found[name][0].source, where=self._spec.where)
        return {
            name: raw[0] if len(raw) == 1 else merged(name, raw, where=self._spec.where) for name, raw in found.items()
        }

    def _check_required(self, batch: Batch) -> None:
        table = batch.table
        for column in table.columns.values():
            if column.nullable or column.name in SYSTEM_COLUMNS:
                continue
            array = batch.arrays.get(column.name)
            misfits = [value for row, value in batch.misfits.get(column.name, ()) if row not in batch.dropped]
            if misfits:
                raise self._misfit(table.name, column, misfits)
            if array is None or array.null_count:
                what = "never arrived" if array is None else f"is null in {array.null_count} of {len(array)} records"
                raise NullInRequiredColumnError(
                    f"the column {table.name}.{column.name} is a key or not nullable, and {what}",
                    code="warehouse_null_in_required_column",
                    where=self._spec.where,
                    hint="Choose another key, fill the value with a `map` step, or allow nulls.",
                )

    def _misfit(self, table: str, column: Column, found: Sequence[Any]) -> KeyValueError:
        shown = repr(found[0])
        shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
        others = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return KeyValueError(
            f"the column {table}.{column.name} is a key or not nullable, and as {column.data_type} it can't keep "
            f"{shown} ({types.variant_suffix(found[0])}){others} without loss",
            code="warehouse_key_value",
            where=self._spec.where,
            hint="Say `data_type: text` for it in `columns` and run a full refresh, or make its values one type with "
            "a `map` step.",
        )

    def _row_ids(self, table: str, count: int) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if table not in self._tokens:
            digest = hashlib.blake2b(f"{self._load_id}/{table}".encode(), digest_size=6)
            self._tokens[table] = digest.hexdigest()
        start = self._row_numbers[table]
        self._row_numbers[table] += count
        numbers = pa.array(range(start, start + count), pa.int64())
        return pc.binary_join_element_wise(self._tokens[table], pc.cast(numbers, pa.string()), "_")

    def _system_arrays(
        self, table: TableSchema, rows: list[dict[str, Any]], row_ids: pa.Array, links: _Links | None
    ) -> dict[str, pa.Array]:
        import pyarrow as pa

        if links is not None:
            return {ROOT_ROW_ID: links.root, PARENT_ROW_ID: links.parent, LIST_INDEX: links.index, ROW_ID: row_ids}
        if table.kind == "root" and writes_version(self._spec.write_disposition):
            return {ROW_VERSION: pa.array(record_versions(rows), pa.string()), ROW_ID: row_ids}
        return {ROW_ID: row_ids}


def _filtered(links: _Links, keep: list[bool]) -> _Links:
    import pyarrow as pa

    mask = pa.array(keep)
    return _Links(parent=links.parent.filter(mask), root=links.root.filter(mask), index=links.index.filter(mask))


def _appended(before: pa.Table | None, table: pa.Table) -> pa.Table:
    """Return both tables as one; a column that both have gets the type of the later, which is as wide or wider."""
    import pyarrow as pa

    if before is None:
        return table
    for index, column in enumerate(before.schema):
        later = table.schema.field(column.name).type if column.name in table.column_names else column.type
        if later != column.type:
            before = before.set_column(index, column.name, before.column(index).cast(later))
    return pa.concat_tables([before, table], promote_options="default")
