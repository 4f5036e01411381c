"""Which proxy a request goes through."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.request import getproxies

from dagster_rest.http.errors import ClientConfigError

if TYPE_CHECKING:
    import httpx

SCHEMES = ("http", "https", "socks5", "socks5h")
_HINT = "Write http://host:port; user and password go before the host, percent-encoded: http://user:p%40ss@host:port."
_WITH_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*):(?P<port>[0-9]+)\Z")


@dataclass(frozen=True)
class Proxies:
    """The proxies of a client.

    Attributes:
        urls: The proxy's URL by the scheme of the request, `all` for every scheme.
        exceptions: Hosts that are asked directly, as `NO_PROXY` has them.
    """

    urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    exceptions: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, proxy: str | None) -> Proxies:
        """The configured proxy for every request, else those of the environment.

        Raises:
            ClientConfigError: A proxy's URL cannot be used. The message never shows it.
        """
        if proxy:
            return cls({"all": checked_proxy(proxy, where="client.proxy")})
        found = getproxies()
        urls = {
            scheme: checked_proxy(
                found[scheme] if "://" in found[scheme] else f"http://{found[scheme]}",
                where=f"environment variable {scheme.upper()}_PROXY",
            )
            for scheme in ("http", "https", "all")
            if found.get(scheme)
        }
        return cls(urls, tuple(re.split(r"[\s,]+", found.get("no", "").strip())))

    def __bool__(self) -> bool:
        return bool(self.urls)

    def for_url(self, url: httpx.URL) -> str | None:
        """The URL of the proxy to ask; None asks directly."""
        proxy = self.urls.get(url.scheme) or self.urls.get("all")
        return None if proxy is None or any(_matches(entry, url) for entry in self.exceptions) else proxy


def checked_proxy(url: str, *, where: str) -> str:
    """A proxy's URL that can be used."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        parsed = None
    if parsed is None or not parsed.host or parsed.scheme not in SCHEMES:
        raise ClientConfigError(
            f"the proxy is not a URL that begins with {', '.join(f'{name}://' for name in SCHEMES[:-1])} "
            f"or {SCHEMES[-1]}://",
            where=where,
            hint=_HINT,
        )
    return url


def _matches(entry: str, url: httpx.URL) -> bool:
    """Whether an entry of `NO_PROXY` names the host of a URL."""
    if not entry:
        return False
    if entry == "*":
        return True
    scheme, mark, rest = entry.rpartition("://")
    if mark and scheme.lower() not in ("all", url.scheme):
        return False
    found = _WITH_PORT.match(rest)
    if found and int(found["port"]) != (url.port or {"http": 80, "https": 443}.get(url.scheme)):
        return False
    name = (found["host"] if found else rest).strip("[]").removeprefix("*").strip(".").lower()
    network = _network(name)
    if network is not None:
        return _in_network(url.host, network)
    host = url.host.rstrip(".").lower()
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _in_network(host: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        return False
