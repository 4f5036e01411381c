"""Loads of every kind, killed at every named point and at random moments, then run again to the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.reliability.kills import POINTS, Stage, asked_again, happens, is_taken_up_by_any_run, kill_and_recover
from tests.reliability.scenes import SCENES, Scene, scene

MOMENTS = int(os.environ.get("RELIABILITY_MOMENTS", "50"))
KILLS_IN_A_ROW = 5
Find = Callable[[Scene], Stage]

EVERYWHERE = [
    pytest.param(one, point, id=f"{one.name}-{point}", marks=pytest.mark.xdist_group(one.name))
    for one in SCENES
    for point in POINTS
    if happens(point, one)
]
EVERY_SCENE = [pytest.param(one, id=one.name, marks=pytest.mark.xdist_group(one.name)) for one in SCENES]
A_FEW = [
    ("append", "plain", "after_commit"),
    ("append", "child_new", "before_confirm"),
    ("replace", "windowed", "in_transaction"),
    ("merge", "incremental", "after_checkpoint_rename"),
    ("scd2", "plain", "in_part_write"),
]


@pytest.mark.parametrize(("disposition", "shape", "point"), A_FEW)
def test_a_killed_load_ends_as_if_undisturbed(stage_of: Find, disposition: str, shape: str, point: str) -> None:
    stage = stage_of(scene(disposition, shape))

    kill_and_recover(stage, stage.cell(), {"point": point, "number": stage.in_the_middle(point)})


def test_after_the_commit_a_snapshot_counts_for_every_other_run(stage_of: Find) -> None:
    """An ordinary run neither deletes what a dead one committed, nor takes it for its own: it adds."""
    stage = stage_of(scene("append", "plain"))
    cell = stage.cell()
    assert cell.run(kill={"point": "after_commit"}).killed
    assert cell.run(executor="in_process").success
    before, once, now = (bench.contents()["items"] for bench in (stage.before, stage.cell(), cell))

    assert before == once
    assert sorted([*stage.expected["items"], *(Counter(stage.expected["items"]) - Counter(before)).elements()]) == now


@pytest.mark.long
@pytest.mark.parametrize("disposition", ["replace", "merge", "scd2"])
def test_after_the_commit_an_ordinary_run_ends_with_the_same_tables(stage_of: Find, disposition: str) -> None:
    stage = stage_of(scene(disposition, "plain"))
    cell = stage.cell()
    assert cell.run(kill={"point": "after_commit"}).killed
    assert cell.run(executor="in_process").success

    assert stage.expected["items"] == cell.contents()["items"]


@pytest.mark.long
@pytest.mark.parametrize(("one", "point"), EVERYWHERE)
def test_killed_at_a_named_point(stage_of: Find, one: Scene, point: str) -> None:
    stage = stage_of(one)
    cell = stage.cell()

    kill_and_recover(stage, cell, {"point": point, "number": stage.in_the_middle(point)})

    shutil.rmtree(cell.folder)


@pytest.mark.long
@pytest.mark.parametrize("one", EVERY_SCENE)
def test_killed_at_random_moments(stage_of: Find, one: Scene, record_property: Callable[..., None]) -> None:
    stage = stage_of(one)
    chance = random.Random(f"{one.name} 7")
    moments = landed = 0
    while moments < MOMENTS:
        cell = stage.cell()
        before = None
        for _ in range(min(KILLS_IN_A_ROW, MOMENTS - moments)):
            moments += 1
            kill = {"after": chance.uniform(0, stage.seconds * 1.1)}
            killed = cell.run(kill=kill, reexecute=before.run_id if before is not None else None)
            landed += killed.killed
            # After a commit, the next run's first request asks for what is new since then.
            if before is not None and not before.counts["after_commit"]:
                repeated, allowed = asked_again(before, killed, scene=one)
                assert repeated <= allowed
            before = killed
            if killed.success or cell.is_confirmed(killed.run_id):
                # Killed behind its end, a load has all its effects; the next run is a load of its own.
                break
        else:
            recovered = cell.run(executor="in_process", reexecute=killed.run_id)
            assert recovered.success, recovered.errors
        assert stage.expected == cell.contents()
        shutil.rmtree(cell.folder)
    record_property("kills that landed", f"{landed} of {moments}")
    assert landed


@pytest.mark.parametrize("point", ["page_taken", "after_commit", "after_confirm"])
def test_a_re_execution_from_failure_goes_on(stage_of: Find, point: str) -> None:
    stage = stage_of(scene("append", "plain"))
    cell = stage.cell()
    killed = cell.run(kill={"point": point, "number": stage.in_the_middle(point)})
    again = cell.run(reexecute=killed.run_id)
    repeated, allowed = asked_again(killed, again, scene=stage.scene)

    assert again.success, again.errors
    assert stage.expected == cell.contents()
    assert repeated <= allowed < len(killed.asked)


def test_a_re_execution_of_one_op_does_not_load_again_what_is_loaded(stage_of: Find) -> None:
    stage = stage_of(scene("append", "child"))
    everything: dict[str, Any] = {"mode": "single_op", "targets": ("items", "comments")}
    reference, cell = stage.cell(), stage.cell()
    reference.run(**everything)
    killed = cell.run(kill={"point": "after_confirm"}, **everything)
    again = cell.run(reexecute=killed.run_id, **everything)

    assert again.success, again.errors
    assert reference.contents() == cell.contents()
    assert [] == [target for target in again.asked if "comments" not in target]


MACHINE_DIES = [
    pytest.param(scene(disposition, shape), point, id=f"{disposition}-{shape}-{point}")
    for disposition, shape in [("append", "plain"), ("merge", "incremental"), ("replace", "windowed")]
    for point in ["page_taken", "after_checkpoint_rename", "in_transaction", "after_commit", "before_confirm"]
]


@pytest.mark.long
@pytest.mark.parametrize(("one", "point"), MACHINE_DIES)
def test_the_whole_machine_dies(stage_of: Find, one: Scene, point: str) -> None:
    """Run and step are killed together: Dagster goes on to believe that the run is under way."""
    stage = stage_of(one)
    cell = stage.cell()
    kill = {"point": point, "number": stage.in_the_middle(point), "group": True}
    with cell.start("machine", kill=kill, fast=False) as run:
        assert -signal.SIGKILL == run.wait(300)
    ordinary = is_taken_up_by_any_run(point, one)
    recovered = cell.run(executor="in_process", reexecute=None if ordinary else cell.declare_failed())

    assert recovered.success, recovered.errors
    assert stage.expected == cell.contents()


def test_a_machine_that_dies_twice(stage_of: Find) -> None:
    """A re-execution of a re-execution still answers for the first one's load."""
    stage = stage_of(scene("append", "plain"))
    cell = stage.cell()
    with cell.start("once", kill={"point": "after_commit", "group": True}, executor="in_process") as run:
        assert -signal.SIGKILL == run.wait(300)
    again = cell.run(kill={"point": "before_transaction"}, reexecute=cell.declare_failed())
    assert again.killed
    recovered = cell.run(executor="in_process", reexecute=again.run_id)

    assert recovered.success, recovered.errors
    assert stage.expected == cell.contents()
    assert [] == recovered.asked
