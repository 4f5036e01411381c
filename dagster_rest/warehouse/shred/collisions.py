"""Keys that become one name: one column if they agree, else an error, or a suffix that keeps both."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.errors import NameCollisionError
from dagster_rest.warehouse.shred.records import RawColumn

if TYPE_CHECKING:
    from dagster_rest.warehouse.schema import Column

_VARIANTS = "\0variants"
"""Stands for the source of variant columns: no key is spelled like that."""


@lru_cache(maxsize=65_536)
def _lost_letters(key: str) -> str:
    """Return what a key holds beyond ASCII, which its name loses; however it is composed, in capitals or not."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())
    return "".join(letter for letter in text if not letter.isascii() and not letter.isspace())


def check_same_key(name: str, source: str | None, other: str | None, *, where: str | None) -> None:
    """Refuse one name for two keys that are different words: their letters are lost in it, as ``x`` of most.

    Raises:
        NameCollisionError: Both hold letters beyond ASCII, and not the same.
    """
    if source is None or other is None or source.isascii() or other.isascii():
        return
    if _lost_letters(source) != _lost_letters(other):
        raise NameCollisionError(
            f"the keys {source!r} and {other!r} are different and both become {name!r}",
            code="warehouse_name_collision",
            where=where,
            hint="Rename one with a `map` step, or set `on_name_collision: suffix` to keep both.",
        )


def merged(name: str, columns: Sequence[RawColumn], *, where: str | None) -> RawColumn:
    """Return one column of several keys, of which no row holds two different values.

    Raises:
        NameCollisionError: A row does, or the keys are different words.
    """
    if len(columns) == 1:
        return columns[0]
    together = list(columns[0].values)
    for other in columns[1:]:
        check_same_key(name, columns[0].source, other.source, where=where)
        for row, value in enumerate(other.values):
            if value is None or value == []:
                continue
            here = together[row]
            if here not in (None, []) and (type(here) is not type(value) or here != value):
                raise NameCollisionError(
                    f"the keys {columns[0].source!r} and {other.source!r} both become {name!r}, "
                    "and one record holds both with different values",
                    code="warehouse_name_collision",
                    where=where,
                    hint="Rename one with a `map` step, or set `on_name_collision: suffix` to keep both.",
                )
            together[row] = value
    return RawColumn(columns[0].source, together, frozenset().union(*(column.kinds for column in columns)))


def reserved_name(name: str, source: str, *, where: str | None) -> NameCollisionError:
    """Return the error for a key that becomes a column this package writes."""
    return NameCollisionError(
        f"the key {source!r} becomes the column {name!r}, which is a system column of dagster_rest",
        code="warehouse_name_collision",
        where=where,
        hint="Rename the key with a `map` step, or set `on_name_collision: suffix`.",
    )


def variant_taken(name: str, source: str, *, where: str | None) -> NameCollisionError:
    """Return the error for a key that becomes the column in which values of another column's key are kept."""
    return NameCollisionError(
        f"the key {source!r} becomes the column {name!r}, and values that another column can't hold go there too",
        code="warehouse_name_collision",
        where=where,
        hint="Rename the key with a `map` step, set `on_name_collision: suffix`, or set `variant: true` in its hint if"
        " it is a variant column.",
    )


def variant_name(
    wanted: str, columns: Mapping[str, Column], *, of: Column, keys: Collection[str], suffixes: bool, where: str | None
) -> str:
    """Return the name of the column that takes what does not fit another column.

    Args:
        wanted: The name it has unless a key of the records has it.
        columns: The table's columns.
        of: The column whose type does not fit.
        keys: Names that keys of the records take now.
        suffixes: Whether a taken name gets ``_2``, ``_3`` ...
        where: The config path, for errors.

    Raises:
        NameCollisionError: The name is taken, and ``suffixes`` is False.
    """
    number, name = 1, wanted
    while True:
        there = columns.get(name)
        is_free = there is None or (there.variant and there.source in (None, of.source))
        if name not in keys and is_free:
            return name
        if not suffixes:
            raise variant_taken(name, (there.source if there else None) or name, where=where)
        number += 1
        name = f"{wanted}_{number}"


def owners(columns: Mapping[str, Column]) -> dict[str, str | None]:
    """Return the source of each column, for ``with_suffixes``; no key owns a variant."""
    return {name: _VARIANTS if column.variant else column.source for name, column in columns.items()}


def with_values_of_parent(
    record: Any, keys: Sequence[str], values: Sequence[Any], *, where: str | None
) -> dict[str, Any]:
    """Return a record with values of its parent, under keys that it has not, or has with the same value.

    Raises:
        NameCollisionError: It has one of them with another value.
    """
    own = record if isinstance(record, dict) else {"value": record}
    for key, value in zip(keys, values, strict=True):
        here = own.get(key)
        if here is not None and (type(here) is not type(value) or here != value):
            raise NameCollisionError(
                f"a record has a key {key!r}, and a value of its parent needs this name",
                code="warehouse_name_collision",
                where=where,
                hint="Rename the key of the record with a `map` step.",
            )
    return {**own, **dict(zip(keys, values, strict=True))}


def with_suffixes(
    found: Mapping[str, Sequence[RawColumn]], *, owners: Mapping[str, str | None], reserved: Collection[str]
) -> dict[str, RawColumn]:
    """Return a column for every key: the owner of a name keeps it, the others get ``_2``, ``_3`` ...

    The owner is the key that made the recorded column. A new name is owned by the key spelled like it, else by the
    first. What a key was called once, it is called again.

    Args:
        found: The keys by name.
        owners: The sources of the recorded columns.
        reserved: Names no key may own.
    """
    owned = dict(owners)
    result: dict[str, RawColumn] = {}
    for name, columns in found.items():
        spelled_alike = [column for column in columns if column.source.replace(".", "__") == name]
        for column in [*spelled_alike, *(column for column in columns if column not in spelled_alike)]:
            chosen = _own_name(name, column.source, owned, reserved)
            owned[chosen] = column.source
            result[chosen] = column
    return result


def _own_name(name: str, source: str, owned: Mapping[str, str | None], reserved: Collection[str]) -> str:
    number = 1
    while True:
        candidate = name if number == 1 else f"{name}_{number}"
        if candidate not in reserved and (candidate not in owned or owned[candidate] in (None, source)):
            return candidate
        number += 1
