"""The declarative config: written as dict, models or YAML; checked as a whole; resolved into a plan.

Names are loaded when they are first used, so that a process that needs one of them does not build all models.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_rest.config.env import EnvRef, resolve_env
    from dagster_rest.config.errors import CODES, ConfigError, NullParentValue, Problem
    from dagster_rest.config.inherit import INHERIT
    from dagster_rest.config.links import ParentLink
    from dagster_rest.config.loading import load_config, load_config_text
    from dagster_rest.config.models import (
        ApiKeyAuthConfig,
        AuthConfig,
        AutoPaginatorConfig,
        BatchConfig,
        BearerAuthConfig,
        CheckConfig,
        ClientConfig,
        ColumnHint,
        CustomHeaderAuthConfig,
        DigestAuthConfig,
        EndpointConfig,
        ExpectConfig,
        ExternalAsset,
        FreshnessConfig,
        HeaderCursorPaginatorConfig,
        HeaderLinkPaginatorConfig,
        HttpBasicAuthConfig,
        IncrementalConfig,
        IncrementalParam,
        JSONLinkPaginatorConfig,
        JSONResponseCursorPaginatorConfig,
        JwtGrantAuthConfig,
        NestedHint,
        OAuth2ClientCredentialsConfig,
        OAuth2RefreshTokenConfig,
        OffsetPaginatorConfig,
        PageNumberPaginatorConfig,
        PaginatorConfig,
        PartitionsConfig,
        ProcessingStep,
        RateLimitConfig,
        RegisteredAuthConfig,
        RegisteredPaginatorConfig,
        ResolveParam,
        ResourceConfig,
        ResourceDefaults,
        ResponseAction,
        RestApiConfig,
        RetryConfig,
        SchemaContractConfig,
        SinglePagePaginatorConfig,
        TimeoutConfig,
        WriteDisposition,
        WriteDispositionConfig,
    )
    from dagster_rest.config.plan import ResourcePlan, SourcePlan, build_plan
    from dagster_rest.config.registry import AUTHS, PAGINATORS
    from dagster_rest.config.request import RequestSpec, RequestTemplate

# Where the names are that do not live in ``models``.
_PLACES = {
    "AUTHS": "registry",
    "CODES": "errors",
    "ConfigError": "errors",
    "EnvRef": "env",
    "INHERIT": "inherit",
    "NullParentValue": "errors",
    "PAGINATORS": "registry",
    "ParentLink": "links",
    "Problem": "errors",
    "RequestSpec": "request",
    "RequestTemplate": "request",
    "ResourcePlan": "plan",
    "SourcePlan": "plan",
    "build_plan": "plan",
    "load_config": "loading",
    "load_config_text": "loading",
    "resolve_env": "env",
}

__all__ = [
    "AUTHS",
    "CODES",
    "INHERIT",
    "PAGINATORS",
    "ApiKeyAuthConfig",
    "AuthConfig",
    "AutoPaginatorConfig",
    "BatchConfig",
    "BearerAuthConfig",
    "CheckConfig",
    "ClientConfig",
    "ColumnHint",
    "ConfigError",
    "CustomHeaderAuthConfig",
    "DigestAuthConfig",
    "EndpointConfig",
    "EnvRef",
    "ExpectConfig",
    "ExternalAsset",
    "FreshnessConfig",
    "HeaderCursorPaginatorConfig",
    "HeaderLinkPaginatorConfig",
    "HttpBasicAuthConfig",
    "IncrementalConfig",
    "IncrementalParam",
    "JSONLinkPaginatorConfig",
    "JSONResponseCursorPaginatorConfig",
    "JwtGrantAuthConfig",
    "NestedHint",
    "NullParentValue",
    "OAuth2ClientCredentialsConfig",
    "OAuth2RefreshTokenConfig",
    "OffsetPaginatorConfig",
    "PageNumberPaginatorConfig",
    "PaginatorConfig",
    "ParentLink",
    "PartitionsConfig",
    "Problem",
    "ProcessingStep",
    "RateLimitConfig",
    "RegisteredAuthConfig",
    "RegisteredPaginatorConfig",
    "RequestSpec",
    "RequestTemplate",
    "ResolveParam",
    "ResourceConfig",
    "ResourceDefaults",
    "ResourcePlan",
    "ResponseAction",
    "RestApiConfig",
    "RetryConfig",
    "SchemaContractConfig",
    "SinglePagePaginatorConfig",
    "SourcePlan",
    "TimeoutConfig",
    "WriteDisposition",
    "WriteDispositionConfig",
    "build_plan",
    "load_config",
    "load_config_text",
    "resolve_env",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_PLACES.get(name, 'models')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
