"""Tables as dagster-duckdb's IO managers find them: by key, and a partition by its window."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from dagster_duckdb import DuckDBResource
from dagster_duckdb_pandas import DuckDBPandasIOManager

from tests.assets.support import Source
from tests.support.server import Request

pytestmark = [
    # The IO manager's own warnings, of pandas and of its context; and Dagster's, that `backfill_policy` is in beta.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is currently in beta"),
]

ROWS = {
    "days": [{"id": 1, "at": "2026-01-01"}, {"id": 2, "at": "2026-01-02"}],
    "instants": [{"id": 1, "at": "2026-01-01T23:30:00Z"}, {"id": 2, "at": "2026-01-02T00:30:00Z"}],
    "offsets": [{"id": 1, "at": "2026-01-02T01:30:00+02:00"}, {"id": 2, "at": "2026-01-02T02:30:00+02:00"}],
    "seconds": [{"id": 1, "at": 1767310200}, {"id": 2, "at": 1767313800}],
}
INITIAL = {
    "days": "2026-01-01",
    "instants": "2026-01-01T00:00:00Z",
    "offsets": "2026-01-01T00:00:00+02:00",
    "seconds": 1767225600,
}


@pytest.fixture(params=["UTC", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone of the machine, which is also that of DuckDB's sessions."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.parametrize("kind", list(ROWS))
def test_a_partition_downstream_gets_just_its_window(source: Source, kind: str, zone: str) -> None:
    @source.api.get("/events")
    def events(request: Request) -> Any:
        return ROWS[kind]

    resource = {
        "name": "events",
        "primary_key": "id",
        "partitions": {"every": "daily", "start": "2026-01-01"},
        "endpoint": {
            "path": "events",
            "paginator": "single_page",
            "params": {"since": "{incremental.start_value}"},
            "incremental": {"cursor_path": "at", "initial_value": INITIAL[kind]},
        },
    }
    seen: list[list[int]] = []

    @dg.asset(
        partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),
        ins={"events": dg.AssetIn(key=["src", "events"], input_manager_key="pandas")},
        io_manager_key="pandas",
        backfill_policy=dg.BackfillPolicy.single_run(),
        key=["src", "report"],
        metadata={"partition_expr": "day"},
    )
    def report(context: dg.AssetExecutionContext, events: pd.DataFrame) -> pd.DataFrame:
        seen.append(sorted(events["id"]))
        return pd.DataFrame({"day": [pd.Timestamp(context.partition_key)]})

    source.configure(source.config(resource))
    for day in ("2026-01-01", "2026-01-02"):
        result = dg.materialize(
            [*source.assets, report],
            instance=source.instance,
            partition_key=day,
            resources={
                "src": source.rest,
                "duckdb": DuckDBResource(database=source.database),
                "pandas": DuckDBPandasIOManager(database=source.database),
            },
        )
        assert result.success

    assert [[1], [2]] == seen
