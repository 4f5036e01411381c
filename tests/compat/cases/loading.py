"""G. Processing and loading: S70 to S79."""

from __future__ import annotations

from typing import Any

from tests.compat.apis import items
from tests.compat.case import Call, Cases, Expect, Runs, Setup, source

CASES = Cases("Processing and loading")


def loaded(*rows: Any, **resource: Any) -> tuple[Any, dict[str, Any]]:
    """Resource `x` of these rows, and its API."""
    return source({"name": "x", **resource}), {"/x": list(rows)}


# Processing steps -----------------------------------------------------------------------------------------------


def odd(row: dict[str, Any]) -> bool:
    """Keep odd ids."""
    return bool(row["id"] % 2)


def tenfold(row: dict[str, Any]) -> dict[str, Any]:
    """Multiply the id."""
    return {**row, "id": row["id"] * 10}


def twice(row: dict[str, Any]) -> Any:
    """Two rows for one."""
    yield {**row, "copy": 1}
    yield {**row, "copy": 2}


def below_30(row: dict[str, Any]) -> bool:
    """Keep small ids."""
    return bool(row["id"] < 30)


def nothing(row: dict[str, Any]) -> None:
    """Forget the row."""
    return


def without_at(row: dict[str, Any]) -> dict[str, Any]:
    """Drop the cursor."""
    return {"id": row["id"]}


STEPS: dict[str, tuple[list[dict[str, Any]], list[int]]] = {
    "filter": ([{"filter": odd}], [1, 3]),
    "map": ([{"map": tenfold}], [10, 20, 30, 40]),
    "yield-map": ([{"yield_map": twice}], [1, 1, 2, 2, 3, 3, 4, 4]),
    "in-order": ([{"filter": odd}, {"map": tenfold}, {"filter": below_30}, {"yield_map": twice}], [10, 10]),
    "map-then-filter": ([{"map": tenfold}, {"filter": odd}], []),
    "one-dict": ([{"yield_map": twice, "map": tenfold, "filter": odd}], [10, 10, 30, 30]),
    "none": ([], [1, 2, 3, 4]),
}
for name, (steps, ids) in STEPS.items():
    CASES.same(
        f"S70-{name}",
        f"processing_steps: {name}",
        source({"name": "x", "processing_steps": steps}),
        {"/x": items(4)},
        **({"values": {"x.id": ids}} if ids else {"rows": {}}),
    )
CASES.same(
    "S70-map-none",
    "a map that returns None leaves a row of nothing",
    source({"name": "x", "processing_steps": [{"map": nothing}]}),
    {"/x": items(2)},
    rows={"x": 2},
)
CASES.same(
    "S70-parent-steps",
    "a parent's steps decide which children are requested",
    source(
        {"name": "p", "processing_steps": [{"filter": odd}, {"map": tenfold}]},
        {"name": "c", "endpoint": "c/{resources.p.id}/z"},
    ),
    {"/p": items(4), "/c/{id}/z": items(1)},
    unordered=True,
    requests=["GET /p", "GET /c/10/z", "GET /c/30/z"],
    rows={"p": 2, "c": 2},
)
CASES.same(
    "S70-child-steps",
    "a child's steps see the parent's fields",
    source(
        "p",
        {
            "name": "c",
            "endpoint": "c/{resources.p.id}/z",
            "include_from_parent": ["id"],
            "processing_steps": [{"map": lambda row: {**row, "sum": row["id"] + row["_p_id"]}}],
        },
    ),
    {"/p": items(2), "/c/{id}/z": items(1, 100)},
    unordered=True,
    values={"c.sum": [101, 102]},
)
CASES.same(
    "S70-before-incremental",
    "steps run before the incremental filter",
    source(
        {
            "name": "x",
            "processing_steps": [{"map": tenfold}],
            "endpoint": {"incremental": {"cursor_path": "id", "initial_value": 25, "start_param": "since"}},
        }
    ),
    {"/x": items(4)},
    runs=2,
    requests=[["GET /x?since=25"], ["GET /x?since=40"]],
    values={"x.id": [30, 40]},
)
CASES.same(
    "S70-drops-cursor",
    "an error: a step that drops the cursor",
    source(
        {
            "name": "x",
            "processing_steps": [{"map": without_at}],
            "endpoint": {"incremental": {"cursor_path": "at"}},
        }
    ),
    {"/x": [{"id": 1, "at": 1}]},
    error="at",
    rows={},
)

# Names ----------------------------------------------------------------------------------------------------------

NAMES = {
    "camelCase": "camel_case",
    "HTTPServerID": "http_server_id",
    "with space": "with_space",
    "dash-name": "dash_name",
    "a.b": "a_b",
    "ünï": "_nx",
    "1abc": "_1abc",
    "trail_": "trailx",
    "two__trail__": "two__trail",
    "UPPER": "upper",
    "+plus": "xplus",
    "*": "x",
    "@at": "aat",
    "p|l": "pll",
    "$ref": "_ref",
    "x%y": "x_y",
    "select": "select",
    "": "_empty",
    "a____b": "a__b",
    "_private": "_private",
    "__dunder": "dunder",
    "camel2Snake3d": "camel2_snake3d",
    "ID": "id",
    "getHTTPResponseCode": "get_http_response_code",
    "already_snake": "already_snake",
    "  padded  ": "padded",
    "order": "order",
}
CASES.same(
    "S71",
    "the names of columns",
    *loaded({key: number for number, key in enumerate(NAMES)}),
    types={f"x.{column}": "BIGINT" for column in NAMES.values()},
    rows={"x": 1},
    column_order=True,
)
for name, table in {
    "v1/My-Things": "v1_my_things",
    "camelCase": "camel_case",
    "UPPER CASE": "upper_case",
    "1st": "_1st",
    "trail_": "trailx",
}.items():
    CASES.same(
        f"S71-table-{table}",
        f"the table of resource {name!r}",
        source({"name": name, "endpoint": "t"}),
        {"/t": [{"id": 1, "someList": [{"innerKey": 1}]}]},
        rows={table: 1, f"{table}__some_list": 1},
    )
