"""What every test of the assets may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.assets.support import Source
from tests.support.server import ApiServer


@pytest.fixture
def source(api: ApiServer, tmp_path: Path) -> Iterator[Source]:
    """A source on a local API."""
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "instance")) as instance:
        yield Source(api, folder=tmp_path, instance=instance)
