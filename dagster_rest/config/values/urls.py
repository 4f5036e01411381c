"""URLs of a config, as far as they can be checked before the environment is read."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from pydantic import Field, ValidationInfo

from dagster_rest.config.values.checks import check_text, is_resolved
from dagster_rest.config.values.env import EnvRef, is_env
from dagster_rest.config.values.problems import problem
from dagster_rest.config.values.types import Checked

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://(?=[^/?#\s])")
# A part of the address that is nothing but $NAME or %NAME%.
_UNREAD = re.compile(r"(?:\A|://|[:@.])(?:\$([A-Za-z_]\w*)|\$\(([A-Za-z_]\w*)\)|%([A-Za-z_]\w*)%)(?=[:@./?#]|\Z)")
_HTTP = ("http", "https")
_PROXY = ("http", "https", "socks5", "socks5h")


def url_check(*, schemes: tuple[str, ...] = _HTTP, may_be_empty: bool = False) -> Checked:
    """Checks that a URL names a scheme and a host, as soon as that can be known.

    Args:
        schemes: The schemes that are possible.
        may_be_empty: Whether the empty text is one.
    """
    names = "|".join(schemes)
    pattern = rf"^\s*({names}|{names.upper()})://\S|\$\{{" + (r"|^\s*$" if may_be_empty else "")
    check = partial(check_url, schemes=schemes, may_be_empty=may_be_empty)
    return Checked(check, takes=Annotated[str, Field(pattern=pattern)], expected="a URL", read_at="run")


def check_url(value: Any, info: ValidationInfo, *, schemes: tuple[str, ...], may_be_empty: bool) -> Any:
    """The URL as it is; raises a problem that never shows it."""
    check_text(value, info)
    if is_resolved(info):
        return value
    begin = _begin(value)
    unread = _UNREAD.search(str.__str__(value).partition("#")[0])
    if unread is not None and not (is_env(value) and not isinstance(value, EnvRef)):
        raise problem(
            "config_bad_env_reference",
            "the text would be used literally",
            expected="${NAME} in YAML, dg.EnvVar in Python",
        )
    if begin is None or (begin == "" and may_be_empty):
        return value
    if is_env(value):
        # What follows is not known yet: a host, or the rest of the scheme.
        scheme = next((scheme for scheme in schemes if scheme.startswith(begin.lower())), "")
        begin = f"{begin}x" if "://" in begin else f"{scheme}://x"
    match = _SCHEME.match(begin)
    if match is None or match[1].lower() not in schemes:
        raise problem(
            "config_bad_value",
            "the URL names no scheme and host" if match is None else "the URL has another scheme",
            expected=f"a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes[:2])}",
        )
    return value


def _begin(value: Any) -> str | None:
    """The text before the first variable; None if it begins with one."""
    if isinstance(value, EnvRef):
        first = value.pieces[0]
        return first if isinstance(first, str) else None
    return None if is_env(value) else value.strip()


BASE_URL = url_check(may_be_empty=True)
URL = url_check()
PROXY_URL = url_check(schemes=_PROXY)
