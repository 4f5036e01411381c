"""Keeps Python's garbage collector from traversing records again and again while they come in."""

import contextlib
import gc
from collections.abc import Iterator

_ALLOCATIONS = 200_000
"""Objects made between two collections; a page of 1,000 nested records has some 5,000."""


@contextlib.contextmanager
def collect_rarely() -> Iterator[None]:
    """Collect garbage rarely, and only among what was made since, for as long as the block lasts.

    Decoded JSON is many small objects without circles: the collector would find nothing in them, and in a process that
    has imported Dagster each full collection takes about a tenth of a second. What has no circles is freed at once
    anyway, so memory stays as flat as it is.
    """
    before = gc.get_threshold()
    # Somebody who froze objects before (a server that forks) keeps them frozen.
    freezes = gc.get_freeze_count() == 0
    if freezes:
        gc.freeze()
    gc.set_threshold(max(before[0], _ALLOCATIONS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if freezes:
            gc.unfreeze()
