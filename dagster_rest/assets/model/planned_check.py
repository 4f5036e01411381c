"""One check of one asset, as its config wants it."""

from dataclasses import dataclass
from typing import Literal

DEFAULT_MAX_DROP = 0.5
"""The largest share of the rows that may disappear before ``row_count_drop`` fails."""

Severity = Literal["warn", "error"]


@dataclass(frozen=True, kw_only=True)
class PlannedCheck:
    """One check of one asset, as its config wants it.

    Args:
        name: One of ``check_rules.RULES``.
        severity: What a failure means.
        blocking: Whether a failure rolls the load back.
        max_drop: ``row_count_drop``: the largest share that may disappear.
    """

    name: str
    severity: Severity = "warn"
    blocking: bool = False
    max_drop: float = DEFAULT_MAX_DROP
