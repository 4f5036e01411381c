"""The auths of `RestApiResource`, as Dagster config: the same keys as in a config file.

Every text may be a `dg.EnvVar`, so that no secret is stored anywhere but in the environment.
"""

from typing import TYPE_CHECKING, Literal, TypeAlias

import dagster as dg

from dagster_rest.config.model import auth as models
from dagster_rest.resources.from_model import config_class


class NoAuth(dg.Config):
    """No credentials."""

    type: Literal["none"] = "none"


BearerAuth = config_class(models.BearerAuthConfig, module=__name__, choices=False)
ApiKeyAuth = config_class(models.ApiKeyAuthConfig, module=__name__, choices=False)
HttpBasicAuth = config_class(models.HttpBasicAuthConfig, module=__name__, choices=False)
DigestAuth = config_class(models.DigestAuthConfig, module=__name__, choices=False)
CustomHeaderAuth = config_class(models.CustomHeaderAuthConfig, module=__name__, choices=False)
OAuth2ClientCredentials = config_class(models.OAuth2ClientCredentialsConfig, module=__name__, choices=False)
OAuth2RefreshToken = config_class(models.OAuth2RefreshTokenConfig, module=__name__, choices=False)
JwtGrantAuth = config_class(models.JwtGrantAuthConfig, module=__name__, choices=False)

if TYPE_CHECKING:
    Auth: TypeAlias = dg.Config
else:
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
