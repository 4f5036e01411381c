"""An empty Dagster project, as `create-dagster project` makes it."""

from __future__ import annotations

import textwrap
from pathlib import Path


def write_project(folder: Path) -> Path:
    """Write the project ``shop_project``.

    Args:
        folder: Its root.
    """
    package = folder / "src" / "shop_project"
    (package / "defs").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    (package / "definitions.py").write_text(
        textwrap.dedent(
            """
            from pathlib import Path
            from dagster import definitions, load_from_defs_folder

            @definitions
            def defs():
                return load_from_defs_folder(path_within_project=Path(__file__).parent)
            """
        )
    )
    (folder / "pyproject.toml").write_text(
        textwrap.dedent(
            """
            [project]
            name = "shop_project"
            version = "0.1.0"

            [tool.dg]
            directory_type = "project"

            [tool.dg.project]
            root_module = "shop_project"
            code_location_target_module = "shop_project.definitions"
            """
        )
    )
    return folder
