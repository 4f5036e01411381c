"""Instances of dlt's own paginators and auths, read as the configs that they are equivalent to.

Somebody who moves a dlt config over may have instances in it. They are recognised by module and class name, and read by
their public attributes: dlt itself is never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Class name -> our type, and our key -> dlt's attribute.
_PAGINATORS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "SinglePagePaginator": ("single_page", {}),
    "JSONLinkPaginator": ("json_link", {"next_url_path": "next_url_path"}),
    "JSONResponsePaginator": ("json_link", {"next_url_path": "next_url_path"}),
    "HeaderLinkPaginator": ("header_link", {"links_next_key": "links_next_key"}),
    "HeaderCursorPaginator": ("header_cursor", {"cursor_key": "cursor_key", "cursor_param": "cursor_param"}),
    "JSONResponseCursorPaginator": (
        "cursor",
        {
            "cursor_path": "cursor_path",
            "cursor_param": "cursor_param",
            "cursor_body_path": "cursor_body_path",
            "stop_after_empty_page": "stop_after_empty_page",
            "has_more_path": "has_more_path",
        },
    ),
    "OffsetPaginator": (
        "offset",
        {
            "limit": "limit",
            "offset": "initial_value",
            "offset_param": "param_name",
            "offset_body_path": "param_body_path",
            "limit_param": "limit_param",
            "limit_body_path": "limit_body_path",
            "total_path": "total_path",
            "maximum_offset": "maximum_value",
            "stop_after_empty_page": "stop_after_empty_page",
            "has_more_path": "has_more_path",
        },
    ),
    "PageNumberPaginator": (
        "page_number",
        {
            "base_page": "base_index",
            "page": "initial_value",
            "page_param": "param_name",
            "page_body_path": "param_body_path",
            "total_path": "total_path",
            "maximum_page": "maximum_value",
            "stop_after_empty_page": "stop_after_empty_page",
            "has_more_path": "has_more_path",
        },
    ),
}
_AUTHS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "BearerTokenAuth": ("bearer", {"token": "token"}),
    "APIKeyAuth": ("api_key", {"name": "name", "api_key": "api_key", "location": "location"}),
    "HttpBasicAuth": ("http_basic", {"username": "username", "password": "password"}),
    "OAuth2ClientCredentials": (
        "oauth2_client_credentials",
        {
            "access_token_url": "access_token_url",
            "client_id": "client_id",
            "client_secret": "client_secret",
            "access_token_request_data": "access_token_request_data",
            "default_token_expiration": "default_token_expiration",
        },
    ),
}
_KNOWN: Mapping[str, Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "dlt.sources.helpers.rest_client.paginators": _PAGINATORS,
    "dlt.sources.helpers.rest_client.auth": _AUTHS,
}


def mapping_of(value: Any) -> dict[str, Any] | None:
    """The config mapping that is equivalent to an instance of dlt; None for anything else, subclasses included."""
    known = _KNOWN.get(type(value).__module__, {}).get(type(value).__name__)
    if known is None:
        return None
    kind, attributes = known
    found = {key: getattr(value, name, None) for key, name in attributes.items()}
    # A total_path of None is a statement (dlt's default is "total"); elsewhere None is absence.
    return {"type": kind, **{key: item for key, item in found.items() if item is not None or key == "total_path"}}
