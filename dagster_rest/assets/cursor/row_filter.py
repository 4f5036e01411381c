"""Which records of an incremental resource are new, and where its cursor stands after them."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.assets.cursor.ahead import AheadRows, at_cursor, to_boundary
from dagster_rest.assets.cursor.order import bulk_keys
from dagster_rest.assets.cursor.range import Bounds
from dagster_rest.assets.cursor.values import (
    comparable,
    cursor_type,
    from_state,
    now_like,
    to_text,
)
from dagster_rest.assets.cursor.window_edges import Edge, count_passed
from dagster_rest.assets.errors import CursorError
from dagster_rest.config.values.jsonpath import MISSING, first_match
from dagster_rest.warehouse.errors import depth_errors
from dagster_rest.warehouse.state.load_row import CursorState

if TYPE_CHECKING:
    from dagster_rest.config.model.incremental import IncrementalConfig

Direction = Literal["max", "min"]
Picker = Callable[[Any], Any]
"""Takes a record, gives its cursor value, or ``MISSING``."""


def make_picker(path: Any) -> Picker:
    """A function that takes the cursor value out of a record: the first match of a JSONPath; null counts as missing."""
    take = first_match(str(path))

    def pick(record: Any) -> Any:
        value = take(record)
        return MISSING if value is None else value

    return pick


@dataclass
class RowFilter:
    """Keeps the records of one scope (a resource, or one parent of a child) that its cursor has not seen.

    Args:
        config: The resource's incremental block.
        bounds: The range of this run.
        known: The stored cursor with the rows at its boundary, or None.
        key: Fields that identify boundary rows; empty for their whole content; None for no de-duplication.
        where: The config path, for errors.
        ahead: Takes the rows that the cursor must not go to; None lets it go anywhere.

    Example:
        ```python
        from dagster_rest.assets.cursor.range import Bounds
        from dagster_rest.assets.cursor.row_filter import RowFilter
        from dagster_rest.config.model.incremental import IncrementalConfig

        config = IncrementalConfig(cursor_path="id", initial_value=2)
        rows = RowFilter(config, bounds=Bounds(start=2))
        assert rows.keep([{"id": 1}, {"id": 2}, {"id": 3}]) == [{"id": 2}, {"id": 3}]
        assert rows.state().value == "3"
        ```
    """

    config: IncrementalConfig
    bounds: Bounds
    known: CursorState | None = None
    key: tuple[str, ...] | None = ()
    where: str | None = None
    ahead: AheadRows | None = None
    skipped: int = 0
    passed_start: bool = False
    passed_end: bool = False
    _pick: Picker = field(init=False, repr=False)
    _last: Any = field(init=False, default=None)
    _boundary: set[str] = field(init=False, default_factory=set)
    _seen_before: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        self._pick = make_picker(self.config.cursor_path)
        if self.known is not None:
            self._last, self._boundary = from_state(self.known), at_cursor(self.known.boundary)
            self._seen_before = frozenset(self._boundary) if self._deduplicates() else frozenset()
            if self.ahead is not None:
                self.ahead.load(self.known.boundary, earlier=True)
                self._leave_the_future()

    def _leave_the_future(self) -> None:
        """A stored cursor that lies too far off gives way to what a run sees that starts before it."""
        assert self.ahead is not None
        if self.ahead.limits.is_future(self._last):
            self.ahead.note_stored_cursor(self._last)
            start = self.bounds.start
            if start is not None and self._order([start], self._last)[0] < 0:
                self._last, self._boundary = None, set()
        self.ahead.has_begun = self._last is not None

    def _deduplicates(self) -> bool:
        lagged = bool(self.config.lag) and not callable(self.config.last_value_func)
        return self.key is not None and not self.bounds.start_open and not lagged

    def continue_from(self, cursor: CursorState) -> None:
        """Go on from where an interrupted run stood: its rows are staged already."""
        self._last = from_state(cursor)
        self._boundary = at_cursor(cursor.boundary)
        if self.ahead is not None:
            self.ahead.load(cursor.boundary, earlier=False)
            self.ahead.has_begun = True

    def keep(self, records: Sequence[Any]) -> list[Any]:
        """The records of a page that are in range and not loaded yet; moves the cursor over them.

        Args:
            records: The records of one page, after the processing steps.

        Raises:
            CursorError: ``cursor_missing`` or ``cursor_type``.
        """
        values: list[Any] = []
        present: list[tuple[int, Any]] = []
        kept: list[Any] = []
        for record in records:
            value = self._pick(record)
            if value is MISSING:
                self._on_missing(record, kept)
                continue
            values.append(value)
            present.append((len(kept), record))
            kept.append(record)
        if not values:
            return kept
        dropped = self._out_of_range(values, present)
        in_range = [i for i in range(len(values)) if i not in dropped]
        dropped |= self._loaded_ahead(values, present, in_range)
        self._move(values, [record for _, record in present], in_range)
        if not dropped:
            return kept
        self.skipped += len(dropped)
        gone = {present[i][0] for i in dropped}
        return [record for i, record in enumerate(kept) if i not in gone]

    def _on_missing(self, record: Any, kept: list[Any]) -> None:
        rule = self.config.on_cursor_value_missing
        if rule == "include":
            kept.append(record)
        elif rule == "exclude":
            self.skipped += 1
        else:
            raise CursorError(
                f"a record has no value at cursor_path {self.config.cursor_path!r}",
                code="cursor_missing",
                where=self.where,
                hint="Correct cursor_path, or set on_cursor_value_missing to 'include' or 'exclude'.",
            )

    def _out_of_range(self, values: list[Any], present: list[tuple[int, Any]]) -> set[int]:
        if self.bounds.window is not None:
            return self._out_of_window(values, self.bounds.window)
        dropped: set[int] = set()
        bounds = self.bounds
        if bounds.is_given:
            self._check_given(values[0])
        if bounds.start is not None:
            order = self._order(values, bounds.start)
            for i, side in enumerate(order):
                if side < 0:
                    self.passed_start = True
                    dropped.add(i)
                elif side == 0 and (bounds.start_open or self._is_known_row(values[i], present[i][1])):
                    dropped.add(i)
        if bounds.end is not None:
            for i, side in enumerate(self._order(values, bounds.end)):
                if side > 0 or (side == 0 and not bounds.end_closed):
                    self.passed_end = True
                    dropped.add(i)
        return dropped

    def _check_given(self, value: Any) -> None:
        """As text, a word comes before or after every date: such a range would leave all or nothing out."""
        family = comparable(value, where=self.where).family
        for given in (self.bounds.start, self.bounds.end):
            if given is not None and comparable(given).family == "text" != family:
                raise CursorError(
                    f"the run's range has {str(given)[:60]!r}, but a record's cursor is not such a text",
                    code="run_config_range",
                    where=self.where,
                    hint="Write it as the API writes the cursor.",
                )

    def _out_of_window(self, values: list[Any], window: tuple[Edge, Edge]) -> set[int]:
        """Time runs forwards in a window, whatever the cursor's own direction."""
        passed = count_passed(values, window, where=self.where)
        self.passed_start = self.passed_start or 0 in passed
        self.passed_end = self.passed_end or len(window) in passed
        return {i for i, count in enumerate(passed) if count != 1}

    def _is_known_row(self, value: Any, record: Any) -> bool:
        return bool(self._seen_before) and row_hash(record, self.key, where=self.where) in self._seen_before

    def _order(self, values: list[Any], against: Any) -> list[int]:
        """For each value: -1 before, 0 at, 1 beyond ``against`` in the cursor's direction."""
        function = self.config.last_value_func
        if callable(function):
            return [0 if v == against else (1 if function((against, v)) == v else -1) for v in values]
        keys, pivot = bulk_keys(values, against, where=self.where)
        sign = -1 if function == "min" else 1
        return [0 if key == pivot else (sign if key > pivot else -sign) for key in keys]

    def _loaded_ahead(self, values: list[Any], present: list[tuple[int, Any]], in_range: list[int]) -> set[int]:
        """The rows that an earlier load has loaded, though they lie beyond its cursor."""
        if self.ahead is None:
            return set()
        ahead = self.ahead
        return {i for i in in_range if ahead.was_loaded(values[i], functools.partial(self._hash_ahead, present[i][1]))}

    def _hash_ahead(self, record: Any) -> str:
        return row_hash(record, self.key or (), where=self.where)

    def _move(self, values: list[Any], records: list[Any], candidates: list[int]) -> None:
        if not candidates:
            return
        if self.ahead is not None:
            candidates = self._within_limits(values, records, candidates)
        if candidates:
            hashes = (
                None if self.key is None else lambda i: row_hash(records[candidates[i]], self.key, where=self.where)
            )
            self._advance([values[i] for i in candidates], hashes)
        if self.ahead is not None:
            released = self.ahead.release(self._last)
            if released:
                self._advance([row.value for row in released], lambda i: released[i].hash)

    def _within_limits(self, values: list[Any], records: list[Any], candidates: list[int]) -> list[int]:
        """The rows that the cursor may go to; the others are kept apart."""
        assert self.ahead is not None
        last, ahead = self._last, self.ahead
        if not ahead.is_ahead(self._newest([values[i] for i in candidates]), last=last):
            return candidates
        near: list[int] = []
        for i in candidates:
            if ahead.is_ahead(values[i], last=last):
                ahead.hold(values[i], records[i], row_hash=self._hash_ahead(records[i]))
            else:
                near.append(i)
        return near

    def _advance(self, values: list[Any], hash_of: Callable[[int], str] | None) -> None:
        newest = self._newest(values)
        if self._last is not None:
            side = self._order([newest], self._last)[0]
            if side < 0:
                return
            if side > 0:
                self._last, self._boundary = newest, set()
        else:
            self._last = newest
        if hash_of is None:
            return
        for i, side in enumerate(self._order(values, self._last)):
            if side == 0:
                self._boundary.add(hash_of(i))

    def _newest(self, values: list[Any]) -> Any:
        function = self.config.last_value_func
        if callable(function):
            newest = values[0]
            for value in values[1:]:
                newest = function((newest, value))
            return newest
        keys, _ = bulk_keys(values, values[0], where=self.where)
        best = max if function != "min" else min
        return values[best(range(len(keys)), key=keys.__getitem__)]

    def state(self) -> CursorState | None:
        """The cursor after all records so far, or None if there was none before and no record had one."""
        last, boundary = self._last, self._boundary
        begins, ahead = self.ahead.settled() if self.ahead is not None else ([], [])
        if last is None and begins:
            last = begins[-1].value
            boundary = {row.hash for row in begins if row.position == begins[-1].position}
        elif last is None and ahead:
            # Nothing but rows ahead: the next run begins where this one began, and knows them.
            last = self._beginning(ahead[0].value)
        if last is None:
            return None
        return CursorState(
            value=to_text(last),
            type=cursor_type(last, where=self.where),
            boundary=(*sorted(boundary), *to_boundary(ahead)),
        )

    def _beginning(self, pattern: Any) -> Any:
        if self.config.initial_value is not None:
            return self.config.initial_value
        began = now_like(pattern, now=datetime(1970, 1, 1, tzinfo=timezone.utc))
        return 0 if began is None else began


def row_hash(record: Any, key: tuple[str, ...] | None, *, where: str | None = None) -> str:
    """A short hash of a boundary row: of its key fields, or of the whole record where there is no key.

    Args:
        record: The record.
        key: The key fields as the API names them; empty or None for the whole content.
        where: The config path, for the error.

    Raises:
        CursorError: ``cursor_missing`` when the record lacks a key field.
        WarehouseError: ``warehouse_too_deep``.
    """
    content: Any = record
    if key and isinstance(record, Mapping):
        missing = [name for name in key if name not in record]
        if missing:
            raise CursorError(
                f"a record lacks the key field {missing[0]!r}",
                code="cursor_missing",
                where=where,
                hint="primary_key names fields as the API sends them; an empty list disables de-duplication.",
            )
        content = [record[name] for name in key]
    with depth_errors(where):
        text = json.dumps(content, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()
