"""The typed parts that a text with placeholders consists of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias


class _Unset:
    """The type of ``UNSET``: a value that this run does not have; what contains it is left out."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


@dataclass(frozen=True)
class LiteralText:
    """Text as written, braces unescaped."""

    text: str


@dataclass(frozen=True)
class EnvText:
    """Text that comes from the environment when the request is made."""

    reference: Any


@dataclass(frozen=True, kw_only=True)
class Placeholder:
    """What stands in braces, with its conversion and format spec: ``{...!r:>8}``."""

    conversion: str | None = None
    spec: str = ""


@dataclass(frozen=True)
class ParentField(Placeholder):
    """A field of the parent row: ``{resources.<resource>.<field>}``."""

    resource: str
    field: str


@dataclass(frozen=True)
class RunValue(Placeholder):
    """A value that the run brings: ``{incremental.<attribute>}`` or ``{partition.<attribute>}``."""

    context: str
    attribute: str


@dataclass(frozen=True)
class StaticParam(Placeholder):
    """A param bound in the path, ``{name}``, with the parts of its own value."""

    name: str
    value: Any


Reference: TypeAlias = ParentField | RunValue | StaticParam
Part: TypeAlias = LiteralText | EnvText | Reference


@dataclass(frozen=True)
class TextTemplate:
    """A text with placeholders. ``native`` keeps the type of a single placeholder (JSON bodies)."""

    parts: tuple[Part, ...]
    native: bool = False


@dataclass(frozen=True)
class Constant:
    """A value that is sent as it is."""

    value: Any


@dataclass(frozen=True)
class MappingTemplate:
    """A mapping whose keys are texts and whose values are templates."""

    items: tuple[tuple[Template, Template], ...]


@dataclass(frozen=True)
class ListTemplate:
    """A list of templates."""

    items: tuple[Template, ...]


Template: TypeAlias = TextTemplate | Constant | MappingTemplate | ListTemplate


def parts_of(template: Template | None) -> Iterator[Part]:
    """Every part of a template, those of bound params included."""
    if isinstance(template, TextTemplate):
        for part in template.parts:
            yield part
            if isinstance(part, StaticParam) and isinstance(part.value, TextTemplate):
                yield from part.value.parts
    elif isinstance(template, MappingTemplate):
        for name, item in template.items:
            yield from parts_of(name)
            yield from parts_of(item)
    elif isinstance(template, ListTemplate):
        for item in template.items:
            yield from parts_of(item)
