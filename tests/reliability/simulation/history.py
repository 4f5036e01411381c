"""One history: actions carried out one after the other, the model updated with each, and what was found wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster_rest.errors import RestError
from tests.reliability.simulation.actors import POINTS, Actor, ConfirmationError, Request
from tests.reliability.simulation.api import EPOCH, Fetch, text
from tests.reliability.simulation.kinds import BY_NAME, PARTITIONS, RANGE, assets_of
from tests.reliability.simulation.model import Attempt, Model, State
from tests.reliability.simulation.tables import record, table_of
from tests.reliability.simulation.world import Lab, World

Action = tuple[Any, ...]

_EXPECTED = frozenset({"state_fenced", "state_contended", "state_load_lost", "state_parent_not_loaded"})
"""Codes of errors with which a run may end, beside those of HTTP; the last run of a history may not."""


@dataclass(frozen=True)
class Finding:
    """Something that went wrong.

    Attributes:
        what: The class of fault, for counting.
        detail: The rest.
        step: The number of the action.
    """

    what: str
    detail: str
    step: int

    def __str__(self) -> str:
        return f"step {self.step}: {self.what}: {self.detail}"


class Stop(Exception):  # noqa: N818 - the history ends here
    """There is a finding: what follows would be found wrong for the same reason."""


@dataclass
class Player:
    """An actor, and what the history knows of it."""

    actor: Actor
    attempt: Attempt
    request: Request
    number: int
    label: str
    mark: int = 0
    fetch: Fetch | None = None
    over_before: bool | None = None
    used_staged: bool = False


@dataclass
class Outcome:
    """What a history gave.

    Attributes:
        finding: What went wrong first, or None.
        coverage: How often what happened.
        log: What every actor said.
    """

    finding: Finding | None
    coverage: Counter[str]
    log: list[str] = field(default_factory=list)


class History:
    """Carries out actions on one resource.

    Args:
        lab: What histories share.
        kind: The name of the kind of resource.
    """

    def __init__(self, lab: Lab, kind: str) -> None:
        self.kind = BY_NAME[kind]
        self.world = World(lab)
        self.cursor = "at"
        self.players: dict[str, Player] = {}
        self.by_number: dict[int, Player] = {}
        self.over: set[str] = set()
        self.deleted: set[str] = set()
        self.anew: set[str] = set()
        self.parents: dict[str, str | None] = {}
        self.model = Model(self.kind, may_report=self._may_report, lives=self._lives)
        self.copies: list[tuple[list[State], int]] = []
        self.coverage: Counter[str] = Counter({f"kind {kind}": 1})
        self.log: list[str] = []
        self.step = -1
        self.finding: Finding | None = None
        self.world.api.is_alive = self._lives

    # --- from outside -------------------------------------------------------------------------------------------

    def play(self, rows: int, actions: Sequence[Action]) -> Outcome:
        """Carry out everything, end what is under way, run once more, compare.

        Args:
            rows: How many rows the API begins with.
            actions: Names of methods of this class (without ``do_``), and their arguments.
        """
        try:
            self.world.api.begin(rows)
            if self.kind.parents:
                self._load_parents()
            for self.step, action in enumerate(actions):
                self._do(action)
            self.step += 1
            self._end_all()
            self._last_run()
        except Stop:
            pass
        finally:
            for player in self.players.values():
                if player.actor.lives:
                    self.world.kill(player.actor)
            for player in self.players.values():
                self.log += [f"{player.label}: {line}" for line in player.actor.context.lines]
            self.world.close()
        return Outcome(self.finding, self.coverage, self.log)

    def _do(self, action: Action) -> None:
        name, *arguments = action
        method: Callable[..., bool] = getattr(self, f"do_{name}")
        if method(*arguments):
            self.coverage[f"action {name}"] += 1
            self.world.clock.tick(seconds=10)

    def _fail(self, what: str, detail: str) -> None:
        if self.finding is None:
            self.finding = Finding(what, detail, self.step)

    # --- actions; each returns whether it could be carried out -------------------------------------------------------

    def do_run(self, label: str, request: str = "ordinary", partitions: Sequence[str] = ()) -> bool:
        """A new run begins."""
        if request == "range" and (not self.kind.keeps_cursor or self.cursor != "at"):
            return False
        if request == "full" and self.kind.shape == "partitioned":
            return False
        keys = tuple(partitions) or PARTITIONS[:1] if self.kind.shape == "partitioned" else ()
        run_id = f"run-{label}"
        if label in self.players:
            return False
        self._start(label, run_id, Request(name=request, partitions=keys), attempt=0, tags={})
        return True

    def do_retry(self, label: str, of: str) -> bool:
        """Dagster runs the step of a run again; the earlier attempt is dead, ended, or given up."""
        old = self.players.get(of)
        if old is None or label in self.players or old.attempt.run in self.over:
            return False
        count = sum(one.attempt.run == old.attempt.run for one in self.players.values())
        newest = [one for one in self.players.values() if one.attempt.run == old.attempt.run][-1]
        if newest.actor.in_database or (newest.actor.here == "end" and newest.actor.error is None):
            return False
        self._start(label, old.attempt.run, old.request, attempt=count, tags={})
        return True

    def do_again(self, label: str, of: str, from_failure: bool) -> bool:
        """A run that failed is executed again, from its failure or as a whole."""
        old = self.players.get(of)
        if old is None or label in self.players or old.attempt.run not in self.over or old.attempt.run in self.deleted:
            return False
        if self._succeeded(old.attempt.run):
            return False
        tags = {"dagster/is_resume_retry": "true"} if from_failure else {}
        if not from_failure or old.attempt.run in self.anew:
            self.anew.add(f"run-{label}")
        self._start(label, f"run-{label}", old.request, attempt=0, tags=tags, parent=old.attempt.run)
        return True

    def do_go(self, label: str, point: str) -> bool:
        """An actor goes on to a point, or to its end."""
        player = self.players.get(label)
        if player is None or not player.actor.lives or self._holder() not in (None, player):
            return False
        self.world.api.who = player.number
        player.actor.go(point)
        self.coverage[f"stop {player.actor.here}"] += 1
        if player.actor.ended:
            self._ended(player)
        if self.finding is not None:
            raise Stop
        return True

    def do_die(self, label: str) -> bool:
        """An actor's process is killed where it stands."""
        player = self.players.get(label)
        if player is None or not player.actor.lives:
            return False
        self.coverage[f"death {player.actor.here}"] += 1
        self.world.kill(player.actor)
        return True

    def do_over(self, label: str, how: str) -> bool:
        """A run is over in Dagster: ``failed``, ``canceled`` or ``deleted``."""
        player = self.players.get(label)
        if player is None or player.attempt.run in self.deleted:
            return False
        if how != "deleted" and player.attempt.run in self.over:
            return False
        self.world.end_run(player.attempt.run, how)
        self.over.add(player.attempt.run)
        if how == "deleted":
            self.deleted.add(player.attempt.run)
            self.model.forget(player.attempt.run)
        self.coverage[f"over {how}" + (" alive" if player.actor.lives else "")] += 1
        return True

    def do_no_confirm(self, label: str) -> bool:
        """The confirmation of an actor will not get through."""
        player = self.players.get(label)
        if player is None or not player.actor.lives:
            return False
        player.actor.fails_confirmation = True
        return True

    def do_fail(self, label: str) -> bool:
        """The API answers an actor's next request with an error."""
        player = self.players.get(label)
        if player is None or not player.actor.lives:
            return False
        self.world.api.failing.add(player.number)
        return True

    def do_wipe(self) -> bool:
        """A person wipes the asset's materializations."""
        self.world.instance.wipe_assets([self._asset().key])
        self.model.wipe(quiet=not any(one.actor.lives for one in self.players.values()))
        return True

    def do_jump(self, hours: float) -> bool:
        """Time passes."""
        self.world.clock.tick(hours=hours)
        return True

    def do_copy(self) -> bool:
        """A backup of the file is made."""
        if self._holder() is not None or not self.world.duckdb.exists:
            return False
        self.world.duckdb.copy_to(self._backup(len(self.copies)))
        self.copies.append(self.model.copy())
        return True

    def do_restore(self) -> bool:
        """The newest backup takes the file's place."""
        if self._holder() is not None or not self.copies:
            return False
        self.world.duckdb.replace_by(self._backup(len(self.copies) - 1))
        self.model.restore(self.copies[-1])
        self.world.api.uncommit()
        return True

    def do_lose(self) -> bool:
        """The file is lost."""
        if self._holder() is not None or not self.world.duckdb.exists:
            return False
        self.world.duckdb.replace_by(None)
        self.model.candidates = [State()]
        self.world.api.uncommit()
        return True

    def do_drop(self, which: str) -> bool:
        """A person drops the table, or its nested one."""
        table = self.kind.target + ("__tags" if which == "nested" else "")
        if self._holder() is not None or self.kind.shape == "partitioned" or table not in self.world.duckdb.tables():
            return False
        self.world.duckdb.execute(f"drop table src.{table}")
        self.model.drop()
        return True

    def do_api(self, what: str, count: int, name: str = "items") -> bool:
        """Rows of the API are added, changed or removed."""
        if name == "users" and self.kind.shape != "product":
            return False
        self.world.api.change(name, what, count)
        return True

    def do_parents(self) -> bool:
        """The parents are loaded, undisturbed."""
        if not self.kind.parents or self._holder() is not None:
            return False
        self._load_parents()
        return True

    def do_alter(self) -> bool:
        """The config names another cursor field."""
        alive = any(one.actor.lives for one in self.players.values())
        if alive or self.kind.shape != "incremental" or self.kind.disposition == "append":
            return False
        self.cursor = "revised" if self.cursor == "at" else "at"
        return True

    # --- the actors' lives --------------------------------------------------------------------------------------

    def _asset(self) -> Any:
        return assets_of(self.kind, cursor=self.cursor)[self.kind.target]

    def _start(
        self,
        label: str,
        run_id: str,
        request: Request,
        *,
        attempt: int,
        tags: dict[str, str],
        parent: str | None = None,
    ) -> Player:
        world, asset, number = self.world, self._asset(), len(self.players) + 1
        if attempt == 0:
            self.parents[run_id] = parent
            run = world.add_run(run_id, parent=parent, root=self._line(run_id)[-1] if parent else None, tags=tags)
        else:
            found = world.instance.get_run_by_id(run_id)
            assert found is not None
            run = found
        context = world.context(run, attempt=attempt, partitions=request.partitions, key=asset.key)
        actor = Actor(
            number,
            asset=asset,
            context=context,
            config=request.config(RANGE),
            store=self._store,
            announce=self._announce,
        )
        known = self.model.begin(
            number,
            run=run_id,
            line=self._line(run_id),
            request=request.name,
            partitions=request.partitions,
            anew=run_id in self.anew,
        )
        player = Player(actor, known, request, number, label)
        self.players[label] = self.by_number[number] = player
        return player

    def _line(self, run_id: str) -> list[str]:
        line = [run_id]
        while (parent := self.parents.get(line[-1])) is not None:
            line.append(parent)
        return line

    def _lives(self, number: int) -> bool:
        return number in self.by_number and self.by_number[number].actor.lives

    def _may_report(self, number: int) -> bool:
        return self._lives(number) and self.by_number[number].attempt.run not in self.over

    def _succeeded(self, run_id: str) -> bool:
        return any(
            one.actor.here == "end" and one.actor.error is None
            for one in self.players.values()
            if one.attempt.run == run_id
        )

    def _holder(self) -> Player | None:
        return next((one for one in self.players.values() if one.actor.lives and one.actor.in_database), None)

    def _announce(self, actor: Actor, point: str) -> None:
        """An actor passes a point (in its thread, while the scheduler waits)."""
        player, served = self.by_number[actor.number], self.world.api.served
        self.coverage[f"passed {point}"] += 1
        if point == "before_transaction":
            mine = [number for owner, number in served[player.mark :] if owner == actor.number]
            player.fetch = self.world.api.fetches[mine[-1]] if mine else None
            player.mark, player.over_before = len(served), None
        elif point == "in_transaction" and player.over_before is None:
            player.over_before = player.attempt.run in self.over
        elif point == "after_commit":
            self._committed(player)
        elif point == "yielded" and self.finding is None:
            self.model.report(player.attempt)
            if not self.model.candidates:
                self._fail("an event of a load that the tables do not hold", player.label)
        elif point == "after_confirm":
            self.model.confirm(player.attempt)

    def _committed(self, player: Player) -> None:
        fetch, api = player.fetch, self.world.api
        staged = [
            one
            for one in api.fetches
            if not one.committed and one.path == self.kind.target and not self._lives(one.owner)
        ]
        player.used_staged = fetch is None or fetch.owner != player.number
        before = self.model.candidates
        self.model.commit(player.attempt, fetch, staged)
        if fetch is not None:
            fetch.committed = True
        if player.over_before:
            self._fail("a run that is over has committed", player.label)
        if not self.model.candidates:
            self._fail(
                "a commit that may not be", f"{player.label} committed what it may not; before: {_shown(before)}"
            )
        self._compare(f"after the commit of {player.label}")

    def _store(self, actor: Actor, result: Any) -> None:
        self.world.store(actor, result)
        player = self.by_number[actor.number]
        metadata = getattr(result, "metadata", None) or {}
        case = metadata.get("dagster_rest/started_from", "backfill")
        self.coverage[f"case {getattr(case, 'value', case)}"] += 1
        if self.finding is not None:
            return
        self.model.end(player.attempt)

    def _ended(self, player: Player) -> None:
        error = player.actor.error
        if error is None:
            if player.attempt.run not in self.over:
                self.world.end_run(player.attempt.run, "success")
                self.over.add(player.attempt.run)
            self.coverage["end success"] += 1
            return
        code = getattr(error, "code", type(error).__name__)
        self.coverage[f"end {code}"] += 1
        self.log.append(f"{player.label}: {type(error).__name__}: {error}")
        if not isinstance(error, ConfirmationError) and not (isinstance(error, RestError) and self._is_expected(code)):
            self._fail("an unexpected error", f"{player.label}: {type(error).__name__}: {str(error)[:500]}")

    def _is_expected(self, code: str) -> bool:
        return code in _EXPECTED or code.startswith("http_")

    # --- comparing ----------------------------------------------------------------------------------------------

    def _contents(self) -> tuple[Counter[Any], list[str]]:
        columns = ("id", "v") if self.kind.target == "items" else ("id",)
        return self.world.contents(self.kind.target, columns=columns, versioned=self.kind.disposition == "scd2")

    def _compare(self, when: str) -> None:
        if self.finding is not None:
            return
        found, wrong = self._contents()
        days = {record(row.id, row.v): row.at[:10] for fetch in self.world.api.fetches for row in fetch.rows}
        tables = [(state, table_of(self.kind, state.loads, days=days)) for state in self.model.candidates]
        fitting = [state for state, table in tables if table == found]
        broken = all(state.broken for state in self.model.candidates)
        if (fitting and not wrong) or broken:
            self.model.candidates = fitting or self.model.candidates
            return
        expected = min((table for _, table in tables), key=lambda table: _distance(table, found))
        lost, extra = expected - found, found - expected
        what = (
            "lost and extra rows" if lost and extra else "lost rows" if lost else "extra rows" if extra else "orphans"
        )
        self._fail(what, f"{when}: lost {_rows(lost)}, extra {_rows(extra)} {wrong}")

    def _end_all(self) -> None:
        holder = self._holder()
        for player in [*([holder] if holder else []), *self.players.values()]:
            self.do_go(player.label, "end")
            if player.actor.here == "end":
                continue
            self.do_die(player.label)

    def _load_parents(self) -> None:
        for name in self.kind.parents:
            self._load_parent(name)

    def _load_parent(self, name: str) -> None:
        asset = assets_of(self.kind)[name]
        run = self.world.add_run(f"parent-{name}-{len(self.world.runs)}", parent=None, root=None, tags={})
        context = self.world.context(run, attempt=0, partitions=(), key=asset.key)
        actor = Actor(
            -len(self.world.runs),
            asset=asset,
            context=context,
            config=Request().config(RANGE),
            store=self.world.store,
            announce=lambda *_: None,
        )
        self.world.api.who = actor.number
        actor.go("end")
        self.world.end_run(run.run_id, "success")
        if actor.error is not None:
            self._fail("a parent could not be loaded", f"{type(actor.error).__name__}: {actor.error}")
            raise Stop
        rows = self.world.api.lists[name].values()
        self.model.load_parent(name, [(row.id, row.v) for row in rows])

    def _last_run(self) -> None:
        """One more ordinary run; a second one if it went on with what somebody had staged before."""
        for number in range(3):
            if self.kind.parents:
                self._load_parents()
            player = self._start(
                f"last{number}",
                f"run-last{number}",
                Request(partitions=PARTITIONS if self.kind.shape == "partitioned" else ()),
                attempt=0,
                tags={},
            )
            self.do_go(player.label, "end")
            if player.actor.error is not None:
                self._fail("the last run failed", f"{type(player.actor.error).__name__}: {player.actor.error}")
                raise Stop
            if not player.used_staged or self.kind.parents:
                break
        self._compare("at the end")
        if self.finding is None and self.kind.target == "items":
            self._check_complete()

    def _check_complete(self) -> None:
        """Everything that the API offers at the end is there."""
        found = {row[:2] for row in self._contents()[0] if self.kind.disposition != "scd2" or row[2]}
        rows = self.world.api.lists["items"].values()
        first = text(EPOCH)
        offered = {
            (row.id, row.v)
            for row in rows
            if row.at >= first and (self.kind.shape != "partitioned" or row.at[:10] in PARTITIONS)
        }
        if offered - found:
            self._fail("rows of the API are missing at the end", f"{sorted(offered - found)}")

    def _backup(self, number: int) -> Any:
        return self.world.folder / f"copy-{number}.duckdb"


def _distance(left: Counter[Any], right: Counter[Any]) -> int:
    return sum((left - right).values()) + sum((right - left).values())


def _rows(rows: Counter[Any]) -> str:
    shown = [f"{row[:-1]}x{count}" for row, count in sorted(rows.items(), key=str)[:6]]
    return f"{sum(rows.values())} [{', '.join(shown)}]"


def _shown(candidates: list[State]) -> str:
    return " | ".join(", ".join(f"{one.run}:{len(one.rows)}" for one in state.loads) for state in candidates[:3])


__all__ = ["POINTS", "Action", "Finding", "History", "Outcome"]
