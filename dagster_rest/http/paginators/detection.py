"""Which paginator fits a first response, and why.

Evidence counts where responses keep what belongs to paging: in the `Link` header, beside the records, and in objects
with a telling name (`meta`, `links`, `paging` ...). A field of an entity is never evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dagster_rest.http.errors import PaginationError
from dagster_rest.http.paginators import (
    BasePaginator,
    CountedPageNumberPaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    ProbingPageNumberPaginator,
    SinglePagePaginator,
)
from dagster_rest.http.paginators.values import as_int, seems_int
from dagster_rest.http.parse.json import key_tree
from dagster_rest.http.parse.jsonpath import from_keys
from dagster_rest.http.parse.link_header import link_target

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.parse.records import Selection
    from dagster_rest.http.request import Request

_CONTAINERS = frozenset(
    {"links", "meta", "metadata", "paging", "pagination", "paginator", "page", "pages", "pageinfo", "cursors", "cursor"}
    | {"responsemetadata", "info", "resultinfo", "listmetadata", "next", "pageable", "navigation", "hits", "continue"}
)
_LINKS = frozenset(
    {"next", "odatanextlink", "nextlink", "nexturl", "nexturi", "nextpage", "nextpageurl", "nextpagelink"}
)
_LINKS_IN = frozenset({"nexthref", "next"} | {"nextpageuri", "nextrecordsurl"}) | _LINKS
_HREF = ("href", "url", "link", "uri")
_TOTAL_PAGES = frozenset(
    {"totalpages", "pages", "lastpage", "pagecount", "totalpage", "nbpages", "pagestotal", "numpages"}
)
_PAGE = frozenset({"page", "currentpage", "pagenumber", "pageno", "pageindex", "number", "current"})
_PAGE_SIZE = frozenset({"perpage", "pagesize", "size", "limit", "itemsperpage", "resultsperpage", "pagelimit"})
_TOTAL = frozenset(
    {"total", "totalcount", "count", "totalresults", "totalitems", "totalelements", "totalrecords", "numfound"}
    | {"odatacount", "totalentries", "totalhits", "totalsize"}
)
_OFFSET = frozenset({"offset", "skip", "start", "startat"})
_LIMIT = frozenset({"limit", "take", "maxresults"})
# By the parameter that usually sends it back; None is made of the name. Those that may also be of the page at hand
# come last.
_CURSORS = {
    "nextcursor": "cursor",
    "nextpagecursor": "cursor",
    "cursornext": "cursor",
    "nexttoken": None,
    "nextpagetoken": None,
    "continuationtoken": None,
    "next": "cursor",
    "nextoffset": "offset",
    "nextstart": "start",
    "nextmarker": "marker",
    "cursor": "cursor",
    "continue": "continue",
    "after": "after",
}
_MAYBE_CURSORS = frozenset({"cursor", "continue", "after"})
# Marks of a further page whose parameter nobody can guess.
_MARKS = frozenset(
    {"scrollid", "resumptiontoken", "paginationtoken", "nextpaginationtoken", "nextid", "nextkey", "nextpageid"}
    | {"nextskip", "nextindex", "nextmaxid", "nextposition", "endcursor"}
)
# In an object about the next page.
_PLACES_OF_NEXT = frozenset({"id", "key", "token", "value", "cursor", "position", "marker", "after", "startingafter"})
_MORE = frozenset(
    {"hasmore", "hasnext", "hasnextpage", "more", "morepages", "moreresults", "hasmoreitems", "hasmorepages"}
)
_LAST = frozenset({"islast", "lastpagereached", "islastpage", "isfinished", "last"})
_TOTAL_HEADERS = ("X-Total-Count", "X-Total", "X-WP-Total", "X-Pagination-Total-Count")
_PAGES_HEADERS = ("X-Total-Pages", "X-WP-TotalPages", "X-Pagination-Page-Count")
_LETTER = re.compile(r"[A-Za-z]")
_DATE = re.compile(r"\d{4}-\d\d")
_URLISH = re.compile(r"https?://|/|\?")


@dataclass(frozen=True)
class Detected:
    """A paginator that fits.

    Attributes:
        paginator: The paginator.
        evidence: Why it fits.
        recipe: Kind and arguments, JSON-able, to make it again when a fetch resumes.
    """

    paginator: BasePaginator
    evidence: str
    recipe: dict[str, Any]


@dataclass(frozen=True)
class _Fact:
    """A value of the body that may belong to paging."""

    keys: tuple[str, ...]
    name: str
    value: Any

    @property
    def path(self) -> str:
        return from_keys(self.keys).text

    @property
    def is_of_next(self) -> bool:
        """Whether it stands in an object about the next page: `{next: {page: 2}}`."""
        return any(_plain(key) == "next" for key in self.keys[:-1])


def detect_paginator(
    response: httpx.Response, body: Any, records: list[Any], *, request: Request, selection: Selection
) -> Detected:
    """Find the paginator of an API by its first response.

    Args:
        response: The response, for its headers.
        body: Its decoded body.
        records: The records in it.
        request: The request that was sent.
        selection: Where the records were found.

    Raises:
        PaginationError: The response says that there is more, but no paginator fits.
    """
    if link_target(response.headers.get("link", ""), "next"):
        return _made(HeaderLinkPaginator, 'the Link header has rel="next"')
    if isinstance(body, Mapping) and selection.path.text == "$":
        return _made(SinglePagePaginator, "the body is one entity")
    facts = list(_facts(body, selection))
    detectors = (_json_link, _total_pages, _page_with_total, _offset_with_total, _cursor)
    for detector in detectors:
        found = detector(facts, records, request)
        if found is not None:
            return found
    signal = _says_more(facts, records, response)
    if signal is not None:
        raise PaginationError(
            f"{signal}, but no paginator fits; the body holds {key_tree(body)}",
            code="http_more_pages",
            hint="Set `paginator` (`single_page` if this one page is all that is wanted).",
        )
    return _made(SinglePagePaginator, "nothing says that there is more")


def remake(recipe: Mapping[str, Any]) -> BasePaginator:
    """The paginator of a recipe."""
    return _RECIPES[recipe["kind"]](**recipe["options"])


_RECIPES: dict[str, type[BasePaginator]] = {
    cls.__name__: cls
    for cls in (
        CountedPageNumberPaginator,
        HeaderLinkPaginator,
        JSONLinkPaginator,
        JSONResponseCursorPaginator,
        OffsetPaginator,
        PageNumberPaginator,
        ProbingPageNumberPaginator,
        SinglePagePaginator,
    )
}


def _made(cls: type[BasePaginator], evidence: str, **options: Any) -> Detected:
    return Detected(cls(**options), evidence, {"kind": cls.__name__, "options": options})


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _facts(body: Any, selection: Selection) -> Iterator[_Fact]:
    if isinstance(body, Mapping):
        yield from _facts_in(body, (), selection.path.keys or ())


def _facts_in(value: Mapping[str, Any], keys: tuple[str, ...], towards: tuple[str, ...]) -> Iterator[_Fact]:
    inside = []
    for key, item in value.items():
        path = (*keys, str(key))
        if isinstance(item, Mapping) and _plain(str(key)) in _TOTAL and "value" in item:
            yield _Fact((*path, "value"), _plain(str(key)), item["value"])
        elif isinstance(item, Mapping):
            if towards[: len(path)] == path or _plain(str(key)) in _CONTAINERS:
                inside.append((item, path))
        elif not isinstance(item, list) or (item and _plain(str(key)) in _LINKS):
            yield _Fact(path, _plain(str(key)), item)
    for item, path in inside:
        if len(path) <= 4:
            yield from _facts_in(item, path, towards)


def _first(facts: list[_Fact], names: frozenset[str]) -> _Fact | None:
    """The first count of these names that is about the page at hand, not about the next one."""
    counts = (fact for fact in facts if fact.name in names and not fact.is_of_next)
    return next((fact for fact in counts if _whole(fact.value) is not None), None)


def _whole(value: Any) -> int | None:
    if isinstance(value, float) and not value.is_integer():
        return None
    return as_int(value)


def _json_link(facts: list[_Fact], records: list[Any], request: Request) -> Detected | None:
    for fact in facts:
        inner = fact.name in _HREF and len(fact.keys) > 1 and _plain(fact.keys[-2]) in _LINKS
        if (inner or fact.name in _LINKS_IN) and isinstance(fact.value, str) and _URLISH.match(fact.value):
            return _made(JSONLinkPaginator, f"the body has a link at {fact.path!r}", next_url_path=fact.path)
    return None


def _total_pages(facts: list[_Fact], records: list[Any], request: Request) -> Detected | None:
    total = _first(facts, _TOTAL_PAGES)
    if total is None:
        return None
    page = _current_page(facts, below=_whole(total.value) or 0)
    if page is None:
        return _made(
            ProbingPageNumberPaginator,
            f"the body has the number of pages at {total.path!r}",
            total_path=total.path,
            page_param=_asked_param(request, "page"),
        )
    number = _whole(page.value) or 0
    return _made(
        PageNumberPaginator,
        f"the body has page {number} at {page.path!r} and the number of pages at {total.path!r}",
        total_path=total.path,
        page_param=_page_param(page, request),
        base_page=0 if number == 0 else 1,
        page=number,
    )


def _page_with_total(facts: list[_Fact], records: list[Any], request: Request) -> Detected | None:
    page, size, total = _first(facts, _PAGE), _first(facts, _PAGE_SIZE), _first(facts, _TOTAL)
    if page is None or size is None or total is None:
        return None
    number, per_page, items = (_whole(fact.value) or 0 for fact in (page, size, total))
    if per_page < 1 or len(records) > per_page:
        return None
    return _made(
        CountedPageNumberPaginator,
        f"the body has page {number} at {page.path!r}, {per_page} a page at {size.path!r} and {items} in all at "
        f"{total.path!r}",
        total_path=total.path,
        page_size=per_page,
        page_param=_page_param(page, request),
        base_page=0 if number == 0 else 1,
        page=number,
    )


def _offset_with_total(facts: list[_Fact], records: list[Any], request: Request) -> Detected | None:
    offset, limit, total = _first(facts, _OFFSET), _first(facts, _LIMIT | _PAGE_SIZE), _first(facts, _TOTAL)
    if offset is None or limit is None or total is None or not _whole(limit.value):
        return None
    return _made(
        OffsetPaginator,
        f"the body has {offset.path!r}, {limit.path!r} and {total.path!r}",
        limit=_whole(limit.value),
        offset=_whole(offset.value) or 0,
        offset_param=offset.keys[-1],
        limit_param=limit.keys[-1],
        total_path=total.path,
    )


def _cursor(facts: list[_Fact], records: list[Any], request: Request) -> Detected | None:
    if any(_flag(fact) is False for fact in facts):
        # A cursor beside it is for what comes some other day.
        return None
    for fact in sorted(facts, key=lambda fact: fact.name in _MAYBE_CURSORS):
        if isinstance(fact.value, bool) or not isinstance(fact.value, (str, int)) or not fact.value:
            continue
        param = _cursor_param(fact)
        if param is not None and str((request.params or {}).get(param)) != str(fact.value):
            flag = next((flag for flag in facts if flag.name in _MORE and _flag(flag)), None)
            return _made(
                JSONResponseCursorPaginator,
                f"the body has a cursor at {fact.path!r}",
                cursor_path=fact.path,
                cursor_param=param,
                has_more_path=None if flag is None else flag.path,
            )
    return None


def _flag(fact: _Fact) -> bool | None:
    """Whether a flag says that there is more; None if it is none."""
    text = str(fact.value).lower()
    if text not in ("true", "false") or fact.name not in _MORE | _LAST:
        return None
    return (text == "true") == (fact.name in _MORE)


def _cursor_param(fact: _Fact) -> str | None:
    key = fact.keys[-1]
    if fact.name == "nextpage" and _whole(fact.value) is not None:
        return "page"
    if fact.is_of_next and fact.name in _PAGE | _OFFSET:
        return key
    if fact.name == "offset" and _LETTER.search(str(fact.value)):
        # No count, so it stands for the next page, as Airtable's does.
        return key
    if fact.name not in _CURSORS or (fact.name in _MAYBE_CURSORS and _DATE.match(str(fact.value))):
        return None
    return _CURSORS[fact.name] or (re.sub(r"^next[_-]?(?=[pP]age)", "", key).replace("PageToken", "pageToken"))


def _current_page(facts: list[_Fact], *, below: int) -> _Fact | None:
    page = _first(facts, _PAGE)
    return page if page is not None and (_whole(page.value) or 0) <= below else None


def _page_param(page: _Fact, request: Request) -> str:
    key = page.keys[-1]
    return _asked_param(request, key if page.name in ("pagenumber", "pageno", "pageindex") else "page")


def _asked_param(request: Request, default: str) -> str:
    asked = [
        name for name in request.params or {} if _plain(str(name)) in ("page", "pagenumber", "pageno", "pageindex")
    ]
    return str(asked[0]) if asked else default


def _says_more(facts: list[_Fact], records: list[Any], response: httpx.Response) -> str | None:
    over = any(_flag(fact) is False for fact in facts)
    for fact in facts:
        if _flag(fact):
            return f"the body says that there is more ({fact.path}: {str(fact.value).lower()})"
        if fact.value and (fact.name in _LINKS or (fact.is_of_next and fact.name in _PLACES_OF_NEXT)):
            return f"the body names a next page at {fact.path!r}"
        if fact.name in _MARKS and fact.value and records and not over:
            return f"the body has a mark of a next page at {fact.path!r}"
    for fact in facts:
        if fact.name in _TOTAL and not fact.is_of_next and (_counted(fact.value) or 0) > len(records):
            return f"the body counts {fact.value} ({fact.path}) and holds {len(records)}"
    return _header_says_more(len(records), response)


def _counted(value: Any) -> int | None:
    """A count, also one that is written for people."""
    return seems_int(value) if isinstance(value, str) and _whole(value) is None else _whole(value)


def _header_says_more(count: int, response: httpx.Response) -> str | None:
    for name, least in (*((name, count) for name in _TOTAL_HEADERS), *((name, 1) for name in _PAGES_HEADERS)):
        value = _whole(response.headers.get(name, ""))
        if value is not None and value > least:
            return f"the header {name} says {value} and the body holds {count}"
    following = response.headers.get("X-Next-Page")
    return f"the header X-Next-Page says {following}" if following else None
