"""What importing costs, and that neither importing nor building warns."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import dagster_rest

HEAVY = ("aiohttp", "authlib", "duckdb", "httpx", "jsonpath_ng", "pandas", "pendulum", "pyarrow")


def run(code: str, *options: str) -> Any:
    """Run code in a process of its own; what it prints last is JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert 0 == done.returncode, done.stderr
    assert "" == done.stderr
    return json.loads(done.stdout.splitlines()[-1])


MEASURE = """
import json, sys, time
began = time.process_time()
import dagster
started = time.process_time()
import dagster_rest
from dagster_rest import *
print(json.dumps([(time.process_time() - started) / (started - began), sorted(sys.modules)]))
"""


def test_all_public_names_cost_little_beside_dagster() -> None:
    smallest = min(run(MEASURE)[0] for _ in range(3))

    assert smallest <= 0.35


def test_nothing_heavy_is_imported_before_something_runs() -> None:
    loaded = run(MEASURE)[1]

    assert [] == [name for name in HEAVY if name in loaded]


def test_the_http_client_works_without_dagster() -> None:
    assert "dagster" not in run(
        "import json, sys; import dagster_rest; from dagster_rest.http import RestClient; RestClient();"
        "print(json.dumps(sorted(sys.modules)))"
    )


def test_a_thousand_assets_are_built_quickly_and_without_a_warning() -> None:
    code = """
    import json, time
    import dagster
    from dagster_rest import build_rest_assets
    resources = [{"name": f"r{i}", "primary_key": "id", "endpoint": {"params": {"a": "b"}}} for i in range(1000)]
    config = {"client": {"base_url": "https://api.example.com"}, "resources": resources}
    started = time.process_time()
    assets = build_rest_assets(config, name="big")
    print(json.dumps([time.process_time() - started, len(assets)]))
    """
    runs = [run(code) for _ in range(3)]

    assert {1000} == {count for _, count in runs}
    # The budget is 1 s of processor time, and 0.7 s is usual; twice of it, so that a busy machine decides nothing.
    assert min(seconds for seconds, _ in runs) <= 2.0


def test_every_public_name_is_there_and_documented() -> None:
    assert sorted(dagster_rest.__all__) == dagster_rest.__all__ == dir(dagster_rest)
    for name in dagster_rest.__all__:
        assert getattr(dagster_rest, name).__doc__
