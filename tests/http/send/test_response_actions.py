"""Scenario S64: what a response means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dagster_rest.config import ConfigError
from dagster_rest.config.model.endpoint import ExpectConfig
from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import (
    ActionError,
    FetchOptions,
    FetchUnit,
    HttpStatusError,
    IgnoreResponse,
    Page,
    PaginationError,
    RestClient,
)
from tests.support.server import ApiServer, Reply

GONE = Reply(status=404, json={"error": "not here", "errors": [{"code": "GONE"}], "count": 3})


def collect(client: RestClient, path: str = "items", **options: Any) -> list[Any]:
    return [row for page in client.paginate(path, **options) for row in page]


@pytest.mark.parametrize(
    "action",
    [
        {"status_code": 404, "action": "ignore"},
        {"status_code": "404", "action": "ignore"},
        {"status_code": "4xx", "action": "ignore"},
        {"status_code": [500, 404], "action": "ignore"},
        {"content": "not here", "action": "ignore"},
        {"status_code": 404, "content": "not here", "action": "ignore"},
        {"json": "$.error == 'not here'", "action": "ignore"},
        {"json": "$.error", "action": "ignore"},
        {"json": "$.error =~ '^not'", "action": "ignore"},
        {"json": "$.errors[?(@.code == 'GONE')].code == 'GONE'", "action": "ignore"},
        {"json": "$.errors[?(@.code == 'GONE')]", "action": "ignore"},
        {"json": "$.count >= 3", "action": "ignore"},
        {"json": "$.error != 'x == y'", "action": "ignore"},
    ],
)
def test_s64_a_match_is_ignored(api: ApiServer, client: RestClient, action: Any) -> None:
    """dlt: a status as text never matches."""
    api.json("/items", GONE)
    pages = list(client.paginate("items", response_actions=[action]))
    assert ([[]], "ignored") == (pages, pages[0].ended_by)


@pytest.mark.parametrize(
    "action",
    [
        {"status_code": 403, "action": "ignore"},
        {"content": "elsewhere", "action": "ignore"},
        {"status_code": 404, "content": "elsewhere", "action": "ignore"},
        {"json": "$.error == 'BUSY'", "action": "ignore"},
        {"json": "$.error > 5", "action": "ignore"},
    ],
)
def test_s64_no_match_is_an_error(api: ApiServer, client: RestClient, action: Any) -> None:
    api.json("/items", GONE)
    with pytest.raises(HttpStatusError) as caught:
        collect(client, response_actions=[action])
    assert (404, "http_status") == (caught.value.status_code, caught.value.code)


def test_s64_hooks_run_in_order_and_an_entry_may_have_many(api: ApiServer, client: RestClient) -> None:
    api.json("/items", [{"id": 1}])
    seen: list[str] = []
    actions = [
        {"status_code": 200, "action": [lambda _: seen.append("a"), lambda _: seen.append("b")]},
        lambda _: seen.append("c"),
        {"status_code": 500, "action": lambda _: seen.append("never")},
    ]
    collect(client, response_actions=actions)
    assert ["a", "b", "c"] == seen


def test_s64_a_hook_may_change_body_and_status_in_place(api: ApiServer, client: RestClient) -> None:
    api.json("/items", GONE)

    def rescue(response: httpx.Response) -> None:
        response.status_code = 200
        response._content = b'[{"id": 7}]'

    assert [{"id": 7}] == collect(client, response_actions=[{"status_code": 404, "action": rescue}])


def test_s64_a_hook_may_return_another_response(api: ApiServer, client: RestClient) -> None:
    """dlt: the return value is thrown away."""
    api.json("/items", GONE)
    actions = [lambda response: httpx.Response(200, json=[{"id": 8}], request=response.request)]
    assert [{"id": 8}] == collect(client, response_actions=actions)


def test_s64_a_hook_may_ignore(api: ApiServer, client: RestClient) -> None:
    def skip(_: httpx.Response) -> None:
        raise IgnoreResponse

    api.json("/items", GONE)
    assert [] == collect(client, response_actions=[skip])


def test_s64_ignored_in_the_middle_keeps_the_pages_before(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [{"data": [{"id": 1}], "next": "/items?page=2"}, GONE])
    pages = list(client.paginate("items", response_actions=[{"status_code": 404, "action": "ignore"}]))
    assert [[{"id": 1}], []] == pages
    assert ("ignored", True) == (pages[-1].ended_by, "page 2 was ignored" in pages[-1].warnings[0])


def test_ignored_although_pages_remain_is_an_error(api: ApiServer, client: RestClient) -> None:
    """dlt: stops, green."""
    api.get("/items")(lambda r: {"data": [{"id": 1}], "total": 5} if r.param("page") == "0" else GONE)
    with pytest.raises(PaginationError) as caught:
        collect(client, paginator={"type": "page_number"}, response_actions=[{"status_code": 404, "action": "ignore"}])
    assert "http_ignored_with_pages_left" == caught.value.code


def counted(client: RestClient, **unit: Any) -> Iterator[Page]:
    """The pages of a list whose total the config names, and whose 404 is ignored."""
    options = FetchOptions(
        paginator="json_link",
        expect=ExpectConfig(total_path="total"),
        response_actions=[{"status_code": 404, "action": "ignore"}],
    )
    return client.fetch([FetchUnit(RequestSpec(path="items"), index=0, **unit)], options=options)


def test_ignored_although_rows_are_missing_from_the_expected_total_is_an_error(
    api: ApiServer, client: RestClient
) -> None:
    api.replies("/items", [{"data": [{"id": 1}], "next": "/items?page=2", "total": 2}, GONE])
    with pytest.raises(PaginationError) as caught:
        list(counted(client))
    assert "http_ignored_with_pages_left" == caught.value.code


def test_ignored_behind_the_last_row_of_the_expected_total_ends_the_list(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [{"data": [{"id": 1}], "next": "/items?page=2", "total": 1}, GONE])
    assert [[{"id": 1}], []] == list(counted(client))


def test_rows_of_before_an_interruption_are_not_missing_from_the_total(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(
        lambda r: (
            {"data": [{"id": 1}], "next": "/items?page=2", "total": 2}
            if r.param("page") is None
            else {"data": [{"id": 2}], "next": "/items?page=3", "total": 2}
            if r.param("page") == "2"
            else GONE
        )
    )
    first = next(counted(client))
    assert [[{"id": 2}], []] == list(counted(client, resume_state=first.state))


def test_ignore_scope_first_page_refuses_later_ones(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [{"data": [{"id": 1}], "next": "/items?page=2"}, GONE])
    options = FetchOptions(response_actions=[{"status_code": 404, "action": "ignore"}], ignore_scope="first_page")
    with pytest.raises(PaginationError, match="first_page"):
        list(client.fetch([FetchUnit(RequestSpec(path="items"), index=0)], options=options))


COUNTED = {"type": "page_number", "total_path": None}
END_BY_404 = {"response_actions": [{"status_code": 404, "action": "ignore"}], "ignore_scope": "later_pages"}


def unit(path: str = "items", **options: Any) -> list[FetchUnit]:
    return [FetchUnit(RequestSpec(path=path), index=0, **options)]


def test_ignore_scope_later_pages_lets_a_404_end_a_counted_list(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [[{"id": 1}], [{"id": 2}], GONE])
    pages = list(client.fetch(unit(), options=FetchOptions(paginator=COUNTED, **END_BY_404)))
    assert ([[{"id": 1}], [{"id": 2}], []], "ignored", ()) == (pages, pages[-1].ended_by, pages[-1].warnings)


@pytest.mark.parametrize("paginator", [COUNTED, {"type": "offset", "limit": 1, "total_path": None}, None])
def test_ignore_scope_later_pages_refuses_the_first_one(api: ApiServer, client: RestClient, paginator: Any) -> None:
    """A misspelt path answers 404 too, and no rows would empty a table."""
    api.json("/items", GONE)
    with pytest.raises(HttpStatusError, match="later_pages") as caught:
        list(client.fetch(unit(), options=FetchOptions(paginator=paginator, **END_BY_404)))
    assert ("http_status", 404) == (caught.value.code, caught.value.status_code)
    assert "not here" in str(caught.value)


def test_ignore_scope_later_pages_takes_a_resumed_page_for_a_later_one(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [[{"id": 1}], GONE])
    options = FetchOptions(paginator=COUNTED, max_concurrency=1, **END_BY_404)
    state = next(iter(client.fetch(unit(), options=options))).state
    assert [[]] == list(client.fetch(unit(resume_state=state), options=options))


def test_ignore_scope_later_pages_still_holds_the_list_against_its_total(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": [{"id": 1}], "total": 5} if r.param("page") == "0" else GONE)
    options = FetchOptions(paginator={"type": "page_number"}, **END_BY_404)
    with pytest.raises(PaginationError) as caught:
        list(client.fetch(unit(), options=options))
    assert "http_ignored_with_pages_left" == caught.value.code


def test_a_page_that_a_link_announced_is_missed_with_a_warning(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [{"data": [{"id": 1}], "next": "/items?page=2"}, GONE])
    pages = list(client.fetch(unit(), options=FetchOptions(**END_BY_404)))
    assert "page 2 was ignored" in pages[-1].warnings[0]


def test_a_404_behind_a_counted_list_says_how_to_allow_it(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [[{"id": 1}], GONE])
    with pytest.raises(HttpStatusError, match="ignore_scope: later_pages"):
        list(client.paginate("items", paginator=COUNTED))


def test_s64_an_ignored_child_skips_one_parent(api: ApiServer, client: RestClient) -> None:
    api.get("/c/{id}")(lambda r: GONE if r.path_params["id"] == "1" else [{"id": r.path_params["id"]}])
    units = [FetchUnit(RequestSpec(path=f"c/{n}"), index=n) for n in range(3)]
    options = FetchOptions(response_actions=[{"status_code": 404, "action": "ignore"}])
    pages = list(client.fetch(units, options=options))
    assert [[{"id": "0"}], [], [{"id": "2"}]] == pages


def test_an_ignored_server_error_is_not_asked_again(api: ApiServer, client: RestClient) -> None:
    api.json("/items", Reply(status=500, json={}))
    assert [] == collect(client, response_actions=[{"status_code": 500, "action": "ignore"}])
    assert 1 == len(api.requests)


def test_retry_asks_again(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [{"error": {"code": "BUSY"}}, {"error": {"code": "BUSY"}}, [{"id": 1}]])
    rows = collect(client, response_actions=[{"json": "$.error.code == 'BUSY'", "action": "retry"}])
    assert ([{"id": 1}], 3) == (rows, len(api.requests))


def test_retry_that_never_helps_is_an_error_that_shows_the_body(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"error": {"code": "BUSY"}})
    with pytest.raises(HttpStatusError, match="BUSY"):
        collect(client, response_actions=[{"json": "$.error.code == 'BUSY'", "action": "retry"}])
    assert 5 == len(api.requests)


def test_fail_says_what_the_config_says(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"error": "trial is over"})
    actions = [{"content": "trial", "action": "fail", "message": "Renew the contract."}]
    with pytest.raises(ActionError, match="Renew the contract") as caught:
        collect(client, response_actions=actions)
    assert "http_action_failed" == caught.value.code


def test_the_first_match_wins(api: ApiServer, client: RestClient) -> None:
    api.json("/items", GONE)
    actions = [{"status_code": 404, "action": "ignore"}, {"status_code": "4xx", "action": "fail"}]
    assert [] == collect(client, response_actions=actions)


@pytest.mark.parametrize(
    "action", [{"status_code": 404, "action": "ingore"}, {"action": "ignore"}, {"status_code": 404}]
)
def test_s64_an_action_that_can_never_work_is_refused(client: RestClient, action: Any) -> None:
    """dlt: accepted, does nothing."""
    with pytest.raises(ConfigError):
        collect(client, response_actions=[action])


@pytest.mark.parametrize("reply", [Reply(status=204), Reply(body=b""), Reply(body=b"  \n")])
def test_s38_nothing_in_the_body_is_an_empty_page(api: ApiServer, client: RestClient, reply: Reply) -> None:
    """dlt: a crash."""
    api.json("/items", reply)
    pages = list(client.paginate("items", data_selector="data"))
    assert ([[]], "no_content") == (pages, pages[0].ended_by)
