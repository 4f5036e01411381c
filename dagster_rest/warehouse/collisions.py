"""Keys that become one name: one column if they agree, else an error, or a suffix that keeps both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dagster_rest.warehouse.cells import Cells
from dagster_rest.warehouse.errors import NameCollisionError


def merged(name: str, cells: Sequence[Cells], *, where: str | None) -> Cells:
    """Return one column of several keys, of which no row holds two different values.

    Raises:
        NameCollisionError: A row does.
    """
    if len(cells) == 1:
        return cells[0]
    together = list(cells[0].values)
    for other in cells[1:]:
        for row, value in enumerate(other.values):
            if value is None or value == []:
                continue
            here = together[row]
            if here not in (None, []) and (type(here) is not type(value) or here != value):
                raise NameCollisionError(
                    f"the keys {cells[0].source!r} and {other.source!r} both become {name!r}, "
                    "and one record holds both with different values",
                    code="warehouse_name_collision",
                    where=where,
                    hint="Rename one with a `map` step, or set `on_name_collision: suffix` to keep both.",
                )
            together[row] = value
    return Cells(cells[0].source, together, frozenset().union(*(cell.kinds for cell in cells)))


def reserved_name(name: str, source: str, *, where: str | None) -> NameCollisionError:
    """Return the error for a key that becomes a column this package writes."""
    return NameCollisionError(
        f"the key {source!r} becomes the column {name!r}, which dagster_rest writes itself",
        code="warehouse_name_collision",
        where=where,
        hint="Rename the key with a `map` step, or set `on_name_collision: suffix`.",
    )


def with_suffixes(
    found: Mapping[str, Sequence[Cells]], *, owners: Mapping[str, str | None], reserved: Collection[str]
) -> dict[str, Cells]:
    """Return a column for every key: the owner of a name keeps it, the others get ``_2``, ``_3`` ...

    The owner is the key that made the recorded column. A new name is owned by the key spelled like it, else by the
    first. What a key was called once, it is called again.

    Args:
        found: The keys by name.
        owners: The sources of the recorded columns.
        reserved: Names no key may own.
    """
    owned = dict(owners)
    result: dict[str, Cells] = {}
    for name, cells in found.items():
        spelled_alike = [cell for cell in cells if cell.source.replace(".", "__") == name]
        for cell in [*spelled_alike, *(cell for cell in cells if cell not in spelled_alike)]:
            chosen = _own_name(name, cell.source, owned, reserved)
            owned[chosen] = cell.source
            result[chosen] = cell
    return result


def _own_name(name: str, source: str, owned: Mapping[str, str | None], reserved: Collection[str]) -> str:
    number = 1
    while True:
        candidate = name if number == 1 else f"{name}_{number}"
        if candidate not in reserved and (candidate not in owned or owned[candidate] in (None, source)):
            return candidate
        number += 1
