"""Names of tables and columns: the snake_case rules that a dlt user expects.

The rules are those of ``snake_case`` in dlt's docs on naming conventions, checked against dlt's own function
in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache

SEPARATOR = "__"
EMPTY_NAME = "_empty"
MAX_LENGTH = 65_536

_LOOKALIKES = str.maketrans("+*-@|", "xx_al")
_OTHER = re.compile(r"[^a-zA-Z\d_]+")
_WORD_START = re.compile(r"([^_])([A-Z][a-z]+)")
_CASE_CHANGE = re.compile(r"([a-z0-9])([A-Z])")
_LEADING_DIGIT = re.compile(r"\d")
_UNDERSCORES = re.compile(r"__+")


@lru_cache(maxsize=65_536)
def normalize(name: str) -> str:
    """Return the snake_case name of a table, a column or a path of them.

    ``__`` separates the levels of a path and stays; each level is normalised on its own. Names longer than
    DuckDB's 65,536 characters are shortened around a hash of the original.

    Args:
        name: The key as the API wrote it.

    Example:
        ```python
        from dagster_rest.warehouse.naming import normalize

        assert normalize("HTTPServerID") == "http_server_id"
        assert normalize("billing address__zip-code") == "billing_address__zip_code"
        ```
    """
    name = name.strip()
    if not name:
        return EMPTY_NAME
    levels = [_level(part) for part in name.split(SEPARATOR) if part.strip()]
    return _shorten(SEPARATOR.join(levels), name) or EMPTY_NAME


def join(*names: str) -> str:
    """Join names that are already normalised into the path of a column or nested table."""
    path = SEPARATOR.join(name for name in names if name)
    return _shorten(path, path)


def _level(part: str) -> str:
    part = part.strip()
    name = _OTHER.sub("_", part.translate(_LOOKALIKES))
    name = _WORD_START.sub(r"\1_\2", name)
    name = _CASE_CHANGE.sub(r"\1_\2", name).lower()
    if _LEADING_DIGIT.match(name):
        name = "_" + name
    stripped = name.rstrip("_")
    name = stripped + "x" * (len(name) - len(stripped))
    return _shorten(_UNDERSCORES.sub("_", name), part)


def _shorten(name: str, original: str) -> str:
    if len(name) <= MAX_LENGTH:
        return name
    tag = base64.b32encode(hashlib.blake2b(original.encode("utf-8", "surrogatepass"), digest_size=10).digest())
    room = MAX_LENGTH - len(tag)
    return name[: room - room // 2] + tag.decode().lower() + name[len(name) - room // 2 :]
