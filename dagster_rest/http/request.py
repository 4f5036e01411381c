"""A request while it is being prepared: what paginators read and write."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from dagster_rest.http.errors import HttpError, PaginationError
from dagster_rest.http.origin import invalid_url_reason


@dataclass(repr=False)
class Request:
    """A mutable request, as paginators see it.

    Attributes:
        method: `GET` or `POST` (any verb is sent as it is).
        url: The absolute URL; its own query is kept.
        params: Query parameters; None values are left out, lists repeat the key.
        headers: Headers of this request, over the client's.
        json: The JSON body; None is no body, `{}` is the body `{}`.
        data: A form (dict or list of pairs) or a raw body (str or bytes).
    """

    method: str
    url: str
    params: dict[str, Any] | None = None
    headers: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    data: Any = None

    def __repr__(self) -> str:
        # Parameters, headers and bodies may hold secrets.
        return f"Request({self.method}, {self.url.partition('?')[0].rpartition('@')[2]})"

    def copy(self) -> Request:
        """An independent copy."""
        return deepcopy(self)

    def full_url(self) -> str:
        """The URL with the parameters in its query."""
        pairs = query_pairs(self.params or {})
        if not pairs:
            return self.url
        base, mark, fragment = self.url.partition("#")
        glue = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
        return f"{base}{glue}{urlencode(pairs)}{mark}{fragment}"

    def content(self) -> tuple[bytes | None, str | None]:
        """The body as bytes and its content type, each None if there is none."""
        if self.json is not None:
            if self.data:
                raise HttpError("a request cannot have both `json` and `data`", code="http_request_invalid")
            return dump_json(self.json), "application/json"
        if isinstance(self.data, str):
            return self.data.encode(), None
        if isinstance(self.data, bytes):
            return self.data, None
        if not self.data:
            return None, None
        return urlencode(_form_pairs(self.data)).encode(), "application/x-www-form-urlencoded"

    def fingerprint(self) -> int:
        """A number that differs when anything of the request differs."""
        headers = sorted((name.lower(), str(value)) for name, value in self.headers.items())
        return hash((self.method, self.full_url(), self.content()[0], tuple(headers)))


def query_pairs(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten parameters: lists repeat their key, None is left out, the rest is text (`True`, `1.0`)."""
    pairs = []
    for key, value in params.items():
        values = value if isinstance(value, (list, tuple, set)) else [value]
        pairs += [(str(key), _text(v)) for v in values if v is not None]
    return pairs


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _form_pairs(data: Any) -> list[tuple[str, str]]:
    if isinstance(data, Mapping):
        return query_pairs(data)
    return [pair for key, value in data for pair in query_pairs({key: value})]


def dump_json(value: Any) -> bytes:
    """JSON for a request body; dates as ISO 8601, decimals as text."""
    return jsonlib.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def is_absolute(path: str) -> bool:
    """Whether a path is a whole http(s) URL."""
    return path.lower().startswith(("http://", "https://"))


def join_url(base_url: str, path: str) -> str:
    """Join base URL and path with one slash.

    An absolute path wins, an empty one leaves the base as it is. Follows dlt's rules (its docs, "REST API: endpoint
    configuration"), and understands a query string in the base URL.
    """
    if is_absolute(path):
        return path
    if not path or not base_url:
        return path or base_url
    base, mark, query = base_url.partition("?")
    if path.startswith("?"):
        return base + path + (f"&{query}" if query else "")
    joined = f"{base.rstrip('/')}/{path.lstrip('/')}"
    return joined + (("&" if "?" in joined else mark) + query if query else "")


def join_link(url: str, link: str) -> str:
    """The URL that a link in a response to `url` leads to; a relative one is resolved.

    Raises:
        PaginationError: The link is not a URL.
    """
    import httpx

    try:
        return str(httpx.URL(url).join(link.strip()))
    except (httpx.InvalidURL, ValueError) as error:
        raise PaginationError(
            f"the next link is not a URL: {invalid_url_reason(error)}",
            code="http_pagination",
            hint="Check the link in the response; the right one may be at another path.",
        ) from None