CASES.same(
    "S71-hinted",
    "names in columns and primary_key are normalised too",
    *loaded(
        {"userId": 1, "someValue": 5},
        primary_key="userId",
        write_disposition="merge",
        columns={"someValue": {"data_type": "text"}},
    ),
    types={"x.user_id": "BIGINT", "x.some_value": "VARCHAR"},
    rows={"x": 1},
)
COLLISION = "names that collide in one row (`Id` and `id`)"
CASES.differs(
    "S71-collision",
    "two keys of one row have one name",
    *loaded({"Id": 1, "id": 2}),
    row=COLLISION,
    dlt=Expect(values={"x.id": [2]}),
    ours=Expect(error="Id", rows={}),
)
CASES.differs(
    "S71-collision-nested",
    "a nested key and a flat one have one name",
    *loaded({"a": {"b": 1}, "a__b": 2}),
    row=COLLISION,
    dlt=Expect(values={"x.a__b": [1]}),
    ours=Expect(error="a__b", rows={}),
)
CASES.same(
    "S71-collision-equal",
    "two keys of one row have one name and one value",
    *loaded({"Id": 1, "id": 1}),
    values={"x.id": [1]},
)
CASES.same(
    "S71-two-spellings",
    "two spellings in two rows are one column",
    *loaded({"userId": 1}, {"user_id": 2}),
    values={"x.user_id": [1, 2]},
)

# Shapes ---------------------------------------------------------------------------------------------------------

SHAPES: dict[str, tuple[Any, dict[str, int]]] = {
    "object": ({"id": 1, "o": {"k": 1, "d": {"e": "x"}}}, {"x": 1}),
    "empty-object": ({"id": 1, "o": {}}, {"x": 1}),
    "list-of-objects": ({"id": 1, "l": [{"a": 1}, {"a": 2}]}, {"x": 1, "x__l": 2}),
    "empty-list": ({"id": 1, "l": []}, {"x": 1}),
    "list-of-scalars": ({"id": 1, "l": [1, 2, 3]}, {"x": 1, "x__l": 3}),
    "list-of-mixed-scalars": ({"id": 1, "l": [1, "b", 2.5, True]}, {"x": 1, "x__l": 4}),
    "list-with-nulls": ({"id": 1, "l": [1, None, 3]}, {"x": 1, "x__l": 3}),
    "list-of-lists": ({"id": 1, "m": [[1, 2], [3]]}, {"x": 1, "x__m": 2, "x__m__list": 3}),
    "list-in-object": ({"id": 1, "oo": {"arr": [1, 2]}}, {"x": 1, "x__oo__arr": 2}),
    "list-in-list": (
        {"id": 1, "l": [{"n": 1, "s": [{"d": 1}, {"d": 2}]}, {"n": 2, "s": [{"d": 3}]}]},
        {"x": 1, "x__l": 2, "x__l__s": 3},
    ),
    "three-levels": (
        {"a": [{"b": [{"c": [{"d": 1}]}]}]},
        {"x": 1, "x__a": 1, "x__a__b": 1, "x__a__b__c": 1},
    ),
    "objects-in-lists": ({"l": [{"o": {"k": {"z": 1}}, "v": None}]}, {"x": 1, "x__l": 1}),
    "mixed-list": ({"id": 1, "l": [1, {"a": 2}, [3]]}, {"x": 1, "x__l": 3, "x__l__list": 1}),
    "only-a-list": ({"l": [1]}, {"x": 1, "x__l": 1}),
    "list-of-empty-objects": ({"id": 1, "l": [{}, {}]}, {"x": 1, "x__l": 2}),
}
for name, (row, tables) in SHAPES.items():
    CASES.same(f"S72-{name}", f"the shape of {row!r}", *loaded(row), rows=tables)
CASES.same(
    "S72-ragged",
    "rows of different shapes in one page",
    *loaded(
        {"id": 1},
        {"id": 2, "o": {"k": 1}, "l": [1]},
        {"id": 3, "o": None, "l": None},
        {"id": 4, "o": {"j": 2}, "l": []},
        {"id": 5, "v": 5},
    ),
    rows={"x": 5, "x__l": 1},
    types={"x.o__k": "BIGINT", "x.o__j": "BIGINT", "x.v": "BIGINT"},
)
CASES.same(
    "S72-object-or-scalar",
    "a field that is an object in one row and a number in another",
    *loaded({"v": {"a": 1}}, {"v": 5}, {"v": [7]}),
    rows={"x": 3, "x__v": 1},
    types={"x.v": "BIGINT", "x.v__a": "BIGINT"},
)
CASES.same(
    "S72-scalar-rows",
    "rows that are scalars",
    *loaded("a", "b"),
    values={"x.value": ["a", "b"]},
)
CASES.same(
    "S72-column-order",
    "columns in the order of first appearance, new ones at the end",
    source({"name": "x"}),
    {"/x": Runs([{"z": 1, "a": 2}, {"m": 3, "a": 1}], [{"b": 1, "z": 2}])},
    runs=2,
    rows={"x": 3},
    types={"x.b": "BIGINT"},
    column_order=True,
)

