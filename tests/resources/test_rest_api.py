"""RestApiResource in Dagster: config, lifecycle, snapshots, errors."""

import json
import logging
import threading
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from dagster_rest.config import ClientConfig, EnvRef, load_config
from dagster_rest.config.model.auth import AUTH_MODELS
from dagster_rest.config.model.paginators import PAGINATOR_MODELS
from dagster_rest.http import HttpStatusError, PageNumberPaginator
from dagster_rest.resources import (
    ApiKeyAuth,
    BearerAuth,
    HttpBasicAuth,
    JSONLinkPaginator,
    RateLimitSettings,
    RestApiResource,
    RetrySettings,
    dagster_errors,
)
from dagster_rest.resources import auth as auth_module
from dagster_rest.resources import paginators as paginators_module
from tests.resources import config_schema
from tests.support.server import ApiServer, Reply

ROWS = [{"id": n} for n in range(5)]
SECRET = "s3cret-from-env"
QUICK = RetrySettings(backoff=0, jitter=0, attempts=2)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_SECRET", SECRET)


@dg.asset
def rows(context: dg.AssetExecutionContext, rest: RestApiResource) -> None:
    count = sum(len(page) for page in rest.paginate("items"))
    context.add_output_metadata({"rows": count})


@dg.asset(deps=[rows])
def one(rest: RestApiResource) -> None:
    rest.get("items")
    rest.post("items")


def materialize(resource: RestApiResource, instance: dg.DagsterInstance | None = None) -> dg.ExecuteInProcessResult:
    return dg.materialize([rows, one], resources={"rest": resource}, raise_on_error=False, instance=instance)


def serve(api: ApiServer) -> None:
    api.pages("/items", ROWS, size=2, style="json_link")
    api.json("/items", {}, method="POST")


def snapshot(resource: RestApiResource) -> str:
    defs = dg.Definitions(assets=[rows, one], resources={"rest": resource})
    return dg.serialize_value(RepositorySnap.from_def(defs.get_repository_def()))


def test_pages_gets_and_posts(api: ApiServer) -> None:
    serve(api)
    assert materialize(RestApiResource(base_url=api.url, retry=QUICK)).success
    assert [f"GET /items{q}" for q in ("", "?page=2", "?page=3")] + ["GET /items", "POST /items"] == api.targets()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (BearerAuth(token=dg.EnvVar("API_SECRET")), "authorization", f"Bearer {SECRET}"),
        (ApiKeyAuth(api_key=dg.EnvVar("API_SECRET"), name="X-Key"), "x-key", SECRET),
        (
            HttpBasicAuth(username="u", password=dg.EnvVar("API_SECRET")),
            "authorization",
            httpx.BasicAuth("u", SECRET)._auth_header,
        ),
        ({"type": "bearer", "token": dg.EnvVar("API_SECRET")}, "authorization", f"Bearer {SECRET}"),
        ({"token": dg.EnvVar("API_SECRET")}, "authorization", f"Bearer {SECRET}"),
        ({"bearer": {"token": dg.EnvVar("API_SECRET")}}, "authorization", f"Bearer {SECRET}"),
        (None, "authorization", None),
    ],
)
def test_auth_from_the_environment_is_sent_and_not_in_the_snapshot(
    api: ApiServer, auth: Any, header: str, value: str | None
) -> None:
    serve(api)
    resource = RestApiResource(base_url=api.url, auth=auth)
    assert materialize(resource).success
    assert value == api.requests[0].headers.get(header)
    assert SECRET not in snapshot(resource)


def test_headers_and_params_may_come_from_the_environment(api: ApiServer) -> None:
    serve(api)
    secret = dg.EnvVar("API_SECRET")
    resource = RestApiResource(base_url=api.url, headers={"X-Token": secret}, params={"k": secret}, retry=QUICK)
    assert materialize(resource).success
    assert (SECRET, [SECRET]) == (api.requests[0].headers["x-token"], api.requests[0].query["k"])
    assert SECRET not in snapshot(resource)


@pytest.mark.parametrize("paginator", [JSONLinkPaginator(), "json_link", {"type": "json_link"}, None])
def test_paginators_in_every_form(api: ApiServer, paginator: Any) -> None:
    serve(api)
    assert materialize(RestApiResource(base_url=api.url, paginator=paginator)).success
    assert "GET /items?page=3" in api.targets()


