"""A request waits for its slot, then for the pause, then for its permit, and goes at once."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import FetchOptions, FetchUnit, HttpError, HttpStatusError, RequestStats, RestClient
from dagster_rest.http.send.admission import Admission
from dagster_rest.http.send.rate_limit import LONGEST_WAY_SECONDS, Permit, RateLimiter
from dagster_rest.http.send.slots import Slots
from tests.support.server import ApiServer, Reply, Request

Opener = Callable[..., RestClient]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def units(count: int) -> list[FetchUnit]:
    return [FetchUnit(RequestSpec(path=f"c/{n}"), index=n) for n in range(count)]


def most_in_a_window(times: list[float], seconds: float) -> int:
    """The most arrivals in any window of this length."""
    times = sorted(times)
    return max(sum(begin <= at < begin + seconds for at in times) for begin in times)


class Permits:
    """A limiter that gives permits when it is told to, and writes down who asked."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.left = 0

    def take(self) -> Permit | float:
        if self.left:
            self.left -= 1
            self.log.append("permit")
            return Permit(self.left)
        return 0.001

    def release(self, permit: Permit) -> None:
        """Nothing to do."""

    def pause(self, seconds: float) -> None:
        """Nothing to do."""


def test_who_waits_for_a_slot_holds_no_permit() -> None:
    """Permits that pile up behind a slow server are all used in one moment."""
    log: list[str] = []
    permits = Permits(log)

    async def scene() -> None:
        admission = Admission(limiter=permits, stats=RequestStats())  # type: ignore[arg-type]
        slots = Slots(1)
        permits.left = 3
        answered = asyncio.Event()

        async def request(name: str) -> None:
            async with admission.admitted(slots, (0,)):
                log.append(f"send {name}")
                await answered.wait()

        tasks = [asyncio.ensure_future(request(name)) for name in "abc"]
        await asyncio.sleep(0.02)
        assert ["permit", "send a"] == log
        answered.set()
        await asyncio.gather(*tasks)

    asyncio.run(scene())
    assert ["permit", "send a", "permit", "send b", "permit", "send c"] == log


@pytest.mark.parametrize(("paused", "stale", "permits"), [(False, False, 2), (True, False, 3), (False, True, 3)])
def test_the_first_request_goes_with_the_permit_of_its_attempt(
    monkeypatch: pytest.MonkeyPatch, paused: bool, stale: bool, permits: int
) -> None:
    """Unless that has grown old, or a pause has begun since; a second request takes one of its own."""
    log: list[str] = []

    class Returned(Permits):
        def release(self, permit: Permit) -> None:
            log.append("back")

    limiter = Returned(log)
    limiter.left = 9

    async def scene() -> None:
        admission = Admission(limiter=limiter, stats=RequestStats())  # type: ignore[arg-type]
        admission.pause(0.001)
        async with admission.admitted(Slots(1), (0,)) as attempt:
            if paused:
                admission.pause(0.01)
            if stale:
                monkeypatch.setattr("dagster_rest.http.send.admission.STALE_SECONDS", -1.0)
            for _ in range(2):
                await attempt.ready(nullcontext)
                monkeypatch.undo()

    asyncio.run(scene())
    assert ["permit", "back"] * permits == log


def test_a_pause_that_begins_while_a_permit_is_waited_for_holds() -> None:
    log: list[str] = []
    permits = Permits(log)

    async def scene() -> None:
        admission = Admission(limiter=permits, stats=RequestStats())  # type: ignore[arg-type]

        async def request() -> None:
            async with admission.admitted(Slots(1), (0,)):
                log.append("send")

        task = asyncio.ensure_future(request())
        await asyncio.sleep(0.01)
        admission.pause(0.2)
        log.append("pause")
        permits.left = 1
        began = time.monotonic()
        await task
        assert time.monotonic() - began >= 0.19

    asyncio.run(scene())
    assert ["pause", "permit", "send"] == log


def test_a_pause_that_begins_while_a_slot_is_waited_for_holds() -> None:
    async def scene() -> None:
        admission = Admission(limiter=None, stats=RequestStats())
        slots = Slots(1)
        went: list[float] = []

        async def first() -> None:
            async with admission.admitted(slots, (0,)):
                await asyncio.sleep(0.02)
                admission.pause(0.2)

        async def second() -> None:
            async with admission.admitted(slots, (1,)):
                went.append(time.monotonic())

        began = time.monotonic()
        await asyncio.gather(first(), second())
        assert went[0] - began >= 0.2

    asyncio.run(scene())


