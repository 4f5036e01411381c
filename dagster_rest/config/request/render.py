"""A request with placeholders, and what it becomes for one parent row and one range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dagster_rest.config.request.filling import Filling
from dagster_rest.config.request.template import (
    MappingTemplate,
    ParentField,
    Part,
    RunValue,
    Template,
    TextTemplate,
    parts_of,
)


@dataclass(frozen=True, kw_only=True)
class RequestSpec:
    """One request, ready to be sent: everything but the client's own part.

    Attributes:
        method: ``GET`` or ``POST``.
        path: Relative to ``base_url``, or absolute. Values in it are percent-encoded already.
        params: Query parameters; values are text, numbers or lists of them. Booleans are the texts that dlt sends.
        headers: Headers of this request.
        json: JSON body; None is no body, an empty mapping is the body ``{}``.
        data: Form or raw body; None is no body.
        origin_from_data: Whether data decides on the origin of an absolute ``path``: it is not to be trusted.
    """

    method: str = "GET"
    path: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    json: Any | None = None
    data: Any | None = None
    origin_from_data: bool = False

    def __repr__(self) -> str:
        # Params, headers and bodies may hold secrets.
        return f"RequestSpec({self.method}, {len(self.params)} params)"


@dataclass(frozen=True, kw_only=True)
class RequestTemplate:
    """A request with placeholders, parsed."""

    method: str
    path: TextTemplate
    params: MappingTemplate
    headers: MappingTemplate
    json: Template | None
    data: Template | None
    where: str
    batch: tuple[str, str | None] | None = None

    def __repr__(self) -> str:
        # The texts of headers and bodies may hold secrets.
        return f"RequestTemplate({self.method}, {self.where})"

    @property
    def parent_fields(self) -> tuple[tuple[str, str], ...]:
        """(resource, field) of each parent value, in order of appearance, each once."""
        found = ((part.resource, part.field) for part in self.parts() if isinstance(part, ParentField))
        return tuple(dict.fromkeys(found))

    @property
    def incremental_attributes(self) -> frozenset[str]:
        """The incremental values it uses: ``start_value`` ..."""
        return self._attributes("incremental")

    @property
    def partition_attributes(self) -> frozenset[str]:
        """The partition values it uses: ``key``, ``start``, ``end``."""
        return self._attributes("partition")

    def _attributes(self, context: str) -> frozenset[str]:
        return frozenset(
            part.attribute for part in self.parts() if isinstance(part, RunValue) and part.context == context
        )

    def parts(self) -> Iterator[Part]:
        """Every part of the request's texts."""
        for template in (self.path, self.params, self.headers, self.json, self.data):
            yield from parts_of(template)

    def render(
        self,
        *,
        parent: Mapping[str, Any] | None = None,
        incremental: Mapping[str, Any] | None = None,
        parents: Mapping[str, Mapping[str, Any]] | None = None,
        partition: Mapping[str, Any] | None = None,
    ) -> RequestSpec:
        """The request for one parent row and one incremental range.

        Args:
            parent: Values of the parent row by the field's text as written, native types.
            incremental: Values by attribute (``start_value`` ...), after ``convert``; None and missing are unset.
            parents: With several parents: the same as ``parent`` by resource.
            partition: ``key``, ``start`` and ``end`` of the partition; None and missing are unset.

        Raises:
            NullParentValue: A parent value in the path is null.
            ConfigError: A value in the path is unset, a field is missing, or an environment variable is not set.
        """
        filling = Filling(
            parent=parent or {},
            parents=parents or {},
            run={"incremental": incremental or {}, "partition": partition or {}},
            where=self.where,
        )
        path, from_data = filling.path(self.path)
        return RequestSpec(
            method=self.method,
            path=path,
            params={
                name: self._sent(name, value)
                for name, value in filling.mapping(self.params, "params").items()
                if value is not None
            },
            headers={
                name: _text(value)
                for name, value in filling.mapping(self.headers, "headers").items()
                if value is not None
            },
            json=None if self.json is None else filling.value(self.json, "json"),
            data=None if self.data is None else filling.body(self.data),
            origin_from_data=from_data,
        )

    def _sent(self, name: str, value: Any) -> Any:
        if self.batch is None or name != self.batch[0] or not isinstance(value, list):
            return _query_value(value)
        separator = self.batch[1]
        return _query_value(value) if separator is None else separator.join(_text(item) for item in value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else format(value, "")


def _query_value(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return [_query_value(item) for item in value if item is not None]
    return value if isinstance(value, (str, int, float)) else format(value, "")
