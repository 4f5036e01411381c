"""The steps ``where`` and ``select``: DuckDB SQL on the records of a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from itertools import compress
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse import types
from dagster_rest.warehouse.errors import StepError, depth_errors
from dagster_rest.warehouse.shred.records import as_objects, plain_values, values_by_key
from dagster_rest.warehouse.state.catalog import quoted
from dagster_rest.warehouse.values.conversion import convert
from dagster_rest.warehouse.values.inference import infer_type
from dagster_rest.warehouse.values.text import dump_json

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Records = list[Any]
_PAGE = "page"


class SqlStep:
    """One SQL text, applied page by page in a private in-memory database.

    A column is a top-level key of the records, as the API wrote it. Objects, lists and columns of mixed types are
    DuckDB's JSON, so ``address->>'$.city'`` reads into them. A key that earlier pages had is null where a page
    lacks it; one that no page had yet is an error, since a typing mistake looks the same.

    Args:
        sql: A condition (for ``keep``) or a select list (for ``reshape``).
        where: The config path, for errors.
    """

    def __init__(self, sql: str, *, where: str) -> None:
        self._sql = sql
        self._where = where
        self._conn: duckdb.DuckDBPyConnection | None = None
        self._seen: dict[str, str] = {}

    def keep(self, records: Records) -> Records:
        """Return the records for which the SQL condition is true; they are not changed."""
        if not records:
            return records
        condition = f"SELECT coalesce(CAST(({self._sql}) AS BOOLEAN), false) FROM {_PAGE}"
        with depth_errors(self._where):
            mask = self._run(records, condition)[0][1]
        return list(compress(records, mask))

    def reshape(self, records: Records) -> Records:
        """Return the records that the SQL select list makes."""
        if not records:
            return records
        with depth_errors(self._where):
            made = self._run(records, f"SELECT {self._sql} FROM {_PAGE}")
        names = [name for name, _ in made]
        return [dict(zip(names, row, strict=True)) for row in zip(*(found for _, found in made), strict=True)]

    def _run(self, records: Records, query: str) -> list[tuple[str, list[Any]]]:
        """Return the names and values of the columns that a query on the page makes."""
        import duckdb

        if self._conn is None:
            self._conn = duckdb.connect(":memory:", config={"threads": 1})
        table, casts = self._page(records)
        self._conn.register("arrow_page", table)
        try:
            self._conn.execute(f"CREATE OR REPLACE TEMP VIEW {_PAGE} AS SELECT {', '.join(casts)} FROM arrow_page")
            relation = self._conn.sql(query)
            names, kinds = list(relation.columns), [str(kind) for kind in relation.types]
            columns = ", ".join(map(_as_arrow, names, kinds))
            table = relation.project(columns).to_arrow_table()
        except duckdb.Error as error:
            raise StepError(
                f"the SQL {self._sql!r} failed: {str(error).splitlines()[0]}",
                code="warehouse_step_failed",
                where=self._where,
                hint=f"The columns are {', '.join(sorted(self._seen))}.",
            ) from error
        finally:
            self._conn.unregister("arrow_page")
        return [
            (name, _from_arrow(column.to_pylist(), kind))
            for name, column, kind in zip(names, table.columns, kinds, strict=True)
        ]

    def _page(self, records: Records) -> tuple[pa.Table, list[str]]:
        import pyarrow as pa

        arrays: dict[str, pa.Array] = {}
        objects = as_objects(records, "value")
        for key, raw in values_by_key(objects):
            found, kinds = plain_values(raw)
            data_type = _page_type(found, kinds) or self._seen.get(key, "text")
            if self._seen.get(key, data_type) != data_type:
                data_type = "json" if {self._seen[key], data_type} != {"bigint", "double"} else "double"
            array = None if data_type == "json" else _typed(found, kinds, data_type)
            if array is None:
                data_type = "json"
                array = pa.array([None if value is None else dump_json(value) for value in found], pa.string())
            self._seen[key] = data_type
            arrays[str(key)] = array
        for key, data_type in self._seen.items():
            if key not in arrays:
                arrays[key] = pa.nulls(len(objects), types.arrow_type(data_type))
        casts = [f"CAST({quoted(key)} AS {types.duckdb_type(self._seen[key])}) AS {quoted(key)}" for key in arrays]
        return pa.table(arrays), casts


def _typed(found: list[Any], kinds: frozenset[type], data_type: str) -> pa.Array | None:
    converted = convert(found, kinds, data_type)
    return None if converted.rejected else converted.array


def _page_type(found: list[Any], kinds: frozenset[type]) -> str | None:
    if not kinds:
        return None
    if kinds == {str}:
        return "text"
    if kinds == {int, float}:
        return "double"
    if len(kinds) > 1:
        return "json"
    return infer_type(found, kinds)


def _as_arrow(name: str, kind: str) -> str:
    """Return the projection of a column to a type that Arrow has too."""
    return f"CAST({quoted(name)} AS VARCHAR)" if kind in _AS_TEXT else quoted(name)


def _from_arrow(found: list[Any], kind: str) -> list[Any]:
    read = _AS_TEXT.get(kind)
    return found if read is None else [None if value is None else read(value) for value in found]


def _read_json(text: str) -> Any:
    return json.loads(text, parse_float=_exact)


def _exact(text: str) -> float | Decimal:
    number = Decimal(text)
    return float(text) if types.fits_double(number) else number


_AS_TEXT: dict[str, Callable[[str], Any]] = {"JSON": _read_json, "HUGEINT": int, "UHUGEINT": int}
