"""The endpoint of a resource: the request, and how its response is read."""

import codecs
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import ConfigDict, Field, ValidationInfo, model_validator
from typing_extensions import Self

from dagster_rest.config.errors import did_you_mean
from dagster_rest.config.model.auth import AuthConfig
from dagster_rest.config.model.base import ConfigModel, check_model, extension, key
from dagster_rest.config.model.client import Status, check_status
from dagster_rest.config.model.incremental import IncrementalConfig, Params, Scalar
from dagster_rest.config.model.paginators import PaginatorConfig
from dagster_rest.config.values.checks import from_env, refuse_unread_members
from dagster_rest.config.values.env import is_env
from dagster_rest.config.values.imports import imported
from dagster_rest.config.values.problems import check_each, problem, type_name, wrong_type
from dagster_rest.config.values.types import (
    Bool,
    Count,
    Environment,
    FilledText,
    ImportString,
    JsonPath,
    Positive,
    RequestText,
    RequestValue,
    Selector,
    Share,
    Text,
    checked,
)

NamedAction: TypeAlias = Literal["ignore", "retry", "fail"]
RESPONSE_ACTIONS: tuple[NamedAction, ...] = get_args(NamedAction)


@checked(
    takes=NamedAction | ImportString | list[ImportString],
    expected="ignore, retry, fail, a callable, or a list of callables",
)
def check_action(value: Any, info: ValidationInfo) -> Any:
    """A named action or hooks."""
    value = imported(value)
    if isinstance(value, str) and not is_env(value):
        if value in RESPONSE_ACTIONS:
            return value
        raise problem(
            "config_bad_value",
            "no such action",
            expected="ignore, retry, fail, or a callable",
            hint=did_you_mean(value, RESPONSE_ACTIONS),
        )
    if isinstance(value, (list, tuple)):
        return check_each(enumerate(value), _check_hook)
    return _check_hook(value)


def _check_hook(value: Any) -> Any:
    value = imported(value)
    if not callable(value):
        raise wrong_type(value, expected="ignore, retry, fail, a callable, or a list of callables")
    return value


@checked(takes=Status | list[Status], expected="a status code, a class such as 4xx, or a list of them", read_at="load")
def check_statuses(value: Any, info: ValidationInfo) -> Any:
    """One status or a list."""
    if not isinstance(value, (list, tuple)):
        return check_status(value, info)
    return check_each(enumerate(value), check_status, info)


Action: TypeAlias = Annotated[Any, check_action]
Statuses: TypeAlias = Annotated[int | str | list[int | str], check_statuses]


