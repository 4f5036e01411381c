"""Which part of a body are the records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dagster_rest.http.errors import BodyError, SelectorError
from dagster_rest.http.parse.json import key_tree
from dagster_rest.http.parse.jsonpath import JsonPath, compile_path, from_keys

RECORD_NAMES = (
    *("data", "items", "results", "entries", "records", "rows"),
    *("entities", "payload", "content", "objects", "values", "value"),
)
#: Lists under these names are about the response or beside the records.
SIDE_NAMES = frozenset(
    {"errors", "error", "links", "_links", "included", "meta", "_meta", "warnings", "messages", "facets", "pagination"}
)
COUNT_NAMES = frozenset(
    {"total", "count", "totalcount", "total_count", "totalresults", "total_results", "totalitems", "total_items"}
    | {"totalelements", "total_elements", "totalrecords", "total_records", "numfound", "@odata.count", "size", "n"}
)
_ID_NAMES = frozenset({"id", "_id", "uuid"})
Shape = Literal["list", "entity"]
_DEPTH = 3
_SHOWN = 500
_KINDS: dict[Shape, str] = {"list": "a list of records", "entity": "one record"}


@dataclass(frozen=True)
class Selection:
    """A data selector and where it comes from.

    Attributes:
        path: The compiled selector.
        evidence: How it was detected; None if the config names it.
        shape: What was found there, if it was detected: a list, or a body that is one entity.
    """

    path: JsonPath
    evidence: str | None = None
    shape: Shape | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Selection:
        """What `state` kept of a selection."""
        return cls(compile_path(state["path"]), evidence="as detected before", shape=state.get("shape"))

    @property
    def state(self) -> dict[str, Any] | None:
        """What was detected, JSON-able; None if the config names the selector."""
        return None if self.evidence is None else {"path": self.path.text, "shape": self.shape}

    def records(self, body: Any, *, allow_missing: bool = False) -> list[Any]:
        """The records in a body.

        A path that can match once gives the list it finds, or one record; null gives none. A path that can match
        often gives its matches, lists among them joined, so the shape does not depend on how many there are.

        Args:
            body: The decoded body.
            allow_missing: Whether a path that matches nothing gives no records instead of an error.

        Raises:
            SelectorError: Nothing matches, and the body is not empty.
            BodyError: There are no records, and the body reports errors.
        """
        found = self.path.find(body)
        if self.evidence is not None and not isinstance(body, (Mapping, list)):
            # A number or a text is no record; only a selector that was written asks for it.
            found = []
        if not self._is_of_shape(body):
            found = []
        if not found and not self._may_be_empty(body):
            if not allow_missing:
                raise self._nothing(body)
            return []
        records = self._flat(found)
        # An entity that was detected for want of a list may be nothing but an error.
        entity = self.evidence is not None and isinstance(body, Mapping) and "id" not in body and records == [body]
        if (not records or entity or self.is_error_list(body)) and _reports_errors(body):
            if not allow_missing:
                raise _errors_of(body)
            return []
        return records

    def is_error_list(self, body: Any) -> bool:
        """Whether what was detected is no list of records but why there are none.

        Only records with an id of their own, in a body without `data`, are believed to be what was asked for.

        Args:
            body: The decoded body.
        """
        if self.evidence is None or self.path.keys is None or self.path.keys[:1] not in (("errors",), ("error",)):
            return False
        found = self.path.first(body)
        listed = found if isinstance(found, list) else []
        return "data" in body or not all(isinstance(one, Mapping) and not _ID_NAMES.isdisjoint(one) for one in listed)

    def _is_of_shape(self, body: Any) -> bool:
        """Whether a body may be what was detected: `$` alone would take an envelope or a message for a record."""
        if self.shape is None or self.path.text != "$":
            return True
        if self.shape == "list":
            return isinstance(body, list)
        return isinstance(body, Mapping) and detect_selector(body).shape == "entity"

    def errors_beside(self, body: Any) -> str | None:
        """The `errors` of a body that stand beside its records, as GraphQL reports a part that failed; shortened.

        Args:
            body: The decoded body, in which there are records.
        """
        errors = body.get("errors") if isinstance(body, Mapping) else None
        if not errors or not isinstance(errors, (list, Mapping)):
            return None
        first = self.path.keys[:1] if self.path.keys is not None else tuple(self.path.text.lstrip("$.").split(".")[:1])
        # A body that is the record itself may have any field, and a list of errors may be what is asked for.
        return None if not first or first[0].startswith("errors") else str(errors)[:_SHOWN]

    def _flat(self, found: list[Any]) -> list[Any]:
        if self.path.definite:
            return [] if not found or found[0] is None else found[0] if isinstance(found[0], list) else [found[0]]
        matches = [match for match in found if match is not None]
        if matches and all(isinstance(match, list) for match in matches):
            return [record for match in matches for record in match]
        return matches

    def _may_be_empty(self, body: Any) -> bool:
        if body in (None, [], {}, "") or counts_nothing(body):
            return True
        return self.path.container is not None and bool(self.path.container.find(body))

    def _nothing(self, body: Any) -> SelectorError:
        how = "the detected selector" if self.evidence else "`data_selector`"
        found = f"{how} {self.path.text!r} matches nothing"
        if self.shape is not None and self.path.text == "$":
            found = f"the body is not {_KINDS[self.shape]}, as the one was by which the records were detected"
        return SelectorError(
            f"{found}; the body holds {key_tree(body)}",
            code="http_selector_matched_nothing",
            hint="Set `data_selector` (`$` takes a list or one record), or `allow_missing_data: true` if the records "
            "may be absent.",
        )


def decides(body: Any) -> bool:
    """Whether a body shows where the records of other bodies are: an empty one does not, nor one that is an error."""
    if not body or not isinstance(body, (Mapping, list)):
        return False
    if not _reports_errors(body):
        return True
    found = detect_selector(body)
    return found.shape != "entity" and not found.is_error_list(body)


def _reports_errors(body: Any) -> bool:
    return isinstance(body, Mapping) and bool(body.get("errors") or body.get("error"))


def _errors_of(body: Mapping[str, Any]) -> BodyError:
    shown = str(body.get("errors") or body.get("error"))
    return BodyError(
        f"the body has no records but errors: {shown[:_SHOWN]}",
        code="http_body_reports_errors",
        hint="Handle it with a response action, for example {json: $.errors, action: retry}; or set `data_selector` if "
        "these are the records.",
    )


def counts_nothing(body: Any) -> bool:
    """Whether a body says itself that there are no records."""
    if not isinstance(body, Mapping):
        return False
    if any(_is_zero(value) for key, value in body.items() if str(key).lower() in COUNT_NAMES):
        return True
    inner = (body.get(key) for key in ("meta", "pagination", "paging", "page", "_meta"))
    return any(isinstance(value, Mapping) and counts_nothing(value) for value in inner)


def _is_zero(value: Any) -> bool:
    return not isinstance(value, bool) and value in (0, "0")


def select(selector: str | None, body: Any) -> Selection:
    """The selection for a configured selector, or the one that the body's evidence suggests."""
    return Selection(compile_path(selector)) if selector else detect_selector(body)


