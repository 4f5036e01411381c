"""From the loads that count to the rows of a table: what each write disposition makes of them, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.reliability.simulation.kinds import Kind

Record = tuple[Any, ...]
Loads = tuple["Load", ...]


@dataclass(frozen=True)
class Load:
    """One load that counts: who made it, for what, and what it brought; the first window of a range begins it.

    ``reported`` is the moment since which an event names it, 0 before that.
    """

    owner: int
    run: str
    request: str
    rows: tuple[Record, ...]
    partitions: tuple[str, ...] = ()
    consumed: frozenset[int] = frozenset()
    reported: int = 0
    confirmed: bool = False
    begins: bool = True


def table_of(kind: Kind, loads: Loads, *, days: Mapping[Record, str]) -> Counter[Record]:
    """The table of a resource after these loads.

    Args:
        kind: The resource.
        loads: The loads that count, in the order of their commits.
        days: The partition of each version of a row.
    """
    if kind.shape == "partitioned":
        return _partitions(loads, days, by_key=kind.disposition == "merge")
    if kind.disposition == "append":
        by_cursor = {row for one in loads if kind.keeps_cursor and one.request != "range" for row in one.rows}
        asked_for = [row for one in loads if not kind.keeps_cursor or one.request == "range" for row in one.rows]
        return Counter(by_cursor) + Counter(asked_for)
    if kind.disposition == "replace":
        first = max((number for number, one in enumerate(loads) if one.begins), default=0)
        return Counter(row for one in loads[first:] for row in one.rows)
    if kind.disposition == "merge":
        return Counter({row[0]: row for one in loads for row in one.rows}.values())
    return _versions(loads, whole=kind.shape in ("plain", "child_all"))


def _versions(loads: Loads, *, whole: bool) -> Counter[Record]:
    """All versions, each with whether it is the row's present one; what a whole load lacks is gone."""
    active: dict[Any, Record] = {}
    closed: list[Record] = []
    for one in loads:
        new = {row[0]: row for row in one.rows}
        over = [row for key, row in active.items() if (key in new or whole) and new.get(key) != row]
        closed += [(*row[:-1], False, row[-1]) for row in over]
        active = {key: row for key, row in active.items() if row not in over} | new
    return Counter([*closed, *((*row[:-1], True, row[-1]) for row in active.values())])


def _partitions(loads: Loads, days: Mapping[Record, str], *, by_key: bool) -> Counter[Record]:
    """A load replaces its partitions; where rows have a key, a row that moved is in its new partition alone."""
    held: dict[Any, tuple[str, Record]] = {}
    for number, one in enumerate(loads):
        held = {key: kept for key, kept in held.items() if kept[0] not in one.partitions}
        for row in one.rows:
            if days[row] in one.partitions:
                held[row[0] if by_key else (number, row)] = (days[row], row)
    return Counter(row for _, row in held.values())


def record(key: int, version: int) -> Record:
    """A row of ``items`` as the comparison sees it: with its nested rows at the end."""
    return (key, version, tuple(f"{key}.{version}.{number}" for number in range(key % 3)))
