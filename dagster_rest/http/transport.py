"""The sockets: aiohttp below httpx's API where it can, httpx's own transport where it cannot.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import httpx_aiohttp
from yarl import URL

READ_BUFFER = 256 * 1024


def create_transport(
    *, base_url: str, verify: Any, cert: Any, proxy: str | None, http2: bool, max_connections: int
) -> httpx.AsyncBaseTransport:
    """The fastest transport that can do what is asked.

    Proxies (also the environment's, unless `NO_PROXY` names the host of `base_url`) and HTTP/2 need httpx's own.
    """
    proxy = proxy or _environment_proxy(base_url)
    if http2 or proxy:
        limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
        return httpx.AsyncHTTPTransport(verify=_ssl_context(verify, cert), http2=http2, proxy=proxy, limits=limits)
    plain = verify is True and cert is None and base_url.lower().startswith("http://")
    # Loading certificates takes 20 ms; without TLS in sight, aiohttp's own context is there for a redirect to https.
    return AiohttpTransport(None if plain else _ssl_context(verify, cert), max_connections)


def _environment_proxy(base_url: str) -> str | None:
    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme or "https") or proxies.get("all")
    return None if proxy is None or proxy_bypass(parts.hostname or "") else proxy


def _ssl_context(verify: Any, cert: Any) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        context = verify
    elif verify is True:
        context = httpx.create_ssl_context()
    elif verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        path = Path(verify)
        context = ssl.create_default_context(capath=path) if path.is_dir() else ssl.create_default_context(cafile=path)
    if cert is not None:
        context.load_cert_chain(*([cert] if isinstance(cert, str) else cert))
    return context


class AiohttpTransport(httpx_aiohttp.AiohttpTransport):
    """aiohttp as the transport of an `httpx.AsyncClient`, sending exactly what httpx prepared."""

    def __init__(self, context: ssl.SSLContext | None, max_connections: int) -> None:
        self._sender = _Sender(context, max_connections)
        unused = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        super().__init__(verify=unused, client=self._sender)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.close()


class _Sender:
    """An aiohttp session that adds no header, keeps no cookie and does not quote a URL again."""

    def __init__(self, context: ssl.SSLContext | None, max_connections: int) -> None:
        self._context, self._max_connections = context, max_connections
        self._session: aiohttp.ClientSession | None = None

    def __call__(self) -> Any:
        return self

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._max_connections, ssl=self._context or True, keepalive_timeout=30, ttl_dns_cache=60
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                read_bufsize=READ_BUFFER,
            )
        return self._session

    def request(self, *, url: str, **options: Any) -> Any:
        target = URL(url, encoded=True)
        # httpx has made a header of user and password already, unless another auth goes before.
        target = target if target.raw_user is None else target.with_user(None)
        return self._open().request(url=target, **options)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class SessionTransport(httpx.AsyncBaseTransport):
    """A synchronous session of the user's, `requests.Session` or `httpx.Client`, each request in a thread.

    Args:
        session: It stays open.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send with the session, whose own headers, cookies, adapters and retries apply."""
        content = await request.aread()
        answer = await asyncio.to_thread(self._send, request, content)
        headers = [(k, v) for k, v in answer.headers.items() if k.lower() not in ("content-encoding", "content-length")]
        return httpx.Response(answer.status_code, headers=headers, content=answer.content, request=request)

    def _send(self, request: httpx.Request, content: bytes) -> Any:
        headers = {name: value for name, value in request.headers.items() if name not in _SESSIONS_OWN}
        timeout = request.extensions.get("timeout", {}).get("read")
        if isinstance(self._session, httpx.Client):
            return self._session.request(
                request.method, request.url, headers=headers, content=content, follow_redirects=False
            )
        try:
            return self._session.request(
                request.method, str(request.url), headers=headers, data=content, allow_redirects=False, timeout=timeout
            )
        except OSError as error:
            # requests' exceptions are OSErrors.
            raise httpx.ReadError(str(error), request=request) from error


_SESSIONS_OWN = frozenset({"host", "content-length", "connection", "accept-encoding"})
