"""Bodies as they come: unpacked, whole, and never larger than allowed.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

import io
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import httpx

from dagster_rest.http.errors import HttpError

PIECE = 256 * 1024
MAX_LAYERS = 3
# Longer numbers are left to the reading, which has a limit of its own; int() refuses thousands of digits.
_MANY_DIGITS = 30
_FRAMING = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_OR_ZLIB = 47
_RAW_DEFLATE = -15
# 64 MB; RFC 9659 allows 8.
_ZSTD_WINDOW = 1 << 26
# The library gives all that an input holds: four bytes of it are at most a block of 128 KB.
_ZSTD_SLICE = 256


#: The extension of a response that holds what takes secrets out of a text.
REDACT = "dagster_rest.redact"


class TooLargeError(Exception):
    """The body is over the limit."""


class WholeResponse(httpx.Response):
    """A response with its body, whose errors and pickles hold no secret of its request."""

    def raise_for_status(self) -> WholeResponse:
        """As that of httpx, whose error shows the whole URL."""
        try:
            super().raise_for_status()
        except httpx.HTTPStatusError as error:
            raise httpx.HTTPStatusError(self._clean(str(error)), request=error.request, response=self) from None
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Method and URL of the request are in a pickle, its headers and body are not."""
        request = httpx.Request(self.request.method, self._clean(str(self.request.url)))
        return {**super().__getstate__(), "_request": request, "next_request": None, "history": []}

    def _clean(self, text: str) -> str:
        redact: Callable[[str], str] = self.extensions.get(REDACT, str)
        return redact(text)


async def read_body(response: httpx.Response, *, limit: int) -> httpx.Response:
    """Read a response that is open.

    Args:
        response: The response; one whose body was read already is only measured.
        limit: The most bytes its body may have, packed and unpacked.

    Returns:
        A response with its whole body, without the headers that described its packing.

    Raises:
        TooLargeError: It is larger. Little more than the limit is ever held.
        HttpError: It is packed in a way that is not understood.
        httpx.ReadError: The packed body ends before its end.
        httpx.DecodingError: It is not packed as it says.
    """
    if response.is_closed:
        if len(response.content) > limit:
            raise TooLargeError
        return _released(response) if isinstance(response, WholeResponse) else _complete(response, response.content)
    try:
        length = response.headers.get("content-length", "")
        announced = length.isascii() and length.isdigit() and response.request.method != "HEAD"
        if announced and len(length) < _MANY_DIGITS and int(length) > limit:
            raise TooLargeError
        layers = _layers(response)
        return _complete(response, await _read(response, layers, limit))
    finally:
        await response.aclose()


async def _read(response: httpx.Response, layers: list[_Layer], limit: int) -> bytes:
    body, first, packed_size = io.BytesIO(), b"", 0
    async for packed in response.aiter_raw():
        packed_size += len(packed)
        if packed_size > limit:
            raise TooLargeError
        for piece in _unpacked(packed, layers):
            if body.tell() + len(piece) > limit:
                raise TooLargeError
            if not body.tell():
                first = piece
            body.write(piece)
    if any(layer.fed and not layer.ended for layer in layers):
        raise httpx.ReadError("the compressed body ends too early")
    # One piece needs no second copy.
    return first if len(first) == body.tell() else body.getvalue()


def _unpacked(packed: bytes, layers: list[_Layer]) -> Iterable[bytes]:
    if not layers:
        return (packed,) if packed else ()
    layers[0].fed |= bool(packed)
    return (inner for outer in layers[0].feed(packed) for inner in _unpacked(outer, layers[1:]))


def _released(response: httpx.Response) -> httpx.Response:
    # httpx lets a response and its stream hold each other, and so the body, until a garbage collection.
    response.stream = httpx.ByteStream(b"")
    return response


def _complete(response: httpx.Response, body: bytes) -> httpx.Response:
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _FRAMING]
    complete = WholeResponse(
        response.status_code,
        headers=headers,
        content=body,
        request=response.request,
        extensions=response.extensions,
        history=response.history,
    )
    complete.next_request = response.next_request
    return complete


class _Layer(ABC):
    """One packing of a body; `fed` says whether anything came."""

    fed = False

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether the end was reached."""

    @abstractmethod
    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Unpack, in pieces."""


def accepted_encodings() -> str:
    """What `Accept-Encoding` says: the packings that can be undone here."""
    return ", ".join(name for name in _makers() if name != "x-gzip")


