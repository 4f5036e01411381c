"""A rate limit that all processes on this host share: pyrate-limiter's SQLite bucket."""

from __future__ import annotations

import asyncio
import hashlib
import math
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

MARGIN_SECONDS = 0.002


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
        self._turn: asyncio.Lock | None = None
        # SQLite and the file lock both want to stay on one thread.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dagster-rest-rate-limit")

    async def acquire(self) -> None:
        """Wait until a request may be sent."""
        loop = asyncio.get_running_loop()
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:
            while (wait := await loop.run_in_executor(self._thread, self._try)) > 0:
                await asyncio.sleep(wait)

    def _try(self) -> float:
        from pyrate_limiter import RateItem

        bucket = self._open()
        now = bucket.now()
        item = RateItem(self._name, now)
        if bucket.put(item):
            bucket.leak(now)
            return 0.0
        wait = bucket.waiting(item)
        return max(float(wait) / 1000, 0.0) + MARGIN_SECONDS

    def _open(self) -> Any:
        if self._bucket is None:
            from pyrate_limiter import Rate, SQLiteBucket

            rate = Rate(self._requests, max(1, math.ceil(self._seconds * 1000)))
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
            self._thread.submit(self._bucket.close).result()
            self._bucket = None
        self._thread.shutdown()


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"
