"""What went wrong on the way to an API, read from the exceptions of every library below us."""

from __future__ import annotations

import re
import ssl
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dagster_rest.http.origin import invalid_url_reason

Code = Literal["http_connection", "http_timeout", "http_tls", "http_proxy", "http_request_invalid"]

# Whatever these libraries raise is a failure of the transport, known to the rules below or not.
_LIBRARIES = frozenset(
    {"aiohappyeyeballs", "aiohttp", "anyio", "asyncio", "brotli", "brotlicffi", "h11", "h2"}
    | {"hpack", "http", "httpcore", "httpx", "httpx_aiohttp", "hyperframe", "idna", "python_socks"}
    | {"requests", "select", "socket", "socksio", "ssl", "urllib3", "yarl", "zlib"}
    | {"zstandard", "zstd"}
)
# By name, because requests and urllib3 need not be there.
_UNSENDABLE = frozenset(
    {"InvalidHeader", "InvalidProxyURL", "InvalidSchema", "InvalidURL", "LocalProtocolError"}
    | {"LocationParseError", "MissingSchema", "NonHttpUrlClientError", "URLRequired", "UnsupportedProtocol"}
)
_BYTES = re.compile(r"b(['\"])(?:\\.|(?!\1).)*\1")
_LONGEST = 300
_REFUSED_BY_PROXY = ("403", "407")


@dataclass(frozen=True)
class Failure:
    """A request that got no complete response.

    Attributes:
        code: The error's code.
        what: What happened, in plain words.
        detail: What the library says; it may hold secrets.
        again: Whether another attempt may end otherwise.
    """

    code: Code
    what: str
    detail: str
    again: bool


def read_failure(error: Exception) -> Failure | None:
    """What an exception from the sending side means.

    Args:
        error: The exception, with its causes.

    Returns:
        The failure; None if the exception is not one of the transport (a bug, or a user's own).
    """
    chain = list(_causes(error))
    root = _root_cause(error)
    if not any(_is_known(one) or isinstance(one, ValueError) for one in chain):
        return None
    for one in chain:
        if isinstance(one, ssl.SSLError) or "Certificate" in type(one).__name__:
            return _tls(one)
    if any("ProxyError" in name or "ProxyConnection" in name for name in _names(chain)):
        refused = str(root).lstrip().startswith(_REFUSED_BY_PROXY)
        return Failure("http_proxy", "the proxy refused", _say(root), again=not refused)
    if _is_known(root) and any("Timeout" in name for name in _names([root])):
        return Failure("http_timeout", "no response in time", _say(root), again=True)
    if not _names([root]).isdisjoint(_UNSENDABLE):
        return Failure("http_request_invalid", "the request cannot be sent", _without_url(root), again=False)
    if _is_known(root):
        return Failure("http_connection", "no complete response", _say(root), again=True)
    if isinstance(root, ValueError):
        return Failure("http_request_invalid", "the request cannot be sent", _say(root), again=False)
    return None


def _tls(error: BaseException) -> Failure:
    final = isinstance(error, ssl.SSLCertVerificationError) or not isinstance(error, ssl.SSLError)
    return Failure("http_tls", "no TLS connection", _say(error), again=not final)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and whatever it stands for, each once."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, None if one.__suppress_context__ else one.__context__]
        # aiohttp and exception groups keep what they stand for in attributes.
        inner += [one.__dict__.get(name) for name in ("os_error", "_os_error", "_certificate_error")]
        inner += [found for found in getattr(one, "exceptions", ()) if isinstance(found, Exception)]
        waiting += [found for found in inner if isinstance(found, BaseException)]


def _root_cause(error: BaseException) -> BaseException:
    """The exception that says most: httpx-aiohttp calls every lost connection a time-out of the connect."""
    group = [found for found in getattr(error, "exceptions", ()) if isinstance(found, Exception)]
    if group:
        return _root_cause(group[0])
    cause = error.__cause__
    return _root_cause(cause) if cause is not None and _is_of_transport(error) and _is_known(cause) else error


def _is_known(error: BaseException) -> bool:
    return _is_of_transport(error) or isinstance(error, (OSError, EOFError)) or _is_state_of_transport(error)


def _is_state_of_transport(error: BaseException) -> bool:
    """Whether a library refuses to go on: a session that is closed, or has connections of another event loop."""
    if type(error) is not RuntimeError or error.__traceback__ is None:
        return False
    *_, (innermost, _) = traceback.walk_tb(error.__traceback__)
    module: str = innermost.f_globals.get("__name__", "")
    return module.partition(".")[0] in _LIBRARIES


def _is_of_transport(error: BaseException) -> bool:
    return any(kind.__module__.partition(".")[0].lstrip("_") in _LIBRARIES for kind in type(error).__mro__)


def _names(errors: list[BaseException]) -> set[str]:
    return {kind.__name__ for one in errors for kind in type(one).__mro__}


def _say(error: BaseException) -> str:
    text = " ".join(str(error).split())
    # What came over the wire may hold a cookie; a status line does not.
    shown = text if "StatusLine" in type(error).__name__ else _BYTES.sub("b'...'", text)
    return f"{type(error).__name__}: {shown[:_LONGEST]}" if shown else type(error).__name__


def _without_url(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name}: {invalid_url_reason(error)}" if "URL" in name or "Location" in name else _say(error)
