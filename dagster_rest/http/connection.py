"""Opens the sending side of a client.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx

from dagster_rest.http.auth.credentials import secrets_of
from dagster_rest.http.errors import HttpError
from dagster_rest.http.origin import origin_of
from dagster_rest.http.redaction import RedactingFilter, userinfo_secrets
from dagster_rest.http.send.admission import Admission
from dagster_rest.http.send.rate_limit import RateLimiter
from dagster_rest.http.send.retry import RetryPolicy
from dagster_rest.http.send.sender import Sender
from dagster_rest.http.transport.body import accepted_encodings
from dagster_rest.http.transport.proxies import Proxies
from dagster_rest.http.transport.sockets import BoundedTransport, SessionTransport, create_transport
from dagster_rest.http.transport.tls import Tls
from dagster_rest.version import __version__

if TYPE_CHECKING:
    from dagster_rest.http.redaction import Redactor
    from dagster_rest.http.send.stats import RequestStats

#: Until a response has to be complete, unless `timeout.total` says something else.
TOTAL_SECONDS = 600.0
Last = Callable[[], Coroutine[Any, Any, None]]


def open_sender(
    options: SimpleNamespace, *, base_url: str, max_concurrency: int, stats: RequestStats, redactor: Redactor
) -> tuple[Sender, Last]:
    """The sender of a client, and the coroutine that closes it."""
    if options.session is not None:
        _learn_secrets(options.session, redactor)
    http = (
        options.session
        if isinstance(options.session, httpx.AsyncClient)
        else _http(options, redactor=redactor, max_concurrency=max_concurrency)
    )
    limiter = _limiter(options.rate_limit, base_url)
    sender = Sender(
        http=http,
        headers=_headers(options.headers),
        params=options.params,
        policy=RetryPolicy.from_config(options.retry),
        admission=Admission(limiter=limiter, stats=stats),
        redactor=redactor,
        stats=stats,
        max_bytes=options.max_response_bytes,
        max_seconds=_total_seconds(options.timeout),
        follow_redirects=options.follow_redirects,
    )

    quiet = RedactingFilter(redactor)
    quiet.install()

    async def last() -> None:
        quiet.remove()
        if http is not options.session:
            await http.aclose()
        if limiter is not None:
            limiter.close()

    return sender, last


def _learn_secrets(session: Any, redactor: Redactor) -> None:
    """Let the redactor know what a session of the user's sends of its own."""
    for part in (getattr(session, "headers", None), getattr(session, "params", None)):
        if isinstance(part, Mapping):
            redactor.add_named(dict(part))
    auth = getattr(session, "auth", None)
    redactor.add(*([] if auth is None else secrets_of(auth)))


def _headers(own: Mapping[str, Any]) -> dict[str, str]:
    """The headers of every request; a name of the user's replaces ours, however it is written."""
    usual = {
        "User-Agent": f"dagster-rest/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": accepted_encodings(),
    }
    named = {name.lower() for name in own}
    return {**{name: value for name, value in usual.items() if name.lower() not in named}, **own}


def _http(options: SimpleNamespace, *, redactor: Redactor, max_concurrency: int) -> httpx.AsyncClient:
    transport = BoundedTransport(
        _transport(options, redactor=redactor, max_concurrency=max_concurrency), limit=options.max_response_bytes
    )
    return httpx.AsyncClient(transport=transport, timeout=_timeout(options.timeout), trust_env=False)


def _transport(options: SimpleNamespace, *, redactor: Redactor, max_concurrency: int) -> httpx.AsyncBaseTransport:
    if options.session is not None:
        if not callable(getattr(options.session, "request", None)):
            raise HttpError(
                f"{type(options.session).__name__} is not a session",
                code="http_request_invalid",
                hint="Give a requests.Session, an httpx.Client or an httpx.AsyncClient.",
            )
        return SessionTransport(options.session, limit=options.max_response_bytes)
    if options.transport is not None:
        own: httpx.AsyncBaseTransport = options.transport
        return own
    proxies = Proxies.from_config(options.proxy)
    for url in proxies.urls.values():
        redactor.add(*userinfo_secrets(url))
    return create_transport(
        tls=Tls(verify=options.verify, cert=options.cert),
        proxies=proxies,
        http2=options.http2,
        max_connections=max(max_concurrency, 64),
    )


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
        from dagster_rest.config.model.client import RateLimitConfig

        config = RateLimitConfig(**config)
    if not hasattr(config, "requests"):
        raise HttpError(
            f"{type(config).__name__} is not a rate limit",
            code="http_rate_limit_config",
            hint='Write {"requests": 100, "per": "1m"}.',
        )
    return RateLimiter(requests=config.requests, seconds=float(config.per), name=config.key or origin_of(base_url))
