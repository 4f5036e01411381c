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
    from dagster_rest.assets.run import load
    from dagster_rest.warehouse.database.file import short_read

    @contextmanager
    def every_statement_for_itself(database: Any, **options: Any) -> Iterator[Any]:
        with short_read(database, **options) as connection:
            yield connection

    load.short_write = every_statement_for_itself  # type: ignore[assignment]


def _no_recovery() -> None:
    from dagster_rest.assets.start.decision import _Decision

    _Decision._recovered = lambda _: None  # type: ignore[method-assign,assignment]


def _no_successor_check() -> None:
    from dagster_rest.assets.run import commit

    commit._check_start = lambda *_, **__: []


def _no_attempt_check() -> None:
    from dagster_rest.assets.context import LoadContext

    LoadContext.check_attempt = lambda *_: None  # type: ignore[method-assign,assignment]


def _no_sign_of_life() -> None:
    from dagster_rest.assets.run import start

    start.is_alive = lambda *_, **__: False


def _events_before_the_ledger() -> None:
    from dagster_rest.assets.context import RunRequest

    make = RunRequest.__init__

    def with_events_of_now(self: Any, **options: Any) -> None:
        read = options["read_log"]
        found = {one.key: read(one, (), None) for one in options["partitions"]}
        make(self, **{**options, "read_log": lambda one, wanted, latest: found[one.key]})

    RunRequest.__init__ = with_events_of_now  # type: ignore[method-assign,assignment]


def _any_checkpoint_will_do() -> None:
    from dagster_rest.assets.fetch import opening

    opening._fingerprint = lambda *_, **__: "always the same"


def _no_digests() -> None:
    from dagster_rest.warehouse.stage import checkpoint

    usable = checkpoint._usable

    def without_reading(saved: Any, folder: Any, **options: Any) -> Any:
        digests = {name: checkpoint.digest(folder / name) for name in saved.files if (folder / name).is_file()}
        return usable(dataclasses.replace(saved, digests=digests), folder, **options)

    checkpoint._usable = without_reading


def _checkpoint_before_the_part() -> None:
    from dagster_rest.warehouse.stage import checkpoint
    from dagster_rest.warehouse.stage.stager import Stager

    begin = Stager._begin_part

    def too_early(self: Any) -> None:
        self._end_part()
        if self._pending_position is not None:
            self._saved.position = self._pending_position
            checkpoint.write_checkpoint(self._folder, self._saved, on_event=lambda _: None)
        begin(self)

    Stager._begin_part = too_early  # type: ignore[method-assign]


def _no_earlier_runs() -> None:
    from dagster_rest.assets.start.decision import _Decision

    _Decision._reported_before = lambda _: None  # type: ignore[method-assign,assignment]


Patch = tuple[Any, str, Any]


def _every_run_is_in_the_lineage() -> Patch:
    from dagster_rest.assets.start.facts import RunLineage

    return RunLineage, "__contains__", lambda *_: True


def _events_confirm_nothing() -> Patch:
    from dagster_rest.assets.run import step

    read = step.read_event_log
    return step, "read_event_log", lambda *a, **k: dataclasses.replace(read(*a, **k), newest=None, reported=frozenset())


def _no_question_for_the_own_run() -> Patch:
    from dagster_rest.assets.context import LoadContext

    return LoadContext, "check_own_run", lambda _: None


def _only_the_newest_load() -> Patch:
    from dagster_rest.assets.start.decision import _Decision

    dead = _Decision._dead
    return _Decision, "_dead", lambda self: [load for load in dead(self) if load.load_id == self._base]


def _what_is_gone_was_wiped() -> Patch:
    from dagster_rest.assets.start.decision import _Decision

    return _Decision, "_was_wiped", lambda self, _: self._facts.log.newest is None


def _the_log_is_believed() -> Patch:
    from dagster_rest.assets.start import decision
    from dagster_rest.assets.start.start import Start
    from dagster_rest.warehouse.state.load_row import LoadRow

    decide = decision.decide

    def believing(facts: Any, **options: Any) -> Any:
        event = facts.log.newest
        if event is None or event.run_id not in facts.run.failed:
            return decide(facts, **options)
        reported = LoadRow(
            load_id=event.load_id,
            asset="",
            partition="",
            load_group=event.load_id,
            run_id=event.run_id,
            attempt=0,
            storage_id="",
            status="confirmed",
            cursor=None,
            cursor_path=None,
            rows_loaded=0,
        )
        return Start(case="normal", base=None, recovery="report_again", continued=reported)

    return decision, "decide", believing


def _no_table_inspection() -> Patch:
    from dagster_rest.warehouse.state import inspection

    return inspection, "inspect_tables", lambda *_, **__: ()


def _any_cursor_will_do() -> Patch:
    from dagster_rest.assets.start.decision import _Decision

    return _Decision, "_has_other_cursor", lambda *_: False


def _what_is_reported_again_is_not_looked_for() -> Patch:
    from dagster_rest.assets.run.load import ResourceLoad

    return ResourceLoad, "_check_kept", lambda *_: None


def patches(guard: str) -> list[Patch]:
    """What to put where, so that a guard of a run's start is off, with those that would notice what it lets pass.

    Args:
        guard: One of `STATE_GUARDS`.
    """
    behind = [_what_is_reported_again_is_not_looked_for()] if guard == "ledger beside the log" else []
    return [STATE_GUARDS[guard](), *behind]


STATE_GUARDS: dict[str, Callable[[], Patch]] = {
    "lineage of runs": _every_run_is_in_the_lineage,
    "events confirm": _events_confirm_nothing,
    "own run": _no_question_for_the_own_run,
    "any load of the request": _only_the_newest_load,
    "deleted is not wiped": _what_is_gone_was_wiped,
    "ledger beside the log": _the_log_is_believed,
    "tables are inspected": _no_table_inspection,
    "whose cursor it is": _any_cursor_will_do,
}
"""Name of each guard of a run's start -> what to put where, so that it is off."""


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
