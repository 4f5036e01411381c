"""Units, options and pages: what goes into a fetch and what comes out of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.config.values.inherit import INHERIT
from dagster_rest.http.parse.body import EncodingErrors

if TYPE_CHECKING:
    import httpx

    from dagster_rest.config.plan.build import ResourcePlan
    from dagster_rest.config.request.render import RequestSpec
    from dagster_rest.http.errors import HttpError
    from dagster_rest.http.paginators import BasePaginator
    from dagster_rest.http.request import Request


IgnoreScope = Literal["any", "first_page", "later_pages"]
OnBodyErrors = Literal["fail", "warn"]


@dataclass(frozen=True)
class FetchUnit:
    """One paginated sequence to fetch: a resource's only one, or that of one parent row.

    Attributes:
        request: The first request, rendered.
        index: The caller's number of the unit; pages carry it back.
        resume_state: The `state` of the last page that is safely stored; fetching goes on behind it.
    """

    request: RequestSpec
    index: int
    resume_state: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Progress:
    """A moment of a fetch, for log lines and callbacks.

    Attributes:
        pages: Pages handed out.
        rows: Records in them.
        units_done: Units whose last page was handed out.
        seconds: Since the fetch began.
    """

    pages: int
    rows: int
    units_done: int
    seconds: float


@dataclass(frozen=True)
class FetchOptions:
    """How the units of one resource are fetched.

    Attributes:
        paginator: A paginator config, instance, alias or dict; None detects it from the first response.
        data_selector: A JSONPath; None detects it from the first response that has something in it, for all units.
        selector: The `selector` of a page of the same load, to go on with what was detected then.
        response_actions: What to do with certain responses, in order.
        hooks: Callables that see (and may change or replace) every response.
        auth: An auth of its own; `INHERIT` is the client's, None is no auth.
        headers: Headers over the client's.
        allow_missing_data: A selector that matches nothing gives an empty page instead of an error.
        ignore_scope: Where `ignore` may match: on every page of a unit, on its first one only, or only after that.
        max_pages: At most so many pages of each unit.
        max_empty_pages: More empty pages in a row, with always another one announced, are an error.
        max_repeated_pages: How many pages in a row may have the content of earlier ones; more are an error.
        encoding: The bodies' encoding where they are not UTF-8; what the response names if absent.
        encoding_errors: Bytes that are not of the encoding are an error (`strict`) or U+FFFD (`replace`).
        on_body_errors: Whether `errors` in a body beside its records are an error (`fail`) or a warning (`warn`).
        expect: What the API says about itself (`total_path`).
        max_concurrency: Requests in flight; None is the client's.
        where: The config path, for errors.
        prefetch: Whether later pages are asked for before the caller asks for them; False asks for page n + 1 of a
            unit only when the caller wants the page after n.
        secrets: Values that logs and errors must not show.
        units_total: How many units there will be, if known; for progress lines.
        progress: Called every few seconds, and at the end of a fetch that took that long, with a `Progress`.
        progress_seconds: How many seconds.
        on_unit_error: Called with a unit that failed and its error; True goes on with the next unit.
    """

    paginator: Any = None
    data_selector: str | None = None
    selector: Mapping[str, Any] | None = None
    response_actions: Sequence[Any] | None = None
    hooks: Sequence[Callable[..., Any]] = ()
    auth: Any = field(default=INHERIT, repr=False)
    headers: Mapping[str, Any] | None = field(default=None, repr=False)
    allow_missing_data: bool = False
    ignore_scope: IgnoreScope = "any"
    max_pages: int | None = None
    max_empty_pages: int = 100
    max_repeated_pages: int = 0
    encoding: str | None = None
    encoding_errors: EncodingErrors = "strict"
    on_body_errors: OnBodyErrors = "fail"
    expect: Any = None
    max_concurrency: int | None = None
    where: str | None = None
    prefetch: bool = True
    secrets: Sequence[str] = field(default=(), repr=False)
    units_total: int | None = None
    progress: Callable[[Progress], None] | None = None
    progress_seconds: float = 5.0
    on_unit_error: Callable[[FetchUnit, HttpError], bool] | None = None

    @classmethod
    def from_plan(cls, plan: ResourcePlan, **changes: Any) -> FetchOptions:
        """The options that a resource's plan asks for.

        Args:
            plan: The resolved resource.
            changes: Fields to set over the plan's.
        """
        same = (
            *("response_actions", "allow_missing_data", "ignore_scope", "max_pages", "max_empty_pages"),
            *("max_repeated_pages", "encoding", "encoding_errors", "on_body_errors", "expect"),
        )
        options = cls(
            **{name: getattr(plan.endpoint, name) for name in same},
            paginator=plan.paginator,
            data_selector=plan.data_selector,
            auth=plan.auth,
            where=plan.config_path,
            secrets=_secrets_of(plan),
        )
        return dataclasses.replace(options, **changes)


def _secrets_of(plan: ResourcePlan) -> tuple[str, ...]:
    """What an endpoint holds under sensitive names, and what it takes from the environment."""
    from dagster_rest.config.request.template import EnvText
    from dagster_rest.http.redaction import environment_secrets, named_secrets, query_secrets

    endpoint = plan.endpoint
    written = [named_secrets(part) for part in (endpoint.params, endpoint.headers, endpoint.json_body, endpoint.data)]
    from_environment = [environment_secrets(p.reference) for p in plan.request.parts() if isinstance(p, EnvText)]
    in_path = query_secrets(endpoint.path or "")
    return tuple(secret for found in (*written, *from_environment, in_path) for secret in found)


@dataclass(eq=False, repr=False)
class Page(list[Any]):
    """The records of one page: a list, with what belongs to it; in a pickle or a copy the list alone.

    Attributes:
        unit: The unit it is a page of.
        number: Its number in the unit, from 0.
        is_last: Whether it is the unit's last page.
        ended_by: Why the unit ended here, on the last page (`single_page`, `total`, `empty_page`, `no_cursor`,
            `no_link`, `has_more`, `maximum`, `max_pages`, `ignored`, `no_content`).
        state: JSON-able; as `FetchUnit.resume_state` it continues behind this page. None on the last page, or when
            the paginator cannot resume.
        request: The request, with credentials only in `response.request`.
        response: The response; None when it came from `fetch`, to keep memory flat.
        paginator: The paginator, in its state after this page.
        auth: The auth in use.
        total: The number of items (or None) that the API itself names.
        evidence: How paginator and selector were detected, if they were.
        warnings: Warnings about this page, for the materialization's metadata.
        size: Bytes of the body, unpacked.
        replaced: Characters that stand for bytes which could not be read (`encoding_errors: replace`).
        selector: The data selector that was detected, JSON-able; None if the config names it.
    """

    records: InitVar[Sequence[Any]]
    _: KW_ONLY
    unit: FetchUnit
    number: int = 0
    is_last: bool = False
    ended_by: str | None = None
    state: dict[str, Any] | None = None
    request: Request | None = None
    response: httpx.Response | None = None
    paginator: BasePaginator | None = None
    auth: Any = None
    total: int | None = None
    evidence: str | None = None
    warnings: tuple[str, ...] = ()
    size: int = 0
    replaced: int = 0
    selector: Mapping[str, Any] | None = None

    def __post_init__(self, records: Sequence[Any]) -> None:
        self.extend(records)

    def __reduce_ex__(self, _: Any) -> Any:
        """A pickle (or copy) is a list of the records: request, response and auth hold secrets."""
        return list, (), None, iter(self)
