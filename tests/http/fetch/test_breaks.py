"""What may end a list, and what may not (S38): responses without content, redirects to nowhere, errors beside rows."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.http import (
    BasePaginator,
    BodyError,
    HttpStatusError,
    IgnoreResponse,
    IncompleteError,
    RestClient,
)
from tests.support.server import ApiServer, Reply, Request

NOTHING = {
    "204": Reply(status=204),
    "205": Reply(status=205, body=b""),
    "empty 200": Reply(body=b""),
    "null": Reply(body=b"null"),
}
LISTS: dict[str, tuple[Any, Any]] = {
    "json_link": ("json_link", lambda n: {"data": [{"id": n}], "next": f"/items?n={n + 1}"}),
    "header_link": (
        "header_link",
        lambda n: Reply(json=[{"id": n}], headers={"Link": f'</items?n={n + 1}>; rel="next"'}),
    ),
    "cursor": (
        {"type": "cursor", "cursor_path": "next", "cursor_param": "n"},
        lambda n: {"data": [{"id": n}], "next": n + 1},
    ),
    "header_cursor": (
        {"type": "header_cursor", "cursor_key": "X-Next", "cursor_param": "n"},
        lambda n: Reply(json=[{"id": n}], headers={"X-Next": str(n + 1)}),
    ),
    "detected link": (None, lambda n: {"data": [{"id": n}], "next": f"/items?n={n + 1}"}),
    "page_number without empty pages": (
        {"type": "page_number", "page_param": "n", "total_path": "t", "stop_after_empty_page": False},
        lambda n: {"data": [{"id": n}], "t": 9},
    ),
    "offset by total": (
        {"type": "offset", "limit": 1, "offset_param": "n", "total_path": "t"},
        lambda n: {"data": [{"id": n}], "t": 9},
    ),
}


def serve(api: ApiServer, answer: Any, third: Any) -> None:
    """Two pages, then something else."""

    @api.get("/items")
    def items(request: Request) -> Any:
        number = int(request.param("n") or 0)
        return third if number == 2 else answer(number)


def collect(client: RestClient, **options: Any) -> list[Any]:
    return [row for page in client.paginate("items", **options) for row in page]


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("kind", LISTS)
def test_a_page_without_content_does_not_end_a_list(
    api: ApiServer, client: RestClient, kind: str, nothing: str
) -> None:
    """dlt: a crash for an empty body; null ends the list, green."""
    paginator, answer = LISTS[kind]
    serve(api, answer, NOTHING[nothing])
    with pytest.raises(IncompleteError) as caught:
        collect(client, paginator=paginator)
    assert caught.value.code in ("http_no_content", "http_list_incomplete")


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_page_without_content_ends_a_list_that_empty_pages_end(
    api: ApiServer, client: RestClient, nothing: str
) -> None:
    serve(api, lambda n: [{"id": n}], NOTHING[nothing])
    pages = list(client.paginate("items", paginator={"type": "page_number", "page_param": "n", "total_path": None}))
    assert ([[{"id": 0}], [{"id": 1}], []], "empty_page") == (pages, pages[-1].ended_by)


def test_a_cursor_list_ends_so_too_with_stop_after_empty_page(api: ApiServer, client: RestClient) -> None:
    paginator, answer = LISTS["cursor"]
    serve(api, answer, Reply(status=204))
    assert [{"id": 0}, {"id": 1}] == collect(client, paginator={**paginator, "stop_after_empty_page": True})


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("status", [304, 302])
def test_neither_a_304_nor_a_redirect_to_nowhere_ends_a_list(
    api: ApiServer, client: RestClient, kind: str, status: int
) -> None:
    paginator, answer = LISTS[kind]
    serve(api, answer, Reply(status=status, body=b""))
    with pytest.raises(HttpStatusError) as caught:
        collect(client, paginator=paginator)
    assert (status, "http_status") == (caught.value.status_code, caught.value.code)


@pytest.mark.parametrize("status", [300, 302, 304, 307])
def test_on_the_first_page_they_are_errors_too(api: ApiServer, client: RestClient, status: int) -> None:
    """A `replace` would empty its table."""
    api.json("/items", Reply(status=status, body=b""))
    with pytest.raises(HttpStatusError) as caught:
        collect(client)
    assert status == caught.value.status_code
    assert ("If-None-Match" if status == 304 else "The redirect has no `Location`") in str(caught.value)


def test_a_redirect_that_is_not_followed_is_an_error(api: ApiServer, open_client: Any) -> None:
    api.json("/items", Reply(status=302, headers={"Location": "/other"}, body=b""))
    with pytest.raises(HttpStatusError, match="follow_redirects"):
        collect(open_client(follow_redirects=False))


@pytest.mark.parametrize("status", [304, 204])
def test_an_action_may_end_a_list_so(api: ApiServer, client: RestClient, status: int) -> None:
    paginator, answer = LISTS["json_link"]
    serve(api, answer, Reply(status=status, body=b""))
    actions = [{"status_code": status, "action": "ignore"}]
    pages = list(client.paginate("items", paginator=paginator, response_actions=actions))
    assert ([[{"id": 0}], [{"id": 1}], []], "ignored") == (pages, pages[-1].ended_by)


def test_a_hook_may_end_a_list_at_an_empty_body(api: ApiServer, client: RestClient) -> None:
    def ignore_nothing(response: Any) -> None:
        if not response.content:
            raise IgnoreResponse

    paginator, answer = LISTS["json_link"]
    serve(api, answer, Reply(body=b""))
    assert 2 == len(collect(client, paginator=paginator, hooks=ignore_nothing))


class UntilEmpty(BasePaginator):
    """Asks until a page has no records."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def update_state(self, response: Any, data: Any = None) -> None:
        self._has_next_page = bool(data)
        self.number += 1

    def update_request(self, request: Any) -> None:
        request.params = {"n": self.number}


