from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_rest.http import DecodeError
from dagster_rest.http.parse.json import decode_json, key_tree


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
        ("[9007199254740993e0]", [Decimal(9007199254740993)]),
        ("[90071992.547409933]", [Decimal("90071992.547409933")]),
        ("[1.50000000000000000]", [1.5]),
        ('["12345678901234567890123"]', ["12345678901234567890123"]),
        ("[1e-400, -1E-400, 1.5]", [Decimal("1E-400"), Decimal("-1E-400"), 1.5]),
        ("2e-0324", Decimal("2E-324")),
        ("[0e-400, 0.0e-999, -0.0]", [0.0, 0.0, -0.0]),
        ("[4.9E-324, 1e-310]", [5e-324, 1e-310]),
        ('["0f8e-4123e-5678", 1e-400]', ["0f8e-4123e-5678", Decimal("1E-400")]),
        ("[1e-0000000000000000400]", [Decimal("1E-400")]),
        ('{"a":1e-400}', {"a": Decimal("1E-400")}),
        ('{"big": 1.00000000000000000001e400}', {"big": Decimal("1.00000000000000000001e400")}),
    ],
)
def test_numbers_keep_their_digits(text: str, value: Any) -> None:
    decoded = decode_json(text.encode())
    assert (value, repr(value)) == (decoded, repr(decoded))


def test_a_number_keeps_its_digits_wherever_it_is_in_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """The body is searched for long numbers piece by piece."""
    monkeypatch.setattr("dagster_rest.http.parse.json._PIECE", 32)
    bodies = [b"[" + b" " * blanks + b"9007199254740993e0]" for blanks in range(70)]
    assert [[Decimal(9007199254740993)]] * 70 == [decode_json(body) for body in bodies]


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
    # Only ASCII, and control characters, which JSON does not allow.
    assert ["日本"] == decode_json('["日本"]'.encode("iso2022_jp"), encoding="iso2022_jp")


@pytest.mark.parametrize("body", [b"<html>", b'{"a": }', b'{"a": 1', b"{'a': 1}", b"\xff\xfe\xfd", b"[1] x"])
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_json(body)


numbers = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
)


# On a machine that is busy, making examples is slow too.
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@BUSY
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


@BUSY
@given(json_values)
def test_json_comes_back(value: Any) -> None:
    assert value == decode_json(json.dumps({"v": value}).encode())["v"]


def test_the_key_tree_has_no_values() -> None:
    body = {"a": [{"id": 7, "x": {"y": {"z": 1}}}], "b": None, "c": "secret"}
    assert "{a: [1 x {id: int, x: {...}}], b: null, c: str}" == key_tree(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"\0" * 5000,
        b"id,name\n1,x\n",
        b"\x1f\x8b\x08\0",
        b"%PDF-1.7",
        b"  \n <?xml?>",
        b"\xef\xbb\xbf<html>",
        b"\xff\xfe<\0h\0",
        b"}",
        b"undefined",
    ],
)
def test_what_does_not_begin_like_json_is_refused_before_it_is_copied(body: bytes) -> None:
    with pytest.raises(DecodeError, match="does not begin like JSON") as caught:
        decode_json(body)
    assert "http_not_json" == caught.value.code


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n", b"\x0b\x0c"])
def test_nothing_is_nothing(body: bytes) -> None:
    assert decode_json(body) is None


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("before", ["", "  \n "])
def test_json_in_every_encoding_of_unicode(encoding: str, before: str) -> None:
    if before and encoding.startswith("utf-32-"):
        pytest.skip("json.detect_encoding reads the first character only")
    assert {"a": "ü"} == decode_json((before + '{"a": "ü"}').encode(encoding))


@pytest.mark.parametrize("text", ["1e99999999999999999999", "-1e99999999999999999999", "1e-99999999999999999999"])
def test_a_number_that_nothing_can_hold_is_an_error(text: str) -> None:
    with pytest.raises(DecodeError, match="exponent"):
        decode_json(f'[{{"id": 1, "value": {text}}}]'.encode())


@pytest.mark.parametrize("number", [b"1", b"12345678901234567890", b"1.000000000000000000001"])
@pytest.mark.parametrize("depth", [1_100, 1_500, 100_000])
def test_deep_nesting_is_an_error_whatever_is_inside(number: bytes, depth: int) -> None:
    with pytest.raises(DecodeError, match=r"deep|recursion|nest"):
        decode_json(b"[" * depth + number + b"]" * depth)


def test_a_large_body_is_read_like_a_small_one() -> None:
    rows = [
        {"id": n, "text": 'ü\\"\n', "f": 0.1, "e": 1e300, "n": None, "t": True, "l": [1, [2]]} for n in range(30_000)
    ]
    body = json.dumps(rows).encode()
    assert len(body) > 1 << 20
    assert rows == decode_json(body)


@pytest.mark.parametrize("at", [(1 << 20) - 20, (1 << 20) - 9, (1 << 20) - 1, 1 << 20])
def test_a_long_number_is_kept_wherever_it_stands(at: int) -> None:
    body = b"[" + b" " * (at - 1) + b"12345678901234567.25]"
    assert [Decimal("12345678901234567.25")] == decode_json(body)


def test_nan_in_a_large_body_is_tolerated() -> None:
    found = decode_json(b"[NaN, 1e400" + b" " * (1 << 20) + b"]")
    assert (True, Decimal("1e400")) == (found[0] != found[0], found[1])