def test_every_setting_reaches_the_client() -> None:
    resource = RestApiResource(
        base_url="https://api.example.com",
        timeout=5,
        retry=RetrySettings(attempts=2, statuses=["429", "5xx"]),
        rate_limit=RateLimitSettings(requests=10, per="1m", key="shop"),
        max_concurrency=3,
        allowed_origins=["https://cdn.example.com"],
        cert=["cert.pem", "key.pem"],
        proxy="http://proxy.example.com:3128",
        follow_redirects=False,
        max_response_bytes=1000,
        ca_bundle="ca.pem",
    )
    config = resource.client_config()
    assert (5, 2, 60, 3) == (config.timeout, config.retry.attempts, config.rate_limit.per, config.max_concurrency)  # type: ignore[union-attr]
    assert ["https://cdn.example.com"] == config.allowed_origins
    assert (("cert.pem", "key.pem"), "ca.pem", False, 1000) == (
        config.cert,
        config.verify,
        config.follow_redirects,
        config.max_response_bytes,
    )


def test_the_launchpad_may_override(api: ApiServer) -> None:
    serve(api)
    run_config = {"resources": {"rest": {"config": {"base_url": api.url}}}}
    defs = dg.Definitions(assets=[rows, one], resources={"rest": RestApiResource.configure_at_launch()})
    job = defs.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(run_config=run_config).success
    assert api.requests


