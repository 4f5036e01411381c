"""JSON bodies into Python values, without losing a digit."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from dagster_rest.http.errors import DecodeError

_BOM = b"\xef\xbb\xbf"
# Every digit becomes '0' and points vanish, so that one `in` finds a run of digits too long for a double.
_DIGITS = bytes(0x30 if 0x30 <= i <= 0x39 else i for i in range(256))
_LONG_RUN = b"0" * 16
_LONG_NUMBER = re.compile(rb"(?<=[:,\[ \n\t\r])-?\d[\d.]{14,}(?:[eE][+-]?\d+)?(?=[,\]}\s])|\A\s*-?\d[\d.]{14,}\s*\Z")
_I64_MIN, _U64_MAX = -(2**63), 2**64 - 1


def decode_json(body: bytes, *, encoding: str | None = None) -> Any:
    """Decode a JSON body.

    Integers of any size stay `int`. A number that a double would round comes as `Decimal`, every other one with a
    point or exponent as `float`. NaN, Infinity, a byte order mark and UTF-16 are tolerated.

    Args:
        body: The decompressed bytes. Empty or only white space decodes to None.
        encoding: The charset the response names, if any.

    Returns:
        dict, list, str, int, float, Decimal, bool or None.

    Raises:
        DecodeError: The body is not JSON. The message shows no part of the body.

    Example:
        ```python
        from dagster_rest.http.decoding import decode_json

        assert decode_json(b'{"id": 123456789012345678901}') == {"id": 123456789012345678901}
        ```
    """
    import orjson

    if body.startswith(_BOM):
        body = body[3:]
    if not body.strip():
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _decode_tolerantly(body, encoding)
    return _decode_exactly(body) if _would_lose_digits(body) else value


def _would_lose_digits(body: bytes) -> bool:
    if _LONG_RUN not in body.translate(_DIGITS, b"."):
        return False
    return any(_is_lossy(match.group()) for match in _LONG_NUMBER.finditer(body))


def _is_lossy(number: bytes) -> bool:
    text = number.decode().strip()
    if text.lstrip("-").isdigit():
        return not _I64_MIN <= int(text) <= _U64_MAX
    try:
        return isinstance(_exact(text), Decimal)
    except ArithmeticError:
        return False


def _exact(text: str) -> float | Decimal:
    number = float(text)
    exact = Decimal(text)
    return number if Decimal(repr(number)) == exact else exact


def _decode_exactly(body: bytes) -> Any:
    import msgspec

    return msgspec.json.Decoder(float_hook=_exact).decode(body)


def _decode_tolerantly(body: bytes, encoding: str | None) -> Any:
    for text in _texts(body, encoding):
        try:
            return json.loads(text, parse_float=_exact)
        except (ValueError, RecursionError) as error:
            problem = str(error)
    raise DecodeError(f"the body is not JSON: {problem}", code="http_not_json")


def _texts(body: bytes, encoding: str | None) -> list[str]:
    texts = []
    for name in dict.fromkeys([json.detect_encoding(body), encoding or "utf-8"]):
        try:
            texts.append(body.decode(name))
        except (UnicodeDecodeError, LookupError):
            continue
    return texts or [body.decode("utf-8", errors="replace")]


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
