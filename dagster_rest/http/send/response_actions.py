"""What a response means: `response_actions` and hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.http.errors import HttpError, IgnoreResponse
from dagster_rest.http.parse.body import forget_body
from dagster_rest.http.send.retry import matches_status

if TYPE_CHECKING:
    import httpx

ActionKind = Literal["ignore", "retry", "fail"]


@dataclass(frozen=True)
class Action:
    """One entry of `response_actions`, compiled.

    Attributes:
        statuses: Statuses that match; empty matches all.
        content: A text that the body must hold, or None.
        predicate: A compiled `json` predicate, or None.
        action: What a match means, or None for one that only has hooks.
        hooks: Callables for the response.
        message: The text of `fail`.
    """

    statuses: tuple[int | str, ...] = ()
    content: str | None = None
    predicate: Callable[[Any], bool] | None = None
    action: ActionKind | None = None
    hooks: tuple[Callable[..., Any], ...] = ()
    message: str | None = None

    def matches(self, response: httpx.Response) -> bool:
        """Whether every condition holds. An entry with no condition at all matches every response."""
        if self.statuses and not any(matches_status(s, response.status_code) for s in self.statuses):
            return False
        if self.content is not None and self.content not in response.text:
            return False
        return self.predicate is None or self.predicate(response)


@dataclass(frozen=True)
class ActionResult:
    """What the actions say about a response, which a hook may have replaced; `message` is that of `fail`."""

    response: httpx.Response
    action: ActionKind | None = None
    message: str | None = None


def apply_actions(
    response: httpx.Response, actions: Sequence[Action], hooks: Sequence[Callable[..., Any]]
) -> ActionResult:
    """Ask hooks and actions in order; the first entry that matches with an action wins.

    Callables of all matching entries before it run. They may change the response in place, return another one, or
    raise `IgnoreResponse`.
    """
    try:
        for hook in hooks:
            response = _run(hook, response)
        for action in actions:
            if not action.matches(response):
                continue
            for hook in action.hooks:
                response = _run(hook, response)
            if action.action is not None:
                return ActionResult(response, action.action, action.message)
    except IgnoreResponse:
        return ActionResult(response, "ignore")
    return ActionResult(response)


def _run(hook: Callable[..., Any], response: httpx.Response) -> httpx.Response:
    import httpx

    returned = hook(response)
    forget_body(response)
    return returned if isinstance(returned, httpx.Response) else response


def compile_actions(entries: Sequence[Any] | None, *, where: str | None = None) -> tuple[Action, ...]:
    """Compile `response_actions`.

    Args:
        entries: `ResponseAction` models, dicts or callables.
        where: The config path, for errors.

    Raises:
        HttpError: An entry cannot be understood.
    """
    return tuple(_compile(entry, where) for entry in entries or ())


def compile_hooks(hooks: Any) -> tuple[Callable[..., Any], ...]:
    """The callables of a callable, of several, of `{"response": [...]}` or of None."""
    if isinstance(hooks, Mapping):
        return compile_hooks(hooks.get("response"))
    return (hooks,) if callable(hooks) else tuple(hooks or ())


def _compile(entry: Any, where: str | None) -> Action:
    if isinstance(entry, Mapping):
        from dagster_rest.config.model.endpoint import ResponseAction

        entry = ResponseAction(**entry)
    if not hasattr(type(entry), "model_fields"):
        if callable(entry):
            return Action(hooks=(entry,))
        raise HttpError(f"{type(entry).__name__} is not a response action", code="http_request_invalid", where=where)
    status = getattr(entry, "status_code", None)
    action = entry.action
    conditions: dict[str, Any] = {
        "statuses": tuple(status) if isinstance(status, (list, tuple)) else () if status is None else (status,),
        "content": getattr(entry, "content", None),
        "predicate": _predicate(entry.json_predicate),
        "message": getattr(entry, "message", None),
    }
    if action in ("ignore", "retry", "fail"):
        return Action(action=action, **conditions)
    hooks = tuple(action) if isinstance(action, (list, tuple)) else (action,)
    return Action(hooks=hooks, **conditions)


def _predicate(text: Any) -> Callable[[Any], bool] | None:
    if text is None:
        return None
    from dagster_rest.http.parse.predicates import compile_predicate

    return compile_predicate(text)
