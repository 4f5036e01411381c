"""What a run does with what it finds: decided once, of frozen facts, into one frozen value (DESIGN: state protocol)."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from dagster_rest.assets.start.facts import Facts, Liveness, RunOptions
from dagster_rest.assets.start.start import Case, Recovery, RunStart, Start
from dagster_rest.assets.start.stored_cursor import about_other_cursor, has_other_cursor, is_at_edge
from dagster_rest.warehouse.state.load_row import CursorState, LoadRow

_RECOVERY_MESSAGES: dict[Recovery, str] = {
    "report_again": "this run reports it again, and fetches nothing",
    "continue": "this run continues where it ended",
    "report": "it is complete and recent enough: this run reports it, and fetches nothing",
    "redo": "it is loaded again, and the rows it added are replaced",
}


def decide(facts: Facts, *, only_partition: bool = True) -> Start:
    """Decide what a run starts from, and what becomes of the loads it found. Pure.

    Args:
        facts: What was found.
        only_partition: Whether the run has no other partition to load. If it has, complete loads are done again:
            a run only reports all of its partitions or none.
    """
    return _Decision(facts, only_partition=only_partition).make()


def decide_run(facts: Mapping[str, Facts], *, passes_over: Callable[[RunStart], bool]) -> RunStart:
    """Decide what a run of several partitions starts from.

    Args:
        facts: What was found, by partition key.
        passes_over: Whether a run that starts so would move the cursor over rows that it does not load: then the
            cursor stays where it is.
    """
    start = _of_each(facts)
    if passes_over(start):
        facts = {
            key: dataclasses.replace(one, options=dataclasses.replace(one.options, leaves_cursor=True))
            for key, one in facts.items()
        }
        start = _of_each(facts)
    return start if start.reports_only else _of_each(facts, only_partition=len(facts) == 1)


def _of_each(facts: Mapping[str, Facts], *, only_partition: bool = True) -> RunStart:
    return RunStart(partitions={key: decide(one, only_partition=only_partition) for key, one in facts.items()})


class _Decision:
    """One decision; its methods are the questions, in the order in which they are asked."""

    def __init__(self, facts: Facts, *, only_partition: bool) -> None:
        self._facts, self._only_partition = facts, only_partition
        self._rules, self._options, self._run = facts.rules, facts.options, facts.run
        self._latest = facts.ledger.latest
        lost = max(facts.ledger.lost_up_to, facts.ledger.void_up_to)
        self._unsettled = [load for load in facts.ledger.unsettled if load.seq > lost or load.seq == 0]
        groups = {load.load_group for load in self._unsettled if load.load_id in facts.log.reported}
        self._reported = tuple(
            load.load_id for load in self._unsettled if load.status == "pending" and load.load_group in groups
        )

    def make(self) -> Start:
        start = self._restart() or self._recovered() or self._ordinary()
        forgets = bool(self._facts.ledger.parent_cursors) and not start.parent_cursors and not self._options.sample
        return dataclasses.replace(
            start,
            reported=self._reported,
            forgets_parents=forgets,
            leaves_cursor=self._options.leaves_cursor,
            repartitions=self._facts.repartitions,
        )

    # What makes a run start over

    def _restart(self) -> Start | None:
        latest, facts = self._latest, self._facts
        if facts.lost_tables and not self._options.sample:
            listed = ", ".join(facts.lost_tables)
            return self._start_over(
                "missing_table",
                f"{listed}: not as it was recorded; the data is loaded from the start and the table is rebuilt",
            )
        if facts.repartitions:
            message = "the loaded rows belong to other partitions: all are removed, and the ledger starts over"
            return self._start_over("full_refresh", message)
        if latest is None:
            return self._without_ledger()
        if latest.seq and latest.seq <= facts.ledger.void_up_to:
            return Start(case="first", base=latest.load_id, rebuild=self._rules.partitioned, recreated=True)
        if latest.seq and latest.seq <= facts.ledger.lost_up_to:
            start = self._start_over(
                "missing_table", "the table was lost and created again: starting from the initial value"
            )
            return dataclasses.replace(start, rebuild=self._rules.partitioned, recreated=True)
        if self._was_without_table(latest):
            return self._start_over(
                "missing_table",
                "the newest rows were loaded without a table (`selected: false`): the data is loaded from the start and"
                " the table is rebuilt",
            )
        before = self._reported_before()
        if before is not None:
            return before
        if self._was_wiped(latest):
            return self._start_over(
                "wiped", "the asset's materializations were wiped: the table is rebuilt from the start"
            )
        if self._options.full_refresh and not self._has_begun():
            return self._start_over("full_refresh", "full refresh: the cursor is ignored and the table is rebuilt")
        return None

    def _was_without_table(self, latest: LoadRow) -> bool:
        """Whether what the state says was loaded is in no table, and this run would go on behind it."""
        rules = self._rules
        return (
            rules.has_table
            and not latest.in_table
            and rules.state_shows_progress(RunOptions())
            and not self._options.sample
        )

    def _start_over(self, case: Case, message: str) -> Start:
        return Start(case=case, base=self._latest.load_id if self._latest else None, rebuild=True, message=message)

    def _without_ledger(self) -> Start:
        event = self._facts.log.newest
        if event is None or event.cursor is None:
            refresh = self._options.full_refresh
            return Start(case="full_refresh" if refresh else "first", base=None, rebuild=refresh)
        return Start(
            case="new_warehouse",
            base=None,
            message=f"the event log has the cursor {event.cursor}, but this DuckDB file holds no load of the asset:"
            " starting from the initial value",
        )

    def _reported_before(self) -> Start | None:
        """A load that this run, or one it re-executes from its failure, has reported already."""
        if self._rules.partitioned or self._options.sample:
            return None
        # A load whose run died is reported by another run, as a part of what that run has loaded.
        reported = {load.load_group: load for load in self._unsettled if load.load_id in self._facts.log.reported}
        mine = [
            reported[load.load_group]
            for load in self._unsettled
            if load.run_id in {*self._run.failed, self._run.run_id}
            and load.load_group in reported
            and load.request_key == self._options.key
        ]
        if not mine:
            return None
        load = mine[-1]
        by = "an earlier attempt of this run" if load.run_id in self._run else "a run that continued it"
        return dataclasses.replace(
            self._from_state("normal", message=f"load {load.load_id} was reported by {by}"),
            recovery="report_again",
            continued=load,
        )

    def _was_wiped(self, latest: LoadRow) -> bool:
        log = self._facts.log
        if latest.load_id in log.reported or (log.newest is not None and log.newest.load_id == latest.load_id):
            return False
        if latest.storage_id != self._facts.storage_id:
            return False
        if log.wiped_at is not None and log.wiped_at > latest.committed_at:
            return True
        confirmed = latest.status != "pending" or self._facts.storage_id in self._facts.ledger.confirmed_in
        return confirmed and log.newest is None and not log.remembers

    def _has_begun(self) -> bool:
        """Whether an earlier attempt has begun this refresh: then it is continued."""
        return any(self._is_mine(load) for load in self._dead())

    # What becomes of loads that were committed and never reported

    def _dead(self) -> list[LoadRow]:
        """The unconfirmed loads whose step will not report them any more, oldest first."""
        return [
            load
            for load in self._unsettled
            if load.status == "pending"
            and load.load_id not in self._reported
            and load.request_key == self._options.key
            and self._liveness_of(load) == "over"
        ]

    def _liveness_of(self, load: LoadRow) -> Liveness:
        return "over" if load.run_id == self._run.run_id else self._facts.liveness.get(load.load_id, "unknown")

    def _is_mine(self, load: LoadRow) -> bool:
        return load.run_id in self._run

    def _recovered(self) -> Start | None:
        if self._options.sample:
            return None
        dead = self._dead()
        mine = [load for load in dead if self._is_mine(load)]
        candidates = dead if self._options.key else mine
        if not candidates:
            candidates = self._interrupted_windows(dead)
        if not candidates:
            return None
        newest = candidates[-1]
        recovery = self._recovery(newest)
        kept = {load.load_id for load in candidates if load.load_group == newest.load_group}
        kept = set() if recovery == "redo" else kept
        takes_back = self._doubled(candidates, kept=kept, recovery=recovery)
        start = self._from_state(self._case_of_pending(newest), message=None)
        said = start.message or f"the step that committed load {newest.load_id} died before it was confirmed"
        return dataclasses.replace(
            start,
            recovery=recovery,
            continued=None if recovery == "redo" else newest,
            at_edge=self._is_at_edge(newest, start) if recovery == "continue" else start.at_edge,
            cursor=self._cursor_beside(newest, recovery) if recovery != "redo" else start.cursor,
            parent_cursors=self._facts.ledger.parent_cursors if recovery == "continue" else start.parent_cursors,
            depends_on=tuple(sorted({*takes_back, *kept})),
            takes_back=takes_back,
            message=f"{said}; {_RECOVERY_MESSAGES[recovery]}",
        )

    def _doubled(self, candidates: Sequence[LoadRow], *, kept: set[str], recovery: Recovery) -> tuple[str, ...]:
        """The loads whose rows would be there twice after this run."""
        if not self._rules.only_grows or (recovery != "redo" and not self._options.leaves_cursor):
            return ()
        return tuple(load.load_id for load in candidates if load.load_id not in kept)

    def _is_at_edge(self, load: LoadRow, start: Start) -> bool:
        if load.progress is not None or self._rules.replaces:
            return not load.complete
        return start.at_edge

    def _cursor_beside(self, load: LoadRow, recovery: Recovery) -> CursorState | None:
        """The cursor after a load that is reported or continued: a load that replaces has a cursor of its own."""
        assert self._latest is not None
        if self._rules.replaces and recovery == "continue":
            return load.cursor
        return self._latest.cursor if not self._has_other_cursor(self._latest) else None

    def _interrupted_windows(self, dead: Sequence[LoadRow]) -> list[LoadRow]:
        """Windows that were committed before their run broke: whoever comes next goes on with them."""
        if not self._rules.in_steps or not dead:
            return []
        newest = dead[-1]
        if newest.complete or newest.load_id != self._base:
            return []
        if self._rules.replaces and not self._may_go_on(newest):
            return []
        return [load for load in dead if load.load_group == newest.load_group]

    @property
    def _base(self) -> str | None:
        return self._latest.load_id if self._latest else None

    def _recovery(self, load: LoadRow) -> Recovery:
        rules, options = self._rules, self._options
        if rules.state_shows_progress(options):
            return "continue" if not self._has_other_cursor(load) else "redo"
        if not self._may_go_on(load):
            return "redo"
        if load.complete:
            return "report" if self._is_mine(load) and self._only_partition else "redo"
        goes_on = load.progress is not None if options.leaves_cursor else rules.in_steps and load.load_id == self._base
        return "continue" if goes_on else "redo"

    def _may_go_on(self, load: LoadRow) -> bool:
        """A commit is the last checkpoint of a load, and the same rules hold for going on after it."""
        age = self._facts.now - load.committed_at
        rules = self._rules
        return rules.resume and 0 <= age <= rules.resume_ttl and load.fingerprint == rules.fingerprint

    # What an ordinary run goes on from

    def _ordinary(self) -> Start:
        latest, facts = self._latest, self._facts
        assert latest is not None
        event = facts.log.newest
        if latest.load_id in facts.log.reported or (event is not None and event.load_id == latest.load_id):
            return self._from_state("normal")
        if latest.status == "pending":
            return self._from_state(self._case_of_pending(latest))
        if latest.storage_id != facts.storage_id:
            return self._from_state("other_storage")
        return self._from_state("deleted" if event is None else "ledger_leads")

    def _case_of_pending(self, load: LoadRow) -> Case:
        life = self._liveness_of(load)
        if life == "alive":
            return "concurrent"
        return "adopted" if life == "over" or load.storage_id == self._facts.storage_id else "other_storage"

    def _from_state(self, case: Case, message: str | None = None) -> Start:
        """The start from what the ledger says, with another cursor's state left out."""
        latest = self._latest
        assert latest is not None
        start = Start(
            case=case,
            base=latest.load_id,
            cursor=latest.cursor,
            parent_cursors=self._facts.ledger.parent_cursors,
            at_edge=is_at_edge(latest),
            data_version=latest.data_version,
            message=message or self._message(case, latest),
        )
        if self._rules.replaces or self._rules.cursor_path is None:
            return dataclasses.replace(start, cursor=None, parent_cursors={}, at_edge=False)
        if self._has_other_cursor(latest):
            return dataclasses.replace(
                start,
                case="other_cursor",
                cursor=None,
                parent_cursors={},
                at_edge=False,
                message=about_other_cursor(latest, rules=self._rules, parent_cursors=self._facts.ledger.parent_cursors),
            )
        return start

    def _has_other_cursor(self, load: LoadRow) -> bool:
        return has_other_cursor(load, rules=self._rules, parent_cursors=self._facts.ledger.parent_cursors)

    def _message(self, case: Case, latest: LoadRow) -> str | None:
        event = self._facts.log.newest
        messages: dict[Case, Callable[[], str]] = {
            "concurrent": lambda: (
                f"load {latest.load_id} belongs to another run that is about to end: continuing after it"
            ),
            "other_storage": lambda: (
                f"load {latest.load_id} was made under another Dagster storage (a temporary DAGSTER_HOME, or a move):"
                " continuing after it"
            ),
            "adopted": lambda: (
                f"load {latest.load_id} was committed, but its run ended before the materialization was stored:"
                " its rows stay, and this run continues after it"
            ),
            "deleted": lambda: (
                f"the event log has no load of the asset any more (its runs were deleted), the tables have load"
                f" {latest.load_id}: continuing from what the tables hold"
            ),
            "ledger_leads": lambda: (
                f"the event log ends with load {event.load_id if event else '-'}, the tables with load"
                f" {latest.load_id}: continuing from what the tables hold"
            ),
        }
        return messages[case]() if case in messages else None
