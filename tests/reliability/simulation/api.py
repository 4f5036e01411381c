"""The API of the simulation: rows that change; a list is served as it stood when its first page was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

BASE_URL = "http://api.test"
EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
PAGE = 4
_TEN_YEARS = timedelta(days=3653)


@dataclass
class Clock:
    """The present of everybody in a history."""

    at: datetime = EPOCH + timedelta(hours=32)

    def __call__(self) -> datetime:
        """The present."""
        return self.at

    def time(self) -> float:
        """The present in seconds since 1970."""
        return self.at.timestamp()

    def tick(self, **by: float) -> None:
        """Let time pass."""
        self.at += timedelta(**by)


def text(moment: datetime) -> str:
    """A moment as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, order=True)
class Row:
    """One version of a row. No two versions of the whole history have the same ``at``."""

    id: int
    v: int
    at: str

    def as_json(self) -> dict[str, Any]:
        """What goes over the wire; ``revised`` is another cursor field, ten years behind ``at``."""
        moment = datetime.fromisoformat(self.at.replace("Z", "+00:00"))
        return {
            "id": self.id,
            "v": self.v,
            "at": self.at,
            "revised": text(moment - _TEN_YEARS),
            "tags": [f"{self.id}.{self.v}.{number}" for number in range(self.id % 3)],
        }


@dataclass
class Fetch:
    """One list as it was served: what it was asked for, who asked, what it held.

    Attributes:
        owner: The number of the actor that began it.
        since: Start of the range that was asked for, or None.
        until: Its end, or None.
        rows: The rows in that range at the time of the first page.
        committed: Whether a commit of its owner followed.
    """

    owner: int
    path: str
    since: str | None
    until: str | None
    rows: tuple[Row, ...]
    committed: bool = False


@dataclass
class Api:
    """Rows by resource, and a log of what was served.

    Attributes:
        who: The number of the actor that is at work.
        is_alive: Whether the process of an actor lives.
        served: For each page of a list: whose it was, and the number of the fetch.
        failing: The actors whose next request is answered with an error.
    """

    clock: Clock
    is_alive: Callable[[int], bool] = lambda _: True
    who: int = -1
    lists: dict[str, dict[int, Row]] = field(default_factory=lambda: {"items": {}, "users": {}})
    fetches: list[Fetch] = field(default_factory=list)
    failing: set[int] = field(default_factory=set)
    served: list[tuple[int, int]] = field(default_factory=list)
    _version: int = 0
    _next_id: int = 1

    def begin(self, count: int) -> None:
        """The rows that are there before anybody asks, spread over the time before the present."""
        span = (self.clock.at - EPOCH - timedelta(hours=1)) / max(count, 1)
        for number in range(count):
            self._put("items", self._new_id(), EPOCH + timedelta(minutes=7, seconds=number * 2 + 1) + span * number)
        for number in range(2):
            self._put("users", self._new_id(), EPOCH + timedelta(minutes=9, seconds=number * 2 + 1))

    def change(self, name: str, what: str, count: int) -> None:
        """Add, change or remove rows; the cursor field of a changed row moves on.

        Args:
            name: ``items`` or ``users``.
            what: ``add``, ``change`` or ``remove``.
            count: How many; of the oldest first, where rows are changed or removed.
        """
        rows = self.lists[name]
        self.clock.tick(seconds=120)
        chosen = sorted(rows.values(), key=lambda row: row.at)[:count]
        for number in range(count):
            moment = self.clock.at - timedelta(seconds=100 - number)
            if what == "add":
                self._put(name, self._new_id(), moment)
            elif number < len(chosen) and what == "change":
                self._put(name, chosen[number].id, moment)
            elif number < len(chosen) and len(rows) > 1:
                del rows[chosen[number].id]

    def uncommit(self) -> None:
        """The file that held what was fetched is gone: what is still staged of it may be gone on with."""
        for fetch in self.fetches:
            fetch.committed = False

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _put(self, name: str, key: int, moment: datetime) -> None:
        self._version += 1
        self.lists[name][key] = Row(key, self._version, text(moment))

    # --- what it answers ----------------------------------------------------------------------------------------

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, in this process."""
        parts = urlsplit(str(request.url))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.who in self.failing:
            self.failing.discard(self.who)
            return httpx.Response(500, request=request)
        names = parts.path.strip("/").split("/")
        body = self._list(names[0], query) if len(names) == 1 else _children(names)
        return httpx.Response(
            200, headers={"Content-Type": "application/json"}, content=json.dumps(body), request=request
        )

    def _list(self, name: str, query: dict[str, str]) -> dict[str, Any]:
        number, offset = (int(part) for part in query["after"].split("-")) if "after" in query else (None, 0)
        if number is None:
            number = len(self.fetches)
            self.fetches.append(self._begin(name, query))
        fetch = self.fetches[number]
        # A page of somebody who lives was asked for ahead; if he is dead, another goes on with what he had begun.
        self.served.append((fetch.owner if self.is_alive(fetch.owner) else self.who, number))
        page = fetch.rows[offset : offset + PAGE]
        following = offset + PAGE
        more = following < len(fetch.rows)
        return {"data": [row.as_json() for row in page], "next": f"{number}-{following}" if more else None}

    def _begin(self, name: str, query: dict[str, str]) -> Fetch:
        since, until = query.get("since"), query.get("until")
        field_of: Callable[[Row], str] = (
            (lambda row: row.as_json()["revised"]) if query.get("by") == "revised" else (lambda row: row.at)
        )
        rows = sorted(self.lists[name].values(), key=lambda row: row.at)
        kept = [row for row in rows if (since or "") <= field_of(row) and (until is None or field_of(row) <= until)]
        return Fetch(owner=self.who, path=name, since=since, until=until, rows=tuple(kept))


def _children(names: list[str]) -> dict[str, Any]:
    """The rows of one parent, or of one pair of parents: they never change."""
    if names[0] == "pairs":
        return {"data": [{"id": f"{names[1]}.{names[2]}", "n": 1, "tags": [f"{names[1]}.{names[2]}"]}], "next": None}
    return {"data": [comment_json(one) for one in comments_of(int(names[1]))], "next": None}


def comments_of(parent: int) -> list[str]:
    """The ids of a parent's comments."""
    return [f"{parent}.{number}" for number in range(1 + parent % 2)]


def comment_json(name: str) -> dict[str, Any]:
    """A comment as the API sends it."""
    return {"id": name, "n": len(name), "tags": [name]}
