from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.kills import Stage
from tests.reliability.scenes import Scene
from tests.reliability.shop import Shop


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    with Shop() as one:
        yield one


@pytest.fixture(scope="session")
def stage_of(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Scene], Stage]:
    """The prepared stage of a scene; made once, its cells are copies."""
    stages: dict[str, Stage] = {}

    def find(scene: Scene) -> Stage:
        if scene.name not in stages:
            folder: Path = tmp_path_factory.mktemp(scene.name)
            stages[scene.name] = Stage(folder, scene=scene, shop=shop)
        return stages[scene.name]

    return find


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Report what was measured: how long anybody waited for the database, how many kills met a load."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name}: {value}")
