"""Rows ahead of the cursor: they are loaded, but lie too far off to say where the next run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster_rest.assets.cursor.limits import CursorLimits, Position
from dagster_rest.assets.cursor.values import cursor_type, from_text, to_text
from dagster_rest.assets.errors import CursorError
from dagster_rest.warehouse.state.load_row import EDGE

MOST_AHEAD = 10_000
"""Rows ahead of one cursor that are remembered."""

_MOST_EXAMPLES, _LONGEST_EXAMPLE = 3, 200
_MARK = "@"


@dataclass(frozen=True, kw_only=True)
class AheadRow:
    """A row ahead of the cursor.

    Args:
        hash: Identifies it.
        value: Its cursor value.
        position: Where that is on the line.
        name: Its key, for people.
    """

    hash: str
    value: Any
    position: Any
    name: str = "a row"


@dataclass
class AheadRows:
    """The rows ahead of one cursor: those of earlier loads, which are not loaded again, and those of this one.

    A cursor that has not begun yet, and that must not go over a gap, has all rows ahead: it begins at the lowest.

    Args:
        limits: How far the cursor may go.
        growing: Whether a row that is loaded twice is in the table twice.
        drops: Whether rows of earlier loads are left out; not where a load must bring all rows that belong together.
        key: The fields that name a row.
        where: The config path, for errors.
        on_first: Is given these rows as soon as there are any.
        stored: The stored cursor, if it lies too far off itself.
        has_begun: Whether the cursor stands anywhere yet.
    """

    limits: CursorLimits
    growing: bool = True
    drops: bool = True
    key: tuple[str, ...] = ()
    where: str | None = None
    on_first: Callable[[AheadRows], None] | None = None
    stored: Any = None
    has_begun: bool = False
    _rows: dict[str, AheadRow] = field(init=False, default_factory=dict)
    _sent: set[str] = field(init=False, default_factory=set)
    _loaded: set[str] = field(init=False, default_factory=set)
    _loaded_at: set[Any] = field(init=False, default_factory=set)

    def load(self, boundary: Sequence[str], *, earlier: bool) -> None:
        """Take over what a stored cursor remembers.

        Args:
            boundary: The boundary of the cursor; what else it holds is left alone.
            earlier: Whether the rows come from an earlier load, so that they are not to be loaded again.
        """
        for row_hash, value in _read(boundary):
            position = self.limits.position(value)
            self._rows[row_hash] = AheadRow(hash=row_hash, value=value, position=position)
            if earlier:
                self._loaded.add(row_hash)
                self._loaded_at.add(position)
            elif row_hash not in self._loaded:
                self._note(row_hash)

    def note_stored_cursor(self, value: Any) -> None:
        """Note that the stored cursor itself lies too far off."""
        self.stored = value
        if self.on_first is not None:
            self.on_first(self)

    def was_loaded(self, value: Any, row_hash: Callable[[], str]) -> bool:
        """Whether a row is ahead since an earlier load.

        Args:
            value: Its cursor value.
            row_hash: Gives its hash.
        """
        if not self.drops or not self._loaded or self.limits.position(value) not in self._loaded_at:
            return False
        return row_hash() in self._loaded

    def is_ahead(self, value: Any, *, last: Any) -> bool:
        """Whether a value lies too far off for the cursor to go there at once.

        Args:
            value: A cursor value.
            last: Where the cursor stands; None where it has not begun.
        """
        if self.limits.is_future(value):
            return True
        position = self.limits.position(value)
        if last is None:
            return self.limits.max_step is not None and position is not None
        return not self.limits.spans(self.limits.position(last), position)

    def hold(self, value: Any, record: Any, *, row_hash: str) -> None:
        """Keep a row that the cursor does not go to.

        Args:
            value: Its cursor value.
            record: The row.
            row_hash: Its hash.

        Raises:
            CursorError: ``cursor_ahead`` for more rows than can be remembered, where each must be.
        """
        if len(self._rows) >= MOST_AHEAD and row_hash not in self._rows and self.limits.is_future(value):
            if self.growing:
                raise self._too_many(value)
            return
        position = self.limits.position(value)
        self._rows[row_hash] = AheadRow(hash=row_hash, value=value, position=position, name=self._name(record))
        self._note(row_hash)

    def _too_many(self, value: Any) -> CursorError:
        return CursorError(
            f"more than {MOST_AHEAD:,} rows are in the future, for example at {to_text(value)}",
            code="cursor_ahead",
            where=self.where,
            hint="If the cursor's dates are in the future by design, set `max_future` (null for no limit).",
        )

    def _note(self, row_hash: str) -> None:
        if not self._sent and self.on_first is not None:
            self.on_first(self)
        self._sent.add(row_hash)

    def _name(self, record: Any) -> str:
        if not isinstance(record, Mapping):
            return "a row"
        return ", ".join(f"{name} {record[name]}" for name in self.key if name in record) or "a row"

    def release(self, last: Any) -> list[AheadRow]:
        """The rows that the cursor may go to after all, one after another; they are ahead no longer.

        Args:
            last: Where the cursor stands; None where it has not begun.
        """
        rows = self._in_order()
        run_end = self._end_of_longest_run(rows)
        if not rows or (last is None and run_end < 0):
            return []
        self.has_begun = True
        here = None if last is None else self.limits.position(last)
        passed, released = self._along(rows, here=here, at_least=run_end)
        for row in (*passed, *released):
            del self._rows[row.hash]
        return released

    def settled(self) -> tuple[list[AheadRow], list[AheadRow]]:
        """The rows as they stand if no more come: those that a cursor begins with, and those ahead of it."""
        rows = self._in_order()
        begins = [] if self.has_begun else self._along(rows, here=None, at_least=-1)[1]
        taken = {row.hash for row in begins}
        return begins, [row for row in rows if row.hash not in taken]

    def _along(
        self, rows: Sequence[AheadRow], *, here: Position | None, at_least: int
    ) -> tuple[list[AheadRow], list[AheadRow]]:
        """The rows behind a position, and those that can be reached from it without a gap."""
        passed: list[AheadRow] = []
        reached: list[AheadRow] = []
        for number, row in enumerate(rows):
            if here is not None and row.position < here:
                passed.append(row)
            elif self.limits.max_step is None or self.limits.is_future(row.value):
                break
            elif number <= at_least or self.limits.spans(here, row.position):
                reached.append(row)
                here = row.position
            else:
                break
        return passed, reached

    def _end_of_longest_run(self, rows: Sequence[AheadRow]) -> int:
        """The last of the most rows that follow one another, if they are too many for stray numbers; else -1.

        The sequence has jumped then, and the cursor with it.
        """
        if len(rows) <= MOST_AHEAD or self.limits.max_step is None:
            return -1
        best, begin = (0, -1), 0
        for number in range(1, len(rows) + 1):
            if number == len(rows) or not self.limits.spans(rows[number - 1].position, rows[number].position):
                best = max(best, (number - begin, number - 1))
                begin = number
        return best[1]

    def _in_order(self) -> list[AheadRow]:
        return sorted(self._rows.values(), key=lambda row: row.position)

    def sent(self) -> list[AheadRow]:
        """The rows ahead that the API sent in this run."""
        return [row for row in self.settled()[1] if row.hash in self._sent]


def to_boundary(rows: Sequence[AheadRow]) -> list[str]:
    """What a stored cursor is to remember of rows ahead of it.

    Args:
        rows: The rows.
    """
    return sorted(f"{row.hash}{_MARK}{cursor_type(row.value)}:{to_text(row.value)}" for row in rows)


def at_cursor(boundary: Sequence[str]) -> set[str]:
    """The hashes in a stored boundary of the rows that stand exactly at the cursor.

    Args:
        boundary: The boundary of a stored cursor.
    """
    return {entry for entry in boundary if _MARK not in entry and entry != EDGE}


def _read(boundary: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for entry in boundary:
        row_hash, mark, written = entry.partition(_MARK)
        if mark:
            kind, _, text = written.partition(":")
            yield row_hash, from_text(text, kind)


@dataclass
class SeenAhead:
    """What a load saw of rows ahead of its cursors, for its check."""

    cursors: list[AheadRows] = field(default_factory=list)

    def found(self) -> tuple[int, list[str]]:
        """How many rows there are, and some of them by name."""
        count, examples = 0, []
        for one in self.cursors:
            rows = one.sent()
            count += len(rows) + (one.stored is not None)
            if one.stored is not None:
                examples.append(f"the stored cursor {to_text(one.stored)}")
            examples += [f"{row.name} at {to_text(row.value)}" for row in rows[:_MOST_EXAMPLES]]
        return count, [example[:_LONGEST_EXAMPLE] for example in examples[:_MOST_EXAMPLES]]