class ResponseAction(ConfigModel):
    """What to do with a matching response. All given conditions must match."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["status_code"]},
                {"required": ["content"]},
                {"required": ["json"]},
                {"properties": {"action": {"not": {"enum": list(RESPONSE_ACTIONS)}}}},
            ]
        }
    )
    status_code: Statuses | None = key(None, 'Status: 404, "404", "4xx", or a list of them.')
    content: Text | None = key(None, "Text that the body contains.")
    json_predicate: FilledText | None = extension(
        None, "Condition on the JSON body, such as `$.error.code == 'BUSY'`.", alias="json"
    )
    action: Action = Field(description="`ignore`, `retry`, `fail`, a callable of the response, or a list of callables.")
    message: FilledText | None = extension(None, "Message of the error, for `fail`.")

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        conditions = (self.status_code, self.content, self.json_predicate)
        if isinstance(self.action, str) and all(condition is None for condition in conditions):
            raise problem(
                "config_missing_key", "the action has no condition", expected="one of status_code, content, json"
            )
        return self


@checked(takes=list[ResponseAction | ImportString | Environment], expected="a list of actions", read_at="check")
def check_response_actions(value: Any, info: ValidationInfo) -> Any:
    """A list of actions and hooks."""
    if not isinstance(value, (list, tuple)):
        raise wrong_type(value, expected="a list of actions")
    return check_each(enumerate(value), _check_response_action, info)


def _check_response_action(value: Any, info: ValidationInfo) -> Any:
    if is_env(value):
        value = from_env(value)
    if isinstance(value, (str, list, tuple)) or callable(value):
        return _check_hook(value)
    return check_model(value, ResponseAction, info, expected="a mapping with `action`, or a callable")


ResponseActions: TypeAlias = Annotated[list[Any], check_response_actions]


class ExpectConfig(ConfigModel):
    """What a complete response looks like. An extension."""

    total_path: JsonPath | None = extension(None, "JSONPath of the API's own total number of records.")
    min_rows: Count | None = extension(None, "Minimum number of rows.")
    max_drop: Share | None = extension(None, "Largest share (0 to 1) by which the row count may fall.")


@checked(takes=dict[str, Any] | list[Any], expected="a mapping", read_at="request")
def check_json(value: Any, info: ValidationInfo) -> Any:
    """A JSON body."""
    if not isinstance(value, (dict, list)):
        raise wrong_type(value, expected="a mapping")
    return value


@checked(takes=dict[str, Scalar], expected="a mapping of headers", read_at="request")
def check_headers(value: Any, info: ValidationInfo) -> Any:
    """Headers, each with a single value."""
    if not isinstance(value, dict):
        raise wrong_type(value, expected="a mapping of headers")
    for name, item in value.items():
        if not isinstance(name, str):
            raise problem("config_wrong_type", "a header's name is not text", expected="text")
        if isinstance(item, (dict, list, tuple, set)):
            raise problem(
                "config_wrong_type", f"the value of `{str.__str__(name)[:60]}` is {type_name(item)}", expected="text"
            )
    refuse_unread_members(value, info)
    return value


JsonBody: TypeAlias = Annotated[Any, check_json]
Headers: TypeAlias = Annotated[dict[str, Any], check_headers]


@checked(takes=str, expected="the name of an encoding")
def check_encoding(value: Any, info: ValidationInfo) -> str:
    """The name of an encoding that Python knows."""
    if not isinstance(value, str):
        raise wrong_type(value, expected="the name of an encoding")
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise problem("config_bad_value", "no such encoding", expected="a name such as cp1252 or shift_jis") from None


Encoding: TypeAlias = Annotated[str, check_encoding]


class EndpointConfig(ConfigModel):
    """One endpoint: the request, and how its response is read."""

    path: RequestText = key("", "Path below `base_url`, or an absolute URL; the resource's name if absent.")
    method: Literal["GET", "POST"] = key("GET", "HTTP method.")
    params: Params | None = key(None, "Query parameters; placeholders are filled in.")
    json_body: JsonBody | None = key(None, "JSON body; placeholders are filled in and keep their type.", alias="json")
    data: RequestValue | None = key(None, "Form (a mapping or list of pairs) or raw body (text, bytes).")
    headers: Headers | None = key(None, "Headers; placeholders are filled in.")
    paginator: PaginatorConfig | None = key(None, "How to get the next page.")
    data_selector: Selector | None = key(None, "JSONPath of the records in a response; detected if absent.")
    response_actions: ResponseActions | None = key(None, "What to do with certain responses.")
    incremental: IncrementalConfig | None = key(None, "Load only new records.")
    auth: AuthConfig | None = key(None, "How to authenticate; the client's auth if absent, none if null.")
    allow_missing_data: Bool = extension(False, "A selector that matches nothing returns no rows instead of an error.")
    ignore_scope: Literal["any", "first_page", "later_pages"] = extension(
        "any", "Where an `ignore` action may match: on every page, on the first one only, or only after it."
    )
    on_null_parent: Literal["skip", "fail"] = extension("skip", "What happens with a null parent value in the path.")
    on_parent_error: Literal["fail", "skip"] = extension(
        "fail", "What happens if a parent's request fails: `skip` skips it and tries it again in the next run."
    )
    max_parent_errors: Positive = extension(10, "With `on_parent_error: skip`: how many parents may fail in a run.")
    on_name_collision: Literal["error", "suffix"] = extension("error", "The same as beside `endpoint`.")
    on_empty: Literal["warn", "fail", "ignore"] = extension("warn", "The same as beside `endpoint`.")
    max_pages: Positive | None = extension(None, "Maximum number of pages for each request of a fan-out.")
    max_empty_pages: Count = extension(
        100, "Empty pages allowed in a row, each announcing another one; more are an error."
    )
    max_repeated_pages: Count = extension(
        0, "How many pages in a row may have the content of earlier ones; more are an error."
    )
    encoding: Encoding | None = extension(
        None, "Encoding of bodies that are not UTF-8, where the response names none or a wrong one."
    )
    encoding_errors: Literal["strict", "replace"] = extension(
        "strict", "Bytes that are not valid in the encoding: an error, or replaced by U+FFFD and counted."
    )
    on_body_errors: Literal["fail", "warn"] = extension(
        "fail", "What happens with `errors` beside the records of a body."
    )
    expect: ExpectConfig | None = extension(None, "What a complete response looks like.")

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body and self.data is not None:
            raise problem("config_conflict", "`json` and `data` cannot be used together", expected="one body")
        return self
