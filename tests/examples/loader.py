"""A process of its own that loads one resource again and again: `python -m tests.examples.loader`."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg

from dagster_rest import build_rest_definitions


def main(url: str, resource: str, folder: str, rounds: int) -> None:
    """Materialize one resource `rounds` times into the shared file, with a Dagster storage of its own."""
    config = {
        "client": {"base_url": url},
        "resources": [{"name": resource, "primary_key": "id", "write_disposition": "merge"}],
    }
    definitions = build_rest_definitions(config, name="shop", duckdb=str(Path(folder) / "warehouse.duckdb"))
    home = Path(folder) / resource
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        for _ in range(rounds):
            job = definitions.resolve_implicit_global_asset_job_def()
            assert job.execute_in_process(instance=instance).success


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
