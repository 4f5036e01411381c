"""What a case is: one config, a scripted API, one to three runs, and what is expected of both sides.

Only the standard library is imported, because the worker in dlt's environment imports the cases too.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True)
class Call:
    """A request as an API script sees it."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    params: Mapping[str, str]
    """The `{name}` parts of the path."""
    run: int
    """0 for the first run of the case."""
    seen: int
    """How many requests for the same method and path came before it in this run."""
    url: str
    """The base URL of the API."""
    elsewhere: str
    """The base URL of a second server, another origin."""

    def arg(self, name: str, default: str | None = None) -> str | None:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]  # type: ignore[list-item]

    def number(self, name: str, default: int) -> int:
        """A query parameter as int."""
        return int(self.arg(name) or default)

    def json(self) -> Any:
        """The body, decoded; `{}` if there is none."""
        return json.loads(self.body or b"{}")


@dataclass(frozen=True)
class Answer:
    """A response that is more than a JSON body with status 200."""

    json: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


class Runs(tuple[Any, ...]):
    """One answer a run; the last one for all later runs."""

    def __new__(cls, *answers: Any) -> Runs:
        return super().__new__(cls, answers)


def answer_of(scripted: Any, call: Call) -> Any:
    """What the script says to this call: constant, `Runs` of something, or a function of the call."""
    if isinstance(scripted, Runs):
        return answer_of(scripted[min(call.run, len(scripted) - 1)], call)
    if callable(scripted):
        return answer_of(scripted(call), call)
    return scripted


@dataclass(frozen=True)
class Setup:
    """What a config is built from.

    `lib` is the namespace of the side that runs: `BasePaginator`, `register_paginator`, the paginator classes.
    """

    url: str
    elsewhere: str
    run: int
    lib: SimpleNamespace


@dataclass(frozen=True)
class Expect:
    """What one side does, said by hand; what is None is not checked by hand.

    Args:
        requests: The targets in the order of arrival (or sorted, if the case is `unordered`); with more than one
            run, one list a run.
        rows: Rows by table after the last run. A table that is not named must not be there.
        values: `table.column` -> its values after the last run, sorted, nulls last.
        error: A piece of the error's text (class name or message) in the first run that fails.
        hidden: What the error's text must not hold.
        fails_in: The run that fails, if `error` is set.
    """

    requests: Sequence[Any] | None = None
    rows: Mapping[str, int] | None = None
    values: Mapping[str, Sequence[Any]] | None = None
    types: Mapping[str, str] | None = None
    headers: Sequence[Mapping[str, str | None]] | None = None
    bodies: Sequence[Any] | None = None
    request_count: int | None = None
    error: str | None = None
    hidden: str | None = None
    fails_in: int = 0


@dataclass(frozen=True)
class Case:
    """One config beside dlt. `id` is unique; `ours` is None when both sides must do the same."""

    id: str
    scenario: str
    area: str
    title: str
    build: Callable[[Setup], dict[str, Any]]
    api: Mapping[str, Any]
    dlt: Expect
    ours: Expect | None = None
    row: str | None = None
    """The row of DESIGN section 4 that a difference on purpose is."""
    runs: int = 1
    unordered: bool = False
    """Concurrency or round-robin may change the order of requests: compared as a multiset only."""
    column_order: bool = False
    limit: int = 200
    elsewhere: Mapping[str, Any] = field(default_factory=dict)
    """The script of the second server."""
    compare: tuple[str, ...] = ("requests", "tables", "loads")
    """What is compared one to one when both sides must do the same."""

    @property
    def differs(self) -> bool:
        """True if the two sides differ on purpose."""
        return self.ours is not None


def source(
    *resources: Any,
    client: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    path: str = "",
    **more: Any,
) -> Callable[[Setup], dict[str, Any]]:
    """A builder of a constant config; `base_url` is the API's plus `path`."""

    def build(setup: Setup) -> dict[str, Any]:
        config: dict[str, Any] = {
            "client": {"base_url": setup.url + path, **(client or {})},
            "resources": list(resources),
            **more,
        }
        if defaults is not None:
            config["resource_defaults"] = defaults
        return copy.deepcopy(config)

    return build


_SIDE_KEYS = (
    "requests",
    "rows",
    "values",
    "types",
    "headers",
    "bodies",
    "request_count",
    "error",
    "hidden",
    "fails_in",
)


class Cases:
    """The cases of one area, in the order of their scenarios."""

    def __init__(self, area: str) -> None:
        self.area = area
        self._cases: list[Case] = []

    def __iter__(self) -> Iterator[Case]:
        return iter(self._cases)

    def same(
        self,
        id: str,
        title: str,
        build: Callable[[Setup], dict[str, Any]],
        api: Mapping[str, Any],
        **more: Any,
    ) -> None:
        """Both sides do the same, and it is what is expected here."""
        expected = {key: more.pop(key) for key in _SIDE_KEYS if key in more}
        if not expected:
            raise ValueError(f"{id} expects nothing")
        self._add(id, title, build, api, dlt=Expect(**expected), **more)

    def differs(
        self,
        id: str,
        title: str,
        build: Callable[[Setup], dict[str, Any]],
        api: Mapping[str, Any],
        *,
        row: str,
        dlt: Expect,
        ours: Expect,
        **more: Any,
    ) -> None:
        """The sides differ on purpose, as this row of DESIGN section 4 says."""
        self._add(id, title, build, api, dlt=dlt, ours=ours, row=row, **more)

    def _add(
        self,
        id: str,
        title: str,
        build: Callable[[Setup], dict[str, Any]],
        api: Mapping[str, Any],
        **more: Any,
    ) -> None:
        scenario = id.split("-")[0]
        self._cases.append(Case(id=id, scenario=scenario, area=self.area, title=title, build=build, api=api, **more))
