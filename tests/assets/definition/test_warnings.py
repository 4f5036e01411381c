"""Definitions of every kind are built and shown without a warning: the tests turn each into an error."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from dagster_rest import build_rest_definitions, build_rest_polling_sensor
from tests.assets.support import snapshot_of

# Dagster's own snapshot of a schedule reads a property that Dagster has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`")

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", ["per_resource", "single_op"])
def test_the_examples(path: Path, mode: str) -> None:
    definitions = build_rest_definitions(path, name=path.stem, duckdb="warehouse.duckdb", mode=mode)  # type: ignore[arg-type]

    assert snapshot_of(definitions)


def test_everything_at_once() -> None:
    config = {
        "client": {"base_url": "https://api.example.com"},
        "resources": [
            {
                "name": "posts",
                "primary_key": "id",
                "automation": "@hourly",
                "freshness": {"fail_window": "24h", "warn_window": "12h"},
                "checks": {"primary_key_unique": {"blocking": True}},
                "tags": {"a": "b"},
                "owners": ["team:data"],
            },
            {"name": "comments", "automation": "on_new_data", "endpoint": "posts/{resources.posts.id}/comments"},
            {"name": "events", "partitions": ["a", "b"], "endpoint": {"params": {"part": "{partition.key}"}}},
        ],
    }

    definitions = dg.Definitions.merge(
        build_rest_definitions(config, name="blog", duckdb="warehouse.duckdb", retry_policy=dg.RetryPolicy()),
        dg.Definitions(sensors=[build_rest_polling_sensor(config, name="blog")]),
    )

    assert snapshot_of(definitions)
