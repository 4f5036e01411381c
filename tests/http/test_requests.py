"""Scenarios S68 and S69: what goes over the wire."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Callable
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from dagster_rest.config import ConfigError, EnvRef
from dagster_rest.http import HttpConnectionError, HttpError, RestClient
from dagster_rest.http.request import join_url
from tests.support.server import ApiServer, Reply

Opener = Callable[..., RestClient]
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("data", "body", "content_type"),
    [
        ({"a": 1, "b": "x y"}, b"a=1&b=x+y", FORM),
        ([("a", "1"), ("a", "2")], b"a=1&a=2", FORM),
        ("raw {text}", b"raw {text}", None),
        (b"\x00\x01", b"\x00\x01", None),
        ({}, b"", None),
    ],
)
def test_s68_data(api: ApiServer, client: RestClient, data: Any, body: bytes, content_type: str | None) -> None:
    api.json("/items", [], method="POST")
    client.post("items", data=data)
    assert (body, content_type) == (api.requests[0].body, api.requests[0].headers.get("content-type"))


@pytest.mark.parametrize(
    ("json", "body"),
    [
        ({}, b"{}"),
        ([1], b"[1]"),
        ({"d": Decimal("1.10")}, b'{"d":"1.10"}'),
        ({"d": datetime.date(2026, 1, 2)}, b'{"d":"2026-01-02"}'),
        ({"ü": 1}, '{"ü":1}'.encode()),
    ],
)
def test_s68_json_also_on_get(api: ApiServer, client: RestClient, json: Any, body: bytes) -> None:
    api.json("/items", [])
    client.get("items", json=json)
    assert (body, "application/json") == (api.requests[0].body, api.requests[0].headers["content-type"])


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), b"bytes", {1, 2}, object()])
def test_s68_what_json_cannot_hold_is_never_sent(api: ApiServer, client: RestClient, value: Any) -> None:
    with pytest.raises(HttpError) as caught:
        client.post("items", json={"a": [value]})
    assert ("http_request_invalid", []) == (caught.value.code, api.requests)


def test_s68_no_json_is_no_body(api: ApiServer, client: RestClient) -> None:
    api.json("/items", [])
    client.get("items")
    assert (b"", None) == (api.requests[0].body, api.requests[0].headers.get("content-type"))


def test_s68_json_and_data_exclude_each_other(client: RestClient) -> None:
    with pytest.raises(HttpError, match="both"):
        client.post("items", json={"a": 1}, data={"b": 1})


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"a": [1, 2], "b": None, "c": True, "d": 1.0, "e": "x y%&"}, "a=1&a=2&c=True&d=1.0&e=x+y%25%26"),
        ({"ü": "ß"}, "%C3%BC=%C3%9F"),
    ],
)
def test_params_as_dlt_sends_them(api: ApiServer, client: RestClient, params: Any, query: str) -> None:
    api.json("/items", [])
    client.get("items", params=params)
    assert [f"GET /items?{query}"] == api.targets()


def test_params_join_a_query_in_the_path(api: ApiServer, client: RestClient) -> None:
    api.json("/items", [])
    client.get("items?a=1", params={"b": 2})
    assert ["GET /items?a=1&b=2"] == api.targets()


def test_a_path_goes_out_as_it_is_encoded(api: ApiServer, client: RestClient) -> None:
    """aiohttp alone would decode `%3A` and `%7E`."""
    api.json("/items/{id}", [])
    client.get("items/a%20b%2Fc%3Fd%23%C3%A9%3A%7E")
    assert ["GET /items/a%20b%2Fc%3Fd%23%C3%A9%3A%7E"] == api.targets()


def test_headers_of_a_request_go_over_the_clients(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", [])
    open_client(headers={"X-A": "1", "x-b": "1"}).get("items", headers={"X-B": "2"})
    assert ("1", "2") == (api.requests[0].headers["x-a"], api.requests[0].headers["x-b"])
    assert api.requests[0].headers["user-agent"].startswith("dagster-rest/")


def test_environment_references_of_a_client_are_looked_up(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "key-from-env")
    api.json("/items", [])
    client = open_client(headers={"X-Key": EnvRef("${API_KEY}")}, params={"k": EnvRef("${API_KEY}")})
    client.get("items")
    assert ("key-from-env", ["key-from-env"]) == (api.requests[0].headers["x-key"], api.requests[0].query["k"])
    assert "***" == client.redactor.redact("key-from-env")


def test_client_params_are_sent_unless_the_url_has_them(api: ApiServer, open_client: Opener) -> None:
    api.replies("/items", [{"data": [{"id": 1}], "next": "/items?v=2&page=2"}, {"data": [{"id": 2}], "next": None}])
    list(open_client(params={"v": 1}).paginate("items", params={"a": 1}, paginator="json_link"))
    assert ["GET /items?a=1&v=1", "GET /items?v=2&page=2"] == api.targets()


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("http://h/v1", "x", "http://h/v1/x"),
        ("http://h/v1/", "/x", "http://h/v1/x"),
        ("http://h/v1//", "//x", "http://h/v1/x"),
        ("http://h/v1", "", "http://h/v1"),
        ("http://h/v1/", "", "http://h/v1/"),
        ("http://h/v1/", "x/", "http://h/v1/x/"),
        ("http://h/v1", "https://other/x", "https://other/x"),
        ("", "http://h/x", "http://h/x"),
        ("http://h/v1?z=1", "x", "http://h/v1/x?z=1"),
        ("http://h/v1?z=1", "x?a=2", "http://h/v1/x?a=2&z=1"),
        ("http://h/v1", "?a=1", "http://h/v1?a=1"),
    ],
)
def test_s10_urls_are_joined_with_one_slash(base: str, path: str, url: str) -> None:
    assert url == join_url(base, path)


def test_s69_a_transport_of_ones_own_is_used_for_every_call(open_client: Opener) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        following = "http://api.test/items?page=2" if "page" not in str(request.url) else None
        return httpx.Response(200, json={"data": [{"u": len(seen)}], "next": following})

    client = open_client("http://api.test", transport=httpx.MockTransport(answer))
    client.get("items?page=0")
    list(client.paginate("items"))
    assert ["http://api.test/items?page=0", "http://api.test/items", "http://api.test/items?page=2"] == seen


def test_s69_a_session_of_ones_own_is_used(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", [])
    session = httpx.AsyncClient(headers={"X-Session": "own"}, trust_env=False)
    client = open_client(session=session)
    client.get("items")
    assert "own" == api.requests[0].headers["x-session"]
    client.connection.loop.run(session.aclose())


@pytest.mark.parametrize("make", [httpx.Client, requests.Session])
def test_s69_a_synchronous_session_is_used_for_every_call(api: ApiServer, open_client: Opener, make: Any) -> None:
    api.pages("/items", [{"id": 1}, {"id": 2}], size=1, style="json_link")
    with make() as session:
        session.headers["X-Session"] = "own"
        client = open_client(session=session, auth={"token": "tok-1"})
        rows = [row for page in client.paginate("items", params={"a": 1}) for row in page]
    assert [{"id": 1}, {"id": 2}] == rows
    assert [("own", "Bearer tok-1")] * 2 == [(r.headers["x-session"], r.headers["authorization"]) for r in api.requests]


def test_s69_what_is_no_session_is_refused(open_client: Opener) -> None:
    with pytest.raises(HttpError, match="not a session"):
        open_client(session=5).get("x")


@pytest.mark.parametrize("timeout", [0.2, {"read": 0.2}])
def test_s69_the_timeout_is_honoured(api: ApiServer, open_client: Opener, timeout: Any) -> None:
    api.json("/items", Reply(fault="silence"))
    with pytest.raises(HttpConnectionError) as caught:
        open_client(timeout=timeout, retry={"attempts": 2}).get("items")
    assert ("http_timeout", 2) == (caught.value.code, len(api.requests))


def test_a_mapping_of_timeouts_is_read_like_that_of_a_config(open_client: Opener) -> None:
    sender = open_client(timeout={"read": "30s", "total": 90}).connection.sender
    assert httpx.Timeout(connect=60, read=30, write=60, pool=None) == sender.builder.http.timeout
    assert 90 == sender.max_seconds


def test_a_mapping_of_timeouts_with_another_key_is_an_error(open_client: Opener) -> None:
    with pytest.raises(ConfigError, match="Did you mean `read`"):
        open_client(timeout={"reed": 3}).get("x")


def test_without_a_base_url_a_relative_path_is_refused() -> None:
    with RestClient() as client, pytest.raises(HttpError, match="not an http"):
        client.get("items")


def test_a_closed_client_says_so(client: RestClient) -> None:
    client.close()
    with pytest.raises(HttpError, match="closed"):
        client.get("items")


def test_hooks_see_and_may_replace_every_response(api: ApiServer, client: RestClient) -> None:
    api.pages("/items", [{"id": 1}, {"id": 2}], size=1, style="json_link")
    seen: list[str] = []

    def hook(response: httpx.Response) -> httpx.Response:
        seen.append(str(response.url))
        body = response.json()
        return httpx.Response(200, json={**body, "data": [{"id": 0, "n": len(seen)}]}, request=response.request)

    pages = list(client.paginate("items", hooks={"response": [hook]}))
    assert [[{"id": 0, "n": 1}], [{"id": 0, "n": 2}]] == pages
    assert [f"{api.url}/items", f"{api.url}/items?page=2"] == seen


def test_pages_carry_request_response_paginator_and_auth(api: ApiServer, open_client: Opener) -> None:
    api.pages("/items", [{"id": 1}, {"id": 2}], size=1, style="json_link")
    page = list(open_client(auth={"token": "tok-1"}).paginate("items", paginator="json_link"))[1]
    assert page.request is not None
    assert page.response is not None
    assert (f"{api.url}/items?page=2", 200) == (page.request.url, page.response.status_code)
    assert "json_link(next_url_path='next')" == page.paginator.describe()  # type: ignore[union-attr]
    assert "BearerAuth" == type(page.auth).__name__


def test_a_proxy_is_asked(api: ApiServer, open_client: Opener) -> None:
    """A proxy gets the whole URL as the target."""
    client = open_client("http://api.invalid", proxy=api.url)
    client.get("items")
    assert ["GET http://api.invalid/items"] == api.targets()


def test_the_environments_proxy_is_asked(api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", api.url)
    monkeypatch.setenv("no_proxy", "direct.invalid")
    open_client("http://api.invalid").get("items")
    assert ["GET http://api.invalid/items"] == api.targets()
    with pytest.raises(HttpConnectionError):
        open_client("http://direct.invalid", retry={"attempts": 1}).get("items")


def test_a_certificate_that_nobody_signed_is_refused_unless_verify_is_off(tmp_path: Path, open_client: Opener) -> None:
    with TlsServer(tmp_path) as server:
        with pytest.raises(HttpConnectionError, match=r"(?i)certificate"):
            open_client(server.url, retry={"attempts": 1}).get("x")
        for verify in (False, str(server.certificate)):
            assert [1] == open_client(server.url, verify=verify).get("x").json()


class TlsServer:
    """One answer over TLS, with a certificate of its own making."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "cert.pem", folder / "key.pem"
        self._write_certificate()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        self._server = HTTPServer(("127.0.0.1", 0), _Answer)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> TlsServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _write_certificate(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"[1]")

    def log_message(self, format: str, *args: Any) -> None:
        pass
