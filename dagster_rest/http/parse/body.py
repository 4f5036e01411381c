"""The decoded body of a response: kept beside it, so that it is decoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.http.errors import DecodeError
from dagster_rest.http.parse.json import decode_json, decode_replacing

if TYPE_CHECKING:
    import httpx

EncodingErrors = Literal["strict", "replace"]
_BODY = "dagster_rest.body"
_NO_CONTENT = frozenset({204, 205})


def body_of(response: httpx.Response) -> Any:
    """The decoded JSON body of a response.

    Raises:
        DecodeError: It is not JSON.
    """
    if _BODY not in response.extensions:
        response.extensions[_BODY] = decode_json(response.content, encoding=response.charset_encoding)
    return response.extensions[_BODY]


def forget_body(response: httpx.Response) -> None:
    """Forget the decoded body: a hook may have changed the response."""
    response.extensions.pop(_BODY, None)


def decode_body(
    response: httpx.Response, *, encoding: str | None = None, encoding_errors: EncodingErrors = "strict"
) -> tuple[Any, int]:
    """Decode the body of a page, for `body_of` too.

    Args:
        response: The response.
        encoding: The body's encoding; what the response names if absent.
        encoding_errors: Bytes that are not of it are an error (`strict`) or U+FFFD (`replace`).

    Returns:
        The value, None for a status without content; and how many characters stand for bytes that cannot be read.

    Raises:
        DecodeError: It is not JSON, or not of its encoding.
    """
    if response.status_code in _NO_CONTENT:
        return None, 0
    encoding, replaced = encoding or response.charset_encoding, 0
    try:
        body = decode_json(response.content, encoding=encoding)
    except DecodeError as error:
        if error.code != "http_charset" or encoding_errors != "replace":
            raise
        body, replaced = decode_replacing(response.content, encoding=encoding)
    response.extensions[_BODY] = body
    return body, replaced
