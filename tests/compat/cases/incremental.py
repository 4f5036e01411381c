"""E. Incremental: S53 to S62."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.compat.apis import items
from tests.compat.case import Call, Cases, Expect, Runs, Setup, source

CASES = Cases("Incremental")


def since(incremental: dict[str, Any], *, endpoint: dict[str, Any] | None = None, **resource: Any) -> Any:
    """Resource `x` with an incremental at its endpoint."""
    return source({"name": "x", "endpoint": {"incremental": incremental, **(endpoint or {})}, **resource})


def rows_at(*moments: Any) -> list[dict[str, Any]]:
    """Rows with ids from 1 and these values of `at`."""
    return [{"id": number, "at": moment} for number, moment in enumerate(moments, 1)]


DAYS = rows_at("2023-12-31", "2024-01-01", "2024-01-02")
START = {"cursor_path": "at", "initial_value": "2024-01-01", "start_param": "since"}

# The first and the second run -----------------------------------------------------------------------------------

CASES.same(
    "S53",
    "the first run from initial_value, the second from the last value",
    since(START),
    {"/x": DAYS},
    runs=2,
    requests=[["GET /x?since=2024-01-01"], ["GET /x?since=2024-01-02"]],
    rows={"x": 2},
)
CASES.same(
    "S53-new-rows",
    "the second run loads what is new",
    since(START),
    {"/x": Runs(DAYS, [*DAYS, {"id": 4, "at": "2024-01-03"}], [{"id": 5, "at": "2024-01-04"}])},
    runs=3,
    requests=[["GET /x?since=2024-01-01"], ["GET /x?since=2024-01-02"], ["GET /x?since=2024-01-03"]],
    values={"x.id": [2, 3, 4, 5]},
)
CASES.same(
    "S53-no-initial",
    "without initial_value the first run sends nothing",
    since({"cursor_path": "at", "start_param": "since"}),
    {"/x": DAYS},
    runs=2,
    requests=[["GET /x"], ["GET /x?since=2024-01-02"]],
    rows={"x": 3},
)
CASES.same(
    "S53-empty-run",
    "a run without rows keeps the cursor",
    since(START),
    {"/x": Runs(DAYS, [], DAYS)},
    runs=3,
    requests=[["GET /x?since=2024-01-01"], ["GET /x?since=2024-01-02"], ["GET /x?since=2024-01-02"]],
    rows={"x": 2},
)
CASES.same(
    "S53-below",
    "values below the last one do not move it back, and are filtered",
    since(START),
    {"/x": Runs(DAYS, rows_at("2024-01-01", "2023-01-01"), [])},
    runs=3,
    requests=[["GET /x?since=2024-01-01"], ["GET /x?since=2024-01-02"], ["GET /x?since=2024-01-02"]],
    rows={"x": 2},
)
CASES.same(
    "S53-ints",
    "an integer cursor",
    since({"cursor_path": "at", "initial_value": 3, "start_param": "since"}),
    {"/x": Runs(rows_at(1, 3, 10, 7), rows_at(1, 3, 10, 7, 100))},
    runs=3,
    requests=[["GET /x?since=3"], ["GET /x?since=10"], ["GET /x?since=100"]],
    values={"x.at": [3, 7, 10, 100]},
)
CASES.same(
    "S53-floats",
    "a float cursor",
    since({"cursor_path": "at", "initial_value": 0.5, "start_param": "since"}),
    {"/x": rows_at(0.25, 0.5, 2.75)},
    runs=2,
    requests=[["GET /x?since=0.5"], ["GET /x?since=2.75"]],
    values={"x.at": [0.5, 2.75]},
)
CASES.same(
    "S53-timestamps",
    "a date-time cursor is text, compared as text",
    since({"cursor_path": "at", "initial_value": "2024-01-01T00:00:00Z", "start_param": "since"}),
    {"/x": rows_at("2024-01-01T10:00:00Z", "2024-01-01T09:00:00Z")},
    runs=2,
    requests=[["GET /x?since=2024-01-01T00:00:00Z"], ["GET /x?since=2024-01-01T10:00:00Z"]],
    rows={"x": 2},
    types={"x.at": "TIMESTAMP WITH TIME ZONE"},
)
CASES.same(
    "S53-merge",
    "incremental into a merge",
    since(START, primary_key="id", write_disposition="merge"),
    {"/x": Runs(DAYS, [{"id": 2, "at": "2024-01-05"}, {"id": 9, "at": "2024-01-04"}])},
    runs=2,
    requests=[["GET /x?since=2024-01-01"], ["GET /x?since=2024-01-02"]],
    values={"x.id": [2, 3, 9], "x.at": ["2024-01-02", "2024-01-04", "2024-01-05"]},
)
CASES.same(
    "S53-nested-path",
    "the cursor is nested",
    since({"cursor_path": "meta.times[0]", "initial_value": 5, "start_param": "since"}),
    {"/x": [{"id": n, "meta": {"times": [n * 3]}} for n in (1, 2, 3)]},
    runs=2,
    requests=[["GET /x?since=5"], ["GET /x?since=9"]],
    values={"x.id": [2, 3]},
)
CASES.same(
    "S53-min",
    "last_value_func min moves downwards",
    since({"cursor_path": "at", "last_value_func": "min", "start_param": "before", "initial_value": 50}),
    {"/x": Runs(rows_at(60, 40, 30), rows_at(35, 20))},
    runs=3,
    requests=[["GET /x?before=50"], ["GET /x?before=30"], ["GET /x?before=20"]],
    values={"x.at": [20, 30, 40]},
)


def latest_of_two(values: Any) -> Any:
    """A last value function of the user's own."""
    return max(values)