def test_one_client_for_a_run_closed_at_its_end(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(api)
    clients: list[Any] = []

    @dg.asset
    def first(rest: RestApiResource) -> None:
        clients.append(rest.client)
        rest.get("items")

    @dg.asset(deps=[first])
    def second(rest: RestApiResource) -> None:
        clients.append(rest.client)
        rest.get("items")

    assert dg.materialize([first, second], resources={"rest": RestApiResource(base_url=api.url)}).success
    assert clients[0] is clients[1]
    with pytest.raises(Exception, match="closed"):
        clients[0].get("items")
    assert not [thread for thread in threading.enumerate() if thread.name == "dagster-rest-http"]


def test_the_resource_works_without_a_run(api: ApiServer) -> None:
    serve(api)
    resource = RestApiResource(base_url=api.url, auth=BearerAuth(token=dg.EnvVar("API_SECRET")))
    assert ROWS == [row for page in resource.paginate("items") for row in page]
    resource.close()
    assert f"Bearer {SECRET}" == api.requests[0].headers["authorization"]


# from_config


@pytest.mark.parametrize(
    "make",
    [
        lambda url: {"base_url": url, "auth": {"token": dg.EnvVar("API_SECRET")}},
        lambda url: {"client": {"base_url": url, "auth": {"token": dg.EnvVar("API_SECRET")}}, "resources": []},
        lambda url: ClientConfig(base_url=url, auth={"token": EnvRef("${API_SECRET}")}),
        lambda url: load_config(
            {"client": {"base_url": url, "headers": {"Authorization": EnvRef("Bearer ${API_SECRET}")}}, "resources": []}
        ),
    ],
)
def test_from_config_takes_every_form(api: ApiServer, make: Any) -> None:
    serve(api)
    resource = RestApiResource.from_config(make(api.url))
    assert materialize(resource).success
    assert f"Bearer {SECRET}" == api.requests[0].headers["authorization"]
    assert SECRET not in snapshot(resource)


def test_from_config_takes_a_yaml_file(api: ApiServer, tmp_path: Path) -> None:
    serve(api)
    file = tmp_path / "shop.yaml"
    file.write_text(f"client:\n  base_url: {api.url}\n  auth: {{token: '${{API_SECRET}}'}}\nresources: []\n")
    assert materialize(RestApiResource.from_config(str(file))).success
    assert f"Bearer {SECRET}" == api.requests[0].headers["authorization"]


class OwnAuth(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["X-Own"] = "s3cret-of-instance"
        yield request


def test_from_config_carries_instances_and_literal_secrets_past_the_snapshot(api: ApiServer) -> None:
    serve(api)
    resource = RestApiResource.from_config(
        {
            "base_url": api.url,
            "auth": OwnAuth(),
            "headers": {"X-Key": "s3cret-literal"},
            "paginator": PageNumberPaginator(base_page=1, total_path=None),
        }
    )
    api.get("/items")(lambda r: ROWS if r.param("page") == "1" else [])
    assert materialize(resource).success
    assert ("s3cret-of-instance", "s3cret-literal") == tuple(api.requests[0].headers[n] for n in ("x-own", "x-key"))
    assert "s3cret" not in snapshot(resource)


def test_from_config_shows_its_plain_settings_and_the_launchpad_may_change_them(api: ApiServer) -> None:
    serve(api)
    config = {
        "base_url": api.url,
        "auth": {"token": "s3cret"},
        "max_concurrency": 2,
        "timeout": 7,
        "rate_limit": {"requests": 90, "per": "1m"},
    }
    resource = RestApiResource.from_config(config)
    assert (2, 7, 90, "60s") == (
        resource.max_concurrency,
        resource.timeout,
        resource.rate_limit.requests,  # type: ignore[union-attr]
        resource.rate_limit.per,  # type: ignore[union-attr]
    )
    seen: list[Any] = []

    @dg.asset
    def probe(rest: RestApiResource) -> None:
        seen.append(rest.client_config())
        rest.get("items")

    job = dg.Definitions(assets=[probe], resources={"rest": resource}).resolve_implicit_global_asset_job_def()
    for changes in ({}, {"max_concurrency": 1, "retry": {"attempts": 2}}):
        assert job.execute_in_process(run_config={"resources": {"rest": {"config": changes}}}).success
    assert [(2, 5, 60), (1, 2, 60)] == [(c.max_concurrency, c.retry.attempts, c.rate_limit.per) for c in seen]
    assert ["Bearer s3cret"] * 2 == [request.headers["authorization"] for request in api.requests]


def test_from_config_keeps_the_staging_dir(tmp_path: Path) -> None:
    resource = RestApiResource.from_config({"base_url": "http://user:pass@h/v1?key=x", "staging_dir": str(tmp_path)})
    assert ("http://h/v1", str(tmp_path)) == (resource.base_url, resource.staging_dir)


# errors


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_fail_without_retries(api: ApiServer, status: int) -> None:
    api.json("/items", Reply(status=status, json={}))
    with pytest.raises(dg.Failure) as caught:
        RestApiResource(base_url=api.url).client and list(RestApiResource(base_url=api.url).paginate("items"))
    assert (False, "http_auth") == (caught.value.allow_retries, caught.value.metadata["dagster_rest/error_code"].value)


def test_a_missing_variable_fails_without_retries(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_SECRET")
    resource = RestApiResource(base_url=api.url, auth=BearerAuth(token=dg.EnvVar("API_SECRET")))
    with pytest.raises(dg.Failure, match="API_SECRET") as caught:
        resource.get("items")
    assert not caught.value.allow_retries


def test_a_long_wait_becomes_a_retry_request(api: ApiServer) -> None:
    api.json("/items", Reply(status=429, json={}, headers={"Retry-After": "3600"}))
    with pytest.raises(dg.RetryRequested) as caught:
        list(RestApiResource(base_url=api.url).paginate("items"))
    assert 3600 == caught.value.seconds_to_wait


def test_other_errors_pass(api: ApiServer) -> None:
    api.json("/items", Reply(status=404, json={}))
    with pytest.raises(HttpStatusError):
        list(RestApiResource(base_url=api.url).paginate("items"))
    with pytest.raises(KeyError), dagster_errors():
        raise KeyError("x")


def test_the_event_log_and_debug_logs_hold_no_secret(api: ApiServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = dg.EnvVar("API_SECRET")
    resource = RestApiResource(
        base_url=api.url, auth=BearerAuth(token=secret), headers={"X-Token": secret}, params={"k": secret}, retry=QUICK
    )
    with dg.instance_for_test() as instance:
        for answer in (
            {"data": [{"id": 1}]},
            Reply(status=400),
            Reply(status=500),
            Reply(body=b"<html>"),
            Reply(fault="reset"),
        ):
            api.get("/items")(
                lambda r, answer=answer: (
                    answer
                    if isinstance(answer, dict)
                    else Reply(
                        status=answer.status, body=f"{answer.body} {r.target} {dict(r.headers)}", fault=answer.fault
                    )
                )
            )
            result = materialize(resource, instance)
            written = "".join(dg.serialize_value(event) for event in instance.all_logs(result.run_id))
            assert SECRET not in written
    assert SECRET not in caplog.text
    assert any(SECRET in request.headers.get("x-token", "") for request in api.requests)


# the same keys as the config's


def _dagster_models(module: Any) -> dict[str, Any]:
    classes = [
        c for c in vars(module).values() if isinstance(c, type) and issubclass(c, dg.Config) and c is not dg.Config
    ]
    return {cls.model_fields["type"].default: cls for cls in classes}


@pytest.mark.parametrize("model", [*AUTH_MODELS, *PAGINATOR_MODELS], ids=lambda model: model.__name__)
def test_the_resource_knows_every_key_of_the_config(model: Any) -> None:
    ours = _dagster_models(auth_module if model in AUTH_MODELS else paginators_module)[model.type_names[0]]
    # A session is an object; Dagster's config cannot carry it (`from_config` does).
    assert set(model.model_fields) - {"session"} == set(ours.model_fields)


def test_the_config_schema_that_dagster_shows_is_the_recorded_one() -> None:
    assert json.loads(config_schema.RECORD.read_text(encoding="utf-8")) == config_schema.config_schema()


def test_the_classes_of_the_resource_are_named_and_explained() -> None:
    assert ("dagster_rest.resources.auth", "BearerAuth") == (BearerAuth.__module__, BearerAuth.__qualname__)
    assert "The token." == BearerAuth.model_fields["token"].description
    assert "HTTP Digest." == auth_module.DigestAuth.__doc__
