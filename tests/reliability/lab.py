"""A place to disturb loads in: runs, their warehouse and event log, copies of both, and what the tables hold."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from tests.reliability.scenes import Scene
from tests.reliability.shop import Shop

ROOT = Path(__file__).parents[2]
SYSTEM = ("_load_id", "_row_id", "_parent_row_id", "_root_row_id", "_list_index", "_row_version")
VALIDITY = ("_valid_from", "_valid_to")


@dataclass(frozen=True)
class Moment:
    """One line of a run's own log."""

    at: float
    pid: int
    point: str
    number: int


@dataclass(frozen=True)
class Outcome:
    """What a run left.

    Attributes:
        success: Whether Dagster calls it a success.
        moments: What it went through, in order.
        asked: The targets of its requests for data, in order of arrival.
        asked_at: When they arrived.
        errors: Dagster's messages of failed steps.
        run_id: The Dagster run.
        tokens: Access tokens it asked for.
        killed: Whether it was killed, by itself or by the API's process.
        log: What the load said.
    """

    success: bool
    moments: list[Moment]
    asked: list[str]
    asked_at: list[float]
    errors: list[str]
    run_id: str
    tokens: int
    killed: bool
    log: str

    @property
    def counts(self) -> Counter[str]:
        """How often each point was passed."""
        return Counter(moment.point for moment in self.moments)

    def pages_kept(self, *, resumable: bool) -> int:
        """Pages that nobody has to ask for again: those a checkpoint covers, or only those committed."""
        kept = taken = covered = 0
        begun: list[int] = []
        for moment in self.moments:
            if moment.point == "page_taken":
                taken += 1
            elif moment.point == "part_begun":
                begun.append(taken)
            elif moment.point == "after_checkpoint_rename":
                # A part is written while the next pages come: its checkpoint covers what it began with.
                kept = max(kept, begun[covered]) if resumable else kept
                covered += 1
            elif moment.point == "after_commit":
                kept = taken
        return kept


class Bench:
    """One warehouse and one Dagster home, in a folder that can be copied."""

    def __init__(self, folder: Path, *, scene: Scene, shop: Shop) -> None:
        self.folder, self.scene, self.shop = folder, scene, shop
        self.database = folder / "warehouse.duckdb"
        self.home = folder / "home"

    @classmethod
    def prepared(cls, folder: Path, *, scene: Scene, shop: Shop) -> Bench:
        """A bench on which the scene's earlier runs have been made."""
        bench = cls(folder, scene=scene, shop=shop)
        bench.home.mkdir(parents=True)
        (bench.home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        with dg.DagsterInstance.from_config(str(bench.home)) as instance:
            # Dagster makes its tables at the first use, and not for several processes at once.
            instance.get_runs(limit=1)
            instance.get_latest_materialization_event(dg.AssetKey("none"))
        for state, targets in scene.prepare:
            shop.state = state
            outcome = bench.run(targets=targets, executor="in_process")
            assert outcome.success, outcome.errors
        return bench

    def copy(self, folder: Path) -> Bench:
        """The same state in another folder."""
        shutil.copytree(self.folder, folder)
        return Bench(folder, scene=self.scene, shop=self.shop)

    def run(
        self,
        *,
        kill: dict[str, Any] | None = None,
        targets: Sequence[str] | None = None,
        tags: dict[str, str] | None = None,
        reexecute: str | None = None,
        **options: Any,
    ) -> Outcome:
        """Make one real run; with `kill`, its step dies on the way."""
        events = self.folder / "events.log"
        events.write_text("")
        spec_file = self.specify("spec", kill=kill, targets=targets, **options)
        first, tokens = len(self.shop.asked), self.shop.tokens
        self.shop.arm(kill or {})
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            reexecution = None
            if reexecute is not None:
                reexecution = dg.ReexecutionOptions.from_failure(reexecute, instance)
                # Dagster's interface and its daemon write this on such a run; the Python call does not.
                tags = {**(tags or {}), "dagster/is_resume_retry": "true"}
            result = dg.execute_job(
                reconstructable(str(spec_file)),
                instance=instance,
                run_config=self.scene.run_config,
                tags={**self.scene.tags, **(tags or {})},
                reexecution_options=reexecution,
            )
            with result:
                failures = [event for event in result.all_events if event.is_step_failure]
                errors = [str(event.event_specific_data.error_display_string) for event in failures]  # type: ignore[union-attr]
                success, run_id = result.success, result.run_id
            log = "\n".join(
                record.event_log_entry.user_message for record in instance.get_records_for_run(run_id).records
            )
        moments = read_moments(events)
        killed = self.shop.killed or any(moment.point == "killed" for moment in moments)
        self.shop.disarm()
        asked = self.shop.asked[first:]
        return Outcome(
            success=success,
            moments=moments,
            asked=[ask.target for ask in asked],
            asked_at=[ask.at for ask in asked],
            errors=errors,
            run_id=run_id,
            tokens=self.shop.tokens - tokens,
            killed=killed,
            log=log,
        )

    def specify(self, name: str, *, targets: Sequence[str] | None = None, **options: Any) -> Path:
        """Write down what a run does; the code location reads it in every process.

        Args:
            name: Identifies one of several runs at the same time.
            targets: What is loaded; the scene's target if None.
            options: More of it: `kill`, `rows_per_part`, `executor`, `without` ...
        """
        file = self.folder / f"{name}.json"
        spec = {
            "url": self.shop.url,
            "database": str(self.database),
            "home": str(self.home),
            "config": self.scene.config(self.shop.url),
            "targets": tuple(targets or (self.scene.target,)),
            "events": str(self.folder / ("events.log" if name == "spec" else f"{name}.log")),
            "tags": self.scene.tags,
            "run_config": self.scene.run_config,
            **options,
        }
        file.write_text(json.dumps(spec))
        return file

    def start(self, name: str, *, module: str = "one_run", **options: Any) -> subprocess.Popen[str]:
        """Start a run in processes of its own, which no signal to this one reaches.

        Args:
            name: Identifies one of several runs at the same time.
            module: `one_run` for a real run, `one_attempt` for a single attempt of a step.
            options: As for `specify`.
        """
        spec_file = self.specify(name, own_process=True, **options)
        command = [sys.executable, "-m", f"tests.reliability.{module}", str(spec_file)]
        with (self.folder / f"{name}.err").open("w") as errors:
            return subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
            )

    def declare_failed(self) -> str:
        """Do what run monitoring does with the newest run, which gives no sign of life any more; its id."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            run = instance.get_runs(limit=1)[0]
            instance.report_run_failed(run, "no sign of life")
        return run.run_id

    def is_confirmed(self, run_id: str) -> bool:
        """Whether the run's load has ended: written, reported, and confirmed."""
        if not self.database.exists():
            return False
        with duckdb.connect(str(self.database), read_only=True) as connection:
            if not connection.execute("select 1 from duckdb_tables() where table_name = 'loads'").fetchall():
                return False
            found = connection.execute(
                "select status from _dagster_rest.loads where run_id = ? order by seq desc limit 1", [run_id]
            ).fetchone()
        return found == ("confirmed",)

    def contents(self) -> dict[str, Any]:
        """Everything that has to be equal after a disturbed and an undisturbed history, in comparable form."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return contents(connection)


def reconstructable(spec_file: str) -> Any:
    """The job of a specification, in the form that Dagster's executors hand to their processes."""
    return dg.build_reconstructable_job(
        "tests.reliability.location",
        "build_job",
        reconstructable_args=(spec_file,),
        reconstructor_working_directory=str(ROOT),
    )


