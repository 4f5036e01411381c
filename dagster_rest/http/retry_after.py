"""How long a server asks to wait: `Retry-After`, the `RateLimit` fields, `X-RateLimit-Reset`."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_RATE_LIMIT_T = re.compile(r"(?:^|[;,\s])(?:t|reset)\s*=\s*\"?(\d+)")
# X-RateLimit-Reset is seconds from now with some APIs and an epoch time with others.
_EPOCH_FROM = 1_000_000_000
_EPOCH_MS_FROM = 1_000_000_000_000


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
