"""A resource whose records come from Python instead of an endpoint."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.errors import StateError
from dagster_rest.config.request.render import RequestSpec

if TYPE_CHECKING:
    from dagster_rest.config.plan.build import ResourcePlan
    from dagster_rest.http import Page


def pages_of_callable(plan: "ResourcePlan", *, limit: int | None = None) -> Iterator["Page"]:
    """The pages of a Python callable: each thing it returns or yields is a list of records, or one record.

    Args:
        plan: The resource; its ``source`` is the callable.
        limit: At most so many pages.

    Raises:
        StateError: ``source_not_records`` when the callable gives something else.
    """
    from dagster_rest.http import FetchUnit, Page

    assert plan.source is not None
    unit = FetchUnit(request=RequestSpec(), index=0)
    waiting: list[Any] | None = None
    number = 0
    for records in _lists(plan.source() if callable(plan.source) else plan.source, plan=plan):
        if waiting is not None:
            yield Page(waiting, unit=unit, number=number)
            number += 1
        waiting = records
        if limit is not None and number + 1 >= limit:
            break
    yield Page(waiting or [], unit=unit, number=number, is_last=True)


def _lists(given: Any, *, plan: "ResourcePlan") -> Iterator[list[Any]]:
    if given is None:
        return
    if isinstance(given, Mapping):
        yield [dict(given)]
        return
    if isinstance(given, list) and not any(isinstance(item, list) for item in given):
        yield given
        return
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise StateError(
            f"the source callable returned {type(given).__name__}, not lists of records",
            code="source_not_records",
            where=f"{plan.config_path}.source",
            hint="Return or yield lists of dicts.",
        )
    for item in given:
        yield from _lists(item, plan=plan)
