"""Cron expressions, time zones and moments, checked when a config is loaded."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import Field, ValidationInfo

from dagster_rest.config.values.checks import check_filled_text
from dagster_rest.config.values.problems import at, problem, wrong_type
from dagster_rest.config.values.types import Environment, checked

CronText: TypeAlias = Annotated[str, Field(pattern=r"^\s*(@\w+|\S+(\s+\S+){4})\s*$")]
_MOMENT = "a date or date-time in ISO 8601, such as 2026-01-31"
_SOME_DAY = datetime.datetime(2000, 1, 1)


@checked(takes=CronText | Environment, expected="a cron expression")
def check_cron(value: Any, info: ValidationInfo) -> Any:
    """A cron expression that Dagster takes."""
    check_filled_text(value, info)
    refuse_bad_cron(value)
    return value


def refuse_bad_cron(value: str, key: str | None = None) -> None:
    """Refuse what Dagster does not take as a cron expression.

    Args:
        value: The text.
        key: Its key in the value that is checked.

    Raises:
        PydanticCustomError: It is none; a ValidationError below ``key`` if that is given.
    """
    # Dagster's own reading decides; it is imported only for a config that has a cron expression.
    import dagster as dg

    try:
        dg.TimeWindowPartitionsDefinition(start=_SOME_DAY, fmt="%Y", cron_schedule=value)
    except dg.DagsterInvalidDefinitionError:
        error = problem(
            "config_bad_value",
            "not a cron expression",
            expected="minute, hour, day of month, month, day of week, such as 0 6 * * 1-5; or @daily",
        )
        raise (error if key is None else at(key, error)) from None


@checked(takes=str, expected="a time zone")
def check_time_zone(value: Any, info: ValidationInfo) -> Any:
    """The name of a time zone."""
    check_filled_text(value, info)
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        from dagster_rest.config.errors import did_you_mean

        raise problem(
            "config_bad_value",
            "no such time zone",
            expected="a name such as UTC or Europe/Berlin",
            hint=did_you_mean(value, zoneinfo.available_timezones()),
        ) from None
    return value


@checked(takes=str, expected="a date or date-time")
def check_moment(value: Any, info: ValidationInfo) -> Any:
    """A date or date-time in ISO 8601."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    if not isinstance(value, str):
        raise wrong_type(value, expected=_MOMENT)
    import pendulum

    try:
        found = pendulum.parse(value, exact=True)
    except (ValueError, OverflowError):
        found = None
    if not isinstance(found, datetime.date):
        raise problem("config_bad_value", "not a moment", expected=_MOMENT)
    return value


Cron = Annotated[str, check_cron]
TimeZone = Annotated[str, check_time_zone]
Moment = Annotated[str, check_moment]
