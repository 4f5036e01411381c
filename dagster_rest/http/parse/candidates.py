"""Which part of a body are probably its records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dagster_rest.http.parse import paging_names as names
from dagster_rest.http.parse.paging_names import plain_name

RECORD_NAMES = (
    *("data", "items", "results", "entries", "records", "rows"),
    *("entities", "payload", "content", "objects", "values", "value"),
)
_ERRORS = frozenset({"errors", "error"})
_NOTES = frozenset({"warnings", "messages"})
#: Lists under these names are about the response or beside the records.
SIDE_NAMES = (
    frozenset({"links", "_links", "included", "meta", "_meta", "facets", "pagination", "_shards"}) | _ERRORS | _NOTES
)
#: `result_count` may be of the page at hand, so it is no total for a paginator.
_TOTALS = names.TOTAL | {"resultsizeestimate", "resultcount"}
_COUNTS = _TOTALS | {"size", "n"}
_PAGING = frozenset().union(
    *(_TOTALS, names.TOTAL_PAGES, names.PAGE, names.PAGE_SIZE, names.OFFSET, names.LIMIT, names.LINKS, names.CURSORS),
    *(names.MORE, names.LAST, {"previous", "prev", "first"}),
)
_ID_NAMES = frozenset({"id", "_id", "uuid"})
Shape = Literal["list", "entity"]
_DEPTH = 3
_UNNAMED_EMPTY = 3


@dataclass(frozen=True)
class Detected:
    """Where the records of a body probably are.

    Attributes:
        keys: The keys of the list; none for the whole body.
        evidence: What says so.
        shape: A list, or a body that is one entity; None if it is no record.
        rivals: What may be meant instead: empty lists that would be taken if they were filled, and, where the list that
            is taken is empty, filled ones, or the whole body if an entity has the list.
        settles: Whether this is where the records of other bodies of the load are, too.
    """

    keys: tuple[str, ...]
    evidence: str
    shape: Shape | None = None
    rivals: tuple[tuple[str, ...], ...] = ()
    settles: bool = False


@dataclass(frozen=True)
class _Candidate:
    keys: tuple[str, ...]
    value: list[Any] | None
    order: int

    @property
    def has_objects(self) -> bool:
        return bool(self.value) and isinstance(self.value[0], Mapping)  # type: ignore[index]

    @property
    def beside(self) -> int:
        return max(2 if key.lower() in _ERRORS else key.lower() in SIDE_NAMES for key in self.keys)

    def rank(self, *, filled: bool = False) -> tuple[int, ...]:
        """The lower, the better; `filled` counts an empty list as one of objects."""
        named = self.keys[-1].lower() in RECORD_NAMES
        empty = not self.value
        objects = self.has_objects or (empty and filled)
        by_kind = (
            0 if named and (objects or empty) else 1 if objects else 2 if named else _UNNAMED_EMPTY if empty else 4
        )
        return (self.beside, by_kind, self.order)


def detect(body: Any, *, known: tuple[str, ...] | None = None) -> Detected:
    """Find the records by evidence.

    Lists of objects come first, those under usual names (`data`, `items` ...) before others; lists that stand beside
    the records (`errors`, `links`, `included`, `meta`) come last. A body that looks like one entity is one record.

    Args:
        body: The decoded body of a response.
        known: Where another body has its records; an empty list (or null) there counts like one that is not.
    """
    if isinstance(body, list):
        return Detected((), "the body is a list", "list", settles=bool(body))
    if not isinstance(body, Mapping) or _only_counts(body):
        return Detected((), "the whole body")
    candidates = [_Candidate(keys, value, order) for order, (keys, value) in enumerate(_lists(body, (), known))]
    best = min(candidates, key=lambda one: one.rank(filled=one.keys == known), default=None)
    if best is None or (_is_entity(body, best) and (best.value or best.keys != known)):
        # Without an id it may be nothing but an error.
        settles = "id" in body or not reports_errors(body)
        return Detected((), "the body is one entity", "entity", settles=bool(body) and settles)
    others = [one for one in candidates if one is not best]
    ahead = [one.keys for one in others if not one.value and one.rank(filled=True) < best.rank()]
    filled = [one.keys for one in others if not best.value and one.has_objects and not one.beside]
    if best.rank()[1] == _UNNAMED_EMPTY and best.keys != known and _is_of_entity(body, best.keys):
        filled.append(())
    settles = is_believed(best.keys, body) and (bool(best.value) or not (ahead or best.beside))
    return Detected(best.keys, f"a list of {len(best.value or ())}", "list", (*ahead, *filled), settles)


def _lists(
    value: Mapping[str, Any], keys: tuple[str, ...], known: tuple[str, ...] | None
) -> Iterator[tuple[tuple[str, ...], list[Any] | None]]:
    for key, inner in value.items():
        path = (*keys, str(key))
        if isinstance(inner, list):
            yield path, inner
        elif isinstance(inner, Mapping) and len(path) < _DEPTH:
            yield from _lists(inner, path, known)
        elif inner is None and (path == known or (not keys and str(key).lower() in RECORD_NAMES[:6])):
            yield path, None


def _is_entity(body: Mapping[str, Any], best: _Candidate) -> bool:
    by_kind = best.rank()[1]
    plain = [key for key, value in body.items() if not isinstance(value, (list, Mapping)) and value is not None]
    looks_like_one = not _ID_NAMES.isdisjoint(body)
    if by_kind == 0 and not best.beside:
        return False
    if best.keys[-1].lower() in _NOTES and (best.has_objects or all(_is_flag(key, body[key]) for key in plain)):
        return looks_like_one
    if best.beside:
        return bool(plain) or looks_like_one
    return by_kind >= 3 and (looks_like_one or by_kind == 4)


def _is_of_entity(body: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    """Whether a list is somewhere in an object that has an id: in `{"user": {"id": 1, "roles": []}}`."""
    owner: Any = body
    for key in keys[:-1]:
        owner = owner[key]
        if not _ID_NAMES.isdisjoint(owner):
            return True
    return False


def _is_flag(key: str, value: Any) -> bool:
    """Whether a value is about the response: `ok: true`, `total: 0`."""
    return isinstance(value, bool) or plain_name(str(key)) in _PAGING


def is_believed(keys: tuple[str, ...] | None, body: Any) -> bool:
    """Whether a list that was detected may be of records, where its name says that it is about the response.

    Only records with an id of their own, in a body without `data`, are believed to be what was asked for.

    Args:
        keys: The keys of the list, if it has any.
        body: The decoded body.
    """
    if _ERRORS.union(_NOTES).isdisjoint(key.lower() for key in keys or ()):
        return True
    around: Any = {}
    for key in keys or ():
        body, around = body.get(key) if isinstance(body, Mapping) else None, body
    listed = body if isinstance(body, list) else []
    if isinstance(around, Mapping) and "data" in around:
        return not listed and not around["data"]
    return all(isinstance(one, Mapping) and not _ID_NAMES.isdisjoint(one) for one in listed)


def reports_errors(body: Any) -> bool:
    """Whether there is something under `errors` or `error`."""
    return isinstance(body, Mapping) and bool(body.get("errors") or body.get("error"))


def says_nothing(body: Any) -> bool:
    """Whether a body is empty, or tells only that there are no records: `{"total": 0}`, `{"errors": []}`."""
    if not isinstance(body, Mapping):
        return body in (None, [], "")
    return all(_is_idle(key, value) for key, value in body.items()) or (_only_counts(body) and counts_nothing(body))


def counts_nothing(body: Any) -> bool:
    """Whether a body says itself that there are no records."""
    return isinstance(body, Mapping) and any(_is_zero(value) for value in _counts(body, _COUNTS))


def _only_counts(body: Mapping[str, Any]) -> bool:
    """Whether a body says how many records there are and where their next page is, but lists none."""
    return all(_is_of_paging(key, value) for key, value in body.items()) and any(True for _ in _counts(body, _TOTALS))


def _counts(body: Mapping[str, Any], of: frozenset[str]) -> Iterator[Any]:
    yield from (v for key, v in body.items() if plain_name(str(key)) in of and not isinstance(v, (list, Mapping)))
    for key in ("meta", "pagination", "paging", "page", "_meta"):
        if isinstance(body.get(key), Mapping):
            yield from _counts(body[key], of)


def _is_zero(value: Any) -> bool:
    return not isinstance(value, bool) and value in (0, "0")


def _is_idle(key: str, value: Any) -> bool:
    return value in (None, [], {}, "") and str(key).lower() in SIDE_NAMES


def _is_of_paging(key: str, value: Any) -> bool:
    name = plain_name(str(key))
    if isinstance(value, Mapping):
        inner = _lists(value, (), None)
        return name in names.CONTAINERS and all(keys[-1].lower() in SIDE_NAMES for keys, _ in inner)
    return (name in _PAGING and not isinstance(value, list)) or _is_idle(key, value)
