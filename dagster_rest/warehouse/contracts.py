"""The schema contract, enforced: what is refused, what is dropped, and where dropped records are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dagster_rest.warehouse.errors import SchemaContractError
from dagster_rest.warehouse.pydantic_models import RecordValidator, is_model
from dagster_rest.warehouse.schema import Column, ContractMode, ResourceSpec, contract_mode

QUARANTINE_COLUMNS = (
    Column(name="table_name", data_type="text", hinted=True, description="The table that refused it."),
    Column(name="column_name", data_type="text", hinted=True, description="The column; null for a whole record."),
    Column(name="reason", data_type="text", hinted=True, description="Why."),
    Column(name="value", data_type="json", hinted=True, description="The value, if only that was dropped."),
    Column(name="record", data_type="json", hinted=True, description="The record as the API sent it."),
)


class Quarantine:
    """What the contract dropped since the last ``take``, if the config asks to keep it."""

    def __init__(self, spec: ResourceSpec) -> None:
        self._kept: list[dict[str, Any]] = []
        self._wanted = spec.quarantine

    def add(self, record: Any, *, reason: str, table: str, column: str | None = None, value: Any = None) -> None:
        """Keep a record, or one value of it."""
        if self._wanted:
            self._kept.append(
                {
                    "table_name": table,
                    "column_name": column,
                    "reason": reason,
                    "value": None if value is None else {"value": value},
                    "record": record if isinstance(record, (dict, list)) else {"value": record},
                }
            )

    def take(self) -> list[dict[str, Any]]:
        """Return what was kept, and forget it."""
        kept, self._kept = self._kept, []
        return kept


class ContractEnforcer:
    """Refuses, drops or accepts what does not fit the schema.

    Args:
        spec: What the resource asks for.
        counters: ``discarded_rows`` and ``discarded_values`` are counted here.
        quarantine: Where dropped things go.
    """

    def __init__(self, spec: ResourceSpec, *, counters: Counter[str], quarantine: Quarantine) -> None:
        self._spec = spec
        self._counters = counters
        self._quarantine = quarantine
        self._validator: RecordValidator | None = None
        if is_model(spec.columns):
            contract = spec.schema_contract
            self._validator = RecordValidator(
                spec.columns,
                columns=None if contract is None else contract_mode(contract, "columns"),
                data_type=None if contract is None else contract_mode(contract, "data_type"),
            )

    def admit(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the records that the pydantic model of ``columns`` lets pass, as it has them."""
        if self._validator is None:
            return records
        validated = (self._validated(self._validator, record) for record in records)
        return [record for record in validated if record is not None]

    def _validated(self, validator: RecordValidator, record: dict[str, Any]) -> dict[str, Any] | None:
        """Return the record as the model has it, without the values it refuses; None if the record is dropped."""
        found, complaints = validator.validate(record)
        while complaints:
            complaint = complaints[0]
            mode = validator.mode(complaint)
            path = [str(part) for part in complaint["loc"]]
            reason = f"{'.'.join(path)}: {complaint['msg']}"
            if mode == "freeze":
                raise self._misfit(reason)
            if mode == "evolve":
                break
            if mode == "discard_row" or not path or path[0] not in found:
                self.drop_rows([record], reason=reason, table=self._spec.table)
                return None
            self._counters["discarded_values"] += 1
            self._quarantine.add(record, reason=reason, table=self._spec.table, column=path[0], value=found[path[0]])
            found, complaints = validator.validate({key: found[key] for key in found if key != path[0]})
        checked: dict[str, Any] = found
        return checked

    def _misfit(self, reason: str) -> SchemaContractError:
        return SchemaContractError(
            f"a record does not fit the model {self._spec.columns.__name__}: {reason}",
            code="warehouse_validation_failed",
            where=self._spec.where,
            hint="Correct the data or the model, or set the contract to evolve, discard_row or discard_value.",
        )

    def reject(
        self,
        mode: ContractMode,
        found: Iterable[tuple[int, Any]],
        *,
        what: str,
        table: str,
        column: str,
        rows: Sequence[Mapping[str, Any]],
        dropped: set[int],
    ) -> None:
        """Enforce a contract on values that do not fit: raise, drop their rows or drop the values.

        Args:
            mode: The contract's mode.
            found: The values, each with the number of its row.
            what: What does not fit, for messages.
            table: The table.
            column: The column.
            rows: The rows of the table.
            dropped: Numbers of the rows that are dropped; changed in place.

        Raises:
            SchemaContractError: The mode is ``freeze``.
        """
        if mode == "freeze":
            raise self.violation(
                f"{what} in {table}.{column}" if what.startswith("no ") else f"{what} {table}.{column}"
            )
        for row, value in found:
            if mode == "discard_value":
                self._counters["discarded_values"] += 1
                self._quarantine.add(rows[row], reason=what, table=table, column=column, value=value)
            elif row not in dropped:
                dropped.add(row)
                self._quarantine.add(rows[row], reason=what, table=table, column=column)

    def drop_rows(self, rows: Sequence[Any], *, reason: str, table: str) -> None:
        """Count rows as dropped, and keep them in the quarantine."""
        self._counters["discarded_rows"] += len(rows)
        for row in rows:
            self._quarantine.add(row, reason=reason, table=table)

    def violation(self, what: str) -> SchemaContractError:
        """Return the error for something that a frozen schema does not allow."""
        return SchemaContractError(
            f"the schema contract is `freeze` and the data has {what}",
            code="warehouse_contract_violation",
            where=self._spec.where,
            hint="Correct the data, or set the contract to evolve, discard_row or discard_value.",
        )
