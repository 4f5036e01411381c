"""API scripts that many cases share. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.compat.case import Answer, Call

Script = Callable[[Call], Any]


def items(count: int, start: int = 1) -> list[dict[str, Any]]:
    """`[{"id": 1}, {"id": 2}, ...]`."""
    return [{"id": number} for number in range(start, start + count)]


def by_page(
    rows: Sequence[Any],
    size: int,
    *,
    base: int = 1,
    param: str = "page",
    extra: Callable[[int, int], dict[str, Any]],
) -> Script:
    """`?page=` from `base`; `extra(page index from 0, page count)` is put beside `data`."""

    def answer(call: Call) -> Any:
        index = call.number(param, base) - base
        pages = -(-len(rows) // size)
        return {"data": list(rows[index * size : (index + 1) * size]), **extra(index, pages)}

    return answer


def numbered(rows: Sequence[Any], size: int, *, base: int = 1, total: str = "total_pages") -> Script:
    """Pages by number with the number of pages under the key `total`."""
    return by_page(rows, size, base=base, extra=lambda index, pages: {total: pages})


def plain_pages(rows: Sequence[Any], size: int, *, base: int = 0, param: str = "page") -> Script:
    """Pages by number with nothing but `data`."""
    return by_page(rows, size, base=base, param=param, extra=lambda index, pages: {})


def by_offset(rows: Sequence[Any], *, extra: Callable[[int], dict[str, Any]] | None = None) -> Script:
    """`?offset=&limit=` with `total` (or what `extra(offset)` says)."""

    def answer(call: Call) -> Any:
        start, size = call.number("offset", 0), call.number("limit", 2)
        more = extra(start) if extra else {"total": len(rows)}
        return {"data": list(rows[start : start + size]), **more}

    return answer


def by_cursor(pages: Sequence[Sequence[Any]], *, last: Any = None, missing: bool = False) -> Script:
    """`?cursor=c1` ...; `cursors.next` is `last` on the last page, or missing."""

    def answer(call: Call) -> Any:
        index = int((call.arg("cursor") or "c0")[1:])
        following = f"c{index + 1}" if index + 1 < len(pages) else last
        cursors = {} if missing and index + 1 >= len(pages) else {"next": following}
        return {"data": list(pages[index]), "cursors": cursors}

    return answer


def by_link(pages: Sequence[Sequence[Any]], link: Callable[[Call, int], str], *, last: Any = None) -> Script:
    """`next` is `link(call, index of the next page)`; the page asked for is `?n=`."""

    def answer(call: Call) -> Any:
        index = call.number("n", 0)
        following = link(call, index + 1) if index + 1 < len(pages) else last
        return {"data": list(pages[index]), "next": following}

    return answer


def by_header(pages: Sequence[Sequence[Any]], *, rel: str = "next") -> Script:
    """The body is the list; the `Link` header leads to `?n=`."""

    def answer(call: Call) -> Any:
        index = call.number("n", 0)
        links = {"Link": f'<{call.url}{call.path}?n={index + 1}>; rel="{rel}"'} if index + 1 < len(pages) else {}
        return Answer(json=list(pages[index]), headers=links)

    return answer


def echo(call: Call) -> Any:
    """One row that says what was asked for."""
    return [{"path": call.path}]
