"""One redactor for logs, errors and metadata: it knows the secrets of a client and what secrets look like."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html.entities import codepoint2name
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, unquote

MASK = "***"
_SENSITIVE = (
    r"[\w.-]*(?:token|secret|passw(?:or)?d|passphrase|pwd|api[_-]?key|apikey|access[_-]?key|credential|signature"
    r"|authorization|assertion|cookie|session[_-]?id|client[_-]?id|private[_-]?key)[\w.-]*"
)
# In a query or a header these mean a secret; in a body they are a country's code or an issue's key.
_NAME = _SENSITIVE + "|key|sig|auth|code|jwt"
_SENSITIVE_NAME = re.compile(_NAME, re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/@\s'\"]+@")
_QUERY = re.compile(rf"(?<=[?&;])({_NAME})=([^&\s#'\"<>]+)", re.IGNORECASE)
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|api-key|x-auth-token)"
    r"(?!['\"], ?b['\"]\*\*\*)(['\"]?\s*[:=,]\s*['\"]?)([^'\"\r\n}\])]+)"
)
# A pair as Python shows it: `(b'Set-Cookie', b'sid=1')`.
_PAIR = re.compile(rf"(?i)(\(b?(['\"])(?:{_NAME})\2,\s*b?)(['\"])(?:\\.|(?!\3).)*\3")
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}")
_JSON = re.compile(rf"(?i)([\"'](?:{_SENSITIVE})[\"']\s*:\s*)([\"'])(?:(?!\2).)*\2")
_AUTHORITY = re.compile(r"[^/?#]*")
_SHORTEST = 4
_CREDENTIAL = re.compile(r"[^\s,;]{6,}")
_NAMED_VALUE = re.compile(r"(?:\A|[\s,;])[\w.-]+=\"?([^\s,;\"]{6,})")
_LETTERED = {"\n": "n", "\r": "r", "\t": "t"}
_CHARS = re.compile(r"(\\*)([^\\]|\Z)", re.DOTALL)
_NEVER_ESCAPED = re.compile(r"[A-Za-z0-9_.~-]")
_CONCEALED = "(secret:"


def _name_of(secret: str) -> str:
    return f"{_CONCEALED}{hashlib.sha256(secret.encode()).hexdigest()[:16]})"


def is_sensitive_name(name: str) -> bool:
    """Whether a header, parameter or field of this name usually holds a secret."""
    return _SENSITIVE_NAME.fullmatch(name) is not None


class Redactor:
    """Takes secrets out of texts.

    It knows values (those of the client's auth, of headers and parameters with sensitive names, of environment
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
        # Replaced, never changed: requests of other threads may be reading it.
        self._secrets: frozenset[str] = frozenset()
        self._bases: frozenset[str] = frozenset()
        # In the spellings that can be put back, and in any that a text may hold.
        self._pattern: re.Pattern[str] | None = None
        self._any_form: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: Any) -> None:
        """Learn more values."""
        before = len(self._secrets)
        for secret in secrets:
            text = secret.decode("utf-8", "replace") if isinstance(secret, bytes) else str(secret or "")
            for part in (text, *_credentials(text)):
                if len(part.strip()) >= _SHORTEST:
                    self._secrets = self._secrets | _spellings(part)
                    self._bases = self._bases | _bases(part)
        if len(self._secrets) != before:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
            self._any_form = re.compile("|".join(map(_in_any_form, sorted(self._bases, key=len, reverse=True))))

    def add_named(self, values: Any) -> None:
        """Learn the values in headers, parameters or a body with sensitive names."""
        self.add(*named_secrets(values))

    def redact(self, text: object) -> str:
        """The text without secrets."""
        clean = str(text)
        if self._any_form is not None:
            clean = self._any_form.sub(MASK, clean)
        clean = _USERINFO.sub(f"{MASK}@", clean)
        clean = _QUERY.sub(rf"\1={MASK}", clean)
        clean = _PAIR.sub(rf"\1\3{MASK}\3", clean)
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

    def conceal(self, value: Any) -> Any:
        """A JSON value whose known secrets are replaced by names, so that it may be stored.

        Returns:
            The value; None if it holds a secret in a form that could not be put back.
        """
        if self._pattern is None or self._any_form is None or value is None:
            return value
        text = self._pattern.sub(lambda match: _name_of(match.group()), json.dumps(value))
        return None if self._any_form.search(text) else json.loads(text)

    def reveal(self, value: Any) -> Any:
        """The value that `conceal` was given; names of secrets that are not known any more stay."""
        text = json.dumps(value)
        if _CONCEALED not in text:
            return value
        for secret in self._secrets:
            text = text.replace(_name_of(secret), json.dumps(secret)[1:-1])
        return json.loads(text)


