"""The polling sensor: when it asks for a run, and when it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest import build_rest_polling_sensor
from dagster_rest.assets.errors import StateError
from dagster_rest.config import ConfigError
from tests.assets.support import Source
from tests.support.server import Reply, Request

ITEMS: dict[str, Any] = {
    "name": "items",
    "endpoint": {"path": "items", "paginator": "single_page"},
    "write_disposition": "replace",
}
NEWEST: dict[str, Any] = {
    "name": "items",
    "primary_key": "id",
    "write_disposition": "merge",
    "endpoint": {
        "path": "items",
        "paginator": "single_page",
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "updated", "initial_value": "2026-01-01T00:00:00Z"},
    },
}


class Poll:
    """Ticks of one sensor, each with the cursor that the one before it left."""

    def __init__(self, source: Source, *resources: Any, **options: Any) -> None:
        self.source = source
        self.config = source.config(*resources)
        source.configure(self.config)
        self.sensor = build_rest_polling_sensor(self.config, name="src", **options)
        self.cursor: str | None = None

    def tick(self) -> Any:
        definitions = dg.Definitions(
            assets=self.source.assets,
            sensors=[self.sensor],
            resources={"src": self.source.rest, "duckdb": DuckDBResource(database=self.source.database)},
        )
        with dg.build_sensor_context(
            instance=self.source.instance,
            cursor=self.cursor,
            definitions=definitions,
            resources={"src": self.source.rest},
        ) as context:
            result = self.sensor.evaluate_tick(context)
        self.cursor = result.cursor
        return result

    def asks(self) -> list[str]:
        """The assets that a tick asks to run."""
        return [key.path[-1] for request in self.tick().run_requests or () for key in request.asset_selection or ()]


def serve_etag(source: Source) -> Callable[[str], None]:
    state = {"etag": "A"}

    @source.api.get("/items")
    def items(request: Request) -> Reply:
        if request.headers.get("if-none-match") == state["etag"]:
            return Reply(status=304)
        return Reply(json=[{"id": 1}], headers={"ETag": state["etag"]})

    def change(etag: str) -> None:
        state["etag"] = etag

    return change


def test_an_etag_that_changes_and_comes_back(source: Source) -> None:
    change = serve_etag(source)
    poll = Poll(source, ITEMS)

    seen = [poll.asks(), poll.asks()]
    change("B")
    seen += [poll.asks(), poll.asks()]
    change("A")
    seen += [poll.asks()]

    assert [["items"], [], ["items"], [], ["items"]] == seen


def test_not_modified_is_the_reason_to_skip(source: Source) -> None:
    serve_etag(source)
    poll = Poll(source, ITEMS)
    poll.tick()

    assert "items: 304 Not Modified" == poll.tick().skip_message


def test_last_modified(source: Source) -> None:
    dates = iter(["Mon, 05 Jan 2026 00:00:00 GMT"] * 2 + ["Tue, 06 Jan 2026 00:00:00 GMT"])

    @source.api.get("/items")
    def items(request: Request) -> Reply:
        return Reply(json=[{"id": 1}], headers={"Last-Modified": next(dates)})

    poll = Poll(source, ITEMS)

    assert [["items"], [], ["items"]] == [poll.asks(), poll.asks(), poll.asks()]
    assert "Mon, 05 Jan 2026 00:00:00 GMT" == source.api.requests[1].headers["if-modified-since"]


def test_without_any_header_the_content_of_the_page_counts(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    poll = Poll(source, ITEMS)
    seen = [poll.asks(), poll.asks()]
    source.api.json("/items", [{"id": 2}])

    assert [["items"], [], ["items"]] == [*seen, poll.asks()]


def test_a_newer_cursor_is_asked_for_from_where_the_last_run_stopped(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "updated": "2026-02-01T00:00:00Z"}])
    assert source.load(NEWEST).success
    poll = Poll(source, NEWEST)
    source.api.json("/items", [{"id": 2, "updated": "2026-02-02T00:00:00Z"}])

    assert ["items"] == poll.asks()
    assert ["2026-02-01T00:00:00Z"] == source.api.requests[-1].query["since"]


def test_a_cursor_that_is_materialized_already_asks_for_no_run(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "updated": "2026-02-01T00:00:00Z"}])
    poll = Poll(source, NEWEST)
    assert source.load(NEWEST).success

    skipped = poll.tick()

    assert [] == (skipped.run_requests or [])
    assert "items: the cursor 2026-02-01T00:00:00Z is materialized" == skipped.skip_message


PAGED: dict[str, Any] = {
    **NEWEST,
    "endpoint": {
        **NEWEST["endpoint"],
        "paginator": {"type": "page_number", "base_page": 1, "total_path": None, "stop_after_empty_page": True},
        "incremental": {"cursor_path": "updated", "initial_value": "2026-01-01"},
    },
}


def serve_days(source: Source, *days: str, etag: bool = False) -> None:
    """Rows of some days in pages of two, oldest first, from `since` on."""

    @source.api.get("/items")
    def items(request: Request) -> Reply:
        rows = [{"id": i, "updated": day} for i, day in enumerate(days) if day >= (request.param("since") or "")]
        begin = 2 * int(request.param("page") or 1) - 2
        return Reply(json=rows[begin : begin + 2], headers={"ETag": "same"} if etag else {})


@pytest.mark.parametrize("etag", [False, True])
@pytest.mark.parametrize("lag", [None, 7])
def test_what_is_new_may_begin_on_a_later_page(source: Source, lag: int | None, etag: bool) -> None:
    incremental = {**PAGED["endpoint"]["incremental"], "lag": lag}
    resource = {**PAGED, "endpoint": {**PAGED["endpoint"], "incremental": incremental}}
    days = ["2026-02-01", "2026-02-02", "2026-02-03", "2026-02-03"]
    serve_days(source, *days, etag=etag)
    assert source.load(resource).success
    poll = Poll(source, resource)
    seen = [poll.asks(), poll.asks()]
    serve_days(source, *days, "2026-02-04", etag=etag)

    assert [[], [], ["items"], []] == [*seen, poll.asks(), poll.asks()]


def test_a_first_page_that_does_not_begin_at_the_cursor_is_held_against_the_tick_before(source: Source) -> None:
    resource = {**NEWEST, "endpoint": {**NEWEST["endpoint"], "params": {"since": "{incremental.initial_value}"}}}
    first = {"id": 1, "updated": "2026-02-01T00:00:00Z"}
    source.api.json("/items", [first])
    assert source.load(resource).success
    poll = Poll(source, resource)
    seen = [poll.asks(), poll.asks()]
    source.api.json("/items", [first, {"id": 2, "updated": "2026-01-02T00:00:00Z"}])

    assert [["items"], [], ["items"]] == [*seen, poll.asks()]


def test_an_empty_page_after_the_cursor_asks_for_no_run(source: Source) -> None:
    times = iter(range(100))

    @source.api.get("/items")
    def items(request: Request) -> Any:
        rows = (
            [] if request.param("since") == "2026-02-01T00:00:00Z" else [{"id": 1, "updated": "2026-02-01T00:00:00Z"}]
        )
        return {"rows": rows, "milliseconds": next(times)}

    assert source.load(NEWEST).success

    assert [[], []] == [(poll := Poll(source, NEWEST)).asks(), poll.asks()]


def test_what_stands_beside_the_records_is_no_change(source: Source) -> None:
    times = iter(range(100))
    source.api.route("GET", "/items")(lambda request: {"items": [{"id": 1}], "milliseconds": next(times)})
    poll = Poll(source, ITEMS)

    assert [["items"], []] == [poll.asks(), poll.asks()]


def test_while_a_run_is_under_way_no_second_one_is_asked_for(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "updated": "2026-02-01T00:00:00Z"}])
    poll = Poll(source, NEWEST)

    assert [["items"], []] == [poll.asks(), poll.asks()]


def test_run_requests_have_no_run_key_and_name_their_sensor(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])

    (request,) = Poll(source, ITEMS).tick().run_requests or []

    assert request.run_key is None
    assert "src_polling_sensor" == request.tags["dagster_rest/sensor"]


def test_what_fans_out_runs_along(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    notes = {"name": "notes", "endpoint": "items/{resources.items.id}/notes"}

    assert ["items", "notes"] == Poll(source, ITEMS, notes).asks()


def test_a_resource_that_fails_keeps_no_other_from_being_seen(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    source.api.route("GET", "/broken")(lambda request: Reply(status=500, json={}))
    poll = Poll(source, "broken", ITEMS)

    assert ["items"] == poll.asks()
    assert 2 == len(source.api.requests)


def test_a_tick_stops_after_forty_seconds_and_the_next_goes_on(source: Source) -> None:
    for name in ("a", "b", "c"):
        source.api.json(f"/{name}", [{"id": 1}])

    def clock() -> Iterator[float]:
        for now in (0, 20, 41, 100, 120, 141):
            yield float(now)

    times = clock()
    poll = Poll(source, "a", "b", "c", clock=lambda: next(times))

    assert [["a", "b"], ["c"]] == [poll.asks(), poll.asks()[:1]]
    assert ["GET /a", "GET /b", "GET /c", "GET /a"] == source.api.targets()


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "[]",
        '{"version": 99}',
        '{"version": 1, "resources": 5}',
        '{"version": 1, "next": 0, "resources": {"items": {"etag": 5}}}',
        '{"version": 1, "next": 1e999, "resources": {}}',
        '{"version": 1, "next": 0, "resources": {"items": {"poll": "p", "at": "soon"}}}',
        '{"version": 1, "next": -7, "resources": {}, "failing": 5}',
    ],
)
def test_a_cursor_that_cannot_be_read_means_starting_over(source: Source, cursor: str) -> None:
    source.api.json("/items", [{"id": 1}])
    poll = Poll(source, ITEMS)
    poll.cursor = cursor

    assert ["items"] == poll.asks()
    assert 1 == json.loads(str(poll.cursor))["version"]


def test_children_and_partitions_cannot_be_watched() -> None:
    config = {
        "client": {"base_url": "https://x.example"},
        "resources": ["items", {"name": "notes", "endpoint": "items/{resources.items.id}/notes"}],
    }

    with pytest.raises(ConfigError) as caught:
        build_rest_polling_sensor(config, name="src", resources=["notes"])

    assert "a polling sensor cannot poll notes" == caught.value.message


def test_secrets_stay_out_of_cursor_and_reasons(source: Source) -> None:
    source.api.route("GET", "/items")(lambda request: Reply(status=401, json={"you sent": request.target}))
    source.api.json("/others", [])
    poll = Poll(source, {**ITEMS, "endpoint": {"path": "items", "params": {"api_key": "hunter2"}}}, "others")

    result = poll.tick()

    assert "hunter2" not in f"{result.skip_message}{result.cursor}"


def test_secrets_stay_out_of_a_tick_that_fails(source: Source) -> None:
    source.api.route("GET", "/items")(lambda request: Reply(status=401, json={"you sent": request.target}))
    poll = Poll(source, {**ITEMS, "endpoint": {"path": "items", "params": {"api_key": "hunter2"}}})

    with pytest.raises(StateError) as caught:
        poll.tick()

    assert "hunter2" not in str(caught.value)


def test_a_tick_in_which_every_resource_fails_has_failed(source: Source) -> None:
    source.api.route("GET", "/a")(lambda request: Reply(status=500, json={}))
    source.api.route("GET", "/b")(lambda request: Reply(status=404, json={}))
    poll = Poll(source, "a", "b")

    with pytest.raises(StateError, match="sensor_no_answer"):
        poll.tick()


def test_what_has_failed_in_an_earlier_tick_fails_the_tick_too(source: Source) -> None:
    for name in ("a", "b"):
        source.api.route("GET", f"/{name}")(lambda request: Reply(status=500, json={}))
    times = iter([0.0, 41.0, 100.0, 141.0, 200.0, 201.0])
    poll = Poll(source, "a", "b", clock=lambda: next(times))
    poll.tick()
    poll.cursor = str(poll.cursor).replace('"failing": ["a"]', '"failing": ["a", "b"]')

    with pytest.raises(StateError):
        poll.tick()
    source.api.json("/a", [])
    source.api.json("/b", [])

    assert ["a", "b"] == sorted(poll.asks())


def finish(source: Source, poll: Poll, *, result: Any) -> bool:
    """Run what a tick asks for."""
    (request,) = result.run_requests
    return source.materialize(tags=request.tags, raise_on_error=False).result.success


def test_a_run_that_failed_is_asked_for_again_though_nothing_has_changed(source: Source) -> None:
    serve_etag(source)
    poll = Poll(source, ITEMS)
    first = poll.tick()
    source.api.route("GET", "/items")(lambda request: Reply(status=400, json={}))
    assert not finish(source, poll, result=first)
    serve_etag(source)

    second = poll.tick()
    assert finish(source, poll, result=second)

    assert [] == poll.asks()


def test_a_run_that_fails_again_is_asked_for_later_and_later(source: Source) -> None:
    serve_etag(source)
    poll = Poll(source, ITEMS)
    asked = []
    for waited in (0, 0, 0, 61, 61, 121):
        stored = json.loads(poll.cursor or "{}")
        for known in stored.get("resources", {}).values():
            known["at"] = repr(float(known["at"]) - waited)
        poll.cursor = json.dumps(stored) if stored else None
        result = poll.tick()
        asked.append(bool(result.run_requests))
        if result.run_requests:
            source.api.route("GET", "/items")(lambda request: Reply(status=400, json={}))
            assert not finish(source, poll, result=result)
            serve_etag(source)

    assert [True, True, False, True, False, True] == asked


def test_a_failed_run_whose_assets_another_run_has_loaded_is_settled(source: Source) -> None:
    serve_etag(source)
    poll = Poll(source, ITEMS)
    first = poll.tick()
    source.api.route("GET", "/items")(lambda request: Reply(status=400, json={}))
    assert not finish(source, poll, result=first)
    serve_etag(source)
    assert source.load(ITEMS).success

    assert [] == poll.asks()


def test_a_run_that_began_before_the_change_settles_nothing(source: Source) -> None:
    serve_etag(source)
    poll = Poll(source, ITEMS)
    first = poll.tick()
    source.api.route("GET", "/items")(lambda request: Reply(status=400, json={}))
    assert not finish(source, poll, result=first)
    serve_etag(source)
    run_id = source.load(ITEMS).run_id
    record = source.instance.get_run_record_by_id(run_id)
    assert record is not None
    assert record.start_time is not None
    # As if the tick had come while that run was at work, after its request.
    stored = json.loads(poll.cursor or "")
    stored["resources"]["items"]["at"] = repr(record.start_time + 0.001)
    poll.cursor = json.dumps(stored)

    assert ["items"] == poll.asks()


def test_a_run_that_nobody_has_ever_seen_is_asked_for_again(source: Source) -> None:
    serve_etag(source)
    poll = Poll(source, ITEMS)
    poll.tick()
    stored = json.loads(str(poll.cursor))
    stored["resources"]["items"]["at"] = "1000.0"
    poll.cursor = json.dumps(stored)

    assert ["items"] == poll.asks()


def test_response_actions_hold_as_for_a_load(source: Source) -> None:
    source.api.route("GET", "/items")(lambda request: Reply(status=404, json={}))
    ignoring = {
        **ITEMS,
        "endpoint": {**ITEMS["endpoint"], "response_actions": [{"status_code": 404, "action": "ignore"}]},
    }
    poll = Poll(source, ignoring)

    first, second = poll.tick(), poll.tick()
    source.api.json("/items", [{"id": 1}])

    assert (True, "items: the first page is the same") == (bool(first.run_requests), second.skip_message)
    assert ["items"] == poll.asks()


def test_a_response_that_an_action_refuses_is_no_change(source: Source) -> None:
    source.api.json("/items", {"error": "later", "items": []})
    source.api.json("/others", [])
    failing = {**ITEMS, "endpoint": {**ITEMS["endpoint"], "response_actions": [{"content": "later", "action": "fail"}]}}

    assert ["others"] == Poll(source, failing, "others").asks()


def test_an_etag_goes_to_no_other_base_url(source: Source) -> None:
    serve_etag(source)
    poll = Poll(source, ITEMS)
    poll.tick()
    moved = {**poll.config, "client": {"base_url": f"{source.api.url}/v2"}}
    source.api.json("/v2/items", [{"id": 2}])
    source.configure(moved)
    poll.sensor = build_rest_polling_sensor(moved, name="src")

    assert ["items"] == poll.asks()
    assert "if-none-match" not in source.api.requests[-1].headers


def test_not_modified_of_another_place_after_a_redirect_is_no_answer(source: Source) -> None:
    target = {"to": "/one"}
    source.api.route("GET", "/items")(
        lambda request: Reply(status=302, headers={"Location": f"{source.api.url}{target['to']}"})
    )
    for place in ("one", "two"):

        @source.api.get(f"/{place}")
        def items(request: Request, place: str = place) -> Reply:
            if request.headers.get("if-none-match") == "1":
                return Reply(status=304)
            return Reply(json=[{"place": place}], headers={"ETag": "1"})

    poll = Poll(source, ITEMS)
    seen = [poll.asks(), poll.asks()]
    target["to"] = "/two"
    seen += [poll.asks()]

    assert [["items"], [], ["items"]] == seen
    assert "if-none-match" not in source.api.requests[-1].headers


def test_a_post_is_not_conditional(source: Source) -> None:
    source.api.route("POST", "/items")(lambda request: Reply(json=[{"id": 1}], headers={"ETag": "A"}))
    posting = {**ITEMS, "endpoint": {**ITEMS["endpoint"], "method": "POST", "json": {"q": 1}}}
    poll = Poll(source, posting)

    assert [["items"], []] == [poll.asks(), poll.asks()]
    assert "if-none-match" not in source.api.requests[-1].headers


def test_an_etag_that_cannot_be_sent_back_is_left_alone(source: Source) -> None:
    source.api.route("GET", "/items")(lambda request: Reply(json=[{"id": 1}], headers={"ETag": "\u00e9"}))
    poll = Poll(source, ITEMS)

    assert [["items"], []] == [poll.asks(), poll.asks()]


def test_partitions_that_the_factory_gives_cannot_be_watched(source: Source) -> None:
    days = dg.DailyPartitionsDefinition(start_date="2026-01-01")
    items = {**ITEMS, "endpoint": {**ITEMS["endpoint"], "params": {"day": "{partition.key}"}}}

    with pytest.raises(ConfigError, match="cannot poll"):
        build_rest_polling_sensor(source.config(items), name="src", partitions_def=days)


def test_a_row_dated_2099_is_not_new_again_and_again(source: Source) -> None:
    newest = {"id": 1, "updated": "2026-02-01T00:00:00Z"}
    source.api.json("/items", [newest, {"id": 2, "updated": "2099-01-01T00:00:00Z"}])
    assert source.load(NEWEST).success

    assert "items: the cursor 2026-02-01T00:00:00Z is materialized" == Poll(source, NEWEST).tick().skip_message


def test_the_cursor_of_another_field_is_none(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "updated": "2026-02-01T00:00:00Z", "made": "2026-01-02T00:00:00Z"}])
    assert source.load(NEWEST).success
    endpoint = {**NEWEST["endpoint"], "incremental": {**NEWEST["endpoint"]["incremental"], "cursor_path": "made"}}

    assert ["items"] == Poll(source, {**NEWEST, "endpoint": endpoint}).asks()


def test_one_resource_that_trickles_does_not_take_the_tick(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster_rest.assets.watch import sensor

    monkeypatch.setattr(sensor, "REQUEST_SECONDS", 1.0)
    source.api.route("GET", "/slow")(lambda request: Reply(json=[], delay=3))
    source.api.json("/items", [{"id": 1}])

    result = Poll(source, "slow", ITEMS).tick()

    assert [["items"]] == [[key.path[-1] for key in one.asset_selection or ()] for one in result.run_requests or ()]
    assert ["slow"] == json.loads(str(result.cursor))["failing"]
