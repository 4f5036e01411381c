"""What the checks of the tables find: keys, rows that disappeared, schema changes, discarded values."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dagster_rest.assets import keys
from dagster_rest.assets.checks.evidence import Evidence, Finding

if TYPE_CHECKING:
    from dagster_rest.assets.report import PartitionReport


def primary_key_unique(evidence: Evidence) -> Finding:
    """Whether the keys that the load wrote are in the table once."""
    if not evidence.is_written or not evidence.key:
        return Finding(passed=True, description="The table has no rows yet.")
    from dagster_rest.warehouse.state.catalog import quoted

    current = _current_rows(evidence)
    columns = ", ".join(map(quoted, evidence.key))
    # A merge leaves keys alone that this load did not write, so the keys it wrote are all that can be double.
    doubled = (
        f"select {columns} from {evidence.table} semi join"
        f" (select {columns} from {evidence.table} where _load_id in (select unnest(?::varchar[]))) using ({columns})"
        f"{current} group by all having count(*) > 1"
    )
    count = _number(evidence, f"select count(*) from ({doubled})", [list(evidence.report.load_ids)])
    if not count:
        return Finding(
            passed=True,
            description=f"Every {_words(evidence.key)} is in the table once.",
            numbers={keys.DOUBLE_KEYS: 0},
        )
    return Finding(
        passed=False,
        description=f"{count} {_words(evidence.key)} {'is' if count == 1 else 'are'} in the table more than once.",
        numbers={
            keys.DOUBLE_KEYS: count,
            keys.QUERY: f"select {columns}, count(*) from {evidence.table}{current} group by all having count(*) > 1",
        },
    )


def primary_key_not_null(evidence: Evidence) -> Finding:
    """Whether every row has its primary key."""
    # A null in a key refuses the load while it is staged: a load that got here has none.
    return Finding(passed=True, description=f"Every row has its {_words(evidence.asset.plan.primary_key)}.")


def _current_rows(evidence: Evidence) -> str:
    """Under scd2 a key has a row for each of its versions; one of them is current."""
    disposition = evidence.asset.plan.write_disposition
    if disposition.strategy != "scd2":
        return ""
    from dagster_rest.warehouse.shred.versions import validity_columns
    from dagster_rest.warehouse.state.catalog import quoted

    end = quoted(validity_columns(disposition)[1])
    current = disposition.options.get("active_record_timestamp")
    return f" where {end} is null" if current is None else f" where {end} = timestamptz '{current}'"


def row_count_drop(evidence: Evidence) -> Finding:
    """Whether no more than the allowed share of the rows disappeared."""
    if not evidence.is_written:
        return Finding(passed=True, description="The table has no rows yet.")
    if evidence.report.sampled:
        return Finding(passed=True, description="Not compared: the run was a sample, and the table did not change.")
    if evidence.asset.partitions_def is not None:
        # Each partition by itself: one that lost its rows must not hide among those of a backfill.
        counts = [(_rows(one, "rows_deleted"), _rows(one, "rows_loaded")) for one in evidence.report.partitions]
        before, after = max(counts, key=lambda rows: _drop(*rows))
    else:
        last = next(one.outcomes[-1] for one in reversed(evidence.report.partitions) if one.outcomes)
        after = last.total_rows.get(last.table, 0)
        before = after - evidence.total("rows_loaded") + evidence.total("rows_deleted")
    drop = _drop(before, after)
    numbers = {
        keys.ROWS_BEFORE: before,
        keys.ROWS_AFTER: after,
        keys.DROP: round(drop, 4),
        keys.MAX_DROP: evidence.check.max_drop,
    }
    return Finding(
        passed=drop <= evidence.check.max_drop,
        description=f"From {before} rows to {after}; a drop of {evidence.check.max_drop:.0%} is allowed.",
        numbers=numbers,
    )


def _rows(one: "PartitionReport", name: str) -> int:
    return sum(getattr(outcome, name) for outcome in one.outcomes)


def _drop(before: int, after: int) -> float:
    return (before - after) / before if before > after else 0.0


def replaced_by_nothing(evidence: Evidence) -> Finding:
    """Whether a ``replace`` load fetched something."""
    if evidence.report.empty_replace:
        return Finding(passed=False, description="The load fetched nothing, and the table is empty.")
    return Finding(passed=True, description="The load fetched rows.")


def duplicates(evidence: Evidence) -> Finding:
    """Whether no two rows of the load share their key."""
    count = evidence.total("duplicates")
    return Finding(
        passed=not count,
        description=(
            f"{count} rows share their key with another row of the same load; one of each was kept."
            if count
            else "No key is in the load twice."
        ),
        numbers={keys.DUPLICATES: count},
    )


def schema_changes(evidence: Evidence) -> Finding:
    """Whether the load brought no new tables, columns or types."""
    outcomes = [outcome for one in evidence.report.partitions for outcome in one.outcomes]
    changes = [change for outcome in outcomes for change in outcome.schema_changes]
    if any(f"added table {outcome.table}" in changes for outcome in outcomes):
        return Finding(passed=True, description="The load created the table.", numbers={keys.CHANGES: 0})
    return Finding(
        passed=not changes,
        description="; ".join(changes) if changes else "No new tables, columns or types.",
        numbers={keys.CHANGES: len(changes)},
    )


def contract_discards(evidence: Evidence) -> Finding:
    """Whether the schema contract discarded nothing."""
    rows, values = evidence.total("discarded_rows"), evidence.total("discarded_values")
    return Finding(
        passed=not rows and not values,
        description=(
            f"The schema contract discarded {rows} rows and {values} values."
            if rows or values
            else "The schema contract discarded nothing."
        ),
        numbers={keys.DISCARDED_ROWS: rows, keys.DISCARDED_VALUES: values},
    )


def _number(evidence: Evidence, sql: str, arguments: Sequence[Any]) -> int:
    from dagster_rest.warehouse.database.base import fetch_one

    row = fetch_one(evidence.connection, sql, arguments)
    return int(row[0]) if row else 0


def _words(key: Sequence[str]) -> str:
    return key[0] if len(key) == 1 else f"({', '.join(key)})"
