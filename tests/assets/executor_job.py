"""A job that step processes can import again: the same graph, whatever executor runs it."""

import os

import dagster as dg

from dagster_rest import build_rest_definitions


def load_job() -> dg.JobDefinition:
    """The job of a graph with a parent, its children and a grandchild, all dispositions among them."""
    keyed = {"primary_key": "id", "write_disposition": "merge"}
    config = {
        "client": {"base_url": os.environ["EXECUTOR_TEST_API"], "paginator": "single_page"},
        "resources": [
            {
                "name": "users",
                **keyed,
                "endpoint": {"path": "users", "incremental": {"cursor_path": "seen", "initial_value": 0}},
            },
            {"name": "orders", "endpoint": "users/{resources.users.id}/orders", "include_from_parent": ["name"]},
            {"name": "items", **keyed, "endpoint": "orders/{resources.orders.id}/items"},
            {"name": "countries", "write_disposition": "replace"},
        ],
    }
    defs = build_rest_definitions(config, name="src", duckdb=os.environ["EXECUTOR_TEST_DATABASE"])
    return defs.resolve_job_def("src_job")
