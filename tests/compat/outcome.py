"""What one side did with a case: failures, requests, tables. And the comparison of two of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.compat.case import Case, Expect
from tests.compat.oracle import Failure
from tests.compat.tables import Warehouse

CHOSEN_HEADERS = ("authorization", "cookie", "content-type")


@dataclass(frozen=True)
class Seen:
    """One request, as far as it is compared."""

    target: str
    """`GET /posts?page=1`, the query decoded and sorted by name."""
    path: str
    """`GET /posts`: the sequence that the request belongs to."""
    body: Any
    headers: Mapping[str, str]

    def key(self) -> str:
        """All that must be equal, as text."""
        return json.dumps([self.target, self.body, self.headers], sort_keys=True)


@dataclass(frozen=True)
class Outcome:
    """One side's runs and the warehouse after the last one."""

    failures: tuple[Failure | None, ...]
    requests: tuple[tuple[Seen, ...], ...]
    warehouse: Warehouse


def seen(request: Any) -> Seen:
    """What is compared of a request of the test server's log."""
    split = urlsplit(request.target) if not request.target.startswith("//") else None
    path, query = (split.path, split.query) if split else (request.target, "")
    pairs = sorted(parse_qsl(query, keep_blank_values=True), key=lambda pair: pair[0])
    # Percent-encoding of characters that need none differs between clients; %2F and the like stay as they are.
    path = "/".join(quote(unquote(part), safe="~!$&'()*+,;=:@-._") for part in path.split("/"))
    text = "&".join(f"{name}={value}" for name, value in pairs)
    return Seen(
        target=f"{request.method} {path}{'?' if text else ''}{text}",
        path=f"{request.method} {path}",
        body=_body(request),
        headers=_headers(request),
    )


def _body(request: Any) -> Any:
    if not request.body:
        return None
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True)
        return {"form": [list(pair) for pair in sorted(pairs, key=lambda pair: pair[0])]}
    try:
        return {"json": json.loads(request.body)}
    except ValueError:
        return {"raw": request.body.decode(errors="replace")}


def _headers(request: Any) -> dict[str, str]:
    wanted = {
        name: value for name, value in request.headers.items() if name in CHOSEN_HEADERS or (name.startswith("x-"))
    }
    if not request.body:
        wanted.pop("content-type", None)
    elif "content-type" in wanted:
        wanted["content-type"] = wanted["content-type"].split(";")[0]
    return wanted


def differences(case: Case, dlt: Outcome, ours: Outcome) -> list[str]:
    """Everything that is not the same, one line each."""
    found = list(_failure_differences(dlt, ours))
    if found:
        return [*found, f"dlt: {dlt.failures}", f"ours: {ours.failures}"]
    if "requests" in case.compare:
        for run, (theirs, own) in enumerate(zip(dlt.requests, ours.requests, strict=True)):
            found += _request_differences(case, run, theirs, own)
    if "tables" in case.compare:
        found += _table_differences(case, dlt.warehouse, ours.warehouse)
    return found


def _failure_differences(dlt: Outcome, ours: Outcome) -> Iterable[str]:
    for run, (theirs, own) in enumerate(zip(dlt.failures, ours.failures, strict=True)):
        if bool(theirs) != bool(own):
            yield f"run {run}: dlt {'fails' if theirs else 'succeeds'}, ours {'fails' if own else 'succeeds'}"


def _request_differences(case: Case, run: int, dlt: Sequence[Seen], ours: Sequence[Seen]) -> Iterable[str]:
    theirs, own = Counter(r.key() for r in dlt), Counter(r.key() for r in ours)
    for key, count in (theirs - own).items():
        yield f"run {run}: request missing ({count}x): {key}"
    for key, count in (own - theirs).items():
        yield f"run {run}: request too many ({count}x): {key}"
    if theirs == own and not case.unordered:
        for path in dict.fromkeys(r.path for r in dlt):
            one, two = [r.key() for r in dlt if r.path == path], [r.key() for r in ours if r.path == path]
            if one != two:
                yield f"run {run}: another order for {path}: dlt {one}, ours {two}"


