"""Runs histories in several processes, makes what they find smaller, and says what was covered."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from tests.reliability.simulation.generator import Plan, plan_of
from tests.reliability.simulation.history import Action, Finding, History, Outcome
from tests.reliability.simulation.world import Lab


@dataclass
class Result:
    """What many histories gave.

    Attributes:
        histories: How many there were.
        seconds: How long they took.
        cpu: Seconds of processors they took.
        findings: By seed.
        coverage: How often what happened, over all of them.
    """

    histories: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    findings: dict[int, Finding] = field(default_factory=dict)
    coverage: Counter[str] = field(default_factory=Counter)


@contextmanager
def laboratory(*, without: str | None = None) -> Iterator[Lab]:
    """A lab for as long as the block lasts.

    Args:
        without: A mend to switch off, of `twins.TWINS`.
    """
    from tests.reliability.simulation.twins import switched_off

    lab = Lab()
    gc.collect()
    gc.freeze()
    try:
        with switched_off(without):
            yield lab
    finally:
        lab.close()
        gc.unfreeze()


def play(lab: Lab, plan: Plan) -> Outcome:
    """Carry out one history."""
    kind, rows, actions = plan
    return History(lab, kind).play(rows, actions)


def explore(
    seeds: Sequence[int],
    *,
    workers: int = 1,
    kind: str | None = None,
    without: str | None = None,
    stop: int = 0,
    say: Callable[[str], object] = lambda _: None,
) -> Result:
    """Carry out the histories of these numbers.

    Args:
        seeds: Their numbers.
        workers: How many processes.
        kind: Only histories of this kind.
        without: A mend to switch off.
        stop: End after so many findings; 0 for all.
        say: Takes a line for every finding as soon as it is found, and one for every 500 histories.
    """
    begun, result = time.monotonic(), Result()
    chosen = [seed for seed in seeds if kind is None or plan_of(seed)[0] == kind]
    if workers == 1:
        for piece in _outcomes(chosen, without=without):
            if _take(result, piece, stop=stop, say=say):
                break
    else:
        context = multiprocessing.get_context("forkserver")
        size = 20
        jobs = [(chosen[start : start + size], without) for start in range(0, len(chosen), size)]
        with context.Pool(workers, maxtasksperchild=50) as pool:
            for pieces in pool.imap_unordered(_job, jobs):
                enough = [_take(result, piece, stop=stop, say=say) for piece in pieces]
                if any(enough):
                    break
            pool.terminate()
    result.seconds = time.monotonic() - begun
    return result


Piece = tuple[int, "Finding | None", "Counter[str]", float]


def _take(result: Result, piece: Piece, *, stop: int, say: Callable[[str], object]) -> bool:
    seed, finding, coverage, cpu = piece
    result.histories += 1
    result.cpu += cpu
    result.coverage.update(coverage)
    if result.histories % 500 == 0:
        say(f"{result.histories} histories")
    if finding is not None:
        result.findings[seed] = finding
        say(f"seed {seed}, {plan_of(seed)[0]}: {finding}")
    return bool(stop) and len(result.findings) >= stop


def _outcomes(seeds: Sequence[int], *, without: str | None) -> Generator[Piece]:
    with laboratory(without=without) as lab:
        for seed in seeds:
            before = time.process_time()
            outcome = play(lab, plan_of(seed))
            yield seed, outcome.finding, outcome.coverage, time.process_time() - before


def _job(job: tuple[Sequence[int], str | None]) -> list[Piece]:
    return list(_outcomes(job[0], without=job[1]))


def first_found(twin: str, seeds: Sequence[int]) -> tuple[int, Finding] | None:
    """How many histories it takes to see that a mend is switched off, and what is seen; None if it is not.

    What the code as it is does wrong as well does not count.

    Args:
        twin: One of `twins.TWINS`.
        seeds: The numbers of the histories to try, in order.
    """
    tried = 0
    while tried < len(seeds):
        finding = None
        with closing(_outcomes(seeds[tried:], without=twin)) as outcomes:
            for _, finding, _, _ in outcomes:
                tried += 1
                if finding is not None:
                    break
        if finding is not None and not any(piece[1] for piece in _outcomes([seeds[tried - 1]], without=None)):
            return tried, finding
    return None


def shrunk(lab: Lab, plan: Plan) -> tuple[Plan, Outcome]:
    """A shorter history with the same kind of finding: actions are left out as long as it is still found.

    Args:
        lab: Where to try.
        plan: A history with a finding.
    """
    kind, rows, actions = plan
    outcome = play(lab, plan)
    if outcome.finding is None:
        return plan, outcome
    what = outcome.finding.what
    actions = actions[: outcome.finding.step + 1]
    size = max(len(actions) // 2, 1)
    while size:
        start = 0
        while start < len(actions):
            fewer: tuple[Action, ...] = (*actions[:start], *actions[start + size :])
            tried = play(lab, (kind, rows, fewer))
            if tried.finding is not None and tried.finding.what == what:
                actions, outcome = fewer, tried
            else:
                start += size
        size //= 2
    for smaller in range(1, rows):
        tried = play(lab, (kind, smaller, actions))
        if tried.finding is not None and tried.finding.what == what:
            rows, outcome = smaller, tried
            break
    return (kind, rows, actions), outcome


def show(result: Result, *, shrinking: bool = True, without: str | None = None, most: int = 25) -> str:
    """A report: how many, how long, what was found, what was covered.

    Args:
        result: What ``explore`` gave.
        shrinking: Whether to make findings smaller first.
        without: The mend that was switched off.
        most: How many findings to show with their actions.
    """
    each = result.cpu / max(result.histories, 1)
    lines = [
        f"{result.histories} histories in {result.seconds:.0f} s, each {each * 1000:.0f} ms of a processor",
    ]
    lines.append(f"{len(result.findings)} findings")
    classes = Counter(f"{plan_of(seed)[0]}: {finding.what}" for seed, finding in sorted(result.findings.items()))
    lines += [f"  {count:5} {name}" for name, count in classes.most_common()]
    if result.findings:
        with laboratory(without=without) as lab:
            for seed in _one_of_each(result)[:most]:
                lines += _described(lab, seed, result.findings[seed], shrinking=shrinking)
    lines.append("coverage")
    lines += [f"  {count:7} {name}" for name, count in sorted(result.coverage.items())]
    return "\n".join(lines) + "\n"


def _one_of_each(result: Result) -> list[int]:
    seen: dict[str, int] = {}
    for seed, finding in sorted(result.findings.items()):
        seen.setdefault(f"{plan_of(seed)[0]}: {finding.what}", seed)
    return list(seen.values())


def _described(lab: Lab, seed: int, finding: Finding, *, shrinking: bool) -> list[str]:
    plan, log = plan_of(seed), []
    if shrinking:
        plan, outcome = shrunk(lab, plan)
        finding, log = outcome.finding or finding, outcome.log
    kind, rows, actions = plan
    return [
        "",
        f"seed {seed}, {kind}, {rows} rows: {finding}",
        *(f"    {action}" for action in actions),
        *(f"  said {line[:300]}" for line in log),
    ]
