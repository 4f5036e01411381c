"""The rules that loads are checked by: when they apply, what they look at, what they find."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.model.planned_check import PlannedCheck

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.assets.model.asset import RestAsset
    from dagster_rest.assets.report import LoadReport, SliceReport
    from dagster_rest.config.plan.build import ResourcePlan

KEYS: dict[str, str] = {
    "dagster_rest/keys": "primary_key_unique: keys that are in the table more than once.",
    "dagster_rest/api_total": "total_rows: the API's own total.",
    "dagster_rest/rows_fetched": "total_rows, min_rows: records the API sent.",
    "dagster_rest/min_rows": "min_rows: what is expected.",
    "dagster_rest/rows_before": "row_count_drop: rows before the load.",
    "dagster_rest/rows_after": "row_count_drop: rows after it.",
    "dagster_rest/drop": "row_count_drop: the share that disappeared.",
    "dagster_rest/max_drop": "row_count_drop: the share that may.",
    "dagster_rest/duplicates": "duplicates_in_load: rows that lost against another with the same key.",
    "dagster_rest/changes": "schema_changes: new tables, columns and types.",
    "dagster_rest/discarded_rows": "contract_discards: rows the schema contract dropped.",
    "dagster_rest/discarded_values": "contract_discards: values it dropped.",
    "dagster_rest/ignored": "pagination_ignored: paginations that ended so.",
    "dagster_rest/rows_ahead": "rows_ahead: rows that do not move the cursor.",
    "dagster_rest/null_parents": "null_parents: parents left out.",
    "dagster_rest/parents": "null_parents, failed_parents: parents in all.",
    "dagster_rest/failed_parents": "failed_parents: parents left out.",
    "dagster_rest/query": "primary_key_unique, failed_parents: SQL that shows them.",
}
"""Every metadata key of a check's result, with its meaning."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found.

    Args:
        passed: Whether all is well.
        description: In words.
        numbers: The numbers behind it, for the check's metadata.
    """

    passed: bool
    description: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a check may look at.

    Args:
        connection: The transaction of the load, before its commit.
        asset: The asset.
        report: What the load did.
        check: The check's settings.
    """

    connection: "DuckDBPyConnection"
    asset: "RestAsset"
    report: "LoadReport"
    check: PlannedCheck

    @property
    def table(self) -> str:
        """The root table, quoted."""
        from dagster_rest.warehouse.state.catalog import database_name, qualified

        last = next(one.outcomes[-1] for one in reversed(self.report.slices) if one.outcomes)
        return qualified(database_name(self.connection), self.asset.dataset, last.table)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key that the table has."""
        from dagster_rest.warehouse.naming import normalize

        last = next(one.outcomes[-1] for one in reversed(self.report.slices) if one.outcomes)
        columns = {column.name for column in last.columns.get(last.table, ()) if column.data_type is not None}
        return tuple(name for name in map(normalize, self.asset.plan.primary_key) if name in columns)

    @property
    def is_written(self) -> bool:
        """Whether there is a root table to look at."""
        return any(one.outcomes and one.outcomes[-1].columns for one in self.report.slices)

    def total(self, name: str) -> int:
        """The sum of a number over all partitions and windows of the load."""
        return sum(getattr(outcome, name) for one in self.report.slices for outcome in one.outcomes)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One kind of check.

    Args:
        description: What it says, for people.
        applies: Whether a resource can have it; decided from the config alone.
        evaluate: What it finds.
    """

    description: str
    applies: Callable[["ResourcePlan"], bool]
    evaluate: Callable[[Evidence], Finding]


def _has_table(plan: "ResourcePlan") -> bool:
    return plan.config.selected and plan.write_disposition.disposition != "skip" and isinstance(plan.table_name, str)


def _is_keyed(plan: "ResourcePlan") -> bool:
    return _has_table(plan) and bool(plan.primary_key)


def _can_shrink(plan: "ResourcePlan") -> bool:
    disposition = plan.write_disposition
    if not _has_table(plan):
        return False
    if disposition.disposition == "merge":
        return disposition.strategy in ("delete-insert", "cdc")
    return disposition.disposition == "replace" or plan.config.partitions is not None


def _merges_by_key(plan: "ResourcePlan") -> bool:
    return _is_keyed(plan) and plan.write_disposition.disposition == "merge"


def _discards(plan: "ResourcePlan") -> bool:
    contract = plan.config.schema_contract
    modes = (getattr(contract, name, "") for name in ("tables", "columns", "data_type"))
    return contract is not None and (callable(contract) or any(str(mode).startswith("discard") for mode in modes))


def _expects(name: str) -> Callable[["ResourcePlan"], bool]:
    def applies(plan: "ResourcePlan") -> bool:
        return plan.endpoint.expect is not None and getattr(plan.endpoint.expect, name) is not None

    return applies


def _may_ignore(plan: "ResourcePlan") -> bool:
    return bool(plan.endpoint.response_actions) and plan.endpoint.ignore_scope == "any"


