"""From a config to what has to be done: defaults merged, placeholders parsed, parents found, everything in order."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from dagster_rest.config.endpoint import EndpointConfig
from dagster_rest.config.env import is_env
from dagster_rest.config.errors import ConfigError, Problem, did_you_mean, join_path
from dagster_rest.config.fingerprint import fingerprint
from dagster_rest.config.graph import cycle_problems, topological
from dagster_rest.config.hints import ColumnHint, WriteDisposition, WriteDispositionConfig
from dagster_rest.config.incremental import IncrementalConfig, IncrementalParam, ResolveParam
from dagster_rest.config.merge import construct, given, merge_resource
from dagster_rest.config.models import BatchConfig, ClientConfig, RestApiConfig
from dagster_rest.config.paginators import AutoPaginatorConfig, SinglePagePaginatorConfig
from dagster_rest.config.placeholders import Context, parse_text, parse_value
from dagster_rest.config.request import RequestTemplate
from dagster_rest.config.resources import ExternalAsset, ResourceConfig
from dagster_rest.config.templates import Constant, Mapped, ParentField, RunValue, Template, Text, parts_of


class Inherit(Enum):
    """The type of ``INHERIT``."""

    INHERIT = "inherit"

    def __repr__(self) -> str:
        return "INHERIT"


INHERIT: Final = Inherit.INHERIT
"""Said by a resource whose endpoint names no auth: the client's is used. None means no auth."""


@dataclass(frozen=True, kw_only=True)
class ParentLink:
    """What a resource takes from one parent.

    Attributes:
        resource: The parent's name.
        fields: The fields that placeholders use, as written, each a JSONPath.
        include: The fields that are copied into each row (`include_from_parent`).
        external: Whether the parent is not a resource of this config.
    """

    resource: str
    fields: tuple[str, ...]
    include: tuple[str, ...]
    external: bool


@dataclass(frozen=True, kw_only=True)
class ResourcePlan:
    """One resource, resolved.

    Attributes:
        name: The resource's name.
        index: Its position in the config.
        config_path: Where it stands, for errors: ``resources[2]``.
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
        external_parents: Names that placeholders may refer to beside the config's own resources.

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
    members = [(index, item) for index, item in enumerate(config.resources) if isinstance(item, ResourceConfig)]
    problems = _duplicate_names(config)
    drafts = [_draft(config, index, item, problems) for index, item in members]
    names = [draft.name for draft in drafts]
    parents = _parents(drafts, set(names), external, problems)
    if not problems:
        problems.extend(_cycle_problems(drafts, parents))
    if problems:
        raise ConfigError(config.origin.locate(_unique(problems)), source=config.origin.file)
    by_name = {draft.name: draft for draft in drafts}
    order = topological(
        names,
        {child: [link.resource for link in links if not link.external] for child, links in parents.items()},
    )
    client_part = fingerprint(config.client)
    plans = [_finish(by_name[item], parents[item], by_name, config, client_part) for item in order]
    return SourcePlan(
        name=name,
        config=config,
        client=config.client,
        resources=tuple(plans),
        external=external,
        _by_name={plan.name: plan for plan in plans},
    )


@dataclass(frozen=True, kw_only=True)
class _Draft:
    """A resource before its parents are known."""

    name: str
    index: int
    where: str
    config: ResourceConfig
    endpoint: EndpointConfig
    incremental: IncrementalConfig | None
    request: RequestTemplate
    uses: list[tuple[str, str]]


def _unique(problems: Sequence[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _duplicate_names(config: RestApiConfig) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for index, item in enumerate(config.resources):
        name = _name_text(item.name)
        if name in seen:
            problems.append(
                Problem(
                    path=f"resources[{index}].name",
                    code="config_duplicate_resource",
                    message=f"resource `{name}` is defined already, at resources[{seen[name]}]",
                    hint="Rename one; with `table_name` both may load into one table.",
                )
            )
        seen.setdefault(name, index)
    return problems


def _name_text(name: Any) -> str:
    return str.__str__(name)


def _draft(config: RestApiConfig, index: int, resource: ResourceConfig, problems: list[Problem]) -> _Draft:
    where = f"resources[{index}]"
    merged = merge_resource(config.resource_defaults, resource)
    endpoint = merged.endpoint if merged.endpoint is not None else construct(EndpointConfig, {})
    endpoint_path = join_path(where, "endpoint")
    incremental = _incremental(endpoint, endpoint_path, problems)
    context = Context(
        incremental=incremental is not None,
        params=endpoint.params or {},
        problems=problems,
        attributes=_static_attributes(incremental),
    )
    request = _request(endpoint, merged, incremental, context, endpoint_path)
    _check_bindings(endpoint, context, endpoint_path)
    _check_callable_hints(merged, where, problems)
    _check_batch(merged, request, where, problems)
    return _Draft(
        name=_name_text(resource.name),
        index=index,
        where=where,
        config=merged,
        endpoint=endpoint,
        incremental=incremental,
        request=request,
        uses=context.uses,
    )


def _static_attributes(incremental: IncrementalConfig | None) -> dict[str, Any]:
    if incremental is None:
        return {}
    names = ("cursor_path", "lag", "row_order", "range_start", "range_end", "on_cursor_value_missing")
    return {name: getattr(incremental, name) for name in names}


def _incremental(endpoint: EndpointConfig, where: str, problems: list[Problem]) -> IncrementalConfig | None:
    """The incremental in effect: one in params wins over the endpoint's, as in dlt."""
    older = [name for name, value in (endpoint.params or {}).items() if isinstance(value, IncrementalParam)]
    if len(older) > 1:
        problems.append(
            Problem(
                path=join_path(where, "params", older[1]),
                code="config_conflict",
                message=f"`{older[0]}` and `{older[1]}` are both incremental",
                expected="one incremental param",
                hint="Write `incremental` beside `params`, and {incremental.start_value} in the params.",
            )
        )
    found = endpoint.params[older[0]] if older and endpoint.params else endpoint.incremental
    if found is None or (type(found) is IncrementalConfig and found.transform is None):
        return found
    values = {name: value for name, value in given(found).items() if name != "type"}
    if "transform" in values:
        values["convert"] = values.pop("transform")
    return construct(IncrementalConfig, values)


