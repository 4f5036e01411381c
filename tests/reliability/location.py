"""The code location that the reliability tests run: every step process imports it anew.

It builds the assets as a user would, and adds what only a test wants: small parts, a log of what happens when, and
death at a named moment. Nothing of that is in the package.
"""

import copy
import functools
import json
import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource

NAME = "shop"


class Recorder:
    """Writes down named moments with the machine's monotonic time, and dies (or stops) at one of them.

    Args:
        spec: The run's specification; `kill` has `point`, `number` (from 1), `signal` and `group`.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._kill = spec.get("kill") or {}
        self._seen: Counter[str] = Counter()
        self._file = os.open(spec["events"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, point: str) -> None:
        self._seen[point] += 1
        number = self._seen[point]
        self.write(f"{point} {number}")
        if self._kill.get("point") == point and self._kill.get("number", 1) == number:
            self.write("killed 1")
            self._die()

    def write(self, text: str) -> None:
        os.write(self._file, f"{time.monotonic()} {os.getpid()} {text}\n".encode())

    def _die(self) -> None:
        which = signal.Signals[self._kill.get("signal", "SIGKILL")]
        if self._kill.get("group"):
            os.killpg(os.getpgid(0), which)
        else:
            os.kill(os.getpid(), which)


def build_job(spec_path: str) -> dg.JobDefinition:
    """The job of one run, from its specification.

    Args:
        spec_path: A JSON file: `url`, `database`, `home`, `config`, `target` (a resource), `events` (a file), `kill`.
    """
    from dagster_rest import RestApiResource, build_rest_assets
    from dagster_rest.config import load_config

    spec = json.loads(Path(spec_path).read_text())
    if spec.get("executor") != "in_process" or spec.get("own_process"):
        # What runs inside the test's own process stays as it is.
        _instrument(spec)
    config = load_config(copy.deepcopy(spec["config"]))
    retry = dg.RetryPolicy(max_retries=spec["max_retries"]) if spec.get("max_retries") else None
    assets = build_rest_assets(config, name=NAME, retry_policy=retry, mode=spec.get("mode", "per_resource"))
    executor = dg.in_process_executor
    if spec.get("executor", "multiprocess") == "multiprocess":
        forkserver = {"forkserver": {"preload_modules": PRELOADED}}
        executor = dg.multiprocess_executor.configured(
            {"start_method": forkserver if spec.get("fast", True) else {"spawn": {}}, "max_concurrent": 2}
        )
    definitions = dg.Definitions(
        assets=assets,
        jobs=[dg.define_asset_job("load", selection=[dg.AssetKey([NAME, name]) for name in spec["targets"]])],
        resources={
            NAME: RestApiResource.from_config(config.client),
            "duckdb": DuckDBResource(database=spec["database"]),
        },
        executor=executor,
    )
    return definitions.resolve_job_def("load")


PRELOADED = [
    "dagster",
    "dagster._core.storage.event_log",
    "dagster._core.storage.runs",
    "dagster._core.storage.schedules",
    "dagster._core.storage.sqlite_storage",
    "dagster._daemon.controller",
    "alembic.command",
    "upath",
    "fsspec",
    "structlog",
    "dagster_duckdb",
    "duckdb",
    "pandas",
    "pyarrow.compute",
    "pyarrow.parquet",
    "httpx_aiohttp",
    "authlib.oauth2.auth",
    "jsonpath_ng",
    "pendulum.parsing",
    "dagster_rest",
    "dagster_rest.assets.run.step",
    "dagster_rest.assets.definition.factory",
    "dagster_rest.config.load",
    "dagster_rest.http.fetch.scheduler",
    "dagster_rest.http.auth.oauth",
    "dagster_rest.http.send.factory",
    "dagster_rest.resources",
    "dagster_rest.warehouse.load.data_version",
    "dagster_rest.warehouse.load.commit",
    "dagster_rest.warehouse.stage.stager",
]
"""What the fork server imports once, so that a step process starts in tenths of a second; pyarrow asks for pandas."""


def _instrument(spec: dict[str, Any]) -> None:
    """Wrap what the moments belong to. A step process is fresh, so nothing has to be put back."""
    from dagster_rest.assets.run import commit_partition, step
    from dagster_rest.assets.run.load import ResourceLoad
    from dagster_rest.http.send.sender import Sender
    from dagster_rest.warehouse.stage import stager
    from dagster_rest.warehouse.stage.stager import Stager

    if isinstance(step.ResourceLoad, functools.partial):
        return
    recorder = Recorder(spec)
    step.ResourceLoad = functools.partial(_ArmedLoad, spec, recorder, ResourceLoad)  # type: ignore[misc,assignment]
    Stager.open = classmethod(  # type: ignore[method-assign]
        functools.partial(_small_parts, Stager.open.__func__, rows=spec.get("rows_per_part", 10))  # type: ignore[attr-defined]
    )
    Stager.write = _before(Stager.write, lambda: recorder("page_taken"))  # type: ignore[method-assign]
    Stager._begin_part = _before(Stager._begin_part, lambda: recorder("part_begun"))  # type: ignore[method-assign]
    Sender.send = _before(Sender.send, lambda: recorder("before_request"))  # type: ignore[method-assign]
    commit_partition.record_load = _before(commit_partition.record_load, lambda: recorder("rows_written"))
    stager.write_parquet = functools.partial(_half_then_whole, recorder, stager.write_parquet)
    if spec.get("without"):
        from tests.reliability import guards

        guards.switch_off(spec["without"])


def _half_then_whole(recorder: Recorder, write: Callable[..., Any], path: Path, tables: Any) -> Any:
    path.write_bytes(b"PAR1 and then nothing more")
    recorder("in_part_write")
    return write(path, tables)


def _before(method: Callable[..., Any], say: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapped(*args: Any, **options: Any) -> Any:
        say()
        return method(*args, **options)

    return wrapped


def _small_parts(method: Callable[..., Any], cls: type, *args: Any, rows: int, **options: Any) -> Any:
    return method(cls, *args, **{**options, "rows_per_part": rows})


def _ArmedLoad(  # noqa: N802 - it stands for a class
    spec: dict[str, Any], recorder: Recorder, kind: Any, asset: Any, **options: Any
) -> Any:
    load = kind(asset, **{**options, "on_event": recorder})
    recorder("begun")
    if spec.get("kill") or spec.get("announce"):
        # The API's process holds the other end: it can kill this one at any moment, without its help.
        with urllib.request.urlopen(f"{spec['url']}/_test/here/{os.getpid()}", timeout=30) as response:
            response.read()
    run = load.run
    close = load.close

    def closed() -> None:
        close()
        recorder("done")

    load.run, load.close = run, closed
    return load
