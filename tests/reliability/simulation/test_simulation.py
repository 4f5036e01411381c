"""Many actors on one asset: histories that a scheduler makes up, against a model of what counts."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.reliability.simulation.actors import POINTS
from tests.reliability.simulation.generator import Plan, plan_of
from tests.reliability.simulation.history import History
from tests.reliability.simulation.kept import KEPT
from tests.reliability.simulation.runner import Result, explore, first_found, laboratory, play, show
from tests.reliability.simulation.twins import TWINS
from tests.reliability.simulation.world import Lab

HISTORIES = int(os.environ.get("SIMULATION_HISTORIES", "10000"))
WORKERS = int(os.environ.get("SIMULATION_WORKERS", "2"))
SHORT = range(200)
WITHIN = 2000


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One lab for all histories of this process."""
    with laboratory() as one:
        yield one


@pytest.fixture(scope="module")
def short() -> Result:
    """The histories of the ordinary suite."""
    return explore(SHORT)


@pytest.mark.parametrize("name", KEPT)
def test_what_was_found_once_is_not_found_again(lab: Lab, name: str) -> None:
    outcome = play(lab, KEPT[name])

    assert outcome.finding is None, "\n".join([str(outcome.finding), *outcome.log])


def test_many_histories_find_nothing(short: Result) -> None:
    assert not short.findings, show(short, most=3)


def test_the_histories_go_everywhere(short: Result) -> None:
    met = short.coverage
    actions = {f"action {name.removeprefix('do_')}" for name in dir(History) if name.startswith("do_")}
    expected = actions | {f"stop {name}" for name in POINTS} | {f"death {name}" for name in POINTS[:-1]}

    assert expected <= {name for name in met if met[name]}


def test_a_number_stands_for_one_history() -> None:
    assert plan_of(7) == plan_of(7)
    assert plan_of(7) != plan_of(8)


@pytest.mark.parametrize("twin", TWINS)
def test_without_a_mend_its_own_history_finds_something(twin: str) -> None:
    point = twin.partition(" ")[0]
    with laboratory(without=twin) as lab:
        found = [play(lab, plan).finding for plan in _plans_of(point)]

    assert any(found)


@pytest.mark.long
def test_very_many_histories_find_nothing() -> None:
    result = explore(range(HISTORIES), workers=WORKERS)
    print(show(result))  # noqa: T201

    assert not result.findings


@pytest.mark.long
@pytest.mark.parametrize("twin", TWINS)
def test_without_a_mend_something_is_found_soon(twin: str) -> None:
    found = first_found(twin, range(WITHIN))
    print(f"{twin}: {found}")  # noqa: T201

    assert found is not None


def _plans_of(point: str) -> list[Plan]:
    return [plan for name, plan in KEPT.items() if name.startswith(f"{point} ")]
