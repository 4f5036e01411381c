"""What a client counts: requests, retries, bytes, time waited."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StatsSnapshot:
    """Counters at one moment.

    Attributes:
        requests: Requests sent, retries and token requests included.
        pages: Pages read.
        retries: Requests sent again.
        bytes_received: Bytes of the bodies, after decompression.
        throttled_seconds: Seconds that requests waited for the rate limit and before they were sent again, summed.
    """

    requests: int = 0
    pages: int = 0
    retries: int = 0
    bytes_received: int = 0
    throttled_seconds: float = 0.0

    def __sub__(self, earlier: StatsSnapshot) -> StatsSnapshot:
        names = (f.name for f in dataclasses.fields(self))
        return StatsSnapshot(**{name: getattr(self, name) - getattr(earlier, name) for name in names})


class RequestStats:
    """Counters of a client, safe to add to from any thread; readable by the names of `StatsSnapshot`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Any] = dict.fromkeys((f.name for f in dataclasses.fields(StatsSnapshot)), 0)

    def add(self, **counts: float) -> None:
        """Add to counters by name."""
        with self._lock:
            for name, count in counts.items():
                self._counts[name] += count

    def snapshot(self) -> StatsSnapshot:
        """A frozen copy; the difference of two is what happened between them."""
        with self._lock:
            return StatsSnapshot(**self._counts)

    def __getattr__(self, name: str) -> Any:
        counts = self.__dict__.get("_counts", {})
        if name not in counts:
            raise AttributeError(name)
        return counts[name]
