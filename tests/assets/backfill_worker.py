"""Materializes daily partitions in a process of its own, one of several that share a database and a DAGSTER_HOME."""

import sys
from pathlib import Path
from typing import Any

import dagster as dg

from tests.assets.project import Project


def daily_events(url: str, partitions: Any = "daily", *, initial: Any = "2024-01-01T00:00:00Z", **hints: Any) -> Any:
    """The config of a partitioned resource, whose window becomes `from` and `to`."""
    return {
        "client": {"base_url": url, "paginator": "single_page"},
        "resources": [
            {
                "name": "events",
                "partitions": partitions,
                "endpoint": {
                    "path": "events",
                    "params": {"from": "{incremental.start_value}", "to": "{incremental.end_value}"},
                    "incremental": {"cursor_path": "at", "initial_value": initial},
                },
                **hints,
            }
        ],
    }


if __name__ == "__main__":
    url, folder, *days = sys.argv[1:]
    with dg.DagsterInstance.get() as instance:
        project = Project(daily_events(url), folder=Path(folder), instance=instance)
        for day in days:
            project.materialize(partition_key=day)
