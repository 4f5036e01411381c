"""A request with placeholders, and what it becomes for one parent row and one range.

No value is ever read as text to parse: values are put between the parts that were parsed when the plan was built.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from dagster_rest.config.errors import ConfigError, NullParentValue, Problem, join_path
from dagster_rest.config.request.template import (
    UNSET,
    Constant,
    EnvText,
    ListTemplate,
    LiteralText,
    MappingTemplate,
    ParentField,
    Part,
    RunValue,
    StaticParam,
    Template,
    TextTemplate,
    parts_of,
)
from dagster_rest.config.values.env import env_problems, is_env, lookup

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
# What a static param may hold in a path without being encoded: the author writes whole sub-paths there.
_PATH_SAFE = "/%:@!$&'()*+,;=~"
# What RFC 3986 allows in a segment as it is, beside letters, digits and ``-._~``; dlt sends these unencoded too.
_SEGMENT_SAFE = ":@!$&'()*+,;="
_UNSET_HINTS = {
    "incremental.start_value": "Give the incremental an initial_value, or move the placeholder into params.",
    "incremental.initial_value": "Give the incremental an initial_value, or move the placeholder into params.",
    "incremental.last_value": "Give the incremental an initial_value, or move the placeholder into params.",
    "incremental.end_value": "Give the incremental an end_value, or move the placeholder into params.",
}
_CONVERSIONS: dict[str, Callable[[Any], str]] = {"r": repr, "s": str, "a": ascii}


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
        found: dict[tuple[str, str], None] = {}
        for part in self.parts():
            if isinstance(part, ParentField):
                found[(part.resource, part.field)] = None
        return tuple(found)

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
        filling = _Filling(
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


@dataclass(frozen=True, kw_only=True)
class _Filling:
    parent: Mapping[str, Any]
    parents: Mapping[str, Mapping[str, Any]]
    run: Mapping[str, Mapping[str, Any]]
    where: str

    def part(self, part: Part, where: str) -> Any:
        """The native value of a part, or UNSET."""
        if isinstance(part, LiteralText):
            return part.text
        if isinstance(part, EnvText):
            return self._env(part.reference, where)
        if isinstance(part, ParentField):
            return self._parent(part, where)
        if isinstance(part, RunValue):
            value = self.run[part.context].get(part.attribute)
            return UNSET if value is None else value
        return (
            self.value(part.value, where)
            if isinstance(part.value, (TextTemplate, Constant, MappingTemplate, ListTemplate))
            else part.value
        )

    def _env(self, reference: Any, where: str) -> Any:
        missing = env_problems(reference, path=join_path(self.where, where), environ=os.environ)
        if missing:
            raise ConfigError(missing)
        return lookup(reference, environ=os.environ)

    def _parent(self, part: ParentField, where: str) -> Any:
        row = self.parents.get(part.resource, self.parent)
        if part.field not in row:
            raise ConfigError(
                [
                    Problem(
                        path=join_path(self.where, where),
                        code="config_missing_parent_value",
                        message=f"a row of `{part.resource}` has no `{part.field}`",
                        hint="Correct the field, or add it to the parent with a processing step.",
                    )
                ]
            )
        return row[part.field]

    def formatted(self, part: Part, value: Any, where: str) -> str:
        conversion, spec = getattr(part, "conversion", None), getattr(part, "spec", "")
        if conversion:
            value = _CONVERSIONS[conversion](value)
        if not spec and isinstance(value, str):
            return value
        try:
            return format(value, spec)
        except (ValueError, TypeError):
            raise ConfigError(
                [
                    Problem(
                        path=join_path(self.where, where),
                        code="config_bad_format",
                        message=f"the format spec does not fit a value of type {type(value).__name__}",
                        hint="Remove the part after the colon, or convert the value first.",
                    )
                ]
            ) from None

    def value(self, template: Template, where: str) -> Any:
        if isinstance(template, Constant):
            value = template.value
            return self._env(value, where) if is_env(value) else value
        if isinstance(template, MappingTemplate):
            return self.mapping(template, where)
        if isinstance(template, ListTemplate):
            items = [self.value(item, where) for item in template.items]
            return [item for item in items if item is not UNSET]
        return self.text(template, where)

    def text(self, template: TextTemplate, where: str) -> Any:
        if template.native and len(template.parts) == 1:
            return self.part(template.parts[0], where)
        texts = []
        for part in template.parts:
            value = self.part(part, where)
            if value is UNSET:
                return UNSET
            texts.append(self.formatted(part, value, where))
        return "".join(texts)

    def mapping(self, template: MappingTemplate, where: str) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for name_template, item in template.items:
            name = self.value(name_template, where)
            value = self.value(item, join_path(where, name) if isinstance(name, str) else where)
            if name is not UNSET and value is not UNSET:
                filled[name] = value
        return filled

    def body(self, template: Template) -> Any:
        """A form or raw body; an unset value in a raw text is an error, because nothing can be left out of it."""
        if isinstance(template, ListTemplate):
            pairs = [self._pair(item) for item in template.items]
            return [pair for pair in pairs if pair is not None]
        value = self.value(template, "data")
        if value is UNSET:
            raise self._unset("data", template)
        return value

    def _pair(self, template: Template) -> Any:
        if isinstance(template, ListTemplate):
            pair = tuple(self.value(item, "data") for item in template.items)
            return None if any(item is UNSET for item in pair) else pair
        value = self.value(template, "data")
        return None if value is UNSET else value

    def _unset(self, where: str, template: Template) -> ConfigError:
        names = [f"{part.context}.{part.attribute}" for part in parts_of(template) if isinstance(part, RunValue)]
        unset = next((name for name in names if self.run[name.split(".")[0]].get(name.split(".")[1]) is None), names[0])
        return ConfigError(
            [
                Problem(
                    path=join_path(self.where, where),
                    code="config_unset_placeholder",
                    message=f"`{{{unset}}}` has no value in this run",
                    hint=_UNSET_HINTS.get(unset, "Move the placeholder into params, where it is left out."),
                )
            ]
        )

    def path(self, template: TextTemplate) -> tuple[str, bool]:
        """The path, and whether data decides on scheme, host or port of it."""
        path = ""
        from_data_at: list[int] = []
        for index, part in enumerate(template.parts):
            text, is_data = self._path_part(part, first=index == 0)
            if is_data:
                if not text and _is_segment(path, template.parts[index + 1 :]):
                    raise self._no_value(part, "is empty")
                from_data_at.append(len(path))
            path += text
        origin = _ORIGIN.match(path)
        return path, origin is not None and any(start < origin.end() for start in from_data_at)

    def _path_part(self, part: Part, *, first: bool) -> tuple[str, bool]:
        """The text of a part, and whether it comes from data."""
        if isinstance(part, LiteralText):
            return part.text, False
        if isinstance(part, StaticParam) and isinstance(part.value, TextTemplate):
            texts: list[str] = []
            from_data = False
            for index, inner in enumerate(part.value.parts):
                text, is_data = self._path_part(inner, first=first and index == 0)
                texts.append(quote(text, safe=_PATH_SAFE) if isinstance(inner, LiteralText) else text)
                from_data = from_data or is_data
            return "".join(texts), from_data
        value = self.part(part, "path")
        if value is UNSET:
            raise self._unset("path", TextTemplate((part,)))
        if value is None:
            raise self._no_value(part, "is null")
        text = self.formatted(part, value, "path")
        if isinstance(part, (EnvText, StaticParam)):
            return (text if first and _ABSOLUTE.match(text) else quote(text, safe=_PATH_SAFE)), False
        if first and _ABSOLUTE.match(text):
            return text, True
        return encode_segment(text), True

    def _no_value(self, part: Part, what: str) -> ConfigError:
        name = f"{part.resource}.{part.field}" if isinstance(part, ParentField) else "value"
        return NullParentValue(
            [
                Problem(
                    path=join_path(self.where, "path"),
                    code="config_null_parent_value",
                    message=f"`{name}` {what}, and the path needs it",
                    hint="Filter such rows out in the parent's processing_steps.",
                )
            ]
        )


def _is_segment(before: str, behind: Sequence[Part]) -> bool:
    """Whether what stands between is a whole segment of a path: without it, the path is that of something else."""
    after = behind[0].text if behind and isinstance(behind[0], LiteralText) else ""
    return before.endswith("/") and (not behind or after.startswith(("/", "?", "#")))


def encode_segment(text: str) -> str:
    """TextTemplate as one segment of a path: nothing in it can add a segment, a query or a step up.

    Example:
        ```python
        from dagster_rest.config.request.render import encode_segment

        assert encode_segment("a b/c?d#é") == "a%20b%2Fc%3Fd%23%C3%A9"
        ```
    """
    if text in (".", ".."):
        return text.replace(".", "%2E")
    return quote(text, safe=_SEGMENT_SAFE, errors="surrogatepass")
