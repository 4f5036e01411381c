"""The comparison itself: each kind of difference is seen, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from tests.compat.case import Case, Expect, source
from tests.compat.oracle import Failure
from tests.compat.outcome import Outcome, Seen, differences, unmet
from tests.compat.tables import DLT, OURS, Warehouse, read_warehouse

CASE = Case(id="T1", scenario="T1", area="", title="", build=source("x"), api={}, dlt=Expect())
ASKED = Seen(target="GET /x?page=1", path="GET /x", body=None, headers={})
SCRIPT = """
create schema compat;
create table compat.x (id bigint, v varchar, {load} varchar, {row} varchar);
create table compat.x__kids (n bigint, {parent} varchar, {index} bigint, {row} varchar);
insert into compat.x values (1, 'a', 'l1', 'r1'), (2, null, 'l2', 'r2');
insert into compat.x__kids values (7, 'r1', 0, 'k1'), (8, 'r1', 1, 'k2'), (9, 'r2', 0, 'k3');
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Callable[..., Warehouse]:
    """Tables of one side, changed by more SQL."""

    def build(change: str = "", *, system: object = OURS) -> Warehouse:
        database = tmp_path / f"{len(list(tmp_path.iterdir()))}.duckdb"
        names = {"load": system.load, "row": system.row, "parent": system.parent, "index": system.index}  # type: ignore[attr-defined]
        with duckdb.connect(str(database)) as connection:
            connection.execute(SCRIPT.format(**names))
            connection.execute(change)
        return read_warehouse(database, "compat", system)  # type: ignore[arg-type]

    return build


def outcome(tables: Warehouse, *requests: Seen) -> Outcome:
    return Outcome((None,), (requests or (ASKED,),), tables)


def test_the_same_tables_under_both_names_are_the_same(warehouse: Callable[..., Warehouse]) -> None:
    assert [] == differences(CASE, outcome(warehouse(system=DLT)), outcome(warehouse()))


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("delete from compat.x__kids where n = 9", "rows of x"),
        ("update compat.x__kids set n = 70 where n = 7", "rows of x"),
        ("update compat.x__kids set _list_index = 1 - _list_index where _parent_row_id = 'r1'", "rows of x"),
        ("update compat.x__kids set _parent_row_id = 'r2' where n = 7", "rows of x"),
        ("update compat.x__kids set _parent_row_id = 'nobody' where n = 7", "rows without their parent"),
        ("insert into compat.x select * from compat.x where id = 1", "rows of x"),
        ("alter table compat.x alter id type integer", "columns of x"),
        ("alter table compat.x add column more bigint", "columns of x"),
        ("alter table compat.x drop column v", "columns of x"),
        ("update compat.x set v = '' where v is null", "rows of x"),
        ("update compat.x set _load_id = 'l1'", "rows by load of x"),
        ("drop table compat.x__kids", "table x__kids missing"),
        ("create table compat.y as select * from compat.x", "table y too many"),
    ],
)
def test_a_difference_in_the_tables_is_seen(warehouse: Callable[..., Warehouse], change: str, seen: str) -> None:
    found = differences(CASE, outcome(warehouse(system=DLT)), outcome(warehouse(change)))

    assert any(seen in line for line in found), found


def test_another_order_of_rows_is_the_same(warehouse: Callable[..., Warehouse]) -> None:
    turned = warehouse("create or replace table compat.x as select * from compat.x order by id desc")

    assert [] == differences(CASE, outcome(warehouse(system=DLT)), outcome(turned))


@pytest.mark.parametrize(
    "requests",
    [
        (),
        (ASKED, ASKED),
        (replace(ASKED, target="GET /x?page=2"),),
        (replace(ASKED, body={"json": {}}),),
        (replace(ASKED, headers={"authorization": "t"}),),
    ],
)
def test_a_difference_in_the_requests_is_seen(warehouse: Callable[..., Warehouse], requests: tuple[Seen, ...]) -> None:
    tables = warehouse()

    assert differences(CASE, outcome(tables), Outcome((None,), (requests,), tables))


def test_the_order_of_requests_counts_within_a_path_unless_the_case_says_otherwise(
    warehouse: Callable[..., Warehouse],
) -> None:
    tables, second = warehouse(), replace(ASKED, target="GET /x?page=2")
    dlt, ours = outcome(tables, ASKED, second), outcome(tables, second, ASKED)

    assert differences(CASE, dlt, ours)
    assert [] == differences(replace(CASE, unordered=True), dlt, ours)


def test_the_order_between_paths_does_not_count(warehouse: Callable[..., Warehouse]) -> None:
    tables, other = warehouse(), Seen(target="GET /y", path="GET /y", body=None, headers={})

    assert [] == differences(CASE, outcome(tables, ASKED, other), outcome(tables, other, ASKED))


def test_a_failure_of_one_side_only_is_seen(warehouse: Callable[..., Warehouse]) -> None:
    tables = warehouse()
    failed = Outcome((Failure(("ValueError",), "no"),), ((ASKED,),), tables)

    assert differences(CASE, outcome(tables), failed)
    assert differences(CASE, failed, outcome(tables))


@pytest.mark.parametrize(
    "expected",
    [
        Expect(requests=["GET /x"]),
        Expect(rows={"x": 1, "x__kids": 3}),
        Expect(rows={"x": 2}),
        Expect(values={"x.v": ["a"]}),
        Expect(values={"y.v": []}),
        Expect(types={"x.id": "VARCHAR"}),
        Expect(request_count=2),
        Expect(bodies=[{"json": {}}]),
        Expect(headers=[{"authorization": "t"}]),
        Expect(error="ValueError"),
    ],
)
def test_an_expectation_that_does_not_hold_is_seen(warehouse: Callable[..., Warehouse], expected: Expect) -> None:
    assert unmet(CASE, expected, outcome(warehouse()))


def test_an_expectation_that_holds_is_met(warehouse: Callable[..., Warehouse]) -> None:
    expected = Expect(
        requests=["GET /x?page=1"],
        rows={"x": 2, "x__kids": 3},
        values={"x.v": ["a", None], "x__kids.n": [7, 8, 9]},
        types={"x.id": "BIGINT"},
        bodies=[None],
        headers=[{"authorization": None}],
        request_count=1,
    )

    assert [] == unmet(CASE, expected, outcome(warehouse()))


def test_a_secret_in_the_failure_is_seen(warehouse: Callable[..., Warehouse]) -> None:
    failed = Outcome((Failure(("ValueError",), "404 for token=s3cret"),), ((ASKED,),), warehouse())

    assert [] == unmet(CASE, Expect(error="404"), failed)
    assert unmet(CASE, Expect(error="404", hidden="s3cret"), failed)
