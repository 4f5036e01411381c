"""What the actors of one history share: a DuckDB file, a staging folder, Dagster's storages, an API and a clock."""

from __future__ import annotations

import contextlib
import functools
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import httpx
import sqlalchemy as db
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.storage.event_log import sql_event_log

from dagster_rest.http import RestClient
from tests.reliability.simulation import actors
from tests.reliability.simulation.api import BASE_URL, Api, Clock
from tests.reliability.simulation.kinds import SOURCE

_CONFIG: dict[str, Any] = {"custom_user_agent": "dagster"}
Tree = dict[str, bytes | None]


class Lab:
    """What histories share one after the other: a process has one.

    Requests are answered in this process: a socket would cost more than the rest of a request, and the real wire
    has tests of its own. The client, its paginators and its decoding are the real ones.
    """

    def __init__(self) -> None:
        shared = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=shared if shared.is_dir() else None))
        self.instance = dg.DagsterInstance.ephemeral()
        # It would inspect its tables each time it is asked for a run.
        self.instance.run_storage.has_run_stats_index_cols = lambda: True
        self.client = RestClient(
            BASE_URL, transport=httpx.MockTransport(self._answer), retry={"attempts": 1}, max_concurrency=2
        )
        self.api: Api | None = None
        self.clock = Clock()
        self._patches = contextlib.ExitStack()
        self._patch()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        assert self.api is not None
        return await self.api.answer(request)

    def close(self) -> None:
        """Undo the patches and remove the files."""
        self._patches.close()
        self.client.close()
        self.instance.dispose()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _patch(self) -> None:
        """Give the package the simulation's clock and stops; small parts, so that there is something to resume."""
        from unittest import mock

        from dagster_rest.assets.run import load, step
        from dagster_rest.warehouse.stage import checkpoint, stager

        def replace(target: Any, name: str, value: Any) -> None:
            self._patches.enter_context(mock.patch.object(target, name, value))

        now = lambda: self.clock()  # noqa: E731
        replace(step, "ResourceLoad", functools.partial(load.ResourceLoad, on_event=actors.pass_point, clock=now))
        # One collector for all threads of a process that holds thousands of histories.
        replace(load, "collect_rarely", contextlib.nullcontext)
        # A wipe has a time, which Dagster compares with the times of events.
        replace(sql_event_log, "get_current_timestamp", lambda: self.clock.time())
        replace(checkpoint, "time", SimpleNamespace(time=lambda: self.clock.time()))
        begin = checkpoint.Checkpoint.__init__

        def begun_now(saved: Any, **options: Any) -> None:
            begin(saved, **{"started_at": self.clock.time(), **options})

        replace(checkpoint.Checkpoint, "__init__", begun_now)
        defaults = stager.Stager.open.__func__.__kwdefaults__
        self._patches.callback(defaults.update, dict(defaults))
        defaults.update(rows_per_part=PART_ROWS, seconds_per_part=1e9)

    def forget(self) -> None:
        """Empty Dagster's storages."""
        with self.instance.run_storage.connect() as connection:
            for table in ("run_tags", "runs"):
                connection.execute(db.text(f"delete from {table}"))
        with self.instance.event_log_storage.index_connection() as connection:
            for table in ("event_logs", "asset_keys", "asset_event_tags"):
                connection.execute(db.text(f"delete from {table}"))


PART_ROWS = 6


class DuckDBFile:
    """The database as the package gets it: every connection is short, and the file is a real one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keeper: duckdb.DuckDBPyConnection | None = None

    @property
    def database(self) -> str:
        return str(self.path)

    @contextlib.contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for an actor, which may be stopped while it has it."""
        actor = actors.current()
        if actor is not None and actor.killed:
            raise actors.Killed
        # Opening a file is slow; while one connection is open, others to the same file cost nothing.
        self._keep()
        connection = duckdb.connect(str(self.path), config=_CONFIG)
        # It takes longer to improve a plan for six rows than to carry it out.
        connection.execute("pragma disable_optimizer")
        if actor is not None:
            actor.in_database = True
        try:
            yield connection
        finally:
            connection.close()
            if actor is not None:
                actor.in_database = False

    def _keep(self) -> duckdb.DuckDBPyConnection:
        if self._keeper is None:
            self._keeper = duckdb.connect(str(self.path), config=_CONFIG)
            # Quick: nothing here is large, and a checkpoint at the end is for files that somebody reads again.
            self._keeper.execute("set threads = 1; pragma disable_optimizer; pragma disable_checkpoint_on_shutdown")
        return self._keeper

    def execute(self, sql: str) -> list[Any]:
        """Run a statement as somebody outside."""
        return self._keep().execute(sql).fetchall()

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def tables(self) -> set[str]:
        """The tables of the source."""
        if not self.exists:
            return set()
        found = self.execute(f"select table_name from duckdb_tables() where schema_name = '{SOURCE}'")
        return {row[0] for row in found}

    def copy_to(self, path: Path) -> None:
        """Copy the file as a backup would."""
        self.execute("checkpoint")
        self.close()
        shutil.copyfile(self.path, path)

    def replace_by(self, path: Path | None) -> None:
        """Put another file in its place, or none."""
        self.close()
        for name in (self.path, self.path.with_name(f"{self.path.name}.wal")):
            name.unlink(missing_ok=True)
        if path is not None:
            shutil.copyfile(path, self.path)

    def close(self) -> None:
        """Close what this process keeps open."""
        if self._keeper is not None:
            self._keeper.close()
        self._keeper = None


