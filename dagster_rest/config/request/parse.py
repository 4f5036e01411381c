"""Placeholders, parsed into typed parts.

They follow dlt's "Define resource relationships" and "Using placeholders for incremental loading": Python's format
syntax with the contexts ``resources.<name>.<field>`` and ``incremental.<attribute>``, here also
``partition.<attribute>``; ``{{`` and ``}}`` are literal braces.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dagster_rest.config.errors import ConfigError, Problem, did_you_mean, join_path, problem_error
from dagster_rest.config.model.incremental import IncrementalConfig, ResolveParam
from dagster_rest.config.request.template import (
    Constant,
    EnvText,
    ListTemplate,
    LiteralText,
    MappingTemplate,
    ParentField,
    Part,
    Reference,
    RunValue,
    StaticParam,
    Template,
    TextTemplate,
)
from dagster_rest.config.values import jsonpath
from dagster_rest.config.values.env import EnvRef, Variable, is_env
from dagster_rest.config.values.secrets import is_secret_name

# What a placeholder refers to, in any number of braces.
PLACEHOLDER = re.compile(r"\{\s*(?P<context>resources|incremental|partition)\.(?P<rest>[^{}\s]{1,200})\s*\}")
RUN_ATTRIBUTES = ("start_value", "end_value", "last_value", "initial_value")
PARTITION_ATTRIBUTES = ("key", "start", "end")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the texts of one endpoint may refer to, and where problems go."""

    incremental: bool
    params: Mapping[str, Any]
    problems: list[Problem]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    uses: list[tuple[str, str]] = field(default_factory=list)


_FORMATTER = string.Formatter()
# What reads like a reference; anything else may be a piece of a body, and hold a secret.
_REFERENCE = re.compile(r"\s*[A-Za-z_][\w\-]{0,30}(?:\.[\w\-\[\]'.]{0,50})?\s*\Z|\Z")


def parse_text(text: str, *, where: str, context: Context, native: bool = False, in_path: bool = False) -> TextTemplate:
    """The parts of a text; problems go to the context."""
    return _TextParser(where=where, context=context, in_path=in_path).text(text, native=native)


def _may_be_shown(name: str, where: str) -> bool:
    return bool(_REFERENCE.match(name)) and not is_secret_name(where.rpartition(".")[2])


