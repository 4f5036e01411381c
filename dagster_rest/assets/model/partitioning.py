"""What an asset is partitioned by, in words that the ledger keeps: whether a key still means what it meant."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg

NOT_PARTITIONED = "none"

_NAMED_CRONS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_UTC = frozenset({"Etc/UTC", "Etc/Zulu", "Zulu", "Universal", "UCT"})


def describe(partitions_def: dg.PartitionsDefinition | None) -> str:
    """What of a partitions definition says which rows a key stands for, as JSON text.

    Where the partitions begin and end is not part of it: that adds partitions, and changes none.

    Args:
        partitions_def: The partitions of an asset, or None.

    Example:
        ```python
        import dagster as dg

        from dagster_rest.assets.model.partitioning import describe

        early, late = (dg.DailyPartitionsDefinition(start) for start in ("2026-01-01", "2026-03-01"))
        assert describe(early) == describe(late)
        assert describe(early) != describe(dg.MonthlyPartitionsDefinition("2026-01-01"))
        ```
    """
    return NOT_PARTITIONED if partitions_def is None else json.dumps(_described(partitions_def), sort_keys=True)


def _described(partitions_def: dg.PartitionsDefinition) -> dict[str, Any]:
    if isinstance(partitions_def, dg.TimeWindowPartitionsDefinition):
        zone = partitions_def.timezone
        return {
            "cron": _normal_cron(partitions_def.cron_schedule),
            "timezone": "UTC" if zone in _UTC else zone,
            "fmt": partitions_def.fmt,
        }
    if isinstance(partitions_def, dg.StaticPartitionsDefinition):
        return {"keys": sorted(partitions_def.get_partition_keys())}
    if isinstance(partitions_def, dg.MultiPartitionsDefinition):
        return {"dimensions": {one.name: _described(one.partitions_def) for one in partitions_def.partitions_defs}}
    if isinstance(partitions_def, dg.DynamicPartitionsDefinition) and partitions_def.name:
        return {"dynamic": partitions_def.name}
    return {"kind": type(partitions_def).__name__}


def _normal_cron(cron: str) -> str:
    fields = _NAMED_CRONS.get(cron.strip().lower(), cron).split()
    return " ".join(str(int(field)) if field.isdigit() else field for field in fields)


def is_other_partitioning(
    recorded: str | None, partitions_def: dg.PartitionsDefinition | None, *, loaded: Collection[str]
) -> bool:
    """Whether the partitions that were loaded may stand for other rows than their keys say now.

    Args:
        recorded: What ``describe`` gave for the newest load, or None if that was not written down.
        partitions_def: The partitions of the asset, or None.
        loaded: The keys whose loads still count; the empty text for a load without partition.
    """
    if not loaded or recorded == describe(partitions_def):
        return False
    if partitions_def is None:
        return any(loaded)
    if "" in loaded:
        return True
    if recorded is None:
        return not all(_is_key(key, partitions_def) for key in loaded)
    return not _keeps_meaning(json.loads(recorded), _described(partitions_def), loaded=loaded)


def means_the_same(recorded: str | None, partitions_def: dg.PartitionsDefinition | None) -> bool:
    """Whether one key stands for the same part in what is recorded and in a definition that both have it.

    Args:
        recorded: What ``describe`` gave for the newest load, or None if that was not written down.
        partitions_def: The partitions of an asset, or None.
    """
    if recorded is None or recorded == describe(partitions_def):
        return True
    if partitions_def is None or recorded == NOT_PARTITIONED:
        return False
    return _keeps_meaning(json.loads(recorded), _described(partitions_def), loaded=())


def _keeps_meaning(before: Mapping[str, Any], now: Mapping[str, Any], *, loaded: Collection[str]) -> bool:
    if set(before) != set(now):
        return False
    if "keys" in now:
        return not _is_renamed(before["keys"], now["keys"], loaded=loaded)
    if "dimensions" not in now:
        return before == now
    dimensions = sorted(now["dimensions"])
    if sorted(before["dimensions"]) != dimensions:
        return False
    # Dagster joins the keys of the dimensions in the order of their names.
    by_dimension = zip(*(key.split("|") for key in loaded), strict=False) if loaded else ((),) * len(dimensions)
    return all(
        _keeps_meaning(before["dimensions"][name], now["dimensions"][name], loaded=keys)
        for name, keys in zip(dimensions, by_dimension, strict=False)
    )


def _is_renamed(before: Collection[str], now: Collection[str], *, loaded: Collection[str]) -> bool:
    """Whether keys with rows went and others came, in one step: they may be the same rows under new names."""
    gone, come = set(before) - set(now), set(now) - set(before)
    return bool(come) and bool(gone & set(loaded))


def _is_key(key: str, partitions_def: dg.PartitionsDefinition) -> bool:
    """Whether a key may be one of these partitions, before or after them if they are of time."""
    if isinstance(partitions_def, dg.TimeWindowPartitionsDefinition):
        try:
            window = partitions_def.time_window_for_partition_key(key)
        except ValueError:
            return False
        return partitions_def.get_partition_key_for_timestamp(window.start.timestamp()) == key
    if isinstance(partitions_def, dg.StaticPartitionsDefinition):
        return key in partitions_def.get_partition_keys()
    if isinstance(partitions_def, dg.MultiPartitionsDefinition):
        keys = key.split("|")
        defs = sorted(partitions_def.partitions_defs, key=lambda one: one.name)
        return len(keys) == len(defs) and all(_is_key(k, one.partitions_def) for k, one in zip(keys, defs, strict=True))
    return True


def in_words(description: str | None, *, loaded: Collection[str] = ()) -> str:
    """A description for people.

    Args:
        description: What ``describe`` gave, or None if it is not known.
        loaded: Keys to show as examples where the description is not known.
    """
    if description is None:
        keys = sorted(loaded)
        return "no partition" if keys in ([], [""]) else f"partitions like {keys[-1]!r}"
    return "no partition" if description == NOT_PARTITIONED else _in_words(json.loads(description))


def _in_words(described: Mapping[str, Any]) -> str:
    if "cron" in described:
        return f"windows of {described['cron']!r} in {described['timezone']}, written {described['fmt']!r}"
    if "keys" in described:
        keys = list(described["keys"])
        return f"the keys {', '.join(keys[:5])}{' ...' if len(keys) > 5 else ''}"
    if "dimensions" in described:
        return " x ".join(f"{name} ({_in_words(one)})" for name, one in described["dimensions"].items())
    if "dynamic" in described:
        return f"the dynamic partitions {described['dynamic']!r}"
    return str(described.get("kind", "partitions"))
