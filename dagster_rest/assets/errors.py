"""Errors of state: what the ledger, the event log and the parents say does not fit together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagster_rest.errors import RestError

if TYPE_CHECKING:
    import dagster as dg

CODES: dict[str, str] = {
    "state_fenced": "A newer attempt of the same run has committed already, or the run is over for Dagster (cancelled, declared failed, deleted); this step had been given up and wrote nothing. If no successor did the work, run the asset again.",
    "state_contended": "Other runs of the same asset committed first, again and again. Run one at a time, or give the asset a pool with limit 1.",
    "state_missing_table": "A recorded table is gone or lost columns, and on_missing_table is fail (or the run loads only one of its partitions). Restore it, or load it again from the start.",
    "state_other_partitions": "The loaded rows belong to other partitions than the asset has now (none before, days before and months now, another time zone). Load the asset again with full_refresh, or restore the previous partitions.",
    "state_other_asset": "The table, or the state of the asset, was loaded by another asset key, source or code location. Give one of them another dataset or table_name; if it is the same data under another name, run it once with adopt: true.",
    "adopt_refused": "adopt was given for an asset without a table of a fixed name that has loaded nothing under its key. Run it without adopt, or keep the former key.",
    "state_load_lost": "The DuckDB file was deleted, or restored from a copy, between a load's commit and its confirmation. Run the asset again.",
    "state_not_a_table": "A loaded table was replaced by a view. Drop or rename the view.",
    "state_parent_not_loaded": "A child ran before its parent was ever loaded into this database. Materialize the parent first.",
    "state_parent_field_missing": "The parent's stored rows lack a field that the child uses now. Materialize the parent again.",
    "state_null_parent": "A parent row has no value for a field in the child's path. Fix the row, or set on_null_parent: skip.",
    "state_parent_errors": "More parents failed than max_parent_errors allows, some of them before an interruption. Read the messages; raise max_parent_errors if so many may be missing.",
    "sample_refused": "limit was given where a sample is not possible: for a partition, for a resource without its own table, or where the name of the sample's table is taken. Run it without limit, or rename that table.",
    "run_config_range": "start_value or end_value of this run cannot be used: the asset has no cursor or its partition is the range, the value is of another kind than the cursor, or the range is empty. Correct the run config.",
    "state_empty_replace": "A replace load fetched nothing and on_empty is fail. The table did not change.",
    "cursor_missing": "A record has no value at incremental.cursor_path. Set on_cursor_value_missing to include or exclude.",
    "cursor_type": "A record's cursor value has another type than the cursor. Write initial_value in the type that the API uses.",
    "cursor_range": "end_value is before initial_value, or set without it. Correct the incremental block.",
    "cursor_lag": "lag is set and the cursor is neither a number, nor a date, nor a date-time.",
    "cursor_ahead": "Too many rows are in the future to be remembered. Set incremental.max_future if the dates are in the future by design.",
    "cursor_step": "incremental.step is set and the cursor is neither a number, nor a date, nor a date-time.",
    "partition_cursor_missing": "In a backfill over one range, a record without a cursor belongs to no partition. Remove it with a processing step, or run the partitions one by one.",
    "partition_not_asked_for": "Every partition would load the same rows, because the request does not use it. Use {partition.key} in the request, or an incremental for partitions over time.",
    "state_no_partition": "The run selects no partition of a partitioned asset. Choose one, or a range.",
    "sensor_no_answer": "In a tick of a polling sensor, all requests failed. The next tick tries again.",
    "source_not_records": "A resource's source callable returned something other than lists of dicts. Return or yield lists of dicts.",
    "check_blocking": "A blocking check failed: the load was rolled back, the tables and the cursor are as before.",
}
"""Every code of this room, with cause and fix."""


class StateError(RestError):
    """What is stored (ledger, event log, parent rows, cursors) does not allow the load to go on."""


class CursorError(StateError):
    """A cursor value is missing, or has a type that cannot be compared."""


class BlockingCheckError(StateError):
    """A check that is to block failed, inside the transaction: the load is rolled back.

    Args:
        message: Which checks, and what they found.
        where: The config path.
        results: The results of all checks of the load.
    """

    def __init__(self, message: str, *, where: str, results: Sequence[dg.AssetCheckResult]) -> None:
        super().__init__(
            message,
            code="check_blocking",
            where=where,
            hint="Read the check's result. To accept the data, set blocking: false for one run.",
        )
        self.results = tuple(results)


class Contended(Exception):  # noqa: N818 - a signal to start over, never shown to anybody
    """What this run read at its start does not hold any more: another run has committed, or a table was lost."""
