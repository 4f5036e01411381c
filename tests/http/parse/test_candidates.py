"""Bodies whose lists, or counts, may be about the records and not hold them."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from dagster_rest.http import BodyError, SelectorError
from dagster_rest.http.parse.candidates import detect
from dagster_rest.http.parse.records import Selection, select

MESSAGE = {"id": 1, "text": "hello"}


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ({"messages": [MESSAGE], "resultSizeEstimate": 1}, [MESSAGE]),
        ({"ok": True, "messages": [MESSAGE]}, [MESSAGE]),
        ({"messages": [MESSAGE]}, [MESSAGE]),
        ({"id": 5, "messages": [MESSAGE]}, [{"id": 5, "messages": [MESSAGE]}]),
        ({"name": "job", "warnings": ["disk full"]}, [{"name": "job", "warnings": ["disk full"]}]),
        ({"title": "x", "links": [{"rel": "self"}]}, [{"title": "x", "links": [{"rel": "self"}]}]),
        ({"total": 0}, []),
        ({"count": 0, "next": None, "previous": None}, []),
        ({"count": 0, "next": None, "_links": {"self": "/x"}}, []),
        ({"meta": {"total": 0, "page": 1}}, []),
        ({"meta": {"result_count": 0}}, []),
        ({"resultCount": 0}, []),
        ({"_shards": {"failures": [{"shard": 0}]}, "hits": {"hits": [MESSAGE]}}, [MESSAGE]),
        ({"total": 0, "errors": []}, []),
        ({"errors": [], "warnings": None}, []),
        ({"total": 0, "currency": "EUR"}, [{"total": 0, "currency": "EUR"}]),
        ({"total": 1, "info": {"results": [MESSAGE]}}, [MESSAGE]),
        ({"total": 1, "pages": {"found": [MESSAGE]}}, [MESSAGE]),
        ({"total": 0, "meta": {"links": [{"rel": "self"}]}}, []),
        ({"page": {"total": [MESSAGE]}}, [MESSAGE]),
        ({"total": 0, "id": 5}, [{"total": 0, "id": 5}]),
        ({"total": 7, "currency": "EUR"}, [{"total": 7, "currency": "EUR"}]),
    ],
)
def test_detected_records(body: Any, rows: list[Any]) -> None:
    assert rows == select(None, body).records(body)


@pytest.mark.parametrize(
    "body",
    [
        {"ok": True, "messages": [{"text": "hello"}]},
        {"messages": [{"text": "hello"}]},
        {"messages": ["hello"]},
        {"messages": ["hello"], "data": {"id": 1}},
        {"warnings": [{"code": 5}], "status": "ok"},
        {"response": {"errors": [{"code": 5}]}},
        {"total": 3},
        {"meta": {"count": 3, "page": 1}},
        {"count": 3, "next": "/x?page=2"},
    ],
)
def test_a_body_that_shows_no_records_is_an_error(body: Any) -> None:
    """dlt loads the messages, and the counts as a row."""
    with pytest.raises(SelectorError) as caught:
        select(None, body).records(body)
    assert "http_selector_matched_nothing" == caught.value.code
    assert "data_selector" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "rivals"),
    [
        ({"shop": {"id": 1, "currencies": []}}, ("$",)),
        ({"data": {"id": 1, "attributes": {"tags": []}}}, ("$",)),
        ({"data": {"id": 1, "results": []}}, ()),
        ({"shop": {"currencies": []}}, ()),
    ],
)
def test_an_empty_list_of_an_entity_may_not_be_the_records(body: Any, rivals: tuple[str, ...]) -> None:
    found = select(None, body)
    assert rivals == found.rivals
    assert bool(rivals) == (found.warning is not None)


@pytest.mark.parametrize("body", [{"total": 0}, {"total": 3}, {"messages": ["hello"]}])
def test_a_written_selector_takes_them(body: Any) -> None:
    assert [body] == select("$", body).records(body)


@pytest.mark.parametrize("body", [{"total": 3}, {"messages": ["hello"]}])
def test_records_may_be_missing_where_that_is_allowed(body: Any) -> None:
    assert [] == select(None, body).records(body, allow_missing=True)


NAMES = [
    "data",
    "items",
    "issues",
    "users",
    "errors",
    "messages",
    "links",
    "meta",
    "total",
    "page",
    "info",
    "id",
    "a.b",
]
LISTS: list[Any] = [[], [{"id": 1}], [{"n": 1}, {"n": 2}], ["x"], [1, 2], [[1]], [None], [{}]]
VALUES: list[Any] = [None, 0, 1, "", "x", True, False, {}, 5.5, "0"]


def random_value(chance: random.Random, depth: int) -> Any:
    if depth < 3 and chance.random() < 0.3:
        return {name: random_value(chance, depth + 1) for name in chance.sample(NAMES, chance.randint(0, 4))}
    return chance.choice(LISTS if chance.random() < 0.5 else VALUES)


def test_no_rows_are_taken_from_where_a_body_alone_would_not_have_them() -> None:
    chance, taken = random.Random(7), 0
    for _ in range(1_000):
        first = {name: random_value(chance, 0) for name in chance.sample(NAMES, chance.randint(1, 4))}
        later = {name: value if chance.random() < 0.5 else random_value(chance, 1) for name, value in first.items()}
        selection = select(None, first)
        for known in (selection, Selection.from_state(selection.state or {})):
            if not selection.settles:
                continue
            with contextlib.suppress(SelectorError, BodyError):
                if known.records(later):
                    assert detect(later).keys == selection.path.keys
                    assert detect(later).shape == selection.shape
                    taken += 1
    assert taken > 100
