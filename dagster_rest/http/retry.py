"""When to ask again, and how long to wait before."""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

_RATE_LIMIT_T = re.compile(r"(?:^|[;,\s])(?:t|reset)\s*=\s*\"?(\d+)")
# X-RateLimit-Reset is seconds from now with some APIs and an epoch time with others.
_EPOCH_FROM = 1_000_000_000
_EPOCH_MS_FROM = 1_000_000_000_000


@dataclass(frozen=True)
class RetryPolicy:
    """What is asked again, how often and for how long.

    Attributes:
        attempts: Attempts in all, the first included.
        backoff: Seconds before the second attempt; doubled each time.
        max_delay: Longest pause that we choose ourselves.
        jitter: Up to this many random seconds are added.
        max_wait: A longer pause asked for by the server raises `RetryLater`.
        max_retry_later: A wait longer than that is an error, not a `RetryLater`.
        total: Seconds for all attempts of one request together, from the first send on; see `RetryClock`.
        statuses: Status codes that are asked again.
        methods: Methods that are asked again.
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
            from dagster_rest.config.client import RetryConfig

            config = RetryConfig(**config)
        return cls(
            attempts=config.attempts,
            backoff=config.backoff,
            max_delay=config.max_delay,
            jitter=config.jitter,
            max_wait=config.max_wait,
            max_retry_later=config.max_retry_later,
            total=config.total,
            statuses=tuple(config.statuses),
            methods=tuple(config.methods),
        )

    def retries_status(self, status: int) -> bool:
        """Whether a status is asked again."""
        return any(matches_status(wanted, status) for wanted in self.statuses)

    def pause(self, attempt: int) -> float:
        """Our own pause after the `attempt`th attempt (from 1), in seconds."""
        return min(self.backoff * 2.0 ** (attempt - 1), self.max_delay) + (
            random.uniform(0, self.jitter) if self.backoff else 0.0
        )


class RetryClock:
    """The seconds that a request has taken: its attempts and the pauses between them.

    It stands still while the request waits for a slot, a pause or a permit: that says nothing about the API.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what happens inside."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - began

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Do not count what happens inside, although it runs."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds -= time.monotonic() - began


def matches_status(wanted: int | str, status: int) -> bool:
    """Whether `status` is `404`, `"404"` or of the class `"4xx"`."""
    text = str(wanted).strip().lower()
    return text == str(status) or (text.endswith("xx") and text[:1] == str(status)[:1])


def server_wait(status: int, headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """The seconds that a response asks to wait, or None if it does not say (or says 0).

    Reads `Retry-After` (seconds or an HTTP date), the `RateLimit` fields and `X-RateLimit-Reset`. The last two stand
    on every response of some APIs, so they count only where the limit is reached.

    Args:
        status: The HTTP status.
        headers: The response's headers, names without case.
        now: Seconds since the epoch; the clock's by default.
    """
    now = time.time() if now is None else now
    wait = _retry_after(headers.get("retry-after"), now)
    if wait is None and (status in (403, 429) or headers.get("x-ratelimit-remaining") == "0"):
        wait = _reset(headers, now)
    return wait if wait is not None and wait > 0 else None


def is_rate_limited(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a 403 is in fact a rate limit (as GitHub answers)."""
    return status == 403 and ("retry-after" in headers or headers.get("x-ratelimit-remaining") == "0")


def _retry_after(text: str | None, now: float) -> float | None:
    if not text:
        return None
    seconds = _number(text)
    if seconds is not None:
        return seconds
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None


def _reset(headers: Mapping[str, str], now: float) -> float | None:
    combined = _RATE_LIMIT_T.search(headers.get("ratelimit", ""))
    if combined:
        return float(combined.group(1))
    for name in ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"):
        value = _number(headers.get(name, ""))
        if value is not None:
            if value >= _EPOCH_MS_FROM:
                value /= 1000
            return value - now if value >= _EPOCH_FROM else value
    return None


def _number(text: str) -> float | None:
    try:
        value = float(text.strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None
