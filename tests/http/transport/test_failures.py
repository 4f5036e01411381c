"""Whatever goes wrong below us becomes one error: with code, place and retry decision, without secrets."""

from __future__ import annotations

import importlib
import inspect
import logging
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
import pytest

from dagster_rest.http import HttpConnectionError, HttpError, RestClient
from dagster_rest.http.transport.failures import read_failure
from tests.support.raw import RawServer, answer

Opener = Callable[..., RestClient]
SECRET = "s3cr3t-key"
URL = f"http://user:hunter22@api.test/items?api_key={SECRET}"
# Everything that these define is raised on the way to an API.
LIBRARIES = (
    "aiohttp",
    "aiohttp.client_exceptions",
    "aiohttp.http_exceptions",
    "anyio",
    "h11",
    "httpcore",
    "httpx",
    "idna",
    "requests.exceptions",
    "socket",
    "ssl",
    "urllib3.exceptions",
    "zlib",
)


def exceptions() -> list[type[Exception]]:
    found: set[type[Exception]] = set()
    for name in LIBRARIES:
        module = importlib.import_module(name)
        found |= {
            value
            for value in vars(module).values()
            if inspect.isclass(value) and issubclass(value, Exception) and not issubclass(value, Warning)
        }
    kinds = [OSError, EOFError, UnicodeError, TimeoutError]
    for kind in kinds:
        found.add(kind)
        kinds += [sub for sub in kind.__subclasses__() if sub.__module__.partition(".")[0] in ("builtins", "asyncio")]
    return sorted((k for k in found if not _is_abstract(k)), key=lambda k: str(k))


def _is_abstract(kind: type[Exception]) -> bool:
    return kind.__module__.startswith("h11") and kind.__name__ == "ProtocolError"


def instance(kind: type[Exception]) -> Exception:
    """One of a class, whatever it needs: texts name the URL with its secrets."""
    key = SimpleNamespace(host="api.test", port=80, is_ssl=False, ssl=True)
    error = OSError(111, f"cannot reach {URL}")
    arguments: dict[str, Any] = {
        "connection_key": key,
        "os_error": error,
        "certificate_error": ssl.SSLCertVerificationError("bad"),
        "request_info": SimpleNamespace(real_url=URL, url=URL, method="GET", headers={}),
        "history": (),
        "encoding": "ascii",
        "object": b"x",
        "start": 0,
        "end": 1,
        "reason": URL,
        "code": 400,
        "port": 1,
        "partial": b"x",
        "expected": 2,
        "msg": URL,
        "doc": URL,
        "pos": 0,
        "request": httpx.Request("GET", URL),
        "response": httpx.Response(500),
        "length": b"x",
        "defects": [],
        "unparsed_data": "",
        "limit": "1",
    }
    if issubclass(kind, UnicodeDecodeError):
        return kind("ascii", b"x", 0, 1, URL)
    if issubclass(kind, UnicodeEncodeError):
        return kind("ascii", "x", 0, 1, URL)
    if issubclass(kind, UnicodeTranslateError):
        return kind("x", 0, 1, URL)
    if kind.__name__ == "JSONDecodeError":
        return kind(URL, URL, 0)
    if (kind.__module__, kind.__name__) == ("urllib3.exceptions", "IncompleteRead"):
        return kind(1, 2)
    if kind.__name__ == "InvalidChunkLength":
        return kind(SimpleNamespace(tell=lambda: 0, length_remaining=None), b"zz")
    try:
        parameters = inspect.signature(kind).parameters.values()
    except ValueError:
        return kind(URL)
    needed = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    named = {p.name: arguments.get(p.name, URL) for p in needed if p.kind is p.KEYWORD_ONLY}
    return kind(*(arguments.get(p.name, URL) for p in needed if p.kind is not p.KEYWORD_ONLY), **named)


ALL = exceptions()
CODES = {"http_connection", "http_timeout", "http_tls", "http_proxy", "http_request_invalid"}


def test_the_list_of_exceptions_is_not_empty() -> None:
    assert len(ALL) > 120
    assert {aiohttp.ServerDisconnectedError, httpx.ReadTimeout, socket.gaierror} <= set(ALL)


@pytest.mark.parametrize("kind", ALL, ids=[f"{k.__module__}.{k.__name__}" for k in ALL])
def test_every_exception_of_the_libraries_is_a_failure_with_a_code(kind: type[Exception]) -> None:
    failure = read_failure(instance(kind))
    assert failure is not None
    assert failure.code in CODES
    assert failure.again == (failure.code in ("http_connection", "http_timeout")) or failure.code in (
        "http_tls",
        "http_proxy",
    )


@pytest.mark.parametrize("kind", ALL, ids=[f"{k.__module__}.{k.__name__}" for k in ALL])
def test_no_exception_reaches_the_caller_raw_or_with_a_secret(kind: type[Exception]) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise instance(kind)

    options = {"transport": httpx.MockTransport(refuse), "retry": {"attempts": 2, "backoff": 0, "jitter": 0}}
    with RestClient("http://user:hunter22@api.test", params={"api_key": SECRET}, **options) as client:
        with pytest.raises(HttpError) as caught:
            client.get("items")
        expected = read_failure(instance(kind))
        assert expected is not None
        assert (expected.code, int(expected.again)) == (caught.value.code, client.stats.retries)
    written = "".join(traceback.format_exception(caught.value))
    assert SECRET not in written
    assert "hunter22" not in written
    assert "http://***@api.test/items" in str(caught.value.where)


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x"), ZeroDivisionError("x")])
def test_a_bug_of_ones_own_is_not_hidden(error: Exception) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise error

    with RestClient("http://api.test", transport=httpx.MockTransport(refuse)) as client:
        with pytest.raises(type(error)):
            client.get("items")
        assert 0 == client.stats.retries


