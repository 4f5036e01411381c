"""What is loaded in the reliability tests: every write disposition in every shape of load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DISPOSITIONS = ("append", "replace", "merge", "scd2")
SHAPES = ("plain", "incremental", "windowed", "partitioned", "backfill", "child", "child_new")
PARTITION = "2026-03-01"
RANGE = ("2026-01-01", "2026-06-01")


@dataclass(frozen=True)
class Scene:
    """One load to disturb: a target resource, and what has to be there before.

    Attributes:
        disposition: How it is written.
        shape: How it is fetched.
        prepare: The runs before, as (API state, resources).
        target: The resource whose load is disturbed.
        tags: Tags of the target's runs.
        bounds: The explicit range that the target's runs ask for, if any.
    """

    disposition: str
    shape: str
    target: str = "items"
    prepare: tuple[tuple[int, tuple[str, ...]], ...] = ((1, ("items",)),)
    tags: dict[str, str] = field(default_factory=dict)
    bounds: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        return f"{self.disposition}-{self.shape}"

    @property
    def run_config(self) -> dict[str, Any]:
        """Dagster's run config of the target's runs."""
        if self.bounds is None:
            return {}
        start, end = self.bounds
        return {"ops": {f"shop__{self.target}": {"config": {"start_value": start, "end_value": end}}}}

    def config(self, url: str) -> dict[str, Any]:
        """The config of both resources."""
        return {
            "client": {
                "base_url": url,
                "auth": {
                    "type": "oauth2_client_credentials",
                    "access_token_url": f"{url}/token",
                    "client_id": "me",
                    "client_secret": "secret",
                },
                "max_concurrency": 2,
                "retry": {"attempts": 2, "backoff": 0.01, "jitter": 0},
            },
            "resource_defaults": {
                "endpoint": {
                    "data_selector": "data",
                    "paginator": {"type": "page_number", "base_page": 1, "total_path": "total_pages"},
                }
            },
            "resources": [self._items(), self._comments()],
        }

    def _items(self) -> dict[str, Any]:
        if self.target != "items":
            one: dict[str, Any] = {"name": "items", "write_disposition": "merge", "primary_key": "id"}
            incremental = self.shape == "child_new"
        else:
            one = {"name": "items", **_written(self.disposition, snapshot=self.shape == "plain")}
            incremental = self.shape not in ("plain",)
        one["endpoint"] = {"path": "items"}
        if incremental:
            one["endpoint"]["params"] = {"since": "{incremental.start_value}"}
            one["endpoint"]["incremental"] = {"cursor_path": "updated", "initial_value": "2026-01-01T00:00:00Z"}
        if self.shape in ("windowed", "partitioned", "backfill"):
            one["endpoint"]["params"]["until"] = "{incremental.end_value}"
        if self.shape == "windowed":
            one["endpoint"]["incremental"]["step"] = "40d"
        if self.shape in ("partitioned", "backfill"):
            one["partitions"] = {"every": "monthly", "start": "2026-01-01", "end": "2026-10-01"}
        return one

    def _comments(self) -> dict[str, Any]:
        one: dict[str, Any] = {"name": "comments", "endpoint": {"path": "items/{resources.items.id}/comments"}}
        if self.target == "comments":
            return {**one, **_written(self.disposition, snapshot=True), "include_from_parent": ["title"]}
        return {**one, "partitions": None}


def _written(disposition: str, *, snapshot: bool) -> dict[str, Any]:
    if disposition == "merge":
        return {"write_disposition": "merge", "primary_key": "id"}
    if disposition == "scd2":
        # With a merge key, rows that a load does not bring stay as they are: right for a load of a part.
        part = {} if snapshot else {"merge_key": "id"}
        return {"write_disposition": {"disposition": "merge", "strategy": "scd2"}, **part}
    return {"write_disposition": disposition}


def scene(disposition: str, shape: str) -> Scene:
    """The scene of that name.

    Args:
        disposition: One of `DISPOSITIONS`.
        shape: One of `SHAPES`.
    """
    if shape in ("child", "child_new"):
        return Scene(
            disposition,
            shape,
            target="comments",
            prepare=((1, ("items",)), (1, ("comments",)), (2, ("items",))),
        )
    if shape == "windowed":
        # Windows go up to the present, past every row there is: only a first load has several with rows.
        return Scene(disposition, shape, prepare=())
    if shape == "partitioned":
        return Scene(disposition, shape, tags={"dagster/partition": PARTITION})
    if shape == "backfill":
        start, end = RANGE
        return Scene(
            disposition,
            shape,
            tags={
                "dagster/asset_partition_range_start": start,
                "dagster/asset_partition_range_end": end,
            },
        )
    return Scene(disposition, shape)


SCENES = [scene(disposition, shape) for disposition in DISPOSITIONS for shape in SHAPES]