def _primary_key_unique(evidence: Evidence) -> Finding:
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
        return Finding(passed=True, description=f"Every {_words(evidence.key)} is there once.", numbers={"keys": 0})
    return Finding(
        passed=False,
        description=f"{count} {_words(evidence.key)} {'is' if count == 1 else 'are'} in the table more than once.",
        numbers={
            "keys": count,
            "query": f"select {columns}, count(*) from {evidence.table}{current} group by all having count(*) > 1",
        },
    )


def _primary_key_not_null(evidence: Evidence) -> Finding:
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


def _total_rows(evidence: Evidence) -> Finding:
    report = evidence.report
    if report.total is None:
        return Finding(passed=False, description="The API named no total at expect.total_path.")
    if report.resumed or report.sampled or "row_order" in report.ended_by:
        return Finding(
            passed=True,
            description="Not compared: the run did not fetch everything (resumed, sampled, or ended by row_order).",
            numbers={"api_total": report.total},
        )
    numbers = {"api_total": report.total, "rows_fetched": report.rows_fetched}
    if report.total == report.rows_fetched:
        return Finding(passed=True, description=f"All {report.total} rows that the API counts.", numbers=numbers)
    return Finding(
        passed=False,
        description=f"The API counts {report.total} rows and sent {report.rows_fetched}.",
        numbers=numbers,
    )


def _min_rows(evidence: Evidence) -> Finding:
    expect = evidence.asset.plan.endpoint.expect
    assert expect is not None
    assert expect.min_rows is not None
    numbers = {"rows_fetched": evidence.report.rows_fetched, "min_rows": expect.min_rows}
    if evidence.report.sampled:
        return Finding(passed=True, description="Not compared: the run was a sample.", numbers=numbers)
    return Finding(
        passed=evidence.report.rows_fetched >= expect.min_rows,
        description=f"{evidence.report.rows_fetched} rows; at least {expect.min_rows} are expected.",
        numbers=numbers,
    )


def _row_count_drop(evidence: Evidence) -> Finding:
    if not evidence.is_written:
        return Finding(passed=True, description="The table has no rows yet.")
    if evidence.report.sampled:
        return Finding(passed=True, description="Not compared: the run was a sample, and the table is untouched.")
    if evidence.asset.partitions_def is not None:
        # Each partition by itself: one that lost its rows must not hide among those of a backfill.
        counts = [(_rows(one, "rows_deleted"), _rows(one, "rows_loaded")) for one in evidence.report.slices]
        before, after = max(counts, key=lambda rows: _drop(*rows))
    else:
        last = next(one.outcomes[-1] for one in reversed(evidence.report.slices) if one.outcomes)
        after = last.total_rows.get(last.table, 0)
        before = after - evidence.total("rows_loaded") + evidence.total("rows_deleted")
    drop = _drop(before, after)
    numbers = {"rows_before": before, "rows_after": after, "drop": round(drop, 4), "max_drop": evidence.check.max_drop}
    return Finding(
        passed=drop <= evidence.check.max_drop,
        description=f"From {before} rows to {after}; a drop of {evidence.check.max_drop:.0%} is allowed.",
        numbers=numbers,
    )


def _rows(one: "SliceReport", name: str) -> int:
    return sum(getattr(outcome, name) for outcome in one.outcomes)


def _drop(before: int, after: int) -> float:
    return (before - after) / before if before > after else 0.0


def _replaced_by_nothing(evidence: Evidence) -> Finding:
    if evidence.report.empty_replace:
        return Finding(passed=False, description="The load fetched nothing, and the table was replaced by nothing.")
    return Finding(passed=True, description="The load fetched rows.")


def _duplicates(evidence: Evidence) -> Finding:
    count = evidence.total("duplicates")
    return Finding(
        passed=not count,
        description=(
            f"{count} rows share their key with another row of the same load; one of each was kept."
            if count
            else "No key came twice in the load."
        ),
        numbers={"duplicates": count},
    )


def _schema_changes(evidence: Evidence) -> Finding:
    outcomes = [outcome for one in evidence.report.slices for outcome in one.outcomes]
    changes = [change for outcome in outcomes for change in outcome.schema_changes]
    if any(f"added table {outcome.table}" in changes for outcome in outcomes):
        return Finding(passed=True, description="The load that made the table.", numbers={"changes": 0})
    return Finding(
        passed=not changes,
        description="; ".join(changes) if changes else "No new tables, columns or types.",
        numbers={"changes": len(changes)},
    )


def _contract_discards(evidence: Evidence) -> Finding:
    rows, values = evidence.total("discarded_rows"), evidence.total("discarded_values")
    return Finding(
        passed=not rows and not values,
        description=(
            f"The schema contract discarded {rows} rows and {values} values."
            if rows or values
            else "The schema contract discarded nothing."
        ),
        numbers={"discarded_rows": rows, "discarded_values": values},
    )


