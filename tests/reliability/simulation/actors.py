"""A step process: the real body of an asset in a thread that stops at a given point, and dies as by SIGKILL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.model.run_config import RestRunConfig

if TYPE_CHECKING:
    from dagster_rest.assets.model.asset import RestAsset

POINTS = (
    "asks_dagster",
    "page_staged",
    "part_written",
    "before_checkpoint_rename",
    "after_checkpoint_rename",
    "before_transaction",
    "in_transaction",
    "replace_swap",
    "after_commit",
    "yielded",
    "reported",
    "before_confirm",
    "after_confirm",
    "end",
)
"""Where an actor can be stopped, in the order of a load. ``yielded``: the result is yielded, its event not stored;
``reported``: the event is stored, the generator has not gone on."""

_ASKS = frozenset(
    {
        "fetch_materializations",
        "get_asset_records",
        "get_event_records",
        "get_latest_materialization_event",
        "get_records_for_run",
        "get_run_by_id",
    }
)
_here = threading.local()


class Killed(BaseException):
    """The process is gone; nothing after it happens."""


class ConfirmationError(Exception):
    """The confirmation could not be written."""


@dataclass
class StepContext:
    """The part of Dagster's step context that the body uses, over a real instance and a real run."""

    run: dg.DagsterRun
    instance: Any
    retry_number: int
    resources: SimpleNamespace
    partition_keys: Sequence[str]
    lines: list[str] = field(default_factory=list)
    selected_asset_check_keys: frozenset[Any] = frozenset()
    selected_asset_keys: frozenset[dg.AssetKey] = frozenset()
    added: dict[str | None, dict[str, Any]] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return self.run.run_id

    @property
    def has_partition_key(self) -> bool:
        return len(self.partition_keys) == 1

    @property
    def log(self) -> Any:
        say = self.lines.append
        return SimpleNamespace(
            info=say, warning=say, error=say, debug=lambda *_: None, exception=lambda text: say(str(text))
        )

    def add_asset_metadata(
        self, metadata: dict[str, Any], *, asset_key: dg.AssetKey | None = None, partition_key: str | None = None
    ) -> None:
        self.added.setdefault(partition_key, {}).update(metadata)


class AskedInstance:
    """A Dagster instance at whose questions an actor can be stopped."""

    def __init__(self, instance: dg.DagsterInstance, at: Callable[[str], None]) -> None:
        self._instance, self._at = instance, at

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._instance, name)
        if name not in _ASKS:
            return found

        def ask(*arguments: Any, **options: Any) -> Any:
            self._at("asks_dagster")
            return found(*arguments, **options)

        return ask


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a run asks for.

    Attributes:
        name: ``ordinary``, ``range``, ``full`` or ``partition``.
        partitions: The partition keys.
    """

    name: str = "ordinary"
    partitions: tuple[str, ...] = ()

    def config(self, bounds: tuple[str, str]) -> RestRunConfig:
        if self.name == "range":
            return RestRunConfig(start_value=bounds[0], end_value=bounds[1])
        return RestRunConfig(full_refresh=self.name == "full")


class Actor:
    """One attempt of one run: a thread that runs only while the scheduler waits for it.

    Args:
        number: Its number in the history.
        asset: What it materializes.
        context: Its step context.
        config: Its run config.
        store: Stores a result's events in Dagster.
        announce: Called at every point it passes, before it stops there.
    """

    def __init__(
        self,
        number: int,
        *,
        asset: RestAsset,
        context: StepContext,
        config: RestRunConfig,
        store: Callable[[Actor, Any], None],
        announce: Callable[[Actor, str], None],
    ) -> None:
        self.number, self.asset, self.context, self.config = number, asset, context, config
        self.here = "begin"
        self.error: BaseException | None = None
        self.ended = self.killed = self.in_database = self.fails_confirmation = False
        self._store, self._announce = store, announce
        self._until = ""
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._live, name=f"actor-{number}", daemon=True)
        self._thread.start()

    @property
    def lives(self) -> bool:
        """Whether its process is there."""
        return not (self.ended or self.killed)

    def go(self, until: str) -> None:
        """Go on until it comes to a point, or ends.

        Args:
            until: One of `POINTS`.
        """
        self._until = until
        self._mine.release()
        self._theirs.acquire()

    def kill(self) -> None:
        """End the process where it stands."""
        self.killed = True
        self._mine.release()
        self._thread.join()

    def at(self, point: str) -> None:
        """Pass a point: stop there if that is where the scheduler wants it to stop."""
        if self.killed:
            raise Killed
        self._announce(self, point)
        self.here = point
        if point == "before_confirm" and self.fails_confirmation:
            raise ConfirmationError("the database was locked for too long")
        if point == self._until:
            self._theirs.release()
            self._mine.acquire()
            if self.killed:
                raise Killed

    def _live(self) -> None:
        _here.actor = self
        self._mine.acquire()
        try:
            if not self.killed:
                for result in self._results():
                    self.at("yielded")
                    self._store(self, result)
                    self.at("reported")
        except Killed:
            pass
        except BaseException as error:
            self.error = error
        self.ended = True
        if not self.killed:
            self.here = "end"
            self._theirs.release()

    def _results(self) -> Iterator[Any]:
        from dagster_rest.assets.run.step import materialize_resource

        return materialize_resource(self.context, self.asset, config=self.config)  # type: ignore[arg-type]


def current() -> Actor | None:
    """The actor whose thread this is."""
    return getattr(_here, "actor", None)


def pass_point(name: str) -> None:
    """The ``on_event`` of every load."""
    actor = current()
    if actor is not None:
        actor.at(name)
