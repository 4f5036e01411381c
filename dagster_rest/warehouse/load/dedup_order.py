"""The order of ``dedup_sort``: by value, whichever column of a key a value went to, and to its last digit."""

from __future__ import annotations

from collections.abc import Iterable

from dagster_rest.warehouse.schema import DEDUP_TEXT, Column, TableSchema, dedup_column
from dagster_rest.warehouse.state.catalog import quoted
from dagster_rest.warehouse.values.order import by_value, with_value


def dedup_order(table: TableSchema, relation: str, *, has_texts: bool) -> tuple[str, list[str]]:
    """Return what to choose from, and the terms of an ORDER BY that puts the record which the hint prefers first.

    Where values went to variant columns, or a text column was not asked for, they are compared as what they are:
    numbers, truth values (1 and 0) and moments (in seconds since 1970) with one another, wherever they are kept and
    as texts too; then, in both directions, other texts; then null. What is the same in a column that keeps less than
    the API wrote is compared as the API wrote it.

    Args:
        table: The table.
        relation: Rows with its columns.
        has_texts: Whether they have ``DEDUP_TEXT`` as well.
    """
    column = dedup_column(table)
    if column is None or column.data_type is None:
        return relation, []
    direction = "ASC" if column.hints["dedup_sort"] == "asc" else "DESC"
    own = f"{quoted(column.name)} {direction} NULLS LAST"
    variants = variants_of(column, table.typed_columns)
    as_typed = not variants and (column.data_type != "text" or column.hinted)
    if as_typed and not has_texts:
        return relation, [own]
    texts = [quoted(DEDUP_TEXT)] * has_texts
    texts += [f"CAST({quoted(one.name)} AS VARCHAR)" for one in (column, *variants)]
    terms = [*([own] if as_typed else []), *by_value(direction)]
    return with_value(relation, f"coalesce({', '.join(texts)}, NULL)"), terms


def variants_of(column: Column, columns: Iterable[Column]) -> list[Column]:
    """Return the columns that hold what a column's type can't."""
    return [one for one in columns if one.variant and one.name.startswith(f"{column.name}__v_")]