class World:
    """One history's world.

    Args:
        lab: What histories share.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.instance = lab.instance
        self.clock = lab.clock = Clock()
        self.api = lab.api = Api(self.clock)
        self.folder = Path(tempfile.mkdtemp(dir=lab.folder))
        self.duckdb = DuckDBFile(self.folder / "warehouse.duckdb")
        self.staging = self.folder / "warehouse.duckdb.staging"
        self.runs: list[str] = []

    def close(self) -> None:
        """Remove everything."""
        self.duckdb.close()
        self.lab.forget()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- Dagster ------------------------------------------------------------------------------------------------

    def add_run(self, run_id: str, *, parent: str | None, root: str | None, tags: Mapping[str, str]) -> dg.DagsterRun:
        """A run that is under way."""
        run = dg.DagsterRun(
            job_name="job",
            run_id=run_id,
            status=dg.DagsterRunStatus.STARTED,
            tags=dict(tags),
            parent_run_id=parent,
            root_run_id=root,
        )
        self.instance.add_run(run)
        self.runs.append(run_id)
        return run

    def context(self, run: dg.DagsterRun, *, attempt: int, partitions: tuple[str, ...], key: dg.AssetKey) -> Any:
        """The step context of one attempt."""
        resources = {
            SOURCE: SimpleNamespace(client=self.lab.client, staging_dir=None),
            "duckdb": self.duckdb,
        }
        return actors.StepContext(
            run=run,
            instance=actors.AskedInstance(self.instance, actors.pass_point),
            retry_number=attempt,
            resources=SimpleNamespace(**resources),
            partition_keys=partitions,
            selected_asset_keys=frozenset({key}),
        )

    def store(self, actor: actors.Actor, result: Any) -> None:
        """Store the event of a result, as Dagster does when a step yields it."""
        if not isinstance(result, dg.MaterializeResult):
            return
        context = actor.context
        tags = {} if result.data_version is None else {"dagster/data_version": result.data_version.value}
        for partition in context.partition_keys or [None]:
            own = context.added.get(partition if len(context.partition_keys) > 1 else None, {})
            event = dg.AssetMaterialization(
                asset_key=actor.asset.key, metadata={**(result.metadata or {}), **own}, partition=partition, tags=tags
            )
            self.instance.report_dagster_event(
                DagsterEvent(
                    event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
                    job_name="job",
                    step_key=actor.asset.plan.name,
                    event_specific_data=StepMaterializationData(event),
                ),
                run_id=context.run_id,
                timestamp=self.clock.time(),
            )

    def end_run(self, run_id: str, how: str) -> None:
        """Let a run be over in Dagster: ``success``, ``failed``, ``canceled`` or ``deleted``."""
        run = self.instance.get_run_by_id(run_id)
        if run is None:
            return
        if how == "deleted":
            self.instance.delete_run(run_id)
        elif not run.is_finished:
            kinds = {
                "success": DagsterEventType.RUN_SUCCESS,
                "failed": DagsterEventType.RUN_FAILURE,
                "canceled": DagsterEventType.RUN_CANCELED,
            }
            event = DagsterEvent(event_type_value=kinds[how].value, job_name="job", message=how)
            self.instance.run_storage.handle_run_event(run_id, event, self.clock())

    # --- disks --------------------------------------------------------------------------------------------------

    def kill(self, actor: actors.Actor) -> None:
        """End an actor as SIGKILL does: its locks are free, and the disk is as it was at that moment."""
        before = _tree(self.staging)
        actor.kill()
        _restore(self.staging, before)

    def contents(self, target: str, *, columns: tuple[str, ...], versioned: bool) -> tuple[Counter[Any], list[str]]:
        """The rows of a table, each with its nested rows, and what is wrong with the nested ones.

        Args:
            target: The table.
            columns: Its columns that count.
            versioned: Whether rows have a validity; then it ends with whether the row is active.
        """
        if not self.duckdb.exists:
            return Counter(), []
        known = {
            table: {row[0] for row in self.duckdb.execute(f"describe {SOURCE}.{table}")}
            for table in self.duckdb.tables() & {target, f"{target}__tags"}
        }
        if not known.get(target, set()).issuperset(columns):
            # It is not there, or a load without rows made it and nobody knows its columns yet.
            assert target not in known or self.duckdb.execute(f"select count(*) from {SOURCE}.{target}") == [(0,)]
            return Counter(), []
        nested, tags, everything = f"{SOURCE}.{target}__tags", "[]", "0"
        if f"{target}__tags" in known:
            tags = f"(select list(t.value order by t.value) from {nested} t where t._parent_row_id = r._row_id)"
            everything = f"(select count(*) from {nested})"
        listed = ", ".join(f"r.{column}" for column in columns) + (", r._valid_to is null" if versioned else "")
        rows = self.duckdb.execute(f"select {everything}, {listed}, {tags} from {SOURCE}.{target} r")
        orphans = rows[0][0] - sum(len(row[-1] or ()) for row in rows) if rows else 0
        wrong = [f"{orphans} nested rows without their row"] if orphans else []
        return Counter((*row[1:-1], tuple(row[-1] or ())) for row in rows), wrong


def _tree(folder: Path) -> Tree:
    if not folder.exists():
        return {}
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def _restore(folder: Path, before: Tree) -> None:
    """Undo what unwinding a thread changed on disk; a file that is as it was is not touched: it may be locked."""
    now = _tree(folder)
    for name in sorted(now.keys() - before.keys(), reverse=True):
        path = folder / name
        path.rmdir() if now[name] is None else path.unlink()
    for name in sorted(before):
        content = before[name]
        if name not in now or now[name] != content:
            path = folder / name
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
