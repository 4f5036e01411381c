"""Scenario S63: what is asked again, and after which wait."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from dagster_rest.http import HttpAuthError, HttpConnectionError, HttpStatusError, RestClient, RetryLater, RetryPolicy
from dagster_rest.http.retry_after import is_rate_limited, server_wait
from dagster_rest.http.send.retry import RetryClock, matches_status
from tests.support.server import ApiServer, Reply, Request

Opener = Callable[..., RestClient]


def collect(client: RestClient, path: str = "items", **options: Any) -> list[Any]:
    return [row for page in client.paginate(path, **options) for row in page]


@pytest.mark.parametrize("status", [408, 429, 500, 501, 503])
def test_s63_asked_again(api: ApiServer, client: RestClient, status: int) -> None:
    """dlt does not ask again after a 408."""
    api.replies("/items", [Reply(status=status, json={}), [{"id": 1}]])
    assert [{"id": 1}] == collect(client)
    assert (2, 1) == (client.stats.requests, client.stats.retries)


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_s63_not_asked_again(api: ApiServer, client: RestClient, status: int) -> None:
    api.json("/items", Reply(status=status, json={}))
    with pytest.raises(HttpStatusError):
        collect(client)
    assert 1 == len(api.requests)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_an_auth_error(api: ApiServer, client: RestClient, status: int) -> None:
    api.json("/items", Reply(status=status, json={"error": "no"}))
    with pytest.raises(HttpAuthError):
        collect(client)
    assert 1 == len(api.requests)


def test_s63_five_attempts_in_all(api: ApiServer, client: RestClient) -> None:
    api.json("/items", Reply(status=500, json={"error": "broken"}))
    with pytest.raises(HttpStatusError, match=r"500 Internal Server Error.*broken"):
        collect(client)
    assert 5 == len(api.requests)


@pytest.mark.parametrize("fault", ["reset", "half_body"])
def test_s63_a_broken_connection_is_asked_again(api: ApiServer, client: RestClient, fault: Any) -> None:
    api.replies("/items", [Reply(json=[{"id": 0}] * 50, fault=fault), [{"id": 1}]])
    assert [{"id": 1}] == collect(client)


def test_a_truncated_gzip_body_is_asked_again(api: ApiServer, client: RestClient) -> None:
    import gzip

    whole = gzip.compress(b'[{"id": 1}]' + b" " * 1000)
    headers = {"Content-Encoding": "gzip"}
    api.replies("/items", [Reply(body=whole[: len(whole) // 2], headers=headers), Reply(body=whole, headers=headers)])
    assert [{"id": 1}] == collect(client)
    assert 2 == len(api.requests)


def test_post_is_asked_again_unless_methods_say_no(api: ApiServer, open_client: Opener) -> None:
    api.replies("/items", [Reply(status=500, json={}), [], Reply(status=500, json={})], method="POST")
    assert 200 == open_client().post("items").status_code
    assert 500 == open_client(retry={"methods": ["GET"]}).post("items").status_code
    assert 3 == len(api.requests)


def test_statuses_are_configurable(api: ApiServer, open_client: Opener) -> None:
    api.replies("/items", [Reply(status=409, json={}), [{"id": 1}]])
    assert [{"id": 1}] == collect(open_client(retry={"statuses": [409]}))


def test_s63_hooks_are_called_for_every_attempt(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [Reply(status=500, json={}), []])
    statuses: list[int] = []
    collect(client, hooks=lambda response: statuses.append(response.status_code))
    assert [500, 200] == statuses


def test_a_plain_request_gives_the_last_response(api: ApiServer, client: RestClient) -> None:
    api.json("/items", Reply(status=500, json={}))
    assert 500 == client.get("items").status_code
    with pytest.raises(HttpStatusError):
        client.get("items", raise_for_status=True)


def test_s63_retry_after_is_waited_for(api: ApiServer, client: RestClient) -> None:
    arrivals: list[float] = []

    @api.get("/items")
    def items(request: Request) -> Any:
        arrivals.append(time.monotonic())
        return Reply(status=429, json={}, headers={"Retry-After": "1"}) if len(arrivals) == 1 else [{"id": 1}]

    assert [{"id": 1}] == collect(client)
    assert arrivals[1] - arrivals[0] >= 1
    assert client.stats.throttled_seconds >= 1


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"retry-after": "7"}, 7),
        (503, {"retry-after": "7"}, 7),
        (503, {"retry-after": formatdate(1_700_000_030, usegmt=True)}, 30),
        (429, {"retry-after": "0"}, None),
        (429, {"retry-after": "soon"}, None),
        (429, {"retry-after": formatdate(1_600_000_000, usegmt=True)}, None),
        (429, {"x-ratelimit-reset": "1700000020"}, 20),
        (429, {"x-ratelimit-reset": "1700000020000"}, 20),
        (429, {"x-ratelimit-reset": "20"}, 20),
        (429, {"ratelimit-reset": "20"}, 20),
        (429, {"ratelimit": "limit=100, remaining=0, reset=20"}, 20),
        (429, {"ratelimit": '"default";r=0;t=20'}, 20),
        (502, {"x-ratelimit-reset": "1700003000", "x-ratelimit-remaining": "4999"}, None),
        (429, {}, None),
        (403, {"x-ratelimit-reset": "20"}, 20),
        (502, {"x-ratelimit-reset": "20", "x-ratelimit-remaining": "0"}, 20),
        (429, {"x-rate-limit-reset": "20"}, 20),
        (429, {"ratelimit-reset": "20", "x-ratelimit-reset": "30"}, 20),
        (429, {"retry-after": "0", "x-ratelimit-reset": "20"}, None),
        (429, {"retry-after": "inf"}, None),
        (429, {"x-ratelimit-reset": "nan"}, None),
    ],
)
def test_what_a_server_asks_to_wait(status: int, headers: dict[str, str], wait: float | None) -> None:
    assert wait == server_wait(status, headers, now=1_700_000_000)


@pytest.mark.parametrize(
    ("status", "headers", "limited"),
    [
        (403, {"retry-after": "1"}, True),
        (403, {"x-ratelimit-remaining": "0"}, True),
        (403, {"x-ratelimit-remaining": "1"}, False),
        (403, {}, False),
        (401, {"retry-after": "1"}, False),
        (404, {"x-ratelimit-remaining": "0"}, False),
    ],
)
def test_a_403_may_be_a_rate_limit_and_nothing_else_is_taken_for_one(
    status: int, headers: dict[str, str], limited: bool
) -> None:
    assert limited == is_rate_limited(status, headers)


def test_without_backoff_there_is_no_pause() -> None:
    assert 0.0 == RetryPolicy(backoff=0, jitter=9).pause(3)


@pytest.mark.parametrize("wanted", ["5XX", " 5xx ", " 503"])
def test_a_status_may_be_written_in_any_case(wanted: str) -> None:
    assert (True, False) == (matches_status(wanted, 503), matches_status(wanted, 404))


def test_the_clock_adds_up_what_it_ran_and_stands_still_between() -> None:
    clock = RetryClock()
    for _ in range(2):
        with clock.running():
            time.sleep(0.02)
    total = clock.seconds
    time.sleep(0.001)
    assert (True, total) == (total >= 0.04, clock.seconds)


def test_github_answers_a_rate_limit_with_403(api: ApiServer, client: RestClient) -> None:
    limited = Reply(status=403, json={}, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"})
    api.replies("/items", [limited, [{"id": 1}]])
    assert [{"id": 1}] == collect(client)


def test_a_long_wait_becomes_retry_later_at_once(api: ApiServer, client: RestClient) -> None:
    api.json("/items", Reply(status=429, json={}, headers={"Retry-After": "3600"}))
    with pytest.raises(RetryLater) as caught:
        collect(client)
    assert (3600, 1, "http_retry_later") == (caught.value.seconds, len(api.requests), caught.value.code)


def test_what_the_total_does_not_leave_becomes_retry_later(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", Reply(status=503, json={}, headers={"Retry-After": "5"}))
    with pytest.raises(RetryLater):
        collect(open_client(retry={"total": 3}))
    assert 1 == len(api.requests)


def test_a_long_wait_at_the_last_attempt_becomes_retry_later(api: ApiServer, open_client: Opener) -> None:
    api.replies("/items", [Reply(status=503), Reply(status=429, headers={"Retry-After": "90"})])
    with pytest.raises(RetryLater) as caught:
        collect(open_client(retry={"attempts": 2}))
    assert (90, 2) == (caught.value.seconds, len(api.requests))


def test_a_short_wait_at_the_last_attempt_is_an_error(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", Reply(status=503, headers={"Retry-After": "0.01"}))
    with pytest.raises(HttpStatusError):
        collect(open_client(retry={"attempts": 2}))
    assert 2 == len(api.requests)


def test_a_long_wait_is_an_error_where_nothing_is_asked_again(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", Reply(status=429, headers={"Retry-After": "90"}))
    with pytest.raises(HttpStatusError):
        collect(open_client(retry={"attempts": 1}))


def test_own_pauses_end_with_the_total(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", Reply(status=503, json={}))
    with pytest.raises(HttpStatusError):
        collect(open_client(retry={"backoff": 2, "total": 1}))
    assert 1 == len(api.requests)


def test_pauses_double_up_to_a_maximum() -> None:
    policy = RetryPolicy(backoff=1, max_delay=5, jitter=0)
    assert [1, 2, 4, 5, 5] == [policy.pause(n) for n in range(1, 6)]


def test_pauses_jitter() -> None:
    policy = RetryPolicy(backoff=1, jitter=1)
    assert 1 < len({policy.pause(1) for _ in range(20)})
    assert all(1 <= policy.pause(1) <= 2 for _ in range(100))


def test_nobody_listens(open_client: Opener) -> None:
    with pytest.raises(HttpConnectionError) as caught:
        open_client("http://127.0.0.1:1", retry={"attempts": 2}).get("items")
    assert "http_connection" == caught.value.code


@pytest.mark.parametrize(
    "error",
    [
        RetryLater("later", seconds=5.0, where="x", hint="y"),
        HttpStatusError("no", where="x", status_code=404),
        HttpAuthError("no", code="http_auth", status_code=401),
    ],
)
def test_errors_cross_processes(error: Any) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(error), str(error), vars(error)) == (type(copy), str(copy), vars(copy))


def test_the_pause_is_bounded_after_thousands_of_attempts() -> None:
    policy = RetryPolicy(backoff=0.5, max_delay=3.0, jitter=0)
    assert [0.5, 1.0, 2.0, 3.0, 3.0] == [policy.pause(attempt) for attempt in (1, 2, 3, 4, 5_000)]


def test_a_wait_that_the_server_asks_for_replaces_the_backoff() -> None:
    assert 7.0 == RetryPolicy(backoff=0.5, jitter=0).pause(9, asked=7.0)
