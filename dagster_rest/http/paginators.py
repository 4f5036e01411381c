"""How to get from one page to the next.

A paginator is state and three small functions; it never sends anything. The engine copies it for every unit, so one
instance in a config may serve any number of resources.
"""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urljoin

from dagster_rest.config.jsonpath import MISSING
from dagster_rest.config.registry import PAGINATORS
from dagster_rest.http.decoding import key_tree
from dagster_rest.http.errors import LoopError, PaginationError
from dagster_rest.http.jsonpath import compile_path

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.request import Request

_TRUE = frozenset({"true", "yes", "y", "t", "1", "on"})
_FALSE = frozenset({"false", "no", "n", "f", "0", "off"})
BODY = "dagster_rest.body"


def body_of(response: httpx.Response) -> Any:
    """The decoded JSON body of a response; decoded once."""
    if BODY not in response.extensions:
        from dagster_rest.http.decoding import decode_json

        response.extensions[BODY] = decode_json(response.content, encoding=response.charset_encoding)
    return response.extensions[BODY]


class BasePaginator(ABC):
    """The base of every paginator; subclass it for an API of another kind.

    Set `self._has_next_page = False` in `update_state` when there is no further page. Keep the constructor free of
    side effects: instances are copied.

    Attributes:
        max_pages: At most so many pages; the engine counts them.
        ended_by: One word for why paging ended.
        warnings: What a person should know.

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
    def items_total(self) -> int | None:
        """The number of items that the API counts, if the paginator reads it."""
        return None

    def clone(self) -> BasePaginator:
        """An independent copy, for one unit."""
        if type(self).__module__ != __name__:
            return copy.deepcopy(self)
        same = copy.copy(self)
        same.warnings = []
        return same

    def describe(self) -> str:
        """One line for people: kind and parameters."""
        return self.kind if self.kind != "custom" else type(self).__name__

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
        following = urljoin(str(response.request.url), found.strip())
        if following == self._next_url:
            raise LoopError(
                "the next link leads to the page itself",
                code="http_loop",
                hint="The API repeats its link; set the paginator it really uses, or `max_pages`.",
            )
        self._next_url = following

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
        return response.links.get(self.links_next_key, {}).get("url")

    def describe(self) -> str:
        """Kind and relation."""
        return f"header_link(links_next_key={self.links_next_key!r})"


class _CursorBase(BasePaginator):
    """Sends back a token that the response gave."""

    def __init__(self, place: Place, initial_cursor: Any, max_pages: int | None) -> None:
        super().__init__(max_pages=max_pages)
        self._place = place
        self._cursor: Any = initial_cursor

    def init_request(self, request: Request) -> None:
        """The first request has no cursor, unless an initial one is set."""
        if self._cursor is not None:
            self._place.put(request, self._cursor)

    def _take(self, cursor: Any) -> None:
        if cursor is None or cursor == "" or cursor == 0 or cursor is False:
            self._stop("no_cursor")
        elif cursor == self._cursor:
            raise LoopError(
                "the API gave the same cursor twice in a row",
                code="http_loop",
                hint="Check the cursor's path and where it has to be sent (`cursor_param` or `cursor_body_path`).",
            )
        else:
            self._cursor = cursor

    def update_request(self, request: Request) -> None:
        """Send the cursor."""
        self._place.put(request, self._cursor)

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
        super().__init__(Place.choose("cursor", cursor_param=cursor_param), initial_cursor, max_pages)
        self.cursor_key = cursor_key

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Take the cursor from the header."""
        self._take(response.headers.get(self.cursor_key))

    def describe(self) -> str:
        """Kind and header."""
        return f"header_cursor(cursor_key={self.cursor_key!r}, {self._place})"


