"""The config for dlt: extension keys are taken out and listed."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from dagster_rest.config.errors import join_path
from dagster_rest.config.model.auth import (
    CustomHeaderAuthConfig,
    DigestAuthConfig,
    JwtGrantAuthConfig,
    OAuth2RefreshTokenConfig,
)
from dagster_rest.config.model.base import ConfigModel
from dagster_rest.config.model.endpoint import EndpointConfig, ResponseAction
from dagster_rest.config.model.resource import ExternalAsset, ResourceConfig
from dagster_rest.config.model.table.hints import NestedHint
from dagster_rest.config.model.table.steps import ProcessingStep
from dagster_rest.config.values.env import resolve_env

_EXTENSION_AUTHS = (DigestAuthConfig, JwtGrantAuthConfig, OAuth2RefreshTokenConfig)
_GONE: Any = object()


def is_extension(field: FieldInfo) -> bool:
    """Whether a key is one that dlt does not have."""
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("x-extension"))


def to_dlt(config: ConfigModel) -> tuple[dict[str, Any], list[str]]:
    """The config as dlt's dict, environment values resolved, and the paths of what dlt cannot express.

    Args:
        config: A ``RestApiConfig``.

    Raises:
        ConfigError: An environment variable is not set; dlt has no ``EnvVar``.
    """
    lost: list[str] = []
    resolved = resolve_env(config)
    pure = _model(resolved, "", lost, leaving_out="resources")
    items = enumerate(vars(resolved)["resources"])
    resources = [_plain(item, join_path("resources", index), lost) for index, item in items]
    pure["resources"] = [item for item in resources if item is not _GONE]
    return pure, lost


def _model(model: ConfigModel, path: str, lost: list[str], *, leaving_out: str = "") -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        if name not in model.model_fields_set or name == leaving_out:
            continue
        key = field.alias or name
        where = join_path(path, key)
        if is_extension(field):
            lost.append(where)
            continue
        value = _plain(getattr(model, name), where, lost)
        if value is not _GONE:
            plain[key] = value
    plain.update(model.model_extra or {})
    return plain


def _plain(value: Any, path: str, lost: list[str]) -> Any:
    if isinstance(value, ConfigModel):
        return _known(value, path, lost)
    if isinstance(value, dict):
        if any(isinstance(item, NestedHint) for item in value.values()):
            return {
                key if len(key) > 1 else key[0]: _nested(item, join_path(path, "__".join(key)), lost)
                for key, item in value.items()
            }
        items = {key: _plain(item, join_path(path, str(key)), lost) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not _GONE}
    if isinstance(value, list):
        flat: list[Any] = []
        for index, item in enumerate(value):
            where = join_path(path, index)
            parts = (
                _response_actions(item, where, lost)
                if isinstance(item, ResponseAction)
                else [_plain(item, where, lost)]
            )
            flat.extend(part for part in parts if part is not _GONE)
        return flat
    if isinstance(value, str) and "{partition." in value:
        lost.append(path)
        return value if path.endswith(".path") else _GONE
    return value


def _known(value: ConfigModel, path: str, lost: list[str]) -> Any:
    if isinstance(value, (*_EXTENSION_AUTHS, ExternalAsset)) or (
        isinstance(value, ResourceConfig) and value.source is not None
    ):
        lost.append(path)
        return _GONE
    if isinstance(value, CustomHeaderAuthConfig):
        return {"type": "api_key", "name": value.name, "api_key": value.value, "location": "header"}
    if isinstance(value, ProcessingStep):
        return _model(value, path, lost) or _GONE
    if type(value).__name__.startswith("Registered"):
        return {"type": value.type, **value.options}  # type: ignore[attr-defined]
    plain = _model(value, path, lost)
    if isinstance(value, EndpointConfig):
        _fit_endpoint(plain, path, lost)
    return plain


def _fit_endpoint(plain: dict[str, Any], path: str, lost: list[str]) -> None:
    """What dlt refuses or crashes on: a null mapping, a JSON list."""
    for key in ("params", "json"):
        if key in plain and plain[key] is None:
            del plain[key]
    if isinstance(plain.get("json"), list):
        del plain["json"]
        lost.append(join_path(path, "json"))


def _nested(hint: NestedHint, path: str, lost: list[str]) -> dict[str, Any]:
    plain = _model(hint, path, lost)
    columns = plain.get("columns")
    if isinstance(columns, dict):
        # dlt fills names in for a resource's columns, but not for a nested table's.
        plain["columns"] = {name: {"name": name, **column} for name, column in columns.items()}
    return plain


def _response_actions(action: ResponseAction, path: str, lost: list[str]) -> list[dict[str, Any]]:
    """Dlt knows one status number for an entry, and of our actions only ``ignore``."""
    if action.json_predicate is not None or (isinstance(action.action, str) and action.action != "ignore"):
        lost.append(path)
        return []
    if action.message is not None:
        lost.append(join_path(path, "message"))
    statuses = action.status_code if isinstance(action.status_code, list) else [action.status_code]
    if any(isinstance(status, str) for status in statuses):
        lost.append(join_path(path, "status_code"))
    entries = []
    for status in statuses:
        if not isinstance(status, str):
            entry = {"status_code": status, "content": action.content, "action": action.action}
            entries.append({key: value for key, value in entry.items() if value is not None})
    return entries
