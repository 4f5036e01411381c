"""The client: requests and pages for ordinary, synchronous code."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster_rest.config.values.env import resolve_env
from dagster_rest.config.values.inherit import INHERIT
from dagster_rest.http.auth.secrets import check_named_secrets
from dagster_rest.http.connection import Connection, trusted_origins
from dagster_rest.http.errors import not_picklable
from dagster_rest.http.page import FetchOptions, FetchUnit, OnBodyErrors, Page
from dagster_rest.http.parse.body import EncodingErrors
from dagster_rest.http.redaction import Redactor, environment_secrets, query_secrets, userinfo_secrets
from dagster_rest.http.settings import ClientSettings

if TYPE_CHECKING:
    import httpx

    from dagster_rest.config.model.client import ClientConfig
    from dagster_rest.config.request.render import RequestSpec
    from dagster_rest.http.send.stats import RequestStats

MAX_RESPONSE_BYTES = 268_435_456


class RestClient:
    """A client of one REST API: auth, retries, limits and paging in one place.

    It works without Dagster and without a config. Use it as a context manager, or call `close`. Threads may share it.

    Args:
        base_url: Paths are joined to it.
        headers: Headers of every request.
        params: Query parameters of every request, unless a URL has them already.
        auth: An auth config, dict, alias, `httpx.Auth`, `(user, password)` or callable.
        paginator: The paginator of calls that name none; detected if absent.
        data_selector: The JSONPath of calls that name none; detected if absent.
        timeout: Seconds to wait for the server (connect and read), or an `httpx.Timeout`.
        retry: A `RetryConfig`, a dict of its keys, or a `RetryPolicy`.
        rate_limit: A `RateLimitConfig` or a dict: `{"requests": 100, "per": "1m"}`.
        max_concurrency: Requests in flight, of all threads and fetches together.
        allowed_origins: Origins beside the base URL's that may be asked, with credentials.
        verify: TLS: True, False, the path of a CA bundle, or an `ssl.SSLContext`.
        cert: A client certificate: path, or (certificate, key[, password]).
        proxy: URL of a proxy.
        http2: Whether to use HTTP/2 (needs `pip install httpx[http2]`).
        follow_redirects: Whether to follow redirects, to trusted origins.
        max_response_bytes: The largest body, unpacked.
        transport: An `httpx.AsyncBaseTransport` to send through, for instance `httpx.MockTransport`.
        session: A `requests.Session`, `httpx.Client` or `httpx.AsyncClient` of your own to send with; it stays open.

    Attributes:
        stats: Counters; see `RequestStats`.
        redactor: Takes this client's secrets out of texts.

    Example:
        ```python
        from dagster_rest.http import RestClient


        def names() -> list[str]:
            with RestClient("https://pokeapi.co/api/v2") as client:
                return [row["name"] for page in client.paginate("pokemon", params={"limit": 100}) for row in page]
        ```
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        auth: Any = None,
        paginator: Any = None,
        data_selector: str | None = None,
        timeout: Any = 60.0,
        retry: Any = None,
        rate_limit: Any = None,
        max_concurrency: int = 8,
        allowed_origins: Collection[str] = (),
        verify: Any = True,
        cert: Any = None,
        proxy: str | None = None,
        http2: bool = False,
        follow_redirects: bool = True,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        transport: Any = None,
        session: Any = None,
    ) -> None:
        self.base_url = base_url
        self.paginator = paginator
        self.data_selector = data_selector
        self.max_concurrency = max_concurrency
        self.redactor = Redactor(environment_secrets({"headers": headers, "params": params}))
        settings = ClientSettings(
            base_url=base_url,
            headers=resolve_env(dict(headers or {}), where="headers"),
            params=resolve_env(dict(params or {}), where="params"),
            timeout=timeout,
            retry=retry,
            rate_limit=rate_limit,
            max_concurrency=max_concurrency,
            verify=verify,
            cert=cert,
            proxy=proxy,
            http2=http2,
            follow_redirects=follow_redirects,
            max_response_bytes=max_response_bytes,
            transport=transport,
            session=session,
        )
        trusted = trusted_origins(base_url, allowed_origins)
        self.connection = Connection(settings, auth=auth, trusted=trusted, redactor=self.redactor)
        self._learn_secrets()

    @property
    def stats(self) -> RequestStats:
        """Counters of all requests of this client."""
        return self.connection.stats

    @classmethod
    def from_config(cls, config: ClientConfig, **changes: Any) -> RestClient:
        """A client as the config describes it; environment references are looked up now.

        Args:
            config: The `client` part of a config.
            changes: Arguments to set over the config's.

        Raises:
            ConfigError: An environment variable is missing.
        """
        resolved = resolve_env(config, where="client")
        known = inspect.signature(cls.__init__).parameters
        arguments = {name: getattr(resolved, name) for name in type(resolved).model_fields if name in known}
        client = cls(**{**arguments, **changes})
        client.redactor.add(*environment_secrets(config))
        return client

    def __copy__(self) -> RestClient:
        """A client of the same settings, tokens and session, with connections and counters of its own."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.connection = self.connection.another()
        return other

    def __deepcopy__(self, _: dict[int, Any]) -> RestClient:
        """The same as a copy: there is nothing in it that may change."""
        return self.__copy__()

    def __reduce_ex__(self, _: Any) -> Any:
        """Refuse to be pickled.

        Raises:
            HttpError: Always.
        """
        raise not_picklable(type(self).__name__)

    def __enter__(self) -> RestClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str = "", **options: Any) -> httpx.Response:
        """Send a GET; see `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str = "", **options: Any) -> httpx.Response:
        """Send a POST; see `request`."""
        return self.request("POST", path, **options)

    def request(
        self,
        method: str,
        path: str = "",
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Any = None,
        auth: Any = INHERIT,
        response_actions: Sequence[Any] | None = None,
        hooks: Any = None,
        raise_for_status: bool = False,
    ) -> httpx.Response:
        """Send one request, with the client's auth, retries and rate limit.

        Args:
            method: The verb.
            path: A path below the base URL, or a whole URL (then its origin is trusted: you wrote it).
            params: Query parameters.
            headers: Headers over the client's.
            json: A JSON body.
            data: A form or raw body.
            auth: An auth for this request; None is no auth.
            response_actions: As in a config.
            hooks: A callable, a list of them, or `{"response": [...]}`.
            raise_for_status: Whether an error status raises; otherwise check `response.status_code`.

        Returns:
            The response, its body read.
        """
        connection = self.connection
        connection.refuse_reentry()
        spec = self._spec(method, path, params, headers, json, data)
        options = FetchOptions(auth=auth, response_actions=response_actions, hooks=hooks)
        context = connection.context(options, raise_for_status=raise_for_status)
        sending = connection.sender.send(connection.first_request(spec), context.trusting(spec))
        return connection.loop.run(sending).response

    def paginate(
        self,
        path: str = "",
        *,
        method: str = "GET",
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Any = None,
        auth: Any = INHERIT,
        paginator: Any = None,
        data_selector: str | None = None,
        response_actions: Sequence[Any] | None = None,
        hooks: Any = None,
        allow_missing_data: bool = False,
        max_pages: int | None = None,
        max_empty_pages: int = 100,
        max_repeated_pages: int = 0,
        encoding: str | None = None,
        encoding_errors: EncodingErrors = "strict",
        on_body_errors: OnBodyErrors = "fail",
        resume_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Page]:
        """Fetch page by page; each page is a list of records that carries request, response, paginator and auth.

        Args:
            path: A path below the base URL, or a whole URL.
            method: The verb.
            params: Query parameters.
            headers: Headers over the client's.
            json: A JSON body.
            data: A form or raw body.
            auth: An auth for these requests; None is no auth.
            paginator: A paginator, config, dict or alias; the client's, else detected.
            data_selector: JSONPath of the records; the client's, else detected.
            response_actions: As in a config.
            hooks: A callable, a list of them, or `{"response": [...]}`; they see every response.
            allow_missing_data: Whether a selector that matches nothing gives an empty page.
            max_pages: At most so many pages.
            max_empty_pages: More empty pages in a row are an error.
            max_repeated_pages: How many pages in a row may have the content of earlier ones.
            encoding: The bodies' encoding where they are not UTF-8.
            encoding_errors: Whether bytes that are not of it are an error (`strict`) or U+FFFD (`replace`).
            on_body_errors: Whether `errors` beside records are an error (`fail`) or a warning (`warn`).
            resume_state: The `state` of a page, to go on behind it.

        Yields:
            Pages, the last one with `is_last`.
        """
        options = FetchOptions(
            paginator=self.paginator if paginator is None or paginator == "auto" else paginator,
            data_selector=self.data_selector if data_selector is None else data_selector,
            response_actions=response_actions,
            hooks=hooks,
            auth=auth,
            allow_missing_data=allow_missing_data,
            max_pages=max_pages,
            max_empty_pages=max_empty_pages,
            max_repeated_pages=max_repeated_pages,
            encoding=encoding,
            encoding_errors=encoding_errors,
            on_body_errors=on_body_errors,
        )
        spec = self._spec(method, path, params, headers, json, data)
        unit = FetchUnit(request=spec, index=0, resume_state=resume_state)
        return self._pages([unit], options, keep_response=True)

    def fetch(self, units: Iterable[FetchUnit], *, options: FetchOptions | None = None) -> Generator[Page]:
        """Fetch many units at a time; all pages of the first, then all of the second, and so on.

        Units are taken from the iterable as they are needed, in the caller's thread. Closing the iterator cancels
        what is under way.

        Args:
            units: What to fetch.
            options: How.

        Yields:
            Pages; every unit gives at least one, and its last has `is_last`.
        """
        return self._pages(units, options or FetchOptions(), keep_response=False)

    def _spec(self, method: str, path: str, params: Any, headers: Any, json: Any, data: Any) -> RequestSpec:
        from dagster_rest.config.request.render import RequestSpec

        self.redactor.add(*query_secrets(path))
        for part in (params, headers, json, data):
            self.redactor.add_named(part)
        check_named_secrets(params, where="params")
        check_named_secrets(headers, where="headers")
        return RequestSpec(
            method=method, path=path, params=dict(params or {}), headers=dict(headers or {}), json=json, data=data
        )

    def _pages(self, units: Iterable[FetchUnit], options: FetchOptions, *, keep_response: bool) -> Generator[Page]:
        self.connection.refuse_reentry()
        from dagster_rest.http.fetch.scheduler import Fetch

        return iter(Fetch(self.connection, units, options, keep_response=keep_response))

    def close(self) -> None:
        """Close the connections and end the background thread. Twice is fine."""
        self.connection.close()

    def _learn_secrets(self) -> None:
        settings = self.connection.settings
        for where, values in (("headers", settings.headers), ("params", settings.params)):
            self.redactor.add_named(values)
            check_named_secrets(values, where=f"client.{where}")
        for url in (self.base_url, settings.proxy or ""):
            self.redactor.add(*userinfo_secrets(url), *query_secrets(url))


def paginate(url: str, *, client: Mapping[str, Any] | None = None, **options: Any) -> Iterator[Page]:
    """Fetch page by page from a URL, without making a client first.

    Args:
        url: The whole URL.
        client: Arguments for `RestClient`.
        options: Those of `RestClient.paginate`.

    Yields:
        Pages: lists of records.

    Example:
        ```python
        from dagster_rest.http import paginate


        def count() -> int:
            return sum(len(page) for page in paginate("https://pokeapi.co/api/v2/pokemon", paginator="json_link"))
        ```
    """
    with RestClient(**dict(client or {})) as opened:
        yield from opened.paginate(url, **options)
