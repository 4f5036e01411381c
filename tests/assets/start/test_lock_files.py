"""Locks beside the staged loads: one holder at a time, and no file left when all is done."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest.assets.fetch.partitions import claim_folder
from dagster_rest.assets.start.liveness import LivenessLock, is_alive, try_lock
from tests.assets.project import Project
from tests.support.server import ApiServer

DAYS = dg.StaticPartitionsDefinition([f"p{number}" for number in range(12)])
MONTH_AGO = time.time() - 40 * 86_400


def files_beside(database: str) -> list[str]:
    root = Path(f"{Path(database).resolve()}.staging")
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_no_lock_file_is_left_after_many_partitions(api: ApiServer, tmp_path: Path) -> None:
    api.get("/items")(lambda request: [{"id": 1, "p": request.param("p")}])
    resource = {"name": "items", "endpoint": {"path": "items", "params": {"p": "{partition.key}"}}}
    config = {"client": {"base_url": api.url}, "resources": [resource]}
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "instance")) as instance:
        project = Project(config, folder=tmp_path, instance=instance, partitions_def=DAYS)
        for key in DAYS.get_partition_keys():
            project.materialize(partition_key=key)

        assert [(12,)] == project.query("select count(*) from src.items")
        assert [] == files_beside(project.database)


def test_a_lock_is_gone_when_it_is_let_go(tmp_path: Path) -> None:
    with try_lock(tmp_path / "x.lock") as got_it:
        assert got_it
        with try_lock(tmp_path / "x.lock") as again:
            assert not again
        assert (tmp_path / "x.lock").exists()

    assert [] == list(tmp_path.iterdir())


def test_whoever_does_not_get_a_lock_leaves_it_to_its_holder(tmp_path: Path) -> None:
    with try_lock(tmp_path / "x.lock"):
        with try_lock(tmp_path / "x.lock") as again:
            assert not again
        with try_lock(tmp_path / "x.lock") as once_more:
            assert not once_more


CONTEND = """
import os, sys, time
from pathlib import Path
from dagster_rest.assets.start.liveness import try_lock

folder, until, overlaps, turns = Path(sys.argv[1]), float(sys.argv[2]), 0, 0
while time.time() < until:
    with try_lock(folder / "x.lock") as got_it:
        if not got_it:
            continue
        try:
            os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            overlaps += 1
            continue
        (folder / "inside").unlink()
        turns += 1
print(overlaps, turns > 0)
"""
DIE_AT_WORK = """
import os, sys
from pathlib import Path
from dagster_rest.assets.start.liveness import LivenessLock

one = LivenessLock(Path(sys.argv[1]), asset="a", run_id="dead", attempt=0)
one.acquire()
os._exit(1)
"""


def start(script: str, *arguments: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=pytest.mark.long)])
def test_processes_that_take_turns_never_hold_a_lock_together(tmp_path: Path, seconds: float) -> None:
    until = time.time() + 4 + seconds
    workers = [start(CONTEND, tmp_path, until) for _ in range(4)]

    assert ["0 True"] * 4 == [worker.communicate()[0].strip() for worker in workers]


def test_a_run_that_stages_apart_leaves_nothing(tmp_path: Path) -> None:
    with claim_folder(tmp_path, asset="a", partition="") as (folder, alone):
        folder.mkdir()
        with claim_folder(tmp_path, asset="a", partition="") as (other, alone_too):
            assert (True, False) == (alone, alone_too)
            assert folder != other
        assert folder.exists()
        folder.rmdir()

    assert [] == list(tmp_path.iterdir())


def test_an_interrupted_load_keeps_its_folder_and_no_lock(tmp_path: Path) -> None:
    with claim_folder(tmp_path, asset="a", partition="") as (folder, _):
        folder.mkdir()
        (folder / "part").touch()

    assert [folder] == list(tmp_path.iterdir())


def lock_of(root: Path, run_id: str) -> LivenessLock:
    return LivenessLock(root, asset="a", run_id=run_id, attempt=0)


def test_who_is_at_work_is_seen_and_leaves_nothing(tmp_path: Path) -> None:
    one = lock_of(tmp_path, "r")
    one.acquire()
    assert is_alive(tmp_path, asset="a", run_id="r", attempt=0) is True
    assert is_alive(tmp_path, asset="a", run_id="r", attempt=0) is True
    one.release()

    assert is_alive(tmp_path, asset="a", run_id="r", attempt=0) is None
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_sign_of_a_dead_process_stays_until_it_is_old(tmp_path: Path) -> None:
    start(DIE_AT_WORK, tmp_path).communicate()
    assert is_alive(tmp_path, asset="a", run_id="dead", attempt=0) is False
    assert is_alive(tmp_path, asset="a", run_id="dead", attempt=0) is False

    (sign,) = (tmp_path / "at_work").iterdir()
    os.utime(sign, (MONTH_AGO, MONTH_AGO))
    one = lock_of(tmp_path, "next")
    one.acquire()
    one.release()

    assert [] == list((tmp_path / "at_work").iterdir())


def test_the_sign_of_a_living_process_is_never_too_old(tmp_path: Path) -> None:
    one = lock_of(tmp_path, "long")
    one.acquire()
    (sign,) = (tmp_path / "at_work").iterdir()
    os.utime(sign, (MONTH_AGO, MONTH_AGO))
    other = lock_of(tmp_path, "next")
    other.acquire()
    other.release()

    assert is_alive(tmp_path, asset="a", run_id="long", attempt=0) is True
    one.release()
