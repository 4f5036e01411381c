"""What the config says about columns and nested tables, whatever form it was written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import naming, types
from dagster_rest.warehouse.errors import HintError
from dagster_rest.warehouse.schema import (
    Column,
    ContractEntity,
    ContractMode,
    ResourceSpec,
    TableSchema,
    contract_mode,
    dedup_column,
)
from dagster_rest.warehouse.shred.versions import added_columns

if TYPE_CHECKING:
    from dagster_rest.config.model.table.disposition import WriteDisposition

_OWN_KEYS = frozenset({"name", "data_type", "nullable", "timezone", "description", "variant"})


@dataclass(frozen=True)
class Keys:
    """The key columns of a table, normalised."""

    primary: tuple[str, ...] = ()
    merge: tuple[str, ...] = ()


class TableHints:
    """The hints of a resource, by table.

    Args:
        spec: What the resource asks for.
    """

    def __init__(self, spec: ResourceSpec) -> None:
        self._spec = spec
        self._exact: dict[str, frozenset[str]] = {}

    @cached_property
    def _nested(self) -> dict[str, Mapping[str, Any]]:
        return _nested_hints(self._spec.nested_hints, where=self._spec.where)

    @property
    def paths(self) -> list[tuple[str, ...]]:
        """The paths of the nested tables that have hints, normalised, below the root table."""
        return [tuple(map(naming.normalize, _parts(path))) for path in self._spec.nested_hints or ()]

    def named(self, path: Sequence[str]) -> Iterable[Column]:
        """Return the columns that the config names for the root table (no path) or a nested one."""
        hints = self._spec.columns if not path else self._nested.get(naming.join(*path), {}).get("columns")
        return read_columns(hints, where=self._spec.where).values()

    def columns(self, table: TableSchema) -> dict[str, Column]:
        """Return the hinted columns of a table: those of the write strategy, keys, then the others."""
        if table.kind == "root":
            keyed = [*self._spec.primary_key, *self._spec.merge_key]
            added = added_columns(self._spec.write_disposition)
            columns = read_columns(self._spec.columns, where=self._spec.where)
        else:
            nested = self._nested.get(self.path(table.name), {})
            keyed = [*_names(nested.get("primary_key")), *_names(nested.get("merge_key"))]
            added = []
            columns = read_columns(nested.get("columns"), where=self._spec.where)
        return {column.name: column for column in added} | _with_keys(columns, keyed)

    def keys(self, table: TableSchema) -> Keys:
        """Return the keys of a table at the top of a family."""
        if table.kind == "root":
            found = self._spec.primary_key, self._spec.merge_key
        elif table.kind == "standalone":
            nested = self._nested.get(self.path(table.name), {})
            found = _names(nested.get("primary_key")), _names(nested.get("merge_key"))
        else:
            return Keys()
        primary, merge = (tuple(naming.normalize(key) for key in keys) for keys in found)
        return Keys(primary, merge)

    def exact_columns(self, table: TableSchema) -> frozenset[str]:
        """Return the columns whose values are never cut or rounded, for rows of a table replace one another by them."""
        if table.name not in self._exact:
            keys, disposition = self.keys(table), self.write_disposition(table)
            merges = disposition.disposition == "merge"
            version = disposition.options.get("row_version_column_name")
            named = [*keys.primary, *keys.merge, *([naming.normalize(version)] if version else [])]
            self._exact[table.name] = frozenset(named if merges else [])
        return self._exact[table.name]

    def chooses_by(self, table: TableSchema) -> Column | None:
        """Return the column by which one of several records with a key is chosen, None if records are not compared."""
        keyed = self.keys(table).primary and self.write_disposition(table).disposition == "merge"
        return dedup_column(table) if keyed else None

    def is_standalone(self, table: str) -> bool:
        """Say if a nested table has a key of its own, which makes it a table of its own."""
        nested = self._nested.get(self.path(table), {})
        return bool(nested.get("primary_key") or nested.get("merge_key"))

    def write_disposition(self, table: TableSchema) -> WriteDisposition:
        """Return how a table at the top of a family is written."""
        from dagster_rest.config.model.table.disposition import WriteDisposition

        if table.kind == "root":
            return self._spec.write_disposition
        if table.kind == "quarantine":
            return WriteDisposition(disposition="append")
        own = self._nested.get(self.path(table.name), {}).get("write_disposition") or "append"
        if isinstance(own, str):
            return WriteDisposition(disposition=own)  # type: ignore[arg-type]
        options = _as_dict(own)
        return WriteDisposition(
            disposition=options.pop("disposition"), strategy=options.pop("strategy", None), options=options
        )

    def contract(self, table: str, entity: ContractEntity) -> ContractMode:
        """Return the mode that rules a table: its own, else that of the tables above it, else the resource's."""
        path = self.path(table)
        while path and self._nested:
            contract = self._nested.get(path, {}).get("schema_contract")
            if contract is not None:
                return contract_mode(contract, entity)
            path = path.rpartition(naming.SEPARATOR)[0]
        return contract_mode(self._spec.schema_contract, entity)

    def path(self, table: str) -> str:
        """Return the path of a nested table below the root table."""
        if self._spec.has_fixed_table:
            return table.removeprefix(self._spec.table).removeprefix(naming.SEPARATOR)
        return next((path for path in self._nested if table.endswith(naming.SEPARATOR + path)), "")


