"""`RestApiResource`: one REST API as a Dagster resource."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import dagster as dg
from pydantic import Field, PrivateAttr

from dagster_rest.resources.auth import Auth, NoAuth
from dagster_rest.resources.errors import dagster_errors
from dagster_rest.resources.paginators import AutoPaginator, Paginator

if TYPE_CHECKING:
    import httpx

    from dagster_rest.config.model.client import ClientConfig
    from dagster_rest.http.client import RestClient
    from dagster_rest.http.page import Page


class RetrySettings(dg.Config):
    """What is asked again, how often and for how long (seconds)."""

    attempts: int = 5
    backoff: float = 1.0
    max_delay: float = 300.0
    jitter: float = 1.0
    max_wait: float = 60.0
    max_retry_later: float = 86_400.0
    total: float = 600.0
    statuses: list[str] = Field(default=["408", "429", "5xx"])
    methods: list[str] = Field(default=["GET", "POST"])


class RateLimitSettings(dg.Config):
    """At most so many requests per time, by all processes on this host together."""

    requests: int
    per: str = Field(default="1s", description="For example `1m`, or seconds.")
    key: str | None = None


class RestApiResource(dg.ConfigurableResource[Any]):
    """One REST API: the resource that the assets of `build_rest_assets` fetch with, and yours may too.

    Every process has one client, opened at the first request and closed when Dagster tears the resource down. Any
    text may be a `dg.EnvVar`; it is looked up when the run starts, and a snapshot holds its name only. A secret
    that is written here as plain text does get into Dagster's snapshots: use `dg.EnvVar`, or `from_config`.

    Example:
        ```python
        import dagster as dg

        from dagster_rest import RestApiResource
        from dagster_rest.resources import BearerAuth, JSONLinkPaginator


        @dg.asset
        def pokemon(poke: RestApiResource) -> list[str]:
            return [row["name"] for page in poke.paginate("pokemon") for row in page]


        defs = dg.Definitions(
            assets=[pokemon],
            resources={
                "poke": RestApiResource(
                    base_url="https://pokeapi.co/api/v2",
                    auth=BearerAuth(token=dg.EnvVar("POKE_TOKEN")),
                    paginator=JSONLinkPaginator(),
                )
            },
        )
        ```
    """

    base_url: str = Field(default="", description="Start of every URL.")
    headers: dict[str, str] = Field(default={}, description="Headers of every request.")
    params: dict[str, str] = Field(default={}, description="Query parameters of every request.")
    auth: Auth = Field(default=NoAuth(), discriminator="type", description="How to authenticate.")
    paginator: Paginator = Field(
        default=AutoPaginator(), discriminator="type", description="The paginator of calls that name none."
    )
    timeout: float = Field(default=60.0, description="Seconds to wait for the server.")
    retry: RetrySettings = Field(default=RetrySettings(), description="What is retried.")
    rate_limit: RateLimitSettings | None = Field(default=None, description="Maximum number of requests per time.")
    max_concurrency: int = Field(default=8, description="Requests in flight, per step.")
    allowed_origins: list[str] = Field(default=[], description="Other origins that get requests, with credentials.")
    verify: bool = Field(default=True, description="Check TLS certificates.")
    ca_bundle: str | None = Field(default=None, description="Path of a CA bundle to check them with.")
    cert: list[str] | None = Field(default=None, description="Client certificate: path, or path, key, password.")
    proxy: str | None = Field(default=None, description="URL of a proxy.")
    http2: bool = Field(default=False, description="Use HTTP/2.")
    follow_redirects: bool = Field(default=True, description="Follow redirects to trusted origins.")
    staging_dir: str | None = Field(
        default=None, description="Folder for staged files; beside the DuckDB file if absent."
    )
    max_response_bytes: int = Field(default=268_435_456, description="A larger response (decompressed) is an error.")

    #: The config that `from_config` was called with. It stays out of fields, and so out of Dagster's snapshots.
    _source: ClassVar[Any] = None
    #: The fields that show a part of it, as `from_config` set them.
    _shown: ClassVar[dict[str, Any]] = {}
    _client: Any = PrivateAttr(default=None)

    def __init__(self, **data: Any) -> None:
        if "auth" in data:
            data["auth"] = _chosen(data["auth"], NoAuth(), default="bearer")
        if "paginator" in data:
            data["paginator"] = _chosen(data["paginator"], AutoPaginator(), default="auto")
        super().__init__(**data)

    @classmethod
    def from_config(cls, config: Any) -> "RestApiResource":
        """The resource for the `client` part of a config.

        The config may hold what Dagster's own config cannot: instances, callables, `Bearer ${TOKEN}`. Nothing of it
        but the base URL is shown in Dagster.

        Args:
            config: A `ClientConfig`, a whole config, its dict, a `client` dict, or the path of a YAML file.
        """
        source = _client_config(config)
        fields = _shown_fields(source)
        shown = {name: _plain(value) for name, value in fields.items()}
        body = {"__module__": cls.__module__, "__doc__": cls.__doc__, "_source": source, "_shown": shown}
        resource: RestApiResource = type(cls.__name__, (cls,), body)(**fields)
        return resource

    def __copy__(self) -> "RestApiResource":
        """The same resource, with a client of its own."""
        other = super().__copy__()
        other._client = None
        return other

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> "RestApiResource":
        """The same as a copy: there is nothing in it that may change."""
        return self.__copy__()

    def __reduce_ex__(self, _: Any) -> Any:
        """Refuse to be pickled.

        Raises:
            HttpError: Always.
        """
        from dagster_rest.http.errors import not_picklable

        raise not_picklable(type(self).__name__)

    @property
    def client(self) -> "RestClient":
        """The client of this process; opened at the first use."""
        from dagster_rest.http.client import RestClient

        if self._client is None:
            self._client = RestClient.from_config(self.client_config())
        client: RestClient = self._client
        return client

    def client_config(self) -> "ClientConfig":
        """What the client is made of."""
        from dagster_rest.config.model.client import ClientConfig

        if self._source is not None:
            return self._overridden(self._source)
        values = {name: _plain(getattr(self, name)) for name in type(self).model_fields if name != "ca_bundle"}
        if self.ca_bundle is not None and self.verify:
            values["verify"] = self.ca_bundle
        if values["auth"] == {"type": "none"}:
            values["auth"] = None
        return ClientConfig.of_resolved({name: value for name, value in values.items() if value is not None})

    def _overridden(self, source: "ClientConfig") -> "ClientConfig":
        """The config of `from_config`, with what was changed in the launchpad since.

        For a key that the launchpad leaves out, Dagster fills in the class's default, not what `from_config` gave; so
        a default says nothing.
        """
        now = {name: _plain(getattr(self, name)) for name in self._shown}
        defaults = {name: _plain(type(self).model_fields[name].default) for name in now}
        changed = {name: value for name, value in now.items() if value not in (self._shown[name], defaults[name])}
        if not changed:
            return source
        checked = type(source).of_resolved({"base_url": self.base_url, **changed})
        return source.model_copy(update={name: getattr(checked, name) for name in changed})

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """Close the client, if it was opened; the next use opens another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def get(self, path: str = "", **options: Any) -> "httpx.Response":
        """Send a GET; see `RestClient.request`."""
        with dagster_errors():
            return self.client.get(path, **options)

    def post(self, path: str = "", **options: Any) -> "httpx.Response":
        """Send a POST; see `RestClient.request`."""
        with dagster_errors():
            return self.client.post(path, **options)

    def paginate(self, path: str = "", **options: Any) -> "Iterator[Page]":
        """Fetch page by page; see `RestClient.paginate`."""
        with dagster_errors():
            yield from self.client.paginate(path, **options)


