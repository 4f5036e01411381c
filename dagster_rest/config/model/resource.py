"""Resources and their endpoints: what is asked for, and what becomes of it."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator
from typing_extensions import Self

from dagster_rest.config.model.asset import Automation, BatchConfig, Checks, Freshness, Partitions, Preview
from dagster_rest.config.model.base import ConfigModel, check_model, extension, key
from dagster_rest.config.model.endpoint import EndpointConfig
from dagster_rest.config.model.table.hints import TableHints
from dagster_rest.config.model.table.steps import ProcessingStep
from dagster_rest.config.values.imports import imported
from dagster_rest.config.values.problems import check_each, problem, wrong_type
from dagster_rest.config.values.types import (
    Anything,
    Bool,
    Duration,
    Environment,
    FilledText,
    ImportString,
    Text,
    checked,
)


@checked(
    takes=ImportString | Environment,
    expected="a callable that yields lists of records, or package.module:function",
    read_at="parts",
)
def check_source(value: Any, info: ValidationInfo) -> Any:
    """What yields lists of records."""
    value = imported(value)
    if callable(value) or (hasattr(value, "__iter__") and not isinstance(value, (str, bytes, dict))):
        return value
    raise wrong_type(value, expected=check_source.expected)


Source: TypeAlias = Annotated[Any, check_source]


class ResourceBase(TableHints):
    """What a resource and `resource_defaults` share."""

    include_from_parent: list[FilledText] = key(
        [], "Fields of the parent row that each row gets, as `_<parent>_<field>`."
    )
    processing_steps: list[ProcessingStep] = key([], "Steps on the records, in order.")
    selected: Bool = key(True, "Whether the rows are loaded; children get their parent rows either way.")
    parallelized: Bool = key(False, "Accepted; requests run concurrently anyway.")
    description: Text | None = extension(None, "Description of the asset.")
    group_name: FilledText | None = extension(None, "Group of the asset; the source's name if absent.")
    tags: dict[str, Text] = extension({}, "Tags of the asset.")
    owners: list[FilledText] = extension([], "Owners of the asset.")
    kinds: list[FilledText] = extension([], "Additional kinds of the asset.")
    partitions: Partitions | None = extension(None, "Partitions of the asset.")
    fan_out: Literal["new", "all"] | None = extension(
        None,
        "Which parent rows a child requests: `new` if the parent is incremental and the child does not replace, else"
        " `all`.",
    )
    automation: Automation | None = extension(None, "When the asset runs automatically.")
    freshness: Freshness | None = extension(None, "When the asset is stale.")
    parents: Literal["product"] | None = extension(None, "With several parents: every combination of their rows.")
    batch: BatchConfig | None = extension(None, "Many parent values in one request.")
    resume: Bool = extension(True, "Whether an interrupted load is resumed where it stopped.")
    resume_ttl: Duration = extension(86400.0, "How long an interrupted load can be resumed.")
    quarantine: Bool = extension(False, "Whether rows discarded by the schema contract are kept in a table.")
    on_name_collision: Literal["error", "suffix"] | None = extension(
        None, "What happens with two fields of the same column name; `error` if absent."
    )
    on_empty: Literal["warn", "fail", "ignore"] | None = extension(
        None, "What happens if a `replace` load fetched nothing; `warn` if absent."
    )
    on_missing_table: Literal["rebuild", "fail"] = extension(
        "rebuild", "What happens if a table of earlier loads is gone, or lost columns."
    )
    checks: Checks | None = extension(None, "Checks of the asset, by name.")
    preview: Preview = extension(0, "Rows shown in the metadata; 0 shows none.")


class ResourceDefaults(ResourceBase):
    """Defaults for every resource."""

    endpoint: EndpointConfig | None = key(None, "Defaults for every resource's endpoint; `path` has no effect.")


@checked(takes=str | EndpointConfig, expected="a path or a mapping", read_at="request")
def check_endpoint(value: Any, info: ValidationInfo) -> Any:
    """A path or a mapping."""
    value = {"path": value} if isinstance(value, str) else value
    return check_model(value, EndpointConfig, info, expected="a path or a mapping")


Endpoint: TypeAlias = Annotated[EndpointConfig, check_endpoint]


class ResourceConfig(ResourceBase):
    """One resource: one asset, one table (and its nested tables)."""

    name: FilledText = Field(description="Name of the resource and, unless `table_name` says otherwise, of its table.")
    endpoint: Endpoint | None = key(
        None, "Where the rows come from: a path or a mapping; the resource's name if absent."
    )
    source: Source | None = extension(None, "Instead of an endpoint: a callable that yields lists of records.")
    _given_as_object: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.source is not None and self.endpoint is not None:
            raise problem("config_conflict", "`source` and `endpoint` cannot be used together", expected="one of them")
        return self

    @property
    def given_as_object(self) -> bool:
        """Whether it was given as an object that yields records, which no defaults apply to (as in dlt)."""
        return self._given_as_object


@checked(takes=str | ResourceConfig, expected="a name or a mapping", read_at="check")
def check_resource(value: Any, info: ValidationInfo) -> Any:
    """A name, a mapping, a model, or something else that yields records or is an asset."""
    if isinstance(value, str):
        # The name is read now, the path when a request is made.
        return ResourceConfig.model_validate({"name": value, "endpoint": {"path": value}}, context=info.context)
    if isinstance(value, ResourceConfig):
        return value
    if isinstance(value, dict):
        if _is_wrapped(value):
            return check_each(value.items(), check_model, ResourceConfig, info, expected="")[0]
        return check_model(value, ResourceConfig, info, expected="")
    name = _name_of_object(value)
    if name is None:
        raise wrong_type(value, expected="a name, a mapping, a callable, or an asset")
    if _is_asset(value):
        return ExternalAsset(name=name, asset=value)
    selected = getattr(value, "selected", True)
    resource = ResourceConfig.model_validate({"name": name, "source": value, "selected": selected is not False})
    resource._given_as_object = True
    return resource


def _is_wrapped(value: dict[Any, Any]) -> bool:
    """Whether a resource is nested under a key of its own, as in some of dlt's older documentation."""
    if len(value) != 1:
        return False
    ((key, inner),) = value.items()
    return (
        isinstance(key, str) and key not in ResourceConfig.model_fields and isinstance(inner, dict) and "name" in inner
    )


class ExternalAsset(ConfigModel):
    """Another asset with a table in the same DuckDB, given as a member of `resources`."""

    name: FilledText
    asset: Anything


def _is_asset(value: Any) -> bool:
    return type(value).__name__ in ("AssetsDefinition", "AssetSpec", "SourceAsset")


def _name_of_object(value: Any) -> str | None:
    if _is_asset(value):
        try:
            return str(value.key.path[-1])
        except Exception:  # noqa: BLE001 - several assets in one definition have no single key
            return None
    if value is None or isinstance(value, (type, int, float, bytes, list, tuple, set, frozenset)):
        return None
    name = getattr(value, "name", None) or getattr(value, "__name__", None)
    if isinstance(name, str) and (callable(value) or hasattr(value, "__iter__")):
        return name
    return None


Resource: TypeAlias = Annotated[ResourceConfig | ExternalAsset, check_resource]
