"""JSON bodies into Python values, without losing a digit."""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from dagster_rest.http.errors import DecodeError

_BOM = b"\xef\xbb\xbf"
# Digits and points all become '0', and 'E' becomes 'e': a number too long for a double is then a run that `find` jumps
# to, and so is a negative exponent of three digits, which may be less than the smallest double.
_FLAT = bytes(0x30 if 0x30 <= i <= 0x39 or i == 0x2E else 0x65 if i == 0x45 else i for i in range(256))
_REPLACEMENT = "\ufffd"
_LONG_RUN = b"0" * 16
_EXPONENT = b"0e-000"
_TINY = re.compile(rb"0e-000+(?:[\s,\]}]|\Z)")
# A double keeps any 15 digits.
_SAFE_DIGITS = 15
_INFINITE = float("inf")
_PIECE = _LARGE = 1 << 20
# The first characters say whether a body can be JSON, before anything copies it; zero bytes are those of UTF-16 and
# UTF-32.
_MARK = rb"(?:\xef\xbb\xbf|\xff\xfe(?:\x00\x00)?|(?:\x00\x00)?\xfe\xff)?"
_EMPTY = re.compile(_MARK + rb"[ \t\r\n\x0b\x0c]*")
_BEGIN = re.compile(_MARK + rb"(?:\x00{0,3}[ \t\r\n\x0b\x0c])*\x00{0,3}[\[{\"\-0-9tfnNI]")


def decode_json(body: bytes, *, encoding: str | None = None) -> Any:
    """Decode a JSON body.

    Integers of any size stay `int`. A number that a double would round (to 0 or infinity, too) comes as `Decimal`,
    every other one with a point or exponent as `float`. NaN, Infinity, a byte order mark and UTF-16 are tolerated.

    Args:
        body: The decompressed bytes. Empty or only white space decodes to None.
        encoding: The charset the response names, if any.

    Returns:
        dict, list, str, int, float, Decimal, bool or None.

    Raises:
        DecodeError: The body is not JSON. The message shows no part of the body.

    Example:
        ```python
        from dagster_rest.http.parse.json import decode_json

        assert decode_json(b'{"id": 123456789012345678901}') == {"id": 123456789012345678901}
        ```
    """
    if _EMPTY.fullmatch(body):
        return None
    if not _BEGIN.match(body):
        raise DecodeError("the body is not JSON: it does not begin like JSON", code="http_not_json")
    try:
        whole = memoryview(body)[len(_BOM) :] if body.startswith(_BOM) else body
        return _decode_exactly(whole) if _may_lose_digits(body) else _decode_plainly(whole)
    except RecursionError:
        raise DecodeError("the body cannot be read: it is nested too deep", code="http_not_json") from None
    except ValueError:
        return _decode_tolerantly(body, encoding)


def _may_lose_digits(body: bytes) -> bool:
    """Whether a number (or a text) that a double might not hold is in the body: of so many digits, or so small."""
    ends = len(_LONG_RUN) - 1
    pieces = (body[at : at + _PIECE + ends].translate(_FLAT) for at in range(0, len(body), _PIECE))
    # A UUID may have such an exponent in it, but nothing that ends like a number.
    return any(_LONG_RUN in piece or (_EXPONENT in piece and _TINY.search(piece)) for piece in pieces)


def _decode_plainly(body: bytes | memoryview) -> Any:
    # orjson is the faster one with small bodies; with large ones it takes half as much memory again, and time.
    if len(body) >= _LARGE:
        import msgspec

        return msgspec.json.decode(body)
    import orjson

    return orjson.loads(body)


def _decode_exactly(body: bytes | memoryview) -> Any:
    import msgspec

    return msgspec.json.Decoder(float_hook=_exact).decode(body)


def _exact(text: str) -> float | Decimal:
    number = float(text)
    if (len(text) <= _SAFE_DIGITS and number and -_INFINITE < number < _INFINITE) or repr(number) == text:
        return number
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise ValueError("the exponent of a number is out of range") from None
    return number if Decimal(repr(number)) == exact else exact


def _decode_tolerantly(body: bytes, encoding: str | None) -> Any:
    texts = _texts(body, encoding)
    replaced = None if texts else _replaced(body, encoding)
    for text in texts or [replaced or ""]:
        try:
            value = json.loads(text, parse_float=_exact)
        except (ValueError, RecursionError) as error:
            problem = str(error)
            continue
        if replaced is None:
            return value
        raise DecodeError(
            f"the body contains bytes that are not {_charset(body, encoding)}, for example in "
            f"{_around_first_replacement(replaced)!r}",
            code="http_charset",
        )
    raise DecodeError(f"the body is not JSON: {problem}", code="http_not_json")


def decode_replacing(body: bytes, *, encoding: str | None = None) -> tuple[Any, int]:
    """Decode a JSON body, with U+FFFD for bytes that are not of its encoding.

    Args:
        body: The decompressed bytes.
        encoding: The charset the response names, if any.

    Returns:
        The value, and how many characters were put in.

    Raises:
        DecodeError: The body is not JSON even so.
    """
    text = _replaced(body, encoding)
    count = text.count(_REPLACEMENT) - body.decode(_charset(body, encoding), errors="ignore").count(_REPLACEMENT)
    try:
        return json.loads(text, parse_float=_exact), count
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"the body is not JSON: {error}", code="http_not_json") from None


def _texts(body: bytes, encoding: str | None) -> list[str]:
    texts = []
    for name in dict.fromkeys([json.detect_encoding(body), encoding or "utf-8"]):
        try:
            texts.append(body.decode(name))
        except (UnicodeDecodeError, LookupError):
            continue
    return texts


def _charset(body: bytes, encoding: str | None) -> str:
    """The encoding that a body is said to have."""
    detected = json.detect_encoding(body)
    if encoding is None or not detected.startswith("utf-8"):
        return detected
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return detected


def _replaced(body: bytes, encoding: str | None) -> str:
    return body.decode(_charset(body, encoding), errors="replace")


def _around_first_replacement(text: str) -> str:
    """A few characters around the first one that could not be read."""
    at = text.find(_REPLACEMENT)
    return text[max(0, at - 12) : at + 12]


def key_tree(value: Any, *, depth: int = 3, width: int = 12) -> str:
    """The keys of a body as one line, without any value: `{data: [3 x {id, name}], next: str}`."""
    if isinstance(value, dict):
        if depth == 0:
            return "{...}"
        shown = [f"{key}: {key_tree(item, depth=depth - 1, width=width)}" for key, item in list(value.items())[:width]]
        more = [f"... {len(value) - width} more"] if len(value) > width else []
        return "{" + ", ".join(shown + more) + "}"
    if isinstance(value, list):
        inner = f" x {key_tree(value[0], depth=depth - 1, width=width)}" if value and depth else ""
        return f"[{len(value)}{inner}]"
    return "null" if value is None else type(value).__name__
