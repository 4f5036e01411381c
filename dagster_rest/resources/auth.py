"""The auths of `RestApiResource`, as Dagster config: the same keys as in a config file.

Every text may be a `dg.EnvVar`, so that no secret is stored anywhere but in the environment.
"""

from typing import Any, Literal

import dagster as dg
from pydantic import Field


class NoAuth(dg.Config):
    """No credentials."""

    type: Literal["none"] = "none"


class BearerAuth(dg.Config):
    """`Authorization: Bearer <token>`."""

    type: Literal["bearer"] = "bearer"
    token: str = Field(description="The token.")


class ApiKeyAuth(dg.Config):
    """A key in a header, the query or a cookie."""

    type: Literal["api_key"] = "api_key"
    api_key: str = Field(description="The key.")
    name: str = Field(default="Authorization", description="Name of the header, query parameter or cookie.")
    location: str = Field(default="header", description="`header`, `query` (or `param`), `cookie`.")


class HttpBasicAuth(dg.Config):
    """HTTP Basic."""

    type: Literal["http_basic"] = "http_basic"
    username: str
    password: str


class DigestAuth(dg.Config):
    """HTTP Digest."""

    type: Literal["digest"] = "digest"
    username: str
    password: str


class CustomHeaderAuth(dg.Config):
    """A secret in a header of its own name."""

    type: Literal["custom_header"] = "custom_header"
    name: str
    value: str


class OAuth2ClientCredentials(dg.Config):
    """OAuth 2.0 client credentials grant."""

    type: Literal["oauth2_client_credentials"] = "oauth2_client_credentials"
    access_token_url: str
    client_id: str
    client_secret: str
    access_token_request_data: dict[str, str] = Field(default={}, description="More form fields of the request.")
    default_token_expiration: float = Field(default=3600, description="Seconds, if the server does not say.")
    access_token: str | None = Field(default=None, description="A token to start with.")
    client_auth: str = Field(default="body", description="`body` or `basic`.")
    refresh_margin: float = Field(default=60, description="Seconds before its end that a token is renewed.")


class OAuth2RefreshToken(dg.Config):
    """OAuth 2.0 refresh token grant."""

    type: Literal["oauth2_refresh_token"] = "oauth2_refresh_token"
    access_token_url: str
    refresh_token: str
    client_id: str | None = None
    client_secret: str | None = None
    access_token: str | None = Field(default=None, description="A token to start with.")
    access_token_request_data: dict[str, str] = Field(default={}, description="More form fields of the request.")
    default_token_expiration: float = Field(default=3600, description="Seconds, if the server does not say.")
    client_auth: str = Field(default="body", description="`body` or `basic`.")
    refresh_margin: float = Field(default=60, description="Seconds before its end that a token is renewed.")


class JwtGrantAuth(dg.Config):
    """OAuth 2.0 JWT bearer grant (RFC 7523)."""

    type: Literal["oauth2_jwt"] = "oauth2_jwt"
    access_token_url: str
    private_key: str = Field(description="PEM text, or the shared secret for HS algorithms.")
    client_id: str = Field(description="Issuer of the assertion.")
    subject: str | None = None
    audience: str | None = None
    scopes: list[str] | None = None
    algorithm: str = "RS256"
    key_id: str | None = None
    private_key_passphrase: str | None = None
    headers: dict[str, str] = Field(default={})
    claims: dict[str, Any] = Field(default={})
    assertion_lifetime: float = 300
    default_token_expiration: float = 3600
    refresh_margin: float = 60


Auth = (
    NoAuth
    | BearerAuth
    | ApiKeyAuth
    | HttpBasicAuth
    | DigestAuth
    | CustomHeaderAuth
    | OAuth2ClientCredentials
    | OAuth2RefreshToken
    | JwtGrantAuth
)
