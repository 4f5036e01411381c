"""Every page begins with what it is for, says it in common words, and links to headings that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
MOST_LINES = 140
PRIVATE = (
    *(
        "anew",
        "begin_anew",
        "for ever",
        "held against",
        "looked at",
        "taken back",
        "taken_back",
        "told of",
        "unsettled",
    ),
    *("vouch", "vouched"),
)
"""Words that no other library's documentation uses for what they would mean here."""


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What a link may have after its ``#``, as GitHub makes it of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_begins_with_what_it_is_for(page: Path) -> None:
    title, empty, purpose = page.read_text(encoding="utf-8").splitlines()[:3]

    assert (True, "") == (title.startswith("# "), empty)
    assert purpose[0] in "`[" or purpose[0].isalpha()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_has_no_private_words(page: Path) -> None:
    assert [] == [word for word in PRIVATE if re.search(rf"\b{word}\b", prose(page), flags=re.IGNORECASE)]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_in_a_sentence_is_on_one_line(page: Path) -> None:
    assert [] == [line for line in prose(page).splitlines() if line.count("`") % 2]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_linked_heading_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8"))

    assert [] == [
        f"{file}#{anchor}" for file, anchor in links if anchor not in anchors(page.parent / file if file else page)
    ]


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < MOST_LINES
