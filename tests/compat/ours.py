"""Our side: the config as Dagster assets, materialized in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.compat.case import Case, Setup
from tests.compat.oracle import DATASET, Failure, failure_of

if TYPE_CHECKING:
    import dagster as dg


@contextmanager
def dagster_instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    """An instance that remembers materializations over the runs of a case."""
    import dagster as dg

    with dg.DagsterInstance.ephemeral(tempdir=str(folder)) as instance:
        yield instance


def library() -> SimpleNamespace:
    """What cases may take from the side that runs; the names are dlt's."""
    from dagster_rest import register_paginator
    from dagster_rest.http import paginators

    def parent(name: str, pages: Any) -> Any:
        return {"name": name, "source": pages, "selected": False}

    def session(headers: dict[str, str]) -> Any:
        import httpx

        # Nobody closes a session that is the user's: it must not keep connections.
        return httpx.AsyncClient(headers=headers, limits=httpx.Limits(max_keepalive_connections=0))

    names = [name for name in dir(paginators) if name.endswith("Paginator")]
    return SimpleNamespace(
        **{name: getattr(paginators, name) for name in names},
        register_paginator=register_paginator,
        parent=parent,
        session=session,
        side="ours",
    )


def run_ours(
    case: Case, *, url: str, elsewhere: str, run: int, folder: Path, instance: dg.DagsterInstance
) -> Failure | None:
    """One run of one case; the failure, if it failed."""
    try:
        config = case.build(Setup(url=url, elsewhere=elsewhere, run=run, lib=library()))
        # What RUNTIME__REQUEST_BACKOFF_FACTOR=0.01 is for dlt.
        config["client"].setdefault("retry", {"backoff": 0.01, "jitter": 0})
        _materialize(config, folder / "ours.duckdb", instance)
    except Exception as error:
        return failure_of(error)
    return None


def _materialize(config: dict[str, Any], database: Path, instance: dg.DagsterInstance) -> None:
    import dagster as dg
    from dagster_duckdb import DuckDBResource

    from dagster_rest import RestApiResource, build_rest_assets
    from dagster_rest.config import load_config

    loaded = load_config(config)
    assets = build_rest_assets(loaded, name=DATASET, dataset=DATASET)
    if not assets:
        return
    dg.materialize(
        assets,
        resources={
            DATASET: RestApiResource.from_config(loaded.client),
            "duckdb": DuckDBResource(database=str(database)),
        },
        instance=instance,
    )
