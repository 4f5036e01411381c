"""What the tables must hold after a history: the fold of the loads that count, over nothing of the package's code.

What counts, in five sentences. (1) A load counts from its commit on, reported or not, until a rebuild: a full refresh,
a wipe of the asset's materializations, a table that hands removed, a lost file. (2) Of the loads of one line (a run,
its attempts, the runs it re-executes) that ask for the same, one counts: the newest that was fetched. (3) An ordinary
run never takes the place of another run's load nor leaves its own out; only an explicit range replaces what a dead run
had committed unreported for the very same range. (4) Rows that came by the cursor count once, however often they were
asked for; what a child works on counts once for each load of its parent. (5) A restored file takes back everything
since its copy was made, in the model too.

Where two outcomes are right, the model keeps both as candidates until the tables show which of them came true.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from tests.reliability.simulation.api import EPOCH, Fetch, comments_of, text
from tests.reliability.simulation.kinds import RANGE, Kind
from tests.reliability.simulation.tables import Load, Loads, Record, record

ParentLoad = tuple[str, int, frozenset[Record]]
"""Resource, number, and the versions of its rows that were new."""


@dataclass(frozen=True)
class State:
    """One candidate: the loads that count, those of the parents, whose a rebuild replaced, whether a table is gone."""

    loads: Loads = ()
    parents: tuple[ParentLoad, ...] = ()
    replaced: frozenset[str] = frozenset()
    broken: bool = False


@dataclass
class Attempt:
    """One attempt of one run as the model knows it; ``anew``: it executes all of another run again."""

    owner: int
    run: str
    line: frozenset[str]
    request: str
    partitions: tuple[str, ...]
    parents: tuple[ParentLoad, ...]
    wiped_before: bool
    anew: bool = False
    began: int = 0
    commits: int = 0


@dataclass
class Model:
    """The candidates of one history.

    Args:
        kind: What is loaded.
        may_report: Whether the process of that owner is about to report its load: it lives, and its run is not over.
        lives: Whether its process lives.
    """

    kind: Kind
    may_report: Callable[[int], bool]
    lives: Callable[[int], bool]
    candidates: list[State] = field(default_factory=lambda: [State()])
    wiped: str = ""
    parent_loads: int = 0
    wipes: int = 0
    now: int = 0
    deleted: set[str] = field(default_factory=set)

    # --- what happens -------------------------------------------------------------------------------------------

    def begin(
        self, owner: int, *, run: str, line: Iterable[str], request: str, partitions: tuple[str, ...], anew: bool
    ) -> Attempt:
        parents = self.candidates[0].parents
        return Attempt(owner, run, frozenset(line), request, partitions, parents, bool(self.wiped), anew, self.now)

    def commit(self, attempt: Attempt, fetch: Fetch | None, staged: list[Fetch]) -> None:
        """A transaction of an attempt is committed.

        Args:
            attempt: Whose.
            fetch: The list it fetched for it, or None.
            staged: The lists that dead actors left behind, which it may have gone on with.
        """
        known = replace(attempt, commits=0) if fetch is not None and self._is_first(fetch) else attempt
        found = [one for state in self.candidates for one in self._outcomes(state, known, fetch, staged)]
        self.candidates = list(dict.fromkeys(found))
        attempt.commits += 1
        self.wiped = "" if attempt.wiped_before or not self.wiped else "may"

    def end(self, attempt: Attempt) -> None:
        """An attempt's event is stored."""
        self.now += 1
        self._mark(attempt, reported=self.now)

    def report(self, attempt: Attempt) -> None:
        """An attempt yields its event: if it committed nothing, of its line's load, in the tables or since rebuilt."""
        self.candidates = [
            state
            for state in self.candidates
            if attempt.commits or attempt.line & (state.replaced | {one.run for one in state.loads})
        ]

    def confirm(self, attempt: Attempt) -> None:
        """The confirmation of an attempt is written."""
        self._mark(attempt, confirmed=True)

    def forget(self, run: str) -> None:
        """A run is deleted, and its events with it: what the ledger has not confirmed is as good as untold."""
        self.deleted.add(run)
        for index, state in enumerate(self.candidates):
            loads = tuple(
                replace(one, reported=one.confirmed and one.reported) if one.run == run else one for one in state.loads
            )
            self.candidates[index] = replace(state, loads=loads)

    def _mark(self, attempt: Attempt, **changes: int) -> None:
        """Mark the loads that an attempt speaks of: its own, its line's, and a range's that stands for its own."""
        for index, state in enumerate(self.candidates):
            own = any(one.owner == attempt.owner and one.begins for one in state.loads)
            loads = tuple(
                replace(one, **{name: getattr(one, name) or value for name, value in changes.items()})
                if one.run in attempt.line or (attempt.request == "range" == one.request and not own)
                else one
                for one in state.loads
            )
            self.candidates[index] = replace(state, loads=loads)

    def load_parent(self, name: str, rows: Iterable[Record]) -> None:
        """A parent was loaded, undisturbed: the versions it had not seen are new."""
        self.parent_loads += 1
        for index, state in enumerate(self.candidates):
            seen = {row for other, _, old in state.parents if other == name for row in old}
            new = (name, self.parent_loads, frozenset(rows) - seen)
            self.candidates[index] = replace(state, parents=(*state.parents, new))

    def wipe(self, *, quiet: bool) -> None:
        """A person wipes the materializations: where a confirmed load is in the tables, its missing event shows it."""
        known = all(any(one.confirmed for one in state.loads) for state in self.candidates)
        self.wiped = "must" if quiet and known else "may"
        self.wipes += 1

    def copy(self) -> tuple[list[State], int]:
        """What a copy of the file holds."""
        return list(self.candidates), self.wipes

    def restore(self, kept: tuple[list[State], int]) -> None:
        """A copy takes the file's place; if the asset was wiped since, that may well be seen."""
        self.candidates, wipes = list(kept[0]), kept[1]
        self.wiped = "may" if wipes != self.wipes else self.wiped

    def drop(self) -> None:
        self.candidates = [replace(state, broken=True) for state in self.candidates]

    # --- what a commit may have done ----------------------------------------------------------------------------

    def _outcomes(self, state: State, attempt: Attempt, fetch: Fetch | None, staged: list[Fetch]) -> Iterator[State]:
        for base in self._bases(state, attempt):
            gone = frozenset() if base else frozenset(one.run for one in state.loads)
            after = replace(state, replaced=state.replaced | gone, broken=False)
            reports_only = fetch is None and self.kind.target == "items"
            if reports_only and any(self._may_stand(one, attempt) for one in base):
                yield replace(after, loads=base)
            for one in [fetch] if fetch is not None else staged or ([None] if self.kind.parents else []):
                for new in self._loads(state, base, attempt, one):
                    for kept in self._kept(base, attempt, one):
                        yield replace(after, loads=(*kept, new))
            if self.kind.parents and any(one.run in attempt.line for one in base):
                yield replace(after, loads=base)

    def _is_first(self, fetch: Fetch) -> bool:
        """Whether a load begins with it: an attempt that was overtaken, or whose file was restored, begins anew."""
        return self.kind.shape == "windowed" and fetch.since in (text(EPOCH), RANGE[0])

    def _bases(self, state: State, attempt: Attempt) -> list[Loads]:
        """What is left of the earlier loads: all, or nothing after a rebuild."""
        if attempt.commits:
            return [state.loads]
        if state.broken:
            return [()]
        if attempt.request == "full":
            ours = any(one.run in attempt.line for one in state.loads)
            return [(), state.loads] if ours else [()]
        if self.wiped and self.kind.shape != "partitioned":
            must = self.wiped == "must" and attempt.wiped_before
            return [()] if must else [(), state.loads]
        return [state.loads]

    def _may_stand(self, one: Load, attempt: Attempt) -> bool:
        """Whether an attempt that fetched nothing may report this load instead."""
        if one.partitions and not set(attempt.partitions) <= set(one.partitions):
            return False
        return one.run in attempt.line or self._is_left_range(one, attempt)

    def _is_left_range(self, one: Load, attempt: Attempt) -> bool:
        same = attempt.request == "range" == one.request
        return (
            same
            and not (one.reported or one.confirmed)
            and one.owner != attempt.owner
            and not self.may_report(one.owner)
        )

    def _kept(self, base: Loads, attempt: Attempt, fetch: Fetch | None) -> Iterator[Loads]:
        """The earlier loads that count beside the new one."""
        by_cursor = (self.kind.keeps_cursor and attempt.request != "range") or self.kind.works_on_new
        if self.kind.disposition != "append" or self.kind.shape == "partitioned" or by_cursor:
            yield base
            return
        if attempt.commits:
            yield base
            if any(self._is_left_range(one, attempt) for one in base):
                # It was overtaken by a run that died: it goes on behind that one's windows, and its own are replaced.
                yield tuple(one for one in base if one.request != "range" or one.run not in attempt.line)
            return
        if self.kind.shape == "windowed" and fetch is not None and (fetch.since or "") > RANGE[0]:
            # It goes on behind the windows that were committed.
            yield base
            return
        own = [one for one in base if one.request == attempt.request and one.run in attempt.line]
        events = [one for one in own if one.reported and one.run not in self.deleted]
        if any(one.reported <= attempt.began for one in events) and not (attempt.anew or self.wipes):
            # An event named it before this attempt began: there is nothing to do again.
            return
        left = [one for one in base if self._is_left_range(one, attempt) and one not in own]
        certain = [one for one in left if not self.lives(one.owner)]
        yield tuple(one for one in base if one not in own and one not in left)
        if attempt.anew or self.deleted.intersection(one.run for one in own):
            # Whoever executes a run again as a whole may mean a load beside the one that was reported.
            yield tuple(one for one in base if one.reported or (one not in own and one not in left))
        if certain != left:
            yield tuple(one for one in base if one not in own and one not in certain)

    def _loads(self, state: State, base: Loads, attempt: Attempt, fetch: Fetch | None) -> Iterator[Load]:
        make = Load(attempt.owner, attempt.run, attempt.request, (), attempt.partitions)
        if fetch is not None:
            begins = self.kind.shape != "windowed" or self._is_first(fetch)
            yield replace(make, rows=tuple(record(row.id, row.v) for row in fetch.rows), begins=begins)
            return
        gone = {number for one in base for number in one.consumed} if self.kind.works_on_new else set()
        later = range(min(len(attempt.parents), len(state.parents)), len(state.parents) + 1)
        for parents in dict.fromkeys([attempt.parents, *(state.parents[:count] for count in later)]):
            new = [one for one in parents if one[1] not in gone]
            items, users = _ids(new, "items"), _ids(new, "users")
            if self.kind.shape == "product":
                pairs = itertools.product(_ids(parents, "items"), _ids(parents, "users"))
                names = [f"{left}.{right}" for left, right in pairs if left in items or right in users]
            else:
                names = [name for parent in items for name in comments_of(parent)]
            rows = tuple((name, (name,)) for name in names)
            yield replace(make, rows=rows, consumed=frozenset(one[1] for one in new))


def _ids(loads: Iterable[ParentLoad], name: str) -> list[int]:
    return sorted({row[0] for other, _, rows in loads if other == name for row in rows})
