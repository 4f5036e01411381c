"""What DuckDB raises, as errors of this package: with a code and a way out, whatever its class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagster_rest.warehouse.errors import WarehouseError

_SIGNS_OF_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_SIGNS_OF_DEPENDENCY = ("depends on it", "entries that depend", "is main key table")
"""DuckDB says most of these as an error of its catalog."""


@dataclass(frozen=True)
class Meaning:
    """What a class of DuckDB's errors means here.

    Args:
        code: The code of our error.
        what: What happened.
        hint: What to do.
    """

    code: str
    what: str
    hint: str


_CONSTRAINT = Meaning(
    "warehouse_constraint",
    "a constraint of a table refuses the load",
    "Drop the unique index or constraint that somebody put on the table, or set `primary_key` so that no key comes "
    "twice. DuckDB checks a unique index before the end of the transaction: a merge can't work on such a table.",
)
_DEPENDENCY = Meaning(
    "warehouse_dependency",
    "the load cannot change a table, because something depends on it",
    "Drop the index or view that the message speaks of, run again, and make it anew.",
)
_SQL = Meaning(
    "warehouse_sql",
    "DuckDB refuses a statement",
    "Check the SQL in the config (`source_filter`, `destination_scope`, checks), and whether tables, schemas or views "
    "of this dataset were changed by hand; a full refresh rebuilds the tables.",
)
_VALUE = Meaning(
    "warehouse_value",
    "a value does not fit its column in the database",
    "If a column was changed by hand, run a full refresh, or set another `data_type` in `columns`.",
)
_CONFLICT = Meaning(
    "warehouse_conflict",
    "another connection of this process works on the same tables",
    "Commit, roll back or close the connection that a notebook or another thread holds, and run again.",
)
_IN_USE = Meaning(
    "warehouse_in_use",
    "this process has the database open already, with other settings, or has closed the connection",
    "Close the connection that a notebook or another library holds, or give it the same `connection_config`.",
)
_MEMORY = Meaning(
    "warehouse_out_of_memory",
    "DuckDB ran out of memory",
    "Give it more with `connection_config: {memory_limit: ...}`, or space for temporary files with `temp_directory`. "
    "The staged files are kept.",
)
_IO = Meaning(
    "warehouse_io", "DuckDB could not read or write a file", "Check the disk that the message names, and run again."
)
_UNSUPPORTED = Meaning(
    "warehouse_not_supported",
    "this DuckDB does not support, or does not allow, what the load needs",
    "Check `connection_config` (read-only access, external access switched off) and the version of duckdb.",
)
_FAILED = Meaning(
    "warehouse_failed",
    "DuckDB failed",
    "Run again. If the error remains, try another version of duckdb, and report it to DuckDB's developers.",
)

MEANINGS: dict[str, Meaning] = {
    "Error": _FAILED,
    "DatabaseError": _FAILED,
    "FatalException": _FAILED,
    "InternalError": _FAILED,
    "InternalException": _FAILED,
    "InterruptException": _FAILED,
    "SequenceException": _SQL,
    "IntegrityError": _CONSTRAINT,
    "ConstraintException": _CONSTRAINT,
    "DependencyException": _DEPENDENCY,
    "ProgrammingError": _SQL,
    "BinderException": _SQL,
    "CatalogException": _SQL,
    "InvalidInputException": _UNSUPPORTED,
    "InvalidTypeException": _SQL,
    "ParserException": _SQL,
    "SyntaxException": _SQL,
    "DataError": _VALUE,
    "ConversionException": _VALUE,
    "OutOfRangeException": _VALUE,
    "TypeMismatchException": _VALUE,
    "ConnectionException": _IN_USE,
    "ResourceInUseException": _IN_USE,
    "TransactionException": _CONFLICT,
    "OutOfMemoryException": _MEMORY,
    "OperationalError": _IO,
    "IOException": _IO,
    "HTTPException": _IO,
    "SerializationException": _IO,
    "NotSupportedError": _UNSUPPORTED,
    "NotImplementedException": _UNSUPPORTED,
    "PermissionException": _UNSUPPORTED,
}
"""By the name of DuckDB's class; one that a later DuckDB adds means what its base class means."""


@contextmanager
def duckdb_errors(path: Path) -> Iterator[None]:
    """Raise our errors instead of DuckDB's.

    Args:
        path: The database, for the message.

    Raises:
        WarehouseError: For every ``duckdb.Error``; ``warehouse_disk_full`` where it is about a full disk.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise translated(error, path) from error


def translated(error: Exception, path: Path) -> WarehouseError:
    """Return our error for one of DuckDB's."""
    text = str(error)
    if any(sign in text for sign in _SIGNS_OF_FULL):
        return disk_full(path)
    names = (kind.__name__ for kind in type(error).__mro__)
    meaning = next((MEANINGS[name] for name in names if name in MEANINGS), _FAILED)
    if meaning is _SQL and any(sign in text for sign in _SIGNS_OF_DEPENDENCY):
        meaning = _DEPENDENCY
    first_line = next(iter(text.splitlines()), type(error).__name__)
    return WarehouseError(f"{meaning.what}: {first_line}", code=meaning.code, where=str(path), hint=meaning.hint)


def disk_full(path: Path) -> WarehouseError:
    """Return the error for a disk without space."""
    return WarehouseError(
        f"no space left to write {path}",
        code="warehouse_disk_full",
        where=str(path),
        hint="The load was rolled back. Free some space and run it again: the staged files are kept.",
    )
