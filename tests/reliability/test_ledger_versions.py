"""A ledger that another version of this package wrote: older ones are migrated, newer ones refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_rest.warehouse.errors import WarehouseError
from dagster_rest.warehouse.state.ledger_tables import LEDGER_VERSION, ensure_ledger, upgrade_ledger
from tests.assets.project import Project
from tests.support.server import ApiServer
from tests.warehouse.support import Warehouse

VERSION_1 = """
create schema _dagster_rest;
create table _dagster_rest.ledger_version (version integer not null);
insert into _dagster_rest.ledger_version values (1);
create table _dagster_rest.loads (
    seq bigint not null, load_id varchar not null, asset varchar not null, partition varchar not null,
    load_group varchar not null, run_id varchar not null, attempt integer not null, storage_id varchar not null,
    status varchar not null, cursor varchar, cursor_type varchar, boundary varchar[] not null, cursor_path varchar,
    rows_loaded bigint not null, complete boolean not null, fingerprint varchar not null, data_version varchar not null,
    committed_at timestamptz not null, confirmed_at timestamptz
);
create table _dagster_rest.parent_cursors (
    asset varchar not null, partition varchar not null, parent_key varchar not null,
    cursor varchar not null, cursor_type varchar not null, boundary varchar[] not null
);
create table _dagster_rest.fan_out_keys (
    asset varchar not null, partition varchar not null, load_id varchar not null, load_group varchar not null,
    seq bigint not null, row_key varchar, field_values varchar not null
);
create table _dagster_rest.consumed (
    child varchar not null, child_partition varchar not null, parent varchar not null, load_id varchar not null
);
"""
"""The tables as version 1 made them."""


INCREMENTAL = {"cursor_path": "id", "initial_value": 0}


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    one = Warehouse()
    yield one
    one.conn.close()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "instance")) as one:
        yield one


@pytest.fixture
def project(api: ApiServer, tmp_path: Path, instance: dg.DagsterInstance) -> Project:
    @api.get("/items")
    def items(request: Any) -> Any:
        return [{"id": number} for number in range(10) if number >= int(request.param("since") or 0)]

    config = {
        "client": {"base_url": api.url},
        "resources": [
            {
                "name": "items",
                "write_disposition": "append",
                "endpoint": {
                    "path": "items",
                    "params": {"since": "{incremental.start_value}"},
                    "incremental": INCREMENTAL,
                },
            }
        ],
    }
    return Project(config, folder=tmp_path, instance=instance)


def with_ledger(project: Project, sql: str) -> None:
    with duckdb.connect(project.database) as connection:
        connection.execute(sql).fetchall()


def test_a_ledger_of_version_1_is_migrated_with_what_it_knows(project: Project, api: ApiServer) -> None:
    with_ledger(
        project,
        VERSION_1
        + """
        insert into _dagster_rest.loads values
            (1, 'old', 'src/items', '', 'old', 'run', 0, 'elsewhere', 'confirmed', '6', 'int', [], 'id', 7, true, 'f',
             'v', now(), now());
        """,
    )
    run = project.materialize()

    assert ["GET /items?since=6"] == api.targets()
    assert [6, 7, 8, 9] == project.rows("items", "id")
    assert "other_storage" == run.get("items", "started_from")
    assert [(LEDGER_VERSION,)] == project.query("select version from _dagster_rest.ledger_version")
    assert [("old", ""), (run.get("items", "load_id"), "")] == project.query(
        "select load_id, request_key from _dagster_rest.loads order by seq"
    )


COLUMNS = (
    "select table_name, column_name, data_type, column_default, is_nullable from duckdb_columns()"
    " where schema_name = '_dagster_rest' order by table_name, column_index"
)
VERSIONS = "select version from _dagster_rest.ledger_version"


@pytest.mark.parametrize("bring_up_to_date", [ensure_ledger, upgrade_ledger])
def test_a_migrated_ledger_has_the_columns_of_a_new_one(warehouse: Warehouse, bring_up_to_date: Any) -> None:
    old = Warehouse()
    old.conn.execute(VERSION_1)
    ensure_ledger(warehouse.conn)
    for _ in range(2):
        bring_up_to_date(old.conn)

    assert set(warehouse.rows(COLUMNS)) == set(old.rows(COLUMNS))
    assert [(LEDGER_VERSION,)] == warehouse.rows(VERSIONS) == old.rows(VERSIONS)
    old.conn.close()


def test_where_there_is_no_ledger_none_is_brought_up_to_date(warehouse: Warehouse) -> None:
    upgrade_ledger(warehouse.conn)

    assert [] == warehouse.rows(COLUMNS)


@pytest.mark.parametrize("bring_up_to_date", [ensure_ledger, upgrade_ledger])
def test_a_newer_ledger_is_refused(warehouse: Warehouse, bring_up_to_date: Any) -> None:
    ensure_ledger(warehouse.conn)
    warehouse.conn.execute("update _dagster_rest.ledger_version set version = version + 1")

    with pytest.raises(WarehouseError) as caught:
        bring_up_to_date(warehouse.conn)

    assert "warehouse_newer_ledger" == caught.value.code
    assert [(LEDGER_VERSION + 1,)] == warehouse.rows(VERSIONS)


def test_a_migration_that_was_cut_short_is_ended(project: Project) -> None:
    with_ledger(project, VERSION_1 + "alter table _dagster_rest.loads add column request_key varchar default '';")
    project.materialize()

    assert list(range(10)) == project.rows("items", "id")


def test_a_newer_ledger_is_refused_before_any_request(project: Project, api: ApiServer) -> None:
    project.materialize()
    asked = len(api.requests)
    with_ledger(project, f"update _dagster_rest.ledger_version set version = {LEDGER_VERSION + 1}")
    run = project.materialize(raise_on_error=False)

    assert not run.result.success
    assert asked == len(api.requests)
    assert list(range(10)) == project.rows("items", "id")