def read_moments(file: Path) -> list[Moment]:
    """What a run wrote into its own log."""
    lines = (line.split() for line in file.read_text().splitlines())
    return [Moment(float(at), int(pid), point, int(number)) for at, pid, point, number in lines]


def contents(connection: duckdb.DuckDBPyConnection, *, dataset: str = "shop") -> dict[str, Any]:
    """The rows of all tables (nested rows inside their root rows), cursors, and the parents that wait for a child.

    Args:
        connection: An open connection.
        dataset: The schema.
    """
    names = [
        row[0]
        for row in connection.execute(
            "select table_name from duckdb_tables() where schema_name = ? order by 1", [dataset]
        ).fetchall()
    ]
    tables = {name: _rows(connection, f'"{dataset}"."{name}"') for name in names}
    found: dict[str, Any] = {
        name: sorted(_tree(name, row, tables) for row in rows) for name, rows in tables.items() if "__" not in name
    }
    found["orphans"] = {
        name: sum(row["_parent_row_id"] not in _ids(tables[name.rpartition("__")[0]]) for row in rows)
        for name, rows in tables.items()
        if "__" in name
    }
    found["cursors"] = sorted(
        connection.execute(
            "select asset, partition, arg_max(cursor, seq) from _dagster_rest.loads group by all"
        ).fetchall(),
        key=str,
    )
    found["parent rows"] = sorted(
        connection.execute("select asset, partition, field_values from _dagster_rest.fan_out_keys").fetchall()
    )
    found["parent rows waiting"] = sorted(
        connection.execute(
            "select field_values from _dagster_rest.fan_out_keys"
            " where load_id not in (select load_id from _dagster_rest.consumed)"
        ).fetchall()
    )
    return found


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"select * replace ({_texts(connection, table)}) from {table}")
    names = [column[0] for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    stamps = sorted({row[name] for row in rows for name in VALIDITY if row.get(name) is not None})
    for row in rows:
        for name in VALIDITY:
            if row.get(name) is not None:
                row[name] = stamps.index(row[name])
    return rows


def _texts(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    columns = connection.execute(f"describe {table}").fetchall()
    return ", ".join(f'"{column[0]}"::varchar as "{column[0]}"' for column in columns)


def _ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["_row_id"] for row in rows}


def _tree(name: str, row: dict[str, Any], tables: dict[str, list[dict[str, Any]]]) -> str:
    own = {key: value for key, value in row.items() if key not in SYSTEM}
    for other, rows in tables.items():
        if other.startswith(f"{name}__") and "__" not in other.removeprefix(f"{name}__"):
            mine = [one for one in rows if one["_parent_row_id"] == row["_row_id"]]
            mine.sort(key=lambda one: int(one["_list_index"]))
            own[other] = [_tree(other, one, tables) for one in mine]
    return json.dumps(own, sort_keys=True)
