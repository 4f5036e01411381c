"""The short connections: whose settings they have, and what they leave open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest.warehouse.database.base import Database, fetch_one, run
from dagster_rest.warehouse.database.file import local_path, short_read, short_write
from dagster_rest.warehouse.errors import WarehouseError


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
        pytest.raises(WarehouseError, match="other settings"),
        short_read(DuckDBResource(database=file)),
    ):
        raise AssertionError("it cannot be opened")


NOT_LOCAL = [
    "md:shop",
    "motherduck:shop",
    "MD:shop?motherduck_token=planted-secret",
    "quack:planted-secret@host:9494",
    "ducklake:shop.ducklake",
    "postgres:dbname=shop password=planted-secret",
    "sqlite:shop.db",
    "s3://bucket/shop.duckdb",
    "https://planted-secret@host/shop.duckdb",
    "file:///tmp/shop.duckdb",
    "az://container/shop.duckdb",
    "my_extension:thing",
]


@pytest.mark.parametrize("opener", [short_read, short_write])
@pytest.mark.parametrize("name", NOT_LOCAL)
def test_a_database_that_is_no_local_file_is_refused_and_its_secrets_are_not_shown(name: str, opener: Any) -> None:
    with pytest.raises(WarehouseError) as caught, opener(DuckDBResource(database=name)):
        raise AssertionError("nothing is opened")

    assert "warehouse_not_local" == caught.value.code
    assert "planted-secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", ":memory:", ":memory:shop"])
def test_a_database_in_memory_is_refused(name: str) -> None:
    with pytest.raises(WarehouseError) as caught, short_write(DuckDBResource(database=name)):
        raise AssertionError("nothing is opened")

    assert "warehouse_in_memory" == caught.value.code


def test_two_spellings_of_a_file_share_one_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "w.duckdb").symlink_to(tmp_path / "data" / "w.duckdb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = ["w.duckdb", "data/w.duckdb", "./data/../data/w.duckdb", "~/w.duckdb", str(tmp_path / "data" / "w.duckdb")]

    assert {(tmp_path / "data" / "w.duckdb").resolve()} == {local_path(DuckDBResource(database=name)) for name in names}


def test_a_session_works_in_utc_whatever_its_settings_say(file: str) -> None:
    class Elsewhere(OwnSettings):
        @contextlib.contextmanager
        def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
            with super().get_connection() as connection:
                connection.execute("set TimeZone = 'America/New_York'")
                yield connection

    database = Elsewhere(file)

    with short_write(database) as connection:
        shown = fetch_one(connection, "select cast(to_timestamp(0) as varchar), current_setting('TimeZone')")

    assert ("1970-01-01 00:00:00+00", "UTC") == shown


def test_settings_that_can_not_be_are_no_damaged_file(file: str) -> None:
    with (
        pytest.raises(WarehouseError) as caught,
        short_write(DuckDBResource(database=file, connection_config={"no_such_setting": 1})),
    ):
        raise AssertionError("nothing is opened")

    assert caught.value.code in ("warehouse_not_supported", "warehouse_sql")
    assert "no_such_setting" in caught.value.message


def test_a_file_that_is_no_database_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    path.write_bytes(b"no database at all" * 1000)

    with pytest.raises(WarehouseError) as caught, short_write(DuckDBResource(database=str(path))):
        raise AssertionError("nothing is opened")

    assert "warehouse_unreadable" == caught.value.code
