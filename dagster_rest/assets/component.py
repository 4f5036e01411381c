"""A whole source as a Dagster component: its config in ``defs.yaml``, or in a file beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import dagster as dg
from dagster.components.resolved.core_models import (
    MultiRunBackfillPolicyModel,
    SingleRunBackfillPolicyModel,
    resolve_backfill_policy,
)
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import BaseModel, Field

from dagster_rest.assets.definition.translator import DagsterRestTranslator, RestResourceProps
from dagster_rest.assets.model.asset import DATABASE_KEY

CONFIG_FILE = "rest_api.yaml"
"""The file that the scaffolder writes the config to."""


class RestApiScaffoldParams(BaseModel):
    """The parameters of ``dg scaffold defs dagster_rest.RestApiComponent``."""

    base_url: str = Field(default="https://jsonplaceholder.typicode.com", description="Base URL of the API.")
    resource: str = Field(default="posts", description="Its first resource.")


class RestApiScaffolder(dg.Scaffolder[RestApiScaffoldParams]):
    """Writes a component with a config file beside it."""

    @classmethod
    def get_scaffold_params(cls) -> type[RestApiScaffoldParams]:
        """The parameters of the command."""
        return RestApiScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[RestApiScaffoldParams]) -> None:
        """Write ``defs.yaml`` and the config.

        Args:
            request: Where and with what.
        """
        params = request.params or RestApiScaffoldParams()
        folder = request.target_path.parent if request.append else request.target_path
        name = _identifier(folder.name)
        config = folder / CONFIG_FILE
        if not config.exists():
            config.write_text(_CONFIG.format(base_url=params.base_url, resource=params.resource))
        dg.scaffold_component(request, {"name": name, "config": CONFIG_FILE, "duckdb": "warehouse.duckdb"})


_CONFIG = """\
client:
  base_url: {base_url}

resources:
  - name: {resource}
    primary_key: id
    write_disposition: merge
"""


def _identifier(text: str) -> str:
    import keyword

    from dagster_rest.warehouse.naming import normalize

    name = normalize(text) or "rest_api"
    return f"{name}_api" if keyword.iskeyword(name) or not name.isidentifier() else name


class RestApiOp(dg.Model, dg.Resolvable):
    """What all ops of a source share."""

    pool: str | None = Field(default=None, description="Concurrency pool; rest_api/<host of the API> if absent.")
    tags: dict[str, Any] | None = Field(default=None, description="Tags of the ops.")
    backfill_policy: Annotated[
        dg.BackfillPolicy | None,
        dg.Resolver(
            resolve_backfill_policy, model_field_type=SingleRunBackfillPolicyModel | MultiRunBackfillPolicyModel
        ),
    ] = Field(default=None, description="How backfills run; one run for time windows if absent.")
    max_retries: int | None = Field(default=None, description="How often a failed step is retried.")


@dg.scaffold_with(RestApiScaffolder)
class RestApiComponent(dg.Component, dg.Model, dg.Resolvable):
    """Load a REST API into DuckDB, one asset per resource, from one declarative config.

    Example:
        ```yaml
        type: dagster_rest.RestApiComponent
        attributes:
          name: blog
          config: rest_api.yaml
          duckdb: warehouse.duckdb
        ```
    """

    name: str = Field(description="Name of the source: group, default dataset, and key of its RestApiResource.")
    config: str | dict[str, Any] = Field(
        description="The config: the path of a YAML file beside this one, or the whole config inline."
    )
    duckdb: str | None = Field(
        default=None,
        description="The DuckDB file, relative to the project; default: the project's own resource with that key.",
    )
    duckdb_key: str = Field(
        default=DATABASE_KEY,
        description="Key of the DuckDBResource; sources that load into different files need different keys.",
    )
    dataset: str | None = Field(default=None, description="The DuckDB schema; the source's name if absent.")
    mode: Literal["per_resource", "single_op"] = Field(
        default="per_resource", description="One step per resource, or one for all."
    )
    polling_seconds: int | None = Field(
        default=None, description="Interval in seconds of a sensor that polls the API for changes; default: no sensor."
    )
    op: RestApiOp | None = Field(default=None, description="Pool, tags, retries and backfill policy of the ops.")
    translation: (
        Annotated[
            TranslationFn[RestResourceProps],
            TranslationFnResolver[RestResourceProps](
                template_vars_for_translation_fn=lambda props: {"props": props, "resource": props.resource}
            ),
        ]
        | None
    ) = Field(default=None, description="Attributes of the assets; `{{ resource.name }}` and `{{ spec }}` may be used.")

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What the user interface shows of it."""
        return dg.ComponentTypeSpec(
            description="Load a REST API into DuckDB, one asset per resource.", tags=["rest", "duckdb"]
        )

    def get_asset_spec(self, props: RestResourceProps) -> dg.AssetSpec:
        """The asset of a resource; a subclass may override it.

        Args:
            props: The resource.
        """
        # The base method asks its own object for the parents' keys, so they are translated too.
        spec = DagsterRestTranslator.get_asset_spec(_ComponentTranslator(self), props)
        return spec if self.translation is None else self.translation(spec, props)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions of the source.

        Args:
            context: Where ``defs.yaml`` is.

        Raises:
            ConfigError: With every problem of the config.
        """
        from dagster_rest.assets.definitions import database_resource, source_definitions

        op = self.op or RestApiOp()
        return source_definitions(
            self._config(context.path),
            name=self.name,
            duckdb=None if self.duckdb is None else database_resource(str(context.project_root / self.duckdb)),
            duckdb_key=self.duckdb_key,
            polling_seconds=self.polling_seconds,
            dataset=self.dataset,
            translator=_ComponentTranslator(self),
            mode=self.mode,
            backfill_policy=op.backfill_policy,
            retry_policy=None if op.max_retries is None else dg.RetryPolicy(max_retries=op.max_retries),
            pool=op.pool,
            op_tags=op.tags,
        )

    def _config(self, folder: Path) -> Any:
        from dagster_rest.config.load import load_config

        if isinstance(self.config, Mapping):
            return load_config(self.config, interpolate_env=True)
        return load_config(self.config, base_path=folder if folder.is_dir() else folder.parent)


class _ComponentTranslator(DagsterRestTranslator):
    def __init__(self, component: RestApiComponent) -> None:
        self._component = component

    def get_asset_spec(self, props: RestResourceProps) -> dg.AssetSpec:
        return self._component.get_asset_spec(props)
