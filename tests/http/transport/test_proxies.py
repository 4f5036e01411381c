"""Which proxy a request goes through, and what is said of one that cannot be used."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from dagster_rest.config import ConfigError, load_config
from dagster_rest.http import HttpConnectionError, HttpError, RestClient
from dagster_rest.http.transport.proxies import Proxies
from tests.support.server import ApiServer
from tests.support.socks import SocksProxy
from tests.support.tunnel import Tunnel

Opener = Callable[..., RestClient]
PROXY = "http://proxy.test:3128"


@pytest.fixture(autouse=True)
def no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def tunnel() -> Iterator[Tunnel]:
    with Tunnel() as running:
        yield running


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("example.com", "http://example.com/x", True),
        ("example.com", "http://EXAMPLE.com./x", True),
        ("example.com", "http://api.example.com/x", True),
        ("example.com", "http://notexample.com/x", False),
        ("example.com", "http://example.com.evil.test/x", False),
        (".example.com", "http://api.example.com/x", True),
        (".example.com", "http://example.com/x", True),
        ("*.example.com", "http://api.example.com/x", True),
        ("example.com:8443", "https://example.com:8443/x", True),
        ("example.com:8443", "https://example.com/x", False),
        ("example.com:443", "https://example.com/x", True),
        ("example.com:443", "http://example.com/x", False),
        ("10.0.0.7", "http://10.0.0.7:81/x", True),
        ("10.0.0.7", "http://10.0.0.70/x", False),
        ("10.0.0.7:81", "http://10.0.0.7:81/x", True),
        ("10.0.0.7:81", "http://10.0.0.7/x", False),
        ("10.0.0.0/8", "http://10.200.3.4/x", True),
        ("10.1.2.3/8", "http://10.200.3.4/x", True),
        ("10.0.0.0/8", "http://11.0.0.1/x", False),
        ("10.0.0.0/8", "http://ten.example.com/x", False),
        ("192.168.0.0/16", "http://192.168.44.1/x", True),
        ("::1", "http://[::1]:8080/x", True),
        ("::1", "http://[0:0:0:0:0:0:0:1]/x", True),
        ("[::1]:8080", "http://[::1]:8080/x", True),
        ("[::1]:8080", "http://[::1]/x", False),
        ("fd00::/8", "http://[fd12::7]/x", True),
        ("fd00::/8", "http://[fe80::7]/x", False),
        ("https://example.com", "https://example.com/x", True),
        ("https://example.com", "http://example.com/x", False),
        ("all://example.com:81", "http://example.com:81/x", True),
        ("localhost,127.0.0.1, .internal", "http://db.internal/x", True),
        ("localhost 127.0.0.1\tinternal", "http://db.internal/x", True),
        ("localhost", "http://localhost:9/x", True),
        ("*", "http://anything.test/x", True),
        ("", "http://anything.test/x", False),
        (",, ,", "http://anything.test/x", False),
    ],
)
def test_no_proxy(monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str, direct: bool) -> None:
    monkeypatch.setenv("all_proxy", PROXY)
    monkeypatch.setenv("no_proxy", no_proxy)
    assert (None if direct else PROXY) == Proxies.from_config(None).for_url(httpx.URL(url))


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "http://h/", None),
        ({"http_proxy": "http://a:1"}, "http://h/", "http://a:1"),
        ({"http_proxy": "http://a:1"}, "https://h/", None),
        ({"HTTPS_PROXY": "http://b:1"}, "https://h/", "http://b:1"),
        ({"http_proxy": "http://a:1", "all_proxy": "http://c:1"}, "https://h/", "http://c:1"),
        ({"http_proxy": "http://a:1", "all_proxy": "http://c:1"}, "http://h/", "http://a:1"),
        ({"http_proxy": "a:1"}, "http://h/", "http://a:1"),
        ({"http_proxy": "user:pw@a:1"}, "http://h/", "http://user:pw@a:1"),
        ({"all_proxy": "socks5h://s:1080"}, "http://h/", "socks5h://s:1080"),
    ],
)
def test_the_environment_decides_by_scheme(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy == Proxies.from_config(None).for_url(httpx.URL(url))


def test_every_url_has_its_own_way(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch, tunnel: Tunnel
) -> None:
    """The API is asked directly, the second origin and the token endpoint by the proxy."""
    with ApiServer() as other:
        monkeypatch.setenv("http_proxy", tunnel.url)
        monkeypatch.setenv("no_proxy", f"127.0.0.1:{api.port}")
        api.json("/items", {"data": [{"id": 1}], "next": f"{other.url}/items"})
        other.json("/items", {"data": [{"id": 2}], "next": None})
        other.json("/token", {"access_token": "tok-1"}, method="POST")
        auth = {
            "type": "oauth2_client_credentials",
            "access_token_url": f"{other.url}/token",
            "client_id": "c-id",
            "client_secret": "c-secret",
        }
        client = open_client(allowed_origins=[other.url], auth=auth)
        rows = [row for page in client.paginate("items", paginator="json_link") for row in page]
    assert [{"id": 1}, {"id": 2}] == rows
    assert [f"POST {other.url}/token", f"GET {other.url}/items"] == tunnel.connects


def test_a_configured_proxy_goes_before_the_environment(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch, tunnel: Tunnel
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "*")
    api.json("/items", [])
    open_client(proxy=tunnel.url).get("items")
    assert [f"GET {api.url}/items"] == tunnel.connects


def test_the_proxys_password_is_sent_and_never_shown(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", [])
    with Tunnel(login="user:p@ss w0rd") as proxy:
        url = proxy.url.replace("//", "//user:p%40ss%20w0rd@")
        client = open_client(proxy=url)
        client.get("items")
        assert "***" == client.redactor.redact("p@ss w0rd")
        wrong = open_client(proxy=proxy.url.replace("//", "//user:wr0ng-pass@"))
        assert 407 == wrong.get("items").status_code
        with pytest.raises(HttpError) as caught:
            list(wrong.paginate("items"))
    assert "wr0ng-pass" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("refuse", "retries"), [(b"407 Proxy Authentication Required", 0), (b"403 Forbidden", 0), (b"502 Bad Gateway", 1)]
)
def test_a_proxy_that_refuses_to_connect(open_client: Opener, refuse: bytes, retries: int) -> None:
    with Tunnel(refuse=refuse) as proxy:
        url = proxy.url.replace("//", "//user:hunter22@")
        client = open_client("https://api.test", proxy=url, retry={"attempts": 2})
        with pytest.raises(HttpConnectionError, match=refuse[:3].decode()) as caught:
            client.get("items")
    assert ("http_proxy", retries) == (caught.value.code, client.stats.retries)
    assert "hunter22" not in "".join(traceback.format_exception(caught.value))


WRONG = [
    "user:hunter22@proxy.test:3128",
    "proxy.test:3128",
    "//user:hunter22@proxy.test",
    "ftp://user:hunter22@proxy.test",
    "socks4://user:hunter22@proxy.test",
    "http://user:hunter22#x@proxy.test:3128",
    "http://user:hunter22/x@proxy.test:3128",
    "http://",
]


@pytest.mark.parametrize("proxy", WRONG)
def test_a_proxy_that_is_no_url_is_an_error_of_the_config(open_client: Opener, proxy: str) -> None:
    with pytest.raises(HttpError, match="begins with http://, https://, socks5:// or socks5h://") as caught:
        open_client("http://api.test", proxy=proxy).get("items")
    assert ("http_client_config", "client.proxy") == (caught.value.code, caught.value.where)
    assert "hunter22" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("proxy", [*WRONG[:5], "socks4a://user:hunter22@proxy.test", WRONG[-1]])
def test_a_proxy_that_is_no_url_is_found_when_the_config_is_loaded(proxy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"client": {"base_url": "http://api.test", "proxy": proxy}, "resources": ["items"]})
    assert [("client.proxy", "config_bad_value")] == [(p.path, p.code) for p in caught.value.problems]
    assert "hunter22" not in str(caught.value)


def test_a_proxy_of_the_environment_that_is_no_url_is_named(
    open_client: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "socks4://user:hunter22@proxy.test")
    with pytest.raises(HttpError) as caught:
        open_client("http://api.test").get("items")
    assert ("http_client_config", "environment variable HTTPS_PROXY") == (caught.value.code, caught.value.where)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "where", "package"),
    [({"proxy": "socks5://proxy.test:1080"}, "client.proxy", "socks"), ({"http2": True}, "client.http2", "http2")],
)
def test_a_package_that_is_missing_is_named(
    open_client: Opener, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], where: str, package: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(HttpError) as caught:
        open_client("http://api.test", **options).get("items")
    assert ("http_client_config", where) == (caught.value.code, caught.value.where)
    assert f"pip install httpx[{package}]" == caught.value.hint


@pytest.fixture
def api_port(api: ApiServer) -> int:
    pytest.importorskip("socksio", reason="SOCKS needs httpx[socks]")
    api.json("/items", [{"id": 1}])
    return int(api.url.rpartition(":")[2])


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_is_asked_by_the_hosts_name(open_client: Opener, api_port: int, scheme: str) -> None:
    """It looks the name up, so hosts work that are known only behind it."""
    with SocksProxy(to=api_port) as proxy:
        client = open_client("http://behind.test:8080", proxy=proxy.url.replace("socks5", scheme))
        assert [{"id": 1}] == client.get("items").json()
        client.close()
    assert ["behind.test:8080"] == proxy.connects


def test_a_socks_proxy_may_want_a_password(open_client: Opener, api_port: int) -> None:
    with SocksProxy(to=api_port, login="user:hunter#22") as proxy:
        client = open_client("http://behind.test", proxy=proxy.url.replace("://", "://user:hunter%2322@"))
        assert [{"id": 1}] == client.get("items").json()
        client.close()
    assert ["user:hunter#22"] == proxy.logins


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("wrong", [{"login": "user:other"}, {"refuse": 2}])
def test_a_socks_proxy_that_refuses_is_an_error_without_its_password(
    open_client: Opener, api_port: int, wrong: dict[str, Any]
) -> None:
    with SocksProxy(to=api_port, **wrong) as proxy:
        url = proxy.url.replace("://", "://user:hunter22@")
        client = open_client("http://behind.test", proxy=url, retry={"attempts": 1})
        with pytest.raises(HttpError) as caught:
            client.get("items")
    assert "http_proxy" == caught.value.code
    assert "hunter22" not in "".join(traceback.format_exception(caught.value))
    # httpcore leaves such a connection to the garbage collection.
    del caught
    gc.collect()