CASES.same(
    "S53-function",
    "last_value_func as a function",
    since({"cursor_path": "at", "last_value_func": latest_of_two, "start_param": "since", "initial_value": 5}),
    {"/x": rows_at(1, 6, 9)},
    runs=2,
    requests=[["GET /x?since=5"], ["GET /x?since=9"]],
)

# The boundary ---------------------------------------------------------------------------------------------------

CHANGED = Runs(
    [{"id": 1, "at": 10, "v": "a"}],
    [{"id": 1, "at": 10, "v": "b"}, {"id": 2, "at": 10, "v": "c"}],
)
CASES.same(
    "S54-no-key",
    "at the boundary, without a key: a changed row is loaded again",
    since({"cursor_path": "at"}),
    {"/x": CHANGED},
    runs=2,
    values={"x.v": ["a", "b", "c"]},
)
CASES.same(
    "S54-key",
    "at the boundary, with a key: a changed row is not loaded again",
    since({"cursor_path": "at"}, primary_key="id"),
    {"/x": CHANGED},
    runs=2,
    values={"x.v": ["a", "c"]},
)
CASES.same(
    "S54-no-deduplication",
    "at the boundary, with an empty key: everything again",
    since({"cursor_path": "at", "primary_key": []}),
    {"/x": CHANGED},
    runs=2,
    values={"x.v": ["a", "b", "c"]},
)
CASES.same(
    "S54-own-key",
    "at the boundary, with a key of the incremental",
    since({"cursor_path": "at", "primary_key": "id"}),
    {"/x": CHANGED},
    runs=2,
    values={"x.v": ["a", "c"]},
)
CASES.same(
    "S54-third-run",
    "the boundary of the run before, not only of the last rows",
    since({"cursor_path": "at"}),
    {
        "/x": Runs(
            [{"id": 1, "at": 10}],
            [{"id": 1, "at": 10}, {"id": 2, "at": 10}],
            [{"id": 1, "at": 10}, {"id": 2, "at": 10}],
        )
    },
    runs=3,
    values={"x.id": [1, 2]},
)
CASES.same(
    "S55-open-start",
    "range_start open: strictly above",
    since({**START, "range_start": "open"}),
    {"/x": Runs(DAYS, [{"id": 7, "at": "2024-01-02"}, {"id": 8, "at": "2024-01-03"}])},
    runs=2,
    requests=[["GET /x?since=2024-01-01"], ["GET /x?since=2024-01-02"]],
    values={"x.id": [3, 8]},
)
for name, ends in {"open": [2], "closed": [2, 3]}.items():
    CASES.same(
        f"S55-end-{name}",
        f"end_value with range_end {name}; the run keeps no state and can be repeated",
        since({**START, "end_value": "2024-01-02", "end_param": "until", "range_end": name}),
        {"/x": [*DAYS, {"id": 4, "at": "2024-01-03"}]},
        runs=2,
        requests=[["GET /x?since=2024-01-01&until=2024-01-02"]] * 2,
        values={"x.id": sorted(ends * 2)},
    )
