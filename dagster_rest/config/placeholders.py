"""Requests with placeholders: parsed once into typed parts, filled in without ever reading a value as text to parse.

Placeholders follow dlt's "Define resource relationships" and "Using placeholders for incremental loading": Python's format
syntax with the contexts ``resources.<name>.<field>`` and ``incremental.<attribute>``; ``{{`` and ``}}`` are literal braces.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias
from urllib.parse import quote

from dagster_rest.config.env import is_env, lookup, missing_problem, missing_variables, split_references
from dagster_rest.config.env import EnvRef as EnvRef
from dagster_rest.config.errors import ConfigError, NullParentValue, Problem, did_you_mean, join_path

RUN_ATTRIBUTES = ("start_value", "end_value", "last_value", "initial_value")
_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
# What a static param may hold in a path without being encoded: the author writes whole sub-paths there.
_PATH_SAFE = "/%:@!$&'()*+,;=~"


class _Unset:
    """The type of ``UNSET``: a value that this run does not have, so that what it stands in is left out."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


@dataclass(frozen=True)
class Literal:
    """Text as written, braces unescaped."""

    text: str


@dataclass(frozen=True)
class EnvText:
    """Text that comes from the environment when the request is made."""

    reference: Any


@dataclass(frozen=True)
class ParentField:
    """A field of the parent row: ``{resources.<resource>.<field>}``."""

    resource: str
    field: str
    conversion: str | None = None
    spec: str = ""


@dataclass(frozen=True)
class IncrementalValue:
    """A value of the incremental: ``{incremental.<attribute>}``."""

    attribute: str
    conversion: str | None = None
    spec: str = ""


@dataclass(frozen=True)
class StaticParam:
    """A param bound in the path, ``{name}``, with the parts of its own value."""

    name: str
    value: Any
    conversion: str | None = None
    spec: str = ""


Part: TypeAlias = Literal | EnvText | ParentField | IncrementalValue | StaticParam


@dataclass(frozen=True)
class Text:
    """A text with placeholders. ``native`` keeps the type of a single placeholder (JSON bodies)."""

    parts: tuple[Part, ...]
    native: bool = False


@dataclass(frozen=True)
class Constant:
    """A value that is sent as it is."""

    value: Any


@dataclass(frozen=True)
class Mapped:
    """A mapping whose keys are texts and whose values are templates."""

    items: tuple[tuple[Template, Template], ...]


@dataclass(frozen=True)
class Listed:
    """A list of templates."""

    items: tuple[Template, ...]


Template: TypeAlias = Text | Constant | Mapped | Listed


