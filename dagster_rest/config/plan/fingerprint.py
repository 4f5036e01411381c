"""A fingerprint of what a resource fetches and how it is stored, the same in every process."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from types import CodeType
from typing import Any

from dagster_rest.config.model.asset import is_dagster_partitions
from dagster_rest.config.model.base import ConfigModel
from dagster_rest.config.values.env import env_names, is_env
from dagster_rest.config.values.environment import secret_fields
from dagster_rest.config.values.secrets import is_credential_name, is_secret_name, without_credentials

# Keys that change neither the rows nor the table.
METADATA_ONLY = frozenset(
    {
        "description",
        "group_name",
        "tags",
        "owners",
        "kinds",
        "automation",
        "freshness",
        "checks",
        "preview",
        "resume",
        "resume_ttl",
        "parallelized",
        "auth",
        "session",
        "timeout",
        "retry",
        "rate_limit",
        "max_concurrency",
        "allowed_origins",
        "verify",
        "cert",
        "proxy",
        "http2",
        "follow_redirects",
        "staging_dir",
        "max_response_bytes",
        "on_empty",
        "on_missing_table",
        "expect",
        "allow_missing_data",
        "ignore_scope",
        "max_empty_pages",
        "max_repeated_pages",
        "on_body_errors",
        "on_incomplete",
        "on_null_parent",
        "on_parent_error",
        "max_parent_errors",
    }
)
# Keys whose texts are sent, and may contain credentials.
_SENT = frozenset({"base_url", "path", "params", "headers", "json_body", "data"})
# Modules of values whose text is the whole value.
_PRINTED = frozenset({"datetime", "decimal", "uuid", "pendulum", "zoneinfo", "jsonpath_ng"})


_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


def fingerprint(*values: Any) -> str:
    """A hex digest of values: models, containers, callables by ``module:qualname``; secrets do not enter."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(canonical(value).encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()[:32]


def canonical(value: Any, *, secret: bool = False, sent: bool = False) -> str:
    """A text that is equal for equal values.

    Args:
        value: What is fingerprinted.
        secret: Whether it is a secret, of which nothing enters but that it is there.
        sent: Whether it is sent, so that texts may hold credentials among other things.
    """
    kind = type(value)
    if secret and not is_env(value) and isinstance(value, (str, bytes, int, float)) and kind is not bool:
        return "secret"
    if sent and kind is str:
        return repr(without_credentials(value))
    if kind in _PLAIN:
        return repr(value)
    if is_env(value):
        return f"env:{'+'.join(env_names(value))}"
    if isinstance(value, (str, bytes, int, float)):
        return f"{kind.__name__}:{value!r}"
    if isinstance(value, ConfigModel):
        return _canonical_model(value)
    if is_dagster_partitions(value):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, Mapping):
        items = sorted(
            f"{canonical(name)}:{canonical(item, secret=secret or _is_secret(name), sent=sent)}"
            for name, item in value.items()
        )
        return f"{{{','.join(items)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(canonical(item, secret=secret, sent=sent) for item in value)}]"
    if isinstance(value, (set, frozenset)):
        return f"[{','.join(sorted(canonical(item, secret=secret, sent=sent) for item in value))}]"
    return _canonical_object(value)


def _is_secret(name: object) -> bool:
    return isinstance(name, str) and is_credential_name(str.__str__(name))


def _canonical_field(name: str, value: Any, *, secret: bool) -> str:
    if name == "data" and isinstance(value, list):
        # A form as a list of pairs: each value below its name.
        value = [
            {one[0]: one[1]} if isinstance(one, (list, tuple)) and len(one) == 2 and isinstance(one[0], str) else one
            for one in value
        ]
    return canonical(value, secret=secret, sent=name in _SENT)


def _canonical_model(model: ConfigModel) -> str:
    secrets = secret_fields(type(model))
    parts = [
        f"{name}={_canonical_field(name, getattr(model, name), secret=name in secrets)}"
        for name in sorted(model.model_fields_set & set(type(model).model_fields))
        if name not in METADATA_ONLY
    ]
    extra = [f"{name}={canonical(item)}" for name, item in sorted((model.model_extra or {}).items())]
    return f"{type(model).__name__}({','.join(parts + extra)})"


def _canonical_object(value: Any) -> str:
    if isinstance(value, functools.partial):
        return f"partial({canonical(value.func)},{canonical(value.args)},{canonical(value.keywords)})"
    qualname = getattr(value, "__qualname__", None)
    if isinstance(qualname, str):
        text = f"{getattr(value, '__module__', '')}:{qualname}"
        code = getattr(value, "__code__", None)
        # A lambda's name says nothing about it; its code does.
        return f"{text}:{_canonical_code(code)}" if code is not None and "<" in qualname else text
    text = f"{type(value).__module__}:{type(value).__qualname__}"
    if type(value).__module__.partition(".")[0] in _PRINTED:
        return f"{text}:{value}"
    state = getattr(value, "__dict__", {})
    plain = {
        name: item
        for name, item in sorted(state.items())
        if not name.startswith("_")
        and not is_secret_name(name)
        and isinstance(item, (str, int, float, bool, type(None), list, tuple))
    }
    return f"{text}:{canonical(plain)}"


def _canonical_code(code: CodeType) -> str:
    constants = [_canonical_code(item) if isinstance(item, CodeType) else repr(item) for item in code.co_consts]
    text = repr((code.co_code, code.co_names, constants))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
