"""The pages and docstrings of the config: every Python block runs."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

import dagster_rest.config as package
from dagster_rest.config import CODES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / name for name in ("config.md", "coming_from_dango.md")]
MODULES = sorted(Path(package.__file__).parent.rglob("*.py"))


def blocks(file: Path) -> list[tuple[str, str]]:
    """(place, code) of each Python block."""
    text = file.read_text(encoding="utf-8")
    return [
        (f"{file.name}:{text[: match.start()].count(chr(10)) + 1}", textwrap.dedent(match.group(1)))
        for match in re.finditer(r"^[ ]*```python\n(.*?)^[ ]*```", text, re.DOTALL | re.MULTILINE)
    ]


BLOCKS = [block for file in (*PAGES, *MODULES) for block in blocks(file)]


@pytest.mark.parametrize("code", [code for _, code in BLOCKS], ids=[place for place, _ in BLOCKS])
def test_the_example_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    exec(compile(code, "example", "exec"), {"__name__": "example"})


def test_there_are_examples() -> None:
    assert 15 <= len(BLOCKS)


def test_every_code_has_cause_and_fix() -> None:
    page = (ROOT / "docs" / "errors" / "config.md").read_text(encoding="utf-8")
    sections = page.split("\n## ")[1:]

    assert list(CODES) == [section.splitlines()[0] for section in sections]
    assert all("**Cause.**" in section and "**Fix.**" in section for section in sections)
