"""One request that asks whether a resource has anything new."""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets import keys
from dagster_rest.assets.model.asset import RestAsset
from dagster_rest.config.model.paginators import SinglePagePaginatorConfig

if TYPE_CHECKING:
    import httpx

    from dagster_rest.config.request.render import RequestSpec
    from dagster_rest.http import RestClient
    from dagster_rest.warehouse.state.load_row import CursorState

_WORDS: Mapping[str, str] = {
    "etag": "the ETag",
    "last_modified": "the Last-Modified date",
    "newest": "the newest cursor",
    "content": "the first page",
}
_LONGEST_HEADER = 1000
_EVENTS = 100


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What the API said about one resource.

    Args:
        changed: Whether there may be something new.
        remembered: What to compare the next answer with.
        reason: In words.
    """

    changed: bool
    remembered: Mapping[str, str]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The first page of a resource.

    Args:
        response: The response.
        ignored: Whether a response action says that it brings nothing.
        url_digest: Of the URL that answered, after redirects; without the query, which may be a signature.
    """

    response: "httpx.Response"
    ignored: bool
    url_digest: str


def probe(
    instance: dg.DagsterInstance,
    asset: RestAsset,
    *,
    client: "RestClient",
    before: Mapping[str, str],
    timeout: float,
) -> Probe:
    """Ask for the first page of a resource as its next load would, and compare it with what is known.

    Args:
        instance: The Dagster instance; its newest materialization says which cursor is loaded.
        asset: The resource.
        client: The HTTP client of its source.
        before: What the last probe remembered.
        timeout: Seconds that it may take in all.

    Raises:
        RestError: When the API does not play along.
        TimeoutError: When it takes too long.
    """
    deadline = time.monotonic() + timeout
    materialized = materialized_cursor(instance, asset)
    spec = asset.plan.request.render(incremental=_incremental_values(asset, materialized))
    request = _identity(asset, spec, client=client)
    # An ETag belongs to its URL, and the URL moves with the cursor.
    known = before if before.get("request") == request else {}
    answer = _ask(asset, spec, client=client, known=known, timeout=timeout)
    if known.get("answered") not in (None, answer.url_digest):
        # A redirect leads to another URL now: neither its ETag nor its date applies to the old one's.
        known = {kind: known[kind] for kind in ("newest", "content") if kind in known}
        if answer.response.status_code == 304:
            answer = _ask(asset, spec, client=client, known={}, timeout=timeout)
    if answer.response.status_code == 304 and not answer.ignored:
        return Probe(changed=False, remembered=before, reason="304 Not Modified")
    records = [] if answer.ignored else _records(asset, answer.response)
    found = {"request": request, "answered": answer.url_digest, **_evidence(answer, records)}
    if _shows_what_is_new(asset):
        newest = _newest_cursor(asset, records)
        if newest is not None:
            found["newest"] = newest.value
        if materialized is not None and not _is_after(asset, newest, materialized):
            later = None
            if records and not isinstance(asset.plan.paginator, SinglePagePaginatorConfig):
                # New rows may begin on a later page, and then this one's ETag stays as it is.
                found = {name: found[name] for name in found if name not in ("etag", "last_modified")}
                later = _later_cursor(asset, spec, client=client, behind=materialized, deadline=deadline)
            if later is None:
                reason = f"the cursor {materialized.value} is materialized"
                return Probe(changed=False, remembered=found, reason=reason)
            found = {"request": request, "answered": answer.url_digest, "newest": later.value}
    kind = next((kind for kind in _WORDS if kind in found and kind in known), None)
    if kind is None:
        return Probe(changed=True, remembered=found, reason="requested for the first time")
    same = found[kind] == known[kind]
    return Probe(
        changed=not same, remembered=found, reason=f"{_WORDS[kind]} {'is the same' if same else 'has changed'}"
    )


def _identity(asset: RestAsset, spec: "RequestSpec", *, client: "RestClient") -> str:

    url = client.connection.first_request(spec).full_url()
    return digest(repr((asset.plan.fingerprint, spec.method, url, spec.json, spec.data)).encode())


def _incremental_values(asset: RestAsset, materialized: "CursorState | None") -> Mapping[str, Any]:
    from dagster_rest.assets.cursor.range import Bounds, start_value, template_values

    incremental = asset.plan.incremental
    if incremental is None:
        return {}
    # Without the lag: only rows behind the cursor count, and those before it may fill pages.
    incremental = incremental.model_copy(update={"lag": None})
    return template_values(incremental, Bounds(start=start_value(incremental, materialized)))


def _ask(
    asset: RestAsset, spec: "RequestSpec", *, client: "RestClient", known: Mapping[str, str], timeout: float
) -> Answer:
    from dagster_rest.http import FetchOptions

    options = FetchOptions.from_plan(asset.plan)
    connection = client.connection
    request = connection.first_request(spec, headers=options.headers)
    request.headers.update(_conditions(known) if spec.method.upper() == "GET" else {})
    context = connection.context(options, raise_for_status=False).trusting(spec)
    sending = connection.sender.send(request, context)
    try:
        outcome = connection.loop.run(asyncio.wait_for(sending, timeout))
    except asyncio.TimeoutError:
        raise TimeoutError(f"no complete response within {timeout:.0f} s") from None
    if not outcome.ignored and outcome.response.status_code != 304:
        outcome.response.raise_for_status()
    url = outcome.response.request.url.copy_with(query=None)
    return Answer(response=outcome.response, ignored=outcome.ignored, url_digest=digest(str(url).encode()))


