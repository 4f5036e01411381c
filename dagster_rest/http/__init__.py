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

__all__ = ["INHERIT", "FetchOptions", "FetchUnit", "Page", "Progress", "Redactor", "Request", "RestClient", "paginate"]
__all__ += ["RequestStats", "RetryPolicy", "StatsSnapshot", "create_paginator", "register_auth", "register_paginator"]
__all__ += ["BasePaginator", "HeaderCursorPaginator", "HeaderLinkPaginator", "JSONLinkPaginator"]
__all__ += ["JSONResponseCursorPaginator", "OffsetPaginator", "PageNumberPaginator", "RangePaginator"]
__all__ += ["SinglePagePaginator"]
__all__ += ["ActionError", "AuthConfigError", "BodyError", "DecodeError", "HttpAuthError", "HttpConnectionError"]
__all__ += ["HttpError", "HttpStatusError", "IgnoreResponse", "IncompleteError", "LoopError", "OriginError"]
__all__ += ["PaginationError", "ResponseTooLargeError", "RetryLater", "SelectorError", "TokenError"]

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
