"""Whether the process of a run is alive, for other processes of this host: a file lock that ends with it."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

_FOLDER = "at_work"
_OLD = 30 * 86_400
"""Seconds after which nobody asks any more whether the process that left a lock file behind is alive."""
_TRIES = 5


class LivenessLock:
    """The lock of one attempt of one run on an asset, from before its first commit until it is reported.

    A load that is committed and not reported yet belongs to a step that is about to report it, or to one that died.
    The file lock shows which: the operating system releases it when the process ends, however it ends.

    Args:
        root: The folder under which loads are staged.
        asset: The asset key as ``a/b``.
        run_id: The Dagster run.
        attempt: The step's retry number.
    """

    def __init__(self, root: Path, *, asset: str, run_id: str, attempt: int) -> None:
        self._path = _path(root, asset=asset, run_id=run_id, attempt=attempt)
        self._stack = contextlib.ExitStack()

    def acquire(self) -> None:
        """Take the lock."""
        from dagster_rest.warehouse.stage.checkpoint import staging_errors

        with staging_errors(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(self._path.parent)
            self._stack.enter_context(try_lock(self._path))

    def release(self) -> None:
        """Release the lock and remove its file."""
        self._stack.close()


def _sweep(folder: Path) -> None:
    """Remove the lock files that processes left behind when they died, a long time ago."""
    for path in folder.glob("*.lock"):
        try:
            is_old = time.time() - path.stat().st_mtime > _OLD
        except FileNotFoundError:
            continue
        if is_old:
            with try_lock(path):
                # It is removed when it is let go, if nobody holds it.
                pass


def is_alive(root: Path, *, asset: str, run_id: str, attempt: int) -> bool | None:
    """Whether the process of that attempt lives; None if this host knows nothing of it.

    Args:
        root: The folder under which loads are staged.
        asset: The asset key as ``a/b``.
        run_id: The Dagster run.
        attempt: The step's retry number.
    """
    path = _path(root, asset=asset, run_id=run_id, attempt=attempt)
    if not path.exists():
        return None
    # The file stays: if this run dies as well, the next one must still be able to know.
    with try_lock(path, keep=True) as got_it:
        return not got_it


@contextlib.contextmanager
def try_lock(path: Path, *, keep: bool = False) -> Iterator[bool]:
    """Hold a file lock if nobody else does; whether it is held. The file goes with the lock.

    Its holder removes the file as the last thing it does. Whoever opened it before gets a lock on a file without a
    name, which ``filelock`` notices, and tries again: no two processes ever hold the same lock.

    Args:
        path: The lock file.
        keep: Leave the file there.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(str(path))
    for _ in range(_TRIES):
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            if path.exists():
                # Somebody holds it.
                yield False
                return
    if not lock.is_locked:
        yield False
        return
    try:
        yield True
    finally:
        if not keep:
            # A system that does not let go of open files keeps this one until the next time.
            with contextlib.suppress(OSError):
                path.unlink()
        lock.release()


def _path(root: Path, *, asset: str, run_id: str, attempt: int) -> Path:
    import hashlib

    digest = hashlib.blake2b(f"{asset}\n{run_id}\n{attempt}".encode(), digest_size=10).hexdigest()
    return root / _FOLDER / f"{digest}.lock"
