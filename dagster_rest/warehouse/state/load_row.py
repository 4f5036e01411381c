"""One load as the ledger has it, and what the ledger knows of an asset at the start of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

EDGE = "|"
"""In a boundary: the cursor is the end of a window, and rows with exactly this value were not loaded."""

Status = Literal["pending", "confirmed", "taken_back"]


@dataclass(frozen=True, kw_only=True)
class CursorState:
    """A cursor as it is stored.

    Args:
        value: The cursor as text, as the API wrote it.
        type: ``int``, ``float``, ``decimal``, ``str``, ``date`` or ``datetime``.
        boundary: Hashes of the rows whose value equals the cursor: they are not loaded again.
    """

    value: str
    type: str
    boundary: tuple[str, ...] = ()

    @property
    def is_edge(self) -> bool:
        """Whether it is the end of a window, so that rows with exactly this value are not loaded."""
        return EDGE in self.boundary


@dataclass(frozen=True, kw_only=True)
class LoadRow:
    """One load as the ledger has it.

    Args:
        load_id: The load's id; the tables carry it as ``_load_id``.
        asset: The asset key as ``a/b``.
        partition: The partition key, empty for an asset without partitions.
        load_group: All loads of one materialization share it (its windows commit one by one).
        run_id: The Dagster run.
        attempt: The step's retry number within the run, from 0.
        storage_id: The id of the Dagster storage that the event goes to.
        status: ``pending`` until the materialization event is known to be stored; ``taken_back`` when its rows were
            replaced before that, or a rebuild left none of them.
        cursor: The cursor after this load, if the asset is incremental.
        cursor_path: The field the cursor came from.
        cursor_function: What chose it among the values of that field (``max``, ``min``, or a callable's name); None
            if that is not known.
        rows_loaded: Rows of the root table.
        complete: False for all windows of a materialization but its last.
        fingerprint: The config's fingerprint at that time.
        data_version: A hash of the content: unchanged content has the same.
        request_key: What the run asked for on top of the config (a range, a sample), empty if nothing.
        committed_at: When it was committed, in seconds since 1970; set when it is read.
        in_table: Whether its rows went into a table: not while the resource was ``selected: false``.
        progress: How far a range with an explicit end has come, between its windows: the cursor stays where it was.
        source: The name of the source that the asset belonged to; None if that is not known.
        code_location: The code location that it was loaded from; None if that is not known.
        seq: Its position among all loads of the ledger, from 1; set when it is read.
    """

    load_id: str
    asset: str
    partition: str
    load_group: str
    run_id: str
    attempt: int
    storage_id: str
    status: Status
    cursor: CursorState | None
    cursor_path: str | None
    rows_loaded: int
    complete: bool = True
    fingerprint: str = ""
    data_version: str = ""
    request_key: str = ""
    progress: CursorState | None = None
    cursor_function: str | None = None
    in_table: bool = True
    source: str | None = None
    code_location: str | None = None
    committed_at: float = 0.0
    seq: int = 0


@dataclass(frozen=True, kw_only=True)
class AssetState:
    """What the ledger knows of one asset and partition at the start of a run.

    Args:
        latest: The newest load, or None.
        unsettled: The loads that are not confirmed, and all those of the runs that were asked for, oldest first; each
            with the others of its materialization.
        confirmed_in: The Dagster storages that have an event of one of its loads, if the newest load is not confirmed.
        lost_up_to: What was loaded up to this ``seq`` is not in the table any more: the table was lost.
        void_up_to: What was loaded up to this ``seq`` was of other partitions, and is in no table any more.
        parent_cursors: Cursor per parent key, for child resources that keep one for each parent.
    """

    latest: LoadRow | None = None
    unsettled: tuple[LoadRow, ...] = ()
    confirmed_in: frozenset[str] = frozenset()
    lost_up_to: int = 0
    void_up_to: int = 0
    parent_cursors: Mapping[str, CursorState] = field(default_factory=dict)
