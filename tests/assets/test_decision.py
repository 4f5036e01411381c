"""The decision about a run's start, over everything it can find: what must never be decided, and what must be."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from dagster_rest.assets.start.decision import decide
from dagster_rest.assets.start.facts import Event, EventLog, Facts, Rules, RunLine, Start, Wish, newer_attempt
from dagster_rest.warehouse.state.load_row import EDGE, AssetState, CursorState, LoadRow

CURSOR = CursorState(value="9", type="int")
RUN = RunLine(run_id="now", attempt=1, runs=frozenset({"now", "before"}), failed=frozenset({"now", "before"}))


def load(name: str, *, seq: int, **changes: Any) -> LoadRow:
    given: dict[str, Any] = {
        "load_id": name,
        "asset": "src/items",
        "partition": "",
        "load_group": name,
        "run_id": "other",
        "attempt": 0,
        "storage_id": "here",
        "status": "pending",
        "cursor": CURSOR,
        "cursor_path": "at",
        "cursor_function": "max",
        "rows_loaded": 1,
        "fingerprint": "f",
        "committed_at": 100.0,
    }
    return LoadRow(**{**given, **changes}, seq=seq)


def facts_about(*loads: LoadRow, told: tuple[str, ...] = (), **given: Any) -> Facts:
    ledger = AssetState(latest=loads[-1] if loads else None, unsettled=loads)
    newest = Event(load_id=told[-1], cursor="9") if told else None
    log = given.pop("log", None) or EventLog(newest=newest, told=frozenset(told))
    lives = given.pop("lives", None) or {one.load_id: "over" for one in loads}
    return Facts(
        ledger=given.pop("ledger", ledger),
        log=log,
        lives=lives,
        **{"run": RUN, "storage_id": "here", "now": 110.0, "rules": RULES["plain append"], **given},
    )


RULES = {
    "plain append": Rules(fingerprint="f", only_grows=True),
    "append with a cursor": Rules(fingerprint="f", only_grows=True, cursor_path="at", cursor_function="max"),
    "append in steps": Rules(fingerprint="f", only_grows=True, cursor_path="at", cursor_function="max", in_steps=True),
    "replace": Rules(fingerprint="f", replaces=True),
    "replace in steps": Rules(fingerprint="f", replaces=True, cursor_path="at", cursor_function="max", in_steps=True),
    "merge": Rules(fingerprint="f"),
    "child": Rules(fingerprint="f", only_grows=True, consumes=True),
    "partition": Rules(fingerprint="f", replaces=True, partitioned=True),
}
WISHES = [Wish(), Wish(key="range", leaves_cursor=True), Wish(full_refresh=True), Wish(key="sample", sample=True)]


def situations() -> Iterator[Facts]:
    """Two loads by whomever, in whatever condition, and every way to ask."""
    runs, lives = ("other", "before", "now"), ("over", "alive", "unknown")
    for rules, wish, told, run, life, status, complete, key, newer in itertools.product(
        RULES.values(),
        WISHES,
        (True, False),
        runs,
        lives,
        ("pending", "confirmed", "taken_back"),
        (True, False),
        ("", "range"),
        (None, "pending", "confirmed"),
    ):
        one = load("one", seq=1, run_id=run, status=status, complete=complete, request_key=key)
        loads = [one] if newer is None else [one, load("two", seq=2, run_id="third", status=newer)]
        named = ("one",) if told else ()
        if newer == "confirmed":
            named = (*named, "two")
        yield facts_about(*loads, told=named, rules=rules, wish=wish, lives={"one": life, "two": "over"})


def rows(facts: Facts, names: tuple[str, ...]) -> list[LoadRow]:
    return [one for one in facts.ledger.unsettled if one.load_id in names]


@pytest.fixture(scope="module")
def decided() -> list[tuple[Facts, Start]]:
    return [(facts, decide(facts)) for facts in situations()]


def test_only_dead_untold_loads_of_the_same_request_are_taken_back(decided: list[tuple[Facts, Start]]) -> None:
    taken = [(facts, row) for facts, start in decided for row in rows(facts, start.takes_back)]

    assert taken
    for facts, row in taken:
        assert "pending" == row.status
        assert row.load_id not in facts.log.told
        assert row.request_key == facts.wish.key
        assert row.run_id == "now" or facts.lives[row.load_id] == "over"
        assert facts.rules.only_grows


def test_an_ordinary_append_of_another_line_is_never_taken_back(decided: list[tuple[Facts, Start]]) -> None:
    for facts, start in decided:
        if not facts.wish.key:
            assert {"other", "third"}.isdisjoint(row.run_id for row in rows(facts, start.takes_back))


def test_only_loads_of_the_own_line_are_told_or_repeated(decided: list[tuple[Facts, Start]]) -> None:
    said = [(facts, start) for facts, start in decided if start.recovery in ("tell", "repeat")]

    assert {"tell", "repeat"} == {start.recovery for _, start in said}
    for facts, start in said:
        assert start.continued is not None
        assert start.continued.run_id in facts.run
        assert start.recovery == "repeat" or start.continued.complete


def test_what_was_told_is_neither_told_nor_redone(decided: list[tuple[Facts, Start]]) -> None:
    for facts, start in decided:
        assert facts.log.told.isdisjoint(start.answers_for)


def test_nothing_is_rebuilt_that_nobody_asked_for(decided: list[tuple[Facts, Start]]) -> None:
    for _, start in decided:
        assert start.rebuild == (start.case in ("full_refresh", "wiped", "missing_table"))


def test_a_sample_neither_tells_nor_takes_back(decided: list[tuple[Facts, Start]]) -> None:
    assert {(None, ())} == {(start.recovery, start.takes_back) for facts, start in decided if facts.wish.sample}


def test_it_rests_on_the_newest_load_and_on_all_it_answers_for(decided: list[tuple[Facts, Start]]) -> None:
    for facts, start in decided:
        loads = facts.ledger.unsettled
        settled = [dataclasses.replace(one, status="confirmed") for one in loads]
        assert start.still_holds(loads)
        assert not start.still_holds([*loads, load("three", seq=3)])
        assert start.still_holds(settled) == (not start.answers_for)


def test_it_says_what_it_does_with_a_dead_load(decided: list[tuple[Facts, Start]]) -> None:
    assert all(start.message for _, start in decided if start.recovery is not None)


OLD = {"now": 10**9}


@pytest.mark.parametrize(
    ("rules", "wish", "changes", "given", "case", "recovery"),
    [
        ("plain append", Wish(), {"run_id": "before"}, {}, "adopted", "tell"),
        ("plain append", Wish(), {"run_id": "before"}, OLD, "adopted", "redo"),
        ("plain append", Wish(), {"run_id": "before", "fingerprint": "g"}, {}, "adopted", "redo"),
        ("plain append", Wish(), {"run_id": "before"}, {"lives": {"one": "alive"}}, "concurrent", None),
        ("plain append", Wish(), {}, {}, "adopted", None),
        ("plain append", Wish(), {}, OLD, "adopted", None),
        ("append with a cursor", Wish(), {"run_id": "before"}, OLD, "adopted", "continue"),
        ("append with a cursor", Wish(), {}, {}, "adopted", None),
        ("append with a cursor", Wish(), {"cursor_path": "b", "run_id": "before"}, {}, "other_cursor", "redo"),
        ("append with a cursor", Wish(), {"cursor_function": "min"}, {}, "other_cursor", None),
        ("append with a cursor", Wish(), {"cursor_function": None}, {}, "adopted", None),
        ("append in steps", Wish(), {"complete": False}, OLD, "adopted", "continue"),
        ("replace in steps", Wish(), {"complete": False}, {}, "adopted", "continue"),
        ("replace in steps", Wish(), {"complete": False}, OLD, "adopted", None),
        ("replace", Wish(), {"run_id": "before"}, {}, "adopted", "tell"),
        ("replace", Wish(), {}, {}, "adopted", None),
        ("partition", Wish(), {"run_id": "before"}, {}, "adopted", "tell"),
        ("child", Wish(), {"run_id": "before"}, {}, "adopted", "continue"),
        ("merge", Wish(), {"run_id": "before"}, OLD, "adopted", "redo"),
        (
            "append with a cursor",
            Wish(key="r", leaves_cursor=True),
            {"request_key": "r"},
            {},
            "adopted",
            "redo",
        ),
        (
            "append with a cursor",
            Wish(key="r", leaves_cursor=True),
            {"request_key": "r", "complete": False, "progress": CURSOR},
            {},
            "adopted",
            "continue",
        ),
        ("plain append", Wish(full_refresh=True), {"run_id": "before"}, {}, "adopted", "tell"),
        ("plain append", Wish(full_refresh=True), {}, {}, "full_refresh", None),
        ("plain append", Wish(), {"storage_id": "there"}, {"lives": {"one": "unknown"}}, "other_storage", None),
    ],
)
def test_what_becomes_of_a_load_that_was_not_told(
    rules: str, wish: Wish, changes: dict[str, Any], given: dict[str, Any], case: str, recovery: str | None
) -> None:
    start = decide(facts_about(load("one", seq=1, **changes), rules=RULES[rules], wish=wish, **given))

    assert (case, recovery) == (start.case, start.recovery)


@pytest.mark.parametrize(
    ("log", "case"),
    [
        (EventLog(newest=None, remembers=False), "wiped"),
        (EventLog(newest=None, remembers=True), "deleted"),
        (EventLog(newest=None, remembers=True, wiped_at=101.0), "wiped"),
        (EventLog(newest=None, remembers=True, wiped_at=99.0), "deleted"),
        (EventLog(newest=Event(load_id="older", cursor=None)), "ledger_leads"),
        (EventLog(newest=Event(load_id="one", cursor=None)), "normal"),
        (EventLog(newest=Event(load_id="newer", cursor=None), told=frozenset({"one"})), "normal"),
    ],
)
def test_what_the_event_log_makes_of_a_confirmed_load(log: EventLog, case: str) -> None:
    assert case == decide(facts_about(load("one", seq=1, status="confirmed"), log=log)).case


def test_what_was_loaded_before_a_table_was_lost_counts_no_more() -> None:
    one = load("one", seq=4, run_id="before")
    ledger = AssetState(latest=one, unsettled=(one,), lost_up_to=4)

    start = decide(facts_about(one, ledger=ledger))

    assert ("missing_table", None, None) == (start.case, start.cursor, start.recovery)


def test_what_was_loaded_of_other_partitions_is_a_first_load_now() -> None:
    one = load("one", seq=4, run_id="before")
    ledger = AssetState(latest=one, unsettled=(one,), void_up_to=4)

    start = decide(facts_about(one, ledger=ledger, rules=RULES["partition"]))

    assert ("first", "one", True, None, ()) == (start.case, start.base, start.rebuild, start.recovery, start.takes_back)


def test_a_run_that_begins_anew_for_other_partitions_goes_on_after_nothing() -> None:
    start = decide(facts_about(load("one", seq=1, run_id="before"), rules=RULES["partition"], repartitions=True))

    assert ("full_refresh", True, True, None) == (start.case, start.rebuild, start.repartitions, start.recovery)


@pytest.mark.parametrize(
    ("boundary", "stored", "fields", "is_other"),
    [
        ((), '[{"id": 1}]', (("id",),), False),
        ((), '[{"id": 1}]', (("login",),), True),
        ((), '[{"id": 1}]', (("id", "login"),), True),
        ((), '[{"id": 1}]', None, True),
        (("row",), None, (("id",),), True),
        # A load in windows without a parent shows how far it came, and has nothing stored.
        ((EDGE,), None, (("id",),), False),
        (("row",), None, None, False),
    ],
)
def test_a_cursor_is_of_those_who_stored_it(
    boundary: tuple[str, ...], stored: str | None, fields: Any, is_other: bool
) -> None:
    rules = dataclasses.replace(RULES["append with a cursor"], parent_fields=fields)
    one = load("one", seq=1, status="confirmed", cursor=CursorState(value="9", type="int", boundary=boundary))
    ledger = AssetState(latest=one, parent_cursors={stored: CURSOR} if stored else {})

    start = decide(facts_about(one, ledger=ledger, rules=rules, told=("one",)))

    assert is_other == (start.case == "other_cursor")
    assert (bool(stored) and is_other) == start.forgets_parents


@pytest.mark.parametrize("complete", [True, False])
def test_an_edge_stays_one_whichever_load_brings_the_cursor_on(complete: bool) -> None:
    at_edge, at_row = (CursorState(value="9", type="int", boundary=(mark,)) for mark in (EDGE, "row"))
    rules = RULES["append in steps"]
    for cursor, expected in ((at_edge, True), (at_row, False)):
        one = load("one", seq=1, status="confirmed", complete=complete, cursor=cursor)
        assert expected == decide(facts_about(one, rules=rules, told=("one",))).at_edge


def test_lost_tables_are_rebuilt_whatever_else_there_is() -> None:
    start = decide(facts_about(load("one", seq=1, run_id="before"), lost_tables=("src.items is missing",)))

    assert ("missing_table", True, None) == (start.case, start.rebuild, start.recovery)


def test_of_several_partitions_none_is_told_alone() -> None:
    facts = facts_about(load("one", seq=1, run_id="before"), rules=RULES["partition"])

    assert ("tell", "redo") == (decide(facts).recovery, decide(facts, alone=False).recovery)


def test_an_event_of_the_last_window_tells_of_all() -> None:
    first = load("one", seq=1, load_group="one", complete=False)
    last = load("two", seq=2, load_group="one")
    start = decide(facts_about(first, last, told=("two",), rules=RULES["append in steps"]))

    assert ("normal", ("one", "two"), None) == (start.case, start.told, start.recovery)


def test_a_later_attempt_of_the_run_is_found() -> None:
    later = load("one", seq=1, run_id="now", attempt=2)

    assert later == newer_attempt([later], run=RUN)
    assert newer_attempt([load("one", seq=1, run_id="now", attempt=1)], run=RUN) is None
