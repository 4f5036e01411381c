"""TLS over real sockets: whom a client trusts, and as whom it comes."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.http import HttpConnectionError, HttpError, RestClient
from dagster_rest.http.transport.tls import CA_VARIABLES
from tests.support.certificates import PASSWORD, Authority
from tests.support.raw import RawServer, answer
from tests.support.server import ApiServer, Reply
from tests.support.tunnel import Tunnel

Opener = Callable[..., RestClient]
ROWS = [{"id": 1}]


@pytest.fixture(autouse=True)
def no_bundle_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server(authority: Authority) -> Iterator[RawServer]:
    with RawServer(answer(b'[{"id": 1}]'), context=authority.server_context()) as running:
        yield running


@pytest.fixture
def strict(authority: Authority) -> Iterator[RawServer]:
    """A server that wants a client certificate."""
    context = authority.server_context(wants_client=True)
    with RawServer(answer(b'[{"id": 1}]'), context=context) as running:
        yield running


@pytest.fixture
def tunnel() -> Iterator[Tunnel]:
    with Tunnel() as running:
        yield running


def test_a_client_certificate_is_presented(open_client: Opener, authority: Authority, strict: RawServer) -> None:
    pair = authority.issue("night-loader")
    client = open_client(strict.url, verify=str(authority.file), cert=(str(pair.certificate), str(pair.key)))
    assert ROWS == client.get("items").json()
    assert ["night-loader"] == strict.peers


def test_a_client_certificate_is_presented_by_every_form(
    open_client: Opener, authority: Authority, strict: RawServer
) -> None:
    plain, hidden = authority.issue("plain"), authority.issue("hidden", password=PASSWORD)
    forms: list[Any] = [
        str(plain.both),
        (str(plain.both),),
        (str(hidden.certificate), str(hidden.key), PASSWORD),
        [str(hidden.certificate), str(hidden.key), PASSWORD],
    ]
    for cert in forms:
        open_client(strict.url, verify=str(authority.file), cert=cert).get("items")
    assert ["plain", "plain", "hidden", "hidden"] == strict.peers


def test_a_client_certificate_goes_through_a_proxy(
    open_client: Opener, authority: Authority, strict: RawServer, tunnel: Tunnel
) -> None:
    """A proxy uses httpx's own transport, which has to have the same certificate."""
    pair = authority.issue("night-loader")
    client = open_client(
        strict.url, verify=str(authority.file), cert=(str(pair.certificate), str(pair.key)), proxy=tunnel.url
    )
    assert ROWS == client.get("items").json()
    assert (["night-loader"], 1) == (strict.peers, len(tunnel.connects))


def test_a_proxy_does_not_get_the_client_certificate(
    open_client: Opener, authority: Authority, strict: RawServer
) -> None:
    pair = authority.issue("night-loader")
    cert = (str(pair.certificate), str(pair.key))
    options: dict[str, Any] = {"proxy": strict.url, "retry": {"attempts": 1}}
    with pytest.raises(HttpConnectionError):
        open_client("http://api.test", verify=str(authority.file), cert=cert, **options).get("items")
    assert ([], []) == (strict.requests, strict.peers)


def test_without_the_client_certificate_it_is_an_error(
    open_client: Opener, authority: Authority, strict: RawServer
) -> None:
    with pytest.raises(HttpConnectionError):
        open_client(strict.url, verify=str(authority.file), retry={"attempts": 1}).get("items")
    assert [] == strict.requests


def test_a_config_names_certificate_and_bundle(authority: Authority, strict: RawServer) -> None:
    from dagster_rest.config import load_config

    pair = authority.issue("from-config", password=PASSWORD)
    client = {
        "base_url": strict.url,
        "verify": str(authority.file),
        "cert": [str(pair.certificate), str(pair.key), PASSWORD],
    }
    config = load_config({"client": client, "resources": ["items"]})
    with RestClient.from_config(config.client) as opened:
        assert ROWS == opened.get("items").json()
    assert ["from-config"] == strict.peers


@pytest.mark.parametrize("name", CA_VARIABLES[:3])
def test_a_bundle_from_the_environment_is_trusted(
    open_client: Opener, authority: Authority, server: RawServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(authority.file))
    assert ROWS == open_client(server.url).get("items").json()


