"""Records and their values by key: what becomes a column or a nested table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import types

if TYPE_CHECKING:
    import pyarrow as pa

NONE = type(None)
JSON_KINDS = frozenset({bool, int, float, str, NONE, dict, list})


@dataclass(frozen=True)
class RawColumn:
    """The values of one key path over all rows of a table.

    Args:
        source: The key path as the API wrote it, its parts joined by dots.
        values: One value a row, None for missing.
        kinds: The Python types of the values.
    """

    source: str
    values: Sequence[Any]
    kinds: frozenset[type]


def as_objects(items: Sequence[Any], key: str, *, of_lists: str | None = None) -> list[dict[str, Any]]:
    """Return the items as objects: what is none becomes one with the key ``key`` (``of_lists`` for a list)."""
    if set(map(type, items)) == {dict}:
        return items if isinstance(items, list) else list(items)
    return [_as_object(item, key, of_lists or key) for item in items]


def _as_object(item: Any, key: str, of_lists: str) -> dict[str, Any]:
    item = as_plain(item)
    if isinstance(item, dict):
        return item
    return {of_lists if isinstance(item, list) else key: item}


def as_plain(value: Any) -> Any:
    """Return the value as one of the kinds that the columns know."""
    kind = type(value)
    if kind in JSON_KINDS or kind in types.PLAIN_KINDS:
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


def values_by_key(rows: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, list[Any]]]:
    """Return each key of the objects, in order of first appearance, with its value in every row (or None)."""
    first = rows[0]
    if set(map(len, rows)) == {len(first)}:
        try:
            return [(key, list(map(itemgetter(key), rows))) for key in first]
        except KeyError:
            pass
    keys = dict.fromkeys(chain.from_iterable(rows))
    return [(key, [row.get(key) for row in rows]) for key in keys]


def plain_values(values: list[Any]) -> tuple[list[Any], frozenset[type]]:
    """Return the values of a column as kinds that columns know, and those kinds without NoneType."""
    kinds = kinds_of(values)
    if not kinds <= JSON_KINDS:
        values = [as_plain(value) for value in values]
        kinds = kinds_of(values)
    return values, kinds - {NONE}


def kinds_of(values: Iterable[Any]) -> frozenset[type]:
    """Return the Python types of the values."""
    return frozenset(map(type, values))


def only(values: Iterable[Any], kind: type, other: Any) -> list[Any]:
    """Return the values of one type, and ``other`` instead of the rest."""
    return [value if type(value) is kind else other for value in values]


def first_position(rows: Sequence[Mapping[str, Any]], column: RawColumn) -> tuple[int, int]:
    """Return the row in which a column's first value is, and the position of its key there."""
    row = next(number for number, value in enumerate(column.values) if value is not None)
    found = (
        position
        for position, key in enumerate(rows[row])
        if column.source == key or column.source.startswith(f"{key}.")
    )
    return row, next(found, 0)


def list_positions(lists: Sequence[list[Any] | None]) -> tuple[pa.Array, pa.Array]:
    """Return, for each item of the lists, the row of its list and its position in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    offsets = pa.array(accumulate((len(items) if items else 0 for items in lists), initial=0), pa.int32())
    total = offsets[-1].as_py()
    numbers = pa.array(range(total), pa.int32())
    parents = pc.list_parent_indices(pa.ListArray.from_arrays(offsets, numbers))
    return parents, pc.cast(pc.subtract(numbers, pc.take(offsets, parents)), pa.int64())