class JSONResponseCursorPaginator(_CursorBase):
    """The body holds the cursor of the next page (dlt's docs, "RESTClient: JSONResponseCursorPaginator").

    Args:
        cursor_path: JSONPath of the cursor; null, missing, `""` and 0 end the paging.
        cursor_param: Query parameter that sends it back; `cursor` if no place is named.
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
        place = Place.choose(
            "cursor", cursor_param=cursor_param, cursor_body_path=cursor_body_path, cursor_header=cursor_header
        )
        super().__init__(place, initial_cursor, max_pages)
        self.cursor_path = cursor_path
        self.stop_after_empty_page = stop_after_empty_page
        self.has_more_path = has_more_path

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Take the cursor from the body."""
        if self.stop_after_empty_page and data is not None and not data:
            self._stop("empty_page")
            return
        body = body_of(response)
        more = self.has_more_path is None or read_flag(body, self.has_more_path)
        found = compile_path(self.cursor_path).find(body)
        cursor = found[-1] if found else None
        if not more:
            self._stop("has_more")
        else:
            self._take(cursor)

    def describe(self) -> str:
        """Kind and places."""
        return f"cursor(cursor_path={self.cursor_path!r}, {self._place})"


class RangePaginator(BasePaginator):
    """Counts up: the common part of page numbers and offsets.

    Paging ends after an empty page (if `stop_after_empty_page`), when the total or `maximum` is reached, or when the
    flag at `has_more_path` is false, whichever comes first.
    """

    #: What the total counts, for messages.
    counts: ClassVar[str] = "items"

    def __init__(
        self,
        *,
        place: Place,
        first: int,
        base: int,
        step: int,
        maximum: int | None,
        total_path: str | None,
        has_more_path: str | None,
        stop_after_empty_page: bool,
        max_pages: int | None,
    ) -> None:
        super().__init__(max_pages=max_pages)
        if step < 1:
            raise PaginationError(f"{self.kind} cannot go on in steps of {step}", code="http_paginator_config")
        ends = (total_path, maximum, has_more_path, max_pages, stop_after_empty_page or None)
        if all(end is None for end in ends):
            raise PaginationError(
                f"{self.kind} has no way to stop",
                code="http_paginator_config",
                hint="Set `total_path`, a maximum, `has_more_path` or `stop_after_empty_page: true`.",
            )
        self._place = place
        self._first, self._base, self._step = first, base, step
        self._maximum = maximum
        self.total_path = total_path
        self.has_more_path = has_more_path
        self.stop_after_empty_page = stop_after_empty_page
        self._value = first
        self._total: int | None = None

    def init_request(self, request: Request) -> None:
        """The first request already says where it starts."""
        self.update_request(request)

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Count on, and look whether the end is reached."""
        if self.stop_after_empty_page and data is not None and not data:
            if self.pages_left and self._value != self._first:
                self._warn(f"an empty page ended the paging, although the API counts {self._total} {self.counts}")
            self._stop("empty_page")
            return
        body = body_of(response) if self.total_path or self.has_more_path else None
        if self.total_path is not None:
            self._total = self._read_total(body)
        more = self.has_more_path is None or read_flag(body, self.has_more_path)
        self._value += self._step
        if self._total is not None and self._value >= self._total + self._base:
            self._stop("total")
        elif self._maximum is not None and self._value >= self._maximum:
            self._stop("maximum")
        elif not more:
            self._stop("has_more")

    def update_request(self, request: Request) -> None:
        """Send the current value."""
        self._place.put(request, self._value)

    def _read_total(self, body: Any) -> int | None:
        found = compile_path(self.total_path or "").first(body)
        total = as_int(found)
        if total is not None:
            return total
        what = "is missing" if found is None else f"is {type(found).__name__}, not a number"
        others = self._maximum is not None or self.has_more_path is not None or self.stop_after_empty_page
        message = f"the total of {self.counts} at {self.total_path!r} {what}"
        if found is None and others:
            self._warn(f"{message}; going on to the other stop condition")
            return None
        raise PaginationError(
            f"{message}; the body holds {key_tree(body)}",
            code="http_pagination",
            hint="Set `total_path` (null if the API names no total).",
        )

    def _warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def upcoming(self) -> Iterator[BasePaginator]:
        """The later pages up to the known total; none where a flag decides from page to page."""
        if self._total is None or self.has_more_path is not None:
            return
        end = self._total + self._base
        if self._maximum is not None:
            end = min(end, self._maximum)
        for value in range(self._value + self._step, end, self._step):
            ahead = copy.copy(self)
            ahead._value = value
            yield ahead

    @property
    def pages_left(self) -> bool:
        """Whether the total, as read from the page before, covers the current value's page or later ones."""
        return self._total is not None and self._value < self._total + self._base

    def state(self) -> dict[str, Any] | None:
        """The next value, and the total as last read."""
        return {"value": self._value, "total": self._total}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        self._value, self._total = state["value"], state.get("total")