class RedactingFilter(logging.Filter):
    """Redacts what the libraries below us log: httpx writes whole URLs at INFO.

    Args:
        redactor: The redactor of the client that is open.
    """

    LOGGERS = (
        *("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"),
        *("aiohttp.client", "aiohttp.internal", "hpack.hpack", "hpack.table"),
        *("requests", "urllib3.connectionpool", "urllib3.util.retry", "dagster_rest.http"),
    )

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's text by its redacted form."""
        record.msg, record.args = self._redactor.redact(record.getMessage()), ()
        return True

    def install(self) -> None:
        """Begin."""
        for name in self.LOGGERS:
            logging.getLogger(name).addFilter(self)

    def remove(self) -> None:
        """End."""
        for name in self.LOGGERS:
            logging.getLogger(name).removeFilter(self)


def named_secrets(values: Any) -> list[str]:
    """The texts in a mapping (or in mappings inside of it) with sensitive names.

    What is still to come from the environment is left to ``environment_secrets``.
    """
    from dagster_rest.config.values.env import is_env

    found: list[str] = []
    if isinstance(values, Mapping):
        for name, value in values.items():
            if isinstance(value, (Mapping, list, tuple)) and not is_sensitive_name(str(name)):
                found += named_secrets(value)
            elif is_sensitive_name(str(name)):
                several = value if isinstance(value, (list, tuple)) else [value]
                found += [str(one) for one in several if one is not None and not is_env(one)]
    elif isinstance(values, (list, tuple)):
        for value in values:
            pair = isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)
            found += named_secrets({value[0]: value[1]} if pair else value)
    return found


def query_secrets(url: str) -> list[str]:
    """The values in a URL's query with sensitive names."""
    return named_secrets(parse_qs(url.partition("?")[2].partition("#")[0]))


def userinfo_secrets(url: str) -> list[str]:
    """User and password in a URL, percent-decoded; also in one that nothing can read, as `http://u:p/w@host`."""
    rest = url.partition("://")[2] or url
    authority = _AUTHORITY.match(rest).group()  # type: ignore[union-attr]
    port = authority.rpartition(":")[2] if ":" in authority and not authority.endswith("]") else ""
    unreadable = "@" not in authority and port != "" and not port.isdigit()
    userinfo = (rest if unreadable else authority).rpartition("@")[0]
    user, _, password = userinfo.partition(":")
    return [unquote(part) for part in (user, password) if part]


def environment_secrets(config: Any, *, key: str = "") -> list[str]:
    """The values of the environment variables that a config names; that of a whole URL is no secret.

    Args:
        config: A model, dict, list or text of the config, not resolved.
        key: The key it stands under.
    """
    from dagster_rest.config.values.env import env_names, is_env

    if is_env(config):
        values = [os.environ.get(name, "") for name in env_names(config)]
        readable = _before_path(config) if key in _ADDRESSES else 0
        return [value for value in values[readable:] if value]
    if isinstance(config, Mapping):
        inner = [(str(name), value) for name, value in config.items()]
    elif isinstance(config, (list, tuple)):
        inner = [(key, value) for value in config]
    elif hasattr(type(config), "model_fields") and not isinstance(config, type):
        inner = [(name, getattr(config, name)) for name in type(config).model_fields]
    else:
        return []
    return [secret for name, value in inner for secret in environment_secrets(value, key=name)]


