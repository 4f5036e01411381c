"""From parent rows to requests: grouping, batching, and what of a parent goes into its children's records."""

import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.errors import StateError
from dagster_rest.config.errors import NullParentValue

if TYPE_CHECKING:
    from dagster_rest.config.plan.build import ResourcePlan
    from dagster_rest.config.plan.links import ParentLink
    from dagster_rest.http import FetchUnit
    from dagster_rest.warehouse.state.load_row import CursorState
    from dagster_rest.warehouse.state.parents.rows import ParentRows

Fields = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ParentGroup:
    """Parent rows that lead to one and the same request.

    Args:
        key: The values of the fields that the request uses, as stable text; empty without a parent.
        values: Field values per parent resource.
        includes: What ``include_from_parent`` adds to the records: one mapping for each distinct set of values.
        partition: The parent rows' partition, or the empty text.
        batched: The keys of the groups that were put together into this one, if any.
    """

    key: str = ""
    values: Mapping[str, Fields] = field(default_factory=dict)
    includes: tuple[Fields, ...] = ()
    partition: str = ""
    batched: tuple[str, ...] = ()

    @property
    def parent_keys(self) -> tuple[str, ...]:
        """The key of each parent (or combination of parents) that it asks for."""
        return self.batched or (self.key,)


@dataclass
class FanOutCounts:
    """What happened to the parents of a run; counted while its units are consumed."""

    parents: int = 0
    null_parents: int = 0
    failed_parents: int = 0


TOP_LEVEL = (ParentGroup(),)
"""The one group of a resource without a parent."""


def group_parents(
    plan: "ResourcePlan", rows: Mapping[str, "ParentRows"], *, partition: str = "", retried: Collection[str] = ()
) -> list[ParentGroup]:
    """Parent rows as groups with one request each, in the order the parents were loaded.

    Args:
        plan: The child resource.
        rows: The stored rows per parent resource; several parents give those combinations of their cross product that
            have a new row in them.
        partition: The partition the rows belong to, or the empty text.
        retried: Keys of groups that failed in an earlier run: they are wanted even if none of their rows is new.

    Raises:
        StateError: ``state_parent_field_missing`` when a stored row lacks a field that the child uses.
    """
    grouped: dict[str, tuple[dict[str, Fields], dict[str, Fields]]] = {}
    found = [rows[link.resource] for link in plan.parents]
    failed_before = _FailedBefore(retried)
    wanted = itertools.chain(
        zip(_new_combinations(found), itertools.repeat(True)),
        zip(_old_combinations(found) if retried else (), itertools.repeat(False)),
    )
    for combination, is_new in wanted:
        values: dict[str, Fields] = {
            link.resource: _take(link, row, link.fields, plan=plan)
            for link, row in zip(plan.parents, combination, strict=True)
        }
        key = json.dumps([values[link.resource] for link in plan.parents], default=str, sort_keys=True)
        if not is_new and not failed_before.has(key, [values[link.resource] for link in plan.parents]):
            continue
        _, includes = grouped.setdefault(key, (values, {}))
        include = _include(plan, combination)
        if include:
            includes.setdefault(json.dumps(include, default=str, sort_keys=True), include)
    return [
        ParentGroup(key=key, values=values, includes=tuple(includes.values()), partition=partition)
        for key, (values, includes) in grouped.items()
    ]


class _FailedBefore:
    """The parents that failed in an earlier run, found by the fields that their request used then.

    The config may use more of their fields since, or fewer: the fields that both have in common identify them.

    Args:
        keys: Their keys, as ``ParentGroup.key``.
    """

    def __init__(self, keys: Collection[str]) -> None:
        self._keys = frozenset(keys)
        self._values = [json.loads(key) for key in keys]

    def has(self, key: str, values: Sequence[Fields]) -> bool:
        """Whether a parent (or combination) is one of them.

        Args:
            key: Its key.
            values: The fields that its request takes, per parent.
        """
        if key in self._keys:
            return True
        return any(
            len(one) == len(values) and all(map(_is_same_parent, one, values))
            for one in self._values
            if [set(fields) for fields in one] != [set(fields) for fields in values]
        )


def _is_same_parent(before: Fields, now: Fields) -> bool:
    return all(json.dumps(now[name], default=str) == json.dumps(before[name]) for name in before if name in now)


def _new_combinations(parents: Sequence["ParentRows"]) -> Iterator[tuple[Fields, ...]]:
    """The combinations with a new row, each once: the first new one is of the first parent, or the second ..."""
    for position in range(len(parents)):
        old = (parent.select(new=False) for parent in parents[:position])
        everything = (parent.rows for parent in parents[position + 1 :])
        yield from itertools.product(*old, parents[position].select(new=True), *everything)


def _old_combinations(parents: Sequence["ParentRows"]) -> Iterator[tuple[Fields, ...]]:
    return itertools.product(*(parent.select(new=False) for parent in parents))


