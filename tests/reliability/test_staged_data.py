"""What a failed load has staged is committed by a later run only if nothing speaks against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_rest.assets.errors import Contended, StateError
from dagster_rest.assets.start.staged_data import is_known_good
from dagster_rest.http.errors import DecodeError, HttpConnectionError, LoopError, PaginationError
from dagster_rest.warehouse.errors import NameCollisionError, StepError, WarehouseError
from dagster_rest.warehouse.stage.stager import Stager
from tests.assets.project import Project
from tests.support.server import ApiServer


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyboardInterrupt(), True),
        (SystemExit(1), True),
        (Contended(), True),
        (WarehouseError("x", code="warehouse_disk_full"), True),
        (WarehouseError("x", code="warehouse_locked"), True),
        (WarehouseError("x", code="warehouse_in_use"), True),
        (WarehouseError("x", code="warehouse_staging_failed"), True),
        (HttpConnectionError("x", code="http_connection"), True),
        (DecodeError("x", code="http_decode"), True),
        (StateError("x", code="state_fenced"), True),
        (WarehouseError("x", code="warehouse_constraint"), False),
        (WarehouseError("x", code="warehouse_sql"), False),
        (WarehouseError("x", code="warehouse_io"), False),
        (WarehouseError("x", code="warehouse_code_nobody_thought_of"), False),
        (NameCollisionError("x", code="warehouse_name_collision"), False),
        (StepError("x", code="warehouse_step_failed"), False),
        (StateError("x", code="check_blocking"), False),
        (StateError("x", code="state_empty_replace"), False),
        (PaginationError("x", code="http_pagination"), False),
        (LoopError("x", code="http_loop"), False),
        (duckdb.ConstraintException("x"), False),
        (RecursionError(), False),
        (MemoryError(), False),
        (ZeroDivisionError(), False),
        (Exception(), False),
    ],
    ids=lambda value: getattr(value, "code", type(value).__name__),
)
def test_only_errors_that_say_nothing_of_the_data_keep_it(error: BaseException, expected: bool) -> None:
    assert is_known_good(error) is expected


@pytest.fixture
def project(api: ApiServer, tmp_path: Path) -> Any:
    resource = {
        "name": "items",
        "write_disposition": "append",
        "endpoint": {
            "path": "items",
            "data_selector": "data",
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "pages"},
        },
    }
    config = {"client": {"base_url": api.url, "max_concurrency": 1}, "resources": [resource]}
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "instance")) as instance:
        yield Project(config, folder=tmp_path, instance=instance)


class Items:
    """A list of two pages, whose rows can be changed."""

    def __init__(self, api: ApiServer) -> None:
        self.rows = [[{"id": 1}], [{"id": 2}]]
        self.asked: list[int] = []
        api.get("/items")(self._page)

    def _page(self, request: Any) -> Any:
        number = int(request.param("page"))
        self.asked.append(number)
        return {"data": self.rows[number - 1], "pages": len(self.rows)}


@pytest.fixture
def items(api: ApiServer) -> Items:
    return Items(api)


def execute(project: Project, sql: str) -> None:
    with duckdb.connect(project.database) as connection:
        connection.execute(sql)


def ids(project: Project) -> list[int]:
    return [row[0] for row in project.query("select id from src.items order by id")]


def test_what_a_unique_index_refused_is_fetched_again(project: Project, items: Items) -> None:
    project.materialize()
    execute(project, "create unique index one on src.items (id)")
    failed = project.materialize(raise_on_error=False)
    execute(project, "drop index src.one")
    items.rows = [[{"id": 3}], [{"id": 4}]]
    project.materialize()

    assert not failed.result.success
    assert [1, 2, 3, 4] == ids(project)


def test_after_an_error_of_any_class_while_staging_everything_is_fetched_again(
    project: Project, items: Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, open_stager = Stager.write, Stager.open.__func__  # type: ignore[attr-defined]

    def failing(stager: Stager, records: Any, **options: Any) -> None:
        real(stager, records, **options)
        if records[0]["id"] == 2:
            raise ZeroDivisionError

    def small(cls: type, *args: Any, **options: Any) -> Any:
        return open_stager(cls, *args, **{**options, "rows_per_part": 1})

    monkeypatch.setattr(Stager, "open", classmethod(small))
    with monkeypatch.context() as patched:
        patched.setattr(Stager, "write", failing)
        failed = project.materialize(raise_on_error=False)
    items.asked.clear()
    items.rows = [[{"id": 3}], [{"id": 4}]]
    project.materialize()

    assert not failed.result.success
    assert [1, 2] == items.asked
    assert [3, 4] == ids(project)
