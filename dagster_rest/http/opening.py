"""Opens the sending side of a client.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Coroutine, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx

from dagster_rest.http.admission import Admission
from dagster_rest.http.errors import HttpError
from dagster_rest.http.exchange import Exchange
from dagster_rest.http.rate_limit import RateLimiter
from dagster_rest.http.redaction import RedactingFilter
from dagster_rest.http.request import origin_of
from dagster_rest.http.retry import RetryPolicy
from dagster_rest.http.transport import SessionTransport, create_transport
from dagster_rest.version import __version__

if TYPE_CHECKING:
    from dagster_rest.http.client import RestClient

#: Until a response has to be complete, unless `timeout.total` says something else.
TOTAL_SECONDS = 600.0
Last = Callable[[], Coroutine[Any, Any, None]]


def open_exchange(options: SimpleNamespace, *, base_url: str, client: RestClient) -> tuple[Exchange, Last]:
    """The exchange of a client, and the coroutine that closes it."""
    http = options.session if isinstance(options.session, httpx.AsyncClient) else _http(options, base_url, client)
    limiter = _limiter(options.rate_limit, base_url)
    exchange = Exchange(
        http=http,
        headers={"User-Agent": f"dagster-rest/{__version__}", "Accept": "*/*", **options.headers},
        params=options.params,
        policy=RetryPolicy.from_config(options.retry),
        admission=Admission(limiter=limiter, stats=client.stats),
        redactor=client.redactor,
        stats=client.stats,
        max_bytes=options.max_response_bytes,
        max_seconds=_total_seconds(options.timeout),
        follow_redirects=options.follow_redirects,
    )

    quiet = RedactingFilter(client.redactor)
    quiet.install()

    async def last() -> None:
        quiet.remove()
        if http is not options.session:
            await http.aclose()
        if limiter is not None:
            limiter.close()

    return exchange, last


def _http(options: SimpleNamespace, base_url: str, client: RestClient) -> httpx.AsyncClient:
    if options.session is not None:
        if not callable(getattr(options.session, "request", None)):
            raise HttpError(
                f"{type(options.session).__name__} is not a session",
                code="http_request_invalid",
                hint="Give a requests.Session, an httpx.Client or an httpx.AsyncClient.",
            )
        session = SessionTransport(options.session)
        return httpx.AsyncClient(transport=session, timeout=_timeout(options.timeout), trust_env=False)
    if options.http2 and importlib.util.find_spec("h2") is None:
        raise HttpError("HTTP/2 needs the package h2", code="http_request_invalid", hint="pip install httpx[http2]")
    transport = options.transport or create_transport(
        base_url=base_url,
        verify=options.verify,
        cert=options.cert,
        proxy=options.proxy,
        http2=options.http2,
        max_connections=max(client.max_concurrency, 64),
    )
    return httpx.AsyncClient(transport=transport, timeout=_timeout(options.timeout), trust_env=False)


def _timeout(timeout: Any) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        return timeout
    if isinstance(timeout, Mapping):
        return httpx.Timeout(60.0, **{name: seconds for name, seconds in timeout.items() if name != "total"})
    if hasattr(timeout, "connect"):
        return httpx.Timeout(connect=timeout.connect, read=timeout.read, write=timeout.write, pool=timeout.pool)
    return httpx.Timeout(timeout, pool=None)


def _total_seconds(timeout: Any) -> float | None:
    """The longest time for one whole response; also for a time-out that does not name it."""
    given = timeout.get("total", TOTAL_SECONDS) if isinstance(timeout, Mapping) else TOTAL_SECONDS
    total: float | None = getattr(timeout, "total", given)
    return total


def _limiter(config: Any, base_url: str) -> RateLimiter | None:
    if config is None:
        return None
    if isinstance(config, Mapping):
        from dagster_rest.config.client import RateLimitConfig

        config = RateLimitConfig(**config)
    if not hasattr(config, "requests"):
        raise HttpError(
            f"{type(config).__name__} is not a rate limit",
            code="http_rate_limit_config",
            hint='Write {"requests": 100, "per": "1m"}.',
        )
    return RateLimiter(requests=config.requests, seconds=float(config.per), name=config.key or origin_of(base_url))
