"""When to retry, and how long to wait before."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RetryPolicy:
    """What is retried, how often and for how long.

    Attributes:
        attempts: Attempts in all, the first included.
        backoff: Seconds before the second attempt; doubled each time.
        max_delay: Longest pause that we choose ourselves.
        jitter: Up to this many random seconds are added.
        max_wait: A longer pause asked for by the server raises `RetryLater`.
        max_retry_later: A wait longer than that is an error, not a `RetryLater`.
        total: Seconds for all attempts of one request together, from the first send on; see `RetryClock`.
        statuses: Status codes that are retried.
        methods: Methods that are retried.
    """

    attempts: int = 5
    backoff: float = 1.0
    max_delay: float = 300.0
    jitter: float = 1.0
    max_wait: float = 60.0
    max_retry_later: float = 86_400.0
    total: float = 600.0
    statuses: tuple[int | str, ...] = (408, 429, "5xx")
    methods: tuple[str, ...] = ("GET", "POST")

    @classmethod
    def from_config(cls, config: Any) -> RetryPolicy:
        """From a `RetryConfig`, a mapping or None."""
        if config is None:
            return cls()
        if isinstance(config, cls):
            return config
        # `isinstance(model, Mapping)` would ask every Mapping class that Dagster ever made: a fifth of a second.
        if isinstance(config, dict):
            from dagster_rest.config.model.client import RetryConfig

            config = RetryConfig(**config)
        given = {field.name: getattr(config, field.name) for field in dataclasses.fields(cls)}
        return cls(**{**given, "statuses": tuple(config.statuses), "methods": tuple(config.methods)})

    def retries_status(self, status: int) -> bool:
        """Whether a status is retried."""
        return any(matches_status(wanted, status) for wanted in self.statuses)

    def pause(self, attempt: int, *, asked: float | None = None) -> float:
        """The seconds to wait after an attempt, with jitter.

        Args:
            attempt: The attempt's number, from 1.
            asked: The seconds that the server asks to wait; by default the backoff, doubled with each attempt.
        """
        own = min(self.backoff * 2.0 ** min(attempt - 1, 64), self.max_delay)
        return (own if asked is None else asked) + (random.uniform(0, self.jitter) if self.backoff else 0.0)


class RetryClock:
    """The seconds that a request has taken: its attempts and the pauses between them.

    It stops while the request waits for a slot, a pause or a permit: that says nothing about the API.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def running(self) -> AbstractContextManager[None]:
        """Count what happens inside."""
        return self._counted(1)

    def stopped(self) -> AbstractContextManager[None]:
        """Do not count what happens inside, although the clock runs."""
        return self._counted(-1)

    @contextmanager
    def _counted(self, sign: int) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds += sign * (time.monotonic() - began)


def matches_status(wanted: int | str, status: int) -> bool:
    """Whether `status` is `404`, `"404"` or of the class `"4xx"`."""
    text = str(wanted).strip().lower()
    return text == str(status) or (text.endswith("xx") and text[:1] == str(status)[:1])
