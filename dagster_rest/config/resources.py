"""Resources and their endpoints: what is asked for, and what becomes of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator
from typing_extensions import Self

from dagster_rest.config.auth import AuthConfig
from dagster_rest.config.base import ConfigModel, Problems, check_model, key, own
from dagster_rest.config.client import check_status
from dagster_rest.config.env import is_env
from dagster_rest.config.errors import did_you_mean
from dagster_rest.config.hints import ProcessingStep, TableHints
from dagster_rest.config.incremental import IncrementalConfig, Params
from dagster_rest.config.paginators import PaginatorConfig
from dagster_rest.config.types import (
    IMPORT_STRING,
    Anything,
    Bool,
    Checked,
    Count,
    Duration,
    FilledText,
    JsonPath,
    Number,
    Positive,
    Selector,
    Text,
    import_object,
    problem,
    type_name,
    wrong_type,
)

RESPONSE_ACTIONS = ("ignore", "retry", "fail")


def check_action(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str) and not is_env(value):
        if IMPORT_STRING.match(value):
            value = import_object(value)
        elif value in RESPONSE_ACTIONS:
            return value
        else:
            raise problem(
                "config_bad_value", "no such action", expected="ignore, retry, fail, or a callable", hint=did_you_mean(value, RESPONSE_ACTIONS)
            )
    if isinstance(value, (list, tuple)):
        problems = Problems()
        hooks = [problems.check(index, lambda item=item: _check_hook(item)) for index, item in enumerate(value)]  # type: ignore[misc]
        problems.raise_if_any()
        return hooks
    return _check_hook(value)


def _check_hook(value: Any) -> Any:
    if isinstance(value, str) and not is_env(value) and IMPORT_STRING.match(value):
        value = import_object(value)
    if not callable(value):
        raise wrong_type(value, expected="ignore, retry, fail, a callable, or a list of callables")
    return value


def check_statuses(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, (list, tuple)):
        return check_status(value, info)
    problems = Problems()
    found = [problems.check(index, lambda item=item: check_status(item, info)) for index, item in enumerate(value)]  # type: ignore[misc]
    problems.raise_if_any()
    return found


Action: TypeAlias = Annotated[
    Any,
    Checked(check_action, schema={"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}, expected="ignore, retry, fail, a callable, or a list of callables"),
]
Statuses: TypeAlias = Annotated[
    int | str | list[int | str],
    Checked(
        check_statuses,
        schema={"anyOf": [{"$ref": "#status"}, {"type": "array", "items": {"$ref": "#status"}}]},
        expected="a status code, a class such as 4xx, or a list of them",
    ),
]


class ResponseAction(ConfigModel):
    """What to do with a response that matches. All conditions that are given must hold."""

    status_code: Statuses | None = key(None, "Status: 404, \"404\", \"4xx\", or a list of them.")
    content: Text | None = key(None, "Text that the body contains.")
    json_predicate: FilledText | None = own(None, "Condition on the JSON body, such as `$.error.code == 'BUSY'`.", alias="json")
    action: Action = Field(description="`ignore`, `retry`, `fail`, a callable of the response, or a list of callables.")
    message: FilledText | None = own(None, "What the error says, for `fail`.")

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        conditions = (self.status_code, self.content, self.json_predicate)
        if isinstance(self.action, str) and all(condition is None for condition in conditions):
            raise problem("config_missing_key", "the action has no condition", expected="one of status_code, content, json")
        return self


def check_response_actions(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, (list, tuple)):
        raise wrong_type(value, expected="a list of actions")
    problems = Problems()
    actions = [problems.check(index, lambda item=item: _check_response_action(item, info)) for index, item in enumerate(value)]  # type: ignore[misc]
    problems.raise_if_any()
    return actions


def _check_response_action(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, (str, list, tuple)) or callable(value):
        return _check_hook(value)
    return check_model(ResponseAction, value, info, expected="a mapping with `action`, or a callable")


ResponseActions: TypeAlias = Annotated[
    list[Any],
    Checked(
        check_response_actions,
        schema={"type": "array", "items": {"anyOf": [{"$ref": "ResponseAction"}, {"type": "string"}]}},
        expected="a list of actions",
    ),
]


class ExpectConfig(ConfigModel):
    """What a complete answer looks like. An extension."""

    total_path: JsonPath | None = own(None, "JSONPath of the API's own total number of records.")
    min_rows: Count | None = own(None, "At least so many rows.")
    max_drop: Number | None = own(None, "Largest share (0 to 1) by which the row count may fall.")


def check_json(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, (dict, list)):
        raise wrong_type(value, expected="a mapping")
    return value


def check_any_mapping(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, dict):
        raise wrong_type(value, expected="a mapping of headers")
    for name, item in value.items():
        if not isinstance(name, str):
            raise problem("config_wrong_type", "a header's name is not text", expected="text")
        if isinstance(item, (dict, list, tuple, set)):
            raise problem("config_wrong_type", f"the value of `{str.__str__(name)[:60]}` is {type_name(item)}", expected="text")
    return value


JsonBody: TypeAlias = Annotated[Any, Checked(check_json, schema={"type": ["object", "array"]}, expected="a mapping")]
Headers: TypeAlias = Annotated[
    dict[str, Any],
    Checked(check_any_mapping, schema={"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}, expected="a mapping of headers"),
]


class EndpointConfig(ConfigModel):
    """One endpoint: the request, and how its answer is read."""

    path: Text = key("", "Path below `base_url`, or an absolute URL; the resource's name if absent.")
    method: Literal["GET", "POST"] = key("GET", "HTTP method.")
    params: Params | None = key(None, "Query parameters; placeholders are filled in.")
    json_body: JsonBody | None = key(None, "JSON body; placeholders are filled in and keep their type.", alias="json")
    data: Anything | None = key(None, "Form (a mapping or list of pairs) or raw body (text, bytes).")
    headers: Headers | None = key(None, "Headers; placeholders are filled in.")
    paginator: PaginatorConfig | None = key(None, "How to get from page to page.")
    data_selector: Selector | None = key(None, "JSONPath of the records in a response; detected if absent.")
    response_actions: ResponseActions | None = key(None, "What to do with certain responses.")
    incremental: IncrementalConfig | None = key(None, "Load only what is new.")
    auth: AuthConfig | None = key(None, "How to authenticate; the client's way if absent, none if null.")
    allow_missing_data: Bool = own(False, "A selector that matches nothing gives no rows instead of an error.")
    ignore_scope: Literal["any", "first_page"] = own("any", "Whether an `ignore` action may end a pagination that has begun.")
    on_null_parent: Literal["skip", "fail"] = own("skip", "What a null parent value in the path means.")
    on_name_collision: Literal["error", "suffix"] = own("error", "What two fields with the same column name mean.")
    on_empty: Literal["warn", "fail", "ignore"] = own("warn", "What a `replace` that fetched nothing means.")
    max_pages: Positive | None = own(None, "At most so many pages for each request of a fan-out.")
    expect: ExpectConfig | None = own(None, "What a complete answer looks like.")

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body and self.data is not None:
            raise problem("config_conflict", "`json` and `data` exclude each other", expected="one body")
        return self


class PartitionsConfig(ConfigModel):
    """Partitions of a resource. An extension."""

    every: Literal["hourly", "daily", "weekly", "monthly"] | None = own(None, "Length of a partition.")
    cron: FilledText | None = own(None, "Cron expression at which partitions begin.")
    keys: list[FilledText] | None = own(None, "Static partition keys.")
    start: FilledText | None = own(None, "First moment, as ISO 8601; the incremental's `initial_value` if absent.")
    end: FilledText | None = own(None, "Last moment, as ISO 8601; now if absent.")
    timezone: FilledText = own("UTC", "Time zone of the partitions.")
    end_offset: Annotated[int, Checked(lambda value, info: _check_offset(value), schema={"type": "integer"}, expected="a whole number")] = own(
        0, "More (or fewer) partitions at the end."
    )
    fmt: FilledText | None = own(None, "Format of the partition keys.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("every", "cron", "keys") if getattr(self, name) is not None]
        if len(given) != 1:
            raise problem("config_conflict", "partitions need one kind", expected="exactly one of every, cron, keys")
        return self


def _check_offset(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, expected="a whole number")
    return value


def check_partitions(value: Any, info: ValidationInfo) -> Any:
    expected = "hourly, daily, weekly, monthly, a list of keys, or a mapping"
    if isinstance(value, str) and not is_env(value):
        if value not in ("hourly", "daily", "weekly", "monthly"):
            raise problem("config_bad_value", "no such partitions", expected=expected, hint=did_you_mean(value, ("hourly", "daily", "weekly", "monthly")))
        return PartitionsConfig.model_validate({"every": value})
    if isinstance(value, (list, tuple)):
        return PartitionsConfig.model_validate({"keys": list(value)})
    if isinstance(value, dict):
        return PartitionsConfig.model_validate(value, context=info.context)
    if isinstance(value, PartitionsConfig) or type(value).__name__.endswith("PartitionsDefinition"):
        return value
    raise wrong_type(value, expected=expected)


class FreshnessConfig(ConfigModel):
    """When a table is stale. An extension."""

    fail_window: Duration | None = own(None, "Older than this is a failure.")
    warn_window: Duration | None = own(None, "Older than this is a warning.")
    deadline_cron: FilledText | None = own(None, "Cron expression of the deadlines.")
    lower_bound_delta: Duration | None = own(None, "How long before a deadline the load may run.")
    timezone: FilledText = own("UTC", "Time zone of the deadlines.")


def check_freshness(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return FreshnessConfig.model_validate({"fail_window": value})
    if isinstance(value, dict):
        return FreshnessConfig.model_validate(value, context=info.context)
    if isinstance(value, FreshnessConfig) or type(value).__name__.endswith("FreshnessPolicy"):
        return value
    raise wrong_type(value, expected="a duration such as 24h, or a mapping")


def check_automation(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str):
        text = str.__str__(value).strip()
        if text in ("eager", "on_new_data") or text.startswith("@") or len(text.split()) == 5:
            return text
        raise problem(
            "config_bad_value", "no such automation", expected="eager, on_new_data, or a cron expression", hint=did_you_mean(text, ("eager", "on_new_data"))
        )
    if type(value).__module__.startswith("dagster"):
        return value
    raise wrong_type(value, expected="eager, on_new_data, or a cron expression")


class CheckConfig(ConfigModel):
    """How one check behaves. An extension."""

    enabled: Bool = own(True, "Whether the check runs.")
    severity: Literal["warn", "error"] | None = own(None, "What a failure means.")
    blocking: Bool = own(False, "A failure stops what is downstream, and the cursor stays.")
    max_drop: Number | None = own(None, "Row count drop: largest share (0 to 1) by which it may fall.")


def check_checks(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, bool):
        return value
    if not isinstance(value, dict):
        raise wrong_type(value, expected="true, false, or a mapping of checks")
    problems, checks = Problems(), {}
    for name, item in value.items():
        if not isinstance(name, str):
            raise problem("config_wrong_type", "a check's name is not text", expected="text")
        checks[name] = problems.check(name, lambda item=item: _check_check(item, info))  # type: ignore[misc]
    problems.raise_if_any()
    return checks


def _check_check(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, bool):
        return CheckConfig.model_validate({"enabled": value})
    if isinstance(value, str):
        return CheckConfig.model_validate({"severity": value})
    return check_model(CheckConfig, value, info, expected="true, false, warn, error, or a mapping")


class BatchConfig(ConfigModel):
    """Many parent values in one request. An extension."""

    param: FilledText = own(..., "Query parameter that gets the values.")
    size: Positive = own(..., "Values in one request.")
    separator: Text | None = own(",", "Between the values; null repeats the parameter instead.")


def check_source(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str) and not is_env(value):
        if not IMPORT_STRING.match(value):
            raise problem("config_wrong_type", "found text", expected="a callable that yields lists of records, or package.module:function")
        value = import_object(value)
    if callable(value) or (hasattr(value, "__iter__") and not isinstance(value, (str, bytes, dict))):
        return value
    raise wrong_type(value, expected="a callable that yields lists of records, or package.module:function")


Source: TypeAlias = Annotated[Any, Checked(check_source, schema={"type": "string"}, expected="a callable that yields lists of records, or package.module:function")]
Partitions: TypeAlias = Annotated[
    Any,
    Checked(
        check_partitions,
        schema={"anyOf": [{"enum": ["hourly", "daily", "weekly", "monthly"]}, {"type": "array", "items": {"type": "string"}}, {"$ref": "PartitionsConfig"}]},
        expected="hourly, daily, weekly, monthly, a list of keys, or a mapping",
    ),
]
Freshness: TypeAlias = Annotated[
    Any, Checked(check_freshness, schema={"anyOf": [{"type": ["string", "number"]}, {"$ref": "FreshnessConfig"}]}, expected="a duration, or a mapping")
]
Automation: TypeAlias = Annotated[Any, Checked(check_automation, schema={"type": "string"}, expected="eager, on_new_data, or a cron expression")]
Checks: TypeAlias = Annotated[
    Any,
    Checked(
        check_checks,
        schema={"anyOf": [{"type": "boolean"}, {"type": "object", "additionalProperties": {"anyOf": [{"type": ["boolean", "string"]}, {"$ref": "CheckConfig"}]}}]},
        expected="true, false, or a mapping of checks",
    ),
]


class ResourceBase(TableHints):
    """What a resource and `resource_defaults` share."""

    include_from_parent: list[FilledText] = key([], "Fields of the parent row that each row gets, as `_<parent>_<field>`.")
    processing_steps: list[ProcessingStep] = key([], "Steps on the records, in order.")
    selected: Bool = key(True, "Whether the rows are loaded; children get theirs either way.")
    parallelized: Bool = key(False, "Accepted; requests run concurrently anyway.")
    description: Text | None = own(None, "Description of the asset.")
    group_name: FilledText | None = own(None, "Group of the asset; the source's name if absent.")
    tags: dict[str, Text] = own({}, "Tags of the asset.")
    owners: list[FilledText] = own([], "Owners of the asset.")
    kinds: list[FilledText] = own([], "More kinds of the asset.")
    partitions: Partitions | None = own(None, "Partitions of the asset.")
    fan_out: Literal["new", "all"] | None = own(None, "Which parent rows a child asks for: `new` if the parent is incremental, else `all`.")
    automation: Automation | None = own(None, "When the asset runs by itself.")
    freshness: Freshness | None = own(None, "When the table is stale.")
    parents: Literal["product"] | None = own(None, "With several parents: every combination of their rows.")
    batch: BatchConfig | None = own(None, "Many parent values in one request.")
    resume: Bool = own(True, "Whether a broken run is resumed where it stopped.")
    resume_ttl: Duration = own(86400.0, "How long a broken run can be resumed.")
    quarantine: Bool = own(False, "Whether rows discarded by the schema contract are kept in a table.")
    on_name_collision: Literal["error", "suffix"] | None = own(None, "As in `endpoint`.")
    on_empty: Literal["warn", "fail", "ignore"] | None = own(None, "As in `endpoint`.")
    checks: Checks | None = own(None, "Checks of the asset, by name.")
    preview: Count | Bool = own(0, "Rows shown in the metadata; 0 shows none.")


class ResourceDefaults(ResourceBase):
    """Merged under every resource."""

    endpoint: EndpointConfig | None = key(None, "Merged under every resource's endpoint; `path` has no effect.")


def check_endpoint(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str):
        return EndpointConfig.model_validate({"path": value})
    return check_model(EndpointConfig, value, info, expected="a path or a mapping")


Endpoint: TypeAlias = Annotated[
    EndpointConfig, Checked(check_endpoint, schema={"anyOf": [{"type": "string"}, {"$ref": "EndpointConfig"}]}, expected="a path or a mapping")
]


class ResourceConfig(ResourceBase):
    """One resource: one asset, one table (and its nested tables)."""

    name: FilledText
    endpoint: Endpoint | None = key(None, "Where the rows come from: a path or a mapping; the resource's name if absent.")
    source: Source | None = own(None, "Instead of an endpoint: a callable that yields lists of records.")
    _foreign: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.source is not None and self.endpoint is not None:
            raise problem("config_conflict", "`source` and `endpoint` exclude each other", expected="one of them")
        return self

    @property
    def foreign(self) -> bool:
        """Whether it was given as an object that yields records, which no defaults apply to (as in dlt)."""
        return self._foreign


def check_resource(value: Any, info: ValidationInfo) -> Any:
    """A name, a mapping, a model, or something else that yields records or is an asset."""
    if isinstance(value, str) and not is_env(value):
        return ResourceConfig.model_validate({"name": value, "endpoint": {"path": value}})
    if isinstance(value, (dict, ResourceConfig)):
        return check_model(ResourceConfig, value, info, expected="")
    name = _foreign_name(value)
    if name is None:
        raise wrong_type(value, expected="a name, a mapping, a callable, or an asset")
    if _is_asset(value):
        return ExternalAsset(name=name, asset=value)
    selected = getattr(value, "selected", True)
    resource = ResourceConfig.model_validate({"name": name, "source": value, "selected": selected is not False})
    resource._foreign = True
    return resource


class ExternalAsset(ConfigModel):
    """Another asset with a table in the same DuckDB, given as a member of `resources`."""

    name: FilledText
    asset: Anything


def _is_asset(value: Any) -> bool:
    return type(value).__name__ in ("AssetsDefinition", "AssetSpec", "SourceAsset")


def _foreign_name(value: Any) -> str | None:
    if _is_asset(value):
        try:
            return str(value.key.path[-1])
        except Exception:  # noqa: BLE001 - several assets in one definition have no single key
            return None
    if isinstance(value, type) or isinstance(value, (int, float, bytes, list, tuple, set, frozenset)) or value is None:
        return None
    name = getattr(value, "name", None) or getattr(value, "__name__", None)
    if isinstance(name, str) and (callable(value) or hasattr(value, "__iter__")):
        return name
    return None


Resource: TypeAlias = Annotated[
    ResourceConfig | ExternalAsset,
    Checked(check_resource, schema={"anyOf": [{"type": "string"}, {"$ref": "ResourceConfig"}]}, expected="a name or a mapping"),
]