def test_permits_go_out_in_the_order_of_arrival_and_come_back() -> None:
    log: list[str] = []

    class Once(Permits):
        """Lets the first who asks wait a little."""

        def take(self) -> Permit | float:
            self.left += 1
            return 0.02 if self.left == 1 else Permit(self.left)

        def release(self, permit: Permit) -> None:
            log.append("back")

    async def scene() -> None:
        admission = Admission(limiter=Once(log), stats=RequestStats())  # type: ignore[arg-type]
        slots = Slots(2)

        async def send(name: str) -> None:
            async with admission.admitted(slots, (0,)):
                log.append(name)
                raise ConnectionError

        await asyncio.gather(send("first"), send("second"), return_exceptions=True)

    asyncio.run(scene())
    assert ["first", "back", "second", "back"] == log


@pytest.mark.parametrize("during", [False, True])
def test_the_pause_that_ends_last_counts(during: bool) -> None:
    """A shorter one ends no longer one, and one that begins during another is waited for as well."""

    async def scene() -> float:
        admission = Admission(limiter=None, stats=RequestStats())
        began = time.monotonic()
        if during:
            admission.pause(0.01)
            asyncio.get_running_loop().call_soon(admission.pause, 0.2)
        else:
            admission.pause(0.2)
            admission.pause(0.01)
        async with admission.admitted(Slots(1), (0,)):
            return time.monotonic() - began

    assert asyncio.run(scene()) >= 0.2


def test_the_seconds_of_pause_and_permit_are_counted() -> None:
    stats = RequestStats()

    async def scene() -> None:
        admission = Admission(limiter=None, stats=stats)
        admission.pause(0.1)
        async with admission.admitted(Slots(1), (0,)):
            pass

    asyncio.run(scene())
    assert stats.throttled_seconds >= 0.09


@pytest.mark.parametrize("turn", ["before its turn", "at its turn"])
def test_a_waiter_that_is_cancelled_leaves_its_slot_to_the_next(turn: str) -> None:
    async def scene() -> list[str]:
        slots = Slots(1)
        order: list[str] = []
        release = asyncio.Event()

        async def hold(name: str, wait: bool = False) -> None:
            async with slots.held((0,)):
                order.append(name)
                if wait:
                    await release.wait()

        first = asyncio.ensure_future(hold("first", wait=True))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(hold("second"))
        third = asyncio.ensure_future(hold("third"))
        await asyncio.sleep(0)
        if turn == "before its turn":
            second.cancel()
            release.set()
        else:
            release.set()
            # The first is done and has given its slot to the second, which has not run yet.
            await asyncio.sleep(0)
            second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await asyncio.wait_for(third, 5)
        async with slots.held((0,)):
            fourth = asyncio.ensure_future(hold("fourth"))
            await asyncio.sleep(0.01)
            assert ["first", "third"] == order
        await asyncio.wait_for(fourth, 5)
        return order

    assert ["first", "third", "fourth"] == asyncio.run(scene())


