"""Mutation testing: how many small faults in a file the tests of that file notice, and which they do not.

`make mutate ARGS="config/plan/defaults.py --minutes 20"`; without names, all of `TARGETS`. It works on a
copy of the sources, so an interrupted run leaves no fault behind.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS: dict[str, str] = {
    "config/request/parse.py": "tests/config/test_placeholders.py tests/config/test_requests_sent.py",
    "config/plan/defaults.py": "tests/config/test_defaults.py",
    "warehouse/state/ledger.py": "tests/reliability/test_ledger_versions.py tests/assets/test_state_protocol.py",
    "warehouse/load/commit.py": "tests/warehouse/test_dispositions.py",
    "warehouse/load/merge.py": "tests/warehouse/test_dispositions.py",
    "assets/cursor/values.py": "tests/assets/test_cursor.py",
    "assets/cursor/ahead.py": "tests/assets/test_ahead.py",
    "assets/cursor/reach.py": "tests/assets/test_ahead.py",
    "http/send/response_actions.py": "tests/http/send/test_response_actions.py",
    "http/auth/credentials.py": "tests/http/auth/test_auth.py",
    "http/parse/json.py": "tests/http/parse/test_json.py",
    "http/paginators/detection/detect.py": "tests/http/paginators/test_detection.py",
    "http/fetch/scheduler.py": "tests/http/fetch/test_scheduler.py",
    "http/fetch/budget.py": "tests/http/fetch/test_scheduler.py",
    "http/send/sender.py": "tests/http/send/test_retry.py tests/http/send/test_faults.py tests/http/test_origins.py",
    "http/auth/oauth.py": "tests/http/auth/test_auth.py",
    "http/fetch/page.py": "tests/http/fetch/test_plan_options.py tests/http/fetch/test_scheduler.py",
    "http/send/rate_limit.py": "tests/http/send/test_rate_limit.py",
    "http/redaction.py": "tests/http/test_redaction.py",
    "http/request.py": "tests/http/test_requests.py",
    "http/send/retry.py": "tests/http/send/test_retry.py",
    "http/parse/records.py": "tests/http/parse/test_records.py",
    "http/send/slots.py": "tests/http/fetch/test_scheduler.py",
    "http/fetch/page_stream.py": "tests/http/paginators/test_paginators.py tests/http/send/test_faults.py",
}
"""Each file below `dagster_rest/` with the tests that are there to notice its faults."""

COPIED = ("dagster_rest", "tests", "examples", "docs", "benchmarks", "pyproject.toml", "README.md", "definitions.py")


@dataclass(frozen=True)
class Survivor:
    """A fault that no test noticed: where it is, and what it changed."""

    line: int
    diff: str


@dataclass(frozen=True)
class Score:
    """What became of the faults of one file."""

    target: str
    faults: int
    tried: int
    survivors: tuple[Survivor, ...]

    def __str__(self) -> str:
        """One line."""
        share = (self.tried - len(self.survivors)) / self.tried if self.tried else 0.0
        return f"{self.target}: {share:.0%} of {self.tried} faults noticed ({self.faults} possible)"


def main() -> int:
    """Measure, and print the score and the survivors of each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "targets", nargs="*", default=[], help="files below dagster_rest/; all that are known if absent"
    )
    parser.add_argument("--tests", help="the tests to run, for a file that is not known")
    parser.add_argument("--minutes", type=float, default=15.0, help="the longest that one file may take")
    options = parser.parse_args()
    for target in options.targets or TARGETS:
        tests = options.tests or TARGETS.get(target)
        if tests is None or not (ROOT / "dagster_rest" / target).is_file():
            print(f"{target}: unknown; known are {', '.join(TARGETS)}, others need --tests", file=sys.stderr)
            return 2
        score = measure(target, tests=tests, seconds=options.minutes * 60)
        print(score, flush=True)
        for survivor in score.survivors:
            print(f"--- survived, line {survivor.line}\n{survivor.diff}", flush=True)
    return 0


def measure(target: str, *, tests: str, seconds: float) -> Score:
    """Try the faults of a file until the time is over, in a random order.

    Args:
        target: The file, below `dagster_rest/`.
        tests: The tests to run, with blanks between.
        seconds: How long.
    """
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        work = Path(folder)
        for name in COPIED:
            _copy(ROOT / name, work / name)
        tool, session = str(Path(sys.executable).with_name("cosmic-ray")), "session.sqlite"
        command = f"{sys.executable} -m pytest -x -q -p no:cacheprovider -m 'not long and not compat' {tests}"
        environment = {**os.environ, "PATH": f"{Path(tool).parent}:{os.environ['PATH']}"}

        def run(*arguments: str, timeout: float | None = None) -> str:
            done = subprocess.run(
                [tool, *arguments],
                cwd=work,
                env=environment,
                timeout=timeout,
                check=True,
                capture_output=True,
                text=True,
            )
            return done.stdout

        started = time.monotonic()
        subprocess.run(["sh", "-c", command], cwd=work, check=True, capture_output=True)
        patience = max(20.0, 4 * (time.monotonic() - started))
        (work / "mutate.toml").write_text(_config(target, command=command, timeout=patience))
        run("init", "mutate.toml", session)
        _choose(work / session, work / "dagster_rest" / target)
        try:
            run("exec", "mutate.toml", session, timeout=seconds)
        except subprocess.TimeoutExpired:
            print(f"{target}: stopped after {seconds / 60:g} minutes", file=sys.stderr)
        return _score(target, run("dump", session))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


def _config(target: str, *, command: str, timeout: float) -> str:
    return f"""\
[cosmic-ray]
module-path = "dagster_rest/{target}"
timeout = {timeout:.1f}
excluded-modules = []
test-command = {json.dumps(command)}

[cosmic-ray.distributor]
name = "local"
"""


def _choose(session: Path, source: Path) -> None:
    """Leave out what no test can notice, and put the rest into a random order: a run that is cut short sees all parts.

    Args:
        session: The faults that cosmic-ray found.
        source: The file.
    """
    spans = list(_annotations(source))
    with sqlite3.connect(session) as connection:
        rows = connection.execute("select job_id, start_pos_row, start_pos_col from mutation_specs").fetchall()
        silent = [(job,) for job, *start in rows if any(first <= tuple(start) < last for first, last in spans)]
        for table in ("mutation_specs", "work_items"):
            connection.executemany(f"delete from {table} where job_id = ?", silent)
        jobs = connection.execute("select job_id from work_items order by random()").fetchall()
        connection.execute("delete from work_items")
        connection.executemany("insert into work_items (job_id) values (?)", jobs)


def _annotations(source: Path) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the annotations of a file are: nothing evaluates them."""
    for node in ast.walk(ast.parse(source.read_text())):
        for found in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(found, ast.expr):
                yield (found.lineno, found.col_offset), (found.end_lineno or 0, found.end_col_offset or 0)


def _score(target: str, dump: str) -> Score:
    faults, tried, survivors = 0, 0, []
    for line in dump.splitlines():
        item, result = json.loads(line)
        faults += 1
        if result is None:
            continue
        tried += 1
        if result["test_outcome"] == "survived":
            (mutation,) = item["mutations"]
            survivors.append(Survivor(line=mutation["start_pos"][0], diff=_changed(result["diff"] or "")))
    return Score(
        target=target, faults=faults, tried=tried, survivors=tuple(sorted(survivors, key=lambda one: one.line))
    )


def _changed(diff: str) -> str:
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
