"""What may be a secret: by the name of its key, and in a text that is sent."""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "***"
# Generous, for what is only shown: what is hidden for nothing costs nothing.
_MAYBE = re.compile(
    r"auth|token|secret|passw|pwd|api[-_]?key|apikey|^key$|cookie|session|signature|credential|private|cert|assertion|bearer",
    re.IGNORECASE,
)
_CREDENTIAL_WORDS = re.compile(
    r"(?:auth|authorization|bearer|cookie|credentials?|jwt|oauth|passphrase|passw(?:or)?d|pwd|sig|signature|assertion)\Z"
)
_CREDENTIAL = re.compile(
    r"token|secret|passw|apikey|accesskey|authkey|appkey|licensekey|privatekey|subscriptionkey|accountkey|consumerkey"
    r"|clientid|sessionid|appid"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_URL_VALUE = re.compile(r"([?&;][^=&;\s]*=)[^&;\s#]*")
_PAIR = re.compile(r"(?<![\w.\-\[\]])([A-Za-z][\w.\-\[\]]*)=([^&;\s#\"'{}]+)")
_MEMBER = re.compile(r"\"([^\"\\]{1,60})\"(\s*:\s*)(?:\"(?:[^\"\\]|\\.)*\"|-?[0-9][0-9.eE+-]*)")
_SCHEME = re.compile(r"\A\s*(bearer|basic|token)\s+\S+", re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_credential_name(name: str) -> bool:
    """Whether the value of a key with this name is a credential, which does not change what is fetched.

    Example:
        ```python
        from dagster_rest.config.values.secrets import is_credential_name

        assert is_credential_name("X-Api-Key") and is_credential_name("accessToken")
        assert not is_credential_name("author") and not is_credential_name("sort_key")
        ```
    """
    words = [word.lower() for word in _WORD.findall(name)]
    return words == ["key"] or any(map(_CREDENTIAL_WORDS.match, words)) or bool(_CREDENTIAL.search("".join(words)))


def is_secret_name(name: str) -> bool:
    """Whether a header or parameter with this name may carry a secret; for what is shown."""
    return bool(_MAYBE.search(name)) or is_credential_name(name)


def masked_url(text: str) -> str:
    """A URL or path without userinfo and without query values."""
    return _URL_VALUE.sub(rf"\1{MASK}", _USERINFO.sub(f"{MASK}@", text))


def without_credentials(text: str) -> str:
    """A text that is sent (a URL, a form, a JSON text, a header) with its credentials masked, the rest as it is.

    Example:
        ```python
        from dagster_rest.config.values.secrets import without_credentials

        assert without_credentials("items?state=open&api_key=s3cret") == "items?state=open&api_key=***"
        ```
    """
    if "=" in text:
        text = _PAIR.sub(lambda pair: f"{pair[1]}={MASK}" if is_credential_name(pair[1]) else pair[0], text)
    if '"' in text:
        text = _MEMBER.sub(lambda one: f'"{one[1]}"{one[2]}{MASK}' if is_credential_name(one[1]) else one[0], text)
    if "@" in text:
        text = _USERINFO.sub(f"{MASK}@", text)
    return _SCHEME.sub(rf"\1 {MASK}", text) if " " in text else text