# Types ----------------------------------------------------------------------------------------------------------

TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
TYPES: dict[str, tuple[Any, str]] = {
    "bool": (True, "BOOLEAN"),
    "int": (1, "BIGINT"),
    "big-int": (2**63 - 1, "BIGINT"),
    "negative": (-(2**63), "BIGINT"),
    "float": (1.5, "DOUBLE"),
    "exponent": (1e3, "DOUBLE"),
    "small": (5e-324, "DOUBLE"),
    "text": ("a", "VARCHAR"),
    "empty": ("", "VARCHAR"),
    "utc": ("2024-01-02T03:04:05Z", TIMESTAMP),
    "micros": ("2024-01-02T03:04:05.123456Z", TIMESTAMP),
    "millis": ("2024-01-02T03:04:05.123+00:00", TIMESTAMP),
    "offset": ("2024-01-02T03:04:05+02:00", TIMESTAMP),
    "offset-short": ("2024-01-02T03:04:05-0330", TIMESTAMP),
    "naive": ("2024-01-02T03:04:05", TIMESTAMP),
    "space": ("2024-01-02 03:04:05", TIMESTAMP),
    "compact": ("20240102T030405", TIMESTAMP),
    "minutes": ("2024-01-02T03:04", TIMESTAMP),
    "nanos": ("2024-01-02T03:04:05.123456789Z", TIMESTAMP),
    "date": ("2024-01-02", "VARCHAR"),
    "time": ("03:04:05", "VARCHAR"),
    "year": ("2024", "VARCHAR"),
    "slashes": ("2024/01/02", "VARCHAR"),
    "month": ("2024-01", "VARCHAR"),
    "week": ("2024-W01-2", "VARCHAR"),
    "duration": ("P1D", "VARCHAR"),
    "rfc822": ("Tue, 02 Jan 2024 03:04:05 GMT", "VARCHAR"),
    "digits": ("123", "VARCHAR"),
    "epoch": (1704164645, "BIGINT"),
    "uuid": ("8f14e45f-ceea-467f-a0e6-3c0f3b1a2c4d", "VARCHAR"),
    "unicode": ("zażółć 日本 🎉", "VARCHAR"),
    "newline": ("a\nb\t'c\"", "VARCHAR"),
    "no-seconds-zone": ("2024-01-02T03:04Z", TIMESTAMP),
    "impossible-date": ("2024-13-45T00:00:00Z", "VARCHAR"),
    "leap-second-like": ("2024-01-02T24:00:00Z", ""),
}
for name, (value, kind) in TYPES.items():
    if kind:
        CASES.same(f"S73-{name}", f"the type of {value!r}", *loaded({"v": value}), types={"x.v": kind}, rows={"x": 1})
CASES.same(
    "S73-all",
    "all types in one row, and nulls in the next",
    *loaded({k: v for k, (v, _) in TYPES.items()}, dict.fromkeys(TYPES)),
    rows={"x": 2},
)
VARIANTS: dict[str, tuple[Any, Any, dict[str, list[Any]]]] = {
    "bigint-text-number": (1, "7", {"x.v": [1, 7]}),
    "bigint-whole-float": (1, 2.0, {"x.v": [1, 2]}),
    "bigint-float": (1, 2.5, {"x.v": [1, None], "x.v__v_double": [None, 2.5]}),
    "bigint-text": (1, "x", {"x.v": [1, None], "x.v__v_text": [None, "x"]}),
    "bigint-bool": (1, True, {"x.v": [1, None], "x.v__v_bool": [None, True]}),
    "double-int": (1.5, 2, {"x.v": [1.5, 2.0]}),
    "double-text-number": (1.5, "2.25", {"x.v": [1.5, 2.25]}),
    "double-text": (1.5, "x", {"x.v": [1.5, None], "x.v__v_text": [None, "x"]}),
    "text-int": ("a", 5, {"x.v": ["a", "5"]}),
    "text-float": ("a", 1.5, {"x.v": ["a", "1.5"]}),
    "text-bool": ("a", True, {"x.v": ["a", "True"]}),
    "text-timestamp": ("a", "2024-01-02T03:04:05Z", {"x.v": ["a", "2024-01-02T03:04:05Z"]}),
    "bool-int": (True, 0, {"x.v": [True, False]}),
    "bool-word": (True, "no", {"x.v": [True, False]}),
    "bool-text": (True, "x", {"x.v": [True, None], "x.v__v_text": [None, "x"]}),
    "timestamp-text": (
        "2024-01-02T03:04:05Z",
        "x",
        {"x.v": ["2024-01-02T03:04:05+00:00", None], "x.v__v_text": [None, "x"]},
    ),
    "timestamp-epoch": (
        "2024-01-02T03:04:05Z",
        1704164646,
        {"x.v": ["2024-01-02T03:04:05+00:00", "2024-01-02T03:04:06+00:00"]},
    ),
    "timestamp-date": (
        "2024-01-02T03:04:05Z",
        "2024-01-03",
        {"x.v": ["2024-01-02T03:04:05+00:00", "2024-01-03T00:00:00+00:00"]},
    ),
}
for name, (first, second, values) in VARIANTS.items():
    CASES.same(
        f"S73-variant-{name}",
        f"{second!r} in a column of {first!r}, in one page",
        *loaded({"v": first}, {"v": second}),
        values=values,
    )