def _table_differences(case: Case, dlt: Warehouse, ours: Warehouse) -> Iterable[str]:
    for name in dlt.tables.keys() - ours.tables.keys():
        yield f"table {name} missing; ours has {sorted(ours.tables)}"
    for name in ours.tables.keys() - dlt.tables.keys():
        yield f"table {name} too many; dlt has {sorted(dlt.tables)}"
    for name in sorted(dlt.tables.keys() & ours.tables.keys()):
        theirs, own = dlt.tables[name].columns, ours.tables[name].columns
        if dict(theirs) != dict(own):
            yield f"columns of {name}: dlt {dict(theirs)}, ours {dict(own)}"
        elif case.column_order and list(theirs) != list(own):
            yield f"column order of {name}: dlt {list(theirs)}, ours {list(own)}"
        if "loads" in case.compare and dlt.tables[name].loads != ours.tables[name].loads:
            yield f"rows by load of {name}: dlt {dlt.tables[name].loads}, ours {ours.tables[name].loads}"
    for name in sorted(dlt.trees.keys() & ours.trees.keys()):
        theirs_rows, own_rows = dlt.trees[name], ours.trees[name]
        if theirs_rows != own_rows:
            yield (
                f"rows of {name}: only dlt {list((theirs_rows - own_rows).elements())[:5]}, "
                f"only ours {list((own_rows - theirs_rows).elements())[:5]}"
            )
    if ours.orphans:
        yield f"rows without their parent row: {ours.orphans}"


def unmet(case: Case, expected: Expect, actual: Outcome) -> list[str]:
    """What of a hand-written expectation does not hold, one line each."""
    found = list(_failures_unmet(expected, actual))
    if found:
        return found
    found += _requests_unmet(case, expected, actual)
    found += _warehouse_unmet(expected, actual.warehouse)
    return found


def _failures_unmet(expected: Expect, actual: Outcome) -> Iterable[str]:
    for run, failure in enumerate(actual.failures):
        if expected.error is None or run < expected.fails_in:
            if failure:
                yield f"run {run} fails: {failure}"
        elif run == expected.fails_in and not failure:
            yield f"run {run} does not fail; expected {expected.error!r}"
        elif run == expected.fails_in and failure and not failure.says(expected.error):
            yield f"run {run} fails otherwise, not with {expected.error!r}: {failure}"
        if failure and expected.hidden and failure.says(expected.hidden):
            yield f"run {run} shows {expected.hidden!r}: {failure}"


def _requests_unmet(case: Case, expected: Expect, actual: Outcome) -> Iterable[str]:
    logs = actual.requests
    if expected.requests is not None:
        wanted = [list(expected.requests)] if case.runs == 1 else [list(run) for run in expected.requests]
        got = [[r.target for r in run] for run in logs]
        if case.unordered:
            wanted, got = [sorted(run) for run in wanted], [sorted(run) for run in got]
        if wanted != got:
            yield f"requests: expected {wanted}, got {got}"
    everything = [r for run in logs for r in run]
    if expected.request_count is not None and expected.request_count != len(everything):
        yield f"{expected.request_count} requests expected, got {len(everything)}"
    if expected.bodies is not None:
        bodies = [r.body for r in everything]
        if sorted(map(_text, expected.bodies)) != sorted(map(_text, bodies)):
            yield f"bodies: expected {list(expected.bodies)}, got {bodies}"
    for number, wanted_headers in enumerate(expected.headers or ()):
        for name, value in wanted_headers.items():
            actual_value = everything[number].headers.get(name) if number < len(everything) else "no request"
            if value != actual_value:
                yield f"header {name} of request {number}: expected {value!r}, got {actual_value!r}"


def _warehouse_unmet(expected: Expect, actual: Warehouse) -> Iterable[str]:
    if expected.rows is not None:
        rows = {name: len(table.rows) for name, table in actual.tables.items()}
        if dict(expected.rows) != rows:
            yield f"rows: expected {dict(expected.rows)}, got {rows}"
    for place, values in (expected.values or {}).items():
        table, column = place.split(".")
        got = (
            [row.get(column, "no such column") for row in actual.tables[table].rows] if table in actual.tables else None
        )
        if got is None or sorted(values, key=_order) != sorted(got, key=_order):
            yield f"{place}: expected {list(values)}, got {got}"
    for place, kind in (expected.types or {}).items():
        table, column = place.split(".")
        actual_kind = actual.tables[table].columns.get(column) if table in actual.tables else None
        if kind != actual_kind:
            yield f"type of {place}: expected {kind}, got {actual_kind}"


def _order(value: Any) -> tuple[bool, str, str]:
    return (value is None, type(value).__name__, _text(value))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
