"""Dango's form of a REST source, translated into dlt's."""

from __future__ import annotations

from typing import Any

from dagster_rest.config.origin import Origin


def is_dango(data: dict[Any, Any]) -> bool:
    """Whether the data is a Dango file (``version``, ``sources``), one of its sources, or a ``rest_api`` block."""
    return "client" not in data and ("sources" in data or "rest_api" in data or "endpoints" in data)


def translate(data: dict[Any, Any], *, origin: Origin) -> tuple[dict[Any, Any], Origin]:
    """The config in dlt's form, and an origin that finds its lines."""
    return data, origin