CASES.same(
    "S73-variant-second-run",
    "a variant that arrives with the second run",
    source("x"),
    {"/x": Runs([{"v": 1}], [{"v": "x"}, {"v": "9"}, {"v": 2.5}], [{"v": "y"}])},
    runs=3,
    values={"x.v": [1, 9, None, None, None], "x.v__v_text": [None, None, None, "x", "y"]},
    rows={"x": 5},
)
CASES.same(
    "S73-variant-nested",
    "a variant inside a child table",
    *loaded({"l": [{"v": 1}, {"v": "x"}]}),
    values={"x__l.v": [1, None], "x__l.v__v_text": [None, "x"]},
)
DIGITS = "ints over 64 bits, long decimals"
for name, value, ours in [
    ("uint64", 2**64 - 1, Expect(values={"x.v": [2**64 - 1]}, types={"x.v": "HUGEINT"})),
    ("huge", 2**100, Expect(values={"x.v": [2**100]}, types={"x.v": "HUGEINT"})),
]:
    CASES.differs(
        f"S73-{name}",
        f"the integer {value}",
        *loaded({"v": value}),
        row=DIGITS,
        dlt=Expect(error=""),
        ours=ours,
    )

# Dispositions ---------------------------------------------------------------------------------------------------

FIRST = [{"id": 1, "v": "a", "kids": [{"c": 1}, {"c": 2}]}, {"id": 2, "v": "b", "kids": [{"c": 3}]}]
SECOND = [{"id": 2, "v": "B", "kids": [{"c": 9}]}, {"id": 3, "v": "c", "kids": []}]
MERGE: dict[str, tuple[dict[str, Any], list[Any], list[Any]]] = {
    "append": ({"write_disposition": "append"}, ["B", "a", "b", "c"], [1, 2, 3, 9]),
    "replace": ({"write_disposition": "replace"}, ["B", "c"], [9]),
    "replace-dict": ({"write_disposition": {"disposition": "replace"}}, ["B", "c"], [9]),
    "merge-key": ({"write_disposition": "merge", "primary_key": "id"}, ["B", "a", "c"], [1, 2, 9]),
    "merge-no-key": ({"write_disposition": "merge"}, ["B", "a", "b", "c"], [1, 2, 3, 9]),
    "merge-merge-key": ({"write_disposition": "merge", "merge_key": "id"}, ["B", "a", "c"], [1, 2, 9]),
    "merge-both-keys": (
        {"write_disposition": "merge", "primary_key": "v", "merge_key": "id"},
        ["B", "a", "c"],
        [1, 2, 9],
    ),
    "upsert": (
        {"write_disposition": {"disposition": "merge", "strategy": "upsert"}, "primary_key": "id"},
        ["B", "a", "c"],
        [1, 2, 9],
    ),
    "insert-only": (
        {"write_disposition": {"disposition": "merge", "strategy": "insert-only"}, "primary_key": "id"},
        ["a", "b", "c"],
        [1, 2, 3],
    ),
    "cdc": (
        {"write_disposition": {"disposition": "merge", "strategy": "cdc"}, "primary_key": "id"},
        ["B", "c"],
        [9],
    ),
    "delete-insert": (
        {"write_disposition": {"disposition": "merge", "strategy": "delete-insert"}, "primary_key": ["id"]},
        ["B", "a", "c"],
        [1, 2, 9],
    ),
}
for name, (resource, kept, kids) in MERGE.items():
    CASES.same(
        f"S74-{name}",
        f"two loads: {name}",
        source({"name": "x", **resource}),
        {"/x": Runs(FIRST, SECOND)},
        runs=2,
        values={"x.v": kept, "x__kids.c": kids},
    )
    CASES.same(
        f"S75-{name}",
        f"the second load is empty: {name}",
        source({"name": "x", **resource}),
        {"/x": Runs(FIRST, [])},
        runs=2,
        rows={"x": 0, "x__kids": 0} if name.startswith("replace") else {"x": 2, "x__kids": 3},
    )
