"""Where one partition stands while a run works on it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from dagster_rest.assets.model.partitions import Partition
from dagster_rest.assets.start.start import Start
from dagster_rest.warehouse.state.load_row import CursorState


@dataclass(frozen=True, kw_only=True)
class PartitionState:
    """What a window of a run goes on from, for one partition (or the whole asset); its commit returns the next one.

    Args:
        partition: The partition.
        start: What the run started from.
        cursor: The cursor.
        parent_cursors: The cursor of each parent, for a child that keeps one for each.
        data_version: Dagster's data version of what the run wrote; empty before its first commit.
        load_ids: The loads that the run committed, oldest first.
    """

    partition: Partition
    start: Start
    cursor: CursorState | None = None
    parent_cursors: Mapping[str, CursorState] = field(default_factory=dict)
    data_version: str = ""
    load_ids: tuple[str, ...] = ()

    @classmethod
    def of_start(cls, partition: Partition, start: Start) -> "PartitionState":
        """The state before the first window."""
        return cls(partition=partition, start=start, cursor=start.cursor, parent_cursors=start.parent_cursors)

    @property
    def has_committed(self) -> bool:
        """Whether this run has committed a load."""
        return bool(self.load_ids)

    @property
    def base(self) -> str | None:
        """The newest load of the partition, if nobody else has committed one."""
        return self.load_ids[-1] if self.load_ids else self.start.base

    @property
    def expected_start(self) -> Start:
        """The start as it must still hold at the next commit, the loads of this run included."""
        return dataclasses.replace(self.start, base=self.base, depends_on=()) if self.load_ids else self.start

    def load_group(self, load_id: str) -> str:
        """The first load of the materialization that a load belongs to.

        Args:
            load_id: The load that is about to be committed.
        """
        if self.start.continued is not None:
            return self.start.continued.load_group
        return self.load_ids[0] if self.load_ids else load_id
