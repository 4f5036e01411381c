"""Instances of dlt's own paginators and auths, read as the configs that they are equivalent to.

Somebody who moves a dlt config over may have instances in it. They are recognised by module and class name, and read by
their public attributes: dlt itself is never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _read_as(kind: str, *same: str, **renamed: str) -> tuple[str, Mapping[str, str]]:
    """Our type, and dlt's attribute for each of our keys; in ``same`` both have one name."""
    return kind, {**dict(zip(same, same, strict=True)), **renamed}


_ENDS = ("total_path", "stop_after_empty_page", "has_more_path")
_KNOWN: Mapping[str, Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "dlt.sources.helpers.rest_client.paginators": {
        "SinglePagePaginator": _read_as("single_page"),
        "JSONLinkPaginator": _read_as("json_link", "next_url_path"),
        "JSONResponsePaginator": _read_as("json_link", "next_url_path"),
        "HeaderLinkPaginator": _read_as("header_link", "links_next_key"),
        "HeaderCursorPaginator": _read_as("header_cursor", "cursor_key", "cursor_param"),
        "JSONResponseCursorPaginator": _read_as(
            "cursor", "cursor_path", "cursor_param", "cursor_body_path", "stop_after_empty_page", "has_more_path"
        ),
        "OffsetPaginator": _read_as(
            "offset",
            *("limit", "limit_param", "limit_body_path", *_ENDS),
            offset="initial_value",
            offset_param="param_name",
            offset_body_path="param_body_path",
            maximum_offset="maximum_value",
        ),
        "PageNumberPaginator": _read_as(
            "page_number",
            *_ENDS,
            base_page="base_index",
            page="initial_value",
            page_param="param_name",
            page_body_path="param_body_path",
            maximum_page="maximum_value",
        ),
    },
    "dlt.sources.helpers.rest_client.auth": {
        "BearerTokenAuth": _read_as("bearer", "token"),
        "APIKeyAuth": _read_as("api_key", "name", "api_key", "location"),
        "HttpBasicAuth": _read_as("http_basic", "username", "password"),
        "OAuth2ClientCredentials": _read_as(
            "oauth2_client_credentials",
            *("access_token_url", "client_id", "client_secret"),
            *("access_token_request_data", "default_token_expiration"),
        ),
    },
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
