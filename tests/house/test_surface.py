"""What users depend on changes only when somebody means it to."""

from __future__ import annotations

import json

import pytest

from tests.house.surface import RECORD, surface


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    return surface()


@pytest.mark.parametrize("part", ["names", "config keys", "error codes", "metadata keys", "tables"])
def test_the_public_surface_is_the_recorded_one(part: str, found: dict[str, object]) -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))

    assert recorded[part] == found[part], "if that is wanted: python -m tests.house.surface, and a line in CHANGELOG.md"
