"""From a config to a paginator."""

from __future__ import annotations

from typing import Any

from dagster_rest.config.registry import PAGINATORS
from dagster_rest.http.errors import PaginationError
from dagster_rest.http.paginators.base import BasePaginator, SinglePagePaginator
from dagster_rest.http.paginators.cursors import HeaderCursorPaginator, JSONResponseCursorPaginator
from dagster_rest.http.paginators.links import HeaderLinkPaginator, JSONLinkPaginator
from dagster_rest.http.paginators.offsets import OffsetPaginator
from dagster_rest.http.paginators.page_numbers import PageNumberPaginator


def create_paginator(config: Any, *, where: str | None = None) -> BasePaginator | None:
    """Make the paginator that a config describes.

    Args:
        config: A paginator config, alias, dict with `type`, an instance, or None.
        where: The config path, for errors.

    Returns:
        The paginator, or None: detect it from the first response.

    Raises:
        PaginationError: Its parameters contradict each other, or it could never stop.

    Example:
        ```python
        from dagster_rest.http import create_paginator

        paginator = create_paginator({"type": "page_number", "base_page": 1, "total_path": "total_pages"})
        ```
    """
    config = parse_paginator(config)
    if config is None or getattr(config, "type", None) == "auto":
        return None
    if not hasattr(type(config), "model_fields"):
        return _checked_instance(config, where)
    if type(config).__name__ == "RegisteredPaginatorConfig":
        return _registered(config, where)
    fields = {name: getattr(config, name) for name in type(config).model_fields if name != "type"}
    return _KINDS[config.type](**fields)


def parse_paginator(config: Any) -> Any:
    """A plain alias or dict as its config model; anything else as it is."""
    if isinstance(config, (str, dict)):
        from dagster_rest.http.parsing import parse_choice

        return parse_choice("paginator", config)
    return config


_KINDS: dict[str, type[BasePaginator]] = {
    "single_page": SinglePagePaginator,
    "json_link": JSONLinkPaginator,
    "json_response": JSONLinkPaginator,
    "header_link": HeaderLinkPaginator,
    "header_cursor": HeaderCursorPaginator,
    "cursor": JSONResponseCursorPaginator,
    "offset": OffsetPaginator,
    "page_number": PageNumberPaginator,
}


def _checked_instance(instance: Any, where: str | None) -> BasePaginator:
    if isinstance(instance, BasePaginator):
        return instance
    raise PaginationError(
        f"{type(instance).__name__} is not a paginator",
        code="http_paginator_config",
        where=where,
        hint="Subclass dagster_rest.http.BasePaginator.",
    )


def _registered(config: Any, where: str | None) -> BasePaginator:
    cls = PAGINATORS.get(config.type)
    if cls is None:
        raise PaginationError(
            f"no paginator is registered as {config.type!r}",
            code="http_paginator_unknown",
            where=where,
            hint="Call register_paginator first.",
        )
    return _checked_instance(cls(**config.options), where)
