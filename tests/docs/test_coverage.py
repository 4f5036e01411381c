"""What the code can say is documented: config keys, metadata keys, tags, checks, error codes, public names."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import dagster_rest
from dagster_rest import config as models
from dagster_rest.assets.checks.rules import KEYS as CHECK_KEYS
from dagster_rest.assets.checks.rules import RULES
from dagster_rest.assets.component import RestApiComponent, RestApiOp
from dagster_rest.assets.model.run_config import TAGS, RestRunConfig
from dagster_rest.assets.run.metadata import KEYS

DOCS = Path(__file__).parents[2] / "docs"
ROOMS = ("config", "http", "warehouse", "assets")


def words(page: str) -> set[str]:
    """What stands in backquotes on a page, or is a heading of it."""
    text = (DOCS / page).read_text()
    return set(re.findall(r"`([^`\n]+)`", text)) | set(re.findall(r"^#+ (\S+)$", text, flags=re.MULTILINE))


NOT_WRITTEN = {"ExternalAsset", "RegisteredAuthConfig", "RegisteredPaginatorConfig"}
"""Models for what is given as an object, or under a registered name: their fields are no keys."""


def config_models() -> list[type[BaseModel]]:
    found = [getattr(models, name) for name in models.__all__ if name not in NOT_WRITTEN]
    return [one for one in found if isinstance(one, type) and issubclass(one, BaseModel)]


@pytest.mark.parametrize("model", config_models(), ids=lambda model: model.__name__)
def test_every_config_key_is_documented(model: type[BaseModel]) -> None:
    keys = {field.alias or name for name, field in model.model_fields.items()}

    assert set() == keys - words("config_reference.md")


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("metadata.md", KEYS),
        ("checks.md", CHECK_KEYS),
        ("checks.md", RULES),
        ("automation.md", TAGS),
        ("incremental.md", RestRunConfig.model_fields),
        ("component.md", RestApiComponent.model_fields),
        ("component.md", RestApiOp.model_fields),
    ],
    ids=["metadata", "check metadata", "checks", "tags", "run config", "component", "component op"],
)
def test_every_name_is_documented(page: str, names: Any) -> None:
    assert set() == set(names) - words(page)


@pytest.mark.parametrize("room", ROOMS)
def test_every_error_code_is_documented(room: str) -> None:
    codes = importlib.import_module(f"dagster_rest.{room}.errors").CODES

    assert set() == set(codes) - words(f"errors/{room}.md")


@pytest.mark.parametrize("room", ROOMS)
def test_every_code_that_is_raised_is_listed(room: str) -> None:
    folder = Path(dagster_rest.__file__).parent
    text = "\n".join(path.read_text() for path in (folder / room).rglob("*.py"))
    raised = set(re.findall(r"code=\"([a-z0-9_]+)\"", text))
    listed = {code for one in ROOMS for code in importlib.import_module(f"dagster_rest.{one}.errors").CODES}

    assert set() == raised - listed


def test_every_public_name_is_documented() -> None:
    names = [name for name in dagster_rest.__all__ if not name.startswith("_")]
    text = "\n".join(path.read_text() for path in DOCS.rglob("*.md"))

    assert [] == [name for name in names if name not in text]


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text()
    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if path.name != "index.md"]

    assert [] == [page for page in pages if f"({page})" not in index and not page.startswith("errors/")]
    assert [] == [f"errors/{room}.md" for room in ROOMS if f"errors/{room}.md" not in (DOCS / "errors.md").read_text()]


def test_every_metadata_key_and_tag_in_the_code_is_listed() -> None:
    text = "\n".join(path.read_text() for path in Path(dagster_rest.__file__).parent.rglob("*.py"))
    written = set(re.findall(r"\"(dagster_rest/[a-z_]+)\"", text))

    assert set() == written - set(KEYS) - set(CHECK_KEYS) - set(TAGS)