def _request(
    endpoint: EndpointConfig,
    resource: ResourceConfig,
    incremental: IncrementalConfig | None,
    context: Context,
    where: str,
) -> RequestTemplate:
    path = parse_text(endpoint.path, where=join_path(where, "path"), context=context, in_path=True)
    batch = resource.batch
    items: list[tuple[Template, Template]] = []
    for name, value in (endpoint.params or {}).items():
        if name in context.used or isinstance(value, ResolveParam):
            continue
        place = join_path(where, "params", name if not is_env(name) else "?")
        key = parse_value(name, where=place, context=context, native=False)
        if isinstance(value, IncrementalParam):
            template: Template = _whole("start_value")
        else:
            batched = batch is not None and batch.param == name
            template = parse_value(value, where=place, context=context, native=batched)
        if incremental is None or name not in (incremental.start_param, incremental.end_param):
            items.append((key, template))
    if incremental is not None:
        for parameter, attribute in (
            (incremental.start_param, "start_value"),
            (incremental.end_param, "end_value"),
        ):
            if parameter is not None:
                items.append(
                    (
                        parse_value(_doubled(parameter), where=where, context=context, native=False),
                        _whole(attribute),
                    )
                )
    headers = parse_value(endpoint.headers or {}, where=join_path(where, "headers"), context=context, native=False)
    return RequestTemplate(
        method=endpoint.method,
        path=path,
        params=Mapped(tuple(items)),
        headers=headers if isinstance(headers, Mapped) else Mapped(()),
        json=_optional(endpoint.json_body, join_path(where, "json"), context, native=True),
        data=_optional(endpoint.data, join_path(where, "data"), context, native=False),
        where=where,
        batch=(batch.param, batch.separator) if batch is not None else None,
    )


def _optional(value: Any, where: str, context: Context, *, native: bool) -> Template | None:
    return None if value is None else parse_value(value, where=where, context=context, native=native)


def _whole(attribute: str) -> Text:
    return Text((RunValue("incremental", attribute),), native=True)


