"""Paginators that follow the URL of the next page."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from dagster_rest.http.errors import LoopError, PaginationError
from dagster_rest.http.paginators.base import BasePaginator
from dagster_rest.http.parse.body import body_of
from dagster_rest.http.parse.jsonpath import compile_path
from dagster_rest.http.parse.link_header import link_target
from dagster_rest.http.request import join_link

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.request import Request


class _NextUrlPaginator(BasePaginator):
    """Follows the URL of the next page that a response names."""

    def __init__(self, *, max_pages: int | None = None) -> None:
        super().__init__(max_pages=max_pages)
        self._next_url: str | None = None

    @abstractmethod
    def _read_next(self, response: httpx.Response) -> Any: ...

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Take the next URL; null, missing, empty or false end the paging."""
        found = self._read_next(response)
        if not found:
            self._stop("no_link")
            return
        if not isinstance(found, str):
            raise PaginationError(
                f"the next link is not a URL but {type(found).__name__}",
                code="http_pagination",
                hint="Point the paginator to a text with the URL of the next page.",
            )
        following = join_link(str(response.request.url), found)
        if following == self._next_url:
            raise LoopError(
                "the next link leads to the page itself",
                code="http_loop",
                hint="The API repeats its link; set the paginator that it uses, or `max_pages`.",
            )
        self._next_url = following

    def update_without_content(self, response: httpx.Response) -> None:
        """A page that a link announced has to be there."""

    def update_request(self, request: Request) -> None:
        """Ask for the link; it carries the query, so the static parameters go."""
        request.url = self._next_url or request.url
        request.params = None

    def state(self) -> dict[str, Any] | None:
        """The next URL."""
        return {"next_url": self._next_url}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored URL."""
        self._next_url = state["next_url"]


class JSONLinkPaginator(_NextUrlPaginator):
    """The body holds the URL of the next page.

    A relative URL (`/x?page=2`, `?page=2`) is resolved against the request's. Follows dlt's `json_link` (its docs,
    "RESTClient: JSONLinkPaginator"); an empty text or false ends the paging as null does.

    Args:
        next_url_path: JSONPath of the link.
        max_pages: At most so many pages.
    """

    kind = "json_link"

    def __init__(self, next_url_path: str = "next", *, max_pages: int | None = None) -> None:
        super().__init__(max_pages=max_pages)
        self.next_url_path = next_url_path

    def _read_next(self, response: httpx.Response) -> Any:
        return compile_path(self.next_url_path).first(body_of(response))

    def describe(self) -> str:
        """Kind and path."""
        return f"json_link(next_url_path={self.next_url_path!r})"


class HeaderLinkPaginator(_NextUrlPaginator):
    """The `Link` header (RFC 8288) holds the URL of the next page.

    Args:
        links_next_key: The relation that names the next page.
        max_pages: At most so many pages.
    """

    kind = "header_link"

    def __init__(self, links_next_key: str = "next", *, max_pages: int | None = None) -> None:
        super().__init__(max_pages=max_pages)
        self.links_next_key = links_next_key

    def _read_next(self, response: httpx.Response) -> Any:
        return link_target(response.headers.get("link", ""), self.links_next_key)

    def describe(self) -> str:
        """Kind and relation."""
        return f"header_link(links_next_key={self.links_next_key!r})"
