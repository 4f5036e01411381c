"""Keys that describe the asset in Dagster: partitions, freshness, automation, checks, batches."""

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, ValidationInfo, model_validator
from typing_extensions import Self

from dagster_rest.config.errors import did_you_mean
from dagster_rest.config.model.base import ConfigModel, check_model, extension
from dagster_rest.config.values.checks import check_bool, from_env
from dagster_rest.config.values.env import is_env
from dagster_rest.config.values.environment import read_keys
from dagster_rest.config.values.problems import check_each, problem, wrong_type
from dagster_rest.config.values.times import Cron, CronText, Moment, TimeZone, check_cron, refuse_bad_cron
from dagster_rest.config.values.types import (
    Bool,
    Duration,
    DurationText,
    Environment,
    FilledText,
    Int,
    NotNegative,
    Positive,
    Share,
    Text,
    checked,
)

Every: TypeAlias = Literal["hourly", "daily", "weekly", "monthly"]
NamedAutomation: TypeAlias = Literal["eager", "on_new_data"]
Severity: TypeAlias = Literal["warn", "error"]


class PartitionsConfig(ConfigModel):
    """Partitions of a resource. An extension."""

    every: Every | None = extension(None, "Length of a partition.")
    cron: FilledText | None = extension(None, "Cron expression at which partitions begin.")
    keys: list[FilledText] | None = extension(None, "Static partition keys.")
    dynamic: FilledText | None = extension(None, "Name of dynamic partitions, whose keys are added at run time.")
    dimensions: "dict[str, Partitions] | None" = extension(None, "Two dimensions, each with its own partitions.")
    start: Moment | None = extension(None, "First moment, as ISO 8601; the incremental's `initial_value` if absent.")
    end: Moment | None = extension(None, "Last moment, as ISO 8601; now if absent.")
    timezone: TimeZone = extension("UTC", "Time zone of the partitions.")
    end_offset: Int = extension(0, "More (or fewer) partitions at the end.")
    fmt: FilledText | None = extension(None, "Format of the partition keys.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = ("every", "cron", "keys", "dynamic", "dimensions")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            raise problem("config_conflict", "partitions need one kind", expected=f"exactly one of {', '.join(kinds)}")
        over_time = ("start", "end", "timezone", "end_offset", "fmt")
        unused = [name for name in over_time if name in self.model_fields_set and given[0] not in ("every", "cron")]
        if unused:
            raise problem(
                "config_conflict",
                f"`{unused[0]}` has no effect on partitions by `{given[0]}`",
                expected="it beside `every` or `cron`",
            )
        if self.cron is not None:
            refuse_bad_cron(self.cron, "cron")
        return self


@checked(
    takes=Every | list[str] | PartitionsConfig,
    expected="hourly, daily, weekly, monthly, a list of keys, or a mapping",
    read_at="parts",
)
def check_partitions(value: Any, info: ValidationInfo) -> Any:
    """Partitions in any of their forms."""
    # Dagster's own come first: some are tuples.
    if is_dagster_partitions(value):
        return value
    if isinstance(value, str) and not is_env(value):
        if value not in get_args(Every):
            raise problem(
                "config_bad_value",
                "no such partitions",
                expected=check_partitions.expected,
                hint=did_you_mean(value, get_args(Every)),
            )
        value = {"every": value}
    elif isinstance(value, (list, tuple)):
        value = {"keys": list(value)}
    return check_model(value, PartitionsConfig, info, expected=check_partitions.expected)


def is_dagster_partitions(value: Any) -> bool:
    """Whether a value is a ``PartitionsDefinition``, by its name: a config is read without importing Dagster."""
    return any(base.__name__ == "PartitionsDefinition" for base in type(value).__mro__)


class FreshnessConfig(ConfigModel):
    """When a table is stale. An extension."""

    fail_window: Duration | None = extension(None, "Age after which freshness fails.")
    warn_window: Duration | None = extension(None, "Age after which freshness warns.")
    deadline_cron: Cron | None = extension(None, "Cron expression of the deadlines.")
    lower_bound_delta: Duration | None = extension(None, "How long before a deadline the load may run.")
    timezone: TimeZone = extension("UTC", "Time zone of the deadlines.")


@checked(takes=NotNegative | DurationText | FreshnessConfig, expected="a duration, or a mapping", read_at="check")
def check_freshness(value: Any, info: ValidationInfo) -> Any:
    """A duration, a mapping or a Dagster policy."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        value = {"fail_window": value}
    if type(value).__name__.endswith("FreshnessPolicy"):
        return value
    return check_model(value, FreshnessConfig, info, expected="a duration such as 24h, or a mapping")


@checked(takes=NamedAutomation | CronText, expected="eager, on_new_data, or a cron expression")
def check_automation(value: Any, info: ValidationInfo) -> Any:
    """A named automation, a cron expression or a Dagster condition."""
    if isinstance(value, str):
        text = str.__str__(value).strip()
        if text in get_args(NamedAutomation):
            return text
        if text.startswith("@") or len(text.split()) > 1:
            return check_cron(text, info)
        raise problem(
            "config_bad_value",
            "no such automation",
            expected=check_automation.expected,
            hint=did_you_mean(text, get_args(NamedAutomation)),
        )
    if type(value).__module__.startswith("dagster"):
        return value
    raise wrong_type(value, expected=check_automation.expected)


class CheckConfig(ConfigModel):
    """How one check behaves. An extension."""

    enabled: Bool = extension(True, "Whether the check runs.")
    severity: Severity | None = extension(None, "Severity of a failure.")
    blocking: Bool = extension(False, "A failure rolls the load back and stops downstream assets.")
    max_drop: Share | None = extension(None, "Row count drop: largest share (0 to 1) by which it may fall.")


@checked(
    takes=bool | Environment | dict[str, bool | Severity | CheckConfig],
    expected="true, false, or a mapping of checks",
    read_at="check",
)
def check_checks(value: Any, info: ValidationInfo) -> Any:
    """All checks on or off, or each by name."""
    if isinstance(value, bool) or is_env(value):
        return check_bool(value, info)
    if not isinstance(value, dict):
        raise wrong_type(value, expected="true, false, or a mapping of checks")
    checks = read_keys(value)
    if not all(isinstance(name, str) for name in checks):
        raise problem("config_wrong_type", "a check's name is not text", expected="text")
    return dict(zip(checks, check_each(checks.items(), _check_check, info), strict=True))


def _check_check(value: Any, info: ValidationInfo) -> Any:
    if is_env(value):
        text = str(from_env(value))
        value = {"true": True, "false": False}.get(text.strip().lower(), text)
    if isinstance(value, bool):
        value = {"enabled": value}
    elif isinstance(value, str):
        value = {"severity": value}
    return check_model(value, CheckConfig, info, expected="true, false, warn, error, or a mapping")


@checked(
    takes=Annotated[int, Field(ge=0)] | bool | Environment, expected="a number of rows, or true for 5", read_at="check"
)
def check_preview(value: Any, info: ValidationInfo) -> int:
    """A number of rows; true means 5."""
    if is_env(value):
        text = str(from_env(value)).strip().lower()
        value = {"true": True, "false": False}.get(text, int(text) if text.isascii() and text.isdigit() else text)
    if isinstance(value, bool):
        return 5 if value else 0
    if not isinstance(value, int) or value < 0:
        raise wrong_type(value, expected="a number of rows, or true")
    return value


class BatchConfig(ConfigModel):
    """Many parent values in one request. An extension."""

    param: FilledText = extension(..., "Query parameter that gets the values.")
    size: Positive = extension(..., "Values in one request.")
    separator: Text | None = extension(",", "Between the values; null repeats the parameter instead.")


Partitions: TypeAlias = Annotated[Any, check_partitions]
Freshness: TypeAlias = Annotated[Any, check_freshness]
Automation: TypeAlias = Annotated[Any, check_automation]
Preview: TypeAlias = Annotated[int, check_preview]
Checks: TypeAlias = Annotated[Any, check_checks]
