"""Objects flattened: the scalar columns and the lists that the rows of one table hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dagster_rest.warehouse import naming
from dagster_rest.warehouse.shred.records import JSON_KINDS, NONE, RawColumn, as_plain, kinds_of, only, values_by_key
from dagster_rest.warehouse.values.text import check_text

_NESTED = frozenset({dict, list})


@dataclass
class Flattened:
    """What the objects of one table hold, by normalised name: several keys may become one name.

    Args:
        columns: Scalar values, and nested ones that stay JSON.
        lists: Lists, which become nested tables.
    """

    columns: dict[str, list[RawColumn]] = field(default_factory=dict)
    lists: dict[str, list[RawColumn]] = field(default_factory=dict)


def flatten(rows: Sequence[Mapping[str, Any]], *, nesting: int, is_json: Callable[[str], bool]) -> Flattened:
    """Return the columns and lists of objects, those of nested objects included.

    Args:
        rows: The objects.
        nesting: Levels of nested objects and lists; what is deeper stays one JSON column.
        is_json: Whether a column of that name is JSON already, and keeps nested values whole.
    """
    found = Flattened()
    _collect(found, rows, prefix="", source="", nesting=nesting, is_json=is_json)
    return found


def _collect(
    found: Flattened,
    rows: Sequence[Mapping[str, Any]],
    *,
    prefix: str,
    source: str,
    nesting: int,
    is_json: Callable[[str], bool],
) -> None:
    for key, values in values_by_key(rows):
        name = naming.join(prefix, naming.normalize(check_text(str(key))))
        path = f"{source}.{key}" if source else str(key)
        _add(found, name, RawColumn(path, values, kinds_of(values)), nesting=nesting, is_json=is_json)


def _add(found: Flattened, name: str, raw: RawColumn, *, nesting: int, is_json: Callable[[str], bool]) -> None:
    if not raw.kinds <= JSON_KINDS:
        plain = [as_plain(value) for value in raw.values]
        raw = RawColumn(raw.source, plain, kinds_of(plain))
    kinds = raw.kinds - {NONE}
    if not kinds:
        return
    if kinds.isdisjoint(_NESTED) or nesting <= 0 or is_json(name):
        found.columns.setdefault(name, []).append(replace(raw, kinds=kinds))
        return
    if dict in kinds:
        objects = raw.values if raw.kinds == {dict} else only(raw.values, dict, {})
        _collect(found, objects, prefix=name, source=raw.source, nesting=nesting - 1, is_json=is_json)
    if list in kinds:
        lists = raw.values if kinds == {list} else only(raw.values, list, None)
        found.lists.setdefault(name, []).append(RawColumn(raw.source, lists, frozenset({list})))
    scalars = kinds - _NESTED
    if scalars:
        rest = [None if type(value) in _NESTED else value for value in raw.values]
        found.columns.setdefault(name, []).append(RawColumn(raw.source, rest, scalars))
