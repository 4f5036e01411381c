"""Opens the sending side of a client.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from dagster_rest.http.auth.secrets import secrets_of
from dagster_rest.http.errors import HttpError
from dagster_rest.http.origin import origin_of
from dagster_rest.http.redaction import RedactingFilter, Redactor, userinfo_secrets
from dagster_rest.http.send.admission import Admission
from dagster_rest.http.send.failures import RequestErrors
from dagster_rest.http.send.rate_limit import RateLimiter
from dagster_rest.http.send.request_builder import RequestBuilder
from dagster_rest.http.send.retry import RetryPolicy
from dagster_rest.http.send.sender import Sender
from dagster_rest.http.send.stats import RequestStats
from dagster_rest.http.settings import ClientSettings
from dagster_rest.http.transport.body import accepted_encodings
from dagster_rest.http.transport.proxies import Proxies
from dagster_rest.http.transport.sockets import BoundedTransport, SessionTransport, create_transport
from dagster_rest.http.transport.tls import Tls
from dagster_rest.version import __version__

#: Until a response has to be complete, unless `timeout.total` says something else.
TOTAL_SECONDS = 600.0
Close = Callable[[], Coroutine[Any, Any, None]]


def open_sender(settings: ClientSettings, *, stats: RequestStats, redactor: Redactor) -> tuple[Sender, Close]:
    """The sender of a client, and the coroutine that closes it."""
    if settings.session is not None:
        _learn_secrets(settings.session, redactor)
    is_async = isinstance(settings.session, httpx.AsyncClient)
    timeout, total_seconds = _timeouts(settings.timeout)
    http = settings.session if is_async else _http(settings, timeout=timeout, redactor=redactor)
    limiter = _limiter(settings.rate_limit, settings.base_url)
    sender = Sender(
        builder=RequestBuilder(http, headers=_headers(settings.headers), params=settings.params),
        policy=RetryPolicy.from_config(settings.retry),
        admission=Admission(limiter=limiter, stats=stats),
        errors=RequestErrors(redactor, follow_redirects=settings.follow_redirects),
        stats=stats,
        max_bytes=settings.max_response_bytes,
        max_seconds=total_seconds,
        follow_redirects=settings.follow_redirects,
    )
    log_filter = RedactingFilter(redactor)
    log_filter.install()

    async def close() -> None:
        log_filter.remove()
        if not is_async:
            await http.aclose()
        if limiter is not None:
            limiter.close()

    return sender, close


def _learn_secrets(session: Any, redactor: Redactor) -> None:
    """Let the redactor know what a session of the user's sends of its own."""
    for part in (getattr(session, "headers", None), getattr(session, "params", None)):
        if isinstance(part, Mapping):
            redactor.add_named(dict(part))
    cookies = getattr(session, "cookies", None)
    # The jar of httpx is inside of its cookies, that of requests is one.
    jar = getattr(cookies, "jar", cookies)
    redactor.add(*(f"{one.name}={one.value}" for one in (jar if isinstance(jar, CookieJar) else ())))
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


def _http(settings: ClientSettings, *, timeout: httpx.Timeout, redactor: Redactor) -> httpx.AsyncClient:
    transport = BoundedTransport(_transport(settings, redactor=redactor), limit=settings.max_response_bytes)
    # A session keeps its cookies itself, and would not send them beside ours.
    cookies = None if settings.session is None else CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, cookies=cookies)


def _transport(settings: ClientSettings, *, redactor: Redactor) -> httpx.AsyncBaseTransport:
    if settings.session is not None:
        if not callable(getattr(settings.session, "request", None)):
            raise HttpError(
                f"{type(settings.session).__name__} is not a session",
                code="http_request_invalid",
                hint="Give a requests.Session, an httpx.Client or an httpx.AsyncClient.",
            )
        return SessionTransport(settings.session, limit=settings.max_response_bytes)
    if settings.transport is not None:
        own: httpx.AsyncBaseTransport = settings.transport
        return own
    proxies = Proxies.from_config(settings.proxy)
    for url in proxies.urls.values():
        redactor.add(*userinfo_secrets(url))
    return create_transport(
        tls=Tls(verify=settings.verify, cert=settings.cert),
        proxies=proxies,
        http2=settings.http2,
        max_connections=max(settings.max_concurrency, 64),
    )


def _timeouts(timeout: Any) -> tuple[httpx.Timeout, float | None]:
    """The limits of httpx, and the longest time for one whole response."""
    if isinstance(timeout, Mapping):
        from dagster_rest.config.model.client import TimeoutConfig

        timeout = TimeoutConfig(**timeout)
    if isinstance(timeout, httpx.Timeout):
        return timeout, TOTAL_SECONDS
    if hasattr(timeout, "total"):
        limits = {name: getattr(timeout, name) for name in ("connect", "read", "write", "pool")}
        return httpx.Timeout(**limits), timeout.total
    return httpx.Timeout(timeout, pool=None), TOTAL_SECONDS


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
