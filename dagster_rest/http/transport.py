"""The sockets: aiohttp below httpx's API where it can, httpx's own transport where it cannot.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.request import getproxies

import aiohttp
import httpx
import httpx_aiohttp
from yarl import URL

READ_BUFFER = 256 * 1024


def create_transport(
    *, verify: Any, cert: Any, proxy: str | None, http2: bool, max_connections: int
) -> httpx.AsyncBaseTransport:
    """The fastest transport that can do what is asked.

    Proxies (also those of the environment) and HTTP/2 need httpx's own.
    """
    context = _ssl_context(verify, cert)
    environment = {scheme: url for scheme, url in getproxies().items() if scheme in ("http", "https", "all")}
    if http2 or proxy or environment:
        limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
        url = proxy or environment.get("https") or environment.get("http") or environment.get("all")
        return httpx.AsyncHTTPTransport(verify=context, http2=http2, proxy=url, limits=limits)
    return AiohttpTransport(context, max_connections)


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

    def __init__(self, context: ssl.SSLContext, max_connections: int) -> None:
        self._sender = _Sender(context, max_connections)
        super().__init__(verify=context, client=self._sender)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.close()


class _Sender:
    """An aiohttp session that adds no header, keeps no cookie and does not quote a URL again."""

    def __init__(self, context: ssl.SSLContext, max_connections: int) -> None:
        self._context, self._max_connections = context, max_connections
        self._session: aiohttp.ClientSession | None = None

    def __call__(self) -> Any:
        return self

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._max_connections, ssl=self._context, keepalive_timeout=30, ttl_dns_cache=60
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