def _conditions(known: Mapping[str, str]) -> dict[str, str]:
    if "etag" in known:
        return {"If-None-Match": known["etag"]}
    if "last_modified" in known:
        return {"If-Modified-Since": known["last_modified"]}
    return {}


def _records(asset: RestAsset, response: "httpx.Response") -> list[Any]:
    from dagster_rest.http.parse.json import decode_json
    from dagster_rest.http.parse.records import select

    plan = asset.plan
    body = decode_json(response.content) if response.content else []
    return _processed(asset, select(plan.data_selector, body).records(body, allow_missing=True))


def _processed(asset: RestAsset, records: list[Any]) -> list[Any]:
    from dagster_rest.warehouse.steps.python import compile_steps

    return compile_steps(asset.plan.config.processing_steps or [], where=asset.plan.config_path)(records)


def _later_cursor(
    asset: RestAsset, spec: "RequestSpec", *, client: "RestClient", behind: "CursorState", deadline: float
) -> "CursorState | None":
    """The newest cursor of the first page that has one behind what is materialized, or None if no page has.

    Raises:
        TimeoutError: When there are more pages than there is time for.
    """
    from dagster_rest.http import FetchOptions, FetchUnit

    incremental = asset.plan.incremental
    if incremental is not None and incremental.row_order == "desc":
        return None
    options = FetchOptions.from_plan(asset.plan, prefetch=False)
    for page in client.fetch([FetchUnit(request=spec, index=0)], options=options):
        newest = _newest_cursor(asset, _processed(asset, list(page)))
        if newest is not None and _is_after(asset, newest, behind):
            return newest
        if not page.is_last and time.monotonic() > deadline:
            raise TimeoutError(f"{page.number + 1} pages begin with rows that are materialized already")
    return None


def _evidence(answer: Answer, records: list[Any]) -> dict[str, str]:
    headers = {} if answer.ignored else answer.response.headers
    named = {"etag": headers.get("etag"), "last_modified": headers.get("last-modified")}
    found = {kind: value for kind, value in named.items() if value and _is_sendable(value)}
    # The records and not the body: many APIs put a time or a request's number beside them.
    return {**found, "content": digest(repr(records).encode())}


def _is_sendable(value: str) -> bool:
    """Whether a header's value may be sent back as it is."""
    return value.isascii() and value.isprintable() and len(value) <= _LONGEST_HEADER


def _shows_what_is_new(asset: RestAsset) -> bool:
    """Whether the first pages must show what is new: the request says where they begin, or they begin with it."""
    incremental = asset.plan.incremental
    if incremental is None:
        return False
    begins = {"start_value", "last_value"} & asset.plan.request.incremental_attributes
    return bool(begins) or incremental.row_order == "desc"


def _newest_cursor(asset: RestAsset, records: list[Any]) -> "CursorState | None":
    from datetime import datetime, timezone

    from dagster_rest.assets.cursor.ahead import AheadRows
    from dagster_rest.assets.cursor.limits import limits_of
    from dagster_rest.assets.cursor.range import Bounds
    from dagster_rest.assets.cursor.row_filter import RowFilter

    assert asset.plan.incremental is not None
    limits = limits_of(asset.plan, now=datetime.now(timezone.utc))
    # A load would not take its cursor there either.
    ahead = None if limits is None else AheadRows(limits, growing=False)
    rows = RowFilter(asset.plan.incremental, bounds=Bounds(), key=None, ahead=ahead)
    rows.keep(records)
    return rows.state()


def _is_after(asset: RestAsset, newest: "CursorState | None", materialized: "CursorState") -> bool:
    from dagster_rest.assets.cursor.values import from_state, is_before

    if newest is None:
        return False
    assert asset.plan.incremental is not None
    function = asset.plan.incremental.last_value_func
    if callable(function):
        return newest.value != materialized.value
    left, right = (materialized, newest) if function != "min" else (newest, materialized)
    return is_before(from_state(left), from_state(right))


def materialized_cursor(instance: dg.DagsterInstance, asset: RestAsset) -> "CursorState | None":
    """The cursor of an asset's newest materialization that has one, if it is the cursor of the same field.

    Args:
        instance: The Dagster instance.
        asset: The asset.
    """
    from dagster_rest.warehouse.state.load_row import CursorState

    if asset.plan.incremental is None:
        return None
    for record in instance.fetch_materializations(asset.key, limit=_EVENTS).records:
        # A materialization that a person reported by hand has none.
        metadata = record.asset_materialization.metadata if record.asset_materialization is not None else {}
        value, kind, path = (metadata.get(key) for key in (keys.CURSOR, keys.CURSOR_TYPE, keys.CURSOR_PATH))
        if value is None or kind is None:
            continue
        if path is not None and path.value != str(asset.plan.incremental.cursor_path):
            return None
        return CursorState(value=str(value.value), type=str(kind.value))
    return None


def digest(content: bytes) -> str:
    """A short digest of some content.

    Args:
        content: The content.
    """
    return hashlib.blake2b(content, digest_size=16).hexdigest()
