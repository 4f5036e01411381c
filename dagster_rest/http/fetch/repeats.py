"""Whether the pages of a list repeat, or stay empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_SAMPLES = 8


class Repeats:
    """Compares the records of each page with those before.

    Pages that repeat are noticed after two rounds: page by page, in a cycle of any length, or in no order once
    nothing new comes for as many pages as there were different ones.

    Args:
        allowed: How many pages in a row may have the content of earlier ones without being taken for a cycle.
    """

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._last_seen: dict[int, int] = {}
        self._count = 0
        self._period = 0
        self._in_period = 0
        self._nothing_new = 0
        self._before: tuple[int, bytes] | None = None
        self.empty = 0

    def add(
        self, records: list[Any], content: bytes, *, read: Callable[[bytes], list[Any]], items: int | None = None
    ) -> bool:
        """Add a page.

        Args:
            records: Its records.
            content: The body they come from.
            read: Reads the records of a body again; the caller may have changed those it was given.
            items: What the API counts on the page, where the records are only some of it.

        Returns:
            Whether it has the records of the page before.
        """
        self.empty = 0 if records or items else self.empty + 1
        if not records:
            return False
        digest = _digest(records)
        seen, before = self._last_seen.get(digest), self._before
        self._last_seen[digest] = self._count
        period = 0 if seen is None else self._count - seen
        self._count += 1
        self._before = (digest, content)
        same = before is not None and before[0] == digest and (before[1] == content or read(before[1]) == records)
        if period == 1 and not same:
            # The digests are the same, the records are not.
            period = 0
        self._note(period)
        return same

    def _note(self, period: int) -> None:
        self._in_period = self._in_period + 1 if period and period == self._period else min(period, 1)
        self._period = period
        self._nothing_new = self._nothing_new + 1 if period else 0

    @property
    def cycle(self) -> int | None:
        """The number of pages that come again and again; None if they do not."""
        if not self._period:
            return None
        if self._in_period >= self._period + self._allowed:
            return self._period
        different = len(self._last_seen)
        return different if self._nothing_new >= different + self._allowed else None


def _digest(records: list[Any]) -> int:
    """A number that differs for different pages, mostly; a few records speak for all."""
    last = len(records) - 1
    indexes = range(last + 1) if last < _SAMPLES else [last * n // (_SAMPLES - 1) for n in range(_SAMPLES)]
    return hash((last, *(repr(records[index]) for index in indexes)))
