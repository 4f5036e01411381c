"""Scenario S65: credentials on requests, tokens fetched once and renewed in time."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from dagster_rest.config import EnvRef, load_config
from dagster_rest.config.request.render import RequestSpec
from dagster_rest.errors import RestError
from dagster_rest.http import (
    AuthConfigError,
    FetchOptions,
    FetchUnit,
    HttpAuthError,
    HttpConnectionError,
    RestClient,
    RetryLater,
    TokenError,
    register_auth,
)
from dagster_rest.http.auth.credentials import BearerAuth, create_auth
from dagster_rest.http.auth.secrets import check_secrets
from tests.support.server import ApiServer, Reply, Request

Opener = Callable[..., RestClient]
OAUTH = {"type": "oauth2_client_credentials", "client_id": "id-1", "client_secret": "secret-1"}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"token": "tok-1"}, "authorization", "Bearer tok-1"),
        ({"type": "bearer", "token": "tok-1"}, "authorization", "Bearer tok-1"),
        ({"type": "api_key", "api_key": "key-1"}, "authorization", "key-1"),
        ({"type": "api_key", "api_key": "key-1", "name": "X-Key"}, "x-key", "key-1"),
        ({"type": "http_basic", "username": "ü", "password": "p:w"}, "authorization", basic("ü:p:w")),
        ({"type": "custom_header", "name": "X-Token", "value": "val-1"}, "x-token", "val-1"),
        (("user", "pass"), "authorization", basic("user:pass")),
        (httpx.BasicAuth("user", "pass"), "authorization", basic("user:pass")),
    ],
)
def test_s65_headers(api: ApiServer, open_client: Opener, auth: Any, header: str, value: str) -> None:
    api.json("/items", [])
    open_client(auth=auth, headers={"Authorization": "old", "X-Key": "old"}).get("items")
    assert value == api.requests[0].headers[header]


@pytest.mark.parametrize("location", ["query", "param"])
def test_s65_an_api_key_in_the_query_stands_there_once(api: ApiServer, open_client: Opener, location: str) -> None:
    """dlt: twice, when a next link repeats it."""
    api.replies(
        "/items", [{"data": [{"id": 1}], "next": "/items?page=2&key=key-1"}, {"data": [{"id": 2}], "next": None}]
    )
    client = open_client(auth={"type": "api_key", "api_key": "key-1", "name": "key", "location": location})
    list(client.paginate("items", paginator="json_link"))
    assert ["GET /items?key=key-1", "GET /items?page=2&key=key-1"] == api.targets()


def test_s65_an_api_key_in_a_cookie(api: ApiServer, open_client: Opener) -> None:
    """dlt: NotImplementedError."""
    api.json("/items", [])
    auth = {"type": "api_key", "api_key": "key-1", "name": "session", "location": "cookie"}
    open_client(auth=auth, headers={"Cookie": "a=b; session=old; z=y"}).get("items")
    assert "a=b; z=y; session=key-1" == api.requests[0].headers["cookie"]


def test_s65_digest(api: ApiServer, open_client: Opener) -> None:
    challenge = Reply(status=401, json={}, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'})
    api.get("/items")(lambda r: [] if r.headers.get("authorization", "").startswith("Digest ") else challenge)
    assert 200 == open_client(auth={"type": "digest", "username": "u", "password": "p"}).get("items").status_code


@pytest.mark.parametrize(("auth", "sent"), [(None, None), ({"token": "own"}, "Bearer own")])
def test_s65_an_auth_of_one_call(api: ApiServer, open_client: Opener, auth: Any, sent: str | None) -> None:
    api.json("/items", [])
    client = open_client(auth={"token": "client"})
    client.get("items", auth=auth)
    list(client.paginate("items", auth=auth))
    list(client.fetch([FetchUnit(RequestSpec(path="items"), index=0)], options=FetchOptions(auth=auth)))
    assert [sent] * 3 == [request.headers.get("authorization") for request in api.requests]


class HeaderAuth(httpx.Auth):
    def __init__(self, value: str = "c") -> None:
        self.value = value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["X-Own"] = self.value
        yield request


class CallableAuth:
    def __call__(self, request: httpx.Request) -> httpx.Request:
        request.headers["X-Own"] = "called"
        return request


def another_request(request: httpx.Request) -> httpx.Request:
    return httpx.Request(request.method, f"{request.url}?own=1", headers=request.headers)


def the_same_request_in_place(request: httpx.Request) -> None:
    request.url = request.url.copy_set_param("own", "1")


@pytest.mark.parametrize("auth", [another_request, the_same_request_in_place])
def test_a_callable_auth_may_give_another_request_or_none(api: ApiServer, open_client: Opener, auth: Any) -> None:
    api.json("/items", [])
    open_client(auth=auth).get("items")
    assert ["GET /items?own=1"] == api.targets()


def test_a_token_that_is_no_text_is_refused() -> None:
    with pytest.raises(AuthConfigError, match="int, not text"):
        BearerAuth(5)  # type: ignore[arg-type]


def test_a_silent_token_endpoint_runs_out_of_time(api: ApiServer, open_client: Opener) -> None:
    """By the time-out of a silence, long before that of the whole response."""
    api.json("/token", Reply(fault="silence"), method="POST")
    auth = {**OAUTH, "access_token_url": f"{api.url}/token"}
    with pytest.raises(HttpConnectionError, match="/token") as caught:
        open_client(auth=auth, timeout={"read": 0.2, "total": 5}, retry={"attempts": 1}).get("items")
    assert ("http_timeout", False) == (caught.value.code, "no whole response" in caught.value.message)


def test_custom_auth_as_instance_callable_and_by_name(api: ApiServer, open_client: Opener) -> None:
    register_auth("own_header", HeaderAuth)
    api.json("/items", [])
    for auth in (HeaderAuth("a"), CallableAuth(), {"type": "own_header", "value": "b"}, "own_header"):
        open_client(auth=auth).get("items")
    assert ["a", "called", "b", "c"] == [request.headers["x-own"] for request in api.requests]


@pytest.mark.parametrize("auth", [5, ("user-1",), ("user-1", "pass-1", "more-1")])
def test_what_is_no_auth_is_refused(open_client: Opener, auth: Any) -> None:
    with pytest.raises(AuthConfigError):
        open_client(auth=auth).get("items")


class TokenServer:
    """A token endpoint and an API that wants its newest token."""

    def __init__(self, api: ApiServer, **answer: Any) -> None:
        self.issued: list[str] = []
        self.forms: list[dict[str, list[str]]] = []
        self.valid: set[str] = set()
        self.answer = answer
        api.post("/token")(self.token)
        api.get("/items")(self.items)

    def token(self, request: Request) -> Any:
        from urllib.parse import parse_qs

        self.forms.append(parse_qs(request.body.decode()))
        token = f"token-{len(self.forms)}"
        self.issued.append(token)
        self.valid = {token}
        return {"access_token": token, **self.answer}

    def items(self, request: Request) -> Any:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return [{"id": 1}] if token in self.valid else Reply(status=401, json={"error": "expired"})


def units(count: int) -> list[FetchUnit]:
    return [FetchUnit(RequestSpec(path="items", params={"n": n}), index=n) for n in range(count)]


def test_s65_one_token_for_all_concurrent_requests(api: ApiServer, open_client: Opener) -> None:
    """dlt: one for each resource."""
    server = TokenServer(api, expires_in=3600)
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    for _ in range(2):
        list(client.fetch(units(20), options=FetchOptions(paginator="single_page")))
    assert 1 == len(server.issued)
    form = {"grant_type": ["client_credentials"], "client_id": ["id-1"], "client_secret": ["secret-1"]}
    assert form == server.forms[0]
    headers = api.requests[0].headers
    assert ("application/x-www-form-urlencoded", "application/json") == (headers["content-type"], headers["accept"])
    assert "***" == client.redactor.redact("token-1")


def test_s65_a_token_that_expires_at_once_is_renewed_for_every_request(api: ApiServer, open_client: Opener) -> None:
    server = TokenServer(api, expires_in=0)
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    for _ in range(3):
        client.get("items")
    assert 3 == len(server.issued)


def test_s65_a_token_is_renewed_before_it_expires(api: ApiServer, open_client: Opener) -> None:
    server = TokenServer(api, expires_in=2)
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token", "refresh_margin": 3600})
    client.get("items")
    client.get("items")
    assert 1 == len(server.issued), "the margin is at most half of the life of a token"


@pytest.mark.parametrize(
    ("said", "options", "end"),
    [
        ({"expires_in": 3600}, {}, 3540),
        ({"expires_in": 3600}, {"refresh_margin": 600}, 3000),
        ({"expires_in": 100}, {"refresh_margin": 3600}, 50),
        ({}, {"default_token_expiration": 1000, "refresh_margin": 0}, 1000),
    ],
)
def test_s65_a_token_is_renewed_by_its_margin_before_it_expires(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch, said: Any, options: Any, end: float
) -> None:
    now = [5000.0]
    monkeypatch.setattr("dagster_rest.http.auth.oauth.time", SimpleNamespace(monotonic=lambda: now[0]))
    server = TokenServer(api, **said)
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token", **options})
    issued = []
    for moment in (0, end - 1, end):
        now[0] = 5000.0 + moment
        client.get("items")
        issued.append(len(server.issued))
    assert [1, 1, 2] == issued


def test_s65_a_401_renews_the_token_once(api: ApiServer, open_client: Opener) -> None:
    """dlt: an error."""
    server = TokenServer(api, expires_in=3600)
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    client.get("items")
    server.valid = set()
    assert 20 == len(list(client.fetch(units(20), options=FetchOptions(paginator="single_page"))))
    assert 2 == len(server.issued)


def test_s65_a_second_401_is_an_error(api: ApiServer, open_client: Opener) -> None:
    TokenServer(api)
    api.json("/items", Reply(status=401, json={"error": "no"}))
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    with pytest.raises(HttpAuthError) as caught:
        list(client.paginate("items"))
    assert (401, "http_auth") == (caught.value.status_code, caught.value.code)
    assert ["POST /token", "GET /items", "POST /token", "GET /items"] == api.targets()


def test_s65_a_preset_token_is_used(api: ApiServer, open_client: Opener) -> None:
    """dlt: ignored."""
    server = TokenServer(api)
    server.valid = {"preset-1"}
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token", "access_token": "preset-1"})
    client.get("items")
    assert [] == server.issued


def test_s65_more_fields_and_basic_in_the_token_request(api: ApiServer, open_client: Opener) -> None:
    server = TokenServer(api)
    more = {"scope": "read write", "grant_type": "password", "audience": "a"}
    url = f"{api.url}/token"
    open_client(auth={**OAUTH, "access_token_url": url, "access_token_request_data": more, "client_auth": "basic"}).get(
        "items"
    )
    assert {"grant_type": ["password"], "scope": ["read write"], "audience": ["a"]} == server.forms[0]
    assert basic("id-1:secret-1") == api.requests[0].headers["authorization"]


@pytest.mark.parametrize("status", [400, 402, 403, 404])
def test_s65_no_new_token_is_fetched_for_another_error_than_401(
    api: ApiServer, open_client: Opener, status: int
) -> None:
    server = TokenServer(api)
    api.json("/items", Reply(status=status, json={}))
    open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")
    assert (1, 2) == (len(server.issued), len(api.requests))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=401, json={"error": "invalid_client"}),
        Reply(status=400, json={"error": {"code": 7}}),
        {"token": "x"},
        Reply(body=b"<html>"),
    ],
)
def test_s65_a_token_endpoint_that_refuses(api: ApiServer, open_client: Opener, reply: Any) -> None:
    api.json("/token", reply, method="POST")
    with pytest.raises(TokenError) as caught:
        open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")
    assert "http_token" == caught.value.code
    assert 1 == len(api.requests)


def test_s65_a_token_endpoint_that_is_down_for_a_moment(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", [])
    api.replies("/token", [Reply(status=503, json={}), {"access_token": "token-1"}], method="POST")
    assert 200 == open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items").status_code


def test_a_refresh_token_is_replaced_by_the_newest(api: ApiServer, open_client: Opener) -> None:
    server = TokenServer(api, expires_in=0, refresh_token="refresh-2")
    auth = {"type": "oauth2_refresh_token", "access_token_url": f"{api.url}/token", "refresh_token": "refresh-1"}
    client = open_client(auth=auth)
    client.get("items")
    client.get("items")
    assert [["refresh-1"], ["refresh-2"]] == [form["refresh_token"] for form in server.forms]
    assert "***" == client.redactor.redact("refresh-2")


@pytest.mark.parametrize(
    ("secret", "fields", "header"),
    [
        ({}, {"client_id": ["id-1"]}, None),
        ({"client_secret": "s-1"}, {"client_id": ["id-1"], "client_secret": ["s-1"]}, None),
        ({"client_secret": "s-1", "client_auth": "basic"}, {}, basic("id-1:s-1")),
    ],
)
def test_a_refresh_token_with_the_id_of_a_client(
    api: ApiServer, open_client: Opener, secret: Any, fields: Any, header: str | None
) -> None:
    server = TokenServer(api)
    auth = {"type": "oauth2_refresh_token", "access_token_url": f"{api.url}/token", "refresh_token": "refresh-1"}
    open_client(auth={**auth, "client_id": "id-1", **secret}).get("items")
    assert {"grant_type": ["refresh_token"], "refresh_token": ["refresh-1"], **fields} == server.forms[0]
    assert header == api.requests[0].headers.get("authorization")


def test_a_signed_jwt_is_exchanged_for_a_token(api: ApiServer, open_client: Opener) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"phrase"),
    ).decode()
    server = TokenServer(api)
    auth = {
        "type": "oauth2_jwt",
        "access_token_url": f"{api.url}/token",
        "private_key": pem,
        "private_key_passphrase": "phrase",
        "client_id": "me@example.com",
        "scopes": ["a", "b"],
        "key_id": "kid-1",
    }
    assert 200 == open_client(auth=auth).get("items").status_code
    form = server.forms[0]
    assert ["urn:ietf:params:oauth:grant-type:jwt-bearer"] == form["grant_type"]
    token = jwt.decode(form["assertion"][0], RSAKey.import_key(key), algorithms=["RS256"])
    assert "kid-1" == token.header["kid"]
    claims = {name: token.claims[name] for name in ("iss", "sub", "aud", "scope")}
    assert {"iss": "me@example.com", "sub": "me@example.com", "aud": f"{api.url}/token", "scope": "a b"} == claims


def test_a_signed_jwt_says_what_the_config_says(api: ApiServer, open_client: Opener) -> None:
    from joserfc import jwt
    from joserfc.jwk import OctKey

    secret = "a-secret-that-is-32-bytes-or-more"
    server = TokenServer(api)
    auth = {
        "type": "oauth2_jwt",
        "access_token_url": f"{api.url}/token",
        "private_key": secret,
        "algorithm": "HS256",
        "client_id": "me-1",
        "subject": "robot-1",
        "audience": "https://audience",
        "scopes": "a b",
        "headers": {"X-Tenant": 7},
        "claims": {"tenant": "t-1"},
        "assertion_lifetime": 120,
    }
    open_client(auth=auth).get("items")
    token = jwt.decode(server.forms[0]["assertion"][0], OctKey.import_key(secret), algorithms=["HS256"])
    claims = dict(token.claims)
    assert 120 == claims.pop("exp") - claims.pop("iat")
    said = {"iss": "me-1", "sub": "robot-1", "aud": "https://audience", "scope": "a b", "tenant": "t-1"}
    assert said == {name: claims[name] for name in said}
    assert (False, "7") == ("kid" in token.header, api.requests[0].headers["x-tenant"])


def test_a_key_that_cannot_sign_is_an_error(open_client: Opener) -> None:
    auth = {"type": "oauth2_jwt", "access_token_url": "http://127.0.0.1:1/t", "private_key": "no", "client_id": "x-1"}
    with pytest.raises(AuthConfigError, match="cannot be signed"):
        open_client(auth=auth).get("items")


def test_a_session_of_ones_own_asks_for_the_token(api: ApiServer, open_client: Opener) -> None:
    server = TokenServer(api)
    with httpx.Client(headers={"X-Session": "own"}) as session:
        open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token", "session": session}).get("items")
    assert ("own", 1) == (api.requests[0].headers["x-session"], len(server.issued))


def test_environment_references_are_looked_up_when_the_client_is_made(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "from-env-1")
    config = load_config({"client": {"base_url": api.url, "auth": {"token": "x"}}, "resources": []})
    client_config = config.client.model_copy(update={"headers": {"X-Token": EnvRef("Key ${API_TOKEN}")}})
    api.json("/items", [])
    with RestClient.from_config(client_config) as client:
        client.get("items")
        assert "***" == client.redactor.redact("Key from-env-1")
    assert "Key from-env-1" == api.requests[0].headers["x-token"]


@pytest.mark.parametrize("said", [None, "", "soon", "nan", "1e400", -5])
def test_a_life_that_is_no_number_is_the_default(api: ApiServer, open_client: Opener, said: Any) -> None:
    """One token, not one for each request; a life below zero is over at once."""
    server = TokenServer(api, expires_in=said)
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    for _ in range(3):
        client.get("items")
    assert (3 if said == -5 else 1) == len(server.issued)


def test_a_life_as_text_is_read(api: ApiServer, open_client: Opener) -> None:
    server = TokenServer(api, expires_in="0")
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    for _ in range(2):
        client.get("items")
    assert 2 == len(server.issued)


@pytest.mark.parametrize("token", [None, "", "  ", 7, True, ["tok-1"], {"value": "tok-1"}])
def test_what_is_no_token_is_not_sent(api: ApiServer, open_client: Opener, token: Any) -> None:
    api.json("/token", {"access_token": token, "expires_in": 60}, method="POST")
    api.json("/items", [])
    with pytest.raises(TokenError, match="access_token"):
        open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")
    assert ["POST /token"] == api.targets()


@pytest.mark.parametrize("status", [200, 400])
def test_the_reason_of_the_token_endpoint_is_shown_without_secrets(
    api: ApiServer, open_client: Opener, status: int
) -> None:
    told = {"error": "invalid_scope", "error_description": "scope `orders` is not granted to secret-1"}
    api.json("/token", Reply(status=status, json=told), method="POST")
    with pytest.raises(TokenError) as caught:
        open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")
    assert "invalid_scope: scope `orders` is not granted to ***" in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"5", b"null", b"", b"[" * 50_000, b"\xff"])
def test_an_answer_of_the_token_endpoint_that_is_no_object(api: ApiServer, open_client: Opener, body: bytes) -> None:
    api.json("/token", Reply(body=body), method="POST")
    with pytest.raises(TokenError, match="not a JSON object"):
        open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/login?state=s3cret-state", "{url}/login", "//{host}/login"])
def test_a_redirect_of_the_token_endpoint_is_not_followed_and_names_its_address(
    api: ApiServer, open_client: Opener, status: int, location: str
) -> None:
    """httpx and requests make a GET of most of them, and lose the form."""
    address = location.format(url=api.url, host=f"{api.host}:{api.port}")
    api.json("/token", Reply(status=status, json={}, headers={"Location": address}), method="POST")
    with pytest.raises(TokenError, match=f"answered {status}") as caught:
        open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")
    assert f"redirect to {api.url}/login" in str(caught.value)
    assert "s3cret-state" not in str(caught.value)
    assert "access_token_url" in str(caught.value.hint)
    assert ["POST /token"] == api.targets()


@pytest.mark.parametrize("location", [None, ""])
def test_a_redirect_of_the_token_endpoint_without_an_address(
    api: ApiServer, open_client: Opener, location: str | None
) -> None:
    headers = {} if location is None else {"Location": location}
    api.json("/token", Reply(status=307, json={}, headers=headers), method="POST")
    with pytest.raises(TokenError, match="answered 307, a redirect to nowhere"):
        open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")


def test_the_wait_that_a_token_endpoint_asks_for_is_kept(api: ApiServer, open_client: Opener) -> None:
    """Longer than `max_wait`: Dagster runs the step again then, and nothing is asked before."""
    api.json("/token", Reply(status=429, json={}, headers={"Retry-After": "90"}), method="POST")
    with pytest.raises(RetryLater) as caught:
        open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")
    assert (90, ["POST /token"]) == (caught.value.seconds, api.targets())


def test_a_short_wait_of_a_token_endpoint_is_slept_through(api: ApiServer, open_client: Opener) -> None:
    busy = Reply(status=400, json={"error": "slow_down"}, headers={"Retry-After": "1"})
    api.replies("/token", [busy, {"access_token": "token-1"}], method="POST")
    api.json("/items", [])
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    began = time.monotonic()
    client.get("items")
    assert time.monotonic() - began >= 1
    assert 1 == client.stats.retries


UNSENT: list[tuple[Any, str]] = [
    ({"token": ""}, "auth.token"),
    ({"token": "  "}, "auth.token"),
    ({"type": "api_key", "api_key": ""}, "auth.api_key"),
    ({"type": "custom_header", "name": "X-Key", "value": ""}, "auth.value"),
    ({"type": "http_basic", "username": "", "password": ""}, "auth"),
    (("", ""), "auth"),
    ({**OAUTH, "access_token_url": "http://127.0.0.1:1/t", "client_id": ""}, "auth.client_id"),
    ({"token": "${TOKEN}"}, "auth.token"),
    ({"token": "a${TOKEN}b"}, "auth.token"),
    ({"type": "custom_header", "name": "X-Key", "value": "Key ${TOKEN}"}, "auth.value"),
    (("user", "${PASSWORD}"), "auth.password"),
    (
        {**OAUTH, "access_token_url": "http://127.0.0.1:1/t", "access_token_request_data": {"scope": "${SCOPE}"}},
        "auth.access_token_request_data.scope",
    ),
]


@pytest.mark.parametrize(("auth", "where"), UNSENT, ids=[str(number) for number in range(len(UNSENT))])
def test_what_is_no_secret_is_never_sent(api: ApiServer, open_client: Opener, auth: Any, where: str) -> None:
    api.json("/items", [])
    with pytest.raises(RestError) as caught:
        create_auth(auth)
    # A literal may be refused earlier, by the config.
    if isinstance(caught.value, AuthConfigError):
        assert ("http_auth_config", where) == (caught.value.code, caught.value.where)
        assert caught.value.hint
    with pytest.raises(RestError):
        open_client(auth=auth).get("items")
    assert [] == api.requests


@pytest.mark.parametrize(("auth", "where"), UNSENT, ids=[str(number) for number in range(len(UNSENT))])
def test_what_is_no_secret_is_never_sent_whoever_made_the_config(auth: Any, where: str) -> None:
    """A model whose references were replaced by hand is not checked by the config any more."""
    fields = {"username": auth[0], "password": auth[1]} if isinstance(auth, tuple) else auth
    with pytest.raises(AuthConfigError) as caught:
        check_secrets(fields)
    assert ("http_auth_config", where) == (caught.value.code, caught.value.where)


@pytest.mark.parametrize("value", ["$TOKEN", "${TOKEN}", "Bearer $TOKEN"])
def test_a_variable_that_holds_no_value_is_never_sent(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """A variable whose own value nothing has expanded, as a container's may be."""
    monkeypatch.setenv("SHOP_TOKEN", value)
    api.json("/items", [])
    with pytest.raises(AuthConfigError) as caught:
        open_client(auth={"token": EnvRef("${SHOP_TOKEN}")}).get("items")
    assert ("http_auth_config", []) == (caught.value.code, api.requests)
    assert value not in caught.value.message


