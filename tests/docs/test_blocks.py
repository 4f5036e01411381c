"""Every code block of the docs runs, on an API that answers like the one they talk about.

Python blocks of a page run in order in one namespace; ``https://api.example.com`` is a server on 127.0.0.1. A block
that begins with ``# name.yaml`` is a file for the blocks after it. YAML blocks are loaded and planned: whole configs,
components, or parts of a resource.
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import jsonschema
import pytest
import yaml

from dagster_rest.config import ClientConfig, ResourceConfig, build_plan
from dagster_rest.config import load as loading
from dagster_rest.config.load import load_config
from dagster_rest.config.schema import json_schema
from tests.assets.component_project import write_project
from tests.docs.api import serve_shop
from tests.support.server import ApiServer

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLE = "https://api.example.com"
OWN_TESTS = {
    "errors/config.md": "tests/config/test_docs.py",
    "config.md": "tests/config/test_docs.py",
    "config_reference.md": "tests/config/test_docs.py",
}
"""Pages whose blocks the tests of their room run."""
SHOWN = ("text", "json", "diff")
"""Languages that are shown and cannot run."""

# Dagster's reading of defs.yaml, its schedules and code references warn of themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore:.* is currently in beta"),
]


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text()
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 2)
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    ]


PAGES = [page for page in sorted(DOCS.rglob("*.md")) if str(page.relative_to(DOCS)) not in OWN_TESTS]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with what pages expect of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster_home"))
    (tmp_path / "dagster_home").mkdir()
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").touch()
    (tmp_path / "my_package" / "hooks.py").write_text("def __getattr__(name):\n    return lambda given: given\n")
    for name in ("SHOP_TOKEN", "API_TOKEN", "API_KEY", "API_USER", "API_PASSWORD"):
        monkeypatch.setenv(name, "secret")
    yield tmp_path
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_block_of_a_page_runs(page: Path, folder: Path, api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_shop(api)
    loaded = _loaded_configs(monkeypatch)
    names: dict[str, Any] = {"__name__": "__docs__"}
    for block in blocks(page):
        code = block.code.replace(EXAMPLE, api.url)
        try:
            run(block.language, code, names, folder, where=page)
        except Exception as error:
            raise AssertionError(f"{page.relative_to(ROOT)}, line {block.line}: {error!r}") from error
    assert [] == [error.message for config in loaded for error in SCHEMA.iter_errors(_as_yaml(config))]


SCHEMA = jsonschema.Draft202012Validator(json_schema())


def _loaded_configs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collects what is loaded in dlt's form, to be held against the JSON Schema."""
    found: list[Any] = []
    load = loading._from_data

    def remember(data: Any, **options: Any) -> Any:
        config = load(data, **options)
        if "client" in data:
            found.append(data)
        return config

    monkeypatch.setattr(loading, "_from_data", remember)
    return found


def _as_yaml(value: Any) -> Any:
    """A config as a YAML file would say it: callables and instances as import strings."""
    if isinstance(value, dict):
        return {str(key): _as_yaml(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [_as_yaml(item) for item in value]
    if isinstance(value, dg.EnvVar):
        return "${NAME}"
    if isinstance(value, (datetime.date, str)):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float)) else "package.module:name"


def run(language: str, code: str, names: dict[str, Any], folder: Path, *, where: Path) -> None:
    """Run one block."""
    if language == "python":
        _remember_file(code, folder, comment="#")
        exec(compile(code, str(where), "exec"), names)
    elif language == "yaml":
        _remember_file(code, folder, comment="#")
        _load(yaml.safe_load(code), code, folder)
    elif language == "sh":
        _shell(code, folder)
    elif language == "sql":
        _query(code, folder)
    else:
        assert language in SHOWN, f"a block of {language or 'no language'} runs nowhere"


def _remember_file(code: str, folder: Path, *, comment: str) -> None:
    name = re.match(rf"{comment} ([\w/.-]+\.(?:yaml|py))\n", code)
    if name:
        path = folder / name[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)


def _load(data: Any, code: str, folder: Path) -> None:
    if isinstance(data, dict) and "concurrency" in data:
        _dagster_yaml(code, folder)
        return
    if isinstance(data, dict) and "attributes" in data:
        data = data["attributes"]["config"]
        if isinstance(data, str):
            return
    config = load_config(_whole(data), interpolate_env=True)
    build_plan(config, name="docs", external_parents=re.findall(r"\{resources\.(\w+)\.", code))


def _whole(data: Any) -> dict[str, Any]:
    """A whole config around a part of one."""
    client = {"base_url": EXAMPLE}
    if isinstance(data, list):
        return {"client": client, "resources": data}
    if {"client", "resources", "resource_defaults"} & set(data):
        config = {"client": {}, "resources": [], **data}
        return {**config, "client": {**client, **config["client"]}}
    if set(data) <= set(ResourceConfig.model_fields):
        return {"client": client, "resources": [{"name": "example", **data}]}
    if set(data) <= set(ClientConfig.model_fields):
        return {"client": {**client, **data}, "resources": []}
    return {"client": client, "resources": [{"name": "example", "endpoint": data}]}


def _dagster_yaml(code: str, folder: Path) -> None:
    (folder / "dagster_home" / "dagster.yaml").write_text(code)
    with dg.DagsterInstance.get():
        pass


def _shell(code: str, folder: Path) -> None:
    if "dg " in code and not (folder / "pyproject.toml").exists():
        write_project(folder)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "src"), str(ROOT)]),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DG_CLI_CONFIG": str(folder / "none.toml"),
    }
    done = subprocess.run(
        ["bash", "-euc", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert 0 == done.returncode, f"{done.stdout}\n{done.stderr}"


def _query(code: str, folder: Path) -> None:
    import duckdb

    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(code).fetchall()


def test_pages_of_the_rooms_are_tested_there() -> None:
    assert [] == [test for test in set(OWN_TESTS.values()) if not (ROOT / test).exists()]


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())

    assert [] == [link for link in links if not (page.parent / link).exists()]