def _chosen(value: Any, nothing: dg.Config, *, default: str) -> Any:
    """An alias, or a dict with `type`, in the form in which Dagster takes a discriminated union."""
    if value is None:
        return nothing
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, dict) and (len(value) != 1 or not isinstance(next(iter(value.values())), dict)):
        return {value.get("type", default): {name: item for name, item in value.items() if name != "type"}}
    return value


def _client_config(config: Any) -> "ClientConfig":
    from dagster_rest.config.load import load_config
    from dagster_rest.config.model.client import ClientConfig
    from dagster_rest.config.model.config import RestApiConfig

    if isinstance(config, ClientConfig):
        return config
    if isinstance(config, RestApiConfig):
        return config.client
    if isinstance(config, Mapping) and "client" not in config:
        config = {"client": dict(config), "resources": []}
    return load_config(config).client


def _shown_fields(source: "ClientConfig") -> dict[str, Any]:
    """What Dagster may show, and the launchpad change, of a config: nothing that can hold a secret."""
    fields: dict[str, Any] = {
        "base_url": _without_userinfo(str.__str__(source.base_url)),
        "staging_dir": source.staging_dir,
        "max_concurrency": source.max_concurrency,
        "allowed_origins": [str.__str__(origin) for origin in source.allowed_origins],
        "http2": source.http2,
        "follow_redirects": source.follow_redirects,
        "max_response_bytes": source.max_response_bytes,
        "retry": RetrySettings(
            **{
                **{name: getattr(source.retry, name) for name in RetrySettings.model_fields},
                "statuses": [str(status) for status in source.retry.statuses],
            }
        ),
    }
    if isinstance(source.timeout, (int, float)):
        fields["timeout"] = float(source.timeout)
    if isinstance(source.verify, bool):
        fields["verify"] = source.verify
    if source.rate_limit is not None:
        limit = source.rate_limit
        fields["rate_limit"] = RateLimitSettings(requests=limit.requests, per=f"{limit.per:g}s", key=limit.key)
    return fields


def _without_userinfo(url: str) -> str:
    scheme, mark, rest = url.partition("?")[0].rpartition("://")
    return scheme + mark + rest.rpartition("@")[2]


def _plain(value: Any) -> Any:
    if not isinstance(value, dg.Config):
        return value
    given = {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    return {name: inner for name, inner in given.items() if inner is not None or name == "total_path"}
