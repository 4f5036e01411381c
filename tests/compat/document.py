"""Write the tables of cases and differences into `docs/coming_from_dlt.md`: `python -m tests.compat.document`."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from tests.compat.case import Case
from tests.compat.differences import DIFFERENCES
from tests.compat.registry import CASES
from tests.compat.scenarios import SCENARIOS

PAGE = Path(__file__).parents[2] / "docs" / "coming_from_dlt.md"


def document(page: str) -> str:
    """The page with both tables as they have to be now."""
    return _put(_put(page, "differences", _differences()), "cases", _cases())


def _put(page: str, name: str, table: str) -> str:
    pattern = re.compile(rf"(<!-- begin: {name},[^\n]*-->\n).*?(<!-- end: {name} -->)", re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", page)


def _differences() -> str:
    by_row: dict[str, list[str]] = defaultdict(list)
    for case in CASES:
        if case.row:
            by_row[case.row].append(case.id)
    lines = ["| case | dlt 1.31 | here | tests |", "|---|---|---|---|"]
    lines += [
        f"| {_text(d.case)} | {_text(d.dlt)} | {_text(d.here)} | {', '.join(by_row[d.case])} |"
        for d in DIFFERENCES.values()
    ]
    return "\n".join(lines)


def _cases() -> str:
    different = sum(case.differs for case in CASES)
    parts = [
        f"{len(CASES)} cases over {len(SCENARIOS)} scenarios: {len(CASES) - different} do the same, "
        f"{different} differ on purpose.",
        "",
        "| scenario | | same | differ on purpose |",
        "|---|---|---|---|",
    ]
    for scenario, title in SCENARIOS.items():
        cases = [case for case in CASES if case.scenario == scenario]
        differing = sum(case.differs for case in cases)
        parts.append(f"| {scenario} | {title} | {len(cases) - differing} | {differing or ''} |")
    for area in dict.fromkeys(case.area for case in CASES):
        parts += ["", "<details>", f"<summary>{area}: every case</summary>", "", *_area(area), "", "</details>"]
    return "\n".join(parts)


def _area(area: str) -> list[str]:
    lines = ["| case | config | result |", "|---|---|---|"]
    lines += [f"| {case.id} | {_text(case.title)} | {_result(case)} |" for case in CASES if case.area == area]
    return lines


def _result(case: Case) -> str:
    if case.row:
        return f"differs: {_text(case.row)}"
    return "the same" if case.dlt.error is None else "an error in both"


def _text(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(document(PAGE.read_text()))
