"""A parent that is no REST resource: a Python function says which repositories to ask about."""

import os
from collections.abc import Iterator

import dagster as dg

from dagster_rest import build_rest_definitions


def repositories() -> Iterator[list[dict[str, str]]]:
    """The repositories of interest, from wherever you keep such things."""
    yield [
        {"owner": "dagster-io", "name": "dagster"},
        {"owner": "duckdb", "name": "duckdb"},
    ]


config = {
    "client": {
        "base_url": os.environ.get("GITHUB_API_URL", "https://api.github.com/"),
        "auth": {"type": "bearer", "token": dg.EnvVar("GITHUB_TOKEN")},
        "paginator": "header_link",
    },
    "resources": [
        {
            "name": "repositories",
            "source": repositories,
            "primary_key": ["owner", "name"],
            "write_disposition": "replace",
        },
        {
            "name": "releases",
            "primary_key": "id",
            "write_disposition": "merge",
            "include_from_parent": ["owner", "name"],
            "endpoint": {
                "path": "repos/{resources.repositories.owner}/{resources.repositories.name}/releases",
                "params": {"per_page": 100},
                "data_selector": "$",
            },
        },
    ],
}

defs = build_rest_definitions(config, name="releases", duckdb=os.environ.get("RELEASES_DUCKDB", "warehouse.duckdb"))
