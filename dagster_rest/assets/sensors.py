"""A sensor that asks an API whether there is anything new, before a run is started for it."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.factory import plan_source, resource_props, rest_assets
from dagster_rest.assets.rest_asset import RestAsset
from dagster_rest.assets.run_config import SENSOR_TAG
from dagster_rest.assets.translator import DagsterRestTranslator
from dagster_rest.warehouse.naming import normalize

if TYPE_CHECKING:
    import httpx

    from dagster_rest.assets.factory import Config
    from dagster_rest.config.request import RequestSpec
    from dagster_rest.http import RestClient
    from dagster_rest.warehouse.ledger import CursorState

CURSOR_VERSION = 1

TICK_SECONDS = 40.0
"""A tick stops asking after this long and goes on with the next one: Dagster ends it after 60 s."""

REQUEST_SECONDS = 10.0
"""The longest wait for one answer in a tick; nothing is asked twice."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What the API said about one resource.

    Args:
        changed: Whether there may be something new.
        remembered: What to hold the next answer against.
        reason: In words.
    """

    changed: bool
    remembered: Mapping[str, str]
    reason: str


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
    sensor_name: str | None = None,
    minimum_interval_seconds: int = 60,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.STOPPED,
    clock: Callable[[], float] = time.monotonic,
) -> dg.SensorDefinition:
    """A sensor that asks the API for changes and requests a run of the assets that have any.

    A tick sends one request a resource: its first page, as the next load would ask for it, with ``If-None-Match`` or
    ``If-Modified-Since`` if the API gave an ETag or a Last-Modified date. ``304 Not Modified`` ends it there. Otherwise
    ETag, date, newest cursor or content of the page, whichever there is first, is held against the tick before; and
    an incremental resource whose newest cursor is materialized already, by whatever run, is left alone.

    Resources without parents and partitions can be watched. What fans out from them runs along with them; a partition
    runs when its time comes (schedule).

    Args:
        config: The config of the assets.
        name: The source's name, as for ``build_rest_assets``.
        resources: The resources to watch; all that can be watched if None.
        dataset: The DuckDB schema; ``name`` if None.
        translator: The translator of the assets, if they have one.
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
    watched = _watched(config, name=name, resources=resources, dataset=dataset or name, translator=translator)
    own_name = sensor_name or f"{normalize(name)}_polling_sensor"
    keys = {key for one in watched for key in one.selection}

    @dg.sensor(
        name=own_name,
        target=dg.AssetSelection.assets(*keys),
        required_resource_keys={name},
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
        description=f"Asks {name} for changes: {', '.join(one.asset.plan.name for one in watched)}.",
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
) -> list[Watched]:
    from dagster_rest.config.errors import problem_error

    source = plan_source(config, name=name)
    chosen = translator or DagsterRestTranslator()
    props = resource_props(source, dataset=dataset, partitions_def=None)
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
            f"a polling sensor cannot watch {', '.join(unknown) or 'any resource of this config'}",
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
    from dagster_rest.config.models import RetryConfig
    from dagster_rest.http import RestClient

    with RestClient.from_config(rest.client_config(), retry=RetryConfig(attempts=1), timeout=REQUEST_SECONDS) as client:
        yield client


def _tick(
    context: dg.SensorEvaluationContext,
    watched: Sequence[Watched],
    *,
    client: "RestClient",
    sensor: str,
    clock: Callable[[], float],
) -> dg.SensorResult:
    remembered, first = _read_cursor(context.cursor)
    first %= len(watched)
    changed: list[dg.AssetKey] = []
    reasons: list[str] = []
    deadline, asked = clock() + TICK_SECONDS, 0
    for one in [*watched[first:], *watched[:first]]:
        if asked and clock() >= deadline:
            reasons.append(f"{len(watched) - asked} resources are asked in the next tick")
            break
        asked += 1
        resource = one.asset.plan.name
        try:
            probe = _probe(context.instance, one.asset, client=client, before=remembered.get(resource, {}))
        except Exception as error:  # noqa: BLE001 - one resource that fails must not keep the others from being seen
            reasons.append(f"{resource}: could not be asked ({client.redactor.redact(str(error))})")
            context.log.warning(reasons[-1])
            continue
        remembered[resource] = dict(probe.remembered)
        reasons.append(f"{resource}: {probe.reason}")
        if probe.changed:
            changed += [key for key in one.selection if key not in changed]
    cursor = {"version": CURSOR_VERSION, "next": (first + asked) % len(watched), "resources": remembered}
    return dg.SensorResult(
        # No run key: it would be held against every run the sensor ever asked for, and an old ETag may come back.
        run_requests=[dg.RunRequest(asset_selection=changed, tags={SENSOR_TAG: sensor})] if changed else [],
        skip_reason=None if changed else dg.SkipReason("; ".join(reasons)),
        cursor=json.dumps(cursor, sort_keys=True),
    )