@dataclass(frozen=True, kw_only=True)
class RequestSpec:
    """One request, ready to be sent: everything but the client's own part.

    Attributes:
        method: ``GET`` or ``POST``.
        path: Relative to ``base_url``, or absolute. Values in it are percent-encoded already.
        params: Query parameters; values are text, numbers or lists of them. Booleans are ``True`` and ``False`` as in dlt.
        headers: Headers of this request.
        json: JSON body; None is no body, an empty mapping is the body ``{}``.
        data: Form or raw body; None is no body.
        origin_from_data: Whether the host of an absolute ``path`` came from a parent row, so that it is not to be trusted.
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
class Context:
    """What the texts of one endpoint may refer to, and where problems go."""

    incremental: bool
    params: Mapping[str, Any]
    problems: list[Problem]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    uses: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RequestTemplate:
    """A request with placeholders, parsed."""

    method: str
    path: Text
    params: Mapped
    headers: Mapped
    json: Template | None
    data: Template | None
    where: str
    batch: tuple[str, str | None] | None = None

    @property
    def parent_fields(self) -> tuple[tuple[str, str], ...]:
        """(resource, field) of each parent value, in order of appearance, each once."""
        found: dict[tuple[str, str], None] = {}
        for template in (self.path, self.params, self.headers, self.json, self.data):
            for part in _parts(template):
                if isinstance(part, ParentField):
                    found[(part.resource, part.field)] = None
        return tuple(found)

    @property
    def incremental_attributes(self) -> tuple[str, ...]:
        """The incremental values it uses, each once."""
        found: dict[str, None] = {}
        for template in (self.path, self.params, self.headers, self.json, self.data):
            for part in _parts(template):
                if isinstance(part, IncrementalValue):
                    found[part.attribute] = None
        return tuple(found)

    def render(
        self,
        *,
        parent: Mapping[str, Any] | None = None,
        incremental: Mapping[str, Any] | None = None,
        parents: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> RequestSpec:
        """The request for one parent row and one incremental range.

        Args:
            parent: Values of the parent row by the field's text as written, native types.
            incremental: Values by attribute (``start_value`` ...), after ``convert``; None and missing are unset.
            parents: With several parents: the same as ``parent`` by resource.

        Raises:
            NullParentValue: A parent value in the path is null.
            ConfigError: A value in the path is unset, a field is missing, or an environment variable is not set.
        """
        filling = _Filling(parent=parent or {}, incremental=incremental or {}, parents=parents or {}, where=self.where)
        path, from_data = filling.path(self.path)
        return RequestSpec(
            method=self.method,
            path=path,
            params={
                name: self._sent(name, value)
                for name, value in filling.mapping(self.params, "params").items()
                if value is not None
            },
            headers={name: _text(value) for name, value in filling.mapping(self.headers, "headers").items() if value is not None},
            json=None if self.json is None else filling.value(self.json, "json"),
            data=None if self.data is None else filling.body(self.data),
            origin_from_data=from_data,
        )


    def _sent(self, name: str, value: Any) -> Any:
        if self.batch is None or name != self.batch[0] or not isinstance(value, list):
            return _query_value(value)
        separator = self.batch[1]
        return _query_value(value) if separator is None else separator.join(_text(item) for item in value)


def _parts(template: Template | None) -> Iterator[Part]:
    if isinstance(template, Text):
        for part in template.parts:
            yield part
            if isinstance(part, StaticParam) and isinstance(part.value, Text):
                yield from part.value.parts
    elif isinstance(template, Mapped):
        for name, item in template.items:
            yield from _parts(name)
            yield from _parts(item)
    elif isinstance(template, Listed):
        for item in template.items:
            yield from _parts(item)


# --- filling in ---------------------------------------------------------------------------------------------------------


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
    incremental: Mapping[str, Any]
    parents: Mapping[str, Mapping[str, Any]]
    where: str

    def part(self, part: Part, where: str) -> Any:
        """The native value of a part, or UNSET."""
        if isinstance(part, Literal):
            return part.text
        if isinstance(part, EnvText):
            return self._env(part.reference, where)
        if isinstance(part, ParentField):
            return self._parent(part, where)
        if isinstance(part, IncrementalValue):
            value = self.incremental.get(part.attribute)
            return UNSET if value is None else value
        return self.value(part.value, where) if isinstance(part.value, (Text, Constant, Mapped, Listed)) else part.value

    def _env(self, reference: Any, where: str) -> Any:
        place = join_path(self.where, where)
        missing = missing_variables(reference, environ=os.environ)
        if missing:
            raise ConfigError([missing_problem(name, path=place) for name in missing])
        return lookup(reference, environ=os.environ)

    def _parent(self, part: ParentField, where: str) -> Any:
        row = self.parents[part.resource] if part.resource in self.parents else self.parent
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
            value = {"r": repr, "s": str, "a": ascii}[conversion](value)
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
        if isinstance(template, Mapped):
            return self.mapping(template, where)
        if isinstance(template, Listed):
            items = [self.value(item, where) for item in template.items]
            return [item for item in items if item is not UNSET]
        return self.text(template, where)

    def text(self, template: Text, where: str) -> Any:
        if template.native and len(template.parts) == 1:
            return self.part(template.parts[0], where)
        texts = []
        for part in template.parts:
            value = self.part(part, where)
            if value is UNSET:
                return UNSET
            texts.append(self.formatted(part, value, where))
        return "".join(texts)

    def mapping(self, template: Mapped, where: str) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for name_template, item in template.items:
            name, value = self.value(name_template, where), self.value(item, where)
            if name is not UNSET and value is not UNSET:
                filled[name] = value
        return filled

    def body(self, template: Template) -> Any:
        """A form or raw body; an unset value in a raw text is an error, because nothing can be left out of it."""
        if isinstance(template, Listed):
            pairs = [self._pair(item) for item in template.items]
            return [pair for pair in pairs if pair is not None]
        value = self.value(template, "data")
        if value is UNSET:
            raise self._unset("data")
        return value

    def _pair(self, template: Template) -> Any:
        if isinstance(template, Listed):
            pair = tuple(self.value(item, "data") for item in template.items)
            return None if UNSET in pair else pair
        value = self.value(template, "data")
        return None if value is UNSET else value

    def _unset(self, where: str) -> ConfigError:
        return ConfigError(
            [
                Problem(
                    path=join_path(self.where, where),
                    code="config_unset_placeholder",
                    message=f"a placeholder in `{where}` has no value in this run",
                    hint="Give the incremental an initial_value (or end_value), or move the placeholder into params.",
                )
            ]
        )

    def path(self, template: Text) -> tuple[str, bool]:
        """The path, and whether its host came from a parent row."""
        texts: list[str] = []
        from_data = False
        for index, part in enumerate(template.parts):
            text, is_data = self._path_part(part, first=index == 0, before="".join(texts))
            from_data = from_data or is_data
            texts.append(text)
        path = "".join(texts)
        return path, from_data and bool(_ABSOLUTE.match(path))

    def _path_part(self, part: Part, *, first: bool, before: str) -> tuple[str, bool]:
        """The text of a part, and whether data decides on the host."""
        if isinstance(part, Literal):
            return part.text, False
        in_host = bool(_ABSOLUTE.match(before)) and "/" not in before.split("://", 1)[1]
        if isinstance(part, StaticParam) and isinstance(part.value, Text):
            texts, from_data = [], False
            for index, inner in enumerate(part.value.parts):
                text, is_data = self._path_part(inner, first=first and index == 0, before=before + "".join(texts))
                texts.append(quote(text, safe=_PATH_SAFE) if isinstance(inner, Literal) else text)
                from_data = from_data or is_data
            return "".join(texts), from_data
        value = self.part(part, "path")
        if value is UNSET:
            raise self._unset("path")
        if value is None:
            raise self._null(part)
        text = self.formatted(part, value, "path")
        if isinstance(part, (EnvText, StaticParam)):
            return (text if first and _ABSOLUTE.match(text) else quote(text, safe=_PATH_SAFE)), False
        if first and _ABSOLUTE.match(text):
            return text, True
        return encode_segment(text), in_host

    def _null(self, part: Part) -> ConfigError:
        name = f"{part.resource}.{part.field}" if isinstance(part, ParentField) else "value"
        return NullParentValue(
            [
                Problem(
                    path=join_path(self.where, "path"),
                    code="config_null_parent_value",
                    message=f"`{name}` is null, and the path needs it",
                    hint="Filter such rows out in the parent's processing_steps.",
                )
            ]
        )


def encode_segment(text: str) -> str:
    """Text as one segment of a path: nothing in it can add a segment, a query or a step up.

    Example:
        ```python
        from dagster_rest.config.placeholders import encode_segment

        assert encode_segment("a b/c?d#é") == "a%20b%2Fc%3Fd%23%C3%A9"
        ```
    """
    if text in (".", ".."):
        return text.replace(".", "%2E")
    return quote(text, safe="", errors="surrogatepass")


# --- parsing ------------------------------------------------------------------------------------------------------------


def _bad(context: Context, where: str, message: str, *, code: str = "config_bad_placeholder", hint: str | None = None) -> None:
    context.problems.append(Problem(path=where, code=code, message=message, hint=hint))


def parse_text(text: str, *, where: str, context: Context, native: bool = False, in_path: bool = False) -> Text:
    """The parts of a text; problems go to the context."""
    if is_env(text):
        return _parse_env_text(text, where=where, context=context, native=native, in_path=in_path)
    return Text(tuple(_format_parts(text, where, context, in_path)), native=native)


def _parse_env_text(text: Any, *, where: str, context: Context, native: bool, in_path: bool) -> Text:
    if not isinstance(text, EnvRef):
        return Text((EnvText(text),), native=native)
    parts: list[Part] = []
    for is_variable, piece in split_references(str.__str__(text)):
        if is_variable:
            parts.append(EnvText(EnvRef(f"${{{piece}}}")))
        else:
            parts.extend(_format_parts(piece, where, context, in_path))
    return Text(tuple(parts), native=native)


_FORMATTER = string.Formatter()


def _format_parts(text: str, where: str, context: Context, in_path: bool) -> Iterator[Part]:
    if "{" not in text and "}" not in text:
        if text:
            yield Literal(text)
        return
    try:
        pieces = list(_FORMATTER.parse(text))
    except ValueError:
        _bad(context, where, "the braces do not match", hint="Double literal braces: {{ and }}.")
        return
    literal = ""
    for before, name, spec, conversion in pieces:
        literal += before
        if name is None:
            continue
        part = _part(name, spec or "", conversion or None, where, context, in_path)
        if part is None:
            continue
        if literal:
            yield Literal(literal)
            literal = ""
        yield part
    if literal:
        yield Literal(literal)


def _part(name: str, spec: str, conversion: str | None, where: str, context: Context, in_path: bool) -> Part | None:
    shown = name if len(name) <= 60 else f"{name[:40]}..."
    if "{" in spec or "{" in name or (conversion is not None and conversion not in "rsa"):
        _bad(context, where, f"`{{{shown}...}}` is not a placeholder", hint="Double literal braces: {{ and }}.")
        return None
    head, _, rest = name.partition(".")
    if head == "resources" and rest:
        return _parent_part(rest, spec, conversion, where, context, shown)
    if head == "incremental" and rest:
        return _incremental_part(rest, spec, conversion, where, context)
    if in_path and name in context.params:
        return _bound_param(name, spec, conversion, where, context)
    _unknown(name, shown, where, context, in_path)
    return None


def _parent_part(rest: str, spec: str, conversion: str | None, where: str, context: Context, shown: str) -> Part | None:
    resource, _, field_text = rest.partition(".")
    if not resource or not field_text:
        _bad(context, where, f"`{{{shown}}}` names no field", code="config_unknown_placeholder", hint="Write {resources.<name>.<field>}.")
        return None
    from dagster_rest.config import jsonpath

    try:
        jsonpath.check(field_text)
    except ValueError:
        _bad(context, where, f"the field of `{{{shown}}}` is not a JSONPath", code="config_bad_jsonpath", hint="Quote names with special characters: {resources.<name>.'a.b'}.")
        return None
    context.uses.append((resource, where))
    return ParentField(resource, field_text, conversion, spec)


def _incremental_part(attribute: str, spec: str, conversion: str | None, where: str, context: Context) -> Part | None:
    if not context.incremental:
        _bad(context, where, f"`{{incremental.{attribute[:60]}}}` stands in an endpoint without `incremental`", code="config_unknown_placeholder", hint="Add `incremental` to the endpoint.")
        return None
    if attribute in RUN_ATTRIBUTES:
        return IncrementalValue(attribute, conversion, spec)
    if attribute in context.attributes:
        value = context.attributes[attribute]
        return StaticParam(attribute, value, conversion, spec) if value is not None else IncrementalValue(attribute, conversion, spec)
    known = [*RUN_ATTRIBUTES, *context.attributes]
    _bad(context, where, f"an incremental has no `{attribute[:60]}`", code="config_unknown_incremental", hint=did_you_mean(attribute, known))
    return None


def _bound_param(name: str, spec: str, conversion: str | None, where: str, context: Context) -> Part | None:
    from dagster_rest.config.incremental import IncrementalConfig, ResolveParam

    context.used.add(name)
    value = context.params[name]
    if isinstance(value, ResolveParam):
        path = value.field if isinstance(value.field, str) else str(value.field)
        context.uses.append((value.resource, where))
        return ParentField(value.resource, path, conversion, spec)
    if isinstance(value, IncrementalConfig):
        _bad(context, where, f"`{name}` is an incremental param and cannot stand in the path", hint="Write `incremental` beside `params`, and {incremental.start_value} in the path.")
        return None
    if value is None:
        _bad(context, where, f"`{name}` is null and cannot stand in the path", code="config_bad_value")
        return None
    if isinstance(value, str):
        inner = parse_text(value, where=where, context=replace(context, params={}))
        if all(isinstance(part, Literal) for part in inner.parts):
            return StaticParam(name, "".join(part.text for part in inner.parts if isinstance(part, Literal)), conversion, spec)
        return StaticParam(name, inner, conversion, spec)
    return StaticParam(name, value, conversion, spec)


def _unknown(name: str, shown: str, where: str, context: Context, in_path: bool) -> None:
    stripped = name.strip()
    if stripped != name and stripped.startswith(("resources.", "incremental.")):
        hint = f"Write {{{stripped[:60]}}} without spaces."
    elif name.startswith("resource.") or name == "resources":
        hint = "Write {resources.<name>.<field>}."
    elif in_path and "." not in name:
        near = did_you_mean(name, context.params)
        hint = near or f"Add `{shown}` to params, or double literal braces: {{{{ and }}}}."
    else:
        hint = "Write {resources.<name>.<field>} or {incremental.<value>}; double literal braces: {{ and }}."
    _bad(context, where, f"`{{{shown}}}` refers to nothing", code="config_unknown_placeholder", hint=hint)


def parse_value(value: Any, *, where: str, context: Context, native: bool) -> Template:
    """The template of any value: texts are parsed, containers walked, the rest sent as it is."""
    if isinstance(value, str):
        template = parse_text(value, where=where, context=context, native=native)
        if not template.parts:
            return Constant("")
        if len(template.parts) == 1:
            only = template.parts[0]
            if isinstance(only, Literal):
                return Constant(only.text)
            if native and (getattr(only, "spec", "") or getattr(only, "conversion", None)):
                return Text(template.parts, native=False)
        return template
    if isinstance(value, dict):
        return Mapped(
            tuple(
                (
                    parse_value(name, where=where, context=context, native=False),
                    parse_value(item, where=join_path(where, str(name) if not is_env(name) else "?"), context=context, native=native),
                )
                for name, item in value.items()
            )
        )
    if isinstance(value, (list, tuple)):
        return Listed(tuple(parse_value(item, where=join_path(where, index), context=context, native=native) for index, item in enumerate(value)))
    return Constant(value)
