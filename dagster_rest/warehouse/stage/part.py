"""A part of a load on its way to disk: Parquet files, written in a thread of their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.schema import SYSTEM_COLUMNS
from dagster_rest.warehouse.stage.checkpoint import PartFile, digest
from dagster_rest.warehouse.types import of_arrow

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(kw_only=True)
class Part:
    """A part on its way to disk, and the state of the stager at its end."""

    number: int
    position: dict[str, Any] | None
    files: list[PartFile] = field(default_factory=list)
    sides: dict[str, str] = field(default_factory=dict)
    writing: list[Future[str]] = field(default_factory=list)
    rows_staged: int = 0
    schema: dict[str, Any] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    row_numbers: dict[str, int] = field(default_factory=dict)

    @property
    def is_written(self) -> bool:
        """True once all files are on disk, or one could not be written."""
        return all(writing.done() for writing in self.writing)


def column_types(tables: Sequence[pa.Table]) -> dict[str, str]:
    """Return the columns of tables that go to one file, and their types; those of this package left out."""
    return {
        field.name: of_arrow(field.type)
        for table in tables
        for field in table.schema
        if field.name not in SYSTEM_COLUMNS
    }


def import_arrow() -> None:
    """Import what parts are written with."""
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401


def write_parquet(path: Path, tables: list[pa.Table]) -> str:
    """Write tables to one file, safely on disk when it returns, and return its digest; the list is emptied."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.concat_tables(tables, promote_options="default")
    tables.clear()
    with path.open("wb") as sink:
        pq.write_table(table, sink, compression="zstd")
        sink.flush()
        os.fsync(sink.fileno())
    return digest(path)


def release_memory() -> None:
    """Return the memory that Arrow keeps to the system: DuckDB needs it for the load."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
