"""What Dagster stores and shows of a code location holds no secret and no config."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from dagster_rest import build_rest_definitions
from dagster_rest.config import load_config
from tests.assets.support import snapshot_of

SECRETS = ("env-secret-1", "plain-secret-2", "header-secret-3", "param-secret-4", "query-secret-5")


def config(token: Any) -> dict[str, Any]:
    return {
        "client": {
            "base_url": "https://api.example.com/v1?access_token=query-secret-5",
            "auth": {
                "type": "oauth2_client_credentials",
                "client_id": "me",
                "client_secret": token,
                "access_token_url": "https://login.example.com",
            },
            "headers": {"X-Key": "header-secret-3", "X-Other": dg.EnvVar("OTHER")},
        },
        "resource_defaults": {"endpoint": {"params": {"api_key": "param-secret-4"}}, "checks": True},
        "resources": [
            {"name": "posts", "endpoint": {"path": "posts", "auth": {"type": "bearer", "token": "plain-secret-2"}}},
            {"name": "comments", "endpoint": "posts/{resources.posts.id}/comments", "description": "of a post"},
        ],
    }


@pytest.mark.parametrize("token", [dg.EnvVar("TOKEN"), "plain-secret-2"])
@pytest.mark.parametrize("mode", ["per_resource", "single_op"])
def test_no_secret_is_in_the_snapshot(token: Any, mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "env-secret-1")
    monkeypatch.setenv("OTHER", "env-secret-1")

    snapshot = snapshot_of(build_rest_definitions(config(token), name="blog", duckdb="warehouse.duckdb", mode=mode))

    assert [] == [secret for secret in SECRETS if secret in snapshot]


def test_no_config_is_in_the_snapshot() -> None:
    snapshot = snapshot_of(build_rest_definitions(config("x"), name="blog", duckdb="warehouse.duckdb"))

    for part in ("login.example.com", "resource_defaults", "X-Other", 'oauth2_client_credentials": {'):
        assert part not in snapshot


def test_no_asset_metadata_is_a_dict() -> None:
    definitions = build_rest_definitions(config("x"), name="blog", duckdb="warehouse.duckdb")

    for spec in definitions.resolve_all_asset_specs():
        assert [] == [key for key, value in spec.metadata.items() if isinstance(value, (dict, list))]


def test_secrets_stay_out_of_the_snapshot_of_a_loaded_yaml(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "env-secret-1")
    file = tmp_path / "blog.yaml"
    file.write_text(
        "client: {base_url: 'https://x.example', auth: {type: bearer, token: '${TOKEN}'}}\nresources: [posts]\n"
    )

    snapshot = snapshot_of(build_rest_definitions(load_config(file), name="blog", duckdb="warehouse.duckdb"))

    assert "env-secret-1" not in snapshot
