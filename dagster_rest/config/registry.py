"""The two registries: paginators and auths that a config may name by an alias of their own."""

from __future__ import annotations

PAGINATORS: dict[str, type] = {}
AUTHS: dict[str, type] = {}