def read_columns(columns: Any, *, where: str | None) -> dict[str, Column]:
    """Return column hints by normalised name, from a dict, a list, a pydantic model or an Arrow schema.

    Raises:
        HintError: The hints can't be read (``warehouse_invalid_hint``, ``warehouse_unknown_data_type``).
    """
    if columns is None:
        return {}
    named: Iterable[Mapping[str, Any]]
    if isinstance(columns, Mapping):
        named = [{"name": name, **_as_dict(hint)} for name, hint in columns.items()]
    elif isinstance(columns, (list, tuple)):
        named = [_as_dict(hint) for hint in columns]
    elif isinstance(columns, type) and hasattr(columns, "model_fields"):
        from dagster_rest.warehouse.pydantic_models import model_hints

        named = model_hints(columns)
    elif hasattr(columns, "names") and hasattr(columns, "field"):
        named = [_arrow_hint(columns.field(name), where=where) for name in columns.names]
    else:
        raise HintError(
            f"`columns` of type {type(columns).__name__} can't be read",
            code="warehouse_invalid_hint",
            where=where,
            hint="Give a dict, a list, a pydantic model or an Arrow schema.",
        )
    return {column.name: column for column in (_column(hint, where=where) for hint in named)}


def _column(hint: Mapping[str, Any], *, where: str | None) -> Column:
    if not hint.get("name"):
        raise HintError(
            "a column hint has no `name`",
            code="warehouse_invalid_hint",
            where=where,
            hint="In a list each hint names its column.",
        )
    data_type = hint.get("data_type")
    if data_type is not None:
        data_type = types.parse_data_type(
            data_type,
            precision=hint.get("precision"),
            scale=hint.get("scale"),
            timezone=hint.get("timezone") is not False,
        )
    is_key = bool(hint.get("primary_key") or hint.get("merge_key"))
    nullable = hint.get("nullable")
    return Column(
        name=naming.normalize(hint["name"]),
        data_type=data_type,
        nullable=(not is_key) if nullable is None else bool(nullable),
        description=hint.get("description"),
        source=None if hint.get("variant") else hint["name"],
        variant=bool(hint.get("variant")),
        hinted=data_type is not None,
        hints={key: value for key, value in hint.items() if key not in _OWN_KEYS and value is not None},
    )


def _arrow_hint(field: Any, *, where: str | None) -> Mapping[str, Any]:
    import pyarrow.types as kinds

    kind = field.type
    hint: dict[str, Any] = {"name": field.name, "nullable": field.nullable}
    checks = (
        (kinds.is_boolean, "bool"),
        (kinds.is_integer, "bigint"),
        (kinds.is_floating, "double"),
        (kinds.is_timestamp, "timestamp"),
        (kinds.is_date, "date"),
        (kinds.is_time, "time"),
        (kinds.is_decimal, "decimal"),
        (kinds.is_nested, "json"),
        (lambda kind: kinds.is_string(kind) or kinds.is_large_string(kind), "text"),
        (lambda kind: kinds.is_binary(kind) or kinds.is_large_binary(kind), "binary"),
    )
    hint["data_type"] = next((name for check, name in checks if check(kind)), None)
    if hint["data_type"] is None:
        raise HintError(
            f"the Arrow type {kind} of {field.name!r} has no counterpart",
            code="warehouse_unknown_data_type",
            where=where,
        )
    if hint["data_type"] == "decimal":
        hint |= {"precision": kind.precision, "scale": kind.scale}
    if hint["data_type"] == "timestamp":
        hint["timezone"] = kind.tz is not None
    return hint


def _as_dict(hint: Any) -> dict[str, Any]:
    dump = getattr(hint, "model_dump", None)
    if callable(dump):
        dumped: dict[str, Any] = dump(exclude_none=True)
        return dumped
    return dict(hint or {})


def _with_keys(columns: dict[str, Column], keys: Sequence[str]) -> dict[str, Column]:
    first: dict[str, Column] = {}
    for key in keys:
        name = naming.normalize(key)
        first[name] = replace(columns.get(name, Column(name=name, data_type=None, source=key)), nullable=False)
    return {**first, **{name: column for name, column in columns.items() if name not in first}}


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _nested_hints(nested: Any, *, where: str | None) -> dict[str, Mapping[str, Any]]:
    if not nested:
        return {}
    if not isinstance(nested, Mapping):
        raise HintError(
            f"`nested_hints` of type {type(nested).__name__} can't be read",
            code="warehouse_invalid_hint",
            where=where,
            hint="Give a dict from the path of a nested table to its hints.",
        )
    found: dict[str, Mapping[str, Any]] = {}
    for path, hints in nested.items():
        found[naming.join(*(naming.normalize(part) for part in _parts(path)))] = _shallow(hints)
    return found


def _parts(path: Any) -> tuple[str, ...]:
    return (path,) if isinstance(path, str) else tuple(path)


def _shallow(hints: Any) -> dict[str, Any]:
    """Return the set fields of a model without turning what they hold into dicts too."""
    fields = getattr(type(hints), "model_fields", None)
    if fields is None:
        return dict(hints or {})
    return {name: getattr(hints, name) for name in fields if getattr(hints, name) is not None}
