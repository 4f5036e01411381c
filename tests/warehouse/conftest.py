from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.warehouse.support import Warehouse


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    made = Warehouse()
    yield made
    made.conn.close()
