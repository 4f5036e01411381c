"""Parents and children: what each resource takes from others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster_rest.config.errors import Problem, did_you_mean, join_path
from dagster_rest.config.plan.draft import DEFAULTS, Draft
from dagster_rest.config.plan.graph import cycles
from dagster_rest.config.values.env import key_text


@dataclass(frozen=True, kw_only=True)
class ParentLink:
    """What a resource takes from one parent.

    Attributes:
        resource: The parent's name.
        fields: The fields that placeholders use, as written, each a JSONPath.
        include: The fields that are copied into each row (`include_from_parent`).
        external: Whether the parent is not a resource of this config.
    """

    resource: str
    fields: tuple[str, ...]
    include: tuple[str, ...]
    external: bool


def find_parents(
    drafts: Sequence[Draft], names: set[str], external: Mapping[str, Any] | None, problems: list[Problem]
) -> dict[str, tuple[ParentLink, ...]]:
    """The links of each resource to its parents; what is wrong with them goes to ``problems``.

    Args:
        drafts: The resources.
        names: Their names.
        external: The parents that are other assets; None if that is not known yet, so that every name is possible.
        problems: Where problems go.
    """
    return {draft.name: _links(draft, names, external, problems) for draft in drafts}


def _links(
    draft: Draft, names: set[str], external: Mapping[str, Any] | None, problems: list[Problem]
) -> tuple[ParentLink, ...]:
    fields: dict[str, list[str]] = {}
    for resource, field_text in draft.request.parent_fields:
        fields.setdefault(resource, []).append(field_text)
    for resource, where in draft.uses:
        if external is not None and resource not in names and resource not in external:
            problems.append(_unknown_parent(resource, where, [*names, *external]))
    if len(fields) > 1 and draft.config.parents != "product":
        problems.append(_two_parents(draft, list(fields)))
    include = tuple(key_text(item) for item in draft.config.include_from_parent)
    if include and not fields:
        problems.append(_include_without_parent(draft))
    return tuple(
        ParentLink(
            resource=resource,
            fields=tuple(found),
            include=_include_of(include, resource, list(fields)),
            external=resource not in names,
        )
        for resource, found in fields.items()
    )


def _include_of(include: tuple[str, ...], resource: str, parents: list[str]) -> tuple[str, ...]:
    """With several parents, ``posts.id`` names the parent; a bare field is the first parent's."""
    if len(parents) == 1:
        return include
    own = [item.removeprefix(f"{resource}.") for item in include if item.startswith(f"{resource}.")]
    if resource == parents[0]:
        own.extend(item for item in include if item.partition(".")[0] not in parents)
    return tuple(own)


def _unknown_parent(resource: str, where: str, known: list[str]) -> Problem:
    shown = resource if len(resource) <= 60 else "..."
    hint = did_you_mean(resource, known) or "A parent that is another asset is passed in as an external parent."
    return Problem(path=where, code="config_unknown_parent", message=f"there is no resource `{shown}`", hint=hint)


def _two_parents(draft: Draft, parents: list[str]) -> Problem:
    where = next((where for resource, where in draft.uses if resource == parents[1]), draft.where)
    return Problem(
        path=where,
        code="config_two_parents",
        message=f"resource `{draft.name}` has several parents: {', '.join(parents)}",
        expected="one parent",
        hint="`parents: product` requests every combination of their rows.",
    )


def _include_without_parent(draft: Draft) -> Problem:
    return Problem(
        path=join_path(draft.where, "include_from_parent"),
        code="config_include_without_parent",
        message=f"resource `{draft.name}` has no parent to include fields from",
        hint="Refer to the parent in the path, params, json, headers or data with {resources.<name>.<field>}.",
    )


def find_cycles(drafts: Sequence[Draft], parents: Mapping[str, tuple[ParentLink, ...]]) -> list[Problem]:
    """A problem for each circle of references."""
    edges = {child: [link.resource for link in links if not link.external] for child, links in parents.items()}
    by_name = {draft.name: draft for draft in drafts}
    return [_circle(chain, by_name) for chain in cycles([draft.name for draft in drafts], edges)]


def _circle(chain: list[str], drafts: Mapping[str, Draft]) -> Problem:
    message = f"resources refer to each other in a cycle: {' -> '.join(chain)}"
    for child, parent in itertools.pairwise(chain):
        inherited = [where for name, where in drafts[child].uses if name == parent and where.startswith(DEFAULTS)]
        if inherited:
            hint = f"resource_defaults also apply to `{child}`: write this reference into the resources that need it."
            return Problem(path=inherited[0], code="config_cycle", message=message, hint=hint)
    first = drafts[chain[0]]
    where = next((where for name, where in first.uses if name == chain[1]), first.where)
    return Problem(path=where, code="config_cycle", message=message, hint="Remove one of these references.")
