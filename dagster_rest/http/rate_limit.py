"""A rate limit that all processes of a user on this host share: pyrate-limiter's SQLite bucket."""

from __future__ import annotations

import hashlib
import math
import tempfile
from pathlib import Path
from typing import Any

#: While another process looks into the bucket.
_BUSY_SECONDS = 0.005
_ROUNDING_SECONDS = 0.002


def window_seconds(seconds: float) -> float:
    """The window that permits are counted in, which is a little longer than the one that is asked for.

    The server counts when requests arrive. One may be on its way longer than another (a new connection, a busy
    machine), so permits have to lie further apart than arrivals may.

    Args:
        seconds: The window that the API counts in.
    """
    return seconds + min(max(seconds * 0.1, 0.05), 1.0)


class RateLimiter:
    """At most so many requests in any window of time.

    Args:
        requests: Number of requests.
        seconds: Length of the window.
        name: Limiters with the same name and rate on this host share the limit.
        folder: Where the bucket's file lies; a folder of the user's in the system's temporary folder by default.
    """

    def __init__(self, *, requests: int, seconds: float, name: str, folder: Path | None = None) -> None:
        self._requests, self._seconds, self._name = requests, seconds, name
        self._folder = folder
        self._bucket: Any = None

    def take(self) -> float:
        """Take a permit for a request that is sent now.

        Never blocks: this runs in the event loop, so that nothing comes between the permit and the request.

        Returns:
            0.0 if the permit is taken, else the seconds after which to ask again.
        """
        from filelock import Timeout
        from pyrate_limiter import RateItem

        bucket = self._open()
        lock = bucket.limiter_lock()
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return _BUSY_SECONDS
        try:
            # Stamped while the bucket is locked: a stamp from before a wait for the lock would be too early.
            now = bucket.now()
            item = RateItem(self._name, now)
            if bucket.put(item):
                bucket.leak(now)
                return 0.0
            return max(float(bucket.waiting(item)) / 1000, 0.0) + _ROUNDING_SECONDS
        finally:
            lock.release()

    def _open(self) -> Any:
        if self._bucket is None:
            from pyrate_limiter import Rate, SQLiteBucket

            rate = Rate(self._requests, max(1, math.ceil(window_seconds(self._seconds) * 1000)))
            self._bucket = SQLiteBucket.init_from_file([rate], db_path=str(self._path()), use_file_lock=True)
        return self._bucket

    def _path(self) -> Path:
        folder = self._folder or Path(tempfile.gettempdir()) / f"dagster_rest_{_user()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = f"{self._name}|{self._requests}|{self._seconds}"
        return folder / f"rate_{hashlib.sha256(key.encode()).hexdigest()[:16]}.sqlite"

    def close(self) -> None:
        """Close the bucket."""
        if self._bucket is not None:
            self._bucket.close()
            self._bucket = None


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"
