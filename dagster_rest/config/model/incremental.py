"""The incremental part of an endpoint, and the two older ways to write params."""

import math
import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationInfo, model_validator
from typing_extensions import Self

from dagster_rest.config.errors import did_you_mean
from dagster_rest.config.model.base import ConfigModel, extension, key
from dagster_rest.config.values.checks import check_duration, check_number, choice, from_env, refuse_unread_members
from dagster_rest.config.values.env import is_env
from dagster_rest.config.values.imports import imported
from dagster_rest.config.values.problems import check_each, problem, type_name, wrong_type
from dagster_rest.config.values.types import (
    Bool,
    Callback,
    Duration,
    DurationText,
    FilledText,
    ImportString,
    JsonPath,
    Names,
    Number,
    checked,
)


@checked(takes=str | float, expected="a value of the cursor")
def check_cursor_value(value: Any, info: ValidationInfo) -> Any:
    """A value that cursors can be compared with."""
    if value is None or isinstance(value, (bool, bytes, dict, list, tuple, set, frozenset)) or callable(value):
        raise wrong_type(value, expected=_CURSOR)
    if isinstance(value, float) and not math.isfinite(value):
        raise problem("config_bad_value", "the number is not finite", expected=_CURSOR)
    return value


@checked(takes=Literal["max", "min"] | ImportString, expected="max, min, or a callable")
def check_last_value_func(value: Any, info: ValidationInfo) -> Any:
    """max, min or a callable."""
    value = imported(value)
    if isinstance(value, str) and not is_env(value):
        return choice(value, ("max", "min"))
    if callable(value):
        return value
    raise wrong_type(value, expected="max, min, or a callable")


_CURSOR = "a date, a date-time, a number or a text, as the API writes its cursor"
_CALENDAR_STEP = re.compile(r"(\d+)\s*(?:mo|y)\Z")


@checked(
    takes=float | DurationText | Annotated[str, Field(pattern=r"^\s*\d+\s*(mo|y)\s*$")],
    expected="a duration such as 1d or 1mo, or a number",
    read_at="check",
)
def check_step(value: Any, info: ValidationInfo) -> Any:
    """A window: text such as ``1d`` for times, a number for numbers; kept as written."""
    if isinstance(value, str):
        if is_env(value):
            value = str(from_env(value))
        calendar = _CALENDAR_STEP.match(value.strip())
        amount = float(calendar.group(1)) if calendar else check_duration(value, info)
    else:
        amount = check_number(value, info)
    if amount <= 0:
        raise problem("config_bad_value", "a window needs a length", expected="more than 0")
    return value


CursorValue: TypeAlias = Annotated[Any, check_cursor_value]
LastValueFunc: TypeAlias = Annotated[Any, check_last_value_func]
WindowLength: TypeAlias = Annotated[str | float, check_step]


