"""A wrong config is one clear error with the path of the key, and it comes before any request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_rest import build_rest_definitions
from dagster_rest.config import ConfigError
from tests.support.server import ApiServer

UNKNOWN_KEY = [{"name": "posts", "endpoint": {"path": "posts", "data_selektor": "items"}}]
UNKNOWN_PARENT = ["posts", {"name": "comments", "endpoint": "posts/{resources.post.id}/comments"}]
CYCLE = [
    {"name": "a", "endpoint": "a/{resources.b.id}"},
    {"name": "b", "endpoint": "b/{resources.a.id}"},
]


@pytest.mark.parametrize(
    ("resources", "code", "parts"),
    [
        (UNKNOWN_KEY, "config_unknown_key", ["resources[0].endpoint", "data_selektor", "data_selector"]),
        (UNKNOWN_PARENT, "config_unknown_parent", ["resources[1].endpoint.path", "post", "posts"]),
        (CYCLE, "config_cycle", ["resources[0]", "a -> b -> a"]),
    ],
    ids=["unknown key", "unknown parent", "cycle"],
)
def test_a_wrong_config_is_one_error_that_names_the_key(
    api: ApiServer, tmp_path: Path, resources: list[Any], code: str, parts: list[str]
) -> None:
    config = {"client": {"base_url": api.url}, "resources": resources}

    with pytest.raises(ConfigError) as raised:
        build_rest_definitions(config, name="blog", duckdb=str(tmp_path / "blog.duckdb"))

    assert code == raised.value.code
    assert [] == [part for part in parts if part not in str(raised.value)]
    assert [] == api.requests


def test_a_missing_environment_variable_is_named_with_its_key_and_nothing_is_asked_for(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLOG_TOKEN", raising=False)
    config = {
        "client": {"base_url": api.url, "auth": {"type": "bearer", "token": dg.EnvVar("BLOG_TOKEN")}},
        "resources": ["posts"],
    }
    definitions = build_rest_definitions(config, name="blog", duckdb=str(tmp_path / "warehouse.duckdb"))

    with pytest.raises(Exception, match="BLOG_TOKEN") as raised:
        definitions.resolve_implicit_global_asset_job_def().execute_in_process()

    assert "client.auth.token" in str(raised.value)
    assert [] == api.requests
