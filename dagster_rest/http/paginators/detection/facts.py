"""What a body says about paging: its values under names and in objects that are about paging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dagster_rest.http.paginators.values import as_int
from dagster_rest.http.parse import paging_names as names
from dagster_rest.http.parse.jsonpath import from_keys
from dagster_rest.http.parse.paging_names import plain_name

if TYPE_CHECKING:
    from dagster_rest.http.parse.records import Selection


@dataclass(frozen=True)
class Fact:
    """A value of the body that may belong to paging.

    Attributes:
        keys: Where it stands.
        name: Its key, or the one around it, in plain form.
        value: The value.
    """

    keys: tuple[str, ...]
    name: str
    value: Any

    @property
    def path(self) -> str:
        """Its JSONPath."""
        return from_keys(self.keys).text

    @property
    def is_of_next(self) -> bool:
        """Whether it stands in an object about the next page: `{next: {page: 2}}`."""
        return any(plain_name(key) == "next" for key in self.keys[:-1])


class Facts(list[Fact]):
    """The facts of a body, in its order."""

    @classmethod
    def of(cls, body: Any, selection: Selection) -> Facts:
        """Those beside the records and in objects about paging."""
        return cls(_facts(body, (), selection.path.keys or ()) if isinstance(body, Mapping) else ())

    def first(self, names: frozenset[str]) -> Fact | None:
        """The first count of these names that is about the page at hand, not about the next one."""
        counts = (fact for fact in self if fact.name in names and not fact.is_of_next)
        return next((fact for fact in counts if whole_number(fact.value) is not None), None)


def _facts(value: Mapping[str, Any], keys: tuple[str, ...], towards: tuple[str, ...]) -> Iterator[Fact]:
    inside = []
    for key, item in value.items():
        path = (*keys, str(key))
        if isinstance(item, Mapping) and plain_name(str(key)) in names.TOTAL and "value" in item:
            yield Fact((*path, "value"), plain_name(str(key)), item["value"])
        elif isinstance(item, Mapping):
            if towards[: len(path)] == path or plain_name(str(key)) in names.CONTAINERS:
                inside.append((item, path))
        elif not isinstance(item, list) or (item and plain_name(str(key)) in names.LINKS):
            yield Fact(path, plain_name(str(key)), item)
    for item, path in inside:
        if len(path) <= 4:
            yield from _facts(item, path, towards)


def whole_number(value: Any) -> int | None:
    """A count; None for a fraction too."""
    if isinstance(value, float) and not value.is_integer():
        return None
    return as_int(value)
