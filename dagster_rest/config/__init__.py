"""The declarative config: written as dict, models or YAML; checked as a whole; resolved into a plan.

Names are loaded when they are first used, so that a process that needs one of them does not build all models.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_rest.config.errors import CODES, ConfigError, NullParentValue, Problem
    from dagster_rest.config.load import load_config, load_config_text
    from dagster_rest.config.model.asset import BatchConfig, CheckConfig, FreshnessConfig, PartitionsConfig
    from dagster_rest.config.model.auth import (
        ApiKeyAuthConfig,
        AuthConfig,
        BearerAuthConfig,
        CustomHeaderAuthConfig,
        DigestAuthConfig,
        HttpBasicAuthConfig,
        JwtGrantAuthConfig,
        OAuth2ClientCredentialsConfig,
        OAuth2RefreshTokenConfig,
        RegisteredAuthConfig,
    )
    from dagster_rest.config.model.client import ClientConfig, RateLimitConfig, RetryConfig, TimeoutConfig
    from dagster_rest.config.model.config import RestApiConfig
    from dagster_rest.config.model.endpoint import EndpointConfig, ExpectConfig, ResponseAction
    from dagster_rest.config.model.incremental import IncrementalConfig, IncrementalParam, ResolveParam
    from dagster_rest.config.model.paginators import (
        AutoPaginatorConfig,
        HeaderCursorPaginatorConfig,
        HeaderLinkPaginatorConfig,
        JSONLinkPaginatorConfig,
        JSONResponseCursorPaginatorConfig,
        OffsetPaginatorConfig,
        PageNumberPaginatorConfig,
        PaginatorConfig,
        RegisteredPaginatorConfig,
        SinglePagePaginatorConfig,
    )
    from dagster_rest.config.model.resource import ExternalAsset, ResourceConfig, ResourceDefaults
    from dagster_rest.config.model.table.columns import ColumnHint
    from dagster_rest.config.model.table.contract import SchemaContractConfig
    from dagster_rest.config.model.table.disposition import WriteDisposition, WriteDispositionConfig
    from dagster_rest.config.model.table.hints import NestedHint
    from dagster_rest.config.model.table.steps import ProcessingStep
    from dagster_rest.config.plan.build import ResourcePlan, SourcePlan, build_plan
    from dagster_rest.config.plan.links import ParentLink
    from dagster_rest.config.registry import AUTHS, PAGINATORS
    from dagster_rest.config.request.render import RequestSpec, RequestTemplate
    from dagster_rest.config.values.env import EnvRef, resolve_env
    from dagster_rest.config.values.inherit import INHERIT

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


# The modules that may hold a name, those that import little first.
_MODULES = (
    "errors",
    "registry",
    "values.inherit",
    "values.env",
    "request.render",
    "model.auth",
    "model.paginators",
    "model.client",
    "model.asset",
    "model.incremental",
    "model.table.columns",
    "model.table.contract",
    "model.table.disposition",
    "model.table.hints",
    "model.table.steps",
    "model.endpoint",
    "model.resource",
    "model.config",
    "plan.links",
    "plan.build",
    "load",
)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    modules = (importlib.import_module(f"{__name__}.{module}") for module in _MODULES)
    value = next(getattr(module, name) for module in modules if hasattr(module, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
