from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_rest.http import DecodeError
from dagster_rest.http.decoding import decode_json, key_tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2**64),
        ("-9223372036854775808", -(2**63)),
        ("[-9223372036854775809]", [-(2**63) - 1]),
        ('{"v": 123456789012345678901234567890}', {"v": 123456789012345678901234567890}),
        ("[0.1, 1.5, 1e3]", [0.1, 1.5, 1000.0]),
        ("[0.12345678901234567890123]", [Decimal("0.12345678901234567890123")]),
        ("[12345678901234567.89, 1.5]", [Decimal("12345678901234567.89"), 1.5]),
        ("[-122.41941550000001]", [-122.41941550000001]),
        ('["12345678901234567890123"]', ["12345678901234567890123"]),
        ('{"big": 1.00000000000000000001e400}', {"big": Decimal("1.00000000000000000001e400")}),
    ],
)
def test_numbers_keep_their_digits(text: str, value: Any) -> None:
    decoded = decode_json(text.encode())
    assert (value, repr(value)) == (decoded, repr(decoded))


def test_nan_and_infinity_are_tolerated() -> None:
    decoded = decode_json(b'{"a": NaN, "b": [Infinity, -Infinity], "c": 1e400}')
    assert "{'a': nan, 'b': [inf, -inf], 'c': Decimal('1E+400')}" == repr(decoded)


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_nothing_is_none(body: bytes) -> None:
    assert decode_json(body) is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_unicode_with_and_without_a_mark(encoding: str) -> None:
    assert {"a": "é"} == decode_json('{"a": "é"}'.encode(encoding))


def test_the_charset_of_the_response_is_used() -> None:
    assert {"a": "é"} == decode_json('{"a": "é"}'.encode("latin-1"), encoding="latin-1")


@pytest.mark.parametrize("body", [b"<html>", b'{"a": }', b'{"a": 1', b"{'a': 1}", b"\xff\xfe\xfd", b"[1] x"])
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_json(body)


numbers = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
)


@given(st.lists(numbers), st.sampled_from([None, 1]))
def test_no_number_ever_changes(values: list[Any], indent: int | None) -> None:
    texts = [str(v) if isinstance(v, (int, Decimal)) else repr(v) for v in values]
    body = "[" + (",\n" if indent else ",").join(texts) + "]"
    decoded = decode_json(body.encode())
    assert [Decimal(text) for text in texts] == [d if isinstance(d, Decimal) else Decimal(repr(d)) for d in decoded]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_json_comes_back(value: Any) -> None:
    assert value == decode_json(json.dumps({"v": value}).encode())["v"]


def test_the_key_tree_has_no_values() -> None:
    body = {"a": [{"id": 7, "x": {"y": {"z": 1}}}], "b": None, "c": "secret"}
    assert "{a: [1 x {id: int, x: {...}}], b: null, c: str}" == key_tree(body)
