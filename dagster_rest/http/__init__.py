"""Requests and pages: usable without Dagster.

```python
from dagster_rest.http import RestClient


def count() -> int:
    with RestClient("https://pokeapi.co/api/v2") as client:
        return sum(len(page) for page in client.paginate("pokemon"))
```
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_rest.config.values.inherit import INHERIT
    from dagster_rest.http.client import RestClient, paginate
    from dagster_rest.http.errors import (
        ActionError,
        AuthConfigError,
        BodyError,
        DecodeError,
        HttpAuthError,
        HttpConnectionError,
        HttpError,
        HttpStatusError,
        IgnoreResponse,
        IncompleteError,
        LoopError,
        OriginError,
        PaginationError,
        ResponseTooLargeError,
        RetryLater,
        SelectorError,
        TokenError,
    )
    from dagster_rest.http.page import FetchOptions, FetchUnit, Page, Progress
    from dagster_rest.http.paginators import (
        BasePaginator,
        HeaderCursorPaginator,
        HeaderLinkPaginator,
        JSONLinkPaginator,
        JSONResponseCursorPaginator,
        OffsetPaginator,
        PageNumberPaginator,
        RangePaginator,
        SinglePagePaginator,
        create_paginator,
    )
    from dagster_rest.http.redaction import Redactor
    from dagster_rest.http.registration import register_auth, register_paginator
    from dagster_rest.http.request import Request
    from dagster_rest.http.send.retry import RetryPolicy
    from dagster_rest.http.send.stats import RequestStats, StatsSnapshot

__all__ = [
    "INHERIT",
    "ActionError",
    "AuthConfigError",
    "BasePaginator",
    "BodyError",
    "DecodeError",
    "FetchOptions",
    "FetchUnit",
    "HeaderCursorPaginator",
    "HeaderLinkPaginator",
    "HttpAuthError",
    "HttpConnectionError",
    "HttpError",
    "HttpStatusError",
    "IgnoreResponse",
    "IncompleteError",
    "JSONLinkPaginator",
    "JSONResponseCursorPaginator",
    "LoopError",
    "OffsetPaginator",
    "OriginError",
    "Page",
    "PageNumberPaginator",
    "PaginationError",
    "Progress",
    "RangePaginator",
    "Redactor",
    "Request",
    "RequestStats",
    "ResponseTooLargeError",
    "RestClient",
    "RetryLater",
    "RetryPolicy",
    "SelectorError",
    "SinglePagePaginator",
    "StatsSnapshot",
    "TokenError",
    "create_paginator",
    "paginate",
    "register_auth",
    "register_paginator",
]

# Where the names are; what is quick to import comes first.
_MODULES = (
    *("errors", "registration", "request", "redaction", "send.stats", "send.retry"),
    *("page", "paginators", "client"),
)


def __getattr__(name: str) -> Any:
    # Each name is imported when it is asked for: a code location that only registers a paginator stays light.
    if name not in __all__:
        raise AttributeError(f"module 'dagster_rest.http' has no attribute {name!r}")
    modules = (importlib.import_module(f"dagster_rest.http.{module}") for module in _MODULES)
    return next(vars(module)[name] for module in modules if name in vars(module))


def __dir__() -> list[str]:
    return __all__
