"""From a config to what has to be done: defaults merged, placeholders parsed, parents found, everything in order."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

from dagster_rest.config.errors import ConfigError, Problem, join_path
from dagster_rest.config.model.asset import BatchConfig
from dagster_rest.config.model.client import ClientConfig
from dagster_rest.config.model.config import RestApiConfig
from dagster_rest.config.model.endpoint import EndpointConfig
from dagster_rest.config.model.incremental import IncrementalConfig
from dagster_rest.config.model.paginators import AutoPaginatorConfig, SinglePagePaginatorConfig
from dagster_rest.config.model.resource import ExternalAsset, ResourceConfig
from dagster_rest.config.model.table.columns import ColumnHint
from dagster_rest.config.model.table.disposition import Disposition, WriteDisposition, WriteDispositionConfig
from dagster_rest.config.plan.defaults import construct, given, limits_pages, without_max_pages
from dagster_rest.config.plan.draft import Draft, draft_resource
from dagster_rest.config.plan.fingerprint import fingerprint
from dagster_rest.config.plan.graph import topological
from dagster_rest.config.plan.links import ParentLink, find_cycles, find_parents
from dagster_rest.config.read.origin import Origin
from dagster_rest.config.request.render import RequestTemplate
from dagster_rest.config.values.env import EnvRef, is_env, key_text
from dagster_rest.config.values.inherit import INHERIT, Inherit


@dataclass(frozen=True, kw_only=True)
class ResourcePlan:
    """One resource, resolved.

    Attributes:
        name: The resource's name.
        index: Its position in the config.
        config_path: Its config path, for errors: ``resources[2]``.
        source_file: The YAML file, if any.
        line: Its line in that file, from 1.
        config: The resource merged with the defaults; all hints are attributes of it.
        endpoint: The merged endpoint.
        request: The request with its placeholders parsed.
        parents: Where placeholders get their values from.
        paginator: The one in effect; None means it is detected.
        data_selector: JSONPath of the records; None means it is detected.
        auth: The endpoint's auth, None for none, INHERIT for the client's.
        incremental: The one in effect, in either spelling.
        primary_key: Columns that identify a row.
        merge_key: Columns that say which rows a merge replaces.
        write_disposition: How a load is written.
        table_name: As configured, not normalised.
        fan_out: Which parent rows are asked for.
        batch: Many parent values in one request.
        source: Instead of an endpoint: what yields lists of records.
        fingerprint: Changes when what is fetched, or how it is stored, changes.
        origin: Where the config was read from.
    """

    name: str
    index: int
    config_path: str
    source_file: str | None
    line: int | None
    config: ResourceConfig
    endpoint: EndpointConfig
    request: RequestTemplate
    parents: tuple[ParentLink, ...]
    paginator: Any | None
    data_selector: str | None
    auth: Any | Inherit | None
    incremental: IncrementalConfig | None
    primary_key: tuple[str, ...]
    merge_key: tuple[str, ...]
    write_disposition: WriteDisposition
    table_name: Any
    fan_out: Literal["new", "all"]
    batch: BatchConfig | None
    source: Any | None
    fingerprint: str
    origin: Origin = field(default_factory=Origin, compare=False, repr=False)

    def error(
        self, message: str, *, code: str, key: str = "", expected: str | None = None, hint: str | None = None
    ) -> ConfigError:
        """The error of something wrong with this resource, with file and line.

        Args:
            message: What was found.
            code: One of the codes of ``dagster_rest.config.errors``.
            key: The path of the key below the resource, such as ``checks.primary_key``.
            expected: What would have been right.
            hint: What to do next.
        """
        path = join_path(self.config_path, key) if key else self.config_path
        problem = Problem(path=path, code=code, message=message, expected=expected, hint=hint)
        return ConfigError(self.origin.locate([problem]), source=self.source_file)


@dataclass(frozen=True, kw_only=True)
class SourcePlan:
    """A config, resolved: the resources in an order in which parents come first."""

    name: str
    config: RestApiConfig
    client: ClientConfig
    resources: tuple[ResourcePlan, ...]
    external: Mapping[str, Any] = field(default_factory=dict)
    _by_name: Mapping[str, ResourcePlan] = field(default_factory=dict, repr=False, compare=False)

    def resource(self, name: str) -> ResourcePlan:
        """The resource of this name; KeyError if there is none."""
        return self._by_name[name]

    def children(self, name: str) -> tuple[ResourcePlan, ...]:
        """The resources that take values from ``name``."""
        return tuple(plan for plan in self.resources if any(link.resource == name for link in plan.parents))


def build_plan(config: RestApiConfig, *, name: str, external_parents: Collection[str] = ()) -> SourcePlan:
    """Resolve a config. Pure: no environment, no network, nothing changed.

    Args:
        config: A config, from ``load_config`` or built of models.
        name: The source's name.
        external_parents: Names that placeholders may refer to besides the config's own resources.

    Raises:
        ConfigError: Every problem that shows only when the parts are put together.

    Example:
        ```python
        from dagster_rest.config import build_plan, load_config

        config = load_config(
            {
                "client": {"base_url": "https://api.example.com"},
                "resources": ["posts", {"name": "comments", "endpoint": "posts/{resources.posts.id}/comments"}],
            }
        )
        plan = build_plan(config, name="blog")
        assert plan.resource("comments").request.render(parent={"id": 7}).path == "posts/7/comments"
        ```
    """
    external: dict[str, Any] = dict.fromkeys(external_parents)
    external.update({item.name: item.asset for item in config.resources if isinstance(item, ExternalAsset)})
    drafts, parents = _drafted(config, external)
    names = [draft.name for draft in drafts]
    by_name = {draft.name: draft for draft in drafts}
    order = topological(
        names, {child: [link.resource for link in links if not link.external] for child, links in parents.items()}
    )
    client_part = fingerprint(config.client)
    lines = dict(zip(names, config.origin.lines([("resources", draft.index) for draft in drafts]), strict=True))
    plans = [
        _finish(by_name[item], parents[item], by_name, config, client_part=client_part, line=lines[item])
        for item in order
    ]
    return SourcePlan(
        name=name,
        config=config,
        client=config.client,
        resources=tuple(plans),
        external=external,
        _by_name={plan.name: plan for plan in plans},
    )


def check_plan(config: RestApiConfig) -> None:
    """Find what does not fit together in a config, but for parents that it does not have: other assets may be them.

    Raises:
        ConfigError: Every problem.
    """
    _drafted(config, None)


def _drafted(
    config: RestApiConfig, external: Mapping[str, Any] | None
) -> tuple[list[Draft], dict[str, tuple[ParentLink, ...]]]:
    members = [(index, item) for index, item in enumerate(config.resources) if isinstance(item, ResourceConfig)]
    problems = _duplicate_names(config)
    drafts = [draft_resource(config, index, item, problems) for index, item in members]
    parents = find_parents(drafts, {draft.name for draft in drafts}, external, problems)
    problems.extend(find_cycles(drafts, parents))
    if problems:
        raise ConfigError(config.origin.locate(list(dict.fromkeys(problems))), source=config.origin.file)
    return drafts, parents


def _duplicate_names(config: RestApiConfig) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for index, item in enumerate(config.resources):
        name = key_text(item.name)
        if name in seen:
            problems.append(
                Problem(
                    path=f"resources[{index}].name",
                    code="config_duplicate_resource",
                    message=f"resource `{name}` is defined already, at resources[{seen[name]}]",
                    hint="Rename one.",
                )
            )
        seen.setdefault(name, index)
    return problems


def _finish(
    draft: Draft,
    parents: tuple[ParentLink, ...],
    drafts: Mapping[str, Draft],
    config: RestApiConfig,
    *,
    client_part: str,
    line: int | None,
) -> ResourcePlan:
    resource, endpoint = draft.config, draft.endpoint
    single = resource.source is None and is_single_entity(endpoint.path)
    paginator = _paginator(endpoint, config.client, single=single)
    endpoint = _bounded(endpoint, paginator)
    selector = endpoint.data_selector if endpoint.data_selector is not None else ("$" if single else None)
    disposition = _write_disposition(resource.write_disposition)
    # A load that replaces has to be complete: it asks for all parents, as it starts from the initial value.
    only_new = disposition.disposition != "replace" and any(_is_incremental(link, drafts) for link in parents)
    fan_out = resource.fan_out or ("new" if only_new else "all")
    table_name = resource.table_name if resource.table_name is not None else draft.name
    return ResourcePlan(
        name=draft.name,
        index=draft.index,
        config_path=draft.where,
        source_file=config.origin.file,
        line=line,
        config=resource,
        endpoint=endpoint,
        request=draft.request,
        parents=parents,
        paginator=paginator,
        data_selector=selector,
        auth=endpoint.auth if "auth" in endpoint.model_fields_set else INHERIT,
        incremental=draft.incremental,
        primary_key=_key(resource, "primary_key"),
        merge_key=_key(resource, "merge_key"),
        write_disposition=disposition,
        table_name=table_name,
        fan_out=fan_out,
        batch=resource.batch,
        source=resource.source,
        fingerprint=fingerprint(client_part, resource, paginator, selector, fan_out),
        origin=config.origin,
    )


def _is_incremental(link: ParentLink, drafts: Mapping[str, Draft]) -> bool:
    return link.resource in drafts and drafts[link.resource].incremental is not None


_SINGLE_ENTITY = re.compile(r"(?<!\{)\{[a-zA-Z0-9.\-_]+\}(?!\})")


def is_single_entity(path: str) -> bool:
    """Whether a path ends in a placeholder and so asks for one object: dlt's "Single entity endpoint detection".

    Example:
        ```python
        from dagster_rest.config.plan.build import is_single_entity

        assert is_single_entity("users/{id}") and not is_single_entity("users/{id}/comments")
        ```
    """
    if is_env(path):
        # The braces of a variable are no placeholder.
        pieces = path.pieces if isinstance(path, EnvRef) else ()
        path = "".join(piece if isinstance(piece, str) else "variable" for piece in pieces)
    return _SINGLE_ENTITY.search(PurePosixPath(path).name) is not None


def _paginator(endpoint: EndpointConfig, client: ClientConfig, *, single: bool) -> Any | None:
    chosen = endpoint.paginator
    if chosen is None and single:
        return construct(SinglePagePaginatorConfig, {"type": "single_page"})
    if chosen is None or isinstance(chosen, AutoPaginatorConfig):
        of_client = client.paginator
        if limits_pages(chosen) or endpoint.max_pages is not None:
            of_client = without_max_pages(of_client)
        if of_client is not None and not (isinstance(of_client, AutoPaginatorConfig) and limits_pages(chosen)):
            chosen = of_client
    return None if isinstance(chosen, AutoPaginatorConfig) and chosen.max_pages is None else chosen


def _bounded(endpoint: EndpointConfig, paginator: Any) -> EndpointConfig:
    """The endpoint with the ``max_pages`` of `auto`, where `auto` means the client's paginator."""
    written = endpoint.paginator
    if not isinstance(written, AutoPaginatorConfig) or written.max_pages is None or paginator is written:
        return endpoint
    bounds = [bound for bound in (written.max_pages, endpoint.max_pages) if bound is not None]
    return endpoint.model_copy(update={"max_pages": min(bounds)})


def _key(resource: ResourceConfig, name: str) -> tuple[str, ...]:
    value = getattr(resource, name)
    if isinstance(value, str):
        return (key_text(value),)
    if isinstance(value, list):
        return tuple(key_text(item) for item in value)
    if value is None and isinstance(resource.columns, dict):
        hints: dict[str, ColumnHint] = resource.columns
        return tuple(column for column, hint in hints.items() if getattr(hint, name))
    return ()


def _write_disposition(value: Any) -> WriteDisposition:
    if isinstance(value, WriteDispositionConfig):
        options = {name: item for name, item in given(value).items() if name not in ("disposition", "strategy")}
        strategy = (value.strategy or "delete-insert") if value.disposition == "merge" else None
        return WriteDisposition(disposition=value.disposition, strategy=strategy, options=options)
    if value == "merge":
        return WriteDisposition(disposition="merge", strategy="delete-insert")
    if value in get_args(Disposition):
        return WriteDisposition(disposition=value)
    return WriteDisposition()
