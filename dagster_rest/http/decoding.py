"""JSON bodies into Python values, without losing a digit."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from dagster_rest.http.errors import DecodeError

_BOM = b"\xef\xbb\xbf"
# Digits and points all become '0': a number too long for a double is then a run that `find` jumps to.
_FLAT = bytes(0x30 if 0x30 <= i <= 0x39 or i == 0x2E else i for i in range(256))
_LONG_RUN = b"0" * 16
_NUMBER = re.compile(rb"[-+\d.eE]+")
_SPACE = b" \n\r\t"
_BEFORE, _AFTER = frozenset(b":,[ \n\t\r"), frozenset(b",]} \n\t\r")
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
    return _decode_exactly(body) if _lost_digits(body, value) else value


def _lost_digits(body: bytes, value: Any) -> bool:
    flat = body.translate(_FLAT)
    at = flat.find(_LONG_RUN)
    if at < 0 or _written_back_the_same(body, value):
        return False
    while at >= 0:
        match = _NUMBER.match(body, at)
        end = match.end() if match else at + len(_LONG_RUN)
        start = at - 1 if body[at - 1 : at] == b"-" else at
        if _stands_alone(body, start, end) and _is_lossy(body[start:end]):
            return True
        at = flat.find(_LONG_RUN, end)
    return False


def _written_back_the_same(body: bytes, value: Any) -> bool:
    """Whether the value's JSON is the body but for white space: then every number has kept its digits."""
    import orjson

    try:
        return _plainest(orjson.dumps(value)) == _plainest(body)
    except TypeError:
        return False


def _plainest(text: bytes) -> bytes:
    # Python writes 1e-05 and 1e+16 where others write 1e-5 and 1e16; the value is the same.
    return text.translate(None, _SPACE).replace(b"e-0", b"e-").replace(b"e+", b"e")


def _stands_alone(body: bytes, start: int, end: int) -> bool:
    return (start == 0 or body[start - 1] in _BEFORE) and (end == len(body) or body[end] in _AFTER)


def _is_lossy(number: bytes) -> bool:
    if number.lstrip(b"-").isdigit():
        return not _I64_MIN <= int(number) <= _U64_MAX
    try:
        return repr(float(number)).encode() != number and isinstance(_exact(number.decode()), Decimal)
    except (ValueError, ArithmeticError):
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
