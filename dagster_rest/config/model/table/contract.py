"""The schema contract: what new tables, columns and types mean."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import ValidationInfo

from dagster_rest.config.model.base import ConfigModel, check_model, key
from dagster_rest.config.values.checks import choice
from dagster_rest.config.values.imports import imported
from dagster_rest.config.values.types import ImportString, checked

ContractMode: TypeAlias = Literal["evolve", "freeze", "discard_row", "discard_value"]


class SchemaContractConfig(ConfigModel):
    """What happens with tables, columns and types that are new."""

    tables: ContractMode = key("evolve", "New tables.")
    columns: ContractMode = key("evolve", "New columns.")
    data_type: ContractMode = key("evolve", "Values of another type than the column's.")


@checked(
    takes=ContractMode | ImportString | SchemaContractConfig,
    expected="evolve, freeze, discard_row, discard_value, or a mapping of tables, columns, data_type",
    read_at="parts",
)
def check_schema_contract(value: Any, info: ValidationInfo) -> Any:
    """One mode for all, a mapping or a callable."""
    value = imported(value)
    if isinstance(value, str):
        value = dict.fromkeys(SchemaContractConfig.model_fields, choice(value, get_args(ContractMode)))
    if callable(value):
        return value
    return check_model(value, SchemaContractConfig, info, expected="a mode or a mapping of tables, columns, data_type")


SchemaContractHint: TypeAlias = Annotated[SchemaContractConfig | Callable[..., Any], check_schema_contract]
