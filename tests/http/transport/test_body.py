"""Packed bodies: whole, in any packing that can be undone, and never beyond the limit."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest

import dagster_rest.http.transport.body
from dagster_rest.http import HttpConnectionError, HttpError, ResponseTooLargeError, RestClient
from tests.support.server import ApiServer, Reply

Opener = Callable[..., RestClient]
ROWS = [{"id": n, "text": f"row {n} " + "x" * (n % 40)} for n in range(400)]
BODY = json.dumps(ROWS).encode()


def deflated(body: bytes, *, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(body) + packer.flush()


def brotlied(body: bytes) -> bytes:
    import brotli

    return bytes(brotli.compress(body))


def zstandarded(body: bytes) -> bytes:
    import zstandard

    return bytes(zstandard.ZstdCompressor(level=3).compress(body))


PACKINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "gzip of several members": (
        "gzip",
        lambda b: b"".join(gzip.compress(b[n : n + 999]) for n in range(0, len(b), 999)),
    ),
    "gzip and padding": ("gzip", lambda b: gzip.compress(b) + b"\0" * 600),
    "zlib": ("deflate", zlib.compress),
    "bare deflate": ("deflate", lambda b: deflated(b, wbits=-15)),
    "zlib that is called gzip": ("gzip", zlib.compress),
    "identity": ("identity", lambda b: b),
    "gzip in gzip": ("gzip, gzip", lambda b: gzip.compress(gzip.compress(b))),
    "deflate in gzip": ("deflate,gzip", lambda b: gzip.compress(zlib.compress(b))),
    "brotli": ("br", brotlied),
    "zstd": ("zstd", zstandarded),
    "zstd of two frames": ("zstd", lambda b: zstandarded(b[:5000]) + zstandarded(b[5000:])),
    "zstd in brotli in gzip": ("zstd, br, gzip", lambda b: gzip.compress(brotlied(zstandarded(b)))),
}


class Pieces(httpx.AsyncByteStream):
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def cut(body: bytes, *, size: int, seed: int = 0) -> Iterator[bytes]:
    """Pieces of a size, or of random sizes."""
    chance, at = random.Random(seed), 0
    while at < len(body):
        step = size or chance.randint(1, 700)
        yield body[at : at + step]
        at += step


def sending(pieces: Iterable[bytes], encoding: str) -> httpx.MockTransport:
    headers = {"Content-Encoding": encoding}
    return httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=Pieces(pieces)))


def fetch(pieces: Iterable[bytes], encoding: str, **options: Any) -> httpx.Response:
    transport = sending(pieces, encoding)
    with RestClient("http://api.test", transport=transport, retry={"attempts": 1}, **options) as client:
        return client.get("items")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 0], ids=["1 byte", "2", "3", "7", "random"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_however_it_is_cut(packing: str, size: int) -> None:
    encoding, pack = PACKINGS[packing]
    response = fetch(cut(pack(BODY), size=size), encoding)
    assert ROWS == response.json()
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("packing", [name for name in PACKINGS if name != "identity"])
def test_a_packed_body_that_ends_too_early_is_an_error(packing: str) -> None:
    encoding, pack = PACKINGS[packing]
    packed = pack(BODY)
    whole = 700 if packing == "gzip and padding" else 9
    with pytest.raises(HttpConnectionError) as caught:
        fetch(cut(packed[:-whole], size=100), encoding)
    assert "http_connection" == caught.value.code


def test_bare_deflate_is_told_from_zlib_by_its_first_two_bytes() -> None:
    bodies = [f"{n} ".encode() * (n % 50) for n in range(1000)]
    told = [
        dagster_rest.http.transport.body._is_raw_deflate(deflated(body, wbits=wbits))
        for wbits in (-15, 15, 9, 31)
        for body in bodies
    ]
    assert [True] * 1000 + [False] * 3000 == told


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_what_is_not_packed_as_it_says_is_an_error(encoding: str) -> None:
    with pytest.raises(HttpConnectionError):
        fetch([b"not packed at all"], encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_nothing_needs_no_packing(encoding: str) -> None:
    assert b"" == fetch([], encoding).content


@pytest.mark.parametrize("encoding", ["compress", "aws-chunked", "gzip, gzip, gzip, gzip"])
def test_a_packing_that_cannot_be_undone_is_named(encoding: str) -> None:
    with pytest.raises(HttpError, match="encoded as") as caught:
        fetch([b"x"], encoding)
    assert "http_encoding" == caught.value.code
    assert "http://api.test/items" in str(caught.value)


def test_what_can_be_undone_is_asked_for(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", [])
    open_client().get("items")
    open_client(headers={"accept-encoding": "identity", "accept": "text/csv"}).get("items")
    assert ["gzip, deflate, br, zstd", "identity"] == [r.headers["accept-encoding"] for r in api.requests]
    assert ["*/*", "text/csv"] == [r.headers["accept"] for r in api.requests]


def test_without_the_packages_only_gzip_and_deflate_are_asked_for(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("brotli", "brotlicffi", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(
        dagster_rest.http.transport.body, "_makers", dagster_rest.http.transport.body._makers.__wrapped__
    )
    api.json("/items", Reply(body=b"x", headers={"Content-Encoding": "br"}))
    with pytest.raises(HttpError, match="`br`"):
        open_client().get("items")
    assert "gzip, deflate" == api.requests[0].headers["accept-encoding"]


def test_a_length_that_is_only_announced_is_no_body() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers={"Content-Length": "99"}, stream=Pieces([])))
    with RestClient("http://api.test", transport=transport, max_response_bytes=10) as client:
        assert (200, b"") == (client.request("HEAD", "items").status_code, client.request("HEAD", "items").content)
        with pytest.raises(ResponseTooLargeError):
            client.get("items")


@pytest.mark.parametrize("length", ["9" * 5_000, "\u0663", "\u00b3", "-1", "x"])
def test_a_length_that_is_no_length_is_left_to_the_reading(length: str) -> None:
    headers = httpx.Headers([(b"Content-Length", length.encode())])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=Pieces([b"[1]"])))
    with RestClient("http://api.test", transport=transport) as client:
        assert [1] == client.get("items").json()


ZEROS = bytes(20_000_000)
BOMBS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "brotli": ("br", brotlied),
    "zstd": ("zstd", zstandarded),
    "gzip in gzip": ("gzip, gzip", lambda b: gzip.compress(gzip.compress(b))),
    "zstd in brotli": ("zstd, br", lambda b: brotlied(zstandarded(b))),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_at_the_limit(bomb: str) -> None:
    encoding, pack = BOMBS[bomb]
    with pytest.raises(ResponseTooLargeError, match="1000000 bytes"):
        fetch([pack(ZEROS)], encoding, max_response_bytes=1_000_000)


def test_packed_bytes_that_unpack_to_nothing_have_a_limit_too() -> None:
    """Empty blocks of deflate, for ever."""

    def endless() -> Iterator[bytes]:
        packer = zlib.compressobj(wbits=31)
        yield packer.compress(b"[") + packer.flush(zlib.Z_SYNC_FLUSH)
        while True:
            yield b"\0\0\0\xff\xff" * 2000

    with pytest.raises(ResponseTooLargeError):
        fetch(endless(), "gzip", max_response_bytes=1_000_000)


@pytest.mark.parametrize("path", ["items", "token"])
def test_a_body_that_only_an_auth_reads_has_the_limit_too(api: ApiServer, open_client: Opener, path: str) -> None:
    """An auth reads the 401 and the token's answer before anybody else."""
    bomb = Reply(status=401, body=gzip.compress(bytes(5_000_000)), headers={"Content-Encoding": "gzip"})
    api.json("/token", {"access_token": "tok-1"} if path == "items" else bomb, method="POST")
    api.json("/items", bomb)
    auth = {
        "type": "oauth2_client_credentials",
        "access_token_url": f"{api.url}/token",
        "client_id": "c-id",
        "client_secret": "c-secret",
    }
    with pytest.raises(ResponseTooLargeError):
        open_client(auth=auth, max_response_bytes=1_000_000).get("items")


