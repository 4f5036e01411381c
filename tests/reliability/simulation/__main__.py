"""Many histories: `python -m tests.reliability.simulation --seeds 0:10000 --workers 2`."""

from __future__ import annotations

import argparse
import sys

from tests.reliability.simulation.runner import explore, show


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.simulation", description=__doc__)
    parser.add_argument("--seeds", default="0:10000", help="first:end")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kind", help="only histories of this kind")
    parser.add_argument("--without", help="a mend to switch off, of `twins.TWINS`")
    parser.add_argument("--stop", type=int, default=0, help="stop after so many findings")
    parser.add_argument("--no-shrink", action="store_true", help="show findings as they were found")
    parser.add_argument("--findings", help="a file to write the findings to")
    given = parser.parse_args()
    first, _, end = given.seeds.partition(":")
    result = explore(
        range(int(first), int(end or int(first) + 1)),
        workers=given.workers,
        kind=given.kind,
        without=given.without,
        stop=given.stop,
        say=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201
    )
    text = show(result, shrinking=not given.no_shrink, without=given.without)
    sys.stdout.write(text)
    if given.findings:
        with open(given.findings, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
    return 1 if result.findings else 0


if __name__ == "__main__":
    sys.exit(main())