class PageNumberPaginator(RangePaginator):
    """Counts page numbers (dlt's docs, "RESTClient: PageNumberPaginator").

    Args:
        base_page: Number of the API's first page (0 or 1).
        page: First page to ask for; `base_page` by default.
        page_param: Query parameter; `page` if no place is named.
        page_body_path: Dot path in the JSON body, instead.
        total_path: JSONPath of the number of *pages*; None if the API does not name it.
        maximum_page: The page to stop before (exclusive).
        stop_after_empty_page: Whether a page without records ends the paging.
        has_more_path: JSONPath of a flag.
        page_header: Header, instead.
        max_pages: At most so many pages.
    """

    kind = "page_number"
    counts = "pages"

    def __init__(
        self,
        base_page: int = 0,
        page: int | None = None,
        page_param: str | None = None,
        total_path: str | None = "total",
        maximum_page: int | None = None,
        stop_after_empty_page: bool = True,
        has_more_path: str | None = None,
        page_body_path: str | None = None,
        *,
        page_header: str | None = None,
        max_pages: int | None = None,
    ) -> None:
        super().__init__(
            place=Place.choose("page", page_param=page_param, page_body_path=page_body_path, page_header=page_header),
            first=base_page if page is None else page,
            base=base_page,
            step=1,
            maximum=maximum_page,
            total_path=total_path,
            has_more_path=has_more_path,
            stop_after_empty_page=stop_after_empty_page,
            max_pages=max_pages,
        )

    def describe(self) -> str:
        """Kind and places."""
        return f"page_number({self._place}, base_page={self._base}, total_path={self.total_path!r})"