def test_a_waiter_that_is_cancelled_makes_no_slot_of_its_own() -> None:
    async def scene() -> list[str]:
        slots = Slots(1)
        order: list[str] = []
        release = asyncio.Event()

        async def hold(name: str) -> None:
            async with slots.held((0,)):
                order.append(name)
                await release.wait()

        first = asyncio.ensure_future(hold("first"))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(hold("second"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        third = asyncio.ensure_future(hold("third"))
        for _ in range(3):
            await asyncio.sleep(0)
        beside = list(order)
        release.set()
        await asyncio.gather(first, third)
        return beside

    assert ["first"] == asyncio.run(scene())


@pytest.mark.parametrize("count", [1, 2])
def test_slots_go_to_the_foremost_first(count: int) -> None:
    async def scene() -> tuple[list[int], int]:
        slots = Slots(count)
        order: list[int] = []
        held: list[int] = []
        most, begin = 0, asyncio.Event()

        async def hold(number: int) -> None:
            nonlocal most
            async with slots.held((number,)):
                order.append(number)
                held.append(number)
                most = max(most, len(held))
                await (begin.wait() if number == 0 else asyncio.sleep(0))
                held.remove(number)

        first = [asyncio.ensure_future(hold(0)) for _ in range(count)]
        await asyncio.sleep(0)
        tasks = [asyncio.ensure_future(hold(number)) for number in (5, 3, 1, 4, 2)]
        await asyncio.sleep(0)
        begin.set()
        await asyncio.gather(*first, *tasks)
        return order, most

    assert ([0] * count + [1, 2, 3, 4, 5], count) == asyncio.run(scene())


def test_never_more_than_allowed_in_any_window_with_32_in_flight(api: ApiServer, open_client: Opener) -> None:
    """Slow answers hold the slots; the permits of those that wait must not be used all at once."""
    times: list[float] = []

    @api.get("/c/{id}")
    def child(request: Request) -> Any:
        times.append(time.monotonic())
        # Every other answer is slow, so that slots and permits come free at different times.
        return Reply(json=[{"id": 1}], delay=0.7 if int(request.path_params["id"]) % 2 else 0.01)

    client = open_client(rate_limit={"requests": 5, "per": 0.6, "key": uuid.uuid4().hex}, max_concurrency=32)
    assert 20 == len(list(client.fetch(units(20), options=FetchOptions(paginator="single_page"))))
    assert (20, 5) == (len(times), most_in_a_window(times, 0.6))


_OTHER = """
import sys
from dagster_rest.http import RestClient, FetchOptions, FetchUnit
from dagster_rest.config.request.render import RequestSpec
url, key = sys.argv[1:]
units = [FetchUnit(RequestSpec(path=f"c/{n}"), index=n) for n in range(5)]
with RestClient(url, rate_limit={"requests": 4, "per": 0.5, "key": key}, max_concurrency=32) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    print(len(list(client.fetch(units, options=FetchOptions(paginator="single_page")))))
"""


def test_never_more_than_allowed_in_any_window_by_several_processes(api: ApiServer) -> None:
    times: list[float] = []

    @api.get("/c/{id}")
    def child(request: Request) -> Any:
        times.append(time.monotonic())
        return Reply(json=[{"id": 1}], delay=0.2)

    command = [sys.executable, "-c", _OTHER, api.url, uuid.uuid4().hex]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(3)]
    assert ["ready\n"] * 3 == [process.stdout.readline() for process in processes if process.stdout]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert ["5\n"] * 3 == [process.communicate(timeout=60)[0] for process in processes]
    assert (15, 4) == (len(times), most_in_a_window(times, 0.5))


def test_a_file_that_is_busy_does_not_block_the_loop(tmp_path: Path) -> None:
    limiter = RateLimiter(requests=9, seconds=1, name="x", folder=tmp_path)
    assert isinstance(limiter.take(), Permit)
    with sqlite3.connect(next(tmp_path.glob("*.sqlite")), isolation_level=None) as other:
        other.execute("begin immediate")
        began = time.monotonic()
        wait = limiter.take()
        assert isinstance(wait, float)
        assert (wait < 0.1, time.monotonic() - began < 1) == (True, True)
        other.execute("rollback")
    assert isinstance(limiter.take(), Permit)
    limiter.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the limiter's clock."""
    at = [1_700_000_000.0]
    monkeypatch.setattr("dagster_rest.http.send.rate_limit.time.time", lambda: at[0])

    def move(seconds: float) -> None:
        at[0] += seconds

    return move


def test_a_permit_is_free_again_a_window_after_the_answer(tmp_path: Path, clock: Callable[[float], None]) -> None:
    limiter = RateLimiter(requests=1, seconds=2, name="x", folder=tmp_path)
    permit = limiter.take()
    assert isinstance(permit, Permit)
    clock(3)
    assert isinstance(limiter.take(), float)
    limiter.release(permit)
    clock(1.9)
    assert limiter.take() == pytest.approx(0.1)
    clock(0.2)
    assert isinstance(limiter.take(), Permit)
    limiter.close()


def test_a_permit_of_a_process_that_died_is_free_in_the_end(tmp_path: Path, clock: Callable[[float], None]) -> None:
    dead = RateLimiter(requests=1, seconds=2, name="x", folder=tmp_path)
    assert isinstance(dead.take(), Permit)
    dead.close()
    limiter = RateLimiter(requests=1, seconds=2, name="x", folder=tmp_path)
    clock(2 + LONGEST_WAY_SECONDS - 0.1)
    assert isinstance(limiter.take(), float)
    clock(0.2)
    assert isinstance(limiter.take(), Permit)
    limiter.close()


def test_a_permit_that_came_back_is_free_for_everybody(tmp_path: Path, clock: Callable[[float], None]) -> None:
    one, other = (RateLimiter(requests=1, seconds=2, name="x", folder=tmp_path) for _ in range(2))
    permit = one.take()
    assert isinstance(permit, Permit)
    one.release(permit)
    clock(2.1)
    assert isinstance(other.take(), Permit)
    one.close()
    other.close()


def test_an_interrupt_leaves_the_file_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (RateLimiter(requests=3, seconds=30, name="x", folder=tmp_path) for _ in range(2))
    assert isinstance(one.take(), Permit)

    def interrupted() -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr("dagster_rest.http.send.rate_limit.time.time", interrupted)
    with pytest.raises(KeyboardInterrupt):
        one.take()
    monkeypatch.undo()
    assert (True, True) == (isinstance(other.take(), Permit), isinstance(one.take(), Permit))
    one.close()
    other.close()


def test_a_file_without_its_tables_is_an_error_once(tmp_path: Path) -> None:
    limiter = RateLimiter(requests=9, seconds=1, name="x", folder=tmp_path / "made" / "by it")
    assert isinstance(limiter.take(), Permit)
    with sqlite3.connect(limiter._path()) as file:
        file.execute("drop table permits")
    with pytest.raises(HttpError, match="no such table") as caught:
        limiter.take()
    assert "http_rate_limit_file" == caught.value.code
    assert isinstance(limiter.take(), Permit)
    limiter.close()


def test_the_file_lies_where_nobody_else_can_write(tmp_path: Path) -> None:
    limiter = RateLimiter(requests=1, seconds=1, name="x")
    assert isinstance(limiter.take(), Permit)
    assert [0o700] == [folder.stat().st_mode & 0o777 for folder in tmp_path.iterdir()]
    limiter.close()


def test_a_clock_that_is_set_back_blocks_nobody(tmp_path: Path, clock: Callable[[float], None]) -> None:
    limiter = RateLimiter(requests=1, seconds=2, name="x", folder=tmp_path)
    assert isinstance(limiter.take(), Permit)
    clock(-3600)
    assert isinstance(limiter.take(), Permit)
    limiter.close()


@pytest.mark.parametrize("removed", ["*", "*.sqlite"])
def test_a_file_that_is_removed_is_shared_again_when_somebody_makes_it(tmp_path: Path, removed: str) -> None:
    """The error `http_rate_limit_file` says to remove it, and so do programs that clean up temporary folders."""
    one, other = (RateLimiter(requests=2, seconds=30, name="x", folder=tmp_path) for _ in range(2))
    pending, old = one.take(), one.take()
    assert isinstance(pending, Permit)
    with sqlite3.connect(next(tmp_path.glob("*.sqlite")), isolation_level=None) as busy:
        busy.execute("begin immediate")
        one.release(pending)
        busy.execute("rollback")
    for path in tmp_path.glob(removed):
        path.unlink()
    assert isinstance(other.take(), Permit)
    assert isinstance(one.take(), Permit)
    assert (True, True) == (isinstance(one.take(), float), isinstance(other.take(), float))
    # A number of the file that is gone is somebody else's in the new one.
    assert isinstance(old, Permit)
    one.release(old)
    with sqlite3.connect(next(tmp_path.glob("*.sqlite"))) as file:
        assert [(1,), (1,)] == file.execute("select under_way from permits").fetchall()
    one.close()
    other.close()


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    limiter = RateLimiter(requests=1, seconds=2, name="x", folder=tmp_path / "file" / "folder")
    with pytest.raises(HttpError, match="TMPDIR"):
        limiter.take()


def test_a_file_that_is_no_database_is_an_error_that_says_so(tmp_path: Path) -> None:
    limiter = RateLimiter(requests=1, seconds=2, name="x", folder=tmp_path)
    limiter._path().write_bytes(b"no database" * 1000)
    with pytest.raises(HttpError, match="Delete the file") as caught:
        limiter.take()
    assert "http_rate_limit_file" == caught.value.code


def test_a_retry_after_holds_back_every_request_of_the_client(api: ApiServer, open_client: Opener) -> None:
    """One is told to wait; the others, behind slots too, do not go meanwhile."""
    asked: list[tuple[str, float]] = []
    told: list[float] = []

    @api.get("/c/{id}")
    def child(request: Request) -> Any:
        asked.append((request.path_params["id"], time.monotonic()))
        if not told:
            told.append(time.monotonic())
            return Reply(status=429, json={}, headers={"Retry-After": "1"})
        return Reply(json=[{"id": 1}])

    # One in flight: nobody else is under way when the server says so.
    options = FetchOptions(paginator="single_page")
    client = open_client(max_concurrency=8, retry={"attempts": 3})
    client.connection._slots = Slots(1)
    assert 24 == len(list(client.fetch(units(24), options=options)))
    later = [at - told[0] for _, at in asked[1:]]
    assert (24, True) == (len(later), min(later) >= 1.0)


def test_the_clock_of_the_retries_does_not_run_while_a_request_waits(api: ApiServer, open_client: Opener) -> None:
    """`total` is over before the first permit is there; the request is asked again all the same."""
    api.replies("/c/1", [Reply(status=503, json={}), [{"id": 1}]])
    api.json("/c/0", [])
    limit = {"requests": 1, "per": 0.6, "key": uuid.uuid4().hex}
    client = open_client(rate_limit=limit, retry={"total": 0.5, "attempts": 2})
    client.get("c/0")
    assert 200 == client.get("c/1").status_code
    assert ["GET /c/0", "GET /c/1", "GET /c/1"] == api.targets()


def test_the_clock_of_the_retries_runs_while_a_request_is_sent(api: ApiServer, open_client: Opener) -> None:
    api.json("/c/1", Reply(status=503, json={}, delay=0.4))
    with pytest.raises(HttpStatusError):
        open_client(retry={"total": 0.3, "attempts": 5}).get("c/1", raise_for_status=True)
    assert 1 == len(api.requests)


def test_threads_share_the_limit_of_their_client(api: ApiServer, open_client: Opener) -> None:
    times: list[float] = []

    @api.get("/c/{id}")
    def child(request: Request) -> Any:
        times.append(time.monotonic())
        return [{"id": 1}]

    client = open_client(rate_limit={"requests": 2, "per": 0.5, "key": uuid.uuid4().hex})
    threads = [threading.Thread(target=lambda: client.get("c/1")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (6, 2) == (len(times), most_in_a_window(times, 0.5))


def limited(requests: int = 3, per: float = 0.5) -> dict[str, Any]:
    return {"requests": requests, "per": per, "key": uuid.uuid4().hex}


def test_a_redirected_request_takes_a_permit_of_its_own(api: ApiServer, open_client: Opener) -> None:
    times: list[float] = []

    @api.get("/c/{id}")
    def child(request: Request) -> Any:
        times.append(time.monotonic())
        return Reply(status=302, headers={"Location": f"/moved/{request.path_params['id']}"})

    @api.get("/moved/{id}")
    def moved(_: Request) -> Any:
        times.append(time.monotonic())
        return [{"id": 1}]

    client = open_client(rate_limit=limited())
    assert 6 == len(list(client.fetch(units(6), options=FetchOptions(paginator="single_page"))))
    assert (12, 3) == (len(times), most_in_a_window(times, 0.5))
    assert 12 == client.stats.requests


OAUTH = {"type": "oauth2_client_credentials", "client_id": "us", "client_secret": "s3cret99"}


def test_a_token_request_takes_a_permit_of_its_own(api: ApiServer, open_client: Opener) -> None:
    """And so does a request that is sent again with a new token."""
    times: list[float] = []

    @api.post("/token")
    def token(_: Request) -> Any:
        times.append(time.monotonic())
        return {"access_token": f"tok-{len(times):05}", "expires_in": 3600}

    @api.get("/c/{id}")
    def child(request: Request) -> Any:
        times.append(time.monotonic())
        refused = request.headers["authorization"] == "Bearer tok-00001"
        return Reply(status=401) if refused else [{"id": 1}]

    client = open_client(rate_limit=limited(), auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    assert 5 == len(list(client.fetch(units(5), options=FetchOptions(paginator="single_page"))))
    assert 3 == most_in_a_window(times, 0.5)
    assert len(times) == client.stats.requests


def test_the_retry_after_of_a_token_endpoint_holds_back_who_waits_for_the_token(
    api: ApiServer, open_client: Opener
) -> None:
    times: list[float] = []

    @api.post("/token")
    def token(_: Request) -> Any:
        times.append(time.monotonic())
        busy = Reply(status=429, json={}, headers={"Retry-After": "1"})
        return busy if len(times) == 1 else {"access_token": "tok-00001"}

    api.get("/c/{id}")(lambda request: [{"id": 1}])
    client = open_client(max_concurrency=8, auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    assert 20 == len(list(client.fetch(units(20), options=FetchOptions(paginator="single_page"))))
    assert 2 == len(times)
    assert times[1] - times[0] > 0.9


def test_who_waits_for_a_token_has_no_old_permit(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token takes longer than a permit lives: those behind it would be sent all at once."""
    times: list[float] = []
    monkeypatch.setattr("dagster_rest.http.send.rate_limit.LONGEST_WAY_SECONDS", 0.3)
    monkeypatch.setattr("dagster_rest.http.send.admission.STALE_SECONDS", 0.1)
    api.post("/token")(lambda _: Reply(json={"access_token": "tok-00001"}, delay=2))

    @api.get("/c/{id}")
    def child(_: Request) -> Any:
        times.append(time.monotonic())
        return [{"id": 1}]

    client = open_client(rate_limit=limited(), auth={**OAUTH, "access_token_url": f"{api.url}/token"})
    assert 8 == len(list(client.fetch(units(8), options=FetchOptions(paginator="single_page"))))
    assert (8, 3) == (len(times), most_in_a_window(times, 0.5))


def test_neither_clock_runs_while_a_redirect_waits_for_its_permit(api: ApiServer, open_client: Opener) -> None:
    """`retry.total` and `timeout.total` are shorter than the wait."""
    api.get("/c/1")(lambda _: Reply(status=302, headers={"Location": "/moved"}))
    api.replies("/moved", [Reply(status=503), [{"id": 1}]])
    limit = limited(requests=1, per=0.8)
    client = open_client(rate_limit=limit, timeout={"total": 0.7}, retry={"total": 0.7, "attempts": 2})
    assert 200 == client.get("c/1").status_code
    assert 4 == len(api.requests)


def test_a_pause_is_shared_by_clients_of_one_limit(tmp_path: Path, clock: Callable[[float], None]) -> None:
    one, other = (RateLimiter(requests=9, seconds=1, name="x", folder=tmp_path) for _ in range(2))
    one.pause(30)
    assert other.take() == pytest.approx(30)
    one.pause(5)
    clock(29)
    assert other.take() == pytest.approx(1)
    clock(1.1)
    assert isinstance(other.take(), Permit)
    one.close()
    other.close()


@pytest.mark.parametrize("back", [60, 3600, 7 * 86_400])
def test_a_pause_from_a_clock_that_is_set_back_blocks_nobody(
    tmp_path: Path, clock: Callable[[float], None], back: float
) -> None:
    limiter = RateLimiter(requests=9, seconds=1, name="x", folder=tmp_path)
    limiter.pause(30)
    clock(-back)
    assert isinstance(limiter.take(), Permit)
    limiter.close()


def test_a_pause_holds_over_a_clock_that_is_put_right(tmp_path: Path, clock: Callable[[float], None]) -> None:
    limiter = RateLimiter(requests=9, seconds=1, name="x", folder=tmp_path)
    limiter.pause(30)
    clock(-1)
    assert limiter.take() == pytest.approx(31)
    limiter.close()


def test_a_pause_that_finds_the_file_busy_is_written_with_the_next_permit(tmp_path: Path) -> None:
    one, other = (RateLimiter(requests=9, seconds=1, name="x", folder=tmp_path) for _ in range(2))
    assert isinstance(one.take(), Permit)
    with sqlite3.connect(next(tmp_path.glob("*.sqlite")), isolation_level=None) as busy:
        busy.execute("begin immediate")
        one.pause(30)
        one.pause(5)
        busy.execute("rollback")
    assert one.take() > 10  # type: ignore[operator]
    assert other.take() > 10  # type: ignore[operator]
    one.close()
    other.close()


def test_a_retry_after_holds_back_the_other_processes(api: ApiServer) -> None:
    """One of them is told to wait; what the others had not sent by then, they send behind it."""
    times: list[float] = []
    told: list[float] = []

    @api.get("/c/{id}")
    def child(request: Request) -> Any:
        times.append(time.monotonic())
        if len(times) == 3:
            told.append(time.monotonic())
            return Reply(status=429, json={}, headers={"Retry-After": "2"})
        return Reply(json=[{"id": 1}], delay=0.05)

    command = [sys.executable, "-c", _OTHER.replace("32", "1"), api.url, uuid.uuid4().hex]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(3)]
    assert ["ready\n"] * 3 == [process.stdout.readline() for process in processes if process.stdout]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert ["5\n"] * 3 == [process.communicate(timeout=60)[0] for process in processes]
    later = sorted(at - told[0] for at in times if at > told[0])
    # One of each other process may have been under way when the server said so.
    assert [True] * 11 == [wait >= 2 for wait in later[2:]][:11]
    assert 16 == len(times)
