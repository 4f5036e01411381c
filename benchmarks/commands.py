"""Whole commands: `dagster asset materialize` with one and with twenty assets, and loading a big code location."""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Measured, measure

DEFINITIONS = """
import os
import dagster as dg
from benchmarks.workloads import many
from dagster_rest import build_rest_definitions

config = many({count})(os.environ["BENCH_URL"])
defs = dg.Definitions.merge(
    build_rest_definitions(config, name="bench", duckdb=os.environ["BENCH_DUCKDB"]{mode}),
    dg.Definitions(executor={executor}),
)
"""
EMPTY = """
import dagster as dg

def _asset(number):
    @dg.asset(name=f"empty_{{number:04d}}")
    def empty():
        pass
    return empty

defs = dg.Definitions(assets=[_asset(number) for number in range({count})], executor={executor})
"""
DLT = """
import os
import dlt
from benchmarks.workloads import many
from dlt.sources.rest_api import rest_api_source

target = dlt.destinations.duckdb("dlt.duckdb")
pipeline = dlt.pipeline("bench", pipelines_dir="state", destination=target, dataset_name="bench")
pipeline.run(rest_api_source(many({count})(os.environ["BENCH_URL"])), loader_file_format="parquet")
"""
DAGSTER_DLT = """
import os
import dagster as dg
import dlt
from benchmarks.workloads import many
from dagster_dlt import DagsterDltResource, dlt_assets
from dlt.sources.rest_api import rest_api_source

target = dlt.destinations.duckdb("dlt.duckdb")
pipeline = dlt.pipeline("bench", pipelines_dir="state", destination=target, dataset_name="bench")

@dlt_assets(dlt_source=rest_api_source(many({count})(os.environ["BENCH_URL"])), dlt_pipeline=pipeline)
def load(context: dg.AssetExecutionContext, loader: DagsterDltResource):
    yield from loader.run(context=context, loader_file_format="parquet")

defs = dg.Definitions(assets=[load], resources={{"loader": DagsterDltResource()}}, executor={executor})
"""
NOTHING = """
import dagster as dg

@dg.asset
def nothing():
    pass

dg.materialize([nothing])
"""
LOAD = """
import importlib, time
import dagster as dg
began = time.perf_counter()
module = importlib.import_module("bench_definitions")
module.defs.resolve_all_asset_specs()
dg.Definitions.validate_loadable(module.defs)
print(time.perf_counter() - began)
"""
IN_PROCESS, MULTIPROCESS = "dg.in_process_executor", "dg.multiprocess_executor"


@dataclass(frozen=True)
class CommandResult:
    """The rounds of one command."""

    title: str
    rounds: list[Measured]

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(m.seconds for m in self.rounds)

    @property
    def peak_mb(self) -> float:
        """The highest peak of the process itself."""
        return max(m.peak_mb for m in self.rounds)


def measure_commands(
    url: str, rounds: int, scratch: Path, environment: Callable[[Path], dict[str, str]]
) -> list[CommandResult]:
    """All commands, in turns."""
    dagster = [str(Path(sys.executable).with_name("dagster"))]
    materialize = [*dagster, "asset", "materialize", "--select", "*", "-m", "bench_definitions"]
    # Dagster alone is what no integration can be faster than; a script has no scheduler, no history and no UI.
    variants: list[tuple[str, str, Sequence[str]]] = []
    variants.append(
        (
            "Dagster alone, dg.materialize of an asset that does nothing",
            NOTHING,
            [sys.executable, "bench_definitions.py"],
        )
    )
    for count in (1, 20):
        title = f"Dagster alone, {_assets(count)} that do{'es' if count == 1 else ''} nothing, in-process"
        variants.append((title, EMPTY.format(count=count, executor=IN_PROCESS), materialize))
        for title, executor, mode in [
            ("in-process", IN_PROCESS, ""),
            ("multiprocess", MULTIPROCESS, ""),
            ("single_op, multiprocess", MULTIPROCESS, ', mode="single_op"'),
        ]:
            module = DEFINITIONS.format(count=count, executor=executor, mode=mode)
            variants.append((f"dagster asset materialize, {_assets(count)}, {title}", module, materialize))
        materialize_dlt = [str(Path(_dlt()).with_name("dagster")), *materialize[1:]]
        for title, executor in [("in-process", IN_PROCESS), ("multiprocess", MULTIPROCESS)]:
            module = DAGSTER_DLT.format(count=count, executor=executor)
            variants.append((f"dagster-dlt, {_assets(count)} (always one op), {title}", module, materialize_dlt))
        variants.append(
            (f"dlt, {_assets(count)}, as a script", DLT.format(count=count), [_dlt(), "bench_definitions.py"])
        )
    thousand = DEFINITIONS.format(count=1000, executor=IN_PROCESS, mode="")
    validate = [*dagster, "definitions", "validate", "-m", "bench_definitions"]
    variants.append(("dagster definitions validate, 1,000 assets", thousand, validate))
    variants.append(("import and resolve, 1,000 assets (whole process)", thousand, [sys.executable, "-c", LOAD]))
    prepared = [
        _prepared(module, url, scratch / f"command-{n}", environment) for n, (_, module, _) in enumerate(variants)
    ]
    measured: dict[str, list[Measured]] = {title: [] for title, _, _ in variants}
    # The first round makes Dagster's databases, the state of dlt and the tables; it does not count.
    for number in range(rounds + 1):
        for (title, _, command), (folder, env) in zip(variants, prepared, strict=True):
            one = measure(command, cwd=folder, env=env, log=folder / "log.txt")
            if number:
                measured[title].append(one)
                print(f"{title:62} {one.seconds:7.2f} s (CPU {one.cpu_seconds:.2f}) {one.peak_mb:5.0f} MB", flush=True)
    for folder, _ in prepared:
        shutil.rmtree(folder)
    return [CommandResult(title, found) for title, found in measured.items()]


def _prepared(
    module: str, url: str, folder: Path, environment: Callable[[Path], dict[str, str]]
) -> tuple[Path, dict[str, str]]:
    home = folder / "home"
    home.mkdir(parents=True)
    (folder / "bench_definitions.py").write_text(module)
    env = environment(folder)
    env |= {
        "BENCH_URL": url,
        "BENCH_DUCKDB": str(folder / "ours.duckdb"),
        "DAGSTER_HOME": str(home),
        "PYTHONPATH": f"{folder}:{env['PYTHONPATH']}",
    }
    return folder, env


def _assets(count: int) -> str:
    return f"{count} asset" + ("s" if count > 1 else "")


def _dlt() -> str:
    from benchmarks.run import dlt_python

    return dlt_python()
