"""Dango's form of a REST source (``sources``, ``auth_type``, ``*_env`` names, ``endpoints``), translated into dlt's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dagster_rest.config.errors import ConfigError, PathPart, Problem, did_you_mean, join_path
from dagster_rest.config.read.origin import Origin
from dagster_rest.config.values.env import EnvRef
from dagster_rest.config.values.problems import type_name

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# auth_type -> dlt's type, and the keys that fill it: dlt's name -> Dango's name.
AUTH_TYPES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "bearer": ("bearer", {"token": "auth_token"}),
    "api_key": ("api_key", {"api_key": "auth_token", "name": "api_key_name", "location": "api_key_location"}),
    "basic": ("http_basic", {"username": "basic_username", "password": "basic_password"}),
    "oauth2_client_credentials": (
        "oauth2_client_credentials",
        {"access_token_url": "access_token_url", "client_id": "client_id", "client_secret": "client_secret"},
    ),
    "custom_header": ("custom_header", {"name": "auth_header_name", "value": "auth_token"}),
}
_AUTH_KEYS = frozenset(dango for _, keys in AUTH_TYPES.values() for dango in keys.values())
_BLOCK_KEYS = ("base_url", "auth_type", "headers", "endpoints", *sorted(_AUTH_KEYS))
_SOURCE_KEYS = ("name", "type", "enabled", "description", "rest_api")
# Dango's defaults where they differ from dlt's.
_PAGINATOR_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "page_number": {"base_page": 1, "total_path": None},
    "offset": {"limit": 100, "total_path": None},
    "cursor": {"cursor_path": "next"},
}


def is_dango(data: Mapping[Any, Any]) -> bool:
    """Whether the data is a Dango file (``sources``), one of its sources (``rest_api``), or such a block itself."""
    if "client" in data or "resources" in data:
        return False
    return "sources" in data or "rest_api" in data or "endpoints" in data


@dataclass
class _Translation:
    """What is found while a block is translated."""

    root: tuple[PathPart, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    renamed: dict[tuple[PathPart, ...], tuple[PathPart, ...]] = field(default_factory=dict)

    def problem(
        self,
        steps: tuple[PathPart, ...],
        message: str,
        *,
        code: str,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        path = join_path("", *self.root, *steps)
        self.problems.append(Problem(path=path, code=code, message=message, expected=expected, hint=hint))

    def refuse_unknown(self, data: Mapping[Any, Any], known: Sequence[str], *, at: tuple[PathPart, ...] = ()) -> None:
        for key in data:
            if key not in known:
                shown = str(key)[:60]
                hint = did_you_mean(key, known)
                self.problem((*at, shown), f"unknown key `{shown}`", code="config_unknown_key", hint=hint)

    def renamed_from(self, target: tuple[PathPart, ...], *steps: PathPart) -> None:
        """Record that ``target`` of the translated config was written at ``steps`` of the block."""
        self.renamed[target] = (*self.root, *steps)


def translate(data: Mapping[Any, Any], *, origin: Origin, source: str | None = None) -> tuple[dict[str, Any], Origin]:
    """The config in dlt's form, and an origin that finds its lines.

    Args:
        data: A Dango file, one of its sources, or a ``rest_api`` block.
        origin: Where ``data`` was read from.
        source: Name of the source in a file with several.

    Raises:
        ConfigError: The form is not Dango's, or the file has several sources and none is named.
    """
    translation = _Translation()
    block = _block(data, source, translation)
    config = _config(block, translation) if not translation.problems else {}
    if translation.problems:
        raise ConfigError(replace(origin, renamed={}).locate(translation.problems), source=origin.file)
    return config, replace(origin, renamed=translation.renamed)


def _block(data: Mapping[Any, Any], source: str | None, translation: _Translation) -> Any:
    """The ``rest_api`` block, which is the root of what is translated."""
    if "sources" not in data:
        return _member_block(data, (), translation) if "rest_api" in data else data
    members = data["sources"]
    if not isinstance(members, list):
        translation.problem(("sources",), f"found {type_name(members)}", code="config_wrong_type", expected="a list")
        return None
    usable = [
        (index, member)
        for index, member in enumerate(members)
        if isinstance(member, dict)
        and "rest_api" in member
        and (member.get("name") == source if source is not None else member.get("enabled") is not False)
    ]
    if len(usable) != 1:
        names = [str(member.get("name")) for member in members if isinstance(member, dict) and "rest_api" in member]
        message = "no source of type rest_api is enabled" if not usable else "the file has several sources"
        hint = f'Name one with load_config(..., dango_source="..."): {", ".join(names)}.' if names else None
        translation.problem(("sources",), message, code="config_bad_value", expected="one source", hint=hint)
        return None
    index, member = usable[0]
    return _member_block(member, ("sources", index), translation)


def _member_block(member: Mapping[Any, Any], at: tuple[PathPart, ...], translation: _Translation) -> Any:
    translation.root = at
    translation.refuse_unknown(member, _SOURCE_KEYS)
    translation.root = (*at, "rest_api")
    return member["rest_api"]


def _config(block: Any, translation: _Translation) -> dict[str, Any]:
    if not isinstance(block, dict):
        expected = "a mapping with base_url and endpoints"
        translation.problem((), f"found {type_name(block)}", code="config_wrong_type", expected=expected)
        return {}
    translation.refuse_unknown(block, [*_BLOCK_KEYS, *(f"{key}_env" for key in _AUTH_KEYS), "base_url_env"])
    client: dict[str, Any] = {}
    translation.renamed_from(("client",))
    for key in ("base_url", "headers"):
        value = _value(block, key, translation)
        if value is not None:
            client[key] = value
    auth = _auth(block, translation)
    if auth is not None:
        client["auth"] = auth
    endpoints = block.get("endpoints", [])
    if not isinstance(endpoints, list) or not endpoints:
        translation.problem(
            ("endpoints",),
            "there are no endpoints",
            code="config_missing_key",
            expected="a list of at least one endpoint",
        )
        return {}
    translation.renamed_from(("resources",), "endpoints")
    resources = [_resource(item, index, translation) for index, item in enumerate(endpoints)]
    return {"client": client, "resources": resources}


def _value(block: Mapping[Any, Any], key: str, translation: _Translation) -> Any:
    """The value of ``key``, or a reference to the variable that ``<key>_env`` names."""
    env_key = f"{key}_env"
    if env_key not in block:
        return block.get(key)
    name = block[env_key]
    if not isinstance(name, str) or not _ENV_NAME.match(name):
        translation.problem(
            (env_key,),
            "not a variable's name",
            code="config_bad_env_reference",
            expected="the name of an environment variable",
        )
        return None
    return EnvRef(f"${{{name}}}")


def _auth(block: Mapping[Any, Any], translation: _Translation) -> dict[str, Any] | None:
    kind = block.get("auth_type", "none")
    if kind == "none":
        return None
    if not isinstance(kind, str) or kind not in AUTH_TYPES:
        names = [*AUTH_TYPES, "none"]
        translation.problem(
            ("auth_type",),
            "no such auth_type",
            code="config_unknown_type",
            expected=f"one of {', '.join(names)}",
            hint=did_you_mean(kind, names),
        )
        return None
    dlt_type, keys = AUTH_TYPES[kind]
    auth: dict[str, Any] = {"type": dlt_type}
    translation.renamed_from(("client", "auth"), "auth_type")
    for dlt_key, dango_key in keys.items():
        value = _value(block, dango_key, translation)
        written = f"{dango_key}_env" if f"{dango_key}_env" in block else dango_key
        translation.renamed_from(("client", "auth", dlt_key), written)
        if value is not None:
            auth[dlt_key] = value
        elif dango_key not in ("api_key_name", "api_key_location") and f"{dango_key}_env" not in block:
            translation.problem(
                (f"{dango_key}_env",), f"the key is required for auth_type {kind}", code="config_missing_key"
            )
    return auth


def _resource(item: Any, index: int, translation: _Translation) -> dict[str, Any]:
    from dagster_rest.config.model.base import field_keys
    from dagster_rest.config.model.endpoint import EndpointConfig
    from dagster_rest.config.model.resource import ResourceBase

    here: tuple[PathPart, ...] = ("endpoints", index)
    if not isinstance(item, dict):
        translation.problem(
            here, f"found {type_name(item)}", code="config_wrong_type", expected="a mapping with path and name"
        )
        return {}
    if not isinstance(item.get("path"), str):
        translation.problem(
            (*here, "path"), "the key is required", code="config_missing_key", expected="a path such as /orders"
        )
        return {}
    endpoint_keys, resource_keys = field_keys(EndpointConfig), field_keys(ResourceBase)
    endpoint = {key: value for key, value in item.items() if key in endpoint_keys}
    resource = {key: value for key, value in item.items() if key in resource_keys and key not in endpoint_keys}
    translation.refuse_unknown(item, ["name", *endpoint_keys, *resource_keys], at=here)
    translation.renamed_from(("resources", index, "endpoint"), *here)
    if "paginator" in endpoint:
        endpoint["paginator"] = _paginator(endpoint["paginator"])
    name = item.get("name") or name_of_path(item["path"])
    return {"primary_key": "id", "write_disposition": "merge", **resource, "name": name, "endpoint": endpoint}


def name_of_path(path: str) -> str:
    """The resource name that Dango derives from a path: its last segment, without an extension.

    Example:
        ```python
        from dagster_rest.config.dango import name_of_path

        assert name_of_path("/admin/orders.json") == "orders"
        ```
    """
    # A placeholder is no name, and dots in it are no extension.
    segments = [part for part in re.sub(r"\{[^{}]*\}", "", path.split("?")[0]).split("/") if part]
    return re.sub(r"\.\w+$", "", segments[-1]) if segments else "root"


def _paginator(value: Any) -> Any:
    if value == "none":
        return "single_page"
    if isinstance(value, str) and value in _PAGINATOR_DEFAULTS:
        return {"type": value, **_PAGINATOR_DEFAULTS[value]}
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        return {**_PAGINATOR_DEFAULTS.get(value["type"], {}), **value}
    return value
