"""Config is read again by every step process, so it has to be quick; and it must not drag others in."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

# Run in a process of its own, and by processor time, so that other work on the machine decides nothing.
SCRIPT = """
import sys, time, json
from dagster_rest.config import build_plan, load_config
def resources(count):
    return {
        "client": {"base_url": "https://api.example.com", "auth": {"token": "t"}, "paginator": "header_link"},
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"params": {"org": "o", "limit": 100}},
        },
        "resources": [
            {
                "name": f"r{index}",
                "columns": {"a": {"data_type": "text"}},
                "endpoint": {
                    "path": f"{{org}}/r{index}" if index % 2 == 0 else f"{{org}}/r{{resources.r{index - 1}.id}}/x",
                    "params": {"a": 1, "since": "{incremental.start_value}"},
                    "paginator": {"type": "page_number", "base_page": 1, "total_path": f"meta.total{index}"},
                    "data_selector": f"data.rows{index}",
                    "incremental": {"cursor_path": "u", "initial_value": "2024-01-01"},
                },
            }
            for index in range(count)
        ],
    }
times = {}
for count in (20, 1000):
    written = resources(count)
    started = time.process_time()
    build_plan(load_config(written), name="s")
    times[str(count)] = time.process_time() - started
times["modules"] = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps(times))
"""


@pytest.fixture(scope="module")
def times() -> dict[str, Any]:
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    return {key: min(run[key] for run in runs) for key in ("20", "1000")} | {"modules": runs[0]["modules"]}


def test_a_thousand_resources_take_under_half_a_second(times: dict[str, Any]) -> None:
    assert times["1000"] < 0.5


def test_twenty_resources_take_under_20_ms_after_import(times: dict[str, Any]) -> None:
    assert times["20"] < 0.02


@pytest.mark.parametrize(
    "module", ["dagster", "httpx", "duckdb", "pyarrow", "yaml", "jsonpath_ng", "pendulum", "aiohttp"]
)
def test_the_config_imports_no_other_room(times: dict[str, Any], module: str) -> None:
    assert module not in times["modules"]


def test_small_parts_of_the_config_do_not_build_the_models() -> None:
    script = (
        "import sys; from dagster_rest.config import INHERIT, AUTHS;"
        "from dagster_rest.config.values.jsonpath import first_match;"
        "print('pydantic' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "False" == done.stdout.strip()
