"""The API of the reliability tests: a shop whose items change between runs, and which can kill who asks."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from tests.support.server import ApiServer, Reply, Request

PAGE = 5
TOKEN_USES = 7
_FIRST = datetime(2026, 1, 1)


def items(state: int) -> list[dict[str, Any]]:
    """The shop's items. In state 2 some were changed, some are new (a few with an old date), some are gone."""
    rows = [_item(number, day=number * 2.5) for number in range(60)]
    if state == 1:
        return rows
    kept = [row for row in rows if row["id"] % 13]
    for row in kept[::4]:
        row.update(_item(row["id"], day=160 + row["id"] * 1.3, title="changed"))
    late = [_item(number, day=60 + number - 100) for number in range(100, 106)]
    new = [_item(number, day=165 + (number - 200) * 4) for number in range(200, 220)]
    return sorted([*kept, *late, *new], key=lambda row: (row["updated"], row["id"]))


def _item(number: int, *, day: float, title: str = "item") -> dict[str, Any]:
    return {
        "id": number,
        "title": f"{title} {number}",
        "updated": (_FIRST + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "shelf": "abc"[number % 3],
        "price": {"amount": number * 1.5, "currency": "EUR"},
        "tags": [{"name": f"t{number % 7}", "weight": k} for k in range(number % 3)],
    }


def comments(item: int, state: int) -> list[dict[str, Any]]:
    """The comments of one item; odd items have one more in state 2."""
    count = item % 4 + (state == 2 and item % 2)
    return [{"id": item * 10 + k, "text": f"comment {k} in state {state if k == 0 else 1}"} for k in range(count)]


@dataclass(frozen=True)
class Ask:
    """A request for data that was answered: when it came, and what for."""

    at: float
    target: str


class Shop:
    """The shop on a free port, until the `with` block ends."""

    def __init__(self) -> None:
        self.api = ApiServer(limit=10**9)
        self.state = 1
        self.asked: list[Ask] = []
        self.kill: dict[str, Any] = {}
        self.killed = False
        self.tokens = 0
        self._tokens: dict[str, int] = {}
        self._counts = {"request_arrived": 0, "half_answered": 0, "token_refresh": 0}
        self._victim: int | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Shop:
        self.api.__enter__()
        self.api.get("/items")(self._items)
        self.api.get("/items/{id}/comments")(self._comments)
        self.api.post("/token")(self._token)
        self.api.get("/_test/here/{pid}")(self._here)
        return self

    def __exit__(self, *_: object) -> None:
        self.disarm()
        self.api.__exit__()

    @property
    def url(self) -> str:
        return self.api.url

    def arm(self, kill: dict[str, Any]) -> None:
        """Kill the next client that shows itself: `after` seconds, or at the `number`-th of a server-side `point`."""
        self.disarm()
        self.kill, self.killed = kill, False
        self._counts = dict.fromkeys(self._counts, 0)

    def disarm(self) -> None:
        """Leave the clients alone."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if self._victim is not None:
                os.close(self._victim)
            self._timer = self._victim = None
            self.kill = {}

    def _here(self, request: Request) -> Any:
        self.disarm_keeping_plan(int(request.path_params["pid"]))
        return {}

    def disarm_keeping_plan(self, pid: int) -> None:
        """Take hold of a client. A handle of the process, not its number: that may soon be somebody else's."""
        with self._lock:
            if self._victim is not None:
                os.close(self._victim)
            self._victim = os.pidfd_open(pid)
            if "after" in self.kill:
                self._timer = threading.Timer(self.kill["after"], self._strike)
                self._timer.daemon = True
                self._timer.start()

    def _strike(self) -> None:
        with self._lock:
            if self._victim is None:
                return
            try:
                signal.pidfd_send_signal(self._victim, signal.SIGKILL)
            except ProcessLookupError:
                return
            self.killed = True

    def _reached(self, point: str) -> bool:
        self._counts[point] += 1
        if self.kill.get("point") != point or self._counts[point] != self.kill.get("number", 1):
            return False
        return not self.killed

    def _token(self, request: Request) -> Any:
        self.tokens += 1
        if self._reached("token_refresh"):
            self._strike()
            return Reply(fault="reset")
        token = f"token-{time.monotonic_ns()}"
        self._tokens[token] = TOKEN_USES
        return {"access_token": token, "token_type": "bearer", "expires_in": 3600}

    def _items(self, request: Request) -> Any:
        rows: Iterable[dict[str, Any]] = items(self.state)
        since, until, shelf = request.param("since"), request.param("until"), request.param("shelf")
        rows = [
            row
            for row in rows
            if (since is None or row["updated"] >= since)
            and (until is None or row["updated"] <= until)
            and (shelf is None or row["shelf"] == shelf)
        ]
        return self._page(request, rows)

    def _comments(self, request: Request) -> Any:
        return self._page(request, comments(int(request.path_params["id"]), self.state))

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Any:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) <= 0:
            return Reply(status=401, json={"error": "token"})
        self._tokens[token] -= 1
        self.asked.append(Ask(time.monotonic(), urlsplit(request.target).path + "?" + urlsplit(request.target).query))
        number = int(request.param("page") or 1)
        body = {"data": rows[(number - 1) * PAGE : number * PAGE], "total_pages": max(1, -(-len(rows) // PAGE))}
        if self._reached("request_arrived"):
            self._strike()
            return Reply(fault="reset")
        if self._reached("half_answered"):
            return Reply(json=body, body=_half_then(body, self._strike))
        return body


def _half_then(body: Any, strike: Any) -> Iterable[bytes]:
    import json

    text = json.dumps(body).encode()
    yield text[: len(text) // 2]
    strike()
    yield text[len(text) // 2 :]
