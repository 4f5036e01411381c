"""Disks that are full, files that are locked or not ours: a clear error, nothing half done, and the next run works."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest.errors import RestError
from dagster_rest.warehouse.database.base import run
from dagster_rest.warehouse.database.file import short_read, short_write
from tests.assets.project import Project
from tests.reliability.lab import ROOT
from tests.support.server import ApiServer

ROWS = [{"id": number, "text": "x" * 200 + str(number * 7919)} for number in range(3000)]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "instance")) as one:
        yield one


def config(api: ApiServer, **client: Any) -> dict[str, Any]:
    return {
        "client": {"base_url": api.url, "retry": {"attempts": 1}, **client},
        "resources": [{"name": "items", "write_disposition": "append", "endpoint": {"path": "items"}}],
    }


def failure(project: Project) -> str:
    """The error of a run that has to fail."""
    run = project.materialize(raise_on_error=False)
    assert not run.result.success
    return "\n".join(
        str(event.event_specific_data.error_display_string) for event in run.result.all_events if event.is_step_failure
    )


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of its own on a folder; skipped where nobody may mount."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mount is not allowed here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def small_disk(folder: Path, *, kilobytes: int) -> Any:
    return mounted(folder, "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs")


def test_a_full_disk_while_staging(api: ApiServer, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    api.json("/items", ROWS)
    with small_disk(tmp_path / "small", kilobytes=24) as small:
        project = Project(config(api, staging_dir=str(small)), folder=tmp_path, instance=instance)
        error = failure(project)
    project.materialize()

    assert "warehouse_staging_failed" in error
    assert "No space left on device" in error
    assert [(3000,)] == project.query("select count(*) from src.items")


def test_a_full_disk_while_committing(api: ApiServer, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    api.json("/items", ROWS[:100])
    with small_disk(tmp_path / "small", kilobytes=24_000) as small:
        project = Project(config(api, staging_dir=str(tmp_path / "staging")), folder=small, instance=instance)
        project.materialize()
        before = project.query("select count(*) from src.items")
        api.json("/items", [{**row, "text": f"{row['id']} {hash(row['text'])} " * 60} for row in ROWS])
        filler = small / "filler"
        fill(filler)
        error = failure(project)
        staged = list((tmp_path / "staging").glob("*/*.parquet"))
        filler.unlink()
        after_failure = project.query("select count(*) from src.items")
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        asked = len(api.requests)
        project.materialize()
        rows = project.query("select count(*) from src.items")

    assert "warehouse_disk_full" in error
    assert before == after_failure
    assert staged
    assert asked == len(api.requests)
    assert [(3100,)] == rows


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"0" * 4096)
        except OSError:
            return


def test_a_read_only_folder(api: ApiServer, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    api.json("/items", ROWS[:3])
    folder = tmp_path / "fixed"
    folder.mkdir()
    project = Project(config(api, staging_dir=str(tmp_path / "staging")), folder=folder, instance=instance)
    project.materialize()
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        started = time.monotonic()
        error = failure(project)
        seconds = time.monotonic() - started

    assert "warehouse_read_only" in error
    assert seconds < 60


@contextmanager
def held(database: Path) -> Iterator[int]:
    """Somebody else has the file open: a process that knows nothing of our lock."""
    code = f"import duckdb,sys; c=duckdb.connect({str(database)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "open\n" == process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def error_of(action: Callable[[], None]) -> RestError:
    with pytest.raises(RestError) as caught:
        action()
    return caught.value


def wait_for(database: Path, *, seconds: float) -> tuple[RestError, list[str], float]:
    said: list[str] = []

    def write() -> None:
        with short_write(DuckDBResource(database=str(database)), timeout=seconds, log=said.append):
            raise AssertionError("somebody else holds it")

    started = time.monotonic()
    return error_of(write), said, time.monotonic() - started


def check_a_locked_file(database: Path, *, seconds: float) -> None:
    duckdb.connect(str(database)).close()
    with held(database) as pid:
        error, said, waited = wait_for(database, seconds=seconds)

    assert "warehouse_locked" == error.code
    assert f"process {pid}" in error.message
    assert 1 == len(said)
    assert f"process {pid}" in said[0]
    assert seconds <= waited < seconds + 10


def test_a_file_that_somebody_else_holds(tmp_path: Path) -> None:
    check_a_locked_file(tmp_path / "w.duckdb", seconds=2)


@pytest.mark.long
def test_a_file_that_somebody_else_holds_for_a_minute(tmp_path: Path) -> None:
    check_a_locked_file(tmp_path / "w.duckdb", seconds=60)


def test_a_file_that_is_free_again_is_used(tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    duckdb.connect(str(database)).close()
    said: list[str] = []
    with held(database) as pid:
        subprocess.Popen(["sh", "-c", f"sleep 1; kill {pid}"]).returncode = 0
        with short_write(DuckDBResource(database=str(database)), timeout=60, log=said.append) as connection:
            run(connection, "create table t as select 1 as a")

    assert 1 == len(said)
    assert [(1,)] == duckdb.connect(str(database)).execute("select a from t").fetchall()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    database.write_bytes(b"something else" * 1000)

    def read() -> None:
        with short_read(DuckDBResource(database=str(database))):
            raise AssertionError("this is no database")

    assert "warehouse_unreadable" == error_of(read).code


def test_a_damaged_database(tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    duckdb.connect(str(database)).close()
    content = bytearray(database.read_bytes())
    content[20:40] = b"x" * 20
    database.write_bytes(content)

    def read() -> None:
        with short_read(DuckDBResource(database=str(database))):
            raise AssertionError("this is damaged")

    assert "warehouse_unreadable" == error_of(read).code


OLDER = os.environ.get("OLDER_DUCKDB_PYTHON")
"""An interpreter with this project's dependencies and an older DuckDB."""

OPEN_IT = """
import contextlib, duckdb, sys
from dagster_rest.errors import RestError
from dagster_rest.warehouse.database.file import short_read

class Database:
    database = sys.argv[1]

    @contextlib.contextmanager
    def get_connection(self):
        yield duckdb.connect(self.database)

try:
    with short_read(Database()):
        print("opened")
except RestError as error:
    print(error.code)
"""


@pytest.mark.skipif(OLDER is None, reason="OLDER_DUCKDB_PYTHON names no interpreter with an older DuckDB")
def test_a_file_of_a_newer_duckdb(tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create table t as select 1 as a")
    said = subprocess.run(
        [str(OLDER), "-c", OPEN_IT, str(database)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "warehouse_newer_format\n" == said.stdout


def test_the_words_of_a_duckdb_that_meets_a_newer_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "w.duckdb"
    database.touch()

    def refuse(*_: Any, **__: Any) -> None:
        raise duckdb.IOException(
            "IO Error: Trying to read a database file with version number 69, but we can only read versions between"
            " 64 and 68.\nThe database file was created with a newer version of DuckDB."
        )

    monkeypatch.setattr(duckdb, "connect", refuse)

    def read() -> None:
        with short_read(DuckDBResource(database=str(database))):
            raise AssertionError("this is from the future")

    assert "warehouse_newer_format" == error_of(read).code