CASES.same(
    "S74-same-twice",
    "a merge of the same rows twice",
    source({"name": "x", "write_disposition": "merge", "primary_key": "id"}),
    {"/x": FIRST},
    runs=3,
    rows={"x": 2, "x__kids": 3},
)
CASES.same(
    "S74-compound-key",
    "a key of two columns",
    source({"name": "x", "write_disposition": "merge", "primary_key": ["a", "b"]}),
    {"/x": Runs([{"a": 1, "b": 1, "v": 1}, {"a": 1, "b": 2, "v": 2}], [{"a": 1, "b": 2, "v": 3}])},
    runs=2,
    values={"x.v": [1, 3]},
)
CASES.same(
    "S74-merge-key-many",
    "a merge_key shared by many rows: the day is replaced",
    source({"name": "x", "write_disposition": "merge", "merge_key": "day"}),
    {"/x": Runs([{"day": "mo", "v": 1}, {"day": "mo", "v": 2}, {"day": "tu", "v": 3}], [{"day": "mo", "v": 9}])},
    runs=2,
    values={"x.v": [3, 9]},
)
CASES.same(
    "S74-deep-children",
    "a merge replaces children of children",
    source({"name": "x", "write_disposition": "merge", "primary_key": "id"}),
    {
        "/x": Runs(
            [
                {"id": 1, "l": [{"n": 1, "m": [{"z": 1}, {"z": 2}]}]},
                {"id": 2, "l": [{"n": 5, "m": [{"z": 5}]}]},
            ],
            [{"id": 1, "l": [{"n": 7, "m": [{"z": 7}]}]}],
        )
    },
    runs=2,
    values={"x__l.n": [5, 7], "x__l__m.z": [5, 7]},
)
SCD2 = {"disposition": "merge", "strategy": "scd2"}
CASES.same(
    "S74-scd2",
    "scd2: a version for each change, absent rows are closed",
    source({"name": "x", "write_disposition": SCD2}),
    {"/x": Runs(FIRST, SECOND)},
    runs=2,
    values={"x.v": ["B", "a", "b", "c"], "x.valid_to": ["now", "now", None, None]},
)
CASES.same(
    "S74-scd2-unchanged",
    "scd2: an unchanged row keeps its version",
    source({"name": "x", "write_disposition": SCD2}),
    {"/x": Runs(FIRST, FIRST, [FIRST[0]])},
    runs=3,
    values={"x.v": ["a", "b"], "x.valid_to": [None, "now"]},
)
CASES.same(
    "S74-scd2-back",
    "scd2: a row that comes back is a new version",
    source({"name": "x", "write_disposition": SCD2}),
    {"/x": Runs([{"id": 1}], [{"id": 2}], [{"id": 1}])},
    runs=3,
    values={"x.id": [1, 2, 1]},
    compare=("requests",),
)
CASES.same(
    "S74-scd2-columns",
    "scd2: own names of the validity columns and an own open end",
    source(
        {
            "name": "x",
            "write_disposition": {
                **SCD2,
                "validity_column_names": ["valid_from", "valid_to"],
                "active_record_timestamp": "9999-12-31",
                "boundary_timestamp": "2024-08-21T12:15:00+00:00",
            },
        }
    ),
    {"/x": Runs([{"id": 1}], [{"id": 2}])},
    runs=2,
    types={"x.valid_from": TIMESTAMP, "x.valid_to": TIMESTAMP},
    values={
        "x.valid_from": ["2024-08-21T12:15:00+00:00"] * 2,
        "x.valid_to": ["2024-08-21T12:15:00+00:00", "9999-12-31T00:00:00+00:00"],
    },
)
CASES.same(
    "S74-scd2-merge-key",
    "scd2 with a merge_key: absent rows stay open",
    source({"name": "x", "write_disposition": SCD2, "merge_key": "id"}),
    {"/x": Runs([{"id": 1, "v": 1}, {"id": 2, "v": 2}], [{"id": 1, "v": 9}])},
    runs=2,
    values={"x.v": [1, 2, 9], "x.valid_to": ["now", None, None]},
)
CASES.same(
    "S74-upsert-skip-unchanged",
    "upsert with skip_unchanged_rows",
    source(
        {
            "name": "x",
            "primary_key": "id",
            "write_disposition": {"disposition": "merge", "strategy": "upsert", "skip_unchanged_rows": True},
        }
    ),
    {"/x": Runs([{"id": 1, "v": 1}, {"id": 2, "v": 2}], [{"id": 1, "v": 1}, {"id": 2, "v": 3}])},
    runs=2,
    values={"x.v": [1, 3]},
    compare=("requests",),
)
CASES.same(
    "S74-row-version",
    "upsert with a column for the version of the row",
    source(
        {
            "name": "x",
            "primary_key": "id",
            "write_disposition": {
                "disposition": "merge",
                "strategy": "upsert",
                "skip_unchanged_rows": True,
                "row_version_column_name": "version",
            },
        }
    ),
    {
        "/x": Runs(
            [{"id": 1, "v": 1, "version": "a"}, {"id": 2, "v": 2, "version": "a"}],
            [{"id": 1, "v": 8, "version": "a"}, {"id": 2, "v": 9, "version": "b"}],
        )
    },
    runs=2,
    values={"x.v": [1, 9]},
)
for strategy in ("delete-insert", "cdc", "scd2"):
    CASES.same(
        f"S74-scope-{strategy}",
        f"destination_scope limits what {strategy} may touch",
        source(
            {
                "name": "x",
                "primary_key": "id",
                "write_disposition": {
                    "disposition": "merge",
                    "strategy": strategy,
                    "destination_scope": "day = 'mo'",
                },
            }
        ),
        {
            "/x": Runs(
                [{"id": 1, "day": "mo"}, {"id": 2, "day": "mo"}, {"id": 3, "day": "tu"}], [{"id": 1, "day": "mo"}]
            )
        },
        runs=2,
        requests=[["GET /x"]] * 2,
    )
CASES.same(
    "S74-source-filter",
    "source_filter limits which rows of the load are used",
    source(
        {
            "name": "x",
            "primary_key": "id",
            "write_disposition": {"disposition": "merge", "strategy": "upsert", "source_filter": "day = 'mo'"},
        }
    ),
    {"/x": [{"id": 1, "day": "mo"}, {"id": 2, "day": "tu"}]},
    requests=["GET /x"],
)
CASES.same(
    "S74-upsert-no-key",
    "an error: upsert without a key",
    source({"name": "x", "write_disposition": {"disposition": "merge", "strategy": "upsert"}}),
    {"/x": FIRST},
    error="key",
    compare=(),
)
CASES.same(
    "S74-new-columns",
    "a merge with a new column and a new child table",
    source({"name": "x", "write_disposition": "merge", "primary_key": "id"}),
    {"/x": Runs([{"id": 1, "a": 1}], [{"id": 1, "b": 2, "l": [1]}, {"id": 2, "a": 3}])},
    runs=2,
    values={"x.a": [3, None], "x.b": [2, None], "x__l.value": [1]},
)
for name, disposition in {
    "replace": "replace",
    "merge": {"disposition": "merge", "strategy": "upsert"},
    "append": "append",
}.items():
    CASES.same(
        f"S75-empty-first-{name}",
        f"the first load is empty: {name}",
        source({"name": "x", "primary_key": "id", "write_disposition": disposition}),
        {"/x": Runs([], FIRST)},
        runs=2,
        rows={"x": 2, "x__kids": 3},
    )
