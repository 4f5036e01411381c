"""A resource before its parents are known: defaults merged, request parsed, bindings checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dagster_rest.config.errors import Problem, join_path
from dagster_rest.config.model.config import RestApiConfig
from dagster_rest.config.model.endpoint import EndpointConfig
from dagster_rest.config.model.incremental import IncrementalConfig, IncrementalParam, ResolveParam
from dagster_rest.config.model.resource import ResourceConfig
from dagster_rest.config.plan.defaults import construct, given, merge_resource
from dagster_rest.config.request.parse import Context, parse_text, parse_value
from dagster_rest.config.request.render import RequestTemplate
from dagster_rest.config.request.template import (
    Constant,
    MappingTemplate,
    ParentField,
    RunValue,
    Template,
    TextTemplate,
    parts_of,
)
from dagster_rest.config.values.env import is_env, key_text

DEFAULTS = "resource_defaults"
"""The config path of the keys that every resource inherits."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A resource before its parents are known."""

    name: str
    index: int
    where: str
    config: ResourceConfig
    endpoint: EndpointConfig
    incremental: IncrementalConfig | None
    request: RequestTemplate
    uses: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class _Paths:
    """Where the keys of an endpoint were written: in the resource or in the defaults."""

    where: str
    own: EndpointConfig | None
    below: EndpointConfig | None

    def of(self, key: str, *steps: str) -> str:
        """The path of a key, or of one of its members."""
        return join_path(f"{DEFAULTS}.endpoint" if self._inherited(key, *steps) else self.where, key, *steps)

    def _inherited(self, key: str, *steps: str) -> bool:
        name = "json_body" if key == "json" else key
        if self.below is None or name not in self.below.model_fields_set or key == "path":
            return False
        if self.own is None or name not in self.own.model_fields_set:
            return True
        above = getattr(self.own, name)
        return key == "params" and bool(steps) and isinstance(above, dict) and steps[0] not in above


def draft_resource(config: RestApiConfig, index: int, resource: ResourceConfig, problems: list[Problem]) -> Draft:
    """Resolve one resource without the others; what is wrong with it goes to ``problems``."""
    where = f"resources[{index}]"
    merged = merge_resource(config.resource_defaults, resource)
    endpoint = merged.endpoint if merged.endpoint is not None else construct(EndpointConfig, {})
    below = config.resource_defaults.endpoint if config.resource_defaults is not None else None
    paths = _Paths(where=join_path(where, "endpoint"), own=resource.endpoint, below=below)
    incremental = _incremental(endpoint, paths, problems)
    context = Context(
        incremental=incremental is not None,
        params=endpoint.params or {},
        problems=problems,
        attributes=_static_attributes(incremental),
    )
    request = _request(endpoint, merged, incremental, context, paths)
    _check_bindings(endpoint, context, paths)
    _check_callable_hints(merged, where, problems)
    _check_batch(merged, request, where, problems)
    return Draft(
        name=key_text(resource.name),
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


def _incremental(endpoint: EndpointConfig, paths: _Paths, problems: list[Problem]) -> IncrementalConfig | None:
    """The incremental in effect: one in params wins over the endpoint's, as in dlt."""
    older = [name for name, value in (endpoint.params or {}).items() if isinstance(value, IncrementalParam)]
    if len(older) > 1:
        problems.append(
            Problem(
                path=paths.of("params", older[1]),
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
    paths: _Paths,
) -> RequestTemplate:
    path = parse_text(endpoint.path, where=paths.of("path"), context=context, in_path=True)
    batch = resource.batch
    items: list[tuple[Template, Template]] = []
    for name, value in (endpoint.params or {}).items():
        if name in context.used or isinstance(value, ResolveParam):
            continue
        where = paths.of("params", key_text(name))
        key = parse_value(name, where=where, context=context, native=False)
        if isinstance(value, IncrementalParam):
            template: Template = _whole("start_value")
        else:
            batched = batch is not None and batch.param == name
            template = parse_value(value, where=where, context=context, native=batched)
        if incremental is None or name not in (incremental.start_param, incremental.end_param):
            items.append((key, template))
    if incremental is not None:
        for parameter, attribute in ((incremental.start_param, "start_value"), (incremental.end_param, "end_value")):
            if parameter is not None:
                items.append(
                    (
                        parse_value(_doubled(parameter), where=paths.of("incremental"), context=context, native=False),
                        _whole(attribute),
                    )
                )
    headers = parse_value(endpoint.headers or {}, where=paths.of("headers"), context=context, native=False)
    return RequestTemplate(
        method=endpoint.method,
        path=path,
        params=MappingTemplate(tuple(items)),
        headers=headers if isinstance(headers, MappingTemplate) else MappingTemplate(()),
        json=_optional(endpoint.json_body, paths.of("json"), context, native=True),
        data=_optional(endpoint.data, paths.of("data"), context, native=False),
        where=paths.where,
        batch=(batch.param, batch.separator) if batch is not None else None,
    )


def _optional(value: Any, where: str, context: Context, *, native: bool) -> Template | None:
    return None if value is None else parse_value(value, where=where, context=context, native=native)


def _whole(attribute: str) -> TextTemplate:
    return TextTemplate((RunValue("incremental", attribute),), native=True)


def _doubled(text: str) -> str:
    return text if is_env(text) else text.replace("{", "{{").replace("}", "}}")


def _check_bindings(endpoint: EndpointConfig, context: Context, paths: _Paths) -> None:
    for name, value in (endpoint.params or {}).items():
        if isinstance(value, ResolveParam) and name not in context.used:
            context.problems.append(
                Problem(
                    path=paths.of("params", name),
                    code="config_unused_binding",
                    message=f"`{name}` takes a value from `{value.resource}`, but the path does not use it",
                    hint=f"Write {{{name}}} in the path, or {{resources.{value.resource}.<field>}} in the param.",
                )
            )


def _check_batch(resource: ResourceConfig, request: RequestTemplate, where: str, problems: list[Problem]) -> None:
    """The values of a batch are in one param, or in one key of the JSON body."""
    if resource.batch is None:
        return
    param = resource.batch.param
    found = [template for name, template in request.params.items if name == Constant(param)]
    if isinstance(request.json, MappingTemplate):
        found.extend(template for name, template in request.json.items if name == Constant(param))
    fits = len(found) == 1 and [type(part) for part in parts_of(found[0])] == [ParentField]
    if not fits or len([part for part in request.parts() if isinstance(part, ParentField)]) != 1:
        problems.append(
            Problem(
                path=join_path(where, "batch", "param"),
                code="config_bad_value",
                message="a batch needs one parent placeholder as the whole value of this param",
                hint=f"Write {{resources.<name>.<field>}} in params.{param} and nowhere else.",
            )
        )


_CALLABLE_HINTS = ("primary_key", "merge_key", "write_disposition", "schema_contract", "nested_hints", "references")


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
