"""The sockets: aiohttp below httpx's API where it can, httpx's own transport where it cannot.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import httpx_aiohttp
from yarl import URL

from dagster_rest.http.auth.credentials import AUTHORIZED
from dagster_rest.http.errors import ClientConfigError
from dagster_rest.http.transport.body import TooLargeError, read_body
from dagster_rest.http.transport.proxies import Proxies
from dagster_rest.http.transport.tls import Tls

READ_BUFFER = 256 * 1024
HEADER_BYTES = 64 * 1024
HEADERS = 1024
_PIECE = 64 * 1024


def create_transport(*, tls: Tls, proxies: Proxies, http2: bool, max_connections: int) -> httpx.AsyncBaseTransport:
    """The fastest transport that can do what is asked; proxies and HTTP/2 need httpx's own.

    Raises:
        ClientConfigError: A package is missing.
    """
    if http2 and importlib.util.find_spec("h2") is None:
        raise ClientConfigError("HTTP/2 needs the package h2", where="client.http2", hint="pip install httpx[http2]")
    if any(url.lower().startswith("socks") for url in proxies.urls.values()) and _lacks("socksio"):
        raise ClientConfigError(
            "a SOCKS proxy needs the package socksio", where="client.proxy", hint="pip install httpx[socks]"
        )
    limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)

    def make(proxy: str | None) -> httpx.AsyncBaseTransport:
        if proxy is None and not http2:
            return AiohttpTransport(tls, max_connections)
        way = None if proxy is None else httpx.Proxy(proxy, ssl_context=_proxy_context(proxy, tls))
        return httpx.AsyncHTTPTransport(verify=tls.context(), http2=http2, proxy=way, limits=limits)

    return RoutingTransport(proxies, make) if proxies else make(None)


def _lacks(package: str) -> bool:
    return importlib.util.find_spec(package) is None


def _proxy_context(proxy: str, tls: Tls) -> Any:
    return tls.context(with_cert=False) if proxy.lower().startswith("https://") else None


class RoutingTransport(httpx.AsyncBaseTransport):
    """Sends every request by the proxy of its own URL, or directly.

    Args:
        proxies: Which proxy a URL goes through.
        make: Makes the transport of a proxy, or of None.
    """

    def __init__(self, proxies: Proxies, make: Callable[[str | None], httpx.AsyncBaseTransport]) -> None:
        self._proxies, self._make = proxies, make
        self._made: dict[str | None, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it the way that its URL goes."""
        proxy = self._proxies.for_url(request.url)
        if proxy not in self._made:
            self._made[proxy] = self._make(proxy)
        return await self._made[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of all ways."""
        for transport in self._made.values():
            await transport.aclose()


class BoundedTransport(httpx.AsyncBaseTransport):
    """Returns whole, decompressed responses of limited size; an auth may read them before the sender does.

    Args:
        inner: The transport that sends.
        limit: The most bytes of a body, unpacked.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, limit: int) -> None:
        self._inner, self._limit = inner, limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and read the body.

        Raises:
            TooLargeError: The body is over the limit.
        """
        response = await self._inner.handle_async_request(request)
        response.request = request
        return await read_body(response, limit=self._limit)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class AiohttpTransport(httpx_aiohttp.AiohttpTransport):
    """aiohttp as the transport of an `httpx.AsyncClient`, sending exactly what httpx prepared."""

    def __init__(self, tls: Tls, max_connections: int) -> None:
        self._session_factory = _AiohttpSession(tls, max_connections)
        super().__init__(verify=_unused_context(), client=self._session_factory)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session_factory.close()


def _unused_context() -> Any:
    # The session has its own; making one here would load certificates that plain http never needs.
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _AiohttpSession:
    """An aiohttp session that adds no header, keeps no cookie and does not quote a URL again."""

    def __init__(self, tls: Tls, max_connections: int) -> None:
        self._tls, self._max_connections = tls, max_connections
        self._session: aiohttp.ClientSession | None = None

    def __call__(self) -> Any:
        return self

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._max_connections, keepalive_timeout=30, ttl_dns_cache=60)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                read_bufsize=READ_BUFFER,
                max_line_size=HEADER_BYTES,
                max_field_size=HEADER_BYTES,
                max_headers=HEADERS,
            )
            # aiohttp would send a GET a second time by itself, past the rate limit, the retries and the counters.
            self._session._retry_connection = False
        return self._session

    def request(self, *, url: str, **options: Any) -> Any:
        target = URL(url, encoded=True)
        # httpx has made a header of user and password already, unless another auth goes before.
        target = target if target.raw_user is None else target.with_user(None)
        if target.scheme == "https":
            options["ssl"] = self._tls.context()
        return self._open().request(url=target, **options)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class SessionTransport(httpx.AsyncBaseTransport):
    """A synchronous session of the user's, `requests.Session` or `httpx.Client`, each request in a thread.

    Args:
        session: It stays open.
        limit: The most bytes of a body, unpacked.
    """

    def __init__(self, session: Any, *, limit: int) -> None:
        self._session, self._limit = session, limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send with the session, whose own headers, cookies, adapters and retries apply."""
        content = await request.aread()
        return await asyncio.to_thread(self._send, request, content)

    def _send(self, request: httpx.Request, content: bytes) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name not in _SESSIONS_OWN}
        authorized = AUTHORIZED in request.extensions
        given = request.url.params
        timeout = request.extensions.get("timeout", {}).get("read")
        if isinstance(self._session, httpx.Client):
            with self._session.stream(
                request.method,
                request.url,
                # The session's would replace the URL's.
                params=given if self._session.params else None,
                headers=headers,
                content=content,
                auth=httpx.Auth() if authorized else httpx.USE_CLIENT_DEFAULT,
                follow_redirects=False,
            ) as opened:
                return self._complete(opened, opened.iter_bytes(_PIECE))
        # Only requests streams; the body of anything alike is there already.
        bounded = {"stream": True} if hasattr(self._session, "mount") else {}
        answer = self._session.request(
            request.method,
            str(request.url),
            # The session's would stand beside the URL's.
            params={name: None for name in getattr(self._session, "params", None) or {} if name in given},
            headers=headers,
            data=content,
            # None would be the session's own, or that of a netrc file.
            auth=_as_it_is if authorized else None,
            allow_redirects=False,
            timeout=timeout,
            **bounded,
        )
        pieces = answer.iter_content(_PIECE) if bounded else [answer.content]
        try:
            return self._complete(answer, pieces)
        finally:
            if bounded:
                answer.close()

    def _complete(self, answer: Any, pieces: Any) -> httpx.Response:
        parts, size = [], 0
        for piece in pieces:
            size += len(piece)
            if size > self._limit:
                raise TooLargeError
            parts.append(piece)
        pairs = answer.headers.multi_items() if isinstance(answer, httpx.Response) else answer.headers.items()
        headers = [(name, value) for name, value in pairs if name.lower() not in _UNPACKED]
        return httpx.Response(answer.status_code, headers=headers, content=b"".join(parts))


def _as_it_is(prepared: Any) -> Any:
    """An auth of requests that changes nothing."""
    return prepared


_SESSIONS_OWN = frozenset({"host", "content-length", "connection", "accept-encoding"})
_UNPACKED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
