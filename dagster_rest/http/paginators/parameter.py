"""Where a paginator puts its value: query, body or header."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dagster_rest.http.errors import PaginationError

if TYPE_CHECKING:
    from dagster_rest.http.request import Request


@dataclass(frozen=True)
class ParameterPosition:
    """Where a value of a paginator is sent: query parameter, dot path in the JSON body, or header.

    Attributes:
        param: Name of a query parameter.
        body_path: Dot path in the JSON body; objects on the way are made.
        header: Name of a header.
    """

    param: str | None = None
    body_path: str | None = None
    header: str | None = None

    @classmethod
    def choose(cls, default: str, **given: str | None) -> ParameterPosition:
        """The one position that is named, or the query parameter `default`.

        Args:
            default: The parameter's name if nothing is given.
            given: The config keys, `..._param`, `..._body_path` and `..._header`.

        Raises:
            PaginationError: More than one is named, or one is an empty text.
        """
        named = {key: value for key, value in given.items() if value is not None}
        if len(named) > 1:
            raise PaginationError(
                " and ".join(f"`{key}`" for key in named) + " are both set",
                code="http_paginator_config",
                hint="Use one of them: query, body or header.",
            )
        for key, value in named.items():
            if not value:
                raise PaginationError(f"`{key}` is empty", code="http_paginator_config", hint="Name the parameter.")
            field = next(kind for kind in ("body_path", "header", "param") if key.endswith(kind))
            return cls(**{field: value})
        return cls(param=default)

    def holds(self, value: Any) -> bool:
        """Whether a value from a response can be sent here: a text or number, in a JSON body an object or list too."""
        if isinstance(value, bool):
            return False
        if self.body_path is not None:
            return True
        if self.param is not None and isinstance(value, list):
            return all(isinstance(one, (str, int, float)) and not isinstance(one, bool) for one in value)
        return isinstance(value, (str, int, float, Decimal))

    def put(self, request: Request, value: Any) -> None:
        """Set the value in a request, over what stands there."""
        if self.param is not None:
            request.params = {**(request.params or {}), self.param: value}
        elif self.body_path is not None:
            request.json = self._with(request.json, self.body_path.split("."), value)
        elif self.header is not None:
            request.headers = {**request.headers, self.header: str(value)}

    def _with(self, body: Any, keys: list[str], value: Any) -> dict[str, Any]:
        if body is not None and not isinstance(body, dict):
            raise PaginationError(
                f"the JSON body cannot hold a value at {self.body_path!r}: {type(body).__name__} is in the way",
                code="http_paginator_config",
                hint="Correct the paginator's body path, or the `json` of the endpoint.",
            )
        inner = body or {}
        return {**inner, keys[0]: value if len(keys) == 1 else self._with(inner.get(keys[0]), keys[1:], value)}

    def __str__(self) -> str:
        named = {"param": self.param, "body_path": self.body_path, "header": self.header}
        return ", ".join(f"{key}={value!r}" for key, value in named.items() if value is not None)
