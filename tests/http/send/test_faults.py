"""Servers that misbehave: everything arrives, or a loud error."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dagster_rest.http import (
    DecodeError,
    HttpConnectionError,
    LoopError,
    OriginError,
    ResponseTooLargeError,
    RestClient,
)
from tests.support.server import ApiServer, Reply

Opener = Callable[..., RestClient]


def collect(client: RestClient, path: str = "items", **options: Any) -> list[Any]:
    return [row for page in client.paginate(path, **options) for row in page]


@pytest.mark.parametrize("fault", ["reset", "half_body"])
def test_a_connection_that_always_breaks(api: ApiServer, client: RestClient, fault: Any) -> None:
    api.json("/items", Reply(json=[{"id": 1}] * 100, fault=fault))
    with pytest.raises(HttpConnectionError) as caught:
        collect(client)
    assert ("http_connection", 4) == (caught.value.code, client.stats.retries)


def test_silence(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", Reply(fault="silence"))
    with pytest.raises(HttpConnectionError) as caught:
        collect(open_client(timeout=0.2, retry={"attempts": 2}))
    assert "http_timeout" == caught.value.code


def test_silence_for_a_moment(api: ApiServer, open_client: Opener) -> None:
    api.replies("/items", [Reply(fault="silence"), [{"id": 1}]])
    assert [{"id": 1}] == collect(open_client(timeout=0.3))


@pytest.mark.parametrize(
    "body", [b"<!doctype html><title>Sign in</title>", b'{"data": [', b"{'a': 1}", b"\xff\xfe\x00", b"[" * 100_000]
)
def test_a_success_that_is_no_json(api: ApiServer, client: RestClient, body: bytes) -> None:
    api.json("/items", Reply(body=body, headers={"Content-Type": "text/html"}))
    with pytest.raises(DecodeError, match="text/html") as caught:
        collect(client)
    assert "http_not_json" == caught.value.code
    assert len(str(caught.value)) < 1500


def test_html_in_the_middle(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [{"data": [{"id": 1}], "next": "/items?p=2"}, Reply(body=b"<html>busy</html>")])
    with pytest.raises(DecodeError, match="<html>busy</html>"):
        collect(client)


def test_a_page_over_the_limit(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", Reply(body=b"[" + b" " * 5000 + b"]"))
    with pytest.raises(ResponseTooLargeError, match="4000"):
        collect(open_client(max_response_bytes=4000))
    assert 1 == len(api.requests)


def test_a_page_without_a_length_over_the_limit(api: ApiServer, open_client: Opener) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        for n in range(1000):
            sent.append(n)
            yield b" " * 65536

    api.get("/items")(lambda _: Reply(body=endless()))
    with pytest.raises(ResponseTooLargeError):
        collect(open_client(max_response_bytes=100_000))
    assert len(sent) < 1000


@pytest.mark.parametrize("pack", [lambda b: gzip.compress(b), lambda b: zlib.compress(b)])
def test_a_bomb_is_not_unpacked_beyond_the_limit(api: ApiServer, open_client: Opener, pack: Any) -> None:
    encoding = "gzip" if pack(b"")[:2] == b"\x1f\x8b" else "deflate"
    bomb = pack(b"[" + b" " * 50_000_000 + b"]")
    api.json("/items", Reply(body=bomb, headers={"Content-Encoding": encoding}))
    with pytest.raises(ResponseTooLargeError, match="decompressed"):
        collect(open_client(max_response_bytes=1_000_000))


def _raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(body) + stream.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda b: gzip.compress(b[:7]) + gzip.compress(b[7:])),
        ("deflate", zlib.compress),
        ("deflate", _raw_deflate),
    ],
)
def test_packed_bodies(api: ApiServer, client: RestClient, encoding: str, pack: Any) -> None:
    rows = [{"id": n, "text": "x" * 50} for n in range(5000)]
    api.json("/items", Reply(body=pack(json.dumps(rows).encode()), headers={"Content-Encoding": encoding}))
    assert rows == collect(client)


def test_garbage_that_claims_to_be_packed(api: ApiServer, client: RestClient) -> None:
    api.json("/items", Reply(body=b"not packed at all", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(HttpConnectionError):
        collect(client)


def test_an_endless_cursor(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda _: {"data": [{"id": 1}], "cursors": {"next": f"c{len(api.requests)}"}})
    with pytest.raises(LoopError):
        collect(client, paginator="cursor")


def test_a_redirect_to_another_host(api: ApiServer, client: RestClient) -> None:
    api.json("/items", Reply(status=307, headers={"Location": "http://localhost:1/items"}))
    with pytest.raises(OriginError, match="localhost"):
        collect(client)


@pytest.mark.long
def test_a_page_of_200_mb_arrives_whole(api: ApiServer, client: RestClient) -> None:
    row = json.dumps({"id": 1, "text": "x" * 975}).encode()

    def body() -> Iterator[bytes]:
        yield b"[" + row
        for _ in range(200 * 1024 - 1):
            yield b"," + row
        yield b"]"

    api.get("/items")(lambda _: Reply(body=body()))
    assert 200 * 1024 == len(collect(client))


@pytest.mark.long
def test_30_seconds_of_silence_are_within_the_default_timeout(api: ApiServer, client: RestClient) -> None:
    api.json("/items", Reply(json=[{"id": 1}], delay=30))
    assert [{"id": 1}] == collect(client)
