"""The rate limit holds, also for several processes of one host."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.config import ConfigError
from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import FetchOptions, FetchUnit, HttpError, RestClient
from tests.support.server import ApiServer, Request

Opener = Callable[..., RestClient]
WINDOW = 0.6


def arrivals(api: ApiServer) -> list[float]:
    times: list[float] = []

    @api.get("/c/{id}")
    def child(request: Request) -> Any:
        times.append(time.monotonic())
        return [{"id": 1}]

    return times


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def test_more_requests_than_allowed_wait_for_the_next_window(api: ApiServer, open_client: Opener) -> None:
    arrivals(api)
    client = open_client(rate_limit={"requests": 5, "per": WINDOW}, max_concurrency=8)
    units = [FetchUnit(RequestSpec(path=f"c/{n}"), index=n) for n in range(13)]
    began = time.monotonic()
    pages = list(client.fetch(units, options=FetchOptions(paginator="single_page")))
    assert time.monotonic() - began >= 2 * WINDOW
    assert 13 == len(pages)
    assert client.stats.throttled_seconds > 0


_OTHER = """
import sys, time
from dagster_rest.http import RestClient
url, key = sys.argv[1:]
with RestClient(url, rate_limit={"requests": 4, "per": 0.6, "key": key}) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    print(time.time())
    for _ in range(4):
        client.get("c/1")
    print(time.time())
"""


def test_processes_of_one_host_share_the_limit(api: ApiServer) -> None:
    """Together they need a second window, whichever of them comes first."""
    times = arrivals(api)
    command = [sys.executable, "-c", _OTHER, api.url, uuid.uuid4().hex]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(3)]
    assert ["ready\n"] * 3 == [process.stdout.readline() for process in processes if process.stdout]
    said = [float(text) for text in " ".join(_go(processes)).split()]
    assert [0, 0, 0] == [process.returncode for process in processes]
    assert 12 == len(times)
    assert max(said) - min(said) >= 2 * WINDOW


def _go(processes: list[subprocess.Popen[str]]) -> list[str]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=60)[0] for process in processes]


def test_clients_with_other_keys_do_not(api: ApiServer, open_client: Opener) -> None:
    times = arrivals(api)
    for key in ("a", "b"):
        open_client(rate_limit={"requests": 1, "per": 60, "key": key}).get("c/1")
    assert 2 == len(times)


@pytest.mark.parametrize("wrong", [{"requests": 0}, {"per": "1m"}, {"requests": 5, "per": "often"}])
def test_a_rate_limit_that_is_none_is_refused(open_client: Opener, wrong: Any) -> None:
    with pytest.raises(ConfigError):
        open_client(rate_limit=wrong).get("x")


def test_another_object_is_no_rate_limit(open_client: Opener) -> None:
    with pytest.raises(HttpError, match="rate limit"):
        open_client(rate_limit=5).get("x")
