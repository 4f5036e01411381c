"""Random histories: each number gives one, whatever machine it runs on."""

from __future__ import annotations

import random
from typing import Any

from tests.reliability.simulation.actors import POINTS
from tests.reliability.simulation.history import Action
from tests.reliability.simulation.kinds import KINDS, PARTITIONS, Kind

Plan = tuple[str, int, tuple[Action, ...]]
"""The kind, how many rows the API begins with, and what happens."""

_DOUBLY = ("plain", "incremental", "windowed", "child_all")
# Most can go wrong where nothing but the ledger keeps rows from counting twice.
_TURNS = [*KINDS, *(kind for kind in KINDS if kind.disposition == "append" and kind.shape in _DOUBLY)]
_WEIGHTS = {
    "before_transaction": 4,
    "after_commit": 5,
    "reported": 4,
    "in_transaction": 2,
    "before_confirm": 2,
    "after_confirm": 2,
    "yielded": 2,
    "asks_dagster": 2,
    "page_staged": 2,
    "end": 8,
}


def plan_of(seed: int) -> Plan:
    """The history of a number.

    Args:
        seed: Any number; neighbours go through the kinds in turn.
    """
    return Script(random.Random(seed), _TURNS[seed % len(_TURNS)]).write()


class Script:
    """Writes one history.

    Args:
        rng: Where chance comes from.
        kind: What is loaded.
    """

    def __init__(self, rng: random.Random, kind: Kind) -> None:
        self.rng, self.kind = rng, kind
        self.actions: list[Action] = []
        self.labels: list[str] = []
        self.open: list[str] = []
        self._requests: dict[str, str] = {}

    def write(self) -> Plan:
        """The whole history."""
        rows = self.rng.randint(2, 9)
        if self.rng.random() < 0.5:
            self._complete_run()
            self._api()
        runs = self.rng.randint(2, 4)
        begun = len(self.labels)
        while len(self.labels) - begun < runs:
            self._turn()
        for _ in range(self.rng.randint(0, 2)):
            self._turn()
        return self.kind.name, rows, tuple(self.actions)

    def _add(self, *action: Any) -> None:
        self.actions.append(action)

    def _turn(self) -> None:
        """A run begins and goes somewhere, or one that stands goes on; then the world may change."""
        if self.open and self.rng.random() < 0.45:
            self._go(self.rng.choice(self.open))
        elif len(self.labels) < 6:
            self._begin()
        if self.rng.random() < 0.55:
            self._happen()

    def _label(self) -> str:
        self.labels.append("ABCDEFGHIJKLMNOP"[len(self.labels)])
        return self.labels[-1]

    def _complete_run(self) -> None:
        label = self._label()
        self._add("run", label, "ordinary", self._partitions())
        self._add("go", label, "end")

    def _partitions(self) -> tuple[str, ...]:
        if self.kind.shape != "partitioned":
            return ()
        first = self.rng.randrange(len(PARTITIONS))
        last = self.rng.randint(first, len(PARTITIONS) - 1) if self.rng.random() < 0.4 else first
        return PARTITIONS[first : last + 1]

    def _begin(self) -> None:
        earlier = list(self.labels)
        label = self._label()
        draw = self.rng.random()
        if earlier and draw < 0.2:
            self._add("retry", label, self.rng.choice(earlier[-2:]))
        elif earlier and draw < 0.4:
            old = self.rng.choice(earlier[-2:])
            if self.rng.random() < 0.7:
                self._add("over", old, self.rng.choice(["failed", "canceled"]))
            self._add("again", label, old, self.rng.random() < 0.7)
        else:
            self._requests[label] = self._request()
            self._add("run", label, self._requests[label], self._partitions())
        if self.rng.random() < 0.08:
            self._add("no_confirm", label)
        if self.rng.random() < 0.04:
            self._add("fail", label)
        self.open.append(label)
        self._go(label)

    def _follow(self, dead: str) -> None:
        """Somebody takes up what a dead run left: soon or late, and perhaps after somebody else."""
        if self.rng.random() < 0.5:
            self._add("jump", 2)
        if self.rng.random() < 0.5:
            self._api()
        if self.rng.random() < 0.25:
            self._complete_run()
        label, draw = self._label(), self.rng.random()
        if draw < 0.4:
            self._add("retry", label, dead)
        elif draw < 0.75:
            self._add("over", dead, "failed")
            self._add("again", label, dead, self.rng.random() < 0.7)
        else:
            self._add("run", label, self._requests.get(dead, "ordinary"), self._partitions())
        self._add("go", label, "end")

    def _request(self) -> str:
        draw = self.rng.random()
        if self.kind.keeps_cursor and draw < 0.35:
            return "range"
        return "full" if draw > 0.93 else "ordinary"

    def _go(self, label: str) -> None:
        weights = [_WEIGHTS.get(point, 1) for point in POINTS]
        point = self.rng.choices(POINTS, weights)[0]
        self._add("go", label, point)
        if point == "end":
            self.open.remove(label)
            return
        draw = self.rng.random()
        if draw < 0.4:
            self._add("die", label)
            self.open.remove(label)
            if draw < 0.25 and len(self.labels) < 6:
                self._follow(label)
                return
        if draw < 0.15 or 0.4 < draw < 0.65:
            self._add("over", label, self.rng.choice(["failed", "failed", "canceled", "deleted"]))

    def _happen(self) -> None:
        # Only one shape has a cursor field that can change, so that it would hardly ever happen.
        if self.kind.shape == "incremental" and self.rng.random() < 0.12:
            self._add("alter")
        draw = self.rng.random()
        if draw < 0.42:
            self._api()
        elif draw < 0.60:
            self._add("jump", self.rng.choice([0.2, 2, 2, 26]))
        elif draw < 0.68:
            self._add("copy")
        elif draw < 0.74:
            self._add("restore")
        elif draw < 0.77:
            self._add("lose")
        elif draw < 0.84:
            self._add("drop", self.rng.choice(["root", "nested"]))
        elif draw < 0.88:
            self._add("wipe")
        elif draw < 0.93:
            self._add("alter")
        elif self.labels:
            self._add("over", self.rng.choice(self.labels), "deleted")

    def _api(self) -> None:
        what = self.rng.choice(["add", "add", "change", "remove"])
        name = "users" if self.kind.shape == "product" and self.rng.random() < 0.5 else "items"
        self._add("api", what, self.rng.randint(1, 3), name)
        if self.kind.parents and self.rng.random() < 0.7:
            self._add("parents")
