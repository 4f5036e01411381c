"""What a check reads of a load, and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.model.planned_check import PlannedCheck

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.assets.model.asset import RestAsset
    from dagster_rest.assets.report import LoadReport


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found.

    Args:
        passed: Whether all is well.
        description: In words.
        numbers: The numbers behind it, by metadata key.
    """

    passed: bool
    description: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a check reads.

    Args:
        connection: The transaction of the load, before its commit.
        asset: The asset.
        report: What the load did.
        check: The check's settings.
    """

    connection: "DuckDBPyConnection"
    asset: "RestAsset"
    report: "LoadReport"
    check: PlannedCheck

    @property
    def table(self) -> str:
        """The root table, quoted."""
        from dagster_rest.warehouse.state.catalog import database_name, qualified

        last = next(one.outcomes[-1] for one in reversed(self.report.partitions) if one.outcomes)
        return qualified(database_name(self.connection), self.asset.dataset, last.table)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key that the table has."""
        from dagster_rest.warehouse.naming import normalize

        last = next(one.outcomes[-1] for one in reversed(self.report.partitions) if one.outcomes)
        columns = {column.name for column in last.columns.get(last.table, ()) if column.data_type is not None}
        return tuple(name for name in map(normalize, self.asset.plan.primary_key) if name in columns)

    @property
    def is_written(self) -> bool:
        """Whether there is a root table to read."""
        return any(one.outcomes and one.outcomes[-1].columns for one in self.report.partitions)

    def total(self, name: str) -> int:
        """The sum of a number over all partitions and windows of the load."""
        return sum(getattr(outcome, name) for one in self.report.partitions for outcome in one.outcomes)
