"""What a materialization did: per partition, and as a whole."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.cursor.ahead import SeenAhead
from dagster_rest.assets.parents.fan_out import FanOutCounts
from dagster_rest.assets.partition_state import PartitionState
from dagster_rest.assets.start.start import RunStart

if TYPE_CHECKING:
    from dagster_rest.http.send.stats import StatsSnapshot
    from dagster_rest.warehouse.load.commit import LoadOutcome


@dataclass(kw_only=True)
class PartitionReport:
    """What a run did to one partition (or to the whole asset).

    Args:
        state: Where it stands after the newest commit.
        outcomes: What each load did to the tables.
        ahead: Rows that the cursor does not go to.
    """

    state: PartitionState
    outcomes: list["LoadOutcome"] = field(default_factory=list)
    ahead: SeenAhead = field(default_factory=SeenAhead)


@dataclass(kw_only=True)
class LoadReport:
    """What a materialization did, for metadata and checks.

    Args:
        start: What the run started from.
        partitions: Per partition.
        windows: Windows committed.
        rows_fetched: Records the API sent.
        rows_skipped: Records left out by the cursor.
        replaced_characters: Characters that stand for bytes which could not be read.
        counts: Parents.
        stats: What the client did for it.
        seconds: How long it took.
        resumed: Whether it went on from an interrupted load's staged parts.
        total: The API's own total, where it names one.
        ended_by: Why pagination ended: reason -> number of units.
        paginator: The paginator that was used, with the evidence if it was detected.
        endpoint: The first URL, redacted.
        warnings: What a person should know.
        sampled: Whether ``limit`` cut the run short.
        empty_replace: Whether a replace load fetched nothing.
        ignored_midway: Paginations that an ignored response ended after their first page.
        selector: The data selector that was detected, for the windows that follow.
    """

    start: RunStart
    partitions: list[PartitionReport]
    windows: int = 0
    rows_fetched: int = 0
    rows_skipped: int = 0
    replaced_characters: int = 0
    counts: FanOutCounts = field(default_factory=FanOutCounts)
    stats: "StatsSnapshot | None" = None
    seconds: float = 0.0
    resumed: bool = False
    total: int | None = None
    ended_by: Counter[str] = field(default_factory=Counter)
    paginator: str | None = None
    evidence: str | None = None
    endpoint: str | None = None
    warnings: list[str] = field(default_factory=list)
    sampled: bool = False
    empty_replace: bool = False
    ignored_midway: int = 0
    selector: Mapping[str, Any] | None = None

    @property
    def load_ids(self) -> list[str]:
        """All loads of this materialization."""
        return [load_id for one in self.partitions for load_id in one.state.load_ids]

    @property
    def reported_load_ids(self) -> list[str]:
        """The loads that its event reports: its own, those it continues, and those that are reported already."""
        return [*self.load_ids, *self.start.reported_load_ids]
