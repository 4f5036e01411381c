"""The page about reliability names what the tests do."""

from __future__ import annotations

from tests.reliability.kills import POINTS
from tests.reliability.lab import ROOT


def test_every_kill_point_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()

    assert [] == [point for point, where in POINTS.items() if f"| `{point}` | {where}" not in page]
