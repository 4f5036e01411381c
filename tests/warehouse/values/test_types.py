"""Types from values, variants, hints, nulls."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from dagster_rest.warehouse.errors import HintError, NullInRequiredColumnError, WarehouseError
from tests.warehouse.support import Warehouse, table_spec

UTC = datetime.timezone.utc
TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
MOMENT = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

VALUES: dict[str, tuple[Any, str, Any]] = {
    "bool": (True, "BOOLEAN", True),
    "int": (1, "BIGINT", 1),
    "largest bigint": (2**63 - 1, "BIGINT", 2**63 - 1),
    "smallest bigint": (-(2**63), "BIGINT", -(2**63)),
    "uint64": (2**64 - 1, "HUGEINT", 2**64 - 1),
    "38 digits": (10**38 - 1, "HUGEINT", 10**38 - 1),
    "39 digits": (10**38, "VARCHAR", str(10**38)),
    "float": (1.5, "DOUBLE", 1.5),
    "exponent": (1e300, "DOUBLE", 1e300),
    "smallest float": (5e-324, "DOUBLE", 5e-324),
    "infinity": (float("inf"), "DOUBLE", float("inf")),
    "decimal of a double": (Decimal("1.5"), "DOUBLE", 1.5),
    "long decimal": (Decimal("1.12345678901234567890"), "DECIMAL(21,20)", Decimal("1.12345678901234567890")),
    "decimal beyond 38 digits": (Decimal("1." + "1" * 50), "VARCHAR", "1." + "1" * 50),
    "number past the largest double": (Decimal("1e400"), "VARCHAR", "1E+400"),
    "number past the smallest double": (Decimal("1.5e-400"), "VARCHAR", "1.5E-400"),
    "integer of 4,500 digits": (10**4500, "VARCHAR", "1" + "0" * 4500),
    "text": ("a", "VARCHAR", "a"),
    "empty text": ("", "VARCHAR", ""),
    "text with a zero": ("a\x00b", "VARCHAR", "a\x00b"),
    "text beyond ASCII": ("zażółć 日本 🎉", "VARCHAR", "zażółć 日本 🎉"),
    "UTC": ("2024-01-02T03:04:05Z", TIMESTAMP, MOMENT),
    "microseconds": ("2024-01-02T03:04:05.123456Z", TIMESTAMP, MOMENT.replace(microsecond=123456)),
    "nanoseconds are cut": ("2024-01-02T03:04:05.123456999Z", TIMESTAMP, MOMENT.replace(microsecond=123456)),
    "offset": ("2024-01-02T05:04:05+02:00", TIMESTAMP, MOMENT),
    "offset without colon": ("2024-01-01T23:34:05-0330", TIMESTAMP, MOMENT),
    "offset of hours": ("2024-01-02T05:04:05+02", TIMESTAMP, MOMENT),
    "no offset": ("2024-01-02T03:04:05", TIMESTAMP, MOMENT),
    "space": ("2024-01-02 03:04:05", TIMESTAMP, MOMENT),
    "compact": ("20240102T030405", TIMESTAMP, MOMENT),
    "minutes": ("2024-01-02T03:04", TIMESTAMP, MOMENT.replace(second=0)),
    "comma": ("2024-01-02T03:04:05,5Z", TIMESTAMP, MOMENT.replace(microsecond=500_000)),
    "first year": ("0001-01-01T00:00:00Z", TIMESTAMP, datetime.datetime(1, 1, 1, tzinfo=UTC)),
    "date": ("2024-01-02", "VARCHAR", "2024-01-02"),
    "time": ("03:04:05", "VARCHAR", "03:04:05"),
    "year": ("2024", "VARCHAR", "2024"),
    "week": ("2024-W01-2", "VARCHAR", "2024-W01-2"),
    "duration": ("P1D", "VARCHAR", "P1D"),
    "RFC 822": ("Tue, 02 Jan 2024 03:04:05 GMT", "VARCHAR", "Tue, 02 Jan 2024 03:04:05 GMT"),
    "impossible month": ("2024-13-45T00:00:00Z", "VARCHAR", "2024-13-45T00:00:00Z"),
    "impossible day": ("2024-02-30T00:00:00Z", "VARCHAR", "2024-02-30T00:00:00Z"),
    "digits": ("123", "VARCHAR", "123"),
    "epoch": (1704164645, "BIGINT", 1704164645),
    "datetime of a step": (MOMENT, TIMESTAMP, MOMENT),
    "date of a step": (datetime.date(2024, 1, 2), "DATE", datetime.date(2024, 1, 2)),
    "time of a step": (datetime.time(3, 4), "TIME", datetime.time(3, 4)),
    "bytes of a step": (b"\x00\xff", "BLOB", b"\x00\xff"),
}


@pytest.mark.parametrize(("value", "kind", "stored"), VALUES.values(), ids=VALUES)
def test_a_value_decides_the_type_of_its_column(warehouse: Warehouse, value: Any, kind: str, stored: Any) -> None:
    warehouse.load(table_spec(), [{"v": value}])

    assert {"v": kind} == warehouse.types("posts")
    assert [(stored,)] == warehouse.rows("SELECT v FROM shop.posts")


VARIANTS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "number text in bigint": (1, "7", {"v": 7}),
    "zero-padded text in bigint": (1, "007", {"v__v_text": "007"}),
    "whole float in bigint": (1, 2.0, {"v": 2}),
    "float in bigint": (1, 2.5, {"v__v_double": 2.5}),
    "text in bigint": (1, "x", {"v__v_text": "x"}),
    "bool in bigint": (1, True, {"v__v_bool": True}),
    "moment in bigint": (1, "2024-01-02T03:04:05Z", {"v__v_text": "2024-01-02T03:04:05Z"}),
    "integer of 4,500 digits in bigint": (1, -(10**4500), {"v__v_text": "-1" + "0" * 4500}),
    "number past the largest double in double": (1.5, Decimal("1e400"), {"v__v_text": "1E+400"}),
    "int in double": (1.5, 2, {"v": 2.0}),
    "int that no double holds in double": (1.5, 2**53 + 1, {"v__v_bigint": 2**53 + 1}),
    "number text in double": (1.5, "2.25", {"v": 2.25}),
    "text in double": (1.5, "x", {"v__v_text": "x"}),
    "int in text": ("a", 5, {"v": "5"}),
    "float in text": ("a", 1.5, {"v": "1.5"}),
    "bool in text": ("a", True, {"v": "True"}),
    "moment in text": ("a", "2024-01-02T03:04:05Z", {"v": "2024-01-02T03:04:05Z"}),
    "zero in bool": (True, 0, {"v": False}),
    "five in bool": (True, 5, {"v__v_bigint": 5}),
    "word in bool": (True, "no", {"v": False}),
    "text in bool": (True, "x", {"v__v_text": "x"}),
    "text in timestamp": ("2024-01-02T03:04:05Z", "x", {"v__v_text": "x"}),
    "epoch in timestamp": ("2024-01-02T03:04:05Z", 1704164646, {"v": MOMENT.replace(second=6)}),
    "date in timestamp": ("2024-01-02T03:04:05Z", "2024-01-03", {"v": datetime.datetime(2024, 1, 3, tzinfo=UTC)}),
    "bool in timestamp": ("2024-01-02T03:04:05Z", True, {"v__v_bool": True}),
}


@pytest.mark.parametrize("runs", [1, 2], ids=["in one page", "in two runs"])
@pytest.mark.parametrize(("first", "second", "stored"), VARIANTS.values(), ids=VARIANTS)
def test_a_value_of_another_type_is_coerced_or_goes_to_a_variant(
    warehouse: Warehouse, first: Any, second: Any, stored: dict[str, Any], runs: int
) -> None:
    for page in (
        [[{"id": 1, "v": first}, {"id": 2, "v": second}]]
        if runs == 1
        else [[{"id": 1, "v": first}], [{"id": 2, "v": second}]]
    ):
        warehouse.load(table_spec(), page)
    columns = [column for column in warehouse.types("posts") if column != "id"]
    (row,) = warehouse.rows(f"SELECT {', '.join(columns)} FROM shop.posts WHERE id = 2")

    assert stored == {column: value for column, value in zip(columns, row, strict=True) if value is not None}


@pytest.mark.parametrize("runs", [1, 2], ids=["in two pages", "in two runs"])
def test_a_bigint_column_grows_with_its_values(warehouse: Warehouse, runs: int) -> None:
    pages = [[{"v": 1}], [{"v": 2**64}], [{"v": 3}], [{"v": 10**40}]]
    if runs == 1:
        outcome = warehouse.load(table_spec(), *pages, rows_per_part=1)
    else:
        for page in pages:
            outcome = warehouse.load(table_spec(), page)

    assert {"v": "HUGEINT", "v__v_text": "VARCHAR"} == warehouse.types("posts")
    assert [(1, None), (3, None), (2**64, None), (None, str(10**40))] == warehouse.table("posts", "v", "v__v_text")
    assert outcome.columns["posts"][0].data_type == "hugeint"


def test_a_decimal_column_grows_with_its_values(warehouse: Warehouse) -> None:
    for value in (Decimal("0.12345678901234567890"), 12345678, 2.5, "7.25", Decimal("1e30")):
        warehouse.load(table_spec(), [{"v": value}])

    assert {"v": "DECIMAL(28,20)", "v__v_decimal": "DECIMAL(31,0)"} == warehouse.types("posts")
    assert [
        (Decimal("0.12345678901234567890"), None),
        (Decimal("2.5"), None),
        (Decimal("7.25"), None),
        (Decimal("12345678"), None),
        (None, Decimal("1e30")),
    ] == warehouse.table("posts", "v", "v__v_decimal")


LONG = Decimal("0.1234567890123456789")


def test_a_long_decimal_makes_its_whole_page_decimal(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"v": 1.5}, {"v": LONG}])

    assert [(LONG,), (Decimal("1.5"),)] == warehouse.table("posts", "v")


def test_a_long_decimal_in_a_double_column_goes_to_a_variant(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"v": 1.5}])
    warehouse.load(table_spec(), [{"v": LONG}, {"v": Decimal("2.5")}])

    assert [(1.5, None), (2.5, None), (None, LONG)] == warehouse.table("posts", "v", "v__v_decimal")


def test_a_variant_that_comes_later_joins_the_columns(warehouse: Warehouse) -> None:
    for page in ([{"v": 1}], [{"v": "x"}, {"v": "9"}, {"v": 2.5}], [{"v": "y"}]):
        outcome = warehouse.load(table_spec(), page)

    assert [
        (1, None, None),
        (9, None, None),
        (None, "x", None),
        (None, "y", None),
        (None, None, 2.5),
    ] == warehouse.table("posts", "v", "v__v_text", "v__v_double")
    assert [] == outcome.schema_changes


def test_a_column_that_is_only_null_waits_for_a_value(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"id": 1, "n": None}])
    assert {"id": "BIGINT"} == warehouse.types("posts")

    outcome = warehouse.load(table_spec(), [{"id": 2, "n": 5}])
    assert [(1, None), (2, 5)] == warehouse.table("posts", "id", "n")
    assert ["added column posts.n (bigint)"] == outcome.schema_changes


def test_a_hint_decides_the_type(warehouse: Warehouse) -> None:
    record = {
        "text": 5,
        "double": 1,
        "timestamp": "2024-01-02",
        "date": "2024-01-02",
        "time": "03:04:05",
        "decimal": "1.25",
        "bool": 1,
        "bigint": "7",
        "binary": "0x00ff",
        "wei": 2**70,
    }
    warehouse.load(table_spec(columns={kind: {"data_type": kind} for kind in record}), [record])

    assert [
        (
            "5",
            1.0,
            datetime.datetime(2024, 1, 2, tzinfo=UTC),
            datetime.date(2024, 1, 2),
            datetime.time(3, 4, 5),
            Decimal("1.25"),
            True,
            7,
            b"\x00\xff",
            Decimal(2**70),
        )
    ] == warehouse.table("posts", *record)
    assert "DECIMAL(38,9)" == warehouse.types("posts")["decimal"]


def test_a_hint_with_a_scale_rounds(warehouse: Warehouse) -> None:
    hints = {
        "d": {"data_type": "decimal", "precision": 10, "scale": 2},
        "t": {"data_type": "timestamp", "timezone": False},
    }
    warehouse.load(table_spec(columns=hints), [{"d": 1.245, "t": "2024-01-02T03:04:05+01:00"}, {"d": 10**9}])

    assert {"d": "DECIMAL(10,2)", "t": "TIMESTAMP", "d__v_bigint": "BIGINT"} == warehouse.types("posts")
    assert [(Decimal("1.24"), datetime.datetime(2024, 1, 2, 2, 4, 5), None), (None, None, 10**9)] == warehouse.table(
        "posts", "d", "t", "d__v_bigint"
    )


def test_a_bigint_hint_may_be_narrow(warehouse: Warehouse) -> None:
    hints = {f"i{bits}": {"data_type": "bigint", "precision": bits} for bits in (8, 16, 32, 64)}
    warehouse.load(table_spec(columns=hints), [{"i8": 127, "i16": "7", "i32": 1, "i64": 1}, {"i8": 128}])

    assert {
        "i8": "TINYINT",
        "i16": "SMALLINT",
        "i32": "INTEGER",
        "i64": "BIGINT",
        "i8__v_bigint": "BIGINT",
    } == warehouse.types("posts")
    assert [(127, 7, None), (None, None, 128)] == warehouse.table("posts", "i8", "i16", "i8__v_bigint")


def test_a_hinted_column_that_never_comes_is_there(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(columns=[{"name": "Later On", "data_type": "double"}]), [{"id": 1}])

    assert [(1, None)] == warehouse.table("posts", "id", "later_on")


def test_an_arrow_schema_is_a_set_of_hints(warehouse: Warehouse) -> None:
    schema = pa.schema(
        [("id", pa.int32()), ("d", pa.decimal128(10, 2)), ("at", pa.timestamp("us")), ("o", pa.struct([]))]
    )
    warehouse.load(table_spec(columns=schema), [{"id": "1", "o": {"k": 1}}])

    assert {"id": "BIGINT", "d": "DECIMAL(10,2)", "at": "TIMESTAMP", "o": "JSON"} == warehouse.types("posts")


def test_a_hint_that_widens_a_column_is_followed(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"v": 1}])
    warehouse.load(table_spec(columns={"v": {"data_type": "decimal", "precision": 38, "scale": 2}}), [{"v": 1.25}])

    assert [(Decimal("1.00"),), (Decimal("1.25"),)] == warehouse.table("posts", "v")


def test_a_hint_against_the_recorded_type_is_refused(warehouse: Warehouse) -> None:
    warehouse.load(table_spec(), [{"v": "a"}])
    with pytest.raises(HintError) as caught:
        warehouse.load(table_spec(columns={"v": {"data_type": "bigint"}}), [{"v": 1}])

    assert "warehouse_hint_conflict" == caught.value.code


@pytest.mark.parametrize(("precision", "follows"), [(18, False), (19, True)])
def test_a_bigint_becomes_a_decimal_only_if_that_has_room_for_all_its_digits(
    warehouse: Warehouse, precision: int, follows: bool
) -> None:
    longest = 2**63 - 1
    spec = table_spec(columns={"v": {"data_type": "decimal", "precision": precision, "scale": 0}})
    warehouse.load(table_spec(), [{"v": longest}])

    if follows:
        warehouse.load(spec, [{"v": 1}])
        assert [(Decimal(1),), (Decimal(longest),)] == warehouse.table("posts", "v")
    else:
        with pytest.raises(HintError, match="bigint"):
            warehouse.load(spec, [{"v": 1}])


def test_an_unknown_data_type_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(HintError, match="varchar"):
        warehouse.load(table_spec(columns={"v": {"data_type": "varchar"}}), [{"v": 1}])


@pytest.mark.parametrize(
    ("spec", "records"),
    [
        (table_spec("merge", primary_key=("key",)), [{"id": 1}]),
        (table_spec("merge", primary_key=("key",)), [{"key": 1}, {"key": None}]),
        (table_spec(columns={"key": {"nullable": False}}), [{"key": 1}, {}]),
    ],
    ids=["a key no record has", "a null key", "a null where a hint allows none"],
)
def test_a_null_in_a_required_column_is_refused(warehouse: Warehouse, spec: Any, records: list[Any]) -> None:
    with pytest.raises(NullInRequiredColumnError, match="key"):
        warehouse.load(spec, records)

    assert [] == warehouse.tables()


def test_half_a_character_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError) as caught:
        warehouse.load(table_spec(), [{"v": "\ud83d"}])

    assert "warehouse_invalid_text" == caught.value.code


def test_a_time_with_an_offset_does_not_lose_it(warehouse: Warehouse) -> None:
    sent = ["10:00:00", "10:00Z", "10:00:00+00:00", "10:00:00+02:00"]
    warehouse.load(table_spec(columns={"at": {"data_type": "time"}}), [{"at": text} for text in sent])

    ten = datetime.time(10)
    assert [(ten, None)] * 3 + [(None, "10:00:00+02:00")] == warehouse.table("posts", "at", "at__v_text")


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"l": [{"a": {"b": 0, "b": -0.0}}]}'])
def test_a_json_text_with_a_key_twice_is_kept_as_it_is(warehouse: Warehouse, text: str) -> None:
    warehouse.load(table_spec(columns={"v": {"data_type": "json"}}), [{"v": text}, {"v": '{"a": {"b": 1}, "b": -0.0}'}])

    assert [('{"a":{"b":1},"b":-0.0}', None), (None, text)] == warehouse.table("posts", "v", "v__v_text")


def test_minus_zero_keeps_its_sign_and_is_the_key_zero(warehouse: Warehouse) -> None:
    spec = table_spec("merge", primary_key=("id",))
    outcome = warehouse.load(spec, [{"id": 0.5, "v": -0.0}, {"id": 0.0}, {"id": -0.0, "v": 0.0}])

    assert [("-0.0", "0.5"), ("0.0", "-0.0")] == warehouse.rows(
        "SELECT v::varchar, id::varchar FROM shop.posts ORDER BY id DESC"
    )
    assert 1 == outcome.duplicates


def test_what_json_has_no_number_for_is_a_text_in_a_json_column(warehouse: Warehouse) -> None:
    value = {"a": float("nan"), "b": [float("-inf"), None, 1.5], "c": "null"}
    warehouse.load(table_spec(max_table_nesting=0), [{"v": value}, {"v": {"big": 10**4500}}])

    assert [
        ('{"a":"NaN","b":["-Infinity",null,1.5],"c":"null"}',),
        (f'{{"big":{"1" + "0" * 4500}}}',),
    ] == warehouse.rows("SELECT v FROM shop.posts")


def test_null_is_another_version_than_a_number_that_is_none(warehouse: Warehouse) -> None:
    spec = table_spec("merge", "scd2", primary_key=("id",))
    for value in (float("nan"), None, float("nan")):
        warehouse.load(spec, [{"id": 1, "v": value, "w": 0.5}])

    assert [(3,)] == warehouse.rows("SELECT count(*) FROM shop.posts")
