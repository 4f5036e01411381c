"""Whose state it is: what another asset key, source or code location has loaded is not gone on from unasked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from dagster_rest import DagsterRestTranslator, RestApiResource, RestRunConfig, build_rest_assets
from dagster_rest.assets.definition.factory import op_name
from dagster_rest.assets.run import step
from dagster_rest.config import load_config
from tests.support.server import ApiServer

ADOPT = RestRunConfig(adopt=True)
DAILY = {"partitions": {"every": "daily", "start": "2026-01-01"}}


class Prefixed(DagsterRestTranslator):
    """A translator that somebody added after the first loads."""

    def get_asset_spec(self, props: Any) -> dg.AssetSpec:
        spec = super().get_asset_spec(props)
        return spec.replace_attributes(key=spec.key.with_prefix("lake"))


class Location:
    """A code location with one source; all have one Dagster instance and one DuckDB file."""

    def __init__(self, api: ApiServer, folder: Path, instance: dg.DagsterInstance) -> None:
        self.api, self.database, self.instance = api, str(folder / "warehouse.duckdb"), instance

    def run(
        self,
        path: str,
        *,
        source: str = "shop",
        config: RestRunConfig | None = None,
        translator: DagsterRestTranslator | None = None,
        partition: str | None = None,
        resources: Any = (),
        **options: Any,
    ) -> Any:
        """Load it: what it started from, or the error."""
        orders = {"name": "orders", "write_disposition": "append", "endpoint": endpoint(path), **options}
        client = {"base_url": self.api.url, "paginator": "single_page"}
        loaded = load_config({"client": client, "resources": [orders, *resources]})
        more = {"translator": translator} if translator else {}
        result = dg.materialize(
            build_rest_assets(loaded, name=source, dataset="raw", **more),
            resources={
                source: RestApiResource.from_config(loaded.client),
                "duckdb": DuckDBResource(database=self.database),
            },
            instance=self.instance,
            partition_key=partition,
            run_config=dg.RunConfig(ops={op_name(source, "orders"): config} if config else {}),
            raise_on_error=False,
        )
        for event in result.all_events:
            if event.is_step_failure and event.step_failure_data.error:
                return str(event.step_failure_data.error.cause or event.step_failure_data.error)
        (event,) = result.asset_materializations_for_node(op_name(source, "orders"))
        return event.metadata["dagster_rest/started_from"].value

    def rows(self) -> list[Any]:
        return self.query('select "of", "at" from raw.orders order by all')

    def query(self, sql: str) -> list[Any]:
        with duckdb.connect(self.database) as connection:
            return connection.execute(sql).fetchall()


def endpoint(path: str) -> dict[str, Any]:
    incremental = {"cursor_path": "at", "initial_value": "2026-01-01"}
    return {"path": path, "params": {"since": "{incremental.start_value}"}, "incremental": incremental}


@pytest.fixture
def one(api: ApiServer, tmp_path: Path) -> Iterator[Location]:
    def answer(name: str) -> Callable[[Any], Any]:
        def rows(request: Any) -> Any:
            days = [f"2026-01-{day:02}" for day in range(1, 2 + api.requests_of(name))]
            return [{"of": name, "at": at} for at in days if at >= request.param("since")]

        return rows

    counts = {"a": 0, "b": 0}

    def requests_of(name: str) -> int:
        counts[name] += 1
        return counts[name]

    api.requests_of = requests_of  # type: ignore[attr-defined]
    for name in counts:
        api.get(f"/{name}")(answer(name))
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Location(api, tmp_path, instance)


A1 = [("a", "2026-01-01"), ("a", "2026-01-02")]
A2 = [*A1, ("a", "2026-01-03")]


@pytest.mark.parametrize("disposition", ["append", "replace"])
@pytest.mark.parametrize("refresh", [False, True])
def test_another_source_does_not_go_on_from_the_cursor(
    one: Location, api: ApiServer, disposition: str, refresh: bool
) -> None:
    one.run("a", write_disposition=disposition)
    asked = len(api.targets())
    config = RestRunConfig(full_refresh=True) if refresh else None
    found = one.run("b", source="market", write_disposition=disposition, config=config)

    assert "state_other_asset" in found
    assert "the source 'shop', and this is 'market'" in found
    assert asked == len(api.targets())
    assert A1 == one.rows()
    assert "normal" == one.run("a", write_disposition=disposition)
    assert A2 == one.rows()


def test_a_renamed_source_goes_on_if_it_is_told_to_and_the_old_one_does_not(one: Location) -> None:
    one.run("a")
    assert "normal" == one.run("a", source="market", config=ADOPT)
    assert "normal" == one.run("a", source="market")
    assert "state_other_asset" in one.run("a")
    assert [*A2, ("a", "2026-01-04")] == one.rows()


def test_what_an_older_version_loaded_is_believed(one: Location) -> None:
    one.run("a")
    one.query("update _dagster_rest.loads set source = null")

    assert "normal" == one.run("a", source="market")


def test_a_table_that_somebody_dropped_is_nobodys(one: Location) -> None:
    one.run("a")
    one.query("drop table raw.orders")

    assert "missing_table" == one.run("b", source="market")
    assert "state_other_asset" in one.run("a")


def test_a_table_that_was_dropped_is_of_the_asset_that_makes_it_again(one: Location) -> None:
    one.run("a")
    one.query("drop table raw.orders")

    assert "missing_table" == one.run("a", translator=Prefixed())
    assert "normal" == one.run("a", translator=Prefixed())
    assert "the asset lake/raw/orders" in one.run("a")


def test_a_partition_of_another_source_is_refused(one: Location) -> None:
    one.run("a", partition="2026-01-01", **DAILY)

    assert "state_other_asset" in one.run("b", source="market", partition="2026-01-02", **DAILY)
    assert "first" == one.run("b", source="market", partition="2026-01-02", config=ADOPT, **DAILY)


@pytest.mark.parametrize(
    ("before", "now", "path", "refused"),
    [
        ("first", "second", "b", True),
        ("first", "second", "a", False),
        ("first", "first", "b", False),
        (None, "second", "b", False),
        ("first", None, "b", False),
    ],
)
def test_another_config_of_another_code_location_is_refused(
    one: Location,
    monkeypatch: pytest.MonkeyPatch,
    before: str | None,
    now: str | None,
    path: str,
    refused: bool,
) -> None:
    real = step.lineage_of
    for location, asked in ((before, "a"), (now, path)):
        monkeypatch.setattr(
            step, "lineage_of", lambda context, at=location: dataclasses.replace(real(context), code_location=at)
        )
        found = one.run(asked)

    assert refused == ("state_other_asset" in found)
    assert not refused or "the code location 'first', and this is 'second'" in found


def test_a_config_may_change_after_another_code_location_has_loaded_by_it(
    one: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, found = step.lineage_of, []
    for location, path in (("prod", "a"), ("dev", "a"), ("prod", "b"), ("dev", "a")):
        monkeypatch.setattr(
            step, "lineage_of", lambda context, at=location: dataclasses.replace(real(context), code_location=at)
        )
        found.append(one.run(path))

    assert ["first", "normal", "normal"] == found[:3]
    assert "another config, of the code location 'prod', and this is 'dev'" in found[3]


def test_a_renamed_asset_is_refused_before_it_asks_for_anything(one: Location, api: ApiServer) -> None:
    one.run("a")
    asked = len(api.targets())

    found = one.run("a", translator=Prefixed())
    assert "state_other_asset" in found
    assert "the asset raw/orders" in found
    assert asked == len(api.targets())


def test_a_renamed_asset_goes_on_if_it_is_told_to(one: Location) -> None:
    lines = {"name": "lines", "write_disposition": "append", "endpoint": "b?of={resources.orders.at}&since=2026-01-09"}
    one.run("a", resources=[lines])
    assert "other_storage" == one.run("a", translator=Prefixed(), config=ADOPT)
    assert "normal" == one.run("a", translator=Prefixed())
    assert "state_other_asset" in one.run("a")

    assert [*A2, ("a", "2026-01-04")] == one.rows()
    assert [("lake/raw/orders",)] == one.query(
        "select distinct asset from _dagster_rest.loads where asset like '%orders'"
    )
    assert [("lake/raw/orders",)] == one.query("select distinct parent from _dagster_rest.consumed")


def test_a_renamed_partitioned_asset_knows_its_partitions(one: Location) -> None:
    one.run("a", partition="2026-01-01", **DAILY)
    one.run("a", partition="2026-01-02", translator=Prefixed(), config=ADOPT, **DAILY)
    again = one.run("a", partition="2026-01-01", translator=Prefixed(), **DAILY)

    assert "other_storage" == again
    assert [("a", "2026-01-01"), ("a", "2026-01-02")] == one.rows()


def test_adopting_what_is_nobody_elses_changes_nothing(one: Location) -> None:
    assert "first" == one.run("a", config=ADOPT)
    assert "normal" == one.run("a", config=ADOPT)
    assert A2 == one.rows()


@pytest.mark.parametrize("options", [{"selected": False}, {"table_name": itemgetter("of")}])
def test_a_renamed_asset_without_a_table_of_a_fixed_name_cannot_adopt(one: Location, options: dict[str, Any]) -> None:
    one.run("a", **options)

    assert "adopt_refused" in one.run("a", translator=Prefixed(), config=ADOPT, **options)
    assert "normal" == one.run("a", config=ADOPT, **options)
