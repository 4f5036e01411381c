"""The garbage collector is left as it was found, also when a load fails."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from dagster_rest.assets.run.garbage import collect_rarely


class Circle:
    """Garbage that only the collector frees."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_inside_it_looks_rarely_and_only_at_what_is_new() -> None:
    with collect_rarely():
        assert gc.get_threshold()[0] >= 200_000
        assert gc.get_freeze_count() > 0
        assert gc.isenabled()


def test_afterwards_everything_is_as_before() -> None:
    before = gc.get_threshold()

    with pytest.raises(RuntimeError), collect_rarely():
        raise RuntimeError

    assert before == gc.get_threshold()
    assert gc.get_freeze_count() == 0


def test_garbage_made_inside_is_collected() -> None:
    with collect_rarely():
        circle = weakref.ref(Circle())
        gc.collect()

        assert circle() is None


def test_what_somebody_froze_before_stays_frozen() -> None:
    gc.freeze()

    with collect_rarely():
        pass

    assert gc.get_freeze_count() > 0
