"""Many processes at once on one DuckDB file: nobody fails, nothing is lost, nothing is there twice."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.reliability.lab import Bench, Moment, read_moments
from tests.reliability.scenes import Scene
from tests.reliability.shop import Shop, items

MONTHS = [f"2026-0{month}-01" for month in range(1, 9)]
Report = Any


@pytest.fixture
def bench(shop: Shop, tmp_path: Path) -> Bench:
    """A warehouse that does not exist yet."""
    shop.state = 2
    return Bench.prepared(tmp_path / "bench", scene=Scene("append", "incremental", prepare=()), shop=shop)


def all_at_once(bench: Bench, runs: list[dict[str, Any]], report: Report) -> None:
    """Start all runs at the same time, and wait until the last one has succeeded."""
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(bench.start(f"run-{number}", executor="in_process", **run))
            for number, run in enumerate(runs)
        ]
        outputs = [process.communicate(timeout=500)[0] for process in processes]
    assert [0] * len(runs) == [process.returncode for process in processes], outputs
    waits = [wait for number in range(len(runs)) for wait in waits_of(read_moments(bench.folder / f"run-{number}.log"))]
    report("longest wait in seconds", round(max(waits), 2))


def waits_of(moments: list[Moment]) -> list[float]:
    """Seconds between wanting the database and having it, for each transaction."""
    waits, wanted = [], None
    for moment in moments:
        if moment.point == "before_transaction":
            wanted = moment.at
        elif moment.point == "in_transaction" and wanted is not None:
            waits.append(moment.at - wanted)
            wanted = None
    return waits


def counted(bench: Bench, table: str = "items") -> Counter[int]:
    """How often each id is in the table."""
    with duckdb.connect(str(bench.database), read_only=True) as connection:
        return Counter(row[0] for row in connection.execute(f"select id from shop.{table}").fetchall())


def once(rows: list[dict[str, Any]]) -> Counter[int]:
    return Counter(row["id"] for row in rows)


def test_three_runs_of_one_incremental_asset(bench: Bench, record_property: Report) -> None:
    all_at_once(bench, [{}] * 3, record_property)

    assert once(items(2)) == counted(bench)


@pytest.mark.long
def test_eight_runs_of_one_incremental_asset(bench: Bench, record_property: Report) -> None:
    all_at_once(bench, [{}] * 8, record_property)

    assert once(items(2)) == counted(bench)


@pytest.mark.long
def test_eight_snapshots_of_one_asset(bench: Bench, record_property: Report) -> None:
    config = Scene("append", "plain").config(bench.shop.url)
    all_at_once(bench, [{"config": config}] * 8, record_property)

    assert {8} == set(counted(bench).values())
    assert once(items(2)).keys() == counted(bench).keys()


@pytest.mark.long
def test_eight_assets(bench: Bench, record_property: Report) -> None:
    config = Scene("merge", "plain").config(bench.shop.url)
    resource = config["resources"][0]
    names = [f"items_{number}" for number in range(8)]
    config["resources"] = [{**resource, "name": name} for name in names]
    all_at_once(bench, [{"config": config, "targets": [name]} for name in names], record_property)

    assert [once(items(2))] * 8 == [counted(bench, name) for name in names]


@pytest.mark.long
def test_eight_partitions(bench: Bench, record_property: Report) -> None:
    config = Scene("append", "partitioned").config(bench.shop.url)
    all_at_once(bench, [{"config": config, "tags": {"dagster/partition": month}} for month in MONTHS], record_property)

    wanted = [row for row in items(2) if row["updated"] < "2026-09-01"]
    assert once(wanted) == counted(bench)
