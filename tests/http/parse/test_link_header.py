"""`Link` headers as servers write them: read as RFC 8288 says, or an error; never the silent end of a list."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.http import PaginationError, RestClient
from dagster_rest.http.parse.link_header import link_target
from tests.support.server import ApiServer, Reply, Request


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('</x>; rel="next"', "/x"),
        ("</x>; rel=next", "/x"),
        ("</x>; rel='next'", "/x"),
        ("</x>;rel=next", "/x"),
        ('</x> ; REL = "NEXT"', "/x"),
        ('</x>; rel="next last"', "/x"),
        ('</x>; rel="last  next"', "/x"),
        ('</x>; title="a, b; rel=prev"; rel="next"', "/x"),
        ("</x>; title*=UTF-8'de'n%c3%a4chste; rel=next", "/x"),
        ("</x>; crossorigin; rel=next", "/x"),
        ("</x>;; rel=next", "/x"),
        ("</x>; rel=next;", "/x"),
        ('</x?a=1,2;3&b="4">; rel="next"', '/x?a=1,2;3&b="4"'),
        ('</a>; rel="first", </x?a=1,2>; rel="next", </b>; rel="last"', "/x?a=1,2"),
        ('</a>; rel="first",</x>; rel="next"', "/x"),
        ('<https://api.example.com/x>; rel="next"', "https://api.example.com/x"),
        ("<?page=2>; rel=next", "?page=2"),
        ("< /x >; rel=next", "/x"),
        ('</x>; rel="next", </y>; rel="last', "/x"),
        ('broken, </x>; rel="next"', "/x"),
        ("</a, </x>; rel=next", "/x"),
        ("/x?a=1,2; rel=next", "/x?a=1,2"),
        ('https://api.example.com/x?a=1;b=2; rel="next"', "https://api.example.com/x?a=1;b=2"),
        ("/a; rel=prev, /x; rel=next", "/x"),
    ],
)
def test_the_target_of_a_relation(header: str, target: str) -> None:
    assert target == link_target(header, "next")


@pytest.mark.parametrize(
    "header",
    [
        "",
        ", ,",
        '</x>; rel="last"',
        '</x?next=1>; rel="last"',
        '</x>; rel="last"; title="next"',
        '</x>; rel="next-archive"',
        '</x>; rel="https://api.example.com/rels/next"',
        '</x>; rel="prev"; rel="next"',
        "</x>; rel=last>",
        "broken",
    ],
)
def test_a_header_that_does_not_name_the_relation(header: str) -> None:
    assert link_target(header, "next") is None


@pytest.mark.parametrize(
    "header",
    [
        "</x?p=2>;rel=next>",
        '</x?p=2; rel="next"',
        '</x?p=2; rel="next", </y>; rel="last"',
        '</y>; rel="prev", </x?p=2; rel="next"',
        '/x?p=2>; rel="next"',
        '</x> rel="next"',
        '</x>, rel="next"',
        'rel="next"; </x>',
        '"</x>"; rel="next"',
        "</x>; rel*=UTF-8''next",
        "</x>; next",
        '</x>; rel=""next""',
        "&lt;/x&gt;; rel=next",
        '{"next": "/x"}',
        ';rel="next',
    ],
)
def test_a_header_that_names_the_relation_and_cannot_be_read_is_an_error(header: str) -> None:
    """dlt ends the list there."""
    with pytest.raises(PaginationError, match="Link header") as caught:
        link_target(header, "next")
    assert "http_pagination" == caught.value.code
    assert caught.value.hint


@pytest.mark.parametrize("paginator", ["header_link", None])
def test_a_list_does_not_end_at_a_header_that_cannot_be_read(
    api: ApiServer, client: RestClient, paginator: str | None
) -> None:
    api.json("/items", Reply(json=[{"id": 1}], headers={"Link": "</items?page=2&api_key=s3cret99>; rel=next>"}))
    with pytest.raises(PaginationError) as caught:
        list(client.paginate("items", paginator=paginator))
    assert "s3cret99" not in str(caught.value)
    assert f"{api.url}/items" in str(caught.value)


def test_two_link_headers_are_one_list(api: ApiServer, client: RestClient) -> None:
    @api.get("/items")
    def items(request: Request) -> Any:
        links = [("Link", "</items>; rel=first"), ("Link", "</items?page=2>; rel=next")]
        return [{"id": 2}] if request.query else Reply(json=[{"id": 1}], headers=links)

    assert [[{"id": 1}], [{"id": 2}]] == list(client.paginate("items", paginator="header_link"))
