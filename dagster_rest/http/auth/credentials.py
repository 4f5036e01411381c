"""Credentials on requests: httpx auths, made from the config.

This module imports httpx; import it where a request is about to be sent.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from functools import partial
from typing import Any

import httpx

from dagster_rest.config.registry import AUTHS
from dagster_rest.http.auth.secrets import OnToken, check_secrets, config_fields
from dagster_rest.http.errors import AuthConfigError, TokenError

#: The extension of a request that has its credentials.
AUTHORIZED = "dagster_rest.authorized"


class BearerAuth(httpx.Auth):
    """`Authorization: Bearer <token>`."""

    def __init__(self, token: str) -> None:
        if not isinstance(token, str):
            raise AuthConfigError(f"the token is {type(token).__name__}, not text", code="http_auth_config")
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Set the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class ApiKeyAuth(httpx.Auth):
    """A key in a header, the query or a cookie.

    Args:
        api_key: The key.
        name: Name of the header, parameter or cookie.
        location: `header`, `query` (or `param`), `cookie`.
    """

    def __init__(self, api_key: str, *, name: str = "Authorization", location: str = "header") -> None:
        self._key, self._name, self._location = api_key, name, location

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Set the key, over one that is there already."""
        if self._location == "header":
            request.headers[self._name] = self._key
        elif self._location == "cookie":
            others = [c for c in _cookies(request) if c.partition("=")[0] != self._name]
            request.headers["Cookie"] = "; ".join([*others, f"{self._name}={self._key}"])
        else:
            request.url = request.url.copy_set_param(self._name, self._key)
        yield request


def _cookies(request: httpx.Request) -> list[str]:
    return [part.strip() for part in request.headers.get("Cookie", "").split(";") if part.strip()]


class WatchedAuth(httpx.Auth):
    """Another auth, each of whose requests is announced: tokens and challenges too.

    The requests say that they have an auth: a session of the user's must not put its own over it.

    Args:
        auth: What authorizes the requests.
        before: Awaited before each of them is sent.
        after: Called when each of them is answered.
        refused: Called with the seconds to wait where a token endpoint names them, before anybody else asks it.
    """

    def __init__(
        self,
        auth: httpx.Auth,
        *,
        before: Callable[[], Awaitable[None]],
        after: Callable[[], None],
        refused: Callable[[float], None],
    ) -> None:
        self._auth, self._before, self._after, self._refused = auth, before, after, refused

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send what the auth sends."""
        flow = self._auth.async_auth_flow(request)
        try:
            following = await anext(flow)
            while True:
                # httpx gives its time-outs to the request only, not to what an auth sends before it.
                following.extensions = {**request.extensions, **following.extensions, AUTHORIZED: True}
                await self._before()
                answer = yield following
                # At once: the auth may wait for a token that another request fetches.
                self._after()
                following = await flow.asend(answer)
        except StopAsyncIteration:
            return
        except TokenError as error:
            if error.wait is not None:
                self._refused(error.wait)
            raise
        finally:
            await flow.aclose()


def create_auth(config: Any, *, on_token: OnToken | None = None) -> httpx.Auth | None:
    """Make the auth that a config describes.

    Args:
        config: An auth config, alias, dict (without `type`: bearer), `httpx.Auth`, `(user, password)` tuple, a
            callable that takes and returns a request, or None. Environment references must be resolved already.
        on_token: Called with every token that is fetched, so that logs can hide it.

    Raises:
        AuthConfigError: It cannot be made.

    Example:
        ```python
        from dagster_rest.http.auth.credentials import create_auth

        auth = create_auth({"type": "api_key", "name": "X-Api-Key", "api_key": "k-123", "location": "header"})
        ```
    """
    if config is None or isinstance(config, httpx.Auth):
        return config
    if isinstance(config, tuple) and len(config) == 2:
        check_secrets({"username": config[0], "password": config[1]})
        return httpx.BasicAuth(*config)
    if isinstance(config, (str, Mapping)):
        config = parse_auth(config)
    if hasattr(type(config), "model_fields"):
        check_secrets(config_fields(config))
    maker = _MAKERS.get(type(config).__name__)
    if maker is not None:
        return maker(config, on_token)
    if type(config).__name__ == "RegisteredAuthConfig":
        return _registered(config)
    if callable(config):
        return _CallableAuth(config)
    raise AuthConfigError(
        f"{type(config).__name__} is not an auth",
        code="http_auth_config",
        hint="Use a type's name, a dict with `type`, or an instance of httpx.Auth.",
    )


def parse_auth(config: str | Mapping[str, Any]) -> Any:
    """A plain alias or dict as its config model."""
    from dagster_rest.http.parsing import parse_choice

    return parse_choice("auth", dict(config) if isinstance(config, Mapping) else config)


class _CallableAuth(httpx.Auth):
    """A callable such as `requests.auth.AuthBase`: gets the request, may return it."""

    def __init__(self, function: Callable[[httpx.Request], Any]) -> None:
        self._function = function

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        changed = self._function(request)
        yield changed if isinstance(changed, httpx.Request) else request


def _registered(config: Any) -> httpx.Auth | None:
    cls = AUTHS.get(config.type)
    if cls is None:
        raise AuthConfigError(
            f"no auth is registered as {config.type!r}", code="http_auth_unknown", hint="Call register_auth first."
        )
    return create_auth(cls(**config.options))


def _oauth(name: str, config: Any, on_token: OnToken | None) -> httpx.Auth:
    from dagster_rest.http.auth import oauth

    auth: httpx.Auth = getattr(oauth, name)(**config_fields(config), on_token=on_token)
    return auth


_MAKERS: dict[str, Callable[[Any, OnToken | None], httpx.Auth]] = {
    "BearerAuthConfig": lambda c, _: BearerAuth(c.token),
    "ApiKeyAuthConfig": lambda c, _: ApiKeyAuth(c.api_key, name=c.name, location=c.location),
    "HttpBasicAuthConfig": lambda c, _: httpx.BasicAuth(c.username, c.password),
    "CustomHeaderAuthConfig": lambda c, _: ApiKeyAuth(c.value, name=c.name),
    "DigestAuthConfig": lambda c, _: httpx.DigestAuth(c.username, c.password),
    "OAuth2ClientCredentialsConfig": partial(_oauth, "ClientCredentialsAuth"),
    "OAuth2RefreshTokenConfig": partial(_oauth, "RefreshTokenAuth"),
    "JwtGrantAuthConfig": partial(_oauth, "JwtGrantAuth"),
}
