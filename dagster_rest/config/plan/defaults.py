"""``resource_defaults`` under each resource, by dlt's rules (its "resource_defaults" section).

Values are replaced whole, but for three: ``columns`` merge per column, and an endpoint's ``params`` and ``json`` merge
one level deep. Nothing is shared between the results.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from dagster_rest.config.model.base import ConfigModel
from dagster_rest.config.model.endpoint import EndpointConfig
from dagster_rest.config.model.paginators import PaginatorModel
from dagster_rest.config.model.resource import ResourceConfig, ResourceDefaults
from dagster_rest.config.model.table.columns import ColumnHint

Model = TypeVar("Model", bound=ConfigModel)


def given(model: ConfigModel) -> dict[str, Any]:
    """The values that were written, by attribute name."""
    return {name: getattr(model, name) for name in model.model_fields_set}


def construct(kind: type[Model], values: dict[str, Any]) -> Model:
    """A model of values that have been checked before."""
    return cast(Model, kind.model_construct(_fields_set=set(values), **values))


def merge_resource(defaults: ResourceDefaults | None, resource: ResourceConfig) -> ResourceConfig:
    """The resource with its defaults, its endpoint and its path filled in."""
    if resource.given_as_object:
        return resource
    below = given(defaults) if defaults is not None else {}
    below_endpoint = below.pop("endpoint", None)
    own = resource.model_fields_set
    changes = {name: value for name, value in below.items() if name not in own}
    if "columns" in own:
        columns = _merge_columns(below.get("columns"), resource.columns)
        if columns is not None:
            changes["columns"] = columns
    if resource.source is None:
        endpoint = merge_endpoint(below_endpoint, resource.endpoint, name=resource.name)
        changes["endpoint"] = endpoint
        _take_from_endpoint(resource, changes, endpoint)
    return resource.model_copy(update=changes) if changes else resource


# Keys of the resource that may also be written in its endpoint.
ALSO_IN_ENDPOINT = ("on_name_collision", "on_empty")


def _take_from_endpoint(resource: ResourceConfig, changes: dict[str, Any], endpoint: EndpointConfig) -> None:
    """The resource's own value wins over the defaults; beside `endpoint` wins over inside it."""
    own = resource.endpoint.model_fields_set if resource.endpoint is not None else set()
    for name in ALSO_IN_ENDPOINT:
        if getattr(resource, name) is None and (name in own or changes.get(name) is None):
            changes[name] = getattr(endpoint, name)
    expect = resource.endpoint.expect if resource.endpoint is not None else None
    if expect is not None and expect.max_drop is not None and "checks" not in resource.model_fields_set:
        changes["checks"] = _without_max_drop(changes.get("checks"))


def _without_max_drop(checks: Any) -> Any:
    """Inherited checks without the bound that the resource gives itself, in ``expect``."""
    if not isinstance(checks, dict) or checks.get("row_count_drop") is None:
        return checks
    return {**checks, "row_count_drop": checks["row_count_drop"].model_copy(update={"max_drop": None})}


def limits_pages(paginator: Any) -> bool:
    """Whether a paginator of the config has a ``max_pages``."""
    return isinstance(paginator, PaginatorModel) and paginator.max_pages is not None


def without_max_pages(paginator: Any) -> Any:
    """A paginator that is bound by a nearer ``max_pages`` than its own."""
    return paginator.model_copy(update={"max_pages": None}) if limits_pages(paginator) else paginator


def _merge_columns(below: Any, own: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(own, dict)):
        return None
    merged = dict(below)
    for name, hint in own.items():
        merged[name] = _merge_hint(below[name], hint) if name in below else hint
    return merged


def _merge_hint(below: ColumnHint, own: ColumnHint) -> ColumnHint:
    extra = {**(below.model_extra or {}), **(own.model_extra or {})}
    names = set(ColumnHint.model_fields)
    values = {**given(below), **given(own)}
    return ColumnHint.model_construct(
        _fields_set=set(values), **{name: value for name, value in values.items() if name in names}, **extra
    )


def merge_endpoint(below: EndpointConfig | None, own: EndpointConfig | None, *, name: str) -> EndpointConfig:
    """The endpoint with its defaults; the path is the resource's own, or its name."""
    lower = given(below) if below is not None else {}
    lower.pop("path", None)
    if own is None:
        return construct(EndpointConfig, {"path": name, **lower})
    written = own.model_fields_set
    changes = {key: value for key, value in lower.items() if key not in written}
    if limits_pages(own.paginator):
        changes.pop("max_pages", None)
    elif own.max_pages is not None and "paginator" in changes:
        changes["paginator"] = without_max_pages(changes["paginator"])
    if "path" not in written:
        changes["path"] = name
    for key in ("params", "json_body"):
        above = getattr(own, key)
        if isinstance(lower.get(key), dict) and isinstance(above, dict):
            changes[key] = {**lower[key], **above}
    return own.model_copy(update=changes) if changes else own
