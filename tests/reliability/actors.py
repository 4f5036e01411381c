"""Several actors on one asset, in one process: each is a real Dagster run in a thread that can stop on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster_duckdb import DuckDBResource

from dagster_rest.assets.definition.factory import op_name
from dagster_rest.assets.model.run_config import RestRunConfig
from dagster_rest.assets.run import step
from dagster_rest.assets.run.load import ResourceLoad
from tests.assets.project import Project, Run

PATIENCE = 60
FROM_FAILURE = {"dagster/is_resume_retry": "true"}


class DeadError(Exception):
    """The step ends here, as if its process had died."""


class Hooks(threading.local):
    """What happens at the named points of the loads of this thread."""

    on_event: Callable[[str], None] = staticmethod(lambda name: None)


HOOKS = Hooks()


def hooked_load(asset: Any, **options: Any) -> ResourceLoad:
    """A load whose named points call the hooks of its thread; put it in the place of ``step.ResourceLoad``."""
    return ResourceLoad(asset, **{**options, "on_event": lambda name: HOOKS.on_event(name)})


class Actor:
    """One run in a thread of its own.

    Args:
        run: What it does.
        stops_at: The named point at which it stands still until ``go_on`` is called.
        dies_at: The named point at which its step ends.
    """

    def __init__(
        self, run: Callable[[], Run], *, stops_at: str | None = None, dies_at: str | None = None, number: int = 1
    ) -> None:
        self._run, self._stops_at, self._dies_at, self._left = run, stops_at, dies_at, number
        self._stands, self._may_go = threading.Event(), threading.Event()
        self.outcome: Run | None = None
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def begin(self) -> Actor:
        """Start it; returns when it stands still, or is done."""
        self._thread.start()
        if self._stops_at is None:
            self.wait()
        else:
            assert self._stands.wait(PATIENCE), f"{self._stops_at} was not reached"
        return self

    def go_on(self) -> Run:
        """Let it go on to its end."""
        self._may_go.set()
        return self.wait()

    def wait(self) -> Run:
        """Wait for its end; what Dagster itself raised is raised here."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        assert self.outcome is not None
        return self.outcome

    def _work(self) -> None:
        HOOKS.on_event = self._on_event
        try:
            self.outcome = self._run()
        except Exception as error:  # handed to whoever waits
            self.error = error
        finally:
            self._stands.set()

    def _on_event(self, name: str) -> None:
        if name not in (self._stops_at, self._dies_at):
            return
        self._left -= 1
        if self._left == 0 and name == self._stops_at:
            self._stands.set()
            assert self._may_go.wait(PATIENCE)
        if self._left == 0 and name == self._dies_at:
            raise DeadError


class Stand:
    """A project whose runs may be ordinary ones, retries and re-executions, one after the other or at once."""

    def __init__(
        self, config: Mapping[str, Any], *, folder: Path, instance: dg.DagsterInstance, **options: Any
    ) -> None:
        self.project = Project(config, folder=folder, instance=instance, **options)
        self.instance = instance

    def run(self, **options: Any) -> Run:
        """An ordinary run, as a schedule or a person starts it."""
        return self._execute(**options)

    def reexecute(self, run: Run, *, from_failure: bool = True, **options: Any) -> Run:
        """A re-execution of a run, of all of it or from its failure."""
        tags = FROM_FAILURE if from_failure else {}
        return self._execute(parent=run.result.run_id, tags=tags, **options)

    def dies_at(self, point: str, *, number: int = 1, **options: Any) -> Run:
        """An ordinary run whose step ends at a named point."""
        done = Actor(lambda: self._execute(**options), dies_at=point, number=number).begin().wait()
        assert not done.result.success
        return done

    def stands_at(self, point: str, *, run: Callable[[], Run] | None = None) -> Actor:
        """A run that stands still at a named point."""
        return Actor(run or self.run, stops_at=point).begin()

    def newest_run(self) -> str:
        """The run that was started last."""
        return self.instance.get_runs(limit=1)[0].run_id

    def declare_failed(self, run_id: str) -> None:
        """What run monitoring does with a run that gives no sign of life."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        self.instance.report_run_failed(run, "no sign of life")

    def ids(self) -> list[int]:
        """The ids in the table, in order."""
        return self.project.rows("items", "id")

    def _execute(
        self,
        *,
        parent: str | None = None,
        tags: Mapping[str, str] | None = None,
        config: RestRunConfig | None = None,
        partition: str | None = None,
    ) -> Run:
        project = self.project
        definitions = dg.Definitions(
            assets=project.assets,
            resources={"src": project.rest, "duckdb": DuckDBResource(database=project.database)},
            executor=dg.in_process_executor,
        )
        job = definitions.resolve_implicit_global_asset_job_def()
        run = self.instance.create_run_for_job(
            job_def=job,
            tags={**(tags or {}), **({"dagster/partition": partition} if partition else {})},
            parent_run_id=parent,
            root_run_id=parent,
            run_config=dg.RunConfig(ops={op_name("src", "items"): config}).to_config_dict() if config else None,
        )
        return Run(execute_run(InMemoryJob(job), run, self.instance, raise_on_error=False))  # type: ignore[arg-type]


@contextmanager
def stage(folder: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance that several threads may use."""
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    original = step.ResourceLoad
    step.ResourceLoad = hooked_load  # type: ignore[misc,assignment]
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance
    finally:
        step.ResourceLoad = original  # type: ignore[misc]
