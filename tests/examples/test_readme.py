"""What the README shows works as it is written there."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The README's code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the README's files, which begin with a comment that names them."""
    for text in blocks("yaml"):
        name = text.splitlines()[0].removeprefix("#").strip()
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    return tmp_path


@pytest.mark.parametrize("code", blocks("python"))
def test_a_python_block_runs(folder: Path, code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})


def test_the_first_config_is_two_assets_with_an_edge(folder: Path) -> None:
    names: dict[str, dg.Definitions] = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    graph = names["defs"].resolve_asset_graph()

    issues, comments = dg.AssetKey(["github", "issues"]), dg.AssetKey(["github", "comments"])
    assert {issues, comments} <= set(graph.get_all_asset_keys())
    assert {issues} == set(graph.get(comments).parent_keys)


def test_every_linked_file_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert [] == [link for link in links if not (ROOT / link).exists()]


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    assert set() == set(re.findall(r"`?make ([a-z]+)", README)) - targets - {"and"}
