"""How to get from one page to the next: what every paginator has.

A paginator is state and three small functions; it never sends anything. A fetch copies it for every unit, so one
instance in a config may serve any number of resources.
"""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from dagster_rest.http.errors import PaginationError

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.request import Request


class BasePaginator(ABC):
    """The base of every paginator; subclass it for an API of another kind.

    Set `self._has_next_page = False` in `update_state` when there is no further page. Keep the constructor free of
    side effects: instances are copied.

    Attributes:
        max_pages: At most so many pages; the stream of pages counts them.
        ended_by: One word for why paging ended.
        items_on_page: Items of the page that `update_state` is called with, as the API counts them; None if that
            is not known (a selector that takes parts of items).
        warnings: Warnings for the materialization's metadata.

    Example:
        ```python
        from dagster_rest.http import BasePaginator


        class PageInBody(BasePaginator):
            def __init__(self):
                super().__init__()
                self.page = 1

            def init_request(self, request):
                self.update_request(request)

            def update_state(self, response, data=None):
                self._has_next_page = bool(data)
                self.page += 1

            def update_request(self, request):
                request.json = {**(request.json or {}), "page": self.page}
        ```
    """

    kind: ClassVar[str] = "custom"

    def __init__(self, *, max_pages: int | None = None) -> None:
        self._has_next_page = True
        self.max_pages = max_pages
        self.ended_by: str | None = None
        self.items_on_page: int | None = None
        self.warnings: list[str] = []

    @property
    def has_next_page(self) -> bool:
        """Whether there is a page after the one seen last."""
        return self._has_next_page

    def init_request(self, request: Request) -> None:  # noqa: B027  (optional to override)
        """Prepare the first request. By default nothing is changed."""

    @abstractmethod
    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Learn from a response.

        Args:
            response: The response; `response.json()` works.
            data: The records selected from it.
        """

    def update_without_content(self, response: httpx.Response) -> None:
        """Learn from a response after the first page that has no content (204, an empty body, `null`).

        A paginator for which that is an end has no next page afterwards; else it is an error. By default the question
        is put to `update_state`, with no records.
        """
        try:
            update_state(self, response, [])
        except ValueError:
            # It looks for something in a body that is not there.
            self._has_next_page = True

    @abstractmethod
    def update_request(self, request: Request) -> None:
        """Turn the request that was sent last into the one for the next page, in place."""

    def state(self) -> dict[str, Any] | None:
        """What `restore` needs to go on after the page seen last, JSON-able; None: cannot resume."""
        return None

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state; `update_request` then asks for the page after it."""
        raise PaginationError(f"{type(self).__name__} cannot resume", code="http_pagination")

    def upcoming(self) -> Iterator[BasePaginator]:
        """Copies of this paginator, one for each later page whose request is known already, in order."""
        return iter(())

    @property
    def pages_left(self) -> bool:
        """Whether the API's own total says that pages remain after the one that is being asked for."""
        return False

    @property
    def is_past_total(self) -> bool:
        """Whether the API's latest total says that the list was over before the page that is being asked for."""
        return False

    @property
    def items_total(self) -> int | None:
        """The number of items that the API counts, if the paginator reads it."""
        return None

    def clone(self) -> BasePaginator:
        """An independent copy, for one unit."""
        if not type(self).__module__.startswith(__package__):
            return copy.deepcopy(self)
        same = copy.copy(self)
        same.warnings = []
        return same

    def describe(self) -> str:
        """Kind and parameters, for logs and messages."""
        return self.kind if self.kind != "custom" else type(self).__name__

    def _is_empty(self, records: list[Any]) -> bool:
        """Whether a page has nothing on it; one whose items a selector leaves out is not empty."""
        return not records and not self.items_on_page

    def _stop(self, reason: str) -> None:
        self._has_next_page = False
        self.ended_by = reason


class SinglePagePaginator(BasePaginator):
    """One request and no more."""

    kind = "single_page"

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """There is never a second page."""
        self._stop("single_page")

    def update_request(self, request: Request) -> None:
        """Nothing to change."""


def update_state(
    paginator: BasePaginator, response: httpx.Response, records: list[Any], *, items: int | None = None
) -> None:
    """Call `update_state`, also of a paginator that takes the response only.

    Args:
        paginator: The paginator.
        response: The response.
        records: The records of the page.
        items: What the API counts on it; see `BasePaginator.items_on_page`.
    """
    paginator.items_on_page = items
    if _takes_data(type(paginator)):
        paginator.update_state(response, records)
    else:
        paginator.update_state(response)


@lru_cache(maxsize=256)
def _takes_data(cls: type[BasePaginator]) -> bool:
    parameters = list(inspect.signature(cls.update_state).parameters.values())[1:]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 1 or any(p.kind is p.VAR_POSITIONAL for p in parameters)
