"""The dlt side: a worker in dlt's environment, and its client here.

As a program (`DLT_PYTHON -m tests.compat.oracle`) it reads one JSON line a run from stdin and answers with one
on its own stdout; everything that dlt prints goes to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).parents[2]
DATASET = "compat"
ENVIRONMENT = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.01",
    "RUNTIME__REQUEST_TIMEOUT": "10",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
}


@dataclass(frozen=True)
class Failure:
    """Why a run failed: the classes of the chain from outside in, and the text of all."""

    classes: tuple[str, ...]
    message: str

    def says(self, text: str) -> bool:
        """Whether a class name or the message holds the text."""
        return text in self.message or any(text in name for name in self.classes)


def failure_of(error: BaseException) -> Failure:
    """The chain of an exception as data."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return Failure(tuple(type(e).__name__ for e in chain), "\n".join(str(e) for e in chain))


class Oracle:
    """The client of the worker process. Use as a context manager."""

    def __init__(self, python: str, home: Path) -> None:
        self._python = python
        self._home = home
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Oracle:
        environment = {
            **os.environ,
            **ENVIRONMENT,
            "DLT_DATA_DIR": str(self._home),
            "DLT_PROJECT_DIR": str(self._home),
            "PYTHONPATH": str(ROOT),
        }
        self._log = (self._home / "worker.log").open("w")
        self._process = subprocess.Popen(
            [self._python, "-m", "tests.compat.oracle"],
            cwd=self._home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._log.close()

    def run(self, **task: Any) -> Failure | None:
        """One run of one case; the failure, if it failed."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"dlt's worker died; see {self._home / 'worker.log'}")
        answer = json.loads(line)
        return Failure(tuple(answer["classes"]), answer["message"]) if answer else None


def _library() -> SimpleNamespace:
    import dlt
    from dlt.sources.helpers.rest_client import paginators
    from dlt.sources.rest_api.config_setup import register_paginator

    def parent(name: str, pages: Any) -> Any:
        return dlt.resource(pages(), name=name, selected=False)

    def session(headers: dict[str, str]) -> Any:
        import requests

        own = requests.Session()
        own.headers.update(headers)
        return own

    names = [name for name in dir(paginators) if name.endswith("Paginator")]
    return SimpleNamespace(
        **{name: getattr(paginators, name) for name in names},
        register_paginator=register_paginator,
        parent=parent,
        session=session,
        side="dlt",
    )


def _run(task: Mapping[str, Any], library: SimpleNamespace) -> Failure | None:
    import dlt
    from dlt.sources.rest_api import rest_api_source

    from tests.compat.case import Setup

    module = importlib.import_module(task["module"])
    case = next(case for case in module.CASES if case.id == task["case"])
    setup = Setup(url=task["url"], elsewhere=task["elsewhere"], run=task["run"], lib=library)
    folder = Path(task["folder"])
    pipeline = dlt.pipeline(
        pipeline_name="compat",
        pipelines_dir=str(folder / "state"),
        destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
        dataset_name=DATASET,
    )
    try:
        pipeline.run(rest_api_source(case.build(setup), name="compat"))
    except Exception as error:
        return failure_of(error)
    finally:
        pipeline.deactivate()
    return None


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    library = _library()
    for line in sys.stdin:
        failure = _run(json.loads(line), library)
        said = {"classes": failure.classes, "message": failure.message} if failure else None
        answers.write(json.dumps(said) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
