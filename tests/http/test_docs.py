"""Pages and docstrings: every Python block runs, every YAML block is YAML, every code is explained."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from dagster_rest.http.errors import CODES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / name for name in ("http.md", "auth.md", "pagination.md", "errors/http.md")]
MODULES = sorted(file for room in ("http", "resources") for file in (ROOT / "dagster_rest" / room).rglob("*.py"))


def blocks(language: str, files: list[Path]) -> list[tuple[str, str]]:
    found = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        for match in re.finditer(rf"^[ ]*```{language}\n(.*?)^[ ]*```", text, re.DOTALL | re.MULTILINE):
            place = f"{file.name}:{text[: match.start()].count(chr(10)) + 1}"
            found.append((place, textwrap.dedent(match.group(1))))
    return found


PYTHON = blocks("python", [*PAGES, *MODULES])
YAML = blocks("yaml", PAGES)


@pytest.mark.parametrize("code", [code for _, code in PYTHON], ids=[place for place, _ in PYTHON])
def test_the_example_runs(code: str) -> None:
    exec(compile(code, "example", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("text", [text for _, text in YAML], ids=[place for place, _ in YAML])
def test_the_yaml_is_yaml(text: str) -> None:
    assert isinstance(yaml.safe_load(text), dict)


def test_every_code_has_cause_and_fix() -> None:
    sections = PAGES[-1].read_text(encoding="utf-8").split("\n## ")[1:]
    assert sorted(CODES) == sorted(section.splitlines()[0] for section in sections)
    assert all("**Cause.**" in section and "**Fix.** " in section for section in sections)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]*)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert not target or (page.parent / target).exists(), f"{page.name}: {target}"
