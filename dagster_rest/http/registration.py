"""Names of one's own for paginators and auths, to be used in configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster_rest.http.paginators import BasePaginator


def register_paginator(name: str, cls: type[BasePaginator]) -> None:
    """Let configs name a paginator: `{"type": name, ...keyword arguments}`.

    Args:
        name: The alias.
        cls: A subclass of `BasePaginator`.

    Raises:
        PaginationError: `cls` is something else, or the name is a built-in's.
    """
    from dagster_rest.config.model.paginators import PAGINATOR_MODELS
    from dagster_rest.config.registry import PAGINATORS
    from dagster_rest.http.errors import PaginationError
    from dagster_rest.http.paginators import BasePaginator

    if name in {known for model in PAGINATOR_MODELS for known in model.type_names}:
        raise PaginationError(
            f"{name!r} is the name of a built-in paginator", code="http_paginator_config", hint="Choose another one."
        )
    if not (isinstance(cls, type) and issubclass(cls, BasePaginator)):
        raise PaginationError(
            f"{cls!r} is not a subclass of BasePaginator",
            code="http_paginator_config",
            hint="Subclass dagster_rest.http.BasePaginator.",
        )
    PAGINATORS[name] = cls


def register_auth(name: str, cls: type) -> None:
    """Let configs name an auth: `{"type": name, ...keyword arguments}`.

    Args:
        name: The alias.
        cls: A subclass of `httpx.Auth`, or a class whose instances take and return a request.

    Raises:
        AuthConfigError: `cls` is something else, or the name is a built-in's.
    """
    from dagster_rest.config.model.auth import AUTH_MODELS
    from dagster_rest.config.registry import AUTHS
    from dagster_rest.http.errors import AuthConfigError

    if name in {known for model in AUTH_MODELS for known in model.type_names}:
        raise AuthConfigError(
            f"{name!r} is the name of a built-in auth", code="http_auth_config", hint="Choose another one."
        )
    makes_callables = isinstance(cls, type) and any("__call__" in vars(base) for base in cls.__mro__)
    if not (makes_callables or hasattr(cls, "auth_flow")):
        raise AuthConfigError(f"{cls!r} is not a class of auths", code="http_auth_config", hint="Subclass httpx.Auth.")
    AUTHS[name] = cls
