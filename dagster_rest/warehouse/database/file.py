"""The only way to a DuckDB connection: short, alone, in one transaction, and closed whatever happens."""

from __future__ import annotations

import errno
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_rest.warehouse.database.base import Database, run
from dagster_rest.warehouse.database.errors import disk_full, duckdb_errors, translated
from dagster_rest.warehouse.errors import WarehouseError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

logger = logging.getLogger("dagster_rest.warehouse")

DEFAULT_TIMEOUT = 600.0
"""Seconds to wait for the database before giving up."""

_MEMORY = ":memory:"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9_+.\-]+:")
_METADATA = "_dagster_rest"
_FIRST_SLEEP, _LONGEST_SLEEP = 0.02, 1.0
_SAY_AFTER = 5.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def local_path(database: Database) -> Path:
    """The database's file, however the path is spelled: two spellings share one lock.

    Args:
        database: A ``dagster_duckdb.DuckDBResource`` or anything like it.

    Raises:
        WarehouseError: ``warehouse_not_local`` for anything but a file (``md:``, ``postgres:``, ``s3://``),
            ``warehouse_in_memory``, ``warehouse_reserved_name``.
    """
    name = str(database.database)
    if not name or name.startswith(_MEMORY):
        raise WarehouseError(
            "an in-memory database loses tables, cursors and parent rows when the connection closes",
            code="warehouse_in_memory",
            where=name or "DuckDBResource.database",
            hint="Give the DuckDBResource a file.",
        )
    scheme = _SCHEME.match(name)
    if scheme is not None:
        # What follows may hold a token or a password.
        raise WarehouseError(
            f"{scheme[0]!r} is no local file, and loads are safe in local DuckDB files only: others have neither the "
            "file lock nor the fence that keep two runs from loading the same rows",
            code="warehouse_not_local",
            where=scheme[0],
            hint="Load into a DuckDB file, and copy or attach it from there.",
        )
    if Path(name).name.split(".")[0].lower() == _METADATA:
        raise WarehouseError(
            f"DuckDB would take the file's name for the schema {_METADATA}, in which this package stores its state",
            code="warehouse_reserved_name",
            where=name,
            hint="Give the file another name.",
        )
    # DuckDB reads "~/" as the home folder too.
    return (Path(name).expanduser() if name.startswith("~/") else Path(name)).resolve()


@contextmanager
def short_write(
    database: Database, *, timeout: float = DEFAULT_TIMEOUT, log: Callable[[str], None] = logger.info
) -> Iterator[DuckDBPyConnection]:
    """One transaction on the database, alone: file lock, connect, begin, commit or roll back, close.

    DuckDB lets one process at a time write a file, so nothing slow belongs in here: fetch and stage first.

    Args:
        database: A ``dagster_duckdb.DuckDBResource`` or anything like it.
        timeout: Seconds to wait for another process that holds the file.
        log: Takes a line when it waits, with the process it waits for.

    Yields:
        The connection, inside an open transaction.

    Raises:
        WarehouseError: ``warehouse_no_folder``, ``warehouse_read_only``, ``warehouse_locked``,
            ``warehouse_newer_format``, ``warehouse_disk_full``; those of ``local_path``; and one of
            ``database.errors.MEANINGS`` for whatever else DuckDB raises, inside the block too.

    Example:
        ```python
        from dagster_duckdb import DuckDBResource
        from dagster_rest.warehouse.database.base import run
        from dagster_rest.warehouse.database.file import short_write

        with short_write(DuckDBResource(database="shop.duckdb")) as connection:
            run(connection, "create table if not exists t (id bigint)")
        ```
    """
    with _alone(database, timeout=timeout, log=log) as connection:
        run(connection, "begin")
        try:
            yield connection
            run(connection, "commit")
        except BaseException:
            _roll_back(connection)
            raise


@contextmanager
def short_read(
    database: Database, *, timeout: float = DEFAULT_TIMEOUT, log: Callable[[str], None] = logger.info
) -> Iterator[DuckDBPyConnection | None]:
    """A connection for a short read; None where its file does not exist yet, and none is made.

    A reader takes the same lock as a writer: DuckDB refuses a reader while another process writes.

    Args:
        database: A ``dagster_duckdb.DuckDBResource`` or anything like it.
        timeout: Seconds to wait for another process that holds the file.
        log: Takes a line when it waits, with the process it waits for.

    Yields:
        The connection, or None.

    Raises:
        WarehouseError: As ``short_write``.
    """
    path = local_path(database)
    if not path.exists():
        _check_folder(path)
        yield None
        return
    with _alone(database, timeout=timeout, log=log) as connection:
        yield connection


@contextmanager
def _alone(database: Database, *, timeout: float, log: Callable[[str], None]) -> Iterator[DuckDBPyConnection]:
    path = local_path(database)
    _check_folder(path)
    deadline = time.monotonic() + timeout
    with _file_lock(path, timeout=timeout, log=log):
        opened = _wait_for_foreign_holder(database, path, deadline=deadline, log=log)
        with duckdb_errors(path), _closing(database, opened=opened) as connection:
            yield connection


