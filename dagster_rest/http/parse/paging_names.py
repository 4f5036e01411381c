"""How APIs name what belongs to paging; in lower case, letters and digits only."""

from __future__ import annotations

import re
from functools import lru_cache

CONTAINERS = frozenset(
    {"links", "meta", "metadata", "paging", "pagination", "paginator", "page", "pages", "pageinfo", "cursors", "cursor"}
    | {"responsemetadata", "info", "resultinfo", "listmetadata", "next", "pageable", "navigation", "hits", "continue"}
)
LINKS = frozenset(
    {"next", "odatanextlink", "nextlink", "nexturl", "nexturi", "nextpage", "nextpageurl", "nextpagelink"}
)
LINKS_IN = frozenset({"nexthref", "next"} | {"nextpageuri", "nextrecordsurl"}) | LINKS
HREF = ("href", "url", "link", "uri")
TOTAL_PAGES = frozenset(
    {"totalpages", "pages", "lastpage", "pagecount", "totalpage", "nbpages", "pagestotal", "numpages"}
)
PAGE = frozenset({"page", "currentpage", "pagenumber", "pageno", "pageindex", "number", "current"})
PAGE_SIZE = frozenset({"perpage", "pagesize", "size", "limit", "itemsperpage", "resultsperpage", "pagelimit"})
TOTAL = frozenset(
    {"total", "totalcount", "count", "totalresults", "totalitems", "totalelements", "totalrecords", "numfound"}
    | {"odatacount", "totalentries", "totalhits", "totalsize"}
)
OFFSET = frozenset({"offset", "skip", "start", "startat"})
LIMIT = frozenset({"limit", "take", "maxresults"})
# By the parameter that usually sends it back; None is made of the name. Those that may also be of the page at hand
# come last.
CURSORS = {
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
MAYBE_CURSORS = frozenset({"cursor", "continue", "after"})
# Marks of a further page whose parameter nobody can guess.
MARKS = frozenset(
    {"scrollid", "resumptiontoken", "paginationtoken", "nextpaginationtoken", "nextid", "nextkey", "nextpageid"}
    | {"nextskip", "nextindex", "nextmaxid", "nextposition", "endcursor"}
)
# In an object about the next page.
NEXT_KEYS = frozenset({"id", "key", "token", "value", "cursor", "position", "marker", "after", "startingafter"})
MORE = frozenset(
    {"hasmore", "hasnext", "hasnextpage", "more", "morepages", "moreresults", "hasmoreitems", "hasmorepages"}
)
LAST = frozenset({"islast", "lastpagereached", "islastpage", "isfinished", "last"})
TOTAL_HEADERS = ("X-Total-Count", "X-Total", "X-WP-Total", "X-Pagination-Total-Count")
PAGES_HEADERS = ("X-Total-Pages", "X-WP-TotalPages", "X-Pagination-Page-Count")


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """A key in lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
