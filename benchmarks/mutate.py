"""Mutation testing: how many small faults in a file the tests of that file notice, and which they do not.

`make mutate ARGS="config/plan/defaults.py --minutes 20"`; without names, all of `TARGETS`. It works on a
copy of the sources, so an interrupted run leaves no fault behind.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS: dict[str, str] = {
    "config/plan/defaults.py": "tests/config/plan/test_defaults.py",
    "config/request/filling.py": "tests/config/request/test_placeholders.py tests/config/request/test_requests_sent.py",
    "config/request/parse.py": "tests/config/request/test_placeholders.py tests/config/request/test_requests_sent.py",
    "warehouse/state/ledger.py": "tests/warehouse/state/test_ledger.py tests/warehouse/state/test_confirmation.py",
    "warehouse/state/ledger_tables.py": "tests/warehouse/state/test_ledger.py",
    "warehouse/load/commit.py": "tests/warehouse/load/test_large_loads.py tests/warehouse/load/test_dispositions.py",
    "warehouse/load/conditions.py": "tests/warehouse/load/test_dispositions.py",
    "warehouse/load/dedup_order.py": "tests/warehouse/load/test_dedup_order.py",
    "warehouse/load/family.py": "tests/warehouse/load/test_dispositions.py",
    "warehouse/load/links.py": "tests/warehouse/load/test_families.py -k 'not every'",
    "warehouse/load/merge.py": "tests/warehouse/load/test_large_loads.py tests/warehouse/load/test_dispositions.py",
    "warehouse/load/target.py": (
        "tests/warehouse/load/test_large_loads.py tests/warehouse/load/test_evolution.py "
        "tests/warehouse/shred/test_changed_hints.py"
    ),
    "assets/cursor/values.py": "tests/assets/cursor/test_cursor.py",
    "assets/cursor/order.py": "tests/assets/cursor/test_order.py tests/assets/cursor/test_cursor.py",
    "assets/cursor/range.py": "tests/assets/cursor/test_range.py",
    "assets/cursor/window_edges.py": "tests/assets/cursor/test_window_edges.py",
    "assets/cursor/row_filter.py": "tests/assets/cursor/test_row_filter.py",
    "assets/cursor/ahead.py": "tests/assets/cursor/test_ahead_rows.py",
    "assets/cursor/limits.py": "tests/assets/cursor/test_limits.py",
    "http/send/response_actions.py": "tests/http/send/test_response_actions.py",
    "http/send/admission.py": "tests/http/send/test_admission.py -k 'not window'",
    "http/auth/credentials.py": "tests/http/auth/test_auth.py",
    "http/parse/json.py": "tests/http/parse/test_json.py tests/http/parse/test_charsets.py",
    "http/paginators/detection/detect.py": "tests/http/paginators/test_detection.py",
    "http/fetch/scheduler.py": "tests/http/fetch/test_scheduler.py",
    "http/fetch/budget.py": "tests/http/fetch/test_budget.py",
    "http/send/sender.py": "tests/http/send/test_retry.py tests/http/send/test_faults.py tests/http/test_origins.py",
    "http/transport/failures.py": "tests/http/transport/test_failures.py",
    "http/auth/oauth.py": "tests/http/auth/test_auth.py",
    "http/send/factory.py": "tests/http/transport/test_tls.py tests/http/transport/test_proxies.py",
    "http/origin.py": "tests/http/test_origins.py",
    "http/page.py": "tests/http/fetch/test_plan_options.py tests/http/fetch/test_scheduler.py",
    "http/transport/proxies.py": "tests/http/transport/test_proxies.py",
    "http/send/rate_limit.py": "tests/http/send/test_rate_limit.py",
    "http/redaction.py": "tests/http/test_redaction.py",
    "http/fetch/repeats.py": "tests/http/fetch/test_bounds.py",
    "http/request.py": "tests/http/test_requests.py",
    "http/send/retry.py": "tests/http/send/test_retry.py",
    "http/parse/candidates.py": "tests/http/parse/test_candidates.py tests/http/parse/test_records.py",
    "http/parse/link_header.py": "tests/http/parse/test_link_header.py",
    "http/parse/records.py": "tests/http/parse/test_records.py tests/http/fetch/test_ambiguous_lists.py",
    "http/paginators/base.py": "tests/http/paginators/test_paginators.py",
    "http/paginators/cursors.py": "tests/http/paginators/test_paginators.py",
    "http/paginators/page_numbers.py": "tests/http/paginators/test_ahead.py tests/http/paginators/test_totals.py",
    "http/paginators/ranges.py": "tests/http/paginators/test_totals.py tests/http/paginators/test_paginators.py",
    "http/send/slots.py": "tests/http/send/test_admission.py -k slot",
    "http/transport/tls.py": "tests/http/transport/test_tls.py",
    "http/transport/sockets.py": "tests/http/transport/test_failures.py tests/http/transport/test_body.py",
    "http/transport/body.py": "tests/http/transport/test_body.py",
    "http/fetch/page_stream.py": "tests/http/paginators/test_paginators.py tests/http/paginators/test_totals.py",
}
"""Each file below `dagster_rest/` with the tests that are there to notice its faults."""

SLOWER: dict[str, str] = {
    "config/plan/defaults.py": "tests/config/model/test_homes.py",
    "config/request/parse.py": "tests/config/request/test_braces.py",
    "warehouse/state/ledger.py": "tests/assets/start/test_state_protocol.py",
    "warehouse/state/ledger_tables.py": "tests/reliability/test_ledger_versions.py",
    "warehouse/load/commit.py": "tests/warehouse/load/test_families.py tests/warehouse/state/test_owners.py",
    "warehouse/load/conditions.py": "tests/warehouse/load/test_families.py",
    "warehouse/load/dedup_order.py": "tests/warehouse/load/test_dispositions.py",
    "warehouse/load/family.py": "tests/warehouse/load/test_families.py",
    "warehouse/load/links.py": "tests/warehouse/load/test_dispositions.py",
    "warehouse/load/merge.py": "tests/warehouse/load/test_dedup_order.py tests/warehouse/load/test_families.py",
    "warehouse/load/target.py": "tests/warehouse/load/test_dispositions.py",
    "assets/cursor/row_filter.py": "tests/assets/cursor/test_ahead.py",
    "assets/cursor/ahead.py": "tests/assets/cursor/test_ahead.py",
    "assets/cursor/limits.py": "tests/assets/cursor/test_ahead.py",
    "http/send/admission.py": "tests/http/send/test_admission.py -k window",
    "http/auth/credentials.py": "tests/http/fetch/test_plan_options.py",
    "http/send/sender.py": (
        "tests/http/fetch/test_breaks.py tests/http/fetch/test_bounds.py tests/http/transport/test_failures.py"
    ),
    "http/send/rate_limit.py": "tests/http/send/test_admission.py",
    "http/send/retry.py": "tests/http/send/test_admission.py -k 'not window'",
    "http/send/slots.py": "tests/http/fetch/test_scheduler.py",
    "http/paginators/base.py": "tests/http/fetch/test_breaks.py tests/http/fetch/test_scheduler.py",
    "http/paginators/cursors.py": "tests/http/fetch/test_breaks.py tests/http/fetch/test_bounds.py",
    "http/paginators/page_numbers.py": (
        "tests/http/paginators/test_detection.py tests/http/paginators/test_paginators.py"
    ),
    "http/fetch/budget.py": "tests/http/fetch/test_scheduler.py",
    "http/paginators/ranges.py": "tests/http/fetch/test_breaks.py tests/http/send/test_response_actions.py",
    "http/transport/sockets.py": "tests/http/send/test_faults.py",
    "http/fetch/page_stream.py": (
        "tests/http/send/test_response_actions.py tests/http/send/test_faults.py "
        "tests/http/fetch/test_breaks.py tests/http/fetch/test_bounds.py"
    ),
}
"""Tests that are run only for the faults that a file's own tests did not notice: they take longer."""

