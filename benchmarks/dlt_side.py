"""One workload through dlt, in a process of its own, in dlt's environment."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

from benchmarks.workloads import DATASET, WORKLOADS


def new_pipeline(folder: Path) -> Any:
    """A pipeline with its state and its DuckDB file in the folder."""
    return dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=str(folder / "state"),
        destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
        dataset_name=DATASET,
    )


def main(workload: str, variant: str, url: str, folder: Path, part: str) -> None:
    """Run the workload (`part` is `prepare` or `run`)."""
    chosen = WORKLOADS[workload]
    config: dict[str, Any] = (chosen.prepare if part == "prepare" else chosen.config)(url)  # type: ignore[misc]
    if variant in ("dlt-parallelized", "dlt-64"):
        for resource in config["resources"]:
            resource["parallelized"] = True
    if variant == "dlt-64":
        os.environ["EXTRACT__WORKERS"] = "64"
        os.environ["EXTRACT__MAX_PARALLEL_ITEMS"] = "256"
    began = time.perf_counter()
    pipeline = new_pipeline(folder)
    options = {} if variant == "dlt" else {"loader_file_format": "parquet"}
    pipeline.run(rest_api_source(config), **options)
    (folder / "inside.txt").write_text(str(time.perf_counter() - began))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5])
