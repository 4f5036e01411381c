"""A session of the user's: it sends, and the config has the say (S69)."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
import requests

from dagster_rest.http import HttpError, ResponseTooLargeError, RestClient
from tests.support.server import ApiServer, Reply, Request

Opener = Callable[..., RestClient]
SESSION_BASIC = "Basic c2Vzc2lvbjpodW50ZXIyMg=="


@pytest.fixture(params=["requests", "httpx", "httpx_async"])
def session(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "httpx_async":
        # No connection outlives its response, so nothing is left to be closed in the client's loop.
        yield httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0))
        return
    with requests.Session() if request.param == "requests" else httpx.Client() as one:
        yield one


def sent(api: ApiServer, name: str) -> list[str | None]:
    return [request.headers.get(name) for request in api.requests]


def test_the_configs_auth_goes_before_that_of_the_session(api: ApiServer, open_client: Opener, session: Any) -> None:
    """As in dlt, which gives its auth to the request."""
    api.json("/items", [{"id": 1}])
    session.auth = ("session", "hunter22")
    open_client(session=session, auth={"token": "tok-12345"}).get("items")
    assert ["Bearer tok-12345"] == sent(api, "authorization")


def test_an_auth_of_another_header_leaves_none_of_the_session(
    api: ApiServer, open_client: Opener, session: Any
) -> None:
    api.json("/items", [{"id": 1}])
    session.auth = ("session", "hunter22")
    open_client(session=session, auth={"type": "custom_header", "name": "X-Key", "value": "k-123"}).get("items")
    assert [(None, "k-123")] == list(zip(sent(api, "authorization"), sent(api, "x-key"), strict=True))


def test_a_session_keeps_its_auth_where_the_config_has_none(api: ApiServer, open_client: Opener, session: Any) -> None:
    api.json("/items", [{"id": 1}])
    session.auth = ("session", "hunter22")
    open_client(session=session).get("items")
    assert [SESSION_BASIC] == sent(api, "authorization")


def test_a_token_is_asked_for_without_the_auth_of_the_session(
    api: ApiServer, open_client: Opener, session: Any
) -> None:
    api.post("/token")(lambda _: {"access_token": "tok-12345"})
    api.json("/items", [{"id": 1}])
    session.auth = ("session", "hunter22")
    auth = {
        "type": "oauth2_client_credentials",
        "access_token_url": f"{api.url}/token",
        "client_id": "us",
        "client_secret": "s3cret99",
    }
    open_client(session=session, auth=auth).get("items")
    assert [None, "Bearer tok-12345"] == sent(api, "authorization")


def test_a_netrc_file_does_not_replace_the_configs_auth(
    api: ApiServer, open_client: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests reads it for every host that has no auth of its own."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password hunter22\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    api.json("/items", [{"id": 1}])
    with requests.Session() as session:
        open_client(session=session, auth={"token": "tok-12345"}).get("items")
    assert ["Bearer tok-12345"] == sent(api, "authorization")


def test_user_and_password_of_the_url_do_not_replace_the_configs_auth(
    api: ApiServer, open_client: Opener, session: Any
) -> None:
    api.json("/items", [{"id": 1}])
    base = api.url.replace("://", "://user:hunter22@")
    open_client(base_url=base, session=session, auth={"token": "tok-12345"}).get("items")
    assert ["Bearer tok-12345"] == sent(api, "authorization")


def test_parameters_of_the_session_leave_those_of_the_request(
    api: ApiServer, open_client: Opener, session: Any
) -> None:
    """httpx puts a client's parameters in the place of a URL's: every page would be the first one."""
    rows = [{"id": n} for n in range(6)]

    @api.get("/items")
    def items(request: Request) -> Any:
        page = int(request.param("page") or 0)
        return {"data": rows[page * 2 : page * 2 + 2], "pages": 3} if request.param("team") else Reply(status=400)

    session.params = {"team": "7", "page": "0"}
    paginator = {"type": "page_number", "total_path": "pages"}
    pages = list(
        open_client(session=session, max_concurrency=1).paginate("items", params={"a": "x y/é"}, paginator=paginator)
    )
    assert rows == [row for page in pages for row in page]
    queries = [dict(parse_qsl(target.partition("?")[2], strict_parsing=True)) for target in api.targets()]
    assert [{"a": "x y/é", "page": str(n), "team": "7"} for n in range(3)] == queries


def test_a_key_in_the_query_goes_before_that_of_the_session(api: ApiServer, open_client: Opener, session: Any) -> None:
    api.json("/items", [{"id": 1}])
    session.params = {"api_key": "of-the-session"}
    auth = {"type": "api_key", "name": "api_key", "api_key": "k-123", "location": "query"}
    open_client(session=session, auth=auth).get("items")
    assert ["GET /items?api_key=k-123"] == api.targets()


def test_a_session_keeps_its_cookies_beside_those_that_the_api_sets(
    api: ApiServer, open_client: Opener, session: Any
) -> None:
    session.cookies.set("login", "of-the-session")
    api.get("/items")(lambda request: Reply(json=[], headers={"Set-Cookie": f"seen={len(api.requests)}; Path=/"}))
    client = open_client(session=session)
    for _ in range(3):
        client.get("items")
    cookies = [set((cookie or "").split("; ")) for cookie in sent(api, "Cookie")]
    assert [{"login=of-the-session", *seen} for seen in ((), ("seen=1",), ("seen=2",))] == cookies


def test_the_secrets_of_a_session_are_in_no_error(api: ApiServer, open_client: Opener, session: Any) -> None:
    session.auth = ("session", "hunter22")
    session.headers["X-Api-Key"] = "k-of-the-session"
    session.params = {"token": "t-of-the-session"}
    session.cookies.set("login", "c-of-the-session")
    told_again = ["hunter22", "you are c-of-the-session"]
    api.get("/items")(lambda request: Reply(status=400, json=[dict(request.headers), request.query, *told_again]))
    with pytest.raises(HttpError) as caught:
        open_client(session=session).get("items", raise_for_status=True)
    told = str(caught.value)
    assert "x-api-key" in told.lower()
    assert [] == [part for part in ("hunter22", "of-the-session", SESSION_BASIC) if part in told]


def test_a_body_over_the_limit_is_not_read_to_its_end(api: ApiServer, open_client: Opener, session: Any) -> None:
    pieces: list[int] = []

    def endless() -> Iterator[bytes]:
        for n in range(1000):
            pieces.append(n)
            yield b" " * 65536

    api.get("/items")(lambda _: Reply(body=endless()))
    with pytest.raises(ResponseTooLargeError):
        open_client(session=session, max_response_bytes=100_000).get("items")
    assert len(pieces) < 1000


@pytest.mark.parametrize("kind", [httpx.Client, httpx.AsyncClient])
def test_a_session_that_is_closed_is_an_error_of_ours(open_client: Opener, kind: Any) -> None:
    session = kind()
    asyncio.run(session.aclose()) if kind is httpx.AsyncClient else session.close()
    with pytest.raises(HttpError, match="client has been closed") as caught:
        open_client(session=session).get("items")
    assert "http_connection" == caught.value.code


def test_what_a_hook_of_a_session_raises_stays_what_it_is(api: ApiServer, open_client: Opener) -> None:
    def hook(_: httpx.Response) -> None:
        raise RuntimeError("a bug in the hook")

    api.json("/items", [])
    with httpx.Client(event_hooks={"response": [hook]}) as session, pytest.raises(RuntimeError, match="a bug in"):
        open_client(session=session).get("items")


@pytest.mark.parametrize("with_session", [True, False])
def test_a_response_tells_no_secret_of_its_request(
    api: ApiServer, open_client: Opener, session: Any, with_session: bool
) -> None:
    """httpx puts the whole URL into the error of `raise_for_status`, and the request into a pickle."""
    api.json("/items", Reply(status=404, json={"why": "none"}))
    auth = {"type": "api_key", "name": "u", "api_key": "s3cret-3", "location": "query"}
    client = open_client(auth=auth, headers={"X-Token": "s3cret-2"}, session=session if with_session else None)
    response = client.get("items")
    with pytest.raises(httpx.HTTPStatusError, match=r"404.*items\?u=\*\*\*") as caught:
        response.raise_for_status()
    assert response is caught.value.response
    assert "s3cret-3" in str(response.request.url)
    pickled = pickle.dumps(response)
    assert b"s3cret" not in pickled
    again = pickle.loads(pickled)
    assert (404, {"why": "none"}, "/items") == (again.status_code, again.json(), again.request.url.path)
