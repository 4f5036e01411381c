"""Records and what is in them, a key at a time: the cells that become a column or a nested table."""

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
class Cells:
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
    kinds = kinds_of(cells)
    if not kinds <= JSON_KINDS:
        cells = [as_plain(value) for value in cells]
        kinds = kinds_of(cells)
    return cells, kinds - {NONE}


def kinds_of(cells: Iterable[Any]) -> frozenset[type]:
    """Return the Python types of the values."""
    return frozenset(map(type, cells))


def only(cells: Iterable[Any], kind: type, other: Any) -> list[Any]:
    """Return the values of one type, and ``other`` in place of the rest."""
    return [value if type(value) is kind else other for value in cells]


def first_place(rows: Sequence[Mapping[str, Any]], cells: Cells) -> tuple[int, int]:
    """Return the row in which a column's first value is, and the place of its key there."""
    row = next(number for number, value in enumerate(cells.values) if value is not None)
    places = (place for place, key in enumerate(rows[row]) if cells.source == key or cells.source.startswith(f"{key}."))
    return row, next(places, 0)


def positions(cells: Sequence[list[Any] | None]) -> tuple[pa.Array, pa.Array]:
    """Return, for each item of the lists, the row of its list and its place in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    offsets = pa.array(accumulate((len(cell) if cell else 0 for cell in cells), initial=0), pa.int32())
    total = offsets[-1].as_py()
    numbers = pa.array(range(total), pa.int32())
    parents = pc.list_parent_indices(pa.ListArray.from_arrays(offsets, numbers))
    return parents, pc.cast(pc.subtract(numbers, pc.take(offsets, parents)), pa.int64())
