"""How a client sends: its arguments, with the environment read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """The arguments of a `RestClient` that are about sending; see there what they mean."""

    base_url: str
    headers: Mapping[str, Any] = field(repr=False)
    params: Mapping[str, Any] = field(repr=False)
    timeout: Any
    retry: Any
    rate_limit: Any
    max_concurrency: int
    verify: Any
    cert: Any = field(repr=False)
    proxy: str | None = field(repr=False)
    http2: bool
    follow_redirects: bool
    max_response_bytes: int
    transport: Any
    session: Any
