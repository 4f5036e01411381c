"""Every guard has a twin here that must fail: switched off, the data goes wrong; so none is for show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.reliability.guards import GUARDS
from tests.reliability.kills import Stage, asked_again, is_taken_up_by_any_run
from tests.reliability.lab import Bench
from tests.reliability.scenes import Scene, scene
from tests.reliability.test_fencing import stopped, wake

Find = Callable[[Scene], Stage]


def after_a_kill(stage: Stage, point: str, *, without: str | None, reexecuted: bool = False) -> Bench:
    """A cell whose load was killed in the middle passage of a point and run again, perhaps as a re-execution."""
    cell = stage.cell()
    killed = cell.run(kill={"point": point, "number": stage.in_the_middle(point)}, without=without)
    assert killed.killed
    reexecuted = reexecuted or not is_taken_up_by_any_run(point, stage.scene)
    assert cell.run(without=without, reexecute=killed.run_id if reexecuted else None).success
    return cell


KILLS = [
    ("recovery", "append", "plain", "after_commit"),
    ("transaction", "append", "plain", "rows_written"),
    ("fingerprint", "append", "incremental", "after_commit"),
    ("checkpoint after the part", "append", "plain", "in_part_write"),
]


@pytest.mark.long
@pytest.mark.parametrize(("guard", "disposition", "shape", "point"), KILLS)
def test_without_it_a_kill_does_damage(stage_of: Find, guard: str, disposition: str, shape: str, point: str) -> None:
    stage = stage_of(scene(disposition, shape))

    assert stage.expected == after_a_kill(stage, point, without=None).contents()
    assert stage.expected != after_a_kill(stage, point, without=guard).contents()


@pytest.mark.long
def test_without_it_a_re_execution_loads_twice(stage_of: Find) -> None:
    stage = stage_of(scene("append", "plain"))

    assert stage.expected == after_a_kill(stage, "after_confirm", without=None, reexecuted=True).contents()
    assert stage.expected != after_a_kill(stage, "after_confirm", without="earlier runs", reexecuted=True).contents()


def snapshots(bench: Bench) -> Counter[int]:
    """How many items are there how often."""
    rows = bench.contents()["items"]
    return Counter(Counter(rows).values())


RANGE = Scene("append", "incremental", prepare=(), bounds=("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"))


def ranges_at_once(stage: Stage, *, sleeps_at: str, dies_at: str | None, without: str | None) -> Bench:
    """Two runs of one range; the first sleeps at a point while the second does its work, or dies on the way."""
    cell = stage.cell()
    stop = {"point": sleeps_at, "signal": "SIGSTOP"}
    with stopped(cell, "first", kill=stop, executor="in_process", without=without) as first:
        second = cell.run(kill={"point": dies_at} if dies_at else None, without=without)
        assert second.success is not second.killed
        code, output = wake(first)
    assert 0 == code, output
    return cell


OVERLAPS = [
    ("sign of life", "after_commit", None),
    ("events after the ledger", "begun", "before_confirm"),
]


@pytest.mark.long
@pytest.mark.parametrize(("guard", "sleeps_at", "dies_at"), OVERLAPS)
def test_without_it_two_runs_hurt_each_other(
    shop: Any, tmp_path: Path, guard: str, sleeps_at: str, dies_at: str | None
) -> None:
    shop.state = 2
    empty = Stage.of_nothing(tmp_path, scene=RANGE, shop=shop)

    assert {2} == set(snapshots(ranges_at_once(empty, sleeps_at=sleeps_at, dies_at=dies_at, without=None)))
    assert {2} != set(snapshots(ranges_at_once(empty, sleeps_at=sleeps_at, dies_at=dies_at, without=guard)))


def given_up_and_woken(stage: Stage, *, without: str | None) -> Bench:
    """An attempt that sleeps before its transaction, while its successor commits."""
    cell = stage.cell()
    options = {"module": "one_attempt", "run_id": "run", "without": without}
    with stopped(cell, "first", attempt=0, **options) as given_up:
        with cell.start("second", attempt=1, **options) as successor:
            assert "committed" in successor.communicate(timeout=120)[0]
        wake(given_up)
    return cell


@pytest.mark.long
@pytest.mark.parametrize("guard", ["attempt check", "successor check"])
def test_without_it_a_given_up_step_commits_over_its_successor(stage_of: Find, guard: str) -> None:
    shape = "plain" if guard == "attempt check" else "incremental"
    stage = stage_of(scene("append", shape))
    one = given_up_and_woken(stage, without=None).contents()

    assert stage.expected["items"] == one["items"]
    assert one["items"] != given_up_and_woken(stage, without=guard).contents()["items"]


def with_a_foreign_part(stage: Stage, *, without: str | None) -> Bench:
    """A cell in whose staging folder a part was exchanged between the kill and the next run."""
    cell = stage.cell()
    assert cell.run(kill={"point": "before_transaction"}).killed
    part = next(
        path
        for path in sorted(cell.folder.glob("warehouse.duckdb.staging/*/*.parquet"))
        if "title" in pq.read_schema(path).names
    )
    genuine = pq.read_table(part)
    column = pa.array(["not from the API"] * len(genuine))
    pq.write_table(genuine.set_column(genuine.schema.get_field_index("title"), "title", column), part)
    assert cell.run(without=without).success
    return cell


@pytest.mark.long
def test_without_digests_a_foreign_part_is_loaded(stage_of: Find) -> None:
    stage = stage_of(scene("append", "plain"))

    assert stage.expected == with_a_foreign_part(stage, without=None).contents()
    assert stage.expected != with_a_foreign_part(stage, without="digests").contents()


@pytest.mark.long
def test_a_resource_that_starts_over_breaks_the_bound_of_requests(stage_of: Find) -> None:
    """The twin of the matrix's own check: it sees requests that are made again."""
    stage = stage_of(scene("append", "plain"))
    cell = stage.cell()
    killed = cell.run(kill={"point": "before_transaction"})
    recovered = cell.run(without="fingerprint")
    repeated, allowed = asked_again(killed, recovered, scene=stage.scene)

    assert repeated > allowed


def test_the_comparison_sees_an_interrupted_load(stage_of: Find) -> None:
    """The twin of the matrix's comparison: without the second run the contents differ."""
    stage = stage_of(scene("append", "plain"))
    cell = stage.cell()
    cell.run(kill={"point": "in_transaction"})

    assert stage.expected != cell.contents()


def test_no_guard_is_without_a_twin() -> None:
    tested = {kill[0] for kill in KILLS} | {overlap[0] for overlap in OVERLAPS}

    assert set(GUARDS) == tested | {"attempt check", "successor check", "digests", "earlier runs"}