@pytest.mark.parametrize(
    ("error", "code", "again"),
    [
        (aiohttp.ServerTimeoutError(), "http_timeout", True),
        (httpx.InvalidURL("Invalid port: 'hunter2'"), "http_request_invalid", False),
        (httpx.ProxyError("407 Proxy Authentication Required"), "http_proxy", False),
        (httpx.ProxyError("502 Bad Gateway"), "http_proxy", True),
        (ssl.SSLCertVerificationError("self-signed"), "http_tls", False),
        (ssl.SSLEOFError("eof"), "http_tls", True),
        (UnicodeError("label too long"), "http_request_invalid", False),
        (ConnectionResetError(), "http_connection", True),
    ],
)
def test_what_a_failure_means(error: Exception, code: str, again: bool) -> None:
    failure = read_failure(error)
    assert failure is not None
    assert (code, again) == (failure.code, failure.again)
    assert "hunter2" not in failure.detail


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def during(error: Exception, other: BaseException, *, hidden: bool = False) -> Exception:
    error.__context__, error.__suppress_context__ = other, hidden
    return error


class GroupError(Exception):
    """As the groups of Python 3.11 and of libraries."""

    def __init__(self, *exceptions: Exception) -> None:
        self.exceptions = exceptions


CERTIFICATE = ssl.SSLCertVerificationError("bad")
KEY: Any = SimpleNamespace(host="api.test", port=80, is_ssl=True, ssl=True)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (caused(httpx.ConnectError("x"), caused(RuntimeError("y"), CERTIFICATE)), "http_tls"),
        (during(httpx.ConnectError("x"), CERTIFICATE), "http_tls"),
        (during(httpx.ConnectError("x"), CERTIFICATE, hidden=True), "http_connection"),
        (aiohttp.ClientConnectorError(KEY, CERTIFICATE), "http_tls"),
        (GroupError(CERTIFICATE), "http_tls"),
        (GroupError(httpx.ReadTimeout("x"), ConnectionResetError()), "http_timeout"),
        (GroupError(ConnectionResetError(), httpx.ReadTimeout("x")), "http_connection"),
        (caused(httpx.ConnectError("x"), KeyError("x")), "http_connection"),
        (caused(KeyError("x"), ConnectionResetError()), None),
        (RuntimeError("x"), None),
    ],
)
def test_what_a_chain_of_exceptions_means(error: Exception, code: str | None) -> None:
    failure = read_failure(error)
    assert code == (failure.code if failure else None)


def test_the_cause_decides_not_its_wrapper() -> None:
    """httpx-aiohttp calls a lost connection a time-out of the connect."""
    wrapper = httpx.ConnectTimeout("lost")
    wrapper.__cause__ = aiohttp.ServerDisconnectedError()
    failure = read_failure(wrapper)
    assert failure is not None
    assert "http_connection" == failure.code


NOT_HTTP = {
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "binary": bytes(range(256)) * 4,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n[]   ",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n[]\r\n0\r\n\r\n",
    "a chunk that ends too early": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFF\r\n[]",
    "a status that is none": b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\n[]",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n[]",
    "a header over 64 KB": answer(headers=b"Set-Cookie: c00kie" + b"x" * 150_000 + b"\r\n"),
    "nothing": b"",
}


@pytest.mark.parametrize("own_http", [False, True], ids=["aiohttp", "httpx"])
@pytest.mark.parametrize("said", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_not_http_is_asked_again_and_then_an_error(open_client: Opener, said: bytes, own_http: bool) -> None:
    with RawServer(said) as server:
        options = {"transport": httpx.AsyncHTTPTransport()} if own_http else {}
        client = open_client(server.url, params={"api_key": SECRET}, retry={"attempts": 2}, **options)
        with pytest.raises(HttpConnectionError) as caught:
            client.get("items")
    assert ("http_connection", 1, 2) == (caught.value.code, client.stats.retries, len(server.requests))
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert f"{server.url}/items" in str(caught.value)
    assert "c00kie" not in str(caught.value)


@pytest.mark.parametrize("size", [9_000, 60_000])
def test_a_header_of_up_to_64_kb_is_read(open_client: Opener, size: int) -> None:
    with RawServer(answer(b'[{"id": 1}]', headers=b"X-Long: " + b"x" * size + b"\r\n")) as server:
        response = open_client(server.url).get("items")
    assert (size, [{"id": 1}]) == (len(response.headers["x-long"]), response.json())


@pytest.fixture
def debug_logs() -> Iterator[list[str]]:
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    names = ("httpx", "httpcore", "aiohttp", "urllib3", "requests")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield said
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


@pytest.mark.parametrize("way", ["aiohttp", "httpx", "requests"])
def test_a_cookie_that_is_set_and_a_key_in_a_url_are_in_no_debug_log(
    open_client: Opener, debug_logs: list[str], way: str
) -> None:
    import requests

    headers = b"Set-Cookie: sid=c00kie-value; Path=/\r\nX-Auth-Token: t0ken-value\r\nX-Plain: plain-value\r\n"
    options: dict[str, Any] = {"httpx": {"transport": httpx.AsyncHTTPTransport()}, "requests": {"session": None}}.get(
        way, {}
    )
    with RawServer(answer(headers=headers)) as server, requests.Session() as session:
        if way == "requests":
            options["session"] = session
        open_client(server.url, **options).get(f"items?api_key={SECRET}")
    written = "\n".join(debug_logs)
    assert written
    for secret in ("c00kie-value", "t0ken-value", SECRET):
        assert secret not in written
    assert way != "httpx" or "plain-value" in written
