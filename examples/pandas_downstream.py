"""Assets after the loaded tables: one in pandas, through dagster-duckdb-pandas' I/O manager, and one in SQL.

The key of a loaded asset is [schema, table], by which the I/O manager finds the table.
"""

import os
from pathlib import Path

import dagster as dg
import pandas as pd
from dagster_duckdb import DuckDBResource
from dagster_duckdb_pandas import DuckDBPandasIOManager

from dagster_rest import build_rest_definitions

CONFIG = Path(os.environ.get("GITHUB_CONFIG", Path(__file__).parent / "github.yaml"))
DATABASE = os.environ.get("GITHUB_DUCKDB", "warehouse.duckdb")


@dg.asset(
    key=["github", "authors"],
    ins={"issues": dg.AssetIn(key=["github", "issues"], input_manager_key="frames")},
    io_manager_key="frames",
    group_name="reports",
)
def authors(issues: pd.DataFrame) -> pd.DataFrame:
    """How many issues each author has opened."""
    return issues.groupby("user__login", as_index=False).agg(issues=("id", "count"))


@dg.asset(
    key=["github", "busiest_authors"],
    deps=[["github", "authors"], ["github", "comments"]],
    group_name="reports",
)
def busiest_authors(duckdb: DuckDBResource) -> None:
    """The ten authors with the most issues, and the number of all comments beside them."""
    with duckdb.get_connection() as connection:
        connection.execute(
            """
            create or replace table github.busiest_authors as
            select user__login as author, issues, (select count(*) from github.comments) as comments
            from github.authors order by issues desc, author limit 10
            """
        )
        connection.close()


defs = dg.Definitions.merge(
    build_rest_definitions(CONFIG, name="github", duckdb=DuckDBResource(database=DATABASE)),
    dg.Definitions(
        assets=[authors, busiest_authors],
        resources={"frames": DuckDBPandasIOManager(database=DATABASE)},
    ),
)