def _roll_back(connection: DuckDBPyConnection) -> None:
    import duckdb

    try:
        run(connection, "rollback")
    except duckdb.Error as error:
        # The transaction is gone already (a failed commit); the first error is the one to show.
        logger.debug("rollback after a failure was refused: %s", error)


@contextmanager
def _closing(database: Database, *, opened: DuckDBPyConnection | None = None) -> Iterator[DuckDBPyConnection]:
    with _sharing(database, opened) as connection:
        try:
            # Parts carry instants in UTC; a session zone must never shift what a cast to text shows.
            run(connection, "set TimeZone = 'UTC'")
            yield connection
        finally:
            # dagster-duckdb does not close the connection when the body raises.
            connection.close()


@contextmanager
def _sharing(database: Database, opened: DuckDBPyConnection | None) -> Iterator[DuckDBPyConnection]:
    """The database's own connection; what is opened already stays open until then, as opening a file is slow."""
    import duckdb

    with ExitStack() as stack:
        try:
            connection = stack.enter_context(database.get_connection())
        except duckdb.ConnectionException:
            if opened is None:
                raise
            # It asks for other settings than ours, and both can't be open at once.
            opened.close()
            connection = stack.enter_context(database.get_connection())
        finally:
            if opened is not None:
                opened.close()
        yield connection


def _check_folder(path: Path) -> None:
    folder = path.parent
    if not folder.is_dir():
        # dagster-duckdb would retry this for 102 s.
        raise WarehouseError(
            f"the folder of the DuckDB file does not exist: {folder}",
            code="warehouse_no_folder",
            where=str(path),
            hint="Create the folder, or change `database` of the DuckDBResource.",
        )


@contextmanager
def _file_lock(path: Path, *, timeout: float, log: Callable[[str], None]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock", timeout=timeout, poll_interval=_FIRST_SLEEP)
    started = time.monotonic()
    try:
        lock.acquire()
    except Timeout as error:
        raise WarehouseError(
            f"waited {timeout:.0f} s for the other writers of {path.name}",
            code="warehouse_locked",
            where=str(path),
            hint="Find the step that hangs in its load; the lock is released when its process ends.",
        ) from error
    except OSError as error:
        raise (disk_full(path) if error.errno in _FULL else _read_only(path)) from error
    waited = time.monotonic() - started
    if waited > _SAY_AFTER:
        log(f"waited {waited:.1f} s for other writers of {path.name}")
    try:
        yield
    finally:
        lock.release()


def _wait_for_foreign_holder(
    database: Database, path: Path, *, deadline: float, log: Callable[[str], None]
) -> DuckDBPyConnection | None:
    """Wait while a process that knows nothing of our lock has the file open, and say who it is.

    dagster-duckdb would sleep in doubling steps and oversleep by up to half a minute.
    """
    import duckdb

    if not path.exists():
        return None
    sleep, said = _FIRST_SLEEP, False
    config: dict[str, Any] = {"custom_user_agent": "dagster", **getattr(database, "connection_config", {})}
    while True:
        try:
            return duckdb.connect(str(path), config=config)
        except duckdb.ConnectionException:
            # This very process has it open with other settings: get_connection says what to do about it.
            return None
        except duckdb.Error as error:
            text = str(error)
            if isinstance(error, (duckdb.ProgrammingError, duckdb.NotSupportedError, duckdb.OutOfMemoryException)):
                # The settings are wrong, not the file.
                raise translated(error, path) from error
            if not isinstance(error, duckdb.IOException) or "lock" not in text:
                raise _unreadable(path, text) from error
            holder = _holder(text)
            if time.monotonic() >= deadline:
                raise WarehouseError(
                    f"{path.name} is held by {holder}",
                    code="warehouse_locked",
                    where=str(path),
                    hint="Close that program (a DuckDB shell, a notebook), or let it open a copy.",
                ) from error
            if not said:
                log(f"waiting for {path.name}, held by {holder}")
                said = True
        time.sleep(min(sleep, max(0.0, deadline - time.monotonic())))
        sleep = min(sleep * 2, _LONGEST_SLEEP)


def _holder(text: str) -> str:
    found = re.search(r"held in (.+?) \(PID (\d+)\)", text)
    return f"{Path(found[1]).name} (process {found[2]})" if found else "another process"


def _unreadable(path: Path, text: str) -> WarehouseError:
    if "newer" in text or "version number" in text:
        return WarehouseError(
            f"{path.name} was written by a DuckDB that this one cannot read",
            code="warehouse_newer_format",
            where=str(path),
            hint="Upgrade duckdb here, or write the file with storage_compatibility_version set to the older version.",
        )
    if "ermission" in text or "Read-only" in text or "read-only" in text:
        return _read_only(path)
    return WarehouseError(
        f"{path.name} cannot be opened: {text.splitlines()[0]}",
        code="warehouse_unreadable",
        where=str(path),
        hint="Check that it is a DuckDB file, and not damaged.",
    )


def _read_only(path: Path) -> WarehouseError:
    return WarehouseError(
        f"no permission to write {path}",
        code="warehouse_read_only",
        where=str(path),
        hint="The folder must be writable: DuckDB keeps its write-ahead log and the lock file beside the database.",
    )
