"""Everything ends: endless lists, circles, waits and bodies (S30, S63)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dagster_rest.http import (
    HttpConnectionError,
    HttpStatusError,
    LoopError,
    RestClient,
    RetryLater,
)
from tests.support.server import ApiServer, Reply, Request

Opener = Callable[..., RestClient]
TEN_YEARS = 10 * 365 * 86_400


def collect(client: RestClient, **options: Any) -> list[Any]:
    return [row for page in client.paginate("items", **options) for row in page]


def cycle(api: ApiServer, pages: list[list[Any]], *, before: list[list[Any]] | None = None) -> None:
    """These pages for ever, always with a fresh cursor."""
    endless = itertools.chain(before or [], itertools.cycle(pages))
    fresh = itertools.count()
    api.get("/items")(lambda _: {"data": next(endless), "cursors": {"next": f"c{next(fresh)}"}})


A, B, C = [{"id": 1}], [{"id": 2}], [{"id": 3}]


@pytest.mark.parametrize(
    ("pages", "before", "requests"),
    [
        ([A], [], 2),
        ([A, B], [], 4),
        ([A, B, C], [], 6),
        ([A, []], [], 3),
        ([A, B, []], [], 5),
        ([B, C], [[{"id": n}] for n in range(10, 30)], 24),
        ([[{"id": n}] for n in range(40)], [], 80),
    ],
)
def test_pages_that_go_round_are_an_error(
    api: ApiServer, client: RestClient, pages: Any, before: Any, requests: int
) -> None:
    cycle(api, pages, before=before)
    with pytest.raises(LoopError, match=r"same content|content of earlier") as caught:
        collect(client, paginator="cursor")
    assert ("http_loop", requests) == (caught.value.code, len(api.requests))
    assert "max_repeated_pages" in str(caught.value)


def test_pages_that_come_again_in_no_order_are_an_error(api: ApiServer, client: RestClient) -> None:
    order = [0, 1, 2, 0, 2, 2, 1, 0, 0, 1, 2, 1] * 50
    cycle(api, [[{"id": n}] for n in order])
    with pytest.raises(LoopError):
        collect(client, paginator="cursor", max_repeated_pages=2)
    assert len(api.requests) < 20


def test_two_legitimate_identical_pages_can_be_allowed(api: ApiServer, client: RestClient) -> None:
    rows = [{"v": 0}] * 6 + [{"v": 1}]
    api.pages("/items", rows, size=2, style="cursor")
    with pytest.raises(LoopError, match="max_repeated_pages"):
        collect(client, paginator="cursor")
    assert rows == collect(client, paginator="cursor", max_repeated_pages=2)


def test_more_repeats_than_are_allowed_are_an_error(api: ApiServer, client: RestClient) -> None:
    cycle(api, [A])
    with pytest.raises(LoopError):
        collect(client, paginator="cursor", max_repeated_pages=3)
    assert 5 == len(api.requests)


def test_pages_that_alternate_for_a_while_are_loaded(api: ApiServer, client: RestClient) -> None:
    api.pages("/items", [*A, *B, *A, *C, *B, *A], size=1, style="cursor")
    assert [1, 2, 1, 3, 2, 1] == [row["id"] for row in collect(client, paginator="cursor")]


def test_rows_that_the_caller_changes_are_still_recognised(api: ApiServer, client: RestClient) -> None:
    cycle(api, [A])

    def change() -> None:
        for page in client.paginate("items", paginator="cursor"):
            page[0]["id"] = "changed"

    with pytest.raises(LoopError):
        change()


@pytest.mark.parametrize("bound", [100, 3])
def test_empty_pages_with_fresh_cursors_end(api: ApiServer, client: RestClient, bound: int) -> None:
    cycle(api, [[]], before=[A])
    options = {} if bound == 100 else {"max_empty_pages": bound}
    with pytest.raises(LoopError, match=f"{bound + 1} pages in a row") as caught:
        collect(client, paginator="cursor", **options)
    assert ("http_empty_pages", bound + 2) == (caught.value.code, len(api.requests))


def test_empty_pages_between_others_are_none_of_them(api: ApiServer, client: RestClient) -> None:
    pages = [A, [], [], B, [], [], C]
    api.get("/items")(
        lambda r: {
            "data": pages[int(r.param("cursor") or 0)],
            "cursors": {"next": int(r.param("cursor") or 0) + 1 if (r.param("cursor") or "0") != "6" else None},
        }
    )
    assert [1, 2, 3] == [row["id"] for row in collect(client, paginator="cursor", max_empty_pages=2)]


def test_a_flag_that_always_says_more_ends(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": A if r.param("page") == "0" else [], "more": True})
    paginator = {"type": "page_number", "total_path": None, "has_more_path": "more", "stop_after_empty_page": False}
    with pytest.raises(LoopError, match="empty"):
        collect(client, paginator=paginator, max_empty_pages=10)
    assert 12 == len(api.requests)


def test_a_selector_that_leaves_everything_out_sees_no_empty_pages(api: ApiServer, client: RestClient) -> None:
    rows = [{"id": n} for n in range(20)]
    api.pages("/items", rows, size=1, style="cursor")
    found = collect(client, paginator="cursor", data_selector="data[?(@.id > 17)]", max_empty_pages=3)
    assert [18, 19] == [row["id"] for row in found]


@pytest.mark.parametrize("header", [str(TEN_YEARS), "Wed, 01 Jan 2098 00:00:00 GMT", "1e15"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_of_years_is_an_error(api: ApiServer, client: RestClient, header: str, status: int) -> None:
    """Nobody should plan a run for then."""
    api.json("/items", Reply(status=status, json={}, headers={"Retry-After": header}))
    with pytest.raises(HttpStatusError, match="max_retry_later") as caught:
        collect(client)
    assert ("http_wait_too_long", status, 1) == (caught.value.code, caught.value.status_code, len(api.requests))


def test_how_long_a_wait_may_be_can_be_set(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", Reply(status=429, json={}, headers={"Retry-After": "7200"}))
    with pytest.raises(RetryLater):
        collect(open_client())
    with pytest.raises(HttpStatusError, match="max_retry_later"):
        collect(open_client(retry={"max_retry_later": 3600}))


def test_a_wait_of_years_stops_nobody_else(api: ApiServer, client: RestClient) -> None:
    api.json("/items", Reply(status=429, json={}, headers={"Retry-After": str(TEN_YEARS)}))
    api.json("/others", [{"id": 1}])
    client.connection.sender.policy = type(client.connection.sender.policy)(max_wait=0.05)
    with pytest.raises(HttpStatusError):
        collect(client)
    assert 200 == client.get("others").status_code


def test_an_endless_trickle_ends(api: ApiServer, open_client: Opener) -> None:
    """A byte before every silence is too long, for ever."""

    def drops() -> Iterator[bytes]:
        # Far longer than the bound, and it ends by itself.
        yield b"["
        for _ in range(60):
            time.sleep(0.05)
            yield b" " * 70_000

    api.get("/items")(lambda _: Reply(body=drops()))
    client = open_client(timeout={"read": 30, "total": 0.5}, retry={"attempts": 2})
    with pytest.raises(HttpConnectionError, match=r"no complete response after 0\.5 s") as caught:
        collect(client)
    assert ("http_timeout", 2) == (caught.value.code, client.stats.requests)
    assert "timeout.total" in str(caught.value)


def test_a_response_that_is_complete_in_time_is_taken(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", Reply(json=[{"id": 1}], delay=0.2))
    assert [{"id": 1}] == collect(open_client(timeout={"total": 20}))


@pytest.mark.parametrize("timeout", [30, 30.5, None, {"read": 3}, {"total": 5}])
def test_every_form_of_a_time_out_bounds_the_whole_response(open_client: Opener, timeout: Any) -> None:
    bound = open_client(timeout=timeout).connection.sender.max_seconds
    assert (5 if timeout == {"total": 5} else 600) == bound


def test_the_total_of_a_time_out_can_be_switched_off(open_client: Opener) -> None:
    assert open_client(timeout={"total": None}).connection.sender.max_seconds is None


def test_a_cursor_that_ends_although_there_is_more_is_told(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": A, "more": True})
    paginator = {"type": "cursor", "cursor_path": "next", "has_more_path": "more"}
    pages = list(client.paginate("items", paginator=paginator))
    assert "although 'more' says" in pages[-1].warnings[0]


def test_requests_go_on_after_a_request_that_took_too_long(api: ApiServer, open_client: Opener) -> None:
    slow = {"first": True}

    @api.get("/items")
    def items(request: Request) -> Any:
        if slow.pop("first", None):
            return Reply(json=[{"id": 0}], delay=5)
        return [{"id": 1}]

    assert [{"id": 1}] == collect(open_client(timeout={"total": 0.3}, max_concurrency=1))
