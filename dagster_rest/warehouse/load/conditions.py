"""SQL conditions on a row of the table, ``t``, and a staged row, ``s``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from dagster_rest.warehouse.load.dedup_order import variants_of
from dagster_rest.warehouse.schema import Column
from dagster_rest.warehouse.state.catalog import literal, quoted


def equal(keys: Iterable[str]) -> str:
    """Return the condition that both rows have the same keys; null is equal to nothing."""
    return " AND ".join(f"t.{quoted(key)} = s.{quoted(key)}" for key in keys)


def same(keys: Iterable[str]) -> str:
    """As ``equal``, but null is the same as null."""
    return " AND ".join(f"t.{quoted(key)} IS NOT DISTINCT FROM s.{quoted(key)}" for key in keys)


def listed(names: Iterable[str]) -> str:
    """Return column names as SQL."""
    return ", ".join(quoted(name) for name in names)


def hard_deleted(columns: Sequence[Column]) -> str | None:
    """Return the condition that a ``hard_delete`` column marks a row as deleted; None without such a column."""
    for column in columns:
        if column.hints.get("hard_delete"):
            name = quoted(column.name)
            if column.data_type == "bool":
                return f"coalesce({name}, false)"
            # A mark that the column's type can't hold is one as well: it is in a variant.
            marks = " OR ".join(f"{quoted(one.name)} IS NOT NULL" for one in [column, *variants_of(column, columns)])
            return f"({marks})"
    return None


def timestamp(moment: datetime) -> str:
    """Return a time as SQL; one without a zone is in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return f"CAST({literal(aware.astimezone(timezone.utc).isoformat())} AS TIMESTAMP WITH TIME ZONE)"