MARKS = "'not long and not compat'"
SAME = ("_Is_Eq", "_IsNot_NotEq")
"""Operators whose faults change nothing: what is compared by identity here is None, a class or a member of an enum."""
COPIED = (
    "dagster_rest",
    "tests",
    "examples",
    "docs",
    "benchmarks",
    "tools",
    "pyproject.toml",
    "README.md",
    "definitions.py",
)


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
    parser.add_argument("--slower", default="", help="the tests to run for what those do not notice")
    parser.add_argument("--minutes", type=float, default=15.0, help="the longest that one file may take")
    options = parser.parse_args()
    for target in options.targets or TARGETS:
        tests = options.tests or TARGETS.get(target)
        if tests is None or not (ROOT / "dagster_rest" / target).is_file():
            print(f"{target}: unknown; known are {', '.join(TARGETS)}, others need --tests", file=sys.stderr)
            return 2
        slower = options.slower or SLOWER.get(target, "")
        score = measure(target, stages=[stage for stage in (tests, slower) if stage], seconds=options.minutes * 60)
        print(score, flush=True)
        for survivor in score.survivors:
            print(f"--- survived, line {survivor.line}\n{survivor.diff}", flush=True)
    return 0


def measure(target: str, *, stages: Sequence[str], seconds: float) -> Score:
    """Try the faults of a file until the time is over, each place once before any place twice.

    Args:
        target: The file, below `dagster_rest/`.
        stages: The tests to run, with blanks between; those of a later stage only for what the earlier did not notice.
        seconds: How long.

    Raises:
        RuntimeError: The tests fail without a fault, or pass although the file is broken: they import another copy.
    """
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        work = Path(folder)
        for name in COPIED:
            _copy(ROOT / name, work / name)
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(work),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        warm = [sys.executable, "-m", "benchmarks.warm"]
        command = [*warm, "ask", "warm.sock", *(f"-x -q -p no:cacheprovider -m {MARKS} {stage}" for stage in stages)]
        with subprocess.Popen([*warm, "serve", "warm.sock"], cwd=work, env=environment) as server:
            try:
                return _measure(target, work=work, environment=environment, command=command, seconds=seconds)
            finally:
                server.terminate()


