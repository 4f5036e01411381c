"""Plain aliases and dicts into config models, for those who use the client without a config."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError


@lru_cache(maxsize=2)
def _adapter(noun: str) -> TypeAdapter[Any]:
    if noun == "auth":
        from dagster_rest.config.model.auth import AuthConfig

        return TypeAdapter(AuthConfig)
    from dagster_rest.config.model.paginators import PaginatorConfig

    return TypeAdapter(PaginatorConfig)


def parse_choice(noun: str, value: Any) -> Any:
    """The config model of an alias or dict.

    Args:
        noun: `auth` or `paginator`.
        value: The alias or dict.

    Raises:
        ConfigError: It is wrong.
    """
    from dagster_rest.config.explain import to_config_error

    try:
        return _adapter(noun).validate_python(value)
    except ValidationError as error:
        raise to_config_error(error) from None
