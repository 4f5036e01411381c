"""What Dagster's storages say: which loads were reported, whether an asset was wiped, a run's lineage."""

from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg

from dagster_rest.assets import keys
from dagster_rest.assets.start.facts import Event, EventLog, RunLineage

_FROM_FAILURE = ("dagster/is_resume_retry", "dagster/is_asset_resume_retry")
"""Tags of a run that re-executes what failed in its parent run: one of them is ``true``."""

_PAGE = 50
_MOST_EVENTS = 2000


def read_event_log(
    instance: dg.DagsterInstance,
    *,
    asset_key: dg.AssetKey,
    partition: str,
    wanted: Collection[str],
    latest: str | None,
) -> EventLog:
    """What the event log says of an asset and partition.

    Args:
        instance: The Dagster instance.
        asset_key: The asset.
        partition: The partition key, or the empty text.
        wanted: The loads to search for in the whole log.
        latest: The newest load that the ledger has; if the log does not name it, more has to be asked.
    """
    newest: Event | None = None
    reported: set[str] = set()
    for event, _ in events_of(instance, asset_key=asset_key, partition=partition):
        newest = newest or event
        if event.load_id in wanted or event.load_id == latest:
            reported.add(event.load_id)
        if reported.issuperset(wanted):
            break
    if latest is None or latest in reported:
        return EventLog(newest=newest, reported=frozenset(reported))
    records = instance.get_asset_records([asset_key])
    details = records[0].asset_entry.asset_details if records else None
    return EventLog(
        newest=newest,
        reported=frozenset(reported),
        remembers=instance.get_latest_materialization_event(asset_key) is not None,
        wiped_at=details.last_wipe_timestamp if details else None,
    )


def events_of(
    instance: dg.DagsterInstance, *, asset_key: dg.AssetKey, partition: str = ""
) -> Iterator[tuple[Event, dg.AssetMaterialization]]:
    """The materializations of an asset that name a load, newest first, up to a limit.

    Args:
        instance: The Dagster instance.
        asset_key: The asset.
        partition: The partition key, or the empty text.
    """
    records_filter: Any = asset_key
    if partition:
        records_filter = dg.AssetRecordsFilter(asset_key=asset_key, asset_partitions=[partition])
    cursor: str | None = None
    seen, limit = 0, 1
    while seen < _MOST_EVENTS:
        page = instance.fetch_materializations(records_filter, limit=limit, cursor=cursor)
        for record in page.records:
            stored = record.asset_materialization
            if stored is not None and keys.LOAD_ID in stored.metadata:
                yield _event(stored, run_id=record.run_id), stored
        if not page.has_more:
            return
        seen, cursor, limit = seen + len(page.records), page.cursor, _PAGE


def _event(stored: dg.AssetMaterialization, *, run_id: str) -> Event:
    cursor, kind = stored.metadata.get(keys.CURSOR), stored.metadata.get(keys.CURSOR_TYPE)
    return Event(
        load_id=str(stored.metadata[keys.LOAD_ID].value),
        cursor=None if cursor is None else str(cursor.value),
        cursor_type=None if kind is None else str(kind.value),
        run_id=run_id,
    )


def is_over(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run has ended, was cancelled, was declared failed, or was deleted.

    Args:
        instance: The Dagster instance.
        run_id: The Dagster run.
    """
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished


def lineage_of(context: dg.AssetExecutionContext) -> RunLineage:
    """The run of a step, with those that it re-executes.

    Args:
        context: The step's context.
    """
    run: dg.DagsterRun | None = context.run
    runs, failed = {context.run.run_id}, {context.run.run_id}
    while run is not None and run.parent_run_id and run.parent_run_id not in runs:
        runs.add(run.parent_run_id)
        # A run that was re-executed as a whole is done again: what it reported is final.
        if run.run_id in failed and any(run.tags.get(tag) == "true" for tag in _FROM_FAILURE):
            failed.add(run.parent_run_id)
        run = context.instance.get_run_by_id(run.parent_run_id)
    origin = context.run.remote_job_origin
    return RunLineage(
        run_id=context.run.run_id,
        attempt=context.retry_number,
        runs=frozenset(runs),
        failed=frozenset(failed),
        code_location=origin.location_name if origin else None,
    )
