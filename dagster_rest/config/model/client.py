"""The client: where the API is and how it is talked to."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationInfo
from typing_extensions import TypeAliasType

from dagster_rest.config.model.auth import AuthConfig
from dagster_rest.config.model.base import ConfigModel, extension, key
from dagster_rest.config.model.paginators import PaginatorConfig
from dagster_rest.config.values.checks import check_duration, from_env
from dagster_rest.config.values.env import is_env
from dagster_rest.config.values.problems import problem, wrong_type
from dagster_rest.config.values.types import (
    Anything,
    Bool,
    Duration,
    DurationText,
    LateFilledText,
    LateMapping,
    LateText,
    LateTextMapping,
    NotNegative,
    Positive,
    checked,
)
from dagster_rest.config.values.urls import BASE_URL, PROXY_URL

_WrittenStatus: Any = TypeAliasType(  # its name is that of the definition in the JSON Schema
    "Status",
    Annotated[int, Field(ge=100, le=999)] | Annotated[str, Field(pattern="^[1-9]([0-9]{2}|xx|XX)$")],
)


@checked(takes=_WrittenStatus, expected="a status code or a class such as 4xx", read_at="check")
def check_status(value: Any, info: ValidationInfo) -> int | str:
    """A status code as number or text, or a class such as ``4xx``."""
    expected = 'a status code (404 or "404") or a class ("4xx")'
    if is_env(value):
        value = from_env(value)
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str):
        text = str.__str__(value).strip().lower()
        if len(text) == 3 and text[0] in "123456789" and text[1:] == "xx":
            return text
        if not (text.isascii() and text.isdigit()):
            raise problem("config_bad_value", "not a status code", expected=expected)
        number = int(text) if len(text) < 6 else 0
    else:
        raise wrong_type(value, expected=expected)
    if not 100 <= number <= 999:
        raise problem("config_bad_value", "not a status code", expected=expected)
    return number


Status: TypeAlias = Annotated[int | str, check_status]


class RetryConfig(ConfigModel):
    """What is retried, how often and for how long. An extension."""

    attempts: Positive = extension(5, "Number of attempts, including the first.")
    backoff: Duration = extension(1.0, "Seconds before the second attempt; doubled each time.")
    max_delay: Duration = extension(300.0, "Longest delay between two attempts.")
    jitter: Duration = extension(1.0, "Up to this many random seconds are added to a delay.")
    max_wait: Duration = extension(
        60.0, "Longest wait that the server may ask for; after a longer one Dagster runs the step again later."
    )
    max_retry_later: Duration = extension(86_400.0, "A longer wait than this is an error.")
    total: Duration = extension(600.0, "Seconds for all attempts of one request together, from the first send on.")
    statuses: list[Status] = extension([408, 429, "5xx"], "Status codes that are retried.")
    methods: list[Literal["GET", "POST"]] = extension(["GET", "POST"], "Methods that are retried.")


class RateLimitConfig(ConfigModel):
    """Maximum number of requests per time, for all steps on this host together. An extension."""

    requests: Positive = extension(..., "Number of requests.")
    per: Duration = extension(1.0, "Length of the window.")
    key: LateFilledText | None = extension(
        None, "Clients with the same key share the limit; the host of `base_url` if absent."
    )


class TimeoutConfig(ConfigModel):
    """Time limits, each in seconds. An extension."""

    connect: Duration | None = extension(60.0, "To open a connection.")
    read: Duration | None = extension(60.0, "Between two chunks of a response.")
    write: Duration | None = extension(60.0, "Between two chunks of a request.")
    pool: Duration | None = extension(None, "To get a connection from the pool.")
    total: Duration | None = extension(600.0, "For one whole response.")


@checked(
    takes=NotNegative | DurationText | TimeoutConfig,
    expected="seconds, or a mapping of connect, read, write, pool, total",
    read_at="check",
)
def check_timeout(value: Any, info: ValidationInfo) -> Any:
    """Seconds, or a mapping of limits."""
    if isinstance(value, (dict, TimeoutConfig)):
        return TimeoutConfig.model_validate(value, context=info.context)
    return check_duration(value, info)


@checked(takes=bool | str, expected="true, false or a path", read_at="run")
def check_verify(value: Any, info: ValidationInfo) -> Any:
    """How TLS certificates are checked."""
    if isinstance(value, (bool, str)) or type(value).__name__ == "SSLContext":
        return value
    raise wrong_type(value, expected="true, false, the path of a CA bundle, or an ssl.SSLContext")


@checked(
    takes=str | Annotated[list[str], Field(min_length=1, max_length=3)],
    expected="a path, or a list of certificate, key and password",
    secret=True,
    read_at="run",
)
def check_cert(value: Any, info: ValidationInfo) -> Any:
    """A client certificate, as httpx takes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and 1 <= len(value) <= 3 and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise wrong_type(value, expected=check_cert.expected)


Timeout: TypeAlias = Annotated[float | TimeoutConfig, check_timeout]
Verify: TypeAlias = Annotated[Any, check_verify]
Cert: TypeAlias = Annotated[Any, check_cert]


class ClientConfig(ConfigModel):
    """Base URL, auth, and how requests are sent."""

    base_url: Annotated[str, BASE_URL] = Field(
        description="Start of every URL; a resource's path is added to it. May be empty if every path is absolute."
    )
    headers: LateTextMapping | None = key(None, "Headers of every request, sent as written (no placeholders).")
    auth: AuthConfig | None = key(None, "How to authenticate.")
    paginator: PaginatorConfig | None = key(None, "The paginator of resources that name none; detected if absent.")
    session: Anything | None = key(None, "Your own client object, which sends the requests.")
    params: LateMapping | None = extension(None, "Query parameters of every request.")
    timeout: Timeout = extension(60.0, "Seconds to wait for the server.")
    retry: RetryConfig = extension(RetryConfig.model_construct(), "What is retried.")
    rate_limit: RateLimitConfig | None = extension(None, "Maximum number of requests per time.")
    max_concurrency: Positive = extension(8, "Requests in flight, per step.")
    allowed_origins: list[LateFilledText] = extension([], "Other origins that get requests, with credentials.")
    verify: Verify = extension(True, "Check TLS certificates: true, false, or the path of a CA bundle.")
    cert: Cert | None = extension(None, "Client certificate.")
    proxy: Annotated[str, PROXY_URL] | None = extension(None, "URL of a proxy.")
    http2: Bool = extension(False, "Use HTTP/2.")
    follow_redirects: Bool = extension(True, "Follow redirects that stay on trusted origins.")
    staging_dir: LateText | None = extension(None, "Folder for staged files; beside the DuckDB file if absent.")
    max_response_bytes: Positive = extension(268_435_456, "A larger response (decompressed) is an error.")
