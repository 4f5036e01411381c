"""Which paginator fits a first response, and why.

Evidence counts where responses keep what belongs to paging: in the `Link` header, beside the records, and in objects
about paging (`meta`, `links`, `paging` ...). A field of an entity is never evidence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from dagster_rest.http.paginators.detection.facts import Fact, Facts, whole_number
from dagster_rest.http.paginators.values import seems_int
from dagster_rest.http.parse import paging_names as names
from dagster_rest.http.parse.json import key_tree
from dagster_rest.http.parse.link_header import link_target
from dagster_rest.http.parse.paging_names import plain_name

if TYPE_CHECKING:
    import httpx

    from dagster_rest.http.parse.records import Selection
    from dagster_rest.http.request import Request

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
    facts = Facts.of(body, selection)
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
            hint="Set `paginator` (`single_page` if this one page is all you need).",
        )
    return _made(SinglePagePaginator, "nothing indicates another page")


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


def _json_link(facts: Facts, records: list[Any], request: Request) -> Detected | None:
    for fact in facts:
        inner = fact.name in names.HREF and len(fact.keys) > 1 and plain_name(fact.keys[-2]) in names.LINKS
        if (inner or fact.name in names.LINKS_IN) and isinstance(fact.value, str) and _URLISH.match(fact.value):
            return _made(JSONLinkPaginator, f"the body has a link at {fact.path!r}", next_url_path=fact.path)
    return None


def _total_pages(facts: Facts, records: list[Any], request: Request) -> Detected | None:
    total = facts.first(names.TOTAL_PAGES)
    if total is None:
        return None
    page = _current_page(facts, below=whole_number(total.value) or 0)
    if page is None:
        return _made(
            ProbingPageNumberPaginator,
            f"the body has the number of pages at {total.path!r}",
            total_path=total.path,
            page_param=_asked_param(request, "page"),
        )
    number = whole_number(page.value) or 0
    return _made(
        PageNumberPaginator,
        f"the body has page {number} at {page.path!r} and the number of pages at {total.path!r}",
        total_path=total.path,
        page_param=_page_param(page, request),
        base_page=0 if number == 0 else 1,
        page=number,
    )


def _page_with_total(facts: Facts, records: list[Any], request: Request) -> Detected | None:
    page, size, total = facts.first(names.PAGE), facts.first(names.PAGE_SIZE), facts.first(names.TOTAL)
    if page is None or size is None or total is None:
        return None
    number, per_page, items = (whole_number(fact.value) or 0 for fact in (page, size, total))
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


def _offset_with_total(facts: Facts, records: list[Any], request: Request) -> Detected | None:
    offset, total = facts.first(names.OFFSET), facts.first(names.TOTAL)
    limit = facts.first(names.LIMIT | names.PAGE_SIZE)
    if offset is None or limit is None or total is None or not whole_number(limit.value):
        return None
    return _made(
        OffsetPaginator,
        f"the body has {offset.path!r}, {limit.path!r} and {total.path!r}",
        limit=whole_number(limit.value),
        offset=whole_number(offset.value) or 0,
        offset_param=offset.keys[-1],
        limit_param=limit.keys[-1],
        total_path=total.path,
    )


def _cursor(facts: Facts, records: list[Any], request: Request) -> Detected | None:
    if any(_flag(fact) is False for fact in facts):
        # A cursor beside it is for what comes some other day.
        return None
    for fact in sorted(facts, key=lambda fact: fact.name in names.MAYBE_CURSORS):
        if isinstance(fact.value, bool) or not isinstance(fact.value, (str, int)) or not fact.value:
            continue
        param = _cursor_param(fact)
        if param is not None and str((request.params or {}).get(param)) != str(fact.value):
            flag = next((flag for flag in facts if flag.name in names.MORE and _flag(flag)), None)
            return _made(
                JSONResponseCursorPaginator,
                f"the body has a cursor at {fact.path!r}",
                cursor_path=fact.path,
                cursor_param=param,
                has_more_path=None if flag is None else flag.path,
            )
    return None


def _flag(fact: Fact) -> bool | None:
    """Whether a flag says that there is more; None if it is none."""
    text = str(fact.value).lower()
    if text not in ("true", "false") or fact.name not in names.MORE | names.LAST:
        return None
    return (text == "true") == (fact.name in names.MORE)


def _cursor_param(fact: Fact) -> str | None:
    key = fact.keys[-1]
    if fact.name == "nextpage" and whole_number(fact.value) is not None:
        return "page"
    if fact.is_of_next and fact.name in names.PAGE | names.OFFSET:
        return key
    if fact.name == "offset" and _LETTER.search(str(fact.value)):
        # No count, so it stands for the next page, as Airtable's does.
        return key
    if fact.name not in names.CURSORS or (fact.name in names.MAYBE_CURSORS and _DATE.match(str(fact.value))):
        return None
    return names.CURSORS[fact.name] or (re.sub(r"^next[_-]?(?=[pP]age)", "", key).replace("PageToken", "pageToken"))


def _current_page(facts: Facts, *, below: int) -> Fact | None:
    page = facts.first(names.PAGE)
    return page if page is not None and (whole_number(page.value) or 0) <= below else None


def _page_param(page: Fact, request: Request) -> str:
    key = page.keys[-1]
    return _asked_param(request, key if page.name in ("pagenumber", "pageno", "pageindex") else "page")


def _asked_param(request: Request, default: str) -> str:
    asked = [
        name for name in request.params or {} if plain_name(str(name)) in ("page", "pagenumber", "pageno", "pageindex")
    ]
    return str(asked[0]) if asked else default


def _says_more(facts: Facts, records: list[Any], response: httpx.Response) -> str | None:
    over = any(_flag(fact) is False for fact in facts)
    for fact in facts:
        if _flag(fact):
            return f"the body says that there is more ({fact.path}: {str(fact.value).lower()})"
        if fact.value and (fact.name in names.LINKS or (fact.is_of_next and fact.name in names.NEXT_KEYS)):
            return f"the body names a next page at {fact.path!r}"
        if fact.name in names.MARKS and fact.value and records and not over:
            return f"the body has a mark of a next page at {fact.path!r}"
    for fact in facts:
        if fact.name in names.TOTAL and not fact.is_of_next and (_counted(fact.value) or 0) > len(records):
            return f"the body counts {fact.value} ({fact.path}) and holds {len(records)}"
    return _header_says_more(len(records), response)


def _counted(value: Any) -> int | None:
    """A count, also one that is written for people."""
    return seems_int(value) if isinstance(value, str) and whole_number(value) is None else whole_number(value)


def _header_says_more(count: int, response: httpx.Response) -> str | None:
    for name, least in (*((name, count) for name in names.TOTAL_HEADERS), *((name, 1) for name in names.PAGES_HEADERS)):
        value = whole_number(response.headers.get(name, ""))
        if value is not None and value > least:
            return f"the header {name} says {value} and the body holds {count}"
    following = response.headers.get("X-Next-Page")
    return f"the header X-Next-Page says {following}" if following else None
