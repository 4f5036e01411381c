"""What users and their data depend on: names, config keys, error codes, metadata keys, tables.

`python -m tests.house.surface` records it anew: only when a change of it is wanted, and in the changelog.
"""

from __future__ import annotations

import importlib
import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb

RECORD = Path(__file__).with_name("surface.json")
PACKAGES = ("dagster_rest", "dagster_rest.config", "dagster_rest.http", "dagster_rest.resources")
ROOMS = ("config", "http", "warehouse", "assets", "resources")


def surface() -> dict[str, Any]:
    """All of it, as JSON values."""
    return {
        "names": {name: sorted(importlib.import_module(name).__all__) for name in PACKAGES},
        "config keys": _config_keys(),
        "error codes": {room: _codes(room) for room in ROOMS},
        "metadata keys": _metadata_keys(),
        "tables": _tables(),
    }


def _config_keys() -> dict[str, list[str]]:
    from dagster_rest.config.schema import json_schema

    schema = json_schema()
    models = {"RestApiConfig": schema, **schema["$defs"]}
    return {name: sorted(model.get("properties", {})) for name, model in sorted(models.items())}


def _codes(room: str) -> list[str]:
    return sorted(getattr(importlib.import_module(f"dagster_rest.{room}.errors"), "CODES", ()))


def _metadata_keys() -> list[str]:
    from dagster_rest.assets.keys import CHECK_METADATA, METADATA

    return sorted({*METADATA, *CHECK_METADATA})


def _tables() -> dict[str, list[str]]:
    """The columns of every table that a load makes beside and around the data, with their types."""
    import dagster as dg
    from dagster_duckdb import DuckDBResource

    from dagster_rest import RestApiResource, build_rest_assets
    from tests.support.server import ApiServer

    with ApiServer() as server, tempfile.TemporaryDirectory() as folder:
        server.json("/posts", [{"id": 1, "tags": ["a"], "author": {"name": "x"}}])
        config: dict[str, Any] = {"client": {"base_url": server.url}, "resources": ["posts"]}
        file = Path(folder) / "shop.duckdb"
        resources = {
            "shop": RestApiResource.from_config(config["client"]),
            "duckdb": DuckDBResource(database=str(file)),
        }
        assert dg.materialize(build_rest_assets(config, name="shop"), resources=resources).success
        with duckdb.connect(str(file), read_only=True) as connection:
            rows = connection.execute(
                "select schema_name || '.' || table_name, column_name || ' ' || data_type from duckdb_columns()"
                " where not internal order by 1, column_index"
            ).fetchall()
    tables: dict[str, list[str]] = {}
    for table, column in rows:
        tables.setdefault(table, []).append(column)
    return tables


if __name__ == "__main__":
    RECORD.write_text(json.dumps(surface(), indent=1) + "\n", encoding="utf-8")
