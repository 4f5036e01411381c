"""One redactor for logs, errors and metadata: it knows the secrets of a client and what secrets look like."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
_TELLING = (
    r"[\w.-]*(?:token|secret|passw(?:or)?d|passphrase|pwd|api[_-]?key|apikey|access[_-]?key|credential|signature"
    r"|authorization|assertion|cookie|session[_-]?id|client[_-]?id|private[_-]?key)[\w.-]*"
)
# In a query or a header these mean a secret; in a body they are a country's code or an issue's key.
_NAME = _TELLING + "|key|sig|auth|code|jwt"
_SENSITIVE_NAME = re.compile(_NAME, re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/@\s'\"]+@")
_QUERY = re.compile(rf"(?<=[?&;])({_NAME})=([^&\s#'\"<>]+)", re.IGNORECASE)
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|api-key|x-auth-token)"
    r"(['\"]?\s*[:=,]\s*['\"]?)([^'\"\r\n}\])]+)"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}")
_JSON = re.compile(rf"(?i)([\"'](?:{_TELLING})[\"']\s*:\s*)([\"'])(?:(?!\2).)*\2")
_SHORTEST = 4


def is_sensitive_name(name: str) -> bool:
    """Whether a header, parameter or field of this name usually holds a secret."""
    return _SENSITIVE_NAME.fullmatch(name) is not None


class Redactor:
    """Takes secrets out of texts.

    It knows values (those of the client's auth, of headers and parameters with telling names, of environment
    variables), in plain and in the encodings they travel in, and it knows patterns: userinfo in URLs, `token=...`,
    `Authorization: ...`, `"password": "..."`.

    Args:
        secrets: Values to hide. Those shorter than four characters are left to the patterns.

    Example:
        ```python
        from dagster_rest.http.redaction import Redactor

        assert Redactor(["s3cr3t"]).redact("GET /x?q=s3cr3t") == "GET /x?q=***"
        ```
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: Any) -> None:
        """Learn more values."""
        before = len(self._secrets)
        for secret in secrets:
            text = secret.decode("utf-8", "replace") if isinstance(secret, bytes) else str(secret or "")
            if len(text.strip()) >= _SHORTEST:
                self._secrets |= _spellings(text)
        if len(self._secrets) != before:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def add_named(self, values: Mapping[str, Any] | None) -> None:
        """Learn the values of headers or parameters whose names tell that they are secret."""
        for name, value in (values or {}).items():
            if is_sensitive_name(str(name)):
                self.add(*(value if isinstance(value, (list, tuple)) else [value]))

    def redact(self, text: object) -> str:
        """The text without secrets."""
        clean = str(text)
        if self._pattern is not None:
            clean = self._pattern.sub(MASK, clean)
        clean = _USERINFO.sub(f"{MASK}@", clean)
        clean = _QUERY.sub(rf"\1={MASK}", clean)
        clean = _HEADER.sub(rf"\1\2{MASK}", clean)
        clean = _SCHEME.sub(rf"\1 {MASK}", clean)
        return _JSON.sub(rf"\1\2{MASK}\2", clean)

    def redact_url(self, url: object) -> str:
        """A URL without userinfo and secret parameters."""
        return self.redact(url)

    def shorten(self, body: bytes | str, *, limit: int = 500) -> str:
        """A body for a message: one line, redacted, at most `limit` characters."""
        text = body[: limit * 8].decode("utf-8", "replace") if isinstance(body, bytes) else body[: limit * 8]
        line = " ".join(self.redact(text).split())
        return line if len(line) <= limit else f"{line[:limit]}... ({len(body)} in all)"

    def mask_known(self, text: str) -> tuple[str, bool]:
        """The text with known values only replaced, and whether there were any."""
        clean = self._pattern.sub(MASK, text) if self._pattern is not None else text
        return clean, clean != text


def _spellings(secret: str) -> set[str]:
    raw = secret.encode()
    basic = base64.b64encode(raw).decode()
    lines = {line.strip() for line in secret.splitlines() if len(line.strip()) >= 16}
    return {
        secret,
        secret.strip(),
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        secret.encode("unicode_escape").decode(),
        repr(secret)[1:-1],
        basic,
        basic.rstrip("="),
        base64.urlsafe_b64encode(raw).decode(),
        *lines,
    }
