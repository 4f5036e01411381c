"""DuckDB lets one process write a file at a time. Assets that load at the same moment have to take turns."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import duckdb

from tests.support.server import ApiServer, Request

ROOT = Path(__file__).parents[2]
ROUNDS = 5
ROWS = 2_000


def test_two_processes_that_load_at_the_same_time_both_succeed_every_time(tmp_path: Path) -> None:
    # Neither answer leaves before both processes have asked: so both go for the database at the same moment.
    both_have_asked = threading.Barrier(2, timeout=120)

    def rows(request: Request) -> list[dict[str, object]]:
        both_have_asked.wait()
        return [{"id": number, "path": request.path} for number in range(ROWS)]

    # Each of them has an API of its own, because one that waits in the barrier answers nobody else.
    with ApiServer() as orders, ApiServer() as customers:
        orders.get("/orders")(rows)
        customers.get("/customers")(rows)
        loaders = [_start(orders.url, "orders", tmp_path), _start(customers.url, "customers", tmp_path)]
        outputs = [loader.communicate()[0] for loader in loaders]

    assert [0, 0] == [loader.returncode for loader in loaders], "\n".join(outputs)
    assert [ROUNDS, ROUNDS] == [len(orders.requests), len(customers.requests)]
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as warehouse:
        counts = warehouse.execute(
            "select (select count(*) from shop.orders), (select count(*) from shop.customers)"
        ).fetchone()
    assert (ROWS, ROWS) == counts


def _start(url: str, resource: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.examples.loader", url, resource, str(folder), str(ROUNDS)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
