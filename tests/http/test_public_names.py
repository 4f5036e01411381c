"""What importing costs, and that what is promised is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dagster_rest.http as http
from dagster_rest.http.errors import CODES


@pytest.mark.parametrize(
    "module", ["dagster_rest.http", "dagster_rest.http.client", "dagster_rest.http.fetch.scheduler"]
)
def test_importing_brings_in_no_heavy_library(module: str) -> None:
    heavy = [
        "httpx",
        "aiohttp",
        "orjson",
        "msgspec",
        "dagster",
        "duckdb",
        "pyarrow",
        "jsonpath_ng",
        "authlib",
    ]
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


@pytest.mark.parametrize("name", http.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(http, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = http.nonsense


def test_every_code_that_is_raised_is_listed() -> None:
    import re
    from pathlib import Path

    folder = Path(http.__file__).parent
    used = {code for file in folder.rglob("*.py") for code in re.findall(r'"(http_[a-z_]+)"', file.read_text())}
    assert used == set(CODES) & used
    assert set(CODES) == used | {"http_retry_later"}