@pytest.mark.parametrize("make", ["httpx", "requests"])
def test_a_session_of_ones_own_has_the_limit_too(api: ApiServer, open_client: Opener, make: str) -> None:
    import requests

    api.json("/items", Reply(body=gzip.compress(bytes(5_000_000)), headers={"Content-Encoding": "gzip"}))
    with httpx.Client() if make == "httpx" else requests.Session() as session, pytest.raises(ResponseTooLargeError):
        open_client(session=session, max_response_bytes=1_000_000).get("items")


PEAK = """
import gzip, json, resource, sys, zlib
import httpx
from dagster_rest.http import HttpError, RestClient

def packed(piece, count):
    packer = zlib.compressobj(wbits=31)
    for _ in range(count):
        yield packer.compress(piece)
    yield packer.flush()

def rows(row, count):
    yield b"[" + row
    for _ in range(count - 1):
        yield b"," + row
    yield b"]"

KINDS = {
    "a bomb": ({"Content-Encoding": "gzip"}, lambda: packed(bytes(1_000_000), 1_030)),
    "zeros below the limit": ({"Content-Encoding": "gzip"}, lambda: packed(bytes(1_000_000), 200)),
    "pages of a site": ({}, lambda: iter([b"<html>" + b"x" * 994] * 200_000)),
    "long texts": ({}, lambda: rows(json.dumps({"id": 1, "text": "x" * 975}).encode(), 102_400)),
    "many small rows": ({}, lambda: rows(json.dumps({"id": 1, "name": "abc", "value": 1.5}).encode(), 2_500_000)),
}
headers, pieces = KINDS[sys.argv[1]]

class Pieces(httpx.AsyncByteStream):
    async def __aiter__(self):
        for piece in pieces():
            yield piece

answer = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=Pieces()))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with RestClient("http://api.test", transport=answer, retry={"attempts": 1}) as client:
    try:
        print(sum(len(page) for page in client.paginate("x", paginator="single_page")))
    except HttpError as error:
        print(error.code)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def peak(kind: str) -> tuple[str, int]:
    """What came of it, and how many MB it took."""
    done = subprocess.run([sys.executable, "-c", PEAK, kind], capture_output=True, text=True, check=True, timeout=300)
    said, megabytes = done.stdout.split()
    return said, int(megabytes)


@pytest.mark.parametrize(
    ("kind", "said", "most"),
    [("a bomb", "http_response_too_large", 450), ("zeros below the limit", "http_not_json", 400)],
)
def test_what_a_small_body_may_take(kind: str, said: str, most: int) -> None:
    """Without limits of its own the bomb takes 3,150 MB."""
    came, megabytes = peak(kind)
    assert said == came
    assert megabytes < most


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "said", "most"),
    [
        ("pages of a site", "http_not_json", 400),
        ("long texts", "102400", 450),
        ("many small rows", "2500000", 1_200),
    ],
)
def test_what_a_large_body_may_take(kind: str, said: str, most: int) -> None:
    came, megabytes = peak(kind)
    assert said == came
    assert megabytes < most
