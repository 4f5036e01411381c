"""The `Link` header (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dagster_rest.http.errors import PaginationError

# A target without its brackets is none by the RFC, but some servers write it so.
_TARGET = re.compile(
    r"<([^<>]*)>|((?:https?://|[/?])[^\s<>\"]*?)(?=\s*;\s*(?:rel|rev|title\*?|type|anchor|hreflang|media)\s*=)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[\s,]*")
_PARAMETER = re.compile(r"\s*;\s*([^\s=;,]*)\s*(?:=\s*(\"(?:\\.|[^\"\\])*\"(?=\s*(?:[;,]|$))|\"?[^;,\"]*))?")
_WORD = re.compile(r"[^\s<>\"]*")
_REST = re.compile(r"[^,]*")
_RELATIONS = re.compile(r"[^<>\"]*")
_SHOWN = 200


@dataclass(frozen=True)
class _Link:
    """One link of a header.

    Attributes:
        target: The URL, as written; None if there is none.
        relations: In lower case; the whole text also stands for itself.
        unread: What of it is not as the RFC has it.
    """

    target: str | None
    relations: tuple[str, ...] = ()
    unread: str = ""


def link_target(header: str, relation: str) -> str | None:
    """The URL that a `Link` header names for a relation.

    Relations are compared without case, and a link may have several (`rel="next last"`).

    Args:
        header: The header's value; several headers of that name joined by commas.
        relation: For example `next`.

    Returns:
        The first such URL, as written; None if there is none.

    Raises:
        PaginationError: None can be found, but the header names the relation where it cannot be read.

    Example:
        ```python
        from dagster_rest.http.parse.link_header import link_target

        assert "/x?page=2" == link_target('</x?page=1>; rel="first", </x?page=2>; rel="next"', "next")
        ```
    """
    wanted, links = relation.lower(), list(_links(header))
    for link in links:
        if wanted in link.relations:
            return link.target
    named = re.compile(rf"(?<![\w-]){re.escape(wanted)}(?![\w-])", re.IGNORECASE)
    if any(named.search(link.unread) for link in links):
        raise PaginationError(
            f"the Link header names {relation!r}, but cannot be read: {header[:_SHOWN]!r}",
            code="http_pagination",
            hint="Set another `paginator`, or repair the header in a response action; by RFC 8288 it is "
            '<https://api.example.com/x?page=2>; rel="next".',
        )
    return None


def _links(header: str) -> Iterator[_Link]:
    at = 0
    while (at := _end(_SEPARATOR, header, at)) < len(header):
        target = _TARGET.match(header, at)
        if target is None:
            end = _end(_WORD, header, at)
            end = end if end > at else _end(_REST, header, at)
            yield _Link(None, unread=header[at:end])
            at = end
            continue
        began = at = target.end()
        relations = None
        while parameter := _PARAMETER.match(header, at):
            at = parameter.end()
            # By the RFC the first `rel` of a link counts.
            if relations is None and parameter[1].lower() == "rel":
                relations = (parameter[2] or "").strip().strip("\"'").lower()
        end = _end(_REST, header, at)
        readable = relations is not None and _RELATIONS.fullmatch(relations)
        unread = header[at:end] if readable else header[began:end]
        yield _Link((target[1] or target[2] or "").strip(), (relations or "", *(relations or "").split()), unread)
        at = end


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()
