"""`make bench`: ours beside dlt and the raw limit, in one run, interleaved; writes `benchmarks/RESULTS.md`.

```
python benchmarks/run.py                          # everything, median of 5
python benchmarks/run.py --quick                  # one round, without the long ones; writes nothing
python benchmarks/run.py --only flat --rounds 3   # one workload; writes nothing
```
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.commands import measure_commands  # noqa: E402  # the root has to be on the path first
from benchmarks.measure import Measured, measure  # noqa: E402
from benchmarks.report import SIDES, write_report  # noqa: E402
from benchmarks.workloads import DATASET, WORKLOADS, Workload  # noqa: E402

QUIET = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "PYTHONPATH": str(ROOT),
}


@dataclass(frozen=True)
class Result:
    """All rounds of one workload, by side."""

    workload: Workload
    rounds: dict[str, list[Measured]]

    def seconds(self, side: str) -> float:
        """The median."""
        return statistics.median(m.seconds for m in self.rounds[side])

    def inside(self, side: str) -> float:
        """The median of the load alone."""
        return statistics.median(m.inside or 0 for m in self.rounds[side])

    def peak_mb(self, side: str) -> float:
        """The highest peak."""
        return max(m.peak_mb for m in self.rounds[side])

    def ratio(self, side: str) -> float:
        """How many times as long as ours this side takes."""
        return self.seconds(side) / self.seconds("ours")


@contextmanager
def server() -> Iterator[str]:
    """The API, in its own process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def command_of(side: str, workload: Workload, url: str, folder: Path, part: str) -> list[str]:
    """The process that runs one side."""
    if side == "raw":
        return [sys.executable, "-m", "benchmarks.raw_side", workload.name, url, str(folder), part]
    if side in ("ours", "ours-64"):
        return [sys.executable, "-m", "benchmarks.our_side", workload.name, side, url, str(folder), part]
    module = "dagster_dlt_side" if side.startswith("dagster-dlt") else "dlt_side"
    return [dlt_python(), "-m", f"benchmarks.{module}", workload.name, side, url, str(folder), part]


def dlt_python() -> str:
    """The interpreter of dlt's environment."""
    python = os.environ.get("DLT_PYTHON")
    if not python:
        raise SystemExit("DLT_PYTHON is not set: run `make bench`, which installs dlt into .venv-dlt")
    return python


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the user's configuration."""
    home = {"DLT_DATA_DIR": str(folder), "DLT_PROJECT_DIR": str(folder)}
    # Without bytecode on disk every process compiles the package anew, which nobody's installation does.
    left_out = ("DAGSTER_HOME", "PYTHONDONTWRITEBYTECODE")
    return {**{k: v for k, v in os.environ.items() if k not in left_out}, **QUIET, **home}


def run_workload(workload: Workload, url: str, rounds: int, sides: Sequence[str], scratch: Path) -> Result:
    """All rounds, the sides in turns."""
    chosen = [side for side in workload.sides if side in sides]
    prepared = {side: prepare(workload, side, url, scratch) for side in chosen}
    measured: dict[str, list[Measured]] = {side: [] for side in chosen}
    for number in range(1 if workload.once else rounds):
        for side in chosen:
            folder = scratch / f"{workload.name}-{side}-{number}"
            if prepared[side]:
                shutil.copytree(prepared[side] or folder, folder)
            folder.mkdir(exist_ok=True)
            command = command_of(side, workload, url, folder, "run")
            one = measure(command, cwd=folder, env=environment(folder), log=folder / "log.txt")
            check(workload, side, folder)
            measured[side].append(one)
            inner = f"(inside {one.inside or 0:.2f}, CPU {one.cpu_seconds:.2f})"
            print(f"{workload.name:20} {side:17} {one.seconds:7.2f} s {inner} {one.peak_mb:7.0f} MB", flush=True)
            shutil.rmtree(folder)
    for folder in filter(None, prepared.values()):
        shutil.rmtree(folder)
    return Result(workload, measured)


def prepare(workload: Workload, side: str, url: str, scratch: Path) -> Path | None:
    """What has to be in the warehouse before; untimed."""
    if workload.prepare is None:
        return None
    folder = scratch / f"{workload.name}-{side}-prepared"
    folder.mkdir()
    # What is there before is the same however it got there: dlt's fastest way will do for all of dlt's sides.
    by = "dlt-parquet" if "dlt" in side else side
    command = command_of(by, workload, url, folder, "prepare")
    measure(command, cwd=folder, env=environment(folder), log=folder / "log.txt")
    shutil.rmtree(folder / "pages-prepare", ignore_errors=True)
    return folder


def check(workload: Workload, side: str, folder: Path) -> None:
    """A side that did not load everything has no time."""
    if side == "raw":
        return
    import duckdb

    name = "dlt" if "dlt" in side else "ours"
    with duckdb.connect(str(folder / f"{name}.duckdb"), read_only=True) as connection:
        for table, rows in workload.expected.items():
            found = connection.execute(f'select count(*) from {DATASET}."{table}"').fetchone()
            if found != (rows,):
                raise RuntimeError(f"{workload.name} by {side}: {found} rows in {table}, not {rows}")


def machine() -> dict[str, str]:
    """What the numbers were taken on."""
    from importlib.metadata import version

    dlt_versions = subprocess.run(
        [dlt_python(), "-c", "import dlt, duckdb, json; print(json.dumps([dlt.__version__, duckdb.__version__]))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    dlt_version, dlt_duckdb = json.loads(dlt_versions)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "dagster": version("dagster"),
        "duckdb": version("duckdb"),
        "pyarrow": version("pyarrow"),
        "dlt": f"{dlt_version} (duckdb {dlt_duckdb})",
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the median counts")
    parser.add_argument("--quick", action="store_true", help="one round, only flat, nested and one fan-out")
    parser.add_argument("--only", nargs="*", help="only these workloads (`commands` for the command lines)")
    parser.add_argument("--sides", nargs="*", default=SIDES, help="only these sides")
    arguments = parser.parse_args()
    rounds = 1 if arguments.quick else arguments.rounds
    names = arguments.only or (["flat", "nested", "fan_out_500_50ms"] if arguments.quick else [*WORKLOADS, "commands"])
    with server() as url, tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        results = [
            run_workload(WORKLOADS[name], url, rounds, arguments.sides, Path(scratch))
            for name in names
            if name in WORKLOADS
        ]
        commands = measure_commands(url, rounds, Path(scratch), environment) if "commands" in names else []
    complete = not (arguments.quick or arguments.only)
    print(write_report(results, commands, machine(), rounds, ROOT / "benchmarks" / "RESULTS.md" if complete else None))


if __name__ == "__main__":
    main()
