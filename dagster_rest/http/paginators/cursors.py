"""Paginators that send back a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster_rest.config.values.jsonpath import MISSING
from dagster_rest.http.errors import LoopError, PaginationError
from dagster_rest.http.paginators.base import BasePaginator
from dagster_rest.http.paginators.parameter import ParameterPosition
from dagster_rest.http.paginators.values import read_flag
from dagster_rest.http.parse.body import body_of
from dagster_rest.http.parse.jsonpath import compile_path

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.request import Request


class _CursorBase(BasePaginator):
    """Sends back a token that the response gave."""

    def __init__(self, position: ParameterPosition, initial_cursor: Any, max_pages: int | None) -> None:
        super().__init__(max_pages=max_pages)
        self._position = position
        self._cursor: Any = initial_cursor

    def init_request(self, request: Request) -> None:
        """The first request has no cursor, unless an initial one is set."""
        if self._cursor is not None:
            self._position.put(request, self._cursor)

    def _take(self, cursor: Any) -> None:
        if not cursor:
            self._stop("no_cursor")
        elif not self._position.holds(cursor):
            raise PaginationError(
                f"the cursor is {type(cursor).__name__}, which cannot be sent in {self._position}",
                code="http_pagination",
                hint="Point the paginator to the text or number of the next page. Objects and lists need a JSON "
                "body (`cursor_body_path`).",
            )
        elif cursor == self._cursor:
            raise LoopError(
                "the API returned the same cursor twice in a row",
                code="http_loop",
                hint="Check the cursor's path and where it is sent (`cursor_param` or `cursor_body_path`).",
            )
        else:
            self._cursor = cursor

    def update_without_content(self, response: httpx.Response) -> None:
        """A page that a cursor announced has to be there."""

    def update_request(self, request: Request) -> None:
        """Send the cursor."""
        self._position.put(request, self._cursor)

    def state(self) -> dict[str, Any] | None:
        """The cursor."""
        return {"cursor": self._cursor}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored cursor."""
        self._cursor = state["cursor"]


class HeaderCursorPaginator(_CursorBase):
    """A response header holds the cursor of the next page; an absent or empty one ends the paging.

    Args:
        cursor_key: Name of the response header.
        cursor_param: Query parameter that sends it back; `cursor` by default.
        initial_cursor: Cursor of the first request.
        max_pages: At most so many pages.
    """

    kind = "header_cursor"

    def __init__(
        self,
        cursor_key: str = "next",
        cursor_param: str | None = None,
        *,
        initial_cursor: Any = None,
        max_pages: int | None = None,
    ) -> None:
        super().__init__(ParameterPosition.choose("cursor", cursor_param=cursor_param), initial_cursor, max_pages)
        self.cursor_key = cursor_key

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Take the cursor from the header."""
        self._take(response.headers.get(self.cursor_key))

    def describe(self) -> str:
        """Kind and header."""
        return f"header_cursor(cursor_key={self.cursor_key!r}, {self._position})"


class JSONResponseCursorPaginator(_CursorBase):
    """The body holds the cursor of the next page (dlt's docs, "RESTClient: JSONResponseCursorPaginator").

    Args:
        cursor_path: JSONPath of the cursor; null, missing, false, 0 and what is empty end the paging.
        cursor_param: Query parameter that sends it back; `cursor` if no position is named.
        cursor_body_path: Dot path in the JSON body that sends it back, instead.
        stop_after_empty_page: A page without records ends the paging, whatever the cursor.
        has_more_path: JSONPath of a flag; false ends the paging, whatever the cursor.
        cursor_header: Header that sends it back, instead.
        initial_cursor: Cursor of the first request.
        max_pages: At most so many pages.
    """

    kind = "cursor"

    def __init__(
        self,
        cursor_path: str = "cursors.next",
        cursor_param: str | None = None,
        cursor_body_path: str | None = None,
        stop_after_empty_page: bool = False,
        has_more_path: str | None = None,
        *,
        cursor_header: str | None = None,
        initial_cursor: Any = None,
        max_pages: int | None = None,
    ) -> None:
        position = ParameterPosition.choose(
            "cursor", cursor_param=cursor_param, cursor_body_path=cursor_body_path, cursor_header=cursor_header
        )
        super().__init__(position, initial_cursor, max_pages)
        self.cursor_path = cursor_path
        self.stop_after_empty_page = stop_after_empty_page
        self.has_more_path = has_more_path

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Take the cursor from the body."""
        if self.stop_after_empty_page and data is not None and self._is_empty(data):
            self._stop("empty_page")
            return
        body = body_of(response)
        found = compile_path(self.cursor_path).find(body)
        cursor = found[-1] if found else None
        if self.has_more_path is not None and not self._says_more(body, cursor):
            self._stop("has_more")
            return
        stays = cursor is not None and cursor == self._cursor
        if stays and self.has_more_path is None and data is not None and self._is_empty(data):
            # Nothing behind this cursor, and the API stays there: a feed that has been read to its end.
            self._stop("same_cursor")
            return
        self._take(cursor)
        if self.has_more_path is not None and not self.has_next_page:
            self.warnings.append(f"no cursor at {self.cursor_path!r} ended the list, although {self.has_more_path!r} "
                                 "says that there is more")  # fmt: skip

    def _says_more(self, body: Any, cursor: Any) -> bool:
        path = self.has_more_path or ""
        # Some serialisers leave out what is false or null.
        left_out = cursor is None and compile_path(path).first(body, MISSING) is MISSING
        return not left_out and read_flag(body, path)

    def update_without_content(self, response: httpx.Response) -> None:
        """An empty page, which ends the paging only with `stop_after_empty_page`."""
        if self.stop_after_empty_page:
            self._stop("empty_page")

    def describe(self) -> str:
        """Kind and places."""
        return f"cursor(cursor_path={self.cursor_path!r}, {self._position})"
