"""What is measured: one config for both sides, and what has to be in the warehouse afterwards.

Standard library only: dlt's environment imports this too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

DATASET = "bench"
PAGED = {"type": "page_number", "base_page": 1, "total_path": "total_pages"}


@dataclass(frozen=True)
class Workload:
    """One measurement. `expected` counts the rows of tables after the timed part."""

    name: str
    title: str
    config: Callable[[str], dict[str, Any]]
    expected: dict[str, int]
    rows: int
    sides: tuple[str, ...]
    prepare: Callable[[str], dict[str, Any]] | None = None
    """A config whose load is there before, untimed."""
    raw: dict[str, Any] = field(default_factory=dict)
    """What the raw limit has to do: `path` and `pages`, or `fan_out`."""
    once: bool = False
    """Long: one round, whatever was asked for."""


def flat(pages: int, *, table: str = "rows", start: int = 0, **resource: Any) -> Callable[[str], dict[str, Any]]:
    """`pages` pages of 1,000 flat rows."""

    def build(url: str) -> dict[str, Any]:
        endpoint = {"path": f"flat/{pages}/{start}", "data_selector": "data", "paginator": PAGED}
        return {"client": {"base_url": url}, "resources": [{"name": table, "endpoint": endpoint, **resource}]}

    return build


def nested(pages: int) -> Callable[[str], dict[str, Any]]:
    """`pages` pages of 1,000 rows with two objects and a list of three objects each."""

    def build(url: str) -> dict[str, Any]:
        endpoint = {"path": f"nested/{pages}", "data_selector": "data", "paginator": PAGED}
        return {"client": {"base_url": url}, "resources": [{"name": "orders", "endpoint": endpoint}]}

    return build


def fan_out(parents: int, delay_ms: int) -> Callable[[str], dict[str, Any]]:
    """One request for each of `parents` parents; each answers five rows after `delay_ms`."""

    def build(url: str) -> dict[str, Any]:
        child = {
            "path": f"children/{delay_ms}/{{resources.parents.id}}/rows",
            "data_selector": "data",
            "paginator": "single_page",
        }
        return {
            "client": {"base_url": url},
            "resources": [
                {
                    "name": "parents",
                    "endpoint": {"path": f"parents/{parents}", "data_selector": "data", "paginator": "single_page"},
                },
                {"name": "children", "endpoint": child, "include_from_parent": ["id"]},
            ],
        }

    return build


def many(resources: int) -> Callable[[str], dict[str, Any]]:
    """Resources of one page of 100 rows each."""

    def build(url: str) -> dict[str, Any]:
        endpoint = {"path": "small", "data_selector": "data", "paginator": "single_page"}
        names = [f"resource_{number:04d}" for number in range(resources)]
        return {
            "client": {"base_url": url},
            "resource_defaults": {"endpoint": endpoint},
            "resources": [{"name": name, "endpoint": endpoint} for name in names],
        }

    return build


MERGED = {"primary_key": "id", "write_disposition": "merge"}
ALL_SIDES = ("ours", "dagster-dlt-parquet", "dlt-parquet", "dlt", "raw")
FAN_OUT_SIDES = ("ours", "ours-64", "dagster-dlt-parallelized", "dlt-parallelized", "dlt-64", "dlt", "raw")


def _fan_out(parents: int, delay_ms: int) -> Workload:
    return Workload(
        name=f"fan_out_{parents}_{delay_ms}ms",
        title=f"fan-out: {parents:,} parents, {delay_ms} ms each",
        config=fan_out(parents, delay_ms),
        expected={"parents": parents, "children": parents * 5},
        rows=parents * 6,
        sides=FAN_OUT_SIDES,
        raw={"fan_out": [parents, delay_ms]},
        # dlt's default alone takes two minutes for these.
        once=parents * delay_ms >= 100_000,
    )


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            name="flat",
            title="flat: 200 pages of 1,000 rows, 12 columns",
            config=flat(200),
            expected={"rows": 200_000},
            rows=200_000,
            sides=ALL_SIDES,
            raw={"path": "flat/200/0", "pages": 200},
        ),
        Workload(
            name="nested",
            title="nested: 100 pages of 1,000 rows, 3 list items each",
            config=nested(100),
            expected={"orders": 100_000, "orders__lines": 300_000},
            rows=400_000,
            sides=ALL_SIDES,
            raw={"path": "nested/100", "pages": 100},
        ),
        Workload(
            name="merge",
            title="merge: 100,000 rows into 1,000,000, half of them new",
            prepare=flat(1000, **MERGED),
            config=flat(100, start=950_000, **MERGED),
            expected={"rows": 1_050_000},
            rows=100_000,
            sides=ALL_SIDES,
            raw={"path": "flat/100/950000", "pages": 100, "merge_into": "flat/1000/0"},
        ),
        *(_fan_out(parents, delay) for parents in (500, 2000) for delay in (0, 50)),
        Workload(
            name="memory",
            title="memory: 2,000 pages of 1,000 rows",
            config=flat(2000),
            expected={"rows": 2_000_000},
            rows=2_000_000,
            sides=("ours", "dagster-dlt-parquet", "dlt-parquet"),
            once=True,
        ),
    )
}
