"""The parents whose request fails: left out within a limit, and tried again by a later run."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.errors import StateError
from dagster_rest.assets.parents.fan_out import ParentGroup
from dagster_rest.warehouse.state.parents.failed import SIDE, FailedParent

if TYPE_CHECKING:
    from dagster_rest.config.plan.build import ResourcePlan
    from dagster_rest.http import HttpError
    from dagster_rest.warehouse.stage.staged_load import StagedLoad

_LONGEST_MESSAGE = 500
_HINT = "`on_parent_error: skip` skips a failing parent and tries it again in the next run."


class ParentErrors:
    """Decides what becomes of a request that failed.

    Args:
        context: The load.
    """

    def __init__(self, context: LoadContext) -> None:
        self._context = context
        self._failed: set[str] = set()

    def left_out(self, group: ParentGroup, error: "HttpError") -> list[FailedParent]:
        """The parents that are left out for an error; none where it is to stop the run, and then it says why.

        Args:
            group: What was asked for.
            error: What happened; its hint gets the way out.
        """
        context = self._context
        if not context.plan.parents or not is_of_one_parent(error):
            return []
        if not context.skips_failed_parents:
            asked = context.plan.endpoint.on_parent_error == "skip"
            _add_hint(error, "A run with its own range skips no parent." if asked else _HINT)
            return []
        most = context.plan.endpoint.max_parent_errors
        self._failed.update(group.parent_keys)
        if len(self._failed) > most:
            _add_hint(error, _too_many(len(self._failed), most=most))
            return []
        message = context.client.redactor.redact(error.message)[:_LONGEST_MESSAGE]
        status = getattr(error, "status_code", None) or None
        for key in group.parent_keys:
            context.log(f"the parent {key} is skipped: {message}")
        return [FailedParent(key=key, status=status, code=error.code, message=message) for key in group.parent_keys]


def is_of_one_parent(error: "HttpError") -> bool:
    """Whether an error is the answer to one parent's request, and not one that every request would get."""
    from dagster_rest.http.errors import (
        ActionError,
        BodyError,
        DecodeError,
        HttpStatusError,
        ResponseTooLargeError,
        TokenError,
    )

    if isinstance(error, HttpStatusError):
        return not isinstance(error, TokenError) and error.status_code not in (0, 401)
    if error.code == "http_selector_matched_nothing":
        return True
    return isinstance(error, (ActionError, BodyError, DecodeError, ResponseTooLargeError))


def failed_in(staged: Iterable["StagedLoad"], *, plan: "ResourcePlan") -> list[FailedParent]:
    """The parents that a load has left out, those before an interruption included.

    Args:
        staged: What each partition has on disk.
        plan: The resource.

    Raises:
        StateError: ``state_parent_errors`` when they are more than ``max_parent_errors``.
    """
    found = {row["key"]: FailedParent(**row) for one in staged for row in one.side(SIDE)}
    most = plan.endpoint.max_parent_errors
    if len(found) > most:
        raise StateError(
            f"{len(found)} parents failed, the last with: {next(reversed(found.values())).message}",
            code="state_parent_errors",
            where=plan.config_path,
            hint=_too_many(len(found), most=most),
        )
    return list(found.values())


def _too_many(count: int, *, most: int) -> str:
    return f"{count} parents failed in this run; `max_parent_errors` is {most}."


def _add_hint(error: "HttpError", hint: str) -> None:
    error.hint = f"{error.hint} {hint}" if error.hint else hint
