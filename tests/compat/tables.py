"""What is in the warehouse after a run, in one shape for both sides.

System columns are taken off, child rows hang below their parents by list index, so that rows can be compared
as a multiset without any id.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import math
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb


@dataclass(frozen=True)
class System:
    """The names of one side's system columns."""

    row: str
    parent: str
    index: str
    load: str
    others: tuple[str, ...]
    renamed: Mapping[str, str]
    hidden_prefix: str


DLT = System(
    row="_dlt_id",
    parent="_dlt_parent_id",
    index="_dlt_list_idx",
    load="_dlt_load_id",
    others=("_dlt_root_id",),
    renamed={"_dlt_valid_from": "valid_from", "_dlt_valid_to": "valid_to"},
    hidden_prefix="_dlt_",
)
OURS = System(
    row="_row_id",
    parent="_parent_row_id",
    index="_list_index",
    load="_load_id",
    others=("_root_row_id", "_row_version"),
    renamed={"_valid_from": "valid_from", "_valid_to": "valid_to"},
    hidden_prefix="_dagster_rest",
)


@dataclass(frozen=True)
class Table:
    """One table: columns with their DuckDB types in their order, and rows as dicts."""

    name: str
    parent: str | None
    columns: Mapping[str, str]
    rows: tuple[Mapping[str, Any], ...]
    loads: tuple[int, ...] = ()
    """How many rows are of each load, in the order of the load ids; empty for child tables."""


@dataclass(frozen=True)
class Warehouse:
    """All tables of a dataset."""

    tables: Mapping[str, Table]
    trees: Mapping[str, Counter[str]]
    """Root table -> multiset of rows as canonical JSON, with their child rows inside."""
    orphans: Mapping[str, int]
    """Child table -> rows whose parent row is not there."""


def read_warehouse(database: Path, dataset: str, system: System) -> Warehouse:
    """Read all tables of the dataset; an empty warehouse if there is no file or no dataset."""
    if not database.exists():
        return Warehouse({}, {}, {})
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        raw = {name: _read(connection, dataset, name) for name in _names(connection, dataset, system)}
    return _shape(raw, system)


def _names(connection: duckdb.DuckDBPyConnection, dataset: str, system: System) -> list[str]:
    found = connection.execute(
        "select table_name from duckdb_tables() where schema_name = ? order by table_name", [dataset]
    ).fetchall()
    return [name for (name,) in found if not name.startswith(system.hidden_prefix)]


def _read(
    connection: duckdb.DuckDBPyConnection, dataset: str, name: str
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    types = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "where schema_name = ? and table_name = ? order by column_index",
        [dataset, name],
    ).fetchall()
    rows = connection.execute(f'select * from "{dataset}"."{name}"').fetchall()
    return dict(types), [
        {column: _decoded(value, kind) for (column, kind), value in zip(types, row, strict=True)} for row in rows
    ]


def _decoded(value: Any, kind: str) -> Any:
    return json.loads(value) if kind == "JSON" and value is not None else value


def _shape(raw: Mapping[str, tuple[dict[str, str], list[dict[str, Any]]]], system: System) -> Warehouse:
    own = {system.row, system.parent, system.index, system.load, *system.others}
    nested = {name for name, (columns, _) in raw.items() if system.parent in columns}
    parents = {name: _parent(name, raw) if name in nested else None for name in raw}
    tables = {
        name: Table(
            name,
            parents[name],
            {system.renamed.get(c, c): t for c, t in columns.items() if c not in own},
            tuple(_clean(row, own, system) for row in rows),
            _loads(rows, system) if system.load in columns else (),
        )
        for name, (columns, rows) in raw.items()
    }
    children: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
    orphans: Counter[str] = Counter()
    ids = {name: {row[system.row] for row in rows} for name, (_, rows) in raw.items()}
    for name in nested:
        for row in raw[name][1]:
            parent = parents[name]
            if parent is None or row[system.parent] not in ids[parent]:
                orphans[name] += 1
            else:
                children.setdefault((parent, row[system.parent]), []).append((name, row))
    trees = {
        name: Counter(json.dumps(_tree(name, row, children, own, system), sort_keys=True) for row in raw[name][1])
        for name in raw
        if name not in nested
    }
    return Warehouse(tables, trees, dict(orphans))


def _loads(rows: list[dict[str, Any]], system: System) -> tuple[int, ...]:
    counts = Counter(row[system.load] for row in rows)
    return tuple(counts[load] for load in sorted(counts))


def _parent(name: str, raw: Mapping[str, Any]) -> str | None:
    parts = name.split("__")
    prefixes = ["__".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]
    return next((prefix for prefix in prefixes if prefix in raw), None)


def _tree(
    name: str,
    row: Mapping[str, Any],
    children: Mapping[tuple[str, str], list[tuple[str, dict[str, Any]]]],
    own: set[str],
    system: System,
) -> dict[str, Any]:
    tree: dict[str, Any] = {k: v for k, v in _clean(row, own, system).items() if v is not None}
    for child, child_row in sorted(
        children.get((name, row[system.row]), []), key=lambda pair: (pair[0], pair[1][system.index])
    ):
        below = {"#": child_row[system.index], **_tree(child, child_row, children, own, system)}
        tree.setdefault(f"[{child}]", []).append(below)
    return tree


def _clean(row: Mapping[str, Any], own: set[str], system: System) -> dict[str, Any]:
    clean = {}
    for column, value in row.items():
        if column in system.renamed:
            clean[system.renamed[column]] = "now" if _is_recent(value) else plain(value)
        elif column not in own:
            clean[column] = plain(value)
    return clean


def _is_recent(value: Any) -> bool:
    return isinstance(value, dt.datetime) and abs(value - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(hours=1)


def plain(value: Any) -> Any:
    """A value of DuckDB as JSON can hold it, without losing its digits."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.timezone.utc).isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value
