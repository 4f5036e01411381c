from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_rest.warehouse.naming import EMPTY_NAME, MAX_LENGTH, join, normalize

TABLE = json.loads((Path(__file__).parent / "dlt_names.json").read_text("utf-8"))
ASK_DLT = """
import json, sys
from dlt.common.normalizers.naming.snake_case import NamingConvention
naming = NamingConvention(max_length=65536)
names = json.load(sys.stdin)
json.dump([naming.normalize_path(name) if name.strip() else None for name in names], sys.stdout)
"""


@pytest.mark.parametrize(("key", "name"), TABLE.items())
def test_a_key_becomes_the_name_that_dlt_gives_it(key: str, name: str) -> None:
    assert name == normalize(key)


@pytest.mark.parametrize("key", ["", " ", "__", "____", "\t__\n"])
def test_a_key_without_any_name_gets_one(key: str) -> None:
    assert EMPTY_NAME == normalize(key)


@given(st.from_regex(r"[a-z][a-z0-9]*(_{1,2}[a-z][a-z0-9]*)*", fullmatch=True))
def test_a_name_that_is_one_already_stays(key: str) -> None:
    assert key == normalize(key)


def test_a_name_is_never_longer_than_duckdb_takes() -> None:
    one, other = normalize("a" * 70_000 + "b"), normalize("a" * 70_000 + "c")

    assert MAX_LENGTH == len(one) == len(other)
    assert one != other
    assert MAX_LENGTH == len(join("p" * 40_000, "q" * 40_000))


@pytest.mark.compat
def test_random_keys_get_the_names_that_dlt_gives_them() -> None:
    python = os.environ["DLT_PYTHON"]
    alphabet = st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aZ09_ -+*@|$.%é日"))
    keys: list[str] = []

    @settings(max_examples=3000, deadline=None, database=None)
    @given(st.text(alphabet, max_size=25))
    def collect(key: str) -> None:
        keys.append(key)

    collect()
    done = subprocess.run([python, "-c", ASK_DLT], input=json.dumps(keys), capture_output=True, text=True, check=True)
    theirs = dict(zip(keys, json.loads(done.stdout), strict=True))

    assert {key: name for key, name in theirs.items() if name} == {
        key: normalize(key) for key, name in theirs.items() if name
    }
