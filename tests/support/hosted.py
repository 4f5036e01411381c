"""A Dagster instance as a hosted deployment has it: no SQL behind it, and part of the storage API refused.

What is refused here is what the storages of `dagster_cloud` (1.13) refuse to user code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance import InstanceType
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.compute_log_manager import ComputeLogManager
from dagster._core.storage.event_log import EventLogStorage, InMemoryEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import InMemoryRunStorage, RunStorage

NOT_FOR_RUNS = frozenset(
    {
        "build_missing_indexes",
        "delete_run",
        "get_backfills_count",
        "get_cursor_values",
        "set_cursor_values",
        "wipe",
        "wipe_daemon_heartbeats",
    }
)
NOT_FOR_EVENTS = frozenset(
    {
        "end_watch",
        "get_asset_check_execution_history",
        "get_asset_check_partition_info",
        "get_concurrency_run_ids",
        "get_freshness_state_records",
        "update_asset_cached_status_data",
        "watch",
    }
)


def _refuse(name: str) -> Callable[..., Any]:
    def refused(self: Any, *arguments: Any, **options: Any) -> Any:
        raise NotImplementedError(f"{name} is not callable from user cloud")

    return refused


def _pass_on(name: str) -> Any:
    def passed_on(self: Any, *arguments: Any, **options: Any) -> Any:
        return getattr(self.behind, name)(*arguments, **options)

    return passed_on


def _through(base: type, behind: type, *, refused: frozenset[str]) -> type:
    """A class with the methods of an abstract storage and no others, over a storage that has more."""
    body: dict[str, Any] = {"__init__": _keeps(behind)}
    for name, member in vars(base).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            body[name] = property(lambda self, name=name: getattr(self.behind, name))
        elif callable(member):
            body[name] = _refuse(name) if name in refused else _pass_on(name)
    return type(f"Hosted{base.__name__}", (base,), body)


def _keeps(behind: type) -> Callable[[Any], None]:
    def init(self: Any) -> None:
        self.behind = behind()

    return init


HostedRunStorage = _through(RunStorage, InMemoryRunStorage, refused=NOT_FOR_RUNS)
HostedEventLogStorage = _through(EventLogStorage, InMemoryEventLogStorage, refused=NOT_FOR_EVENTS)


class HostedInstance(dg.DagsterInstance):
    """An instance that knows its organization and deployment instead of a database."""

    dagster_cloud_url = "https://acme.agent.dagster.cloud"
    deployment_names = ("prod",)


@contextmanager
def hosted_instance(folder: Path) -> Iterator[HostedInstance]:
    """An instance of a hosted deployment.

    Args:
        folder: Where it may keep files.
    """
    runs, events = HostedRunStorage(), HostedEventLogStorage()
    logs: ComputeLogManager[Any] = NoOpComputeLogManager()
    instance = HostedInstance(
        instance_type=InstanceType.EPHEMERAL,
        local_artifact_storage=LocalArtifactStorage(str(folder)),
        run_storage=runs,
        event_storage=events,
        run_coordinator=DefaultRunCoordinator(),
        compute_log_manager=logs,
        run_launcher=SyncInMemoryRunLauncher(),
    )
    runs.behind.register_instance(instance)
    events.behind.register_instance(instance)
    with instance:
        yield instance