CASES.same(
    "S75-nothing-ever",
    "no table when no row was ever seen",
    source("x"),
    {"/x": []},
    runs=2,
    rows={},
)

# Duplicates and deletes -----------------------------------------------------------------------------------------

CASES.same(
    "S76-duplicates",
    "a key twice in one load: one row",
    source({"name": "x", "write_disposition": "merge", "primary_key": "id"}),
    {"/x": [{"id": 1, "v": "same"}, {"id": 1, "v": "same"}, {"id": 2, "v": "b"}]},
    values={"x.id": [1, 2]},
)
CASES.same(
    "S76-not-deduplicated",
    "deduplicated: the load says that it has no duplicates",
    source(
        {
            "name": "x",
            "write_disposition": {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True},
            "primary_key": "id",
        }
    ),
    {"/x": [{"id": 1}, {"id": 2}]},
    runs=2,
    values={"x.id": [1, 2]},
)
for order, kept in {"desc": 9, "asc": 3}.items():
    CASES.same(
        f"S76-dedup-sort-{order}",
        f"dedup_sort {order} says which one stays",
        source(
            {
                "name": "x",
                "write_disposition": "merge",
                "primary_key": "id",
                "columns": {"rank": {"dedup_sort": order}},
            }
        ),
        {
            "/x": [
                {"id": 1, "rank": 5, "l": [5]},
                {"id": 1, "rank": 9, "l": [9]},
                {"id": 1, "rank": 3, "l": [3]},
            ]
        },
        values={"x.rank": [kept], "x__l.value": [kept]},
    )
DELETED = {"columns": {"deleted": {"hard_delete": True}}, "primary_key": "id"}
for name, disposition in {
    "delete-insert": "merge",
    "upsert": {"disposition": "merge", "strategy": "upsert"},
}.items():
    CASES.same(
        f"S76-hard-delete-{name}",
        f"hard_delete removes rows and their children: {name}",
        source({"name": "x", "write_disposition": disposition, **DELETED}),
        {
            "/x": Runs(
                [{"id": 1, "deleted": False, "l": [1]}, {"id": 2, "deleted": False, "l": [2]}],
                [{"id": 1, "deleted": True, "l": [1]}],
            )
        },
        runs=2,
        values={"x.id": [2], "x__l.value": [2]},
    )
CASES.same(
    "S76-hard-delete-unknown",
    "hard_delete of a key that is not there: delete-insert",
    source({"name": "x", "write_disposition": "merge", **DELETED}),
    {"/x": [{"id": 1, "deleted": False}, {"id": 3, "deleted": True}]},
    values={"x.id": [1]},
)
CASES.differs(
    "S76-hard-delete-unknown-upsert",
    "hard_delete of a key that is not there: upsert",
    source({"name": "x", "write_disposition": {"disposition": "merge", "strategy": "upsert"}, **DELETED}),
    {"/x": [{"id": 1, "deleted": False}, {"id": 3, "deleted": True}]},
    row="`hard_delete` of a key that is not there, with `upsert`",
    dlt=Expect(values={"x.id": [1, 3]}),
    ours=Expect(values={"x.id": [1]}),
)
CASES.same(
    "S76-hard-delete-text",
    "hard_delete in a column that is no bool: any value deletes",
    source(
        {
            "name": "x",
            "write_disposition": "merge",
            "columns": {"gone_at": {"hard_delete": True}},
            "primary_key": "id",
        }
    ),
    {"/x": Runs([{"id": 1, "gone_at": None}, {"id": 2, "gone_at": None}], [{"id": 1, "gone_at": "today"}])},
    runs=2,
    values={"x.id": [2]},
)
CASES.differs(
    "S76-upsert-duplicates",
    "upsert with a key twice in one load",
    source(
        {
            "name": "x",
            "primary_key": "id",
            "write_disposition": {"disposition": "merge", "strategy": "upsert"},
        }
    ),
    {"/x": [{"id": 1, "v": "a"}, {"id": 1, "v": "b"}]},
    row="`upsert` with the same key twice in a load",
    dlt=Expect(values={"x.v": ["a", "b"]}),
    ours=Expect(values={"x.v": ["b"]}),
)
CASES.same(
    "S76-incremental-merge",
    "a key on two pages: one row",
    source(
        {
            "name": "x",
            "write_disposition": "merge",
            "primary_key": "id",
            "columns": {"n": {"dedup_sort": "desc"}},
            "endpoint": {"paginator": {"type": "page_number", "total_path": None}},
        }
    ),
    {"/x": lambda call: [{"id": 1, "n": call.number("page", 0)}] if call.number("page", 0) < 3 else []},
    values={"x.n": [2]},
)

# Schema contracts -----------------------------------------------------------------------------------------------

