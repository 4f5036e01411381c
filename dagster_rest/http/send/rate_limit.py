"""A rate limit that all processes of a user on this host share, by a small SQLite file."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dagster_rest.http.errors import HttpError

#: When to ask again while another process looks into the file, or a request is under way.
_BUSY_SECONDS = 0.005
_POLL_SECONDS = 0.02
#: A request has arrived by then, answered or not; and a process that died has not kept its permits for longer.
LONGEST_WAY_SECONDS = 5.0
#: What was written further ahead than that was written before the clock was set back.
_CLOCK_SECONDS = 5.0


@dataclass(frozen=True)
class Permit:
    """The permission to send one request now.

    Attributes:
        number: Its number in the file.
        opening: The opening of the file that it was taken in: another file has other permits of these numbers.
    """

    number: int
    opening: int = 0


class RateLimiter:
    """At most so many requests in any window of time, as the server sees it.

    A request arrives at some time between its sending and its answer. So a permit is free again a window after the
    answer, not after the sending: however long requests are under way, no window at the server has more of them.

    Args:
        requests: Number of requests.
        seconds: Length of the window.
        name: Limiters with the same name and rate on this host share the limit.
        folder: Where the file lies; a folder of the user's in the system's temporary folder by default.
    """

    def __init__(self, *, requests: int, seconds: float, name: str, folder: Path | None = None) -> None:
        self._requests, self._seconds, self._name = requests, seconds, name
        self._folder = folder
        self._file: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._opening = 0
        self._returned: dict[int, float] = {}
        # The moments at which a pause was asked for, and at which it is over.
        self._pause: tuple[float, float] | None = None

    def take(self) -> Permit | float:
        """Take a permit for a request that is sent now.

        Never blocks: this runs in the event loop, so that nothing comes between the permit and the request.

        Returns:
            The permit, or the seconds after which to ask again.

        Raises:
            HttpError: The file cannot be used.
        """
        try:
            with self._transaction() as file:
                return self._take(file)
        except _BusyError:
            return _BUSY_SECONDS

    def release(self, permit: Permit) -> None:
        """Say that the request of a permit is answered (or failed)."""
        if permit.opening != self._opening:
            return
        self._returned[permit.number] = time.time() + self._seconds
        self._write()

    def pause(self, seconds: float) -> None:
        """Give no permit for so many seconds, to any process that shares the limit: the server asks for it."""
        now = time.time()
        self._pause = (now, max(now + seconds, self._pause[1] if self._pause else 0.0))
        self._write()

    def _write(self) -> None:
        # With the next permit if the file is busy; until then a permit counts as under way.
        with suppress(_BusyError), self._transaction():
            pass

    def _take(self, file: sqlite3.Connection) -> Permit | float:
        now = time.time()
        (paused_until,) = file.execute(
            "select max(until) from waits where since <= ?", (now + _CLOCK_SECONDS,)
        ).fetchone()
        if paused_until is not None and now < paused_until:
            return float(paused_until - now)
        # What lies too far ahead was written before the clock was set back.
        latest = now + self._seconds + LONGEST_WAY_SECONDS
        file.execute("delete from permits where until <= ? or until > ?", (now, latest))
        taken = file.execute("select until, under_way from permits order by until").fetchall()
        if len(taken) >= self._requests:
            wait = max(float(taken[len(taken) - self._requests][0]) - now, 0.001)
            # An answer moves its permit to the front.
            return min(wait, _POLL_SECONDS) if any(under_way for _, under_way in taken) else wait
        number = file.execute("insert into permits (until, under_way) values (?, 1)", (latest,)).lastrowid
        return Permit(number or 0, self._opening)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """The file, for one process at a time, with what was given back."""
        try:
            file = self._current()
            file.execute("begin immediate")
            try:
                rows = [(until, number) for number, until in self._returned.items()]
                file.executemany("update permits set until = ?, under_way = 0 where number = ?", rows)
                self._write_pause(file)
                yield file
                file.execute("commit")
                self._returned.clear()
                self._pause = None
            except BaseException:
                if file.in_transaction:
                    file.execute("rollback")
                raise
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", str(error)).startswith(("SQLITE_BUSY", "database is locked")):
                raise _BusyError from None
            raise self._unusable(error) from None
        except (sqlite3.DatabaseError, OSError) as error:
            raise self._unusable(error) from None

    def _write_pause(self, file: sqlite3.Connection) -> None:
        if self._pause is None:
            return
        now = time.time()
        file.execute("delete from waits where until <= ? or since > ?", (now, now + _CLOCK_SECONDS))
        file.execute("insert into waits (since, until) values (?, ?)", self._pause)

    def _current(self) -> sqlite3.Connection:
        """The file that the others use: another one if somebody has removed it meanwhile."""
        if self._file is not None and self._identity != self._identity_now():
            self.close()
        if self._file is None:
            self._file = self._open()
            self._identity = self._identity_now()
            self._opening += 1
            self._returned.clear()
        return self._file

    def _identity_now(self) -> tuple[int, int] | None:
        try:
            found = self._path().stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> sqlite3.Connection:
        self._path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = sqlite3.connect(self._path(), timeout=10, isolation_level=None, check_same_thread=False)
        # A power cut may lose permits, which are worth nothing by then; a killed process loses none.
        for statement in (
            "pragma journal_mode = wal",
            "pragma synchronous = off",
            "create table if not exists permits (number integer primary key autoincrement, until real, under_way int)",
            "create table if not exists waits (since real, until real)",
            "pragma busy_timeout = 0",
        ):
            file.execute(statement)
        return file

    def _unusable(self, error: Exception) -> HttpError:
        # The next one who asks may find it mended.
        self.close()
        return HttpError(
            f"the file of the rate limit cannot be used: {error}",
            code="http_rate_limit_file",
            where=str(self._path()),
            hint="Delete the file, and check that its folder can be written; the variable TMPDIR sets the folder.",
        )

    def _path(self) -> Path:
        folder = self._folder or Path(tempfile.gettempdir()) / f"dagster_rest_{_user()}"
        key = f"{self._name}|{self._requests}|{self._seconds}"
        return folder / f"permits_{hashlib.sha256(key.encode()).hexdigest()[:16]}.sqlite"

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


class _BusyError(Exception):
    """Another process is looking into the file."""


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"
