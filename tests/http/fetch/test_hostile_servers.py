"""Unkindnesses of servers and configs that would end a list early, hang, or ask for something else than is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dagster_rest.http import HttpError, PaginationError, RestClient, TokenError
from tests.support.server import ApiServer, Reply, Request

Opener = Callable[..., RestClient]
OAUTH = {"type": "oauth2_client_credentials", "client_id": "us", "client_secret": "s3cret99"}


@pytest.mark.parametrize(
    "header",
    [
        '</items?page=2>; rel="next',
        '</items?page=2>; rel="next; title=x',
        "</items?page=2>; rel='next",
        '</items?page=0>; rel="prev, </items?page=2>; rel="next',
    ],
)
def test_a_link_header_with_an_open_quote_does_not_end_the_list(
    api: ApiServer, client: RestClient, header: str
) -> None:
    """dlt follows such a link too."""

    @api.get("/items")
    def items(request: Request) -> Any:
        return [{"id": 2}] if request.query else Reply(json=[{"id": 1}], headers={"Link": header})

    assert [1, 2] == [row["id"] for page in client.paginate("items", paginator="header_link") for row in page]


def test_a_token_endpoint_that_is_silent_is_bound_by_the_timeout(api: ApiServer, open_client: Opener) -> None:
    api.post("/token")(lambda _: Reply(json={"access_token": "tok-12345"}, delay=5))
    api.json("/items", [{"id": 1}])
    client = open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}, timeout=0.3, retry={"attempts": 1})
    with pytest.raises(HttpError) as caught:
        client.get("items")
    assert "http_timeout" == caught.value.code
    assert "/token" in str(caught.value)


def test_a_token_with_space_around_it_is_taken_without(api: ApiServer, open_client: Opener) -> None:
    api.post("/token")(lambda _: {"access_token": " tok-12345\n"})
    api.json("/items", [{"id": 1}])
    open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")
    assert "Bearer tok-12345" == api.requests[-1].headers["authorization"]


def test_a_token_that_no_header_can_hold_is_an_error_without_it(api: ApiServer, open_client: Opener) -> None:
    api.post("/token")(lambda _: {"access_token": "tok-12345\r\nX-Other: 1"})
    with pytest.raises(TokenError, match="control character") as caught:
        open_client(auth={**OAUTH, "access_token_url": f"{api.url}/token"}).get("items")
    assert "tok-12345" not in str(caught.value)


@pytest.mark.parametrize("body", [[{"id": 5}], {"page": "x"}, {"page": ["x"]}])
def test_a_body_that_cannot_hold_the_cursor_is_not_replaced(api: ApiServer, client: RestClient, body: Any) -> None:
    """The second page would be one of another question."""
    api.post("/items")(lambda _: {"data": [{"id": 1}], "next": "c1"})
    paginator = {"type": "cursor", "cursor_path": "next", "cursor_body_path": "page.after"}
    with pytest.raises(PaginationError, match="cannot hold") as caught:
        list(client.paginate("items", method="POST", json=body, paginator=paginator))
    assert "http_paginator_config" == caught.value.code
