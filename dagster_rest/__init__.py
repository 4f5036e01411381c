"""REST APIs as Dagster assets: from one declarative config, one asset per resource, into DuckDB."""

import importlib
from typing import TYPE_CHECKING, Any

from dagster_rest.version import __version__

if TYPE_CHECKING:
    from dagster_rest.assets.component import RestApiComponent
    from dagster_rest.assets.definition.factory import build_rest_asset_specs, build_rest_assets
    from dagster_rest.assets.definition.translator import DagsterRestTranslator, RestResourceProps
    from dagster_rest.assets.definitions import build_rest_definitions
    from dagster_rest.assets.model.run_config import RestRunConfig
    from dagster_rest.assets.watch.sensor import build_rest_polling_sensor
    from dagster_rest.http import register_auth, register_paginator
    from dagster_rest.resources import RestApiResource

_PLACES = {
    "DagsterRestTranslator": "dagster_rest.assets.definition.translator",
    "RestApiComponent": "dagster_rest.assets.component",
    "RestApiResource": "dagster_rest.resources",
    "RestResourceProps": "dagster_rest.assets.definition.translator",
    "RestRunConfig": "dagster_rest.assets.model.run_config",
    "build_rest_asset_specs": "dagster_rest.assets.definition.factory",
    "build_rest_assets": "dagster_rest.assets.definition.factory",
    "build_rest_definitions": "dagster_rest.assets.definitions",
    "build_rest_polling_sensor": "dagster_rest.assets.watch.sensor",
    "register_auth": "dagster_rest.http",
    "register_paginator": "dagster_rest.http",
}

__all__ = [
    "DagsterRestTranslator",
    "RestApiComponent",
    "RestApiResource",
    "RestResourceProps",
    "RestRunConfig",
    "__version__",
    "build_rest_asset_specs",
    "build_rest_assets",
    "build_rest_definitions",
    "build_rest_polling_sensor",
    "register_auth",
    "register_paginator",
]


def __getattr__(name: str) -> Any:
    # Each name is imported when it is asked for: `dagster_rest.http` works without the cost of importing Dagster.
    if name not in _PLACES:
        raise AttributeError(f"module 'dagster_rest' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return __all__
