"""docs/architecture.md names what is there."""

from __future__ import annotations

import re
from pathlib import Path

import dagster_rest

PACKAGE = Path(dagster_rest.__file__).parent
TEXT = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_WORDS = 10


def named() -> set[str]:
    """The paths that the page names."""
    return set(re.findall(r"`((?:config|http|warehouse|resources|assets)/[\w/]*(?:\.py)?)`", TEXT))


def test_every_path_is_there() -> None:
    assert [] == [path for path in sorted(named()) if not (PACKAGE / path).exists()]


def test_every_folder_is_named() -> None:
    folders = {f"{path.parent.relative_to(PACKAGE)}/" for path in PACKAGE.rglob("__init__.py")} - {"./"}

    assert set() == folders - named()


def test_the_glossary_is_short() -> None:
    glossary = TEXT.partition("## Glossary")[2]

    assert len(re.findall(r"^\| (?!word|--)", glossary, re.MULTILINE)) <= MOST_WORDS
