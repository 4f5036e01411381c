"""What every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.server import ApiServer

# A busy machine takes longer for an example; that decides no test.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """A REST API on 127.0.0.1 that ends with the test."""
    with ApiServer() as server:
        yield server


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """What a test registers is gone after it: the next one in this process knows the built-in names alone."""
    from dagster_rest.config.registry import AUTHS, PAGINATORS

    kept = [(registry, dict(registry)) for registry in (AUTHS, PAGINATORS)]
    yield
    for registry, before in kept:
        registry.clear()
        registry.update(before)
