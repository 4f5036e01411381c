"""The main job: load a real API into DuckDB three times, and show that each time only what is new comes over.

Run it with `make demo`. It starts the API of `api.py`, materializes the graph of `definitions.py` with
Dagster's own command line and its default multiprocess executor, changes the API's data, materializes
again, and once more without a change. Each time it compares the tables with what the API serves. At the end
it stops the API.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

import dagster as dg
import duckdb

from examples.demo import api

ROOT = Path(__file__).parents[2]

# What the API serves of each resource, as rows that the table has to hold too, each of them once.
SERVED = {
    "continents": "select code, name, population from continents",
    "countries": f"select iso, name, population from countries where population >= {api.SMALLEST_COUNTRY}",
    "cities": "select id, name, population from cities",
    "city_updates": "select id, kind, population from city_updates",
    "us_states": "select code, name, fips from us_states",
    "us_counties": "select fips, name, state from us_counties where state in (select code from us_states)",
    "timezones": "select timezone as name, count(*) as cities from cities group by 1",
}
REPLACED = ("continents", "timezones")


class DemoError(Exception):
    """The demo did not show what it is there to show."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What one materialization of one asset says of itself."""

    asset: str
    rows: int | None
    requests: int | None
    cursor_before: str
    cursor_after: str
    total: int | None


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Where one demo keeps its files: the API's data, the warehouse, Dagster's home, the logs."""

    folder: Path
    dagster_home: Path

    @property
    def sqlite(self) -> Path:
        """The data that the API serves."""
        return self.folder / "geo.sqlite"

    @property
    def duckdb(self) -> Path:
        """The warehouse."""
        return self.folder / "warehouse.duckdb"

    def prepare(self) -> None:
        """Make what is missing: the API's data, and a home for Dagster that sends no telemetry."""
        self.dagster_home.mkdir(parents=True, exist_ok=True)
        settings = self.dagster_home / "dagster.yaml"
        if not settings.exists():
            settings.write_text("telemetry:\n  enabled: false\n")
        if not self.sqlite.exists():
            api.build_database(self.sqlite)

    def environment(self, url: str) -> dict[str, str]:
        """The environment in which Dagster finds the API, the warehouse and its home."""
        return {
            **os.environ,
            "GEO_API_URL": url,
            "GEO_DUCKDB": str(self.duckdb),
            "DAGSTER_HOME": str(self.dagster_home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }

    def materialize(self, url: str, *, select: str, log: Path) -> list[Loaded]:
        """Materialize assets as one would on the command line, each in a process of its own.

        Args:
            url: where the API is.
            select: Dagster's asset selection.
            log: the file that gets Dagster's output.

        Returns:
            What each materialized asset says, in the order in which they were done.

        Raises:
            DemoError: the run failed.
        """
        command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", select]
        command += ["--module-name", "definitions", "--working-directory", str(ROOT)]
        with (
            log.open("wb") as output,
            running(command, environment=self.environment(url), output=output) as dagster,
        ):
            code = dagster.wait()
        if code:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
            raise DemoError(f"{tail}\n\nThe run failed; the whole log is in {log}")
        with dg.DagsterInstance.from_config(str(self.dagster_home)) as instance:
            run = instance.get_runs(limit=1)[0]
            events = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
            found = [record.event_log_entry.asset_materialization for record in events.records]
        return [_loaded(materialization) for materialization in found if materialization]

    def differences(self, resources: Sequence[str]) -> Iterator[str]:
        """Compare each table, row by row, with what the API serves.

        Yields:
            One sentence for each table that differs.
        """
        with (
            closing(sqlite3.connect(self.sqlite)) as served,
            closing(duckdb.connect(str(self.duckdb), read_only=True)) as warehouse,
        ):
            for resource in resources:
                cursor = served.execute(SERVED[resource])
                columns = ", ".join(name for name, *_ in cursor.description)
                expected = sorted(cursor.fetchall())
                actual = sorted(warehouse.execute(f"select {columns} from geo.{resource}").fetchall())
                if expected != actual:
                    yield f"the {len(actual)} rows of geo.{resource} are not the {len(expected)} of the API"

    def tables(self) -> dict[str, int]:
        """Every table of the warehouse with its number of rows."""
        with closing(duckdb.connect(str(self.duckdb), read_only=True)) as warehouse:
            names = warehouse.execute(
                "select table_name from information_schema.tables where table_schema = 'geo' order by 1"
            ).fetchall()
            return {name: _count(warehouse, name) for (name,) in names}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return 0 if everything is as promised."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where the demo keeps its files")
    parser.add_argument("--select", default="*", help="which assets, in Dagster's selection syntax")
    options = parser.parse_args(arguments)
    stop_when_told()
    try:
        folder = options.folder.resolve()
        return run(Demo(folder=folder, dagster_home=folder / "dagster_home"), select=options.select)
    except DemoError as error:
        print(f"\nFAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def run(demo: Demo, *, select: str = "*") -> int:
    """Load, change the data, load, and load once more.

    Args:
        demo: where everything is kept; what is there is removed.
        select: Dagster's asset selection.

    Returns:
        0, when each run loaded what it should.

    Raises:
        DemoError: a run failed, or loaded something else than it should.
    """
    shutil.rmtree(demo.folder, ignore_errors=True)
    demo.prepare()
    with api.serve(demo.sqlite, log=demo.folder / "datasette.log") as url:
        print(f"A REST API is up at {url} (datasette, with the countries and cities of GeoNames).")
        print("Dagster loads it into one DuckDB file, every asset in a process of its own.")
        _round(demo, url, number=1, title="everything, for the first time", select=select, changes=None)
        changes = api.change_data(demo.sqlite)
        print(f"\nThe API's data changes: {changes.summary}.")
        _round(demo, url, number=2, title="only what is new", select=select, changes=changes.rows)
        print(
            "\nNothing changes. (continents and timezones have no change date: they are replaced as a whole each time.)"
        )
        _round(demo, url, number=3, title="nothing is new", select=select, changes={})
    print(f"\nThe tables in {_short(demo.duckdb)}:\n")
    _print_table(("table", "rows"), [(f"geo.{name}", f"{rows:,}") for name, rows in demo.tables().items()], numbers={1})
    print("\nEvery table holds the rows that the API serves, each of them once. The API is stopped.")
    print(f"They are open to any DuckDB client. Dagster's logs are in {_short(demo.folder)}.")
    return 0


def _round(demo: Demo, url: str, *, number: int, title: str, select: str, changes: Mapping[str, int] | None) -> None:
    print(f"\nRun {number} of 3: {title} ...\n", flush=True)
    started = time.monotonic()
    loads = demo.materialize(url, select=select, log=demo.folder / f"run-{number}.log")
    _print_table(
        ("asset", "rows loaded", "rows in table", "requests", "cursor before", "cursor after"),
        [
            (
                load.asset,
                _number(load.rows),
                _number(load.total),
                _number(load.requests),
                load.cursor_before,
                load.cursor_after,
            )
            for load in loads
        ],
        numbers={1, 2, 3},
    )
    print(f"\n{time.monotonic() - started:.0f} seconds.")
    _check(demo, loads, changes=changes)


def _check(demo: Demo, loads: Sequence[Loaded], *, changes: Mapping[str, int] | None) -> None:
    rows = {load.asset.removeprefix("geo/"): load.rows for load in loads}
    resources = [name for name in SERVED if name in rows]
    with closing(sqlite3.connect(demo.sqlite)) as served:
        for name in resources:
            (total,) = served.execute(f"select count(*) from ({SERVED[name]})").fetchone()
            expected = total if changes is None or name in REPLACED else changes.get(name, 0)
            if expected != rows[name]:
                raise DemoError(f"geo/{name} should have loaded {expected} rows, but loaded {rows[name]}")
    if wrong := list(demo.differences(resources)):
        raise DemoError("; ".join(wrong))


def _loaded(materialization: dg.AssetMaterialization) -> Loaded:
    values = {key: entry.value for key, entry in materialization.metadata.items()}
    return Loaded(
        asset=materialization.asset_key.to_user_string(),
        rows=_whole(values.get("dagster_rest/rows_loaded")),
        requests=_whole(values.get("dagster_rest/requests")),
        cursor_before=_text(values.get("dagster_rest/cursor_start")),
        cursor_after=_text(values.get("dagster_rest/cursor")),
        total=_whole(values.get("dagster/row_count")),
    )


def _count(warehouse: duckdb.DuckDBPyConnection, table: str) -> int:
    row = warehouse.execute(f'select count(*) from geo."{table}"').fetchone()
    return row[0] if row else 0


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: set[int]) -> None:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = (
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(("  " + "  ".join(cells)).rstrip())


@contextmanager
def running(
    command: Sequence[str], *, environment: Mapping[str, str], output: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of Dagster's programs; if the block ends before the program does, stop it and the processes it started.

    It gets a session of its own, so that the terminal's Ctrl-C reaches it once, through here: a second one would cut
    short its own stopping of its processes.
    """
    process = subprocess.Popen(
        command, cwd=ROOT, env=dict(environment), stdout=output, stderr=output, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def stop_when_told() -> None:
    """Let Ctrl-C, SIGTERM and a closed terminal end the program in order, and so what it started.

    A program in the background of a script inherits an ignored SIGINT, which Dagster would inherit in turn.
    """
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
