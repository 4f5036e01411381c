"""Conditions on a JSON body: `$.error.code == 'BUSY'`."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dagster_rest.http.errors import DecodeError, HttpError
from dagster_rest.http.parse.body import body_of
from dagster_rest.http.parse.jsonpath import compile_path

if TYPE_CHECKING:
    import httpx

_SYMBOLS = ("==", "!=", "<=", ">=", "=~", "<", ">")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=~": lambda found, pattern: re.search(pattern, str(found)) is not None,
}


def compile_predicate(text: str) -> Callable[[httpx.Response], bool]:
    """Compile a condition on a response's JSON body.

    Args:
        text: A JSONPath (true if it matches something other than null and false), or a JSONPath, one of
            `== != < <= > >= =~`, and a JSON value or a text in single quotes. `=~` searches a regular expression.
            With several matches one that fits is enough. A body that is not JSON fits nothing.

    Raises:
        HttpError: The condition cannot be understood.
    """
    written, symbol, value = _split(text)
    path = compile_path(written)
    if symbol is None:
        return lambda response: any(_truthy(found) for found in path.find(_body(response)))
    compare, wanted = _OPERATORS[symbol], _value(value, text)
    return lambda response: any(_holds(compare, found, wanted) for found in path.find(_body(response)))


def _split(text: str) -> tuple[str, str | None, str]:
    """Path, operator and value; an operator inside of brackets or quotes belongs to the path."""
    depth, quote = 0, ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "[(":
            depth += 1
        elif char in "])":
            depth -= 1
        elif not depth:
            symbol = next((symbol for symbol in _SYMBOLS if text.startswith(symbol, at)), None)
            if symbol is not None:
                return text[:at].strip(), symbol, text[at + len(symbol) :].strip()
    return text.strip(), None, ""


def _body(response: httpx.Response) -> Any:
    try:
        return body_of(response)
    except DecodeError:
        return None


def _truthy(found: Any) -> bool:
    return found is not None and found is not False


def _holds(compare: Callable[[Any, Any], bool], found: Any, wanted: Any) -> bool:
    try:
        return compare(found, wanted)
    except TypeError:
        return False


def _value(text: str, condition: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError:
        raise HttpError(
            f"{text!r} in the condition {condition!r} is not a value",
            code="http_request_invalid",
            hint="Write texts in quotes, for example $.status == 'busy'.",
        ) from None