def _doubled(text: str) -> str:
    return text if is_env(text) else text.replace("{", "{{").replace("}", "}}")


def _check_bindings(endpoint: EndpointConfig, context: Context, where: str) -> None:
    for name, value in (endpoint.params or {}).items():
        if isinstance(value, ResolveParam) and name not in context.used:
            context.problems.append(
                Problem(
                    path=join_path(where, "params", name),
                    code="config_unused_binding",
                    message=f"`{name}` takes a value from `{value.resource}`, but the path does not use it",
                    hint=f"Write {{{name}}} in the path, or {{resources.{value.resource}.<field>}} in the param.",
                )
            )


def _check_batch(resource: ResourceConfig, request: RequestTemplate, where: str, problems: list[Problem]) -> None:
    """The values of a batch stand in one place: a param, or a key of the JSON body."""
    if resource.batch is None:
        return
    param = resource.batch.param
    places = [template for name, template in request.params.items if name == Constant(param)]
    if isinstance(request.json, Mapped):
        places.extend(template for name, template in request.json.items if name == Constant(param))
    fits = len(places) == 1 and [type(part) for part in parts_of(places[0])] == [ParentField]
    if not fits or len([part for part in request.parts() if isinstance(part, ParentField)]) != 1:
        problems.append(
            Problem(
                path=join_path(where, "batch", "param"),
                code="config_bad_value",
                message="a batch needs one placeholder of the parent, standing alone in this param",
                hint=f"Write {{resources.<name>.<field>}} in params.{param} and nowhere else.",
            )
        )


_CALLABLE_HINTS = (
    "primary_key",
    "merge_key",
    "write_disposition",
    "schema_contract",
    "nested_hints",
    "parent_table_name",
    "references",
)


def _check_callable_hints(resource: ResourceConfig, where: str, problems: list[Problem]) -> None:
    if callable(resource.table_name):
        return
    for name in _CALLABLE_HINTS:
        value = getattr(resource, name)
        if callable(value):
            problems.append(
                Problem(
                    path=join_path(where, name),
                    code="config_conflict",
                    message=f"`{name}` is a callable of the row, but `table_name` is not",
                    expected="`table_name` as a callable too",
                )
            )


def _parents(
    drafts: Sequence[_Draft], names: set[str], external: Mapping[str, Any], problems: list[Problem]
) -> dict[str, tuple[ParentLink, ...]]:
    links: dict[str, tuple[ParentLink, ...]] = {}
    for draft in drafts:
        links[draft.name] = _links(draft, names, external, problems)
    return links


def _links(
    draft: _Draft, names: set[str], external: Mapping[str, Any], problems: list[Problem]
) -> tuple[ParentLink, ...]:
    fields: dict[str, list[str]] = {}
    for resource, field_text in draft.request.parent_fields:
        fields.setdefault(resource, []).append(field_text)
    for resource, where in draft.uses:
        if resource not in names and resource not in external:
            problems.append(_unknown_parent(resource, where, [*names, *external]))
    if len(fields) > 1 and draft.config.parents != "product":
        problems.append(_two_parents(draft, list(fields)))
    include = tuple(_name_text(item) for item in draft.config.include_from_parent)
    if include and not fields:
        problems.append(_include_without_parent(draft))
    return tuple(
        ParentLink(
            resource=resource,
            fields=tuple(found),
            include=_include_of(include, resource, list(fields)),
            external=resource not in names,
        )
        for resource, found in fields.items()
    )


def _include_of(include: tuple[str, ...], resource: str, parents: list[str]) -> tuple[str, ...]:
    """With several parents, ``posts.id`` names the parent; a bare field is the first parent's."""
    if len(parents) == 1:
        return include
    own = [item.removeprefix(f"{resource}.") for item in include if item.startswith(f"{resource}.")]
    if resource == parents[0]:
        own.extend(item for item in include if item.partition(".")[0] not in parents)
    return tuple(own)


def _unknown_parent(resource: str, where: str, known: list[str]) -> Problem:
    shown = resource if len(resource) <= 60 else "..."
    hint = did_you_mean(resource, known) or "A parent that is another asset is passed in as an external parent."
    return Problem(path=where, code="config_unknown_parent", message=f"there is no resource `{shown}`", hint=hint)


