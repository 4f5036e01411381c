"""A `Project` on a local API whose resources change from load to load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from dagster_rest import build_rest_assets
from tests.assets.project import Project
from tests.support.server import ApiServer


class Source(Project):
    """One source named ``src``: its API, its DuckDB file and its Dagster instance."""

    def __init__(self, api: ApiServer, *, folder: Path, instance: dg.DagsterInstance) -> None:
        self.api = api
        super().__init__(self.config("none"), folder=folder, instance=instance)

    def config(self, *resources: Any) -> dict[str, Any]:
        """A config for this API."""
        return {"client": {"base_url": self.api.url}, "resources": list(resources)}

    def load(self, *resources: Any, **options: Any) -> dg.ExecuteInProcessResult:
        """Materialize resources; a failed run is returned, not raised."""
        self.configure(self.config(*resources))
        return self.materialize(raise_on_error=False, **options).result

    def run(self, assets: list[Any], **options: Any) -> dg.ExecuteInProcessResult:
        """Materialize assets; a failed run is returned, not raised."""
        from dagster_duckdb import DuckDBResource

        return dg.materialize(
            assets,
            instance=self.instance,
            resources={"src": self.rest, "duckdb": DuckDBResource(database=self.database)},
            raise_on_error=False,
            **options,
        )

    def build(self, *resources: Any, **options: Any) -> list[dg.AssetsDefinition]:
        """The assets of some resources."""
        return build_rest_assets(self.config(*resources), name="src", **options)


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Whether each check of a run passed, by name."""
    return {one.check_name: one.passed for one in result.get_asset_check_evaluations()}


def metadata_of(result: dg.ExecuteInProcessResult, table: str, *, partition: str | None = None) -> dict[str, Any]:
    """The metadata values of an asset's materialization in a run."""
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        if materialization.asset_key.path[-1] == table and partition in (None, materialization.partition):
            return {name: value.value for name, value in materialization.metadata.items()}
    raise AssertionError(f"{table} was not materialized")


def snapshot_of(definitions: dg.Definitions) -> str:
    """What Dagster stores and shows of a code location."""
    from dagster._core.remote_representation.external_data import RepositorySnap

    return dg.serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))
