"""A step that was given up and wakes up later does not commit over its successor."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.reliability.kills import Stage
from tests.reliability.lab import Bench
from tests.reliability.scenes import Scene, scene

Find = Callable[[Scene], Stage]
STOP = {"point": "before_transaction", "signal": "SIGSTOP"}


@contextmanager
def stopped(bench: Bench, name: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that stands still just before its transaction; it is continued by whoever wants to."""
    with bench.start(name, **{"kill": STOP, **options}) as process:
        wait_until_stopped(process, Path(bench.folder / f"{name}.log"))
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.wait(120)


def wait_until_stopped(process: subprocess.Popen[str], events: Path) -> None:
    until = time.monotonic() + 120
    while not (events.exists() and "killed 1" in events.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.01)


def wake(process: subprocess.Popen[str]) -> tuple[int, str]:
    os.kill(process.pid, signal.SIGCONT)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def test_an_earlier_attempt_of_the_run_is_refused(stage_of: Find) -> None:
    bench = stage_of(scene("append", "plain")).cell()
    with stopped(bench, "first", module="one_attempt", run_id="run", attempt=0) as given_up:
        successor = bench.start("second", module="one_attempt", run_id="run", attempt=1)
        assert "committed" in successor.communicate(timeout=120)[0]
        after_successor = bench.contents()
        code, output = wake(given_up)

    assert 1 == code
    assert "state_fenced" in output
    assert after_successor == bench.contents()


def test_a_later_attempt_goes_on_after_what_the_given_up_one_committed(stage_of: Find) -> None:
    stage = stage_of(scene("append", "incremental"))
    bench = stage.cell()
    with stopped(bench, "second", module="one_attempt", run_id="run", attempt=1) as successor:
        with bench.start(
            "first", module="one_attempt", run_id="run", attempt=0, kill={"point": "before_confirm"}
        ) as late:
            assert -signal.SIGKILL == late.wait(120)
        code, output = wake(successor)

    assert 0 == code, output
    assert stage.expected == bench.contents()


@pytest.mark.long
def test_a_run_that_was_declared_dead_is_refused(stage_of: Find) -> None:
    stage = stage_of(scene("append", "plain"))
    bench = stage.cell()
    with stopped(bench, "first", executor="in_process") as given_up:
        with dg.DagsterInstance.from_config(str(bench.home)) as instance:
            run = instance.get_runs(limit=1)[0]
            instance.report_run_failed(run, "no sign of life")
        successor = bench.run(reexecute=run.run_id)
        assert successor.success, successor.errors
        code, output = wake(given_up)

    assert 1 == code
    assert "state_fenced" in output
    assert stage.expected == bench.contents()


@pytest.mark.long
def test_a_run_that_slept_while_another_committed_starts_over(stage_of: Find) -> None:
    stage = stage_of(scene("append", "incremental"))
    bench = stage.cell()
    with stopped(bench, "first", executor="in_process") as sleeper:
        assert bench.run().success
        code, output = wake(sleeper)

    assert 0 == code, output
    assert stage.expected == bench.contents()