CASES.same(
    "S55-end-then-open",
    "a run with an end leaves the state of the others alone",
    lambda setup: since({**START, **({"end_value": "2024-01-03"} if setup.run == 1 else {})})(setup),
    {"/x": DAYS},
    runs=3,
    requests=[["GET /x?since=2024-01-01"], ["GET /x?since=2024-01-01"], ["GET /x?since=2024-01-02"]],
    rows={"x": 4},
)
CASES.same(
    "S55-end-without-initial",
    "an error: end_value without initial_value",
    since({"cursor_path": "at", "end_value": "2024-01-02"}),
    {"/x": DAYS},
    error="",
    rows={},
    compare=("tables",),
)
CASES.same(
    "S55-end-below-initial",
    "an error: end_value below initial_value",
    since({"cursor_path": "at", "initial_value": 5, "end_value": 2}),
    {"/x": rows_at(1)},
    error="",
    rows={},
    compare=("tables",),
)

# Missing cursors ------------------------------------------------------------------------------------------------

HOLES = [{"id": 1, "at": 5}, {"id": 2}, {"id": 3, "at": None}, {"id": 4, "at": 7}]
CASES.same("S56-raise", "an error: a row without the cursor", since({"cursor_path": "at"}), {"/x": HOLES}, error="at",
    rows={})  # fmt: skip
for name, ids in {"include": [1, 2, 3, 4], "exclude": [1, 4]}.items():
    CASES.same(
        f"S56-{name}",
        f"rows without the cursor: {name}",
        since({"cursor_path": "at", "on_cursor_value_missing": name, "start_param": "since"}),
        {"/x": Runs(HOLES, [])},
        runs=2,
        requests=[["GET /x"], ["GET /x?since=7"]],
        values={"x.id": ids},
    )

# Lag ------------------------------------------------------------------------------------------------------------

for name, initial, lag, first, second, sent in [
    ("int", 1, 3, rows_at(5, 10), rows_at(7, 6), ["1", "7"]),
    (
        "datetime",
        "2024-01-01T00:00:00Z",
        3600,
        rows_at("2024-01-01T05:00:00Z"),
        rows_at("2024-01-01T04:00:00Z", "2024-01-01T03:59:59Z"),
        ["2024-01-01T00:00:00Z", "2024-01-01T04:00:00Z"],
    ),
    (
        "date",
        "2024-01-01",
        2,
        rows_at("2024-01-10"),
        rows_at("2024-01-08", "2024-01-07"),
        ["2024-01-01", "2024-01-08"],
    ),
    ("clamped", 8, 5, rows_at(10), rows_at(8, 7), ["8", "8"]),
]:
    CASES.same(
        f"S57-{name}",
        f"a lag of {lag} on {name}",
        since({"cursor_path": "at", "initial_value": initial, "lag": lag, "start_param": "since"}),
        {"/x": Runs(first, second, [])},
        runs=3,
        requests=[[f"GET /x?since={sent[0]}"], [f"GET /x?since={sent[1]}"], [f"GET /x?since={sent[1]}"]],
        rows={"x": len(first) + 1},
    )