def test_requests_bundle_goes_before_that_of_openssl(
    open_client: Opener, authority: Authority, server: RawServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """conda sets SSL_CERT_FILE to the usual authorities for everybody."""
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path, name="other").file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    assert ROWS == open_client(server.url).get("items").json()


def test_a_redirect_from_http_to_tls_trusts_the_same(
    api: ApiServer, open_client: Opener, authority: Authority, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    api.json("/items", Reply(status=302, headers={"Location": f"{server.url}/items"}))
    assert ROWS == open_client(allowed_origins=[server.url]).get("items").json()


def test_an_unknown_authority_is_not_asked_again(open_client: Opener, server: RawServer) -> None:
    client = open_client(server.url)
    with pytest.raises(HttpConnectionError) as caught:
        client.get("items")
    assert ("http_tls", 0) == (caught.value.code, client.stats.retries)
    assert "certificate" in str(caught.value).lower()


def test_a_certificate_of_another_host_is_not_asked_again(
    open_client: Opener, authority: Authority, server: RawServer
) -> None:
    client = open_client(server.url.replace("127.0.0.1", "localhost"), verify=str(authority.file))
    with pytest.raises(HttpConnectionError) as caught:
        client.get("items")
    assert ("http_tls", 0) == (caught.value.code, client.stats.retries)


def test_tls_to_a_port_without_tls(api: ApiServer, open_client: Opener) -> None:
    with pytest.raises(HttpConnectionError) as caught:
        open_client(api.url.replace("http:", "https:"), retry={"attempts": 1}).get("items")
    assert "http_tls" == caught.value.code


def wrong(authority: Authority, tmp_path: Path) -> dict[str, tuple[dict[str, Any], str]]:
    plain, hidden = authority.issue("plain"), authority.issue("hidden", password=PASSWORD)
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    cert, key, secret = str(plain.certificate), str(plain.key), str(hidden.key)
    return {
        "no bundle": ({"verify": str(tmp_path / "missing.pem")}, "client.verify"),
        "a bundle of nothing": ({"verify": str(text)}, "client.verify"),
        "no certificate": ({"cert": str(tmp_path / "missing.pem")}, "client.cert"),
        "no key": ({"cert": (cert, str(tmp_path / "missing.key"))}, "client.cert"),
        "a certificate without its key": ({"cert": cert}, "client.cert"),
        "the key of another": ({"cert": (str(hidden.certificate), key)}, "client.cert"),
        "a key without its password": ({"cert": (str(hidden.certificate), secret)}, "client.cert"),
        "a key with another password": ({"cert": (str(hidden.certificate), secret, "wr0ng-pass")}, "client.cert"),
        "a text": ({"cert": (str(text), str(text))}, "client.cert"),
        "a folder": ({"cert": str(tmp_path)}, "client.cert"),
    }


CASES = [
    "no bundle",
    "a bundle of nothing",
    "no certificate",
    "no key",
    "a certificate without its key",
    "the key of another",
    "a key without its password",
    "a key with another password",
    "a text",
    "a folder",
]


@pytest.mark.parametrize("base_url", ["https://127.0.0.1:1", "http://127.0.0.1:1"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_configured_wrong_is_said_before_anything_is_sent(
    open_client: Opener, authority: Authority, tmp_path: Path, case: str, base_url: str
) -> None:
    cases = wrong(authority, tmp_path)
    assert CASES == list(cases)
    options, where = cases[case]
    with pytest.raises(HttpError) as caught:
        open_client(base_url, **options).get("items")
    assert ("http_client_config", where) == (caught.value.code, caught.value.where)
    assert caught.value.hint
    assert "wr0ng-pass" not in str(caught.value)


@pytest.mark.parametrize("name", CA_VARIABLES)
def test_a_wrong_bundle_in_the_environment_is_named(
    open_client: Opener, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "missing/bundle.pem")
    with pytest.raises(HttpError, match=r"missing/bundle\.pem") as caught:
        open_client("https://127.0.0.1:1").get("items")
    assert ("http_client_config", f"environment variable {name}") == (caught.value.code, caught.value.where)


def test_a_context_of_ones_own_is_used(open_client: Opener, authority: Authority, server: RawServer) -> None:
    context = ssl.create_default_context(cafile=authority.file)
    assert ROWS == open_client(server.url, verify=context).get("items").json()
