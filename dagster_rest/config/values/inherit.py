"""The word for "as the client does"."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Inherit(Enum):
    """The type of ``INHERIT``."""

    INHERIT = "inherit"

    def __repr__(self) -> str:
        return "INHERIT"


INHERIT: Final = Inherit.INHERIT
"""Said by a resource whose endpoint names no auth: the client's is used. None means no auth."""
