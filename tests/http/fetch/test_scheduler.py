"""Many units at a time: order, bounds, laziness, ends."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import FetchOptions, FetchUnit, HttpError, HttpStatusError, Page, Progress, RestClient
from tests.support.server import ApiServer, Reply, Request

Opener = Callable[..., RestClient]
PAGED = {"type": "page_number", "base_page": 1, "total_path": "total_pages"}


def units(count: int, path: str = "c/{}") -> list[FetchUnit]:
    return [FetchUnit(RequestSpec(path=path.format(n)), index=n) for n in range(count)]


def where(pages: list[Page]) -> list[tuple[int, int]]:
    return [(page.unit.index, page.number) for page in pages]


def test_units_run_at_the_same_time_and_come_in_order(api: ApiServer, open_client: Opener) -> None:
    arrived: list[int] = []

    @api.get("/c/{id}")
    def child(request: Request) -> Any:
        arrived.append(int(request.path_params["id"]))
        return Reply(json=[{"id": int(request.path_params["id"])}], delay=0.02 * (8 - len(arrived) % 8))

    pages = list(open_client(max_concurrency=8).fetch(units(40), options=FetchOptions()))
    assert [(n, 0) for n in range(40)] == where(pages)
    assert 8 == api.max_in_flight


@pytest.mark.parametrize("most", [2, 3])
def test_max_concurrency_is_never_exceeded(api: ApiServer, open_client: Opener, most: int) -> None:
    api.get("/c/{id}")(lambda r: Reply(json=[{"id": 1}], delay=0.05))
    list(open_client(max_concurrency=8).fetch(units(40), options=FetchOptions(max_concurrency=most)))
    assert most == api.max_in_flight


def test_a_concurrency_of_one_asks_one_after_the_other(api: ApiServer, open_client: Opener) -> None:
    for n in range(3):
        api.pages(f"/c/{n}", [{"id": n} for n in range(6)], size=2)
    list(open_client(max_concurrency=1).fetch(units(3), options=FetchOptions(paginator=PAGED)))
    assert [f"GET /c/{n}?page={page}" for n in range(3) for page in (1, 2, 3)] == api.targets()


def test_pages_with_a_known_total_run_at_the_same_time(api: ApiServer, open_client: Opener) -> None:
    rows = [{"id": n} for n in range(100)]

    @api.get("/items")
    def items(request: Request) -> Any:
        offset = int(request.param("offset") or 0)
        return Reply(json={"data": rows[offset : offset + 5], "total": 100}, delay=0.15)

    client = open_client(max_concurrency=6)
    pages = list(client.paginate("items", paginator={"type": "offset", "limit": 5}))
    assert rows == [row for page in pages for row in page]
    assert 6 == api.max_in_flight
    assert 20 == len(api.requests)


def test_a_total_that_grows_is_followed(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": [{"id": r.param("page")}], "total_pages": 2 if r.param("page") == "1" else 4})
    assert 4 == len(list(client.paginate("items", paginator=PAGED)))


def test_max_pages_bounds_what_is_asked_ahead(api: ApiServer, client: RestClient) -> None:
    api.get("/items")(lambda r: {"data": [{"id": r.param("page")}], "total_pages": 100})
    assert 3 == len(list(client.paginate("items", paginator=PAGED, max_pages=3)))
    assert 3 == len(api.requests)


def test_many_pages_of_many_units_come_in_order(api: ApiServer, open_client: Opener) -> None:
    rows = [{"id": n} for n in range(23)]
    for n in range(12):
        api.pages(f"/c/{n}", rows[: n * 2], size=4)
    pages = list(open_client(max_concurrency=5).fetch(units(12), options=FetchOptions(paginator=PAGED)))
    assert sorted(where(pages)) == where(pages)
    assert [rows[: n * 2] for n in range(12)] == [
        [row for page in pages if page.unit.index == n for row in page] for n in range(12)
    ]
    assert 12 == sum(page.is_last for page in pages)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=12), concurrency=st.integers(1, 7), style=st.data())
def test_every_page_once_whatever_the_sizes(
    api: ApiServer, open_client: Opener, sizes: list[int], concurrency: int, style: Any
) -> None:
    kind = style.draw(st.sampled_from(["page_number", "offset", "cursor", "json_link"]))
    paginator = {"page_number": PAGED, "offset": {"type": "offset", "limit": 4}}.get(kind, kind)
    for n, size in enumerate(sizes):
        api.pages(f"/c/{n}", [{"n": n, "id": i} for i in range(size)], size=4, style=kind)
    client = open_client(max_concurrency=concurrency)
    rows = [row for page in client.fetch(units(len(sizes)), options=FetchOptions(paginator=paginator)) for row in page]
    assert [{"n": n, "id": i} for n, size in enumerate(sizes) for i in range(size)] == rows


def test_units_are_taken_as_they_are_needed_in_the_callers_thread(api: ApiServer, open_client: Opener) -> None:
    api.get("/c/{id}")(lambda r: [{"id": r.path_params["id"]}])
    taken: list[str] = []

    def lazily() -> Iterator[FetchUnit]:
        for unit in units(1000):
            taken.append(threading.current_thread().name)
            yield unit

    with closing(open_client(max_concurrency=4).fetch(lazily(), options=FetchOptions())) as pages:  # type: ignore[type-var]
        next(iter(pages))
    assert len(taken) <= 17
    assert {threading.current_thread().name} == set(taken)


def test_a_unit_iterable_that_needs_the_same_client_does_not_lock_up(api: ApiServer, client: RestClient) -> None:
    api.pages("/parents", [{"id": n} for n in range(50)], size=5, style="json_link")
    api.get("/c/{id}")(lambda r: [{"id": r.path_params["id"]}])

    def children() -> Iterator[FetchUnit]:
        for page in client.paginate("parents"):
            for parent in page:
                yield FetchUnit(RequestSpec(path=f"c/{parent['id']}"), index=parent["id"])

    assert list(range(50)) == [page.unit.index for page in client.fetch(children(), options=FetchOptions())]


def test_pages_before_a_failure_are_handed_out_first(api: ApiServer, open_client: Opener) -> None:
    api.get("/c/{id}")(lambda r: Reply(status=400, json={}) if r.path_params["id"] == "7" else [{"id": 1}])
    seen: list[Page] = []
    pages = open_client(max_concurrency=4).fetch(units(100), options=FetchOptions(where="resources[1]"))
    with pytest.raises(HttpStatusError):
        seen.extend(pages)
    assert list(range(7)) == [page.unit.index for page in seen]
    assert len(api.requests) < 40


def test_a_unit_whose_path_is_no_url_fails_and_does_not_hang(api: ApiServer, client: RestClient) -> None:
    api.json("/c/0", [{"id": 0}])
    broken = FetchUnit(RequestSpec(path="http://host:port/c"), index=0)
    left: list[int] = []

    def go_on(unit: FetchUnit, _: HttpError) -> bool:
        left.append(unit.index)
        return True

    options = FetchOptions(paginator="single_page", where="resources.c", on_unit_error=go_on)
    assert [(0, 0)] == where(list(client.fetch([broken, *units(1)], options=options)))
    assert [0] == left
    with pytest.raises(HttpError, match=r"resources\.c") as caught:
        list(client.fetch([broken], options=FetchOptions(where="resources.c")))
    assert "http_request_invalid" == caught.value.code


def test_a_failure_of_the_unit_iterable_reaches_the_caller(api: ApiServer, client: RestClient) -> None:
    api.get("/c/{id}")(lambda r: [{"id": 1}])

    def broken() -> Iterator[FetchUnit]:
        yield from units(2)
        raise KeyError("parent")

    with pytest.raises(KeyError, match="parent"):
        list(client.fetch(broken(), options=FetchOptions()))


def test_closing_early_cancels_what_is_under_way(api: ApiServer, open_client: Opener) -> None:
    api.get("/c/{id}")(lambda r: Reply(json=[], fault="silence") if int(r.path_params["id"]) else [{"id": 1}])
    client = open_client(max_concurrency=4)
    with closing(client.fetch(units(100), options=FetchOptions())) as pages:  # type: ignore[type-var]
        next(iter(pages))
    assert client.get("c/0").status_code == 200


def test_a_failing_consumer_leaves_the_client_usable(api: ApiServer, client: RestClient) -> None:
    api.get("/c/{id}")(lambda r: [{"id": 1}])

    def consume() -> None:
        for _ in client.fetch(units(50)):
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        consume()
    assert 50 == len(list(client.fetch(units(50))))


def test_an_interrupt_while_waiting_ends_the_fetch(api: ApiServer, client: RestClient) -> None:
    import signal

    api.json("/c/0", Reply(fault="silence"))
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    # A process that a shell started in the background ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(client.fetch(units(1)))
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def test_closing_the_client_ends_a_fetch_of_another_thread(api: ApiServer, open_client: Opener) -> None:
    api.json("/c/0", Reply(fault="silence"))
    client = open_client()
    caught: list[BaseException] = []

    def fetch() -> None:
        try:
            list(client.fetch(units(1)))
        except HttpError as error:
            caught.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    while not api.requests:
        time.sleep(0.01)
    client.close()
    thread.join(10)
    assert ["http_client_closed"] == [error.code for error in caught]  # type: ignore[attr-defined]


def test_an_iterator_may_outlive_its_client(api: ApiServer, open_client: Opener) -> None:
    api.get("/c/{id}")(lambda r: [{"id": 1}])
    client = open_client()
    pages = client.fetch(units(5))
    next(pages)
    client.close()
    pages.close()


def test_memory_is_flat_while_the_consumer_is_slow(api: ApiServer, open_client: Opener) -> None:
    """200 units of 1 MB, of which a window waits; never all of them."""
    body = b"[" + b",".join(b'{"text": "%s"}' % (b"x" * 1000) for _ in range(1000)) + b"]"
    api.get("/c/{id}")(lambda r: Reply(body=body))
    tracemalloc.start()
    total = 0
    for page in open_client(max_concurrency=4).fetch(units(200), options=FetchOptions(data_selector="$")):
        total += len(page)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 200_000 == total
    assert peak < 100 * 1024 * 1024


def settled(api: ApiServer) -> int:
    """The number of requests when no more come."""
    count, since = len(api.requests), time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.02)
        if len(api.requests) != count:
            count, since = len(api.requests), time.monotonic()
    return count


BIG = b'[{"id": 1, "text": "' + b"x" * 1_000_000 + b'"}]'


def test_pages_that_wait_are_bounded_by_their_bytes(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the caller does something else, no more than 4 MB of pages pile up, and what was under way."""
    monkeypatch.setattr("dagster_rest.http.fetch.budget.BYTES_WAITING", 4 * len(BIG))
    api.get("/c/{id}")(lambda r: Reply(body=BIG))
    options = FetchOptions(paginator="single_page", data_selector="$")
    with closing(open_client(max_concurrency=4).fetch(units(100), options=options)) as pages:  # type: ignore[type-var]
        next(iter(pages))
        # One was taken, four wait, and no more than four were asked for before the first told its size.
        assert settled(api) <= 9
    assert len(api.requests) <= 9


