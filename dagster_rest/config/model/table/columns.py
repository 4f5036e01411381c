"""Hints for columns."""

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, ValidationInfo, model_validator
from typing_extensions import Self

from dagster_rest.config.errors import did_you_mean
from dagster_rest.config.model.base import ConfigModel, check_model, key
from dagster_rest.config.values.environment import read_keys
from dagster_rest.config.values.imports import imported
from dagster_rest.config.values.problems import at, check_each, problem, wrong_type
from dagster_rest.config.values.types import Bool, Count, Environment, FilledText, ImportString, checked

DataType: TypeAlias = Literal[
    "text", "double", "bool", "timestamp", "bigint", "binary", "json", "decimal", "wei", "date", "time"
]


class ColumnHint(ConfigModel):
    """What is known about a column in advance. Keys that begin with `x-` are kept as they are."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"additionalProperties": False, "patternProperties": {"^x-": {}}}
    )

    name: FilledText | None = key(None, "Name of the column; required in the list form.")
    data_type: DataType | None = key(None, "Type of the column.")
    nullable: Bool | None = key(None, "Whether the column may be null; true if absent.")
    precision: Count | None = key(None, "Precision, for bigint, decimal, timestamp, text and binary.")
    scale: Count | None = key(None, "Scale, for decimal.")
    timezone: Bool | None = key(None, "Whether a timestamp has a time zone.")
    description: FilledText | None = key(None, "Comment on the column.")
    primary_key: Bool | None = key(None, "Part of the primary key.")
    merge_key: Bool | None = key(None, "Part of the merge key.")
    hard_delete: Bool | None = key(None, "merge: rows with true (or any value that is not null) here are deleted.")
    dedup_sort: Literal["asc", "desc"] | None = key(None, "merge: which duplicate of a load is kept.")
    partition: Bool | None = key(None, "Kept for dlt; no effect here.")
    cluster: Bool | None = key(None, "Kept for dlt; no effect here.")
    unique: Bool | None = key(None, "Kept for dlt; no effect here.")
    sort: Bool | None = key(None, "Kept for dlt; no effect here.")
    row_key: Bool | None = key(None, "Kept for dlt; no effect here.")
    parent_key: Bool | None = key(None, "Kept for dlt; no effect here.")
    root_key: Bool | None = key(None, "Kept for dlt; no effect here.")
    incremental: Bool | None = key(None, "Kept for dlt; no effect here.")
    variant: Bool | None = key(None, "Whether it is a variant column, not a key of the record.")

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


NamedColumn: TypeAlias = Annotated[ColumnHint, Field(json_schema_extra={"required": ["name"]})]


@checked(
    takes=dict[str, ColumnHint] | list[NamedColumn] | ImportString | Environment,
    expected="column hints by name, a list of them, a pydantic model, or a callable",
    read_at="parts",
)
def check_columns(value: Any, info: ValidationInfo) -> Any:
    """Columns as a dict or list become a dict of hints by name; a model, schema or callable is kept."""
    value = imported(value)
    if isinstance(value, dict):
        return _columns_by_name(value, info)
    if isinstance(value, (list, tuple)):
        return {hint.name: hint for hint in check_each(enumerate(value), _named_hint, info)}
    if callable(value) or inspect.isclass(value) or type(value).__module__.startswith("pyarrow"):
        return value
    raise wrong_type(
        value, expected="a mapping of column hints, a list of them, a pydantic model, a pyarrow schema or a callable"
    )


def _columns_by_name(value: Mapping[Any, Any], info: ValidationInfo) -> dict[str, ColumnHint]:
    columns = read_keys(dict(value))
    if not all(isinstance(name, str) for name in columns):
        raise problem("config_wrong_type", "a column's name is not text", expected="text")
    hints = check_each(columns.items(), check_model, ColumnHint, info, expected="a mapping of column hints")
    return dict(zip(columns, hints, strict=True))


def _named_hint(item: Any, info: ValidationInfo) -> Any:
    hint = check_model(item, ColumnHint, info, expected="a mapping of column hints with `name`")
    if hint.name is None:
        raise at("name", problem("config_missing_key", "the key is required", expected="the column's name"))
    return hint


Columns: TypeAlias = Annotated[Any, check_columns]
