"""The range that a run's config gives: whether it makes sense, and whether it begins beyond what is loaded."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.cursor.values import comparable, from_state, is_before
from dagster_rest.assets.errors import CursorError
from dagster_rest.assets.start.start import RunStart

if TYPE_CHECKING:
    from dagster_rest.config.model.incremental import IncrementalConfig
    from dagster_rest.config.plan.build import ResourcePlan


def begins_beyond(
    plan: "ResourcePlan", *, start: RunStart, per_parent: bool, start_override: Any, end_override: Any
) -> bool:
    """Whether a range without an end begins beyond what is loaded: then the cursor must not follow it.

    Args:
        plan: The resource.
        start: What the run starts from.
        per_parent: Whether each parent has a cursor of its own: those that have none, or an earlier one, start there.
        start_override: ``RestRunConfig.start_value``.
        end_override: ``RestRunConfig.end_value``.
    """
    incremental = plan.incremental
    if incremental is None or start_override is None or end_override is not None or incremental.end_value is not None:
        return False
    for one in start.partitions.values():
        if per_parent and one.parent_cursors:
            continue
        known = one.cursor if not per_parent else None
        reached = from_state(known) if known is not None else incremental.initial_value
        if is_beyond(incremental, start_override, reached):
            return True
    return False


def is_beyond(incremental: "IncrementalConfig", start: Any, reached: Any) -> bool:
    """Whether there may be rows between what is loaded and a start.

    Args:
        incremental: The resource's incremental block.
        start: Where a range starts.
        reached: The cursor of what is loaded; None or an empty text if there is none.
    """
    if reached is None or reached == "":
        return True
    function = incremental.last_value_func
    if callable(function):
        return bool(start != reached)
    if not _are_of_one_kind(start, reached):
        # Refused elsewhere, with words.
        return False
    return is_before(start, reached) if function == "min" else is_before(reached, start)


def check_given(plan: "ResourcePlan", given: Mapping[str, Any], *, has_windows: bool, start: RunStart) -> None:
    """Refuse values of the run's config that would not do what they say.

    Args:
        plan: The resource.
        given: ``start_value`` and ``end_value`` of the run; None where it gives none.
        has_windows: Whether the run's partitions are windows of time.
        start: What the run starts from.

    Raises:
        CursorError: ``run_config_range``.
    """
    values = {name: value for name, value in given.items() if value is not None}
    if not values:
        return
    incremental, name = plan.incremental, next(iter(values))
    if incremental is None:
        raise _refused(plan, f"{name} has no meaning for a resource without `incremental`", hint="Leave it out.")
    if has_windows:
        raise _refused(plan, f"the partition is the range, and {name} is another", hint="Choose partitions instead.")
    stored = (one.cursor for one in start.partitions.values())
    known = [*(from_state(cursor) for cursor in stored if cursor is not None), incremental.initial_value]
    # An empty text is before all others, and says nothing of their kind.
    pattern = next((value for value in known if value not in (None, "")), None)
    for name, value in values.items():
        if pattern is not None and not _are_of_one_kind(value, pattern):
            raise _refused(
                plan,
                f"{name} is {str(value)[:60]!r}, and the cursor is like {str(pattern)[:60]!r}",
                hint="Write it as the API writes the cursor.",
            )
    _check_order(plan, values)


def _check_order(plan: "ResourcePlan", values: Mapping[str, Any]) -> None:
    incremental = plan.incremental
    assert incremental is not None
    start = values.get("start_value", incremental.initial_value)
    end = values.get("end_value", incremental.end_value)
    if start is None or end is None or callable(incremental.last_value_func):
        return
    if not _are_of_one_kind(start, end):
        raise _refused(plan, "start_value and end_value are of different kinds", hint="Write both in the same form.")
    if incremental.last_value_func == "min":
        start, end = end, start
    closed = incremental.range_end == "closed" and incremental.range_start == "closed"
    if is_before(end, start) or not (closed or is_before(start, end)):
        raise _refused(
            plan, "the range is empty: it starts where it ends, or after it", hint="The end is not part of a range."
        )


def _are_of_one_kind(left: Any, right: Any) -> bool:
    """Whether two cursor values have an order that means something: not a word and a date."""
    families = {comparable(value).family for value in (left, right)}
    return len(families) == 1 or families == {"day", "instant"}


def _refused(plan: "ResourcePlan", message: str, *, hint: str) -> CursorError:
    return CursorError(message, code="run_config_range", where=f"{plan.config_path}.endpoint.incremental", hint=hint)