class ProbingPageNumberPaginator(PageNumberPaginator):
    """Counts pages of an API that tells how many there are, but not whether the first is 0 or 1.

    The first request names no page. The next one asks for page 1: if that is the first page again, it is dropped and
    the API counts from 1; else it counts from 0.

    Args:
        total_path: JSONPath of the number of pages.
        page_param: Query parameter.
    """

    def __init__(self, *, total_path: str, page_param: str = "page") -> None:
        super().__init__(base_page=1, page=0, page_param=page_param, total_path=total_path)
        self.probing = False

    def init_request(self, request: Request) -> None:
        """The first request names no page."""

    def update_state(self, response: httpx.Response, data: list[Any] | None = None) -> None:
        """Count on; after the first response, look at page 1."""
        first = self._value == 0
        super().update_state(response, data)
        self.probing = first and self.has_next_page
        if first and self._total is not None and self._total <= 1 and self.has_next_page:
            self._stop("total")
            self.probing = False

    def settle(self, *, repeated: bool) -> None:
        """Say whether page 1 was the first page again; before `update_state` with it."""
        self.probing = False
        self._base = 1 if repeated else 0

    def upcoming(self) -> Iterator[BasePaginator]:
        """None while it is not clear how the API counts."""
        return iter(()) if self.probing else super().upcoming()

    def state(self) -> dict[str, Any] | None:
        """None while it is not clear how the API counts."""
        return None if self.probing else {**(super().state() or {}), "base": self._base}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with a stored value."""
        super().restore(state)
        self._base = state["base"]


class OffsetPaginator(RangePaginator):
    """Counts items (dlt's docs, "RESTClient: OffsetPaginator").

    Args:
        limit: Items a page; also the step.
        offset: First offset.
        offset_param: Query parameter of the offset; `offset` if no place is named.
        offset_body_path: Dot path in the JSON body, instead.
        limit_param: Query parameter of the limit; `limit` if no place is named.
        limit_body_path: Dot path in the JSON body, instead.
        total_path: JSONPath of the number of *items*; None if the API does not name it.
        maximum_offset: The offset to stop before (exclusive).
        stop_after_empty_page: Whether a page without records ends the paging.
        has_more_path: JSONPath of a flag.
        offset_header: Header of the offset, instead.
        limit_header: Header of the limit, instead.
        max_pages: At most so many pages.
    """

    kind = "offset"

    def __init__(
        self,
        limit: int,
        offset: int = 0,
        offset_param: str | None = None,
        offset_body_path: str | None = None,
        limit_param: str | None = None,
        limit_body_path: str | None = None,
        total_path: str | None = "total",
        maximum_offset: int | None = None,
        stop_after_empty_page: bool = True,
        has_more_path: str | None = None,
        *,
        offset_header: str | None = None,
        limit_header: str | None = None,
        max_pages: int | None = None,
    ) -> None:
        self.limit = limit
        self._limit_place = Place.choose(
            "limit", limit_param=limit_param, limit_body_path=limit_body_path, limit_header=limit_header
        )
        super().__init__(
            place=Place.choose(
                "offset", offset_param=offset_param, offset_body_path=offset_body_path, offset_header=offset_header
            ),
            first=offset,
            base=0,
            step=limit,
            maximum=maximum_offset,
            total_path=total_path,
            has_more_path=has_more_path,
            stop_after_empty_page=stop_after_empty_page,
            max_pages=max_pages,
        )

    @property
    def items_total(self) -> int | None:
        """The total that was read."""
        return self._total

    def update_request(self, request: Request) -> None:
        """Send offset and limit."""
        super().update_request(request)
        self._limit_place.put(request, self.limit)

    def describe(self) -> str:
        """Kind and places."""
        return f"offset({self._place}, limit={self.limit}, total_path={self.total_path!r})"


def read_flag(body: Any, path: str) -> bool:
    """A `has_more` flag: a bool or a text such as `"true"` or `"no"`.

    Raises:
        PaginationError: It is missing or something else.
    """
    found = compile_path(path).first(body, MISSING)
    if isinstance(found, bool):
        return found
    text = found.strip().lower() if isinstance(found, str) else ""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    what = "is missing" if found is MISSING else f"is {type(found).__name__}, not true or false"
    raise PaginationError(
        f"`has_more_path` {path!r} {what}; the body holds {key_tree(body)}",
        code="http_pagination",
        hint="Correct `has_more_path`.",
    )


def as_int(value: Any) -> int | None:
    """A count that may be a number, a text or a fraction (then rounded down); None if it is none of them."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return int(value) if isinstance(value, int) else int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Place:
    """Where a value of a paginator is sent: query parameter, dot path in the JSON body, or header.

    Attributes:
        param: Name of a query parameter.
        body_path: Dot path in the JSON body; objects on the way are made.
        header: Name of a header.
    """

    param: str | None = None
    body_path: str | None = None
    header: str | None = None

    @classmethod
    def choose(cls, default: str, **given: str | None) -> Place:
        """The one place that is named, or the query parameter `default`.

        Args:
            default: The parameter's name if nothing is given.
            given: The config keys, `..._param`, `..._body_path` and `..._header`.

        Raises:
            PaginationError: More than one is named, or one is an empty text.
        """
        named = {key: value for key, value in given.items() if value is not None}
        if len(named) > 1:
            raise PaginationError(
                " and ".join(f"`{key}`" for key in named) + " are both set",
                code="http_paginator_config",
                hint="The value goes to one place: query, body or header.",
            )
        for key, value in named.items():
            if not value:
                raise PaginationError(f"`{key}` is empty", code="http_paginator_config", hint="Name the place.")
            field = next(kind for kind in ("body_path", "header", "param") if key.endswith(kind))
            return cls(**{field: value})
        return cls(param=default)

    def put(self, request: Request, value: Any) -> None:
        """Set the value in a request, over what stands there."""
        if self.param is not None:
            request.params = {**(request.params or {}), self.param: value}
        elif self.body_path is not None:
            request.json = _with(request.json, self.body_path.split("."), value)
        elif self.header is not None:
            request.headers = {**request.headers, self.header: str(value)}

    def __str__(self) -> str:
        named = {"param": self.param, "body_path": self.body_path, "header": self.header}
        return ", ".join(f"{key}={value!r}" for key, value in named.items() if value is not None)


def _with(body: Any, keys: list[str], value: Any) -> dict[str, Any]:
    inner = body if isinstance(body, dict) else {}
    if len(keys) == 1:
        return {**inner, keys[0]: value}
    return {**inner, keys[0]: _with(inner.get(keys[0]), keys[1:], value)}


def create_paginator(config: Any, *, where: str | None = None) -> BasePaginator | None:
    """Make the paginator that a config describes.

    Args:
        config: A paginator config, alias, dict with `type`, an instance, or None.
        where: The config path, for errors.

    Returns:
        The paginator, or None: detect it from the first response.

    Raises:
        PaginationError: Its parameters contradict each other, or it could never stop.

    Example:
        ```python
        from dagster_rest.http import create_paginator

        paginator = create_paginator({"type": "page_number", "base_page": 1, "total_path": "total_pages"})
        ```
    """
    config = parse_paginator(config)
    if config is None or getattr(config, "type", None) == "auto":
        return None
    if not hasattr(type(config), "model_fields"):
        return _checked_instance(config, where)
    if type(config).__name__ == "RegisteredPaginatorConfig":
        return _registered(config, where)
    fields = {name: getattr(config, name) for name in type(config).model_fields if name != "type"}
    return _KINDS[config.type](**fields)


def parse_paginator(config: Any) -> Any:
    """A plain alias or dict as its config model; anything else as it is."""
    if isinstance(config, (str, dict)):
        from dagster_rest.http.parsing import parse_choice

        return parse_choice("paginator", config)
    return config


_KINDS: dict[str, type[BasePaginator]] = {
    "single_page": SinglePagePaginator,
    "json_link": JSONLinkPaginator,
    "json_response": JSONLinkPaginator,
    "header_link": HeaderLinkPaginator,
    "header_cursor": HeaderCursorPaginator,
    "cursor": JSONResponseCursorPaginator,
    "offset": OffsetPaginator,
    "page_number": PageNumberPaginator,
}


def _checked_instance(instance: Any, where: str | None) -> BasePaginator:
    if isinstance(instance, BasePaginator):
        return instance
    raise PaginationError(
        f"{type(instance).__name__} is not a paginator",
        code="http_paginator_config",
        where=where,
        hint="Subclass dagster_rest.http.BasePaginator.",
    )


def _registered(config: Any, where: str | None) -> BasePaginator:
    cls = PAGINATORS.get(config.type)
    if cls is None:
        raise PaginationError(
            f"no paginator is registered as {config.type!r}",
            code="http_paginator_unknown",
            where=where,
            hint="Call register_paginator first.",
        )
    return _checked_instance(cls(**config.options), where)


def update_state(paginator: BasePaginator, response: httpx.Response, records: list[Any]) -> None:
    """Call `update_state`, also of a paginator that takes the response only."""
    if _takes_data(type(paginator)):
        paginator.update_state(response, records)
    else:
        paginator.update_state(response)


@lru_cache(maxsize=256)
def _takes_data(cls: type[BasePaginator]) -> bool:
    parameters = list(inspect.signature(cls.update_state).parameters.values())[1:]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 1 or any(p.kind is p.VAR_POSITIONAL for p in parameters)
