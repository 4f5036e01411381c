"""What a plan says of itself: fingerprints, purity, sizes."""

from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
import sys
from typing import Any

import pytest

from dagster_rest.config import INHERIT, EnvRef, build_plan, load_config
from tests.config.support import config, endpoint, one, plan

SCRIPT = """
import json
from dagster_rest.config import build_plan, load_config
resource = {
    "name": "a",
    "columns": {"x": {"data_type": "text"}},
    "tags": {"a": "b"},
    "processing_steps": [{"map": json.dumps}, {"filter": lambda r: True}],
    "primary_key": ["b", "a"],
}
config = load_config({"client": {"base_url": "https://a.b", "headers": {"a": "b"}}, "resources": [resource]})
print(build_plan(config, name="s").resources[0].fingerprint)
"""


def keep(row: Any) -> bool:
    return bool(row)


RESOURCE = {
    **endpoint(path="a/{x}", params={"x": 1, "q": "2"}, data_selector="data"),
    "primary_key": "id",
    "processing_steps": [{"filter": keep}],
}


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    runs = [
        subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]

    assert runs[0] == runs[1]
    assert 32 == len(runs[0].strip())


@pytest.mark.parametrize(
    "change",
    [
        {"primary_key": "other"},
        {"write_disposition": "replace"},
        {"columns": {"a": {"data_type": "text"}}},
        {"processing_steps": [{"filter": bool}]},
        {"max_table_nesting": 1},
        {"include_from_parent": []},
        endpoint(path="b/{x}", params={"x": 1, "q": "2"}, data_selector="data"),
        endpoint(path="a/{x}", params={"x": 2, "q": "2"}, data_selector="data"),
        endpoint(path="a/{x}", params={"x": 1, "q": "2"}, data_selector="rows"),
    ],
)
def test_what_changes_rows_or_table_changes_the_fingerprint(change: dict[str, Any]) -> None:
    changed = change != {"include_from_parent": []}

    assert changed is (one(RESOURCE).fingerprint != one({**RESOURCE, **change}).fingerprint) or not changed


@pytest.mark.parametrize(
    "change",
    [
        {"description": "x"},
        {"tags": {"a": "b"}},
        {"owners": ["team:a"]},
        {"automation": "eager"},
        {"freshness": "1d"},
        {"checks": False},
        {"preview": 3},
    ],
)
def test_what_describes_only_does_not(change: dict[str, Any]) -> None:
    assert one(RESOURCE).fingerprint == one({**RESOURCE, **change}).fingerprint


def test_the_client_is_part_of_it_but_for_secrets_and_speed() -> None:
    base = one(RESOURCE, auth={"token": "a"}).fingerprint

    assert base == one(RESOURCE, auth={"token": "b"}, max_concurrency=2, timeout=5).fingerprint
    assert base != one(RESOURCE, auth={"token": "a"}, base_url="https://other.example.com").fingerprint


def test_two_lambdas_differ() -> None:
    first, second = (
        one({**RESOURCE, "processing_steps": [{"map": step}]}).fingerprint
        for step in (lambda row: row["a"], lambda row: row["b"])
    )

    assert first != second


def test_the_auth_of_an_endpoint_is_its_own_the_clients_or_none() -> None:
    found = plan(
        endpoint(),
        {"name": "b", "endpoint": {"auth": None}},
        {"name": "c", "endpoint": {"auth": {"token": "t"}}},
        auth={"token": "x"},
    )

    assert (INHERIT, None, "t") == (found.resources[0].auth, found.resources[1].auth, found.resources[2].auth.token)
    assert "INHERIT" == repr(INHERIT)
    assert INHERIT is pickle.loads(pickle.dumps(INHERIT))


def test_a_plan_is_frozen() -> None:
    found = plan("a")

    with pytest.raises(dataclasses.FrozenInstanceError):
        found.resources[0].name = "b"  # type: ignore[misc]
    with pytest.raises(KeyError):
        found.resource("gone")


def test_a_plan_needs_no_environment() -> None:
    loaded = load_config(
        config(endpoint(params={"k": "${NOT_SET}"}), auth={"token": "${NOT_SET}"}, base_url="${NOT_SET}"),
        interpolate_env=True,
    )

    found = build_plan(loaded, name="s")

    assert isinstance(found.client.auth.token, EnvRef)


def test_explicit_keys_can_be_told_from_defaults() -> None:
    assert "partitions" in one({"name": "a", "partitions": None}).config.model_fields_set
    assert "partitions" in one("a", defaults={"partitions": "daily"}).config.model_fields_set
    assert "partitions" not in one("a").config.model_fields_set


def test_the_json_of_a_request_is_not_shared_between_renderings() -> None:
    request = one(endpoint(json={"a": [1, {"b": 2}]})).request
    first = request.render()

    first.json["a"][1]["b"] = 3

    assert {"a": [1, {"b": 2}]} == request.render().json
    assert json.dumps(first.json) != json.dumps(request.render().json)