def _take(link: "ParentLink", row: Fields, fields: Sequence[str], *, plan: "ResourcePlan") -> dict[str, Any]:
    missing = [name for name in fields if name not in row]
    if missing:
        raise StateError(
            f"a row of parent {link.resource!r} has no field {missing[0]!r}",
            code="state_parent_field_missing",
            where=plan.config_path,
            hint=f"Either the API left it out, or {link.resource!r} was loaded before this config used it: materialize"
            f" {link.resource!r} again.",
        )
    return {name: row[name] for name in fields}


def _include(plan: "ResourcePlan", combination: Sequence[Fields]) -> dict[str, Any]:
    include: dict[str, Any] = {}
    for link, row in zip(plan.parents, combination, strict=True):
        taken = _take(link, row, link.include, plan=plan)
        include.update({f"_{link.resource}_{name}": value for name, value in taken.items()})
    return include


def batch_groups(
    plan: "ResourcePlan", groups: Sequence[ParentGroup], *, cursors: Mapping[str, "CursorState"] | None = None
) -> Sequence[ParentGroup]:
    """Groups put together so that one request asks for many parents (``batch`` in the config).

    Args:
        plan: The child resource.
        groups: Its parents.
        cursors: Where each of them goes on, if each has a cursor: those of one request go on from the same value.
    """
    if plan.batch is None:
        return groups
    size, separator = plan.batch.size, plan.batch.separator or ","
    known = cursors or {}
    together: dict[CursorState | None, list[ParentGroup]] = {}
    for group in groups:
        together.setdefault(known.get(group.key), []).append(group)
    return [
        _batch(alike[i : i + size], separator=separator)
        for alike in together.values()
        for i in range(0, len(alike), size)
    ]


def parents_of(plan: "ResourcePlan", key: str) -> Sequence[str]:
    """The key of each parent that the group of this key asks for."""
    return [key] if plan.batch is None else list(json.loads(key))


def cursor_of_group(plan: "ResourcePlan", key: str, *, cursors: Mapping[str, "CursorState"]) -> "CursorState | None":
    """Where the group of this key goes on: all of its parents have one cursor, or none yet.

    Args:
        plan: The child resource.
        key: The group's key.
        cursors: The stored cursor of each parent.
    """
    return next((cursors.get(parent) for parent in parents_of(plan, key)), None)


def _batch(groups: Sequence[ParentGroup], *, separator: str) -> ParentGroup:
    values: dict[str, Fields] = {}
    for resource, fields in groups[0].values.items():
        values[resource] = {
            name: JoinedValues((group.values[resource][name] for group in groups), separator=separator)
            for name in fields
        }
    return ParentGroup(
        key=json.dumps([group.key for group in groups]),
        values=values,
        partition=groups[0].partition,
        batched=tuple(group.key for group in groups),
    )


class JoinedValues(list[Any]):
    """Many parents' values in one request: a list in a JSON body, joined text anywhere else."""

    def __init__(self, values: Iterator[Any], *, separator: str) -> None:
        super().__init__(values)
        self.separator = separator

    def __str__(self) -> str:
        return self.separator.join(str(value) for value in self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def make_units(
    plan: "ResourcePlan",
    groups: Sequence[ParentGroup],
    *,
    incremental: Callable[[ParentGroup], Mapping[str, Any]],
    partition: Callable[[ParentGroup], Mapping[str, Any] | None],
    counts: FanOutCounts,
    first: int = 0,
    resume_state: Mapping[str, Any] | None = None,
) -> Iterator["FetchUnit"]:
    """The requests of a run, rendered one by one as the engine takes them.

    Args:
        plan: The resource.
        groups: What to ask for.
        incremental: The incremental values of a group's request.
        partition: The values of ``{partition....}`` for a group.
        counts: Counts parents and those left out.
        first: The group to go on with (a resumed run).
        resume_state: The paginator state of that group.

    Raises:
        StateError: ``state_null_parent`` when a parent's value is null and the config says ``on_null_parent: fail``.
    """
    from dagster_rest.http import FetchUnit

    counts.parents += first if plan.parents else 0
    for index in range(first, len(groups)):
        group = groups[index]
        if plan.parents:
            counts.parents += 1
        try:
            request = plan.request.render(
                parents=group.values, incremental=incremental(group), partition=partition(group)
            )
        except NullParentValue as error:
            if plan.endpoint.on_null_parent == "fail":
                raise StateError(
                    f"a parent row has no value for the path: {error.message}",
                    code="state_null_parent",
                    where=f"{plan.config_path}.endpoint.path",
                    hint="Fix the parent's row, or skip it with on_null_parent: skip.",
                ) from error
            counts.null_parents += 1
            continue
        yield FetchUnit(request=request, index=index, resume_state=resume_state if index == first else None)


def add_includes(records: list[Any], includes: Sequence[Fields]) -> list[Any]:
    """A page's records with the parent's fields added: once for each distinct set of parent values.

    Args:
        records: The page's records; a record that is no object becomes ``{"value": record}``.
        includes: What ``ParentGroup.includes`` holds.
    """
    if not includes:
        return records
    objects = [record if isinstance(record, dict) else {"value": record} for record in records]
    return [{**record, **include} for include in includes for record in objects]
