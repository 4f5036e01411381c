"""Dagster resources over `dagster_rest.http`."""

from dagster_rest.resources.auth import (
    ApiKeyAuth,
    BearerAuth,
    CustomHeaderAuth,
    DigestAuth,
    HttpBasicAuth,
    JwtGrantAuth,
    NoAuth,
    OAuth2ClientCredentials,
    OAuth2RefreshToken,
)
from dagster_rest.resources.errors import dagster_errors, failure
from dagster_rest.resources.paginators import (
    AutoPaginator,
    HeaderCursorPaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)
from dagster_rest.resources.rest_api import RateLimitSettings, RestApiResource, RetrySettings

__all__ = [
    "ApiKeyAuth",
    "AutoPaginator",
    "BearerAuth",
    "CustomHeaderAuth",
    "DigestAuth",
    "HeaderCursorPaginator",
    "HeaderLinkPaginator",
    "HttpBasicAuth",
    "JSONLinkPaginator",
    "JSONResponseCursorPaginator",
    "JwtGrantAuth",
    "NoAuth",
    "OAuth2ClientCredentials",
    "OAuth2RefreshToken",
    "OffsetPaginator",
    "PageNumberPaginator",
    "RateLimitSettings",
    "RestApiResource",
    "RetrySettings",
    "SinglePagePaginator",
    "dagster_errors",
    "failure",
]