EVENTS = {
    "columns": [{"id": 2, "v": 2, "new": "n"}, {"id": 3, "v": 3}],
    "data_type": [{"id": 2, "v": "text"}, {"id": 3, "v": 3}],
    "tables": [{"id": 2, "v": 2, "l": [{"a": 1}]}, {"id": 3, "v": 3}],
}
CONTRACTS: dict[tuple[str, str], Any] = {
    ("columns", "evolve"): {"x.id": [1, 2, 3], "x.new": [None, None, "n"]},
    ("columns", "discard_row"): {"x.id": [1, 3]},
    ("columns", "discard_value"): {"x.id": [1, 2, 3]},
    ("data_type", "evolve"): {"x.v": [1, 3, None], "x.v__v_text": [None, None, "text"]},
    ("data_type", "discard_row"): {"x.id": [1, 3], "x.v": [1, 3]},
    ("data_type", "discard_value"): {"x.id": [1, 2, 3], "x.v": [1, 3, None]},
    ("tables", "evolve"): {"x.id": [1, 2, 3], "x__l.a": [1]},
    ("tables", "discard_row"): {"x.id": [1, 2, 3]},
    ("tables", "discard_value"): {"x.id": [1, 2, 3]},
}
for (entity, mode), values in CONTRACTS.items():
    tables = {"x": len(values["x.id"]) if "x.id" in values else 3}
    if (entity, mode) == ("tables", "evolve"):
        tables["x__l"] = 1
    CASES.same(
        f"S77-{entity}-{mode}",
        f"contract: {entity} {mode}",
        lambda setup, entity=entity, mode=mode: source(
            # The contract begins with the second run: what dlt does on a first run is another case.
            {"name": "x", **({"schema_contract": {entity: mode}} if setup.run else {})}
        )(setup),
        {"/x": Runs([{"id": 1, "v": 1}], EVENTS[entity])},
        runs=2,
        values=values,
        rows=tables,
    )
for entity, event in EVENTS.items():
    CASES.same(
        f"S77-{entity}-freeze",
        f"an error: contract {entity} freeze",
        lambda setup, entity=entity: source(
            {"name": "x", **({"schema_contract": {entity: "freeze"}} if setup.run else {})}
        )(setup),
        {"/x": Runs([{"id": 1, "v": 1}], event)},
        runs=2,
        error="",
        fails_in=1,
        rows={"x": 1},
    )
for mode, ids in {"evolve": [1, 2, 3], "discard_row": [1, 3], "discard_value": [1, 2, 3]}.items():
    CASES.same(
        f"S77-all-{mode}",
        f"contract: everything {mode}, as one word",
        lambda setup, mode=mode: source({"name": "x", **({"schema_contract": mode} if setup.run else {})})(setup),
        {"/x": Runs([{"id": 1, "v": 1}], [{"id": 2, "v": "text", "new": 1}, {"id": 3, "v": 3}])},
        runs=2,
        values={"x.id": ids},
    )
CASES.same(
    "S77-columns-first-run",
    "columns freeze on the first run: a new table still takes its columns",
    source({"name": "x", "schema_contract": {"columns": "freeze"}}),
    {"/x": Runs([{"id": 1, "v": 1}], [{"id": 2, "v": 2}])},
    runs=2,
    rows={"x": 2},
)
CASES.differs(
    "S77-tables-first-run",
    "tables freeze on the first run",
    source({"name": "x", "schema_contract": {"tables": "freeze"}}),
    {"/x": items(1)},
    row="`tables: freeze` on the first run",
    dlt=Expect(error="DataValidationError"),
    ours=Expect(rows={"x": 1}),
)

# Nesting and hints ----------------------------------------------------------------------------------------------

DEEP = {"id": 1, "o": {"k": 1, "d": {"e": 2}}, "items": [{"a": 1, "b": {"c": 1}, "l": [1]}]}
for nesting, tables, kinds in [
    (0, {"x": 1}, {"x.o": "JSON", "x.items": "JSON"}),
    (
        1,
        {"x": 1, "x__items": 1},
        {"x.o__k": "BIGINT", "x.o__d": "JSON", "x__items.b": "JSON", "x__items.l": "JSON"},
    ),
    (
        2,
        {"x": 1, "x__items": 1, "x__items__l": 1},
        {"x.o__d__e": "BIGINT", "x__items.b__c": "BIGINT"},
    ),
]:
    CASES.same(
        f"S78-nesting-{nesting}",
        f"max_table_nesting {nesting}",
        *loaded(DEEP, max_table_nesting=nesting),
        rows=tables,
        types=kinds,
    )
CASES.same(
    "S78-json-hint",
    "a column hinted as json keeps object and list",
    *loaded(
        {"id": 1, "o": {"k": [1]}, "l": [1, 2]},
        columns={"o": {"data_type": "json"}, "l": {"data_type": "json"}},
    ),
    rows={"x": 1},
    types={"x.o": "JSON", "x.l": "JSON"},
)
CASES.same(
    "S78-hinted-types",
    "columns hinted as text, double, timestamp, date, time, decimal, bool, bigint",
    *loaded(
        {
            "text": 5,
            "double": 1,
            "timestamp": "2024-01-02",
            "date": "2024-01-02",
            "time": "03:04:05",
            "decimal": "1.25",
            "bool": 1,
            "bigint": "7",
        },
        columns={
            kind: {"data_type": kind}
            for kind in ("text", "double", "timestamp", "date", "time", "decimal", "bool", "bigint")
        },
    ),
    types={
        "x.text": "VARCHAR",
        "x.double": "DOUBLE",
        "x.timestamp": TIMESTAMP,
        "x.date": "DATE",
        "x.time": "TIME",
        "x.decimal": "DECIMAL(38,9)",
        "x.bool": "BOOLEAN",
        "x.bigint": "BIGINT",
    },
)
CASES.same(
    "S78-precision",
    "hints with precision, scale and timezone",
    *loaded(
        {"d": "1.25", "t": "2024-01-02T03:04:05Z", "i": 5, "s": "abc"},
        columns={
            "d": {"data_type": "decimal", "precision": 10, "scale": 2},
            "t": {"data_type": "timestamp", "timezone": False},
            "i": {"data_type": "bigint", "precision": 16},
            "s": {"data_type": "text", "precision": 20},
        },
    ),
    rows={"x": 1},
)
CASES.same(
    "S78-nested-hints",
    "hints for a child table",
    source(
        {
            "name": "x",
            "nested_hints": {"kids": {"columns": {"v": {"name": "v", "data_type": "text"}}}},
        }
    ),
    {"/x": [{"id": 1, "kids": [{"v": 5}]}]},
    types={"x__kids.v": "VARCHAR"},
    rows={"x": 1, "x__kids": 1},
)
CASES.same(
    "S78-nested-key",
    "a primary key of a child table makes it a table of its own",
    source(
        {
            "name": "x",
            "nested_hints": {"kids": {"primary_key": "v", "write_disposition": "merge"}},
        }
    ),
    {"/x": Runs([{"id": 1, "kids": [{"v": 5, "t": "a"}]}], [{"id": 2, "kids": [{"v": 5, "t": "b"}]}])},
    runs=2,
    rows={"x": 2, "x__kids": 1},
    values={"x.id": [1, 2], "x__kids.t": ["b"]},
    types={"x__kids.v": "BIGINT"},
    # Here the child keeps the link to its parent.
    compare=("requests",),
)


