"""How a resource's rows become a table: keys, columns, write disposition, schema contract, nested tables, steps."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import ConfigDict, Field, ValidationInfo, model_validator
from typing_extensions import Self

from dagster_rest.config.errors import did_you_mean
from dagster_rest.config.model.base import ConfigModel, Problems, check_model, key, own
from dagster_rest.config.values.env import is_env
from dagster_rest.config.values.environment import read_keys
from dagster_rest.config.values.types import (
    ENV_TEXT,
    IMPORT_STRING,
    IMPORT_TEXT,
    Anything,
    Bool,
    Callback,
    Checked,
    Count,
    FilledText,
    JsonSchema,
    Names,
    TextOrCallback,
    at,
    import_object,
    problem,
    words,
    wrong_type,
)

DataType: TypeAlias = Literal[
    "text", "double", "bool", "timestamp", "bigint", "binary", "json", "decimal", "wei", "date", "time"
]
Disposition: TypeAlias = Literal["append", "replace", "merge", "skip"]
MergeStrategy: TypeAlias = Literal["delete-insert", "upsert", "insert-only", "scd2", "cdc"]
ContractMode: TypeAlias = Literal["evolve", "freeze", "discard_row", "discard_value"]
TableFormat: TypeAlias = Literal["iceberg", "delta", "hive", "native"]
FileFormat: TypeAlias = Literal[
    "preferred", "jsonl", "typed-jsonl", "insert_values", "parquet", "csv", "reference", "model"
]

_UPSERT = ("skip_unchanged_rows", "row_version_column_name", "source_filter")
STRATEGY_OPTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "delete-insert": ("deduplicated", "source_filter", "destination_scope"),
        "upsert": _UPSERT,
        "insert-only": ("source_filter",),
        "scd2": (
            "validity_column_names",
            "active_record_timestamp",
            "boundary_timestamp",
            "row_version_column_name",
            "source_filter",
            "destination_scope",
        ),
        "cdc": (*_UPSERT, "destination_scope"),
    }
)


@dataclass(frozen=True, kw_only=True)
class WriteDisposition:
    """How a load is written, resolved.

    Attributes:
        disposition: What happens with the rows that are there.
        strategy: The merge strategy; None unless ``disposition`` is ``merge``.
        options: The strategy's options as the config gives them.
    """

    disposition: Disposition = "append"
    strategy: MergeStrategy | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class WriteDispositionConfig(ConfigModel):
    """The long form of `write_disposition`."""

    disposition: Disposition = Field(description="What happens with the rows that are there.")
    strategy: MergeStrategy | None = key(None, "Merge strategy; `delete-insert` if absent.")
    deduplicated: Bool | None = key(None, "delete-insert: the load has no duplicates.")
    source_filter: FilledText | None = key(None, "SQL condition: only these rows of the load are merged.")
    destination_scope: FilledText | None = key(None, "SQL condition: only these rows of the table are touched.")
    skip_unchanged_rows: Bool | None = key(None, "upsert, cdc: rows that did not change are left alone.")
    row_version_column_name: FilledText | None = key(
        None, "upsert, scd2, cdc: column that tells versions of a row apart."
    )
    validity_column_names: list[FilledText] | None = key(None, "scd2: names of the two validity columns.")
    active_record_timestamp: Anything | None = key(None, "scd2: end of validity of current rows; null if absent.")
    boundary_timestamp: Anything | None = key(None, "scd2: the moment at which versions change; now if absent.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        options = self.model_fields_set - {"disposition", "strategy"}
        if self.disposition != "merge":
            if "strategy" in self.model_fields_set or options:
                raise problem(
                    "config_conflict",
                    f"`{self.disposition}` takes no strategy and no options",
                    expected="disposition: merge",
                )
            return self
        strategy = self.strategy or "delete-insert"
        for name in options:
            if name not in STRATEGY_OPTIONS[strategy]:
                raise problem(
                    "config_conflict",
                    f"strategy `{strategy}` has no `{name}`",
                    expected=f"one of {', '.join(STRATEGY_OPTIONS[strategy])}",
                )
        if self.validity_column_names is not None and len(self.validity_column_names) != 2:
            raise problem("config_bad_value", "`validity_column_names` needs two names", expected="[from, to]")
        for name in ("active_record_timestamp", "boundary_timestamp"):
            _check_moment(name, getattr(self, name))
        return self


def _check_moment(name: str, value: Any) -> None:
    import datetime

    if value is None or isinstance(value, (datetime.date, datetime.datetime)) or is_env(value):
        return
    if isinstance(value, str):
        import pendulum

        try:
            pendulum.parse(value)
        except ValueError:
            raise problem(
                "config_bad_value", f"`{name}` is not a time", expected="an ISO 8601 date or date-time"
            ) from None
        return
    raise problem("config_wrong_type", f"`{name}` is not a time", expected="an ISO 8601 date or date-time")


def choice(value: Any, choices: tuple[str, ...]) -> str:
    """``value`` if it is one of ``choices``."""
    if not isinstance(value, str) or is_env(value):
        raise wrong_type(value, expected=f"one of {', '.join(choices)}")
    if value not in choices:
        raise problem(
            "config_bad_value",
            "not one of the choices",
            expected=f"one of {', '.join(choices)}",
            hint=did_you_mean(value, choices),
        )
    return value


def check_write_disposition(value: Any, info: ValidationInfo) -> Any:
    """The short form, the long form or a callable."""
    if isinstance(value, str):
        if not is_env(value) and IMPORT_STRING.match(value):
            return check_write_disposition(import_object(value), info)
        return choice(value, get_args(Disposition))
    if callable(value):
        return value
    expected = "append, replace, merge, skip, or a mapping with `disposition`"
    return check_model(WriteDispositionConfig, value, info, expected=expected)


class SchemaContractConfig(ConfigModel):
    """What happens with tables, columns and types that are new."""

    tables: ContractMode = key("evolve", "New tables.")
    columns: ContractMode = key("evolve", "New columns.")
    data_type: ContractMode = key("evolve", "Values of another type than the column's.")


def check_schema_contract(value: Any, info: ValidationInfo) -> Any:
    """One mode for all, a mapping or a callable."""
    if isinstance(value, str):
        if not is_env(value) and IMPORT_STRING.match(value):
            return check_schema_contract(import_object(value), info)
        mode = choice(value, get_args(ContractMode))
        modes = {"tables": mode, "columns": mode, "data_type": mode}
        return SchemaContractConfig.model_validate(modes, context=info.context)
    if callable(value):
        return value
    return check_model(SchemaContractConfig, value, info, expected="a mode or a mapping of tables, columns, data_type")


class ColumnHint(ConfigModel):
    """What is known of a column beforehand. Keys that begin with `x-` are kept as they are."""

    model_config = ConfigDict(extra="allow")

    name: FilledText | None = key(None, "Name of the column; required in the list form.")
    data_type: DataType | None = key(None, "Type of the column.")
    nullable: Bool | None = key(None, "Whether the column may be null; true if absent.")
    precision: Count | None = key(None, "Precision, for decimal, timestamp, text and binary.")
    scale: Count | None = key(None, "Scale, for decimal.")
    timezone: Bool | None = key(None, "Whether a timestamp has a time zone.")
    description: FilledText | None = key(None, "Comment on the column.")
    primary_key: Bool | None = key(None, "Part of the primary key.")
    merge_key: Bool | None = key(None, "Part of the merge key.")
    hard_delete: Bool | None = key(None, "merge: rows with true (or any value that is not null) here are deleted.")
    dedup_sort: Literal["asc", "desc"] | None = key(None, "merge: which duplicate of a load is kept.")
    partition: Bool | None = key(None, "Kept for other destinations.")
    cluster: Bool | None = key(None, "Kept for other destinations.")
    unique: Bool | None = key(None, "Kept for other destinations.")
    sort: Bool | None = key(None, "Kept for other destinations.")
    row_key: Bool | None = key(None, "Kept for other destinations.")
    parent_key: Bool | None = key(None, "Kept for other destinations.")
    root_key: Bool | None = key(None, "Kept for other destinations.")
    incremental: Bool | None = key(None, "Kept for other destinations.")
    variant: Bool | None = key(None, "Kept for other destinations.")

    @model_validator(mode="after")
    def _only_x_keys(self) -> Self:
        for name in self.model_extra or ():
            if not name.startswith("x-"):
                shown = name if len(name) <= 60 else "..."
                error = problem(
                    "config_unknown_key",
                    f"unknown key `{shown}`",
                    hint=did_you_mean(name, type(self).model_fields),
                    expected="a column hint, or a name that begins with x-",
                )
                raise at(name, error)
        return self


def check_columns(value: Any, info: ValidationInfo) -> Any:
    """Columns as a dict or list become a dict of hints by name; a model, schema or callable is kept."""
    if isinstance(value, str) and not is_env(value) and IMPORT_STRING.match(value):
        value = import_object(value)
    if isinstance(value, dict):
        return _columns_by_name(value, info)
    if isinstance(value, (list, tuple)):
        return _columns_of_list(value, info)
    if callable(value) or inspect.isclass(value) or type(value).__module__.startswith("pyarrow"):
        return value
    raise wrong_type(
        value,
        expected="a mapping of column hints, a list of them, a pydantic model, a pyarrow schema or a callable",
    )


def _columns_by_name(value: Mapping[Any, Any], info: ValidationInfo) -> dict[str, ColumnHint]:
    problems, columns = Problems(), {}
    for name, hint in read_keys(dict(value)).items():
        if not isinstance(name, str):
            raise problem("config_wrong_type", "a column's name is not text", expected="text")
        columns[name] = problems.check(name, check_model, ColumnHint, hint, info, expected="a mapping of column hints")
    problems.raise_if_any()
    return columns


def _columns_of_list(value: list[Any] | tuple[Any, ...], info: ValidationInfo) -> dict[str, ColumnHint]:
    problems, columns = Problems(), {}
    for index, item in enumerate(value):
        hint = problems.check(index, _named_hint, item, info)
        if hint is not None:
            columns[hint.name] = hint
    problems.raise_if_any()
    return columns


def _named_hint(item: Any, info: ValidationInfo) -> Any:
    hint = check_model(ColumnHint, item, info, expected="a mapping of column hints with `name`")
    if hint.name is None:
        raise at("name", problem("config_missing_key", "the key is required", expected="the column's name"))
    return hint


COLUMNS_SCHEMA: JsonSchema = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"$ref": "ColumnHint"}},
        {"type": "array", "items": {"allOf": [{"$ref": "ColumnHint"}], "required": ["name"]}},
        IMPORT_TEXT,
        ENV_TEXT,
    ]
}
Columns: TypeAlias = Annotated[
    Any,
    Checked(
        check_columns,
        schema=COLUMNS_SCHEMA,
        expected="column hints by name, a list of them, a pydantic model, or a callable",
        read_at="parts",
    ),
]
WriteDispositionHint: TypeAlias = Annotated[
    Disposition | WriteDispositionConfig | Callable[..., Any],
    Checked(
        check_write_disposition,
        schema={"anyOf": [*words(*get_args(Disposition), imported=True), {"$ref": "WriteDispositionConfig"}]},
        expected="append, replace, merge, skip, or a mapping",
        read_at="parts",
    ),
]
SchemaContractHint: TypeAlias = Annotated[
    SchemaContractConfig | Callable[..., Any],
    Checked(
        check_schema_contract,
        schema={"anyOf": [*words(*get_args(ContractMode), imported=True), {"$ref": "SchemaContractConfig"}]},
        expected="evolve, freeze, discard_row, discard_value, or a mapping of tables, columns, data_type",
        read_at="parts",
    ),
]


def check_references(value: Any, info: ValidationInfo) -> Any:
    """A list of mappings, or a callable."""
    if callable(value):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(item, dict) for item in value):
        return list(value)
    raise wrong_type(value, expected="a list of mappings")


References: TypeAlias = Annotated[
    Any, Checked(check_references, schema={"type": "array", "items": {"type": "object"}}, expected="a list of mappings")
]


def refuse_parent_table(value: Any, info: ValidationInfo) -> Any:
    """Only null: rows of a resource have no parent row, so there is nothing that the key could do."""
    if value is None:
        return value
    raise problem(
        "config_conflict",
        "`parent_table_name` cannot be done: a table is nested where the data is",
        hint="Take the key out. `references` documents a relation; `include_from_parent` brings the parent's key.",
    )


ParentTable: TypeAlias = Annotated[None, Checked(refuse_parent_table, schema={"type": "null"}, expected="nothing")]


class NestedHint(ConfigModel):
    """Hints for one nested table."""

    parent_table_name: ParentTable | None = key(None, "Refused: a nested table belongs to what it is nested in.")
    write_disposition: WriteDispositionHint | None = key(None, "How the nested table is written.")
    primary_key: Names | None = key(None, "Primary key; it makes the table one of its own.")
    merge_key: Names | None = key(None, "Merge key; it makes the table one of its own.")
    columns: Columns | None = key(None, "Column hints.")
    schema_contract: SchemaContractHint | None = key(None, "Schema contract.")
    references: References | None = key(None, "References to other tables.")
    table_format: TableFormat | None = key(None, "Kept for other destinations.")
    file_format: FileFormat | None = key(None, "Kept for other destinations.")


def check_nested_hints(value: Any, info: ValidationInfo) -> Any:
    """Hints by the path of the nested table."""
    if isinstance(value, str) and not is_env(value) and IMPORT_STRING.match(value):
        value = import_object(value)
    if callable(value):
        return value
    if not isinstance(value, dict):
        raise wrong_type(value, expected="a mapping of nested tables")
    problems, hints = Problems(), {}
    for name, hint in read_keys(value).items():
        path = (name,) if isinstance(name, str) else name
        if not (isinstance(path, tuple) and path and all(isinstance(part, str) for part in path)):
            raise problem(
                "config_wrong_type",
                "a nested table's name is neither text nor a tuple of texts",
                expected="text",
            )
        label = "__".join(path)
        hints[path] = problems.check(label, check_model, NestedHint, hint, info, expected="a mapping of hints")
    problems.raise_if_any()
    return hints


NestedHints: TypeAlias = Annotated[
    Any,
    Checked(
        check_nested_hints,
        schema={
            "anyOf": [
                {"type": "object", "additionalProperties": {"$ref": "NestedHint"}},
                IMPORT_TEXT,
                ENV_TEXT,
            ]
        },
        expected="hints by nested table",
        read_at="parts",
    ),
]


class ProcessingStep(ConfigModel):
    """One step on the records, before the incremental filter.

    Several keys of one step run in the order filter, map, yield_map, where, select.
    """

    filter: Callback | None = key(None, "Keeps the records for which it is true.")
    map: Callback | None = key(None, "Gives the record to keep instead.")
    yield_map: Callback | None = key(None, "Yields any number of records for one.")
    where: FilledText | None = own(None, "SQL condition on the record's fields.")
    select: FilledText | None = own(None, "SQL select list over the record's fields.")

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.model_fields_set:
            raise problem(
                "config_missing_key",
                "the step is empty",
                expected="one of filter, map, yield_map, where, select",
            )
        return self


class TableHints(ConfigModel):
    """The hints of a resource that describe its table."""

    table_name: TextOrCallback | None = key(
        None, "Name of the table, or a callable of the row; the resource's name if absent."
    )
    primary_key: Names | None = key(None, "Column or columns that identify a row.")
    merge_key: Names | None = key(None, "Column or columns that say which rows a merge replaces.")
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
    table_format: TableFormat | None = key(None, "Kept for other destinations.")
    file_format: FileFormat | None = key(None, "Kept for other destinations.")
