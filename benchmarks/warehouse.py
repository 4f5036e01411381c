"""The warehouse room alone beside dlt, whole processes, interleaved: what is left when HTTP and Dagster are taken off.

`DLT_PYTHON=.venv-dlt/bin/python python benchmarks/warehouse.py [--rounds 3] [--with-default] [--memory]`

`make bench` measures the whole package; this says how much of it is records into tables.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measure import Measured, measure  # noqa: E402  # the root has to be on the path first
from benchmarks.run import QUIET, server  # noqa: E402


def one_round(workload: str, side: str, url: str) -> Measured:
    """Run one workload on one side, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if side == "warehouse":
            command = [sys.executable, "-m", "benchmarks.warehouse_side", workload, url, str(folder), "run"]
        else:
            script = str(ROOT / "benchmarks" / "dlt_side.py")
            command = [os.environ["DLT_PYTHON"], script, workload, side, url, str(folder), "run"]
        environment = {**os.environ, **QUIET}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return measure(command, cwd=folder if side != "warehouse" else ROOT, env=environment, log=folder / "log.txt")


def main() -> None:
    """Measure, and print medians and ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--with-default", action="store_true", help="dlt's default file format too; slow")
    options.add_argument("--memory", action="store_true", help="the peak of 2,000,000 rows too")
    chosen = options.parse_args()
    sides = ["warehouse", "dlt-parquet", *(["dlt"] if chosen.with_default else [])]
    with server() as url:
        for workload in ("flat", "nested"):
            rounds: dict[str, list[Measured]] = {side: [] for side in sides}
            for _ in range(chosen.rounds):
                for side in sides:
                    rounds[side].append(one_round(workload, side, url))
            ours = statistics.median(one.seconds for one in rounds["warehouse"])
            for side, found in rounds.items():
                seconds = statistics.median(one.seconds for one in found)
                cpu = statistics.median(one.cpu_seconds for one in found)
                peak = max(one.peak_mb for one in found)
                print(f"{workload:8}{side:12}{seconds:8.2f} s{cpu:8.2f} s CPU{peak:8.0f} MB{seconds / ours:8.1f} x")
        if chosen.memory:
            for workload in ("flat", "memory"):
                one = one_round(workload, "warehouse", url)
                print(
                    f"{workload:8}{'warehouse':12}{one.seconds:8.2f} s{one.cpu_seconds:8.2f} s CPU{one.peak_mb:8.0f} MB"
                )


if __name__ == "__main__":
    main()
