"""Where a load can be killed, and what has to be true after it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.reliability.lab import Bench, Outcome
from tests.reliability.scenes import Scene
from tests.reliability.shop import Shop

POINTS = {
    "before_request": "before a request is sent",
    "request_arrived": "after a request is sent, before its response",
    "half_answered": "in the middle of a response body",
    "page_taken": "after a response body, before its records are staged",
    "in_part_write": "while a Parquet part is written",
    "part_written": "after a Parquet part, before its checkpoint",
    "before_checkpoint_rename": "the checkpoint is written but not renamed",
    "after_checkpoint_rename": "the checkpoint is renamed",
    "before_transaction": "everything is staged, the database is not open",
    "in_transaction": "inside the DuckDB transaction",
    "replace_swap": "inside the transaction, the old rows are deleted, the new ones inserted",
    "after_commit": "after the commit, before the event is stored",
    "before_confirm": "the event is stored, the load is not confirmed",
    "token_refresh": "while an access token is renewed",
}
"""Every named point, and where in a load it is."""

SERVER_SIDE = ("request_arrived", "half_answered", "token_refresh")


def happens(point: str, scene: Scene) -> bool:
    """Whether a load of this scene passes the point."""
    if point == "replace_swap":
        return scene.disposition == "replace" and scene.shape not in ("partitioned", "backfill")
    return True


AFTER_COMMIT = ("after_commit", "before_confirm")


def is_taken_up_by_any_run(point: str, scene: Scene) -> bool:
    """Whether any later run goes on where a load died, or only one that re-executes it.

    Behind its commit, a load that says nothing of how far it came (no cursor, no consumed parents) is a load of its
    own for every other run; `replace` begins anew each time, and a partition is replaced.
    """
    state_shows_progress = scene.shape in ("incremental", "windowed", "child_new")
    return point not in AFTER_COMMIT or (state_shows_progress and scene.disposition != "replace")


class Stage:
    """One scene, ready to be disturbed: what was before it, and what an undisturbed load makes of that."""

    def __init__(self, folder: Path, *, scene: Scene, shop: Shop) -> None:
        self.scene = scene
        self._folder, self._shop, self._cells = folder, shop, 0
        self.before = Bench.prepared(folder / "before", scene=scene, shop=shop)
        shop.state = 2
        reference = self.before.copy(folder / "reference")
        self.undisturbed = reference.run(announce=True)
        assert self.undisturbed.success, self.undisturbed.errors
        self.expected = reference.contents()

    @classmethod
    def of_nothing(cls, folder: Path, *, scene: Scene, shop: Shop) -> Stage:
        """A stage with nothing before it, and without an undisturbed load to compare with."""
        stage = cls.__new__(cls)
        stage.scene = scene
        stage._folder, stage._shop, stage._cells = folder, shop, 0
        stage.before = Bench.prepared(folder / "before", scene=scene, shop=shop)
        return stage

    def cell(self) -> Bench:
        """A fresh copy of what was before."""
        self._shop.state = 2
        self._cells += 1
        return self.before.copy(self._folder / f"cell-{self._cells}")

    def in_the_middle(self, point: str) -> int:
        """The number of the middle passage of a point in an undisturbed load, from 1."""
        counts: Counter[str] = self.undisturbed.counts
        passages = {
            **counts,
            "request_arrived": len(self.undisturbed.asked),
            "half_answered": len(self.undisturbed.asked),
            "token_refresh": self.undisturbed.tokens,
        }
        assert passages.get(point), f"{point} does not happen in {self.scene.name}"
        return (passages[point] + 1) // 2

    @property
    def seconds(self) -> float:
        """How long an undisturbed load takes."""
        moments = self.undisturbed.moments
        return moments[-1].at - moments[0].at


def asked_again(killed: Outcome, recovered: Outcome, *, scene: Scene) -> tuple[int, int]:
    """Requests that the recovering run repeated, and how many it may repeat: those that no checkpoint covers."""
    repeated = sum((Counter(killed.asked) & Counter(recovered.asked)).values())
    kept = killed.pages_kept(resumable=scene.shape != "backfill")
    return repeated, max(0, len(killed.asked) - kept)


def kill_and_recover(stage: Stage, bench: Bench, kill: dict[str, Any]) -> Outcome:
    """Kill a load, try it again to the end, and compare.

    Args:
        stage: The scene.
        bench: A cell of it.
        kill: Where to kill.
    """
    killed = bench.run(kill=kill)
    assert killed.killed, f"nothing was killed: {kill}"
    assert not killed.success
    ordinary = is_taken_up_by_any_run(kill["point"], stage.scene)
    recovered = bench.run(executor="in_process", reexecute=None if ordinary else killed.run_id)
    assert recovered.success, recovered.errors
    assert stage.expected == bench.contents()
    repeated, allowed = asked_again(killed, recovered, scene=stage.scene)
    assert repeated <= allowed, f"{repeated} requests were made again, {allowed} were not in a checkpoint"
    return recovered
