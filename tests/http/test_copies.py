"""Copies of clients and resources: each opens connections of its own; a pickle says why there is none."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import pytest

from dagster_rest import RestApiResource
from dagster_rest.http import FetchOptions, HttpError, RestClient
from dagster_rest.resources import BearerAuth
from tests.support.server import ApiServer, Reply, Request

COPIES: dict[str, Callable[[Any], Any]] = {"copy": copy.copy, "deepcopy": copy.deepcopy}


@pytest.fixture(params=["written", "from_config"])
def resource(request: pytest.FixtureRequest, api: ApiServer) -> RestApiResource:
    if request.param == "written":
        return RestApiResource(base_url=api.url, auth=BearerAuth(token="tok-12345"))
    return RestApiResource.from_config({"base_url": api.url, "auth": {"token": "tok-12345"}})


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_a_client_is_a_client_of_its_own(api: ApiServer, how: str, used: bool) -> None:
    api.json("/items", [{"id": 1}])
    with RestClient(api.url, auth={"token": "tok-12345"}, params={"a": "b"}) as client:
        if used:
            client.get("items")
        other = COPIES[how](client)
        asked = client.stats.requests
    with other:
        assert [{"id": 1}] == other.get("items").json()
    assert ("Bearer tok-12345", "b") == (api.requests[-1].headers["authorization"], api.requests[-1].param("a"))
    assert (asked, 1) == (client.stats.requests, other.stats.requests)
    assert "***" == other.redactor.redact("tok-12345")


def test_copies_share_one_token(api: ApiServer) -> None:
    api.post("/token")(lambda _: {"access_token": "tok-12345"})
    api.json("/items", [])
    auth = {
        "type": "oauth2_client_credentials",
        "access_token_url": f"{api.url}/token",
        "client_id": "us",
        "client_secret": "s3cret99",
    }
    with RestClient(api.url, auth=auth) as client:
        client.get("items")
        with copy.deepcopy(client) as other:
            other.get("items")
    assert 1 == sum(target.startswith("POST") for target in api.targets())


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_a_resource_is_one_of_its_own(
    api: ApiServer, resource: RestApiResource, how: str, used: bool
) -> None:
    api.json("/items", [{"id": 1}])
    if used:
        resource.get("items")
    other = COPIES[how](resource)
    resource.close()
    assert [{"id": 1}] == other.get("items").json()
    assert "Bearer tok-12345" == api.requests[-1].headers["authorization"]
    other.close()


@pytest.mark.parametrize("used", [False, True])
def test_a_pickle_would_keep_secrets_and_is_refused(api: ApiServer, resource: RestApiResource, used: bool) -> None:
    """An asset that returns one would have its token in a file."""
    api.json("/items", [])
    if used:
        resource.get("items")
    for one in (resource, resource.client):
        with pytest.raises(HttpError, match="secrets") as caught:
            pickle.dumps(one)
        assert "http_not_picklable" == caught.value.code
        assert "tok-12345" not in str(caught.value)
    resource.close()


def test_copies_use_a_refresh_token_once(api: ApiServer) -> None:
    """Many token endpoints revoke everything when a refresh token comes twice."""
    used: list[str] = []

    @api.post("/token")
    def token(request: Request) -> Any:
        used.append(parse_qs(request.body.decode())["refresh_token"][0])
        return Reply(json={"access_token": "tok-00001", "refresh_token": f"ref-{len(used)}"}, delay=0.3)

    api.json("/items", [])
    auth = {"type": "oauth2_refresh_token", "access_token_url": f"{api.url}/token", "refresh_token": "ref-0"}
    with RestClient(api.url, auth=auth) as client:
        client.connection.context(FetchOptions())
        with copy.copy(client) as other, ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda one: one.get("items").status_code, [client, other]))
    assert ([200, 200], ["ref-0"]) == (answers, used)
