"""Pydantic models as column hints, and as validators of records."""

from __future__ import annotations

import datetime
import types as python_types
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel

    from dagster_rest.warehouse.schema import ContractMode

_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "bigint"),
    (float, "double"),
    (datetime.datetime, "timestamp"),
    (datetime.date, "date"),
    (datetime.time, "time"),
    (Decimal, "decimal"),
    (bytes, "binary"),
    (str, "text"),
    (dict, "json"),
    (list, "json"),
    (tuple, "json"),
    (set, "json"),
    (frozenset, "json"),
)


def is_model(value: Any) -> bool:
    """Say if the value is a pydantic model class."""
    return isinstance(value, type) and hasattr(value, "model_fields") and hasattr(value, "model_validate")


def model_hints(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the column hints of a model's fields, as in dlt's docs on pydantic models.

    Objects, lists and nested models are ``json`` columns, unless the model has
    ``dlt_config = {"skip_nested_types": True}``: then they become nested tables. A field of type ``Any`` has no hint.
    """
    skip_nested = bool((getattr(model, "dlt_config", None) or {}).get("skip_nested_types"))
    return list(_field_hints(model, skip_nested=skip_nested))


def _field_hints(model: type[BaseModel], *, skip_nested: bool) -> Iterator[dict[str, Any]]:
    if getattr(model, "__pydantic_root_model__", False):
        return
    for name, field in model.model_fields.items():
        inner, nullable = _without_none(field.annotation)
        shown = field.alias or name
        if is_model(inner) and skip_nested:
            for hint in _field_hints(inner, skip_nested=True):
                yield {**hint, "name": f"{shown}__{hint['name']}", "nullable": hint["nullable"] or nullable}
            continue
        data_type = _data_type(inner)
        if data_type is None or (data_type == "json" and skip_nested):
            continue
        yield {"name": shown, "data_type": data_type, "nullable": nullable, "description": field.description}


def _without_none(annotation: Any) -> tuple[Any, bool]:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, python_types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        inner, _ = _without_none(members[0])
        return inner, len(members) < len(get_args(annotation))
    return annotation, False


def _data_type(annotation: Any) -> str | None:
    if annotation is Any:
        return None
    origin = get_origin(annotation) or annotation
    if is_model(origin):
        return "json"
    if isinstance(origin, type):
        return next((name for kind, name in _TYPES if issubclass(origin, kind)), "text")
    return "text"


class RecordValidator:
    """Validates records with a pydantic model, under a schema contract.

    Without a contract of the config, dlt's default for models holds: fields the model does not know are left out
    (or as its ``extra`` says), and a value that does not validate stops the load.

    Args:
        model: The model.
        columns: What happens to fields the model does not know; None for what the model's ``extra`` says.
        data_type: What happens to values that do not validate; None for ``freeze``.
    """

    def __init__(self, model: type[BaseModel], *, columns: ContractMode | None, data_type: ContractMode | None) -> None:
        self.columns: ContractMode = columns or _mode_of_extra(model.model_config.get("extra"))
        self.data_type: ContractMode = data_type or "freeze"
        extra = {"evolve": "allow", "discard_value": "ignore"}.get(self.columns, "forbid")
        config = {**model.model_config, "extra": extra}
        self._model: Any = type(model.__name__, (model,), {"model_config": config, "__module__": model.__module__})

    def validate(self, record: Any) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        """Return the record as the model has it, or the record as it was and the model's complaints."""
        from pydantic import ValidationError

        try:
            return self._model.model_validate(record).model_dump(by_alias=True), ()
        except ValidationError as error:
            complaints: list[Mapping[str, Any]] = [dict(item) for item in error.errors(include_url=False)]
            return record, complaints

    def mode(self, complaint: Mapping[str, Any]) -> ContractMode:
        """Return the contract mode that a complaint falls under."""
        return self.columns if complaint["type"] == "extra_forbidden" else self.data_type


def _mode_of_extra(extra: Any) -> ContractMode:
    modes: dict[Any, ContractMode] = {"forbid": "freeze", "allow": "evolve"}
    return modes.get(extra, "discard_value")
