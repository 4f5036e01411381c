"""No secret reaches what a run writes: events, metadata, captured logs, the staging folder, the tables."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest import RestApiResource, build_rest_assets
from dagster_rest.config import load_config
from tests.support.server import ApiServer, Reply

PLACES = (
    "userinfo",
    "bearer",
    "header",
    "cookie",
    "client_param",
    "default_param",
    "default_header",
    "body",
    "path_query",
)


def secret(place: str) -> str:
    return f"planted-{place.replace('_', '-')}-8d1f"


def config(api: ApiServer, *, from_env: bool, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def value(place: str) -> Any:
        if not from_env:
            return secret(place)
        monkeypatch.setenv(f"PLANTED_{place.upper()}", secret(place))
        return dg.EnvVar(f"PLANTED_{place.upper()}")

    host = api.url.removeprefix("http://")
    return {
        "client": {
            "base_url": f"http://user:{secret('userinfo')}@{host}",
            "auth": {"type": "bearer", "token": value("bearer")},
            "headers": {"X-Api-Key": value("header"), "Cookie": f"session={secret('cookie')}"},
            "params": {"api_key": value("client_param")},
            "paginator": "single_page",
            "retry": {"backoff": 0.01, "jitter": 0, "attempts": 2},
        },
        "resource_defaults": {
            "endpoint": {"params": {"token": value("default_param")}, "headers": {"X-Secret": value("default_header")}}
        },
        "resources": [
            {
                "name": "good",
                "endpoint": {
                    "path": f"good?access_token={secret('path_query')}",
                    "method": "POST",
                    "json": {"password": value("body")},
                    "headers": {"X-Secret": value("default_header")},
                },
            },
            {"name": "missing", "endpoint": {"path": "missing"}},
            {"name": "broken", "endpoint": {"path": "broken"}},
            {"name": "forbidden", "endpoint": {"path": "forbidden"}},
            {"name": "garbage", "endpoint": {"path": "garbage"}},
        ],
    }


@pytest.mark.parametrize("from_env", [True, False], ids=["env", "literal"])
def test_planted_secrets_are_in_nothing_that_was_written(
    api: ApiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    from_env: bool,
) -> None:
    received: list[Any] = []

    @api.post("/good")
    def good(request: Any) -> Any:
        received.append(request)
        return [{"id": 1}]

    @api.get("/broken")
    def broken(request: Any) -> Any:
        return Reply(status=500, json={"you_sent": dict(request.headers), "to": request.target})

    @api.get("/forbidden")
    def forbidden(request: Any) -> Any:
        return Reply(status=403, json={"you_sent": dict(request.headers), "to": request.target})

    @api.get("/garbage")
    def garbage(request: Any) -> Any:
        return Reply(body=b"<html>" + request.target.encode() + b" " + request.headers["x-secret"].encode())

    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "aiohttp", "dagster_rest", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    loaded = load_config(config(api, from_env=from_env, monkeypatch=monkeypatch))
    home = tmp_path / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        result = dg.materialize(
            build_rest_assets(loaded, name="src"),
            resources={
                "src": RestApiResource.from_config(loaded.client),
                "duckdb": DuckDBResource(database=str(tmp_path / "warehouse.duckdb")),
            },
            instance=instance,
            raise_on_error=False,
        )
        events = "\n".join(f"{event.message} {event.event_specific_data}" for event in result.all_events)

    assert len(result.get_asset_materialization_events()) == 1
    assert secret("bearer") in received[0].headers["authorization"]
    assert secret("header") == received[0].headers["x-api-key"]
    assert secret("body") == received[0].json()["password"]
    written = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written["events"] = events.encode()
    written["logs"] = caplog.text.encode()
    written["output"] = "".join(capfd.readouterr()).encode()
    written["tables"] = _tables(tmp_path / "warehouse.duckdb").encode()
    found = [(place, where) for place in PLACES for where, text in written.items() if secret(place).encode() in text]
    assert found == []


def _tables(path: Path) -> str:
    with duckdb.connect(str(path)) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('src', '_dagster_rest')"
        ).fetchall()
        return "\n".join(str(connection.execute(f"select * from {name}").fetchall()) for (name,) in names)
