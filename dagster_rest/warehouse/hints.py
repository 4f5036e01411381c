"""What the config says about columns and nested tables, whatever form it was written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import naming, types
from dagster_rest.warehouse.errors import HintError
from dagster_rest.warehouse.schema import (
    Column,
    ContractEntity,
    ContractMode,
    Schema,
    TableSpec,
    contract_mode,
)

if TYPE_CHECKING:
    pass

_OWN_KEYS = frozenset(
    {"name", "data_type", "nullable", "precision", "scale", "timezone", "description", "variant"}
)


class TableHints:
    """The hints of a resource, by table.

    Args:
        spec: What the resource asks for.
    """

    def __init__(self, spec: TableSpec) -> None:
        self._spec = spec
        self._nested = _nested_hints(spec.nested_hints, where=spec.where)

    def columns(self, table: str, *, root: str) -> dict[str, Column]:
        """Return the hinted columns of a table, keys first."""
        if table == root:
            keyed = [*self._spec.primary_key, *self._spec.merge_key]
            return _with_keys(
                read_columns(self._spec.columns, where=self._spec.where),
                keyed,
                required=keyed,
            )
        nested = self._nested.get(table[len(root) + len(naming.SEPARATOR) :], {})
        keyed = [*_names(nested.get("primary_key")), *_names(nested.get("merge_key"))]
        return _with_keys(read_columns(nested.get("columns"), where=self._spec.where), keyed, required=keyed)

    def contract(self, table: str, entity: ContractEntity, *, schema: Schema) -> ContractMode:
        """Return the mode that rules a table: its own, else that of the tables above it, else the resource's."""
        if self._nested:
            for path, nested in sorted(self._nested.items(), key=lambda item: -len(item[0])):
                if nested.get("schema_contract") is None:
                    continue
                inside = table.endswith(naming.SEPARATOR + path) or f"__{path}__" in table
                if inside:
                    return contract_mode(nested["schema_contract"], entity)
        return contract_mode(self._spec.schema_contract, entity)


def read_columns(columns: Any, *, where: str | None) -> dict[str, Column]:
    """Return column hints by normalised name, from a dict, a list, a pydantic model or an Arrow schema.

    Raises:
        HintError: The hints can't be read (``warehouse_invalid_hint``, ``warehouse_unknown_data_type``).
    """
    if columns is None:
        return {}
    if isinstance(columns, Mapping):
        named = [{"name": name, **_as_dict(hint)} for name, hint in columns.items()]
    elif isinstance(columns, (list, tuple)):
        named = [_as_dict(hint) for hint in columns]
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
        source=hint["name"],
        hinted=data_type is not None,
        hints={key: value for key, value in hint.items() if key not in _OWN_KEYS and value is not None},
    )


def _as_dict(hint: Any) -> dict[str, Any]:
    dump = getattr(hint, "model_dump", None)
    if callable(dump):
        dumped: dict[str, Any] = dump(exclude_none=True)
        return dumped
    return dict(hint or {})


def _with_keys(
    columns: dict[str, Column], keys: Iterable[str], *, required: Iterable[str]
) -> dict[str, Column]:
    first: dict[str, Column] = {}
    for key in keys:
        name = naming.normalize(key)
        first[name] = replace(
            columns.get(name, Column(name=name, data_type=None, source=key)), nullable=False
        )
    return {**first, **{name: column for name, column in columns.items() if name not in first}}


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _nested_hints(nested: Any, *, where: str | None) -> dict[str, Mapping[str, Any]]:
    if not nested:
        return {}
    found: dict[str, Mapping[str, Any]] = {}
    for path, hints in nested.items():
        parts = (path,) if isinstance(path, str) else tuple(path)
        found[naming.join(*(naming.normalize(part) for part in parts))] = _as_dict(hints)
    return found