def _pagination_ignored(evidence: Evidence) -> Finding:
    count = evidence.report.ignored_midway
    return Finding(
        passed=not count,
        description=(
            f"{count} paginations ended at an ignored response after their first page; rows behind it are not seen."
            if count
            else "No pagination ended at an ignored response after its first page."
        ),
        numbers={"ignored": count},
    )


def _null_parents(evidence: Evidence) -> Finding:
    counts = evidence.report.counts
    return Finding(
        passed=not counts.null_parents,
        description=(
            f"{counts.null_parents} of {counts.parents} parents have no value for the path and were left out."
            if counts.null_parents
            else "Every parent has a value for the path."
        ),
        numbers={"null_parents": counts.null_parents, "parents": counts.parents},
    )


def _may_be_ahead(plan: "ResourcePlan") -> bool:
    from dagster_rest.assets.cursor.reach import may_hold_back

    return may_hold_back(plan)


def _rows_ahead(evidence: Evidence) -> Finding:
    seen = [one.ahead.found() for one in evidence.report.slices]
    count = sum(one for one, _ in seen)
    if not count:
        return Finding(passed=True, description="The cursor goes to the newest row.", numbers={"rows_ahead": 0})
    examples = [example for _, some in seen for example in some]
    return Finding(
        passed=False,
        description=(
            f"{count} rows lie too far off to move the cursor: {'; '.join(examples)}. They are loaded; the next run"
            " goes on from the newest of the others. incremental.max_future and max_step say how far is too far."
        ),
        numbers={"rows_ahead": count},
    )


def _failed_parents(evidence: Evidence) -> Finding:
    counts = evidence.report.counts
    numbers = {"failed_parents": counts.failed_parents, "parents": counts.parents}
    if not counts.failed_parents:
        return Finding(passed=True, description="The request of every parent was answered.", numbers=numbers)
    from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, literal

    query = f"select * from {METADATA_SCHEMA}.failed_parents where child = {literal(evidence.asset.id)}"
    return Finding(
        passed=False,
        description=f"{counts.failed_parents} of {counts.parents} parents failed and were left out; the next run tries"
        " them again.",
        numbers={**numbers, "query": query},
    )


def _number(evidence: Evidence, sql: str, arguments: Sequence[Any]) -> int:
    from dagster_rest.warehouse.database.base import fetch_one

    row = fetch_one(evidence.connection, sql, arguments)
    return int(row[0]) if row else 0


def _words(key: Sequence[str]) -> str:
    return key[0] if len(key) == 1 else f"({', '.join(key)})"


RULES: Mapping[str, Rule] = {
    "primary_key_unique": Rule(
        description="The keys this load wrote are in the table once.",
        applies=_is_keyed,
        evaluate=_primary_key_unique,
    ),
    "primary_key_not_null": Rule(
        description="Every row has its primary key; a load with a null in it is refused.",
        applies=_is_keyed,
        evaluate=_primary_key_not_null,
    ),
    "total_rows": Rule(
        description="As many rows came as the API counts at `expect.total_path`.",
        applies=_expects("total_path"),
        evaluate=_total_rows,
    ),
    "min_rows": Rule(
        description="At least `expect.min_rows` rows came.",
        applies=_expects("min_rows"),
        evaluate=_min_rows,
    ),
    "row_count_drop": Rule(
        description="No more than a share (`max_drop`) of the rows disappeared.",
        applies=_can_shrink,
        evaluate=_row_count_drop,
    ),
    "replaced_by_nothing": Rule(
        description="A `replace` load fetched something.",
        applies=lambda plan: (
            _has_table(plan)
            and plan.write_disposition.disposition == "replace"
            and plan.config.on_empty in (None, "warn")
        ),
        evaluate=_replaced_by_nothing,
    ),
    "duplicates_in_load": Rule(
        description="No two rows of one load share their key.",
        applies=_merges_by_key,
        evaluate=_duplicates,
    ),
    "schema_changes": Rule(
        description="The load brought no new tables, columns or types.",
        applies=_has_table,
        evaluate=_schema_changes,
    ),
    "contract_discards": Rule(
        description="The schema contract discarded nothing.",
        applies=_discards,
        evaluate=_contract_discards,
    ),
    "pagination_ignored": Rule(
        description="No pagination ended at an ignored response after its first page.",
        applies=_may_ignore,
        evaluate=_pagination_ignored,
    ),
    "rows_ahead": Rule(
        description="No row's cursor value lies further off than `max_future` and `max_step` allow.",
        applies=_may_be_ahead,
        evaluate=_rows_ahead,
    ),
    "null_parents": Rule(
        description="Every parent row has a value for the path.",
        applies=lambda plan: bool(plan.parents) and plan.endpoint.on_null_parent == "skip",
        evaluate=_null_parents,
    ),
    "failed_parents": Rule(
        description="The request of every parent row was answered.",
        applies=lambda plan: bool(plan.parents) and plan.endpoint.on_parent_error == "skip",
        evaluate=_failed_parents,
    ),
}
"""Every check, in the order they are shown."""
