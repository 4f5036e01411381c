"""A load that is complete on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster_rest.warehouse.schema import ResourceSpec, StagedSchema
from dagster_rest.warehouse.stage.checkpoint import PartFile


@dataclass(frozen=True, kw_only=True)
class StagedLoad:
    """A load that is complete on disk and waits for its transaction.

    Args:
        load_id: The load's id.
        spec: What the resource asks for.
        folder: Where the files are.
        parts: The Parquet files by table.
        schema: The tables as the data left them.
        row_counts: Staged rows by table.
        rows_staged: Staged rows of root tables.
        counters: ``discarded_rows``, ``discarded_values``, each zero if absent.
        schema_changes: What the data changed, in words.
        sides: The JSON lines files of ``Stager.write_side`` by name.
    """

    load_id: str
    spec: ResourceSpec
    folder: Path
    parts: Mapping[str, tuple[PartFile, ...]]
    schema: StagedSchema
    row_counts: Mapping[str, int]
    rows_staged: int
    counters: Mapping[str, int]
    schema_changes: list[str]
    sides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def makes(self, table: str) -> bool:
        """Whether the load has rows for a table, or makes it because the config names its columns."""
        schema = self.schema.tables.get(table)
        declared = schema is not None and schema.is_new and schema.kind != "quarantine" and bool(schema.typed_columns)
        return table in self.parts or declared

    def side(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the rows given to ``Stager.write_side`` under that name, in order."""
        for file in self.sides.get(name, ()):
            with (self.folder / file).open(encoding="utf-8") as lines:
                for line in lines:
                    yield json.loads(line)
