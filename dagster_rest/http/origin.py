"""Origins: where a URL leads, as the library below reads it when it sends."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dagster_rest.http.errors import HttpError

if TYPE_CHECKING:
    import httpx

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str | httpx.URL) -> str:
    r"""Scheme, host and port of a URL as httpx sends it: `https://api.example.com:443`.

    Args:
        url: A URL. Whatever decides on trust passes the `httpx.URL` that is sent, never a text it was made from: two
            parsers may see two hosts in one text (`http://good:1\@evil:2/`).

    Returns:
        The origin, in lower case; empty if the URL is relative, or not http(s).

    Raises:
        HttpError: httpx cannot read it.

    Example:
        ```python
        from dagster_rest.http.origin import origin_of

        assert origin_of("HTTPS://user@API.example.com/x") == "https://api.example.com:443"
        ```
    """
    import httpx

    parsed = url if isinstance(url, httpx.URL) else read_url(url)
    default = _DEFAULT_PORTS.get(parsed.scheme)
    host = parsed.raw_host.decode("ascii")
    if default is None or not host:
        return ""
    port = default if parsed.port is None else parsed.port
    return f"{parsed.scheme}://[{host}]:{port}" if ":" in host else f"{parsed.scheme}://{host}:{port}"


def read_url(text: str) -> httpx.URL:
    """A text as a URL.

    Raises:
        HttpError: It is none. The message shows no part of it: what httpx takes for a port may be a password.
    """
    import httpx

    try:
        return httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise HttpError(
            f"this is not a URL: {invalid_url_reason(error)}",
            code="http_request_invalid",
            hint="Percent-encode special characters in user, password and path.",
        ) from None


def invalid_url_reason(error: BaseException) -> str:
    """What is wrong with a URL, without the part of it that is wrong."""
    return str(error).partition(":")[0].rstrip(".")


def is_trusted(origin: str, trusted: Collection[str]) -> bool:
    """Whether an origin is one of the trusted ones, or the https side (on 443) of a trusted http one (on 80)."""
    if not origin:
        return False
    if origin in trusted:
        return True
    upgraded = origin.startswith("https://") and origin.endswith(":443")
    return upgraded and f"http://{origin[len('https://') : -len(':443')]}:80" in trusted
