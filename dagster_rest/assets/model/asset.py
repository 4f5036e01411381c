"""What is known of one REST asset when definitions are built; its body works from nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from dagster_rest.assets.model.planned_check import PlannedCheck

if TYPE_CHECKING:
    from dagster_rest.config.plan.build import ResourcePlan, SourcePlan

DATABASE_KEY = "duckdb"
"""The resource key of the DuckDBResource, unless another one is given."""


@dataclass(frozen=True, kw_only=True)
class RestAsset:
    """One resource as an asset.

    Args:
        source: The source it belongs to.
        plan: Its resource.
        key: Its asset key, as the translator gave it.
        dataset: The DuckDB schema of its table.
        parents: The asset key of each parent resource by name.
        external: Those of the parents that are other assets: their rows are read from their tables.
        parent_partitions: Whether the parent of that name has the same partitions.
        partitioned_parents: The parents that have partitions, whichever they are and whoever gave them.
        partitions_def: The asset's partitions, or None.
        checks: The checks of its loads.
        database_key: The resource key of its DuckDBResource.
    """

    source: "SourcePlan"
    plan: "ResourcePlan"
    key: dg.AssetKey
    dataset: str
    parents: Mapping[str, dg.AssetKey]
    external: frozenset[str] = frozenset()
    parent_partitions: Mapping[str, bool] | None = None
    partitioned_parents: frozenset[str] = frozenset()
    partitions_def: dg.PartitionsDefinition | None = None
    checks: tuple[PlannedCheck, ...] = ()
    database_key: str = DATABASE_KEY

    @property
    def id(self) -> str:
        """The asset key as the ledger writes it."""
        return ledger_name(self.key)

    @property
    def is_selected(self) -> bool:
        """Whether its records go into a table (``selected: false`` only keeps what children need)."""
        return self.plan.config.selected is not False and self.plan.write_disposition.disposition != "skip"

    def follows_partitions_of(self, parent: str) -> bool:
        """Whether a partition of this asset works on the parent's rows of the same partition."""
        return bool(self.parent_partitions and self.parent_partitions.get(parent))


def ledger_name(key: dg.AssetKey) -> str:
    """An asset key as the ledger writes it: its parts with slashes between."""
    return "/".join(key.path)