CASES.same(
    "S57-min",
    "a lag with min moves upwards",
    since(
        {
            "cursor_path": "at",
            "initial_value": 100,
            "last_value_func": "min",
            "lag": 5,
            "start_param": "before",
        }
    ),
    {"/x": Runs(rows_at(50), [])},
    runs=2,
    requests=[["GET /x?before=100"], ["GET /x?before=55"]],
)

# Row order ------------------------------------------------------------------------------------------------------


def pages_of(values: list[int], size: int) -> Any:
    """Pages of rows `{"at": value}` without a total."""

    def answer(call: Call) -> Any:
        start = call.number("page", 0) * size
        return [{"at": value} for value in values[start : start + size]]

    return answer


NO_TOTAL = {"paginator": {"type": "page_number", "total_path": None}}
CASES.same(
    "S58-desc",
    "row_order desc stops after the page with a row below the start",
    since({"cursor_path": "at", "initial_value": 12, "row_order": "desc"}, endpoint=NO_TOTAL),
    {"/x": pages_of(list(range(20, 0, -1)), 3)},
    request_count=4,
    values={"x.at": list(range(12, 21))},
)
CASES.same(
    "S58-asc",
    "row_order asc stops after the page with a row at the end",
    since({"cursor_path": "at", "initial_value": 0, "end_value": 15, "row_order": "asc"}, endpoint=NO_TOTAL),
    {"/x": pages_of(list(range(1, 21)), 3)},
    request_count=5,
    values={"x.at": list(range(1, 15))},
)
CASES.same(
    "S58-none",
    "without row_order all pages are requested",
    since({"cursor_path": "at", "initial_value": 12}, endpoint=NO_TOTAL),
    {"/x": pages_of(list(range(20, 0, -1)), 3)},
    request_count=8,
    rows={"x": 9},
)

# Placeholders ---------------------------------------------------------------------------------------------------


def to_epoch(value: str) -> int:
    """A date as days since 2024-01-01."""
    return (dt.date.fromisoformat(value) - dt.date(2024, 1, 1)).days


