"""Bodies as they come: unpacked, whole, and never larger than allowed.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

import httpx

_ZLIB = frozenset({"gzip", "x-gzip", "deflate"})
_FRAMING = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
_GZIP_OR_ZLIB = 47
_RAW_DEFLATE = -15


class TooLargeError(Exception):
    """The body is over the limit."""


async def read_body(response: httpx.Response, *, limit: int) -> httpx.Response:
    """Read a streamed response.

    Args:
        response: The open response.
        limit: The most bytes it may have, unpacked.

    Returns:
        A response with its whole body, without the headers that described its packing.

    Raises:
        TooLargeError: It is larger. No more than the limit is ever held.
        httpx.ReadError: The packed body ends before its end.
    """
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise TooLargeError
    encoding = response.headers.get("content-encoding", "").strip().lower()
    pieces = _inflated(response, limit) if encoding in _ZLIB else response.aiter_bytes()
    parts, size = [], 0
    async for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooLargeError
        parts.append(piece)
    return _complete(response, b"".join(parts))


def _complete(response: httpx.Response, body: bytes) -> httpx.Response:
    # A new response: the streamed one and its stream hold each other, and so the body, until a garbage collection.
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _FRAMING]
    complete = httpx.Response(
        response.status_code,
        headers=headers,
        content=body,
        request=response.request,
        extensions=response.extensions,
        history=response.history,
    )
    complete.next_request = response.next_request
    return complete


async def _inflated(response: httpx.Response, limit: int) -> AsyncIterator[bytes]:
    inflater = _Inflater(limit)
    async for packed in response.aiter_raw():
        for piece in inflater.feed(packed):
            yield piece
    if not inflater.finished:
        raise httpx.ReadError("the packed body ends too early", request=response.request)


class _Inflater:
    """gzip and deflate, in pieces no larger than the limit; knows whether the end was reached."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begun = False
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)

    @property
    def finished(self) -> bool:
        return not self._begun or self._stream.eof

    def feed(self, packed: bytes) -> Iterator[bytes]:
        while packed:
            if self._stream.eof:
                # gzip allows several members one after the other; anything else behind the end is padding.
                if not packed.startswith(b"\x1f\x8b"):
                    return
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            yield self._inflate(packed)
            packed = self._stream.unconsumed_tail or self._stream.unused_data

    def _inflate(self, packed: bytes) -> bytes:
        try:
            piece = self._stream.decompress(packed, self._limit + 1)
        except zlib.error as error:
            if self._begun:
                raise httpx.DecodingError(str(error)) from error
            self._stream = zlib.decompressobj(_RAW_DEFLATE)
            try:
                piece = self._stream.decompress(packed, self._limit + 1)
            except zlib.error:
                raise httpx.DecodingError(str(error)) from error
        self._begun = True
        return piece