def _two_parents(draft: _Draft, parents: list[str]) -> Problem:
    where = next((where for resource, where in draft.uses if resource == parents[1]), draft.where)
    return Problem(
        path=where,
        code="config_two_parents",
        message=f"resource `{draft.name}` has several parents: {', '.join(parents)}",
        expected="one parent",
        hint="`parents: product` asks for every combination of their rows.",
    )


def _include_without_parent(draft: _Draft) -> Problem:
    return Problem(
        path=join_path(draft.where, "include_from_parent"),
        code="config_include_without_parent",
        message=f"resource `{draft.name}` has no parent to include fields from",
        hint="Refer to the parent in the path, params, json, headers or data with {resources.<name>.<field>}.",
    )


def _cycle_problems(drafts: Sequence[_Draft], parents: Mapping[str, tuple[ParentLink, ...]]) -> list[Problem]:
    names = [draft.name for draft in drafts]
    edges = {child: [link.resource for link in links if not link.external] for child, links in parents.items()}
    position = {draft.name: draft.index for draft in drafts}
    return [
        replace(problem, path=f"resources[{position[names[int(problem.path[10:-1])]]}]")
        for problem in cycle_problems(names, edges)
    ]


def _finish(
    draft: _Draft,
    parents: tuple[ParentLink, ...],
    drafts: Mapping[str, _Draft],
    config: RestApiConfig,
    client_part: str,
) -> ResourcePlan:
    resource, endpoint = draft.config, draft.endpoint
    single = resource.source is None and is_single_entity(endpoint.path)
    paginator = _paginator(endpoint, config.client, single=single)
    selector = endpoint.data_selector if endpoint.data_selector is not None else ("$" if single else None)
    table_name = resource.table_name if resource.table_name is not None else draft.name
    fan_out = resource.fan_out or ("new" if any(_is_incremental(link, drafts) for link in parents) else "all")
    return ResourcePlan(
        name=draft.name,
        index=draft.index,
        config_path=draft.where,
        source_file=config.origin.file,
        line=config.origin.resource_line(draft.index),
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
        write_disposition=_write_disposition(resource.write_disposition),
        table_name=table_name,
        fan_out=fan_out,
        batch=resource.batch,
        source=resource.source,
        fingerprint=fingerprint(client_part, resource, paginator, selector, fan_out),
    )


def _is_incremental(link: ParentLink, drafts: Mapping[str, _Draft]) -> bool:
    return link.resource in drafts and drafts[link.resource].incremental is not None


_SINGLE_ENTITY = re.compile(r"(?<!\{)\{[a-zA-Z0-9.\-_]+\}(?!\})")


def is_single_entity(path: str) -> bool:
    """Whether a path ends in a placeholder and so, by dlt's rule ("Single entity endpoint detection"), asks for one object.

    Example:
        ```python
        from dagster_rest.config.plan import is_single_entity

        assert is_single_entity("users/{id}") and not is_single_entity("users/{id}/comments")
        ```
    """
    return _SINGLE_ENTITY.search(PurePosixPath(_name_text(path)).name) is not None


def _paginator(endpoint: EndpointConfig, client: ClientConfig, *, single: bool) -> Any | None:
    chosen = endpoint.paginator
    if chosen is None and single:
        return construct(SinglePagePaginatorConfig, {"type": "single_page"})
    if chosen is None or (isinstance(chosen, AutoPaginatorConfig) and chosen.max_pages is None):
        chosen = client.paginator
    return None if isinstance(chosen, AutoPaginatorConfig) and chosen.max_pages is None else chosen


def _key(resource: ResourceConfig, name: str) -> tuple[str, ...]:
    value = getattr(resource, name)
    if isinstance(value, str):
        return (_name_text(value),)
    if isinstance(value, list):
        return tuple(_name_text(item) for item in value)
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
    return WriteDisposition(disposition=value) if isinstance(value, str) else WriteDisposition()  # type: ignore[arg-type]


__all__ = ["INHERIT", "Inherit", "ParentLink", "ResourcePlan", "SourcePlan", "build_plan", "is_single_entity"]