def _layers(response: httpx.Response) -> list[_Layer]:
    """What to undo, the outermost packing first."""
    if "content-encoding" not in response.headers:
        return []
    named = ",".join(response.headers.get_list("content-encoding")).lower().split(",")
    names = [name for name in (part.strip() for part in named) if name not in ("", "identity")]
    makers = _makers()
    unknown = [name for name in names if name not in makers]
    if unknown or len(names) > MAX_LAYERS:
        what = f"`{unknown[0][:40]}`" if unknown else f"{len(names)} nested encodings"
        raise HttpError(
            f"the body is encoded as {what}, which is not supported here",
            code="http_encoding",
            hint=f"Ask for less by the header `Accept-Encoding` ({accepted_encodings()} can be undone); "
            "brotli>=1.2 and zstandard are separate packages.",
        )
    return [makers[name]() for name in reversed(names)]


@cache
def _makers() -> dict[str, Callable[[], _Layer]]:
    """What can be undone, by its name in a header."""
    makers: dict[str, Callable[[], _Layer]] = {"gzip": _Inflater, "x-gzip": _Inflater, "deflate": _Inflater}
    if _brotli():
        makers["br"] = _Brotli
    if _zstandard():
        makers["zstd"] = _Zstd
    return makers


class _Inflater(_Layer):
    """gzip and deflate."""

    def __init__(self) -> None:
        self._waiting = b""
        self._stream: Any = None

    @property
    def ended(self) -> bool:
        return self._stream is not None and bool(self._stream.eof)

    def feed(self, packed: bytes) -> Iterator[bytes]:
        packed, self._waiting = self._waiting + packed, b""
        if self._stream is None:
            # Two bytes distinguish gzip, zlib and raw deflate.
            if len(packed) < 2:
                self._waiting = packed
                return
            self._stream = zlib.decompressobj(_RAW_DEFLATE if _is_raw_deflate(packed) else _GZIP_OR_ZLIB)
        while packed:
            if self._stream.eof:
                # gzip allows several members one after the other; anything else behind the end is padding.
                if packed == _GZIP_MAGIC[:1]:
                    self._waiting = packed
                    return
                if not packed.startswith(_GZIP_MAGIC):
                    return
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            yield from self._pieces(packed)
            packed = self._stream.unused_data

    def _pieces(self, packed: bytes) -> Iterator[bytes]:
        try:
            while True:
                piece = self._stream.decompress(packed, PIECE)
                if piece:
                    yield piece
                packed = self._stream.unconsumed_tail
                # What is left inside comes out by asking with nothing.
                if self._stream.eof or (not packed and len(piece) < PIECE):
                    return
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from error


def _is_raw_deflate(packed: bytes) -> bool:
    """Whether data begins neither as gzip nor as zlib (RFC 1950: method 8, window up to 7, a multiple of 31)."""
    zlibs = packed[0] & 0x0F == 8 and packed[0] >> 4 <= 7 and int.from_bytes(packed[:2], "big") % 31 == 0
    return not zlibs and not packed.startswith(_GZIP_MAGIC)


def _brotli() -> Any:
    """The module, if its decompressor can be bounded."""
    for name in ("brotli", "brotlicffi"):
        try:
            module = __import__(name)
            module.Decompressor().process(b"", output_buffer_limit=PIECE)
        except (ImportError, TypeError, AttributeError):
            continue
        return module
    return None


class _Brotli(_Layer):
    """br."""

    def __init__(self) -> None:
        self._module = _brotli()
        self._stream = self._module.Decompressor()

    @property
    def ended(self) -> bool:
        return bool(self._stream.is_finished())

    def feed(self, packed: bytes) -> Iterator[bytes]:
        try:
            while not self._stream.is_finished():
                piece = self._stream.process(packed, output_buffer_limit=PIECE)
                if piece:
                    yield piece
                packed = b""
                if self._stream.can_accept_more_data():
                    return
        except self._module.error as error:
            raise httpx.DecodingError(str(error) or "not brotli") from error


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError:
        return None
    return zstandard


class _Zstd(_Layer):
    """zstd, of one frame or several."""

    def __init__(self) -> None:
        self._module = _zstandard()
        self._new()

    def _new(self) -> None:
        self._stream = self._module.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()

    @property
    def ended(self) -> bool:
        return bool(self._stream.eof)

    def feed(self, packed: bytes) -> Iterator[bytes]:
        for start in range(0, len(packed), _ZSTD_SLICE):
            yield from self._pieces(packed[start : start + _ZSTD_SLICE])

    def _pieces(self, packed: bytes) -> Iterator[bytes]:
        try:
            while packed:
                if self._stream.eof:
                    self._new()
                piece = self._stream.decompress(packed)
                if piece:
                    yield piece
                packed = self._stream.unused_data if self._stream.eof else b""
        except self._module.ZstdError as error:
            raise httpx.DecodingError(str(error)) from error
