"""The configs in `examples/`, each against a server that answers in the documented shapes of that API."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_rest import build_rest_definitions
from dagster_rest.config import load_config
from tests.support.server import ApiServer, Reply, Request

EXAMPLES = Path(__file__).parents[2] / "examples"
CONFIGS = sorted([*EXAMPLES.glob("*.yaml"), EXAMPLES / "demo" / "geo.yaml"])


@dataclass(frozen=True)
class Loaded:
    """The tables that one run left."""

    folder: Path

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with duckdb.connect(str(self.folder / "test.duckdb"), read_only=True) as warehouse:
            return warehouse.execute(sql).fetchall()


Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Materialize an example with its host exchanged for the local server."""

    def run(
        name: str,
        *,
        hosts: Sequence[str],
        api: ApiServer,
        environment: Mapping[str, str],
        partition: str | None = None,
    ) -> Loaded:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        copy = tmp_path / f"{name}.yaml"
        text = (EXAMPLES / f"{name}.yaml").read_text()
        for host in hosts:
            text = text.replace(host, api.url)
        copy.write_text(text)
        definitions = build_rest_definitions(copy, name=name, duckdb=str(tmp_path / "test.duckdb"))
        job = definitions.resolve_implicit_global_asset_job_def()
        with dg.DagsterInstance.ephemeral() as instance:
            assert job.execute_in_process(instance=instance, partition_key=partition).success
        return Loaded(tmp_path)

    return run


