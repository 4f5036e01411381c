"""Checks: what each finds, that they cost no step, and that a blocking one rolls the load back."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from dagster_rest import build_rest_assets
from dagster_rest.assets.checks.rules import RULES
from dagster_rest.assets.keys import CHECK_METADATA
from dagster_rest.config import ConfigError
from tests.assets.support import Source, checks_of, metadata_of
from tests.support.server import Reply, Request


def items(**more: Any) -> dict[str, Any]:
    return {"name": "items", "endpoint": {"path": "items", "paginator": "single_page"}, "primary_key": "id", **more}


def names(resource: dict[str, Any]) -> list[str]:
    config = {"client": {"base_url": "https://x.example"}, "resources": [resource]}
    return [key.name for asset in build_rest_assets(config, name="src") for key in asset.check_keys]


def test_the_checks_of_an_asset_are_known_from_its_config_alone() -> None:
    assert {"primary_key_unique", "primary_key_not_null", "schema_changes"} == set(names(items()))
    assert {"schema_changes", "row_count_drop", "replaced_by_nothing"} == set(
        names({"name": "items", "write_disposition": "replace"})
    )
    assert {
        "primary_key_unique",
        "primary_key_not_null",
        "duplicates_in_load",
        "schema_changes",
        "row_count_drop",
        "contract_discards",
    } == set(names(items(write_disposition="merge", schema_contract="discard_row")))


def test_checks_can_be_switched_off_one_by_one_and_all_together() -> None:
    assert "schema_changes" not in names(items(checks={"schema_changes": False}))
    assert [] == names(items(checks=False))


def test_expected_totals_and_rows_bring_their_checks() -> None:
    endpoint = {"path": "items", "expect": {"total_path": "total", "min_rows": 1}}

    assert {"total_rows", "min_rows"} <= set(names(items(endpoint=endpoint)))


def test_an_unknown_check_is_refused_with_a_hint() -> None:
    with pytest.raises(ConfigError) as caught:
        names(items(checks={"primary_key_uniqe": True}))

    assert "config_unknown_key" == caught.value.code
    assert "resources[0].checks.primary_key_uniqe" == caught.value.where
    assert "Did you mean `primary_key_unique`?" == caught.value.hint


def test_a_blocking_check_cannot_be_a_warning_only() -> None:
    with pytest.raises(ConfigError) as caught:
        names(items(checks={"primary_key_unique": {"blocking": True, "severity": "warn"}}))

    assert "config_conflict" == caught.value.code


def test_checks_cost_no_step(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])

    result = source.load(items())

    assert ["src__items"] == [event.step_key for event in result.get_step_success_events()]
    assert {"primary_key_unique": True, "primary_key_not_null": True, "schema_changes": True} == checks_of(result)


def test_a_key_that_comes_twice_is_found_also_across_loads(source: Source) -> None:
    source.api.json("/items", [{"id": 1}, {"id": 2}])
    assert checks_of(source.load(items()))["primary_key_unique"]

    result = source.load(items())

    evaluation = next(e for e in result.get_asset_check_evaluations() if e.check_name == "primary_key_unique")
    assert (False, dg.AssetCheckSeverity.WARN) == (evaluation.passed, evaluation.severity)
    assert 2 == evaluation.metadata["dagster_rest/keys"].value
    assert [(1, 2), (2, 2)] == sorted(source.query(str(evaluation.metadata["dagster_rest/query"].value)))
    assert result.success


def test_a_key_of_several_columns(source: Source) -> None:
    source.api.json("/items", [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2}])

    result = source.load(items(primary_key=["a", "b"]))

    assert not checks_of(result)["primary_key_unique"]


def test_a_null_key_refuses_the_load_and_the_check_says_so(source: Source) -> None:
    source.api.json("/items", [{"id": 1}, {"id": None}])

    result = source.load(items())

    assert not result.success
    assert {"primary_key_not_null": False} == checks_of(result)


def test_versions_of_a_row_are_no_duplicates(source: Source) -> None:
    scd2 = items(write_disposition={"disposition": "merge", "strategy": "scd2"})
    source.api.json("/items", [{"id": 1, "name": "a"}])
    source.load(scd2)
    source.api.json("/items", [{"id": 1, "name": "b"}])

    assert checks_of(source.load(scd2))["primary_key_unique"]
    assert [(2,)] == source.query("select count(*) from src.items")


@pytest.mark.parametrize(("total", "passes"), [(2, True), (3, False), (None, False)])
def test_rows_are_held_against_the_total_of_the_api(source: Source, total: int | None, passes: bool) -> None:
    source.api.json("/items", {"count": total, "rows": [{"id": 1}, {"id": 2}]})
    endpoint = {
        "path": "items",
        "paginator": "single_page",
        "data_selector": "rows",
        "expect": {"total_path": "count"},
    }

    assert passes == checks_of(source.load(items(endpoint=endpoint)))["total_rows"]


def test_too_few_rows(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    endpoint = {"path": "items", "paginator": "single_page", "expect": {"min_rows": 2}}

    assert not checks_of(source.load(items(endpoint=endpoint)))["min_rows"]


def test_a_drop_of_rows_is_found(source: Source) -> None:
    replace = items(write_disposition="replace")
    source.api.json("/items", [{"id": n} for n in range(10)])
    assert checks_of(source.load(replace))["row_count_drop"]
    source.api.json("/items", [{"id": n} for n in range(5)])
    assert checks_of(source.load(replace))["row_count_drop"]
    source.api.json("/items", [{"id": 1}])

    result = source.load(replace)

    evaluation = next(e for e in result.get_asset_check_evaluations() if e.check_name == "row_count_drop")
    assert not evaluation.passed
    assert {"rows_before": 5, "rows_after": 1, "drop": 0.8, "max_drop": 0.5} == {
        name.removeprefix("dagster_rest/"): value.value for name, value in evaluation.metadata.items()
    }


def test_the_drop_that_is_allowed_can_be_set(source: Source) -> None:
    strict = items(write_disposition="replace", checks={"row_count_drop": {"max_drop": 0.1}})
    source.api.json("/items", [{"id": n} for n in range(10)])
    source.load(strict)
    source.api.json("/items", [{"id": n} for n in range(8)])

    assert not checks_of(source.load(strict))["row_count_drop"]


def test_replaced_by_nothing(source: Source) -> None:
    replace = items(write_disposition="replace", checks={"row_count_drop": False})
    source.api.json("/items", [{"id": 1}])
    assert checks_of(source.load(replace))["replaced_by_nothing"]
    source.api.json("/items", [])

    assert not checks_of(source.load(replace))["replaced_by_nothing"]


def test_duplicates_within_a_load(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "v": 1}, {"id": 1, "v": 2}])

    result = source.load(items(write_disposition="merge"))

    assert not checks_of(result)["duplicates_in_load"]
    assert checks_of(result)["primary_key_unique"]
    assert 1 == metadata_of(result, "items")["dagster_rest/duplicates"]


def test_a_new_column_is_a_schema_change_but_the_first_load_is_none(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    assert checks_of(source.load(items()))["schema_changes"]
    source.api.json("/items", [{"id": 2, "colour": "red"}])

    result = source.load(items())

    evaluation = next(e for e in result.get_asset_check_evaluations() if e.check_name == "schema_changes")
    assert (False, "added column items.colour (text)") == (evaluation.passed, evaluation.description)


def test_what_the_contract_discards(source: Source) -> None:
    strict = items(schema_contract={"columns": "discard_value"})
    source.api.json("/items", [{"id": 1}])
    assert checks_of(source.load(strict))["contract_discards"]
    source.api.json("/items", [{"id": 2, "colour": "red"}])

    assert not checks_of(source.load(strict))["contract_discards"]


def test_a_response_ignored_in_the_middle_of_a_pagination(source: Source) -> None:
    @source.api.get("/items")
    def pages(request: Request) -> Any:
        return [{"id": 1}] if request.param("page") == "1" else Reply(status=404, json={})

    endpoint = {
        "path": "items",
        "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
        "response_actions": [{"status_code": 404, "action": "ignore"}],
    }

    result = source.load(items(endpoint=endpoint))

    assert not checks_of(result)["pagination_ignored"]
    assert {"ignored": 1} == metadata_of(result, "items")["dagster_rest/ended_by"]


def test_an_ignored_first_page_is_no_matter(source: Source) -> None:
    source.api.route("GET", "/items")(lambda request: Reply(status=404, json={}))
    endpoint = {"path": "items", "response_actions": [{"status_code": 404, "action": "ignore"}]}

    assert checks_of(source.load(items(endpoint=endpoint)))["pagination_ignored"]


def test_parents_without_a_value(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "owner": "a"}, {"id": 2, "owner": None}])
    source.api.json("/owners/a", {"name": "a"})

    result = source.load(items(), {"name": "owners", "endpoint": "owners/{resources.items.owner}"})

    owners = {e.check_name: e.passed for e in result.get_asset_check_evaluations() if e.asset_key.path[-1] == "owners"}
    assert {"schema_changes": True, "null_parents": False} == owners
    assert 1 == metadata_of(result, "owners")["dagster_rest/null_parents"]


def incremental(**more: Any) -> dict[str, Any]:
    endpoint = {
        "path": "items",
        "paginator": "single_page",
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "updated", "initial_value": "2026-01-01"},
    }
    return items(endpoint=endpoint, checks={"primary_key_unique": {"blocking": True}}, **more)


def test_a_blocking_check_rolls_tables_and_cursor_back(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "updated": "2026-01-02"}])
    assert source.load(incremental()).success
    source.api.json("/items", [{"id": 2, "updated": "2026-01-03"}, {"id": 2, "updated": "2026-01-03"}])

    result = source.load(incremental())

    assert not result.success
    failed = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert [("primary_key_unique", dg.AssetCheckSeverity.ERROR)] == [(e.check_name, e.severity) for e in failed]
    assert [] == result.get_asset_materialization_events()
    assert [(1,)] == source.query("select id from src.items")
    assert [("2026-01-02",)] == source.query("select cursor from _dagster_rest.loads")
    source.api.json("/items", [{"id": 3, "updated": "2026-01-03"}])
    assert source.load(incremental()).success
    assert "since=2026-01-02" in source.api.requests[-1].target


def test_a_blocking_check_stops_what_is_downstream_and_is_not_retried(source: Source) -> None:
    source.api.json("/items", [{"id": 1}, {"id": 1}])
    resource = items(checks={"primary_key_unique": {"blocking": True}})
    assets = source.build(resource, retry_policy=dg.RetryPolicy(max_retries=2))

    @dg.asset(deps=[["src", "items"]])
    def after() -> None:
        raise AssertionError("ran after a blocking check")

    result = source.run([*assets, after])

    failure = result.failure_data_for_node("src__items")
    assert failure is not None
    assert "check_blocking" in str(failure.error)
    assert [] == [event for event in result.all_events if event.is_step_up_for_retry]
    assert 1 == len(source.api.requests)
    assert "ran after" not in str([event.message for event in result.all_events])


def test_a_run_without_the_checks_evaluates_none(source: Source) -> None:
    source.api.json("/items", [{"id": 1}, {"id": 1}])
    assets = source.build(items(checks={"primary_key_unique": {"blocking": True}}), mode="single_op")

    result = source.run(assets, selection=dg.AssetSelection.assets(["src", "items"]).without_checks())

    assert result.success
    assert {} == checks_of(result)


@pytest.mark.parametrize(
    ("incremental", "watched"),
    [
        ({"initial_value": "2026-01-01"}, True),
        ({}, True),
        ({"initial_value": 0}, False),
        ({"initial_value": 0, "max_step": 100}, True),
        ({"initial_value": "2026-01-01", "max_future": None}, False),
        ({"initial_value": "2026-01-01", "last_value_func": "min"}, False),
        ({"initial_value": "2026-01-01", "last_value_func": min}, False),
    ],
)
def test_rows_ahead_of_the_cursor_are_looked_for_where_there_may_be_some(
    incremental: dict[str, Any], watched: bool
) -> None:
    resource = {"name": "items", "endpoint": {"path": "items", "incremental": {"cursor_path": "at", **incremental}}}

    assert watched == ("rows_ahead" in names(resource))


def test_every_check_has_a_test_that_names_it() -> None:
    from pathlib import Path

    text = "".join(file.read_text() for file in Path(__file__).parents[1].rglob("test_*.py"))

    assert [] == [name for name in RULES if f'"{name}"' not in text]


def test_what_results_show_is_listed(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    replace = items(write_disposition="replace", schema_contract="discard_row")

    results = [*source.load(replace).get_asset_check_evaluations(), *source.load(items()).get_asset_check_evaluations()]

    assert set() == {key for result in results for key in result.metadata} - set(CHECK_METADATA)