PLAIN = {"cursor_path": "at", "initial_value": "2024-01-01"}
CASES.same(
    "S59-params",
    "the start value in a param",
    since(PLAIN, endpoint={"params": {"q": "at>{incremental.start_value}"}}),
    {"/x": DAYS},
    runs=2,
    requests=[["GET /x?q=at>2024-01-01"], ["GET /x?q=at>2024-01-02"]],
)
CASES.same(
    "S59-headers",
    "the start value in a header",
    since(PLAIN, endpoint={"headers": {"X-Since": "{incremental.start_value}"}}),
    {"/x": DAYS},
    runs=2,
    headers=[{"x-since": "2024-01-01"}, {"x-since": "2024-01-02"}],
)
CASES.same(
    "S59-json",
    "the start value in json, with its type",
    since(
        {"cursor_path": "at", "initial_value": 3},
        endpoint={
            "method": "POST",
            "json": {"f": {"gte": "{incremental.start_value}"}, "t": "v{incremental.last_value}"},
        },
    ),
    {"POST /x": rows_at(4, 9)},
    runs=2,
    bodies=[{"json": {"f": {"gte": 3}, "t": "v3"}}, {"json": {"f": {"gte": 9}, "t": "v9"}}],
)
CASES.same(
    "S59-data",
    "the start value in form data",
    since(PLAIN, endpoint={"method": "POST", "data": {"since": "{incremental.start_value}"}}),
    {"POST /x": DAYS},
    runs=2,
    bodies=[{"form": [["since", "2024-01-01"]]}, {"form": [["since", "2024-01-02"]]}],
)
CASES.same(
    "S59-path",
    "the start value in the path",
    since(PLAIN, endpoint={"path": "since/{incremental.start_value}/x"}),
    {"/since/{day}/x": DAYS},
    runs=2,
    requests=[["GET /since/2024-01-01/x"], ["GET /since/2024-01-02/x"]],
    rows={"x": 2},
)
CASES.same(
    "S59-convert",
    "convert is applied to what is sent, not to what is kept",
    since(
        {
            **PLAIN,
            "convert": to_epoch,
            "start_param": "since",
            "end_value": "2024-02-01",
            "end_param": "until",
        },
        endpoint={"params": {"p": "{incremental.initial_value}"}},
    ),
    {"/x": DAYS},
    requests=["GET /x?p=0&since=0&until=31"],
    rows={"x": 2},
)
CASES.same(
    "S59-convert-second-run",
    "convert on the second run's start",
    since({**PLAIN, "convert": to_epoch, "start_param": "since"}),
    {"/x": DAYS},
    runs=2,
    requests=[["GET /x?since=0"], ["GET /x?since=1"]],
)
CASES.same(
    "S59-initial",
    "initial_value stays what it was on the second run",
    since(PLAIN, endpoint={"params": {"i": "{incremental.initial_value}", "s": "{incremental.start_value}"}}),
    {"/x": DAYS},
    runs=2,
    requests=[["GET /x?i=2024-01-01&s=2024-01-01"], ["GET /x?i=2024-01-01&s=2024-01-02"]],
)
CASES.differs(
    "S59-unset-end",
    "end_value in a param, and there is no end",
    since(PLAIN, endpoint={"params": {"until": "{incremental.end_value}", "q": "a"}}),
    {"/x": DAYS},
    row="unset placeholder (`{incremental.end_value}`)",
    dlt=Expect(requests=["GET /x?q=a&until=None"]),
    ours=Expect(requests=["GET /x?q=a"], rows={"x": 2}),
)
CASES.differs(
    "S59-unset-start",
    "start_value in a param on the first run without initial_value",
    since({"cursor_path": "at"}, endpoint={"params": {"since": "{incremental.start_value}"}}),
    {"/x": DAYS},
    row="unset placeholder (`{incremental.end_value}`)",
    runs=2,
    dlt=Expect(requests=[["GET /x?since=None"], ["GET /x?since=2024-01-02"]]),
    ours=Expect(requests=[["GET /x"], ["GET /x?since=2024-01-02"]], rows={"x": 3}),
)
CASES.differs(
    "S59-unset-in-path",
    "an unset placeholder in the path",
    since({"cursor_path": "at"}, endpoint={"path": "since/{incremental.start_value}/x"}),
    {"/since/{day}/x": DAYS},
    row="unset placeholder (`{incremental.end_value}`)",
    dlt=Expect(requests=["GET /since/None/x"], rows={"x": 3}),
    ours=Expect(requests=[], error="config_unset_placeholder", rows={}),
)
CASES.same(
    "S59-paged",
    "the start value stays the same for all pages of a run",
    since(
        {"cursor_path": "at", "initial_value": 0, "start_param": "since"},
        endpoint={"paginator": {"type": "page_number", "total_path": None, "maximum_page": 3}},
    ),
    {"/x": pages_of([1, 2, 3], 1)},
    unordered=True,
    requests=["GET /x?page=0&since=0", "GET /x?page=1&since=0", "GET /x?page=2&since=0"],
    rows={"x": 3},
)

# Children -------------------------------------------------------------------------------------------------------


def child_since(pages: int) -> Any:
    """Parents on `pages` pages, a child with an incremental."""
    paginator = {"type": "page_number", "total_path": None, "maximum_page": pages}
    return source(
        {"name": "p", "endpoint": {"paginator": paginator}},
        {
            "name": "c",
            "endpoint": {
                "path": "c/{resources.p.id}/z",
                "incremental": {"cursor_path": "at", "initial_value": 4, "start_param": "since"},
            },
        },
    )


