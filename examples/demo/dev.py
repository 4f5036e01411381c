"""Dagster's web interface on the graph of `definitions.py`, with the demo API running beside it.

Run it with `make dev`. Everything is kept in the repository's own `.dagster/`, which is also the
DAGSTER_HOME: so the materializations, and with them the cursors, are still there the next time. `make
change` changes the API's data.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.demo import api
from examples.demo.run import ROOT, Demo, running, stop_when_told


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the API and run `dagster dev` until Ctrl-C, or change the API's data."""
    parser = argparse.ArgumentParser(prog="dev", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".dagster", help="DAGSTER_HOME and all other files")
    parser.add_argument("--port", default="3000", help="the port of the web interface")
    parser.add_argument("--change-data", action="store_true", help="change the API's data, and do nothing else")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    demo = Demo(folder=folder, dagster_home=folder)
    demo.prepare()
    if options.change_data:
        print(f"Changed: {api.change_data(demo.sqlite).summary}.")
        return 0
    stop_when_told()
    try:
        with api.serve(demo.sqlite, log=folder / "datasette.log") as url:
            print(f"A REST API is up at {url}. Dagster's web interface will be at http://127.0.0.1:{options.port}.")
            return _dagster_dev(demo, url, port=options.port)
    except KeyboardInterrupt:
        return 0


def _dagster_dev(demo: Demo, url: str, *, port: str) -> int:
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", "workspace.yaml"]
    command += ["--host", "127.0.0.1", "--port", port]
    with running(command, environment=demo.environment(url)) as dagster:
        return dagster.wait()


if __name__ == "__main__":
    sys.exit(main())