_ADDRESSES = frozenset(
    {"base_url", "proxy", "allowed_origins", "access_token_url", "audience", "verify", "staging_dir"}
)


def _before_path(reference: Any) -> int:
    """How many of a text's variables make up scheme, host and port; those in the path may hold a token."""
    from dagster_rest.config.values.env import EnvRef

    if not isinstance(reference, EnvRef):
        # One variable is all of the text.
        return 1
    text, count = "", 0
    for piece in reference.pieces:
        if "/" in text.partition("://")[2]:
            break
        if isinstance(piece, str):
            text += piece
        else:
            count += 1
            text += os.environ.get(piece.name) or piece.default or ""
    return count


def _credentials(text: str) -> list[str]:
    """What is secret by itself in a header's value: `Bearer abc`, `Token token=abc`, `sid=abc; theme=dark`."""
    scheme, _, rest = text.strip().partition(" ")
    found = [pair[1] for pair in _NAMED_VALUE.finditer(text)]
    if _CREDENTIAL.fullmatch(rest):
        found.append(rest)
    if scheme.lower() == "basic":
        try:
            found.append(base64.b64decode(rest, validate=True).decode().partition(":")[2])
        except ValueError:
            return found
    return found


def _in_any_form(secret: str) -> str:
    """A regular expression for a text however it is escaped: in a URL, in JSON, in HTML, in a literal of Python.

    There is one way only to match any text, so that a long one cannot take for ever.
    """
    return "".join(_forms(len(found[1]), found[2]) for found in _CHARS.finditer(secret))


@cache
def _forms(backslashes: int, char: str) -> str:
    """The forms of a character and of the backslashes before it."""
    if not backslashes and (not char or _NEVER_ESCAPED.match(char)):
        return re.escape(char)
    raw, coded = _raw_forms(char), _coded_forms(char)
    any_form = rf"\\{{{backslashes},{4 * backslashes + 4}}}(?:{coded}|{raw})"
    if backslashes:
        any_form += (
            rf"|(?i:%(?:25)*5c|&(?:amp;)*#(?:92|x5c);|\\{{1,4}}u005c){{{backslashes}}}(?:{coded}|{re.escape(char)})"
        )
    return f"(?:{any_form})"


def _raw_forms(char: str) -> str:
    """A character as it is, or as it stands behind a backslash."""
    units = char.encode("utf-16-be", "surrogatepass").hex()
    unicode = r"\\{1,4}".join(f"u{units[at : at + 4]}" for at in range(0, len(units), 4))
    forms = [re.escape(char), *([rf"(?i:{unicode})"] if char else [])]
    if char and ord(char) < 256:
        forms.append(f"(?i:x{ord(char):02x})")
    return "|".join([*forms, *_LETTERED.get(char, "")])


def _coded_forms(char: str) -> str:
    """A character in a URL or in HTML."""
    if not char:
        return ""
    code = ord(char)
    percent = "".join(f"%(?:25)*{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
    named = [f"&(?:amp;)*{codepoint2name[code]};"] if code in codepoint2name else []
    plus = [r"\+"] if char == " " else []
    return "(?i:" + "|".join([percent, f"&(?:amp;)*#(?:0*{code}|x0*{code:x});", *named, *plus]) + ")"


def _bases(secret: str) -> set[str]:
    """What to look for in any form: the secret, its lines, and both in base64."""
    basic = base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    lines = {line.strip() for line in secret.splitlines() if len(line.strip()) >= 16}
    return {secret.strip(), basic, basic.translate(str.maketrans("+/", "-_")), *lines}


def _spellings(secret: str) -> set[str]:
    raw = secret.encode()
    coded = {quote(secret, safe=""), quote(secret), quote_plus(secret), base64.b64encode(raw).decode()}
    literal = {secret.encode("unicode_escape").decode(), repr(secret)[1:-1]}
    return {secret, base64.urlsafe_b64encode(raw).decode(), *coded, *literal, *_bases(secret)}
