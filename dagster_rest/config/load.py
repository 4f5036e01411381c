"""Reading a config: from a dict, a model or YAML; checked as a whole, with every problem named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dagster_rest.config import dango
from dagster_rest.config.errors import ConfigError, Problem
from dagster_rest.config.model.config import RestApiConfig
from dagster_rest.config.plan.build import check_plan
from dagster_rest.config.read.copying import copy_data
from dagster_rest.config.read.origin import Origin
from dagster_rest.config.values.problems import type_name


def load_config(
    source: Mapping[str, Any] | str | os.PathLike[str] | RestApiConfig,
    *,
    base_path: str | os.PathLike[str] | None = None,
    interpolate_env: bool | None = None,
    dango_source: str | None = None,
) -> RestApiConfig:
    """Read and check a config.

    Args:
        source: A dict in dlt's form, the path of a YAML file (in dlt's or Dango's form), or a RestApiConfig.
        base_path: Folder that a relative path starts from; the working directory if absent.
        interpolate_env: Whether ``${NAME}`` in texts names an environment variable. Absent: in YAML files yes, in
            dicts no, because dlt reads a dict's ``${x}`` as a dollar sign and a placeholder.
        dango_source: Name of the source, for a Dango file with several.

    Returns:
        The config. ``source`` is not changed, and instances and callables in it are kept by reference.

    Raises:
        ConfigError: Everything that is wrong with it, in the order of the file: wrong keys and values first, then what
            does not fit together (placeholders, names, circles). Only a parent that is not in the config is left
            to ``build_plan``, because it may be another asset.

    Example:
        ```python
        from dagster_rest.config import load_config

        config = load_config({"client": {"base_url": "https://api.example.com"}, "resources": ["posts"]})
        assert config.resources[0].name == "posts"
        ```
    """
    if isinstance(source, RestApiConfig):
        return source
    if isinstance(source, Mapping):
        return _from_data(dict(source), origin=Origin(), yaml=bool(interpolate_env), dango_source=dango_source)
    if isinstance(source, (str, os.PathLike)):
        return _from_file(Path(base_path or ".") / source, interpolate_env is not False, dango_source)
    raise _whole(f"found {type_name(source)}", expected="a mapping, the path of a YAML file, or a RestApiConfig")


def load_config_text(
    text: str, *, source: str | None = None, interpolate_env: bool = True, dango_source: str | None = None
) -> RestApiConfig:
    """Read and check a config from YAML text; ``source`` names it in errors."""
    from dagster_rest.config.read.yaml import read_yaml

    data = read_yaml(text, source=source)
    return _from_data(data, origin=Origin(file=source, text=text), yaml=interpolate_env, dango_source=dango_source)


def _from_file(path: Path, interpolate_env: bool, dango_source: str | None) -> RestApiConfig:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problem = Problem(path="", code="config_file", message=f"the config file cannot be read: {reason}")
        raise ConfigError([problem], source=str(path)) from None
    return load_config_text(text, source=str(path), interpolate_env=interpolate_env, dango_source=dango_source)


def _from_data(data: Any, *, origin: Origin, yaml: bool, dango_source: str | None = None) -> RestApiConfig:
    if isinstance(data, dict):
        data = {key: item for key, item in data.items() if not (isinstance(key, str) and key.startswith("x-"))}
    copied, problems = copy_data(data, interpolated=yaml)
    origin = replace(origin, data=copied)
    if problems:
        raise ConfigError(origin.locate(problems), source=origin.file)
    if not isinstance(copied, dict):
        raise _whole(
            f"found {type_name(copied)}", expected="a mapping with `client` and `resources`", source=origin.file
        )
    if dango.is_dango(copied):
        copied, origin = dango.translate(copied, origin=origin, source=dango_source)
        origin = replace(origin, data=copied)
    try:
        config = RestApiConfig.model_validate(copied, context={"yaml": yaml})
    except ValidationError as error:
        from dagster_rest.config.explain import to_config_error

        raise to_config_error(error, origin=origin) from None
    config._origin = origin
    check_plan(config)
    return config


def _whole(message: str, *, expected: str, source: str | None = None) -> ConfigError:
    return ConfigError([Problem(path="", code="config_wrong_type", message=message, expected=expected)], source=source)
