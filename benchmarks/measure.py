"""Run a command, and say how long the whole process took and how much memory it had at most."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """One process, without its children.

    Args:
        seconds: From its start to its end.
        cpu_seconds: CPU time in it.
        peak_mb: Peak resident memory.
        inside: Seconds of the load alone, as the process itself measured it: no interpreter, no imports before it.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    inside: float | None


def measure(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path) -> Measured:
    """Measure one process; raises if it fails."""
    with log.open("w") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=dict(env), stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{log.read_text()[-4000:]}")
    noted = cwd / "inside.txt"
    inside = float(noted.read_text()) if noted.exists() else None
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, inside)
