"""Records on their way: Parquet parts in a folder, with a checkpoint after each, so that a load can go on."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.errors import depth_errors
from dagster_rest.warehouse.hooks import EventHook, ignore_event
from dagster_rest.warehouse.schema import RecordedSchema, ResourceSpec, StagedSchema
from dagster_rest.warehouse.shred.collisions import with_values_of_parent
from dagster_rest.warehouse.shred.shredder import Shredder
from dagster_rest.warehouse.stage.checkpoint import (
    FILE_NAME,
    Checkpoint,
    PartFile,
    digest,
    read_checkpoint,
    staging_errors,
    write_checkpoint,
)
from dagster_rest.warehouse.stage.part import Part, column_types, import_arrow, release_memory, write_parquet
from dagster_rest.warehouse.stage.staged_load import StagedLoad
from dagster_rest.warehouse.values.text import dump_json

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 2_000
"""Records that wait for each other, so that an API of one record a page does not cost an Arrow table a record."""
MEGABYTE = 1024 * 1024


class Stager:
    """Writes the records of one load to Parquet parts and remembers how far it came.

    No DuckDB connection is open while it works. It is not thread safe. Build it with ``Stager.open``.

    Attributes:
        position: What was passed with the last write that a checkpoint covers; None at the start.
        load_id: The load's id; the interrupted load's if it goes on.
        rows_staged: Rows of root tables on disk and waiting.
        resumed: True if it goes on from a checkpoint.
        reset_reason: Why a checkpoint that was there is not used.

    Example:
        ```python
        import tempfile
        from pathlib import Path

        from dagster_rest.config.model.table.disposition import WriteDisposition
        from dagster_rest.warehouse.schema import RecordedSchema, ResourceSpec
        from dagster_rest.warehouse.stage.stager import Stager

        spec = ResourceSpec(
            dataset="shop", resource="posts", table_name="posts",
            write_disposition=WriteDisposition(disposition="append"),
        )
        with tempfile.TemporaryDirectory() as folder:
            stager = Stager.open(
                Path(folder), spec=spec, known=RecordedSchema(dataset="shop"), fingerprint="1", load_id="a"
            )
            stager.write([{"id": 1, "tags": ["x", "y"]}], position={"page": 1})
            staged = stager.finish()
            assert staged.row_counts == {"posts": 1, "posts__tags": 2}
        ```
    """

    def __init__(
        self,
        folder: Path,
        *,
        spec: ResourceSpec,
        schema: StagedSchema,
        checkpoint: Checkpoint,
        resumed: bool,
        reset_reason: str | None,
        limits: tuple[int, int, float],
        on_event: EventHook,
    ) -> None:
        self.load_id = checkpoint.load_id
        self.position = checkpoint.position
        self.resumed = resumed
        self.reset_reason = reset_reason
        self._folder = folder
        self._spec = spec
        self._saved = checkpoint
        self._limits = limits
        self._on_event = on_event
        restored, self._counters, self._row_numbers = checkpoint.restored()
        self._schema = restored if resumed else schema
        self._shredder = Shredder(
            spec, schema=self._schema, load_id=self.load_id, counters=self._counters, row_numbers=self._row_numbers
        )
        self._waiting: list[Any] = []
        self._tables: list[dict[str, list[pa.Table]]] = [{}]
        self._types: dict[tuple[str, str], pa.DataType] = {}
        self._part: Part | None = None
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parquet")
        # Arrow takes a tenth of a second to import: while the first pages are on their way, that costs nothing.
        self._writer.submit(import_arrow)
        # Files of a stager that was given up can never be taken for those of the next.
        self._token = secrets.token_hex(4)
        self._sides: dict[str, list[dict[str, Any]]] = {}
        self._pending_position: dict[str, Any] | None = None
        self._part_rows = 0
        self._part_bytes = 0
        self._part_started = time.monotonic()

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        spec: ResourceSpec,
        known: RecordedSchema,
        fingerprint: str,
        load_id: str,
        beside: Stager | None = None,
        resume: bool = True,
        ttl_seconds: float = 86_400,
        rows_per_part: int = 50_000,
        bytes_per_part: int = 16 * MEGABYTE,
        seconds_per_part: float = 5.0,
        on_event: EventHook = ignore_event,
    ) -> Stager:
        """Open a staging folder, going on from its checkpoint if that fits.

        Args:
            folder: Created if missing. It belongs to the stager alone: files that no checkpoint covers are removed.
            spec: What the resource asks for.
            known: The columns recorded so far.
            fingerprint: Of everything that changes what is fetched or stored; another one starts over.
            load_id: The id of a new load; not used if an interrupted one goes on.
            beside: The stager of another load, with the same tables, that the same transaction will write: of a column
                that both bring, the first value decides for both.
            resume: False starts over.
            ttl_seconds: The age of a load past which it starts over.
            rows_per_part: Rows of all tables after which a part is written.
            bytes_per_part: Likewise, Arrow bytes.
            seconds_per_part: Likewise, seconds since the part began.
            on_event: Called with ``part_written``, ``before_checkpoint_rename``, ``after_checkpoint_rename``.
        """
        with staging_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            saved, reason = read_checkpoint(folder, fingerprint=fingerprint, ttl_seconds=ttl_seconds)
            if saved is not None and not resume:
                saved, reason = None, "resuming is disabled"
            keep = {FILE_NAME, *saved.files} if saved is not None else set()
            for path in folder.iterdir():
                if path.name not in keep:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        return cls(
            folder,
            spec=spec,
            schema=StagedSchema.start(known, spec=spec)
            if beside is None
            else StagedSchema(tables=beside._schema.tables),
            checkpoint=saved or Checkpoint(fingerprint=fingerprint, load_id=load_id),
            resumed=saved is not None,
            reset_reason=reason,
            limits=(rows_per_part, bytes_per_part, seconds_per_part),
            on_event=on_event,
        )

    @property
    def rows_staged(self) -> int:
        """Rows of root tables so far."""
        return self._root_rows() + len(self._waiting)

    @property
    def counters(self) -> Mapping[str, int]:
        """``discarded_rows``, ``discarded_values`` so far."""
        return self._counters

    def write(
        self,
        records: Sequence[Any],
        *,
        position: Mapping[str, Any] | None = None,
        extra: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """Take records over.

        Args:
            records: Decoded JSON values, usually dicts; they are not changed, and not to be changed afterwards.
            position: JSON values from which to go on once everything written so far is on disk.
            extra: Keys to set on each record (on top of its own): a list of values as long as ``records`` by key.

        Raises:
            NameCollisionError: A record has one of the keys in ``extra`` with another value; or as ``Shredder.shred``.
        """
        if extra:
            keys = list(extra)
            records = [
                with_values_of_parent(record, keys, added, where=self._spec.where)
                for record, added in zip(records, zip(*extra.values(), strict=True), strict=True)
            ]
        self._waiting.extend(records)
        if position is not None:
            self._pending_position = dict(position)
        if len(self._waiting) >= BATCH_ROWS:
            self._shred()
        self._write_part_if_due()

    def write_side(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep small data (JSON objects) beside the load, checkpointed together with its parts.

        Call it before the ``write`` whose position covers the data: a checkpoint may be written inside ``write``.
        """
        self._sides.setdefault(name, []).extend(dict(row) for row in rows)

    def finish(self) -> StagedLoad:
        """Write what waits, and return the load as it is on disk."""
        self._shred()
        self._shredder.declare()
        self._begin_part()
        self._end_part()
        self._writer.shutdown()
        release_memory()
        parts: dict[str, list[PartFile]] = {}
        for part in self._saved.parts:
            parts.setdefault(part.table, []).append(part)
        return StagedLoad(
            load_id=self.load_id,
            spec=self._spec,
            folder=self._folder,
            parts={table: tuple(files) for table, files in parts.items()},
            schema=self._schema,
            row_counts={table: sum(part.rows for part in files) for table, files in parts.items()},
            rows_staged=self._saved.rows_staged,
            counters=Counter(self._counters),
            schema_changes=list(self._schema.changes),
            sides={name: tuple(files) for name, files in self._saved.sides.items()},
        )

    def discard(self) -> None:
        """Remove the folder and everything in it."""
        self._writer.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _root_rows(self) -> int:
        tables = self._schema.tables
        return sum(count for name, count in self._row_numbers.items() if tables[name].kind == "root")

    def _shred(self) -> None:
        if not self._waiting:
            return
        made = self._shredder.shred(self._waiting)
        self._waiting = []
        kinds = {(name, field.name): field.type for name, table in made.items() for field in table.schema}
        if any(self._types.get(column, kind) != kind for column, kind in kinds.items()):
            # A column changed its type: what was made before goes to files of its own.
            self._tables.append({})
            self._types = {}
        self._types |= kinds
        for name, table in made.items():
            self._tables[-1].setdefault(name, []).append(table)
            self._part_rows += table.num_rows
            self._part_bytes += table.nbytes

    def _write_part_if_due(self) -> None:
        if self._part is not None and self._part.is_written:
            self._end_part()
        rows, size, seconds = self._limits
        late = time.monotonic() - self._part_started >= seconds
        if late or self._part_rows + len(self._waiting) >= rows or self._part_bytes >= size:
            self._shred()
            self._begin_part()
        if late:
            # Whoever is that slow may be slow again: the checkpoint does not wait for the next write.
            self._end_part()

    def _begin_part(self) -> None:
        """Hand what is there to the writing thread, as the next part; one part is under way at a time."""
        self._end_part()
        part = Part(number=self._saved.next_part, position=self._pending_position)
        made = [(name, tables) for generation in self._tables for name, tables in generation.items()]
        for index, (name, tables) in enumerate(made):
            file = f"part-{part.number:06d}-{index:03d}-{self._token}.parquet"
            rows = sum(table.num_rows for table in tables)
            part.files.append(PartFile(name, file, rows, column_types(tables)))
            part.writing.append(self._writer.submit(write_parquet, self._folder / file, tables))
        with staging_errors(self._folder), depth_errors(self._spec.where):
            self._write_sides(part)
        part.rows_staged = self._root_rows()
        part.schema = self._schema.to_json()
        part.counters = dict(self._counters)
        part.row_numbers = dict(self._row_numbers)
        self._tables, self._types = [{}], {}
        self._part_rows = self._part_bytes = 0
        self._part_started = time.monotonic()
        self._part = part

    def _end_part(self) -> None:
        """Wait for the part under way, and write the checkpoint that covers it."""
        part, self._part = self._part, None
        if part is not None:
            with staging_errors(self._folder):
                self._write_checkpoint(part)

    def _write_checkpoint(self, part: Part) -> None:
        for written, writing in zip(part.files, part.writing, strict=True):
            self._saved.digests[written.file] = writing.result()
        if part.files:
            self._on_event("part_written")
        saved = self._saved
        saved.parts.extend(part.files)
        for name, file in part.sides.items():
            saved.sides.setdefault(name, []).append(file)
            saved.digests[file] = digest(self._folder / file)
        saved.next_part = part.number + 1
        if part.position is not None:
            saved.position = part.position
        saved.rows_staged = part.rows_staged
        saved.schema, saved.counters, saved.row_numbers = part.schema, part.counters, part.row_numbers
        write_checkpoint(self._folder, saved, on_event=self._on_event)
        self.position = saved.position

    def _write_sides(self, part: Part) -> None:
        for index, (name, rows) in enumerate(self._sides.items()):
            file = f"side-{part.number:06d}-{index:03d}-{self._token}.jsonl"
            with (self._folder / file).open("w", encoding="utf-8") as sink:
                sink.writelines(dump_json(row) + "\n" for row in rows)
                sink.flush()
                os.fsync(sink.fileno())
            part.sides[name] = file
        self._sides = {}
