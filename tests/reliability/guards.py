"""The guards of the package, each with a way to switch it off in a step process: what they hold must then go wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def switch_off(name: str) -> None:
    """Switch one guard off in this process.

    Args:
        name: One of `GUARDS`.
    """
    GUARDS[name]()


def _no_transaction() -> None:
    from dagster_rest.assets import load
    from dagster_rest.warehouse.connection import short_read

    @contextmanager
    def every_statement_for_itself(database: Any, **options: Any) -> Iterator[Any]:
        with short_read(database, **options) as connection:
            yield connection

    load.short_write = every_statement_for_itself  # type: ignore[assignment]


def _no_recovery() -> None:
    from dagster_rest.assets import load

    load.with_recovery = lambda start, **_: start


def _no_successor_check() -> None:
    from dagster_rest.assets.committing import WindowCommit

    WindowCommit._check_successor = lambda *_, **__: None  # type: ignore[method-assign,assignment]


def _no_attempt_check() -> None:
    from dagster_rest.assets.load_context import LoadContext

    LoadContext.check_attempt = lambda *_: None  # type: ignore[method-assign,assignment]


def _no_sign_of_life() -> None:
    from dagster_rest.assets import load

    load.is_at_work = lambda *_, **__: False


def _events_before_the_ledger() -> None:
    from dagster_rest.assets.load_context import RunRequest

    make = RunRequest.__init__

    def with_events_of_now(self: Any, **options: Any) -> None:
        find = options["find_event"]
        found = {one.key: find(one) for one in options["slices"]}
        make(self, **{**options, "find_event": lambda one: found[one.key]})

    RunRequest.__init__ = with_events_of_now  # type: ignore[method-assign,assignment]


def _any_checkpoint_will_do() -> None:
    from dagster_rest.assets import opening

    opening.LaneOpener._fingerprint = lambda *_: "always the same"  # type: ignore[method-assign,assignment]


def _no_digests() -> None:
    from dagster_rest.warehouse import checkpoint

    usable = checkpoint._usable

    def without_looking(saved: Any, folder: Any, **options: Any) -> Any:
        digests = {name: checkpoint.digest(folder / name) for name in saved.files if (folder / name).is_file()}
        return usable(dataclasses.replace(saved, digests=digests), folder, **options)

    checkpoint._usable = without_looking


def _checkpoint_before_the_part() -> None:
    from dagster_rest.warehouse import checkpoint
    from dagster_rest.warehouse.staging import Stager

    begin = Stager._begin_part

    def too_early(self: Any) -> None:
        self._end_part()
        if self._pending_position is not None:
            self._saved.position = self._pending_position
            checkpoint.write(self._folder, self._saved, on_event=lambda _: None)
        begin(self)

    Stager._begin_part = too_early  # type: ignore[method-assign]


def _no_earlier_runs() -> None:
    from dagster_rest.assets import retries

    retries._earlier_runs = lambda _: set()  # type: ignore[assignment]


GUARDS: dict[str, Callable[[], None]] = {
    "transaction": _no_transaction,
    "recovery": _no_recovery,
    "successor check": _no_successor_check,
    "attempt check": _no_attempt_check,
    "sign of life": _no_sign_of_life,
    "events after the ledger": _events_before_the_ledger,
    "fingerprint": _any_checkpoint_will_do,
    "digests": _no_digests,
    "checkpoint after the part": _checkpoint_before_the_part,
    "earlier runs": _no_earlier_runs,
}
"""Name of each guard -> what switches it off."""
