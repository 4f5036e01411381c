"""A callable that uses the client which is just calling it: an error, never a deadlock."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import BasePaginator, FetchUnit, HttpError, RestClient
from tests.support.server import ApiServer

Opener = Callable[..., RestClient]

USES: dict[str, Callable[[RestClient], Any]] = {
    "get": lambda client: client.get("items"),
    "post": lambda client: client.post("items"),
    "paginate": lambda client: list(client.paginate("items")),
    "fetch": lambda client: list(client.fetch([FetchUnit(RequestSpec(path="items"), index=0)])),
    "close": lambda client: client.close(),
}


def in_time(work: Callable[[], Any]) -> HttpError:
    """The error that work raises, in a thread of its own so that a deadlock is a failure and not a hang."""
    caught: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "locked up"
    assert 1 == len(caught)
    assert isinstance(caught[0], HttpError), repr(caught[0])
    return caught[0]


@pytest.mark.parametrize("use", USES)
def test_in_a_hook(api: ApiServer, client: RestClient, use: str) -> None:
    api.json("/items", [{"id": 1}])
    error = in_time(lambda: list(client.paginate("items", hooks=lambda _: USES[use](client) and None)))
    assert "http_reentrant" == error.code
    assert "another RestClient" in str(error)
    assert 1 == len(api.requests)


@pytest.mark.parametrize("use", USES)
def test_in_a_hook_of_a_single_request(api: ApiServer, client: RestClient, use: str) -> None:
    api.json("/items", [{"id": 1}])
    assert "http_reentrant" == in_time(lambda: client.get("items", hooks=lambda _: USES[use](client) and None)).code


def test_in_a_response_action(api: ApiServer, client: RestClient) -> None:
    api.json("/items", [{"id": 1}])
    actions = [{"status_code": 200, "action": lambda _: client.get("items")}]
    assert "http_reentrant" == in_time(lambda: list(client.paginate("items", response_actions=actions))).code


class Auth(httpx.Auth):
    """Fetches its token with the client that it is the auth of."""

    client: RestClient

    def auth_flow(self, request: httpx.Request) -> Any:
        self.client.get("token")
        yield request


def test_in_an_auth(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", [{"id": 1}])
    auth = Auth()
    auth.client = client = open_client(auth=auth)
    assert "http_reentrant" == in_time(lambda: list(client.paginate("items"))).code


def test_in_an_auth_callable(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", [{"id": 1}])
    clients: list[RestClient] = []

    def sign(request: Any) -> Any:
        clients[0].get("token")
        return request

    clients.append(open_client(auth=sign))
    assert "http_reentrant" == in_time(lambda: list(clients[0].paginate("items"))).code


class Peeking(BasePaginator):
    """Asks the API itself whether there is more."""

    client: RestClient

    def update_state(self, response: Any, data: Any = None) -> None:
        self._has_next_page = bool(list(Peeking.client.paginate("more")))

    def update_request(self, request: Any) -> None:
        request.params = {"page": 2}


def test_in_a_paginator(api: ApiServer, client: RestClient) -> None:
    api.json("/items", [{"id": 1}])
    Peeking.client = client
    assert "http_reentrant" == in_time(lambda: list(client.paginate("items", paginator=Peeking()))).code


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dagster_rest.http.transport.loop.CHECK_SECONDS", 0.1)
    monkeypatch.setattr("dagster_rest.http.transport.loop.BLOCKED_SECONDS", 1.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("use", USES)
def test_a_hook_that_waits_for_a_thread_of_the_same_client_is_not_waited_for_for_ever(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    """The thread waits for the hook, which waits for the thread."""
    api.json("/items", [{"id": 1}])
    client = open_client()
    errors: list[HttpError] = []
    over = threading.Event()

    def hook(_: httpx.Response) -> None:
        errors.append(in_time(lambda: USES[use](client)))
        over.set()

    # Whoever waits for the client may be told so, this one too.
    with contextlib.suppress(HttpError):
        list(client.paginate("items", hooks=hook))
    assert over.wait(20)
    assert ["http_reentrant"] == [error.code for error in errors]
    assert "waits for" in str(errors[0])
    monkeypatch.undo()
    if use != "close":
        assert [[{"id": 1}]] == list(client.paginate("items"))


def test_a_hook_that_takes_its_time_blocks_nobody_for_good(
    api: ApiServer, client: RestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shorter than the bound: the others wait and go on."""
    monkeypatch.setattr("dagster_rest.http.transport.loop.CHECK_SECONDS", 0.05)
    api.json("/items", [{"id": 1}])
    began = threading.Event()

    def slow(_: httpx.Response) -> None:
        began.set()
        time.sleep(0.4)

    first = threading.Thread(target=lambda: client.get("items", hooks=slow))
    first.start()
    began.wait(20)
    assert [[{"id": 1}]] == list(client.paginate("items"))
    first.join()


def test_another_client_may_be_used_in_a_hook(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", [{"id": 1}])
    other = open_client()
    statuses: list[int] = []
    list(open_client().paginate("items", hooks=lambda _: statuses.append(other.get("items").status_code)))
    assert [200] == statuses


def test_the_client_goes_on_after_the_error(api: ApiServer, client: RestClient) -> None:
    api.json("/items", [{"id": 1}])
    in_time(lambda: list(client.paginate("items", hooks=lambda _: client.get("items") and None)))
    assert [[{"id": 1}]] == list(client.paginate("items"))


def test_a_client_that_is_collected_in_its_own_loop_ends(api: ApiServer) -> None:
    api.json("/items", [{"id": 1}])
    client = RestClient(api.url)
    client.get("items")
    loop = client.connection.loop
    held = [client]
    del client
    done = threading.Event()

    def drop() -> None:
        held.clear()
        gc.collect()
        done.set()

    loop.call(drop)
    assert done.wait(60)
    loop._thread.join(60)
    assert loop.closed
