"""The records of a body, by a data selector that is configured or was detected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagster_rest.http.errors import BodyError, SelectorError
from dagster_rest.http.parse.candidates import (
    Shape,
    counts_nothing,
    detect,
    is_believed,
    reports_errors,
    says_nothing,
)
from dagster_rest.http.parse.json import key_tree
from dagster_rest.http.parse.jsonpath import JsonPath, compile_path, from_keys

_SHOWN = 500
_KINDS: dict[Shape, str] = {"list": "a list of records", "entity": "one record"}


@dataclass(frozen=True)
class Selection:
    """A data selector and where it comes from.

    Attributes:
        path: The compiled selector.
        evidence: How it was detected; None if the config names it.
        shape: What was found there, if it was detected: a list, or a body that is one entity.
        rivals: Lists that may be meant instead.
        settles: Whether it holds for the other bodies of the load.
    """

    path: JsonPath
    evidence: str | None = None
    shape: Shape | None = None
    rivals: tuple[str, ...] = ()
    settles: bool = True

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Selection:
        """What `state` kept of a selection."""
        return cls(compile_path(state["path"]), evidence="as detected before", shape=state.get("shape"))

    @property
    def state(self) -> dict[str, Any] | None:
        """What was detected, JSON-able; None if the config names the selector."""
        return None if self.evidence is None else {"path": self.path.text, "shape": self.shape}

    @property
    def warning(self) -> str | None:
        """That another list may be meant, if so."""
        if not self.rivals:
            return None
        return (
            f"the records are read from {self.path.text!r}, but may be those at {' or '.join(map(repr, self.rivals))}: "
            "one of the lists is empty. Set `data_selector`"
        )

    def records(self, body: Any, *, allow_missing: bool = False) -> list[Any]:
        """The records in a body.

        A path that can match once gives the list it finds, or one record; null gives none. A path that can match
        often gives its matches, lists among them joined, so the shape does not depend on how many there are.

        Args:
            body: The decoded body.
            allow_missing: Whether a path that matches nothing gives no records instead of an error.

        Raises:
            SelectorError: Nothing matches, and the body is not empty; or what was detected may be wrong.
            BodyError: There are no records, and the body reports errors.
        """
        if self.evidence is not None and says_nothing(body):
            return []
        found = self.path.find(body)
        if self.evidence is not None and not self._is_of_shape(found, body):
            found = []
        records = self._flat(found)
        problem = self._problem(body, found, records)
        if problem is None:
            self._check_agreement(body, found)
            return records
        if allow_missing:
            return []
        raise problem

    def _problem(self, body: Any, found: list[Any], records: list[Any]) -> SelectorError | BodyError | None:
        """Why there are no records in a body, or none that can be believed."""
        if not found and not self._may_be_empty(body):
            return self._nothing(body)
        believed = self.evidence is None or is_believed(self.path.keys, body)
        # An entity that was detected for want of a list may be nothing but an error.
        entity = self.evidence is not None and isinstance(body, Mapping) and "id" not in body and records == [body]
        if (not records or entity or not believed) and reports_errors(body):
            return _errors_of(body)
        return None if believed else self._nothing(body)

    def _check_agreement(self, body: Any, found: list[Any]) -> None:
        """Refuse a body in which another list would be taken than in those before."""
        keys = self.path.keys
        if self.evidence is None or not keys or not isinstance(body, Mapping):
            return
        other = detect(body, known=keys)
        if other.keys != keys and (other.shape == "list" or (found and other.shape)):
            before, now = self.path.text, from_keys(other.keys).text
            raise SelectorError(
                f"other records of this load are from {before!r}, but this response has them at {now!r}; "
                f"the body holds {key_tree(body)}",
                code="http_selector_ambiguous",
                hint="Set `data_selector` to the list that you want (`$` takes the whole body as one record).",
            )

    def _is_of_shape(self, found: list[Any], body: Any) -> bool:
        """Whether what was found may be what was detected: `$` would take an envelope or a message for a record."""
        if self.path.text == "$":
            # A number, a text or a mere count is no record; only a selector that was written asks for it.
            seen = detect(body)
            return seen.shape is not None and not seen.keys and seen.shape == (self.shape or seen.shape)
        return self.shape != "list" or not found or found[0] is None or isinstance(found[0], list)

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
        if self.shape == "list" and self.path.keys:
            # Nothing where there was a list: some write it as `{}` or an empty text.
            return self.path.first(body, 0) in ({}, "")
        return self.path.container is not None and bool(self.path.container.find(body))

    def _nothing(self, body: Any) -> SelectorError:
        how = "the detected selector" if self.evidence else "`data_selector`"
        found = f"{how} {self.path.text!r} matches nothing"
        if self.evidence is not None and not is_believed(self.path.keys, body):
            found = f"the body has no list but {self.path.text!r}, which describes the response, not records"
        elif self.shape == "list" and self.path.keys and self.path.find(body):
            found = f"{self.path.text!r} is not a list of records, as it was where the records were detected"
        elif self.shape is not None and self.path.text == "$":
            found = f"the body is not {_KINDS[self.shape]}, as the one was by which the records were detected"
        elif self.evidence is not None and self.shape is None and isinstance(body, Mapping):
            found = "the body counts records, but holds none"
        return SelectorError(
            f"{found}; the body holds {key_tree(body)}",
            code="http_selector_matched_nothing",
            hint="Set `data_selector` (`$` accepts a list or one record), or `allow_missing_data: true` if the records "
            "may be absent.",
        )


def _errors_of(body: Mapping[str, Any]) -> BodyError:
    shown = str(body.get("errors") or body.get("error"))
    return BodyError(
        f"the body has no records but errors: {shown[:_SHOWN]}",
        code="http_body_reports_errors",
        hint="Handle it with a response action, for example {json: $.errors, action: retry}; or set `data_selector` if "
        "they are the records.",
    )


def select(selector: str | None, body: Any) -> Selection:
    """The selection for a configured selector, or the one that the body's evidence suggests."""
    return Selection(compile_path(selector)) if selector else detect_selector(body)


def detect_selector(body: Any) -> Selection:
    """The selection that the body's evidence suggests; see `detect`."""
    found = detect(body)
    path = from_keys(found.keys)
    evidence = f"{found.evidence} at {path.text!r}" if found.keys else found.evidence
    rivals = tuple(from_keys(keys).text for keys in found.rivals)
    return Selection(path, evidence, found.shape, rivals if found.settles else (), found.settles)
