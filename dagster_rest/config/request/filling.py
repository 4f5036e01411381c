"""Placeholders filled in: with values of a parent row, of the run, and from the environment.

No value is ever read as text to parse: values are put between the parts that were parsed when the plan was built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dagster_rest.config.errors import ConfigError, NullParentValue, Problem, join_path, problem_error
from dagster_rest.config.request.template import (
    UNSET,
    Constant,
    EnvText,
    ListTemplate,
    LiteralText,
    MappingTemplate,
    ParentField,
    Part,
    Placeholder,
    RunValue,
    StaticParam,
    Template,
    TextTemplate,
    parts_of,
)
from dagster_rest.config.values.env import is_env, read_env

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
# What a static param may hold in a path without being encoded: the author writes whole sub-paths there.
_PATH_SAFE = "/%:@!$&'()*+,;=~"
# What RFC 3986 allows unencoded in a segment, besides letters, digits and ``-._~``; dlt sends these unencoded too.
_SEGMENT_SAFE = ":@!$&'()*+,;="
_UNSET_HINTS = {
    "incremental.start_value": "Give the incremental an initial_value, or move the placeholder into params.",
    "incremental.initial_value": "Give the incremental an initial_value, or move the placeholder into params.",
    "incremental.last_value": "Give the incremental an initial_value, or move the placeholder into params.",
    "incremental.end_value": "Give the incremental an end_value, or move the placeholder into params.",
}
_CONVERSIONS: dict[str, Callable[[Any], str]] = {"r": repr, "s": str, "a": ascii}


@dataclass(frozen=True, kw_only=True)
class Filling:
    """The values of one request: of parent rows, of the run and from the environment.

    Args:
        parent: Values of the parent row by field.
        parents: With several parents: the same by resource.
        run: Values of ``incremental`` and ``partition`` by attribute; None and missing are unset.
        where: The config path of the endpoint, for errors.
    """

    parent: Mapping[str, Any]
    parents: Mapping[str, Mapping[str, Any]]
    run: Mapping[str, Mapping[str, Any]]
    where: str

    def part(self, part: Part, where: str) -> Any:
        """The native value of a part, or UNSET."""
        if isinstance(part, LiteralText):
            return part.text
        if isinstance(part, EnvText):
            return read_env(part.reference, path=join_path(self.where, where))
        if isinstance(part, ParentField):
            return self._parent(part, where)
        if isinstance(part, RunValue):
            value = self.run[part.context].get(part.attribute)
            return UNSET if value is None else value
        return self.value(part.value, where) if isinstance(part.value, Template) else part.value

    def _parent(self, part: ParentField, where: str) -> Any:
        row = self.parents.get(part.resource, self.parent)
        if part.field not in row:
            raise problem_error(
                f"a row of `{part.resource}` has no `{part.field}`",
                code="config_missing_parent_value",
                path=join_path(self.where, where),
                hint="Correct the field, or add it to the parent with a processing step.",
            )
        return row[part.field]

    def formatted(self, part: Part, value: Any, where: str) -> str:
        """The text of a part's value, by its conversion and format spec."""
        spec = ""
        if isinstance(part, Placeholder):
            spec = part.spec
            value = _CONVERSIONS[part.conversion](value) if part.conversion else value
        if not spec and isinstance(value, str):
            return value
        try:
            return format(value, spec)
        except (ValueError, TypeError):
            raise problem_error(
                f"the format spec does not fit a value of type {type(value).__name__}",
                code="config_bad_format",
                path=join_path(self.where, where),
                hint="Remove the part after the colon, or convert the value first.",
            ) from None

    def value(self, template: Template, where: str) -> Any:
        """The value of a template, or UNSET; what is unset in a container is left out."""
        if isinstance(template, Constant):
            value = template.value
            return read_env(value, path=join_path(self.where, where)) if is_env(value) else value
        if isinstance(template, MappingTemplate):
            return self.mapping(template, where)
        if isinstance(template, ListTemplate):
            items = [self.value(item, where) for item in template.items]
            return [item for item in items if item is not UNSET]
        return self.text(template, where)

    def text(self, template: TextTemplate, where: str) -> Any:
        """The text of a template (a native value keeps its type), or UNSET if one of its parts is."""
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
        """A mapping without its unset members."""
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
        return problem_error(
            f"`{{{unset}}}` has no value in this run",
            code="config_unset_placeholder",
            path=join_path(self.where, where),
            hint=_UNSET_HINTS.get(unset, "Move the placeholder into params, where it is left out."),
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
        problem = Problem(
            path=join_path(self.where, "path"),
            code="config_null_parent_value",
            message=f"`{name}` {what}, and the path needs it",
            hint="Filter such rows out in the parent's processing_steps.",
        )
        return NullParentValue([problem])


def _is_segment(before: str, behind: Sequence[Part]) -> bool:
    """Whether the part between is a whole segment: without it, the path would be that of another endpoint."""
    after = behind[0].text if behind and isinstance(behind[0], LiteralText) else ""
    return before.endswith("/") and (not behind or after.startswith(("/", "?", "#")))


def encode_segment(text: str) -> str:
    """Text as one segment of a path: nothing in it can add a segment, a query or a step up.

    Example:
        ```python
        from dagster_rest.config.request.filling import encode_segment

        assert encode_segment("a b/c?d#é") == "a%20b%2Fc%3Fd%23%C3%A9"
        ```
    """
    if text in (".", ".."):
        return text.replace(".", "%2E")
    return quote(text, safe=_SEGMENT_SAFE, errors="surrogatepass")
