"""Every mend with a way to switch it off: without it the simulation must find something, or it could not see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

TWINS: dict[str, Callable[[], list[mock._patch]]] = {}
"""Name of a mend -> the patches that take it out."""


@contextmanager
def switched_off(name: str | None) -> Iterator[None]:
    """Without one mend, for as long as the block lasts.

    Args:
        name: One of `TWINS`, or None for the code as it is.
    """
    patches = TWINS[name]() if name else []
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()
