"""What every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server import ApiServer


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """A REST API on 127.0.0.1 that ends with the test."""
    with ApiServer() as server:
        yield server
