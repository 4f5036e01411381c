"""The ways to authenticate that a config can name."""

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field

from dagster_rest.config.model.base import ConfigModel, extension, key
from dagster_rest.config.model.choice import ByType
from dagster_rest.config.registry import AUTHS
from dagster_rest.config.values.types import (
    Anything,
    Duration,
    LateFilledText,
    LateMapping,
    LateTextOrList,
    Secret,
    SecretMapping,
)
from dagster_rest.config.values.urls import URL


class BearerAuthConfig(ConfigModel):
    """`Authorization: Bearer <token>`; what a mapping without `type` means."""

    filled_at_run = frozenset({"token"})
    type: Literal["bearer"] = "bearer"
    token: Secret = Field(description="The token.")


class ApiKeyAuthConfig(ConfigModel):
    """A key in a header, the query or a cookie."""

    filled_at_run = frozenset({"api_key"})
    type: Literal["api_key"] = "api_key"
    api_key: Secret = Field(description="The key.")
    name: LateFilledText = key("Authorization", "Name of the header, query parameter or cookie.")
    location: Literal["header", "query", "param", "cookie"] = key(
        "header", "Where the key is sent; `param` means `query`."
    )


class HttpBasicAuthConfig(ConfigModel):
    """HTTP Basic."""

    type: Literal["http_basic"] = "http_basic"
    username: Secret = Field(description="The user.")
    password: Secret = Field(description="The password.")


class OAuth2ClientCredentialsConfig(ConfigModel):
    """OAuth 2.0 client credentials grant: the token is fetched, kept and refreshed."""

    filled_at_run = frozenset({"client_id", "client_secret"})
    type: Literal["oauth2_client_credentials"] = "oauth2_client_credentials"
    access_token_url: Annotated[str, URL] = Field(description="URL of the token endpoint.")
    client_id: Secret = Field(description="The client's id.")
    client_secret: Secret = Field(description="The client's secret.")
    access_token_request_data: SecretMapping = key(
        {}, "Additional form fields for the token request; may override `grant_type`."
    )
    default_token_expiration: Duration = key(3600, "Seconds that a token lives if the server does not say.")
    access_token: Secret | None = key(None, "A token to start with.")
    session: Anything | None = key(None, "Your own session for the token request.")
    client_auth: Literal["body", "basic"] = extension("body", "How id and secret are sent: form fields, or HTTP Basic.")
    refresh_margin: Duration = extension(60, "A token is renewed this long before it expires.")


class OAuth2RefreshTokenConfig(ConfigModel):
    """OAuth 2.0 refresh token grant. An extension."""

    filled_at_run = frozenset({"refresh_token"})
    type: Literal["oauth2_refresh_token"] = "oauth2_refresh_token"
    access_token_url: Annotated[str, URL] = extension(..., "URL of the token endpoint.")
    refresh_token: Secret = extension(..., "The refresh token.")
    client_id: Secret | None = extension(None, "The client's id.")
    client_secret: Secret | None = extension(None, "The client's secret.")
    access_token: Secret | None = extension(None, "A token to start with.")
    access_token_request_data: SecretMapping = extension({}, "Additional form fields for the token request.")
    default_token_expiration: Duration = extension(3600, "Seconds that a token lives if the server does not say.")
    client_auth: Literal["body", "basic"] = extension("body", "How id and secret are sent: form fields, or HTTP Basic.")
    refresh_margin: Duration = extension(60, "A token is renewed this long before it expires.")


class JwtGrantAuthConfig(ConfigModel):
    """OAuth 2.0 JWT bearer grant (RFC 7523): a signed assertion is exchanged for a token. An extension."""

    filled_at_run = frozenset({"private_key", "client_id"})
    type: Literal["oauth2_jwt"] = "oauth2_jwt"
    access_token_url: Annotated[str, URL] = extension(..., "URL of the token endpoint.")
    private_key: Secret = extension(..., "Private key as PEM text, or the shared secret for HS algorithms.")
    client_id: Secret = extension(..., "Issuer of the assertion (`iss`).")
    subject: Secret | None = extension(None, "Subject of the assertion (`sub`); `client_id` if absent.")
    audience: LateFilledText | None = extension(
        None, "Audience of the assertion (`aud`); `access_token_url` if absent."
    )
    scopes: LateTextOrList | None = extension(None, "Scopes, as text or list.")
    algorithm: LateFilledText = extension("RS256", "Signature algorithm.")
    key_id: LateFilledText | None = extension(None, "Key id in the header of the assertion (`kid`).")
    private_key_passphrase: Secret | None = extension(None, "Passphrase of the private key.")
    headers: SecretMapping = extension({}, "Headers of the token request.")
    claims: LateMapping = extension({}, "Additional claims of the assertion.")
    assertion_lifetime: Duration = extension(300, "Seconds that an assertion is valid.")
    default_token_expiration: Duration = extension(3600, "Seconds that a token lives if the server does not say.")
    refresh_margin: Duration = extension(60, "A token is renewed this long before it expires.")


class DigestAuthConfig(ConfigModel):
    """HTTP Digest. An extension."""

    type: Literal["digest"] = "digest"
    username: Secret = extension(..., "The user.")
    password: Secret = extension(..., "The password.")


class CustomHeaderAuthConfig(ConfigModel):
    """A secret in a header of its own name. An extension."""

    filled_at_run = frozenset({"value"})
    type: Literal["custom_header"] = "custom_header"
    name: LateFilledText = extension(..., "Name of the header.")
    value: Secret = extension(..., "Value of the header.")


class RegisteredAuthConfig(ConfigModel):
    """An auth that the user has added with ``register_auth``: its alias and its arguments."""

    type: str
    options: SecretMapping = key({}, "Keyword arguments of the registered class.")


NamedAuth: TypeAlias = (
    BearerAuthConfig
    | ApiKeyAuthConfig
    | HttpBasicAuthConfig
    | OAuth2ClientCredentialsConfig
    | OAuth2RefreshTokenConfig
    | JwtGrantAuthConfig
    | DigestAuthConfig
    | CustomHeaderAuthConfig
)
AUTH_MODELS: tuple[type[ConfigModel], ...] = get_args(NamedAuth)


def _is_auth(value: Any) -> bool:
    if isinstance(value, ConfigModel):
        return isinstance(value, RegisteredAuthConfig)
    return callable(value) or hasattr(value, "auth_flow") or hasattr(value, "sync_auth_flow")


AUTH_CHOICE = ByType(
    "auth",
    models=AUTH_MODELS,
    registered=lambda kind, options: RegisteredAuthConfig.model_construct(type=kind, options=options),
    registered_names=lambda: list(AUTHS),
    accepts=_is_auth,
    default="bearer",
    secret_key="token",
)
AuthConfig: TypeAlias = Annotated[NamedAuth | RegisteredAuthConfig | Any, AUTH_CHOICE]
