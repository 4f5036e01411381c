"""One partition on its way to its staging folder, and which partition each record of a range belongs to."""

import contextlib
import logging
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.cursor.ahead import SeenAhead
from dagster_rest.assets.cursor.range import Bounds
from dagster_rest.assets.cursor.row_filter import RowFilter, make_picker
from dagster_rest.assets.cursor.window_edges import count_passed
from dagster_rest.assets.errors import StateError
from dagster_rest.assets.model.partitions import Partition
from dagster_rest.assets.report import LoadReport
from dagster_rest.assets.start.liveness import try_lock
from dagster_rest.assets.start.start import Start
from dagster_rest.assets.start.windows import Window
from dagster_rest.config.values.env import interpolate, resolve_env
from dagster_rest.config.values.jsonpath import MISSING
from dagster_rest.warehouse.database.base import Database
from dagster_rest.warehouse.database.file import local_path
from dagster_rest.warehouse.state.load_row import CursorState

if TYPE_CHECKING:
    from dagster_rest.config.plan.build import ResourcePlan
    from dagster_rest.warehouse.stage.staged_load import StagedLoad
    from dagster_rest.warehouse.stage.stager import Stager

logger = logging.getLogger("dagster_rest.assets")

SHARED = ""
"""The scope of the one cursor of a resource that does not keep one for each parent."""


@dataclass(kw_only=True)
class PartitionLoad:
    """One partition of one load (or the whole of an asset without partitions) on its way to its table.

    Args:
        partition: The partition.
        start: What the run continues from.
        bounds: The cursor range of this load.
        stager: Takes the records.
        make_filter: Makes the row filter of a scope, or None for a resource without a cursor.
        ahead: Rows that the cursor does not go to.
        replaces: Whether the load replaces the partition's earlier rows.
        parent_cursors: The stored cursor of each parent, for a child that keeps one for each.
        filters: The row filters in use, by scope.
        finished: The cursors of the parents that are done.
        skipped: Records left out by filters that are done.
        keys_staged: Fan-out keys staged.
        now: The moment at which a window that is open to the present ends, as it is stored.
    """

    partition: Partition
    start: Start
    bounds: Bounds
    stager: "Stager"
    make_filter: Callable[[str], RowFilter] | None
    ahead: SeenAhead
    replaces: bool
    parent_cursors: Mapping[str, CursorState]
    filters: dict[str, RowFilter] = field(default_factory=dict)
    finished: list[CursorState] = field(default_factory=list)
    skipped: int = 0
    keys_staged: int = 0
    now: CursorState | None = None

    def filter_for(self, scope: str) -> RowFilter | None:
        """The row filter of a scope: the whole resource, or one of its parents."""
        if self.make_filter is None:
            return None
        if scope not in self.filters:
            self.filters[scope] = self.make_filter(scope)
        return self.filters[scope]

    def finish_scope(self, scope: str, *, window: Window) -> None:
        """Keep a parent's cursor beside the staged data and forget its filter: there may be very many parents."""
        done = self.filters.pop(scope, None)
        if done is None:
            return
        self.skipped += done.skipped
        state = window.cursor_after(done.state())
        if state is None:
            return
        self.finished.append(state)
        if state != done.known:
            self.stager.write_side(
                "parent_cursors",
                [
                    {
                        "parent_key": scope,
                        "cursor": state.value,
                        "type": state.type,
                        "boundary": list(state.boundary),
                    }
                ],
            )

    @property
    def rows_skipped(self) -> int:
        """Records that the cursor left out."""
        return self.skipped + sum(one.skipped for one in self.filters.values())


def finish_partition(context: LoadContext, load: PartitionLoad, window: Window) -> "StagedLoad":
    """Stage what is left of a partition, its parents' cursors included.

    Args:
        context: The load.
        load: The partition.
        window: The window.
    """
    if context.per_parent:
        for scope in list(load.filters):
            load.finish_scope(scope, window=window)
    return load.stager.finish()


def report_filtered(loads: Sequence[PartitionLoad], report: LoadReport) -> None:
    """Add to the report what the cursors left out of a window.

    Args:
        loads: The partitions, in the order of the report.
        report: What was done so far.
    """
    report.rows_skipped += sum(load.rows_skipped for load in loads)
    for load, one in zip(loads, report.partitions, strict=True):
        one.ahead.cursors.extend(load.ahead.cursors)


