"""The proof: every case through dlt, and through dagster_rest beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.compat.case import Case, Expect
from tests.compat.outcome import Outcome, differences, unmet
from tests.compat.registry import CASES

pytestmark = pytest.mark.compat


def must_be_empty(found: list[str]) -> None:
    """Fail with all of it: pytest's own difference of two lists shows the first item only."""
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def for_ours(expected: Expect) -> Expect:
    """What is expected of both sides; only the words of an error are dlt's."""
    return expected if expected.error is None else replace(expected, error="")


# Both halves of a case in one xdist worker, which then asks dlt once.
each_case = pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.id, marks=pytest.mark.xdist_group(case.id)) for case in CASES]
)


@each_case
def test_dlt_does_what_the_case_says(case: Case, dlt_outcome: Callable[[Case], Outcome]) -> None:
    must_be_empty(unmet(case, case.dlt, dlt_outcome(case)))


@each_case
def test_ours_beside_dlt(
    case: Case, dlt_outcome: Callable[[Case], Outcome], our_outcome: Callable[[Case], Outcome]
) -> None:
    ours = our_outcome(case)
    if case.ours is not None:
        must_be_empty(unmet(case, case.ours, ours))
    else:
        must_be_empty([*differences(case, dlt_outcome(case), ours), *unmet(case, for_ours(case.dlt), ours)])
