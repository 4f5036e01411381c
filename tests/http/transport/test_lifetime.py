"""A client that ends while it is used, and one that a fork takes along."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dagster_rest.http import HttpError, RestClient
from dagster_rest.http.transport.loop import BackgroundLoop
from tests.support.server import ApiServer, Reply

Opener = Callable[..., RestClient]
PATIENCE = 20.0


def in_a_thread(use: Callable[[], object]) -> tuple[threading.Thread, list[Any]]:
    """What a thread gets, or raises."""
    got: list[Any] = []

    def work() -> None:
        try:
            got.append(use())
        except Exception as error:
            got.append(getattr(error, "code", repr(error)))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, got


def test_a_request_whose_client_is_closed_meanwhile_says_so(api: ApiServer, client: RestClient) -> None:
    asked = threading.Event()
    api.get("/items")(lambda _: asked.set() or Reply(fault="silence"))  # type: ignore[func-returns-value]
    thread, got = in_a_thread(lambda: client.get("items"))
    assert asked.wait(PATIENCE)
    client.close()
    thread.join(PATIENCE)
    assert ["http_client_closed"] == got


def test_what_begins_while_a_client_closes_does_not_wait_for_ever() -> None:
    loop = BackgroundLoop()
    closing, go_on = threading.Event(), threading.Event()

    async def last() -> None:
        closing.set()
        while not go_on.is_set():
            await asyncio.sleep(0.01)

    begun = threading.Event()

    async def job() -> None:
        begun.set()
        await asyncio.Event().wait()

    stopping = threading.Thread(target=loop.stop, args=(last,))
    stopping.start()
    assert closing.wait(PATIENCE)
    thread, got = in_a_thread(lambda: loop.run(job()))
    assert begun.wait(PATIENCE)
    go_on.set()
    thread.join(PATIENCE)
    stopping.join(PATIENCE)
    assert ["http_client_closed"] == got


def test_a_loop_that_has_ended_says_so() -> None:
    loop = BackgroundLoop()
    loop.stop(lambda: asyncio.sleep(0))
    with pytest.raises(HttpError, match="closed"):
        loop.run(asyncio.sleep(0))


def in_a_child(use: Callable[[], bool]) -> int | None:
    """The exit status of a forked process; None if it has not ended in time."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if use() else 3)
        finally:
            os._exit(4)
    ended = threading.Event()
    status: list[int] = []
    threading.Thread(target=lambda: (status.append(os.waitpid(child, 0)[1]), ended.set()), daemon=True).start()
    if not ended.wait(PATIENCE):
        os.kill(child, 9)
    return os.waitstatus_to_exitcode(status[0]) if status else None


def forked(use: Callable[[], bool]) -> int | None:
    import warnings

    with warnings.catch_warnings():
        # Python warns of every fork beside threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        return in_a_child(use)


def test_a_client_that_was_used_before_a_fork_is_used_after_it(api: ApiServer, client: RestClient) -> None:
    api.json("/items", [{"id": 1}])
    client.get("items")
    assert 0 == forked(lambda: [[{"id": 1}]] == list(client.paginate("items")))
    assert 200 == client.get("items").status_code


def test_a_client_that_was_used_before_a_fork_can_be_closed_after_it(api: ApiServer, client: RestClient) -> None:
    api.json("/items", [{"id": 1}])
    client.get("items")
    assert 0 == forked(lambda: client.close() is None)
    assert 200 == client.get("items").status_code


def test_pages_that_were_begun_before_a_fork_end_with_an_error(api: ApiServer, client: RestClient) -> None:
    api.pages("/items", [{"id": n} for n in range(9)], size=3, style="json_link")
    pages = client.paginate("items", paginator="json_link")
    next(pages)

    def go_on() -> bool:
        try:
            return len(list(pages)) < 0
        except HttpError as error:
            return error.code == "http_client_closed"

    assert 0 == forked(go_on)
    assert 2 == len(list(pages))


def test_a_session_with_an_auth_of_its_own_uses_it(api: ApiServer, open_client: Opener) -> None:
    api.get("/items")(lambda request: [{"auth": request.headers.get("authorization")}])
    session = httpx.AsyncClient(auth=("user", "hunter22"))
    client = open_client(session=session)
    assert [{"auth": "Basic dXNlcjpodW50ZXIyMg=="}] == client.get("items").json()
    client.connection.loop.run(session.aclose())
