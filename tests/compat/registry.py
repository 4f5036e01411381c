"""Every case module, in the order of the reference."""

from __future__ import annotations

import importlib
from types import ModuleType

from tests.compat.case import Case

AREAS = ("config", "pagination", "detection", "dependents", "incremental", "http", "loading")
MODULES: dict[str, ModuleType] = {
    name: importlib.import_module(name) for name in (f"tests.compat.cases.{area}" for area in AREAS)
}
CASES: list[Case] = [case for module in MODULES.values() for case in module.CASES]