def table_of(row: dict[str, Any]) -> str:
    """The table is in the row."""
    return f"events_{row['kind']}"


CASES.same(
    "S78-table-name",
    "table_name as text",
    source({"name": "x", "table_name": "Other Things"}),
    {"/x": [{"id": 1, "l": [1]}]},
    rows={"other_things": 1, "other_things__l": 1},
)
CASES.same(
    "S78-table-name-callable",
    "table_name as a function of the row",
    source({"name": "x", "table_name": table_of}),
    {"/x": [{"kind": "a", "v": 1}, {"kind": "b", "w": [1]}, {"kind": "a", "v": 2}]},
    rows={"events_a": 2, "events_b": 1, "events_b__w": 1},
)
CASES.differs(
    "S78-two-into-one",
    "two resources into one table",
    source({"name": "x", "table_name": "t"}, {"name": "y", "table_name": "t"}),
    {"/x": [{"id": 1, "a": 1}], "/y": [{"id": 2, "b": "b"}]},
    row="two resources with one table (S78)",
    dlt=Expect(rows={"t": 2}),
    ours=Expect(error="table_name"),
)

# Nulls ----------------------------------------------------------------------------------------------------------

CASES.same(
    "S79-null-only",
    "a column that is null in every row is not there",
    *loaded({"id": 1, "n": None}, {"id": 2, "n": None}),
    rows={"x": 2},
    types={"x.id": "BIGINT"},
)
CASES.same(
    "S79-null-first",
    "null on the first run, a value on the second",
    source("x"),
    {"/x": Runs([{"id": 1, "n": None}], [{"id": 2, "n": 5}])},
    runs=2,
    values={"x.n": [5, None]},
)
CASES.same(
    "S79-null-page",
    "null on the first page, a value on the second",
    source(
        {
            "name": "x",
            "endpoint": {"paginator": {"type": "page_number", "total_path": None, "maximum_page": 2}},
        }
    ),
    {"/x": lambda call: [{"id": 1, "n": None if call.number("page", 0) == 0 else "v", "l": None}]},
    unordered=True,
    values={"x.n": ["v", None]},
)
CASES.same(
    "S79-hinted-never-seen",
    "a hinted column without values exists",
    *loaded({"id": 1}, columns={"later": {"data_type": "double"}}),
    types={"x.later": "DOUBLE"},
    values={"x.later": [None]},
)
CASES.same(
    "S79-not-null",
    "an error: null in a column that must not be",
    *loaded({"id": 1, "v": None}, columns={"v": {"data_type": "text", "nullable": False}}),
    error="v",
    rows={},
)
CASES.same(
    "S79-key-never-seen",
    "an error: a primary key that no row has",
    *loaded({"id": 1}, primary_key="key", write_disposition="merge"),
    error="key",
    rows={},
)
CASES.same(
    "S79-key-null",
    "an error: a primary key that is null",
    *loaded({"id": 1, "key": 1}, {"id": 2, "key": None}, primary_key="key", write_disposition="merge"),
    error="key",
    rows={},
)


def both_hints(setup: Setup) -> dict[str, Any]:
    """A description and a custom key are accepted in hints."""
    return source(
        {
            "name": "x",
            "columns": {"id": {"description": "The id", "x-mine": 1, "sort": True}},
            "references": [],
        }
    )(setup)


CASES.same(
    "S79-formats",
    "file and table formats",
    *loaded({"id": 1, "l": [1]}, file_format="parquet", table_format="native"),
    rows={"x": 1, "x__l": 1},
)
CASES.same("S79-metadata-hints", "hints that are metadata only", both_hints, {"/x": items(1)}, rows={"x": 1})


def echo_page(call: Call) -> Any:
    """A page of 40 rows of which the last 10 have one more column."""
    start = call.number("page", 0) * 40
    return (
        [
            {"id": n, "name": f"n{n}", **({"late": n} if n % 40 >= 30 else {}), "tags": [n] * (n % 3)}
            for n in range(start, start + 40)
        ]
        if start < 200
        else []
    )


CASES.same(
    "S79-many-pages",
    "five pages with late columns and ragged lists",
    source({"name": "x", "endpoint": {"paginator": {"type": "page_number", "total_path": None}}}),
    {"/x": echo_page},
    request_count=6,
    rows={"x": 200, "x__tags": sum(n % 3 for n in range(200))},
)
