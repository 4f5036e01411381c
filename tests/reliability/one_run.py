"""One real run in a process group of its own: `python -m tests.reliability.one_run <spec file>`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dagster as dg

from tests.reliability.lab import reconstructable


def main(spec_file: str) -> int:
    spec = json.loads(Path(spec_file).read_text())
    with dg.DagsterInstance.from_config(spec["home"]) as instance:
        result = dg.execute_job(
            reconstructable(spec_file), instance=instance, run_config=spec["run_config"], tags=spec["tags"]
        )
        with result:
            for event in result.all_events:
                if event.is_step_failure:
                    print(event.event_specific_data.error_display_string)  # type: ignore[union-attr]  # noqa: T201
            return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
