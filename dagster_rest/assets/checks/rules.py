"""The rules that loads are checked by: which resources they apply to, and what evaluates them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_rest.assets.checks import fetch_rules, table_rules
from dagster_rest.assets.checks.evidence import Evidence, Finding

if TYPE_CHECKING:
    from dagster_rest.config.plan.build import ResourcePlan


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


def _may_be_ahead(plan: "ResourcePlan") -> bool:
    from dagster_rest.assets.cursor.limits import has_limits

    return has_limits(plan)


RULES: Mapping[str, Rule] = {
    "primary_key_unique": Rule(
        description="The keys this load wrote are in the table once.",
        applies=_is_keyed,
        evaluate=table_rules.primary_key_unique,
    ),
    "primary_key_not_null": Rule(
        description="Every row has its primary key; a load with a null in it is refused.",
        applies=_is_keyed,
        evaluate=table_rules.primary_key_not_null,
    ),
    "total_rows": Rule(
        description="As many rows arrived as the API's total at `expect.total_path`.",
        applies=_expects("total_path"),
        evaluate=fetch_rules.total_rows,
    ),
    "min_rows": Rule(
        description="At least `expect.min_rows` rows arrived.",
        applies=_expects("min_rows"),
        evaluate=fetch_rules.min_rows,
    ),
    "row_count_drop": Rule(
        description="No more than a share (`max_drop`) of the rows disappeared.",
        applies=_can_shrink,
        evaluate=table_rules.row_count_drop,
    ),
    "replaced_by_nothing": Rule(
        description="A `replace` load fetched at least one row.",
        applies=lambda plan: (
            _has_table(plan)
            and plan.write_disposition.disposition == "replace"
            and plan.config.on_empty in (None, "warn")
        ),
        evaluate=table_rules.replaced_by_nothing,
    ),
    "duplicates_in_load": Rule(
        description="No two rows of one load have the same key.",
        applies=_merges_by_key,
        evaluate=table_rules.duplicates,
    ),
    "schema_changes": Rule(
        description="The load added no tables, columns or types.",
        applies=_has_table,
        evaluate=table_rules.schema_changes,
    ),
    "contract_discards": Rule(
        description="The schema contract discarded nothing.",
        applies=_discards,
        evaluate=table_rules.contract_discards,
    ),
    "pagination_ignored": Rule(
        description="No pagination ended at an ignored response after its first page.",
        applies=_may_ignore,
        evaluate=fetch_rules.pagination_ignored,
    ),
    "rows_ahead": Rule(
        description="No row's cursor value is further away than `max_future` and `max_step` allow.",
        applies=_may_be_ahead,
        evaluate=fetch_rules.rows_ahead,
    ),
    "null_parents": Rule(
        description="Every parent row has a value for the path.",
        applies=lambda plan: bool(plan.parents) and plan.endpoint.on_null_parent == "skip",
        evaluate=fetch_rules.null_parents,
    ),
    "failed_parents": Rule(
        description="The request of every parent row succeeded.",
        applies=lambda plan: bool(plan.parents) and plan.endpoint.on_parent_error == "skip",
        evaluate=fetch_rules.failed_parents,
    ),
}
"""Every check, in the order they are shown."""
