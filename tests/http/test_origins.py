"""Scenario S66: credentials go to configured origins only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dagster_rest.config.request import RequestSpec
from dagster_rest.http import FetchOptions, FetchUnit, HttpError, OriginError, RestClient
from dagster_rest.http.origins import origin_of
from tests.support.server import ApiServer, Reply

Opener = Callable[..., RestClient]


@pytest.fixture
def other() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.json("/items", {"data": [{"id": 2}], "next": None})
        yield server


@pytest.fixture
def secret_client(open_client: Opener) -> RestClient:
    return open_client(auth={"token": "tok-secret"}, headers={"X-Api-Key": "key-secret"})


def test_s66_a_next_link_to_another_origin_is_refused(
    api: ApiServer, other: ApiServer, secret_client: RestClient
) -> None:
    """dlt: sends the credentials."""
    api.json("/items", {"data": [{"id": 1}], "next": f"{other.url}/items"})
    with pytest.raises(OriginError, match=str(other.port)) as caught:
        list(secret_client.paginate("items", paginator="json_link"))
    assert "http_origin" == caught.value.code
    assert [] == other.requests


def test_s66_a_redirect_to_another_origin_is_refused(
    api: ApiServer, other: ApiServer, secret_client: RestClient
) -> None:
    """dlt: strips Authorization, sends the API key header."""
    api.json("/items", Reply(status=302, headers={"Location": f"{other.url}/items"}))
    with pytest.raises(OriginError, match="redirect"):
        secret_client.get("items")
    assert [] == other.requests


def test_s66_a_parent_value_that_is_a_url_is_refused(other: ApiServer, secret_client: RestClient) -> None:
    unit = FetchUnit(RequestSpec(path=f"{other.url}/items", origin_from_data=True), index=0)
    with pytest.raises(OriginError):
        list(secret_client.fetch([unit], options=FetchOptions()))
    assert [] == other.requests


def test_s66_an_origin_that_the_config_writes_is_trusted(other: ApiServer, secret_client: RestClient) -> None:
    unit = FetchUnit(RequestSpec(path=f"{other.url}/items"), index=0)
    list(secret_client.fetch([unit], options=FetchOptions()))
    assert "Bearer tok-secret" == other.requests[0].headers["authorization"]


def test_s66_allowed_origins_are_trusted(api: ApiServer, other: ApiServer, open_client: Opener) -> None:
    api.json("/items", {"data": [{"id": 1}], "next": f"{other.url}/items"})
    client = open_client(auth={"token": "tok-secret"}, allowed_origins=[other.url])
    assert 2 == len(list(client.paginate("items", paginator="json_link")))
    assert "Bearer tok-secret" == other.requests[0].headers["authorization"]


def test_a_redirect_on_the_same_origin_is_followed_with_credentials(api: ApiServer, secret_client: RestClient) -> None:
    api.json("/old", Reply(status=301, headers={"Location": "/items"}))
    api.json("/items", [{"id": 1}])
    assert [{"id": 1}] == secret_client.get("old").json()
    assert ("Bearer tok-secret", "key-secret") == tuple(
        api.requests[1].headers[n] for n in ("authorization", "x-api-key")
    )


def test_redirects_can_be_switched_off(api: ApiServer, open_client: Opener) -> None:
    api.json("/old", Reply(status=302, headers={"Location": "/items"}))
    assert 302 == open_client(follow_redirects=False).get("old").status_code


def test_redirects_in_a_circle_are_an_error(api: ApiServer, client: RestClient) -> None:
    api.json("/old", Reply(status=302, headers={"Location": "/old"}))
    with pytest.raises(HttpError, match="redirects"):
        client.get("old")


def test_a_local_file_is_no_next_page(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": [{"id": 1}], "next": "file:///etc/passwd"})
    with pytest.raises(HttpError, match="not an http"):
        list(client.paginate("items", paginator="json_link"))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://API.example.com/x", "https://api.example.com:443"),
        ("http://h:8080/x?y", "http://h:8080"),
        ("http://user:pass@h/x", "http://h:80"),
        ("http://[::1]/x", "http://[::1]:80"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert origin == origin_of(url)


def test_https_on_the_same_host_is_the_same_origin() -> None:
    import httpx

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "http":
            return httpx.Response(301, headers={"Location": str(request.url).replace("http:", "https:")})
        return httpx.Response(200, json=[request.headers["authorization"]])

    transport = httpx.MockTransport(answer)
    with RestClient("http://api.test", auth={"token": "tok-secret"}, transport=transport) as client:
        assert ["Bearer tok-secret"] == client.get("items").json()