CHILD_ROWS = {"0": 30, "1": 20, "2": 10}
CASES.same(
    "S60-one-page",
    "a child with an incremental, parents on one page",
    child_since(1),
    {"/p": [{"id": n} for n in range(3)], "/c/{id}/z": lambda call: [{"at": CHILD_ROWS[call.params["id"]]}]},
    unordered=True,
    requests=["GET /p?page=0", *(f"GET /c/{n}/z?since=4" for n in range(3))],
    values={"c.at": [10, 20, 30]},
)
CASES.differs(
    "S60",
    "a child with an incremental, parents on three pages",
    child_since(3),
    {
        "/p": lambda call: [{"id": call.number("page", 0)}] if call.number("page", 0) < 3 else [],
        "/c/{id}/z": lambda call: [{"at": CHILD_ROWS[call.params["id"]]}],
    },
    row="child with incremental, several parents (S60)",
    unordered=True,
    dlt=Expect(
        requests=[
            *(f"GET /p?page={n}" for n in range(3)),
            "GET /c/0/z?since=4",
            "GET /c/1/z?since=30",
            "GET /c/2/z?since=30",
        ],
        values={"c.at": [30]},
    ),
    ours=Expect(
        requests=[*(f"GET /p?page={n}" for n in range(3)), *(f"GET /c/{n}/z?since=4" for n in range(3))],
        values={"c.at": [10, 20, 30]},
    ),
)
CASES.differs(
    "S60-second-run",
    "the second run of a child with an incremental",
    child_since(1),
    {
        "/p": [{"id": n} for n in range(3)],
        "/c/{id}/z": Runs(
            lambda call: [{"at": CHILD_ROWS[call.params["id"]]}],
            lambda call: [{"at": CHILD_ROWS[call.params["id"]] + 5}],
        ),
    },
    row="child with incremental, several parents (S60)",
    runs=2,
    unordered=True,
    dlt=Expect(values={"c.at": [10, 20, 30, 35]}),
    ours=Expect(
        requests=[
            ["GET /p?page=0", *(f"GET /c/{n}/z?since=4" for n in range(3))],
            ["GET /p?page=0", *(f"GET /c/{n}/z?since={CHILD_ROWS[str(n)]}" for n in range(3))],
        ],
        values={"c.at": [10, 15, 20, 25, 30, 35]},
    ),
)
CASES.same(
    "S60-incremental-parent",
    "an incremental parent passes on only its new rows",
    source(
        {"name": "p", "endpoint": {"incremental": {"cursor_path": "at", "initial_value": 0}}},
        {"name": "c", "endpoint": "c/{resources.p.id}/z"},
    ),
    {"/p": Runs(rows_at(1, 2), rows_at(1, 2, 3)), "/c/{id}/z": items(1)},
    runs=2,
    unordered=True,
    requests=[["GET /p", "GET /c/1/z", "GET /c/2/z"], ["GET /p", "GET /c/3/z"]],
    rows={"p": 3, "c": 3},
)

# Old forms ------------------------------------------------------------------------------------------------------

CASES.same(
    "S61-params",
    "the old form in params",
    source(
        {
            "name": "x",
            "endpoint": {
                "params": {
                    "since": {"type": "incremental", "cursor_path": "at", "initial_value": "2024-01-01"},
                    "q": 1,
                }
            },
        }
    ),
    {"/x": DAYS},
    runs=2,
    requests=[["GET /x?q=1&since=2024-01-01"], ["GET /x?q=1&since=2024-01-02"]],
    rows={"x": 2},
)
CASES.same(
    "S61-convert",
    "the old form with convert",
    source(
        {
            "name": "x",
            "endpoint": {
                "params": {
                    "since": {
                        "type": "incremental",
                        "cursor_path": "at",
                        "initial_value": "2024-01-01",
                        "convert": to_epoch,
                    }
                }
            },
        }
    ),
    {"/x": DAYS},
    runs=2,
    requests=[["GET /x?since=0"], ["GET /x?since=1"]],
)
_OLD = {"type": "incremental", "cursor_path": "at", "initial_value": 1}
for name, params in {
    "two": {"a": _OLD, "b": _OLD},
    "end-value": {"a": {**_OLD, "end_value": 5}},
}.items():
    CASES.same(
        f"S61-{name}",
        f"an error: the old form, {name}",
        source({"name": "x", "endpoint": {"params": params}}),
        {"/x": DAYS},
        error="",
        requests=[],
        rows={},
    )
