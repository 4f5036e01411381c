"""The main job as a person runs it: a server nobody here wrote, and Dagster's own command line."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
import pytest

ROOT = Path(__file__).parents[2]
INCREMENTAL = ("countries", "cities", "city_updates", "us_states", "us_counties")


@dataclass(frozen=True)
class Finished:
    """A demo that has ended, and what it left."""

    code: int
    output: str
    folder: Path

    def loads(self, asset: str) -> list[Mapping[str, object]]:
        """The metadata of an asset's materializations, oldest first."""
        with dg.DagsterInstance.from_config(str(self.folder / "dagster_home")) as instance:
            records = instance.fetch_materializations(dg.AssetKey(["geo", asset]), limit=100).records
            found = [record.asset_materialization for record in reversed(records)]
        return [{key: entry.value for key, entry in event.metadata.items()} for event in found if event]

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the warehouse."""
        with duckdb.connect(str(self.folder / "warehouse.duckdb"), read_only=True) as warehouse:
            return warehouse.execute(sql).fetchall()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The demo, run once for all tests of this module."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo.run", "--folder", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout + done.stderr, folder)


def test_it_says_that_everything_is_as_promised(demo: Finished) -> None:
    assert 0 == demo.code, demo.output
    assert "Every table holds the rows that the API serves, each of them once." in demo.output


def test_it_stops_the_server_it_started(demo: Finished) -> None:
    found = re.search(r"http://127\.0\.0\.1:\d+/", demo.output)
    assert found, demo.output

    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(found[0], timeout=5)


@pytest.mark.parametrize("asset", INCREMENTAL)
def test_three_runs_are_three_materializations_and_the_last_has_no_rows(demo: Finished, asset: str) -> None:
    loads = demo.loads(asset)

    assert 3 == len(loads)
    assert loads[0]["dagster_rest/rows_loaded"]
    assert loads[1]["dagster_rest/rows_loaded"]
    assert 0 == loads[2]["dagster_rest/rows_loaded"]


@pytest.mark.parametrize("asset", INCREMENTAL)
def test_each_run_starts_at_the_cursor_that_the_one_before_left(demo: Finished, asset: str) -> None:
    first, second, third = demo.loads(asset)

    assert first["dagster_rest/cursor"] == second["dagster_rest/cursor_start"]
    assert second["dagster_rest/cursor"] == third["dagster_rest/cursor_start"] == third["dagster_rest/cursor"]
    assert first["dagster_rest/cursor"] != second["dagster_rest/cursor"]


@pytest.mark.parametrize(
    ("table", "key"), [("countries", "iso"), ("cities", "id"), ("us_states", "code"), ("us_counties", "fips")]
)
def test_three_runs_leave_each_row_of_a_merge_table_once(demo: Finished, table: str, key: str) -> None:
    rows, keys = demo.query(f"select count(*), count(distinct {key}) from geo.{table}")[0]

    assert rows == keys
    assert rows


def test_a_changed_row_has_only_its_new_list_in_the_child_table(demo: Finished) -> None:
    (orphans,) = demo.query(
        "select count(*) from geo.cities__alternate_names where _parent_row_id not in (select _row_id from geo.cities)"
    )[0]

    assert 0 == orphans


def test_children_of_an_incremental_parent_are_asked_for_new_parents_only(demo: Finished) -> None:
    assert [51, 1, 0] == [load["dagster_rest/parents"] for load in demo.loads("us_counties")]


def test_fan_out_all_asks_for_every_parent_each_time(demo: Finished) -> None:
    assert [58, 58, 58] == [load["dagster_rest/parents"] for load in demo.loads("cities")]


def test_include_from_parent_brings_the_parents_column(demo: Finished) -> None:
    found = demo.query("select _continents_name from geo.countries where iso = 'KE'")

    assert [("Africa",)] == found