def test_pages_asked_for_ahead_are_bounded_by_their_bytes(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster_rest.http.fetch.budget.BYTES_WAITING", 4 * len(BIG))
    body = b'{"total_pages": 50, "data": [{"id": "%s", "text": "' + b"x" * 1_000_000 + b'"}]}'
    api.get("/c/{id}")(lambda r: Reply(body=body.replace(b"%s", (r.param("page") or "").encode())))
    client = open_client(max_concurrency=16)
    with closing(client.fetch(units(1), options=FetchOptions(paginator=PAGED))) as pages:  # type: ignore[type-var]
        next(iter(pages))
        assert settled(api) <= 7
        assert 49 == sum(1 for _ in pages)


def test_pages_larger_than_what_may_wait_come_when_it_is_their_turn(
    api: ApiServer, client: RestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster_rest.http.fetch.budget.BYTES_WAITING", 1)
    for n in range(3):
        api.pages(f"/c/{n}", [{"id": n} for n in range(6)], size=2)
    pages: list[Page] = []
    thread = threading.Thread(
        target=lambda: pages.extend(client.fetch(units(3), options=FetchOptions(paginator=PAGED)))
    )
    thread.start()
    thread.join(20)
    client.close()
    thread.join()
    assert [(unit, page) for unit in range(3) for page in range(3)] == where(pages)


def test_one_large_page_does_not_slow_down_all_that_follow(
    api: ApiServer, open_client: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster_rest.http.fetch.budget.BYTES_WAITING", len(BIG))
    api.get("/c/{id}")(lambda r: Reply(body=BIG) if r.path_params["id"] == "0" else Reply(json=[{"id": 1}], delay=0.1))
    list(open_client(max_concurrency=6).fetch(units(120), options=FetchOptions(data_selector="$")))
    assert 6 == api.max_in_flight


def test_without_prefetch_a_page_is_asked_for_when_it_is_wanted(api: ApiServer, client: RestClient) -> None:
    api.pages("/c/0", [{"id": n} for n in range(20)], size=2)
    asked = []
    for page in client.fetch(units(1), options=FetchOptions(paginator=PAGED, prefetch=False)):
        asked.append((page.number, len(api.requests)))
        if page.number == 3:
            break
    assert [(0, 1), (1, 2), (2, 3), (3, 4)] == asked
    assert 4 == len(api.requests)


STYLES = ["page_number", "cursor", "json_link", "header_link"]


@pytest.mark.parametrize(
    ("style", "detected"), [("offset", False), *((style, found) for style in STYLES for found in (False, True))]
)
def test_a_fetch_resumes_behind_any_page(api: ApiServer, client: RestClient, style: Any, detected: bool) -> None:
    rows = [{"id": n} for n in range(23)]
    api.pages("/c/0", rows, size=4, style=style)
    configs: dict[str, Any] = {"page_number": PAGED, "offset": {"type": "offset", "limit": 4}}
    options = FetchOptions(paginator=None if detected else configs.get(style, style))
    pages = list(client.fetch(units(1), options=options))
    for stop, page in enumerate(pages[:-1]):
        resumed = FetchUnit(RequestSpec(path="c/0"), index=0, resume_state=page.state)
        rest = list(client.fetch([resumed], options=options))
        assert rows == [row for done in pages[: stop + 1] for row in done] + [row for more in rest for row in more]
        assert stop + 1 == rest[0].number
    assert pages[-1].state is None


def test_progress_is_told(api: ApiServer, client: RestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Progress] = []
    api.get("/c/{id}")(lambda r: [{"id": 1}])
    options = FetchOptions(progress=seen.append, progress_seconds=0.0, units_total=3)
    list(client.fetch(units(3), options=options))
    assert (3, 3, 3) == (seen[-1].pages, seen[-1].rows, seen[-1].units_done)


def test_progress_is_logged_with_the_parents_done(
    api: ApiServer, client: RestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="dagster_rest.http")
    api.get("/c/{id}")(lambda r: [{"id": 1}])
    options = FetchOptions(where="resources[1]", progress_seconds=0.0, units_total=3)
    list(client.fetch(units(3), options=options))
    assert "resources[1]: 3 pages, 3 rows" in caplog.text
    assert "3 of 3" in caplog.text


def test_stats_count(api: ApiServer, client: RestClient) -> None:
    api.replies("/c/0", [Reply(status=500, json={}), [{"id": 1}]])
    before = client.stats.snapshot()
    list(client.fetch(units(1)))
    change = client.stats.snapshot() - before
    assert (2, 1, 1, 13) == (change.requests, change.pages, change.retries, change.bytes_received)


def test_threads_may_share_a_client(api: ApiServer, client: RestClient) -> None:
    api.get("/c/{id}")(lambda r: [{"id": r.path_params["id"]}])
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(len(list(client.fetch(units(30)))))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [30] * 4 == counts
