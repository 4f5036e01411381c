"""One workload through dagster_rest, in a process of its own."""

from __future__ import annotations

import importlib.abc
import sys
import time
from pathlib import Path
from typing import Any


class NoPandas(importlib.abc.MetaPathFinder):
    """As if pandas was not installed.

    pyarrow imports it with the first array if it is there. The development environment has it; neither a plain
    install of the package nor dlt's environment does.
    """

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        """Refuse pandas, and nothing else."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


def main(workload: str, variant: str, url: str, folder: Path, part: str) -> None:
    """Run the workload (`part` is `prepare` or `run`)."""
    import dagster as dg
    from dagster_duckdb import DuckDBResource

    from benchmarks.workloads import DATASET, WORKLOADS
    from dagster_rest import RestApiResource, build_rest_assets

    chosen = WORKLOADS[workload]
    config = (chosen.prepare if part == "prepare" else chosen.config)(url)  # type: ignore[misc]
    if variant == "ours-64":
        config["client"]["max_concurrency"] = 64
    # The storages of an instance are there before a step begins; they are counted in the whole process only.
    instance = dg.DagsterInstance.ephemeral()
    began = time.perf_counter()
    dg.materialize(
        build_rest_assets(config, name=DATASET),
        resources={
            DATASET: RestApiResource.from_config(config["client"]),
            "duckdb": DuckDBResource(database=str(folder / "ours.duckdb")),
        },
        instance=instance,
    )
    (folder / "inside.txt").write_text(str(time.perf_counter() - began))


if __name__ == "__main__":
    sys.meta_path.insert(0, NoPandas())
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5])
