"""Records into Arrow tables: objects flattened, lists split into nested tables, one column at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain, compress
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import naming, types, values
from dagster_rest.warehouse.errors import NameCollisionError, NullInRequiredColumnError, SchemaContractError
from dagster_rest.warehouse.hints import TableHints
from dagster_rest.warehouse.schema import (
    LIST_INDEX,
    PARENT_ROW_ID,
    ROOT_ROW_ID,
    ROW_ID,
    SYSTEM_COLUMNS,
    Column,
    ContractEntity,
    ContractMode,
    Schema,
    TableSchema,
    TableSpec,
    system_columns,
)

if TYPE_CHECKING:
    import pyarrow as pa

NO_LIMIT = 1000
_JSON_KINDS = frozenset({bool, int, float, str, type(None), dict, list})
_NONE = type(None)
_NESTED = frozenset({dict, list})


@dataclass(frozen=True)
class _Cells:
    """The values of one key path over all rows of a table."""

    source: str
    values: Sequence[Any]
    kinds: frozenset[type]


@dataclass
class _Node:
    """What the objects of one table hold: scalar columns and lists, by normalised name."""

    columns: dict[str, list[_Cells]] = field(default_factory=dict)
    lists: dict[str, list[_Cells]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Links:
    """Where nested rows belong to."""

    parent: pa.Array
    root: pa.Array
    index: pa.Array


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
        spec: TableSpec,
        *,
        schema: Schema,
        load_id: str,
        counters: Counter[str],
        row_numbers: Counter[str],
    ) -> None:
        self._spec = spec
        self._schema = schema
        self._counters = counters
        self._row_numbers = row_numbers
        self._hints = TableHints(spec)
        self._nesting = NO_LIMIT if spec.max_table_nesting is None else spec.max_table_nesting
        self._token = _token(load_id)

    def shred(self, records: Sequence[Any]) -> dict[str, pa.Table]:
        """Return the rows of every table that the records make, root tables first.

        Args:
            records: Decoded JSON values; anything that is no object becomes an object with the key ``value``.

        Raises:
            NameCollisionError: Two keys of a record become one column and differ.
            SchemaContractError: The schema contract is ``freeze`` and the data brings something new.
            NullInRequiredColumnError: A key column holds a null.
        """
        made: dict[str, pa.Table] = {}
        for name, rows in self._by_table(records):
            self._add_table(made, name, rows, parent=None, root=name, nesting=self._nesting, links=None)
        return made

    def _by_table(self, records: Sequence[Any]) -> Iterable[tuple[str, list[dict[str, Any]]]]:
        rows = as_objects(records, "value")
        if isinstance(self._spec.table_name, str):
            return [(self._spec.table, rows)]
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            groups.setdefault(naming.normalize(str(self._spec.table_name(row))), []).append(row)
        return groups.items()

    def _add_table(
        self,
        made: dict[str, pa.Table],
        name: str,
        rows: list[dict[str, Any]],
        *,
        parent: str | None,
        root: str,
        nesting: int,
        links: _Links | None,
    ) -> None:
        import pyarrow as pa

        if not rows:
            return
        table = self._table(name, parent=parent, root=root, rows=len(rows))
        if table is None:
            return
        node = _Node()
        self._collect(node, rows, prefix="", source="", nesting=nesting, table=table)
        columns, dropped = self._columns(table, node, len(rows))
        lists = self._lists(table, node, len(rows))
        if dropped:
            keep = [row not in dropped for row in range(len(rows))]
            self._counters["discarded_rows"] += len(dropped)
            columns = {key: array.filter(pa.array(keep)) for key, array in columns.items()}
            lists = {key: list(compress(cells, keep)) for key, cells in lists.items()}
            links = links and _filtered(links, keep)
        count = len(rows) - len(dropped)
        if not count:
            return
        self._check_required(table, columns)
        row_ids = self._row_ids(name, count)
        roots = links.root if links else row_ids
        columns |= self._system_arrays(row_ids, links)
        made[name] = _merged(made.get(name), pa.table(columns))
        for path, cells in lists.items():
            self._add_children(
                made,
                naming.join(name, path),
                cells,
                parent=name,
                root=root,
                nesting=nesting,
                ids=(row_ids, roots),
            )

    def _add_children(
        self,
        made: dict[str, pa.Table],
        name: str,
        cells: Sequence[list[Any] | None],
        *,
        parent: str,
        root: str,
        nesting: int,
        ids: tuple[pa.Array, pa.Array],
    ) -> None:
        import pyarrow.compute as pc

        items = list(chain.from_iterable(filter(None, cells)))
        if not items:
            return
        parents, index = _positions(cells)
        links = _Links(parent=pc.take(ids[0], parents), root=pc.take(ids[1], parents), index=index)
        rows = as_objects(items, "value", of_lists="list")
        self._add_table(made, name, rows, parent=parent, root=root, nesting=nesting - 1, links=links)

    def _table(self, name: str, *, parent: str | None, root: str, rows: int) -> TableSchema | None:
        table = self._schema.tables.get(name)
        if table is None:
            known = any(not other.is_new for other in self._schema.tables.values() if other.root == root)
            mode = self._contract(name, "tables") if known else "evolve"
            if mode == "freeze":
                raise self._violation(f"a new table {name!r}")
            if mode != "evolve":
                self._counters["discarded_rows"] += rows
                return None
            table = TableSchema(name=name, parent=parent, root=root)
            table.columns.update(self._hints.columns(name, root=root))
            self._schema.tables[name] = table
            if known:
                self._schema.changes.append(f"added table {name}")
        return table

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
        for key, cells in cells_by_key(rows):
            name = naming.join(prefix, naming.normalize(str(key)))
            path = f"{source}.{key}" if source else str(key)
            self._sort_in(node, name, _Cells(path, cells, _kinds(cells)), nesting=nesting, table=table)

    def _sort_in(self, node: _Node, name: str, cells: _Cells, *, nesting: int, table: TableSchema) -> None:
        kinds = cells.kinds
        if not kinds <= _JSON_KINDS:
            plain = [_as_plain(value) for value in cells.values]
            cells = _Cells(cells.source, plain, _kinds(plain))
        kinds = cells.kinds - {_NONE}
        if not kinds:
            return
        if kinds.isdisjoint(_NESTED) or nesting <= 0 or self._is_json(table, name):
            node.columns.setdefault(name, []).append(replace(cells, kinds=kinds))
            return
        if dict in kinds:
            objects = cells.values if cells.kinds == {dict} else _only(cells.values, dict, {})
            self._collect(node, objects, prefix=name, source=cells.source, nesting=nesting - 1, table=table)
        if list in kinds:
            lists = cells.values if kinds == {list} else _only(cells.values, list, None)
            node.lists.setdefault(name, []).append(_Cells(cells.source, lists, frozenset({list})))
        scalars = kinds - _NESTED
        if scalars:
            rest = [None if type(value) in _NESTED else value for value in cells.values]
            node.columns.setdefault(name, []).append(_Cells(cells.source, rest, scalars))

    def _is_json(self, table: TableSchema, name: str) -> bool:
        column = table.columns.get(name)
        return column is not None and column.data_type == "json"

    def _columns(self, table: TableSchema, node: _Node, rows: int) -> tuple[dict[str, pa.Array], set[int]]:
        made: dict[str, pa.Array] = {}
        dropped: set[int] = set()
        found = self._resolved(table, node.columns)
        new = [name for name in found if not self._has_type(table, name)]
        first_seen = {name: _first_row(found[name].values) for name in new}
        for name in [
            *(name for name in found if name not in first_seen),
            *sorted(new, key=first_seen.__getitem__),
        ]:
            self._convert(table, name, found[name], made, dropped)
        return made, dropped

    def _has_type(self, table: TableSchema, name: str) -> bool:
        column = table.columns.get(name)
        return column is not None and column.data_type is not None

    def _resolved(self, table: TableSchema, found: dict[str, list[_Cells]]) -> dict[str, _Cells]:
        resolved: dict[str, _Cells] = {}
        for name, cells in found.items():
            if len(cells) == 1 and name not in SYSTEM_COLUMNS:
                resolved[name] = cells[0]
            else:
                resolved.update(self._without_collisions(table, name, cells))
        return resolved

    def _without_collisions(self, table: TableSchema, name: str, cells: list[_Cells]) -> dict[str, _Cells]:
        if name in SYSTEM_COLUMNS:
            raise NameCollisionError(
                f"the key {cells[0].source!r} becomes the column {name!r}, which this package writes itself",
                code="warehouse_name_collision",
                where=self._spec.where,
                hint="Rename the key with a `map` step.",
            )
        merged: list[Any] = list(cells[0].values)
        for other in cells[1:]:
            for row, value in enumerate(other.values):
                if value is None:
                    continue
                if merged[row] is not None and not _same(merged[row], value):
                    raise self._collision(name, cells[0].source, other.source, merged[row], value)
                merged[row] = value
        return {name: _Cells(cells[0].source, merged, frozenset().union(*(cell.kinds for cell in cells)))}

    def _collision(self, name: str, one: str, other: str, left: Any, right: Any) -> NameCollisionError:
        return NameCollisionError(
            f"the keys {one!r} and {other!r} both become {name!r} and one record holds both",
            code="warehouse_name_collision",
            where=self._spec.where,
            hint="Rename one with a `map` step, or set `on_name_collision: suffix` to keep both.",
        )

    def _lists(self, table: TableSchema, node: _Node, rows: int) -> dict[str, Sequence[list[Any] | None]]:
        return {name: cells.values for name, cells in self._resolved(table, node.lists).items()}

    def _convert(
        self, table: TableSchema, name: str, cells: _Cells, made: dict[str, pa.Array], dropped: set[int]
    ) -> None:
        column = table.columns.get(name)
        if column is None or column.data_type is None:
            column = self._new_column(table, name, cells, column, dropped)
            if column is None:
                return
        assert column.data_type is not None
        converted = values.convert(cells.values, cells.kinds, column.data_type)
        if converted.rejected:
            column, converted = self._widen(table, column, cells, converted)
        made[name] = converted.array
        if converted.rejected:
            self._add_variants(table, column, cells, converted.rejected, made, dropped)

    def _new_column(
        self, table: TableSchema, name: str, cells: _Cells, hinted: Column | None, dropped: set[int]
    ) -> Column | None:
        mode: ContractMode = (
            "evolve" if table.is_new or hinted is not None else self._contract(table.name, "columns")
        )
        if mode != "evolve":
            self._reject(
                mode,
                f"a new column {table.name}.{name}",
                (row for row, value in enumerate(cells.values) if value is not None),
                dropped,
            )
            return None
        data_type = values.infer_type(cells.values, cells.kinds)
        base = hinted or Column(name=name, data_type=None)
        column = replace(base, data_type=data_type, source=cells.source)
        self._schema.add_column(table, column)
        return column

    def _widen(
        self, table: TableSchema, column: Column, cells: _Cells, converted: values.Converted
    ) -> tuple[Column, values.Converted]:
        assert column.data_type is not None
        wider = None if column.hinted else values.widened_type(cells.values, cells.kinds, column.data_type)
        if wider is None or self._contract(table.name, "data_type") != "evolve":
            return column, converted
        column = self._schema.set_type(table, column, wider)
        return column, values.convert(cells.values, cells.kinds, wider)

    def _add_variants(
        self,
        table: TableSchema,
        column: Column,
        cells: _Cells,
        rejected: Sequence[tuple[int, Any]],
        made: dict[str, pa.Array],
        dropped: set[int],
    ) -> None:
        by_kind: dict[str, list[tuple[int, Any]]] = {}
        for row, value in rejected:
            by_kind.setdefault(types.variant_suffix(value), []).append((row, value))
        for suffix, found in by_kind.items():
            mode = self._contract(table.name, "data_type")
            if mode != "evolve":
                what = f"a {suffix} in the {column.data_type} column {table.name}.{column.name}"
                self._reject(mode, what, (row for row, _ in found), dropped)
                continue
            self._add_variant(table, column, suffix, found, len(cells.values), made)

    def _add_variant(
        self,
        table: TableSchema,
        column: Column,
        suffix: str,
        found: Sequence[tuple[int, Any]],
        rows: int,
        made: dict[str, pa.Array],
    ) -> None:
        name = naming.join(column.name, f"v_{suffix}")
        sparse: list[Any] = [None] * rows
        for row, value in found:
            sparse[row] = value
        kinds = _kinds(sparse) - {_NONE}
        variant = table.columns.get(name)
        if variant is None or variant.data_type is None:
            data_type = "text" if suffix == "text" else values.infer_type(sparse, kinds)
            if suffix == "decimal" and data_type == "double":
                data_type = types.decimal_type(found[0][1]) or "text"
            variant = Column(name=name, data_type=data_type, source=column.source, variant=True)
            self._schema.add_column(table, variant)
        assert variant.data_type is not None
        wider = values.widened_type(sparse, kinds, variant.data_type)
        if wider is not None:
            variant = self._schema.set_type(table, variant, wider)
            assert variant.data_type is not None
        converted = values.convert(sparse, kinds, variant.data_type)
        made[name] = converted.array if name not in made else _coalesce(made[name], converted.array)
        if converted.rejected and suffix != "text":
            self._add_variant(
                table, column, "text", [(r, values.as_text(v)) for r, v in converted.rejected], rows, made
            )

    def _reject(self, mode: ContractMode, what: str, rows: Iterable[int], dropped: set[int]) -> None:
        if mode == "freeze":
            raise self._violation(what)
        if mode == "discard_row":
            dropped.update(rows)
        else:
            self._counters["discarded_values"] += sum(1 for _ in rows)

    def _violation(self, what: str) -> SchemaContractError:
        return SchemaContractError(
            f"the schema contract is `freeze` and the data brings {what}",
            code="warehouse_contract_violation",
            where=self._spec.where,
            hint="Correct the data, or set the contract to evolve, discard_row or discard_value.",
        )

    def _contract(self, table: str, entity: ContractEntity) -> ContractMode:
        return self._hints.contract(table, entity, schema=self._schema)

    def _check_required(self, table: TableSchema, columns: Mapping[str, pa.Array]) -> None:
        for column in table.columns.values():
            if column.nullable or column.name in SYSTEM_COLUMNS:
                continue
            array = columns.get(column.name)
            if array is None or array.null_count:
                what = (
                    "never arrived"
                    if array is None
                    else f"is null in {array.null_count} of {len(array)} records"
                )
                raise NullInRequiredColumnError(
                    f"the column {table.name}.{column.name} is a key or not nullable, and {what}",
                    code="warehouse_null_in_required_column",
                    where=self._spec.where,
                    hint="Choose another key, fill the value with a `map` step, or allow nulls.",
                )

    def _row_ids(self, table: str, count: int) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        start = self._row_numbers[table]
        self._row_numbers[table] += count
        numbers = pa.array(range(start, start + count), pa.int64())
        return pc.binary_join_element_wise(self._token, pc.cast(numbers, pa.string()), "_")

    def _system_arrays(self, row_ids: pa.Array, links: _Links | None) -> dict[str, pa.Array]:
        if links is None:
            return {ROW_ID: row_ids}
        return {
            ROOT_ROW_ID: links.root,
            PARENT_ROW_ID: links.parent,
            LIST_INDEX: links.index,
            ROW_ID: row_ids,
        }


def finish_columns(table: TableSchema) -> list[Column]:
    """Return the columns of a table in the order of the database: data first, then the system columns."""
    return [*table.typed_columns, *system_columns(nested=table.parent is not None)]


def _token(load_id: str) -> str:
    import hashlib

    return hashlib.blake2b(load_id.encode(), digest_size=6).hexdigest()


def as_objects(items: Sequence[Any], key: str, *, of_lists: str | None = None) -> list[dict[str, Any]]:
    """Return the items as objects: what is none becomes one with the key ``key`` (``of_lists`` for a list)."""
    if set(map(type, items)) == {dict}:
        return items if isinstance(items, list) else list(items)
    return [_as_object(item, key, of_lists or key) for item in items]


def _as_object(item: Any, key: str, of_lists: str) -> dict[str, Any]:
    item = _as_plain(item)
    if isinstance(item, dict):
        return item
    return {of_lists if isinstance(item, list) else key: item}


def _as_plain(value: Any) -> Any:
    """Return the value as one of the kinds that the columns know."""
    kind = type(value)
    if kind in _JSON_KINDS or kind in types.PLAIN_KINDS:
        return value
    for known, make in _MAKERS:
        if isinstance(value, known):
            return make(value)
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else str(value)


_MAKERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Mapping, dict),
    (str, str.__str__),
    (bool, bool),
    (int, int),
    (float, float),
    ((bytearray, memoryview), bytes),
    ((list, tuple, set, frozenset), list),
)


def cells_by_key(rows: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, list[Any]]]:
    """Return each key of the objects, in order of first appearance, with its value in every row (or None)."""
    first = rows[0]
    if set(map(len, rows)) == {len(first)}:
        try:
            return [(key, list(map(itemgetter(key), rows))) for key in first]
        except KeyError:
            pass
    keys = dict.fromkeys(chain.from_iterable(rows))
    return [(key, [row.get(key) for row in rows]) for key in keys]


def plain_cells(cells: list[Any]) -> tuple[list[Any], frozenset[type]]:
    """Return the values of a column as kinds that columns know, and those kinds without NoneType."""
    kinds = _kinds(cells)
    if not kinds <= _JSON_KINDS:
        cells = [_as_plain(value) for value in cells]
        kinds = _kinds(cells)
    return cells, kinds - {_NONE}


def _kinds(cells: Iterable[Any]) -> frozenset[type]:
    return frozenset(map(type, cells))


def _only(cells: Iterable[Any], kind: type, other: Any) -> list[Any]:
    return [value if type(value) is kind else other for value in cells]


def _first_row(cells: Iterable[Any]) -> int:
    return next(row for row, value in enumerate(cells) if value is not None)


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _positions(cells: Sequence[list[Any] | None]) -> tuple[pa.Array, pa.Array]:
    """Return, for each item of the lists, the row of its list and its place in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    offsets = pa.array(accumulate((len(cell) if cell else 0 for cell in cells), initial=0), pa.int32())
    total = offsets[-1].as_py()
    numbers = pa.array(range(total), pa.int32())
    parents = pc.list_parent_indices(pa.ListArray.from_arrays(offsets, numbers))
    return parents, pc.cast(pc.subtract(numbers, pc.take(offsets, parents)), pa.int64())


def _filtered(links: _Links, keep: list[bool]) -> _Links:
    import pyarrow as pa

    mask = pa.array(keep)
    return _Links(
        parent=links.parent.filter(mask), root=links.root.filter(mask), index=links.index.filter(mask)
    )


def _coalesce(left: pa.Array, right: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.coalesce(left, right)


def _merged(before: pa.Table | None, table: pa.Table) -> pa.Table:
    import pyarrow as pa

    return table if before is None else pa.concat_tables([before, table], promote_options="default")