CASES.same(
    "S61-transform",
    "the old form with convert by its old name transform",
    source(
        {
            "name": "x",
            "endpoint": {"params": {"since": {"type": "incremental", **PLAIN, "transform": to_epoch}}},
        }
    ),
    {"/x": DAYS},
    requests=["GET /x?since=0"],
)
CASES.differs(
    "S62",
    "an incremental without cursor_path",
    since({"initial_value": "2024-01-01", "start_param": "since"}),
    {"/x": DAYS},
    row="`incremental` without `cursor_path`",
    dlt=Expect(requests=["GET /x"], rows={"x": 3}),
    ours=Expect(requests=[], error="cursor_path", rows={}),
)
CASES.same(
    "S59-mixed-types",
    "an error: the cursor changes its type",
    since({"cursor_path": "at", "initial_value": 5}),
    {"/x": rows_at("2024-01-01")},
    error="",
    rows={},
)


def datetime_initial(setup: Setup) -> dict[str, Any]:
    """A datetime as initial value beside text in the rows."""
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    return since({"cursor_path": "at", "initial_value": moment})(setup)


CASES.differs(
    "S59-datetime-initial",
    "a datetime as initial_value beside text in the rows",
    datetime_initial,
    {"/x": rows_at("2023-12-31T00:00:00Z", "2024-01-02T00:00:00Z")},
    row="a datetime as `initial_value` beside text in the rows",
    dlt=Expect(error="IncrementalCursorInvalidCoercion"),
    ours=Expect(values={"x.id": [2]}),
)
CASES.same(
    "S53-crash",
    "a run that fails does not advance the cursor",
    since(START, endpoint={"paginator": {"type": "page_number", "total_path": None, "maximum_page": 2}}),
    {
        "/x": Runs(
            lambda call: rows_at("2024-01-05") if call.number("page", 0) == 0 else {"data": "broken", "x": [1]},
            lambda call: rows_at("2024-01-05") if call.number("page", 0) == 0 else [],
        )
    },
    runs=2,
    unordered=True,
    requests=[
        ["GET /x?page=0&since=2024-01-01", "GET /x?page=1&since=2024-01-01"],
        ["GET /x?page=0&since=2024-01-01", "GET /x?page=1&since=2024-01-01"],
    ],
    error="at",
    compare=("requests",),
)
CASES.same(
    "S58-child",
    "row_order has no effect on children",
    source(
        "p",
        {
            "name": "c",
            "endpoint": {
                "path": "c/{resources.p.id}/z",
                "paginator": {"type": "page_number", "total_path": None},
                "incremental": {"cursor_path": "at", "initial_value": 12, "row_order": "desc"},
            },
        },
    ),
    {"/p": [{"id": 1}], "/c/{id}/z": pages_of(list(range(20, 0, -1)), 3)},
    unordered=True,
    request_count=9,
    values={"c.at": list(range(12, 21))},
)
CASES.same(
    "S57-second-lag",
    "a lag with a merge: the rows of the overlap are loaded again and stay single",
    since(
        {"cursor_path": "at", "initial_value": 0, "lag": 5, "start_param": "since"},
        primary_key="id",
        write_disposition="merge",
    ),
    {"/x": Runs(rows_at(5, 10), [{"id": 2, "at": 8, "v": "changed"}, {"id": 3, "at": 12}], [])},
    runs=3,
    requests=[["GET /x?since=0"], ["GET /x?since=5"], ["GET /x?since=7"]],
    values={"x.id": [1, 2, 3], "x.at": [5, 8, 12]},
)
