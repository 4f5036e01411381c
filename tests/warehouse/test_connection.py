"""The short connections: whose settings they have, and what they leave open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest.warehouse.connection import Database, fetch_one, run, short_read, short_write


class OwnSettings:
    """A resource that opens its file with settings nobody else knows."""

    def __init__(self, database: str) -> None:
        self._database = database
        self.opened = 0

    @property
    def database(self) -> str:
        return self._database

    @contextlib.contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = duckdb.connect(self._database, config={"threads": 1})
        self.opened += 1
        yield connection


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = str(tmp_path / "w.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("create table t as select 1 as a")
    return path


def threads(database: Database) -> object:
    with short_read(database) as connection:
        assert connection is not None
        return fetch_one(connection, "select current_setting('threads')")


def test_the_settings_of_the_resource_hold(file: str) -> None:
    database = DuckDBResource(database=file, connection_config={"threads": 1})

    assert (1,) == threads(database)


def test_the_settings_of_a_resource_of_ones_own_hold(file: str) -> None:
    database = OwnSettings(file)

    assert (1,) == threads(database)
    assert 1 == database.opened


@pytest.mark.parametrize("kind", [OwnSettings, lambda file: DuckDBResource(database=file)])
def test_nothing_stays_open(file: str, kind: type[OwnSettings]) -> None:
    with short_write(kind(file)) as connection:
        run(connection, "insert into t values (2)")

    # A file that is open in this process cannot be opened with other settings.
    with duckdb.connect(file, config={"threads": 2}) as connection:
        assert [(1,), (2,)] == connection.execute("from t order by a").fetchall()


def test_nothing_stays_open_after_a_failure(file: str) -> None:
    def fail() -> None:
        with short_write(DuckDBResource(database=file)) as connection:
            run(connection, "insert into t values (2)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with duckdb.connect(file, config={"threads": 2}) as connection:
        assert [(1,)] == connection.execute("from t").fetchall()


def test_somebody_of_this_process_with_other_settings_is_in_the_way(file: str) -> None:
    with (
        duckdb.connect(file, config={"threads": 2}),
        pytest.raises(duckdb.ConnectionException),
        short_read(DuckDBResource(database=file)),
    ):
        raise AssertionError("it cannot be opened")
