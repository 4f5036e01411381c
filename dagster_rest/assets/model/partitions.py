"""Partitions of REST assets: from config keys to Dagster's definitions, and from a partition to a cursor range."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.cursor.values import format_like, parse_day, parse_instant
from dagster_rest.assets.cursor.window_edges import epoch, starts_a_day, text_epoch, unit_of

if TYPE_CHECKING:
    from dagster_rest.config.model.asset import PartitionsConfig
    from dagster_rest.config.plan.build import ResourcePlan, SourcePlan

_FORMATS = {"hourly": "%Y-%m-%d-%H:%M", "daily": "%Y-%m-%d", "weekly": "%Y-%m-%d", "monthly": "%Y-%m-%d"}
_CRONS = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 0", "monthly": "0 0 1 * *"}


@dataclass(frozen=True, kw_only=True)
class Partition:
    """The part of an asset that one partition key stands for.

    Args:
        key: The partition key; empty for an asset without partitions.
        start: Start of its time window, or None where the partition is no window of time.
        end: End of its time window (not part of it), or None.
        keys: The key in each dimension, for partitions of several.
        time_dimension: The dimension that the window is of.
    """

    key: str = ""
    start: datetime | None = None
    end: datetime | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    time_dimension: str | None = None

    @property
    def is_of_days(self) -> bool:
        """Whether dates alone can say where its window starts and ends."""
        return self.start is not None and self.end is not None and starts_a_day(self.start) and starts_a_day(self.end)

    @property
    def fixed_keys(self) -> Mapping[str, str]:
        """The keys of the dimensions that are not time."""
        return {name: key for name, key in self.keys.items() if name != self.time_dimension}

    def window_like(self, pattern: Any) -> tuple[Any, Any]:
        """Start and end of the window in the shape of a cursor value: the API's own notation.

        Args:
            pattern: ``initial_value``; see ``instant_like``.
        """
        assert self.start is not None
        assert self.end is not None
        days = self.is_of_days
        return instant_like(self.start, pattern, days=days), instant_like(self.end, pattern, days=days)

    def template_values(self, *, pattern: Any = None) -> Mapping[str, Any] | None:
        """The values of ``{partition.key}``, ``{partition.keys.<dimension>}``, ``{partition.start}`` and ``.end``.

        Args:
            pattern: A cursor value (``initial_value``) whose shape start and end take.
        """
        if not self.key:
            return None
        values: dict[str, Any] = {"key": self.key, **{f"keys.{name}": key for name, key in self.keys.items()}}
        if self.start is not None and self.end is not None:
            values["start"], values["end"] = self.window_like(pattern)
        return values


WHOLE = Partition()
"""An asset without partitions."""


def instant_like(instant: datetime, pattern: Any, *, days: bool = True) -> Any:
    """An instant in the shape of a cursor value: the API's own notation.

    Args:
        instant: The instant, with a zone.
        pattern: ``initial_value``: a date, a date-time, text of either, a number (since 1970), or None for ISO 8601.
        days: Whether a date says enough; else a date as pattern gives a date-time.
    """
    if isinstance(pattern, bool) or pattern is None:
        return _iso(instant)
    if isinstance(pattern, (int, float, Decimal)):
        return type(pattern)(epoch(instant, unit=unit_of(pattern)))
    number = text_epoch(pattern)
    if number is not None:
        return str(epoch(instant, unit=unit_of(number)))
    if isinstance(pattern, datetime):
        return instant if pattern.tzinfo else instant.astimezone(timezone.utc).replace(tzinfo=None)
    if isinstance(pattern, date):
        return instant.date() if days else _iso(instant)
    if parse_day(str(pattern)) is not None:
        return instant.strftime("%Y-%m-%d" if "-" in pattern else "%Y%m%d") if days else _iso(instant)
    if parse_instant(str(pattern)) is not None:
        return format_like(instant, pattern)
    return _iso(instant)


def _iso(instant: datetime) -> str:
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def partitions_of(context: dg.AssetExecutionContext, partitions_def: dg.PartitionsDefinition | None) -> list[Partition]:
    """The partitions a step is to load; the whole asset for an asset without partitions.

    Args:
        context: The step's context: one key, or the range of a single-run backfill.
        partitions_def: The asset's partitions.
    """
    if partitions_def is None:
        return [WHOLE]
    return [_partition(key, partitions_def) for key in context.partition_keys]


def _partition(key: str, partitions_def: dg.PartitionsDefinition) -> Partition:
    if isinstance(partitions_def, dg.TimeWindowPartitionsDefinition):
        window = partitions_def.time_window_for_partition_key(key)
        return Partition(key=key, start=window.start, end=window.end)
    if not isinstance(partitions_def, dg.MultiPartitionsDefinition):
        return Partition(key=key)
    keys = dict(partitions_def.get_partition_key_from_str(key).keys_by_dimension)
    time_dimension = time_dimension_of(partitions_def)
    if time_dimension is None:
        return Partition(key=key, keys=keys)
    window = partitions_def.time_window_partitions_def.time_window_for_partition_key(keys[time_dimension])
    return Partition(key=key, start=window.start, end=window.end, keys=keys, time_dimension=time_dimension)


def time_dimension_of(partitions_def: dg.PartitionsDefinition | None) -> str | None:
    """The name of the dimension that is windows of time, or None."""
    if isinstance(partitions_def, dg.MultiPartitionsDefinition) and partitions_def.has_time_window_dimension:
        return partitions_def.time_window_dimension.name
    return None


def is_one_range(partitions: Sequence[Partition]) -> bool:
    """Whether neighbouring windows can be asked for in one request from the first start to the last end."""
    return len(partitions) > 1 and all(
        left.end is not None
        and right.start is not None
        # In one zone, Python compares what the clock shows: two different hours may show the same.
        and left.end.astimezone(timezone.utc) == right.start.astimezone(timezone.utc)
        and left.fixed_keys == right.fixed_keys
        for left, right in itertools.pairwise(partitions)
    )


def range_values(partitions: Sequence[Partition], *, pattern: Any) -> Mapping[str, Any]:
    """What ``Partition.template_values`` gives, for neighbouring windows that are asked for in one request.

    Args:
        partitions: The partitions, in the order of time.
        pattern: A cursor value (``initial_value``) whose shape start and end take.
    """
    first, last = partitions[0], partitions[-1]
    return {
        **{f"keys.{name}": key for name, key in first.fixed_keys.items()},
        "start": first.window_like(pattern)[0],
        "end": last.window_like(pattern)[1],
    }


def not_asked_for(partitions_def: dg.PartitionsDefinition, plan: "ResourcePlan") -> list[str]:
    """The dimensions that no request refers to, by name, or ``partition``: their partitions would load the same rows.

    Args:
        partitions_def: The partitions of the resource.
        plan: The resource.

    Raises:
        ConfigError: ``config_unknown_placeholder`` for a ``{partition....}`` that these partitions cannot fill.
    """
    asked = plan.request.partition_attributes
    over_time = time_dimension_of(partitions_def)
    if isinstance(partitions_def, dg.MultiPartitionsDefinition):
        dimensions = [one.name for one in partitions_def.partitions_defs]
    else:
        dimensions = []
    has_window = isinstance(partitions_def, dg.TimeWindowPartitionsDefinition) or over_time is not None
    _refuse_unknown(asked, plan, dimensions=dimensions, has_window=has_window)
    window_is_asked = bool(asked & {"start", "end"}) or plan.incremental is not None
    if "key" in asked:
        return []
    if not dimensions:
        return [] if has_window and window_is_asked else ["partition"]
    return [name for name in dimensions if f"keys.{name}" not in asked and not (name == over_time and window_is_asked)]


def _refuse_unknown(asked: Collection[str], plan: "ResourcePlan", *, dimensions: list[str], has_window: bool) -> None:
    known = {"key", *(f"keys.{name}" for name in dimensions), *(("start", "end") if has_window else ())}
    unknown = sorted(set(asked) - known)
    if unknown:
        raise plan.error(
            f"the partitions have no value for `{{partition.{unknown[0]}}}`",
            code="config_unknown_placeholder",
            key="endpoint",
            expected=f"one of {', '.join(f'{{partition.{name}}}' for name in sorted(known))}",
        )


def build_partitions_def(plan: "ResourcePlan") -> dg.PartitionsDefinition | None:
    """The Dagster partitions of a resource's ``partitions`` key, or None where it has none.

    Args:
        plan: The resource.

    Raises:
        ConfigError: ``config_bad_value`` when no start is given and ``initial_value`` is no date, or for what Dagster
            refuses.
    """
    return _build(plan.config.partitions, plan, key="partitions")


def _build(
    config: "PartitionsConfig | dg.PartitionsDefinition | None", plan: "ResourcePlan", *, key: str
) -> dg.PartitionsDefinition | None:
    if config is None or isinstance(config, dg.PartitionsDefinition):
        return config
    try:
        if config.keys is not None:
            return dg.StaticPartitionsDefinition(list(config.keys))
        if config.dynamic is not None:
            return dg.DynamicPartitionsDefinition(name=config.dynamic)
        if config.dimensions is not None:
            built = {name: _build(one, plan, key=f"{key}.dimensions.{name}") for name, one in config.dimensions.items()}
            return dg.MultiPartitionsDefinition({name: one for name, one in built.items() if one is not None})
        return dg.TimeWindowPartitionsDefinition(
            start=_start(config, plan, key=key),
            end=_moment(config.end, config.timezone, local=True),
            fmt=config.fmt or _FORMATS.get(config.every or "", "%Y-%m-%d-%H:%M"),
            cron_schedule=_CRONS[config.every] if config.every else config.cron,
            timezone=config.timezone,
            end_offset=config.end_offset,
        )
    except dg.DagsterError as error:
        raise plan.error(
            f"Dagster refuses these partitions: {str(error).splitlines()[0]}", code="config_bad_value", key=key
        ) from error


def _start(config: "PartitionsConfig", plan: "ResourcePlan", *, key: str) -> datetime:
    start = _moment(config.start, config.timezone, local=True)
    if start is not None:
        return start
    initial = plan.incremental.initial_value if plan.incremental and config.start is None else None
    first = _moment(initial, config.timezone)
    if first is not None:
        # The partition that initial_value lies in is the first: Dagster would begin with the one after it.
        return _window_start(first, config.every)
    raise plan.error(
        "partitions need a start",
        code="config_bad_value",
        key=key,
        hint="Write partitions: {every: daily, start: 2026-01-01}, or give incremental.initial_value a date.",
    )


def _window_start(moment: datetime, every: str | None) -> datetime:
    """The start of the hour, day, week or month that a moment lies in."""
    import pendulum

    at = pendulum.instance(moment)
    if every == "hourly":
        return at.start_of("hour")
    if every == "weekly":
        # Dagster's weeks begin on Sunday.
        return at.start_of("day").subtract(days=at.isoweekday() % 7)
    return {"daily": lambda: at.start_of("day"), "monthly": lambda: at.start_of("month")}.get(every or "", lambda: at)()


def _moment(written: Any, zone: str, *, local: bool = False) -> datetime | None:
    """A moment on the clock of a zone; without an offset it is UTC, or ``local`` there. None for what is no time."""
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
    if instant is None:
        return None
    has_offset = parse_instant(f"{text}Z") is None
    if local and not has_offset:
        return pendulum.instance(instant.replace(tzinfo=None), tz=zone)
    return pendulum.instance(instant).in_timezone(zone)


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
