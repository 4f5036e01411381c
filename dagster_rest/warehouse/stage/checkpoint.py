"""The checkpoint of a staging folder: what is safely on disk, written last, by atomic rename."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dagster_rest.warehouse.errors import WarehouseError
from dagster_rest.warehouse.hooks import EventHook
from dagster_rest.warehouse.schema import StagedSchema

FILE_NAME = "checkpoint.json"
VERSION = 1
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class PartFile:
    """One Parquet file: rows of one table, and the types its columns have in it."""

    table: str
    file: str
    rows: int
    columns: Mapping[str, str]


@dataclass(kw_only=True)
class Checkpoint:
    """Everything that is needed to go on after a part."""

    fingerprint: str
    load_id: str
    started_at: float = field(default_factory=time.time)
    position: dict[str, Any] | None = None
    parts: list[PartFile] = field(default_factory=list)
    sides: dict[str, list[str]] = field(default_factory=dict)
    next_part: int = 0
    rows_staged: int = 0
    schema: dict[str, Any] = field(default_factory=lambda: StagedSchema().to_json())
    counters: dict[str, int] = field(default_factory=dict)
    row_numbers: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> set[str]:
        """The names of the files that the checkpoint covers."""
        return {part.file for part in self.parts} | {file for files in self.sides.values() for file in files}

    def restored(self) -> tuple[StagedSchema, Counter[str], Counter[str]]:
        """Return schema, counters and row numbers as they were."""
        return StagedSchema.from_json(self.schema), Counter(self.counters), Counter(self.row_numbers)


def read_checkpoint(folder: Path, *, fingerprint: str, ttl_seconds: float) -> tuple[Checkpoint | None, str | None]:
    """Return the checkpoint to go on from, or None and why a fresh start is needed.

    A file that can't be read, is of another version or of another configuration, is too old or misses a part never
    raises: staging starts over, which costs time and no data. The reason is None if there was no checkpoint at all.
    """
    path = folder / FILE_NAME
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError) as error:
        return None, f"the checkpoint can't be read ({type(error).__name__})"
    try:
        if value["version"] != VERSION:
            return None, f"the checkpoint has version {value['version']!r}, not {VERSION}"
        fields = {key: item for key, item in value.items() if key != "version"}
        checkpoint = Checkpoint(**{**fields, "parts": [PartFile(**part) for part in fields["parts"]]})
        checkpoint.restored()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return None, f"the checkpoint is not valid ({type(error).__name__})"
    return _usable(checkpoint, folder, fingerprint=fingerprint, ttl_seconds=ttl_seconds)


def _usable(
    checkpoint: Checkpoint, folder: Path, *, fingerprint: str, ttl_seconds: float
) -> tuple[Checkpoint | None, str | None]:
    if checkpoint.fingerprint != fingerprint:
        return None, "the configuration changed since the checkpoint"
    age = time.time() - checkpoint.started_at
    if not 0 <= age <= ttl_seconds:
        return None, f"the checkpoint is {age:.0f} s old, more than {ttl_seconds:.0f} s"
    missing = sorted(name for name in checkpoint.files if not (folder / name).is_file())
    if missing:
        return None, f"{len(missing)} staged files are gone, {missing[0]} among them"
    foreign = sorted(name for name in checkpoint.files if digest(folder / name) != checkpoint.digests.get(name))
    if foreign:
        return None, f"{len(foreign)} staged files are not as they were written, {foreign[0]} among them"
    return checkpoint, None


def digest(path: Path) -> str:
    """A hash of a file's content: a part that is damaged, or somebody else's, must not get into a table."""
    found = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


@contextmanager
def staging_errors(folder: Path) -> Iterator[None]:
    """Say what is wrong when a staging folder cannot be used.

    Args:
        folder: The folder.

    Raises:
        WarehouseError: ``warehouse_staging_failed`` instead of an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise WarehouseError(
            f"the staging folder cannot be written: {error.strerror or error}",
            code="warehouse_staging_failed",
            where=str(folder),
            hint="Check disk space and permissions, or set staging_dir. Files that were staged before are kept.",
        ) from error


def write_checkpoint(folder: Path, checkpoint: Checkpoint, *, on_event: EventHook) -> None:
    """Write the checkpoint so that a crash at any moment leaves either the old or the new one."""
    temporary = folder / f"{FILE_NAME}.new"
    text = json.dumps({"version": VERSION, **asdict(checkpoint)}, default=_strict)
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    on_event("before_checkpoint_rename")
    temporary.replace(folder / FILE_NAME)
    sync_folder(folder)
    on_event("after_checkpoint_rename")


def sync_folder(folder: Path) -> None:
    """Make renames and new files in the folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a position holds JSON values only, not {type(value).__name__}")
