"""OAuth 2.0: tokens that are fetched, kept and renewed. authlib builds and signs the token requests."""

from __future__ import annotations

import abc
import asyncio
import json
import math
import os
import threading
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import httpx

from dagster_rest.http.auth.secrets import OnToken
from dagster_rest.http.errors import AuthConfigError, TokenError
from dagster_rest.http.retry_after import server_wait

#: Seconds between two tries to lock the token, where another copy of the client renews it.
_LOCK_POLL_SECONDS = 0.01
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FORM = "application/x-www-form-urlencoded"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class TokenAuth(httpx.Auth, abc.ABC):
    """Bearer tokens that a token endpoint gives: fetched once, renewed before they expire and once on a 401.

    One instance serves all requests of a client and of its copies; while one renews the token, the others wait.

    Args:
        access_token_url: The token endpoint.
        access_token_request_data: More form fields; they may override `grant_type`.
        default_token_expiration: Seconds that a token lives if the endpoint does not say.
        refresh_margin: Seconds before the end of its life that a token is renewed, at most half of its life.
        access_token: A token to start with; used until the API refuses it.
        session: An object with `post(url, data=..., headers=...)` that sends the token request instead.
        on_token: Called with every token that comes, so that logs can hide it.
    """

    def __init__(
        self,
        *,
        access_token_url: str,
        access_token_request_data: Mapping[str, Any] | None = None,
        default_token_expiration: float = 3600,
        refresh_margin: float = 60,
        access_token: str | None = None,
        session: Any = None,
        on_token: OnToken | None = None,
    ) -> None:
        self._url = access_token_url
        self._extra = dict(access_token_request_data or {})
        self._lifetime = float(default_token_expiration)
        self._margin = float(refresh_margin)
        self._token = access_token
        self._renew_at = float("inf")
        self._session = session
        self._on_token = on_token or (lambda _: None)
        self._locks: weakref.WeakKeyDictionary[Any, asyncio.Lock] = weakref.WeakKeyDictionary()
        # By process: one that is forked while a token is fetched must not wait for its parent.
        self._process_locks: dict[int, threading.Lock] = {}

    @abc.abstractmethod
    def token_request(self) -> tuple[dict[str, str], str]:
        """Headers and form body of the token request."""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send the request with a good token, and once more with a new one if the API answers 401."""
        refused: str | None = None
        while True:
            async with self._token_lock():
                if self._token is None or self._token == refused or time.monotonic() >= self._renew_at:
                    headers, body = self.token_request()
                    headers = {"Content-Type": _FORM, "Accept": "application/json", **headers}
                    if self._session is None:
                        answer = yield httpx.Request("POST", self._url, headers=headers, content=body.encode())
                        await answer.aread()
                    else:
                        answer = await asyncio.to_thread(
                            self._session.post, self._url, data=dict(parse_qsl(body)), headers=headers
                        )
                    self._take(answer)
                token = self._token
            request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            if response.status_code != 401 or refused is not None:
                return
            refused = token

    @asynccontextmanager
    async def _token_lock(self) -> AsyncIterator[None]:
        """Hold the token alone: in this loop, and among the loops of a client's copies."""
        async with self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            lock = self._process_locks.setdefault(os.getpid(), threading.Lock())
            while not lock.acquire(blocking=False):
                await asyncio.sleep(_LOCK_POLL_SECONDS)
            try:
                yield
            finally:
                lock.release()

    def _take(self, answer: Any) -> None:
        fields = _fields_of(answer)
        status = answer.status_code
        if status in _REDIRECTS:
            # A redirected POST becomes a GET without its form; and another address may not be meant for the secret.
            address = _redirected_to(self._url, answer.headers.get("location"))
            error = self._refused(f"the token endpoint answered {status}, a redirect to {address}", answer)
            error.hint = "A token request is not redirected: set `access_token_url` to the endpoint's final address."
            raise error
        if not 200 <= status < 300:
            raise self._refused(f"the token endpoint answered {status}: {_reason(fields) or answer.text[:300]}", answer)
        if fields is None:
            raise self._refused("the token endpoint's answer is not a JSON object", answer)
        token = fields.get("access_token")
        if not isinstance(token, str) or not token.strip():
            found = f"`access_token` is {_kind(token)}" if "access_token" in fields else "there is no `access_token`"
            raise self._refused(f"the token endpoint returned no access token: {_reason(fields) or found}", answer)
        token = token.strip()
        if not token.isprintable():
            raise self._refused("the token endpoint returned an access token with a control character", answer)
        lifetime = _seconds(fields.get("expires_in"), default=self._lifetime)
        self._token = token
        self._on_token(token)
        self._renew_at = time.monotonic() + lifetime - min(self._margin, lifetime / 2)
        self._keep(fields)

    def _refused(self, message: str, answer: Any) -> TokenError:
        error = TokenError(message, where=self._url, status_code=answer.status_code)
        if answer.status_code >= 400:
            error.wait = server_wait(answer.status_code, answer.headers)
        return error

    def _keep(self, fields: Mapping[str, Any]) -> None:
        """Keep what else the endpoint gave."""

    def _form(self, grant_type: str, **fields: Any) -> str:
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        given = {**fields, **self._extra}
        return str(prepare_token_request(given.pop("grant_type", grant_type), **given))


