"""How a load is written: append, replace, or one of the merge strategies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, ValidationInfo, model_validator
from typing_extensions import Self

from dagster_rest.config.model.base import ConfigModel, check_model, key
from dagster_rest.config.values.checks import choice
from dagster_rest.config.values.env import is_env
from dagster_rest.config.values.imports import imported
from dagster_rest.config.values.problems import problem
from dagster_rest.config.values.types import Anything, Bool, FilledText, ImportString, checked

Disposition: TypeAlias = Literal["append", "replace", "merge", "skip"]
MergeStrategy: TypeAlias = Literal["delete-insert", "upsert", "insert-only", "scd2", "cdc"]

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
        disposition: What happens with existing rows.
        strategy: The merge strategy; None unless ``disposition`` is ``merge``.
        options: The strategy's options as the config gives them.
    """

    disposition: Disposition = "append"
    strategy: MergeStrategy | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class WriteDispositionConfig(ConfigModel):
    """The long form of `write_disposition`."""

    disposition: Disposition = Field(description="What happens with existing rows.")
    strategy: MergeStrategy | None = key(None, "Merge strategy; `delete-insert` if absent.")
    deduplicated: Bool | None = key(None, "delete-insert: the load has no duplicates.")
    source_filter: FilledText | None = key(None, "SQL condition: only these rows of the load are merged.")
    destination_scope: FilledText | None = key(None, "SQL condition: only these rows of the table are changed.")
    skip_unchanged_rows: Bool | None = key(None, "upsert, cdc: rows that did not change are not touched.")
    row_version_column_name: FilledText | None = key(
        None, "upsert, scd2, cdc: column that identifies versions of a row."
    )
    validity_column_names: list[FilledText] | None = key(None, "scd2: names of the two validity columns.")
    active_record_timestamp: Anything | None = key(None, "scd2: end of validity of current rows; null if absent.")
    boundary_timestamp: Anything | None = key(None, "scd2: the moment at which versions change; now if absent.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        written = [name for name in type(self).model_fields if name in self.model_fields_set]
        options = [name for name in written if name not in ("disposition", "strategy")]
        if self.disposition != "merge":
            if "strategy" in written or options:
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
    code = "config_wrong_type"
    if isinstance(value, str):
        import pendulum

        try:
            pendulum.parse(value)
        except ValueError:
            code = "config_bad_value"
        else:
            return
    raise problem(code, f"`{name}` is not a time", expected="an ISO 8601 date or date-time")


@checked(
    takes=Disposition | ImportString | WriteDispositionConfig,
    expected="append, replace, merge, skip, or a mapping",
    read_at="parts",
)
def check_write_disposition(value: Any, info: ValidationInfo) -> Any:
    """The short form, the long form or a callable."""
    value = imported(value)
    if isinstance(value, str):
        return choice(value, get_args(Disposition))
    if callable(value):
        return value
    expected = "append, replace, merge, skip, or a mapping with `disposition`"
    return check_model(value, WriteDispositionConfig, info, expected=expected)


WriteDispositionHint: TypeAlias = Annotated[
    Disposition | WriteDispositionConfig | Callable[..., Any], check_write_disposition
]
