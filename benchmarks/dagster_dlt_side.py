"""One workload through dlt in Dagster (dagster-dlt), in a process of its own, in dlt's environment."""

import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.workloads import WORKLOADS


def main(workload: str, variant: str, url: str, folder: Path, part: str) -> None:
    """Run the workload (`part` is `prepare` or `run`)."""
    import dagster as dg
    from dagster_dlt import DagsterDltResource, dlt_assets
    from dlt.sources.rest_api import rest_api_source

    from benchmarks.dlt_side import new_pipeline

    chosen = WORKLOADS[workload]
    config: dict[str, Any] = (chosen.prepare if part == "prepare" else chosen.config)(url)  # type: ignore[misc]
    if variant == "dagster-dlt-parallelized":
        for resource in config["resources"]:
            resource["parallelized"] = True
    instance = dg.DagsterInstance.ephemeral()
    began = time.perf_counter()
    pipeline = new_pipeline(folder)

    @dlt_assets(dlt_source=rest_api_source(config), dlt_pipeline=pipeline)
    def load(context: dg.AssetExecutionContext, loader: DagsterDltResource):  # type: ignore[no-untyped-def]
        yield from loader.run(context=context, loader_file_format="parquet")

    dg.materialize([load], resources={"loader": DagsterDltResource()}, instance=instance)
    (folder / "inside.txt").write_text(str(time.perf_counter() - began))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5])
