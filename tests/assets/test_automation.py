"""Automation conditions decided on what loads really leave."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import dagster as dg
import pytest
from dagster_duckdb import DuckDBResource

from tests.assets.support import Source

# Dagster's evaluation calls a function of its own that is in beta.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")

ITEMS: dict[str, Any] = {
    "name": "items",
    "primary_key": "id",
    "write_disposition": "merge",
    "endpoint": {"path": "items", "paginator": "single_page"},
}
NOTES: dict[str, Any] = {"name": "notes", "endpoint": "items/{resources.items.id}/notes"}


def requested(source: Source, *resources: Any, cursor: Any = None, at: datetime | None = None) -> tuple[list[str], Any]:
    source.configure(source.config(*resources))
    result = dg.evaluate_automation_conditions(
        dg.Definitions(
            assets=source.assets,
            resources={"src": source.rest, "duckdb": DuckDBResource(database=source.database)},
        ),
        instance=source.instance,
        cursor=cursor,
        evaluation_time=at or datetime(2026, 1, 5, 12, 30, tzinfo=timezone.utc),
    )
    return sorted(one.key.path[-1] for one in result.results if one.true_subset.size), result.cursor


def test_on_new_data_wakes_for_new_content_only(source: Source) -> None:
    child = {**NOTES, "automation": "on_new_data"}
    source.api.json("/items", [{"id": 1, "v": 1}])
    source.api.json("/items/1/notes", [{"text": "x"}])
    source.load(ITEMS, child)
    _, cursor = requested(source, ITEMS, child)

    source.load(ITEMS)
    unchanged, cursor = requested(source, ITEMS, child, cursor=cursor)
    source.api.json("/items", [{"id": 1, "v": 2}])
    source.load(ITEMS)
    changed, _ = requested(source, ITEMS, child, cursor=cursor)

    assert ([], ["notes"]) == (unchanged, changed)


def test_eager_wakes_for_every_load_of_the_parent(source: Source) -> None:
    child = {**NOTES, "automation": "eager"}
    source.api.json("/items", [{"id": 1}])
    source.api.json("/items/1/notes", [{"text": "x"}])
    source.load(ITEMS, child)
    _, cursor = requested(source, ITEMS, child)

    source.load(ITEMS)

    assert ["notes"] == requested(source, ITEMS, child, cursor=cursor)[0]


def test_a_cron_expression_wakes_parent_and_eager_child_together(source: Source) -> None:
    resources = ({**ITEMS, "automation": "0 * * * *"}, {**NOTES, "automation": "eager"})
    source.api.json("/items", [{"id": 1}])
    source.api.json("/items/1/notes", [{"text": "x"}])
    source.load(*resources)
    _, cursor = requested(source, *resources)

    before, cursor = requested(source, *resources, cursor=cursor, at=datetime(2026, 1, 5, 12, 59, tzinfo=timezone.utc))
    at_the_hour, _ = requested(
        source, *resources, cursor=cursor, at=datetime(2026, 1, 5, 13, 0, 1, tzinfo=timezone.utc)
    )

    assert ([], ["items", "notes"]) == (before, at_the_hour)
