"""The pure dlt config, and dlt's own opinion of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.config import build_plan, load_config
from tests.config.support import BASE, config, endpoint

PURE: dict[str, Any] = config(
    "posts",
    {
        "name": "items",
        "columns": {"id": {"data_type": "text", "nullable": False}},
        "primary_key": ["id"],
        "write_disposition": {"disposition": "merge", "strategy": "upsert"},
        "schema_contract": {"tables": "evolve", "columns": "freeze"},
        "nested_hints": {"kids": {"columns": {"v": {"name": "v", "data_type": "text"}}}},
        "max_table_nesting": 2,
        "include_from_parent": ["id"],
        "selected": True,
        "endpoint": {
            "path": "posts/{resources.posts.id}/items",
            "method": "POST",
            "params": {"a": 1, "since": "{incremental.start_value}"},
            "json": {"q": "{resources.posts.id}"},
            "headers": {"X-A": "b"},
            "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
            "data_selector": "data",
            "response_actions": [{"status_code": 404, "action": "ignore"}],
            "incremental": {"cursor_path": "u", "initial_value": "2024-01-01", "lag": 3, "row_order": "asc"},
            "auth": None,
        },
    },
    {
        "name": "older",
        "endpoint": {
            "path": "p/{i}/o",
            "params": {
                "i": {"type": "resolve", "resource": "posts", "field": "id"},
                "s": {"type": "incremental", "cursor_path": "u", "initial_value": 1},
            },
        },
    },
    {"name": "offsets", "endpoint": {"paginator": {"type": "offset", "limit": 5, "total_path": "meta.total"}}},
    {"name": "cursors", "endpoint": {"paginator": {"type": "cursor", "cursor_path": "n", "cursor_param": "c"}}},
    {"name": "links", "endpoint": {"paginator": "json_link"}},
    defaults={"endpoint": {"params": {"limit": 10}}},
    auth={
        "type": "oauth2_client_credentials",
        "access_token_url": "https://a.example.com/t",
        "client_id": "i",
        "client_secret": "s",
        "access_token_request_data": {"scope": "x"},
    },
    headers={"A": "b"},
    paginator={"type": "header_link", "links_next_key": "next"},
)


def test_a_config_of_dlts_keys_comes_back_as_it_was() -> None:
    pure, lost = load_config(PURE).to_dlt()

    assert [] == lost
    assert load_config(PURE) == load_config(pure)


def test_a_round_trip_plans_the_same() -> None:
    pure, _ = load_config(PURE).to_dlt()

    before, after = (build_plan(load_config(source), name="s").resources for source in (PURE, pure))

    assert [(item.name, item.request, item.paginator) for item in before] == [
        (item.name, item.request, item.paginator) for item in after
    ]


def test_extensions_are_taken_out_and_named() -> None:
    own = config(
        {
            **endpoint(
                max_pages=3,
                paginator={"type": "cursor", "initial_cursor": "*"},
                incremental={"cursor_path": "u", "step": "1d"},
                params={"day": "{partition.key}", "q": 1},
            ),
            "description": "Things.",
            "processing_steps": [{"where": "id < 10"}, {"filter": bool}],
        },
        timeout=5,
        retry={"attempts": 2},
    )

    pure, lost = load_config(own).to_dlt()

    assert [
        "client.timeout",
        "client.retry",
        "resources[0].processing_steps[0].where",
        "resources[0].description",
        "resources[0].endpoint.params.day",
        "resources[0].endpoint.paginator.initial_cursor",
        "resources[0].endpoint.incremental.step",
        "resources[0].endpoint.max_pages",
    ] == sorted(lost, key=ORDER.index)
    assert {"base_url": BASE} == pure["client"]
    assert {"q": 1} == pure["resources"][0]["endpoint"]["params"]
    assert [{"filter": bool}] == pure["resources"][0]["processing_steps"]


ORDER = [
    "client.timeout",
    "client.retry",
    "resources[0].processing_steps[0].where",
    "resources[0].description",
    "resources[0].endpoint.params.day",
    "resources[0].endpoint.paginator.initial_cursor",
    "resources[0].endpoint.incremental.step",
    "resources[0].endpoint.max_pages",
]


def rows() -> Any:
    yield []


@pytest.mark.parametrize(
    ("resource", "client", "lost"),
    [
        ({"name": "a", "source": rows}, {}, ["resources[0]"]),
        ("a", {"auth": {"type": "digest", "username": "u", "password": "p"}}, ["client.auth"]),
        ("a", {"auth": {"type": "custom_header", "name": "X", "value": "v"}}, []),
        (
            endpoint(response_actions=[{"status_code": 404, "action": "retry"}]),
            {},
            ["resources[0].endpoint.response_actions[0]"],
        ),
        (
            endpoint(response_actions=[{"status_code": [404, "5xx"], "action": "ignore"}]),
            {},
            ["resources[0].endpoint.response_actions[0].status_code"],
        ),
        (endpoint(json=[1]), {}, ["resources[0].endpoint.json"]),
        (endpoint(params=None), {}, []),
    ],
)
def test_what_dlt_cannot_express_is_named(resource: Any, client: dict[str, Any], lost: list[str]) -> None:
    assert lost == load_config(config(resource, **client)).to_dlt()[1]


def test_a_list_of_statuses_becomes_several_entries() -> None:
    pure, lost = load_config(
        config(endpoint(response_actions=[{"status_code": [404, 410], "action": "ignore"}]))
    ).to_dlt()

    assert [] == lost
    assert [404, 410] == [item["status_code"] for item in pure["resources"][0]["endpoint"]["response_actions"]]


def test_environment_values_are_resolved_for_dlt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T", "s3cr3t")

    pure, _ = load_config(config("a", auth={"token": "${T}"}), interpolate_env=True).to_dlt()

    assert "s3cr3t" == pure["client"]["auth"]["token"]


@pytest.mark.compat
def test_dlt_accepts_what_to_dlt_gives(tmp_path: Path) -> None:
    """The config goes through dlt's own validation, graph and paginators, in dlt's own environment."""
    own = json.loads(json.dumps({**PURE, "client": {**PURE["client"], "timeout": 5, "max_concurrency": 3}}))
    pure, lost = load_config(own).to_dlt()
    file = tmp_path / "config.json"
    file.write_text(json.dumps(pure), encoding="utf-8")
    script = (
        "import json, sys; from dlt.sources.rest_api import rest_api_source;"
        "source = rest_api_source(json.load(open(sys.argv[1])));"
        "print(json.dumps(sorted(source.resources)))"
    )
    environment = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}

    done = subprocess.run(
        [os.environ["DLT_PYTHON"], "-c", script, str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
        cwd=tmp_path,
    )

    assert (0, ["client.timeout", "client.max_concurrency"]) == (done.returncode, lost), done.stderr[-2000:]
    assert ["cursors", "items", "links", "offsets", "older", "posts"] == json.loads(done.stdout.splitlines()[-1])
