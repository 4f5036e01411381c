"""Incremental loads: what is asked, what is kept, where the cursor stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagster_rest import RestRunConfig
from dagster_rest.assets.errors import CursorError
from tests.assets.project import Project
from tests.assets.support import Source
from tests.support.server import ApiServer


def events(api: ApiServer, incremental: dict[str, Any], *, endpoint: dict[str, Any] | None = None, **hints: Any) -> Any:
    return {
        "client": {"base_url": api.url, "paginator": "single_page"},
        "resources": [
            {"name": "events", "endpoint": {"path": "events", "incremental": incremental, **(endpoint or {})}, **hints}
        ],
    }


@pytest.fixture
def data(api: ApiServer) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []

    @api.get("/events")
    def serve(request: Any) -> Any:
        return list(rows)

    return rows


def days(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": n, "at": f"2024-01-{n:02d}"} for n in numbers]


def test_the_first_run_starts_at_the_initial_value_and_the_next_at_the_cursor(
    api: ApiServer, data: list[Any], tmp_path: Path
) -> None:
    data += [{"id": 0, "at": "2023-12-31"}, *days(1, 2)]
    config = events(api, {"cursor_path": "at", "initial_value": "2024-01-01", "start_param": "since"})
    project = Project(config, folder=tmp_path)

    project.materialize()
    second = project.materialize()

    assert api.targets() == ["GET /events?since=2024-01-01", "GET /events?since=2024-01-02"]
    assert second.get("events", "rows_loaded") == 0
    assert project.rows("events", "id") == [1, 2]


def test_a_boundary_row_that_changed_is_loaded_again_without_a_key(
    api: ApiServer, data: list[Any], tmp_path: Path
) -> None:
    data += [{"id": 1, "at": 5, "v": "a"}]
    project = Project(events(api, {"cursor_path": "at"}), folder=tmp_path)
    project.materialize()
    data[:] = [{"id": 1, "at": 5, "v": "b"}, {"id": 2, "at": 5, "v": "c"}]

    project.materialize()

    assert project.rows("events", "v") == ["a", "b", "c"]


def test_a_boundary_row_with_a_known_key_is_not_loaded_again_by_append(
    api: ApiServer, data: list[Any], tmp_path: Path
) -> None:
    data += [{"id": 1, "at": 5, "v": "a"}]
    project = Project(events(api, {"cursor_path": "at"}, primary_key="id"), folder=tmp_path)
    project.materialize()
    data[:] = [{"id": 1, "at": 5, "v": "b"}, {"id": 2, "at": 5, "v": "c"}]

    project.materialize()

    assert project.rows("events", "v") == ["a", "c"]


def test_a_boundary_row_that_changed_is_merged(api: ApiServer, data: list[Any], tmp_path: Path) -> None:
    data += [{"id": 1, "at": 5, "v": "a"}]
    project = Project(events(api, {"cursor_path": "at"}, primary_key="id", write_disposition="merge"), folder=tmp_path)
    project.materialize()
    data[:] = [{"id": 1, "at": 5, "v": "b"}]

    changed = project.materialize()
    unchanged = project.materialize()

    assert project.rows("events", "v") == ["b"]
    assert changed.get("events", "rows_loaded") == 1
    assert unchanged.get("events", "rows_loaded") == 0


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"initial_value": 2}, [2, 3, 4, 5]),
        ({"initial_value": 2, "range_start": "open"}, [3, 4, 5]),
        ({"initial_value": 2, "end_value": 4}, [2, 3]),
        ({"initial_value": 2, "end_value": 4, "range_end": "closed"}, [2, 3, 4]),
        ({"initial_value": 4, "last_value_func": "min"}, [1, 2, 3, 4]),
        ({"initial_value": 4, "last_value_func": min}, [1, 2, 3, 4]),
    ],
)
def test_ranges(api: ApiServer, data: list[Any], tmp_path: Path, options: dict[str, Any], kept: list[int]) -> None:
    data += [{"n": n} for n in range(1, 6)]
    project = Project(events(api, {"cursor_path": "n", **options}), folder=tmp_path)

    project.materialize()

    assert kept == project.rows("events", "n")


def test_an_end_value_leaves_no_state_and_repeats(api: ApiServer, data: list[Any], tmp_path: Path) -> None:
    data += [{"n": n} for n in range(1, 6)]
    project = Project(events(api, {"cursor_path": "n", "initial_value": 2, "end_value": 4}), folder=tmp_path)

    project.materialize()
    project.materialize()

    assert project.rows("events", "n") == [2, 2, 3, 3]
    assert project.query("select distinct cursor from _dagster_rest.loads") == [(None,)]


@pytest.mark.parametrize(
    ("first", "lag", "initial", "asked"),
    [
        (10, 3, 0, "7"),
        ("2024-01-02T00:00:00Z", 3600, "2023-01-01T00:00:00Z", "2024-01-01T23%3A00%3A00Z"),
        ("2024-01-05", 2, "2024-01-01", "2024-01-03"),
        ("2024-01-02", 5, "2024-01-01", "2024-01-01"),
    ],
)
def test_lag_asks_for_earlier_rows_again(
    api: ApiServer, data: list[Any], tmp_path: Path, first: Any, lag: int, initial: Any, asked: str
) -> None:
    data += [{"at": first}]
    config = events(api, {"cursor_path": "at", "initial_value": initial, "lag": lag, "start_param": "since"})
    project = Project(config, folder=tmp_path)
    project.materialize()

    run = project.materialize()

    assert api.targets()[-1] == f"GET /events?since={asked}"
    assert run.get("events", "cursor") == str(first)


@pytest.mark.parametrize(("rule", "loaded"), [("include", [1, 2, 3, 4]), ("exclude", [1, 4])])
def test_records_without_a_cursor(
    api: ApiServer, data: list[Any], tmp_path: Path, rule: str, loaded: list[int]
) -> None:
    data += [{"id": 1, "at": 1}, {"id": 2}, {"id": 3, "at": None}, {"id": 4, "at": 4}]
    project = Project(events(api, {"cursor_path": "at", "on_cursor_value_missing": rule}), folder=tmp_path)

    project.materialize()

    assert loaded == project.rows("events", "id")


def test_records_without_a_cursor_are_an_error_by_default(api: ApiServer, data: list[Any], tmp_path: Path) -> None:
    data += [{"id": 1}]

    with pytest.raises(CursorError, match="cursor_missing"):
        Project(events(api, {"cursor_path": "at"}), folder=tmp_path).materialize()


def test_a_cursor_of_another_type_is_an_error(api: ApiServer, data: list[Any], tmp_path: Path) -> None:
    data += [{"at": "x"}]

    with pytest.raises(CursorError, match="cursor_type"):
        Project(events(api, {"cursor_path": "at", "initial_value": 1}), folder=tmp_path).materialize()


def test_date_times_with_other_offsets_compare_as_instants(api: ApiServer, data: list[Any], tmp_path: Path) -> None:
    data += [
        {"id": 1, "at": "2024-01-01T01:30:00+02:00"},
        {"id": 2, "at": "2024-01-01T00:00:00Z"},
        {"id": 3, "at": "2023-12-31T23:59:59.5-01:00"},
    ]
    config = events(api, {"cursor_path": "at", "initial_value": "2024-01-01T00:00:00Z"})
    project = Project(config, folder=tmp_path)

    run = project.materialize()

    assert project.rows("events", "id") == [2, 3]
    assert run.get("events", "cursor") == "2023-12-31T23:59:59.5-01:00"


def test_the_cursor_is_never_moved_back(api: ApiServer, data: list[Any], tmp_path: Path) -> None:
    data += [{"at": 10}]
    project = Project(events(api, {"cursor_path": "at", "lag": 5}), folder=tmp_path)
    project.materialize()
    data[:] = [{"at": 7}]

    run = project.materialize()

    assert run.get("events", "cursor") == "10"


@pytest.mark.parametrize(("order", "start", "end", "requests"), [("desc", 12, None, 4), ("asc", 0, 15, 5)])
def test_ordered_rows_end_early(
    api: ApiServer, tmp_path: Path, order: str, start: int, end: int | None, requests: int
) -> None:
    numbers = list(range(1, 21)) if order == "asc" else list(range(20, 0, -1))
    api.pages("/events", [{"n": n} for n in numbers], size=3, style="page_number")
    incremental = {"cursor_path": "n", "initial_value": start, "row_order": order}
    if end is not None:
        incremental["end_value"] = end
    config = events(
        api,
        incremental,
        endpoint={"paginator": {"type": "page_number", "base_page": 1, "total_path": None}},
    )
    project = Project(config, folder=tmp_path)

    project.materialize()

    assert requests == len(api.requests)


def test_a_nested_cursor_and_convert_and_a_header(api: ApiServer, data: list[Any], tmp_path: Path) -> None:
    data += [{"meta": {"seq": 3}}, {"meta": {"seq": 8}}]
    config = events(
        api,
        {"cursor_path": "meta.seq", "initial_value": 5, "convert": lambda value: f"v{value}"},
        endpoint={"headers": {"X-Since": "{incremental.start_value}"}},
    )
    project = Project(config, folder=tmp_path)

    project.materialize()
    project.materialize()

    assert [request.headers["x-since"] for request in api.requests] == ["v5", "v8"]
    assert project.rows("events", "meta__seq") == [8]


def test_an_unset_end_is_left_out(api: ApiServer, data: list[Any], tmp_path: Path) -> None:
    config = events(
        api,
        {"cursor_path": "n"},
        endpoint={"params": {"a": "{incremental.start_value}", "b": "{incremental.end_value}"}},
    )

    Project(config, folder=tmp_path).materialize()

    assert api.targets() == ["GET /events"]


class TestChildren:
    """A child resource keeps a cursor for each of its parents."""

    def config(self, api: ApiServer, **incremental: Any) -> dict[str, Any]:
        return {
            "client": {"base_url": api.url},
            "resources": [
                {
                    "name": "users",
                    "endpoint": {
                        "path": "users",
                        "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
                    },
                },
                {
                    "name": "orders",
                    "endpoint": {
                        "path": "users/{resources.users.id}/orders",
                        "params": {"since": "{incremental.start_value}"},
                        "paginator": "single_page",
                        "incremental": {"cursor_path": "at", "initial_value": 4, **incremental},
                    },
                },
            ],
        }

    @pytest.fixture
    def orders(self, api: ApiServer) -> dict[str, list[dict[str, Any]]]:
        api.pages("/users", [{"id": 0}, {"id": 1}, {"id": 2}], size=1, style="page_number")
        data = {"0": [{"at": 30}], "1": [{"at": 20}], "2": [{"at": 10}]}

        @api.get("/users/{id}/orders")
        def serve(request: Any) -> Any:
            since = int(request.query["since"][0])
            return [row for row in data[request.path_params["id"]] if row["at"] >= since]

        return data

    def test_several_parent_pages_lose_no_row(self, api: ApiServer, orders: Any, tmp_path: Path) -> None:
        project = Project(self.config(api), folder=tmp_path)

        project.materialize()

        assert [target for target in api.targets() if "orders" in target] == [
            f"GET /users/{n}/orders?since=4" for n in range(3)
        ]
        assert project.rows("orders", "at") == [10, 20, 30]

    def test_each_parent_continues_from_its_own_cursor(self, api: ApiServer, orders: Any, tmp_path: Path) -> None:
        project = Project(self.config(api), folder=tmp_path)
        project.materialize()
        orders["2"].append({"at": 12})
        asked = len(api.requests)

        run = project.materialize("orders")

        assert api.targets()[asked:] == [f"GET /users/{n}/orders?since={s}" for n, s in ((0, 30), (1, 20), (2, 10))]
        assert run.get("orders", "rows_loaded") == 1
        assert run.get("orders", "cursor") == "30"
        assert project.rows("orders", "at") == [10, 12, 20, 30]

    def test_a_shared_state_is_one_cursor_for_all(self, api: ApiServer, orders: Any, tmp_path: Path) -> None:
        project = Project(self.config(api, state="shared"), folder=tmp_path)
        project.materialize()
        asked = len(api.requests)

        project.materialize("orders")

        assert api.targets()[asked:] == [f"GET /users/{n}/orders?since=30" for n in range(3)]
        assert project.rows("orders", "at") == [10, 20, 30]


class TestRunConfig:
    """What a person may say in the launchpad."""

    def test_start_and_end_for_one_run(self, api: ApiServer, data: list[Any], tmp_path: Path) -> None:
        data += [{"n": n} for n in range(1, 10)]
        project = Project(
            events(api, {"cursor_path": "n", "initial_value": 8}, primary_key="n", write_disposition="merge"),
            folder=tmp_path,
        )
        project.materialize()

        run = project.materialize(config={"events": RestRunConfig(start_value=2, end_value=4)})

        assert project.rows("events", "n") == [2, 3, 8, 9]
        assert run.get("events", "cursor") == "9"

    def test_a_limit_samples_and_does_not_move_the_cursor(self, api: ApiServer, tmp_path: Path) -> None:
        api.pages("/events", [{"n": n} for n in range(1, 10)], size=2, style="page_number")
        config = events(
            api,
            {"cursor_path": "n"},
            endpoint={"paginator": {"type": "page_number", "base_page": 1, "total_path": None}},
        )
        project = Project(config, folder=tmp_path)

        run = project.materialize(config={"events": RestRunConfig(limit=2)})

        assert len(api.requests) == 2
        assert run.get("events", "sampled") is True
        assert run.get("events", "cursor") is None
        assert project.rows("events__sample", "n") == [1, 2, 3, 4]


def test_a_merge_by_merge_key_gets_the_whole_of_the_newest_day(source: Source) -> None:
    days: dict[str, Any] = {
        "name": "days",
        "merge_key": "day",
        "write_disposition": "merge",
        "endpoint": {
            "path": "days",
            "paginator": "single_page",
            "incremental": {"cursor_path": "day", "initial_value": "2026-01-01"},
        },
    }
    source.api.json("/days", [{"day": "2026-01-02", "n": 1}, {"day": "2026-01-02", "n": 2}])
    source.load(days)
    source.api.json("/days", [{"day": "2026-01-02", "n": n} for n in (1, 2, 3)])

    source.load(days)

    assert [1, 2, 3] == source.rows("days", "n")


def test_versions_of_rows_at_the_cursor_stay_current(source: Source) -> None:
    prices: dict[str, Any] = {
        "name": "prices",
        "primary_key": "id",
        "write_disposition": {"disposition": "merge", "strategy": "scd2"},
        "merge_key": "day",
        "endpoint": {
            "path": "prices",
            "paginator": "single_page",
            "incremental": {"cursor_path": "day", "initial_value": "2026-01-01"},
        },
    }
    source.api.json("/prices", [{"id": 1, "day": "2026-01-02"}])
    source.load(prices)
    source.api.json("/prices", [{"id": 1, "day": "2026-01-02"}, {"id": 2, "day": "2026-01-02"}])

    source.load(prices)

    assert [(1,), (2,)] == source.query("select id from src.prices where _valid_to is null order by id")
