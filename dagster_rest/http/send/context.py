"""What holds for the requests of one fetch, and what comes of one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dagster_rest.http.errors import HttpError
from dagster_rest.http.origin import origin_of
from dagster_rest.http.request import is_absolute

if TYPE_CHECKING:
    import httpx

    from dagster_rest.config.request.render import RequestSpec
    from dagster_rest.http.send.response_actions import Action
    from dagster_rest.http.send.slots import Slots


@dataclass(frozen=True)
class Context:
    """What holds for all requests of one fetch.

    Attributes:
        auth: The auth, or None.
        actions: Compiled response actions.
        hooks: Response hooks.
        trusted: Origins that may be asked.
        slots: Limits the requests in flight.
        where: The config path, for errors.
        raise_for_status: Whether an error status raises.
    """

    auth: httpx.Auth | None
    trusted: Collection[str]
    slots: Slots
    actions: Sequence[Action] = ()
    hooks: Sequence[Callable[..., Any]] = ()
    where: str | None = None
    raise_for_status: bool = True

    def trusting(self, spec: RequestSpec) -> Context:
        """The same, trusting the origin that the config itself writes into a path.

        Raises:
            HttpError: The path is not a URL.
        """
        if spec.origin_from_data or not is_absolute(spec.path):
            return self
        try:
            origin = origin_of(spec.path)
        except HttpError as error:
            error.where = error.where or self.where
            raise
        return replace(self, trusted=frozenset({*self.trusted, origin}))


@dataclass(frozen=True)
class Outcome:
    """A response that was accepted.

    Attributes:
        response: The response, its body read.
        ignored: Whether an action says to skip it.
    """

    response: httpx.Response
    ignored: bool = False
