"""One data selector for all units of a fetch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from dagster_rest.http.parse.candidates import says_nothing
from dagster_rest.http.parse.records import Selection, select


class SharedSelector:
    """The configured selector, or the one that is detected, by the first unit whose body shows the records.

    First by the order of the units, not by that of their responses: a unit waits for undecided ones before it. So what
    is loaded does not depend on the concurrency.

    Args:
        configured: The configured selector; None detects it.
        detected: What an earlier fetch of the same load detected; see `Selection.state`.
    """

    def __init__(self, configured: str | None, *, detected: Mapping[str, Any] | None = None) -> None:
        self.selection = select(configured, None) if configured else None
        if self.selection is None and detected is not None:
            self.selection = Selection.from_state(detected)
        # Units below have ended, and so have those that are named.
        self._first = 0
        self._ended: set[int] = set()
        # Replaced at each change.
        self._changed = asyncio.Event()

    async def for_body(self, body: Any, *, order: int) -> Selection | None:
        """The selection for a body of a unit.

        Args:
            body: The decoded body.
            order: The unit's number; every unit before it is under way or has ended.

        Returns:
            The selection; it is that of all units only if it settles. None if nothing is in the body yet.
        """
        while self.selection is None and order > self._first:
            await self._changed.wait()
        if self.selection is not None or says_nothing(body):
            return self.selection
        selection = select(None, body)
        # A text, a number or an error is an error, but says nothing about the other units.
        if selection.settles:
            self.settle(selection)
        return selection

    def settle(self, selection: Selection) -> None:
        """Decide for all units, unless it is decided."""
        self.selection = self.selection or selection
        self._wake()

    def leave(self, order: int) -> None:
        """Say that a unit has ended."""
        self._ended.add(order)
        while self._first in self._ended:
            self._ended.remove(self._first)
            self._first += 1
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