class Router:
    """Splits the records of a range request by partition, by the record's cursor value.

    Args:
        loads: The partitions in the order of their windows, without gaps.
        plan: The resource.
    """

    def __init__(self, loads: Sequence[PartitionLoad], *, plan: "ResourcePlan") -> None:
        assert plan.incremental is not None
        self._loads = loads
        self._where = f"{plan.config_path}.endpoint.incremental.cursor_path"
        self._pick = make_picker(plan.incremental.cursor_path)

    def split(self, records: Sequence[Any]) -> Iterator[tuple[PartitionLoad, list[Any]]]:
        """The records by partition; a record outside of all windows goes to the nearest, whose filter drops it.

        Raises:
            StateError: ``partition_cursor_missing`` for a record without a cursor: it has no partition.
        """
        values = [self._pick(record) for record in records]
        if any(value is MISSING for value in values):
            raise StateError(
                "a record without a cursor value belongs to no partition",
                code="partition_cursor_missing",
                where=self._where,
                hint="Leave such records out with a processing step, or run the partitions one by one.",
            )
        if not values:
            return
        starts = [load.bounds.window[0] for load in self._loads if load.bounds.window is not None]
        numbers = (max(count - 1, 0) for count in count_passed(values, starts, where=self._where))
        found: dict[int, list[Any]] = {}
        for record, index in zip(records, numbers, strict=True):
            found.setdefault(index, []).append(record)
        for index in sorted(found):
            yield self._loads[index], found[index]


def staging_root(database: Database, *, configured: str | None = None) -> Path:
    """The folder under which loads are staged: as configured, else beside the DuckDB file.

    Args:
        database: The database.
        configured: ``staging_dir`` of the client; it may name environment variables as ``${NAME}``.

    Raises:
        ConfigError: ``config_missing_env``.
        WarehouseError: As ``local_path``, wherever loads are staged.
    """
    path = local_path(database)
    if configured:
        return Path(resolve_env(interpolate(configured), where="client.staging_dir"))
    return path.with_name(f"{path.name}.staging")


@contextlib.contextmanager
def claim_folder(root: Path, *, asset: str, partition: str) -> Iterator[tuple[Path, bool]]:
    """A staging folder that no other process uses; the asset's own, unless another run works in it now.

    Args:
        root: What ``staging_root`` gave.
        asset: The asset key as ``a/b``.
        partition: The partition key, or the empty text.

    Yields:
        The folder, and whether it may hold an interrupted load to go on with.
    """
    from dagster_rest.warehouse.stage.checkpoint import staging_errors

    name = _folder_name(asset, partition)
    with contextlib.ExitStack() as stack:
        with staging_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            alone = stack.enter_context(try_lock(root / f"{name}.lock"))
            folder = root / name
            if alone:
                _sweep(root, name)
            else:
                logger.info("another run stages %s at the moment: staging in a separate folder, without resume", asset)
                # The lock before the folder: one without a holder is taken for abandoned.
                folder = root / f"{name}-{secrets.token_hex(6)}"
                stack.enter_context(try_lock(_lock_of(folder)))
                folder.mkdir()
        try:
            yield folder, alone
        finally:
            if not alone:
                _remove(folder)


def _sweep(root: Path, name: str) -> None:
    """Remove the folders that runs which staged apart left behind when they died."""
    for folder in root.glob(f"{name}-*/"):
        with try_lock(_lock_of(folder)) as abandoned:
            if abandoned:
                _remove(folder)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _remove(folder: Path) -> None:
    """Remove a folder, as the holder of its lock, with which the lock's file goes."""
    shutil.rmtree(folder, ignore_errors=True)


def _folder_name(asset: str, partition: str) -> str:
    import hashlib
    import re

    readable = re.sub(r"[^A-Za-z0-9]+", "-", f"{asset}-{partition}").strip("-")[:60]
    digest = hashlib.blake2b(f"{asset}\n{partition}".encode(), digest_size=5).hexdigest()
    return f"{readable}-{digest}"


def position_of(
    unit: int,
    state: Mapping[str, Any] | None,
    cursor: CursorState | None,
    *,
    resumable: bool,
    now: CursorState | None = None,
    selector: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Where a load stands, as JSON values, for the checkpoint of its staging folder.

    Args:
        unit: The unit to go on with.
        state: The paginator's state in it, or None for its first page.
        cursor: The cursor of the unit's scope so far.
        resumable: False in the middle of a unit whose paginator cannot go on: then the load starts over.
        now: Where the window ends, if that is the moment the load began.
        selector: The data selector that was detected: it holds for the parents that are still to be asked.
    """
    return {
        "unit": unit,
        "state": dict(state) if state else None,
        "cursor": None if cursor is None else [cursor.value, cursor.type, list(cursor.boundary)],
        "resumable": resumable,
        "now": None if now is None else [now.value, now.type],
        "selector": dict(selector) if selector else None,
    }


def cursor_of(position: Mapping[str, Any] | None) -> CursorState | None:
    """The cursor that ``position_of`` kept."""
    kept = position.get("cursor") if position else None
    return None if not kept else CursorState(value=kept[0], type=kept[1], boundary=tuple(kept[2]))


def now_of(position: Mapping[str, Any] | None) -> CursorState | None:
    """The end of the window that ``position_of`` kept."""
    kept = position.get("now") if position else None
    return None if not kept else CursorState(value=kept[0], type=kept[1])