class IncrementalConfig(ConfigModel):
    """Load only new records, by the value of a field that grows."""

    cursor_path: JsonPath = Field(description="Field of each record that grows: a name or a JSONPath.")
    initial_value: CursorValue | None = key(None, "Where the first run starts.")
    end_value: CursorValue | None = key(None, "Where the run ends; such a run stores no state.")
    start_param: FilledText | None = key(None, "Query parameter that gets the start value.")
    end_param: FilledText | None = key(None, "Query parameter that gets the end value.")
    convert: Callback | None = key(None, "Converts a cursor value to what the API expects.")
    transform: Callback | None = key(None, "Older name of `convert`.")
    last_value_func: LastValueFunc = key("max", "How the next cursor is chosen: max, min, or a callable of the values.")
    primary_key: Names | None = key(
        None,
        "Fields that identify rows with the same cursor value; the resource's primary key if absent, `[]` for none.",
    )
    row_order: Literal["asc", "desc"] | None = key(None, "Order of the rows; lets a run stop early.")
    on_cursor_value_missing: Literal["raise", "include", "exclude"] = key(
        "raise", "What happens with rows whose cursor is missing or null."
    )
    lag: Number | None = key(None, "Start this much earlier: a number; seconds for times; days for dates.")
    range_start: Literal["closed", "open"] = key("closed", "Whether rows equal to the start are loaded.")
    range_end: Literal["open", "closed"] = key("open", "Whether rows equal to the end are loaded.")
    allow_external_schedulers: Bool | None = key(None, "Accepted; the window comes from Dagster's partition instead.")
    step: WindowLength | None = extension(
        None, "Length of a window, such as `1d`; the range is requested window by window."
    )
    max_future: Duration | None = extension(
        86400.0, "How far in the future a time may be and still move the cursor; null for no limit."
    )
    max_step: Duration | None = extension(
        None, "The longest gap between two values that the cursor crosses: a number, or a duration for times."
    )
    state: Literal["per_parent", "shared"] = extension(
        "per_parent", "Whether a child stores one cursor per parent row."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.convert is not None and self.transform is not None:
            raise problem("config_conflict", "`convert` and `transform` are the same setting", expected="one of them")
        if self.end_value is not None and self.initial_value is None:
            raise problem("config_conflict", "`end_value` needs `initial_value`", expected="both or none")
        if self.end_value is not None and self._ends_before_it_starts():
            raise problem("config_bad_value", "`end_value` is before `initial_value`")
        return self

    def _ends_before_it_starts(self) -> bool:
        if self.last_value_func not in ("max", "min") or type(self.end_value) is not type(self.initial_value):
            return False
        start: Any = self.initial_value
        end: Any = self.end_value
        try:
            before, after = bool(end < start), bool(end > start)
        except TypeError:
            return False
        return before if self.last_value_func == "max" else after

    @property
    def converter(self) -> Any:
        """The callable for values that are sent, under either name; None for identity."""
        return self.convert if self.convert is not None else self.transform


class ResolveParam(ConfigModel):
    """Older way to put a parent's field into the path: a param with `type: resolve`."""

    type: Literal["resolve"]
    resource: FilledText = Field(description="The parent resource.")
    field: JsonPath = Field(description="The parent's field.")


class IncrementalParam(IncrementalConfig):
    """Older way to send the start value: a param with `type: incremental`."""

    type: Literal["incremental"]

    @model_validator(mode="after")
    def _only_a_start(self) -> Self:
        for name in ("end_value", "end_param", "start_param"):
            if getattr(self, name) is not None:
                raise problem(
                    "config_conflict",
                    f"`{name}` is not possible for an incremental param",
                    hint="Write `incremental` beside `params`, and `{incremental.start_value}` in the param.",
                )
        return self


def from_dlt_incremental(value: Any) -> IncrementalParam | None:
    """The same as an ``IncrementalParam``, if ``value`` is a ``dlt.sources.incremental`` object."""
    if type(value).__name__ != "Incremental" or not hasattr(value, "cursor_path"):
        return None
    names = set(IncrementalConfig.model_fields) & set(vars(value))
    data = {name: getattr(value, name) for name in names if getattr(value, name) is not None}
    function = data.get("last_value_func")
    if function in (max, min):
        data["last_value_func"] = getattr(function, "__name__", "max")
    return IncrementalParam.model_validate({**data, "type": "incremental"})


_PARAM_KINDS: dict[str, type[ConfigModel]] = {"resolve": ResolveParam, "incremental": IncrementalParam}


Scalar: TypeAlias = str | float | bool | None


@checked(
    takes=dict[str, Scalar | list[Scalar] | ResolveParam | IncrementalParam],
    expected="a mapping of query parameters",
    read_at="request",
)
def check_params(value: Any, info: ValidationInfo) -> Any:
    """Query parameters: scalars, lists, null, or the older mappings with ``type``."""
    if not isinstance(value, dict):
        raise wrong_type(value, expected="a mapping of query parameters")
    if not all(isinstance(name, str) for name in value):
        raise problem("config_wrong_type", "a parameter's name is not text", expected="text; write numbers in quotes")
    items = ((str.__str__(name), item) for name, item in value.items())
    params = dict(zip(value, check_each(items, _check_param, info), strict=True))
    refuse_unread_members(params, info)
    return params


def _check_param(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, dict):
        kind = from_env(value["type"]) if is_env(value.get("type")) else value.get("type")
        model = _PARAM_KINDS.get(kind) if isinstance(kind, str) else None
        if model is None:
            raise problem(
                "config_wrong_type",
                "found a mapping",
                expected="a value, a list of values, or a mapping with type: resolve or type: incremental",
                hint=did_you_mean(kind, _PARAM_KINDS) or "Put nested data into `json`.",
            )
        return model.model_validate(value, context=info.context)
    if isinstance(value, (list, tuple)):
        for item in value:
            if isinstance(item, (dict, list, tuple, set)):
                raise problem("config_wrong_type", f"the list contains {type_name(item)}", expected="a list of values")
        return list(value)
    if isinstance(value, (set, frozenset, type)):
        raise wrong_type(value, expected="a value or a list of values")
    return from_dlt_incremental(value) or value


Params: TypeAlias = Annotated[dict[str, Any], check_params]
