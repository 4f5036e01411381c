"""`mode="single_op"`: a whole source in one step."""

from __future__ import annotations

from typing import Any

import dagster as dg

from tests.assets.support import Source, checks_of
from tests.support.server import Reply

ITEMS: dict[str, Any] = {
    "name": "items",
    "primary_key": "id",
    "endpoint": {"path": "items", "paginator": "single_page"},
}
NOTES: dict[str, Any] = {"name": "notes", "endpoint": "items/{resources.items.id}/notes"}
OTHER: dict[str, Any] = {"name": "other", "endpoint": {"path": "other", "paginator": "single_page"}}


def serve(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    source.api.json("/items/1/notes", [{"text": "x"}])
    source.api.json("/other", [{"id": 1}])


def loaded(result: dg.ExecuteInProcessResult) -> list[str]:
    return [event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key]


def test_all_in_one_step_parents_first(source: Source) -> None:
    serve(source)

    # The child stands before its parent in the config.
    result = source.run(source.build(NOTES, ITEMS, OTHER, mode="single_op"))

    assert ["src"] == [event.step_key for event in result.get_step_success_events()]
    assert ["items", "notes"] == [name for name in loaded(result) if name != "other"]
    assert {"items", "notes", "other"} == set(loaded(result))


def test_any_subset(source: Source) -> None:
    serve(source)
    assets = source.build(ITEMS, NOTES, OTHER, mode="single_op")
    source.run(assets)
    before = len(source.api.requests)

    result = source.run(assets, selection=[dg.AssetKey(["src", "notes"])])

    assert ["notes"] == loaded(result)
    assert ["GET /items/1/notes"] == source.api.targets()[before:]


def test_one_that_fails_stops_its_children_and_nothing_else(source: Source) -> None:
    serve(source)
    source.api.route("GET", "/items")(lambda request: Reply(status=404, json={}))

    result = source.run(source.build(ITEMS, NOTES, OTHER, mode="single_op"))

    assert not result.success
    assert ["other"] == loaded(result)
    failure = result.failure_data_for_node("src")
    assert failure is not None
    assert "2 of 3 resources failed: items, notes." in str(failure.error)


def test_checks_of_every_resource(source: Source) -> None:
    serve(source)

    result = source.run(source.build(ITEMS, OTHER, mode="single_op"))

    assert {"primary_key_unique": True, "primary_key_not_null": True, "schema_changes": True} == checks_of(result)
    assert 4 == len(result.get_asset_check_evaluations())


def test_a_blocking_check_of_one_leaves_the_others_alone(source: Source) -> None:
    serve(source)
    source.api.json("/items", [{"id": 1}, {"id": 1}])
    blocking = {**ITEMS, "checks": {"primary_key_unique": {"blocking": True}}}

    result = source.run(source.build(blocking, OTHER, mode="single_op"))

    assert not result.success
    assert ["other"] == loaded(result)


def test_a_step_that_is_retried_does_not_load_again_what_is_loaded(source: Source) -> None:
    serve(source)
    answers = iter([Reply(status=404, json={}), Reply(json=[{"id": 1}])])
    source.api.route("GET", "/other")(lambda request: next(answers))
    assets = source.build(ITEMS, OTHER, mode="single_op", retry_policy=dg.RetryPolicy(max_retries=1))

    result = source.run(assets)

    assert result.success
    # Dagster wants all outputs of a retried step again, so the stored event comes twice, and its load once.
    assert ["items", "items", "other"] == loaded(result)
    assert [(1,)] == source.query("select count(*) from src.items")
    assert 1 == source.api.targets().count("GET /items")


def test_every_resource_has_the_run_config(source: Source) -> None:
    serve(source)
    assets = source.build(ITEMS, mode="single_op")
    source.run(assets)

    source.run(assets, run_config={"ops": {"src": {"config": {"full_refresh": True}}}})

    assert [(1,)] == source.query("select count(*) from src.items")
