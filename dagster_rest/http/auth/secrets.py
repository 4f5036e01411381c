"""The secrets in an auth config: which they are, and whether they have a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dagster_rest.http.errors import AuthConfigError
from dagster_rest.http.redaction import is_sensitive_name

OnToken = Callable[[str], None]
PUBLIC = frozenset(
    {"type", "name", "location", "access_token_url", "audience", "algorithm", "client_auth", "scopes", "claims"}
)
_REFERENCE = re.compile(r"\$\{[A-Za-z_]\w*\}")
# Passwords that begin with a dollar are common, tokens of such a form are not.
_TOKEN_REFERENCE = re.compile(r"\A(?:\w+ )?\$[A-Z_][A-Z0-9_]*\Z")
_NEVER_EMPTY = frozenset({"token", "api_key", "value", "refresh_token", "access_token", "private_key", "client_id"})


def check_secrets(fields: Mapping[str, Any], *, where: str = "auth") -> None:
    """Refuse to send what is no secret: an empty text, or the name of a variable that nothing replaced.

    Args:
        fields: An auth's arguments by name, resolved.
        where: The config path of the arguments.

    Raises:
        AuthConfigError: There is one.
    """
    for name, text in _texts(fields):
        if is_unresolved(text, token=name in _NEVER_EMPTY):
            raise _unresolved(name, f"{where}.{name}")
        if name in _NEVER_EMPTY and not text.strip():
            raise _empty(f"`{name}` is empty", f"{where}.{name}")
    if "username" in fields and "password" in fields and not (fields["username"] or fields["password"]):
        raise _empty("`username` and `password` are empty", where)


def check_named_secrets(values: Any, *, where: str) -> None:
    """Refuse the name of a variable in a header or parameter with a sensitive name.

    Raises:
        AuthConfigError: There is one.
    """
    if isinstance(values, Mapping):
        for name, value in values.items():
            if isinstance(value, str) and is_sensitive_name(str(name)) and is_unresolved(value, token=True):
                raise _unresolved(str(name), f"{where}.{name}")


def _unresolved(name: str, where: str) -> AuthConfigError:
    return AuthConfigError(
        f"`{name}` is the name of an environment variable (`$NAME` or `${{NAME}}`), not its value",
        code="http_auth_config",
        where=where,
        hint='Write ${NAME} in YAML, dg.EnvVar("NAME") in Python. If a secret really looks like this, send it with '
        "your own httpx.Auth.",
    )


def _empty(message: str, where: str) -> AuthConfigError:
    return AuthConfigError(
        message,
        code="http_auth_config",
        where=where,
        hint="Check the environment variable; `auth: null` sends no credentials.",
    )


def is_unresolved(text: str, *, token: bool) -> bool:
    """Whether a text holds `${NAME}`, or, as a token, is `$NAME` or `Bearer $NAME`."""
    return _REFERENCE.search(text) is not None or (token and _TOKEN_REFERENCE.match(text) is not None)


def _texts(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if name in PUBLIC:
            continue
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", text) for inner, text in value.items() if isinstance(text, str))


def secrets_of(config: Any) -> list[str]:
    """The secret values in an auth config, for the redactor."""
    if isinstance(config, tuple):
        return [str(part) for part in config]
    if isinstance(config, Mapping):
        return [str(v) for k, v in config.items() if k not in PUBLIC and isinstance(v, str)]
    if not hasattr(type(config), "model_fields"):
        kept = vars(config).values() if hasattr(config, "__dict__") else ()
        return [v.decode(errors="replace") if isinstance(v, bytes) else v for v in kept if isinstance(v, (str, bytes))]
    found: list[str] = []
    for name, value in config_fields(config).items():
        if name in PUBLIC:
            continue
        values = value.values() if isinstance(value, Mapping) else [value]
        found += [str(v) for v in values if isinstance(v, str)]
    return found


def config_fields(config: Any) -> dict[str, Any]:
    """The arguments in a config model, by name."""
    return {name: getattr(config, name) for name in type(config).model_fields if name != "type"}
