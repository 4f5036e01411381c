"""Builds the `httpx.Request` of a `Request`.

This module imports httpx; import it where a client is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from dagster_rest.http.origin import origin_of
from dagster_rest.http.request import Request


@dataclass(frozen=True)
class RequestBuilder:
    """Builds the requests of a client.

    Attributes:
        http: The httpx client that sends them.
        headers: Headers of every request.
        params: Query parameters of every request, unless its URL has them.
    """

    http: httpx.AsyncClient
    headers: Mapping[str, str] = field(repr=False)
    params: Mapping[str, Any] = field(repr=False)

    def build(self, request: Request) -> httpx.Request:
        """The request as it is sent.

        Raises:
            httpx.InvalidURL: The URL cannot be read.
            TypeError: The body cannot be sent as JSON.
            ValueError: The body holds NaN or Infinity.
        """
        content, content_type = request.content()
        headers = self._headers(request, content_type)
        url = request.full_url()
        if self.params:
            known = httpx.URL(url).params
            missing = {name: value for name, value in self.params.items() if name not in known}
            url = replace(request, url=url, params=missing).full_url()
        return self._build(request.method, url, content=content, headers=headers)

    def redirected(self, following: httpx.Request, before: httpx.Request, request: Request) -> httpx.Request:
        """The request that a redirect asks for: httpx decides on method and URL, headers and body stay ours."""
        with_body = following.method == before.method and before.content != b""
        headers = self._headers(request, before.headers.get("content-type"))
        if not with_body:
            headers.pop("Content-Type", None)
        if origin_of(following.url) != origin_of(before.url):
            headers.pop("Host", None)
        content = before.content if with_body else None
        return self._build(following.method, following.url, content=content, headers=headers)

    def _build(self, method: str, url: str | httpx.URL, *, headers: httpx.Headers, content: Any) -> httpx.Request:
        # Without `params` httpx would replace those of the URL by the session's.
        params = httpx.URL(url).params if self.http.params else None
        return self.http.build_request(method, url, params=params, content=content, headers=headers)

    def _headers(self, request: Request, content_type: str | None) -> httpx.Headers:
        headers = httpx.Headers(dict(self.headers))
        if content_type:
            headers["Content-Type"] = content_type
        headers.update({name: str(value) for name, value in request.headers.items() if value is not None})
        return headers
