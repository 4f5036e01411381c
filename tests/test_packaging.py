"""What comes with the package: name, version, licence, types, and nothing that it should not bring."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_version_is_the_one_of_the_installed_distribution() -> None:
    from dagster_rest.version import __version__

    assert metadata.version("dagster-rest") == __version__


def test_the_changelog_names_the_version() -> None:
    from dagster_rest.version import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_types_are_marked_as_usable() -> None:
    assert resources.files("dagster_rest").joinpath("py.typed").is_file()


def test_the_licence_is_apache_2() -> None:
    assert "Apache-2.0" == metadata.metadata("dagster-rest")["License-Expression"]
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_the_component_registry_finds_the_package() -> None:
    found = metadata.entry_points(group="dagster_dg_cli.registry_modules", name="dagster_rest")

    assert ["dagster_rest"] == [point.value for point in found]


def test_no_tool_dagster_block_hides_workspace_yaml() -> None:
    assert "[tool.dagster]" not in (ROOT / "pyproject.toml").read_text()


def test_importing_the_package_warns_of_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import dagster_rest"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("module", ["pyarrow", "httpx", "aiohttp", "pandas", "dlt", "polars"])
def test_importing_the_package_leaves_out_what_only_a_run_needs(module: str) -> None:
    code = f"import sys, dagster_rest; print({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "False" == done.stdout.strip()


def test_dlt_is_no_dependency() -> None:
    needed = metadata.requires("dagster-rest") or []

    assert [] == [requirement for requirement in needed if requirement.split(";")[0].strip().startswith("dlt")]
