"""The cases and the page about them go together."""

from __future__ import annotations

from collections import Counter

from tests.compat.differences import DIFFERENCES
from tests.compat.document import PAGE, document
from tests.compat.registry import CASES
from tests.compat.scenarios import SCENARIOS


def test_the_page_shows_the_cases_as_they_are() -> None:
    page = PAGE.read_text()

    assert document(page) == page, "run `python -m tests.compat.document`"


def test_case_ids_are_unique() -> None:
    assert [] == [name for name, count in Counter(case.id for case in CASES).items() if count > 1]


def test_there_are_at_least_120_cases() -> None:
    assert len(CASES) >= 120


def test_every_scenario_has_a_case() -> None:
    assert set(SCENARIOS) == {case.scenario for case in CASES}


def test_every_difference_names_a_decision_and_every_decision_has_a_case() -> None:
    assert set(DIFFERENCES) == {case.row for case in CASES if case.row}
