"""An API whose rows change between pages and runs, and which fails in every way, against a model of the table."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.assets.project import Project
from tests.support.server import ApiServer, Reply, Request

PAGE = 3
FAULTS = ("429", "503", "half_body", "reset", "silence", "500 for good")
Version = tuple[int, int]


class RandomShop(RuleBasedStateMachine):
    """Rows with an id and the tick of their last change, served in the order of change, three a page."""

    disposition = "merge"

    def __init__(self) -> None:
        super().__init__()
        self.tick = 0
        self.live: dict[int, int] = {}
        self.history: set[Version] = set()
        self.faults: list[str] = []
        self.changes: dict[int, Callable[[], None]] = {}
        self.pages = 0
        self.repeat_rows = False
        self.folder = Path(tempfile.mkdtemp())
        self.api = ApiServer(limit=10**6)
        self.api.__enter__()
        self.api.get("/items")(self._page)
        self.instance = dg.DagsterInstance.ephemeral(tempdir=str(self.folder))
        self.project = Project(self._config(), folder=self.folder, instance=self.instance)

    def _config(self) -> dict[str, Any]:
        endpoint: dict[str, Any] = {
            "path": "items",
            "data_selector": "data",
            "paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "after"},
        }
        written: dict[str, Any] = {"write_disposition": self.disposition}
        if self.disposition == "merge":
            written["primary_key"] = "id"
        if self.disposition == "scd2":
            written = {"write_disposition": {"disposition": "merge", "strategy": "scd2"}}
        if self.disposition in ("merge", "append"):
            endpoint["params"] = {"since": "{incremental.start_value}"}
            endpoint["incremental"] = {"cursor_path": "tick", "initial_value": 0}
        return {
            "client": {
                "base_url": self.api.url,
                "timeout": 0.5,
                "retry": {"attempts": 3, "backoff": 0.01, "jitter": 0},
            },
            "resources": [{"name": "items", **written, "endpoint": endpoint}],
        }

    # --- the API ------------------------------------------------------------------------------------------------

    def _page(self, request: Request) -> Any:
        self.pages += 1
        fault = self.faults.pop() if self.faults else None
        if fault is not None:
            if fault == "500 for good":
                self.faults = [fault]
            return _faulty(fault)
        change = self.changes.pop(self.pages, None)
        if change is not None:
            change()
        since, after = int(request.param("since") or 0), _token(request.param("after"))
        rows = sorted((tick, key) for key, tick in self.live.items() if tick >= since)
        left = [row for row in rows if after is None or row > after]
        page = left[:PAGE]
        more = len(left) > PAGE
        if self.repeat_rows and after in rows:
            page = [after, *page]
        data = [{"id": key, "tick": tick, "tags": [f"{key}-{tick}"] * (key % 3)} for tick, key in page]
        return {"data": data, "next": f"{page[-1][0]}-{page[-1][1]}" if more else None}

    # --- what happens to it -------------------------------------------------------------------------------------

    def _put(self, key: int) -> None:
        self.live[key] = self.tick
        self.history.add((key, self.tick))

    def _insert(self, count: int) -> None:
        self.tick += 1
        start = len({key for key, _ in self.history})
        for key in range(start, start + count):
            self._put(key)

    def _update(self, chosen: set[int]) -> None:
        self.tick += 1
        for key in chosen & self.live.keys():
            self._put(key)

    def _delete(self, chosen: set[int]) -> None:
        for key in chosen:
            self.live.pop(key, None)

    @initialize(count=st.integers(0, 12))
    def begin(self, count: int) -> None:
        self._insert(count)

    @rule(count=st.integers(1, 8))
    def insert(self, count: int) -> None:
        """New rows, all of the same moment."""
        self._insert(count)

    @rule(chosen=st.sets(st.integers(0, 40), max_size=6))
    def update(self, chosen: set[int]) -> None:
        """Changed rows."""
        self._update(chosen)

    @rule(chosen=st.sets(st.integers(0, 40), max_size=3))
    def delete(self, chosen: set[int]) -> None:
        """Rows that are gone."""
        self._delete(chosen)

    @rule(faults=st.lists(st.sampled_from(FAULTS), max_size=4), repeat=st.booleans())
    def run(self, faults: list[str], repeat: bool) -> None:
        """A run against a faulty API; it may fail, and then loudly."""
        self.faults = list(faults)
        self.repeat_rows = repeat and self.disposition == "merge"
        self.project.materialize(raise_on_error=False)
        self.faults, self.repeat_rows = [], False

    @rule(
        page=st.integers(1, 4),
        change=st.sampled_from(["insert", "update", "delete"]),
        chosen=st.sets(st.integers(0, 40), min_size=1, max_size=4),
    )
    def run_while_rows_change(self, page: int, change: str, chosen: set[int]) -> None:
        """A run, and before it asks for its n-th page the rows change."""
        actions = {
            "insert": lambda: self._insert(len(chosen)),
            "update": lambda: self._update(chosen),
            "delete": lambda: self._delete(chosen),
        }
        self.pages, self.changes = 0, {page: actions[change]}
        self.project.materialize(raise_on_error=False)
        self.changes = {}

    # --- what must be true --------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self.project.materialize()
            if self.history and "items" in self.project.tables():
                self.check()
        finally:
            self.instance.dispose()
            self.api.__exit__()
            shutil.rmtree(self.folder, ignore_errors=True)

    def check(self) -> None:
        current = {(key, tick) for key, tick in self.live.items()}
        found = Counter(self.project.query("select id, tick from src.items"))
        assert {1} >= set(found.values()), "a row is there twice"
        assert self.history >= set(found), "a row is there that never was"
        self.check_against(current, found)
        if "items__tags" in self.project.tables():
            self.check_nested()

    def check_nested(self) -> None:
        nested = self.project.query(
            "select i.id, i.tick, t.value from src.items i join src.items__tags t on t._parent_row_id = i._row_id"
        )
        rows = self.project.query("select id, tick from src.items")
        assert Counter((key, tick, f"{key}-{tick}") for key, tick in rows for _ in range(key % 3)) == Counter(nested)
        assert [(len(nested),)] == self.project.query("select count(*) from src.items__tags")

    def check_against(self, current: set[Version], found: Counter[Version]) -> None:
        by_key = dict(found)
        assert current <= set(found)
        assert len({key for key, _ in by_key}) == len(by_key), "two versions of one row"


class Appended(RandomShop):
    disposition = "append"

    def check_against(self, current: set[Version], found: Counter[Version]) -> None:
        assert current <= set(found)


class Replaced(RandomShop):
    disposition = "replace"

    def check_against(self, current: set[Version], found: Counter[Version]) -> None:
        assert current == set(found)


class Versioned(RandomShop):
    disposition = "scd2"

    def check_against(self, current: set[Version], found: Counter[Version]) -> None:
        active = set(self.project.query("select id, tick from src.items where _valid_to is null"))
        assert current == active


def _faulty(fault: str) -> Reply:
    if fault == "429":
        return Reply(status=429, headers={"Retry-After": "0"})
    if fault in ("503", "500 for good"):
        return Reply(status=int(fault[:3]))
    return Reply(json={"data": []}, fault=fault)  # type: ignore[arg-type]


def _token(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    tick, key = text.split("-")
    return int(tick), int(key)


MACHINES = [RandomShop, Appended, Replaced, Versioned]


def explore(machine: type[RandomShop], *, examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_a_few_histories() -> None:
    explore(RandomShop, examples=2, steps=5)


@pytest.mark.long
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.disposition)
def test_many_histories(machine: type[RandomShop]) -> None:
    explore(machine, examples=30, steps=12)
