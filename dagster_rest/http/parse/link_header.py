"""The `Link` header (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A target without its brackets is none by the RFC, but some servers write it so.
_TARGET = re.compile(r"[\s,]*(?:<([^>]*)>|([^\s;,<>]+))")
_PARAMETER = re.compile(r"\s*;\s*([^\s=;,]*)\s*(?:=\s*(\"(?:\\.|[^\"\\])*\"(?=\s*(?:[;,]|$))|\"?[^;,\"]*))?")
_REST = re.compile(r"[^,]*")


def link_target(header: str, relation: str) -> str | None:
    """The URL that a `Link` header names for a relation.

    Relations are compared without case, and a link may have several (`rel="next last"`).

    Args:
        header: The header's value; several headers of that name joined by commas.
        relation: For example `next`.

    Returns:
        The first such URL, as written; None if there is none.

    Example:
        ```python
        from dagster_rest.http.parse.link_header import link_target

        assert "/x?page=2" == link_target('</x?page=1>; rel="first", </x?page=2>; rel="next"', "next")
        ```
    """
    wanted = relation.lower()
    return next((target for target, relations in _links(header) if wanted in relations), None)


def _links(header: str) -> Iterator[tuple[str, list[str]]]:
    at = 0
    while found := _TARGET.match(header, at):
        at, relations = found.end(), None
        while parameter := _PARAMETER.match(header, at):
            at = parameter.end()
            # By the RFC the first `rel` of a link counts.
            if relations is None and parameter[1].lower() == "rel":
                relations = (parameter[2] or "").strip().strip("\"'").lower()
        yield (found[1] if found[1] is not None else found[2]).strip(), [relations or "", *(relations or "").split()]
        at = _REST.match(header, at).end()  # type: ignore[union-attr]
