"""The columns of a batch of rows: typed by their first values, widened, with variants for what does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import naming, types
from dagster_rest.warehouse.contracts import ContractEnforcer
from dagster_rest.warehouse.errors import HintError
from dagster_rest.warehouse.schema import Column, ContractMode, StagedSchema, TableSchema
from dagster_rest.warehouse.shred.collisions import check_same_key, variant_name, variant_taken
from dagster_rest.warehouse.shred.hints import TableHints
from dagster_rest.warehouse.shred.records import NONE, RawColumn, first_position, kinds_of
from dagster_rest.warehouse.values.conversion import Converted, convert, convert_key
from dagster_rest.warehouse.values.inference import infer_key_type, infer_type, infer_variant_type, widened_type
from dagster_rest.warehouse.values.text import as_text

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(kw_only=True)
class Batch:
    """The rows of one table while their columns are made.

    Args:
        table: The table.
        rows: The rows.
        keys: The names that their keys take.
        arrays: The columns made so far.
        dropped: Numbers of the rows that the schema contract drops.
        misfits: Values, with the number of their row, that a column could not take.
    """

    table: TableSchema
    rows: list[dict[str, Any]]
    keys: frozenset[str] = frozenset()
    arrays: dict[str, pa.Array] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)
    misfits: dict[str, Sequence[tuple[int, Any]]] = field(default_factory=dict)


class ColumnMaker:
    """Makes the columns of one load's batches; the schema decides their types, and grows with what the data brings.

    Args:
        schema: Known tables; changed in place.
        hints: What the config says of columns.
        contract: Enforces the schema contract.
        suffixes: Whether names that are taken get a suffix, instead of an error.
        where: The config path, for errors.
    """

    def __init__(
        self, schema: StagedSchema, *, hints: TableHints, contract: ContractEnforcer, suffixes: bool, where: str | None
    ) -> None:
        self._suffixes = suffixes
        self._where = where
        self._schema = schema
        self._hints = hints
        self._contract = contract

    def make(self, batch: Batch, found: Mapping[str, RawColumn]) -> None:
        """Add the arrays of the columns to the batch, those that are there already first.

        Args:
            batch: The rows.
            found: Their values by column name.

        Raises:
            NameCollisionError: A key has the name of a variant column.
            HintError: A hint gives a variant column a type that does not hold its values.
        """
        batch.keys = frozenset(found)
        new = [name for name in found if not self._has_type(batch.table, name)]
        first_seen = {name: first_position(batch.rows, found[name]) for name in new}
        order = [name for name in found if name not in first_seen]
        for name in [*order, *sorted(new, key=first_seen.__getitem__)]:
            self._convert(batch, name, found[name])

    def _has_type(self, table: TableSchema, name: str) -> bool:
        column = table.columns.get(name)
        return column is not None and column.data_type is not None

    def _convert(self, batch: Batch, name: str, raw: RawColumn) -> None:
        column = batch.table.columns.get(name)
        if column is not None and column.variant:
            raise variant_taken(name, raw.source, where=self._where)
        if column is not None:
            check_same_key(name, column.source, raw.source, where=self._where)
        if column is None or column.data_type is None:
            column = self._new_column(batch, name, raw, column)
            if column is None:
                return
        assert column.data_type is not None
        converted = self._converted(batch.table, column, raw)
        if converted.rejected:
            column, converted = self._widen(batch.table, column, raw, converted)
        batch.arrays[name] = converted.array
        if converted.rejected:
            batch.misfits[name] = converted.rejected
            self._add_variants(batch, column, raw, converted.rejected)

    def _converted(self, table: TableSchema, column: Column, raw: RawColumn) -> Converted:
        assert column.data_type is not None
        if column.name in self._hints.exact_columns(table):
            return convert_key(raw.values, raw.kinds, column.data_type)
        return convert(raw.values, raw.kinds, column.data_type, rounding="scale" in column.hints)

    def _new_column(self, batch: Batch, name: str, raw: RawColumn, hinted: Column | None) -> Column | None:
        table = batch.table
        mode = "evolve" if table.is_new or hinted is not None else self._hints.contract(table.name, "columns")
        if mode != "evolve":
            found = ((row, value) for row, value in enumerate(raw.values) if value is not None)
            self._reject(mode, "a new column", batch, name, found)
            return None
        infer = infer_key_type if name in self._hints.exact_columns(table) else infer_type
        data_type = infer(raw.values, raw.kinds)
        base = hinted or Column(name=name, data_type=None)
        column = replace(base, data_type=data_type, source=raw.source)
        self._schema.add_column(table, column)
        return column

    def _reject(
        self, mode: ContractMode, what: str, batch: Batch, column: str, found: Iterable[tuple[int, Any]]
    ) -> None:
        self._contract.reject(
            mode, found, what=what, table=batch.table.name, column=column, rows=batch.rows, dropped=batch.dropped
        )

    def _widen(
        self, table: TableSchema, column: Column, raw: RawColumn, converted: Converted
    ) -> tuple[Column, Converted]:
        assert column.data_type is not None
        wider = None if column.hinted else widened_type(raw.values, raw.kinds, column.data_type)
        if wider is None or self._hints.contract(table.name, "data_type") != "evolve":
            return column, converted
        column = self._schema.set_type(table, column, wider)
        return column, self._converted(table, column, raw)

    def _add_variants(self, batch: Batch, column: Column, raw: RawColumn, rejected: Sequence[tuple[int, Any]]) -> None:
        mode = self._hints.contract(batch.table.name, "data_type")
        if mode != "evolve":
            self._reject(mode, f"no {column.data_type}", batch, column.name, rejected)
            return
        by_kind: dict[str, list[tuple[int, Any]]] = {}
        for row, value in rejected:
            by_kind.setdefault(types.variant_suffix(value), []).append((row, value))
        for suffix, found in by_kind.items():
            self._add_variant(batch, column, suffix, found)

    def _add_variant(self, batch: Batch, column: Column, suffix: str, found: Sequence[tuple[int, Any]]) -> None:
        import pyarrow.compute as pc

        name = variant_name(
            naming.join(column.name, f"v_{suffix}"),
            batch.table.columns,
            of=column,
            keys=batch.keys,
            suffixes=self._suffixes,
            where=self._where,
        )
        sparse: list[Any] = [None] * len(batch.rows)
        for row, value in found:
            sparse[row] = value
        kinds = kinds_of(sparse) - {NONE}
        variant = self._variant(batch.table, column, name, suffix, sparse, kinds)
        assert variant.data_type is not None
        converted = convert(sparse, kinds, variant.data_type)
        earlier = batch.arrays.get(name)
        batch.arrays[name] = converted.array if earlier is None else pc.coalesce(earlier, converted.array)
        if converted.rejected and suffix == "text":
            raise HintError(
                f"values of {column.name!r} that are no {column.data_type} go to {name!r}, which by its hint is "
                f"{variant.data_type} and can't hold them",
                code="warehouse_hint_conflict",
                where=self._where,
                hint=f"Give {name!r} the data type text.",
            )
        if converted.rejected:
            texts = [(row, as_text(value)) for row, value in converted.rejected]
            self._add_variant(batch, column, "text", texts)

    def _variant(
        self, table: TableSchema, column: Column, name: str, suffix: str, sparse: list[Any], kinds: frozenset[type]
    ) -> Column:
        variant = table.columns.get(name)
        if variant is None or variant.data_type is None:
            data_type = infer_variant_type(sparse, kinds, suffix)
            variant = Column(name=name, data_type=data_type, source=column.source, variant=True)
            self._schema.add_column(table, variant)
        assert variant.data_type is not None
        wider = widened_type(sparse, kinds, variant.data_type)
        return variant if wider is None else self._schema.set_type(table, variant, wider)
