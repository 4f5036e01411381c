"""The repository's own code location, which people copy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

import definitions

ROOT = Path(__file__).parents[2]


def key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["geo", name])


@pytest.mark.parametrize(
    ("asset", "parents"),
    [
        ("continents", set()),
        ("countries", {"continents"}),
        ("cities", {"countries"}),
        ("us_counties", {"us_states"}),
        ("continent_summary", {"countries", "cities"}),
    ],
)
def test_an_asset_hangs_on_its_parents(asset: str, parents: set[str]) -> None:
    graph = definitions.defs.resolve_asset_graph()

    assert {key(parent) for parent in parents} == set(graph.get(key(asset)).parent_keys)


def test_it_has_jobs_a_schedule_a_sensor_and_checks() -> None:
    repository = definitions.defs.get_repository_def()

    assert {"geo_job", "geo_everything"} <= set(repository.job_names)
    assert ["geo_every_morning"] == [schedule.name for schedule in repository.schedule_defs]
    assert ["geo_polling_sensor"] == [sensor.name for sensor in repository.sensor_defs]
    assert key("cities") in {check.asset_key for check in definitions.defs.resolve_asset_graph().asset_check_keys}


def test_loading_it_warns_of_nothing_and_needs_no_environment() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GEO_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import definitions"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)


def test_dagster_finds_it_through_workspace_yaml() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "--workspace", "workspace.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
