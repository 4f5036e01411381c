"""What is loaded in the simulation: every write disposition in every shape that keeps a different kind of state."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.reliability.simulation.api import BASE_URL, EPOCH, text

if TYPE_CHECKING:
    from dagster_rest.assets.model.asset import RestAsset

SOURCE = "src"
TTL = 3600
PARTITIONS = ("2026-01-01", "2026-01-02", "2026-01-03")
RANGE = ("2026-01-01T02:00:00Z", "2026-01-01T20:00:00Z")
_TEN_YEARS_BEFORE = "2015-12-31T00:00:00Z"


@dataclass(frozen=True)
class Kind:
    """One kind of resource.

    Attributes:
        disposition: ``append``, ``replace``, ``merge`` or ``scd2``.
        shape: ``plain``, ``incremental``, ``windowed``, ``partitioned``, ``child_all``, ``child_new`` or ``product``.
    """

    disposition: str
    shape: str

    @property
    def name(self) -> str:
        return f"{self.disposition}-{self.shape}"

    @property
    def target(self) -> str:
        """The resource whose runs are disturbed."""
        return {"child_all": "comments", "child_new": "comments", "product": "pairs"}.get(self.shape, "items")

    @property
    def parents(self) -> tuple[str, ...]:
        return {"child_all": ("items",), "child_new": ("items",), "product": ("items", "users")}.get(self.shape, ())

    @property
    def works_on_new(self) -> bool:
        """Whether a parent that was worked on is not worked on again."""
        return self.shape in ("child_new", "product")

    @property
    def keeps_cursor(self) -> bool:
        return self.shape in ("incremental", "windowed")

    def config(self, *, cursor: str = "at") -> dict[str, Any]:
        """The config of the source.

        Args:
            cursor: The cursor field of the target.
        """
        return {
            "client": {"base_url": BASE_URL, "retry": {"attempts": 1}},
            "resource_defaults": {
                "resume_ttl": TTL,
                "endpoint": {
                    "data_selector": "data",
                    "paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "after"},
                },
            },
            "resources": [*self._parents(), *self._target(cursor)],
        }

    def _parents(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "write_disposition": "merge",
                "primary_key": "id",
                "endpoint": {"path": name, **({} if self._is_plain(name) else _incremental("at", windows=False))},
            }
            for name in self.parents
        ]

    def _is_plain(self, parent: str) -> bool:
        """In one of the products, one parent has no cursor: its loads bring all of its rows."""
        return parent == "users" and self.disposition == "merge"

    def _target(self, cursor: str) -> list[dict[str, Any]]:
        one: dict[str, Any] = {"name": self.target, **self._written()}
        if self.shape == "product":
            path = "pairs/{resources.items.id}/{resources.users.id}"
            return [{**one, "parents": "product", "endpoint": {"path": path}}]
        if self.parents:
            fan_out = "new" if self.shape == "child_new" else "all"
            return [{**one, "fan_out": fan_out, "endpoint": {"path": "items/{resources.items.id}/comments"}}]
        endpoint: dict[str, Any] = {"path": "items"}
        if self.shape != "plain":
            endpoint |= _incremental(cursor, windows=self.shape == "windowed")
        if self.shape == "partitioned":
            one["partitions"] = {"every": "daily", "start": PARTITIONS[0], "end": "2026-01-04"}
        return [{**one, "endpoint": endpoint}]

    def _written(self) -> dict[str, Any]:
        if self.disposition == "merge":
            return {"write_disposition": "merge", "primary_key": "id"}
        if self.disposition == "scd2":
            # With a merge key, rows that a load does not bring stay as they are: right for a load of a part.
            whole = self.shape in ("plain", "child_all")
            part = {} if whole else {"merge_key": "id"}
            return {"write_disposition": {"disposition": "merge", "strategy": "scd2"}, **part}
        return {"write_disposition": self.disposition}


def _incremental(cursor: str, *, windows: bool) -> dict[str, Any]:
    block: dict[str, Any] = {
        "cursor_path": cursor,
        "initial_value": text(EPOCH) if cursor == "at" else _TEN_YEARS_BEFORE,
    }
    if windows:
        block["step"] = "12h"
    params = {"since": "{incremental.start_value}", "until": "{incremental.end_value}", "by": cursor}
    return {"params": params, "incremental": block}


KINDS = [
    *(Kind(disposition, "plain") for disposition in ("append", "replace", "merge", "scd2")),
    *(Kind(disposition, "incremental") for disposition in ("append", "replace", "merge", "scd2")),
    *(Kind(disposition, "windowed") for disposition in ("append", "replace", "merge")),
    *(Kind(disposition, "partitioned") for disposition in ("append", "replace", "merge")),
    *(Kind(disposition, "child_all") for disposition in ("append", "replace", "merge", "scd2")),
    *(Kind(disposition, "child_new") for disposition in ("append", "merge")),
    *(Kind(disposition, "product") for disposition in ("append", "merge")),
]
BY_NAME = {kind.name: kind for kind in KINDS}


@functools.cache
def assets_of(kind: Kind, *, cursor: str = "at") -> dict[str, RestAsset]:
    """The assets of a kind by resource name, made once in a process.

    Args:
        kind: The kind.
        cursor: The cursor field of the target.
    """
    from dagster_rest.assets.definition.planning import plan_source, resource_props, rest_assets
    from dagster_rest.assets.definition.translator import DagsterRestTranslator

    source = plan_source(kind.config(cursor=cursor), name=SOURCE)
    props = resource_props(source, dataset=SOURCE, partitions_def=None)
    specs = {one.resource.name: DagsterRestTranslator().get_asset_spec(one) for one in props.values()}
    return {asset.plan.name: asset for asset in rest_assets(source, props=props, specs=specs)}
