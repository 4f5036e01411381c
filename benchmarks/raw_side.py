"""The raw limit: fetch, decode and DuckDB's `read_json` of the same bytes, and nothing else.

No naming, no types of record, no cursor, no child tables, no Dagster: nothing that loads an API can be faster for
long.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import duckdb
import orjson

from benchmarks.workloads import WORKLOADS

IN_FLIGHT = 64


async def _fetch(url: str, targets: list[str], folder: Path) -> list[str]:
    """All bodies, decoded once and written as they are."""
    limit = asyncio.Semaphore(IN_FLIGHT)
    files: list[str] = []

    async def one(session: aiohttp.ClientSession, number: int, target: str) -> None:
        async with limit, session.get(f"{url}/{target}") as response:
            body = await response.read()
        orjson.loads(body)
        file = folder / f"{number}.json"
        file.write_bytes(body)
        files.append(str(file))

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one(session, number, target) for number, target in enumerate(targets)))
    return files


async def _fetch_small(url: str, targets: list[str], folder: Path) -> list[str]:
    """Small bodies go into one file."""
    limit = asyncio.Semaphore(IN_FLIGHT)
    bodies: list[bytes] = []

    async def one(session: aiohttp.ClientSession, target: str) -> None:
        async with limit, session.get(f"{url}/{target}") as response:
            body = await response.read()
        orjson.loads(body)
        bodies.append(body)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one(session, target) for target in targets))
    file = folder / "children.json"
    file.write_bytes(b"\n".join(bodies))
    return [str(file)]


def _load(database: Path, files: list[str], table: str, merge: bool) -> None:
    with duckdb.connect(str(database)) as connection:
        source = "(select unnest(data) as r from read_json($files, maximum_object_size=100000000))"
        if not merge:
            connection.execute(f"create table {table} as select unnest(r) from {source}", {"files": files})
            return
        connection.execute(f"create temp table incoming as select unnest(r) from {source}", {"files": files})
        connection.execute("begin")
        connection.execute(f"delete from {table} where id in (select id from incoming)")
        connection.execute(f"insert into {table} by name select * from incoming")
        connection.execute("commit")


def main(workload: str, url: str, folder: Path, part: str) -> None:
    """Run the workload's bytes (`part` is `prepare` or `run`)."""
    raw: dict[str, Any] = WORKLOADS[workload].raw
    pages = folder / f"pages-{part}"
    pages.mkdir(parents=True)
    database = folder / "raw.duckdb"
    if "fan_out" in raw:
        parents, delay = raw["fan_out"]
        files = asyncio.run(_fetch(url, [f"parents/{parents}"], pages))
        _load(database, files, "parents", merge=False)
        targets = [f"children/{delay}/{number}/rows" for number in range(parents)]
        _load(database, asyncio.run(_fetch_small(url, targets, pages)), "children", merge=False)
        return
    path = raw["merge_into"] if part == "prepare" else raw["path"]
    count = 1000 if part == "prepare" else raw["pages"]
    files = asyncio.run(_fetch(url, [f"{path}?page={number}" for number in range(1, count + 1)], pages))
    _load(database, files, "rows", merge="merge_into" in raw and part == "run")


if __name__ == "__main__":
    began = time.perf_counter()
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
    (Path(sys.argv[3]) / "inside.txt").write_text(str(time.perf_counter() - began))