@pytest.mark.parametrize("value", ["", "   "])
def test_a_variable_that_is_set_and_empty_is_an_error(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", value)
    api.json("/items", [])
    with pytest.raises(RestError, match="empty"):
        open_client(auth={"token": EnvRef("${SHOP_TOKEN}")}).get("items")
    assert [] == api.requests


@pytest.mark.parametrize("password", ["$ecret1", "$ECRET", "%pass%", "pa$$word"])
def test_a_password_from_the_environment_may_look_like_anything(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", password)
    api.json("/items", [])
    open_client(auth={"type": "http_basic", "username": "u", "password": EnvRef("${SHOP_PASSWORD}")}).get("items")
    assert basic(f"u:{password}") == api.requests[0].headers["authorization"]


@pytest.mark.parametrize(
    "auth", [("key-1", ""), ("", "key-1"), ("user", "$ecret"), ("user", "pa$$WORD"), ("u", "$1{X}")]
)
def test_passwords_as_they_are_are_sent(api: ApiServer, open_client: Opener, auth: tuple[str, str]) -> None:
    api.json("/items", [])
    open_client(auth=auth).get("items")
    assert basic(":".join(auth)) == api.requests[0].headers["authorization"]


@pytest.mark.parametrize("where", ["client.headers", "client.params", "headers", "params"])
def test_a_telling_name_with_the_name_of_a_variable_is_never_sent(
    api: ApiServer, open_client: Opener, where: str
) -> None:
    place, _, part = where.rpartition(".")
    values = {part: {"Authorization": "Bearer ${TOKEN}"}} if part == "headers" else {part: {"api_key": "$TOKEN"}}
    with pytest.raises(AuthConfigError) as caught:
        open_client(**(values if place else {})).get("items", **({} if place else values))
    assert str(caught.value.where).startswith(f"{where}.")
    assert [] == api.requests
