"""What a run starts from, and what it does with the loads it found: what was decided, for the rest of the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dagster_rest.warehouse.state.load_row import CursorState, LoadRow

Case = Literal[
    "first",
    "normal",
    "adopted",
    "concurrent",
    "wiped",
    "deleted",
    "other_storage",
    "ledger_leads",
    "new_warehouse",
    "missing_table",
    "other_cursor",
    "full_refresh",
    "sample",
]

Recovery = Literal["report_again", "report", "redo", "continue"]


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a run starts from, and what it does with the loads it found.

    Args:
        case: Which row of the state protocol applies.
        base: The newest load the ledger knew: the commit checks that it still is.
        cursor: The cursor to go on from, or None: from the initial value.
        parent_cursors: The cursor of each parent, for a child that keeps one for each.
        forgets_parents: Whether stored cursors of parents are void: the commit deletes them.
        leaves_cursor: Whether the cursors stay where they are, whatever the run loads.
        at_edge: Whether the cursor is the end of a window, which the window itself left out.
        data_version: Of the newest load.
        rebuild: Whether the table (or the partition) is rebuilt instead of added to.
        repartitions: Whether all that was loaded goes, of whatever partition: the asset has other partitions since.
        recreated: Whether nothing that was loaded up to the newest load is there any more: the table is a new one.
        recovery: What becomes of a load that was committed and whose step never ended well. ``report_again``:
            it is reported already, and this run reports it again. ``report``: it is complete, and this run only
            reports it.
            ``continue``: this run goes on after it, as a part of the same materialization. ``redo``: it is done again.
        continued: The newest row of the materialization that is reported or continued.
        depends_on: The unconfirmed loads that this rests on: the commit checks that they still are.
        takes_back: Those of them whose rows are deleted in the commit.
        reported: Unconfirmed loads that the event log names: the commit confirms them.
        message: For the run's log; None in ordinary cases.
    """

    case: Case
    base: str | None
    cursor: CursorState | None = None
    parent_cursors: Mapping[str, CursorState] = field(default_factory=dict)
    forgets_parents: bool = False
    leaves_cursor: bool = False
    at_edge: bool = False
    data_version: str = ""
    rebuild: bool = False
    repartitions: bool = False
    recreated: bool = False
    recovery: Recovery | None = None
    continued: LoadRow | None = None
    depends_on: tuple[str, ...] = ()
    takes_back: tuple[str, ...] = ()
    reported: tuple[str, ...] = ()
    message: str | None = None

    @property
    def reports_only(self) -> bool:
        """Whether it only reports a complete load that an earlier attempt has committed."""
        return self.recovery == "report"

    @property
    def reports_again(self) -> LoadRow | None:
        """The load that is reported already and that it only reports again, or None."""
        return self.continued if self.recovery == "report_again" else None

    @property
    def fetches(self) -> bool:
        """Whether it asks the API for anything."""
        return self.recovery not in ("report", "report_again")

    @property
    def continues(self) -> bool:
        """Whether it goes on after a load that was committed, as a part of the same materialization."""
        return self.recovery == "continue"

    @property
    def has_begun(self) -> bool:
        """Whether a part of its materialization is committed already."""
        return self.continued is not None

    @property
    def replaces_lost_table(self) -> bool:
        """Whether the table is gone, or lost columns, and this run creates it."""
        return self.case == "missing_table" and not self.recreated

    @property
    def warning(self) -> str | None:
        """What of it should be in the metadata too, not in the log alone."""
        return self.message if self.case == "other_cursor" else None

    def still_holds(self, loads: Sequence[LoadRow]) -> bool:
        """Whether what this rests on is still so.

        Args:
            loads: The ledger's rows as they are now, oldest first, as ``read_loads`` gives them.
        """
        newest = loads[-1].load_id if loads else None
        pending = {load.load_id for load in loads if load.status == "pending"}
        return newest == self.base and pending.issuperset(self.depends_on)


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """What a whole run starts from. Its partitions agree on whether it fetches, reports, or reports again.

    Args:
        partitions: The start of each partition by its key (the empty text without partitions).
    """

    partitions: Mapping[str, Start]

    @property
    def fetches(self) -> bool:
        """Whether the run asks the API for anything."""
        return all(start.fetches for start in self.partitions.values())

    @property
    def reports_only(self) -> bool:
        """Whether every partition only reports a complete load."""
        return all(start.reports_only for start in self.partitions.values())

    @property
    def reports_again(self) -> LoadRow | None:
        """The load that is reported already and that the run only reports again, or None."""
        return next((start.reports_again for start in self.partitions.values()), None)

    @property
    def continues(self) -> bool:
        """Whether every partition goes on after a load that was committed."""
        return all(start.continues for start in self.partitions.values())

    @property
    def has_begun(self) -> bool:
        """Whether a part of the materialization is committed already."""
        return any(start.has_begun for start in self.partitions.values())

    @property
    def rebuilds(self) -> bool:
        """Whether a table or a partition is rebuilt."""
        return any(start.rebuild for start in self.partitions.values())

    @property
    def repartitions(self) -> bool:
        """Whether all that was loaded is removed: the asset has other partitions since."""
        return any(start.repartitions for start in self.partitions.values())

    @property
    def leaves_cursor(self) -> bool:
        """Whether the cursors stay where they are, whatever the run loads."""
        return any(start.leaves_cursor for start in self.partitions.values())

    @property
    def reported_load_ids(self) -> list[str]:
        """The earlier loads that its event reports: those it continues, and those that are reported already."""
        loads = [load for one in self.partitions.values() for load in (*one.depends_on, *one.reported)]
        again = self.reports_again
        return list(dict.fromkeys([again.load_id, *loads] if again is not None else loads))

    @property
    def warnings(self) -> list[str]:
        """What of the decisions should be in the metadata too, each once."""
        return list(dict.fromkeys(one.warning for one in self.partitions.values() if one.warning))
