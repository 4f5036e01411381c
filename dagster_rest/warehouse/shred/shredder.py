"""Records into Arrow tables: objects flattened, lists split into nested tables, one column at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, compress
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import naming
from dagster_rest.warehouse.contracts import ContractEnforcer, Quarantine
from dagster_rest.warehouse.errors import NameCollisionError, WarehouseError, depth_errors
from dagster_rest.warehouse.schema import (
    DEDUP_TEXT,
    ROW_ID,
    ROW_VERSION,
    SYSTEM_COLUMNS,
    ResourceSpec,
    StagedSchema,
    TableSchema,
)
from dagster_rest.warehouse.shred.collisions import merged, owners, reserved_name, with_suffixes
from dagster_rest.warehouse.shred.columns import Batch, ColumnMaker
from dagster_rest.warehouse.shred.flatten import flatten
from dagster_rest.warehouse.shred.hints import TableHints
from dagster_rest.warehouse.shred.records import RawColumn, as_objects, list_positions
from dagster_rest.warehouse.shred.required import check_required
from dagster_rest.warehouse.shred.system_columns import Links, RowIds
from dagster_rest.warehouse.shred.tables import TableLevel, TableMaker
from dagster_rest.warehouse.shred.versions import record_versions, reserved_columns, writes_version
from dagster_rest.warehouse.values.coercion import exact_texts

if TYPE_CHECKING:
    import pyarrow as pa

NO_LIMIT = 1000


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
        self._counters = counters
        self._row_ids = RowIds(load_id, row_numbers=row_numbers)
        self._hints = TableHints(spec)
        self._nesting = NO_LIMIT if spec.max_table_nesting is None else spec.max_table_nesting
        self._reserved = reserved_columns(spec.write_disposition)
        self._quarantine = Quarantine(spec)
        self._contract = ContractEnforcer(spec, counters=counters, quarantine=self._quarantine)
        self._columns = ColumnMaker(
            schema,
            hints=self._hints,
            contract=self._contract,
            suffixes=spec.on_name_collision == "suffix",
            where=spec.where,
        )
        self._tables = TableMaker(spec, schema=schema, hints=self._hints, contract=self._contract)
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
        """Add the tables whose columns the config names and that no record has made: they are created empty."""
        self._tables.declare(nesting=self._nesting)

    def _shred(self, records: Sequence[Any]) -> dict[str, pa.Table]:
        made: dict[str, pa.Table] = {}
        self._nested_in = {}
        for name, rows in self._by_table(self._contract.admit(as_objects(records, "value"))):
            level = TableLevel(name=name, root=name, nesting=self._nesting)
            self._add_table(made, level, rows, links=None)
        rejected = self._quarantine.take()
        if rejected:
            name = self._spec.quarantine_table
            self._add_table(made, TableLevel(name=name, root=name, nesting=0, kind="quarantine"), rejected, links=None)
        return made

    def _by_table(self, rows: list[dict[str, Any]]) -> Iterable[tuple[str, list[dict[str, Any]]]]:
        if isinstance(self._spec.table_name, str):
            return [(self._spec.table, rows)]
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            groups.setdefault(naming.normalize(str(self._spec.table_name(row))), []).append(row)
        return groups.items()

    def _add_table(
        self, made: dict[str, pa.Table], level: TableLevel, rows: list[dict[str, Any]], *, links: Links | None
    ) -> None:
        import pyarrow as pa

        if not rows:
            return
        table = self._tables.table(level, rows)
        if table is None:
            return
        columns = table.columns
        found = flatten(
            rows, nesting=level.nesting, is_json=lambda name: name in columns and columns[name].data_type == "json"
        )
        batch = Batch(table=table, rows=rows)
        resolved = self._resolved(table, found.columns)
        self._columns.make(batch, resolved)
        self._add_dedup_texts(batch, resolved)
        lists = self._lists(table, found.lists)
        if batch.dropped:
            keep = [row not in batch.dropped for row in range(len(rows))]
            self._counters["discarded_rows"] += len(batch.dropped)
            batch.arrays = {key: array.filter(pa.array(keep)) for key, array in batch.arrays.items()}
            lists = {key: replace(raw, values=list(compress(raw.values, keep))) for key, raw in lists.items()}
            links = links and links.filtered(keep)
            rows = list(compress(rows, keep))
        if not rows:
            return
        check_required(batch, where=self._spec.where)
        row_ids = self._row_ids.take(level.name, len(rows))
        arrays = batch.arrays | self._system_arrays(table, rows, row_ids, links)
        made[level.name] = _appended(made.get(level.name), pa.table(arrays))
        roots = links.root if links and table.kind == "nested" else row_ids
        for path, raw in lists.items():
            self._add_children(made, level, path, raw, ids=(row_ids, roots))

    def _add_dedup_texts(self, batch: Batch, found: Mapping[str, RawColumn]) -> None:
        """Add what the API wrote where the column that records are chosen by keeps less of it."""
        import pyarrow as pa

        column = self._hints.chooses_by(batch.table)
        if column is None or column.name not in found or column.data_type is None:
            return
        texts = exact_texts(found[column.name].values, column.data_type)
        if texts is not None:
            batch.arrays[DEDUP_TEXT] = pa.array(texts, pa.string())

    def _add_children(
        self, made: dict[str, pa.Table], above: TableLevel, path: str, raw: RawColumn, *, ids: tuple[pa.Array, pa.Array]
    ) -> None:
        import pyarrow.compute as pc

        items = list(chain.from_iterable(filter(None, raw.values)))
        if not items:
            return
        parents, index = list_positions(raw.values)
        links = Links(parent=pc.take(ids[0], parents), root=pc.take(ids[1], parents), index=index)
        standalone = self._hints.is_standalone(naming.join(above.name, path))
        level = above.below(path, standalone=standalone, source=raw.source)
        self._check_lists_are_apart(level, links, above=above.name)
        self._add_table(made, level, as_objects(items, "value", of_lists="list"), links=links)

    def _check_lists_are_apart(self, level: TableLevel, links: Links, *, above: str) -> None:
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

    def _lists(self, table: TableSchema, found: dict[str, list[RawColumn]]) -> dict[str, RawColumn]:
        sources = {
            name[len(table.name) + len(naming.SEPARATOR) :]: other.source
            for name, other in self._schema.tables.items()
            if other.kind in ("nested", "standalone") and name.startswith(table.name + naming.SEPARATOR)
        }
        if self._spec.on_name_collision == "suffix":
            return with_suffixes(found, owners=sources, reserved=frozenset())
        return {name: merged(name, raw, where=self._spec.where) for name, raw in found.items()}

    def _resolved(self, table: TableSchema, found: dict[str, list[RawColumn]]) -> dict[str, RawColumn]:
        reserved = self._reserved if table.kind == "root" else SYSTEM_COLUMNS
        if self._spec.on_name_collision == "suffix":
            return with_suffixes(found, owners=owners(table.columns), reserved=reserved)
        taken = reserved.intersection(found)
        for name in taken:
            raise reserved_name(name, found[name][0].source, where=self._spec.where)
        return {name: merged(name, raw, where=self._spec.where) for name, raw in found.items()}

    def _system_arrays(
        self, table: TableSchema, rows: list[dict[str, Any]], row_ids: pa.Array, links: Links | None
    ) -> dict[str, pa.Array]:
        import pyarrow as pa

        if links is not None:
            return {**links.columns(), ROW_ID: row_ids}
        if table.kind == "root" and writes_version(self._spec.write_disposition):
            return {ROW_VERSION: pa.array(record_versions(rows), pa.string()), ROW_ID: row_ids}
        return {ROW_ID: row_ids}


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