@dataclass(frozen=True, kw_only=True)
class _TextParser:
    """Parses one text of an endpoint.

    Args:
        where: Its config path.
        context: What it may refer to.
        in_path: Whether it is the path, in which params may be bound.
    """

    where: str
    context: Context
    in_path: bool

    def _error(self, message: str, *, code: str = "config_bad_placeholder", hint: str | None = None) -> ConfigError:
        return problem_error(message, code=code, path=self.where, hint=hint)

    def text(self, text: Any, *, native: bool) -> TextTemplate:
        """The parts of a text, with the variables of one from the environment."""
        if not is_env(text):
            return TextTemplate(tuple(self._parts(text)), native=native)
        if not isinstance(text, EnvRef):
            return TextTemplate((EnvText(text),), native=native)
        parts: list[Part] = []
        for piece in text.pieces:
            if isinstance(piece, Variable):
                parts.append(EnvText(piece.reference))
            else:
                parts.extend(self._parts(piece))
        return TextTemplate(tuple(parts), native=native)

    def _parts(self, text: str) -> Iterator[Part]:
        if "{" not in text and "}" not in text:
            if text:
                yield LiteralText(text)
            return
        try:
            pieces = list(_FORMATTER.parse(text))
        except ValueError:
            error = self._error("the braces do not match", hint="Double literal braces: {{ and }}.")
            self.context.problems.extend(error.problems)
            return
        self._check_escaped("".join(before for before, *_ in pieces))
        literal = ""
        for before, name, spec, conversion in pieces:
            literal += before
            if name is None:
                continue
            try:
                part = self._reference(name, spec or "", conversion or None)
            except ConfigError as error:
                self.context.problems.extend(error.problems)
                continue
            if literal:
                yield LiteralText(literal)
                literal = ""
            yield part
        if literal:
            yield LiteralText(literal)

    def _check_escaped(self, literal: str) -> None:
        """Report a reference in doubled braces: it would be sent as the text that it is."""
        match = PLACEHOLDER.search(literal)
        if match is None:
            return
        meant = f"{match['context']}.{match['rest']}"
        shown = meant if _may_be_shown(meant, self.where) else f"{match['context']}..."
        message = f"the doubled braces around `{shown}` make it literal text"
        self.context.problems.extend(self._error(message, hint=f"Write single braces: {{{shown}}}.").problems)

    def _reference(self, name: str, spec: str, conversion: str | None) -> Reference:
        """What a placeholder refers to.

        Raises:
            ConfigError: It is none, or refers to nothing.
        """
        shown = name if _may_be_shown(name, self.where) else "..."
        if "{" in spec or "{" in name or (conversion is not None and conversion not in "rsa"):
            raise self._error(f"`{{{shown}...}}` is not a placeholder", hint="Double literal braces: {{ and }}.")
        found = self._referred(name, shown)
        return replace(found, conversion=conversion, spec=spec) if conversion or spec else found

    def _referred(self, name: str, shown: str) -> Reference:
        head, _, rest = name.partition(".")
        if head == "resources" and rest:
            return self._parent_field(rest, shown)
        if head == "incremental" and rest:
            return self._incremental_value(rest)
        if head == "partition" and (rest in PARTITION_ATTRIBUTES or rest.removeprefix("keys.") not in ("", rest)):
            return RunValue("partition", rest)
        if self.in_path and name in self.context.params:
            return self._bound_param(name)
        raise self._unknown(name, shown)

    def _parent_field(self, rest: str, shown: str) -> Reference:
        resource, _, field_text = rest.partition(".")
        if not resource or not field_text:
            raise self._error(
                f"`{{{shown}}}` names no field",
                code="config_unknown_placeholder",
                hint="Write {resources.<name>.<field>}.",
            )
        try:
            jsonpath.check(field_text)
        except ValueError:
            raise self._error(
                f"the field of `{{{shown}}}` is not a JSONPath",
                code="config_bad_jsonpath",
                hint="Quote names with special characters: {resources.<name>.'a.b'}.",
            ) from None
        self.context.uses.append((resource, self.where))
        return ParentField(resource, field_text)

    def _incremental_value(self, attribute: str) -> Reference:
        known = [*RUN_ATTRIBUTES, *self.context.attributes]
        if not self.context.incremental:
            raise self._error(
                f"`{{incremental.{attribute[:60]}}}` is used in an endpoint without `incremental`",
                code="config_unknown_placeholder",
                hint="Add `incremental` to the endpoint.",
            )
        if attribute not in known:
            raise self._error(
                f"an incremental has no `{attribute[:60]}`",
                code="config_unknown_incremental",
                hint=did_you_mean(attribute, known),
            )
        value = self.context.attributes.get(attribute)
        return RunValue("incremental", attribute) if value is None else StaticParam(attribute, value)

    def _bound_param(self, name: str) -> Reference:
        self.context.used.add(name)
        value = self.context.params[name]
        if isinstance(value, ResolveParam):
            self.context.uses.append((value.resource, self.where))
            return ParentField(value.resource, str(value.field))
        if isinstance(value, IncrementalConfig):
            raise self._error(
                f"`{name}` is an incremental param and cannot be used in the path",
                hint="Write `incremental` beside `params`, and {incremental.start_value} in the path.",
            )
        if value is None:
            raise self._error(f"`{name}` is null and cannot be used in the path", code="config_bad_value")
        if isinstance(value, str):
            inner = parse_text(value, where=self.where, context=self.context)
            literal = [part.text for part in inner.parts if isinstance(part, LiteralText)]
            return StaticParam(name, "".join(literal) if len(literal) == len(inner.parts) else inner)
        return StaticParam(name, value)

    def _unknown(self, name: str, shown: str) -> ConfigError:
        stripped = name.strip()
        if stripped != name and stripped.startswith(("resources.", "incremental.")):
            hint = "Write the placeholder without spaces."
        elif name.startswith("resource.") or name == "resources":
            hint = "Write {resources.<name>.<field>}."
        elif self.in_path and "." not in name:
            near = did_you_mean(name, self.context.params)
            hint = near or f"Add `{shown}` to params, or double literal braces: {{{{ and }}}}."
        else:
            hint = (
                "Write {resources.<name>.<field>}, {incremental.<value>} or {partition.<value>}; "
                "double literal braces: {{ and }}."
            )
        return self._error(f"`{{{shown}}}` refers to nothing", code="config_unknown_placeholder", hint=hint)


def parse_value(value: Any, *, where: str, context: Context, native: bool) -> Template:
    """The template of any value: texts are parsed, containers recursively, the rest sent as it is."""
    if isinstance(value, str):
        template = parse_text(value, where=where, context=context, native=native)
        if not template.parts:
            return Constant("")
        if len(template.parts) == 1:
            only = template.parts[0]
            if isinstance(only, LiteralText):
                return Constant(only.text)
            if native and not isinstance(only, EnvText) and (only.spec or only.conversion):
                return TextTemplate(template.parts, native=False)
        return template
    if isinstance(value, dict):
        return MappingTemplate(
            tuple(
                (
                    parse_value(name, where=where, context=context, native=False),
                    parse_value(
                        item,
                        where=join_path(where, str(name) if not is_env(name) else "?"),
                        context=context,
                        native=native,
                    ),
                )
                for name, item in value.items()
            )
        )
    if isinstance(value, (list, tuple)):
        return ListTemplate(
            tuple(
                parse_value(item, where=join_path(where, index), context=context, native=native)
                for index, item in enumerate(value)
            )
        )
    return Constant(value)
