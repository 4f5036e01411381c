"""Both sides of every case, run once a session."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.compat.case import Answer, Call, Case, answer_of
from tests.compat.oracle import DATASET, Failure, Oracle
from tests.compat.ours import dagster_instance, run_ours
from tests.compat.outcome import Outcome, Seen, seen
from tests.compat.tables import DLT, OURS, read_warehouse
from tests.support.server import ApiServer, Reply

Run = Callable[..., Failure | None]


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """The worker in dlt's environment (`DLT_PYTHON`)."""
    python = os.environ.get("DLT_PYTHON")
    if not python:
        pytest.fail("DLT_PYTHON is not set: run `make compat`, which installs dlt into .venv-dlt")
    with Oracle(python, tmp_path_factory.mktemp("dlt-home")) as worker:
        yield worker


@pytest.fixture(scope="session")
def dlt_outcome(oracle: Oracle, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Outcome]:
    """What dlt does with a case; asked once a session."""
    known: dict[str, Outcome] = {}

    def ask(case: Case) -> Outcome:
        if case.id not in known:
            folder = tmp_path_factory.mktemp(case.id)
            module = _module_of(case)

            def run(*, number: int, url: str, elsewhere: str) -> Failure | None:
                return oracle.run(
                    module=module, case=case.id, url=url, elsewhere=elsewhere, folder=str(folder), run=number
                )

            failures, requests = _play(case, run)
            known[case.id] = Outcome(failures, requests, read_warehouse(folder / "dlt.duckdb", DATASET, DLT))
        return known[case.id]

    return ask


@pytest.fixture
def our_outcome(tmp_path: Path) -> Callable[[Case], Outcome]:
    """What dagster_rest does with a case."""

    def ask(case: Case) -> Outcome:
        with dagster_instance(tmp_path) as instance:

            def run(*, number: int, url: str, elsewhere: str) -> Failure | None:
                return run_ours(case, url=url, elsewhere=elsewhere, run=number, folder=tmp_path, instance=instance)

            failures, requests = _play(case, run)
        return Outcome(failures, requests, read_warehouse(tmp_path / "ours.duckdb", DATASET, OURS))

    return ask


def _module_of(case: Case) -> str:
    from tests.compat.registry import MODULES

    return next(name for name, module in MODULES.items() if any(c is case for c in module.CASES))


def _play(case: Case, run: Run) -> tuple[tuple[Failure | None, ...], tuple[tuple[Seen, ...], ...]]:
    failures: list[Failure | None] = []
    requests: list[tuple[Seen, ...]] = []
    with ExitStack() as stack:
        # 127.0.0.1 and 127.0.0.2 are two hosts to every HTTP client.
        api = stack.enter_context(ApiServer(limit=case.limit))
        other = stack.enter_context(ApiServer(host="127.0.0.2", limit=case.limit)) if case.elsewhere else None
        elsewhere = other.url if other else ""
        for number in range(case.runs):
            _script(api, case.api, number, api.url, elsewhere)
            if other:
                _script(other, case.elsewhere, number, api.url, elsewhere)
            api.requests.clear()
            failures.append(run(number=number, url=api.url, elsewhere=elsewhere))
            there = [seen(r) for r in other.requests] if other else []
            requests.append((*map(seen, api.requests), *there))
            if other:
                other.requests.clear()
    return tuple(failures), tuple(requests)


def _script(api: ApiServer, script: Any, run: int, url: str, elsewhere: str) -> None:
    seen_before: Counter[tuple[str, str]] = Counter()

    def handler(scripted: Any) -> Callable[[Any], Any]:
        def answer(request: Any) -> Any:
            place = (request.method, request.path)
            call = Call(
                method=request.method,
                path=request.path,
                query=request.query,
                headers=request.headers,
                body=request.body,
                params=request.path_params,
                run=run,
                seen=seen_before[place],
                url=url,
                elsewhere=elsewhere,
            )
            seen_before[place] += 1
            said = answer_of(scripted, call)
            if isinstance(said, Answer):
                return Reply(status=said.status, json=said.json, headers=said.headers, body=said.body)
            return said

        return answer

    for place, scripted in script.items():
        method, _, path = place.rpartition(" ")
        api.route(method or "GET", path)(handler(scripted))
