"""What a stored cursor stands for: which field and function, which parents, and whether it is the end of a window."""

import json
from collections.abc import Mapping

from dagster_rest.assets.start.facts import Rules
from dagster_rest.warehouse.state.load_row import EDGE, CursorState, LoadRow


def has_other_cursor(load: LoadRow, *, rules: Rules, parent_cursors: Mapping[str, CursorState]) -> bool:
    """Whether what is stored are not the cursors that the config means.

    Args:
        load: The load that the cursor was stored with.
        rules: What the config says.
        parent_cursors: The stored cursor of each parent.
    """
    if rules.cursor_path is None:
        return False
    if _has_other_owners(load, rules=rules, parent_cursors=parent_cursors):
        return True
    if load.cursor is None:
        return False
    other_path = load.cursor_path is not None and load.cursor_path != rules.cursor_path
    return other_path or (load.cursor_function is not None and load.cursor_function != rules.cursor_function)


def _has_other_owners(load: LoadRow, *, rules: Rules, parent_cursors: Mapping[str, CursorState]) -> bool:
    """Whether the stored cursors are other parents', or one is of all parents and the others of each."""
    fields = rules.parent_fields
    if fields is None:
        return bool(parent_cursors)
    if not parent_cursors:
        # What is shown for all parents together has no rows at its boundary, a cursor of its own has.
        return load.cursor is not None and bool(set(load.cursor.boundary) - {EDGE})
    return any(_fields_of(key) != fields for key in parent_cursors)


def _fields_of(key: str) -> tuple[tuple[str, ...], ...]:
    """The names of the fields in a parent's key (``ParentGroup.key``), for each of its parents."""
    return tuple(tuple(sorted(values)) for values in json.loads(key or "[]"))


def about_other_cursor(load: LoadRow, *, rules: Rules, parent_cursors: Mapping[str, CursorState]) -> str:
    """How the stored cursors differ from those that the config means, and what follows.

    Args:
        load: The load that the cursor was stored with.
        rules: What the config says.
        parent_cursors: The stored cursor of each parent.
    """
    was = f"{load.cursor_path} ({load.cursor_function or 'max'})"
    is_now = f"{rules.cursor_path} ({rules.cursor_function})"
    twice = " Rows that are in the table already are added again; a full refresh rebuilds it." * rules.only_grows
    found = f"the stored cursor comes from {was}, the config says {is_now}"
    if _has_other_owners(load, rules=rules, parent_cursors=parent_cursors):
        found = _about_other_owners(rules=rules, parent_cursors=parent_cursors)
    return f"{found}: starting from the initial value.{twice}"


def _about_other_owners(*, rules: Rules, parent_cursors: Mapping[str, CursorState]) -> str:
    fields = rules.parent_fields
    if fields is None:
        return "the stored cursors are one for each parent, the config keeps one for all"
    if not parent_cursors:
        return "the stored cursor is one for all parents, the config keeps one for each"
    was = next(found for found in map(_fields_of, parent_cursors) if found != fields)
    return f"the stored cursors are of parents identified by {_listed(was)}, the config uses {_listed(fields)}"


def _listed(fields: tuple[tuple[str, ...], ...]) -> str:
    return " and ".join(", ".join(names) for names in fields) or "nothing"


def is_at_edge(load: LoadRow) -> bool:
    """Whether the cursor after a load is the end of a window, whichever load has brought it there.

    Args:
        load: The load.
    """
    if load.cursor is not None and load.cursor.boundary:
        return load.cursor.is_edge
    return not load.complete and load.progress is None
