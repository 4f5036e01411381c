"""One workload through dagster_rest, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

# pyarrow imports pandas with the first array if it is installed. The development environment has it; neither a plain
# install of the package nor dlt's environment does.
sys.modules["pandas"] = None  # type: ignore[assignment]

import dagster as dg  # noqa: E402  # after the line above, which has to come first
from dagster_duckdb import DuckDBResource  # noqa: E402

from benchmarks.workloads import DATASET, WORKLOADS  # noqa: E402
from dagster_rest import RestApiResource, build_rest_assets  # noqa: E402


def main(workload: str, variant: str, url: str, folder: Path, part: str) -> None:
    """Run the workload (`part` is `prepare` or `run`)."""
    chosen = WORKLOADS[workload]
    config = (chosen.prepare if part == "prepare" else chosen.config)(url)  # type: ignore[misc]
    if variant == "ours-64":
        config["client"]["max_concurrency"] = 64
    dg.materialize(
        build_rest_assets(config, name=DATASET),
        resources={
            DATASET: RestApiResource.from_config(config["client"]),
            "duckdb": DuckDBResource(database=str(folder / "ours.duckdb")),
        },
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5])
