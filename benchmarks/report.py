"""The numbers as the table that people read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.commands import CommandResult
    from benchmarks.run import Result

NAMES = {
    "ours": "ours",
    "ours-64": "ours, 64 at a time",
    "dagster-dlt-parquet": "dagster-dlt, parquet",
    "dagster-dlt-parallelized": "dagster-dlt, parallelized, parquet",
    "dlt": "dlt, default",
    "dlt-parquet": "dlt, parquet",
    "dlt-parallelized": "dlt, parallelized, parquet",
    "dlt-64": "dlt, parallelized by 64, parquet",
    "raw": "raw limit",
}
SIDES = tuple(NAMES)
DAGSTER_DLT = {"dlt-parquet": "dagster-dlt-parquet", "dlt-parallelized": "dagster-dlt-parallelized"}
FLOORS = {
    ("flat", "ours", "dlt-parquet"): 5,
    ("flat", "ours", "dlt"): 30,
    ("nested", "ours", "dlt-parquet"): 5,
    ("fan_out_500_50ms", "ours", "dlt"): 15,
    ("fan_out_500_50ms", "ours", "dlt-parallelized"): 4,
    ("fan_out_500_50ms", "ours-64", "dlt"): 15,
    ("fan_out_500_50ms", "ours-64", "dlt-parallelized"): 4,
}
BEGIN, END = "<!-- begin: written by make bench -->", "<!-- end: written by make bench -->"


def write_report(
    results: Sequence[Result],
    commands: Sequence[CommandResult],
    machine: Mapping[str, str],
    rounds: int,
    file: Path | None,
) -> str:
    """The report; also put between its marks in `file`, if there is one."""
    text = "\n".join(
        [
            f"Machine: {', '.join(f'{name} {value}' for name, value in machine.items())}.",
            f"Median of {rounds}, candidates in turns, whole processes (including the start of the interpreter).",
            "",
            *_table(results, "seconds (times ours)", _time),
            "",
            *_table(results, "seconds of the load alone, no start of the process", _inside),
            "",
            *_table(results, "peak memory in MB", _peak),
            "",
            *_floors(results),
            "",
            *_commands(commands),
        ]
    )
    if file is not None:
        old = file.read_text() if file.exists() else f"# Results\n\n{BEGIN}\n{END}\n"
        head, rest = old.split(BEGIN, 1)
        tail = rest.split(END, 1)[1]
        file.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}")
    return text


def _table(results: Sequence[Result], head: str, cell: Callable[[Result, str], str]) -> list[str]:
    lines = []
    # One table for the workloads that have the same sides.
    for sides in dict.fromkeys(tuple(r.rounds) for r in results):
        lines += [f"| {head} | {' | '.join(NAMES[s] for s in sides)} |", "|---" * (len(sides) + 1) + "|"]
        for result in results:
            if tuple(result.rounds) == sides:
                title = f"{result.workload.title}{' (one round)' if result.workload.once else ''}"
                lines.append(f"| {title} | {' | '.join(cell(result, s) for s in sides)} |")
        lines.append("")
    return lines[:-1]


def _time(result: Result, side: str) -> str:
    text = f"{result.seconds(side):.2f}"
    return text if side == "ours" or "ours" not in result.rounds else f"{text} ({result.ratio(side):.1f}x)"


def _inside(result: Result, side: str) -> str:
    text = f"{result.inside(side):.2f}"
    if side == "ours" or "ours" not in result.rounds:
        return text
    return f"{text} ({result.inside(side) / result.inside('ours'):.1f}x)"


def _peak(result: Result, side: str) -> str:
    return f"{result.peak_mb(side):.0f}"


def _floors(results: Sequence[Result]) -> list[str]:
    """Each floor three times: whole processes, the same with dlt in Dagster as well, and the loads alone."""
    lines = [
        "| floor | asked for | whole processes | both in Dagster | loads alone |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        for (workload, own, side), floor in FLOORS.items():
            if workload != result.workload.name or not {side, own} <= result.rounds.keys():
                continue
            title = f"{result.workload.title}: {NAMES[own]}, beside {NAMES[side]}"
            whole = result.seconds(side) / result.seconds(own)
            alone = result.inside(side) / result.inside(own)
            peer = DAGSTER_DLT.get(side, "")
            peer_ratio = result.seconds(peer) / result.seconds(own) if peer in result.rounds else None
            cells = [_judged(ratio, floor) for ratio in (whole, peer_ratio, alone)]
            lines.append(f"| {title} | {floor}x | {' | '.join(cells)} |")
    return lines


def _judged(ratio: float | None, floor: float) -> str:
    if ratio is None:
        return ""
    return f"{ratio:.1f}x" if ratio >= floor else f"{ratio:.1f}x, **missed**"


def _commands(commands: Sequence[CommandResult]) -> list[str]:
    lines = ["| command | seconds | peak of the process, MB |", "|---|---|---|"]
    return lines + [f"| {c.title} | {c.seconds:.2f} | {c.peak_mb:.0f} |" for c in commands] if commands else []
