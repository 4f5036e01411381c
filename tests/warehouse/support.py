"""A warehouse in memory or in a file, loaded the way an asset loads it."""

from __future__ import annotations

import datetime
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from dagster_rest.config.model.table.disposition import WriteDisposition
from dagster_rest.warehouse.load.commit import LoadOutcome, ReplaceWhere, commit_load
from dagster_rest.warehouse.schema import RecordedSchema, ResourceSpec
from dagster_rest.warehouse.stage.stager import Stager
from dagster_rest.warehouse.state.catalog import read_schema

DATASET = "shop"
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)


def table_spec(disposition: str = "append", strategy: str | None = None, **keys: Any) -> ResourceSpec:
    options = keys.pop("options", {})
    names = {"dataset": DATASET, "resource": "posts", "table_name": "posts", **keys}
    write = WriteDisposition(disposition=disposition, strategy=strategy, options=options)  # type: ignore[arg-type]
    return ResourceSpec(write_disposition=write, **names)


class Warehouse:
    """A database, and loads into it."""

    def __init__(self, database: str = ":memory:") -> None:
        self.conn = duckdb.connect(database)
        self.conn.execute("SET TimeZone = 'UTC'")
        self._numbers = itertools.count(1)

    def load(
        self,
        spec: ResourceSpec,
        *pages: Sequence[Any],
        loaded_at: datetime.datetime = NOON,
        rows_per_part: int = 50_000,
        known: RecordedSchema | None = None,
        **options: Any,
    ) -> LoadOutcome:
        load_id = f"load-{next(self._numbers)}"
        with tempfile.TemporaryDirectory() as folder:
            stager = Stager.open(
                Path(folder),
                spec=spec,
                known=known or read_schema(self.conn, spec.dataset),
                fingerprint="f",
                load_id=load_id,
                rows_per_part=rows_per_part,
            )
            for page in pages:
                stager.write(page)
            staged = stager.finish()
            self.conn.execute("BEGIN")
            try:
                outcome = commit_load(self.conn, staged, load_id=load_id, loaded_at=loaded_at, **options)
            except BaseException:
                self.conn.execute("ROLLBACK")
                raise
            self.conn.execute("COMMIT")
            return outcome

    def rows(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        return self.conn.execute(query, list(params)).fetchall()

    def table(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        listed = ", ".join(f'"{column}"' for column in columns) or "*"
        return self.rows(f'SELECT {listed} FROM {DATASET}."{name}" ORDER BY ALL')

    def types(self, name: str) -> dict[str, str]:
        found = self.rows(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "AND column_name NOT LIKE '\\_%id' ESCAPE '\\' AND column_name <> '_list_index' ORDER BY column_index",
            DATASET,
            name,
        )
        return dict(found)

    def tables(self) -> list[str]:
        return [
            row[0]
            for row in self.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = ? ORDER BY 1", DATASET)
        ]


__all__ = ["DATASET", "NOON", "ReplaceWhere", "Warehouse", "table_spec"]
