"""The hints of a resource that describe its table, and those for the tables nested in it."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ValidationInfo

from dagster_rest.config.model.base import ConfigModel, check_model, key
from dagster_rest.config.model.table.columns import Columns
from dagster_rest.config.model.table.contract import SchemaContractHint
from dagster_rest.config.model.table.disposition import WriteDispositionHint
from dagster_rest.config.values.environment import read_keys
from dagster_rest.config.values.imports import imported
from dagster_rest.config.values.problems import check_each, problem, wrong_type
from dagster_rest.config.values.types import Count, Environment, ImportString, Names, TextOrCallback, checked

TableFormat: TypeAlias = Literal["iceberg", "delta", "hive", "native"]
FileFormat: TypeAlias = Literal[
    "preferred", "jsonl", "typed-jsonl", "insert_values", "parquet", "csv", "reference", "model"
]


@checked(takes=list[dict[str, Any]], expected="a list of mappings")
def check_references(value: Any, info: ValidationInfo) -> Any:
    """A list of mappings, or a callable."""
    if callable(value):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(item, dict) for item in value):
        return list(value)
    raise wrong_type(value, expected="a list of mappings")


References: TypeAlias = Annotated[Any, check_references]


@checked(takes=None, expected="nothing")
def refuse_parent_table(value: Any, info: ValidationInfo) -> Any:
    """Only null: rows of a resource have no parent row, so there is nothing that the key could do."""
    if value is None:
        return value
    raise problem(
        "config_conflict",
        "`parent_table_name` is not supported: a table is nested where its data is nested",
        hint="Remove the key. `references` documents a relation; `include_from_parent` adds the parent's key.",
    )


ParentTable: TypeAlias = Annotated[None, refuse_parent_table]


class NestedHint(ConfigModel):
    """Hints for one nested table."""

    parent_table_name: ParentTable | None = key(None, "Refused: a nested table belongs to what it is nested in.")
    write_disposition: WriteDispositionHint | None = key(None, "How the nested table is written.")
    primary_key: Names | None = key(None, "Primary key; makes the nested table a table of its own.")
    merge_key: Names | None = key(None, "Merge key; makes the nested table a table of its own.")
    columns: Columns | None = key(None, "Column hints.")
    schema_contract: SchemaContractHint | None = key(None, "Schema contract.")
    references: References | None = key(None, "References to other tables.")
    table_format: TableFormat | None = key(None, "Kept for dlt; no effect here.")
    file_format: FileFormat | None = key(None, "Kept for dlt; no effect here.")


@checked(takes=dict[str, NestedHint] | ImportString | Environment, expected="hints by nested table", read_at="parts")
def check_nested_hints(value: Any, info: ValidationInfo) -> Any:
    """Hints by the path of the nested table."""
    value = imported(value)
    if callable(value):
        return value
    if not isinstance(value, dict):
        raise wrong_type(value, expected="a mapping of nested tables")
    hints = {(name,) if isinstance(name, str) else name: hint for name, hint in read_keys(value).items()}
    for path in hints:
        if not (isinstance(path, tuple) and path and all(isinstance(part, str) for part in path)):
            raise problem(
                "config_wrong_type", "a nested table's name is neither text nor a tuple of texts", expected="text"
            )
    items = (("__".join(path), hint) for path, hint in hints.items())
    found = check_each(items, check_model, NestedHint, info, expected="a mapping of hints")
    return dict(zip(hints, found, strict=True))


NestedHints: TypeAlias = Annotated[Any, check_nested_hints]


class TableHints(ConfigModel):
    """The hints of a resource that describe its table."""

    table_name: TextOrCallback | None = key(
        None, "Name of the table, or a callable of the row; the resource's name if absent."
    )
    primary_key: Names | None = key(None, "Columns that identify a row.")
    merge_key: Names | None = key(None, "Columns whose values decide which rows a merge replaces.")
    write_disposition: WriteDispositionHint | None = key(None, "How a load is written; `append` if absent.")
    columns: Columns | None = key(None, "Column hints.")
    schema_contract: SchemaContractHint | None = key(None, "What happens with new tables, columns and types.")
    nested_hints: NestedHints | None = key(
        None, "Hints for nested tables, by path: `kids`, or `kids__sub` for a deeper one."
    )
    max_table_nesting: Count | None = key(
        None, "Levels of nesting that become columns and tables; deeper ones stay JSON."
    )
    parent_table_name: ParentTable | None = key(None, "Refused: only nested data makes nested tables.")
    references: References | None = key(None, "References to other tables, as documentation.")
    table_format: TableFormat | None = key(None, "Kept for dlt; no effect here.")
    file_format: FileFormat | None = key(None, "Kept for dlt; no effect here.")
