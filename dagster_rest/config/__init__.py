"""The declarative config: written as dict, models or YAML; checked as a whole; resolved into a plan.

Names are loaded when they are first used, so that a process that needs one of them does not build all models.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_rest.config.errors import CODES, ConfigError, NullParentValue, Problem
    from dagster_rest.config.load import load_config, load_config_text
    from dagster_rest.config.model.config import (
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
    from dagster_rest.config.plan.build import ResourcePlan, SourcePlan, build_plan
    from dagster_rest.config.plan.links import ParentLink
    from dagster_rest.config.registry import AUTHS, PAGINATORS
    from dagster_rest.config.request.render import RequestSpec, RequestTemplate
    from dagster_rest.config.values.env import EnvRef, resolve_env
    from dagster_rest.config.values.inherit import INHERIT

# Where the names are that do not live in ``model.config``.
_MODULES = {
    "AUTHS": "registry",
    "CODES": "errors",
    "ConfigError": "errors",
    "EnvRef": "values.env",
    "INHERIT": "values.inherit",
    "NullParentValue": "errors",
    "PAGINATORS": "registry",
    "ParentLink": "plan.links",
    "Problem": "errors",
    "RequestSpec": "request.render",
    "RequestTemplate": "request.render",
    "ResourcePlan": "plan.build",
    "SourcePlan": "plan.build",
    "build_plan": "plan.build",
    "load_config": "load",
    "load_config_text": "load",
    "resolve_env": "values.env",
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
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'model.config')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
