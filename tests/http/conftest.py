from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from dagster_rest.http import RestClient
from tests.support.server import ApiServer

Opener = Callable[..., RestClient]
NO_PAUSE = {"backoff": 0, "jitter": 0}


@pytest.fixture
def open_client(api: ApiServer) -> Iterator[Opener]:
    """Makes clients of the test API that do not pause between attempts; they close with the test."""
    with ExitStack() as stack:

        def make(base_url: str | None = None, **options: Any) -> RestClient:
            retry = {**NO_PAUSE, **options.pop("retry", {})}
            client = RestClient(api.url if base_url is None else base_url, retry=retry, **options)
            return stack.enter_context(client)

        yield make


@pytest.fixture
def client(open_client: Opener) -> RestClient:
    return open_client()
