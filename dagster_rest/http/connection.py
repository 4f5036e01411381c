"""What a client holds open: an event loop of its own, the sender in it, and the auths in use."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from dagster_rest.config.values.env import resolve_env
from dagster_rest.config.values.inherit import INHERIT
from dagster_rest.http.errors import ClientConfigError, HttpError
from dagster_rest.http.redaction import Redactor
from dagster_rest.http.request import Request, join_url
from dagster_rest.http.send.slots import Slots
from dagster_rest.http.send.stats import RequestStats
from dagster_rest.http.settings import ClientSettings
from dagster_rest.http.transport.loop import BackgroundLoop

if TYPE_CHECKING:
    from dagster_rest.config.request.render import RequestSpec
    from dagster_rest.http.page import FetchOptions
    from dagster_rest.http.send.context import Context
    from dagster_rest.http.send.sender import Sender


class Connection:
    """The connections of one client; opened at the first request, safe to use from any thread.

    Args:
        settings: How it sends.
        auth: The auth of requests that have none of their own.
        trusted: Origins that may be asked.
        redactor: Learns the secrets of auths and requests.
        auths: Auths that were made already, by their config: one token serves all resources of a client.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        auth: Any,
        trusted: frozenset[str],
        redactor: Redactor,
        auths: Collection[tuple[Any, Any]] = (),
    ) -> None:
        self.settings = settings
        self.redactor = redactor
        self.stats = RequestStats()
        self._auth_config, self._trusted = auth, trusted
        self._auths = list(auths)
        self._slots = Slots(settings.max_concurrency)
        self._lock = threading.RLock()
        self._opened: tuple[BackgroundLoop, Sender] | None = None
        self._inherited: list[tuple[BackgroundLoop, Sender]] = []
        self._finalizer: Callable[[], object] | None = None
        self._closed = False

    def another(self) -> Connection:
        """One of the same settings, auths and tokens."""
        with self._lock:
            auths = list(self._auths)
        return Connection(
            self.settings, auth=self._auth_config, trusted=self._trusted, redactor=self.redactor, auths=auths
        )

    @property
    def loop(self) -> BackgroundLoop:
        """The event loop that sends."""
        return self._open()[0]

    @property
    def sender(self) -> Sender:
        """What sends the requests."""
        return self._open()[1]

    def refuse_reentry(self) -> None:
        """Raise if the caller runs in the loop; before anything waits for a lock that the loop may need.

        Raises:
            HttpError: With the code `http_reentrant`.
        """
        if self._opened is not None:
            self._opened[0].refuse_reentry()

    def close(self) -> None:
        """Close the connections and end the background thread. Twice is fine."""
        self.refuse_reentry()
        with self._lock:
            self._closed = True
            if self._finalizer is not None:
                self._finalizer()

    def context(self, options: FetchOptions, *, raise_for_status: bool = True) -> Context:
        """What holds for all requests of a fetch."""
        from dagster_rest.http.send.context import Context
        from dagster_rest.http.send.response_actions import compile_actions, compile_hooks

        self.redactor.add(*options.secrets)
        self.redactor.add_named(options.headers)
        return Context(
            auth=self._auth(self._auth_config if options.auth is INHERIT else options.auth),
            trusted=self._trusted,
            slots=self._slots if options.max_concurrency is None else Slots(options.max_concurrency),
            actions=compile_actions(options.response_actions, where=options.where),
            hooks=compile_hooks(options.hooks),
            where=options.where,
            raise_for_status=raise_for_status,
        )

    def first_request(self, spec: RequestSpec, *, headers: Mapping[str, Any] | None = None) -> Request:
        """The first request of a unit, with more headers over the client's."""
        return Request(
            method=spec.method,
            url=join_url(self.settings.base_url, spec.path),
            params=dict(spec.params or {}),
            headers={**(headers or {}), **(spec.headers or {})},
            json=spec.json,
            data=spec.data,
        )

    def _open(self) -> tuple[BackgroundLoop, Sender]:
        with self._lock:
            if self._closed:
                raise HttpError("the client is closed", code="http_client_closed", hint="Open a new one.")
            if self._opened is not None and self._opened[0].is_inherited:
                # After a fork the thread and the sockets are the parent's. Kept, because what is dropped closes itself.
                self._inherited.append(self._opened)
                self._opened, self._slots = None, Slots(self.settings.max_concurrency)
            if self._opened is None:
                from dagster_rest.http.send.factory import open_sender

                sender, close = open_sender(self.settings, stats=self.stats, redactor=self.redactor)
                loop = BackgroundLoop()
                self._finalizer = weakref.finalize(self, loop.stop, close)
                self._opened = (loop, sender)
            return self._opened

    def _auth(self, config: Any) -> Any:
        """The auth of a config, made once."""
        from dagster_rest.http.auth.credentials import create_auth, parse_auth
        from dagster_rest.http.auth.secrets import secrets_of

        with self._lock:
            for known, auth in self._auths:
                if known is config or (type(known) is type(config) and known == config):
                    return auth
            # Parsed first: what a variable holds is no text of the config, and may look like anything.
            parsed = parse_auth(config) if isinstance(config, (str, Mapping)) else config
            resolved = resolve_env(parsed, where="auth")
            self.redactor.add(*secrets_of(resolved))
            auth = create_auth(resolved, on_token=self.redactor.add)
            self._auths.append((config, auth))
            return auth


def trusted_origins(base_url: str, allowed: Collection[str]) -> frozenset[str]:
    """The origins that a client may ask.

    Raises:
        ClientConfigError: One of `allowed` is not an origin.
    """
    from dagster_rest.http.origin import origin_of

    for url in allowed:
        if not origin_of(url):
            raise ClientConfigError(
                f"{url.rpartition('@')[2][:80]!r} is not an origin",
                where="client.allowed_origins",
                hint="Write scheme and host, and the port if it is not the default: https://files.example.com",
            )
    return frozenset(origin for origin in map(origin_of, (base_url, *allowed)) if origin)
