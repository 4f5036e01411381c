"""What became of the run that a sensor asked for."""

import time
from collections.abc import Mapping, Sequence

import dagster as dg

from dagster_rest.assets.keys import POLL_TAG

_KEYS = ("poll", "at", "tries")
_PATIENCE = 600.0
"""Seconds after which a run that nobody has seen is taken for lost."""
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0


def asked_for(poll: str, *, known: Mapping[str, str], again: bool) -> dict[str, str]:
    """What to remember of a run that is asked for now.

    Args:
        poll: Which tick asks for it.
        known: What is remembered of the resource.
        again: Whether it is asked for because the last one failed.
    """
    return {"poll": poll, "at": repr(time.time()), "tries": str(_tries(known) + 1 if again else 1)}


def without_run(known: Mapping[str, str]) -> dict[str, str]:
    """What is remembered of a resource, without the run that was asked for.

    Args:
        known: What is remembered.
    """
    return {name: value for name, value in known.items() if name not in _KEYS}


def run_of(known: Mapping[str, str]) -> dict[str, str]:
    """What is remembered of the run that was asked for.

    Args:
        known: What is remembered of the resource.
    """
    return {name: value for name, value in known.items() if name in _KEYS}


def is_settled(instance: dg.DagsterInstance, known: Mapping[str, str], *, selection: Sequence[dg.AssetKey]) -> bool:
    """Whether what was asked for is loaded, by whatever run, or nothing was asked for.

    Args:
        instance: The Dagster instance.
        known: What is remembered of the resource.
        selection: The assets that were to run.
    """
    at = _number(known.get("at"))
    if at is None or not known.get("poll"):
        return True
    return all(_is_loaded_since(instance, key, at) for key in selection) or _status(instance, known) == "succeeded"


def is_lost(instance: dg.DagsterInstance, known: Mapping[str, str]) -> bool:
    """Whether the requested run has failed and is to be asked for again; ever later, up to an hour.

    Args:
        instance: The Dagster instance.
        known: What is remembered of the resource.
    """
    at = _number(known.get("at")) or 0.0
    status, waited = _status(instance, known), time.time() - at
    if status == "unknown":
        return waited > _PATIENCE
    # The first time at once: a run that fails by itself is none that another tick makes worse.
    doublings = min(_tries(known) - 2, 10)
    pause = 0.0 if doublings < 0 else min(_FIRST_PAUSE * 2**doublings, _LONGEST_PAUSE)
    return status == "failed" and waited >= pause


def _status(instance: dg.DagsterInstance, known: Mapping[str, str]) -> str:
    filters = dg.RunsFilter(tags={POLL_TAG: known["poll"]})
    records = instance.get_run_records(filters=filters, limit=1)
    if not records:
        return "unknown"
    run = records[0].dagster_run
    if not run.is_finished:
        return "under way"
    return "succeeded" if run.is_success else "failed"


def _is_loaded_since(instance: dg.DagsterInstance, key: dg.AssetKey, at: float) -> bool:
    """Whether a run that began after a moment has loaded an asset: an earlier one may have asked before the change."""
    event = instance.get_latest_materialization_event(key)
    if event is None or event.timestamp < at:
        return False
    record = instance.get_run_record_by_id(event.run_id)
    return record is not None and (record.start_time or record.create_timestamp.timestamp()) >= at


def _tries(known: Mapping[str, str]) -> int:
    return int(_number(known.get("tries")) or 0)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
