"""The pages of one parent until its last one is there: those of a parent that fails are not loaded."""

import pickle
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

_MOST_RECORDS = 20_000


@dataclass(frozen=True, kw_only=True)
class HeldPage:
    """What is left of a page when its records are ready to be staged.

    Args:
        unit: The number of the unit it is of.
        records: Its records.
        state: The paginator's state behind it.
        is_last: Whether it is the unit's last.
        resumable: Whether an interrupted load may go on behind it.
    """

    unit: int
    records: list[Any]
    state: Mapping[str, Any] | None
    is_last: bool
    resumable: bool


class HeldPages:
    """Holds pages, in memory or, if they are many, in a temporary file.

    Args:
        most_records: So many records stay in memory.
    """

    def __init__(self, *, most_records: int = _MOST_RECORDS) -> None:
        self._most_records = most_records
        self._pages: list[HeldPage] = []
        self._records = 0
        self._file: IO[bytes] | None = None

    def add(self, page: HeldPage) -> None:
        """Take a page."""
        self._pages.append(page)
        self._records += len(page.records)
        if self._records > self._most_records:
            self._spill()

    def take(self) -> Iterator[HeldPage]:
        """All pages, in their order; they are held no longer."""
        pages, file = self._pages, self._file
        self._pages, self._records, self._file = [], 0, None
        if file is not None:
            with file:
                size = file.tell()
                file.seek(0)
                while file.tell() < size:
                    yield pickle.load(file)
        yield from pages

    def drop(self) -> None:
        """Forget them."""
        self._pages, self._records = [], 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open until it is taken or dropped
        for page in self._pages:
            pickle.dump(page, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self._pages, self._records = [], 0