def _measure(target: str, *, work: Path, environment: dict[str, str], command: list[str], seconds: float) -> Score:
    def run(*arguments: str, timeout: float | None = None) -> str:
        done = subprocess.run(
            ["cosmic-ray", *arguments],
            cwd=work,
            env=environment,
            timeout=timeout,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    while not (work / "warm.sock").exists():
        time.sleep(0.1)
    patience = max(20.0, 4 * _check(target, work=work, environment=environment, command=command))
    _register(work)
    (work / "mutate.toml").write_text(_config(target, command=shlex.join(command), timeout=patience))
    run("init", "mutate.toml", session := "session.sqlite")
    rounds = _rounds(work / session, work / "dagster_rest" / target)
    end = time.monotonic() + seconds
    try:
        for jobs in rounds:
            with sqlite3.connect(work / session) as connection:
                connection.executemany("insert into work_items (job_id) values (?)", [(job,) for job in jobs])
            run("exec", "mutate.toml", session, timeout=max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        print(f"{target}: stopped after {seconds / 60:g} minutes", file=sys.stderr)
    return _score(target, faults=sum(map(len, rounds)), dump=run("dump", session))


def _register(work: Path) -> None:
    """Make the operators of `statements.py` known to cosmic-ray, as an installed distribution would."""
    folder = work / "statements-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: statements\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(
        "[cosmic_ray.operator_providers]\nstatements = benchmarks.statements:Provider\n"
    )


def _check(target: str, *, work: Path, environment: dict[str, str], command: list[str]) -> float:
    """How many seconds the tests take, which must pass as the file is, and fail when it is broken."""
    started = time.monotonic()
    if subprocess.run(command, cwd=work, env=environment).returncode:
        raise RuntimeError(f"{target}: its tests fail without a fault")
    took = time.monotonic() - started
    source = work / "dagster_rest" / target
    kept = source.read_bytes()
    source.write_text("raise RuntimeError('the copy is what the tests import')\n")
    if not subprocess.run(command, cwd=work, env=environment).returncode:
        raise RuntimeError(f"{target}: its tests pass although it cannot be imported: they import another copy")
    source.write_bytes(kept)
    return took


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


def _rounds(session: Path, source: Path) -> list[list[str]]:
    """The faults that a test can notice, by rounds: each place once, then each place that has more a second time.

    The list of what there is to do is empty afterwards.

    Args:
        session: The faults that cosmic-ray found.
        source: The file.
    """
    spans = list(_silent(source))
    with sqlite3.connect(session) as connection:
        connection.execute("delete from work_items")
        found = connection.execute(
            "select job_id, operator_name, start_pos_row, start_pos_col from mutation_specs order by random()"
        ).fetchall()
    places: dict[tuple[int, int], list[str]] = {}
    for job, operator, row, column in found:
        if not operator.endswith(SAME) and not any(first <= (row, column) < last for first, last in spans):
            places.setdefault((row, column), []).append(job)
    return [[job for job in jobs if job] for jobs in zip_longest(*places.values())]


def _silent(source: Path) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where a fault is no fault of behaviour: annotations, `if TYPE_CHECKING`, the options of a dataclass."""
    for node in ast.walk(ast.parse(source.read_text())):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.ClassDef):
            parts += [each for each in node.decorator_list if "dataclass" in ast.unparse(each)]
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts.append(node.test)
        for part in parts:
            if isinstance(part, ast.expr):
                yield (part.lineno, part.col_offset), (part.end_lineno or 0, part.end_col_offset or 0)


def _score(target: str, *, faults: int, dump: str) -> Score:
    tried, survivors = 0, []
    for line in dump.splitlines():
        item, result = json.loads(line)
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
