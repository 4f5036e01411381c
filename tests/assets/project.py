"""A small Dagster project around one config: materialize, look at metadata, query the tables."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource

from dagster_rest import RestApiResource, build_rest_assets
from dagster_rest.assets.definition.factory import op_name
from dagster_rest.assets.model.run_config import RestRunConfig
from dagster_rest.config import load_config

SYSTEM = ("_load_id", "_row_id", "_parent_row_id", "_root_row_id")


class Run:
    """What one materialization did."""

    def __init__(self, result: dg.ExecuteInProcessResult) -> None:
        self.result = result
        self.events = [
            event.step_materialization_data.materialization for event in result.get_asset_materialization_events()
        ]

    def metadata(self, table: str, *, partition: str | None = None) -> dict[str, Any]:
        for event in self.events:
            if event.asset_key.path[-1] == table and (partition is None or event.partition == partition):
                return {key: value.value for key, value in event.metadata.items()}
        raise AssertionError(f"{table} was not materialized")

    def get(self, table: str, key: str, *, partition: str | None = None) -> Any:
        return self.metadata(table, partition=partition).get(f"dagster_rest/{key}")

    @property
    def keys(self) -> list[str]:
        return [event.asset_key.path[-1] for event in self.events]

    @property
    def log(self) -> str:
        return "\n".join(str(event.message) for event in self.result.all_events)


class Project:
    """One source named ``src`` over one DuckDB file and one Dagster instance."""

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        folder: Path,
        instance: dg.DagsterInstance | None = None,
        others: Sequence[Any] = (),
        **options: Any,
    ) -> None:
        self.database = str(folder / "warehouse.duckdb")
        self.instance = instance or dg.DagsterInstance.ephemeral(tempdir=str(folder))
        self.others = list(others)
        self.options = options
        self.configure(config)

    def configure(self, config: Mapping[str, Any]) -> None:
        given = {**config, "client": {"retry": {"backoff": 0.01, "jitter": 0}, **config["client"]}}
        loaded = load_config(copy.copy(given))
        self.rest = RestApiResource.from_config(loaded.client)
        self.assets = build_rest_assets(loaded, name="src", **self.options)

    def materialize(
        self,
        *tables: str,
        partition_key: str | None = None,
        partition_range: tuple[str, str] | None = None,
        config: Mapping[str, RestRunConfig] | None = None,
        tags: Mapping[str, str] | None = None,
        raise_on_error: bool = True,
    ) -> Run:
        all_tags = dict(tags or {})
        if partition_range is not None:
            all_tags |= {
                "dagster/asset_partition_range_start": partition_range[0],
                "dagster/asset_partition_range_end": partition_range[1],
            }
        result = dg.materialize(
            [*self.others, *self.assets],
            resources={"src": self.rest, "duckdb": DuckDBResource(database=self.database)},
            instance=self.instance,
            selection=[dg.AssetKey(["src", table]) for table in tables] or None,
            partition_key=partition_key,
            tags=all_tags,
            run_config=dg.RunConfig(ops={op_name("src", name): one for name, one in (config or {}).items()}),
            raise_on_error=raise_on_error,
        )
        return Run(result)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.database) as connection:
            return connection.execute(sql).fetchall()

    def rows(self, table: str, *columns: str) -> list[Any]:
        """The rows in order; plain values for one column."""
        listed = ", ".join(f'"{column}"' for column in columns) if columns else "* exclude (_load_id, _row_id)"
        found = self.query(f"select {listed} from src.{table} order by all")
        return [row[0] for row in found] if len(columns) == 1 else found

    def tables(self) -> list[str]:
        found = self.query("select table_name from duckdb_tables() where schema_name = 'src' order by 1")
        return [row[0] for row in found]
