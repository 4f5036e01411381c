"""What a person may say for one run: in the launchpad, or as a tag on the run."""

import functools
from typing import Any

import dagster as dg
from pydantic import Field

from dagster_rest.assets.keys import FULL_REFRESH_TAG


class RestRunConfig(dg.Config):
    """Run config of every REST asset's op.

    Args:
        full_refresh: Forget the cursor and rebuild the table (dlt: "Refresh entire source").
        start_value: Start the incremental range here, for this run only.
        end_value: End the incremental range here, for this run only; the cursor does not move.
        limit: Sample this many pages and parents into the table ``<table>__sample``; nothing else is touched.
        adopt: Continue from what another asset key or source loaded into the table: it is the same data, renamed.

    Example:
        ```python
        import dagster as dg
        from dagster_rest import RestRunConfig

        run_config = dg.RunConfig(ops={"shop__orders": RestRunConfig(full_refresh=True)})
        ```
    """

    full_refresh: bool = Field(default=False, description="Forget the cursor and rebuild the table.")
    start_value: Any = Field(default=None, description="Start the incremental range here, for this run only.")
    end_value: Any = Field(
        default=None,
        description="End the incremental range here, for this run only; the cursor does not move.",
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        description="Sample this many pages and parents into <table>__sample; nothing else changes.",
    )
    adopt: bool = Field(
        default=False,
        description="Continue from what another asset key or source loaded into the table: the same data, renamed.",
    )


def wants_full_refresh(config: RestRunConfig, run_tags: dict[str, str]) -> bool:
    """Whether this run is to rebuild the table: by its run config or by its run's tag."""
    return config.full_refresh or run_tags.get(FULL_REFRESH_TAG, "").lower() in ("true", "1", "yes")


@functools.cache
def run_config_schema() -> dict[str, Any]:
    """The schema of ``RestRunConfig``, made once: Dagster would make it again for every op."""
    return RestRunConfig.to_fields_dict()


def run_config_of(context: dg.AssetExecutionContext) -> RestRunConfig:
    """What a person said for this step."""
    return RestRunConfig(**(context.op_execution_context.op_config or {}))