def _read_cursor(text: str | None) -> tuple[dict[str, dict[str, str]], int]:
    """What earlier ticks remembered, and with which resource to begin; nothing if it cannot be read."""
    try:
        stored = json.loads(text or "{}")
        if stored["version"] != CURSOR_VERSION:
            return {}, 0
        return {str(name): dict(known) for name, known in stored["resources"].items()}, int(stored["next"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}, 0


def _probe(instance: dg.DagsterInstance, asset: RestAsset, *, client: "RestClient", before: Mapping[str, str]) -> Probe:
    materialized = _materialized_cursor(instance, asset)
    request = asset.plan.request.render(incremental=_incremental_values(asset, materialized))
    url = _digest(repr((request.method, request.path, request.params, request.json, request.data)).encode())
    # An ETag belongs to its URL, and the URL moves with the cursor.
    known = before if before.get("request") == url else {}
    response = _ask(asset, request, client=client, known=known)
    if response.status_code == 304:
        return Probe(changed=False, remembered=before, reason="304 Not Modified")
    response.raise_for_status()
    records = _records(asset, response)
    found = {"request": url, **_evidence(response, records)}
    if _shows_what_is_new(asset):
        newest = _newest_cursor(asset, records)
        if newest is not None:
            found["newest"] = newest.value
        if materialized is not None and (newest is None or not _is_after(asset, newest, materialized)):
            return Probe(changed=False, remembered=found, reason=f"the cursor {materialized.value} is materialized")
    kind = next((kind for kind in _WORDS if kind in found and kind in known), None)
    if kind is None:
        return Probe(changed=True, remembered=found, reason="asked for the first time")
    same = found[kind] == known[kind]
    return Probe(
        changed=not same, remembered=found, reason=f"{_WORDS[kind]} {'is the same' if same else 'has changed'}"
    )


_WORDS: Mapping[str, str] = {
    "etag": "the ETag",
    "last_modified": "the Last-Modified date",
    "newest": "the newest cursor",
    "content": "the first page",
}


def _incremental_values(asset: RestAsset, materialized: "CursorState | None") -> Mapping[str, Any]:
    from dagster_rest.assets.incremental import Bounds, start_value
    from dagster_rest.assets.ranges import template_values

    incremental = asset.plan.incremental
    if incremental is None:
        return {}
    return template_values(incremental, Bounds(start=start_value(incremental, materialized)))


def _ask(
    asset: RestAsset, request: "RequestSpec", *, client: "RestClient", known: Mapping[str, str]
) -> "httpx.Response":
    headers = dict(request.headers)
    if "etag" in known:
        headers["If-None-Match"] = known["etag"]
    elif "last_modified" in known:
        headers["If-Modified-Since"] = known["last_modified"]
    return client.request(
        request.method,
        request.path,
        params=request.params,
        headers=headers,
        json=request.json,
        data=request.data,
        auth=asset.plan.auth,
    )


def _records(asset: RestAsset, response: "httpx.Response") -> list[Any]:
    from dagster_rest.http.decoding import decode_json
    from dagster_rest.http.selection import select
    from dagster_rest.warehouse.steps import compile_steps

    plan = asset.plan
    body = decode_json(response.content) if response.content else []
    records = select(plan.data_selector, body).records(body, allow_missing=True)
    return compile_steps(plan.config.processing_steps or [], where=plan.config_path)(records)


def _evidence(response: "httpx.Response", records: list[Any]) -> dict[str, str]:
    named = {"etag": response.headers.get("etag"), "last_modified": response.headers.get("last-modified")}
    found = {kind: value for kind, value in named.items() if value}
    # The records and not the body: many APIs put a time or a request's number beside them.
    return found or {"content": _digest(repr(records).encode())}


def _shows_what_is_new(asset: RestAsset) -> bool:
    """Whether the first page must hold anything new there is."""
    incremental = asset.plan.incremental
    if incremental is None:
        return False
    return bool(asset.plan.request.incremental_attributes) or incremental.row_order == "desc"


def _newest_cursor(asset: RestAsset, records: list[Any]) -> "CursorState | None":
    from dagster_rest.assets.incremental import Bounds, RowFilter

    assert asset.plan.incremental is not None
    rows = RowFilter(asset.plan.incremental, bounds=Bounds(), key=None)
    rows.keep(records)
    return rows.state()


def _is_after(asset: RestAsset, newest: "CursorState", materialized: "CursorState") -> bool:
    from dagster_rest.assets.cursor import from_state, is_before

    assert asset.plan.incremental is not None
    function = asset.plan.incremental.last_value_func
    if callable(function):
        return newest.value != materialized.value
    left, right = (materialized, newest) if function != "min" else (newest, materialized)
    return is_before(from_state(left), from_state(right))


def _materialized_cursor(instance: dg.DagsterInstance, asset: RestAsset) -> "CursorState | None":
    from dagster_rest.assets.event_log import newest_event
    from dagster_rest.warehouse.ledger import CursorState

    event = newest_event(instance, asset_key=asset.key)
    if event is None or event.cursor is None or event.cursor_type is None:
        return None
    return CursorState(value=event.cursor, type=event.cursor_type)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
