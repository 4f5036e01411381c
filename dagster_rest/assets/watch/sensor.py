"""A sensor that asks an API whether there is anything new, before a run is started for it."""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.definition.planning import plan_source, resource_props, rest_assets
from dagster_rest.assets.definition.translator import DagsterRestTranslator
from dagster_rest.assets.keys import POLL_TAG, SENSOR_TAG
from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.assets.watch.probe import Probe, probe
from dagster_rest.assets.watch.requested_runs import asked_for, is_lost, is_settled, run_of, without_run
from dagster_rest.warehouse.naming import normalize

if TYPE_CHECKING:
    from dagster_rest.assets.definition.planning import Config
    from dagster_rest.http import RestClient

CURSOR_VERSION = 1

TICK_SECONDS = 40.0
"""A tick stops asking after this long and goes on with the next one: Dagster ends it after 60 s."""

REQUEST_SECONDS = 10.0
"""The longest that one resource may take in a tick; nothing is asked twice."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One resource that the sensor asks for.

    Args:
        asset: The resource's asset.
        selection: What is to run when it has changed: the asset, and those that fan out from it.
    """

    asset: RestAsset
    selection: tuple[dg.AssetKey, ...]


def build_rest_polling_sensor(
    config: "Config",
    *,
    name: str,
    resources: Sequence[str] | None = None,
    dataset: str | None = None,
    translator: DagsterRestTranslator | None = None,
    partitions_def: dg.PartitionsDefinition | None = None,
    sensor_name: str | None = None,
    minimum_interval_seconds: int = 60,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.STOPPED,
    clock: Callable[[], float] = time.monotonic,
) -> dg.SensorDefinition:
    """A sensor that asks the API for changes and requests a run of the assets that have any.

    A tick sends one request a resource: its first page, as the next load would ask for it (without ``lag``), with
    ``If-None-Match`` or ``If-Modified-Since`` if the API gave an ETag or a Last-Modified date. ``304 Not Modified``
    ends it there. Otherwise ETag, date, newest cursor or content of the page, whichever there is first, is held against
    the tick before; and an incremental resource whose newest cursor is materialized already, by whatever run, is left
    alone; the pages behind one that is all materialized are asked for, too. A run that fails is asked for again, at
    first at once and then ever later, until what it was to load is materialized.

    Response actions hold as for a load. One resource that fails keeps no other from being asked; the tick fails when
    all of them do.

    Resources without parents and partitions can be watched. What fans out from them runs along with them; a partition
    runs when its time comes (schedule).

    Args:
        config: The config of the assets.
        name: The source's name, as for ``build_rest_assets``.
        resources: The resources to watch; all that can be watched if None.
        dataset: The DuckDB schema; ``name`` if None.
        translator: The translator of the assets, if they have one.
        partitions_def: The partitions of the assets, if ``build_rest_assets`` was given any.
        sensor_name: The sensor's name; ``<name>_polling_sensor`` if None.
        minimum_interval_seconds: Seconds between two ticks.
        default_status: Whether it runs from the beginning.
        clock: Measures the 40 seconds that a tick may take; what is left is asked in the next.

    Raises:
        ConfigError: With every problem of the config, or for a resource that cannot be watched.

    Example:
        ```python
        from dagster_rest import build_rest_polling_sensor

        config = {"client": {"base_url": "https://api.example.com"}, "resources": ["posts"]}
        sensor = build_rest_polling_sensor(config, name="blog", minimum_interval_seconds=300)
        assert sensor.name == "blog_polling_sensor"
        ```
    """
    watched = _watched(
        config,
        name=name,
        resources=resources,
        dataset=dataset or name,
        translator=translator,
        partitions_def=partitions_def,
    )
    own_name = sensor_name or f"{normalize(name)}_polling_sensor"
    keys = {key for one in watched for key in one.selection}

    @dg.sensor(
        name=own_name,
        target=dg.AssetSelection.assets(*keys),
        required_resource_keys={name},
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
        description=f"Polls {name} for changes: {', '.join(one.asset.plan.name for one in watched)}.",
    )
    def poll(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with _impatient_client(getattr(context.resources, name)) as client:
            return _tick(context, watched, client=client, sensor=own_name, clock=clock)

    return poll


def _watched(
    config: "Config",
    *,
    name: str,
    resources: Sequence[str] | None,
    dataset: str,
    translator: DagsterRestTranslator | None,
    partitions_def: dg.PartitionsDefinition | None,
) -> list[Watched]:
    from dagster_rest.config.errors import problem_error

    source = plan_source(config, name=name)
    chosen = translator or DagsterRestTranslator()
    props = resource_props(source, dataset=dataset, partitions_def=partitions_def)
    specs = {one.resource.name: chosen.get_asset_spec(one) for one in props.values()}
    assets = rest_assets(source, props=props, specs=specs)
    can = {
        asset.plan.name: Watched(asset=asset, selection=_with_children(asset, assets))
        for asset in assets
        if not asset.plan.parents and asset.partitions_def is None and asset.plan.source is None
    }
    unknown = [one for one in resources or () if one not in can]
    if unknown or not can:
        raise problem_error(
            f"a polling sensor cannot poll {', '.join(unknown) or 'any resource of this config'}",
            code="config_bad_value",
            path="resources",
            expected=f"one of {', '.join(can)}" if can else "an endpoint without parents and partitions",
            hint="A child runs with its parent, a partition by its schedule.",
        )
    return [one for each, one in can.items() if resources is None or each in resources]


def _with_children(asset: RestAsset, assets: Sequence[RestAsset]) -> tuple[dg.AssetKey, ...]:
    taken = {asset.plan.name}
    keys = [asset.key]
    for other in assets:
        if other.partitions_def is None and any(link.resource in taken for link in other.plan.parents):
            taken.add(other.plan.name)
            keys.append(other.key)
    return tuple(keys)


@contextmanager
def _impatient_client(rest: Any) -> Iterator["RestClient"]:
    """A client that gives up in time for the tick: the next tick asks again anyway."""
    from dagster_rest.config.model.client import RetryConfig
    from dagster_rest.http import RestClient

    with RestClient.from_config(rest.client_config(), retry=RetryConfig(attempts=1), timeout=REQUEST_SECONDS) as client:
        yield client


@dataclass
class SensorState:
    """What the ticks of a sensor remember.

    Args:
        resources: By resource: what its answers are held against, and the run that was asked for.
        failing: Resources whose last request failed.
        first: The resource to begin with, by number.
    """

    resources: dict[str, dict[str, str]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    first: int = 0

    @classmethod
    def read(cls, text: str | None) -> "SensorState":
        """The state of a sensor's cursor; an empty one if it cannot be read."""
        try:
            stored = json.loads(text or "{}")
            if stored["version"] != CURSOR_VERSION:
                return cls()
            return cls(
                resources={str(name): _texts(known) for name, known in stored["resources"].items()},
                failing={str(name) for name in stored.get("failing", ())},
                first=int(stored["next"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return cls()

    def write(self) -> str:
        """The sensor's cursor."""
        stored = {
            "version": CURSOR_VERSION,
            "next": self.first,
            "resources": self.resources,
            "failing": sorted(self.failing),
        }
        return json.dumps(stored, sort_keys=True)


def _texts(known: Mapping[str, Any]) -> dict[str, str]:
    if not all(isinstance(value, str) for value in known.values()):
        raise TypeError
    return dict(known)


def _tick(
    context: dg.SensorEvaluationContext,
    watched: Sequence[Watched],
    *,
    client: "RestClient",
    sensor: str,
    clock: Callable[[], float],
) -> dg.SensorResult:
    state = SensorState.read(context.cursor)
    # A tick that fails leaves no cursor behind, so each of them must begin somewhere else.
    first = (random.randrange(len(watched)) if state.failing else state.first) % len(watched)
    poll = f"{sensor}-{time.time_ns()}"
    changed: list[dg.AssetKey] = []
    reasons: list[str] = []
    now = clock()
    deadline, asked = now + TICK_SECONDS, 0
    for one in [*watched[first:], *watched[:first]]:
        if asked and (now := clock()) >= deadline:
            reasons.append(f"{len(watched) - asked} resources are polled in the next tick")
            break
        asked += 1
        name = one.asset.plan.name
        known = state.resources.get(name, {})
        try:
            found = _poll_resource(context.instance, one, client=client, known=known, poll=poll, seconds=deadline - now)
        except Exception as error:  # noqa: BLE001 - one resource that fails must not keep the others from being seen
            state.failing.add(name)
            reasons.append(f"{name}: could not be polled ({_in_words(error, client=client)})")
            context.log.warning(reasons[-1])
            continue
        state.failing.discard(name)
        state.resources[name] = dict(found.remembered)
        reasons.append(f"{name}: {found.reason}")
        if found.changed:
            changed += [key for key in one.selection if key not in changed]
    _check_any(watched, failing=state.failing, reasons=reasons)
    state.first = (first + asked) % len(watched)
    return dg.SensorResult(
        # No run key: it would be held against every run the sensor ever asked for, and an old ETag may come back.
        run_requests=[dg.RunRequest(asset_selection=changed, tags={SENSOR_TAG: sensor, POLL_TAG: poll})]
        if changed
        else [],
        skip_reason=None if changed else dg.SkipReason("; ".join(reasons)),
        cursor=state.write(),
    )


def _poll_resource(
    instance: dg.DagsterInstance,
    one: Watched,
    *,
    client: "RestClient",
    known: Mapping[str, str],
    poll: str,
    seconds: float,
) -> Probe:
    """Ask for one resource, and after the run that was asked for."""
    found = probe(instance, one.asset, client=client, before=known, timeout=max(1.0, min(seconds, REQUEST_SECONDS)))
    remembered = without_run(found.remembered)
    settled = is_settled(instance, known, selection=one.selection)
    again = not found.changed and not settled and is_lost(instance, known)
    if found.changed or again:
        reason = "the requested run has failed" if again else found.reason
        run = asked_for(poll, known=known, again=again)
        return Probe(changed=True, remembered={**remembered, **run}, reason=reason)
    run = {} if settled else run_of(known)
    return Probe(changed=False, remembered={**remembered, **run}, reason=found.reason)


def _in_words(error: Exception, *, client: "RestClient") -> str:
    return client.redactor.redact(str(error)) or type(error).__name__


def _check_any(watched: Sequence[Watched], *, failing: set[str], reasons: Sequence[str]) -> None:
    """Fail the tick when no resource can be asked: a sensor that only skips seems to find nothing new."""
    names = [one.asset.plan.name for one in watched]
    if not set(names) <= failing:
        return
    from dagster_rest.assets.errors import StateError

    raise StateError(
        f"no resource could be polled: {'; '.join(reasons)}",
        code="sensor_no_answer",
        hint="The next tick continues where the last successful one ended.",
    )
