"""The numbers as the table that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.commands import CommandResult
    from benchmarks.run import Result

SIDES = ("ours", "dlt", "dlt-parquet", "dlt-parallelized", "raw")
NAMES = {
    "dlt": "dlt, default",
    "dlt-parquet": "dlt, parquet",
    "dlt-parallelized": "dlt, parallelized + parquet",
    "raw": "raw limit",
}
FLOORS = {
    ("flat", "dlt-parquet"): 5,
    ("flat", "dlt"): 30,
    ("nested", "dlt-parquet"): 5,
    ("fan_out_500_50ms", "dlt"): 15,
    ("fan_out_500_50ms", "dlt-parallelized"): 4,
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
            f"Median of {rounds}, sides in turns, whole processes (start of the interpreter included).",
            "",
            *_seconds(results),
            "",
            *_memory(results),
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


def _seconds(results: Sequence[Result]) -> list[str]:
    lines = ["| seconds (times ours) | ours | " + " | ".join(NAMES[s] for s in SIDES[1:]) + " |", "|---" * 6 + "|"]
    for result in results:
        cells = [f"{result.seconds(s):.2f}" if s in result.rounds else "" for s in SIDES]
        if "ours" in result.rounds:
            cells[1:] = [
                f"{cell} ({result.ratio(side):.1f}x)" if cell else ""
                for side, cell in zip(SIDES[1:], cells[1:], strict=True)
            ]
        lines.append(f"| {result.workload.title} | {' | '.join(cells)} |")
    return lines


def _memory(results: Sequence[Result]) -> list[str]:
    lines = ["| peak memory, MB | ours | " + " | ".join(NAMES[s] for s in SIDES[1:]) + " |", "|---" * 6 + "|"]
    for result in results:
        cells = [f"{result.peak_mb(s):.0f}" if s in result.rounds else "" for s in SIDES]
        lines.append(f"| {result.workload.title} | {' | '.join(cells)} |")
    return lines


def _floors(results: Sequence[Result]) -> list[str]:
    lines = ["| floor | asked for | measured |", "|---|---|---|"]
    for result in results:
        for (workload, side), floor in FLOORS.items():
            if workload == result.workload.name and {side, "ours"} <= result.rounds.keys():
                ratio = result.ratio(side)
                verdict = f"{ratio:.1f}x" if ratio >= floor else f"**{ratio:.1f}x, missed**"
                lines.append(f"| {result.workload.title}, beside {NAMES[side]} | {floor}x | {verdict} |")
    return lines


def _commands(commands: Sequence[CommandResult]) -> list[str]:
    lines = ["| command | seconds | peak of the process, MB |", "|---|---|---|"]
    return lines + [f"| {c.title} | {c.seconds:.2f} | {c.peak_mb:.0f} |" for c in commands] if commands else []
