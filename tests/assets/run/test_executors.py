"""The executor decides how long it takes, never what is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from tests.assets.executor_job import load_job
from tests.support.server import ApiServer


def serve(api: ApiServer) -> None:
    api.json("/users", [{"id": n, "name": f"u{n}", "seen": n, "tags": ["x", "y"]} for n in range(1, 4)])
    api.json("/countries", [{"code": "de"}, {"code": "fr"}])

    @api.get("/users/{id}/orders")
    def orders(request: Any) -> Any:
        return [{"id": 10 * int(request.path_params["id"]) + n, "lines": [n]} for n in range(2)]

    @api.get("/orders/{id}/items")
    def items(request: Any) -> Any:
        return [{"id": int(request.path_params["id"]) * 100, "price": 1.5}]


def tables(database: Path) -> dict[str, list[Any]]:
    with duckdb.connect(str(database)) as connection:
        found = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'src' order by 1"
        ).fetchall()
        return {
            name: connection.execute(f"select {columns(connection, name)} from src.{name} order by all").fetchall()
            for (name,) in found
        }


def columns(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    system = ("_load_id", "_row_id", "_parent_row_id", "_root_row_id")
    described = connection.execute(f"describe src.{table}").fetchall()
    return ", ".join(row[0] for row in described if row[0] not in system)


def test_in_process_and_multiprocess_load_the_same_tables(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(api)
    monkeypatch.setenv("EXECUTOR_TEST_API", api.url)
    found = []
    for executor in ("in_process", "multiprocess"):
        home = tmp_path / executor
        home.mkdir()
        monkeypatch.setenv("EXECUTOR_TEST_DATABASE", str(home / "warehouse.duckdb"))
        with dg.DagsterInstance.local_temp(str(home)) as instance:
            for _ in range(2):
                with dg.execute_job(
                    dg.reconstructable(load_job),
                    instance=instance,
                    run_config={"execution": {"config": {executor: {}}}},
                ) as result:
                    assert result.success
        found.append(tables(home / "warehouse.duckdb"))

    assert found[0] == found[1]
    assert {name: len(rows) for name, rows in found[0].items()} == {
        "countries": 2,
        "items": 6,
        "orders": 6,
        "orders__lines": 6,
        "users": 3,
        "users__tags": 6,
    }