class LooksIntoTheBody(UntilEmpty):
    """As dlt's documentation shows one."""

    def update_state(self, response: Any) -> None:  # type: ignore[override]
        self._has_next_page = False
        self._has_next_page = bool(response.json())
        self.number += 1


def test_a_custom_paginator_has_its_own_rule(api: ApiServer, client: RestClient) -> None:
    serve(api, lambda n: [{"id": n}], Reply(status=204))
    assert 2 == len(collect(client, paginator=UntilEmpty()))
    with pytest.raises(IncompleteError):
        collect(client, paginator=LooksIntoTheBody())


GRAPHQL = {"data": {"posts": [{"id": 1}]}, "errors": [{"message": "field author: timed out"}]}


@pytest.mark.parametrize("selector", ["data.posts", "data.posts[*]"])
def test_errors_beside_the_records_are_an_error(api: ApiServer, client: RestClient, selector: str) -> None:
    """dlt: the part that came is loaded, green."""
    api.json("/items", GRAPHQL)
    with pytest.raises(BodyError, match="author: timed out") as caught:
        collect(client, data_selector=selector, paginator="single_page")
    assert "http_body_reports_errors" == caught.value.code
    assert "on_body_errors: warn" in str(caught.value)


def test_errors_beside_the_records_can_be_a_warning(api: ApiServer, client: RestClient) -> None:
    api.json("/items", GRAPHQL)
    pages = list(client.paginate("items", data_selector="data.posts", paginator="single_page", on_body_errors="warn"))
    assert [[{"id": 1}]] == pages
    assert "author: timed out" in pages[0].warnings[0]


def test_errors_beside_the_records_can_be_asked_again(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [GRAPHQL, {"data": {"posts": [{"id": 1}, {"id": 2}]}}])
    actions = [{"json": "$.errors", "action": "retry"}]
    assert 2 == len(collect(client, data_selector="data.posts", paginator="single_page", response_actions=actions))


@pytest.mark.parametrize(
    ("selector", "body"),
    [
        ("errors", {"errors": [{"id": 1}], "total": 1}),
        (None, {"errors": [{"id": 1}]}),
        ("$", {"id": 1, "errors": ["a job's own"]}),
        (None, {"id": 1, "errors": ["a job's own"]}),
        ("data", {"data": [{"id": 1}], "errors": []}),
        ("data", {"data": [{"id": 1}], "errors": None}),
        ("data", {"data": [{"id": 1}], "errors": 0}),
        ("data", {"data": [{"id": 1, "errors": ["its own"]}]}),
    ],
)
def test_errors_that_are_data_are_loaded(api: ApiServer, client: RestClient, selector: Any, body: Any) -> None:
    api.json("/items", body)
    assert 1 == len(collect(client, data_selector=selector, paginator="single_page"))