@dataclass(frozen=True)
class _Candidate:
    keys: tuple[str, ...]
    value: list[Any] | None
    order: int

    @property
    def rank(self) -> tuple[int, ...]:
        named = self.keys[-1].lower() in RECORD_NAMES
        beside = any(key.lower() in SIDE_NAMES for key in self.keys)
        objects = bool(self.value) and isinstance(self.value[0], Mapping)  # type: ignore[index]
        empty = not self.value
        by_kind = 0 if named and (objects or empty) else 1 if objects else 2 if named else 3 if empty else 4
        return (int(beside), by_kind, self.order)


def detect_selector(body: Any) -> Selection:
    """Find the records by evidence.

    Lists of objects come first, those under usual names (`data`, `items` ...) before others; lists that stand beside
    the records (`errors`, `links`, `included`, `meta`) come last. A body that looks like one entity is one record.

    Args:
        body: The decoded body of the first response.
    """
    if not isinstance(body, Mapping):
        if not isinstance(body, list):
            return Selection(compile_path("$"), evidence="the whole body")
        return Selection(compile_path("$"), evidence="the body is a list", shape="list")
    candidates = [_Candidate(keys, value, order) for order, (keys, value) in enumerate(_lists(body, ()))]
    best = min(candidates, key=lambda candidate: candidate.rank, default=None)
    if best is None or _is_entity(body, best):
        return Selection(compile_path("$"), evidence="the body is one entity", shape="entity")
    rows, path = len(best.value or ()), from_keys(best.keys)
    return Selection(path, evidence=f"a list of {rows} at {path.text!r}", shape="list")


def _lists(value: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any] | None]]:
    for key, inner in value.items():
        path = (*keys, str(key))
        if isinstance(inner, list):
            yield path, inner
        elif isinstance(inner, Mapping) and len(path) < _DEPTH:
            yield from _lists(inner, path)
        elif inner is None and not keys and str(key).lower() in RECORD_NAMES[:6]:
            yield path, None


def _is_entity(body: Mapping[str, Any], best: _Candidate) -> bool:
    beside, by_kind, _ = best.rank
    plain = [key for key, value in body.items() if not isinstance(value, (list, Mapping)) and value is not None]
    looks_like_one = not _ID_NAMES.isdisjoint(body)
    if beside:
        return bool(plain) or looks_like_one
    return by_kind >= 3 and (looks_like_one or by_kind == 4)
