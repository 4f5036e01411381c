"""Partitions of REST assets: from config keys to Dagster's definitions, and from a partition to a cursor range."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.cursor import format_like, parse_day, parse_instant

if TYPE_CHECKING:
    from dagster_rest.config.models import PartitionsConfig
    from dagster_rest.config.plan import ResourcePlan, SourcePlan

_FORMATS = {"hourly": "%Y-%m-%d-%H:%M", "daily": "%Y-%m-%d", "weekly": "%Y-%m-%d", "monthly": "%Y-%m-%d"}
_CRONS = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 0", "monthly": "0 0 1 * *"}


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The part of an asset that one partition key stands for.

    Args:
        key: The partition key; empty for an asset without partitions.
        start: Start of its time window, or None where the partition is no window of time.
        end: End of its time window (not part of it), or None.
    """

    key: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def template_values(self, *, pattern: Any = None) -> Mapping[str, Any] | None:
        """The values of ``{partition.key}``, ``{partition.start}`` and ``{partition.end}``.

        Args:
            pattern: A cursor value (``initial_value``) whose shape start and end take.
        """
        if not self.key:
            return None
        values: dict[str, Any] = {"key": self.key}
        if self.start is not None and self.end is not None:
            values["start"] = instant_like(self.start, pattern)
            values["end"] = instant_like(self.end, pattern)
        return values


WHOLE = Slice()
"""An asset without partitions."""


def instant_like(instant: datetime, pattern: Any) -> Any:
    """An instant in the shape of a cursor value: the API's own notation.

    Args:
        instant: The instant, with a zone.
        pattern: ``initial_value``: a date, a date-time, text of either, a number (epoch seconds), or None for ISO 8601.
    """
    if isinstance(pattern, bool) or pattern is None:
        return _iso(instant)
    if isinstance(pattern, (int, float)):
        return type(pattern)(instant.timestamp())
    if isinstance(pattern, datetime):
        return instant
    if isinstance(pattern, date):
        return instant.date()
    if parse_day(str(pattern)) is not None:
        return instant.strftime("%Y-%m-%d" if "-" in pattern else "%Y%m%d")
    if parse_instant(str(pattern)) is not None:
        return format_like(instant, pattern)
    return _iso(instant)


def _iso(instant: datetime) -> str:
    from datetime import timezone

    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def slices_of(context: dg.AssetExecutionContext, partitions_def: dg.PartitionsDefinition | None) -> list[Slice]:
    """The partitions a step is to load; one whole slice for an asset without partitions.

    Args:
        context: The step's context: one key, or the range of a single-run backfill.
        partitions_def: The asset's partitions.
    """
    if partitions_def is None:
        return [WHOLE]
    return [_slice(key, partitions_def) for key in context.partition_keys]


def _slice(key: str, partitions_def: dg.PartitionsDefinition) -> Slice:
    if isinstance(partitions_def, dg.TimeWindowPartitionsDefinition):
        window = partitions_def.time_window_for_partition_key(key)
        return Slice(key=key, start=window.start, end=window.end)
    if isinstance(partitions_def, dg.MultiPartitionsDefinition) and partitions_def.has_time_window_dimension:
        multi = partitions_def.get_partition_key_from_str(key)
        window = partitions_def.time_window_partitions_def.time_window_for_partition_key(
            multi.keys_by_dimension[partitions_def.time_window_dimension.name]
        )
        return Slice(key=key, start=window.start, end=window.end)
    return Slice(key=key)


def is_one_range(slices: Sequence[Slice]) -> bool:
    """Whether neighbouring windows can be asked for in one request from the first start to the last end."""
    return len(slices) > 1 and all(
        left.end is not None and left.end == right.start for left, right in itertools.pairwise(slices)
    )


def build_partitions_def(plan: "ResourcePlan") -> dg.PartitionsDefinition | None:
    """The Dagster partitions of a resource's ``partitions`` key, or None where it has none.

    Args:
        plan: The resource.

    Raises:
        ConfigError: ``config_bad_value`` when no start is given and ``initial_value`` is no date.
    """
    config = plan.config.partitions
    if config is None or isinstance(config, dg.PartitionsDefinition):
        return config
    if config.keys is not None:
        return dg.StaticPartitionsDefinition(list(config.keys))
    cron = _CRONS[config.every] if config.every else config.cron
    return dg.TimeWindowPartitionsDefinition(
        start=_start(config, plan),
        end=_moment(config.end, config.timezone),
        fmt=config.fmt or _FORMATS.get(config.every or "", "%Y-%m-%d-%H:%M"),
        cron_schedule=cron,
        timezone=config.timezone,
        end_offset=config.end_offset,
    )


def _start(config: "PartitionsConfig", plan: "ResourcePlan") -> datetime:
    written = config.start or (plan.incremental.initial_value if plan.incremental else None)
    start = _moment(written, config.timezone)
    if start is None:
        raise plan.error(
            "partitions need a start",
            code="config_bad_value",
            key="partitions",
            hint="Write partitions: {every: daily, start: 2026-01-01}, or give incremental.initial_value a date.",
        )
    return start


def _moment(written: Any, zone: str) -> datetime | None:
    import pendulum

    if isinstance(written, datetime):
        return pendulum.instance(written).in_timezone(zone)
    text = written.isoformat() if isinstance(written, date) else written
    if not isinstance(text, str):
        return None
    day = parse_day(text)
    if day is not None:
        return pendulum.datetime(day.year, day.month, day.day, tz=zone)
    instant = parse_instant(text)
    return None if instant is None else pendulum.instance(instant).in_timezone(zone)


def inherited_partitions(
    source: "SourcePlan", given: dg.PartitionsDefinition | None
) -> dict[str, dg.PartitionsDefinition | None]:
    """The partitions of every resource: its own, else its parent's, else the factory's argument.

    Args:
        source: The planned source, parents first.
        given: The ``partitions_def`` argument of the factory.
    """
    result: dict[str, dg.PartitionsDefinition | None] = {}
    for plan in source.resources:
        own = build_partitions_def(plan)
        if own is None and "partitions" not in plan.config.model_fields_set:
            inherited = (result[link.resource] for link in plan.parents if link.resource in result)
            own = next((found for found in inherited if found is not None), given)
        result[plan.name] = own
    return result


def default_backfill_policy(
    partitions_def: dg.PartitionsDefinition | None, given: dg.BackfillPolicy | None
) -> dg.BackfillPolicy | None:
    """One run for a backfill over time windows: the API is asked for one range instead of many."""
    if given is not None or not isinstance(partitions_def, dg.TimeWindowPartitionsDefinition):
        return given
    return dg.BackfillPolicy.single_run()
