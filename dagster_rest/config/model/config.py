"""The config as models. Attribute names are dlt's keys; keys of our own are marked ``x-extension``."""

from typing import Any

from pydantic import ConfigDict, Field, PrivateAttr

from dagster_rest.config.model.base import ConfigModel, field_keys, key
from dagster_rest.config.model.client import ClientConfig
from dagster_rest.config.model.endpoint import EndpointConfig
from dagster_rest.config.model.incremental import IncrementalConfig
from dagster_rest.config.model.resource import Resource, ResourceConfig, ResourceDefaults
from dagster_rest.config.read.origin import Origin


class RestApiConfig(ConfigModel):
    """A REST API: one client and its resources.

    Example:
        ```python
        from dagster_rest.config import ClientConfig, ResourceConfig, RestApiConfig

        config = RestApiConfig(
            client=ClientConfig(base_url="https://api.example.com"),
            resources=[ResourceConfig(name="posts")],
        )
        assert config.resources[0].name == "posts"
        ```
    """

    model_config = ConfigDict(
        json_schema_extra={"patternProperties": {"^x-": {"description": "Ignored: a place for YAML anchors."}}}
    )
    client: ClientConfig = Field(description="The API: base URL, auth, and how requests are sent.")
    resources: list[Resource] = Field(
        description="The resources: names, mappings, or callables that yield lists of records."
    )
    resource_defaults: ResourceDefaults | None = key(None, "Defaults for every resource.")
    _origin: Origin = PrivateAttr(default_factory=Origin)

    @property
    def origin(self) -> Origin:
        """Where the config was read from."""
        return self._origin

    def to_dlt(self) -> tuple[dict[str, Any], list[str]]:
        """The same as a config for dlt, and the paths of the keys that dlt does not have.

        Example:
            ```python
            from dagster_rest.config import load_config

            client = {"base_url": "https://api.example.com", "timeout": 5}
            config = load_config({"client": client, "resources": ["posts"]})
            pure, lost = config.to_dlt()
            assert lost == ["client.timeout"]
            ```
        """
        from dagster_rest.config.model.export import to_dlt

        return to_dlt(self)


def _say_where_keys_belong() -> None:
    """A key that is right at another level is the most common of unknown keys."""
    client, endpoint, incremental = "`client`", "`endpoint`", "`endpoint.incremental`"
    others: dict[type[ConfigModel], list[tuple[type[ConfigModel], str]]] = {
        RestApiConfig: [(ClientConfig, client), (ResourceDefaults, "`resource_defaults` or a resource")],
        ClientConfig: [(RestApiConfig, "the top level of the config"), (EndpointConfig, "a resource's `endpoint`")],
        ResourceConfig: [(EndpointConfig, endpoint), (IncrementalConfig, incremental), (ClientConfig, client)],
        ResourceDefaults: [(EndpointConfig, endpoint), (ResourceConfig, "each resource")],
        EndpointConfig: [
            (ResourceConfig, "the resource, beside `endpoint`"),
            (IncrementalConfig, "`incremental`"),
            (ClientConfig, client),
        ],
    }
    for model, locations in others.items():
        own = field_keys(model)
        model.elsewhere = {
            key: f"`{key}` belongs in {location}."
            for other, location in reversed(locations)
            for key in field_keys(other)
            if key not in own
        }


_say_where_keys_belong()
