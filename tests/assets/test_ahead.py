"""Rows ahead of the cursor: loaded once, and the cursor stays where the next run loses nothing."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_rest.assets.cursor import ahead as ahead_module
from dagster_rest.assets.cursor.ahead import AheadRows
from dagster_rest.assets.cursor.reach import Reach
from dagster_rest.assets.cursor.row_filter import Bounds, RowFilter, start_value
from dagster_rest.assets.errors import CursorError
from dagster_rest.assets.model.run_config import RestRunConfig
from dagster_rest.config.model.incremental import IncrementalConfig
from dagster_rest.warehouse.state.load_row import CursorState
from tests.assets.support import Source, checks_of, metadata_of
from tests.support.server import Request

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
OLD, NEW, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"
ABSURD = "2099-01-01T00:00:00Z"


def events(**incremental: Any) -> dict[str, Any]:
    disposition = incremental.pop("write_disposition", "append")
    return {
        "name": "events",
        "write_disposition": disposition,
        "primary_key": "id",
        "endpoint": {
            "path": "events",
            "paginator": "single_page",
            "params": {"since": "{incremental.start_value}"},
            "incremental": {"cursor_path": "at", "initial_value": "2025-01-01T00:00:00Z", **incremental},
        },
    }


def serve(source: Source, *rows: tuple[int, Any]) -> None:
    """The API has these rows, and gives those from `since` on."""
    records = [{"id": number, "at": at} for number, at in rows]

    @source.api.get("/events")
    def items(request: Request) -> Any:
        since = request.query.get("since", [""])[0]
        return [record for record in records if str(record["at"]) >= since]


def test_a_row_dated_2099_is_loaded_once_and_nothing_after_it_is_lost(source: Source) -> None:
    serve(source, (1, OLD), (2, ABSURD))
    first = source.load(events())
    serve(source, (1, OLD), (2, ABSURD), (3, NEW))
    second = source.load(events())
    serve(source, (1, OLD), (2, ABSURD), (3, NEW), (4, LATER))
    third = source.load(events())

    assert [1, 2, 3, 4] == source.rows("events", "id")
    cursors = [metadata_of(run, "events")["dagster_rest/cursor"] for run in (first, second, third)]
    assert [OLD, NEW, LATER] == cursors


def test_a_warning_names_the_row(source: Source) -> None:
    serve(source, (1, OLD), (2, ABSURD))

    (found,) = [one for one in source.load(events()).get_asset_check_evaluations() if one.check_name == "rows_ahead"]

    assert (False, dg.AssetCheckSeverity.WARN) == (found.passed, found.severity)
    assert f"id 2 at {ABSURD}" in str(found.description)


def test_it_warns_for_as_long_as_the_api_sends_the_row(source: Source) -> None:
    serve(source, (1, OLD), (2, ABSURD))
    source.load(events())
    again = source.load(events())
    serve(source, (1, OLD))
    gone = source.load(events())

    assert (False, True) == (checks_of(again)["rows_ahead"], checks_of(gone)["rows_ahead"])


def test_without_a_limit_the_cursor_goes_anywhere(source: Source) -> None:
    serve(source, (1, OLD), (2, ABSURD))

    result = source.load(events(max_future=None))

    assert ABSURD == metadata_of(result, "events")["dagster_rest/cursor"]
    assert "rows_ahead" not in checks_of(result)


def test_a_tolerance_of_ones_own(source: Source) -> None:
    soon = (datetime.now(timezone.utc) + timedelta(days=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    serve(source, (1, OLD), (2, soon))

    assert soon == metadata_of(source.load(events(max_future="30d")), "events")["dagster_rest/cursor"]


def test_nothing_but_rows_ahead(source: Source) -> None:
    serve(source, (2, ABSURD))
    source.load(events())
    serve(source, (1, OLD), (2, ABSURD))
    source.load(events())

    assert [1, 2] == source.rows("events", "id")


def test_nothing_but_rows_ahead_and_no_initial_value(source: Source) -> None:
    config = events(initial_value=None)
    serve(source, (2, ABSURD))
    source.load(config)
    serve(source, (1, OLD), (2, ABSURD))
    source.load(config)

    assert [1, 2] == source.rows("events", "id")


def test_a_merge_takes_a_row_ahead_again_when_it_has_changed(source: Source) -> None:
    config = events(write_disposition="merge")
    source.api.json("/events", [{"id": 1, "at": OLD}, {"id": 2, "at": ABSURD, "n": 1}])
    source.load(config)
    source.api.json("/events", [{"id": 1, "at": OLD}, {"id": 2, "at": ABSURD, "n": 2}])
    changed = source.load(config)
    same = source.load(config)

    assert [(1, None), (2, 2)] == source.rows("events", "id", "n")
    loaded = [metadata_of(run, "events")["dagster_rest/rows_loaded"] for run in (changed, same)]
    assert [1, 0] == loaded


def test_with_lag_too(source: Source) -> None:
    serve(source, (1, OLD), (2, ABSURD))
    source.load(events(lag=3600))
    serve(source, (1, OLD), (2, ABSURD), (3, NEW))
    source.load(events(lag=3600))

    assert 1 == source.rows("events", "id").count(2)
    assert 3 in source.rows("events", "id")


def test_newest_first(source: Source) -> None:
    serve(source, (2, ABSURD), (1, OLD))
    source.load(events(row_order="desc"))
    serve(source, (2, ABSURD), (3, NEW), (1, OLD))
    source.load(events(row_order="desc"))

    assert [1, 2, 3] == source.rows("events", "id")


def test_each_parent_has_its_own(source: Source) -> None:
    source.api.json("/shops", [{"id": "a"}, {"id": "b"}])
    rows = {"a": [{"id": 1, "at": OLD}, {"id": 2, "at": ABSURD}], "b": [{"id": 3, "at": NEW}]}
    for shop in rows:
        source.api.route("GET", f"/shops/{shop}/events")(lambda request, shop=shop: list(rows[shop]))
    child = events()
    child["endpoint"] = {**child["endpoint"], "path": "shops/{resources.shops.id}/events"}
    shops = {"name": "shops", "primary_key": "id", "write_disposition": "merge", "endpoint": {"path": "shops"}}
    source.load(shops, child)
    rows["a"].append({"id": 4, "at": NEW})
    rows["b"].append({"id": 5, "at": LATER})

    result = source.load(shops, child)

    assert [1, 2, 3, 4, 5] == source.rows("events", "id")
    assert LATER == metadata_of(result, "events")["dagster_rest/cursor"]


def test_dates_of_tomorrow_are_plausible_and_those_of_next_week_not(source: Source) -> None:
    today = datetime.now(timezone.utc).date()
    tomorrow, next_week = (today + timedelta(days=1)).isoformat(), (today + timedelta(days=7)).isoformat()
    serve(source, (1, tomorrow), (2, next_week))

    result = source.load(events(initial_value="2025-01-01"))

    assert tomorrow == metadata_of(result, "events")["dagster_rest/cursor"]


def test_one_absurd_number(source: Source) -> None:
    config = events(initial_value=None, max_step=1000)
    source.api.json("/events", [{"id": 1, "at": 500}, {"id": 2, "at": 10**18}, {"id": 3, "at": 510}])
    first = source.load(config)
    source.api.json("/events", [{"id": 1, "at": 500}, {"id": 2, "at": 10**18}, {"id": 4, "at": 900}])
    second = source.load(config)

    assert [1, 2, 3, 4] == source.rows("events", "id")
    assert ["510", "900"] == [metadata_of(run, "events")["dagster_rest/cursor"] for run in (first, second)]
    assert not checks_of(second)["rows_ahead"]


def test_numbers_that_a_hint_calls_times(source: Source) -> None:
    config = {**events(initial_value=1_700_000_000), "columns": {"at": {"data_type": "timestamp"}}}
    source.api.json("/events", [{"id": 1, "at": 1_760_000_000}, {"id": 2, "at": 4_070_908_800}])

    assert "1760000000" == metadata_of(source.load(config), "events")["dagster_rest/cursor"]


def test_a_stored_cursor_in_the_future_is_said_and_a_run_from_before_it_mends_it(source: Source) -> None:
    serve(source, (1, OLD), (2, ABSURD))
    source.load(events(max_future=None))
    serve(source, (1, OLD), (2, ABSURD), (3, NEW))
    stuck = source.load(events())
    source.configure(source.config(events()))
    mended = source.materialize(config={"events": RestRunConfig(start_value=NEW)}).result

    assert not checks_of(stuck)["rows_ahead"]
    assert NEW == metadata_of(mended, "events")["dagster_rest/cursor"]
    assert 3 in source.rows("events", "id")


def make(config: IncrementalConfig, known: CursorState | None, **reach: Any) -> RowFilter:
    given = {"now": NOW, "max_future": None, "max_step": None, **reach}
    return RowFilter(
        config,
        bounds=Bounds(start=start_value(config, known)),
        known=known,
        key=("id",),
        ahead=AheadRows(Reach(**given)),
    )


def test_a_load_that_goes_on_remembers_what_lay_ahead_on_its_first_pages() -> None:
    config = IncrementalConfig(cursor_path="at")
    died = make(config, None, max_future=86400.0)
    died.keep([{"id": 2, "at": ABSURD}, {"id": 1, "at": OLD}])
    state = died.state()
    assert state is not None

    resumed = make(config, None, max_future=86400.0)
    resumed.continue_from(state)
    resumed.keep([{"id": 3, "at": NEW}])

    following = make(config, resumed.state(), max_future=86400.0)
    assert [{"id": 4, "at": LATER}] == following.keep(
        [{"id": 2, "at": ABSURD}, {"id": 3, "at": NEW}, {"id": 4, "at": LATER}]
    )
    assert resumed.ahead is not None
    assert 1 == len(resumed.ahead.sent())


@pytest.mark.parametrize("reach", [{"max_step": 10}, {"max_future": 86400.0}])
def test_a_load_that_sees_nothing_forgets_nothing(reach: dict[str, Any]) -> None:
    value = 10**9 if "max_step" in reach else ABSURD
    near = 5 if "max_step" in reach else OLD
    config = IncrementalConfig(cursor_path="at")
    first = make(config, CursorState(value=str(near), type="int" if "max_step" in reach else "str"), **reach)
    first.keep([{"id": 1, "at": value}])
    empty = make(config, first.state(), **reach)
    empty.keep([])

    assert [] == make(config, empty.state(), **reach).keep([{"id": 1, "at": value}])


def test_backwards_the_step_counts_backwards() -> None:
    config = IncrementalConfig(cursor_path="at", last_value_func="min")
    rows = make(config, CursorState(value="1000", type="int"), max_step=10, backwards=True)

    rows.keep([{"id": 1, "at": 995}, {"id": 2, "at": -(10**12)}, {"id": 3, "at": 990}])

    state = rows.state()
    assert state is not None
    assert "990" == state.value


def test_a_gap_that_later_pages_fill_is_none() -> None:
    config = IncrementalConfig(cursor_path="at")
    rows = make(config, CursorState(value="0", type="int"), max_step=10)

    for at in range(100, 0, -5):
        rows.keep([{"id": at, "at": at}])

    state = rows.state()
    assert state is not None
    assert ("100", 1) == (state.value, len(state.boundary))


def test_a_sequence_that_has_jumped_takes_the_cursor_along_but_no_stray_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ahead_module, "MOST_AHEAD", 20)
    rows = make(IncrementalConfig(cursor_path="at"), CursorState(value="0", type="int"), max_step=10)

    rows.keep([{"id": at, "at": at} for at in [10**18, *range(5000, 5100)]])

    state = rows.state()
    assert state is not None
    assert "5099" == state.value


def test_too_many_rows_in_the_future_are_an_error_where_each_must_be_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ahead_module, "MOST_AHEAD", 5)
    rows = make(IncrementalConfig(cursor_path="at"), None, max_future=86400.0)

    with pytest.raises(CursorError, match="cursor_ahead"):
        rows.keep([{"id": n, "at": f"2099-01-{n:02d}"} for n in range(1, 10)])


@pytest.mark.parametrize("absurd", [float("inf"), 10**400, 1e300])
def test_numbers_beyond_all_bounds(absurd: Any) -> None:
    rows = make(IncrementalConfig(cursor_path="at"), CursorState(value="5", type="int"), max_step=10)

    rows.keep([{"id": 1, "at": 7}, {"id": 2, "at": absurd}])

    state = rows.state()
    assert state is not None
    assert "7" == state.value


@pytest.mark.parametrize(
    ("epoch", "late", "absurd"), [(1, 1_780_272_000, 4_070_908_800), (1000, 1_780_272_000_000, 10**400)]
)
def test_numbers_of_seconds_and_of_less(epoch: int, late: int, absurd: int) -> None:
    rows = make(IncrementalConfig(cursor_path="at"), None, max_future=86400.0, epoch=epoch)

    rows.keep([{"id": 1, "at": late}, {"id": 2, "at": absurd}])

    state = rows.state()
    assert state is not None
    assert str(late) == state.value


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**9), times=st.booleans(), backwards=st.booleans())
def test_whatever_comes_in_whatever_order_is_loaded_once(seed: int, times: bool, backwards: bool) -> None:
    """An API that gets rows whose cursor grows, and now and then one that lies far off; asked from the cursor on."""
    chance = random.Random(seed)
    backwards = backwards and not times
    sign = -1 if backwards else 1
    config = IncrementalConfig(cursor_path="at", last_value_func="min" if backwards else "max")
    reach = {"max_future": 86400.0} if times else {"max_step": 50, "backwards": backwards}
    stored: list[dict[str, Any]] = []
    known: CursorState | None = None
    at, loaded = 0, []
    for _ in range(chance.randint(2, 6)):
        for _ in range(chance.randint(0, 8)):
            at += chance.randint(1, 40)
            stray = chance.random() < 0.2 and stored
            place = 10**9 + chance.randint(0, 10**9) if stray else at
            value = f"{NOW + timedelta(seconds=place - 10**6):%Y-%m-%dT%H:%M:%SZ}" if times else sign * place
            stored.append({"id": len(stored), "at": value})
        rows = make(config, known, **reach)
        start = rows.bounds.start
        answer = [one for one in stored if start is None or sign * compare(one["at"], start) >= 0]
        chance.shuffle(answer)
        size = chance.randint(1, 5)
        for first in range(0, len(answer), size):
            loaded += [one["id"] for one in rows.keep(answer[first : first + size])]
        known = rows.state() or known

    assert list(range(len(stored))) == sorted(loaded)


def compare(left: Any, right: Any) -> int:
    return (left > right) - (left < right)
