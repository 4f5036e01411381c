"""Hooks that are called at named moments of a load: crash tests listen to them."""

from __future__ import annotations

from collections.abc import Callable

EventHook = Callable[[str], None]
"""Called with the name of a moment, such as ``part_written``."""


def ignore_event(name: str) -> None:
    """Do nothing: the default hook."""