class ClientCredentialsAuth(TokenAuth):
    """The client credentials grant (dlt's docs, "RESTClient: OAuth 2.0 authorization").

    Args:
        client_id: The client's id.
        client_secret: The client's secret, if it has one.
        client_auth: `body` sends both as form fields, `basic` as HTTP Basic.
        options: See `TokenAuth`.
    """

    def __init__(
        self, *, client_id: str | None, client_secret: str | None = None, client_auth: str = "body", **options: Any
    ) -> None:
        super().__init__(**options)
        self._client_id, self._client_secret, self._client_auth = client_id, client_secret, client_auth

    def token_request(self) -> tuple[dict[str, str], str]:
        """The form, with the client's credentials."""
        return self._authenticated(self._form("client_credentials"))

    def _authenticated(self, form: str) -> tuple[dict[str, str], str]:
        from authlib.oauth2.auth import ClientAuth

        method = {"basic": "client_secret_basic", "body": "client_secret_post"}[self._client_auth]
        if self._client_secret is None:
            method = "none"
        _, headers, body = ClientAuth(self._client_id, self._client_secret, method).prepare("POST", self._url, {}, form)
        return dict(headers), str(body)


class RefreshTokenAuth(ClientCredentialsAuth):
    """The refresh token grant; a new refresh token in an answer replaces the old one for this process.

    Args:
        refresh_token: The refresh token.
        client_id: The client's id, if the endpoint wants one.
        options: See `ClientCredentialsAuth`.
    """

    def __init__(self, *, refresh_token: str, client_id: str | None = None, **options: Any) -> None:
        super().__init__(client_id=client_id, **options)
        self._refresh_token = refresh_token

    def token_request(self) -> tuple[dict[str, str], str]:
        """The form, with the refresh token."""
        form = self._form("refresh_token", refresh_token=self._refresh_token)
        return ({}, form) if self._client_id is None else self._authenticated(form)

    def _keep(self, fields: Mapping[str, Any]) -> None:
        if fields.get("refresh_token"):
            self._refresh_token = str(fields["refresh_token"])
            self._on_token(self._refresh_token)


class JwtGrantAuth(TokenAuth):
    """The JWT bearer grant (RFC 7523): a signed assertion is exchanged for a token.

    Args:
        private_key: PEM text, or the shared secret for HS algorithms.
        client_id: Issuer of the assertion.
        subject: Subject; the issuer by default.
        audience: Audience; the token endpoint by default.
        scopes: Scopes, text or list.
        algorithm: Signature algorithm.
        key_id: `kid` in the assertion's header.
        private_key_passphrase: Passphrase of the key.
        headers: Headers of the token request.
        claims: More claims.
        assertion_lifetime: Seconds that an assertion is valid.
        options: See `TokenAuth`.
    """

    def __init__(
        self,
        *,
        private_key: str,
        client_id: str,
        subject: str | None = None,
        audience: str | None = None,
        scopes: str | list[str] | None = None,
        algorithm: str = "RS256",
        key_id: str | None = None,
        private_key_passphrase: str | None = None,
        headers: Mapping[str, Any] | None = None,
        claims: Mapping[str, Any] | None = None,
        assertion_lifetime: float = 300,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._key, self._passphrase = private_key, private_key_passphrase
        self._issuer, self._subject = client_id, subject or client_id
        self._audience = audience or self._url
        self._scope = scopes if isinstance(scopes, str) or scopes is None else " ".join(scopes)
        self._header = {"alg": algorithm, **({"kid": key_id} if key_id else {})}
        self._headers = {name: str(value) for name, value in (headers or {}).items()}
        self._claims = dict(claims or {})
        self._assertion_lifetime = int(assertion_lifetime)

    def token_request(self) -> tuple[dict[str, str], str]:
        """The form, with a fresh assertion."""
        return self._headers, self._form(_JWT_BEARER, assertion=self._assertion())

    def _assertion(self) -> str:
        from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion
        from joserfc.errors import JoseError

        claims = {**self._claims, **({"scope": self._scope} if self._scope else {})}
        try:
            return str(
                sign_jwt_bearer_assertion(
                    self._signing_key(),
                    self._issuer,
                    self._audience,
                    subject=self._subject,
                    claims=claims,
                    header=dict(self._header),
                    expires_in=self._assertion_lifetime,
                )
            )
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise AuthConfigError(
                f"the assertion cannot be signed ({type(error).__name__})",
                code="http_auth_config",
                hint="Check `private_key`, its passphrase and `algorithm`.",
            ) from None

    def _signing_key(self) -> Any:
        from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

        kinds: dict[str, Any] = {"HS": OctKey, "RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}
        return kinds[self._header["alg"][:2]].import_key(self._pem())

    def _pem(self) -> str:
        if self._passphrase is None:
            return self._key
        from cryptography.hazmat.primitives import serialization

        key = serialization.load_pem_private_key(self._key.encode(), self._passphrase.encode())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return pem.decode()


def _fields_of(answer: Any) -> dict[str, Any] | None:
    """The JSON object of an answer."""
    try:
        fields = json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _redirected_to(url: str, location: str | None) -> str:
    """The address that a redirect names, without its query."""
    try:
        address = httpx.URL(url).join(location or "")
    except (httpx.InvalidURL, ValueError):
        location = None
    return str(address.copy_with(query=None, fragment=None, userinfo=b"")) if location else "nowhere"


def _reason(fields: Mapping[str, Any] | None) -> str:
    """What an answer says of its error (RFC 6749, 5.2)."""
    parts = [(fields or {}).get(name) for name in ("error", "error_description", "error_uri")]
    return ": ".join(text[:300] for text in parts if isinstance(text, str) and text)


def _kind(value: Any) -> str:
    return "null" if value is None else "empty" if value == "" else f"no text but {type(value).__name__}"


def _seconds(value: Any, *, default: float) -> float:
    """A token's life; what is no number means that the endpoint does not say."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return default
    return max(0.0, seconds) if math.isfinite(seconds) else default
