"""The proof: every case through dlt, and through dagster_rest beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.compat.case import Case
from tests.compat.outcome import Outcome, differences, unmet
from tests.compat.registry import CASES

pytestmark = pytest.mark.compat

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@each_case
def test_dlt_does_what_the_case_says(case: Case, dlt_outcome: Callable[[Case], Outcome]) -> None:
    assert [] == unmet(case, case.dlt, dlt_outcome(case))


@each_case
def test_ours_beside_dlt(
    case: Case, dlt_outcome: Callable[[Case], Outcome], our_outcome: Callable[[Case], Outcome]
) -> None:
    ours = our_outcome(case)
    if case.ours is not None:
        assert [] == unmet(case, case.ours, ours)
    else:
        assert [] == differences(case, dlt_outcome(case), ours)


def test_case_ids_are_unique() -> None:
    assert [] == [name for name, count in Counter(case.id for case in CASES).items() if count > 1]


def test_there_are_at_least_120_cases() -> None:
    assert len(CASES) >= 120