def materialize_module(name: str) -> None:
    """Import an example and materialize everything it defines."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    job = module.defs.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_loads_without_its_environment(path: Path) -> None:
    config = load_config(path)

    assert config.resources


def serve_github(api: ApiServer) -> None:
    """Two issues on two pages, one comment, one label."""

    @api.get("/repos/o/r/issues")
    def issues(request: Request) -> Reply:
        assert ("all", "updated", "asc", "100") == tuple(
            request.param(name) for name in ("state", "sort", "direction", "per_page")
        )
        if request.param("page") == "2":
            row = {"id": 2, "number": 20, "updated_at": "2026-01-02T00:00:00Z", "user": {"login": "b"}}
            return Reply(json=[row])
        link = f'<{api.url}/repos/o/r/issues?{request.target.split("?")[1]}&page=2>; rel="next"'
        row = {"id": 1, "number": 10, "updated_at": "2026-01-01T00:00:00Z", "user": {"login": "a"}}
        return Reply(json=[row], headers={"Link": link})

    @api.get("/repos/o/r/issues/{number}/comments")
    def comments(request: Request) -> list[dict[str, Any]]:
        number = int(request.path_params["number"])
        return [{"id": number + 1, "body": "Thanks!"}] if number == 10 else []

    api.json("/repos/o/r/labels", [{"id": 5, "name": "bug"}])


def test_github(api: ApiServer, load: Load) -> None:
    serve_github(api)

    loaded = load(
        "github",
        hosts=["https://api.github.com"],
        api=api,
        environment={"GITHUB_TOKEN": "t", "GITHUB_REPO": "o/r"},
    )

    assert [(1, "a"), (2, "b")] == loaded.rows("select id, user__login from github.issues order by id")
    assert [(11, 10)] == loaded.rows("select id, _issues_number from github.comments")
    assert [("bug",)] == loaded.rows("select name from github.labels")
    assert {"Bearer t"} == {request.headers["authorization"] for request in api.requests}


def test_pandas_and_sql_assets_read_the_tables_as_they_are(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_github(api)
    config = tmp_path / "github.yaml"
    config.write_text((EXAMPLES / "github.yaml").read_text().replace("https://api.github.com", api.url))
    for name, value in {
        "GITHUB_TOKEN": "t",
        "GITHUB_REPO": "o/r",
        "GITHUB_CONFIG": str(config),
        "GITHUB_DUCKDB": str(tmp_path / "test.duckdb"),
    }.items():
        monkeypatch.setenv(name, value)

    materialize_module("pandas_downstream")

    assert [("a", 1, 1), ("b", 1, 1)] == Loaded(tmp_path).rows("from github.busiest_authors order by author")


def test_pokeapi(api: ApiServer, load: Load) -> None:
    @api.get("/api/v2/pokemon")
    def names(request: Request) -> dict[str, Any]:
        if request.param("offset"):
            return {"count": 2, "next": None, "results": [{"name": "mew", "url": "."}]}
        following = f"{api.url}/api/v2/pokemon?offset=1&limit=100"
        return {"count": 2, "next": following, "results": [{"name": "ditto", "url": "."}]}

    @api.get("/api/v2/pokemon/{name}")
    def pokemon(request: Request) -> dict[str, Any]:
        name = request.path_params["name"]
        return {"id": len(name), "name": name, "types": [{"slot": 1, "type": {"name": "normal"}}]}

    loaded = load("pokeapi", hosts=["https://pokeapi.co"], api=api, environment={})

    assert [(3, "mew"), (5, "ditto")] == loaded.rows("select id, name from pokeapi.pokemon order by id")
    assert [(1, "normal")] * 2 == loaded.rows("select slot, type__name from pokeapi.pokemon__types")


def test_shopify(api: ApiServer, load: Load) -> None:
    version = "/admin/api/2025-07"

    @api.get(f"{version}/orders.json")
    def orders(request: Request) -> Reply:
        if request.param("page_info"):
            assert request.param("status") is None  # Shopify refuses other filters beside page_info
            return Reply(json={"orders": [{"id": 2, "updated_at": "2026-01-02T00:00:00-05:00", "line_items": []}]})
        assert "2020-01-01T00:00:00Z" == request.param("updated_at_min")
        row = {"id": 1, "updated_at": "2026-01-01T00:00:00-05:00", "line_items": [{"id": 7, "sku": "S"}]}
        link = f'<{api.url}{version}/orders.json?page_info=x&limit=250>; rel="next"'
        return Reply(json={"orders": [row]}, headers={"Link": link})

    @api.get(version + "/orders/{id}/refunds.json")
    def refunds(request: Request) -> dict[str, Any]:
        return {"refunds": [{"id": 9, "order_id": 1}] if request.path_params["id"] == "1" else []}

    loaded = load(
        "shopify",
        hosts=["https://${SHOPIFY_SHOP}.myshopify.com"],
        api=api,
        environment={"SHOPIFY_SHOP": "shop", "SHOPIFY_TOKEN": "t"},
    )

    assert [(1,), (2,)] == loaded.rows("select id from shopify.orders order by id")
    assert [(7, "S")] == loaded.rows("select id, sku from shopify.orders__line_items")
    assert [(9, 1)] == loaded.rows("select id, order_id from shopify.refunds")
    assert {"t"} == {request.headers["x-shopify-access-token"] for request in api.requests}


def test_stripe(api: ApiServer, load: Load) -> None:
    @api.get("/v1/customers")
    def customers(request: Request) -> dict[str, Any]:
        assert "0" == request.param("created[gte]")
        if request.param("starting_after") == "cus_2":
            row = {"id": "cus_1", "object": "customer", "created": 100, "email": "a@x.org"}
            return {"object": "list", "has_more": False, "data": [row]}
        row = {"id": "cus_2", "object": "customer", "created": 200, "email": "b@x.org"}
        return {"object": "list", "has_more": True, "data": [row]}

    @api.get("/v1/customers/{id}/payment_methods")
    def methods(request: Request) -> dict[str, Any]:
        customer = request.path_params["id"]
        row = {"id": "pm_1", "customer": customer, "card": {"last4": "4242"}}
        return {"object": "list", "has_more": False, "data": [row] if customer == "cus_2" else []}

    loaded = load("stripe", hosts=["https://api.stripe.com"], api=api, environment={"STRIPE_KEY": "k"})

    assert [("cus_1", 100), ("cus_2", 200)] == loaded.rows("select id, created from stripe.customers order by id")
    assert [("pm_1", "4242", "b@x.org")] == loaded.rows(
        "select id, card__last4, _customers_email from stripe.payment_methods"
    )


def test_microsoft_graph(api: ApiServer, load: Load) -> None:
    @api.post("/tenant/oauth2/v2.0/token")
    def token(request: Request) -> dict[str, Any]:
        assert b"client_secret=s" in request.body
        return {"token_type": "Bearer", "expires_in": 3599, "access_token": "fresh"}

    @api.get("/users")
    def users(request: Request) -> dict[str, Any]:
        if request.param("$skiptoken"):
            return {"value": [{"id": "u2", "displayName": "Bo"}]}
        following = f"{api.url}/users?$top=100&$skiptoken=x"
        return {"@odata.nextLink": following, "value": [{"id": "u1", "displayName": "Al"}]}

    api.json("/groups", {"value": [{"id": "g1"}, {"id": "g2"}]})

    @api.get("/groups/{id}/members")
    def members(request: Request) -> dict[str, Any]:
        return {"value": [{"id": "u1", "displayName": "Al"}]}

    loaded = load(
        "microsoft_graph",
        hosts=["https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0"],
        api=api,
        environment={"GRAPH_TENANT": "tenant", "GRAPH_CLIENT_ID": "c", "GRAPH_CLIENT_SECRET": "s"},
    )

    assert [("u1", "Al"), ("u2", "Bo")] == loaded.rows("select id, display_name from microsoft_graph.users order by id")
    assert [("g1", "u1"), ("g2", "u1")] == loaded.rows(
        "select _groups_id, id from microsoft_graph.group_members order by 1"
    )


def test_events_load_one_day_at_a_time(api: ApiServer, load: Load) -> None:
    @api.get("/events")
    def events(request: Request) -> dict[str, Any]:
        assert ("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z") == (
            request.param("from"),
            request.param("to"),
        )
        if request.param("cursor"):
            return {"next_cursor": None, "data": [{"id": 2, "occurred_at": "2026-01-02T23:00:00Z"}]}
        return {"next_cursor": "c", "data": [{"id": 1, "occurred_at": "2026-01-02T01:00:00Z"}]}

    for _ in range(2):
        loaded = load(
            "events",
            hosts=[],
            api=api,
            environment={"EVENTS_API_URL": api.url, "EVENTS_API_KEY": "k"},
            partition="2026-01-02",
        )

    assert [(1,), (2,)] == loaded.rows("select id from events.events order by id")


def test_python_parent(api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @api.get("/repos/{owner}/{name}/releases")
    def releases(request: Request) -> list[dict[str, Any]]:
        return [{"id": len(request.path), "tag_name": "v1"}]

    monkeypatch.setenv("GITHUB_API_URL", api.url)
    monkeypatch.setenv("GITHUB_TOKEN", "t")
    monkeypatch.setenv("RELEASES_DUCKDB", str(tmp_path / "test.duckdb"))

    materialize_module("python_parent")

    assert [("dagster",), ("duckdb",)] == Loaded(tmp_path).rows(
        "select _repositories_name from releases.releases order by 1"
    )
