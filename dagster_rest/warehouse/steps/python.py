"""Processing steps: what happens to the records of a page before they are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dagster_rest.warehouse.errors import StepError

Records = list[Any]
RecordStep = Callable[[Records], Records]

_PYTHON_STEPS = ("filter", "map", "yield_map")
_SQL_STEPS = ("where", "select")


def compile_steps(steps: Sequence[Any] | None, *, where: str) -> RecordStep:
    """Return one function that applies all steps to the records of a page, in order.

    Within one entry that names several steps the order is filter, map, yield_map, where, select. ``map`` keeps a
    record even if it returns None for it, as in dlt. ``where`` and ``select`` are DuckDB SQL on the page's records.

    Args:
        steps: Entries as in ``processing_steps``, with callables already resolved.
        where: The config path, for errors.

    Raises:
        StepError: An entry can't be compiled, or (later) a step failed.
    """
    compiled: list[RecordStep] = []
    for number, entry in enumerate(steps or ()):
        path = f"{where}.processing_steps[{number}]"
        compiled.extend(_compile(_as_dict(entry, path), path))

    def apply(records: Records) -> Records:
        for step in compiled:
            records = step(records)
        return records

    return apply


def _as_dict(entry: Any, where: str) -> Mapping[str, Any]:
    dump = getattr(entry, "model_dump", None)
    if callable(dump):
        return {name: getattr(entry, name, None) for name in (*_PYTHON_STEPS, *_SQL_STEPS)}
    if isinstance(entry, Mapping):
        return entry
    raise StepError(f"a step is a dict, not {type(entry).__name__}", code="warehouse_invalid_step", where=where)


def _compile(entry: Mapping[str, Any], where: str) -> Iterable[RecordStep]:
    unknown = sorted(set(entry) - {*_PYTHON_STEPS, *_SQL_STEPS})
    if unknown:
        raise StepError(
            f"unknown step {unknown[0]!r}",
            code="warehouse_invalid_step",
            where=where,
            hint=f"Use one of {', '.join((*_PYTHON_STEPS, *_SQL_STEPS))}.",
        )
    for name in _PYTHON_STEPS:
        if entry.get(name) is not None:
            yield _python_step(name, entry[name], where)
    for name in _SQL_STEPS:
        if entry.get(name) is not None:
            yield _sql_step(name, entry[name], where)


def _python_step(name: str, function: Any, where: str) -> RecordStep:
    if not callable(function):
        raise StepError(
            f"`{name}` is not callable",
            code="warehouse_invalid_step",
            where=where,
            hint="Give a function, or in YAML an import string `package.module:function`.",
        )
    apply = {"filter": _filter, "map": _map, "yield_map": _yield_map}[name]

    def step(records: Records) -> Records:
        try:
            return apply(function, records)
        except Exception as error:
            raise StepError(
                f"the step `{name}` failed: {type(error).__name__}: {error}", code="warehouse_step_failed", where=where
            ) from error

    return step


def _filter(function: Callable[[Any], Any], records: Records) -> Records:
    return [record for record in records if function(record)]


def _map(function: Callable[[Any], Any], records: Records) -> Records:
    return [function(record) for record in records]


def _yield_map(function: Callable[[Any], Iterable[Any]], records: Records) -> Records:
    return [made for record in records for made in function(record)]


def _sql_step(name: str, sql: Any, where: str) -> RecordStep:
    if not isinstance(sql, str) or not sql.strip():
        raise StepError(f"`{name}` is not SQL text", code="warehouse_invalid_step", where=where)
    from dagster_rest.warehouse.steps.sql import SqlStep

    step = SqlStep(sql, where=f"{where}.{name}")
    return step.keep if name == "where" else step.reshape
