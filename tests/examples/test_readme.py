"""What the README shows works as it is written there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_rest.config import load_config
from tests.support.server import ApiServer, Request

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


def definitions() -> dg.Definitions:
    """The code location of the first config."""
    names: dict[str, dg.Definitions] = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    return names["defs"]


def test_the_first_config_is_two_assets_with_an_edge(folder: Path) -> None:
    graph = definitions().resolve_asset_graph()

    types, details = dg.AssetKey(["pokeapi", "types"]), dg.AssetKey(["pokeapi", "type_details"])
    assert {types, details} <= set(graph.get_all_asset_keys())
    assert {types} == set(graph.get(details).parent_keys)


def test_the_first_config_loads_its_tables(folder: Path, api: ApiServer) -> None:
    config = folder / "pokeapi.yaml"
    config.write_text(config.read_text().replace("https://pokeapi.co", api.url))

    @api.get("/api/v2/type")
    def types(request: Request) -> dict[str, Any]:
        return {"count": 2, "next": None, "previous": None, "results": [{"name": "fire"}, {"name": "ice"}]}

    @api.get("/api/v2/type/{name}")
    def details(request: Request) -> dict[str, Any]:
        return {"id": len(request.path_params["name"]), "name": request.path_params["name"]}

    with dg.DagsterInstance.ephemeral() as instance:
        assert definitions().resolve_job_def("pokeapi_job").execute_in_process(instance=instance).success
    with duckdb.connect("warehouse.duckdb") as connection:
        assert [("ice",), ("fire",)] == connection.sql("select name from pokeapi.type_details order by id").fetchall()


def test_a_second_config_loads_too(folder: Path) -> None:
    (issues,) = load_config(folder / "github.yaml").resources

    assert "updated_at" == issues.endpoint.incremental.cursor_path


def test_every_linked_file_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert [] == [link for link in links if not (ROOT / link).exists()]


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    assert set() == set(re.findall(r"`?make ([a-z]+)", README)) - targets - {"and"}
